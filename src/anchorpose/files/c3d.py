"""Reads C3D, the binary format of optical motion capture: marker positions, no skeleton.

Needs the optional package ezc3d.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.paths import input_file, reason
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import FileError, FormatError, InputError, MissingExtra

_METRES = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "in": 0.0254, "inch": 0.0254, "inches": 0.0254, "ft": 0.3048}
_BLOCK = 512
_INTEL = 84


def read_c3d(path: str | Path, *, scale: float | None = None, up: str | None = None, gaps: str = "error") -> Clip:
    """Reads the markers of a C3D file as a `Clip` without rotations.

    Args:
        path: the file.
        scale: metres per unit; None: from POINT:UNITS, and millimetres where that is empty, the usual unit.
        up: the axis that points up; None: from POINT:Y_SCREEN, and "z" where the file does not say.
        gaps: what to do where a marker was not seen: "error", or "keep" for NaN.

    Raises:
        MissingExtra: ezc3d is not installed.
        FileError: the file cannot be read.
        FormatError: it is no C3D, ends too early, or has gaps; the message names the frame.
    """
    if gaps not in ("error", "keep"):
        raise InputError(f'gaps must be "error" or "keep", got {gaps!r}')
    path = input_file(path, "a C3D file")
    _check_size(path)
    content = _load(path)
    points = content["data"]["points"]
    parameters = content["parameters"]["POINT"]
    count, frames = points.shape[1:]
    if count == 0 or frames == 0:
        raise FormatError(f"{path}: there is no frame 1, the file holds {count} markers and {frames} frames")
    labels = [str(name) for name in _values(parameters, "LABELS")][:count]
    names = _distinct([*labels, *(f"marker_{k + 1}" for k in range(len(labels), count))])
    positions = np.ascontiguousarray(points[:3].transpose(2, 1, 0)) * _scale(path, parameters, scale)
    if gaps == "error":
        _check_gaps(path, names, positions)
    rate = float(content["header"]["points"]["frame_rate"])
    if not (np.isfinite(rate) and rate > 0):
        raise FormatError(f"{path}: before frame 1: the rate must be above 0 frames per second, got {rate}")
    parents = np.full(count, -1, dtype=np.int64)
    return Clip(path.stem, names, parents, np.zeros((count, 3)), None, positions, rate, up or _up(parameters))


def _load(path: Path) -> Any:
    try:
        import ezc3d
    except ImportError as error:
        raise MissingExtra("ezc3d", "mocap") from error
    try:
        return ezc3d.c3d(str(path))
    except (OSError, RuntimeError, ValueError, IndexError, KeyError, MemoryError) as error:
        raise FormatError(f"{path}: not a readable C3D file, before frame 1: {error}") from error


def _check_size(path: Path) -> None:
    """Raises where the header announces more frames than the file holds."""
    try:
        with path.open("rb") as file:
            header = file.read(_BLOCK)
            if len(header) < _BLOCK or header[1] != 0x50:
                raise FormatError(f"{path}: not a C3D file, no header before frame 1")
            file.seek((max(header[0], 1) - 1) * _BLOCK)
            processor = file.read(4)
            size = file.seek(0, 2)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {reason(error)}") from error
    if len(processor) < 4:
        raise FormatError(f"{path}: the file ends before frame 1, in the parameters")
    if processor[3] != _INTEL:
        return  # other byte orders are left to ezc3d
    markers, analog, first, last = struct.unpack_from("<4H", header, 2)
    (scale,) = struct.unpack_from("<f", header, 12)
    (start,) = struct.unpack_from("<H", header, 16)
    frame_bytes = (4 * markers + analog) * (4 if scale < 0 else 2)
    announced = last - first + 1
    if start == 0 or frame_bytes == 0 or last == 0xFFFF:
        return  # longer files keep their length in the parameters
    held = max(0, size - (start - 1) * _BLOCK) // frame_bytes
    if held < announced:
        raise FormatError(f"{path}: the file ends in frame {held + 1} of {announced}")


def _values(parameters: Any, name: str) -> list[Any]:
    return list(parameters[name]["value"]) if name in parameters else []


def _word(parameters: Any, name: str) -> str:
    """The first value of a parameter, "" where there is none."""
    values = _values(parameters, name)
    return str(values[0]).strip().lower() if values else ""


def _scale(path: Path, parameters: Any, scale: float | None) -> float:
    if scale is not None:
        if not (np.isfinite(scale) and scale > 0):
            raise InputError(f"scale must be above 0 metres per unit, got {scale}")
        return scale
    unit = _word(parameters, "UNITS")
    if unit not in ("", *_METRES):
        raise FormatError(f"{path}: POINT:UNITS is {unit!r}; known are {', '.join(_METRES)}; give scale=")
    return _METRES[unit or "mm"]


def _up(parameters: Any) -> str:
    axis = _word(parameters, "Y_SCREEN").lstrip("+")
    return axis if axis in ("y", "z") else "z"


def _check_gaps(path: Path, names: tuple[str, ...], positions: NDArray[np.float64]) -> None:
    broken = np.argwhere(~np.isfinite(positions).all(axis=-1))
    if len(broken):
        frame, marker = broken[0]
        raise FormatError(
            f"{path}: frame {frame + 1} has no position for marker {names[marker]!r}, "
            f'one of {len(broken)} gaps; gaps="keep" reads them as NaN'
        )


def _distinct(names: list[str]) -> tuple[str, ...]:
    """The same names, numbered where they repeat."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)
