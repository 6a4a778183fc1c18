"""Motions out of results: the `motion` blocks of each person, put together over time."""

from __future__ import annotations

from collections.abc import Iterable

from anchorpose.poses.clock import rising_times
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.moments import motion_of_blocks
from anchorpose.poses.motion_block import MotionBlock
from anchorpose.poses.values import Motion, People


def motions_of_people(frames: Iterable[People]) -> tuple[tuple[int | None, Motion], ...]:
    """Number and motion of each person who has any, in the order of their numbers; () where nobody has.

    Times that do not rise are taken as the usual step later, as when the motion was made.

    Raises:
        FormatError: a person has two motions in one frame, or they do not belong together.
    """
    times: list[float] = []
    found: dict[int | None, tuple[list[int], list[MotionBlock], list[bool]]] = {}
    for number, people in enumerate(frames):
        times.append(people.time)
        for person in people:
            if person.motion is None:
                continue
            rows, blocks, observed = found.setdefault(person.id, ([], [], []))
            if rows and rows[-1] == number:
                raise FormatError(f"{people.source}, frame {people.frame}: two motions of person {person.id}")
            rows.append(number)
            blocks.append(person.motion)
            observed.append(not person.filled)
    clock = rising_times(times)
    out = []
    for id in sorted(found, key=lambda i: (i is None, i or 0)):
        rows, blocks, observed = found[id]
        try:
            out.append((id, motion_of_blocks(blocks, clock[rows], observed)))
        except InputError as error:
            raise FormatError(f"person {id}: {error}") from error
    return tuple(out)
