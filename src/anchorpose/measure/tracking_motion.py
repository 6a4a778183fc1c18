"""Long motions from short clips of motion capture, placed before a camera: people for `tracking_scenes`."""

from __future__ import annotations

import numpy as np

from anchorpose.measure.virtual import torso_axes
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import rotation_y

_HIPS = [BODY13.index("r_hip"), BODY13.index("l_hip")]
_LEAST_LOOP = 20
_LOOP_WITHIN = 0.15  # mean distance of joints [m] that makes a loop
_BLEND = 6


def _headings(joints: np.ndarray) -> np.ndarray:
    """(T,) angle of the torso's front about the vertical [rad]."""
    front = torso_axes(joints)[..., 2]
    return np.arctan2(front[:, 0], front[:, 2])


def _ground(joints: np.ndarray) -> np.ndarray:
    """(T, 1, 3) the middle of the hips on the ground."""
    middle = joints[:, _HIPS].mean(1, keepdims=True)
    return middle * (1, 0, 1)


def find_loop(joints: np.ndarray) -> tuple[int, int] | None:
    """Frames a < b of a clip (T, 13, 3), y up, that look alike but for place and heading, so that a can follow b."""
    n = len(joints)
    if n < _LEAST_LOOP + 4:
        return None
    upright = (joints - _ground(joints)) @ rotation_y(-_headings(joints)).transpose(0, 2, 1)
    speed = np.gradient(upright, axis=0) * 3.0
    full = np.concatenate([upright, speed], 1)
    first, last = np.arange(1, max(n // 3, 2)), np.arange(max(2 * n // 3, _LEAST_LOOP), n - 1)
    away = np.linalg.norm(full[first][:, None] - full[last][None], axis=-1).mean(-1)
    away = np.where(last[None] - first[:, None] >= _LEAST_LOOP, away, np.inf)
    i, j = np.unravel_index(int(away.argmin()), away.shape)
    return (int(first[i]), int(last[j])) if away[i, j] <= _LOOP_WITHIN else None


def prolong(joints: np.ndarray, facing: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """A clip (T, 13, 3) and facing (T, 3) made `frames` long: walked on and on where it loops, else to and fro."""
    loop = find_loop(joints)
    if loop is None:
        period = max(2 * (len(joints) - 1), 1)
        at = np.arange(frames) % period
        at = np.where(at < len(joints), at, period - at)
        return joints[at], facing[at]
    a, b = loop
    parts, fronts = [joints[: b + 1]], [facing[: b + 1]]
    count = b + 1
    while count < frames:
        last = parts[-1][-1:]
        turn = rotation_y(_headings(last) - _headings(joints[a : a + 1]))[0]
        moved = (joints[a + 1 : b + 1] - _ground(joints[a : a + 1])) @ turn.T + _ground(last)
        gap = last[0] - ((joints[a] - _ground(joints[a : a + 1])[0]) @ turn.T + _ground(last)[0])
        fade = np.maximum(1 - (np.arange(len(moved)) + 1) / _BLEND, 0.0)
        parts.append(moved + fade[:, None, None] * gap)
        fronts.append(facing[a + 1 : b + 1] @ turn.T)
        count += b - a
    return np.concatenate(parts)[:frames], np.concatenate(fronts)[:frames]


def resample(values: np.ndarray, fps: float, times: np.ndarray) -> np.ndarray:
    """Values (T, ...) recorded at `fps`, linearly between frames, at `times` [s]."""
    at = np.clip(times * fps, 0, len(values) - 1)
    low = np.minimum(at.astype(int), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    t = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - t) * values[low] + t * values[high]
