"""What `anchorpose refine` takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class Refine:
    """Make motions of 3D poses: gaps filled, jitter taken away, joint rotations on the person's own bones.

    For example:
      anchorpose refine clip.jsonl clip.bvh            (our results; people by their ids)
      anchorpose refine landmarks.json motion.glb      (MediaPipe's 33 world landmarks)
      anchorpose refine poses.npz motion.npz --skeleton h36m17 --fps 50
      anchorpose refine vicon.npz motion.bvh --scale 0.001 --up z      (millimetres, z up)

    Reads .jsonl, .json, .npz with joints3d (T, J, 3), .bvh, .amc, .csv, .trc, .c3d; writes what `convert` writes of a
    motion: .bvh .npz .glb .mot .trc .c3d .csv .html, a file for each person where a format holds one.

    An .npz with joints3d is in metres and in a camera's frame: x right, y down, z forward. --up y is for x right, y up,
    z backward; --up z for x right, y forward, z up; its own "up" does the same. 2D goes to `anchorpose lift` first.
    """

    a: Positional[Annotated[Path, arg(metavar="A")]]
    """the file with poses"""
    b: Positional[Annotated[Path, arg(metavar="B")]]
    """the file to write"""
    skeleton: str | None = None
    """of an .npz that does not say what its joints are"""
    fps: float | None = None
    """frames per second, where the file has no times (default: 30)"""
    scale: float | None = None
    """metres per unit of .npz with joints3d (default: 1) and of .bvh .amc .c3d .trc .csv (default: as for convert)"""
    up: Literal["y", "z", "-y"] | None = None
    """axis that points up in .npz with joints3d (default: what it says, else -y), .bvh (y) and .c3d (as for convert)"""
    person: int | None = None
    """only the person of this number"""
    frame: Literal["camera", "world"] = "world"
    """world: y up, the ground at 0, for a camera that stands still"""
    window: int | None = None
    """frames that are looked at together (default: as many as the model takes)"""
    modes: bool = True
    """look at the modes of our poses, not only at the poses"""
