"""Points as a tidy table (CSV): a row per frame, person and joint, for spreadsheets, pandas and R.

Columns: frame, time [s], person, joint, x, y, z [m], score. The world has y up. What is missing is an empty cell.
The tables of results (`files.results.save`) begin with the same columns, in the frame of the camera and about each
person's own root, and go on with pixels and the root's place; they are read too.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping

import numpy as np

from anchorpose.files.motion_clips import CAMERA_TO_Y_UP
from anchorpose.files.paths import input_file, read_text, replacing
from anchorpose.files.points import Points
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.numbering import own_numbers

COLUMNS = ("frame", "time", "person", "joint", "x", "y", "z", "score")
_EXPECTED = f"a table of points (CSV) with the columns {', '.join(COLUMNS)}"


def write_csv(people: Iterable[Points], path: str | os.PathLike[str]) -> None:
    """Writes the points of any number of persons; frames are numbered by the time stamps of all of them together."""
    people = list(people)
    moments = sorted({float(t) for points in people for t in points.times})
    frames = {t: k for k, t in enumerate(moments)}
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        numbers = own_numbers([points.person for points in people])
        for person, points in zip(numbers, people, strict=True):
            for t, time in enumerate(points.times.tolist()):
                for j, name in enumerate(points.names):
                    xyz = ["" if math.isnan(v) else f"{v:.6f}" for v in points.positions[t, j]]
                    score = "" if points.scores is None else f"{points.scores[t, j]:.6g}"
                    writer.writerow([frames[time], repr(time), person, name, *xyz, score])


def read_csv(path: str | os.PathLike[str], *, scale: float = 1.0) -> tuple[Points, ...]:
    """The points of each person, in the order in which they first appear; names that are no numbers get numbers.

    Args:
        scale: metres per unit.

    Raises:
        FileError: the file cannot be read. FormatError: names the line.
    """
    file = input_file(path, _EXPECTED)
    reader = csv.DictReader(read_text(file).splitlines())
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FormatError(f"{file}, line 1: no column {', '.join(missing)}; expected {_EXPECTED}")
    of_results = "part" in (reader.fieldnames or ())
    people: dict[str, dict[float, dict[str, list[float]]]] = {}
    for row in reader:
        if of_results and row["part"] != "body":
            continue
        where = f"{file}, line {reader.line_num}"
        time, values = _number(row, "time", where), [_number(row, n, where) for n in ("x", "y", "z", "score")]
        if of_results:
            root = [_number(row, n, where) for n in ("tx", "ty", "tz")]
            moved = np.array(values[:3]) + (0 if any(map(math.isnan, root)) else np.array(root))
            values[:3] = (CAMERA_TO_Y_UP @ moved).tolist()
        if not math.isfinite(time):
            raise FormatError(f"{where}: no time")
        joints = people.setdefault(row["person"], {}).setdefault(time, {})
        if row["joint"] in joints:
            raise FormatError(f"{where}: joint {row['joint']!r} of person {row['person']} is given twice at {time:g} s")
        joints[row["joint"]] = values
    try:
        numbers = own_numbers([_whole(person) for person in people])
    except InputError as error:
        raise FormatError(f"{file}: {error}") from error
    return tuple(_points(number, moments, scale) for number, moments in zip(numbers, people.values(), strict=True))


def _whole(person: str) -> int | None:
    try:
        return int(person)
    except ValueError:
        return None


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        return float(row[name]) if row[name] else math.nan
    except (TypeError, ValueError):
        raise FormatError(f"{where}: {name} should be a number, not {row[name]!r}") from None


def _points(number: int, moments: Mapping[float, Mapping[str, list[float]]], scale: float) -> Points:
    names = tuple(dict.fromkeys(name for joints in moments.values() for name in joints))
    times = sorted(moments)
    nothing = [math.nan] * 4
    values = np.array([[moments[t].get(name, nothing) for name in names] for t in times]).reshape(len(times), -1, 4)
    scores = None if np.isnan(values[..., 3]).all() else np.nan_to_num(values[..., 3])
    return Points(number, names, np.array(times), scale * values[..., :3], scores)
