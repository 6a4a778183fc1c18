"""Rigid and similarity transforms of point sets, batched, NumPy only."""

from __future__ import annotations

import numpy as np

from anchorpose.poses.skeletons import BODY13

_HIPS = [BODY13.index("r_hip"), BODY13.index("l_hip")]
_TORSO = [BODY13.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]


def torso_centre(joints: np.ndarray) -> np.ndarray:
    """Mean of hips and shoulders of BODY13 joints (..., 13, D): the origin of `joints3d`. Returns (..., D)."""
    return joints[..., _TORSO, :].sum(-2) / len(_TORSO)  # `mean` takes four times as long for a few joints


def torso_centred(joints: np.ndarray) -> np.ndarray:
    """BODY13 joints (..., 13, D) about their torso centre."""
    return joints - torso_centre(joints)[..., None, :]


def hip_centred(joints: np.ndarray) -> np.ndarray:
    """BODY13 joints (..., 13, D) about the middle of the hips."""
    return joints - joints[..., _HIPS, :].mean(-2)[..., None, :]


def mirror_joints(joints: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mirror image (x -> -x) of camera-oriented joints (..., J, D), sides swapped by name."""
    out = joints[..., mirror, :].copy()
    out[..., 0] = -out[..., 0]
    return out


def rotation_x(angle: np.ndarray | float) -> np.ndarray:
    """(..., 3, 3) rotation about x by `angle` [rad]."""
    return _axis_rotation(angle, 1, 2)


def rotation_y(angle: np.ndarray | float) -> np.ndarray:
    """(..., 3, 3) rotation about y by `angle` [rad]."""
    return _axis_rotation(angle, 2, 0)


def rotation_z(angle: np.ndarray | float) -> np.ndarray:
    """(..., 3, 3) rotation about z by `angle` [rad]."""
    return _axis_rotation(angle, 0, 1)


def _axis_rotation(angle: np.ndarray | float, i: int, j: int) -> np.ndarray:
    angle = np.asarray(angle, float)
    out = np.zeros((*angle.shape, 3, 3)) + np.eye(3)
    c, s = np.cos(angle), np.sin(angle)
    out[..., i, i] = out[..., j, j] = c
    out[..., i, j], out[..., j, i] = -s, s
    return out


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares similarity `target ~ scale * source @ rotation.T + translation` (Umeyama 1991).

    Args:
        source, target: (..., N, D).

    Returns:
        scale (...), rotation (..., D, D) without reflection, translation (..., D).
    """
    mean_s, mean_t = source.mean(-2, keepdims=True), target.mean(-2, keepdims=True)
    s, t = source - mean_s, target - mean_t
    u, d, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ s)
    sign = np.ones_like(d)
    sign[..., -1] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = (u * sign[..., None, :]) @ vt
    scale = (d * sign).sum(-1) / np.maximum((s**2).sum((-1, -2)), 1e-12)
    translation = mean_t[..., 0, :] - scale[..., None] * np.einsum("...ij,...j->...i", rotation, mean_s[..., 0, :])
    return scale, rotation, translation
