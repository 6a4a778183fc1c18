"""One file of a user's motion capture as a clip of people's size with rotations, whatever it holds.

| file | what |
|---|---|
| .bvh, .amc | any known rig (`files.rigs`), our own skeleton among them |
| .npz | a motion with the keys of AMASS, exact if it was written here |
| .c3d | points over time with BODY13's names, as they are written here, or those of a rig's limbs: a motion is fitted |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from anchorpose.files.c3d import read_c3d
from anchorpose.files.human_size import leg_length, likely_scale
from anchorpose.files.mocap import SUFFIXES, read_mocap
from anchorpose.files.motion_clips import clip_of_motion, y_up_motion
from anchorpose.files.points import points_of_clip
from anchorpose.files.rig_names import spelled_as
from anchorpose.files.rigs import RIGS, detect_rig
from anchorpose.files.sequences import sequence_of_points
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.resampling import values_at
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import Motion

# Hip to ankle [m]: children of five years, and more than anybody has. Smaller children are hardly recorded, but adults
# in a wrong unit are common (CMU's figures read as inches have 0.39 m), and a wrong size would spoil a whole run.
_LEGS = (0.45, 1.25)
_TORSO = ("r_hip", "l_hip", "r_shoulder", "l_shoulder")

KNOWN = (*SUFFIXES, ".npz")
"""Suffixes of what can be read."""

Solve = Callable[[PoseSequence], Motion]
"""Makes a motion of 3D joints over time, as `sense.motion.Refiner.refine` does."""


@dataclass(frozen=True)
class Reading:
    """How to read files that do not tell themselves.

    Attributes:
        scale: metres per unit; up: the axis that points up, "y" or "z". None: what the file says or is usual.
        solve: for points (.c3d).
    """

    scale: float | None = None
    up: str | None = None
    solve: Solve | None = None


def read_user_clip(path: Path, how: Reading) -> Clip:
    """A file as a clip with rotations, its people of people's size.

    Raises:
        InputError: no known rig, points without the needed names, nobody's size (the message says which `scale` fits).
        FileError, FormatError: the file is missing or broken.
    """
    suffix = path.suffix.lower()
    if suffix == ".npz":
        from anchorpose.files.amass import read_amass

        return clip_of_motion(read_amass(path), path.stem)
    if suffix == ".c3d":
        return _of_points(path, how)
    axis = None if suffix == ".amc" else how.up
    clip = read_mocap(path, scale=how.scale, up=axis)
    detect_rig(clip.names)
    _check_size(path, clip, how.scale, lambda: read_mocap(path, scale=1.0, up=axis))
    return clip


def _of_points(path: Path, how: Reading) -> Clip:
    """Points as a clip of our own skeleton: `solve` sees them about the torso, which is then put back in its place."""
    clip = _points(path, how.scale, how.up)
    points = points_of_clip(clip)
    sequence = sequence_of_points(points, path)
    there = points.positions[:, [points.names.index(name) for name in _TORSO]].mean(1)
    seen = np.isfinite(there).all(1)
    if not seen.any():
        raise InputError(f"{path}: {', '.join(_TORSO)} are in no frame together")
    _check_size(path, clip, how.scale, lambda: _points(path, 1.0, how.up))
    if how.solve is None:
        raise InputError(f"{path} holds points without rotations; `anchorpose refine` makes a motion of them")
    motion = y_up_motion(how.solve(sequence))
    joints = canonical_body13(*canonical_joints(motion.rotations, motion.translation, motion.bone_lengths))
    moved = values_at(there[seen], points.times[seen], motion.times) - torso_centre(joints)
    return clip_of_motion(replace(motion, translation=motion.translation + moved, frame="world"), path.stem)


def _points(path: Path, scale: float | None, up: str | None) -> Clip:
    """The points of a file, the joints of a rig under BODY13's names; no rig tells where the head's centre is."""
    clip = read_c3d(path, scale=scale, up=up, gaps="keep")
    names = spelled_as(BODY13.names, clip.names)
    if not set(BODY13.names[:12]) <= set(names):
        for rig in RIGS.values():
            own = rig.spelled(names)
            if set(rig.body) <= set(own):
                ours = dict(zip(rig.body, BODY13.names, strict=False))
                names = tuple(ours.get(name, f"{name} of {rig.name}") for name in own)
                break
    return replace(clip, names=names)


def _check_size(path: Path, clip: Clip, given: float | None, in_units: Callable[[], Clip]) -> None:
    """InputError where people are nobody's size; `given` metres per unit, `in_units` reads them in the file's units."""
    leg = leg_length(clip.names, clip.positions)
    if math.isnan(leg):
        raise InputError(f"{path}: no frame has a whole leg, hip, knee and ankle")
    if _LEGS[0] <= leg <= _LEGS[1]:
        return
    inside = in_units()
    units = max(leg_length(inside.names, inside.positions), 1e-12)
    best = likely_scale(units)
    hint = "no usual unit makes them a person's"
    if _LEGS[0] <= units * best <= _LEGS[1]:
        hint = f"with --mocap-scale {best:g} they would have {units * best:.2f} m"
    unit = given or leg / units
    raise InputError(f"{path}: legs of {leg:.3g} m, which nobody has: its unit is not {unit:.5g} m; {hint}")
