"""Poses of one person over time, from our own poses or other people's joints."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.poses.errors import InputError
from anchorpose.poses.sequences import MODES, PoseSequence, check_skeleton, check_times
from anchorpose.poses.skeletons import BODY13, convert
from anchorpose.poses.transforms import torso_centre, torso_centred
from anchorpose.poses.values import Mode, Pose
from toy_motion import toy_sequence, toy_truth


def a_pose(joints: np.ndarray, modes: tuple[Mode, ...] = (), skeleton: str = "body13") -> Pose:
    n = len(joints)
    return Pose(skeleton, 0.9, np.zeros(4), None, np.full(n, 0.7), joints, np.array([0.1, 0.2, 3.0]), modes)


def test_from_poses() -> None:
    """Joints, scores, places, modes by weight; None and poses without 3D are gaps."""
    joints = torso_centred(toy_truth(4))
    modes = tuple(Mode(w, joints[0] + w, np.zeros(13)) for w in (0.4, 0.3, 0.2, 0.1))
    flat = Pose("body13", 0.9, np.zeros(4), np.zeros((13, 2)), np.ones(13))
    found = PoseSequence.from_poses([a_pose(joints[0], modes), None, flat, a_pose(joints[3])], [0.0, 0.1, 0.2, 0.4])
    np.testing.assert_array_equal(found.seen, [True, False, False, True])
    np.testing.assert_array_equal(found.joints3d[0], joints[0])
    np.testing.assert_array_equal(found.scores[:, 0], [0.7, 0, 0, 0.7])
    np.testing.assert_array_equal(found.translation[0], [0.1, 0.2, 3.0])
    assert found.modes.shape[1] == MODES
    np.testing.assert_allclose(found.weights[0], [0.4, 0.3, 0.2])
    np.testing.assert_allclose(found.modes[0, 1], joints[0] + 0.3)
    # A pose without modes is its own.
    np.testing.assert_array_equal(found.weights[3], [1, 0, 0])
    np.testing.assert_array_equal(found.modes[3, 0], joints[3])


@pytest.mark.parametrize("skeleton", ["coco17", "h36m17", "smpl24", "mediapipe33", "openpose25"])
def test_other_skeletons(skeleton: str) -> None:
    """Joints of any skeleton with twelve limb joints, in our order."""
    from anchorpose.poses.skeletons import get_skeleton

    rng = np.random.default_rng(0)
    joints = rng.normal(size=(5, len(get_skeleton(skeleton)), 3))
    found = PoseSequence.from_joints(joints, np.arange(5.0), skeleton=skeleton)
    expected, _ = convert(joints, skeleton, BODY13)
    np.testing.assert_allclose(found.joints3d, expected)
    names = get_skeleton(skeleton)
    np.testing.assert_array_equal(found.joints3d[:, BODY13.index("l_knee")], joints[:, names.index("l_knee")])
    assert np.isnan(found.translation).all()  # not before the camera


def test_joints_before_the_camera_have_a_place() -> None:
    truth = toy_truth(6)
    truth[2, 4] = np.nan
    found = PoseSequence.from_joints(truth, np.arange(6.0))
    np.testing.assert_allclose(found.translation[0], torso_centre(truth)[0])
    assert np.isnan(found.translation[2]).all() and found.scores[2, 4] == 0 and found.seen.all()
    given = PoseSequence.from_joints(truth, np.arange(6.0), translation=np.ones((6, 3)))
    np.testing.assert_array_equal(given.translation, 1)


def test_parts_and_modes_left_out() -> None:
    sequence = toy_sequence(8)
    part = sequence.part(slice(2, 5))
    assert len(part) == 3
    np.testing.assert_array_equal(part.weights, sequence.weights[2:5])
    plain = sequence.without_modes()
    np.testing.assert_array_equal(plain.weights, np.repeat([[1.0, 0, 0]], 8, 0))
    np.testing.assert_allclose(plain.modes[:, 0], torso_centred(sequence.joints3d), atol=1e-12)


def test_clear_errors() -> None:
    joints = np.zeros((3, 13, 3))
    with pytest.raises(InputError, match="must rise: 0.1 s follows 0.1 s"):
        PoseSequence.from_joints(joints, [0, 0.1, 0.1])
    with pytest.raises(InputError, match="must rise"):
        check_times([0.0, 2.0, 1.0])
    with pytest.raises(InputError, match="list of numbers"):
        check_times([0.0, np.nan])
    with pytest.raises(InputError, match="body13 must be"):
        PoseSequence.from_joints(np.zeros((3, 17, 3)), [0, 1, 2])
    with pytest.raises(InputError, match="as many times"):
        PoseSequence.from_poses([None], [0.0, 1.0])
    with pytest.raises(InputError, match="hand21 cannot be followed over time: it lacks r_ankle"):
        check_skeleton("hand21")
    with pytest.raises(InputError, match="scores of a sequence"):
        PoseSequence(np.arange(2.0), joints[:2], np.zeros((3, 13)), *([np.zeros(0)] * 3))
