"""The fixed 3D test set: samples as labelled photos, 3D errors, tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.shards import ShardWriter
from anchorpose.measure.rendered_set import Contender3D, errors3d, markdown, read_set, realism, set_image
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.samples import Part, Sample, SamplePerson
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centred
from anchorpose.poses.values import Frame, Mode, Pose
from conftest import standing

CAMERA = Camera.from_fov(200, 160)


def person(x: float, hidden: int = 0, outside: int = 0) -> SamplePerson:
    """A standing figure 4 m away, `x` to the right, the first joints of which are hidden or said to be outside."""
    joints3d = standing() * (1, -1, -1) + (x, 0, 4)
    visible = np.full(13, 2)
    visible[:hidden], visible[:outside] = 1, 0
    joints2d = CAMERA.project(joints3d)
    box = np.clip([*joints2d.min(0), *joints2d.max(0)], 0, [199, 159, 199, 159])
    return SamplePerson(box, {"body": Part("body13", joints2d, joints3d, visible)}, outside / 13, hidden / 13)


def sample(*people: SamplePerson) -> Sample:
    return Sample(np.zeros((160, 200, 3), np.uint8), people, CAMERA)


def body(of: SamplePerson, shift: float = 0.0) -> Pose:
    """What finds a person exactly, its right wrist `shift` m off in 3D; one mode is right, one is not."""
    part = of.parts["body"]
    joints3d = torso_centred(part.joints3d)
    off = joints3d.copy()
    off[BODY13.index("r_wrist"), 0] += shift
    modes = (Mode(0.7, off, np.full(13, 0.1)), Mode(0.3, joints3d, np.full(13, 0.1)))
    return Pose("body13", 0.9, of.box, part.joints2d, np.ones(13), off, modes=modes)


def test_people_who_are_mostly_outside_are_left_out() -> None:
    """Six of the twelve joints have to lie in the picture; joints outside are not labelled."""
    image = set_image("000000001", sample(person(0), person(0.5, outside=8), person(-0.5, hidden=4)))
    assert len(image.labelled.people) == 2 and image.joints3d.shape == (2, 12, 3)
    assert image.whole.tolist() == [True, False]
    assert image.frame.camera == CAMERA
    cut = set_image("000000002", sample(person(0, outside=3)))
    assert np.isnan(cut.labelled.people[0].joints2d[:3]).all() and not cut.whole[0]


def test_errors_of_one_joint_by_hand() -> None:
    """One of twelve joints 120 mm off: 10 mm in the mean, none in the best mode; who is not found is wrong in PCK3D."""
    people = person(-0.4), person(0.4)
    image = set_image("000000001", sample(*people))
    found = errors3d([image], Contender3D("one", lambda frame, boxes: [body(people[1], 0.12)]))
    assert np.isnan(found["mpjpe"][0]) and found["mpjpe"][1] == pytest.approx(10, abs=1e-6)
    assert found["best3"][1] == pytest.approx(0, abs=1e-6) and np.isnan(found["best3"][0])
    assert found["pck3d"].tolist() == [0, 1]
    far = errors3d([image], Contender3D("two", lambda frame, boxes: [body(p, 0.18) for p in people[::-1]]))
    np.testing.assert_allclose(far["pck3d"], 11 / 12)
    np.testing.assert_allclose(far["mpjpe"], 15)
    boxed = errors3d([image], Contender3D("boxed", lambda frame, boxes: [body(p) for p in people], boxed=True))
    np.testing.assert_allclose(boxed["mpjpe"], 0, atol=1e-6)


def test_images_without_people_ask_no_boxes() -> None:
    """They give no rows, and what is told boxes is not asked."""

    def refuse(frame: Frame, boxes: np.ndarray) -> list[Pose]:
        raise AssertionError("asked")

    image = set_image("000000001", sample())
    assert len(errors3d([image], Contender3D("boxed", refuse, boxed=True))["mpjpe"]) == 0


def test_a_set_is_read_from_its_shards(tmp_path: Path) -> None:
    """All shards of a part in order, as many images as asked for; a part without shards is an error."""
    (tmp_path / "single").mkdir()
    for number in range(2):
        with ShardWriter(tmp_path / "single" / f"{number:06d}.tar") as writer:
            for i in range(2):
                writer.write(f"{2 * number + i:09d}", sample(person(0.1 * i)))
    images = read_set(tmp_path, "single")
    assert [image.frame.source for image in images] == [f"{i:09d}" for i in range(4)]
    assert len(read_set(tmp_path, "single", 3)) == 3
    with pytest.raises(InputError, match="scenes has no shards"):
        read_set(tmp_path, "scenes")


def test_realism_is_a_ratio_to_the_card(tmp_path: Path) -> None:
    """Of Thunder's PCK; None where there is no card."""
    rows = {"MoveNet Thunder on given boxes": {"pck": {"value": 0.6}}}
    card = tmp_path / "card.json"
    card.write_text('{"sets": {"coco_mini": {"rows": {"MoveNet Thunder on given boxes": {"pck": {"value": 0.8}}}}}}')
    found = realism({"single": {"rows": rows}}, card)
    assert found == {"rendered": 0.6, "photos": 0.8, "ratio": pytest.approx(0.75)}
    assert realism({"single": {"rows": rows}}, tmp_path / "none.json") is None


def test_tables_name_who_is_missing() -> None:
    """Everything that was measured has its row."""
    part = {"people": 3, "mpjpe": 100.0, "pck3d": 0.8}
    row = {"people": 5, "found": 0.9, "mpjpe": 101.2, "n_mpjpe": 99.0, "pa_mpjpe": 70.0, "best3": None, "pck3d": 0.75,
           "whole": part, "cut_or_covered": {**part, "people": 2}}  # fmt: skip
    made = {"command": "c", "date": "d", "cpu": "x", "cores": 1, "threads": 1, "anchorpose": "0", "python": "3",
            "numpy": "2", "onnxruntime": "1"}  # fmt: skip
    flat = {"photos": 2, "photos_for_ap": 0, "people": 5, "left_out": {}, "rows": {}}
    data = {"made": made, "missing": ["B: none"], "limit": None, "2d": {"single": flat, "scenes": flat},
            "3d": {"single": {"ours": row}, "scenes": {"ours": row}},
            "realism": {"rendered": 0.6, "photos": 0.8, "ratio": 0.75}}  # fmt: skip
    text = markdown(data)
    assert "Not here: B: none" in text and "75 %" in text
    assert "| ours | 101.2 | 99.0 | 70.0 | – | .750 | .900 | 100.0, .800 (3) | 100.0, .800 (2) |" in text
