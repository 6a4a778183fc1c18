"""The 6D form of rotations (Zhou et al., CVPR 2019): the first two columns, which a network can give without jumps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def matrix_to_sixd(matrices: ArrayLike) -> Array:
    """(..., 6) of rotations (..., 3, 3): the first column, then the second."""
    m = np.asarray(matrices, np.float64)
    return np.concatenate([m[..., 0], m[..., 1]], axis=-1)


def sixd_to_matrix(values: ArrayLike) -> Array:
    """Rotations (..., 3, 3) of any six numbers (..., 6) by Gram-Schmidt; columns that vanish or agree get some axis."""
    v = np.asarray(values, np.float64)
    x = _unit(v[..., :3], np.array([1.0, 0, 0]))
    across = v[..., 3:] - (v[..., 3:] * x).sum(-1, keepdims=True) * x
    other = np.where(np.abs(x[..., :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0])
    other = other - (other * x).sum(-1, keepdims=True) * x
    y = _unit(across, other / np.linalg.norm(other, axis=-1, keepdims=True))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def nearest_rotation(matrices: ArrayLike) -> Array:
    """The rotations (..., 3, 3) nearest to any matrices (..., 3, 3): means of rotations become rotations."""
    u, _, vt = np.linalg.svd(np.asarray(matrices, np.float64))
    sign = np.ones((*u.shape[:-2], 3))
    sign[..., -1] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    out: Array = (u * sign[..., None, :]) @ vt
    return out


def _unit(vectors: Array, fallback: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-12), fallback)
