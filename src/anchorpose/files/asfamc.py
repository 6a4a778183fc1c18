"""Reads Acclaim motion: ASF (the skeleton) and AMC (the motion), as in the CMU and HDM05 databases.

A bone's frame C is given by its `axis` line. Its motion M, about the axes of that frame, turns the bone in the frame of
the body by C M C^-1, and these rotations accumulate from the root on. Angles that are listed first apply first:
"rx ry rz" is Rz @ Ry @ Rx.

In the `Clip` a joint carries the name of the bone it turns and lies at that bone's start, as in BVH; the end of a bone
is the joint of the next one, and the end of a last bone NAME is NAME_end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.lines import Line, read_lines
from anchorpose.files.paths import input_file
from anchorpose.poses.clips import Clip, euler_to_matrix, forward_kinematics
from anchorpose.poses.errors import FileError

_INCH = 0.0254
_ROOT = "root"


@dataclass(frozen=True)
class AsfBone:
    """A bone: its vector (3,) in metres, its frame C (3, 3), and its degrees of freedom such as ("rx", "rz")."""

    name: str
    parent: str | None
    vector: NDArray[np.float64]
    frame: NDArray[np.float64]
    dof: tuple[str, ...]


@dataclass(frozen=True)
class AsfSkeleton:
    """An ASF skeleton; parents come before their children, `bones[0]` is the root.

    `metres` is one unit of length of the ASF and AMC file, `radians` one unit of angle, `position` (3,) m where the
    root starts.
    """

    name: str
    bones: tuple[AsfBone, ...]
    metres: float
    radians: float
    position: NDArray[np.float64]


@dataclass
class _RawBone:
    name: str = ""
    direction: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    angles: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    axes: str = "xyz"
    dof: tuple[str, ...] = ()


class _AsfParser:
    """What has been read of one ASF file."""

    def __init__(self) -> None:
        self.length = 1.0
        self.radians = np.pi / 180.0
        self.position = np.zeros(3)
        self.root = _RawBone(_ROOT, dof=("tx", "ty", "tz", "rx", "ry", "rz"))
        self.bones: dict[str, _RawBone] = {}
        self.parents: dict[str, str] = {}
        self.order: list[str] = []
        self.bone: _RawBone | None = None  # between begin and end

    def units(self, line: Line) -> None:
        if line.words[0] == "length":
            self.length = line.numbers(1)[0]
            if self.length <= 0:
                raise line.error(f"the unit of length must be above 0, got {line.words[1]}")
        elif line.words[0] == "angle":
            unit = line.words[1].lower() if len(line.words) > 1 else ""
            if unit not in ("deg", "rad"):
                raise line.error(f"the unit of angle must be deg or rad, got {unit!r}")
            self.radians = 1.0 if unit == "rad" else np.pi / 180.0

    def root_data(self, line: Line) -> None:
        word = line.words[0].lower()
        if word == "order":
            self.root.dof = _check_dof(line, ("tx", "ty", "tz", "rx", "ry", "rz"))
        elif word == "axis":
            self.root.axes = _check_axes(line, line.words[1] if len(line.words) > 1 else "")
        elif word == "position":
            self.position = np.array(line.numbers(3))
        elif word == "orientation":
            self.root.angles = np.array(line.numbers(3))

    def bonedata(self, line: Line) -> None:
        word = line.words[0].lower()
        if word == "begin":
            if self.bone is not None:
                raise line.error("begin inside another bone")
            self.bone = _RawBone()
            return
        bone = self.bone
        if bone is None:
            raise line.error(f"{line.words[0]!r} outside begin and end")
        if word == "end":
            if not bone.name or bone.name in self.bones or bone.name == _ROOT:
                raise line.error(f"a bone's name is missing or given twice: {bone.name!r}")
            self.bones[bone.name] = bone
            self.bone = None
        elif word == "name":
            bone.name = " ".join(line.words[1:])
        elif word == "direction":
            bone.direction = np.array(line.numbers(3))
        elif word == "length":
            bone.length = line.numbers(1)[0]
        elif word == "axis":
            bone.angles = np.array(line.numbers(3))
            bone.axes = _check_axes(line, line.words[4] if len(line.words) > 4 else "xyz")
        elif word == "dof":
            bone.dof = _check_dof(line, ("rx", "ry", "rz"))

    def finish(self, last: Line) -> None:
        if not self.order:
            raise last.error("the file ends before its :hierarchy")
        orphans = [name for name in self.bones if name not in self.parents]
        if orphans:
            raise last.error(f"bones that are not in :hierarchy: {', '.join(orphans)}")

    def hierarchy(self, line: Line) -> None:
        if line.words[0].lower() in ("begin", "end") and len(line.words) == 1:
            return
        parent, *children = line.words
        if parent != _ROOT and parent not in self.parents:
            raise line.error(f"bone {parent!r} has children before it has a parent")
        for child in children:
            if child not in self.bones:
                raise line.error(f"unknown bone {child!r}; bonedata has {', '.join(self.bones)}")
            if child in self.parents:
                raise line.error(f"bone {child!r} has two parents")
            self.parents[child] = parent
            self.order.append(child)


def _check_axes(line: Line, word: str) -> str:
    axes = word.lower()
    if sorted(axes) != ["x", "y", "z"]:
        raise line.error(f"an axis order such as XYZ is expected, got {word!r}")
    return axes


def _check_dof(line: Line, allowed: tuple[str, ...]) -> tuple[str, ...]:
    dof = tuple(word.lower() for word in line.words[1:])
    for word in dof:
        if word not in allowed or dof.count(word) > 1:
            raise line.error(f"degree of freedom {word!r} is repeated or not one of {', '.join(allowed)}")
    return dof


def read_asf(path: str | Path, *, scale: float | None = None) -> AsfSkeleton:
    """Reads an ASF skeleton.

    Args:
        path: the file.
        scale: metres per unit. None: from the file, whose `length L` means units of 1/L inch (0.45 for CMU: 0.0564 m).

    Raises:
        FileError: the file cannot be read.
        FormatError: its content does not add up; the message names the line.
    """
    path = Path(path)
    parser = _AsfParser()
    sections = {
        ":units": parser.units,
        ":root": parser.root_data,
        ":bonedata": parser.bonedata,
        ":hierarchy": parser.hierarchy,
    }
    section = ""
    lines = read_lines(path, "an ASF skeleton", comment="#")
    for line in lines:
        if line.words[0].startswith(":"):
            section = line.words[0].lower()
            if parser.bone is not None:
                raise line.error(f"bone {parser.bone.name!r} has no end")
        elif section in sections:
            sections[section](line)
        elif not section:
            raise line.error(f"expected a section such as :units, got {line.words[0]!r}")
    parser.finish(lines[-1])
    metres = _INCH / parser.length if scale is None else scale
    bones = [_bone(parser.root, None, parser.radians, metres)]
    bones += [_bone(parser.bones[name], parser.parents[name], parser.radians, metres) for name in parser.order]
    return AsfSkeleton(path.stem, tuple(bones), metres, parser.radians, parser.position * metres)


def _bone(raw: _RawBone, parent: str | None, radians: float, metres: float) -> AsfBone:
    frame = euler_to_matrix(raw.axes[::-1], raw.angles[::-1] * radians)
    return AsfBone(raw.name, parent, raw.direction * raw.length * metres, frame, raw.dof)


def find_asf(path: str | Path) -> Path:
    """The skeleton of an AMC file: beside it or one folder above.

    The ASF whose name begins the AMC's name is taken (07.asf for 07_12.amc), else the only one of a folder.

    Raises:
        FileError: none, or several of which none fits; the message lists them.
    """
    path = Path(path)
    seen: list[Path] = []
    for folder in (path.parent, path.resolve().parent.parent):
        found = sorted(p for p in folder.glob("*") if p.suffix.lower() == ".asf")
        fitting = [p for p in found if path.stem.lower().startswith(p.stem.lower())]
        if fitting:
            return max(fitting, key=lambda p: len(p.stem))
        if len(found) == 1:
            return found[0]
        seen += found
    what = "there are several, none named like it: " + ", ".join(p.name for p in seen) if seen else "there is none"
    raise FileError(
        f"{path} needs the skeleton of its performer, an .asf file beside it or one folder above; {what}. "
        "Put it there, named as the .amc begins (07.asf for 07_12.amc)"
    )


def read_amc(
    path: str | Path, asf: str | Path | AsfSkeleton | None = None, *, fps: float = 120.0, scale: float | None = None
) -> Clip:
    """Reads an AMC motion.

    Args:
        path: the AMC file.
        asf: its skeleton, or the file of it; None: see `find_asf`.
        fps: AMC has no field for the rate; CMU and HDM05 record 120.
        scale: metres per unit; None: from the ASF.

    Returns:
        A `Clip`, y up.

    Raises:
        FileError: a file cannot be read, or there is no skeleton.
        FormatError: the content does not add up; the message names the line.
    """
    path = input_file(path, "an AMC motion")
    skeleton = asf if isinstance(asf, AsfSkeleton) else read_asf(asf or find_asf(path), scale=scale)
    values, radians = _parse_amc(path, skeleton)
    return _to_clip(path.stem, skeleton, values, radians, fps)


def _parse_amc(path: Path, skeleton: AsfSkeleton) -> tuple[dict[str, NDArray[np.float64]], float]:
    """Values (T, dof) of every bone that moves, and the size of a unit of angle."""
    moving = {bone.name: len(bone.dof) for bone in skeleton.bones if bone.dof}
    rows: dict[str, list[list[float]]] = {name: [] for name in moving}
    radians, frames, number = skeleton.radians, 0, -1
    lines = read_lines(path, "an AMC motion", comment="#")
    for line in lines:
        word, *given = line.words
        if word.startswith(":"):
            radians = {":DEGREES": np.pi / 180.0, ":RADIANS": 1.0}.get(word.upper(), radians)
        elif not given and word.isdecimal():
            _check_whole(line, rows, frames, number)
            if int(word) <= number:
                raise line.error(f"frame {word} after frame {number}")
            number, frames = int(word), frames + 1
        elif frames == 0:
            raise line.error(f"expected the number of the first frame, got {line.text()}")
        else:
            _check_bone(line, skeleton, moving)
            if given:
                if len(rows[word]) == frames:
                    raise line.error(f"bone {word!r} twice in frame {number}")
                rows[word].append(line.floats(given))
    if frames == 0:
        raise lines[-1].error("the file has no frames")
    _check_whole(lines[-1], rows, frames, number)
    return {name: np.array(values) for name, values in rows.items()}, radians


def _check_bone(line: Line, skeleton: AsfSkeleton, moving: dict[str, int]) -> None:
    name, count = line.words[0], len(line.words) - 1
    if name not in moving and all(bone.name != name for bone in skeleton.bones):
        raise line.error(f"the skeleton {skeleton.name} has no bone {name!r}")
    if count != moving.get(name, 0):
        raise line.error(f"{count} values for {name!r}, which has {moving.get(name, 0)} degrees of freedom")


def _check_whole(line: Line, rows: dict[str, list[list[float]]], frames: int, number: int) -> None:
    missing = [name for name, values in rows.items() if len(values) != frames]
    if missing:
        raise line.error(f"frame {number} ends without {', '.join(missing)}")


def _to_clip(
    name: str, skeleton: AsfSkeleton, values: dict[str, NDArray[np.float64]], radians: float, fps: float
) -> Clip:
    frames = len(values[_ROOT])
    bones = skeleton.bones
    order = {bone.name: i for i, bone in enumerate(bones)}
    leaves = [bone for bone in bones[1:] if not any(other.parent == bone.name for other in bones)]
    count = len(bones) + len(leaves)
    parents = np.full(count, -1, dtype=np.int64)
    offsets = np.zeros((count, 3))
    rotations = np.broadcast_to(np.eye(3), (frames, count, 3, 3)).copy()
    for i, bone in enumerate(bones):
        if bone.parent is not None:
            parents[i] = order[bone.parent]
            offsets[i] = bones[parents[i]].vector
        rotations[:, i] = _local_rotation(bone, values.get(bone.name), radians, frames)
    for i, bone in enumerate(leaves, start=len(bones)):
        parents[i] = order[bone.name]
        offsets[i] = bone.vector
    root = np.broadcast_to(skeleton.position, (frames, 3)).copy()
    for column, dof in enumerate(bones[0].dof):
        if dof[0] == "t":
            root[:, "xyz".index(dof[1])] += skeleton.metres * values[_ROOT][:, column]
    positions, _ = forward_kinematics(offsets, parents, rotations, root)
    names = tuple(bone.name for bone in bones) + tuple(f"{bone.name}_end" for bone in leaves)
    ends = np.arange(count) >= len(bones)
    return Clip(name, names, parents, offsets, rotations, positions, fps, "y", ends)


def _local_rotation(
    bone: AsfBone, values: NDArray[np.float64] | None, radians: float, frames: int
) -> NDArray[np.float64]:
    """C M C^-1, (T, 3, 3)."""
    turns = [column for column, dof in enumerate(bone.dof) if dof[0] == "r"]
    if values is None or not turns:
        return np.broadcast_to(np.eye(3), (frames, 3, 3))
    axes = "".join(bone.dof[column][1] for column in turns)
    motion = euler_to_matrix(axes[::-1], radians * values[:, turns][:, ::-1])
    return bone.frame @ motion @ bone.frame.T
