"""Motions as npz files with the keys of AMASS, which programs that learn from human motion load; no pickles.

| key | what |
|---|---|
| `poses` | (T, 156) axis-angle [rad]: the root, 21 joints of the body, 15 of each hand, in SMPL-H's order |
| `trans` | (T, 3) [m], z up: where the root's joint lies |
| `mocap_framerate` | frames per second |
| `betas`, `gender` | sixteen zeros and "neutral": the shape is not told in these terms |
| `dmpls` | (T, 8) zeros |
| `anchorpose` | JSON: skeleton, frame, and that this is an exact copy of a `Motion` |
| `times`, `root`, `rotvecs`, `translation`, `bone_lengths`, `observed` | the motion itself, exact |

`poses` count from a T pose with straight legs, palms down. SMPL's own rest pose differs from that by some degrees, and
its skeleton from ours, so bodies posed by them agree in the directions of limbs, not to the millimetre.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.limbs import SPREAD, limb_turn, rest_turn
from anchorpose.files.motion_clips import checked_motion, even_motion, y_up_motion
from anchorpose.files.paths import input_file, replacing
from anchorpose.poses.canonical import ANNY, PARENTS, REST_LENGTHS
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import canonical_joints, local_rotations
from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix
from anchorpose.poses.values import Motion

Array = NDArray[np.float64]

_FORMAT = "anchorpose-motion/1"
_BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, BadZipFile, zlib.error)
_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From a world with y up to one with z up; who faces +z there faces -y here."""


def _joints() -> list[tuple[int, str, str]]:
    """For each of the 52 joints of SMPL-H: its parent, our bone, and the limb by whose line it is turned ("")."""
    rows = [(-1, "root", "")]
    rows += [(0, "upperleg01.L", "thigh"), (0, "upperleg01.R", "thigh"), (0, "spine04", "")]
    rows += [(1, "lowerleg01.L", "shin"), (2, "lowerleg01.R", "shin"), (3, "spine03", "")]
    rows += [(4, "foot.L", ""), (5, "foot.R", ""), (6, "spine01", ""), (7, "toe2-1.L", ""), (8, "toe2-1.R", "")]
    rows += [(9, "neck01", ""), (9, "clavicle.L", ""), (9, "clavicle.R", ""), (12, "head", "")]
    rows += [(13, "upperarm01.L", "arm"), (14, "upperarm01.R", "arm"), (16, "lowerarm01.L", "forearm")]
    rows += [(17, "lowerarm01.R", "forearm"), (18, "wrist.L", "hand"), (19, "wrist.R", "hand")]
    for side, wrist in (("L", 20), ("R", 21)):
        for finger in (2, 3, 5, 4, 1):  # SMPL-H: index, middle, little, ring, thumb
            for k in range(1, 4):
                rows.append((wrist if k == 1 else len(rows) - 1, f"finger{finger}-{k}.{side}", "finger"))
    return rows


_SMPLH = _joints()


def write_amass(motion: Motion, path: str | os.PathLike[str]) -> None:
    """Writes one person's motion; see this module's text for the keys.

    `poses` and `trans` are at one rate, interpolated where times are uneven; the motion's own arrays are as they are.

    Raises:
        InputError: another skeleton, no frames, or a pose that is missing.
    """
    even, fps = even_motion(y_up_motion(checked_motion(motion, "an AMASS file")))
    world = _smplh_world(even)
    local = world.copy()
    for j, (parent, _, _) in enumerate(_SMPLH):
        local[:, j] = (_Z_UP if parent < 0 else np.swapaxes(world[:, parent], -1, -2)) @ world[:, j]
    meta = {"format": _FORMAT, "skeleton": motion.skeleton, "frame": motion.frame}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            poses=matrix_to_rotvec(local).reshape(len(even), -1),
            trans=even.translation @ _Z_UP.T,
            betas=np.zeros(16),
            dmpls=np.zeros((len(even), 8)),
            gender=np.array("neutral"),
            mocap_framerate=np.array(fps),
            anchorpose=np.array(json.dumps(meta)),
            times=motion.times,
            root=motion.root,
            rotvecs=matrix_to_rotvec(motion.rotations),
            translation=motion.translation,
            bone_lengths=motion.bone_lengths,
            observed=motion.observed,
        )


