"""Frames in, people out while it happens: ids, and refined poses a stated delay later.

    online = Online(model, Refiner(load_session(LIVE_MODEL), window=16), delay=4)
    for frame in frames:
        for people in online.push(frame):       # those that are due: in order, each once
            ...
    online.flush()                              # those that are still held back

Each track has one `OnlineRefiner` from the moment it has an id until it is over; all of them share one run of the
network for each frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.values import Frame, Motion, People, Person, Pose
from anchorpose.sense.motion import Refiner
from anchorpose.sense.motion_online import OnlineRefiner, push_many
from anchorpose.sense.pipeline import Model
from anchorpose.sense.refined import refined_persons
from anchorpose.sense.track import Tracker, TrackSettings

DELAY = 4
"""Frames, at the network's 30 per second, that a refined pose is waited for unless said otherwise."""

_FILLED = 0.5  # [s] for which somebody who is not seen any more is shown where the motion goes on
_SHORTEST = 1e-3  # [s] between two frames, if their times say less
_PATIENCE = 1.0  # [s] beyond the delay after which a frame comes out, whatever is missing


@dataclass(frozen=True, eq=False)
class Moment:
    """A frame and its people; `motions`: of those who are refined, by id, one moment each."""

    frame: Frame
    people: People
    motions: dict[int, Motion] = field(default_factory=dict)


@dataclass(eq=False)
class _Held:
    """A frame that waits, with the keys of its people's tracks and the ids whose motions are to come."""

    frame: Frame
    people: People
    keys: np.ndarray
    time: float
    waiting: set[int] = field(default_factory=set)
    motions: dict[int, Motion] = field(default_factory=dict)


class Online:
    """Detector, lift, tracks and motions of one source, frame by frame.

    Args:
        model: detector and lift.
        refiner: gives the network, and the window unless `window` says less; None: poses stay those of single frames
            and come out at once.
        delay: frames, at the network's rate, to wait for. window: frames to look at, those of the delay among them.
    """

    def __init__(
        self,
        model: Model,
        refiner: Refiner | None = None,
        *,
        delay: int = DELAY,
        window: int | None = None,
        settings: TrackSettings | None = None,
    ) -> None:
        self.model, self.refiner, self.window = model, refiner, window
        self.delay = delay if refiner is not None else 0
        self.seconds = 0.0 if refiner is None else delay / refiner.rate
        if refiner is not None:
            OnlineRefiner(refiner, delay=delay, window=window)  # says now what does not fit
        elif delay < 0:
            raise InputError(f"a delay is 0 frames or more, not {delay}")
        self._tracker = Tracker(settings)
        self._refiners: dict[int, OnlineRefiner] = {}
        self._last_seen: dict[int, float] = {}
        self._held: deque[_Held] = deque()

    @property
    def refined(self) -> frozenset[int]:
        """Ids of the people whose motion is followed now."""
        return frozenset(self._refiners)

    def push(self, frame: Frame) -> list[Moment]:
        """One more frame. Returns the frames that are due, oldest first."""
        people = self._tracker.update(self.model.sense(frame), frame.image)
        now = frame.time
        if self._held:
            now = max(now, self._held[-1].time + _SHORTEST)
        held = _Held(frame, people, self._tracker.keys, now)
        if self.refiner is None:
            return [Moment(frame, people)]
        self._held.append(held)
        for earlier in self._held:
            earlier.people = self._tracker.name_late(earlier.people, earlier.keys)
        self._end(set(self._refiners) - self._tracker.ids)
        self._begin(self.refiner)
        self._refine(held)
        return self._release(now)

    def flush(self) -> list[Moment]:
        """The frames that are still held back, with what is known; further ones are as those of a new source."""
        self._end(set(self._refiners))
        out = [self._moment(held) for held in self._held]
        self._held.clear()
        self._last_seen.clear()
        self._tracker.reset()
        return out

    def _end(self, ids: set[int]) -> None:
        """These tracks are over: what their motions still owe is handed out."""
        for id in sorted(ids):
            self._hand_out(id, self._refiners.pop(id).flush())
            for held in self._held:
                held.waiting.discard(id)

    def _begin(self, refiner: Refiner) -> None:
        """A refiner for each id that has none, fed with the frames that are held back."""
        *before, newest = self._held
        for id in sorted(_ids(newest.people) - set(self._refiners)):
            person = OnlineRefiner(refiner, delay=self.delay, window=self.window)
            began = False
            for held in before:
                began |= id in _ids(held.people)
                if began:
                    person.add(_pose_of(held.people, id), held.time)
                    held.waiting.add(id)
            self._refiners[id] = person

    def _refine(self, held: _Held) -> None:
        """Feed all refiners with a frame, in one run of the network."""
        ids = sorted(self._refiners)
        if not ids:
            return
        held.waiting |= set(ids)
        poses = [_pose_of(held.people, id) for id in ids]
        for id, motion in zip(ids, push_many([self._refiners[i] for i in ids], poses, held.time), strict=True):
            self._hand_out(id, motion)

    def _hand_out(self, id: int, motion: Motion | None) -> None:
        """Give the moments of a motion to the frames they are of."""
        if motion is None:
            return
        moments = {float(time): t for t, time in enumerate(motion.times)}
        for held in self._held:
            t = moments.get(held.time)
            if t is not None:
                held.motions[id] = motion if len(motion) == 1 else _moment_of(motion, t)
                held.waiting.discard(id)

    def _release(self, now: float) -> list[Moment]:
        """The frames that are old enough and complete, up to the first that is not."""
        out = []
        while self._held:
            age = now - self._held[0].time
            if age < self.seconds - _SHORTEST or (self._held[0].waiting and age < self.seconds + _PATIENCE):
                break
            out.append(self._moment(self._held.popleft()))
        self._last_seen = {id: time for id, time in self._last_seen.items() if id in self._refiners}
        return out

    def _moment(self, held: _Held) -> Moment:
        """A frame with refined people; those who are not seen follow the others."""
        for id in _ids(held.people):
            self._last_seen[id] = held.time
        persons = [self._refined(p, p.id, held) for p in held.people]
        for id in sorted(set(held.motions) - _ids(held.people)):
            if held.time - self._last_seen.get(id, -np.inf) <= _FILLED:
                persons.append(self._refined(None, id, held))
        kept = tuple(p for p in persons if p is not None and (not p.filled or _in_picture(p, held.people)))
        return Moment(held.frame, replace(held.people, persons=kept), held.motions)

    def _refined(self, person: Person | None, id: int | None, held: _Held) -> Person | None:
        motion = None if id is None else held.motions.get(id)
        if motion is None:
            return person
        return refined_persons(motion, [person], [held.people.camera], id=id)[0]


def _ids(people: People) -> set[int]:
    return {person.id for person in people if person.id is not None}


def _pose_of(people: People, id: int) -> Pose | None:
    return next((person.body for person in people if person.id == id), None)


def _moment_of(motion: Motion, t: int) -> Motion:
    """One moment of several."""
    arrays = {name: getattr(motion, name)[t : t + 1] for name in ("times", "root", "rotations", "translation")}
    return replace(motion, observed=motion.observed[t : t + 1], **arrays)


def _in_picture(person: Person, people: People) -> bool:
    """Whether the middle of a body is in the picture."""
    if person.body is None or person.body.joints2d is None:
        return False
    middle = np.nanmean(person.body.joints2d, axis=0)
    return bool((middle >= 0).all() and (middle < (people.width, people.height)).all())
