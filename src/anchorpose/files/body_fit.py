"""The shape of the body whose bones have given lengths."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.body import BodyModel
from anchorpose.poses.errors import InputError

_TOLERANCE = 0.002  # m: how far a bone may be off for as much as one coefficient of a person who is one in three
_STEPS = 4


def shape_of_lengths(body: BodyModel, bone_lengths: ArrayLike) -> NDArray[np.float32]:
    """Shape coefficients (1, B) of the most ordinary body with bones of these lengths (J,) [m].

    Least squares with the coefficients' own variance as the prior, by Gauss-Newton. Joints of the body then agree with
    those of the lengths to a centimetre or so: a body's bones do not all point where the canonical skeleton's do.
    """
    lengths = np.asarray(bone_lengths, np.float64)
    if lengths.shape != (len(body.bones),) or not np.isfinite(lengths).all():
        raise InputError(f"{len(body.bones)} finite bone lengths are expected, got shape {lengths.shape}")
    used = np.flatnonzero(body.parents >= 0)
    above = body.parents[used]
    basis = (body.joint_basis[:, used] - body.joint_basis[:, above]).astype(np.float64)
    mean = (body.joints[used] - body.joints[above]).astype(np.float64)
    shape = np.zeros(len(basis))
    for _ in range(_STEPS):
        offsets = mean + np.tensordot(shape, basis, 1)
        now = np.linalg.norm(offsets, axis=1)
        slope = (basis * (offsets / np.maximum(now, 1e-9)[:, None])).sum(-1).T  # (bones, B)
        wanted = lengths[used] - now + slope @ shape
        # As many equations as bones, fewer than coefficients: solved on the bones' side.
        system = slope @ slope.T + _TOLERANCE**2 * np.eye(len(used))
        shape = slope.T @ np.linalg.solve(system, wanted)
    return shape[None].astype(np.float32)
