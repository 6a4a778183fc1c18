"""What `anchorpose live` takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class Live:
    """Look at the people before a camera while they move: tracked, refined, in 2D and 3D. Ctrl-C ends it.

    For example:
      anchorpose live                        (the first camera)
      anchorpose live 1 --delay 0            (the second one, with nothing waited for)
      anchorpose live clip.mp4               (a video, at its own speed)
      anchorpose live rtsp://camera.local/1  (a network camera; http:// too)
      anchorpose live --save out.jsonl --view none

    A window opens if OpenCV is installed and can open one, else a page in the browser. Only this computer can see the
    page. Frames that come too fast are dropped: the picture never lags.
    """

    source: Positional[Annotated[str, arg(metavar="[CAMERA|FILE|URL]")]] = "0"
    """number of a camera, a video, or the address of a stream"""
    delay: int = 4
    """frames of 1/30 s that poses are held back; more are smoother (0, 4 and 8 are measured)"""
    refine: bool = True
    """smooth motion and fill short gaps; without it poses are those of single frames, at once"""
    save: Annotated[Path | None, arg(metavar="OUT.jsonl")] = None
    """write results there too, a line per frame as it comes"""
    quality: Literal["fast", "balanced", "best"] = "fast"
    """time against accuracy"""
    view: Literal["auto", "window", "page", "none"] = "auto"
    """where to look"""
    browser: bool = True
    """open the page in the browser; its address is printed in any case"""
    host: str = "127.0.0.1"
    """address that the page is served at; 0.0.0.0 shows it to the whole network"""
    port: int = 0
    """port of the page (0: one that is free)"""
    size: Annotated[tuple[int, int] | None, arg(metavar="WIDTH HEIGHT")] = None
    """size of pictures to ask the camera for [px]"""
    fov: float | None = None
    """field of view of the longer side [degrees]; without this, --focal or --camera: 60"""
    focal: float | None = None
    """focal length [px]"""
    camera: str | None = None
    """calibration file (.json or .toml; FILE#NAME for one camera of several)"""
    height: float | None = None
    """mean body height of the people [m], if known; the prior's is 1.70"""
    threads: int | None = None
    """threads of the networks (default: the processors there are, at most 4)"""
