"""Label files in the manner of COCO person_keypoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anchorpose.files.labels import read_labels
from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.skeletons import COCO17, LSP14

LSP_NAMES = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow right_shoulder"
    " left_shoulder left_elbow left_wrist neck head_top"
).split()


def label_file(path: Path, names: list[str] | None = LSP_NAMES, joints: int = 14, **changes: Any) -> Path:
    keypoints = [v for j in range(joints) for v in (10.0 + j, 20.0 + j, j % 3)]
    data = {
        "images": [
            {"id": 5, "file_name": "images/im5.jpg", "width": 64, "height": 48, "same_photo_as": [9]},
            {"id": 3, "file_name": "images/im3.jpg", "width": 32, "height": 32},
        ],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 624.0, "iscrowd": 0,
             "keypoints": keypoints, "num_keypoints": 9, "lr_suspect": ["legs"], "segmentation": []},
            {"id": 2, "image_id": 5, "category_id": 1, "bbox": [0, 0, 10, 10], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": names}] if names else [],
    }  # fmt: skip
    data.update(changes)
    path.write_text(json.dumps(data))
    return path


def test_records(tmp_path: Path) -> None:
    labels = read_labels(label_file(tmp_path / "set.json"))
    assert (labels.name, labels.skeleton, len(labels)) == ("set", LSP14, 2)
    first, second = labels
    assert labels[1] is second and [i.id for i in labels] == [5, 3]
    assert first.path == tmp_path / "images" / "im5.jpg"
    assert (first.width, first.height, first.attributes) == (64, 48, {"same_photo_as": [9]})
    assert second.people == ()
    person, crowd = first.people
    np.testing.assert_array_equal(person.box, [1, 2, 31, 42])
    np.testing.assert_array_equal(person.visible, np.arange(14) % 3)
    assert np.isnan(person.joints2d[::3]).all()
    np.testing.assert_array_equal(person.joints2d[4], [14, 24])
    assert (person.area, person.iscrowd) == (624.0, False)
    assert person.attributes == {"id": 1, "num_keypoints": 9, "lr_suspect": ["legs"]}
    assert crowd.iscrowd and crowd.area == 100 and (crowd.visible == 0).all() and np.isnan(crowd.joints2d).all()


def test_image_folder_can_be_elsewhere(tmp_path: Path) -> None:
    labels = read_labels(label_file(tmp_path / "set.json"), image_dir="/photos")
    assert labels[0].path == Path("/photos/images/im5.jpg")


def test_coco_joints_by_name_and_by_number(tmp_path: Path) -> None:
    names = [n.replace("l_", "left_").replace("r_", "right_") if n[1] == "_" else n for n in COCO17.names]
    assert names[5] == "left_shoulder"
    assert read_labels(label_file(tmp_path / "a.json", names, 17)).skeleton is COCO17
    assert read_labels(label_file(tmp_path / "b.json", None, 17)).skeleton is COCO17
    assert read_labels(label_file(tmp_path / "c.json", None, 14)).skeleton is LSP14


def test_photos_without_people(tmp_path: Path) -> None:
    path = tmp_path / "negatives.json"
    images = [{"file_name": f"{i}.jpg", "width": 4, "height": 4, "detector_score": 0.1} for i in range(2)]
    path.write_text(json.dumps({"images": images}))
    labels = read_labels(path)
    assert [(i.id, i.people, i.attributes) for i in labels] == [(None, (), {"detector_score": 0.1})] * 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": None}, "no list of images; expected a label file"),
        ({"annotations": {}}, "annotations are no list"),
        ({"images": [{"id": 5, "file_name": "a.jpg", "width": 4}]}, "image 5: height is missing"),
        ({"images": [{"id": 5, "file_name": 7, "width": 4, "height": 4}]}, "image 5"),
        ({"images": [{"id": [], "file_name": "a", "width": 4, "height": 4}]}, "neither a number nor a name"),
        ({"images": ["a.jpg"]}, 'image number 1: expected an object with file_name, width, height, got "a.jpg"'),
        ({"images": []}, "images that are not listed: 5"),
        ({"images": [{"id": 5, "file_name": "a", "width": 4, "height": 4}] * 2}, "with the same one"),
        ({"annotations": [{"id": 8, "image_id": 5}]}, "annotation 8: bbox is missing"),
        ({"annotations": [{"id": 8, "image_id": 5, "bbox": [1, 2, 3]}]}, "annotation 8"),
        ({"annotations": [{"id": 8, "bbox": [1, 2, 3, 4]}]}, "annotation 8: image_id is missing"),
        ({"annotations": [{"id": 8, "image_id": 5, "bbox": [1, 2, 3, 4], "keypoints": [1, 2, 2]}]}, "expected 42 num"),
        ({"annotations": [{"id": 8, "image_id": 5, "bbox": [1, 2, 3, 4], "keypoints": [1] * 41 + [3]}]}, "0, 1 or 2"),
        ({"annotations": ["person"]}, "annotation number 1: expected an object with image_id, bbox,"),
        ({"categories": [{"keypoints": ["nose", "tail"]}]}, "unknown joints nose, tail; known are coco17"),
        ({"categories": None, "annotations": [{"keypoints": [0] * 15}]}, "people with 5 joints and no names"),
    ],
)
def test_wrong_content_names_the_place(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = label_file(tmp_path / "set.json", **changes)
    with pytest.raises(FormatError, match=words) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)


def test_wrong_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("[]")
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    for name, words in {
        "none.json": "no such file; expected a label file",
        "a.json": "not JSON",
        "b.json": "no list of images",
        "c.json": "not a text file",
    }.items():
        with pytest.raises(FileError, match=words):
            read_labels(tmp_path / name)
