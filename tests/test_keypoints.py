"""2D keypoints of other programs: recognised by content, joints told by names or by number."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anchorpose.files.keypoints import KeypointFrame, read_keypoints
from anchorpose.files.results import save
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.skeletons import COCO17, OPENPOSE25, convert
from anchorpose.poses.values import People, Person, Pose


def flat(joints: int, offset: float = 0.0, score: float = 0.5) -> list[float]:
    """x = 100 + j, y = 200 + j, score; joint 1 is missing."""
    points = [(100 + j + offset, 200 + j + offset, score) for j in range(joints)]
    points[1] = (0, 0, 0)
    return [v for point in points for v in point]


def dumped(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data))
    return path


def result(image: int | str, joints: int = 17, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": 1, "keypoints": flat(joints), **more}


def frames(path: Path, skeleton: str | None = None) -> list[KeypointFrame]:
    return list(read_keypoints(path, skeleton))


def test_coco_results(tmp_path: Path) -> None:
    path = dumped(
        tmp_path / "a.json",
        [
            result(397133, score=0.9, bbox=[90, 190, 30, 40]),
            result(37777),
            result(397133, keypoints=flat(17, offset=1, score=3.0), score=2.7, track_id=4),
        ],
    )
    first, second = frames(path)
    assert (first.source, first.index, first.time, first.size, first.camera) == ("397133", 397133, None, None, None)
    assert first.skeleton is COCO17 and len(first) == 2 and len(second) == 1
    np.testing.assert_array_equal(first.joints2d[0, 5], [105, 205])
    assert np.isnan(first.joints2d[:, 1]).all() and (first.scores[:, 1] == 0).all()
    assert first.scores[0, 0] == 0.5 and first.scores[1, 0] == 1  # cut to 1
    np.testing.assert_array_equal(first.boxes, [[90, 190, 120, 230], [101, 201, 117, 217]])
    np.testing.assert_allclose(first.person_scores, [0.9, 1.0])
    assert first.ids == (None, 4)
    assert second.person_scores[0] == pytest.approx(0.5)


def test_alphapose_names_frames(tmp_path: Path) -> None:
    people = [result("0.jpg", idx=1, box=[1, 2, 3, 4]), result("12.jpg", idx=1), result("cat.jpg")]
    read = frames(dumped(tmp_path / "a.json", people))
    assert [(f.source, f.index, f.ids) for f in read] == [
        ("0.jpg", 0, (1,)),
        ("12.jpg", 12, (1,)),
        ("cat.jpg", 2, (None,)),
    ]
    np.testing.assert_array_equal(read[0].boxes, [[1, 2, 4, 6]])


def test_no_results_at_all(tmp_path: Path) -> None:
    assert frames(dumped(tmp_path / "a.json", [])) == []


@pytest.mark.parametrize(
    ("joints", "name"),
    [(13, "body13"), (14, "lsp14"), (16, "mpii16"), (17, "coco17"), (25, "openpose25"), (33, "mediapipe33"),
     (133, "wholebody133")],
)  # fmt: skip
def test_skeleton_by_number(tmp_path: Path, joints: int, name: str) -> None:
    (frame,) = frames(dumped(tmp_path / "a.json", [result(1, joints)]))
    assert frame.skeleton.name == name and frame.joints2d.shape == (1, joints, 2)


def test_skeleton_by_choice(tmp_path: Path) -> None:
    path = dumped(tmp_path / "a.json", [result(1)])
    assert frames(path, "h36m17")[0].skeleton.name == "h36m17"
    with pytest.raises(InputError, match="body13 has 13 joints, the people here have 17"):
        frames(path, "body13")
    with pytest.raises(InputError, match="no skeleton 'coco18'; there are body13"):
        frames(path, "coco18")
    with pytest.raises(
        InputError, match=r"20 joints could be in several orders or none; name the skeleton: .*coco17 \(17\)"
    ):
        frames(dumped(tmp_path / "b.json", [result(1, 20)]))


def labels(**changes: Any) -> dict[str, Any]:
    points = flat(17, score=2)
    points[2] = 1
    data = {
        "images": [{"id": 9, "file_name": "val/a.jpg", "width": 640, "height": 480}, {"id": 3, "file_name": "b.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 9, "keypoints": points, "bbox": [0, 0, 5, 5]},
            {"id": 2, "image_id": 9, "keypoints": [0] * 51},
            {"id": 3, "image_id": 3, "keypoints": flat(17, score=2), "iscrowd": 1},
        ],
    }
    return data | changes


def test_coco_labels(tmp_path: Path) -> None:
    first, second = frames(dumped(tmp_path / "a.json", labels()))
    assert (first.source, first.index, first.size, len(first)) == ("a.jpg", 0, (640, 480), 1)
    assert (second.source, second.index, second.size, len(second)) == ("b.jpg", 1, None, 0)
    np.testing.assert_array_equal(first.scores[0, :3], [0.5, 0, 1])


def test_coco_labels_by_their_names(tmp_path: Path) -> None:
    names = ["left_shoulder", "right_shoulder", "neck"]
    with pytest.raises(InputError, match=r"its joints \(l_shoulder, r_shoulder, neck\) are in no known order"):
        frames(dumped(tmp_path / "a.json", labels(categories=[{"keypoints": names}])))


def openpose(joints: int = 25, **more: Any) -> dict[str, Any]:
    return {
        "version": 1.3,
        "people": [{"person_id": [-1], "pose_keypoints_2d": flat(joints), "face_keypoints_2d": []}],
        **more,
    }


def test_openpose_file(tmp_path: Path) -> None:
    (frame,) = frames(dumped(tmp_path / "cat_keypoints.json", openpose()))
    assert (frame.source, frame.index, frame.skeleton, frame.ids) == ("cat", 0, OPENPOSE25, (None,))
    assert np.isnan(frame.joints2d[0, 1]).all() and frame.scores[0, 1] == 0


def test_openpose_folder_is_a_video(tmp_path: Path) -> None:
    for number in (0, 2, 10):
        data = openpose() if number else {"version": 1.3, "people": []}
        dumped(tmp_path / f"my_clip_{number:012}_keypoints.json", data)
    (tmp_path / "readme.txt").touch()
    read = frames(tmp_path)
    assert [(f.source, f.index, len(f)) for f in read] == [("my_clip", 0, 0), ("my_clip", 2, 1), ("my_clip", 10, 1)]


def test_openpose_with_18_joints(tmp_path: Path) -> None:
    """Neck, the arm and the ears end up under their names; hips give the pelvis on conversion, feet stay missing."""
    order = (
        "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle"
        " r_eye l_eye r_ear l_ear"
    ).split()
    path = dumped(tmp_path / "a_keypoints.json", openpose(18))
    for skeleton in (None, "openpose18"):
        (frame,) = frames(path, skeleton)
        assert frame.skeleton is OPENPOSE25
        for j, name in enumerate(order):
            if j != 1:
                np.testing.assert_array_equal(frame.joints2d[0, OPENPOSE25.index(name)], [100 + j, 200 + j])
        missing = {n for n, s in zip(OPENPOSE25.names, frame.scores[0], strict=True) if s == 0}
        assert missing == set(OPENPOSE25.names) - set(order) | {"neck"}
        body, scores = convert(frame.joints2d, frame.skeleton, "body13", frame.scores)
        assert np.isfinite(body).all() and (scores > 0).all()


def test_openpose_in_a_list_with_a_canvas(tmp_path: Path) -> None:
    data = [openpose(18, canvas_width=512, canvas_height=768), {"people": [{"pose_keypoints_2d": None}]}]
    first, second = frames(dumped(tmp_path / "a.json", data))
    assert first.size == (512, 768) and (len(first), len(second)) == (1, 0)
    assert second.skeleton is OPENPOSE25  # as the frame before


def test_openpose_in_fractions_is_refused(tmp_path: Path) -> None:
    data = {"people": [{"pose_keypoints_2d": [0.5, 0.5, 0.9] * 25}]}
    with pytest.raises(FormatError, match="fractions of the picture; run OpenPose with --keypoint_scale 0"):
        frames(dumped(tmp_path / "a.json", data))


def own_frame(number: int) -> People:
    joints2d = np.column_stack([np.arange(13.0), np.arange(13.0)])
    joints2d[2] = np.nan
    body = Pose("body13", 0.75, np.array([0, 0, 12.0, 12.0]), joints2d, np.full(13, 0.5))
    camera = Camera.from_focal(64, 48, 70, origin="exif")
    return People(
        (Person.from_body(body, id=3), Person(4, 0.1, np.zeros(4))), "clip.mp4", number, number / 25, 64, 48, camera
    )


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.txt"])
def test_our_own(tmp_path: Path, name: str) -> None:
    people = [own_frame(0), replace(own_frame(4), persons=())]
    save(people, tmp_path / ("a.json" if name == "a.json" else "a.jsonl"))
    if name == "a.txt":
        (tmp_path / "a.jsonl").rename(tmp_path / name)
    first, last = frames(tmp_path / name)
    assert (first.source, first.index, first.time, first.size) == ("clip.mp4", 0, 0.0, (64, 48))
    assert first.camera == people[0].camera and first.skeleton.name == "body13"
    assert (first.ids, len(last), last.index, last.time) == ((3,), 0, 4, 0.16)
    assert np.isnan(first.joints2d[0, 2]).all() and first.scores[0, 2] == 0
    np.testing.assert_array_equal(first.joints2d[0, 5], [5, 5])
    assert first.person_scores[0] == 0.75


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"a": 1}, r"keypoints of an unknown kind \(a\); expected 2D keypoints: COCO results"),
        ([1], "unknown kind"),
        ("text", "unknown kind"),
        ([{"image_id": 1}], "entry 0: expected an object with image_id and keypoints"),
        ([result(1), {"keypoints": []}], "entry 1"),
        ([result(1), 5], "entry 1"),
        ([result([1])], "entry 0"),
        ([result(1, keypoints=[1, 2])], "entry 0: keypoints should be x, y, score"),
        ([result(1, keypoints="abc")], "entry 0: keypoints should be"),
        ([result(1, keypoints=[None] * 51)], "not finite"),
        ([result(1), result(1, 13)], r"image 1: people with different numbers of joints: \[13, 17\]"),
        (labels(annotations=[{"id": 7, "image_id": 9, "keypoints": flat(17, score=0.5)}]), "annotation 7: the visib"),
        (labels(images=[{"file_name": "a"}]), "image 0: expected an object with an id"),
        ({"people": 5}, "no list of people"),
        ({"people": [5]}, "person 0: expected an object"),
        ({"people": [{"pose_keypoints_2d": [1, 2]}]}, "person 0: keypoints should be"),
        ([{"people": []}, {"people": None}], "frame 1: no list of people"),
        ({"format": "anchorpose/1", "people": []}, "source, frame, time"),
    ],
)
def test_wrong_content_names_the_place(tmp_path: Path, data: Any, words: str) -> None:
    path = dumped(tmp_path / "a.json", data)
    with pytest.raises(FormatError, match=words) as caught:
        frames(path)
    assert str(path) in str(caught.value)


def test_wrong_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FormatError, match="not JSON"):
        frames(tmp_path / "a.json")
    with pytest.raises(FileError, match="no such file; expected 2D keypoints"):
        frames(tmp_path / "none.json")
    with pytest.raises(FileError, match="has no .json files in it"):
        frames(tmp_path / "folder")
    (tmp_path / "folder" / "a_keypoints.json").write_text("{")
    with pytest.raises(FormatError, match="a_keypoints.json: not JSON"):
        frames(tmp_path / "folder")
