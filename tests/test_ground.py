"""From the camera to the world: up and the ground from where feet stand."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.poses.body_bones import BODY_BONES, all_local, bone_lengths
from anchorpose.poses.errors import InputError
from anchorpose.poses.ground import ANKLE_HEIGHT, find_up, standing_feet, to_world
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.transforms import rotation_x, rotation_y
from anchorpose.poses.values import Motion


def standing_about(tilt: float, camera_height: float = 1.4, places: int = 8) -> tuple[Motion, np.ndarray]:
    """A person who stands for ten frames at each of some places of the ground, in the frame of a camera that looks
    down by `tilt` degrees; and the direction up in that frame."""
    rng = np.random.default_rng(0)
    frames = 10 * places
    spots = np.repeat(rng.uniform((-1.5, 0, 3), (1.5, 0, 6), (places, 3)), 10, 0)
    heading = rotation_y(np.repeat(rng.uniform(-3, 3, places), 10))
    level = np.diag([1.0, -1.0, -1.0])
    # World with y up, -z away from the camera; the reference pose's ankles are 0.80 m below its root.
    root = spots * (1, 0, -1) + (0, 0.7958 + ANKLE_HEIGHT - camera_height, 0)
    camera = rotation_x(np.radians(tilt)) @ level
    world = np.broadcast_to((camera @ heading)[:, None], (frames, len(BODY_BONES), 3, 3))
    local = all_local(world)
    motion = Motion("anny", np.arange(frames) / 30, local[:, 0], local, root @ camera.T, bone_lengths(np.zeros(9)),
                    "camera", np.ones(frames, bool))  # fmt: skip
    return motion, camera @ (0, 1, 0)


def joints_of(motion: Motion) -> np.ndarray:
    return canonical_body13(*canonical_joints(motion.rotations, motion.translation, motion.bone_lengths))


@pytest.mark.parametrize("tilt", [0.0, 12.0, -8.0])
def test_feet_span_the_ground(tilt: float) -> None:
    motion, up = standing_about(tilt)
    assert len(standing_feet(motion)) > 50
    np.testing.assert_allclose(find_up(motion), up, atol=0.02)
    world = to_world(motion)
    joints = joints_of(world)
    assert world.frame == "world" and np.abs(np.median(joints[:, :2, 1]) - ANKLE_HEIGHT) < 0.02
    assert (joints[:, 12, 1] > 1.3).all() and (joints[..., 2] < 0).all()  # upright, before the camera that looks at -z
    np.testing.assert_array_equal(world.root, world.rotations[:, 0])
    # Distances stay.
    before = joints_of(motion)
    np.testing.assert_allclose(
        np.linalg.norm(joints[0, 0] - joints[-1, 5]), np.linalg.norm(before[0, 0] - before[-1, 5])
    )


def test_one_place_says_nothing_about_up() -> None:
    """Then the camera is level, unless up is given."""
    motion, up = standing_about(10.0, places=1)
    np.testing.assert_array_equal(find_up(motion), [0, -1, 0])
    given = joints_of(to_world(motion, 3 * up))
    spine = given[:, 12] - given[:, 4:6].mean(1)
    assert (spine[:, 1] > 0.99 * np.linalg.norm(spine, axis=1)).all()


def test_wrong_input() -> None:
    motion, _ = standing_about(0.0)
    with pytest.raises(InputError, match="camera frame"):
        to_world(to_world(motion))
    with pytest.raises(InputError, match="a direction"):
        to_world(motion, [0, 0, 0])
