"""From one format to another: what a file holds, and what a format needs.

| kind | suffix | holds | needs |
|---|---|---|---|
| results | .jsonl, .json | people: 2D, 3D joints, scores, modes; of refined videos motions | people, pictures' size |
| openpose, coco | a folder; .json with `to="coco"` | 2D joints of people | 2D joints |
| csv | .csv | points in 3D | points |
| trc, c3d | .trc, .c3d | points of one person | points |
| bvh, npz, glb | .bvh, .npz, .glb | motions: rotations, from which come points | motions |
| mot | .mot | angles of OpenSim's models, only written | motions |
| page | .html | drawn skeletons, only written (by `share.page`) | points |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from anchorpose.files.keypoint_writer import write_coco_results, write_openpose
from anchorpose.files.keypoints import KeypointFrame, read_keypoints
from anchorpose.files.motion_clips import motion_of_clip
from anchorpose.files.points import Points, points_of_clip, points_of_motion, points_of_people
from anchorpose.files.result_motions import motions_of_people
from anchorpose.poses.cameras import Camera
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.values import Motion, People, Person, Pose

KINDS = {
    ".jsonl": "results", ".json": "results", ".partial": "results", ".csv": "csv", ".trc": "trc", ".c3d": "c3d",
    ".bvh": "bvh", ".amc": "amc", ".npz": "npz", ".glb": "glb", ".mot": "mot", ".html": "page",
}  # fmt: skip
TARGETS = ("results", "openpose", "coco", "csv", "trc", "c3d", "bvh", "npz", "glb", "mot", "page")
_ONLY_WRITTEN = {"mot": "the angles of a model", "page": "a page to look at"}
_REFINE = "`anchorpose refine` makes a motion with rotations of 3D joints"
_Item = TypeVar("_Item")


@dataclass(frozen=True, eq=False)
class Options:
    """How to read and write.

    Attributes:
        size: (width, height) [px] of the pictures, where keypoints do not tell.
        person: take the person of this number only.
        joints: points of a motion: "main" or "all".
        scale, up: metres per unit and axis that points up of motion capture; None: what the file says or is usual.
        influences: bones that move a vertex of a GLB, 4, 8 or 12.
        order: of the rotations in BVH.
    """

    size: tuple[int, int] | None = None
    person: int | None = None
    joints: str = "main"
    scale: float | None = None
    up: str | None = None
    influences: int = 4
    order: str = "zxy"


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
        FileError, FormatError: it is missing or broken. InputError: an unknown suffix, or one only written.
    """
    given, options = Path(path), options or Options()
    kind = kind_of(given)
    if kind in _ONLY_WRITTEN:
        raise InputError(f"{given} is {_ONLY_WRITTEN[kind]}; {given.suffix} is only written, not read")
    if not given.exists():
        raise FileError(f"{given}: no such file or folder")
    if kind in ("results", "openpose"):
        return _read_people(given, options)
    if kind == "csv":
        from anchorpose.files.tables import read_csv

        return Content(given, "points in 3D", points=read_csv(given))
    if kind == "trc":
        from anchorpose.files.trc import read_trc

        return Content(given, "points in 3D", points=(read_trc(given),))
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
    if path.is_file() and (path.suffix != ".json" or _is_ours(path)):
        from anchorpose.files.results import read_results

        return Content(path, "results of anchorpose", people=lambda: read_results(path))
    frames = list(read_keypoints(path))
    sized = options.size is not None or all(frame.size is not None for frame in frames)
    return Content(path, "2D keypoints", people=lambda: map(lambda f: _people(f, options.size), frames), sized=sized)


def _is_ours(path: Path) -> bool:
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


def people_of(content: Content, target: str) -> Iterator[People]:
    """The frames with their people; InputError says what the file has instead."""
    if content.people is None:
        raise InputError(f"{content.path} holds {content.what}; {target} needs people in pictures, with 2D joints")
    return content.people()


def points_of(content: Content, target: str, options: Options | None = None) -> tuple[Points, ...]:
    """The points of each person, or of the one that was asked for."""
    options = options or Options()
    if content.motions is not None:
        found = tuple(points_of_motion(motion, number, options.joints) for number, motion in content.motions)
    elif content.clip is not None:
        found = (points_of_clip(content.clip),)
    elif content.people is not None:
        motions = motions_of_people(content.people())
        try:
            found = tuple(points_of_motion(motion, number, options.joints) for number, motion in motions)
            found = found or points_of_people(content.people())
        except InputError as error:
            raise InputError(f"{content.path}: {target} needs points in 3D: {error}") from error
    else:
        found = content.points or ()
    return tuple(_chosen([(p.person, p) for p in found], options.person, content.path))


