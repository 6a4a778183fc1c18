"""Videos out, by PyAV: one frame at a time, at a fixed or a variable rate."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np

from anchorpose.files.paths import output_folder, reason, temporary_name
from anchorpose.poses.errors import FileError, InputError

_TIME_BASE = Fraction(1, 90_000)  # fine enough for every usual rate, and for variable ones


class VideoWriter:
    """Write an H.264 video (yuv420p) that every player takes.

    A side with an odd number of pixels is padded by repeating its last row or column, since the format needs even
    ones; pictures of another size than `size` are put into its top-left corner, cut or padded with black.
    The file is written under a temporary name (`clip.partial.mp4`) and moved into place by `close()`. If the `with`
    block ends with an exception, the temporary file is finished, so that it plays, but not moved; one that cannot be
    finished, on a full disk, is removed.

    Args:
        path: the suffix says the container (.mp4, .mkv, .mov, .avi).
        fps: rate for frames without a time.
        size: (width, height).
        quality: constant rate factor of x264; lower is better and larger, 18 to 28 are usual.
    """

    def __init__(
        self, path: str | os.PathLike[str], fps: float | Fraction, size: tuple[int, int], quality: int = 21
    ) -> None:
        self.path, self.size = Path(path), size
        self._step = _positive_rate(fps)
        if min(size) < 1:
            raise InputError(f"a video needs at least one pixel, not {size[0]} x {size[1]}")
        output_folder(self.path)
        self._temporary = temporary_name(self.path)
        self._next, self._last, self._closed = Fraction(0), -1, False
        self._padded = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        try:
            self._container = av.open(f"file:{self._temporary}", "w")
            self._stream = self._add_stream(quality)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise FileError(f"{self.path} cannot be written as a video: {reason(error)}") from error

    def _add_stream(self, quality: int) -> av.VideoStream:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"  # builds without GPL parts lack x264
        options = {"crf": str(quality), "preset": "veryfast"} if codec == "libx264" else {"q": "4"}
        rate = (1 / self._step).limit_denominator(65_535)
        stream = cast(av.VideoStream, self._container.add_stream(codec, rate=rate, options=options))
        stream.width, stream.height, stream.pix_fmt = *self._padded, "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709, said as well as done
        context.color_range = 1  # 16 to 235
        # MPEG-4 part 2 counts ticks in 16 bits, so it keeps to the rate; x264 takes any time.
        context.time_base = _TIME_BASE if codec == "libx264" else 1 / rate
        return stream

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is None:
            self.close()
            return
        with suppress(FileError):  # what ended the block is what has to be told
            self._finish()

    def write(self, image: np.ndarray, time: float | None = None) -> None:
        """Add uint8 (H, W, 3) RGB at `time` [s], by default one frame after the last; times must rise."""
        if self._closed:
            raise InputError(f"{self.path} is closed")
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(f"a frame is uint8 (H, W, 3), not {image.dtype} {image.shape}")
        at = self._next if time is None else Fraction(time)
        base = self._stream.codec_context.time_base
        pts = round(at / base)
        if pts <= self._last:
            raise InputError(f"{self.path}: the time {float(at):.4f} s does not come after the frame before")
        frame = av.VideoFrame.from_ndarray(_fitted(image, self.size, self._padded), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.pts, frame.time_base = pts, base
        self._last, self._next = pts, at + self._step
        self._mux(frame)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise FileError(f"{self.path} cannot be written: {reason(error)}") from error

    def _finish(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            try:
                if self._last >= 0:
                    self._mux(None)
            finally:
                self._container.close()
        except FileError:
            self._temporary.unlink(missing_ok=True)
            raise
        except (av.error.FFmpegError, OSError) as error:  # the end of the file, which the container writes itself
            self._temporary.unlink(missing_ok=True)
            raise FileError(f"{self.path} cannot be written: {reason(error)}") from error

    def close(self) -> None:
        """Finish the video and move it into place; one without frames is not written."""
        if self._closed:
            return
        self._finish()
        if self._last < 0:
            self._temporary.unlink(missing_ok=True)
            return
        try:
            os.replace(self._temporary, self.path)
        except OSError as error:
            raise FileError(f"{self._temporary} cannot be moved to {self.path}: {error.strerror}") from error


def _positive_rate(fps: float | Fraction) -> Fraction:
    """Seconds per frame; InputError unless the rate makes sense."""
    if not 0.001 <= fps <= 1000:
        raise InputError(f"frames per second lie between 0.001 and 1000, not {fps}")
    return 1 / Fraction(fps).limit_denominator(100_000)


def _fitted(image: np.ndarray, size: tuple[int, int], padded: tuple[int, int]) -> np.ndarray:
    width, height = size
    if image.shape[:2] != (height, width):
        canvas = np.zeros((height, width, 3), np.uint8)
        part = image[:height, :width]
        canvas[: part.shape[0], : part.shape[1]] = part
        image = canvas
    if padded != size:
        image = np.pad(image, ((0, padded[1] - height), (0, padded[0] - width), (0, 0)), mode="edge")
    return np.ascontiguousarray(image)
