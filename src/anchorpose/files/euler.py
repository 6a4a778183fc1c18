"""Euler angles of rotations over time, without flips: what BVH and OpenSim's motion files hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.clips import euler_to_matrix
from anchorpose.poses.errors import InputError

Array = NDArray[np.float64]

_LOCKED = 1e-6


def matrix_to_euler(axes: str, rotations: ArrayLike) -> Array:
    """Angles (..., 3) [rad] such that `euler_to_matrix(axes, angles)` is the rotation (..., 3, 3).

    The middle angle is within a quarter turn. Where it is a quarter turn (gimbal lock) the first angle is 0.

    Args:
        axes: three different letters of x, y, z.
    """
    i, j, k, sign = _axes(axes)
    r = np.asarray(rotations, np.float64)
    cosine = np.hypot(r[..., i, i], r[..., i, j])
    locked = cosine < _LOCKED
    first = np.where(locked, 0.0, np.arctan2(-sign * r[..., j, k], r[..., k, k]))
    last = np.arctan2(-sign * r[..., i, j], r[..., i, i])
    # With the first angle 0 the row of the middle axis is left to the last angle alone.
    last = np.where(locked, np.arctan2(sign * r[..., j, i], r[..., j, j]), last)
    return np.stack([first, np.arctan2(sign * r[..., i, k], cosine), last], -1)


def continuous_euler(axes: str, rotations: ArrayLike) -> Array:
    """Angles (T, ..., 3) [rad] of rotations (T, ..., 3, 3) that go on from each frame to the next without a jump.

    A rotation has two sets of angles, each up to whole turns: the one nearer to the frame before is taken. In gimbal
    lock the first angle is held and the last takes up the rest.
    """
    r = np.asarray(rotations, np.float64)
    angles = matrix_to_euler(axes, r)
    if len(angles) < 2:
        return angles
    i, j, k, sign = _axes(axes)
    locked = np.hypot(r[..., i, i], r[..., i, j]) < _LOCKED
    out = angles.copy()
    for t in range(1, len(out)):
        before, now = out[t - 1], angles[t]
        other = np.stack([now[..., 0] + np.pi, np.pi - now[..., 1], now[..., 2] + np.pi], -1)
        if locked[t].any():
            now = np.where(locked[t][..., None], _held(axes, r[t], before), now)
        candidates = [a + 2 * np.pi * np.rint((before - a) / (2 * np.pi)) for a in (now, other)]
        steps = [np.abs(a - before).sum(-1) for a in candidates]
        keep = (steps[0] <= steps[1]) | locked[t]
        out[t] = np.where(keep[..., None], candidates[0], candidates[1])
    return out


def _held(axes: str, r: Array, before: Array) -> Array:
    """Angles in gimbal lock whose first is that of the frame before."""
    i, j, k, sign = _axes(axes)
    rest = np.swapaxes(euler_to_matrix(axes[0], before[..., :1]), -1, -2) @ r
    middle = np.arctan2(sign * rest[..., i, k], np.hypot(rest[..., i, i], rest[..., i, j]))
    last = np.arctan2(sign * rest[..., j, i], rest[..., j, j])
    return np.stack([before[..., 0], middle, last], -1)


def _axes(axes: str) -> tuple[int, int, int, float]:
    """Numbers of the three axes, and whether they are in cyclic order (1) or not (-1)."""
    if sorted(axes) != ["x", "y", "z"]:
        raise InputError(f"the axes of Euler angles are x, y and z in some order, not {axes!r}")
    i, j, k = ("xyz".index(a) for a in axes)
    return i, j, k, 1.0 if (j - i) % 3 == 1 else -1.0
