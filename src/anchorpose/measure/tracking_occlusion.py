"""What is hidden behind people and pillars, for the virtual scenes of the tracker."""

from __future__ import annotations

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.skeletons import BODY13

_I = {name: BODY13.index(name) for name in BODY13.names}
_NEARER = 0.15  # [m] in front, so that nobody hides himself or who touches him


def _capsules(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and ends (..., 11, 3) [m] and radii (11,) [m] of a body of LIFT_JOINTS (..., 14, 3)."""
    middle = {k: (points[..., _I[f"r_{k}"], :] + points[..., _I[f"l_{k}"], :]) / 2 for k in ("hip", "shoulder")}
    head = points[..., _I["head"], :]
    parts = [(middle["hip"], middle["shoulder"], 0.17), (middle["shoulder"], head, 0.08), (head, head, 0.12)]
    for side in "rl":
        for a, b, radius in (("hip", "knee", 0.08), ("knee", "ankle", 0.06), ("shoulder", "elbow", 0.05),
                             ("elbow", "wrist", 0.045)):  # fmt: skip
            parts.append((points[..., _I[f"{side}_{a}"], :], points[..., _I[f"{side}_{b}"], :], radius))
    starts, ends = (np.stack([part[k] for part in parts], -2) for k in (0, 1))
    return starts, ends, np.array([radius for *_, radius in parts])


def people_hide(points: np.ndarray, pixels: np.ndarray, camera: Camera) -> np.ndarray:
    """(P, F, 14) joints that lie behind the body of somebody nearer.

    Args:
        points: (P, F, 14, 3) [m] in the camera's frame; pixels: (P, F, 14, 2), NaN behind the camera.
    """
    starts, ends, radii = _capsules(points)
    depth = (starts[..., 2] + ends[..., 2]) / 2
    a, b = camera.project(starts), camera.project(ends)
    radius = camera.fx * radii / np.maximum(depth, 0.3)
    out = np.zeros(points.shape[:3], bool)
    people = range(len(points))
    for i in people:
        for k in people:
            near = (points[k, :, :, 2].mean(1) < points[i, :, :, 2].mean(1)) & (points[k, :, :, 2].min(1) > 0.3)
            close = np.abs(pixels[i, :, 4] - pixels[k, :, 4]).max(-1) < camera.fx * 2.5 / np.maximum(
                points[k, :, 4, 2], 0.3
            )
            rows = np.flatnonzero(near & close) if i != k else np.zeros(0, int)
            if not len(rows):
                continue
            away = _distance(pixels[i, rows, :, None], a[k, rows, None], b[k, rows, None])
            behind = points[i, rows, :, None, 2] > depth[k, rows, None] + _NEARER
            out[i, rows] |= ((away < radius[k, rows, None]) & behind).any(-1)
    return out


def _distance(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of points from segments, all (..., 2), broadcast; NaN is far away."""
    along = b - a
    t = np.clip(((p - a) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9), 0, 1)
    return np.nan_to_num(np.linalg.norm(p - a - t[..., None] * along, axis=-1), nan=np.inf)


def pillar_hides(points: np.ndarray, pixels: np.ndarray, x: float, width: float, z: float) -> np.ndarray:
    """(P, F, 14) joints behind an upright thing at column `x` [px] of `width` [px], `z` [m] away."""
    return (np.abs(pixels[..., 0] - x) < width / 2) & (points[..., 2] > z)
