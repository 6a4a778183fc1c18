"""Going on with a run: frames that an earlier one has finished; and the ids of people, over one run or several."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from anchorpose.files.results import partial_name, read_results
from anchorpose.poses.values import Frame, People

_IN_DOUBT = 256  # tracks without an id that are remembered; those who stay in doubt never get one


class Stored:
    """Frames that an earlier run has finished, found again as the source is read again.

    Attributes:
        last_id: the highest id that was given. refined: whether there are motions in them.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        partial = partial_name(path)
        self._where = partial if partial.exists() else path
        self._lines: Iterator[People] = iter(())
        there = resume and self._where.exists()
        self._done: set[tuple[str, int]] = set()
        self.last_id, self.refined = 0, False
        for people in read_results(self._where) if there else ():
            self._done.add((people.source, people.frame))
            self.refined |= any(person.motion is not None for person in people)
            self.last_id = max(self.last_id, *(person.id or 0 for person in people), 0)

    def find(self, frame: Frame) -> People | None:
        """The finished frame, if there is one, without motions and the people whom only they know.

        Lines are in the order of the source, unless runs took different frames of it: then they are read again from
        the start.
        """
        from anchorpose.sense.refined import unrefined

        wanted = (frame.source, frame.index)
        if wanted not in self._done:
            return None
        for _ in range(2):
            for people in self._lines:
                if (people.source, people.frame) == wanted:
                    return unrefined(people)
            self._lines = read_results(self._where)
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._lines = iter(())


class Identities:
    """Ids of the people of one source that go on with those that an earlier run has written.

    The tracker sees all frames, the finished ones too; what it calls the people there is what they are called already.

    Attributes:
        late: for (source, frame) the ids that people who were in doubt there, by their place in the frame, got later.
    """

    def __init__(self, last_id: int) -> None:
        from anchorpose.sense.track import Tracker

        self._tracker = Tracker()
        self._written: dict[int, int] = {}
        self._last_id = last_id
        self._doubt: OrderedDict[int, list[tuple[tuple[str, int], int]]] = OrderedDict()
        self.late: dict[tuple[str, int], dict[int, int]] = {}

    def give(self, people: People, frame: Frame) -> People:
        """People of a new frame with ids."""
        tracked = self._tracker.update(people, frame.image)
        named = replace(tracked, persons=tuple(replace(p, id=self._name(p.id)) for p in tracked))
        self._note(named, [person.id for person in named])
        return named

    def take(self, people: People, frame: Frame) -> None:
        """Learn from a finished frame."""
        tracked = self._tracker.update(people, frame.image)
        for new, old in zip(tracked, people, strict=True):
            if new.id is not None and old.id is not None:
                self._written.setdefault(new.id, old.id)
        known = [old.id or self._written.get(new.id or 0) for new, old in zip(tracked, people, strict=True)]
        self._note(people, known)

    def _note(self, people: People, ids: list[int | None]) -> None:
        """Remember where people in doubt were, and say it once they have an id."""
        for place, (key, id) in enumerate(zip(self._tracker.keys.tolist(), ids, strict=True)):
            if key and id is None:
                self._doubt.setdefault(key, []).append(((people.source, people.frame), place))
            elif key in self._doubt:
                for frame, at in self._doubt.pop(key):
                    self.late.setdefault(frame, {})[at] = int(id or 0)
        while len(self._doubt) > _IN_DOUBT:
            self._doubt.popitem(last=False)

    def _name(self, id: int | None) -> int | None:
        if id is None:
            return None
        if id not in self._written:
            self._last_id = self._written[id] = self._last_id + 1
        return self._written[id]
