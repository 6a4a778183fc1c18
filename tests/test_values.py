"""The value objects: exact round trips, read-only content, and messages for what does not fit."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FormatError, InputError, MissingExtra
from anchorpose.poses.values import (
    FORMAT,
    PARTS,
    ClassProbs,
    Frame,
    Mode,
    Motion,
    People,
    Person,
    Pose,
    from_json,
    to_json,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
number = finite | st.just(math.nan)  # NaN: a missing value
share = st.floats(0, 1)


def points(joints: int, width: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(float, (joints, width), elements=number)


def modes(joints: int) -> st.SearchStrategy[Mode]:
    return st.builds(
        Mode, weight=share, joints3d=points(joints, 3), spread=arrays(float, joints, elements=number),
        joints2d=st.none() | points(joints, 2),
    )  # fmt: skip


class_probs = st.builds(
    ClassProbs, st.text(max_size=4), st.lists(st.tuples(st.integers(0, 9999), share), max_size=3).map(tuple)
)


def poses(skeleton: str = "body13", joints: int = 13) -> st.SearchStrategy[Pose]:
    return st.builds(
        Pose, skeleton=st.just(skeleton), score=share, box=arrays(float, 4, elements=number),
        joints2d=st.none() | points(joints, 2), scores=arrays(float, joints, elements=share),
        joints3d=st.none() | points(joints, 3), translation=st.none() | arrays(float, 3, elements=number),
        modes=st.lists(modes(joints), max_size=2).map(tuple), class_probs=st.none() | class_probs,
    )  # fmt: skip


persons = st.builds(
    Person, id=st.none() | st.integers(0), score=share, box=arrays(float, 4, elements=number),
    body=st.none() | poses(), left_hand=st.none() | poses("hand21", 21),
    labels=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3), share), max_size=2).map(tuple),
    filled=st.booleans(),
)  # fmt: skip
focal = st.floats(1, 1e5)
cameras = st.builds(
    Camera, focal, focal, finite, finite, st.integers(1, 9999), st.integers(1, 9999),
    st.lists(finite, max_size=5).map(tuple), st.sampled_from(["focal", "fov", "file", "exif", "default"]),
)  # fmt: skip


@st.composite
def frames_of_people(draw: st.DrawFn) -> People:
    camera = draw(cameras)
    return People(
        tuple(draw(st.lists(persons, max_size=1))), draw(st.text(max_size=5)), draw(st.integers(0, 10**9)),
        draw(finite), camera.width, camera.height, camera,
    )  # fmt: skip


def through_json(data: Any) -> Any:
    """What a reader of the file gets; NaN and infinity would raise here."""
    return json.loads(json.dumps(data, allow_nan=False))


def body(**changes: Any) -> Pose:
    full = np.arange(39.0).reshape(13, 3)
    values: dict[str, Any] = {
        "skeleton": "body13", "score": 0.5, "box": np.arange(4.0), "joints2d": full[:, :2], "scores": np.ones(13),
        "joints3d": full, "translation": np.array([0, 0, 3.0]), "modes": (Mode(1.0, full, np.full(13, 0.1)),),
        "class_probs": ClassProbs("anchors", ((3, 0.5),)),
    }  # fmt: skip
    return Pose(**{**values, **changes})


def people(count: int = 3) -> People:
    return People(
        tuple(Person.from_body(body(), id=i) for i in range(count)), "clip.mp4", 5, 0.2, 64, 48,
        Camera.from_fov(64, 48),
    )  # fmt: skip


@settings(max_examples=15)
@given(frames_of_people())
def test_people_round_trip_exactly(frame: People) -> None:
    """People -> dict -> JSON text -> dict -> People is the same to the last bit, NaN being null on the way."""
    again = People.from_dict(through_json(frame.to_dict()))
    assert again == frame
    assert again.to_dict() == frame.to_dict()


@settings(max_examples=15)
@given(poses(), modes(5))
def test_poses_and_modes_round_trip_exactly(pose: Pose, mode: Mode) -> None:
    """So do a pose and a mode alone, also with NaN among the joints."""
    assert Pose.from_dict(through_json(pose.to_dict())) == pose
    assert Mode.from_dict(through_json(mode.to_dict())) == mode


@given(arrays(float, st.integers(0, 4).map(lambda n: (n, 2)), elements=st.floats()))
def test_arrays_become_lists_with_null(array: np.ndarray) -> None:
    """Finite numbers keep their bits, NaN comes back as NaN, infinity becomes NaN."""
    text = through_json(to_json(array))
    back = from_json(text)
    expected = np.where(np.isfinite(array), array, np.nan)
    if len(array):
        assert back is not None
        np.testing.assert_array_equal(back, expected)
    assert all(v is None or math.isfinite(v) for row in text for v in row)
    assert from_json(None) is None and to_json(np.float32(0.5)) == 0.5 and to_json((1, "a", None)) == [1, "a", None]


def test_the_dict_has_the_fields_of_the_contract_and_no_others() -> None:
    """Keys and their order are those of the output contract "anchorpose/2"."""
    line = people(1).to_dict()
    assert list(line) == ["format", "source", "frame", "time", "width", "height", "camera", "people"]
    assert line["format"] == FORMAT == "anchorpose/2"
    assert list(line["camera"]) == ["fx", "fy", "cx", "cy", "dist", "from"]
    (person,) = line["people"]
    assert list(person) == ["id", "score", "box", "body", "left_hand", "right_hand", "face", "labels"]
    assert list(person["body"]) == [
        "skeleton", "score", "box", "joints2d", "joints3d", "scores", "translation", "modes", "class_probs",
    ]  # fmt: skip
    assert list(person["body"]["modes"][0]) == ["weight", "joints2d", "joints3d", "spread"]
    assert person["body"]["class_probs"] == {"anchors": "anchors", "top": [[3, 0.5]]}
    assert [person[p] for p in PARTS[1:]] == [None, None, None] and person["labels"] == []
    filled = replace(people(1)[0], filled=True).to_dict()
    assert filled["filled"] is True  # only there where a person was put in


@pytest.mark.parametrize("value", [people(1), people(1)[0], body(), body().modes[0], body().class_probs])
def test_values_are_frozen(value: Any) -> None:
    """No attribute can be set."""
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


def test_arrays_inside_are_read_only_copies() -> None:
    """Neither through the value nor through the caller's array can a pose be changed."""
    mine = np.zeros((13, 3))
    pose = body(joints3d=mine, joints2d=[[0, 0]] * 13)
    mine[0] = 7
    assert pose.joints3d is not None and (pose.joints3d == 0).all()
    for array in (pose.box, pose.joints2d, pose.joints3d, pose.scores, pose.translation, pose.modes[0].spread):
        assert array is not None and array.dtype == float
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1