def motions_of(content: Content, target: str, options: Options | None = None) -> tuple[tuple[int | None, Motion], ...]:
    """Number and motion of each person, or of the one that was asked for."""
    options = options or Options()
    if content.clip is not None and content.clip.rotations is not None:
        found: tuple[tuple[int | None, Motion], ...] = ((None, motion_of_clip(content.clip)),)
    elif content.motions is not None:
        found = content.motions
    elif content.people is not None and (in_results := motions_of_people(content.people())):
        found = in_results
    else:
        raise InputError(f"{content.path} holds {content.what}, no joint rotations, which {target} needs; {_REFINE}")
    numbered = [(number, (number, motion)) for number, motion in found]
    return tuple(_chosen(numbered, options.person, content.path))


def _chosen(people: list[tuple[int | None, _Item]], person: int | None, path: Path) -> list[_Item]:
    if person is None:
        return [item for _, item in people]
    found = [item for number, item in people if number == person]
    if not found:
        there = ", ".join(str(number) for number, _ in people) or "nobody"
        raise InputError(f"{path} has no person {person}; there is {there}")
    return found


def write_content(
    content: Content, path: str | os.PathLike[str], kind: str, options: Options | None = None
) -> list[Path]:
    """Writes what a file holds as another kind; returns the files that were written.

    Formats of one person get a file for each, `name_<person>.suffix`, where there are several.

    Raises:
        InputError: it lacks what the kind needs (the message names it), or there is nobody in it.
    """
    target, options = Path(path), options or Options()
    if kind in ("results", "openpose", "coco"):
        return _write_people(content, target, kind, options)
    if kind == "csv":
        return _write_csv(content, target, options)
    if kind == "trc":
        from anchorpose.files.trc import write_trc

        return _each(_numbered(points_of(content, "TRC", options)), target, content, write_trc)
    if kind == "c3d":
        from anchorpose.files.c3d_writer import write_c3d

        return _each(_numbered(points_of(content, "C3D", options)), target, content, write_c3d)
    if kind in ("bvh", "npz", "glb", "mot"):
        return _write_motions(content, target, kind, options)
    raise InputError(f"no kind {kind!r} can be written here; there are {', '.join(k for k in TARGETS if k != 'page')}")


def _write_people(content: Content, target: Path, kind: str, options: Options) -> list[Path]:
    frames = people_of(content, {"results": "a results file", "openpose": "OpenPose", "coco": "COCO"}[kind])
    if options.person is not None:
        frames = (replace(f, persons=tuple(p for p in f if p.id == options.person)) for f in frames)
    if kind == "openpose":
        write_openpose(list(frames), target)
    elif kind == "coco":
        write_coco_results(list(frames), target)
    else:
        from anchorpose.files.results import save

        if not content.sized:
            raise InputError(
                f"{content.path} does not tell how large its pictures are, and results say so: --size WIDTH HEIGHT"
            )
        save(frames, target)
    return [target]


def _write_csv(content: Content, target: Path, options: Options) -> list[Path]:
    if content.people is not None and options.person is None:
        from anchorpose.files.results import save  # with pixels and hands, so that nothing is lost

        save(content.people(), target)
    else:
        from anchorpose.files.tables import write_csv

        write_csv(points_of(content, "CSV", options), target)
    return [target]


def _write_motions(content: Content, target: Path, kind: str, options: Options) -> list[Path]:
    motions = motions_of(content, kind.upper(), options)
    if kind == "glb":
        from anchorpose.files.glb import write_motions_glb

        people, moving = [n for n, _ in motions], [m for _, m in motions]
        write_motions_glb(moving, target, people=people, influences=options.influences)
        return [target]
    if kind == "bvh":
        from anchorpose.files.bvh_writer import write_bvh

        return _each(motions, target, content, lambda motion, p: write_bvh(motion, p, order=options.order))
    if kind == "npz":
        from anchorpose.files.amass import write_amass

        return _each(motions, target, content, write_amass)
    from anchorpose.files.mot import coordinates_of_motion, write_mot

    return _each(motions, target, content, lambda motion, p: write_mot(coordinates_of_motion(motion), p))


def _numbered(people: Sequence[Points]) -> list[tuple[int | None, Points]]:
    return [(points.person, points) for points in people]


def _each(
    people: Sequence[tuple[int | None, _Item]], target: Path, content: Content, write: Callable[[_Item, Path], None]
) -> list[Path]:
    """A file for each person; those of several are numbered."""
    if not people:
        raise InputError(f"there is nobody in {content.path} whose motion could be written; {target} is not written")
    if len(people) == 1:
        write(people[0][1], target)
        return [target]
    written = []
    for place, (number, item) in enumerate(people, 1):
        path = target.with_name(f"{target.stem}_{place if number is None else number}{target.suffix}")
        write(item, path)
        written.append(path)
    return written
