"""Writes BVH (Biovision Hierarchy): one person's motion with its bones, as animation programs open it.

Centimetres, y up, degrees. The root has six channels, every joint three rotations, the same order in all of them; the
reference pose (all angles 0) is that of `poses.canonical`: standing, facing +z, arms 48 degrees below the horizontal.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.euler import continuous_euler
from anchorpose.files.motion_clips import prepared
from anchorpose.files.paths import replacing
from anchorpose.poses.canonical import ANNY, DIRECTIONS, PARENTS
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_offsets
from anchorpose.poses.values import Motion

_CENTIMETRES = 100.0
# Ends of the bones after which there is no joint [m]; others go on as far as their own bone is long.
_ENDS = {"head": (0.0, 0.16, 0.0), "eye.L": (0.0, 0.0, 0.012), "eye.R": (0.0, 0.0, 0.012)}


def write_bvh(motion: Motion, path: str | os.PathLike[str], *, order: str = "zxy") -> None:
    """Writes one person's motion.

    Times start anew at 0; uneven ones are put on an even grid, since the format has one frame time.

    Args:
        motion: of the canonical skeleton.
        path: the file; it appears whole or not at all.
        order: of the three rotations of a joint, from the first channel to the last, which acts first on the bone.

    Raises:
        InputError: another skeleton, no frames, or a pose that is missing.
    """
    if sorted(order) != ["x", "y", "z"]:
        raise InputError(f"order is x, y and z in some order, not {order!r}")
    motion, fps = prepared(motion, "BVH")
    lines, visited = _hierarchy(canonical_offsets(motion.bone_lengths), order)
    angles = np.degrees(continuous_euler(order, motion.rotations[:, visited]))
    values = np.concatenate([_CENTIMETRES * motion.translation, angles.reshape(len(motion), -1)], 1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1.0 / fps:.9f}"]
    with replacing(path) as temporary, open(temporary, "w", encoding="ascii", newline="\n") as file:
        file.write("\n".join(lines) + "\n")
        np.savetxt(file, values, fmt="%.6f")


def _hierarchy(offsets: NDArray[np.float64], order: str) -> tuple[list[str], list[int]]:
    """The lines of the skeleton, and the joints in the order of their channels."""
    lines, visited = ["HIERARCHY"], []
    turns = " ".join(f"{axis.upper()}rotation" for axis in order)

    def add(j: int, depth: int) -> None:
        visited.append(j)
        tab = "\t" * depth
        lines.extend([f"{tab}{'JOINT' if depth else 'ROOT'} {ANNY.names[j]}", f"{tab}{{"])
        lines.append(f"{tab}\tOFFSET {_numbers(offsets[j] if depth else np.zeros(3))}")
        places = "6 Xposition Yposition Zposition" if not depth else "3"
        lines.append(f"{tab}\tCHANNELS {places} {turns}")
        children = np.flatnonzero(PARENTS == j)
        for child in children:
            add(int(child), depth + 1)
        if not children.size:
            end = np.array(_ENDS.get(ANNY.names[j], np.linalg.norm(offsets[j]) * DIRECTIONS[j]))
            lines.extend([f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {_numbers(end)}", f"{tab}\t}}"])
        lines.append(f"{tab}}}")

    add(0, 0)
    return lines, visited


def _numbers(metres: NDArray[np.float64]) -> str:
    return " ".join(f"{_CENTIMETRES * v:.6f}" for v in metres)
