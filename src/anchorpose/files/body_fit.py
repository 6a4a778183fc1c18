"""The shape of the body whose joints lie where those of a skeleton with given bone lengths lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.body import BodyModel, nearest_rotation
from anchorpose.poses.canonical import DIRECTIONS
from anchorpose.poses.errors import InputError

Array = NDArray[np.float64]

_TOLERANCE = 0.005  # m: how far a joint may be off for as much as one coefficient of a person who is one in three
_STEPS = 3
_STEP = 0.05  # of the coefficients, for slopes
_FINE = 0.2  # weight of fingers, toes and eyes, which are many and say little about a body
_SMALL = ("finger", "metacarpal", "toe", "eye")


def shape_of_lengths(
    body: BodyModel, bone_lengths: ArrayLike, directions: ArrayLike = DIRECTIONS
) -> NDArray[np.float32]:
    """Shape coefficients (1, B) of the most ordinary body whose joints are those of a skeleton with these lengths.

    Least squares over the places of the joints in the reference pose, with the coefficients' own variance as the prior,
    by Gauss-Newton. A body's bones do not all point where the skeleton's do, so places, not lengths, are fitted: those
    of limbs and trunk then agree to a third of a centimetre on average for usual people, in any pose.

    Args:
        bone_lengths: (J,) [m] of each joint to its parent, in the order of the body's bones.
        directions: (J, 3) unit vectors from each joint's parent to it in the reference pose.

    Raises:
        InputError: another number of lengths, or some that are not finite.
    """
    lengths = np.asarray(bone_lengths, np.float64)
    if lengths.shape != (len(body.bones),) or not np.isfinite(lengths).all():
        raise InputError(f"{len(body.bones)} finite bone lengths are expected, got shape {lengths.shape}")
    chains = _chains(body.parents)[1:]
    wanted = chains @ (lengths[:, None] * np.asarray(directions, np.float64))
    weight = np.where([name.startswith(_SMALL) for name in body.bones], _FINE, 1.0)[1:, None]
    shape = np.zeros(len(body.joint_basis))
    for _ in range(_STEPS):
        near = shape + np.concatenate([np.zeros((1, len(shape))), _STEP * np.eye(len(shape))])
        places = (chains @ rest_offsets(body, near)) * weight
        slope = ((places[1:] - places[0]) / _STEP).reshape(len(shape), -1).T
        left = (wanted * weight - places[0]).reshape(-1) + slope @ shape
        # About as many equations as coefficients, solved on the joints' side.
        system = slope @ slope.T + _TOLERANCE**2 * np.eye(len(left))
        shape = slope.T @ np.linalg.solve(system, left)
    return shape[None].astype(np.float32)


def rest_offsets(body: BodyModel, shapes: Array) -> Array:
    """(N, J, 3) [m] from each bone's parent to it in the reference pose, of bodies with shapes (N, B)."""
    joints = body.joints + np.tensordot(shapes, body.joint_basis, 1)
    turns = nearest_rotation(body.turns + np.tensordot(shapes, body.turn_basis, 1))
    above = np.maximum(body.parents, 0)
    offsets: Array = (np.swapaxes(turns, -1, -2)[:, above] @ (joints - joints[:, above])[..., None])[..., 0]
    return offsets


def _chains(parents: NDArray[np.int64]) -> Array:
    """(J, J) which bones lead to each joint, the root left out: a joint's place is the sum of their offsets."""
    out = np.zeros((len(parents), len(parents)))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            out[joint] = out[parent]
            out[joint, joint] = 1.0
    return out
