"""Rotation matrices as vectors, quaternions and twists, batched, NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def matrix_to_quat_xyzw(matrices: ArrayLike) -> Array:
    """Unit quaternions (..., 4), x y z w, of rotations (..., 3, 3); w is never negative."""
    m = np.asarray(matrices, np.float64)
    t = np.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], -1)
    trace = t.sum(-1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    if (trace > 0).all():  # turns of less than 90 degrees, as those from frame to frame: the fourth way will do
        small = np.stack([a, b, c, 1 + trace], -1)
        return small / np.linalg.norm(small, axis=-1, keepdims=True)
    # The four ways to read a quaternion off a matrix (Shepperd 1978); the one with the largest divisor is exact.
    xyz = np.sqrt(np.maximum(1 + 2 * t - trace[..., None], 0.0))
    w = np.sqrt(np.maximum(1 + trace, 0.0))
    magnitudes = np.concatenate([xyz, w[..., None]], -1)  # twice |x|, |y|, |z|, |w|
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    x, y, z = (magnitudes[..., k] ** 2 for k in range(3))
    rows = [
        np.stack([x, d, e, a], -1),
        np.stack([d, y, f, b], -1),
        np.stack([e, f, z, c], -1),
        np.stack([a, b, c, w**2], -1),
    ]
    best = magnitudes.argmax(-1)
    quat = np.select([(best == k)[..., None] for k in range(4)], rows)
    quat = quat / np.linalg.norm(quat, axis=-1, keepdims=True)
    return np.where(quat[..., 3:] < 0, -quat, quat)


def quat_xyzw_to_matrix(quats: ArrayLike) -> Array:
    """Rotations (..., 3, 3) of quaternions (..., 4), x y z w, of any length but 0."""
    q = np.asarray(quats, np.float64)
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    out = np.empty((*q.shape[:-1], 3, 3))
    out[..., 0, 0], out[..., 1, 1], out[..., 2, 2] = (
        1 - 2 * (y * y + z * z),
        1 - 2 * (x * x + z * z),
        1 - 2 * (x * x + y * y),
    )
    out[..., 0, 1], out[..., 1, 0] = 2 * (x * y - z * w), 2 * (x * y + z * w)
    out[..., 0, 2], out[..., 2, 0] = 2 * (x * z + y * w), 2 * (x * z - y * w)
    out[..., 1, 2], out[..., 2, 1] = 2 * (y * z - x * w), 2 * (y * z + x * w)
    return out


def rotvec_to_matrix(vectors: ArrayLike) -> Array:
    """Rotations (..., 3, 3) about the vectors (..., 3) by their lengths [rad]."""
    v = np.asarray(vectors, np.float64)
    half = 0.5 * np.linalg.norm(v, axis=-1, keepdims=True)
    return quat_xyzw_to_matrix(np.concatenate([0.5 * v * np.sinc(half / np.pi), np.cos(half)], -1))


def matrix_to_rotvec(matrices: ArrayLike) -> Array:
    """Rotation vectors (..., 3) [rad] of rotations (..., 3, 3), no longer than pi."""
    q = matrix_to_quat_xyzw(matrices)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., 3:])
    return q[..., :3] * np.where(sine > 1e-9, angle / np.maximum(sine, 1e-9), 2.0)


def rotation_angle(matrices: ArrayLike) -> Array:
    """Angles (...) [rad], 0 to pi, of rotations (..., 3, 3)."""
    angle: Array = np.linalg.norm(matrix_to_rotvec(matrices), axis=-1)
    return angle


# Nine numbers of a matrix to its axis times the sine, and its trace; a vector to the matrix of its cross products.
_READ = np.zeros((9, 4))
_READ[[7, 2, 3], [0, 1, 2]], _READ[[5, 6, 1], [0, 1, 2]], _READ[[0, 4, 8], 3] = 0.5, -0.5, 1.0
_CROSS = 2 * _READ[:, :3].T
_EYE = np.eye(3)


def slerp(a: Array, b: Array, share: ArrayLike) -> Array:
    """From rotations a (..., 3, 3) to b on the shortest way, by a share (...) of it."""
    step, share = np.swapaxes(a, -1, -2) @ b, np.asarray(share, np.float64)
    read = step.reshape(*step.shape[:-2], 9) @ _READ
    trace = read[..., 3]
    if not (trace > 0).all():  # 120 degrees and more, where the sine no longer tells the angle well
        far: Array = a @ rotvec_to_matrix(share[..., None] * matrix_to_rotvec(step))
        return far
    # Rodrigues' formula, without a way through vectors and quaternions.
    axis = read[..., :3]
    sine = np.maximum(np.sqrt((axis * axis).sum(-1)), 1e-150)
    angle = share * np.arctan2(sine, (trace - 1) / 2)
    along, bent = np.sin(angle) / sine, 2 * (np.sin(angle / 2) / sine) ** 2
    cross = (axis @ _CROSS).reshape(step.shape)
    out: Array = a + a @ (along[..., None, None] * cross + bent[..., None, None] * (cross @ cross))
    return out


def twist(rotations: ArrayLike, axis: ArrayLike) -> tuple[Array, Array]:
    """The turn about an axis that is in a rotation: rotation = swing @ twist, the swing's own axis across `axis`.

    Returns:
        angle (...) [rad], -pi to pi, and certainty (...), the cosine of half the swing: near 0 the angle is arbitrary.
    """
    q = matrix_to_quat_xyzw(rotations)
    along = q[..., :3] @ (np.asarray(axis, np.float64) / np.linalg.norm(axis))
    return 2 * np.arctan2(along, q[..., 3]), np.hypot(along, q[..., 3])


def turn_between(a: ArrayLike, b: ArrayLike) -> Array:
    """The smallest rotations (..., 3, 3) that turn the directions a (..., 3) into b (..., 3)."""
    return turn_of_units(unit(a), unit(b))


def turn_of_units(start: Array, end: Array) -> Array:
    """`turn_between` directions (..., 3) of length 1."""
    w = 1 + (start * end).sum(-1, keepdims=True)
    if (w > 1e-3).all():  # the usual case: mirrored across the one direction, then across the middle of both
        middle = start + end
        return _EYE + 2 * end[..., :, None] * start[..., None, :] - middle[..., :, None] * (middle / w)[..., None, :]
    other = np.where(np.abs(start[..., :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0])  # for opposite directions: any axis across
    vector = np.where(w < 1e-9, np.cross(start, other), np.cross(start, end))
    return quat_xyzw_to_matrix(np.concatenate([vector, np.maximum(w, 0)], -1))


def unit(vectors: ArrayLike) -> Array:
    """Vectors (..., 3) at length 1; 0 stays 0."""
    array = np.asarray(vectors, np.float64)
    out: Array = array / np.maximum(np.sqrt((array * array).sum(-1, keepdims=True)), 1e-150)
    return out
