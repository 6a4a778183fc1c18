"""Numbers of people: who is left out over time, and names that cannot collide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchorpose.poses.errors import InputError
from anchorpose.poses.numbering import Followed, own_numbers
from anchorpose.poses.values import People
from moving_people import people_frames


def in_doubt(frames: list[People], places: set[tuple[int, int]]) -> list[People]:
    """The same frames, without the ids of the people at some (frame, place)."""
    return [
        replace(f, persons=tuple(replace(p, id=None) if (k, n) in places else p for n, p in enumerate(f)))
        for k, f in enumerate(frames)
    ]


def test_people_in_doubt_are_left_out_where_others_have_ids() -> None:
    frames = in_doubt(people_frames(missing=False), {(0, 0), (2, 0), (2, 1)})
    followed = Followed(lambda: frames)
    for _ in range(2):  # it can be gone through again, and counts anew
        assert [[p.id for p in people] for people in followed] == [[2], [1, 2], [], [1, 2]]
        assert followed.left_out == 3
    assert followed.warning().startswith("3 sightings of people in doubt, without an id, left out")
    one = Followed(lambda: in_doubt(frames, {(0, 1)})[:1] + frames[1:2])
    assert len([p for people in one for p in people]) == 2 and one.left_out == 2
    nobody = Followed(lambda: in_doubt(frames, {(k, n) for k in range(4) for n in range(2)}))
    assert [len(people) for people in nobody] == [2, 2, 2, 2] and nobody.left_out == 0 and nobody.warning() == ""


def test_numbers_of_their_own() -> None:
    assert own_numbers([None, None]) == (1, 2)
    assert own_numbers([2, None, 1, None]) == (2, 3, 1, 4)
    assert own_numbers([]) == ()
    with pytest.raises(InputError, match="given twice: 3, 8"):
        own_numbers([8, 3, None, 3, 8])
