"""Videos by PyAV: frames in and out one at a time, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData

from anchorpose.files.paths import input_file, reason
from anchorpose.files.video_writer import VideoWriter as VideoWriter
from anchorpose.poses.errors import FileError, InputError

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .mts .m2ts .ts .wmv .flv .3gp .ogv .vob .mxf .gif".split()
)
_VIDEO = "a video (MP4, MOV, MKV, WebM, AVI, ...)"
_DEFAULT_RATE = Fraction(30)
# A demuxer that fails this often in a row without a packet in between is not going to recover.
_MAX_FAILURES = 20

Upright = tuple[bool, bool, bool]  # transpose, then flip left-right, then flip top-bottom


@dataclass(frozen=True)
class VideoFrame:
    """One decoded picture: its number, its time [s] since the first frame, uint8 (H, W, 3) RGB, upright."""

    index: int
    time: float
    image: np.ndarray


class VideoReader:
    """The frames of a video, in order, as (index, time, image).

    Rotation and mirroring stored in the file are applied, pixels that are not square are stretched to squares.
    Times come from the file's time stamps, so a variable rate is kept; a missing or backward one is replaced by the
    last time plus one frame. What cannot be decoded is reported and counted in `errors`, and the rest goes on:
    a packet that fails loses its frame, a frame that the decoder marks as damaged is reported but still given.

    Args:
        path: the file.
        every: give only frames whose number divides by it.
        start: give only frames from this number on. Earlier ones are decoded, as later ones depend on them, but not
            converted to RGB, which saves about a third of their time.
        skip: frame numbers not to give, for instance those done before a restart.
        warn: called with each line that goes into `errors`.

    Attributes:
        size: (width, height) [px] upright; fps: mean rate; frames: number of frames in the file, estimated, or None.
        errors: what went wrong so far, one line each.

    Raises:
        FileError: missing, not a video, or no frame in it can be decoded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every: int = 1,
        start: int = 0,
        skip: Container[int] = (),
        warn: Callable[[str], None] | None = None,
    ) -> None:
        file = input_file(path, _VIDEO)
        try:
            container = av.open(f"file:{file}")  # with the protocol, so that a colon in the name means nothing
        except (av.error.FFmpegError, ValueError) as error:
            raise FileError(f"{file} cannot be opened as a video ({reason(error)}); expected {_VIDEO}") from error
        self._setup(container, str(file), every, start, skip, warn)

    @classmethod
    def live(
        cls, container: InputContainer, name: str, every: int = 1, warn: Callable[[str], None] | None = None
    ) -> VideoReader:
        """The frames of an open camera or stream, as it gives them."""
        reader = cls.__new__(cls)
        # Threads that decode a frame each hold back as many frames; those of slices do not.
        reader._setup(container, name, every, 0, (), warn, "SLICE")
        return reader

    def _setup(
        self,
        container: InputContainer,
        name: str,
        every: int,
        start: int,
        skip: Container[int],
        warn: Callable[[str], None] | None,
        threads: Literal["AUTO", "SLICE"] = "AUTO",
    ) -> None:
        self.name, self._warn, self._undecodable = name, warn, 0
        self.errors: list[str] = []
        self._container, self._every, self._start, self._skip = container, every, start, skip
        try:
            if every < 1 or start < 0:
                raise InputError(f"every={every}, start={start}: expected every >= 1 and start >= 0")
            pictures = [s for s in container.streams.video if not s.disposition & _ATTACHED]
            if not pictures:
                raise FileError(f"{name} has no video in it, only {_contents(container)}; expected {_VIDEO}")
            self._stream = pictures[0]
            self._stream.thread_type = threads
            self._decoded = self._decode()
            self._first = next(self._decoded, None)
            if self._first is None:
                why = f" ({self.errors[0]})" if self.errors else ""
                raise FileError(f"{name}: no frame of the video can be decoded{why}")
        except BaseException:
            container.close()
            raise
        stream = self._stream
        self.fps: Fraction = stream.average_rate or stream.guessed_rate or stream.base_rate or _DEFAULT_RATE
        self._upright, self._square_width = _orientation(self._first), _square_width(self._first, stream)
        width, height = self._square_width, self._first.height
        self.size: tuple[int, int] = (height, width) if self._upright[0] else (width, height)

    @property
    def format(self) -> str:
        """FFmpeg's name of what the frames come in."""
        return str(self._container.format.name)

    @property
    def frames(self) -> int | None:
        """Frames in the file by its header, or its duration times its rate; None for cameras and where unknown."""
        if self._stream.frames:
            return int(self._stream.frames)
        duration = self._duration() or float(Fraction(self._container.duration or 0, av.time_base))
        return max(1, round(duration * float(self.fps))) if duration > 0 else None

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._decoded.close()
        self._container.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        """The frames; a reader can be gone through once."""
        if self._first is None:
            raise InputError(f"{self.name} has been read already; open it again")
        frame: av.VideoFrame | None = self._first
        self._first = None
        index, time, origin = 0, 0.0, frame.time if frame else None
        step = float(1 / self.fps)
        while frame is not None:
            if index:
                stamp = None if frame.time is None or origin is None else float(frame.time - origin)
                time = stamp if stamp is not None and stamp > time else time + step
            if frame.is_corrupt:
                self._report(f"{self.name}: frame {index} ({time:.3f} s) is damaged")
            if index >= self._start and index % self._every == 0 and index not in self._skip:
                image = self._converted(frame, index)
                if image is not None:
                    yield VideoFrame(index, time, image)
            index += 1
            frame = next(self._decoded, None)
        self._check_complete(index, time + step)

    def _converted(self, frame: av.VideoFrame, index: int) -> np.ndarray | None:
        try:
            return _to_rgb(frame, self._upright, self._stream)
        except (av.error.FFmpegError, ValueError) as error:
            self._report(f"{self.name}: frame {index} cannot be converted to RGB: {reason(error)}")
            return None

    def _check_complete(self, decoded: int, end: float) -> None:
        """Some containers lose broken frames without a word; the header's count or duration tells."""
        missing = self._stream.frames - decoded - self._undecodable
        if missing > 0:
            self._report(f"{self.name}: {missing} of {self._stream.frames} frames are missing")
            return
        duration = self._duration()
        if duration is not None and end < min(0.95 * duration, duration - 0.5):
            self._report(f"{self.name}: the video breaks off at {end:.2f} s of {duration:.2f} s")

    def _duration(self) -> float | None:
        """Length [s] by the header; that of the whole file counts only if nothing but this video is in it."""
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration and len(self._container.streams) == 1:
            return float(Fraction(self._container.duration, av.time_base))
        return None

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                at = "" if packet.pts is None else f" near {float(packet.pts * packet.time_base):.3f} s"
                self._undecodable += 1
                self._report(f"{self.name}: a frame{at} cannot be decoded: {reason(error)}")

    def _packets(self) -> Iterator[av.Packet]:
        failures = 0
        while failures < _MAX_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    yield packet
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                failures += 1
                self._report(f"{self.name}: broken data: {reason(error)}")

    def _report(self, line: str) -> None:
        self.errors.append(line)
        if self._warn is not None:
            self._warn(line)


