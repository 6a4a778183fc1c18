"""The 6D form of rotations (Zhou et al., CVPR 2019): the first two columns, which a network can give without jumps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_EYE = np.eye(3)
_NEAR = 0.1  # most that a product of a matrix with itself is off the identity by where the series serves


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
    m = np.asarray(matrices, np.float64)
    off = _EYE - np.swapaxes(m, -1, -2) @ m
    most = float(np.abs(off).max(initial=0.0))
    if not most < _NEAR or not (np.linalg.det(m) > 0).all():
        return nearest_to_any(m)
    # m (m^T m)^(-1/2) by its series, in half the time; what an average of rotations is far off by takes a second go.
    m = _straightened(m, off)
    return m if most < 1e-3 else _straightened(m, _EYE - np.swapaxes(m, -1, -2) @ m)


def _straightened(m: Array, off: Array) -> Array:
    """m (1 - off)^(-1/2) up to the third power, for off = 1 - m^T m: wrong by less than off^4."""
    out: Array = m @ (_EYE + off @ (_EYE / 2 + off @ (0.375 * _EYE + 0.3125 * off)))
    return out


def nearest_to_any(matrices: ArrayLike) -> Array:
    """`nearest_rotation` of matrices that are known to be far from rotations."""
    u, _, vt = np.linalg.svd(np.asarray(matrices, np.float64))
    out: Array = u @ vt
    mirrored = np.linalg.det(out) < 0
    if mirrored.any():
        u[mirrored, :, -1] *= -1
        out = u @ vt
    return out


def _unit(vectors: Array, fallback: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-12), fallback)
