"""Forward kinematics of the canonical skeleton, and its mirror image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from anchorpose.poses.canonical import ANNY, BODY13_BONES, DIRECTIONS, HEAD_CENTRE, PARENTS, Array
from anchorpose.poses.errors import InputError


def _levels() -> tuple[np.ndarray, ...]:
    depth = np.zeros(len(PARENTS), np.int64)
    for j, parent in enumerate(PARENTS):
        depth[j] = depth[parent] + 1 if parent >= 0 else 0
    return tuple(np.flatnonzero(depth == d) for d in range(1, int(depth.max()) + 1))


_LEVELS = _levels()
_BODY13 = [ANNY.index(name) for name in BODY13_BONES]
_HEAD = ANNY.index("head")


def canonical_offsets(bone_lengths: ArrayLike) -> Array:
    """(..., 104, 3) [m] from each joint's parent, for bones of given lengths (..., 104) [m]."""
    lengths = np.asarray(bone_lengths, np.float64)
    if lengths.ndim == 0 or lengths.shape[-1] != len(ANNY):
        raise InputError(f"{len(ANNY)} bone lengths are expected, got shape {lengths.shape}")
    offsets: Array = lengths[..., None] * DIRECTIONS
    return offsets


def canonical_joints(rotations: ArrayLike, translation: ArrayLike, bone_lengths: ArrayLike) -> tuple[Array, Array]:
    """Forward kinematics of the canonical skeleton.

    Args:
        rotations: (T, 104, 3, 3) local; the first is the root's in the world.
        translation: (T, 3) [m] where the root's joint lies.
        bone_lengths: (104,) or (T, 104) [m] of each bone's parent up to it: the distance of a joint from its parent.

    Returns:
        joints (T, 104, 3) [m] and world rotations (T, 104, 3, 3).
    """
    rotations, translation = np.asarray(rotations, np.float64), np.asarray(translation, np.float64)
    offsets = canonical_offsets(bone_lengths)
    frames, count = len(rotations), len(ANNY)
    expected = {"rotations": (frames, count, 3, 3), "translation": (frames, 3)}
    for name, array in (("rotations", rotations), ("translation", translation)):
        if array.shape != expected[name]:
            raise InputError(f"{name} must be {expected[name]}, got {array.shape}")
    if offsets.shape not in ((count, 3), (frames, count, 3)):
        raise InputError(f"bone_lengths must be ({count},) or ({frames}, {count}), got {offsets.shape[:-1]}")
    joints, world = np.empty((frames, count, 3)), np.empty((frames, count, 3, 3))
    joints[:, 0], world[:, 0] = translation, rotations[:, 0]
    for level in _LEVELS:
        parents = PARENTS[level]
        world[:, level] = world[:, parents] @ rotations[:, level]
        joints[:, level] = joints[:, parents] + (world[:, parents] @ offsets[..., level, :, None])[..., 0]
    return joints, world


def local_rotations(world: ArrayLike) -> Array:
    """Local rotations (..., 104, 3, 3) of world rotations: each relative to its parent's."""
    world = np.asarray(world, np.float64)
    local = world.copy()
    local[..., 1:, :, :] = np.swapaxes(world[..., PARENTS[1:], :, :], -1, -2) @ world[..., 1:, :, :]
    return local


def canonical_body13(joints: ArrayLike, world: ArrayLike) -> Array:
    """BODY13 (T, 13, 3) from joints (T, 104, 3) and world rotations (T, 104, 3, 3); `head` is its centre."""
    joints, world = np.asarray(joints, np.float64), np.asarray(world, np.float64)
    centre = joints[..., _HEAD, :] + world[..., _HEAD, :, :] @ HEAD_CENTRE
    return np.concatenate([joints[..., _BODY13, :], centre[..., None, :]], axis=-2)


def mirror_rotations(rotations: ArrayLike) -> Array:
    """The mirror image (x -> -x) of local or world rotations (..., 104, 3, 3): left and right change places."""
    sign = np.array([-1.0, 1.0, 1.0])
    swapped: Array = np.asarray(rotations, np.float64)[..., ANNY.mirror, :, :] * sign[:, None] * sign
    return swapped
