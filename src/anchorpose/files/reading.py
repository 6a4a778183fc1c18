"""What a file holds, read by its suffix (`files.convert` has a table of the kinds)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.human_size import check_size
from anchorpose.files.keypoints import KeypointFrame, read_keypoints
from anchorpose.files.points import Points
from anchorpose.poses.cameras import Camera
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.values import Motion, People, Person, Pose

KINDS = {
    ".jsonl": "results", ".json": "results", ".partial": "results", ".csv": "csv", ".trc": "trc", ".c3d": "c3d",
    ".bvh": "bvh", ".amc": "amc", ".npz": "npz", ".glb": "glb", ".mot": "mot", ".html": "page",
}  # fmt: skip
SCALED = (".bvh", ".amc", ".c3d", ".trc", ".csv")
"""Formats in which a unit of length can be another one than the file says."""
TURNED = (".bvh", ".c3d")
"""Formats in which another axis can point up than the file says."""
_ONLY_WRITTEN = {"mot": "the angles of a model", "page": "a page to look at"}


@dataclass(frozen=True, eq=False)
class Options:
    """How to read and write.

    Attributes:
        size: (width, height) [px] of the pictures, where keypoints do not tell.
        person: take the person of this number only.
        joints: points of a motion: "main" or "all".
        scale: metres per unit, of formats in `SCALED`; None: what the file says or is usual.
        up: axis that points up, "y" or "z", of formats in `TURNED`; None: what the file says or is usual.
        influences: bones that move a vertex of a GLB, 4, 8 or 12.
        order: of the rotations in BVH.
        warn: told, in a line, of what is left out or doubtful.
    """

    size: tuple[int, int] | None = None
    person: int | None = None
    joints: str = "main"
    scale: float | None = None
    up: str | None = None
    influences: int = 4
    order: str = "zxy"
    warn: Callable[[str], object] | None = None


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds: people frame by frame (with the pictures' size or without), or points, or motions, or a clip.

    Attributes:
        path: the file; what: in words.
        people: makes an iterator over the frames; sized: whether they know the size of their pictures.
        points, motions, clip: the others; of each at most one is there.
    """

    path: Path
    what: str
    people: Callable[[], Iterator[People]] | None = None
    sized: bool = True
    points: tuple[Points, ...] | None = None
    motions: tuple[tuple[int | None, Motion], ...] | None = None
    clip: Clip | None = None


def kind_of(path: str | os.PathLike[str]) -> str:
    """The kind of a file by its suffix; a folder, or a name without a suffix, is OpenPose's."""
    given = Path(path)
    suffix = given.suffix.lower()
    if given.is_dir() or not suffix:
        return "openpose"
    if suffix not in KINDS:
        known = ", ".join(s for s in KINDS if s != ".partial")
        raise InputError(f"{given}: no format has the suffix {suffix!r}; known are {known}, and folders of OpenPose's")
    return KINDS[suffix]


def read_content(path: str | os.PathLike[str], options: Options | None = None) -> Content:
    """What a file (or an OpenPose folder) holds.

    Raises:
        FileError, FormatError: it is missing or broken. InputError: an unknown suffix, or one only written; options
        that the format has no use for; people of nobody's size, with the scale that would make them so.
    """
    given, options = Path(path), options or Options()
    kind = kind_of(given)
    if kind in _ONLY_WRITTEN:
        raise InputError(f"{given} is {_ONLY_WRITTEN[kind]}; {given.suffix} is only written, not read")
    if not given.exists():
        raise FileError(f"{given}: no such file or folder")
    check_units(given, options.scale, options.up)
    content = _read(given, kind, options)
    if given.suffix.lower() in SCALED:
        check_size(
            given, _parts(content), options.scale, lambda: _parts(_read(given, kind, replace(options, scale=1.0))),
            options.warn,
        )  # fmt: skip
    return content


