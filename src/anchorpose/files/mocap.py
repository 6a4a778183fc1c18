"""Reads motion capture of any known format, and the index of a folder of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from anchorpose.files.asfamc import read_amc
from anchorpose.files.bvh import read_bvh
from anchorpose.files.c3d import read_c3d
from anchorpose.files.paths import input_file, read_text
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import FormatError, InputError

SUFFIXES = (".bvh", ".amc", ".c3d")
INDEX = "index.csv"


@dataclass(frozen=True)
class MocapRecord:
    """One line of a motion capture folder's index.csv: a clip, before it is read. `path` is relative to the folder."""

    path: str
    source: str
    subject: str
    trial: str
    action: str
    fps: float
    frames: int
    seconds: float
    format: str
    units_per_metre: float
    up_axis: str
    licence: str
    split: str


def read_mocap(
    path: str | Path,
    *,
    scale: float | None = None,
    up: str | None = None,
    fps: float | None = None,
    asf: str | Path | None = None,
) -> Clip:
    """Reads one motion capture file by its suffix: .bvh, .amc (with its .asf) or .c3d.

    Args:
        path: the file.
        scale: metres per unit. None: what the file says, for BVH centimetres.
        up: the axis that points up, "y" or "z". None: what the file says, else "y" (C3D: "z").
        fps: frames per second; only for AMC, which has no field for it (None: 120).
        asf: the skeleton of an AMC file; None: looked for beside it and one folder above.

    Raises:
        InputError: an unknown suffix, or an option the format has no use for.
        FileError, FormatError: the file cannot be read or does not add up; the message names the line or the frame.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: unknown motion capture format {suffix!r}; known are {', '.join(SUFFIXES)}")
    if suffix != ".amc" and (fps is not None or asf is not None):
        raise InputError(f"{path}: fps and asf are options for .amc only")
    if suffix == ".bvh":
        return read_bvh(path, scale=0.01 if scale is None else scale, up=up or "y")
    if suffix == ".c3d":
        return read_c3d(path, scale=scale, up=up)
    if up not in (None, "y"):
        raise InputError(f"{path}: .amc is always y up, got up={up!r}")
    return read_amc(path, asf, fps=120.0 if fps is None else fps, scale=scale)


def read_record(root: str | Path, record: MocapRecord) -> Clip:
    """Reads the clip of a record of the index, with the units, the axis and the rate that the index gives.

    Raises:
        FormatError: the file's number of frames or its rate is not what the index says.
    """
    path = Path(root) / record.path
    amc = record.format == "amc"
    clip = read_mocap(path, scale=1.0 / record.units_per_metre, up=record.up_axis, fps=record.fps if amc else None)
    if len(clip) != record.frames:
        raise FormatError(f"{path}: frame {len(clip)} is the last, where {INDEX} announces {record.frames} frames")
    if abs(clip.fps - record.fps) > 0.01 * record.fps:
        raise FormatError(f"{path}: {clip.fps:.3f} frames per second, where {INDEX} says {record.fps}")
    return clip


def read_index(root: str | Path) -> tuple[MocapRecord, ...]:
    """The records of `root`/index.csv.

    Raises:
        FileError: there is no index.csv.
        FormatError: a column is missing or a value is no number; the message names the line.
    """
    path = input_file(Path(root) / INDEX, "the index of a folder of motion capture")
    reader = csv.DictReader(read_text(path).splitlines())
    missing = [f.name for f in fields(MocapRecord) if f.name not in (reader.fieldnames or ())]
    if missing:
        raise FormatError(f"{path}, line 1: no column {', '.join(missing)}")
    return tuple(_record(path, reader.line_num, row) for row in reader)


def _record(path: Path, line: int, row: dict[str, str]) -> MocapRecord:
    kinds: dict[str, Callable[[str], object]] = {"str": str, "int": int, "float": float}
    values: dict[str, object] = {}
    for f in fields(MocapRecord):
        text = row[f.name]
        try:
            values[f.name] = kinds[str(f.type)](text or "")
        except ValueError:
            raise FormatError(f"{path}, line {line}: {f.name} must be a number, got {text!r}") from None
    return MocapRecord(**values)  # type: ignore[arg-type]
