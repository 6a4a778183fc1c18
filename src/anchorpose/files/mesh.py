"""A person's motion as an animated mesh: a GLB of the body with its shape, its skinning and its rotations, all of them.

GLB, because a frame then takes a kilobyte, not the 160 of 13718 vertices, and every 3D program plays it. What it shows
is this project's own linear blend skinning to a tenth of a millimetre: all weights are written (up to twelve bones move
a vertex), in three sets. Programs that read only the first set (four bones) are better served by `glb`. For vertices as
numbers, `posed_parts` gives them a few frames at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from anchorpose.files.body import read_body
from anchorpose.files.body_fit import rest_offsets, shape_of_lengths
from anchorpose.files.glb import write_motions_glb
from anchorpose.files.motion_clips import checked_motion, y_up_motion
from anchorpose.poses.body import BodyModel, Posed, pose_shaped, shape_body
from anchorpose.poses.kinematics import canonical_joints
from anchorpose.poses.values import Motion

_INFLUENCES = 12
_AT_ONCE = 32


@dataclass(frozen=True)
class MeshFit:
    """How far a mesh's joints are from those of its motion [cm], over all joints and frames: mean and largest."""

    mean_cm: float
    worst_cm: float

    def to_dict(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


def posed_parts(motion: Motion, body: BodyModel | None = None, shape: ArrayLike | None = None) -> Iterator[Posed]:
    """The body of a motion, skinned, a few frames at a time: vertices, joints and bones in a world with y up.

    Args:
        body: None: the one that ships. shape: (1, B) its coefficients; None: fitted to the motion's bone lengths.

    Raises:
        InputError: another skeleton, no frames, or a pose that is missing.
    """
    body = read_body() if body is None else body
    motion = y_up_motion(checked_motion(motion, "a mesh"))
    shaped = shape_body(body, shape_of_lengths(body, motion.bone_lengths) if shape is None else shape)
    for start in range(0, len(motion), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield pose_shaped(body, shaped, motion.rotations[part], motion.translation[part])


def write_mesh(
    motion: Motion, path: str | os.PathLike[str], *, person: int | None = None, body: BodyModel | None = None
) -> MeshFit:
    """Writes one person's animated mesh; returns how far its joints are from the motion's.

    Raises:
        InputError: another skeleton, no frames, or a pose that is missing.
    """
    body = read_body() if body is None else body
    shape = shape_of_lengths(body, checked_motion(motion, "a mesh").bone_lengths)
    write_motions_glb([motion], path, people=[person], shapes=[shape[0]], influences=_INFLUENCES, body=body)
    return mesh_fit(motion, body, shape)


def mesh_fit(motion: Motion, body: BodyModel, shape: ArrayLike) -> MeshFit:
    """How far the joints of the body with this shape (1, B) are from those of the motion."""
    offsets = rest_offsets(body, np.asarray(shape, np.float64))[0]
    total, worst, count = 0.0, 0.0, 0
    for start in range(0, len(motion), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        joints, world = canonical_joints(motion.rotations[part], motion.translation[part], motion.bone_lengths)
        own = joints.copy()
        for level in body.levels[1:]:
            above = body.parents[level]
            own[:, level] = own[:, above] + (world[:, above] @ offsets[level, :, None])[..., 0]
        off = 100 * np.linalg.norm(own - joints, axis=-1)
        total, worst, count = total + float(off.sum()), max(worst, float(off.max())), count + off.size
    return MeshFit(total / max(count, 1), worst)
