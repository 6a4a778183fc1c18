"""Limbs as programs of biomechanics and of the SMPL family see them: turned away from a pose of straight limbs.

The canonical reference pose has legs a little apart and elbows bent; others count from straight ones. A limb's frame
lies along the line between its joints, and its roll is that of the axis that bends it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.canonical import ANNY, REST, REST_AXES, axes_frame

Array = NDArray[np.float64]

# Where each segment begins and ends, and the bone that carries its roll.
LIMBS = {
    "thigh": ("upperleg01", "lowerleg01", "upperleg02"),
    "shin": ("lowerleg01", "foot", "lowerleg01"),
    "arm": ("upperarm01", "lowerarm01", "upperarm02"),
    "forearm": ("lowerarm01", "wrist", "lowerarm01"),
    "hand": ("wrist", "finger3-1", "wrist"),
}
HANGING = {
    "thigh": ((0, -1, 0), (1, 0, 0)), "shin": ((0, -1, 0), (1, 0, 0)),
    "arm": ((0, -1, 0), (-1, 0, 0)), "forearm": ((0, -1, 0), (-1, 0, 0)),
}  # fmt: skip
"""Direction and bending axis of the left limbs of a person who stands with the arms hanging and faces +z."""
SPREAD = HANGING | {"arm": ((1, 0, 0), (0, -1, 0)), "forearm": ((1, 0, 0), (0, -1, 0)), "hand": ((1, 0, 0), (0, 0, -1))}
"""The same in a T: arms to the sides, elbows bending forwards, palms down."""

Pose = dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]]


def limb_turn(joints: Array, world: Array, limb: str, side: str, neutral: Pose) -> Array:
    """Turns (T, 3, 3) of a limb away from a neutral pose, about the axes of the world.

    Args:
        joints, world: (T, 104, 3) and (T, 104, 3, 3) of the canonical skeleton.
        limb: one of `LIMBS`; side: "L" or "R".
        neutral: `HANGING` or `SPREAD`.
    """
    a, b, c = (ANNY.index(f"{name}.{side}") for name in LIMBS[limb])
    now = axes_frame(joints[:, b] - joints[:, a], world[:, c] @ REST_AXES[c][:, 0])
    turn: Array = now @ _neutral_frame(limb, side, neutral).T
    return turn


def rest_turn(limb: str, side: str, neutral: Pose) -> Array:
    """(3, 3) the turn of a limb away from a neutral pose in the canonical reference pose."""
    return limb_turn(REST[None], np.broadcast_to(np.eye(3), (1, len(ANNY), 3, 3)), limb, side, neutral)[0]


def _neutral_frame(limb: str, side: str, neutral: Pose) -> Array:
    along, bend = (np.array(v, float) for v in neutral[limb])
    if side == "R":  # a direction mirrors as it is seen, an axis of rotation the other way round
        along, bend = along * (-1, 1, 1), bend * (1, -1, -1)
    return axes_frame(along, bend)