@pytest.mark.parametrize(
    "field,value,message",
    [
        ("joints2d", np.zeros((12, 2)), "joints2d should have shape 13x2, not 12x2"),
        ("joints3d", np.zeros((13, 2)), "joints3d should have shape 13x3, not 13x2"),
        ("scores", np.zeros(17), "scores should have shape 13, not 17"),
        ("box", np.zeros((2, 2)), "box should have shape 4, not 2x2"),
        ("translation", np.zeros(2), "translation should have shape 3, not 2"),
        ("skeleton", "body14", "no skeleton 'body14'; there are body13"),
        ("box", [0, 1, 2, "wide"], "box should be made of numbers"),
        ("joints2d", [[0, 0], [1]], "joints2d should be made of numbers"),
    ],
)
def test_wrong_shapes_of_a_pose_are_input_errors(field: str, value: Any, message: str) -> None:
    """The message names the field, what was expected and what was given."""
    with pytest.raises(InputError, match=re.escape(message)):
        body(**{field: value})


def test_wrong_shapes_of_other_values_are_input_errors() -> None:
    """Modes, persons and frames check theirs too."""
    with pytest.raises(InputError, match="spread should have shape 13, not 12"):
        Mode(1.0, np.zeros((13, 3)), np.zeros(12))
    with pytest.raises(InputError, match="joints2d should have shape 13x2, not 12x2"):
        Mode(1.0, np.zeros((13, 3)), np.zeros(13), np.zeros((12, 2)))
    with pytest.raises(InputError, match="box should have shape 4"):
        Person(None, 0.5, np.zeros(5))
    for image in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3))):
        with pytest.raises(InputError, match=r"\(H, W, 3\) uint8 RGB"):
            Frame(image)


def test_frames_know_their_size() -> None:
    """Width and height are the picture's."""
    frame = Frame(np.zeros((48, 64, 3), np.uint8))
    assert (frame.width, frame.height) == (64, 48)


def test_equality_is_by_content() -> None:
    """Arrays are compared value by value, NaN equal to NaN; other types are never equal; values have no hash."""
    gap = np.full((13, 3), np.nan)
    assert body() == body() and body(joints3d=gap) == body(joints3d=gap)
    assert body() != body(joints3d=gap) and body() != body(joints3d=None) and body() != body(score=0.6)
    assert people(2) == people(2) and people(2) != people(3) and people(0) != [] and body() != "body"
    assert replace(people(1), time=math.nan) == replace(people(1), time=math.nan)
    with pytest.raises(TypeError, match="unhashable"):
        hash(body())


def test_joints_in_the_camera_frame() -> None:
    """joints_camera is joints3d moved by the translation, None where either is missing."""
    pose = body()
    assert pose.joints3d is not None and pose.joints_camera is not None
    np.testing.assert_array_equal(pose.joints_camera, pose.joints3d + [0, 0, 3])
    assert body(translation=None).joints_camera is None and body(joints3d=None).joints_camera is None
    assert pose.record.name == "body13"