_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_ATTACHED = 0x0400  # AV_DISPOSITION_ATTACHED_PIC: the cover picture of a sound file


def _contents(container: InputContainer) -> str:
    kinds = sorted({"cover picture" if s.type == "video" else str(s.type) for s in container.streams})
    return " and ".join(kinds) or "nothing"


def _square_width(frame: av.VideoFrame, stream: av.VideoStream) -> int:
    """Width that makes the pixels square; ratios within 2 % of 1 are rounding and left alone."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return frame.width if not 0.1 < ratio < 10 or abs(ratio - 1) < 0.02 else max(1, round(frame.width * ratio))


def _orientation(frame: av.VideoFrame) -> Upright:
    """How to turn the picture upright, from the display matrix that comes with it."""
    for data in cast(Iterable[SideData], frame.side_data):
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
            return matrix_to_upright(a, b, c, d)
    return False, False, False


def matrix_to_upright(a: float, b: float, c: float, d: float) -> Upright:
    """The turn by a multiple of 90 degrees, with mirroring, that is nearest to a display matrix.

    The matrix says x' = a x + c y, y' = b x + d y (ISO 14496-12 8.3.2, FFmpeg's display.h; x right, y down).
    """
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0


def turn_upright(image: np.ndarray, upright: Upright) -> np.ndarray:
    """Apply `matrix_to_upright` to (H, W, 3)."""
    transpose, flip_x, flip_y = upright
    if transpose:
        image = image.transpose(1, 0, 2)
    if flip_x:
        image = image[:, ::-1]
    return np.ascontiguousarray(image[::-1] if flip_y else image)


def _to_rgb(frame: av.VideoFrame, upright: Upright, stream: av.VideoStream) -> np.ndarray:
    options: dict[str, Any] = {}
    width = _square_width(frame, stream)
    if width != frame.width:
        options |= {"width": width, "height": frame.height}
    if frame.colorspace == _UNSPECIFIED and frame.height >= 720:
        options["src_colorspace"] = "ITU709"  # as players do; FFmpeg's own default is the one of old television
    return turn_upright(frame.to_ndarray(format="rgb24", **options), upright)
