"""What a run reads: a photo, a folder of photos, a video or a camera, all as a stream of `Frame`."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anchorpose.files.images import IMAGE_SUFFIXES, open_unlimited, read_photo
from anchorpose.files.paths import reason
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.values import Frame

if TYPE_CHECKING:
    from anchorpose.files.video import VideoReader

Kind = Literal["photo", "folder", "video", "camera"]
CameraFor = Callable[[int, int, "float | None"], Camera]
"""width, height [px], focal length by EXIF [px] or None -> the camera of that picture."""
Warn = Callable[[str], None] | None
_EXPECTED = "a photo, a folder of photos, a video, or the number of a camera"


class Source(ABC):
    """Frames from one input; iterate once, and close (or use `with`).

    Attributes:
        kind: photo, folder, video or camera.
        name: of the file or the folder, or camera0, camera1, ...; results are named after it.
        total: number of frames to come, None if unknown; of a video an estimate.
        fps: mean rate of a video or camera, else None.
        timed: whether the frames' times are to be trusted; those of some streams are guesses.
        errors: what could not be read so far, one line each; the rest goes on.
    """

    kind: Kind
    name: str
    total: int | None = None
    fps: Fraction | None = None
    timed: bool = True
    errors: list[str]

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]: ...

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(
    source: str | os.PathLike[str] | int,
    camera_for: CameraFor | None = None,
    *,
    every: int = 1,
    skip: Container[tuple[str, int]] = (),
    warn: Warn = None,
) -> Source:
    """Open whatever `source` names.

    Args:
        source: a path, or the number of a camera (0 or "0"; a file that is called 0 is "./0").
        camera_for: gives each frame its camera; without it `Frame.camera` is None.
        every: give only frames whose number divides by it.
        skip: (frame.source, frame.index) not to give, as `ResultsWriter.done` has them after a restart.
        warn: called with each line that goes into `errors`.

    A suffix says what a file is; one without a known suffix is looked into. An animated GIF is a video.
    `Frame.source` is the name of the image or of the video; in a folder `Frame.index` counts the images in natural
    order (2 before 10), unreadable ones included, and sub-folders are left alone.

    Raises:
        FileError: nothing there, nothing readable there, or no such camera. InputError: not a path at all.
    """
    if every < 1:
        raise InputError(f"every={every}: expected 1 or more")
    if isinstance(source, int) or (isinstance(source, str) and source.isascii() and source.isdigit()):
        return _camera_source(int(source), camera_for, every, warn)
    path = _checked_path(source)
    if path.is_dir():
        return _PhotoSource("folder", _folder_images(path), path.resolve().name, camera_for, every, skip, warn)
    if _is_video(path):
        return _video_source(path, camera_for, every, skip, warn)
    return _PhotoSource("photo", [path], path.name, camera_for, every, skip, warn)


def open_live(
    source: str | os.PathLike[str] | int,
    camera_for: CameraFor | None = None,
    *,
    size: tuple[int, int] | None = None,
    warn: Warn = None,
) -> Source:
    """Open what moves: a camera by its number, a stream by its address (rtsp://, http://, ...), or a video.

    Args:
        size: width and height [px] to ask a camera for.

    Raises:
        FileError: nothing there, or nothing that moves. InputError: an address of another kind.
    """
    from anchorpose.files.streams import UNTIMED, is_address, open_camera, open_stream

    text = os.fspath(source) if not isinstance(source, int) else str(source)
    if isinstance(source, int) or (isinstance(source, str) and text.isascii() and text.isdigit()):
        reader = open_camera(int(source), size=size, warn=warn)
        return _VideoSource("camera", reader.name, reader, camera_for, None)
    if is_address(text):
        reader = open_stream(text, warn=warn)
        stream = _VideoSource("camera", reader.name, reader, camera_for, None)
        stream.timed = reader.format not in UNTIMED
        return stream
    opened = open_source(source, camera_for, warn=warn)
    if opened.kind != "video":
        opened.close()
        raise InputError(f"{text} does not move; expected a video, the number of a camera or the address of a stream")
    return opened


def _checked_path(source: str | os.PathLike[str]) -> Path:
    text = os.fspath(source)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise InputError(
            f"{text} is an address; download it and give the file, or look at a stream with: anchorpose live"
        )
    if text in ("", "-"):
        raise InputError(f"{text!r} is not a source; expected {_EXPECTED}")
    path = Path(text)
    try:
        found = path.exists()
    except (OSError, ValueError) as error:
        raise FileError(f"{text!r} cannot be looked at ({reason(error)}); expected {_EXPECTED}") from error
    if not found:
        raise FileError(f"{text}: no such file or folder; expected {_EXPECTED}")
    return path


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sort key under which img2 comes before img10; upper and lower case are alike."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [int(p) if i % 2 else p for i, p in enumerate(parts)], name


def _folder_images(folder: Path) -> list[Path]:
    try:
        files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {reason(error)}") from error
    images = [p for p in files if p.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        others = sorted({p.suffix.lower() or "(no suffix)" for p in files})
        found = f"{len(files)} other files ({', '.join(others[:8])})" if files else "no files"
        raise FileError(f"{folder} has no photos in it, but {found}; photos end in {', '.join(sorted(IMAGE_SUFFIXES))}")
    return sorted(images, key=lambda p: natural_key(p.name))


def _is_video(path: Path) -> bool:
    """By suffix; without a known one (and for GIF) by content. FileError if it is neither photo nor video."""
    from anchorpose.files.video import VIDEO_SUFFIXES

    suffix = path.suffix.lower()
    if suffix != ".gif" and (suffix in IMAGE_SUFFIXES or suffix in (".heic", ".heif")):
        return False
    if suffix != ".gif" and suffix in VIDEO_SUFFIXES:
        return True
    pictures = _count_pictures(path)
    if pictures:
        return suffix == ".gif" and pictures > 1
    if _has_video(path):
        return True
    raise FileError(f"{path} is neither a photo nor a video that can be read; expected {_EXPECTED}")


def _count_pictures(path: Path) -> int:
    try:
        with open_unlimited(path) as image:
            return getattr(image, "n_frames", 1)
    except Exception:  # not a picture, or too broken to tell
        return 0


def _has_video(path: Path) -> bool:
    import av

    try:
        with av.open(f"file:{path}") as container:
            # FFmpeg shows text files as scrolling video; nobody means that.
            return container.format.name != "tty" and bool(container.streams.video)
    except (av.error.FFmpegError, ValueError):
        return False


class _PhotoSource(Source):
    """One photo, or those of a folder."""

    def __init__(
        self,
        kind: Kind,
        files: list[Path],
        name: str,
        camera_for: CameraFor | None,
        every: int,
        skip: Container[tuple[str, int]],
        warn: Warn,
    ) -> None:
        self.kind, self.name, self.errors = kind, name, []
        self._camera_for, self._warn = camera_for, warn
        chosen = [(i, file) for i, file in enumerate(files) if i % every == 0]
        self._files = [(i, file) for i, file in chosen if (file.name, i) not in skip]
        self.total = len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        for index, file in self._files:
            try:
                image, focal = read_photo(file)
            except FileError as error:
                if self.kind == "photo":
                    raise
                self.errors.append(str(error))
                if self._warn is not None:
                    self._warn(str(error))
                continue
            height, width = image.shape[:2]
            camera = self._camera_for(width, height, focal) if self._camera_for else None
            yield Frame(image, camera, index, 0.0, file.name)

    def close(self) -> None:
        """Each photo is closed once it is read."""


class _Done:
    """The frame numbers of one source among (source, frame) pairs."""

    def __init__(self, source: str, pairs: Container[tuple[str, int]]) -> None:
        self._source, self._pairs = source, pairs

    def __contains__(self, index: object) -> bool:
        return (self._source, index) in self._pairs


class _VideoSource(Source):
    """A video file or a live camera."""

    def __init__(
        self,
        kind: Kind,
        name: str,
        reader: VideoReader,
        camera_for: CameraFor | None,
        total: int | None,
    ) -> None:
        self.kind, self.name, self.total = kind, name, total
        self.fps, self.errors = reader.fps, reader.errors
        self._reader, self._camera_for = reader, camera_for

    def __iter__(self) -> Iterator[Frame]:
        cameras: dict[tuple[int, int], Camera] = {}
        for frame in self._reader:
            size = frame.image.shape[1], frame.image.shape[0]
            if self._camera_for is not None and size not in cameras:
                cameras[size] = self._camera_for(*size, None)
            yield Frame(frame.image, cameras.get(size), frame.index, frame.time, self.name)

    def close(self) -> None:
        self._reader.close()


def _video_source(
    path: Path, camera_for: CameraFor | None, every: int, skip: Container[tuple[str, int]], warn: Warn
) -> Source:
    from anchorpose.files.video import VideoReader

    reader = VideoReader(path, every=every, skip=_Done(path.name, skip), warn=warn)
    numbers = range(0, reader.frames or 0, every)
    total = sum((path.name, i) not in skip for i in numbers) if reader.frames else None
    return _VideoSource("video", path.name, reader, camera_for, total)


def _camera_source(number: int, camera_for: CameraFor | None, every: int, warn: Warn) -> Source:
    from anchorpose.files.streams import open_camera

    return _VideoSource("camera", f"camera{number}", open_camera(number, every=every, warn=warn), camera_for, None)
