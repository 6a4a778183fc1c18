"""Identities over time: each frame's people are given to the tracks that expect them there, in that pose.

A track predicts where its person will be; a person costs a track little if his joints are where they were predicted
(OKS), if the distributions over 3D poses overlap, and if depth, size and proportions fit. The cheapest one-to-one
assignment counts. Who is not seen waits, up to two seconds, and is taken up again further on in his way.

    tracker = Tracker()
    for people in video:
        people = tracker.update(people)      # the same people, each with its id, or None while it is in doubt
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from anchorpose.poses.values import People, Person
from anchorpose.sense.assignment import assign
from anchorpose.sense.cuts import CutDetector, CutSettings
from anchorpose.sense.track_cost import costs
from anchorpose.sense.track_seen import Seen, see
from anchorpose.sense.track_settings import TrackSettings as TrackSettings
from anchorpose.sense.track_state import Predicted, Tracks, begin, correct, join, predict

_USUAL = 1 / 30
_CUT_WITHIN = 0.5


@dataclass(frozen=True, eq=False)
class TrackState:
    """All that is remembered between two frames.

    Attributes:
        tracks: the tracks that live. next_key, next_id: not used yet.
        clock: [s] that only runs forwards; interval: since the frame before. begun: a frame was seen already.
    """

    tracks: Tracks
    next_key: int = 1
    next_id: int = 1
    clock: float = 0.0
    interval: float = _USUAL
    begun: bool = False


def start(settings: TrackSettings) -> TrackState:
    """No tracks yet."""
    return TrackState(_nobody(settings))


def _nobody(s: TrackSettings) -> Tracks:
    return begin(see((), s.modes), np.zeros(0, int), 0.0)


@dataclass(frozen=True, eq=False)
class Step:
    """A new state, and for each person (N,) the key of his track and its id, 0 where there is none."""

    state: TrackState
    keys: np.ndarray
    ids: np.ndarray


def step(
    state: TrackState, seen: Seen, interval: float, size: tuple[int, int], s: TrackSettings, cut: bool = False
) -> Step:
    """Tracks one frame later.

    Args:
        seen: its people. interval: [s] since the frame before, above 0. size: (width, height) [px].
        cut: a new scene begins with this frame: all tracks are over.
    """
    now = state.clock + interval
    tracks = _nobody(s) if cut else _living(state.tracks, now, interval, s)
    at = predict(tracks, now, s)
    usable = np.isfinite(seen.size)
    pick, met = _pair(tracks, at, seen, usable, interval, s)
    if met == 0 and interval <= _CUT_WITHIN:  # nobody of several is where anybody was: another scene
        return step(state, seen, interval, size, s, cut=True)

    rows, columns = np.flatnonzero(pick >= 0), pick[pick >= 0]
    corrected = correct(tracks.take(rows), at.take(rows), seen.take(columns), now, s)
    left = tracks.take(np.flatnonzero((pick < 0) & ~_gone(tracks, at, size, s)))

    owned = np.zeros(len(seen), bool)
    owned[columns[corrected.id > 0]] = True
    second = _found_twice(seen, owned, s)
    free = usable & (seen.score >= s.born) & ~second
    free[columns] = False
    new = np.flatnonzero(free)
    new = new[np.argsort(seen.points[new, -2, 0], kind="stable")]  # from left to right, whatever the detector's order
    born = begin(seen.take(new), state.next_key + np.arange(len(new)), now)

    here = np.concatenate([columns, new])
    at_once = np.arange(len(here)) >= len(columns) if cut or not state.begun else np.zeros(len(here), bool)
    at_once &= seen.score[here] >= s.sure
    mine, next_id = _name(join(corrected, born), at_once, second[here], state.next_id, s)
    keys, ids = np.zeros(len(seen), int), np.zeros(len(seen), int)
    keys[here], ids[here] = mine.key, mine.id
    return Step(TrackState(join(left, mine), state.next_key + len(new), next_id, now, interval, True), keys, ids)


def _living(tracks: Tracks, now: float, interval: float, s: TrackSettings) -> Tracks:
    """Tracks that may still be taken up: those with an id wait, those in doubt hardly."""
    gap = now - tracks.seen
    most = np.where(tracks.id > 0, s.wait, max(s.doubt, 1.5 * interval))
    return tracks.take(np.flatnonzero(gap <= most + 1e-9))


def _pair(
    tracks: Tracks, at: Predicted, seen: Seen, usable: np.ndarray, interval: float, s: TrackSettings
) -> tuple[np.ndarray, int | None]:
    """The person (T,) of each track, -1 for none: tracks with an id choose first, then those in doubt. Also how many of
    those just seen were met, None where two and two are not at hand."""
    pick = np.full(len(tracks), -1)
    cost = costs(tracks, at, seen, s)
    free = usable.copy()
    named = tracks.id > 0
    for turn in (named, ~named):
        rows, columns = np.flatnonzero(turn), np.flatnonzero(free)
        if len(rows) and len(columns):
            chosen = assign(cost[np.ix_(rows, columns)], s.limit)
            pick[rows] = np.where(chosen >= 0, columns[chosen], -1)
            free[pick[rows][chosen >= 0]] = False
    fresh = named & (at.gap <= max(s.fresh, 1.5 * interval))
    several = min(fresh.sum(), usable.sum()) >= 2
    return pick, int((pick[fresh] >= 0).sum()) if several else None


def _gone(tracks: Tracks, at: Predicted, size: tuple[int, int], s: TrackSettings) -> np.ndarray:
    """Tracks whose predicted middle lies well outside the picture."""
    weight = (tracks.trust + 1e-9)[..., None]
    middle = (at.points * weight).sum(1) / weight.sum(1)
    beyond = np.maximum(-middle, middle - np.array(size, float)).max(-1, initial=-np.inf)
    return beyond > s.outside * at.size


def _found_twice(seen: Seen, owned: np.ndarray, s: TrackSettings) -> np.ndarray:
    """People (N,) whose box is nearly that of one who has an id (`owned`), or of a better one."""
    low, high = seen.points[:, -2], seen.points[:, -1]
    across = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    both = np.maximum(across, 0.0).prod(-1)
    area = (high - low).prod(-1)
    alike = both > s.duplicate * (area[:, None] + area[None] - both)
    np.fill_diagonal(alike, False)
    second = np.zeros(len(seen), bool)
    if alike.any():
        for i in np.lexsort((-seen.score, ~owned)):
            if not second[i]:
                second |= alike[i]
        second &= ~owned
    return second


def _name(
    tracks: Tracks, at_once: np.ndarray, second: np.ndarray, next_id: int, s: TrackSettings
) -> tuple[Tracks, int]:
    """Ids for tracks that are not in doubt any more, in the order of their keys."""
    long_enough = (tracks.hits >= 2) & (tracks.seen - tracks.born >= s.long_enough - 1e-9)
    certain = (tracks.id == 0) & ~second & (at_once | (tracks.hits >= s.hits) | long_enough)
    rows = np.flatnonzero(certain)
    rows = rows[np.argsort(tracks.key[rows], kind="stable")]
    ids = tracks.id.copy()
    ids[rows] = next_id + np.arange(len(rows))
    return replace(tracks, id=ids), next_id + len(rows)


def _with_id(person: Person, id: int | None) -> Person:
    """The same person; `replace` would check, and copy, every array again and take twenty times as long."""
    out = object.__new__(Person)
    out.__dict__.update(person.__dict__, id=id)
    return out


class Tracker:
    """Gives the people of one source their ids, frame by frame.

    Ids start at 1 and are never given twice in a source. A person that was seen only once or twice so far has None,
    and so has a second detection of the same person. Another source begins anew.

    Args:
        settings: of the tracks. cuts: of the cuts that are looked for in pictures.
    """

    def __init__(self, settings: TrackSettings | None = None, cuts: CutSettings | None = None) -> None:
        self.settings = settings or TrackSettings()
        self._cuts = CutDetector(cuts)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of a source."""
        self._state = start(self.settings)
        self._before: tuple[str, int, float] | None = None
        self._usual = _USUAL
        self.keys = np.zeros(0, int)
        self._cuts.reset()

    def update(self, people: People, image: np.ndarray | None = None) -> People:
        """The same people with ids.

        Args:
            people: of the next frame. A time that is not later than the one before (or NaN) counts as the usual
                interval later; one that lies back further than tracks wait ends them all.
            image: the frame, (H, W, 3) uint8, if scene cuts are to be seen by it; without it only by the people.
        """
        if self._before is not None and self._before[0] != people.source:
            self.reset()
        cut = image is not None and self._cuts.is_cut(image)
        interval, back = self._interval(people)
        done = step(
            self._state, see(people.persons, self.settings.modes), interval, (people.width, people.height),
            self.settings, cut or back,
        )  # fmt: skip
        self._state, self.keys = done.state, done.keys
        persons = tuple(_with_id(p, i or None) for p, i in zip(people, done.ids.tolist(), strict=True))
        return replace(people, persons=persons)

    @property
    def ids(self) -> frozenset[int]:
        """Ids of the tracks that live: of people who were just seen, and of those who are waited for."""
        return frozenset(self._state.tracks.id.tolist()) - {0}

    def id_of(self, key: int) -> int | None:
        """The id, by now, of the track with that key (`keys` has those of the people of the last frame)."""
        tracks = self._state.tracks
        return int(tracks.id[tracks.key == key].sum()) or None

    def name_late(self, people: People, keys: np.ndarray) -> People:
        """People of an earlier frame, whose `keys` were these, with the ids that are known by now."""
        late = {i: self.id_of(int(k)) for i, k in enumerate(keys) if k and people[i].id is None}
        if not any(late.values()):
            return people
        named = (_with_id(person, late[i]) if late.get(i) else person for i, person in enumerate(people))
        return replace(people, persons=tuple(named))

    def _interval(self, people: People) -> tuple[float, bool]:
        """Seconds since the frame before, and whether time went back a long way."""
        before, time = self._before, people.time
        if before is None:
            self._before = (people.source, people.frame, time)
            return self._usual, False
        frames = max(people.frame - before[1], 1)
        interval = time - before[2]
        self._before = (people.source, people.frame, time if np.isfinite(time) else before[2])
        if interval > 0:
            self._usual = min(interval / frames, 1.0)
            return interval, False
        return self._usual * frames, bool(interval < -self.settings.wait)


def track(stream: Iterable[People], settings: TrackSettings | None = None, *, delay: int = 0) -> Iterator[People]:
    """People of a stream with ids.

    Args:
        stream: frames of one source after the other.
        delay: frames that are held back, so that someone who gets an id has it in his first frames too.
    """
    tracker = Tracker(settings)
    held: deque[tuple[People, np.ndarray]] = deque()
    for people in stream:
        if held and held[0][0].source != people.source:
            yield from (p for p, _ in held)
            held.clear()
        held.append((tracker.update(people), tracker.keys))
        if delay:
            for number, (before, keys) in enumerate(held):
                held[number] = tracker.name_late(before, keys), keys
        if len(held) > delay:
            yield held.popleft()[0]
    yield from (p for p, _ in held)
