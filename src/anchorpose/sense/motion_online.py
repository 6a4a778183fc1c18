"""Motion while it happens: poses go in one by one, refined poses come out a stated number of frames later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body_bones import fit_measures
from anchorpose.poses.errors import InputError
from anchorpose.poses.resampling import resample
from anchorpose.poses.rotations import slerp
from anchorpose.poses.sequences import MODES, PoseSequence
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Motion, Pose
from anchorpose.sense.motion import Refiner, as_motion
from anchorpose.sense.motion_settle import settle_at

Array = NDArray[np.float64]

DELAYS = (0, 4, 8)
"""Delays, in frames at the network's rate, for which figures are given; any below the window will do."""

_REMEMBERED = 300  # sightings from which the bone lengths are taken
_REFIT = 15  # sightings from one fit of the lengths to the next, once there are as many


class OnlineRefiner:
    """One person, live.

    A pose comes out as soon as `delay` frames (at the network's rate, 30 per second) after it are known. Bone lengths
    are those of what was seen so far. Poses before the first sighting are not given; while the person is away for
    longer than a window the last pose stands still.

    Args:
        refiner: gives the network, and its window unless `window` says another.
        delay: frames to wait for. window: frames to look at, those of the delay among them.
    """

    def __init__(self, refiner: Refiner, *, delay: int = 4, window: int | None = None) -> None:
        self.refiner, self.delay = refiner, delay
        self.window = refiner.window if window is None else window
        if not 2 <= self.window <= refiner.window:
            raise InputError(f"this refiner looks at 2 to {refiner.window} frames, not {self.window}")
        if not 0 <= delay < self.window:
            raise InputError(f"with a window of {self.window} frames the delay is 0 to {self.window - 1}, not {delay}")
        self._raw: PoseSequence | None = None
        self._known: list[Array] = []
        self._fitted = 0
        self._measures = np.zeros(9)
        self._sizes: Array | None = None
        self._start = 0.0
        self._next = 0  # number of the grid's next frame to come out
        self._done: list[tuple[float, Array, Array]] = []  # the last frames of the grid that came out
        self._pending: list[tuple[float, bool]] = []

    def push(self, pose: Pose | None, time: float) -> Motion | None:
        """One more moment [s]; None where the person was not seen. Returns the moments that are due, if any.

        Raises:
            InputError: the time does not rise, or the pose's skeleton lacks joints.
        """
        return push_many([self], [pose], time)[0]

    def flush(self) -> Motion | None:
        """The moments that are still waiting, with what is known; the refiner may then start anew."""
        if self._raw is None or not self._pending:
            self._raw = None
            return None
        newest = self._newest()
        due = self._cut(newest)
        if self._next <= newest and due.seen.any():
            said = self.refiner.run([due], self._measures[None])
            first = max(self._next, newest - self.window + 1)
            for k in range(first, newest + 1):
                at, settled = self.window - 1 - (newest - k), self.refiner.settled
                said_now = said.rotations[0], said.centre[0], said.measures[0]
                self._done.append((self._grid(k), *settle_at(*said_now, due.joints3d, at, settled)))
        elif not self._done:
            return None
        out = _give([self._ready(np.inf)])[0]
        self._raw, self._done, self._known, self._sizes = None, [], [], None
        return out

    def add(self, pose: Pose | None, time: float) -> None:
        """One more moment [s], as `push` takes it, of which nothing is asked yet; the next `push` gives it too."""
        one = _sighting(pose, time)
        seen = bool(one.seen[0])
        if self._raw is None:
            if not seen:
                return  # nothing was seen yet
            self._raw, self._start, self._next, self._fitted = one, time, 0, 0
        else:
            old = self._raw
            keep = int(np.searchsorted(old.times, time - (self.window + 3) / self.refiner.rate, side="right"))
            names = PoseSequence.__dataclass_fields__
            self._raw = PoseSequence(*(np.concatenate([getattr(old, n)[keep:], getattr(one, n)]) for n in names))
        self._pending.append((time, seen))
        if seen:
            self._known = [*self._known[1 - _REMEMBERED :], one.joints3d[0]]
            self._fitted += 1
            if self._fitted <= _REFIT or self._fitted % _REFIT == 0:
                self._measures = fit_measures(np.stack(self._known))

    def _grid(self, frame: int) -> float:
        return self._start + frame / self.refiner.rate

    def _newest(self) -> int:
        """Number of the last frame of the grid that is not in the future (a thousandth of a second does not count)."""
        assert self._raw is not None
        return int(np.floor((self._raw.times[-1] - self._start + 1e-3) * self.refiner.rate))

    def _cut(self, last: int) -> PoseSequence:
        """The window that ends at frame `last` of the grid, from all that is known now."""
        assert self._raw is not None
        times = np.array([self._grid(k) for k in range(last - self.window + 1, last + 1)])
        track = resample(self._raw, times, self.refiner.rate)
        return track if self.refiner.modes else track.without_modes()

    def _due(self) -> range:
        """Numbers of the grid's frames that are due; after a long silence, those that the window still has."""
        if self._raw is None:
            return range(0)
        newest = self._newest()
        return range(max(self._next, newest - self.window + 1), newest - self.delay + 1)

    def _take(self, due: range, window: PoseSequence, rotations: Array, centre: Array, measures: Array) -> None:
        """Keep what the network said of the window (W, ...) that ends at the newest frame."""
        if window.seen.any():
            first = self.window - 1 - (due[-1] + self.delay)  # where frame 0 lies in the window
            settled = self.refiner.settled
            self._done += [
                (self._grid(k), *settle_at(rotations, centre, measures, window.joints3d, first + k, settled))
                for k in due
            ]
            # The network's view of the lengths, averaged so that bones do not grow and shrink.
            self._sizes = measures if self._sizes is None else self._sizes + 0.1 * (measures - self._sizes)
        elif self._done:
            self._done += [(self._grid(k), *self._done[-1][1:]) for k in due]
        self._next = due.stop

    def _ready(self, until: float | None = None) -> _Ready | None:
        """The moments that can be given, up to a time or to the last frame that came out."""
        if not self._done:
            return None
        end = self._done[-1][0] + 1e-3 if until is None else until
        ready = [(time, seen) for time, seen in self._pending if time <= end]
        if not ready:
            return None
        self._pending = self._pending[len(ready) :]
        own = np.array([time for time, _, _ in self._done])
        times = np.clip(np.array([time for time, _ in ready]), own[0], own[-1])
        before = np.clip(np.searchsorted(own, times, side="right") - 1, 0, max(len(own) - 2, 0))
        after = np.minimum(before + 1, len(own) - 1)
        share = (times - own[before]) / np.where(after > before, own[after] - own[before], 1.0)
        turns, places = np.stack([r for _, r, _ in self._done]), np.stack([c for _, _, c in self._done])
        centre = places[before] + share[:, None] * (places[after] - places[before])
        self._done = self._done[-2:]
        sizes = self._measures if self._sizes is None else self._sizes
        observed = np.array([seen for _, seen in ready])
        return _Ready(np.array([t for t, _ in ready]), observed, turns[before], turns[after], share, centre, sizes)


