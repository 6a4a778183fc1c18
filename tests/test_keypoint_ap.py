"""OKS AP: what a perfect, a late and a spurious detection are worth, and what is ignored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.labels import LabelledImage, LabelledPerson
from anchorpose.measure.keypoint_ap import keypoint_ap
from anchorpose.measure.metrics import BODY12, body12, oks_matrix
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import COCO17
from anchorpose.poses.values import Pose

pytest.importorskip("faster_coco_eval", reason="counts the average precision")


def joints(x: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((17, 2)) * [40, 100] + [x, 50]


def person(points: np.ndarray, visible: np.ndarray | None = None, iscrowd: bool = False) -> LabelledPerson:
    visible = np.full(17, 2) if visible is None else visible
    box = np.concatenate([points.min(0), points.max(0)])
    shown = np.where(visible[:, None] > 0, points, np.nan)
    return LabelledPerson(box, shown, visible, float((box[2:] - box[:2]).prod() * 0.5), iscrowd)


def image(number: int, *people: LabelledPerson) -> LabelledImage:
    return LabelledImage(number, Path(f"{number}.jpg"), 640, 480, people)


def pose(points: np.ndarray, score: float = 0.9) -> Pose:
    return Pose("coco17", score, np.zeros(4), points, np.ones(17))


def test_perfect_detections_have_ap_one() -> None:
    a, b = joints(50), joints(300, seed=1)
    result = keypoint_ap([image(1, person(a), person(b))], "coco17", [[pose(a), pose(b, 0.4)]])
    assert (result.ap, result.ap50, result.ar) == pytest.approx((1, 1, 1))
    assert (result.images, result.people) == (1, 2)


def test_half_of_the_people_is_half_the_ap() -> None:
    """Precision is 1 up to recall .5: 51 of COCO's 101 recall points."""
    a, b = joints(50), joints(300, seed=1)
    result = keypoint_ap([image(1, person(a), person(b))], "coco17", [[pose(a)]])
    assert result.ap == pytest.approx(51 / 101) and result.ar == pytest.approx(0.5)


def test_a_surer_false_person_halves_the_precision() -> None:
    a, far = joints(50), joints(500, seed=3)
    result = keypoint_ap([image(1, person(a))], "coco17", [[pose(a, 0.3), pose(far, 0.8)]])
    assert result.ap == pytest.approx(0.5) and result.ar == pytest.approx(1)


def test_the_thresholds_of_ap_follow_the_oks_of_the_metrics() -> None:
    """A pose of OKS q counts at the thresholds up to q: AP is their share of .50:.05:.95."""
    a = joints(50)
    moved = a + [7.0, 0.0]
    labelled = person(a)
    oks = oks_matrix(
        body12(moved, "coco17")[None], body12(a, "coco17")[None], np.ones((1, 12), bool), np.array([labelled.area])
    )[0, 0]
    expected = np.mean(np.arange(0.5, 1.0, 0.05) <= oks)
    assert 0 < expected < 1
    result = keypoint_ap([image(1, labelled)], "coco17", [[pose(moved)]])
    assert result.ap == pytest.approx(expected)


def test_faces_do_not_count() -> None:
    a = joints(50)
    wrong_face = a.copy()
    wrong_face[:5] += 300
    assert keypoint_ap([image(1, person(a))], "coco17", [[pose(wrong_face)]]).ap == pytest.approx(1)


def test_crowds_and_people_without_body_joints_are_ignored() -> None:
    a, b, c = joints(50), joints(300, seed=1), joints(500, seed=2)
    only_face = np.where(np.arange(17) < 5, 2, 0)
    crowd = person(c, np.zeros(17, int), iscrowd=True)
    labelled = image(1, person(a), person(b, only_face), crowd)
    # Surer than the true one, yet neither is a false person.
    result = keypoint_ap([labelled], "coco17", [[pose(a, 0.3), pose(b, 0.8), pose(c, 0.9), pose(c + 1, 0.7)]])
    assert result.ap == pytest.approx(1) and result.people == 1


def test_a_joint_that_was_not_found_is_wrong_not_near() -> None:
    a = joints(50)
    holes = a.copy()
    holes[COCO17.index("l_knee")] = np.nan
    holes[COCO17.index("r_knee")] = np.nan
    result = keypoint_ap([image(1, person(a))], "coco17", [[pose(holes)]])
    assert result.ap == pytest.approx(np.mean(np.arange(0.5, 1.0, 0.05) <= 10 / len(BODY12)))


def test_nothing_found_and_nothing_labelled() -> None:
    a = joints(50)
    assert keypoint_ap([image(1, person(a))], "coco17", [[]]).ap == 0
    assert np.isnan(keypoint_ap([image(1)], "coco17", [[pose(a)]]).ap)
    with pytest.raises(InputError, match="2 photos"):
        keypoint_ap([image(1, person(a)), image(2)], "coco17", [[]])
