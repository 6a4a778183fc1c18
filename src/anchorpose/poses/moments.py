"""A motion as the blocks of its moments, and blocks back to a motion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from anchorpose.poses.errors import InputError
from anchorpose.poses.motion_block import DECIMALS, MotionBlock
from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix
from anchorpose.poses.values import Motion


def blocks_of(
    skeleton: str, frame: str, rotations: ArrayLike, translation: ArrayLike, bone_lengths: ArrayLike
) -> tuple[MotionBlock, ...]:
    """Blocks of T moments, rounded.

    Args:
        rotations: (T, J, 3, 3) local, the first the root's. translation: (T, 3) [m]. bone_lengths: (J,) [m].
    """
    vectors = np.round(matrix_to_rotvec(rotations), DECIMALS)
    places, lengths = (np.round(np.asarray(a, np.float64), DECIMALS) for a in (translation, bone_lengths))
    return tuple(MotionBlock(skeleton, frame, v[0], v, p, lengths) for v, p in zip(vectors, places, strict=True))


def motion_of_blocks(blocks: Sequence[MotionBlock], times: ArrayLike, observed: ArrayLike) -> Motion:
    """The `Motion` whose moments these are.

    Args:
        times: (T,) [s], rising. observed: (T,) False where the pose was filled in.

    Raises:
        InputError: there are none, or they differ in skeleton, frame or bone lengths (by more than 1 mm).
    """
    if not blocks:
        raise InputError("a motion needs at least one moment")
    first = blocks[0]
    for block in blocks:
        if (block.skeleton, block.frame) != (first.skeleton, first.frame):
            raise InputError(
                f"one person's motion is of {first.skeleton}, {first.frame} frame, at one time and of {block.skeleton},"
                f" {block.frame} frame, at another"
            )
        if not np.allclose(block.bone_lengths, first.bone_lengths, rtol=0, atol=1e-3, equal_nan=True):
            raise InputError("the bone lengths of one person change over time")
    rotations = rotvec_to_matrix(np.stack([b.rotations for b in blocks]))
    return Motion(
        first.skeleton, np.asarray(times, float), rotations[:, 0], rotations, np.stack([b.translation for b in blocks]),
        first.bone_lengths, first.frame, np.asarray(observed, bool),
    )  # fmt: skip
