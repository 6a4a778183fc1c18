"""Motions as the clips of other programs, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.motion_clips import (
    clip_of_motion,
    even_motion,
    even_times,
    frame_rate,
    motion_of_clip,
    prepared,
    y_up_motion,
)
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_joints
from moving_people import degrees_apart, moving


def joints(motion):
    return canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)[0]


def test_a_camera_sees_the_same_from_behind_its_back() -> None:
    """Turned over, y points up and the camera looks along -z; all joints go along."""
    motion = moving(frame="camera")
    up = y_up_motion(motion)
    assert up.frame == "world"
    np.testing.assert_allclose(joints(up), joints(motion) * (1, -1, -1), atol=1e-12)
    np.testing.assert_array_equal(up.root, up.rotations[:, 0])
    assert y_up_motion(up) is up


def test_clips_come_back() -> None:
    motion = moving()
    back = motion_of_clip(clip_of_motion(motion))
    assert degrees_apart(motion, back) < 1e-6
    np.testing.assert_allclose(joints(back), joints(motion), atol=1e-12)
    np.testing.assert_allclose(back.times, motion.times, atol=1e-12)


def test_clips_with_z_up_are_turned() -> None:
    motion = moving()
    clip = clip_of_motion(motion)
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    rotations = np.array(clip.rotations)
    rotations[:, 0] = turn @ rotations[:, 0]
    lying = replace(clip, rotations=rotations, positions=clip.positions @ turn.T, up="z")
    np.testing.assert_allclose(joints(motion_of_clip(lying)), joints(motion), atol=1e-12)


def test_uneven_times_are_put_on_a_grid() -> None:
    motion = moving(30)
    keep = np.delete(np.arange(30), [4, 5, 6, 20])
    gappy = replace(
        motion, times=motion.times[keep], root=motion.root[keep], rotations=motion.rotations[keep],
        translation=motion.translation[keep], observed=np.ones(26, bool),
    )  # fmt: skip
    even, fps = even_motion(gappy)
    assert fps == pytest.approx(30)
    np.testing.assert_allclose(even.times, motion.times, atol=1e-9)
    np.testing.assert_allclose(even.translation[keep], motion.translation[keep], atol=1e-9)
    assert np.flatnonzero(~even.observed).tolist() == [4, 5, 6, 20]
    assert np.abs(joints(even) - joints(motion)).max() < 0.05


def test_rates() -> None:
    times = np.arange(100) / 29.97
    jitter = times + np.random.default_rng(0).uniform(-1e-4, 1e-4, 100)
    assert frame_rate(jitter) == pytest.approx(29.97, rel=1e-3)
    assert even_times(jitter)[0] is jitter
    assert frame_rate(np.array([2.0])) == 30


def test_what_cannot_be_held_is_refused() -> None:
    motion = moving()
    broken = np.array(motion.rotations)
    broken[3, 5] = np.nan
    with pytest.raises(InputError, match="BVH cannot hold a pose that is missing: frame 3 .* 1 of 12"):
        prepared(replace(motion, rotations=broken), "BVH")
    lengths = np.array(motion.bone_lengths)
    lengths[7] = np.nan
    with pytest.raises(InputError, match=f"that of {ANNY.names[7]} is not finite"):
        prepared(replace(motion, bone_lengths=lengths), "BVH")
    with pytest.raises(InputError, match="at least one frame"):
        prepared(moving(0), "BVH")
    with pytest.raises(InputError, match="rise"):
        replace(motion, times=motion.times[::-1])


def test_points_are_no_motion() -> None:
    markers = Clip("m", ("a", "b"), np.array([-1, -1]), np.zeros((2, 3)), None, np.zeros((4, 2, 3)), 30.0)
    with pytest.raises(InputError, match="anchorpose refine"):
        motion_of_clip(markers)


def test_bones_in_other_directions_are_another_skeleton() -> None:
    clip = clip_of_motion(moving())
    offsets = np.array(clip.offsets)
    offsets[ANNY.index("wrist.L")] = (0, 0.3, 0)
    with pytest.raises(InputError, match="wrist.L lies in another direction"):
        motion_of_clip(replace(clip, offsets=offsets))
