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
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from anchorpose.files.keypoint_writer import write_coco_results, write_openpose
from anchorpose.files.motion_clips import motion_of_clip
from anchorpose.files.points import Points, points_of_clip, points_of_motion, points_of_people
from anchorpose.files.reading import KINDS as KINDS
from anchorpose.files.reading import Content as Content
from anchorpose.files.reading import Options as Options
from anchorpose.files.reading import kind_of as kind_of
from anchorpose.files.reading import read_content as read_content
from anchorpose.files.result_motions import motions_of_people
from anchorpose.poses.errors import InputError
from anchorpose.poses.numbering import Followed, own_numbers
from anchorpose.poses.values import Motion, People

TARGETS = ("results", "openpose", "coco", "csv", "trc", "c3d", "bvh", "npz", "glb", "mot", "page")
_REFINE = "`anchorpose refine` makes a motion with rotations of 3D joints"
_LIFT = "`anchorpose lift` makes 3D joints of 2D ones, of which then `anchorpose refine` makes a motion with rotations"
_Item = TypeVar("_Item")


def people_of(content: Content, target: str) -> Iterator[People]:
    """The frames with their people; InputError says what the file has instead."""
    if content.people is None:
        raise InputError(f"{content.path} holds {content.what}; {target} needs people in pictures, with 2D joints")
    return content.people()


def points_of(content: Content, target: str, options: Options | None = None) -> tuple[Points, ...]:
    """The points of each person, or of the one that was asked for; without people in doubt where others have ids."""
    options = options or Options()
    if content.motions is not None:
        found = tuple(points_of_motion(motion, number, options.joints) for number, motion in content.motions)
    elif content.clip is not None:
        found = (points_of_clip(content.clip),)
    elif content.people is not None:
        people = Followed(content.people)
        motions = motions_of_people(people)
        try:
            found = tuple(points_of_motion(motion, number, options.joints) for number, motion in motions)
            found = found or points_of_people(people)
        except InputError as error:
            raise InputError(f"{content.path}: {target} needs points in 3D: {error}") from error
        _warn(people, content, options)
    else:
        found = content.points or ()
    return tuple(_chosen([(p.person, p) for p in found], options.person, content.path))


def motions_of(content: Content, target: str, options: Options | None = None) -> tuple[tuple[int | None, Motion], ...]:
    """Number and motion of each person, or of the one that was asked for; none of those who are in doubt."""
    options = options or Options()
    if content.clip is not None and content.clip.rotations is not None:
        found: tuple[tuple[int | None, Motion], ...] = ((None, motion_of_clip(content.clip)),)
    elif content.motions is not None:
        found = content.motions
    elif content.people is not None and (in_results := motions_of_people(people := Followed(content.people))):
        found = in_results
        _warn(people, content, options)
    else:
        way = _LIFT if _is_flat(content) else _REFINE
        raise InputError(f"{content.path} holds {content.what}, no joint rotations, which {target} needs; {way}")
    numbered = [(number, (number, motion)) for number, motion in found]
    return tuple(_chosen(numbered, options.person, content.path))


def _warn(people: Followed, content: Content, options: Options) -> None:
    if options.warn and (line := people.warning()):
        options.warn(f"{content.path}: {line}")


def _is_flat(content: Content) -> bool:
    """Whether there are people, and none has 3D joints."""
    bodies = [p.body for people in (content.people() if content.people else ()) for p in people if p.body is not None]
    return bool(bodies) and all(body.joints3d is None for body in bodies)


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

        people = Followed(content.people)
        save(people, target)
        _warn(people, content, options)
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
    """A file for each person; those of several are numbered, each by a number of its own.

    Raises:
        InputError: there is nobody, or two have the same number; nothing is written then.
    """
    if not people:
        raise InputError(f"there is nobody in {content.path} whose motion could be written; {target} is not written")
    if len(people) == 1:
        write(people[0][1], target)
        return [target]
    try:
        numbers = own_numbers([number for number, _ in people])
    except InputError as error:
        raise InputError(f"{content.path}: {error}; a file for each, {target}, would be written over") from error
    written = []
    for number, (_, item) in zip(numbers, people, strict=True):
        path = target.with_name(f"{target.stem}_{number}{target.suffix}")
        write(item, path)
        written.append(path)
    return written
