"""MOT: generalised coordinates over time, OpenSim's motion format, by the names and signs of Rajagopal 2016.

Degrees and metres, x forward, y up, z to the right. All coordinates are 0 in the anatomical position: upright, legs
straight down, arms hanging, elbows straight. Hips, shoulders and the back are turned about z, then x, then y of the
segment above, as in that model (Rajagopal et al. 2016, "Full-body musculoskeletal model for muscle-driven simulation of
human gait"). Forearm rotation, wrists, toes and the subtalar joint are left out: a model shows its defaults there.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.euler import continuous_euler
from anchorpose.files.limbs import HANGING, limb_turn
from anchorpose.files.motion_clips import checked_motion, y_up_motion
from anchorpose.files.paths import input_file, read_text, replacing
from anchorpose.files.trc import OPENSIM
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.content import Value, checked_array, set_fields
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import canonical_joints
from anchorpose.poses.values import Motion

Array = NDArray[np.float64]

_EXPECTED = "a motion file of OpenSim (MOT)"
_LIMBS = ("thigh", "shin", "arm", "forearm")


@dataclass(frozen=True, eq=False)
class Coordinates(Value):
    """Named coordinates over time: times (T,) [s], rising; values (T, C), degrees or metres as in the file."""

    names: tuple[str, ...]
    times: Array
    values: Array

    def __post_init__(self) -> None:
        times = checked_array(self.times, (None,), "times")
        set_fields(self, times=times, values=checked_array(self.values, (len(times), len(self.names)), "values"))
        if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
            raise InputError("the times of coordinates must rise")

    def __getitem__(self, name: str) -> Array:
        """(T,) one coordinate; InputError lists what exists."""
        if name not in self.names:
            raise InputError(f"no coordinate {name!r}; there are {', '.join(self.names)}")
        column: Array = self.values[:, self.names.index(name)]
        return column


def coordinates_of_motion(motion: Motion) -> Coordinates:
    """OpenSim's coordinates of a motion.

    `pelvis_tx`, `_ty`, `_tz` are where the root's joint lies (between the hips), which is some centimetres behind the
    origin that OpenSim's pelvis has.
    """
    motion = y_up_motion(checked_motion(motion, "MOT"))
    joints, world = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
    pelvis, chest = (_turned(world[:, ANNY.index(bone)]) for bone in ("root", "spine01"))
    out: dict[str, Array] = {}
    tilt = _angles(pelvis)
    out |= {f"pelvis_{n}": tilt[:, k] for k, n in enumerate(("tilt", "list", "rotation"))}
    places = motion.translation @ OPENSIM.T
    out |= {f"pelvis_t{axis}": places[:, k] for k, axis in enumerate("xyz")}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        turns = {n: _turned(limb_turn(joints, world, n, side.upper(), HANGING)) for n in _LIMBS}
        foot = _turned(world[:, ANNY.index(f"foot.{side.upper()}")])
        hip = _between(pelvis, turns["thigh"])
        out |= {f"hip_flexion_{side}": hip[:, 0], f"hip_adduction_{side}": sign * hip[:, 1]}
        out |= {f"hip_rotation_{side}": sign * hip[:, 2]}
        out |= {f"knee_angle_{side}": -_between(turns["thigh"], turns["shin"])[:, 0]}
        out |= {f"ankle_angle_{side}": _between(turns["shin"], foot)[:, 0]}
    back = _between(pelvis, chest)
    out |= {f"lumbar_{n}": back[:, k] for k, n in enumerate(("extension", "bending", "rotation"))}
    for side, sign in (("r", 1.0), ("l", -1.0)):
        turns = {n: _turned(limb_turn(joints, world, n, side.upper(), HANGING)) for n in _LIMBS}
        arm = _between(chest, turns["arm"])
        out |= {f"arm_flex_{side}": arm[:, 0], f"arm_add_{side}": sign * arm[:, 1], f"arm_rot_{side}": sign * arm[:, 2]}
        out |= {f"elbow_flex_{side}": _between(turns["arm"], turns["forearm"])[:, 0]}
    return Coordinates(tuple(out), motion.times, np.stack(list(out.values()), 1))


def _turned(world: Array) -> Array:
    """World turns (T, 3, 3) about OpenSim's axes."""
    out: Array = OPENSIM @ world @ OPENSIM.T
    return out


def _between(upper: Array, lower: Array) -> Array:
    return _angles(np.swapaxes(upper, -1, -2) @ lower)


def _angles(turns: Array) -> Array:
    """(T, 3) degrees about z, x, y; the first frame's the smallest there are."""
    return np.degrees(continuous_euler("zxy", turns))


def write_mot(coordinates: Coordinates, path: str | os.PathLike[str]) -> None:
    """Writes coordinates, tab-separated, `inDegrees=yes`."""
    if not len(coordinates.times) or not coordinates.names:
        raise InputError("MOT needs frames and coordinates; there are none")
    if not np.isfinite(coordinates.values).all():
        frame = int(np.argwhere(~np.isfinite(coordinates.values))[0][0])
        raise InputError(f"MOT cannot hold a value that is missing: frame {frame}")
    rows = np.concatenate([coordinates.times[:, None], coordinates.values], 1)
    header = f"{Path(path).stem}\nversion=1\nnRows={len(rows)}\nnColumns={rows.shape[1]}\ninDegrees=yes\nendheader\n"
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(header + "\t".join(["time", *coordinates.names]) + "\n")
        np.savetxt(file, rows, fmt="%.6f", delimiter="\t")


def read_mot(path: str | os.PathLike[str]) -> Coordinates:
    """Coordinates of a motion file, as they stand in it: degrees and metres.

    Raises:
        FileError: the file cannot be read. FormatError: it is no MOT, or is in radians; the message names the line.
    """
    file = input_file(path, _EXPECTED)
    lines = [line.strip() for line in read_text(file).split("\n")]
    ends = [k for k, line in enumerate(lines) if line.lower() == "endheader"]
    if not ends or ends[0] + 1 >= len(lines):
        raise FormatError(f"{file}: no endheader; expected {_EXPECTED}")
    if any("".join(line.lower().split()) == "indegrees=no" for line in lines[: ends[0]]):
        raise FormatError(
            f"{file}: inDegrees=no; angles in radians are not read, since lengths cannot be told from them"
        )
    names = lines[ends[0] + 1].split()
    if not names or names[0] != "time":
        raise FormatError(f"{file}, line {ends[0] + 2}: the first column should be time")
    rows = []
    for number, line in enumerate(lines[ends[0] + 2 :], ends[0] + 3):
        if line:
            try:
                row = [float(word) for word in line.split()]
            except ValueError as error:
                raise FormatError(f"{file}, line {number}: {error}") from None
            if len(row) != len(names) or not all(map(math.isfinite, row)):
                raise FormatError(f"{file}, line {number}: expected {len(names)} finite numbers")
            rows.append(row)
    if not rows:
        raise FormatError(f"{file}: there are no rows")
    table = np.array(rows)
    try:
        return Coordinates(tuple(names[1:]), table[:, 0], table[:, 1:])
    except InputError as error:
        raise FormatError(f"{file}: {error}") from error
