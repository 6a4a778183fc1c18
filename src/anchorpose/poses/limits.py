"""Turns kept within what joints can do, without a jump.

Recordings hold hands turned round twice and feet that point backwards for some frames. Cutting a turn off at its limit
would make it jump to the other limit where it passes half a turn. So what lies beyond the limit is folded back: it
decreases from the limit to 0 at half a turn, and a turn that goes all the way round passes through 0 in between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix, twist

Array = NDArray[np.float64]

# Below these cosines of half the swing a twist begins to be, or is, arbitrary (106 and 168 degrees of swing).
_SURE, _ARBITRARY = 0.6, 0.1


def fold(angle: ArrayLike, limit: float) -> Array:
    """Angles (...) in (-pi, pi) [rad], those beyond `limit` folded back: continuous, also across half a turn."""
    angle = np.asarray(angle, np.float64)
    back = (np.pi - np.abs(angle)) * limit / (np.pi - limit)
    folded: Array = np.sign(angle) * np.minimum(np.abs(angle), np.maximum(back, 0.0))
    return folded


def fold_turn(turns: Array, limit: float) -> Array:
    """Rotations (..., 3, 3) by no more than `limit` [rad] about their own axes."""
    vector = matrix_to_rotvec(turns)
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    return rotvec_to_matrix(vector * fold(angle, limit) / np.maximum(angle, 1e-9))


def sure_twist(rotations: Array, axis: Array, limit: float) -> Array:
    """The twist (...) [rad] about `axis` in rotations (..., 3, 3), folded at `limit`, and 0 where the swing is so large
    that the twist is arbitrary."""
    angle, certainty = twist(rotations, axis)
    trust = np.clip((certainty - _ARBITRARY) / (_SURE - _ARBITRARY), 0.0, 1.0)
    sure: Array = fold(angle, limit) * trust * trust * (3 - 2 * trust)
    return sure


def about(axis: Array, angle: Array) -> Array:
    """Rotations (..., 3, 3) about one axis (3,) by angles (...) [rad]."""
    return rotvec_to_matrix(angle[..., None] * (axis / np.linalg.norm(axis)))


def limit_turns(rotations: Array, axis: Array, most_swing: float, most_twist: float) -> Array:
    """Rotations (..., 3, 3) with no more swing away from `axis` and no more twist about it than given [rad]."""
    angle, _ = twist(rotations, axis)
    swing = rotations @ about(axis, -angle)
    return fold_turn(swing, most_swing) @ about(axis, sure_twist(rotations, axis, most_twist))
