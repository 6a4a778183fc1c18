"""Cameras and network streams by PyAV: readers without an end."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import av

from anchorpose.files.paths import reason
from anchorpose.files.video import VideoReader
from anchorpose.poses.errors import FileError, InputError

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "rtp", "srt", "tcp")
"""Of addresses that are streams; FFmpeg knows others, some of which read files."""
UNTIMED = frozenset(("mpjpeg", "mjpeg", "image2", "jpeg_pipe", "mpjpegdec"))
"""Formats whose frames have no times of their own: they are guessed from a rate that nobody measured."""
_SECONDS = 10.0  # a stream that is silent for longer has ended

# Where FFmpeg finds cameras: its input format and the name of camera number i.
_CAMERAS: dict[str, tuple[str, Callable[[int], str]]] = {
    "linux": ("v4l2", lambda i: f"/dev/video{i}"),
    "darwin": ("avfoundation", str),
    "win32": ("dshow", lambda i: _windows_camera(i)),
}


def _windows_camera(index: int) -> str:
    devices = [d for d in av.device.enumerate_input_devices("dshow") if "video" in d.media_types]  # type: ignore[attr-defined]
    if index >= len(devices):
        found = ", ".join(d.description for d in devices) or "none"
        raise FileError(f"there is no camera {index}; found: {found}")
    return f"video={devices[index].name}"


def open_camera(
    index: int,
    *,
    every: int = 1,
    size: tuple[int, int] | None = None,
    warn: Callable[[str], None] | None = None,
    platform: str = sys.platform,
) -> VideoReader:
    """A live camera by its number, as a `VideoReader` without an end (v4l2, avfoundation or dshow by platform).

    Args:
        size: width and height [px] to ask it for; None: what it gives by itself.

    Raises:
        FileError: no such camera, it is in use, or this build of PyAV cannot open cameras.
    """
    if index < 0:
        raise InputError(f"cameras are numbered from 0, not {index}")
    if platform not in _CAMERAS:
        raise FileError(f"cameras are not supported on {platform}; only on {', '.join(_CAMERAS)}")
    kind, name_of = _CAMERAS[platform]
    options = {"framerate": "30"} if kind == "avfoundation" else {}  # it refuses its own default on many machines
    if size is not None:
        options["video_size"] = f"{size[0]}x{size[1]}"
    try:
        container = av.open(name_of(index), format=kind, options=options)
    except (av.error.FFmpegError, ValueError) as error:
        hint = f"; {_linux_cameras()}" if platform == "linux" else ""
        raise FileError(f"camera {index} cannot be opened by {kind}: {reason(error)}{hint}") from error
    return VideoReader.live(container, f"camera{index}", every, warn)


def _linux_cameras() -> str:
    found = sorted(p.name for p in Path("/dev").glob("video*"))
    return "there is /dev/" + ", /dev/".join(found) if found else "there is no /dev/video* on this machine"


def is_address(text: str) -> bool:
    """Whether a text has the form of an address: scheme://..."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def stream_name(address: str) -> str:
    """Host and path of an address: what may be shown of it. Names, passwords and keys are left out."""
    parts = urlsplit(address)
    return f"{parts.hostname or ''}{parts.path}".rstrip("/") or parts.scheme


def open_stream(address: str, *, warn: Callable[[str], None] | None = None) -> VideoReader:
    """A network stream (an IP camera, a phone's camera app) as a `VideoReader` without an end.

    Raises:
        InputError: no address of a stream. FileError: it cannot be reached, or holds no video.
    """
    scheme = address.partition("://")[0].lower()
    name = stream_name(address)
    if scheme not in SCHEMES:
        raise InputError(f"{scheme}:// is not a stream; expected {', '.join(SCHEMES)}, a file or a camera's number")
    options = {"fflags": "nobuffer", "rtsp_transport": "tcp"}
    if scheme.startswith("http"):
        options["protocol_whitelist"] = "http,https,tcp,tls,crypto,httpproxy"  # a playlist may not name files
    try:
        container = av.open(address, options=options, timeout=_SECONDS)
    except (av.error.FFmpegError, ValueError) as error:
        raise FileError(f"the stream {name} cannot be opened: {reason(error)}") from error
    return VideoReader.live(container, name, warn=warn)
