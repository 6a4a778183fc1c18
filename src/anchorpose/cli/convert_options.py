"""What `anchorpose convert` takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg


@dataclass(frozen=True)
class Convert:
    """Write what one file holds in another format, told by the suffixes.

    For example:
      anchorpose convert walk.bvh walk.glb          (rotations: .bvh .npz .glb; also to .mot)
      anchorpose convert clip.jsonl clip.trc        (points: .trc .c3d .csv; from motions and results too)
      anchorpose convert clip.jsonl clip.html       (a page to look at, opens from disk)
      anchorpose convert clip.jsonl openpose/       (a folder: OpenPose's JSON, a file a frame)
      anchorpose convert openpose/ results.json --to coco

    Formats of one person (.bvh .npz .mot .trc .c3d) get a file each, name_<person>, where there are several. What a
    format needs and A has not is an error; docs/formats.md has a table.
    """

    a: Positional[Annotated[Path, arg(metavar="A")]]
    """the file (or OpenPose folder) to read"""
    b: Positional[Annotated[Path, arg(metavar="B")]]
    """the file (or folder) to write"""
    to: Literal["results", "openpose", "coco"] | None = None
    """what B is, where a .json or a folder could be more than one: a .json is "results" otherwise"""
    person: int | None = None
    """only the person of this number"""
    size: tuple[int, int] | None = None
    """width and height of the pictures [px], where keypoints do not tell"""
    joints: Literal["main", "all"] = "main"
    """points of a motion: the main joints, or all 104"""
    scale: float | None = None
    """metres per unit of .bvh .amc .c3d .trc .csv (default: what the file says; BVH: 0.01, centimetres; CSV: 1)"""
    up: Literal["y", "z"] | None = None
    """axis that points up in .bvh (default: y) and .c3d (default: what the file says, else z)"""
    influences: Literal["4", "8", "12"] = "4"
    """bones that move a vertex of a GLB: 4 is shown by every program, 12 is all the body has"""
    order: Literal["zxy", "zyx", "xyz", "xzy", "yxz", "yzx"] = "zxy"
    """order of the rotations in BVH"""
    bodies: bool = False
    """draw bodies in a page too, if A has joint rotations"""
