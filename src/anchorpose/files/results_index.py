"""Results by the number of their frame: a long file read here and there, in memory of a few bytes for each frame."""

from __future__ import annotations

import os
from array import array
from pathlib import Path

import numpy as np

from anchorpose.files.paths import input_file, reason
from anchorpose.files.results import parse_line, people_of
from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.values import People


class IndexedResults:
    """The frames of a file of JSON lines, in the order of their numbers, each read when it is asked for.

    A line without its end, as a killed run leaves one, does not count.

    Attributes:
        frames: (N,) numbers; times: (N,) [s], NaN where there is none.

    Raises:
        FileError: missing or unreadable. FormatError: names the line.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = input_file(path, "results of anchorpose as JSON lines") if _has_content(path) else Path(path)
        try:
            self._file = self.path.open("rb")
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {reason(error)}") from error
        try:
            starts, frames, times = self._scan()
        except BaseException:
            self._file.close()
            raise
        order = np.argsort(np.array(frames, np.int64), kind="stable")
        self.frames = np.array(frames, np.int64)[order]
        self.times = np.array(times, np.float64)[order]
        self._starts = np.array(starts, np.int64)[order]

    def _scan(self) -> tuple[array[int], array[int], array[float]]:
        """Where each line starts, its frame and its time."""
        starts, frames, times = array("q"), array("q"), array("d")
        at = 0
        try:
            for number, line in enumerate(self._file, 1):
                if line.endswith(b"\n") and line.strip():
                    data = parse_line(line, f"{self.path}, line {number}")
                    frame, time = (data.get("frame"), data.get("time")) if isinstance(data, dict) else (None, None)
                    if not isinstance(frame, int) or not isinstance(time, (int, float, type(None))):
                        raise FormatError(f"{self.path}, line {number}: no number of a frame and time")
                    starts.append(at)
                    frames.append(frame)
                    times.append(float("nan") if time is None else float(time))
                at += len(line)
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {reason(error)}") from error
        return starts, frames, times

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, number: int) -> People:
        """The people of the frame that is `number`th."""
        self._file.seek(int(self._starts[number]))
        where = f"{self.path}, frame {self.frames[number]}"
        return people_of(parse_line(self._file.readline(), where), where)

    def __enter__(self) -> IndexedResults:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _has_content(path: str | os.PathLike[str]) -> bool:
    """Whether a file is not an existing empty one, which is that of a run without frames."""
    file = Path(path)
    return not (file.is_file() and file.stat().st_size == 0)
