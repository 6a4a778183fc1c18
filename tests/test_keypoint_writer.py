"""OpenPose's folders and COCO results: read back by our reader, and by COCO's evaluation."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.keypoint_writer import write_coco_results, write_openpose
from anchorpose.files.keypoints import read_keypoints
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.skeletons import BODY13, COCO17, FACE84, OPENPOSE25, WHOLEBODY133, convert
from anchorpose.poses.values import Pose
from moving_people import people_frames


def test_openpose_comes_back(tmp_path: Path) -> None:
    frames = people_frames()
    write_openpose(frames, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"clip_{k:012d}_keypoints.json" for k in range(4)]
    for here, there in zip(frames, read_keypoints(tmp_path / "out"), strict=True):
        assert (there.skeleton.name, there.index, there.ids) == ("openpose25", here.frame, tuple(p.id for p in here))
        for person, joints, scores in zip(here, there.joints2d, there.scores, strict=True):
            body = person.body
            assert body is not None
            expected, expected_scores = convert(body.joints2d, "body13", "openpose25", body.scores)
            np.testing.assert_allclose(joints, expected, atol=1e-5)
            np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


def test_openpose_as_it_is_written_elsewhere(tmp_path: Path) -> None:
    """Version 1.3, flat lists of 25, 70 and 21 points, 0 0 0 for a missing joint, metres in space."""
    (people,) = people_frames(1, 1)
    (person,) = people
    hand = Pose("hand21", 0.5, person.box, np.arange(42.0).reshape(21, 2), np.full(21, 0.5))
    face = Pose("face84", 0.5, person.box, np.ones((len(FACE84), 2)), np.full(len(FACE84), 0.25))
    person = replace(person, left_hand=hand, face=face, id=None)
    write_openpose([replace(people, persons=(person,))], tmp_path / "out")
    data = json.loads(next((tmp_path / "out").iterdir()).read_text())
    assert data["version"] == 1.3
    (found,) = data["people"]
    assert found["person_id"] == [-1]
    assert len(found["pose_keypoints_2d"]) == 3 * len(OPENPOSE25)
    assert len(found["face_keypoints_2d"]) == 3 * 70
    assert found["hand_left_keypoints_2d"] == [v for i in range(21) for v in (2.0 * i, 2.0 * i + 1, 0.5)]
    assert found["hand_right_keypoints_2d"] == []
    assert found["pose_keypoints_2d"][:3] == [0, 0, 0]  # no nose in BODY13
    space = np.array(found["pose_keypoints_3d"]).reshape(25, 4)
    body = person.body
    assert body is not None and body.joints_camera is not None
    np.testing.assert_allclose(
        space[OPENPOSE25.index("r_knee"), :3], body.joints_camera[BODY13.index("r_knee")], atol=1e-5
    )


def test_another_program_reads_openpose(tmp_path: Path) -> None:
    """pose-format finds the frames by their names, and the joints by OpenPose's names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its source has an escape that Python 3.12 complains of
        openpose = pytest.importorskip("pose_format.utils.openpose", reason="pose-format is not installed")
    frames = people_frames()
    write_openpose(frames, tmp_path / "out")
    pose = openpose.load_openpose_directory(str(tmp_path / "out"))
    names = pose.header.components[0].points
    for here in frames:
        for k, person in enumerate(here):
            body = person.body
            assert body is not None and body.joints2d is not None
            for theirs, ours in (("RKnee", "r_knee"), ("LWrist", "l_wrist"), ("LAnkle", "l_ankle")):
                at = names.index(theirs)
                np.testing.assert_allclose(
                    pose.body.data[here.frame, k, at], body.joints2d[BODY13.index(ours)], atol=1e-3
                )
                assert pose.body.confidence[here.frame, k, at] == pytest.approx(
                    body.scores[BODY13.index(ours)], abs=1e-4
                )


