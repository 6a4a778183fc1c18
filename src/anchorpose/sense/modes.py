"""From class probabilities and refined class poses to the modes of a distribution over poses.

As LCR-Net's pose proposals integration does inside one person: the best remaining class and all whose pose is near it
make a mode; its weight is the sum of theirs, its pose their weighted mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ModeSettings:
    """How classes become modes.

    Attributes:
        radius: mean joint distance [m] within which classes belong to one mode.
        most: modes kept; classes: classes looked at, most probable first; least: weight below which a mode is dropped.
        power: weights are raised to it and normalised again; fitted, so that a mode of weight w comes true that often.
    """

    radius: float = 0.10
    most: int = 5
    classes: int = 24
    least: float = 0.02
    power: float = 1.0


@dataclass(frozen=True)
class Modes:
    """Modes of N people: weights (N, M) sorted, rows sum to 1, 0 where there is none; joints3d (N, M, J, 3) [m];
    spread (N, M, J) [m]."""

    weights: np.ndarray
    joints3d: np.ndarray
    spread: np.ndarray


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def find_modes(
    probs: np.ndarray, poses: np.ndarray, class_spread: np.ndarray, settings: ModeSettings | None = None
) -> Modes:
    """Group classes into modes.

    Args:
        probs: (N, K). poses: (N, K, J, 3) [m], each class's refined pose.
        class_spread: (K, J) [m], how far each joint is off when the class is right.
    """
    s = settings or ModeSettings()
    n, k = probs.shape
    top = np.argsort(-probs, axis=1, kind="stable")[:, : min(s.classes, k)]
    p = np.take_along_axis(probs, top, 1)
    q = np.take_along_axis(poses, top[..., None, None], 1)
    variance = class_spread[top] ** 2  # (N, C, J)
    free = np.ones_like(p, bool)
    weights, joints, spreads = [], [], []
    rows = np.arange(n)
    for _ in range(s.most):
        best = np.where(free, p, -1).argmax(1)
        off = q - q[rows, best][:, None]
        distance = np.sqrt((off * off).sum(-1)).mean(-1)
        member = free & (distance <= s.radius)
        free &= ~member
        w = np.where(member, p, 0.0)
        total = w.sum(1)
        share = w / np.maximum(total, 1e-12)[:, None]
        mean = np.einsum("nc,ncjd->njd", share, q)
        wide = ((q - mean[:, None]) ** 2).sum(-1) + variance
        weights.append(total)
        joints.append(mean)
        spreads.append(np.sqrt(np.einsum("nc,ncj->nj", share, wide)))
    weight = np.stack(weights, 1)
    weight[:, 1:][weight[:, 1:] < s.least] = 0
    weight = np.where(weight > 0, weight / np.maximum(weight.max(1, keepdims=True), 1e-12), 0.0) ** s.power
    weight = weight / np.maximum(weight.sum(1, keepdims=True), 1e-12)
    order = np.argsort(-weight, axis=1, kind="stable")
    return Modes(
        np.take_along_axis(weight, order, 1),
        np.take_along_axis(np.stack(joints, 1), order[..., None, None], 1),
        np.take_along_axis(np.stack(spreads, 1), order[..., None], 1),
    )
