"""The canonical skeleton and its forward kinematics."""

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.poses.body import pose_body
from anchorpose.poses.body_points import body_points
from anchorpose.poses.canonical import (
    ANNY,
    HEAD_CENTRE,
    OFFSETS,
    PARENTS,
    REST,
    REST_AXES,
    REST_LENGTHS,
    axes_frame,
    rest_vector,
)
from anchorpose.poses.clips import forward_kinematics
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import (
    canonical_body13,
    canonical_joints,
    canonical_offsets,
    local_rotations,
    mirror_rotations,
)
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.skeletons import BODY13, get_skeleton
from anchorpose.poses.values import Motion


def turned(bone: str, angle: float) -> np.ndarray:
    """Joints (104, 3) with one bone turned about its own bend axis [degrees]."""
    rotations = np.broadcast_to(np.eye(3), (1, len(ANNY), 3, 3)).copy()
    axis = REST_AXES[ANNY.index(bone), :, 0]
    rotations[0, ANNY.index(bone)] = rotvec_to_matrix(np.radians(angle) * axis)
    return canonical_joints(rotations, np.zeros((1, 3)), REST_LENGTHS)[0][0]


def test_it_is_the_bodys_skeleton() -> None:
    """Names, parents and the reference pose are those of the body that ships; an average adult differs little."""
    body = read_body()
    assert body.bones == ANNY.names
    np.testing.assert_array_equal(body.parents, PARENTS)
    assert get_skeleton("anny") is ANNY
    safe = np.maximum(PARENTS, 0)
    back = np.swapaxes(body.turns, -1, -2)  # the mean shape's joints, taken to the reference pose
    u, _, vt = np.linalg.svd(back)
    offsets = ((u @ vt)[safe] @ (body.joints - body.joints[safe])[..., None])[..., 0]
    lengths = np.linalg.norm(offsets, axis=1)
    long = (lengths > 0.03) & (REST_LENGTHS > 0.03)
    cosine = (offsets * OFFSETS).sum(1)[long] / (lengths * REST_LENGTHS)[long]
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 15
    assert np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))) < 3
    eye = np.broadcast_to(np.eye(3), (1, len(ANNY), 3, 3))
    posed = pose_body(body, np.zeros((1, 1)), eye, np.zeros((1, 3)))
    head = body_points(body, posed)["body13"][0, BODY13.index("head")] - posed.joints[0, ANNY.index("head")]
    np.testing.assert_allclose(head, HEAD_CENTRE, atol=0.005)


def test_the_sides_mirror() -> None:
    np.testing.assert_allclose(REST[ANNY.mirror] * (-1, 1, 1), REST, atol=1e-12)
    along, bend = REST_AXES[:, :, 1], REST_AXES[:, :, 0]
    np.testing.assert_allclose(along[ANNY.mirror] * (-1, 1, 1), along, atol=1e-12)
    # An axis of rotation mirrors the other way round than a direction. Those of the middle are their own mirror image.
    np.testing.assert_allclose(bend[ANNY.mirror] * (1, -1, -1), bend, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(REST_AXES), 1.0)


def test_what_a_positive_bend_does() -> None:
    """As the module's text says, on both sides."""
    for side, out in (("L", 1), ("R", -1)):
        at = {name: ANNY.index(f"{name}.{side}") for name in ("foot", "wrist", "finger3-3", "toe1-2", "upperarm01")}
        assert turned(f"lowerleg01.{side}", 60)[at["foot"], 2] < REST[at["foot"], 2] - 0.2  # the knee bends
        assert turned(f"lowerarm01.{side}", 60)[at["wrist"], 2] > REST[at["wrist"], 2] + 0.02  # the elbow bends on
        palm = turned(f"finger3-1.{side}", 60)[at["finger3-3"]] - REST[at["finger3-3"]]
        assert palm[0] * out < -0.01 and palm[1] < 0.01  # the palms face each other and down
        assert turned(f"toe1-1.{side}", 40)[at["toe1-2"], 1] < REST[at["toe1-2"], 1] - 0.005
        lifted = turned(f"clavicle.{side}", 20)[at["upperarm01"], 1] - REST[at["upperarm01"], 1]
        assert lifted > 0.03
    assert turned("spine03", 40)[ANNY.index("head"), 2] > REST[ANNY.index("head"), 2] + 0.1


def test_kinematics_agree_with_those_of_clips() -> None:
    rng = np.random.default_rng(0)
    rotations = rotvec_to_matrix(rng.normal(size=(4, len(ANNY), 3)))
    where = rng.normal(size=(4, 3))
    joints, world = canonical_joints(rotations, where, REST_LENGTHS)
    expected, expected_world = forward_kinematics(OFFSETS, PARENTS, rotations, where)
    np.testing.assert_allclose(joints, expected, atol=1e-12)
    np.testing.assert_allclose(world, expected_world, atol=1e-12)
    np.testing.assert_allclose(local_rotations(world), rotations, atol=1e-12)
    many, _ = canonical_joints(rotations, where, np.tile(REST_LENGTHS, (4, 1)))
    np.testing.assert_allclose(many, joints, atol=1e-12)


def test_mirrored_rotations_give_mirrored_joints() -> None:
    rng = np.random.default_rng(1)
    rotations = rotvec_to_matrix(0.5 * rng.normal(size=(3, len(ANNY), 3)))
    joints, world = canonical_joints(rotations, np.zeros((3, 3)), REST_LENGTHS)
    mirrored, mirrored_world = canonical_joints(mirror_rotations(rotations), np.zeros((3, 3)), REST_LENGTHS)
    np.testing.assert_allclose(mirrored, joints[:, ANNY.mirror] * (-1, 1, 1), atol=1e-12)
    body, other = canonical_body13(joints, world), canonical_body13(mirrored, mirrored_world)
    np.testing.assert_allclose(other, body[:, BODY13.mirror] * (-1, 1, 1), atol=1e-12)


def test_a_frame_of_two_directions() -> None:
    np.testing.assert_allclose(axes_frame((0, 2, 0), (1, 1, 0)), np.eye(3), atol=1e-12)
    assert rest_vector("lowerleg01.L", "foot.L")[1] < -0.3


def test_a_motion_of_it_can_be_made() -> None:
    eye = np.broadcast_to(np.eye(3), (2, len(ANNY), 3, 3))
    motion = Motion("anny", [0.0, 0.1], eye[:, 0], eye, np.zeros((2, 3)), REST_LENGTHS, "world", [True, True])
    assert len(motion) == 2


def test_wrong_shapes_are_told() -> None:
    eye = np.broadcast_to(np.eye(3), (2, len(ANNY), 3, 3))
    with pytest.raises(InputError, match="rotations must be"):
        canonical_joints(eye[:, :5], np.zeros((2, 3)), REST_LENGTHS)
    with pytest.raises(InputError, match="translation must be"):
        canonical_joints(eye, np.zeros(3), REST_LENGTHS)
    with pytest.raises(InputError, match="104 bone lengths"):
        canonical_offsets(np.ones(5))
    with pytest.raises(InputError, match="bone_lengths must be"):
        canonical_joints(eye, np.zeros((2, 3)), np.ones((3, len(ANNY))))