@dataclass(frozen=True, eq=False)
class _Ready:
    """S moments [s] of a person between two frames of the grid each: bones' rotations (S, 38, 3, 3), `share` of the
    way from the one to the other, the torso's centre, and the person's measures."""

    times: Array
    observed: NDArray[np.bool_]
    before: Array
    after: Array
    share: Array
    centre: Array
    measures: Array


def _give(people: Sequence[_Ready | None]) -> list[Motion | None]:
    """The motions of several people."""
    some = [person for person in people if person is not None]
    if not some:
        return [None] * len(people)
    before, after = (np.concatenate([getattr(p, name) for p in some]) for name in ("before", "after"))
    share = np.concatenate([p.share for p in some])
    world = slerp(before, after, np.broadcast_to(share[:, None], before.shape[:2]))
    ends = np.cumsum([len(p.times) for p in some])
    parts = iter(np.split(world, ends[:-1]))
    return [None if p is None else as_motion(next(parts), p.centre, p.measures, p.times, p.observed) for p in people]


def push_many(people: Sequence[OnlineRefiner], poses: Sequence[Pose | None], time: float) -> list[Motion | None]:
    """`push` for several people of one picture, in one run of the network; all with the same refiner and window."""
    if any(p.refiner is not people[0].refiner or p.window != people[0].window for p in people):
        raise InputError("people that are refined together share their refiner and their window")
    for person, pose in zip(people, poses, strict=True):
        person.add(pose, time)
    plans = [person._due() for person in people]
    rows = [i for i, due in enumerate(plans) if due]
    if not rows:
        return [None] * len(people)
    windows = [people[i]._cut(people[i]._newest()) for i in rows]
    said = people[0].refiner.run(windows, np.stack([people[i]._measures for i in rows]))
    for row, (i, due) in enumerate((i, plans[i]) for i in rows):
        people[i]._take(due, windows[row], said.rotations[row], said.centre[row], said.measures[row])
    return _give([person._ready() if due else None for person, due in zip(people, plans, strict=True)])


def _sighting(pose: Pose | None, time: float) -> PoseSequence:
    """One moment as a sequence; quicker than `PoseSequence.from_poses` for poses that need no conversion."""
    if pose is None or pose.joints3d is None or pose.skeleton != BODY13.name:
        return PoseSequence.from_poses([pose], [time])
    out = PoseSequence.empty([time])
    there = np.isfinite(pose.joints3d).all(-1)
    out.joints3d[0] = np.where(there[:, None], pose.joints3d, np.nan)
    out.scores[0] = np.where(there, pose.scores, 0.0)
    if pose.translation is not None:
        out.translation[0] = pose.translation
    modes = [(mode.weight, mode.joints3d) for mode in pose.modes[:MODES]] or [(1.0, out.joints3d[0])]
    for m, (weight, joints) in enumerate(modes):
        out.modes[0, m], out.weights[0, m] = joints, weight
    return out