def check_units(path: Path, scale: float | None, up: str | None) -> None:
    """InputError for units and axes that make no sense, or that a file's format has no use for."""
    check_scale(scale)
    if scale is not None and path.suffix.lower() not in SCALED:
        raise InputError(f"{path}: --scale is for {', '.join(SCALED)}; the unit of this format is known")
    if up is not None and path.suffix.lower() not in TURNED:
        raise InputError(f"{path}: --up is for {', '.join(TURNED)}; in this format it is known which axis points up")
    if up not in (None, "y", "z"):
        raise InputError(f'{path}: the axis that points up is "y" or "z" here, not {up!r}')


def check_scale(scale: float | None) -> None:
    """InputError unless a scale is a number of metres, or None."""
    if scale is not None and not (math.isfinite(scale) and scale > 0):
        raise InputError(f"--scale is a number of metres above 0, not {scale}")


def _parts(content: Content) -> list[tuple[tuple[str, ...], NDArray[np.float64]]]:
    """Names (J) and places (T, J, 3) of the points of each person."""
    if content.clip is not None:
        return [(content.clip.names, content.clip.positions)]
    return [(points.names, points.positions) for points in content.points or ()]


def _read(given: Path, kind: str, options: Options) -> Content:
    if kind in ("results", "openpose"):
        return _read_people(given, options)
    if kind == "csv":
        from anchorpose.files.tables import read_csv

        return Content(given, "points in 3D", points=read_csv(given, scale=options.scale or 1.0))
    if kind == "trc":
        from anchorpose.files.trc import read_trc

        return Content(given, "points in 3D", points=(read_trc(given, scale=options.scale),))
    if kind == "npz":
        from anchorpose.files.amass import read_amass

        return Content(given, "a motion", motions=((None, read_amass(given)),))
    if kind == "glb":
        from anchorpose.files.glb import read_motions_glb

        return Content(given, "motions", motions=read_motions_glb(given))
    return _read_clip(given, kind, options)


def _read_clip(path: Path, kind: str, options: Options) -> Content:
    if kind == "c3d":
        from anchorpose.files.c3d import read_c3d

        clip = read_c3d(path, scale=options.scale, up=options.up, gaps="keep")
        return Content(path, "points in 3D", clip=clip)
    from anchorpose.files.mocap import read_mocap

    clip = read_mocap(path, scale=options.scale, up=options.up)
    return Content(path, "motion capture", clip=clip)


def _read_people(path: Path, options: Options) -> Content:
    if path.is_file() and (path.suffix != ".json" or is_ours(path)):
        from anchorpose.files.results import read_results

        return Content(path, "results of anchorpose", people=lambda: read_results(path))
    frames = list(read_keypoints(path))
    sized = options.size is not None or all(frame.size is not None for frame in frames)
    return Content(path, "2D keypoints", people=lambda: map(lambda f: _people(f, options.size), frames), sized=sized)


def is_ours(path: Path) -> bool:
    """Whether a JSON file begins as results of anchorpose do."""
    try:
        with path.open("rb") as file:
            return b'"anchorpose/' in file.read(400)
    except OSError:
        return False


def _people(frame: KeypointFrame, size: tuple[int, int] | None) -> People:
    """Keypoints as people; where nobody knows the size of the picture, one that holds them all."""
    extent = frame.boxes.reshape(-1, 2).max(0, initial=1.0)
    width, height = frame.size or size or (int(extent[0]) + 2, int(extent[1]) + 2)
    camera = frame.camera or Camera.from_fov(width, height, origin="default")
    poses = [
        Pose(frame.skeleton.name, score, box, joints, scores)
        for joints, scores, box, score in zip(
            frame.joints2d, frame.scores, frame.boxes, frame.person_scores.tolist(), strict=True
        )
    ]
    persons = tuple(Person.from_body(pose, id) for pose, id in zip(poses, frame.ids, strict=True))
    return People(persons, frame.source, frame.index, frame.time or 0.0, width, height, camera)
