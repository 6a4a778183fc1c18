"""A set of rendered clips on disk: a folder for each, with a video and the truth about the one person in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.paths import input_file, replacing
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.values import Frame

Array = NDArray[np.float64]

VIDEO, TRUTH = "clip.mp4", "truth.npz"
_ARRAYS = ("times", "joints3d", "joints2d", "visible", "boxes")


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """What is true of a clip of T frames.

    Attributes:
        times: (T,) [s].
        joints3d: (T, 13, 3) [m] BODY13 in the camera frame; joints2d: (T, 13, 2) [px].
        visible: (T, 13) 0 outside the picture, 1 inside but hidden, 2 visible.
        boxes: (T, 4) of the body, clipped to the picture; zero where nothing of it is in there.
        camera: stands still.
        about: JSON values: subject, motion, kind, seed and the like.
    """

    times: Array
    joints3d: Array
    joints2d: Array
    visible: NDArray[np.uint8]
    boxes: Array
    camera: Camera
    about: Mapping[str, Any]

    def __post_init__(self) -> None:
        t = len(self.times)
        shapes = {"times": (t,), "joints3d": (t, 13, 3), "joints2d": (t, 13, 2), "visible": (t, 13), "boxes": (t, 4)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{name} of a clip of {t} frames must be {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.times)

    def save(self, path: Path) -> None:
        """Writes an npz file (no pickles inside)."""
        size = {"width": self.camera.width, "height": self.camera.height}
        text = json.dumps({"camera": self.camera.to_dict(), **size, "about": dict(self.about)})
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, meta=np.frombuffer(text.encode(), np.uint8), **arrays)

    @classmethod
    def load(cls, path: Path) -> ClipTruth:
        """Reads what `save` wrote; `FileError` or `FormatError` if there is nothing like it."""
        path = input_file(path, "the truth of a rendered clip")
        try:
            with np.load(path, allow_pickle=False) as data:
                meta = json.loads(data["meta"].tobytes())
                camera = Camera.from_dict(meta["camera"], meta["width"], meta["height"])
                return cls(**{name: data[name] for name in _ARRAYS}, camera=camera, about=meta["about"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, InputError) as error:
            raise FormatError(f"{path}: not the truth of a rendered clip ({error})") from error


def clip_folders(root: Path) -> list[Path]:
    """The finished clips of a set, in order.

    Raises:
        FileError: there are none.
    """
    found = sorted(path.parent for path in root.glob(f"*/{TRUTH}"))
    if not found:
        raise FileError(f"{root} has no clips: runs/clip_table.sh makes them")
    return found


def clip_frames(folder: Path, camera: Camera) -> Iterator[Frame]:
    """The frames of a clip, with its camera."""
    from anchorpose.files.video import VideoReader

    with VideoReader(folder / VIDEO) as video:
        for frame in video:
            yield Frame(frame.image, camera, frame.index, frame.time, folder.name)
