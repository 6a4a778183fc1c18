"""The last touch on a refined motion: back towards what was seen, and calm.

A motion model knows how bodies move, the detections know where this one was: their errors are partly independent, so
that between the two lies better than either. The offsets of the detections from the motion, outliers clipped and a few
frames averaged, turn trunk and limbs by a share; bones keep their lengths. Then rotations and place are averaged over
neighbouring frames, which takes the jitter that the model left and costs nothing of its accuracy.

This is for whole tracks. While it happens single frames settle within the network's file (`learn.nets.settle`), by the
weights of `settle_weights`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from anchorpose.poses.body_bones import BODY_BONES, BONE_PARENTS, body13_points
from anchorpose.poses.rotations import turn_of_units, unit
from anchorpose.poses.sixd import nearest_rotation
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centred

Array = NDArray[np.float64]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class SettleSettings:
    """How much.

    Attributes:
        share: of the way from the motion to the detections, where there are some.
        average: frames, deviation of the Gaussian over the detections' offsets; most: longest offset that counts [m].
        calm: frames, deviation of the Gaussian over rotations and places.
    """

    share: float = 0.5
    average: float = 5.0
    most: float = 0.25
    calm: float = 2.0


SETTLED = SettleSettings()
NOT_SETTLED = SettleSettings(share=0.0, calm=0.0)


def _below(bone: int) -> list[int]:
    """A bone and all that hang on it."""
    out = {bone}
    for k, parent in enumerate(BONE_PARENTS):  # parents come before their children
        if int(parent) in out:
            out.add(k)
    return sorted(out)


_LEVELS = (
    (("upperleg01", "hip", "knee"), ("upperarm01", "shoulder", "elbow")),
    (("lowerleg01", "knee", "ankle"), ("lowerarm01", "elbow", "wrist")),
)
"""Segments of the limbs, inner and outer, in the same order: first bone, joints at the ends."""


def _segments() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2, 4, 2) the joints at the ends of the limbs' inner and outer segments, and (38,) what turns each bone: 0 the
    trunk, from 1 the inner segments, from 5 the outer ones."""
    ends, turned_by = np.zeros((2, 4, 2), np.int64), np.zeros(len(BODY_BONES), np.int64)
    for level, segments in enumerate(_LEVELS):
        for k, (side, (bone, start, end)) in enumerate((side, segment) for side in "RL" for segment in segments):
            ends[level, k] = [BODY13.index(f"{side.lower()}_{joint}") for joint in (start, end)]
            turned_by[_below(BODY_BONES.index(f"{bone}.{side}"))] = 1 + 4 * level + k
    return ends, turned_by


LIMB_ENDS, TURNED_BY = _segments()
"""See `_segments`."""


def _trunk_axes() -> Array:
    """(2, 13) from joints to where the trunk points: up, and from right to left. Up comes first, as the longer one of
    which detectors know more."""
    joints = {name: np.eye(len(BODY13))[i] for i, name in enumerate(BODY13.names)}
    (right_hip, left_hip), (right, left) = ([joints[f"{s}_{n}"] for s in "rl"] for n in ("hip", "shoulder"))
    return np.stack([left + right - left_hip - right_hip, left_hip - right_hip + left - right])


TRUNK_AXES = _trunk_axes()
"""See `_trunk_axes`."""


def settle(
    world: ArrayLike, centre: ArrayLike, measures: ArrayLike, seen: ArrayLike, settings: SettleSettings | None = None
) -> tuple[Array, Array]:
    """A refined motion, or several windows of such, settled.

    Args:
        world: (..., T, 38, 3, 3) rotations of BODY_BONES; centre: (..., T, 3) [m] of the torso; at an even rate.
        measures: (..., 9) of the persons.
        seen: (..., T, 13, 3) [m] BODY13 as detected, in the same axes about any origin; NaN where missing.

    Returns:
        world and centre.
    """
    s = settings or SETTLED
    world, centre = np.asarray(world, np.float64), np.asarray(centre, np.float64)
    if s.share > 0:
        points = body13_points(world, np.asarray(measures)[..., None, :])
        world = aim_at(world, points, points + s.share * _offsets(points, np.asarray(seen, np.float64), s))
    if s.calm <= 0:
        return world, centre
    calm = nearest_rotation(gaussian_filter1d(world, s.calm, axis=-4, mode="nearest"))
    return calm, gaussian_filter1d(centre, s.calm, axis=-2, mode="nearest")


