"""Motion while it happens: poses go in one by one, refined poses come out a stated number of frames later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body_bones import fit_measures
from anchorpose.poses.errors import InputError
from anchorpose.poses.resampling import resample, rotations_at, values_at
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.values import Motion, Pose
from anchorpose.sense.motion import Refiner, as_motion

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
                at = self.window - 1 - (newest - k)
                self._done.append((self._grid(k), said.rotations[0, at], said.centre[0, at]))
        elif not self._done:
            return None
        out = self._give(np.inf)
        self._raw, self._done, self._known, self._sizes = None, [], [], None
        return out

    def _add(self, pose: Pose | None, time: float) -> None:
        one = PoseSequence.from_poses([pose], [time])
        if self._raw is None:
            if not one.seen.any():
                return  # nothing was seen yet
            self._raw, self._start, self._next, self._fitted = one, time, 0, 0
        else:
            old = self._raw
            keep = old.times > time - (self.window + 3) / self.refiner.rate
            names = PoseSequence.__dataclass_fields__
            self._raw = PoseSequence(*(np.concatenate([getattr(old, n)[keep], getattr(one, n)]) for n in names))
        self._pending.append((time, bool(one.seen[0])))
        if one.seen[0]:
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

    def _due(self) -> list[PoseSequence]:
        if self._raw is None:
            return []
        first = max(self._next, self._newest() - self.delay - self.window)  # after a long silence, not all of it
        return [self._cut(k + self.delay) for k in range(first, self._newest() - self.delay + 1)]

    def _take(self, windows: Sequence[PoseSequence], rotations: Array, centre: Array, measures: Array) -> Motion | None:
        """What the network said of the due windows, (N, W, ...)."""
        at = self.window - 1 - self.delay
        for k, window in enumerate(windows):
            frame = self._newest() - self.delay - len(windows) + 1 + k
            if window.seen.any():
                self._done.append((self._grid(frame), rotations[k, at], centre[k, at]))
                seen = measures[k]
                # The network's view of the lengths, averaged so that bones do not grow and shrink.
                self._sizes = seen if self._sizes is None else self._sizes + 0.1 * (seen - self._sizes)
            elif self._done:
                self._done.append((self._grid(frame), *self._done[-1][1:]))
        if windows:
            self._next = self._newest() - self.delay + 1
        return self._give(self._done[-1][0] + 1e-3) if self._done else None

    def _give(self, until: float) -> Motion | None:
        ready = [(time, seen) for time, seen in self._pending if time <= until]
        if not ready or not self._done:
            return None
        self._pending = [(time, seen) for time, seen in self._pending if time > until]
        own = np.array([time for time, _, _ in self._done])
        times = np.array([time for time, _ in ready])
        world = rotations_at(np.stack([r for _, r, _ in self._done]), own, times)
        centre = values_at(np.stack([c for _, _, c in self._done]), own, times)
        self._done = self._done[-2:]
        sizes = self._measures if self._sizes is None else self._sizes
        return as_motion(world, centre, sizes, times, np.array([seen for _, seen in ready]))


def push_many(people: Sequence[OnlineRefiner], poses: Sequence[Pose | None], time: float) -> list[Motion | None]:
    """`push` for several people of one picture, in one run of the network; all with the same refiner and window."""
    if any(p.refiner is not people[0].refiner or p.window != people[0].window for p in people):
        raise InputError("people that are refined together share their refiner and their window")
    for person, pose in zip(people, poses, strict=True):
        person._add(pose, time)
    due = [person._due() for person in people]
    windows = [w for own in due for w in own]
    if not windows:
        return [None] * len(people)
    measures = np.repeat([p._measures for p in people], [len(own) for own in due], axis=0)
    said = people[0].refiner.run(windows, measures)
    out: list[Motion | None] = []
    start = 0
    for person, own in zip(people, due, strict=True):
        rows = slice(start, start + len(own))
        out.append(person._take(own, said.rotations[rows], said.centre[rows], said.measures[rows]) if own else None)
        start += len(own)
    return out
