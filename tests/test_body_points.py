"""The points of the skeletons on the body: complete, in order, left on the left, and where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.poses.body import BodyModel, Posed, pose_body
from anchorpose.poses.body_points import FEET, PARTS, all_points, body_points, point_rows
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, COCO17, FACE84, HAND21, WHOLEBODY133, Skeleton

SKELETONS: dict[str, Skeleton] = {
    "body13": BODY13, "coco17": COCO17, "face84": FACE84, "wholebody133": WHOLEBODY133,
}  # fmt: skip


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body()


def posed_body(body: BodyModel, actions: dict[str, float] | None = None, shape: np.ndarray | None = None) -> Posed:
    strengths = np.zeros((1, len(body.actions)))
    for name, strength in (actions or {}).items():
        strengths[0, body.action(name)] = strength
    rotations = np.broadcast_to(np.eye(3), (1, len(body.bones), 3, 3))
    return pose_body(body, np.zeros((1, 1)) if shape is None else shape, rotations, np.zeros((1, 3)), strengths)


def test_every_part_is_there_and_complete(body: BodyModel) -> None:
    points = body_points(body, posed_body(body))
    assert tuple(points) == PARTS
    for part, expected in {**SKELETONS, "left_hand": HAND21, "right_hand": HAND21}.items():
        assert points[part].shape == (1, len(expected), 3) and np.isfinite(points[part]).all()
    weights = body.points.weights.sum(1) + body.points.joint_weights.sum(1)
    np.testing.assert_allclose(weights, 1, atol=1e-5)


@pytest.mark.parametrize("part", sorted(SKELETONS))
def test_the_mean_body_is_its_own_mirror_image(body: BodyModel, part: str) -> None:
    """Left and right points swap by name under x -> -x (the mean over people is symmetric to a few millimetres)."""
    points = body_points(body, posed_body(body))[part][0]
    image = points[SKELETONS[part].mirror] * [-1, 1, 1]
    np.testing.assert_allclose(points, image, atol=4e-3)
    for i, name in enumerate(SKELETONS[part].names):
        side = {"l": 1, "r": -1}.get(name.split("_")[0], 0) if "_" in name else 0
        assert side == 0 or side * points[i, 0] > 0.005, name


def test_hands_mirror_each_other_and_fingers_lead_outwards(body: BodyModel) -> None:
    points = body_points(body, posed_body(body))
    left, right = points["left_hand"][0], points["right_hand"][0]
    np.testing.assert_allclose(left, right * [-1, 1, 1], atol=4e-3)
    assert (left[:, 0] > 0.2).all()
    reach = np.linalg.norm(left - left[0], axis=1)
    for finger in range(5):
        assert (np.diff(reach[1 + 4 * finger : 5 + 4 * finger]) > 0).all()
    assert 0.14 < reach.max() < 0.22
    # The thumb lies forward of the little finger in the reference pose, and the middle finger is the longest.
    assert left[HAND21.index("thumb4"), 2] > left[HAND21.index("little4"), 2]
    np.testing.assert_array_equal(points["coco17"][0, COCO17.index("l_wrist")] - left[0] < 0.03, True)


def test_the_face_is_in_order(body: BodyModel) -> None:
    face = body_points(body, posed_body(body))["face84"][0]
    at = {name: face[FACE84.index(name)] for name in FACE84.names}
    contour = face[:33]
    assert (np.diff(contour[:, 0]) > 0).all()  # from the right ear by the chin to the left ear
    assert contour[:, 1].argmin() == 16 and contour[16, 2] > contour[0, 2] + 0.05
    assert abs(contour[0, 1] - at["r_eye0"][1]) < 0.02
    assert at["l_brow2"][1] > at["l_eye1"][1] > at["l_eye5"][1] > at["nose_bridge3"][1] > at["outer_lip3"][1]
    assert at["outer_lip3"][1] > at["inner_lip2"][1] > at["inner_lip6"][1] > at["outer_lip9"][1] > contour[16, 1]
    assert at["r_eye0"][0] < at["r_eye3"][0] < at["l_eye0"][0] < at["l_eye3"][0]  # corners, as seen from the front
    assert at["nose_bridge3"][2] == face[:, 2].max()
    assert at["outer_lip0"][0] < 0 < at["outer_lip6"][0]


def test_the_face_moves_with_its_actions(body: BodyModel) -> None:
    def gap(actions: dict[str, float], upper: str, lower: str) -> float:
        face = body_points(body, posed_body(body, actions))["face84"][0]
        return float(face[FACE84.index(upper), 1] - face[FACE84.index(lower), 1])

    assert gap({"jawOpen": 1}, "inner_lip2", "inner_lip6") > gap({}, "inner_lip2", "inner_lip6") + 0.01
    open_eye, closed = gap({}, "l_eye1", "l_eye5"), gap({"eyeBlinkLeft": 1}, "l_eye1", "l_eye5")
    assert closed < 0.45 * open_eye and gap({"eyeBlinkLeft": 1}, "r_eye1", "r_eye5") > 0.9 * open_eye
    raised = gap({"browInnerUp": 1}, "l_brow0", "l_eye5")
    assert raised > gap({}, "l_brow0", "l_eye5") + 0.002


def test_joint_centres_lie_inside_the_limbs_they_join(body: BodyModel) -> None:
    points = body_points(body, posed_body(body))
    body13, coco = points["body13"][0], points["coco17"][0]
    for name in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
        for side in "lr":
            a, b = body13[BODY13.index(f"{side}_{name}")], coco[COCO17.index(f"{side}_{name}")]
            assert np.linalg.norm(a - b) < 0.04, name
    ears = coco[[COCO17.index("l_ear"), COCO17.index("r_ear")]]
    np.testing.assert_allclose(body13[BODY13.index("head")], ears.mean(0), atol=1e-5)
    hips = body13[BODY13.index("l_hip")] - body13[BODY13.index("r_hip")]
    assert 0.16 < np.linalg.norm(hips) < 0.20


def test_the_feet_are_on_the_ground(body: BodyModel) -> None:
    posed = posed_body(body)
    feet = body_points(body, posed)["feet"][0]
    assert (feet[:, 1] < posed.vertices[..., 1].min() + 0.05).all()
    at = dict(zip(FEET, feet, strict=True))
    assert at["l_big_toe"][2] > at["l_small_toe"][2] > at["l_heel"][2] + 0.1
    assert 0 < at["l_big_toe"][0] < at["l_small_toe"][0] and at["r_small_toe"][0] < at["r_big_toe"][0] < 0


def test_rows_and_wrong_arguments(body: BodyModel) -> None:
    posed = posed_body(body)
    rows = point_rows(body, "left_hand")
    np.testing.assert_array_equal(all_points(body, posed)[:, rows], body_points(body, posed)["left_hand"])
    with pytest.raises(InputError, match="no part 'tail'"):
        point_rows(body, "tail")
    with pytest.raises(InputError, match="has no points"):
        all_points(body.subset(np.arange(9)), posed)