def test_people_are_a_sequence() -> None:
    """Numbers give persons; slices, masks and lists of numbers give people with the same frame."""
    three = people(3)
    assert len(three) == 3 and [p.id for p in three] == [0, 1, 2] and three[1].id == 1 and three[-1].id == 2
    assert three[np.int64(2)].id == 2
    for index, ids in (
        (slice(1, None), [1, 2]), (np.array([True, False, True]), [0, 2]), ([False, False, True], [2]),
        (np.array([2, 0]), [2, 0]), (slice(0, 0), []), (np.zeros(3, bool), []), ([], []),
    ):  # fmt: skip
        chosen = three[index]
        assert isinstance(chosen, People) and [p.id for p in chosen] == ids
        assert (chosen.source, chosen.frame, chosen.time, chosen.camera) == ("clip.mp4", 5, 0.2, three.camera)
    with pytest.raises(InputError, match=r"a mask over 3 people .*\(2,\)"):
        three[np.array([True, False])]
    with pytest.raises(IndexError):
        three[3]
    assert people(0)[np.zeros(0, bool)] == people(0)
    assert three[0] in three and list(reversed(three))[0].id == 2


def test_a_list_of_persons_will_do() -> None:
    """Persons given as a list are kept as a tuple, so that nobody changes them and both are equal."""
    two = people(2)
    again = replace(two, persons=list(two.persons))  # type: ignore[arg-type]
    assert isinstance(again.persons, tuple) and again == two


def test_another_format_is_refused() -> None:
    """A line of another version is a FormatError that names both."""
    with pytest.raises(FormatError, match=r"anchorpose/1, anchorpose/2, not 'anchorpose/3'"):
        People.from_dict({**people(1).to_dict(), "format": "anchorpose/3"})
    with pytest.raises(FormatError, match="None"):
        People.from_dict({})


def test_scores_are_finite_numbers() -> None:
    """A score that is not a number is refused at once, since it could be written but not read again."""
    for value in (math.nan, math.inf):
        for make in (lambda v: body(score=v), lambda v: Person(None, v, np.zeros(4)), lambda v: _mode(v)):
            with pytest.raises(InputError, match="finite"):
                make(value)


def _mode(weight: float) -> Mode:
    return Mode(weight, np.zeros((13, 3)), np.zeros(13))


def test_supervision_is_optional() -> None:
    """Without the package, to_supervision says how to get it."""
    from importlib.util import find_spec

    if find_spec("supervision") is None:
        with pytest.raises(MissingExtra, match="supervision"):
            people(1).to_supervision()
    else:
        points = people(2).to_supervision()
        assert points.xy.shape == (2, 13, 2)


def motion(**changes: Any) -> Motion:
    t, j = 4, 13
    values: dict[str, Any] = {
        "skeleton": "body13", "times": np.arange(t) / 30, "root": np.tile(np.eye(3), (t, 1, 1)),
        "rotations": np.tile(np.eye(3), (t, j, 1, 1)), "translation": np.zeros((t, 3)), "bone_lengths": np.ones(j),
        "frame": "world", "observed": [True, True, False, True],
    }  # fmt: skip
    return Motion(**{**values, **changes})


def test_motion_round_trips_and_has_a_length() -> None:
    """A motion survives JSON exactly, with its bools as bools, and is as long as its times."""
    one = motion(translation=np.array([[0, 0, math.nan]] * 4))
    again = Motion.from_dict(through_json(one.to_dict()))
    assert again == one and len(again) == 4 and again.observed.dtype == bool
    assert list(one.to_dict()) == [
        "skeleton", "times", "root", "rotations", "translation", "bone_lengths", "frame", "observed",
    ]  # fmt: skip
    assert not motion(times=np.arange(4)) == one and len(_empty_motion()) == 0


def _empty_motion() -> Motion:
    return motion(
        times=np.zeros(0), root=np.zeros((0, 3, 3)), rotations=np.zeros((0, 13, 3, 3)), translation=np.zeros((0, 3)),
        observed=np.zeros(0, bool),
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"frame": "room"}, "camera or world, not 'room'"),
        ({"times": np.zeros(4)}, "times of a motion must rise"),
        ({"times": np.arange(4)[::-1]}, "times of a motion must rise"),
        ({"times": np.arange(5)}, "observed should have shape 5"),
        ({"root": np.zeros((4, 4))}, "root should have shape 4x3x3, not 4x4"),
        ({"rotations": np.zeros((4, 12, 3, 3))}, "rotations should have shape 4x13x3x3"),
        ({"translation": np.zeros((3, 3))}, "translation should have shape 4x3"),
        ({"observed": [True]}, "observed"),
        ({"bone_lengths": np.ones(12), "rotations": np.zeros((4, 12, 3, 3))}, "body13 has 13 joints"),
        ({"skeleton": "robot"}, "no skeleton 'robot'"),
    ],
)
def test_motion_checks(changes: dict[str, Any], message: str) -> None:
    """Frame, order of times, shapes and skeleton are checked."""
    with pytest.raises(InputError, match=re.escape(message)):
        motion(**changes)