@lru_cache(maxsize=256)
def settle_weights(frames: int, at: int, settings: SettleSettings = SETTLED) -> tuple[Features, Features]:
    """(W,) weights of a window's frames for one of them that settles, for `learn.nets.settle`: those of the motion, and
    those of the detections, which sum to the root of the share."""
    away = np.arange(frames, dtype=np.float64) - at
    near = np.exp(-((away / settings.average) ** 2) / 2)
    near *= np.sqrt(settings.share) / near.sum()
    out = _even(away, settings.calm).astype(np.float32), near.astype(np.float32)
    for weights in out:
        weights.setflags(write=False)
    return out


def _even(away: Array, deviation: float) -> Array:
    """Weights of a Gaussian about 0 that leave a straight line as it is, also at the end of a window."""
    if deviation <= 0:
        return (away == 0).astype(float)
    g = np.exp(-((away / deviation) ** 2) / 2)
    zeroth, first, second = g.sum(), g @ away, g @ away**2
    out: Array = g * (second - first * away) / max(zeroth * second - first**2, 1e-9)
    return out


def _about_torso(seen: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Joints (..., 13, 3) about their torso's centre, and which are there (..., 13): none without a whole torso."""
    seen = torso_centred(seen)
    there = np.asarray(np.isfinite(seen).all(-1))
    return np.where(there[..., None], seen, 0.0), there


def _clipped(points: Array, seen: Array, there: NDArray[np.bool_], s: SettleSettings) -> Array:
    """(..., T, 13, 3) from the motion to the detections, 0 where there is none."""
    off = seen - points
    length = np.sqrt((off * off).sum(-1))
    return off * (there * np.minimum(1.0, s.most / np.maximum(length, 1e-9)))[..., None]


def _offsets(points: Array, seen: Array, s: SettleSettings) -> Array:
    """(..., T, 13, 3) from the motion to the detections, averaged over frames; smaller where few were seen."""
    joints, known = _about_torso(seen)
    off, there = _clipped(points, joints, known, s), known[..., None].astype(np.float64)
    total, count, room = (
        gaussian_filter1d(values, s.average, axis=-3, mode="constant") for values in (off, there, np.ones(there.shape))
    )
    out: Array = (count / room) ** 2 * total / np.maximum(count, 1e-6)
    return out


def aim_at(world: Array, points: Array, target: Array) -> Array:
    """Rotations (..., 38, 3, 3) turned so that trunk and limbs point as in other joints (..., 13, 3).

    Args:
        points: (..., 13, 3) joints of `world`, whose lengths stay; target: joints that are wanted, at any scale.
    """
    both = np.stack([points, target])
    a, b = _frames(TRUNK_AXES @ both)
    trunk = (b @ np.swapaxes(a, -1, -2))[..., None, :, :]
    now, wanted = unit(both[..., LIMB_ENDS[..., 1], :] - both[..., LIMB_ENDS[..., 0], :])  # (..., 2, 4, 3)
    turns, so_far = [trunk], trunk
    for level in range(len(LIMB_ENDS)):
        pointing = (so_far @ now[..., level, :, :, None])[..., 0]
        so_far = turn_of_units(pointing, wanted[..., level, :, :]) @ so_far
        turns.append(so_far)
    out: Array = np.concatenate(turns, axis=-3)[..., TURNED_BY, :, :] @ world
    return out


def _frames(axes: Array) -> Array:
    """Rotations (..., 3, 3) whose columns are the first of two axes (..., 2, 3), what of the second is across it, and
    the direction across both."""
    x = unit(axes[..., 0, :])
    y = unit(axes[..., 1, :] - (axes[..., 1, :] * x).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)
