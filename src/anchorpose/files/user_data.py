"""A user's own photos, checked before hours are spent on them: labelled ones, and folders of them.

What is broken is left out and described, one line each, and the rest is used. Only where nothing remains there is an
error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.images import IMAGE_SUFFIXES, read_image
from anchorpose.files.labels import LabelledImage, LabelSet, read_labels
from anchorpose.files.paths import replacing
from anchorpose.poses.content import to_json
from anchorpose.poses.errors import AnchorposeError, FileError

Tick = Callable[[int], object]
"""Called with the number of files that were just done."""


def existing_folder(path: str | os.PathLike[str], expected: str) -> Path:
    """The path of a folder that is there; FileError says what was expected, and what there is with a similar name."""
    folder = Path(path)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise FileError(f"{folder} is a file; expected {expected}")
    raise FileError(f"{folder}: no such folder; expected {expected}{similar_name(folder)}")


def similar_name(path: Path) -> str:
    """The end of a message about a missing path: what it may have been meant to be, or nothing."""
    try:
        there = sorted(p.name for p in path.parent.iterdir())
    except OSError:
        return ""
    near = get_close_matches(path.name, there, 1)
    return f". Did you mean {path.parent / near[0]}?" if near else ""


def list_photos(folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """The photos in a folder and the folders in it, sorted by name, hidden ones left out.

    Raises:
        FileError: no such folder, or no photo in it.
    """
    root = existing_folder(folder, "a folder of photos")
    found = [p for p in root.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    photos = tuple(sorted((p for p in found if p.is_file()), key=lambda p: p.relative_to(root).as_posix()))
    if not photos:
        raise FileError(f"{root} holds no photo; known are {', '.join(sorted(IMAGE_SUFFIXES))}")
    return photos


def readable_photos(photos: Iterable[Path], tick: Tick | None = None) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The photos that can be decoded, and a line for each that cannot."""
    good, skipped = [], []
    for path in photos:
        try:
            read_image(path)
            good.append(path)
        except AnchorposeError as error:
            skipped.append(str(error))
        if tick:
            tick(1)
    return tuple(good), tuple(skipped)


@dataclass(frozen=True, eq=False)
class Sources:
    """Labelled photos that can be used, and a line for everything that was left out."""

    labels: LabelSet
    skipped: tuple[str, ...]


def read_sources(
    labels: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    tick: Tick | None = None,
    total: Callable[[int], object] | None = None,
) -> Sources:
    """Labels in the manner of COCO whose photos are there, can be decoded, and have the size that the labels say.

    Crowds and photos without a person that has labelled joints are left out silently.

    Args:
        labels: the label file; images: the folder of its photos, by default that of the label file.
        tick: called for each photo; total: called once with their number.

    Raises:
        FileError, FormatError: the label file itself is broken, or nothing remains.
    """
    if not Path(labels).exists():
        raise FileError(f"{labels}: no such file; expected a label file{similar_name(Path(labels))}")
    folder = None if images is None else existing_folder(images, "the folder of the labelled photos")
    problems: list[str] = []
    given = read_labels(labels, folder, problems)
    if total:
        total(len(given))
    where = folder or Path(labels).parent
    kept, bad_photos = [], []
    for image in given:
        people = tuple(p for p in image.people if not p.iscrowd and (p.visible > 0).any())
        if people:
            found = replace(image, people=people, path=_look_for(image.path, where))
            problem = _photo_problem(found)
            if problem:
                bad_photos.append(problem)
            else:
                kept.append(found)
        if tick:
            tick(1)
    problems = bad_photos + problems
    if not kept:
        first = f", for instance: {problems[0]}" if problems else "; none has a person with labelled joints"
        raise FileError(f"{labels}: none of its {len(given)} images can be used with the photos in {where}{first}")
    return Sources(LabelSet(given.name, given.skeleton, tuple(kept)), tuple(problems))


def _look_for(path: Path, folder: Path) -> Path:
    """A photo also lies in `folder` itself where the label file names folders that are not there."""
    plain = folder / path.name
    return plain if not path.exists() and plain.is_file() else path


def _photo_problem(image: LabelledImage) -> str | None:
    try:
        height, width = read_image(image.path).shape[:2]
    except AnchorposeError as error:
        return str(error)
    if (width, height) != (image.width, image.height):
        return f"{image.path} is {width}x{height}, its labels are for {image.width}x{image.height}"
    return None


def write_labels(labels: LabelSet, path: str | os.PathLike[str], image_dir: str | os.PathLike[str]) -> None:
    """Write labels in the format that `read_labels` reads, file names relative to `image_dir`, all or nothing."""
    names = [
        ("left_" if n.startswith("l_") else "right_") + n[2:] if n[1:2] == "_" else n for n in labels.skeleton.names
    ]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(labels):
        key = number if image.id is None else image.id
        relative = Path(os.path.relpath(image.path, image_dir)).as_posix()
        images.append(
            {**image.attributes, "id": key, "file_name": relative, "width": image.width, "height": image.height}
        )
        for person in image.people:
            joints = np.concatenate([np.nan_to_num(person.joints2d), person.visible[:, None]], 1)
            x0, y0, x1, y1 = person.box.tolist()
            annotations.append({
                "id": len(annotations), **person.attributes, "image_id": key, "category_id": 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": person.area, "iscrowd": int(person.iscrowd),
                "keypoints": to_json(joints.ravel()),
            })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": names}
    data = {"images": images, "annotations": annotations, "categories": [category]}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data), "utf-8")


def write_skipped(path: str | os.PathLike[str], lines: Sequence[str]) -> None:
    """One line for each thing that was left out; an old list goes away where there is nothing to say."""
    if not lines:
        Path(path).unlink(missing_ok=True)
        return
    with replacing(path) as temporary:
        temporary.write_text("".join(line.replace("\n", " ") + "\n" for line in lines), "utf-8")
