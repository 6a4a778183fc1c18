"""Reads BVH (Biovision Hierarchy) motion files.

The format is read as it is found in public files: any Euler order, positions on any joint (they replace the joint's
OFFSET), tabs or spaces, frame lines that wrap, end sites that are missing. Whatever does not add up is an error that
names the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.lines import Line, read_lines
from anchorpose.poses.clips import Clip, euler_to_matrix, forward_kinematics
from anchorpose.poses.errors import InputError

_POSITIONS = ("xposition", "yposition", "zposition")
_ROTATIONS = ("xrotation", "yrotation", "zrotation")
# Character Creator (iClone) writes the root's motion relative to its OFFSET; everyone else writes where the root is.
_ROOTS_WITH_ADDED_OFFSET = ("CC_Base_Hip",)


@dataclass
class _Joint:
    name: str
    parent: int
    line: Line
    end: bool = False
    offset: list[float] | None = None
    channels: list[str] = field(default_factory=list)


def read_bvh(path: str | Path, *, scale: float = 0.01, up: str = "y", add_root_offset: bool | None = None) -> Clip:
    """Reads one BVH file.

    Args:
        path: the file.
        scale: metres per unit of the file; BVH has no field for it and most files are in centimetres.
        up: the axis that points up, "y" or "z".
        add_root_offset: add the root's OFFSET to its position channels instead of replacing it.
            None: only for roots known to need it (Character Creator's CC_Base_Hip).

    Returns:
        A `Clip`; the end site of a joint NAME is a joint NAME_end.

    Raises:
        FileError: the file cannot be read.
        FormatError: its content does not add up; the message names the line.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale must be above 0 metres per unit, got {scale}")
    lines = read_lines(path, "a BVH file")
    joints, motion = _parse_hierarchy(lines)
    frames, frame_time, first = _parse_motion_header(lines, motion)
    channels = sum(len(joint.channels) for joint in joints)
    if channels == 0:
        raise lines[motion].error("the hierarchy above has no channels")
    values = _parse_frames(lines[first:], lines[-1], frames, channels)
    if add_root_offset is None:
        add_root_offset = joints[0].name in _ROOTS_WITH_ADDED_OFFSET
    moving, rotations = _pose_joints(joints, values, scale, add_root_offset)
    root = moving[:, 0].copy()
    moving[:, 0] = 0.0
    parents = np.array([joint.parent for joint in joints], dtype=np.int64)
    positions, _ = forward_kinematics(moving, parents, rotations, root)
    return Clip(
        name=Path(path).stem,
        names=tuple(joint.name for joint in joints),
        parents=parents,
        offsets=scale * np.array([joint.offset for joint in joints]),
        rotations=rotations,
        positions=positions,
        fps=1.0 / frame_time,
        up=up,
        ends=np.array([joint.end for joint in joints]),
    )


def _parse_hierarchy(lines: list[Line]) -> tuple[list[_Joint], int]:
    """Joints in file order, and the index of the line "MOTION"."""
    joints: list[_Joint] = []
    open_joints: list[int] = []
    waiting = False  # for the brace of the last joint
    for i, line in enumerate(lines):
        for words in _split_at_braces(line.words):
            word = words[0].upper()
            if waiting != (word == "{"):
                raise line.error(f"expected {{ after joint {joints[-1].name!r}" if waiting else "{ without a joint")
            if word == "{":
                waiting = False
            elif word == "}":
                if not open_joints:
                    raise line.error("} without {")
                open_joints.pop()
            elif word in ("ROOT", "JOINT", "END"):
                joints.append(_new_joint(line, words, joints, open_joints))
                open_joints.append(len(joints) - 1)
                waiting = True
            elif word == "MOTION":
                _check_complete(line, joints, open_joints)
                return joints, i
            elif word != "HIERARCHY":
                _parse_property(line, words, joints[open_joints[-1]] if open_joints else None)
    raise lines[-1].error("the file ends before MOTION")


def _split_at_braces(words: list[str]) -> list[list[str]]:
    """Braces stand on lines of their own or at the end of one; here each gets a list of its own."""
    if not any("{" in word or "}" in word for word in words):
        return [words]
    text = " ".join(words).replace("{", "\n{\n").replace("}", "\n}\n")
    return [part.split() for part in text.split("\n") if part.strip()]


def _new_joint(line: Line, words: list[str], joints: list[_Joint], open_joints: list[int]) -> _Joint:
    word, text = words[0].upper(), " ".join(words)
    parent = open_joints[-1] if open_joints else -1
    if word == "ROOT" and joints:
        raise line.error(f"{text!r} is a second root; one is expected")
    if word != "ROOT" and parent < 0:
        raise line.error(f"{text!r} stands outside any joint")
    if parent >= 0 and joints[parent].end:
        raise line.error(f"{text!r} stands in an end site")
    names = {joint.name for joint in joints}
    if word == "END":
        name = base = f"{joints[parent].name}_end"
        count = 1
        while name in names:
            count += 1
            name = f"{base}{count}"
        return _Joint(name, parent, line, end=True)
    name = " ".join(words[1:])
    if not name:
        raise line.error("a joint without a name")
    if name in names:
        raise line.error(f"joint {name!r} is given twice")
    return _Joint(name, parent, line)


def _parse_property(line: Line, words: list[str], joint: _Joint | None) -> None:
    word = words[0].upper()
    if joint is None or word not in ("OFFSET", "CHANNELS"):
        raise line.error(f"did not expect {words[0]!r} here")
    if word == "OFFSET":
        if len(words) != 4:
            raise line.error(f"OFFSET needs 3 numbers, got {len(words) - 1}")
        joint.offset = line.floats(words[1:])
        return
    channels = [channel.lower() for channel in words[2:]]
    if joint.end:
        raise line.error("an end site has no CHANNELS")
    if words[1:2] != [str(len(channels))]:
        raise line.error(f"CHANNELS {' '.join(words[1:2])} is followed by {len(channels)} names")
    for channel in channels:
        if channel not in _POSITIONS + _ROTATIONS or channels.count(channel) > 1:
            raise line.error(f"unknown or repeated channel {channel!r}")
    joint.channels = channels


def _check_complete(line: Line, joints: list[_Joint], open_joints: list[int]) -> None:
    if not joints or open_joints:
        what = f"joint {joints[open_joints[-1]].name!r} is closed" if joints else "there is a joint"
        raise line.error(f"MOTION before {what}")
    for joint in joints:
        if joint.offset is None:
            raise joint.line.error(f"joint {joint.name!r} has no OFFSET")


def _parse_motion_header(lines: list[Line], motion: int) -> tuple[int, float, int]:
    """Number of frames, seconds per frame, and the index of the first line of numbers."""
    if len(lines) < motion + 3:
        raise lines[-1].error("the file ends before the first frame")
    counts, times = lines[motion + 1], lines[motion + 2]
    (label, count), (time_label, time) = _label_and_value(counts), _label_and_value(times)
    if label != "frames" or not count.isdecimal() or int(count) == 0:
        raise counts.error(f'expected "Frames: N" with N above 0, got {counts.text()}')
    if time_label != "frametime":
        raise times.error(f'expected "Frame Time: seconds", got {times.text()}')
    seconds = times.floats([time])[0]
    if seconds <= 0:
        raise times.error(f"the frame time must be above 0, got {time}")
    return int(count), seconds, motion + 3


def _label_and_value(line: Line) -> tuple[str, str]:
    label, _, value = "".join(line.words).partition(":")
    return label.lower(), value


def _parse_frames(lines: list[Line], last: Line, frames: int, channels: int) -> NDArray[np.float64]:
    """The numbers of all frames, (frames, channels)."""
    if not lines:
        raise last.error("the file ends before the first frame")
    values = np.array([value for line in lines for value in line.floats(line.words)])
    wrong = [line for line in lines if len(line.words) != channels]
    # With a line for each frame, each must be whole. Otherwise lines are wrapped and only the sum can tell.
    if values.size == frames * channels and (not wrong or len(lines) != frames):
        return values.reshape(frames, channels)
    if wrong and (len(lines) == frames or 2 * len(wrong) < len(lines)):
        raise wrong[0].error(f"{len(wrong[0].words)} values where the hierarchy has {channels} channels")
    raise last.error(
        f"the file ends with {values.size} values, {values.size / channels:.4g} frames of {channels} channels, "
        f"where {frames} frames are announced"
    )


def _pose_joints(
    joints: list[_Joint], values: NDArray[np.float64], scale: float, add_root_offset: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offsets (T, J, 3) in metres, with positions in place, and local rotations (T, J, 3, 3)."""
    offsets = scale * np.array([joint.offset for joint in joints])
    moving = np.broadcast_to(offsets, (len(values), *offsets.shape)).copy()
    rotations = np.broadcast_to(np.eye(3), (len(values), len(joints), 3, 3)).copy()
    column = 0
    for j, joint in enumerate(joints):
        block = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        turns = [c for c, channel in enumerate(joint.channels) if channel in _ROTATIONS]
        axes = "".join(joint.channels[c][0] for c in turns)
        rotations[:, j] = euler_to_matrix(axes, np.radians(block[:, turns]))
        for c, channel in enumerate(joint.channels):
            if channel in _POSITIONS:
                axis = _POSITIONS.index(channel)
                base = offsets[j, axis] if add_root_offset and joint.parent < 0 else 0.0
                moving[:, j, axis] = base + scale * block[:, c]
    return moving, rotations
