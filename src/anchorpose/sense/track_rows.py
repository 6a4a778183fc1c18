"""Tracks on disk: what was seen of each person, a row for each frame, so that memory does not grow with a video.

Rows are 4-byte floats in one file for each track, read back in parts. They are working files of one run, in a folder
that is removed at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.paths import reason
from anchorpose.poses.errors import FileError
from anchorpose.poses.sequences import MODES, PoseSequence
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Pose

Array = NDArray[np.float64]

_J = len(BODY13)
_FIELDS: dict[str, tuple[int, ...]] = {
    "joints3d": (_J, 3), "scores": (_J,), "translation": (3,), "modes": (MODES, _J, 3), "weights": (MODES,),
}  # fmt: skip
_WIDTH = sum(int(np.prod(shape)) for shape in _FIELDS.values())
_HELD = 256  # rows of a track that wait in memory
_LONGEST_GAP = 100_000  # rows; far above what tracks wait, so that a broken file cannot fill the disk


class RowFile:
    """Rows of W 4-byte floats, appended, and read in parts."""

    def __init__(self, path: Path, width: int) -> None:
        self.path, self.width = path, width
        self._held: list[NDArray[np.float32]] = []
        self._count = 0

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows (N, W); they go to disk a few hundred at a time."""
        self._held.append(np.asarray(rows, np.float32))
        self._count += len(rows)
        if self._count >= _HELD:
            self.flush()

    def flush(self) -> None:
        """Write what waits in memory."""
        if not self._held:
            return
        try:
            with self.path.open("ab") as file:
                file.write(np.concatenate(self._held).tobytes())
        except OSError as error:
            raise FileError(f"{self.path} cannot be written: {reason(error)}") from error
        self._held, self._count = [], 0

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows `start` to `stop`, as far as there are any."""
        self.flush()
        try:
            rows = np.fromfile(self.path, "<f4", (stop - start) * self.width, offset=4 * start * self.width)
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {reason(error)}") from error
        return rows.reshape(-1, self.width)


@dataclass
class TrackRows:
    """What was seen of one person from frame `first` to frame `last` (both counted over the frames of a run).

    Attributes:
        id: of the track. seen: frames in which there was a pose in 3D.
    """

    id: int
    first: int
    rows: RowFile
    last: int = -1
    seen: int = 0

    @classmethod
    def begin(cls, id: int, first: int, folder: Path) -> TrackRows:
        """A track without frames yet."""
        return cls(id, first, RowFile(folder / f"{id}.seen", _WIDTH), first - 1)

    def __len__(self) -> int:
        return self.last - self.first + 1

    def add(self, number: int, pose: Pose) -> None:
        """The pose in frame `number`; frames since the last one become gaps. A second pose in a frame is left out."""
        if number <= self.last:
            return
        gap = number - self.last - 1
        if gap > _LONGEST_GAP:
            raise FileError(f"person {self.id} is not seen for {gap} frames; are these the frames of one video?")
        one = PoseSequence.from_poses([pose], [0.0])
        parts = [np.asarray(getattr(one, name), np.float32).reshape(1, -1) for name in _FIELDS]
        if gap:
            self.rows.append(np.full((gap, _WIDTH), np.nan, np.float32))
        self.rows.append(np.concatenate(parts, 1))
        self.last = number
        self.seen += int(one.seen[0])

    def sequence(self, start: int, stop: int, times: Array) -> PoseSequence:
        """Frames `start` to `stop` of the track, counted from its first; `times` (N,) [s] are theirs."""
        rows = self.rows.read(start, stop).astype(np.float64)
        parts: dict[str, Array] = {}
        at = 0
        for name, shape in _FIELDS.items():
            width = int(np.prod(shape))
            parts[name] = rows[:, at : at + width].reshape(-1, *shape)
            at += width
        for name in ("scores", "weights"):
            parts[name] = np.nan_to_num(parts[name])
        return PoseSequence(times, **parts)

    def joints(self, most: int) -> Array:
        """(N, 13, 3) joints of frames in which the person was seen, evenly spread over the track, about `most`."""
        step = max(1, self.seen // most)
        out, count = [], 0
        for rows in self._parts():
            joints = rows[:, : 3 * _J].reshape(-1, _J, 3)
            joints = joints[np.isfinite(joints).all(-1).any(-1)]
            out.append(joints[(-count) % step :: step].astype(np.float64))
            count += len(joints)
        return np.concatenate(out) if out else np.zeros((0, _J, 3))

    def _parts(self, size: int = 2048) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(self), size):
            yield self.rows.read(start, min(start + size, len(self)))
