"""What the page needs to draw bodies: one mesh for all, each person's shape, and the rotations of its bones."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from anchorpose.files.body import read_body
from anchorpose.files.body_fit import shape_of_lengths
from anchorpose.files.glb import heaviest_bones
from anchorpose.files.motion_clips import checked_motion, y_up_motion
from anchorpose.poses.body import shape_body
from anchorpose.poses.rotations import matrix_to_quat_xyzw
from anchorpose.poses.values import Motion

_UNIT = 32767.0
_STEP = 1e-4


def mesh_content(motions: Sequence[Motion]) -> dict[str, Any]:
    """The body's triangles and weights, and for each motion its shape (0.1 mm), rotations (0.004 degrees) and place.

    Raises:
        InputError: a motion of another skeleton, without frames, or with a pose that is missing.
    """
    body = read_body()
    bones, weights = heaviest_bones(body, 4)
    return {
        "step": _STEP,
        "parents": body.parents.tolist(),
        "faces": _packed(body.faces.astype("<u2")),
        "bones": _packed(bones),
        "weights": _packed(np.rint(255 * weights).astype("u1")),
        "people": [_person(motion) for motion in motions],
    }


def _person(motion: Motion) -> dict[str, Any]:
    body = read_body()
    motion = y_up_motion(checked_motion(motion, "a page with bodies"))
    shaped = shape_body(body, shape_of_lengths(body, motion.bone_lengths))
    back = np.swapaxes(shaped.turns[0], -1, -2)
    above = np.maximum(body.parents, 0)
    offsets = (back[above] @ (shaped.joints[0] - shaped.joints[0][above])[..., None])[..., 0]
    return {
        "vertices": _packed(np.rint(shaped.vertices[0] / _STEP).astype("<i2")),
        "joints": np.round(shaped.joints[0].astype(float), 5).tolist(),
        "offsets": np.round(offsets.astype(float), 5).tolist(),
        "bind": np.round(matrix_to_quat_xyzw(back), 6).tolist(),
        "quats": _packed(np.rint(_UNIT * matrix_to_quat_xyzw(motion.rotations)).astype("<i2")),
        "places": np.round(motion.translation, 4).tolist(),
    }


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
