"""How well identities are kept: switches, fragments, IDF1. Every number is over the people that were detected.

What the detector misses is no fault of the tracker, so only frames count in which a person was found; a tracker that
keeps every identity has 0 switches and an IDF1 of 1 on any detections.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from anchorpose.poses.errors import InputError


@dataclass(frozen=True)
class TrackScore:
    """Counts over one or more clips; they add up.

    Attributes:
        people: true people who were found at least once. found: (person, frame) pairs in which one was found;
            named: those of them with an id.
        strays: ids given to false detections, in (id, frame) pairs. ids: different ids given.
        switches: times that a person's id is not his last one (IDSW of CLEAR MOT, Bernardin and Stiefelhagen 2008).
        fragments: times that a person has an id again after frames in which he was found but had none (Frag).
        right: IDTP, (person, frame) pairs with the right id when ids are given to people one to one over the whole
            clip in the best way (Ristani et al. 2016).
    """

    people: int = 0
    found: int = 0
    named: int = 0
    strays: int = 0
    ids: int = 0
    switches: int = 0
    fragments: int = 0
    right: int = 0

    def __add__(self, other: TrackScore) -> TrackScore:
        return TrackScore(*(getattr(self, n) + getattr(other, n) for n in self.__dataclass_fields__))

    @property
    def idf1(self) -> float:
        """2 IDTP / (found + named + strays): 1 where all keep their ids, and nothing else has one."""
        total = self.found + self.named + self.strays
        return 2 * self.right / total if total else float("nan")

    @property
    def coverage(self) -> float:
        """Share of the (person, frame) pairs that have an id."""
        return self.named / self.found if self.found else float("nan")


def score_tracks(truth: Sequence[np.ndarray], ids: Sequence[np.ndarray]) -> TrackScore:
    """Compare the ids that were given with the true people.

    Args:
        truth: for each frame (N,) the number of the true person that each detection is of, -1 for a false one.
        ids: for each frame (N,) the id that each got, 0 for none.

    Raises:
        InputError: the two do not go together.
    """
    if len(truth) != len(ids) or any(np.shape(t) != np.shape(i) for t, i in zip(truth, ids, strict=False)):
        raise InputError("true people and ids are given for the same detections, frame by frame")
    who = np.concatenate([np.asarray(t, int) for t in truth]) if truth else np.zeros(0, int)
    given = np.concatenate([np.asarray(i, int) for i in ids]) if ids else np.zeros(0, int)
    real, named = who >= 0, given > 0
    switches = fragments = 0
    for person in np.unique(who[real]):
        own = given[who == person]
        kept = own[own > 0]
        switches += int((kept[1:] != kept[:-1]).sum())
        seen = np.flatnonzero(own > 0)
        fragments += int((np.diff(seen) > 1).sum())
    return TrackScore(
        people=len(np.unique(who[real])), found=int(real.sum()), named=int((real & named).sum()),
        strays=int((~real & named).sum()), ids=len(np.unique(given[named])), switches=switches, fragments=fragments,
        right=_right(who[real & named], given[real & named]),
    )  # fmt: skip


def _right(who: np.ndarray, given: np.ndarray) -> int:
    """The most (person, frame) pairs that agree when each id stands for one person, and each person for one id."""
    if not len(who):
        return 0
    from scipy.optimize import linear_sum_assignment

    people, row = np.unique(who, return_inverse=True)
    ids, column = np.unique(given, return_inverse=True)
    together = np.zeros((len(people), len(ids)), int)
    np.add.at(together, (row, column), 1)
    rows, columns = linear_sum_assignment(together, maximize=True)
    return int(together[rows, columns].sum())


def total(scores: Iterable[TrackScore]) -> TrackScore:
    """Counts of several clips together."""
    out = TrackScore()
    for score in scores:
        out = out + score
    return out