def _smplh_world(motion: Motion) -> Array:
    """World turns (T, 52, 3, 3) away from the T pose, about axes with y up."""
    joints, world = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
    out = np.empty((len(motion), len(_SMPLH), 3, 3))
    for j, (_, bone, limb) in enumerate(_SMPLH):
        if limb == "finger":  # counted from where the finger is in our reference pose, the hand taken into the T
            out[:, j] = world[:, ANNY.index(bone)] @ rest_turn("hand", bone[-1], SPREAD)
        elif limb:
            out[:, j] = limb_turn(joints, world, limb, bone[-1], SPREAD)
        else:
            out[:, j] = world[:, ANNY.index(bone)]
    return out


def read_amass(path: str | os.PathLike[str]) -> Motion:
    """The motion of an npz file with the keys of AMASS: exact if it was written here.

    Of others, `poses` of SMPL-H or SMPL (at least 66 columns, root and body) are laid on the canonical skeleton with
    the bone lengths of the average adult.

    Raises:
        FileError: the file cannot be read. FormatError: keys are missing or do not fit.
    """
    file = input_file(path, "a motion as npz, with the keys of AMASS")
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as data:
            if "anchorpose" in data.files:
                return _own(json.loads(str(data["anchorpose"])), data)
            rate = "mocap_framerate" if "mocap_framerate" in data.files else "mocap_frame_rate"
            missing = [key for key in ("poses", "trans", rate) if key not in data.files]
            if missing:
                raise FormatError(f"{file} has no {', '.join(missing)}; it has {', '.join(data.files)}")
            return _foreign(data["poses"], data["trans"], float(data[rate]))
    except FormatError:
        raise
    except (*_BROKEN, InputError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error) or "it is broken"
        raise FormatError(f"{file}: not a motion as npz: {what}") from error


def _own(meta: dict[str, Any], data: Any) -> Motion:
    if meta["format"] != _FORMAT:
        raise FormatError(f"format {meta['format']!r}, expected {_FORMAT!r}")
    return Motion(
        meta["skeleton"], data["times"], data["root"], rotvec_to_matrix(data["rotvecs"]), data["translation"],
        data["bone_lengths"], meta["frame"], data["observed"],
    )  # fmt: skip


def _foreign(poses: Array, trans: Array, fps: float) -> Motion:
    if poses.ndim != 2 or poses.shape[1] < 66 or poses.shape[1] % 3 or trans.shape != (len(poses), 3):
        raise InputError(f"poses {poses.shape} and trans {trans.shape} do not fit; (T, 66 or more) and (T, 3) expected")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"the frame rate is {fps}")
    local = rotvec_to_matrix(poses.reshape(len(poses), -1, 3))
    # SMPL has 24 joints: its hands, after the wrists, are no joints of SMPL-H's.
    known = _SMPLH if local.shape[1] >= len(_SMPLH) else _SMPLH[:22]
    turns: dict[str, Array] = {}
    world: list[Array] = []
    for j, (parent, bone, limb) in enumerate(known):
        world.append((_Z_UP.T if parent < 0 else world[parent]) @ local[:, j])
        rest = rest_turn("hand" if limb == "finger" else limb, bone[-1], SPREAD) if limb else np.eye(3)
        turns[bone] = world[j] @ rest.T
    ours = np.empty((len(poses), len(ANNY), 3, 3))
    for j, bone in enumerate(ANNY.names):  # what they do not have goes with its parent
        ours[:, j] = turns[bone] if bone in turns else ours[:, PARENTS[j]]
    rotations = local_rotations(ours)
    times = np.arange(len(poses)) / fps
    return Motion(
        ANNY.name, times, rotations[:, 0], rotations, trans @ _Z_UP, REST_LENGTHS, "world", np.ones(len(poses), bool)
    )
