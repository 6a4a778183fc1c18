"""From the camera's frame to the world: which way is up, and where the ground is, from how a person stands on it.

The camera stands still, and the ground is flat. Ankles that hardly move stand on it; if they are seen at places apart
from each other they span it. Otherwise the camera is taken as level.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Motion

Array = NDArray[np.float64]

ANKLE_HEIGHT = 0.08
"""Of a standing foot's ankle above the ground [m]."""

_ANKLES = [BODY13.index("r_ankle"), BODY13.index("l_ankle")]
_SLOW = 0.4  # m/s; an ankle that stands is slower, what jitter there is
_APART = 0.25  # m; deviation along the plane's second direction from which on the places of feet span a plane
_STEEPEST = np.radians(40.0)  # between the ground's normal and a level camera's, or the people's own up
_HEAD, _HIPS = BODY13.index("head"), [BODY13.index("r_hip"), BODY13.index("l_hip")]


def standing_feet(motion: Motion) -> Array:
    """(N, 3) [m] places of ankles that hardly move, in the motion's own frame."""
    joints = _joints(motion)
    ankles = joints[:, _ANKLES]
    if len(motion) < 3:
        return ankles.reshape(-1, 3)
    speed = np.linalg.norm(np.gradient(ankles, motion.times, axis=0), axis=-1)
    # Of two feet the lower one stands, along the person's own up.
    body = (joints[:, _HEAD] - joints[:, _HIPS].mean(1)).mean(0)
    height = ankles @ (body / max(float(np.linalg.norm(body)), 1e-9))
    low = height <= height.min(1, keepdims=True) + 0.1
    feet: Array = ankles[(speed < _SLOW) & low & motion.observed[:, None]]
    return feet


def find_up(motion: Motion) -> Array:
    """(3,) the direction away from the ground in the camera frame; (0, -1, 0), a level camera, if it cannot be told."""
    level = np.array([0.0, -1.0, 0.0])
    feet = standing_feet(motion)
    if len(feet) < 10:
        return level
    centred = feet - np.median(feet, axis=0)
    kept = centred[np.linalg.norm(centred, axis=1) <= 4 * np.median(np.linalg.norm(centred, axis=1)) + 1e-9]
    _, spread, axes = np.linalg.svd(kept - kept.mean(0), full_matrices=False)
    deviation = spread / np.sqrt(len(kept))
    normal = axes[2] * np.sign(axes[2] @ level or 1.0)
    spans = deviation[1] > _APART and deviation[2] < 0.4 * deviation[1]
    return normal if spans and normal @ level > np.cos(_STEEPEST) else level


def to_world(motion: Motion, up: ArrayLike | None = None) -> Motion:
    """A motion of "anny" from the camera frame to a world with y up, the ground at y = 0, the camera above the origin,
    looking along -z.

    Args:
        up: (3,) away from the ground in the camera frame, where it is known (a tilted camera); None: `find_up`.

    Raises:
        InputError: the motion is not in the camera frame, or up has no direction.
    """
    if motion.frame != "camera":
        raise InputError(f"only motions in the camera frame are brought to the world, not one in {motion.frame!r}")
    y = np.asarray(find_up(motion) if up is None else up, np.float64)
    length = float(np.linalg.norm(y))
    if y.shape != (3,) or not np.isfinite(length) or length < 1e-9:
        raise InputError(f"up is a direction of three numbers, not {y}")
    y = y / length
    forward = np.array([0.0, 0.0, 1.0]) if abs(y[2]) < 0.99 else np.array([0.0, 1.0, 0.0])
    z = -(forward - (forward @ y) * y)
    z /= np.linalg.norm(z)
    turn = np.stack([np.cross(y, z), y, z])
    feet = standing_feet(motion)
    heights = (feet if len(feet) else _joints(motion)[:, _ANKLES].reshape(-1, 3)) @ y
    ground = float(np.median(heights) if len(feet) else heights.min()) - ANKLE_HEIGHT
    rotations = motion.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    return replace(
        motion, root=turn @ motion.root, rotations=rotations, frame="world",
        translation=motion.translation @ turn.T - (0.0, ground, 0.0),
    )  # fmt: skip


def _joints(motion: Motion) -> Array:
    if motion.skeleton != ANNY.name:
        raise InputError(f"forward kinematics are known for {ANNY.name}, not for {motion.skeleton}")
    return canonical_body13(*canonical_joints(motion.rotations, motion.translation, motion.bone_lengths))
