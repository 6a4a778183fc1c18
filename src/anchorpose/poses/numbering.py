"""Numbers of people over time: who has one, who is in doubt, and names for files that cannot collide.

The tracker gives a number to whom it has seen long enough. Until then, and for good if it never does, a person is in
doubt: there, without a number. Which of these sightings belong together over time nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

from anchorpose.poses.errors import InputError
from anchorpose.poses.values import People


class Followed:
    """The people of each frame who can be followed over time: those with a number, or all where nobody has one.

    Attributes:
        left_out: how many sightings of people in doubt the last iteration has passed over.
    """

    def __init__(self, frames: Callable[[], Iterable[People]]) -> None:
        """`frames` starts the frames anew each time; they are looked at twice, the first time up to a number."""
        self._frames = frames
        self.left_out = 0

    def __iter__(self) -> Iterator[People]:
        self.left_out = 0
        if not any(person.id is not None for people in self._frames() for person in people):
            yield from self._frames()
            return
        for people in self._frames():
            known = [person.id is not None for person in people]
            self.left_out += known.count(False)
            yield people if all(known) else people[known]

    def warning(self) -> str:
        """What to tell of those who were passed over; "" if nobody was."""
        if not self.left_out:
            return ""
        sightings = "one sighting" if self.left_out == 1 else f"{self.left_out} sightings"
        return f"{sightings} of people in doubt, without an id, left out: whose motion it is, is not known"


def own_numbers(given: Sequence[int | None]) -> tuple[int, ...]:
    """A number for each person, all different: the given ones, and for None the first from 1 on that nobody has.

    Raises:
        InputError: two people have the same number.
    """
    taken = {number for number in given if number is not None}
    twice = sorted(number for number in taken if given.count(number) > 1)
    if twice:
        raise InputError(f"the number of a person is given twice: {', '.join(map(str, twice))}")
    free = (number for number in count(1) if number not in taken)
    return tuple(next(free) if number is None else number for number in given)
