"""Results as JSON lines, in the output contract "anchorpose/2" (`people.schema.json`): written as they come."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from anchorpose.files.paths import input_file, output_folder, read_text, reason, replacing
from anchorpose.files.schema import people_schema as people_schema
from anchorpose.files.schema import validate_line as validate_line
from anchorpose.poses.errors import AnchorposeError, FileError, FormatError, InputError
from anchorpose.poses.values import PARTS, People, Pose

_RESULTS = "results of anchorpose as JSON lines"
# A file name that is not valid text comes as lone surrogates; written as escapes, it survives the round trip.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}
_CSV_COLUMNS = "frame time person joint x y z score px py tx ty tz part source".split()


def partial_name(path: str | os.PathLike[str]) -> Path:
    """Where the lines are until the run is complete: `clip.jsonl.partial` for `clip.jsonl`."""
    path = Path(path)
    return path.with_name(path.name + ".partial")


class ResultsWriter:
    """Write one line per frame, each as soon as it is there.

    Lines go to `partial_name(path)`; `close()` moves that file to `path`. If the `with` block ends with an exception
    (Ctrl-C), or the program is killed, the finished lines stay in the partial file, where `read_results` reads them.

    With `resume`, a partial file is gone on with: a half-written last line is dropped, and `done` says which frames
    it holds. If there is none but `path` itself is there, its frames are `done`, and further lines are added to them.
    Without `resume`, a run starts anew; `path` is replaced when it ends, and not before.

    Args:
        path: the final name; its folder is made if need be.

    Attributes:
        done: (source, frame) of every frame that is written, `last_frame` the highest frame number, or None.

    Raises:
        FileError: the file cannot be written. FormatError: what should be gone on with is broken; it names the line.
    """

    def __init__(self, path: str | os.PathLike[str], resume: bool = False) -> None:
        self.path, self.partial = Path(path), partial_name(path)
        self.done: set[tuple[str, int]] = set()
        self.last_frame: int | None = None
        self._file: IO[str] | None = None
        self._closed = False
        output_folder(self.path)
        if not resume:
            self._file = self._open("w")
        elif self.partial.exists():
            _drop_half_line(self.partial)
            self._note_done(self.partial)
            self._file = self._open("a")
        elif self.path.exists():
            self._note_done(self.path)  # the partial file is made only if there is something to add
        else:
            self._file = self._open("w")

    def _note_done(self, path: Path) -> None:
        for where, data in _lines(path):
            source, frame = (data.get("source"), data.get("frame")) if isinstance(data, dict) else (None, None)
            if not isinstance(source, str) or not isinstance(frame, int):
                raise FormatError(f"{where}: no source and frame; expected {_RESULTS}")
            self._note(source, frame)

    def _note(self, source: str, frame: int) -> None:
        self.done.add((source, frame))
        self.last_frame = frame if self.last_frame is None else max(frame, self.last_frame)

    def _open(self, mode: str) -> IO[str]:
        try:
            return open(self.partial, mode, **_TEXT)
        except OSError as error:
            raise FileError(f"{self.partial} cannot be written: {reason(error)}") from error

    def __enter__(self) -> ResultsWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        with suppress(FileError):  # what ended the block is what has to be told
            self._let_go()

    def write(self, people: People) -> None:
        """Add one frame; it is handed to the system before this returns."""
        if self._closed:
            raise InputError(f"{self.path} is closed")
        line = _dump(people)
        file = self._file or self._reopened()
        try:
            file.write(line + "\n")
            file.flush()
        except OSError as error:
            raise FileError(f"{self.partial} cannot be written: {reason(error)}") from error
        self._note(people.source, people.frame)

    def _reopened(self) -> IO[str]:
        """Go on with a complete file: a copy of it becomes the partial file, so that it stays until the end."""
        with replacing(self.partial) as temporary:
            shutil.copyfile(self.path, temporary)
        self._file = self._open("a")
        return self._file

    def leave(self) -> Path:
        """Leave the lines where they are, and say where: the partial file, or the complete one if nothing was added.

        For whoever goes on with them: they are not complete yet, and `resume` finds them.
        """
        added = self._file is not None
        self._let_go()
        return self.partial if added else self.path

    def _let_go(self) -> None:
        self._closed = True
        if self._file is None:
            return
        try:
            self._file.close()  # on a full disk what waits to be written fails once more
        except OSError as error:
            raise FileError(f"{self.partial} cannot be written: {reason(error)}") from error

    def close(self) -> None:
        """Complete: move the lines into place."""
        if self._closed:
            return
        self._closed = True
        if self._file is None:
            return
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self.partial, self.path)
        except OSError as error:
            raise FileError(f"{self.partial} cannot be moved to {self.path}: {reason(error)}") from error


def _drop_half_line(path: Path) -> None:
    """Cut a file after its last newline."""
    try:
        with open(path, "rb+") as file:
            end = file.seek(0, os.SEEK_END)
            while end > 0:
                start = max(0, end - 65_536)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    file.truncate(start + newline + 1)
                    return
                end = start
            file.truncate(0)
    except OSError as error:
        raise FileError(f"{path} cannot be gone on with: {reason(error)}") from error


def read_results(path: str | os.PathLike[str]) -> Iterator[People]:
    """The frames of a results file, one at a time.

    Reads JSON lines (also those of an unfinished run, whose half-written last line is left out), and `.json` files
    with one frame or a list of frames, as `save` writes them.

    Raises:
        FileError: missing or unreadable. FormatError: names the line and the field.
    """
    file = Path(path)
    if file.is_file() and file.stat().st_size == 0:
        return  # a run that found no frame, or was stopped before the first
    input_file(file, _RESULTS)
    numbered = _whole(file) if file.suffix.lower() == ".json" else _lines(file)
    for where, data in numbered:
        yield people_of(data, where)


def people_of(data: Any, where: str) -> People:
    """The people of a line of results, parsed; FormatError says `where` if they do not hold."""
    try:
        validate_line(data)
        return People.from_dict(data)
    except (AnchorposeError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{where}: {error}") from error


def _whole(path: Path) -> Iterator[tuple[str, Any]]:
    """Place and content of each frame of a `.json` file; one that holds JSON lines after all is read as such."""
    try:
        whole = json.loads(read_text(path), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        yield from _lines(path)
        return
    for i, data in enumerate(whole if isinstance(whole, list) else [whole]):
        yield f"{path}, frame {i}", data


def _lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Place and parsed content of each line; FormatError names the line."""
    try:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith("\n") and path.suffix == ".partial":
                    return
                if text.strip():
                    where = f"{path}, line {number}"
                    yield where, parse_line(text, where)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text ({error.reason}); expected {_RESULTS}") from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {reason(error)}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; what is not there is null")


