"""Protocols: who counts, what a missed person costs, and that boxes are taken in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anchorpose.files.labels import LabelledImage, LabelledPerson
from anchorpose.measure import protocols as p
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import LSP14
from anchorpose.poses.values import Frame, Pose

SIZE = (120, 90)


def joints(x: float) -> np.ndarray:
    """A standing person in LSP's order, 80 px tall about x."""
    places = {
        "ankle": (6, 85), "knee": (6, 65), "hip": (5, 45), "wrist": (14, 48), "elbow": (12, 35), "shoulder": (8, 20),
    }  # fmt: skip
    rows = []
    for name in LSP14.names:
        if name in ("neck", "head_top"):
            rows.append((x, 18 if name == "neck" else 5))
        else:
            side, joint = name.split("_")
            dx, y = places[joint]
            rows.append((x - dx if side == "r" else x + dx, y))
    return np.array(rows, float)


def person(x: float, **attributes: Any) -> LabelledPerson:
    points = joints(x)
    box = np.concatenate([points.min(0), points.max(0)])
    return LabelledPerson(box, points, np.full(14, 2), 2000.0, attributes=attributes)


def photo(folder: Path, number: int, *people: LabelledPerson, **attributes: Any) -> LabelledImage:
    path = folder / f"{number}.png"
    Image.new("RGB", SIZE).save(path)
    return LabelledImage(number, path, *SIZE, people, attributes)


def photos(*images: LabelledImage, complete: bool = True) -> p.PhotoSet:
    return p.PhotoSet("own", "lsp14", images, (complete,) * len(images))


def pose(x: float, score: float = 0.9) -> Pose:
    return Pose("lsp14", score, np.zeros(4), joints(x), np.ones(14))


def contender(*xs: float, boxed: bool = False) -> p.Contender:
    return p.Contender("c", lambda frame, boxes: [pose(x) for x in xs], boxed)


def test_doubtful_people_and_twin_photos_are_left_out(tmp_path: Path) -> None:
    images = [
        photo(tmp_path, 1, person(30), same_photo_as=[7]),
        photo(tmp_path, 2, person(30, lr_suspect=["legs"])),
        photo(tmp_path, 3, person(30, lr_legs="kept", lr_arms="unsure"), person(80, lr_legs="kept", lr_arms="swapped")),
        photo(tmp_path, 4),
    ]
    kept, left_out = p.select(images)
    # A photo loses its place with its last person; one that never had any stays.
    assert [(image.id, len(image.people)) for image in kept] == [(3, 1), (4, 0)]
    assert left_out == {"same_photo_as": 1, "lr_suspect": 1, "unsure sides": 1}


def test_a_perfect_contender(tmp_path: Path) -> None:
    result = p.measure(photos(photo(tmp_path, 1, person(30), person(80))), [contender(80, 30)])["c"]
    assert (result.pck.value, result.pck.coverage, result.pck.count) == (1, 1, 2)
    assert result.pckh is not None and result.pckh.value == 1
    assert result.given == 2 and result.milliseconds > 0 and result.pck_joints == 1


def test_a_missed_person_counts_as_nothing_right(tmp_path: Path) -> None:
    result = p.measure(photos(photo(tmp_path, 1, person(30), person(80))), [contender(30)])["c"]
    assert (result.pck.value, result.pck.coverage) == (0.5, 0.5)
    np.testing.assert_array_equal(result.per_person, [1, 0])
    nobody = p.measure(photos(photo(tmp_path, 1, person(30))), [contender()])["c"]
    assert (nobody.pck.value, nobody.pck.coverage, nobody.given) == (0, 0, 0)


def test_people_without_a_diagonal_do_not_count_but_keep_their_poses(tmp_path: Path) -> None:
    """The half-labelled person takes the pose that is theirs; the other stays missed."""
    half = person(30)
    points = half.joints2d.copy()
    points[[LSP14.index("r_hip"), LSP14.index("l_hip")]] = np.nan
    half = LabelledPerson(half.box, points, np.isfinite(points[:, 0]).astype(int) * 2, half.area)
    result = p.measure(photos(photo(tmp_path, 1, half, person(80))), [contender(30)])["c"]
    assert result.pck.count == 1 and result.pck.value == 0


