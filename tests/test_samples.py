"""Labelled samples: what is refused, and round-trips."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.samples import SAMPLE_PARTS, Part, Sample, SamplePerson, plain
from anchorpose.poses.skeletons import SKELETONS
from toy_engine import toy_sample


def sample(seed: int = 0, size: tuple[int, int] = (48, 40)) -> Sample:
    return toy_sample(size, np.random.default_rng(seed), {"index": seed})


def part(visible: int = 2, at: tuple[float, float] = (5, 5), skeleton: str = "body13") -> Part:
    n = len(SKELETONS[skeleton])
    return Part(skeleton, np.tile(at, (n, 1)), np.full((n, 3), np.nan), np.full(n, visible))


def with_people(*people: SamplePerson, **fields: Any) -> Sample:
    return replace(sample(), people=people, maps={}, **fields)


@given(st.integers(0, 10**6))
def test_round_trip_is_exact(seed: int) -> None:
    """Through JSON text and back, NaN as null, with the pixels beside it."""
    before = sample(seed)
    text = json.dumps(before.to_dict(), allow_nan=False)
    after = Sample.from_dict(json.loads(text), before.image, before.maps)
    assert after == before and after.to_dict() == before.to_dict()
    assert after != sample(seed + 1) and after != replace(before, maps={}) and after != "something else"
    head = after.people[0].parts["body"].joints3d[12]
    assert np.isnan(head).all() and json.loads(text)["people"][0]["parts"]["body"]["joints3d"][12] == [None] * 3


def test_arrays_cannot_be_changed() -> None:
    body = sample().people[0].parts["body"]
    for array in (body.joints2d, body.joints3d, body.visible, sample().people[0].box):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("name", SAMPLE_PARTS)
def test_every_part_has_its_skeleton(name: str) -> None:
    """And takes no other."""
    good = part(skeleton=SAMPLE_PARTS[name])
    assert SamplePerson([0, 0, 9, 9], {name: good}).parts[name].record is SKELETONS[SAMPLE_PARTS[name]]
    with pytest.raises(InputError, match=f"{name} is {SAMPLE_PARTS[name]}, not lsp14"):
        SamplePerson([0, 0, 9, 9], {name: part(skeleton="lsp14")})


def with_body(body: Part) -> Sample:
    return with_people(SamplePerson([0, 0, 9, 9], {"body": body}))


REFUSED: dict[str, Callable[[], object]] = {
    "no part 'tail'; there are body": lambda: SamplePerson([0, 0, 1, 1], {"tail": part()}),
    "a box is x0, y0, x1, y1": lambda: SamplePerson([5, 0, 1, 1], {}),
    "occluded is a share": lambda: SamplePerson([0, 0, 1, 1], {}, 0, 1.5),
    "visible is made of 0, 1 and 2": lambda: part(3),
    "joints inside the image have a place in it, but not r_ankle": lambda: part(1, (np.nan, 2)),
    "joints2d should have shape 13x2": lambda: Part("body13", np.zeros((12, 2)), np.zeros((13, 3)), np.zeros(13)),
    "no skeleton 'worm'": lambda: Part("worm", np.zeros((13, 2)), np.zeros((13, 3)), np.zeros(13)),
    "person 0, body: r_ankle is labelled as inside": lambda: with_body(part(1, (60, 2))),
    r"the box .* is not clipped": lambda: with_people(SamplePerson([-9, 0, 9, 9], {})),
    "the camera is of 640x480": lambda: replace(sample(), camera=Camera.from_fov(640, 480)),
    "an image is": lambda: replace(sample(), image=np.zeros((40, 48, 3))),
    "no map 'height'": lambda: replace(sample(), maps={"height": np.zeros((40, 48))}),
    "the map depth is 40x48 float32, not 40x48 float64": lambda: replace(sample(), maps={"depth": np.zeros((40, 48))}),
    "the instance map shows person 0, there are 0": lambda: replace(sample(), people=()),
    r"attributes\.a\[1\]: JSON has no set": lambda: plain({"a": [1, {2}]}, "attributes"),
    "JSON has only text for keys": lambda: replace(sample(), attributes={"a": {1: 2}}),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_wrong_labels_are_refused(message: str) -> None:
    with pytest.raises(InputError, match=message):
        REFUSED[message]()


def test_joints_outside_of_the_image_keep_their_place() -> None:
    """They are labelled 0, and where they are stays known."""
    there = with_body(part(0, (-300.5, 2))).people[0].parts["body"]
    assert there.joints2d[0].tolist() == [-300.5, 2]


def test_another_format_is_refused() -> None:
    data = {**sample().to_dict(), "format": "anchorpose-sample/9"}
    with pytest.raises(FormatError, match="anchorpose-sample/1"):
        Sample.from_dict(data, sample().image)


def test_plain_values() -> None:
    """Arrays become lists, NumPy's numbers Python's, NaN null; what JSON has stays."""
    given_ = {"a": np.eye(2), "b": (np.float32(0.5), np.int8(3), True, None, "x"), "c": float("inf")}
    assert plain(given_, "it") == {"a": [[1.0, 0.0], [0.0, 1.0]], "b": [0.5, 3, True, None, "x"], "c": None}