def parse_line(text: str | bytes, where: str) -> Any:
    """The JSON of one line; FormatError names `where` it is."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not JSON: {error}") from error


def save(people: People | Iterable[People], path: str | os.PathLike[str]) -> None:
    """Write the people of one frame or of many, complete or not at all; the suffix says how.

    `.jsonl`: JSON lines of the output contract. `.json`: one frame as an object, many as a list of them.
    `.csv`: a row per joint with the columns frame, time [s], person (id, or place in the frame), joint (name),
    x, y, z [m] about the part's root, score, px, py [px], tx, ty, tz [m] of the root in the camera frame,
    part (body, left_hand, ...), source; what is not there is empty.
    """
    frames = [people] if isinstance(people, People) else people
    suffix = Path(path).suffix.lower()
    if suffix == ".jsonl":
        _save_text(path, (_dump(p) + "\n" for p in frames))
    elif suffix == ".json":
        _save_text(path, [_dump(people)] if isinstance(people, People) else _json_list(frames))
    elif suffix == ".csv":
        with replacing(path) as temporary, open(temporary, "w", **_TEXT) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_CSV_COLUMNS)
            for frame in frames:
                writer.writerows(_csv_rows(frame))
    else:
        raise InputError(f"{path}: results are saved as .jsonl, .json or .csv, not {suffix or 'without a suffix'}")


def _dump(people: People) -> str:
    line = people.to_dict()
    return json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):  # an id or a size that was computed
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _json_list(frames: Iterable[People]) -> Iterator[str]:
    yield "["
    for i, frame in enumerate(frames):
        yield (",\n" if i else "\n") + _dump(frame)
    yield "\n]\n"


def _save_text(path: str | os.PathLike[str], parts: Iterable[str]) -> None:
    with replacing(path) as temporary, open(temporary, "w", **_TEXT) as file:
        file.writelines(parts)


def _csv_rows(people: People) -> Iterator[list[Any]]:
    for number, person in enumerate(people):
        name = number if person.id is None else person.id
        for part in PARTS:
            pose: Pose | None = getattr(person, part)
            if pose is not None:
                for joint, values in _joint_values(pose):
                    yield [people.frame, people.time, name, joint, *values, part, people.source]


def _joint_values(pose: Pose) -> Iterator[tuple[str, list[float | str]]]:
    """Name, and x y z score px py tx ty tz, of each joint; what is not there is an empty text."""
    for j, name in enumerate(pose.record.names):
        xyz = [""] * 3 if pose.joints3d is None else pose.joints3d[j].tolist()
        xy = [""] * 2 if pose.joints2d is None else pose.joints2d[j].tolist()
        root = [""] * 3 if pose.translation is None else pose.translation.tolist()
        values = [*xyz, float(pose.scores[j]), *xy, *root]
        yield name, ["" if v != v else v for v in values]
