"""Motion while it happens: poses go in one by one, refined poses come out a stated number of frames later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body_bones import fit_measures
from anchorpose.poses.errors import InputError
from anchorpose.poses.motion_view import counted, view_of
from anchorpose.poses.rotations import slerp
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Motion, Pose
from anchorpose.sense.motion import Refiner, as_motions
from anchorpose.sense.motion_settle import settle_weights
from anchorpose.sense.motion_window import LiveWindow, joints_of, sighting, window_rows

Array = NDArray[np.float64]
Features = NDArray[np.float32]

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
        self.live: LiveWindow | None = None  # from the first sighting on
        self._known = np.empty((_REMEMBERED, len(BODY13), 3))  # the newest sightings, in any order
        self._fitted = 0
        self._measures = np.zeros(9)
        self._sizes: Array | None = None
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
        live = self.live
        if live is None or not self._pending:
            self.live = None
            return None
        left = range(max(self._next, live.newest - self.window + 1), live.newest + 1)
        sizes = self._sizes
        if left:
            _refine([self], [left])
        self._sizes = sizes
        out = _give([self._ready(np.inf)])[0]
        self.live, self._done, self._pending, self._sizes = None, [], [], None
        return out

    def add(self, pose: Pose | None, time: float) -> None:
        """One more moment [s], as `push` takes it, of which nothing is asked yet; the next `push` gives it too."""
        seen = sighting(pose, time)
        if self.live is None:
            if seen is None:
                return  # nothing was seen yet
            self.live = LiveWindow(self.window, self.refiner.rate, time, modes=self.refiner.modes)
            self._next = self._fitted = 0
        self.live.add(seen, time)
        self._pending.append((time, seen is not None))
        if seen is not None:
            self._known[self._fitted % _REMEMBERED] = joints_of(seen)
            self._fitted += 1
            if self._fitted <= _REFIT or self._fitted % _REFIT == 0:
                self._measures = fit_measures(self._known[: self._fitted])

    def _due(self) -> range:
        """Numbers of the grid's frames that are due; after a long silence, those that the window still has."""
        if self.live is None:
            return range(0)
        newest = self.live.newest
        return range(max(self._next, newest - self.window + 1), newest - self.delay + 1)

    def _take(self, due: range, said: tuple[Array, Array, Array] | None) -> None:
        """Keep frames of the grid: rotations (n, 38, 3, 3), places (n, 3) and measures (9,) that the network says, or
        None where nothing was seen in the whole window."""
        assert self.live is not None
        times = [self.live.grid(k) for k in due]
        if said is not None:
            turned, places, measures = said
            self._done += zip(times, turned, places, strict=True)
            # The network's view of the lengths, averaged so that bones do not grow and shrink.
            self._sizes = measures if self._sizes is None else self._sizes + 0.1 * (measures - self._sizes)
        elif self._done:
            self._done += [(time, *self._done[-1][1:]) for time in times]
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
        times, own = [time for time, _ in ready], [time for time, _, _ in self._done]
        before, after, share = [], [], []
        for time in times:
            low = min(max(bisect_right(own, time) - 1, 0), max(len(own) - 2, 0))
            high = min(low + 1, len(own) - 1)
            way = (time - own[low]) / (own[high] - own[low]) if high > low else 0.0
            before.append(self._done[low])
            after.append(self._done[high])
            share.append(min(max(way, 0.0), 1.0))
        part = np.array(share)
        places, next_places = (np.array([place for _, _, place in each]) for each in (before, after))
        self._done = self._done[-2:]
        return _Ready(
            np.array(times), np.array([seen for _, seen in ready]), np.array([turned for _, turned, _ in before]),
            np.array([turned for _, turned, _ in after]), part, places + part[:, None] * (next_places - places),
            self._measures if self._sizes is None else self._sizes,
        )  # fmt: skip


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
    motions = iter(as_motions(world, [(p.centre, p.measures, p.times, p.observed) for p in some]))
    return [None if person is None else next(motions) for person in people]


def push_many(people: Sequence[OnlineRefiner], poses: Sequence[Pose | None], time: float) -> list[Motion | None]:
    """`push` for several people of one picture, in one run of the network; all with the same refiner and window."""
    if any(p.refiner is not people[0].refiner or p.window != people[0].window for p in people):
        raise InputError("people that are refined together share their refiner and their window")
    for person, pose in zip(people, poses, strict=True):
        person.add(pose, time)
    plans = [person._due() for person in people]
    asked = [(person, due) for person, due in zip(people, plans, strict=True) if due]
    if not asked:
        return [None] * len(people)
    _refine(*zip(*asked, strict=True))
    return _give([person._ready() if due else None for person, due in zip(people, plans, strict=True)])


def _refine(people: Sequence[OnlineRefiner], plans: Sequence[range]) -> None:
    """Let people take frames of the grid, from one run of the network on the windows that end with their newest."""
    windows = [person.live for person in people if person.live is not None]
    rows = window_rows(windows)
    view = view_of(rows, np.stack([person._measures for person in people]))
    told = np.flatnonzero(view.present.any(1)).tolist()
    said: dict[int, tuple[Array, Array, Array]] = {}
    if told:
        found = people[0].refiner.look_at(view, counted(rows), *_asked(people, windows, plans))
        turned = np.swapaxes(view.turn, 1, 2)[:, None, None] @ found.rotations
        for i in told:
            count = len(plans[i])
            said[i] = turned[i, :count], found.centre[i, :count], found.measures[i]
    for i, (person, due) in enumerate(zip(people, plans, strict=True)):
        person._take(due, said.get(i))


def _asked(
    people: Sequence[OnlineRefiner], windows: Sequence[LiveWindow], plans: Sequence[range]
) -> tuple[Features, Features]:
    """(N, F, W) weights with which the planned frames settle; where a person has fewer than others, of its newest."""
    length, settings = people[0].window, people[0].refiner.settled
    out = np.zeros((2, len(people), max(map(len, plans)), length), np.float32)
    out[0, :, :, -1] = 1.0
    for i, (window, plan) in enumerate(zip(windows, plans, strict=True)):
        for k, frame in enumerate(plan):
            out[:, i, k] = settle_weights(length, length - 1 - (window.newest - frame), settings)
    return out[0], out[1]
