"""Labelled photos, for measuring and training: files in the manner of COCO's person_keypoints.

`LabelSet.images` holds one record per photo, people inside. Fields that COCO does not define (`lr_suspect`,
`same_photo_as`, `persons`, `keypoints_source`, ...) are kept in `attributes`, as they are in the file.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.paths import input_file, read_text
from anchorpose.poses.errors import FormatError
from anchorpose.poses.skeletons import COCO17, LSP14, Skeleton

_EXPECTED = "a label file in the format of COCO person_keypoints (JSON)"
_OWN_IMAGE_FIELDS = frozenset({"id", "file_name", "width", "height"})
_OWN_PERSON_FIELDS = frozenset({"image_id", "category_id", "bbox", "area", "iscrowd", "keypoints", "segmentation"})
_BROKEN = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_NUMBERS, _FOUR, _NAME, _NUMBER, _KEY = (
    "a list of numbers", "four numbers: x, y, width, height", "the name of a file", "a number", "a number or a name",
)  # fmt: skip
_IMAGE_SHAPES = {"file_name": _NAME, "width": _NUMBER, "height": _NUMBER}
_PERSON_SHAPES = {"image_id": _KEY, "bbox": _FOUR, "keypoints": _NUMBERS, "area": _NUMBER}
_MAY_LACK = ("keypoints", "area")
# Skeletons that label files come in, and the names that the files use for the joints.
_SKELETONS = (COCO17, LSP14)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30


def _are_numbers(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_number, value)))


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    _NUMBERS: _are_numbers,
    _FOUR: lambda value: isinstance(value, list) and len(value) == 4 and _are_numbers(value),
    _NAME: lambda value: isinstance(value, str) and value != "",
    _NUMBER: _is_number,
    _KEY: lambda value: isinstance(value, (int, str)),
}


@dataclass(frozen=True, eq=False)
class LabelledPerson:
    """One annotated person (or crowd).

    Attributes:
        box: (4,) x0, y0, x1, y1 [px].
        joints2d: (J, 2) [px], NaN where not labelled.
        visible: (J,) int, 0 not labelled, 1 labelled but hidden, 2 visible.
        area: of the person [px^2], the box's where the file has none.
        iscrowd: a region of many people, to be ignored in measuring.
        attributes: all other fields, such as "id", "num_keypoints", "lr_suspect".
    """

    box: np.ndarray
    joints2d: np.ndarray
    visible: np.ndarray
    area: float
    iscrowd: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """One photo: its number (None in a list without annotations that numbers none), file, size [px], people, rest."""

    id: int | None
    path: Path
    width: int
    height: int
    people: tuple[LabelledPerson, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LabelSet:
    """The photos of a label file, in the file's order, and the skeleton of their joints."""

    name: str
    skeleton: Skeleton
    images: tuple[LabelledImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[LabelledImage]:
        return iter(self.images)

    def __getitem__(self, index: int) -> LabelledImage:
        return self.images[index]


def read_labels(
    path: str | os.PathLike[str],
    image_dir: str | os.PathLike[str] | None = None,
    problems: list[str] | None = None,
) -> LabelSet:
    """Read a label file.

    Args:
        path: JSON with `images`, `annotations` and `categories`. Without `annotations` (a list of photos without
            people) every photo has none.
        image_dir: the folder that `file_name` is relative to; by default that of the label file.
        problems: where given, broken images and annotations are left out and described here, instead of raising.

    The skeleton is told from the joint names of the category; files without them are told by the number of joints.

    Raises:
        FileError: missing. FormatError: names the image or annotation that is wrong.
    """
    file = input_file(path, _EXPECTED)
    data = _load(file)
    folder = Path(image_dir) if image_dir is not None else file.parent
    skeleton = _skeleton(data, file, problems is not None)
    people: dict[Any, list[LabelledPerson]] = defaultdict(list)
    for number, annotation in enumerate(data.get("annotations", []), 1):
        where = f"{file}: annotation {_called(annotation, number)}"
        try:
            person = _person(annotation, skeleton, where)
            people[annotation["image_id"]].append(person)
        except FormatError as error:
            _note(problems, str(error), error)
        except _BROKEN as error:
            _note(problems, f"{where}: {_problem(annotation, _PERSON_SHAPES, error)}", error)
    images = tuple(_images(data["images"], folder, people, file, problems))
    known = {image.id for image in images}
    if len(known) < len(images) and (None not in known or people):
        _note(problems, f"{file}: images without an id, or with the same one")
        images = tuple({image.id: image for image in reversed(images) if image.id is not None}.values())[::-1]
    strangers = people.keys() - known
    if strangers:
        _note(
            problems, f"{file}: annotations of images that are not listed: {', '.join(sorted(map(str, strangers))[:5])}"
        )
    return LabelSet(file.stem, skeleton, images)


def _note(problems: list[str] | None, problem: str, error: Exception | None = None) -> None:
    """Add a problem to the list, or raise it where there is none."""
    if problems is None:
        raise FormatError(problem) from error
    problems.append(problem)


def _images(
    records: list[Any],
    folder: Path,
    people: Mapping[Any, list[LabelledPerson]],
    file: Path,
    problems: list[str] | None,
) -> Iterator[LabelledImage]:
    for number, record in enumerate(records, 1):
        try:
            yield _image(record, folder, people, f"{file}: image {_called(record, number)}")
        except FormatError as error:
            _note(problems, str(error), error)


def _load(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file}: not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise FormatError(f"{file} has no list of images; expected {_EXPECTED}")
    if not isinstance(data.get("annotations", []), list):
        raise FormatError(f"{file}: its annotations are no list; expected {_EXPECTED}")
    return data


def _problem(record: Any, shapes: Mapping[str, str], error: Exception) -> str:
    """What is wrong with a record, in plain words: the first field that is missing or not as it should be."""
    if not isinstance(record, dict):
        return f"expected an object with {', '.join(shapes)}, got {_shown(record)}"
    for name, shape in shapes.items():
        if name not in record:
            if name in _MAY_LACK:
                continue
            return f"{name} is missing; expected {shape}"
        if not _CHECKS[shape](record[name]):
            return f"{name} is {_shown(record[name])}; expected {shape}"
    return f"its values do not add up ({error})"


def _called(record: Any, number: int) -> str:
    """A record's id, or its place in the list."""
    key = record.get("id") if isinstance(record, dict) else None
    return f"number {number}" if key is None else _shown(key)


def _shown(value: Any) -> str:
    """A value as it stands in the file, shortened."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."


def house_name(name: str) -> str:
    """A joint's name as this project spells it: "left_ankle" is l_ankle."""
    for word, letter in (("left_", "l_"), ("right_", "r_")):
        if name.startswith(word):
            return letter + name[len(word) :]
    return name


def _skeleton(data: Mapping[str, Any], file: Path, most: bool = False) -> Skeleton:
    """The skeleton by names, else by the number of joints: of all people, or of `most` of them."""
    categories = data.get("categories")
    named = (
        [c for c in categories if isinstance(c, dict) and c.get("keypoints")] if isinstance(categories, list) else []
    )
    if named:
        names = tuple(house_name(str(n)) for n in named[0]["keypoints"])
        for skeleton in _SKELETONS:
            if skeleton.names == names:
                return skeleton
        raise FormatError(f"{file}: unknown joints {', '.join(names)}; known are {_known()}")
    joints = [a.get("keypoints") for a in data.get("annotations", []) if isinstance(a, dict)]
    counts = Counter(len(j) // 3 for j in joints if isinstance(j, list) and j)
    if most and any(len(skeleton) in counts for skeleton in _SKELETONS):
        return max(_SKELETONS, key=lambda skeleton: counts[len(skeleton)])
    for skeleton in _SKELETONS:
        if counts.keys() <= {len(skeleton)}:
            return skeleton
    there = " or ".join(map(str, sorted(counts)))
    raise FormatError(f"{file}: people with {there} joints and no names for them; known are {_known()}")


def _known() -> str:
    return " and ".join(f"{s.name} ({', '.join(s.names)})" for s in _SKELETONS)


def _person(data: Mapping[str, Any], skeleton: Skeleton, where: str) -> LabelledPerson:
    x, y, width, height = (float(v) for v in data["bbox"])
    flat = np.array(data.get("keypoints") or np.zeros(3 * len(skeleton)), float)
    if flat.shape != (3 * len(skeleton),):
        raise FormatError(f"{where}: expected {3 * len(skeleton)} numbers for {skeleton.name}, not {flat.size}")
    points = flat.reshape(-1, 3)
    if not np.isfinite([x, y, width, height, *flat]).all() or not np.isin(points[:, 2], (0, 1, 2)).all():
        raise FormatError(f"{where}: expected finite numbers and visibility 0, 1 or 2")
    visible = points[:, 2].astype(int)
    joints2d = np.where(visible[:, None] > 0, points[:, :2], math.nan)
    return LabelledPerson(
        box=np.array([x, y, x + width, y + height]),
        joints2d=joints2d,
        visible=visible,
        area=float(data.get("area", width * height)),
        iscrowd=bool(data.get("iscrowd", 0)),
        attributes={k: v for k, v in data.items() if k not in _OWN_PERSON_FIELDS},
    )


def _image(data: Any, folder: Path, people: Mapping[Any, list[LabelledPerson]], where: str) -> LabelledImage:
    try:
        if not isinstance(data.get("id"), (int, str, type(None))):
            raise FormatError(f"{where}: its id is neither a number nor a name")
        return LabelledImage(
            id=data.get("id"),
            path=_inside(folder, data["file_name"], where),
            width=int(data["width"]),
            height=int(data["height"]),
            people=tuple(people.get(data.get("id"), ())),
            attributes={k: v for k, v in data.items() if k not in _OWN_IMAGE_FIELDS},
        )
    except _BROKEN as error:
        raise FormatError(f"{where}: {_problem(data, _IMAGE_SHAPES, error)}") from error


def _inside(folder: Path, name: str, where: str) -> Path:
    """The path of a photo; FormatError for one that leads out of the folder, as a label file of others may say."""
    path = folder / name
    if Path(os.path.relpath(path, folder)).parts[:1] == ("..",):
        raise FormatError(f"{where}: its file_name {_shown(name)} leads out of the folder of the photos, {folder}")
    return path