def test_joints_can_be_pooled(tmp_path: Path) -> None:
    """12 joints right and 4 labelled joints missed: a half of the people, three quarters of the joints."""
    few = person(80)
    keep = [LSP14.index(f"{s}_{j}") for s in "lr" for j in ("hip", "shoulder")]
    points = np.full((14, 2), np.nan)
    points[keep] = few.joints2d[keep]
    few = LabelledPerson(few.box, points, np.isfinite(points[:, 0]).astype(int) * 2, few.area)
    result = p.measure(photos(photo(tmp_path, 1, person(30), few)), [contender(30)])["c"]
    assert result.pck.value == 0.5 and result.pck_joints == 0.75


def test_given_boxes_are_answered_in_order_and_have_no_ap(tmp_path: Path) -> None:
    pytest.importorskip("faster_coco_eval", reason="counts the average precision")
    seen: list[np.ndarray] = []

    def run(frame: Frame, boxes: np.ndarray) -> list[Pose]:
        seen.append(boxes)
        return [pose(80), pose(30)]  # the wrong way round: told the boxes, that is an error

    shots = photos(photo(tmp_path, 1, person(30), person(80)))
    result = p.measure(shots, [p.Contender("boxed", run, boxed=True), contender(30, 80)])
    assert result["boxed"].pck.value < 0.5 and result["boxed"].ap is None
    assert seen[0].shape == (2, 4)
    ap = result["c"].ap
    assert ap is not None and ap.ap == pytest.approx(1)


def test_ap_needs_complete_photos(tmp_path: Path) -> None:
    assert p.measure(photos(photo(tmp_path, 1, person(30)), complete=False), [contender(30)])["c"].ap is None


def test_a_photo_without_people_only_costs_time(tmp_path: Path) -> None:
    result = p.measure(photos(photo(tmp_path, 1)), [contender(30)])["c"]
    assert np.isnan(result.pck.value) and result.pck.count == 0 and result.given == 1


def test_paired_difference_by_hand() -> None:
    mean, half = p.paired_difference(np.array([1.0, 0.5, 1.0, 0.5]), np.array([0.5, 0.5, 0.5, 0.5]))
    assert mean == 0.25 and half == pytest.approx(1.96 * np.std([0.5, 0, 0.5, 0], ddof=1) / 2)
    assert p.paired_difference(np.ones(1), np.zeros(1))[0] == 1
    assert np.isnan(p.paired_difference(np.zeros(0), np.zeros(0))[0])


def write_parse(root: Path, count: int = 5) -> None:
    """A data root with a set in PARSE's format."""
    (root / "parse" / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        name = f"images/im{number:04d}.png"
        Image.new("RGB", SIZE).save(root / "parse" / name)
        images.append({"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1]})
        points = np.column_stack([joints(60), np.full(14, 2)])
        annotations.append(
            {
                "id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": [40, 5, 40, 85],
                "area": 1500.0, "num_keypoints": 14, "keypoints": points.ravel().tolist(),
                "lr_legs": "unsure" if number == 1 else "kept", "lr_arms": "kept",
            }
        )  # fmt: skip
    long = [n.replace("r_", "right_", 1) if n.startswith("r_") else n.replace("l_", "left_", 1) for n in LSP14.names]
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "keypoints": long}]}
    (root / "parse" / "parse_train.json").write_text(json.dumps(data))


def test_sets_come_from_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parse(tmp_path)
    monkeypatch.setenv("ANCHORPOSE_DATA", str(tmp_path))
    shots = p.photo_set("parse")
    assert len(shots.images) == 4 and shots.left_out == {"unsure sides": 1} and shots.skeleton == "lsp14"
    assert not any(shots.complete)
    assert [image.id for image in p.photo_set("parse", limit=2).images] == [2, 5]
    with pytest.raises(InputError, match="lspet_val, coco_mini, parse"):
        p.photo_set("nothing")
