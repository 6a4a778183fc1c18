"""Where a person stands: the translation that makes 3D joints project onto their 2D (least squares)."""

from __future__ import annotations

import numpy as np

_MIN_DEPTH = 0.3
_FLOOR = 0.04  # errors this share of the body's radius are nothing to weigh down


def place(joints3d: np.ndarray, plane: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Place people in the camera frame.

    A joint X + t that is seen at (u, v) in the plane z = 1 gives two linear equations in t:
    t_x - u t_z = u X_z - X_x, and likewise in y. They are solved in the least-squares sense, joints weighted by their
    scores; three more rounds weigh down joints that fit badly (Huber), so that one lost wrist moves nobody.

    Args:
        joints3d: (N, J, 3) [m] about the root, camera-oriented.
        plane: (N, J, 2) joints in the camera's plane z = 1; NaN where missing.
        scores: (N, J), 0 or less where missing.

    Returns:
        (N, 3) [m]; NaN for people with fewer than two joints.
    """
    present = (scores > 0) & np.isfinite(plane).all(-1) & np.isfinite(joints3d).all(-1)
    uv = np.where(present[..., None], plane, 0.0)
    points = np.where(present[..., None], joints3d, 0.0)
    weights = np.where(present, scores, 0.0).astype(float)
    translation = _solve(points, uv, weights)
    floor = _FLOOR * np.sqrt((points**2).sum((1, 2)) / np.maximum(present.sum(1), 1))
    for _ in range(3):
        residual = _residual(points, uv, translation)
        scale = (floor + _median(residual, present))[:, None] + 1e-9
        translation = _solve(points, uv, weights / np.maximum(residual / scale, 1.0))
    placed = (present.sum(1) >= 2) & (translation[:, 2] > _MIN_DEPTH)
    fallback = _by_size(points, uv, present)
    out = np.where(placed[:, None], translation, fallback)
    return np.where((present.sum(1) >= 2)[:, None], out, np.nan)


def _solve(points: np.ndarray, uv: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Normal equations of the weighted problem, 3 x 3 for each person."""
    u, v = uv[..., 0], uv[..., 1]
    right_x, right_y = u * points[..., 2] - points[..., 0], v * points[..., 2] - points[..., 1]
    w = weights
    total, wu, wv = w.sum(1), (w * u).sum(1), (w * v).sum(1)
    wuv = (w * (u * u + v * v)).sum(1)
    zero = np.zeros_like(total)
    matrix = np.stack(
        [np.stack([total, zero, -wu], -1), np.stack([zero, total, -wv], -1), np.stack([-wu, -wv, wuv], -1)], -2
    )
    right = np.stack([(w * right_x).sum(1), (w * right_y).sum(1), -(w * (u * right_x + v * right_y)).sum(1)], -1)
    # Nearly flat problems (one joint, or all on one ray) are held by a weak pull towards zero depth; they fall back.
    matrix = matrix + 1e-9 * np.eye(3)
    return np.linalg.solve(matrix, right[..., None])[..., 0]


def _median(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(N,) lower median of the present values of each row (N, J); a mean would follow the outliers."""
    ordered = np.sort(np.where(present, values, np.inf), axis=1)
    middle = np.maximum(present.sum(1) - 1, 0) // 2
    return np.where(present.any(1), ordered[np.arange(len(values)), middle], 0.0)


def _residual(points: np.ndarray, uv: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """(N, J) distance [m], at each joint's depth, between its ray and the placed joint."""
    placed = points + translation[:, None]
    return np.linalg.norm(placed[..., :2] - uv * placed[..., 2:], axis=-1)


def _by_size(points: np.ndarray, uv: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Translation from the ratio of sizes, for people whose perspective says nothing sensible."""
    count = np.maximum(present.sum(1), 1)[:, None]
    centre2d, centre3d = uv.sum(1) / count, points[..., :2].sum(1) / count
    mask = present[..., None]
    spread2d = np.sqrt((np.where(mask, uv - centre2d[:, None], 0) ** 2).sum((1, 2)))
    spread3d = np.sqrt((np.where(mask, points[..., :2] - centre3d[:, None], 0) ** 2).sum((1, 2)))
    depth = np.clip(spread3d / np.maximum(spread2d, 1e-4), _MIN_DEPTH, 100.0)
    return np.concatenate([centre2d * depth[:, None] - centre3d, depth[:, None]], 1)
