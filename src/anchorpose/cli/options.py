"""What the command line takes: one dataclass for each command, from which tyro makes flags and help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

Product = Literal["json", "video", "figure", "page", "bvh", "glb", "mesh", "npz", "mot", "trc", "c3d", "csv"]


@dataclass(frozen=True)
class Run:
    """Find the people in photos, folders of photos, videos or a camera, in 2D and 3D.

    For example:
      anchorpose run photo.jpg
      anchorpose run clip.mp4 --save json video figure -o out
      anchorpose run clip.mp4 --save json video page bvh glb
      anchorpose run photos/ --fov 70 --quality best
      anchorpose run 0                      (the first camera; Ctrl-C ends it)
      anchorpose run long.mp4 --resume      (go on where a run was stopped)

    Results: OUT/<name>.jsonl has one line per frame; "video" is the picture or video with people drawn in, "figure"
    the 3D view from the front and the side with the modes as ghosts.

    People of a video are followed, and their motion is refined over time: no gaps, no jitter, joint rotations. Of
    motions there are files: a "page" to look at and "glb" of all people together; "bvh", "npz", "mot", "trc", "c3d" and
    "mesh" (a GLB with all of the body's weights) for each person, <name>_id3.bvh; and "csv".
    """

    sources: Positional[tuple[str, ...]]
    """photos, folders, videos, or the number of a camera"""
    out: Annotated[Path, arg(aliases=("-o",))] = Path("anchorpose-out")
    """folder for the results"""
    save: tuple[Product, ...] = ("json", "video")
    """what to write"""
    quality: Literal["fast", "balanced", "best"] = "balanced"
    """time against accuracy"""
    fov: float | None = None
    """field of view of the longer side [degrees]; without this, --focal or --camera: from EXIF, else 60"""
    focal: float | None = None
    """focal length [px]"""
    camera: str | None = None
    """calibration file (.json or .toml; FILE#NAME for one camera of several)"""
    height: float | None = None
    """mean body height of the people [m], if known; the prior's is 1.70"""
    model: str = "default"
    """which model; see "anchorpose models" """
    every: int = 1
    """take each Nth frame"""
    track: bool = True
    """give the people of a video or camera ids, the same one for the same person over time"""
    refine: bool = True
    """refine the motion of people in a video, in a second pass; without it poses are those of single frames"""
    frame: Literal["camera", "world"] = "camera"
    """of motions; world: y up, the ground at 0, for a camera that stands still before a flat ground"""
    resume: bool = False
    """go on with a run that was stopped; no finished frame is computed again"""
    threads: int | None = None
    """threads of the networks (default: the processors there are, at most 4)"""


@dataclass(frozen=True)
class Lift:
    """Lift 2D keypoints of another program to 3D: COCO results, OpenPose (file or folder), AlphaPose, or our own JSON.

    For example:
      anchorpose lift keypoints.json --size 1920 1080
      anchorpose lift openpose_folder/ --size 1280 720 --fov 65 -o out
      anchorpose lift results.json --skeleton h36m17 --focal 1150 --size 1000 1000
    """

    files: Positional[tuple[Path, ...]]
    """files, or folders of OpenPose's"""
    out: Annotated[Path, arg(aliases=("-o",))] = Path("anchorpose-out")
    """folder for the results, one .jsonl for each input"""
    skeleton: str | None = None
    """order of the joints; without it, recognised by names or number"""
    size: tuple[int, int] | None = None
    """width and height of the pictures [px], where the file does not tell"""
    fov: float | None = None
    """field of view of the longer side [degrees]"""
    focal: float | None = None
    """focal length [px]"""
    camera: str | None = None
    """calibration file"""
    height: float | None = None
    """mean body height of the people [m]"""
    figure: bool = False
    """also write a 3D figure of the first frame with people"""


@dataclass(frozen=True)
class Models:
    """List the networks that ship: size, licence, origin."""