def test_photos_and_what_is_there_already(tmp_path: Path) -> None:
    frames = [replace(people, source=f"photo{k}.jpg", frame=0) for k, people in enumerate(people_frames())]
    write_openpose(frames, tmp_path / "out")
    assert (tmp_path / "out" / "photo3_keypoints.json").is_file()
    with pytest.raises(FileError, match="there already"):
        write_openpose(frames, tmp_path / "out")
    with pytest.raises(InputError, match="name of another"):
        write_openpose([frames[0], frames[1], frames[0]], tmp_path / "new")
    write_openpose(people_frames(2, 0), tmp_path / "empty")
    assert [len(frame) for frame in read_keypoints(tmp_path / "empty")] == [0, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "out"]


def test_coco_results_come_back(tmp_path: Path) -> None:
    frames = people_frames()
    write_coco_results(frames, tmp_path / "a.json")
    for here, there in zip(frames, read_keypoints(tmp_path / "a.json"), strict=True):
        assert (there.skeleton.name, there.index, there.ids) == ("coco17", here.frame, tuple(p.id for p in here))
        for person, joints, box in zip(here, there.joints2d, there.boxes, strict=True):
            body = person.body
            assert body is not None
            np.testing.assert_allclose(joints, convert(body.joints2d, "body13", "coco17")[0], atol=1e-5)
            np.testing.assert_allclose(box, person.box, atol=2e-3)
    write_coco_results(people_frames(2, 0), tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_coco_image_numbers(tmp_path: Path) -> None:
    frames = [replace(people, source=f"{name}.jpg", frame=0) for name, people in
              zip(("000000000139", "party"), people_frames(2), strict=True)]  # fmt: skip
    write_coco_results(frames, tmp_path / "a.json")
    assert {entry["image_id"] for entry in json.loads((tmp_path / "a.json").read_text())} == {139, "party.jpg"}


def test_whole_bodies_are_cocos(tmp_path: Path) -> None:
    (people,) = people_frames(1, 1)
    points = np.arange(266.0).reshape(133, 2)
    body = Pose(WHOLEBODY133.name, 0.5, [0, 0, 9, 9], points, np.full(133, 0.5))
    write_coco_results([replace(people, persons=(replace(people[0], body=body),))], tmp_path / "a.json")
    (entry,) = json.loads((tmp_path / "a.json").read_text())
    sizes = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    assert {key: len(entry[key]) // 3 for key in sizes} == sizes
    assert entry["lefthand_kpts"][:3] == [*points[91], 0.5]


def test_cocos_evaluation_takes_it(tmp_path: Path) -> None:
    """Perfect results have an average precision of 1."""
    evaluation = pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed")
    (people,) = people_frames(1, 2, source="000000000007.jpg")
    rng = np.random.default_rng(0)
    persons = [
        replace(p, body=Pose("coco17", 0.9, p.box, rng.uniform(100, 300, (17, 2)), np.full(17, 0.9))) for p in people
    ]
    write_coco_results([replace(people, persons=tuple(persons))], tmp_path / "a.json")
    results = json.loads((tmp_path / "a.json").read_text())
    truth = {
        "images": [{"id": 7, "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names), "skeleton": []}],
        "annotations": [
            entry | {"id": k, "num_keypoints": 17, "iscrowd": 0, "area": entry["bbox"][2] * entry["bbox"][3],
                     "keypoints": [2 if i % 3 == 2 else v for i, v in enumerate(entry["keypoints"])]}
            for k, entry in enumerate(results, 1)
        ],
    }  # fmt: skip
    truth["annotations"] = [{k: v for k, v in a.items() if k != "score"} for a in truth["annotations"]]
    coco = evaluation.COCO(truth)
    found = evaluation.COCOeval_faster(coco, coco.loadRes(str(tmp_path / "a.json")), "keypoints", print_function=str)
    found.evaluate()
    found.accumulate()
    found.summarize()
    assert found.stats[0] == pytest.approx(1.0)


def test_people_in_space_only_are_no_keypoints(tmp_path: Path) -> None:
    (people,) = people_frames(1, 1)
    body = people[0].body
    assert body is not None
    flat = replace(people, persons=(replace(people[0], body=replace(body, joints2d=None)),))
    with pytest.raises(InputError, match="without 2D joints"):
        write_coco_results([flat], tmp_path / "a.json")
    with pytest.raises(InputError, match="without 2D joints"):
        write_openpose([flat], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
