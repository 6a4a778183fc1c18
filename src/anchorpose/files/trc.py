"""TRC: points over time as a text file, the format of markers of OpenSim, Pose2Sim and Sports2D.

Metres, y up, x forward (`OPENSIM`): a person who faces +z here faces +x there. Time stamps are kept as they are.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.motion_clips import frame_rate
from anchorpose.files.paths import input_file, read_text, replacing
from anchorpose.files.points import Points
from anchorpose.poses.errors import FormatError, InputError

Array = NDArray[np.float64]

OPENSIM = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""From our world (y up, z forward in the reference pose) to OpenSim's (x forward, y up, z to the right)."""

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "dm": 0.1, "in": 0.0254}
_HEADER = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip
_EXPECTED = "a TRC file"


def write_trc(points: Points, path: str | os.PathLike[str], *, units: str = "m") -> None:
    """Writes one person's points; one that is missing is left empty, as OpenSim expects.

    Args:
        units: "m" or "mm".

    Raises:
        InputError: no frames, no points, or a name with a tab in it.
    """
    if units not in ("m", "mm"):
        raise InputError(f'units of TRC are "m" or "mm", not {units!r}')
    if not len(points) or not points.names:
        raise InputError(f"TRC needs frames and points; here are {len(points)} frames of {len(points.names)} points")
    if any(set(name) & set("\t\r\n") for name in points.names):
        raise InputError("names of points in TRC cannot hold tabs or line ends")
    count, rate = len(points), f"{frame_rate(points.times):.6f}"
    places = points.positions @ OPENSIM.T / _METRES[units]
    digits = 6 if units == "m" else 3
    numbers = "".join(f"\tX{k}\tY{k}\tZ{k}" for k in range(1, len(points.names) + 1))
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"PathFileType\t4\t(X/Y/Z)\t{Path(path).name}\n" + "\t".join(_HEADER) + "\n")
        file.write("\t".join([rate, rate, str(count), str(len(points.names)), units, rate, "1", str(count)]) + "\n")
        file.write("Frame#\tTime\t" + "\t\t\t".join(points.names) + "\t\t\n\t" + numbers + "\n\n")
        for k in range(count):
            row = places[k]
            known = np.isfinite(row).all(-1)
            cells = [f"{v:.{digits}f}" if ok else "" for xyz, ok in zip(row, known, strict=True) for v in xyz]
            file.write("\t".join([str(k + 1), f"{points.times[k]:.6f}", *cells]) + "\n")


def read_trc(path: str | os.PathLike[str], *, scale: float | None = None) -> Points:
    """One person's points, in our world; what is empty or not a number is missing.

    Args:
        scale: metres per unit; None: what the header says under Units.

    Raises:
        FileError: the file cannot be read. FormatError: it is no TRC; the message names the line.
    """
    file = input_file(path, _EXPECTED)
    lines = read_text(file).split("\n")
    if len(lines) < 6 or not lines[0].startswith("PathFileType"):
        raise FormatError(f"{file}, line 1: expected {_EXPECTED}, which begins with PathFileType")
    header = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    unit = header.get("Units", "").lower()
    if unit not in _METRES and scale is None:
        known = f"known are {', '.join(_METRES)}; others need a scale, in metres per unit"
        raise FormatError(f"{file}, line 3: Units is {header.get('Units', '')!r}; {known}")
    titles = [title.strip() for title in lines[3].rstrip("\r\n").split("\t")]
    names = tuple(title for title in titles[2:] if title)
    if titles[:2] != ["Frame#", "Time"] or not names or len(set(names)) != len(names):
        raise FormatError(f"{file}, line 4: expected Frame#, Time and names of points, all different")
    times, rows = [], []
    for number, line in enumerate(lines[5:], 6):
        if line.strip():
            values = _row(line, len(names), f"{file}, line {number}")
            times.append(values[0])
            rows.append(values[1:])
    if header.get("NumFrames", "").isdecimal() and int(header["NumFrames"]) > len(rows):
        raise FormatError(f"{file} ends in frame {len(rows)} of {header['NumFrames']}")
    if not rows:
        raise FormatError(f"{file}, line {len(lines)}: there are no frames")
    metres = _METRES[unit] if scale is None else scale
    places = metres * np.array(rows).reshape(len(rows), len(names), 3) @ OPENSIM
    try:
        return Points(None, names, np.array(times), places)
    except InputError as error:
        raise FormatError(f"{file}: {error}") from error


def _row(line: str, count: int, where: str) -> list[float]:
    """Time and coordinates of one frame."""
    cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")][1:]
    cells += [""] * (1 + 3 * count - len(cells))
    if any(cells[1 + 3 * count :]):
        raise FormatError(f"{where}: more values than the {count} points of the header have")
    try:
        values = [float(cell) if cell else math.nan for cell in cells[: 1 + 3 * count]]
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from None
    if not math.isfinite(values[0]):
        raise FormatError(f"{where}: no time")
    return values
