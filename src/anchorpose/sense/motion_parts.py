"""Long tracks refined in parts: the motion that `Refiner.refine_many` gives, in memory that does not grow.

The network looks at windows of a grid of even times that runs over the whole track. A part of the grid needs only the
windows that reach into it and the poses that these see, so parts are worked on one by one (and those of several people
together, to fill the network's batches), and fit without a seam.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body_bones import fit_measures
from anchorpose.poses.resampling import even_times, resample, rotations_at, values_at
from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.sixd import nearest_rotation
from anchorpose.poses.values import Motion
from anchorpose.sense.motion import (
    Refiner,
    Windowed,
    all_starts,
    as_motion,
    blend,
    blend_weights,
    cut_window,
    near_seen,
)
from anchorpose.sense.motion_settle import settle
from anchorpose.sense.track_rows import RowFile, TrackRows

Array = NDArray[np.float64]

PART_SECONDS = 20.0
"""Length of a part."""
_SETTLING = 32  # frames of the grid: what lies further away settling does not look at (4 deviations of 5 and of 2)
_MARGIN_SECONDS = 2.5  # beyond the longest time a track waits for its person: what lies there cannot change the part
_WINDOWS_AT_ONCE = 64
_MOST_POSES = 4000  # from which bone lengths are taken, evenly spread over the track


@dataclass
class RefinedTrack:
    """The motion of one track on disk: rotations of the network's bones and the torso's centre, a row for each frame.

    Attributes:
        track: what was seen. times: (T,) [s] of its frames.
        measures: (9,) of the person, over the whole track; weight: of the poses they are the mean of.
        bones: how many the network turns.
    """

    track: TrackRows
    times: Array
    rows: RowFile
    measures: Array
    bones: int = 0
    weight: float = 0.0

    def __len__(self) -> int:
        return len(self.track)

    def motion(self, start: int = 0, stop: int | None = None) -> Motion:
        """Frames `start` to `stop` of the track, in the camera frame."""
        stop = len(self) if stop is None else min(stop, len(self))
        rows = self.rows.read(start, stop).astype(np.float64)
        world = rotvec_to_matrix(rows[:, :-4].reshape(len(rows), self.bones, 3))
        return as_motion(world, rows[:, -4:-1], self.measures, self.times[start:stop], rows[:, -1] > 0)


def refine_tracks(
    refiner: Refiner, tracks: Sequence[TrackRows], times: Array, seconds: float = PART_SECONDS
) -> Iterator[tuple[RefinedTrack, int]]:
    """Refine tracks part by part.

    Args:
        tracks: with at least one pose in 3D each.
        times: (N,) [s] of all frames of the run, rising.
        seconds: length of a part.

    Yields:
        The track that was worked on and how many of its frames were finished; a track is complete when all parts that
        belong to it were given, and all are when this ends.
    """
    waiting: list[_Part] = []
    count = 0
    for track in tracks:
        for part in _parts(refiner, track, times, seconds):
            waiting.append(part)
            count += len(part.windows)
            if count >= _WINDOWS_AT_ONCE:
                yield from _work(refiner, waiting)
                waiting, count = [], 0
    yield from _work(refiner, waiting)


@dataclass
class _Part:
    """Some frames of a track, and what is needed to refine them."""

    out: RefinedTrack
    guess: Array  # measures of what was seen
    starts: NDArray[np.int64]  # of windows, counted from the first frame of `grid`
    windows: list[PoseSequence]
    fresh: NDArray[np.bool_]  # windows that no earlier part has
    grid: Array  # [s] the grid's times about the part
    known: NDArray[np.bool_]  # frames of `grid` between which the part's frames are interpolated
    seen: Array  # joints on `grid`
    frames: slice  # of the track, to be written
    observed: NDArray[np.bool_]


def _parts(refiner: Refiner, track: TrackRows, times: Array, seconds: float) -> Iterator[_Part]:
    own = times[track.first : track.last + 1]
    guess = fit_measures(track.joints(_MOST_POSES))
    out = RefinedTrack(track, own, RowFile(track.rows.path.with_suffix(".refined"), 0), np.zeros(len(guess)))
    rate, window = refiner.rate, refiner.window
    grid = even_times(*_seen_ends(track, own), rate)
    length, size = len(grid), max(window, round(seconds * rate))
    margin = 2 * window + int(np.ceil(_MARGIN_SECONDS * rate))
    every = all_starts(length, window, refiner.stride)
    for begin in range(0, length, size):
        end = min(begin + size, length)
        low, high = max(begin - margin, 0), min(end + margin, length)
        rows = _frames_about(own, grid, low, high, 2 / rate)
        seen = track.sequence(rows.start, rows.stop, own[rows])
        even = resample(seen, grid[low:high], rate)
        even = even if refiner.modes else even.without_modes()
        near = near_seen(even.seen, window // 2)
        left, right = _known_ends(near, max(begin - low - _SETTLING, 0), min(end - low + _SETTLING, high - low))
        starts = every[(every >= low) & (every <= low + right) & (every + window > low + left)] - low
        starts = starts[(starts + window <= high - low) | (length <= window)]
        windows = [cut_window(even, int(start), window) for start in starts]
        told = np.array([w.seen.any() for w in windows], bool)
        starts, windows = starts[told], [w for w, says in zip(windows, told, strict=True) if says]
        index = np.arange(high - low)
        frames = _frames_of(own, grid, begin, end)
        yield _Part(
            out, guess, starts, windows, (starts >= begin - low) & (starts < end - low), grid[low:high],
            near & (index >= left) & (index <= right), even.joints3d, frames,
            seen.seen[frames.start - rows.start : frames.stop - rows.start],
        )  # fmt: skip


def _known_ends(near: NDArray[np.bool_], begin: int, end: int) -> tuple[int, int]:
    """The frames about which the network can be asked that are nearest to a part, before and after it."""
    before, after = np.flatnonzero(near[:begin]), np.flatnonzero(near[end:])
    return int(before[-1]) if before.size else begin, int(after[0]) + end if after.size else end - 1


def _seen_ends(track: TrackRows, own: Array) -> tuple[float, float]:
    """Times of the first and the last frame with a pose in 3D."""
    seen: list[int] = []
    at = 0
    for start in range(0, len(track), 2048):
        part = track.sequence(start, min(start + 2048, len(track)), own[start : start + 2048])
        found = np.flatnonzero(part.seen)
        seen += [int(found[0]) + at, int(found[-1]) + at] if found.size else []
        at += len(part)
    return float(own[seen[0]]), float(own[seen[-1]])


def _frames_about(own: Array, grid: Array, low: int, high: int, beyond: float) -> slice:
    """Frames of the track from grid frame `low` to `high`, and `beyond` [s] on either side."""
    start = 0 if low == 0 else int(np.searchsorted(own, grid[low] - beyond))
    stop = len(own) if high == len(grid) else int(np.searchsorted(own, grid[high - 1] + beyond, side="right"))
    return slice(start, stop)


def _frames_of(own: Array, grid: Array, begin: int, end: int) -> slice:
    """Frames of the track whose times belong to a part of the grid; the ends take what lies beyond them."""
    start = 0 if begin == 0 else int(np.searchsorted(own, grid[begin] - 1e-9))
    return slice(start, len(own) if end == len(grid) else int(np.searchsorted(own, grid[end] - 1e-9)))


def _work(refiner: Refiner, parts: Sequence[_Part]) -> Iterator[tuple[RefinedTrack, int]]:
    """The network on all windows of the parts, then each part on its own."""
    windows = [w for part in parts for w in part.windows]
    if windows:
        guesses = np.concatenate([np.repeat(part.guess[None], len(part.windows), 0) for part in parts])
        said = refiner.run(windows, guesses)
    at = 0
    for part in parts:
        own = slice(at, at + len(part.windows))
        at = own.stop
        if part.windows:
            _finish(refiner, part, Windowed(said.rotations[own], said.centre[own], said.measures[own]))
        else:  # a gap longer than tracks wait: the last pose stands still
            last = part.out.rows.read(part.frames.start - 1, part.frames.start)
            part.out.rows.append(np.repeat(last * ([1.0] * (last.shape[1] - 1) + [0.0]), len(part.observed), 0))
        yield part.out, part.frames.stop - part.frames.start


def _finish(refiner: Refiner, part: _Part, said: Windowed) -> None:
    """Blend the windows of a part and write its frames."""
    out, length = part.out, len(part.grid)
    weight = blend_weights(length, part.starts, refiner.window, refiner.stride)
    known = np.flatnonzero(part.known & (weight.sum(0) > 0))
    _learn_measures(part, said)
    about = slice(known[0], known[-1] + 1)  # settled as in `Refiner`, with what lies between filled
    grid, times = part.grid[known], out.times[part.frames]
    world = nearest_rotation(blend(said.rotations, weight, part.starts, length)[known])
    centre = blend(said.centre, weight, part.starts, length)[known]
    even = part.grid[about]
    world, centre = settle(
        rotations_at(world, grid, even), values_at(centre, grid, even), out.measures, part.seen[about], refiner.settled
    )
    turned = rotations_at(world[known - about.start], grid, times)
    places = values_at(centre[known - about.start], grid, times)
    vectors = matrix_to_rotvec(turned).reshape(len(times), -1)
    rows = np.concatenate([vectors, places, part.observed[:, None]], 1)
    out.bones, out.rows.width = turned.shape[1], rows.shape[1]
    out.rows.append(rows.astype(np.float32))


def _learn_measures(part: _Part, said: Windowed) -> None:
    """The mean over the windows of a track so far, by how much each has seen."""
    out = part.out
    share = np.array([w.seen.sum() for w in part.windows], float) * part.fresh
    if share.sum() > 0:
        mean = (share[:, None] * said.measures).sum(0) / share.sum()
        out.weight += float(share.sum())
        out.measures = out.measures + (mean - out.measures) * float(share.sum()) / out.weight
