"""2D keypoints of other programs, to be lifted to 3D: COCO results and labels, AlphaPose, OpenPose, and our own.

| recognised by | format | score of a joint |
|---|---|---|
| a list of objects with `image_id` and `keypoints` | COCO results, AlphaPose | the third number |
| an object with `images` and `annotations` | COCO person_keypoints | visible 1, labelled but hidden 0.5 |
| an object with `people` (a list or a folder of such) | OpenPose, one file a frame | the third number |
| `"format": "anchorpose/1"` in each line | this project's results | as they are |
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.labels import house_name
from anchorpose.files.paths import input_file, read_text, reason
from anchorpose.files.results import read_results
from anchorpose.files.sources import natural_key
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.skeletons import (
    BODY13,
    COCO17,
    LSP14,
    MEDIAPIPE33,
    MPII16,
    OPENPOSE25,
    SKELETONS,
    WHOLEBODY133,
    Skeleton,
    get_skeleton,
)

_EXPECTED = (
    "2D keypoints: COCO results or person_keypoints (JSON), AlphaPose (JSON), OpenPose (JSON, a file or a folder),"
    " or results of anchorpose (JSON lines)"
)
_BY_COUNT = {len(s): s for s in (BODY13, LSP14, MPII16, COCO17, OPENPOSE25, MEDIAPIPE33, WHOLEBODY133)}
# OpenPose's older order: BODY_25 without the middle of the hips and the feet.
_OPENPOSE18 = [i for i, n in enumerate(OPENPOSE25.names) if n != "pelvis" and not n.endswith(("_toe", "_heel"))]
_VISIBILITY_SCORES = np.array([0.0, 0.5, 1.0])


@dataclass(frozen=True, eq=False)
class KeypointFrame:
    """The people of one picture in 2D.

    Attributes:
        source: name or number of the image, or name of the video.
        index: frame number if the file tells, else the place in the file.
        time: [s], None if the file does not tell.
        size: (width, height) [px], None if the file does not tell.
        camera: None if the file does not tell.
        skeleton: of the joints.
        joints2d: (P, J, 2) [px], NaN where a joint is missing (score 0).
        scores: (P, J) 0 to 1; higher ones are cut to 1.
        boxes: (P, 4) x0, y0, x1, y1 [px], the file's, or around the joints.
        person_scores: (P,) the file's, cut to 1, else the mean score of the joints that are there.
        ids: (P,) number over time, or None.
    """

    source: str
    index: int
    time: float | None
    size: tuple[int, int] | None
    camera: Camera | None
    skeleton: Skeleton
    joints2d: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    person_scores: np.ndarray
    ids: tuple[int | None, ...]

    def __len__(self) -> int:
        return len(self.joints2d)


@dataclass(frozen=True, eq=False)
class _Detected:
    """One person: joints2d (J, 2), scores (J,), box (4,) or None, score or None, id or None."""

    joints2d: np.ndarray
    scores: np.ndarray
    box: np.ndarray | None = None
    score: float | None = None
    id: int | None = None


def read_keypoints(path: str | os.PathLike[str], skeleton: str | Skeleton | None = None) -> Iterator[KeypointFrame]:
    """The frames of a file (or an OpenPose folder) of 2D keypoints, in the file's order; OpenPose by frame number.

    People without any joint are left out; frames without people are given.

    Args:
        path: what the table above lists; recognised by content.
        skeleton: the order of the joints ("coco17", ...; also "openpose18"). By default the names in the file tell,
            or else the number of joints: 13 body13, 14 lsp14, 16 mpii16, 17 coco17, 18 openpose18 (given as
            openpose25), 25 openpose25, 33 mediapipe33, 133 wholebody133.

    Raises:
        FileError: missing or nothing in it. FormatError: names the frame or the entry that is wrong.
        InputError: the skeleton is unknown or does not fit, or must be named.
    """
    chosen = _Order(skeleton)
    folder = Path(path)
    if folder.is_dir():
        return _openpose_folder(folder, chosen)
    file = input_file(path, _EXPECTED)
    if file.suffix in (".jsonl", ".partial"):
        return _own(file, chosen)
    text = read_text(file)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if '"anchorpose/' in text[:200]:  # JSON lines under another name
            return _own(file, chosen)
        raise FormatError(f"{file}: not JSON: {error}; expected {_EXPECTED}") from error
    return _recognised(data, file, chosen)


def _recognised(data: Any, file: Path, order: _Order) -> Iterator[KeypointFrame]:
    first = data[0] if isinstance(data, list) and data else data
    if isinstance(first, dict):
        if "format" in first and "people" in first:
            return _own(file, order)
        if isinstance(data, dict) and "images" in data and "annotations" in data:
            return _coco_labels(data, file, order)
        if isinstance(data, list) and "image_id" in first:
            return _coco_results(data, file, order)
        if "people" in first:
            frames = data if isinstance(data, list) else [data]
            return (_openpose_frame(f, *_openpose_name(file, i), f"{file}, frame {i}", order)
                    for i, f in enumerate(frames))  # fmt: skip
    if data == []:
        return iter(())  # COCO results of images in which nobody was found
    keys = ", ".join(list(first)[:8]) if isinstance(first, dict) else type(first).__name__
    raise FormatError(f"{file}: keypoints of an unknown kind ({keys}); expected {_EXPECTED}")


class _Order:
    """The skeleton that was asked for, or the rule by which to tell it from the number of joints."""

    def __init__(self, skeleton: str | Skeleton | None) -> None:
        self._old_openpose = skeleton == "openpose18"
        self.skeleton = get_skeleton(skeleton) if skeleton is not None and not self._old_openpose else None
        self._last = COCO17  # of the frame before: what a frame without people is said to be in

    def joints(self, flat: Any, where: str) -> np.ndarray:
        """(J, 3) from a flat list x0, y0, s0, x1, ... (or one of triples); FormatError names the place."""
        try:
            points = np.array(flat, float).reshape(-1, 3)
        except (TypeError, ValueError) as error:
            raise FormatError(f"{where}: keypoints should be x, y, score, x, y, score, ...: {error}") from error
        if not np.isfinite(points).all():
            raise FormatError(f"{where}: keypoints with values that are not finite")
        if self._is_old_openpose(points):
            whole = np.zeros((len(OPENPOSE25), 3))
            whole[_OPENPOSE18] = points
            return whole
        return points

    def _is_old_openpose(self, points: np.ndarray) -> bool:
        return len(points) == len(_OPENPOSE18) and self.skeleton is None

    def tell(self, count: int | None, where: str, names: tuple[str, ...] = ()) -> Skeleton:
        """The skeleton of people with `count` joints (None: no people) that the file calls `names`."""
        if self._old_openpose:
            found: Skeleton | None = OPENPOSE25
        elif self.skeleton is not None:
            found = self.skeleton
        elif names:
            found = next((s for s in SKELETONS.values() if s.names == names), None)
            if found is None:
                raise InputError(f"{where}: its joints ({', '.join(names)}) are in no known order; {_choices()}")
        else:
            found = self._last if count is None else _BY_COUNT.get(count)
        if found is None:
            raise InputError(f"{where}: {count} joints could be in several orders or none; {_choices()}")
        if count is not None and len(found) != count:
            raise InputError(f"{where}: {found.name} has {len(found)} joints, the people here have {count}")
        self._last = found
        return found


def _choices() -> str:
    return "name the skeleton: " + ", ".join(f"{s.name} ({len(s)})" for s in SKELETONS.values()) + ", openpose18 (18)"


def _frame(
    people: Iterable[_Detected],
    where: str,
    order: _Order,
    *,
    source: str,
    index: int,
    time: float | None = None,
    size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    names: tuple[str, ...] = (),
) -> KeypointFrame:
    seen = [p for p in people if (p.scores > 0).any()]
    counts = {len(p.scores) for p in seen}
    if len(counts) > 1:
        raise FormatError(f"{where}: people with different numbers of joints: {sorted(counts)}")
    skeleton = order.tell(next(iter(counts), None), where, names)
    scores = np.array([p.scores for p in seen], float).reshape(-1, len(skeleton)).clip(0, 1)
    joints2d = np.array([p.joints2d for p in seen], float).reshape(-1, len(skeleton), 2)
    joints2d = np.where(scores[..., None] > 0, joints2d, np.nan)
    around = [np.concatenate([np.nanmin(j, 0), np.nanmax(j, 0)]) for j in joints2d]
    boxes = [a if p.box is None else p.box for p, a in zip(seen, around, strict=True)]
    means = [s[s > 0].mean() for s in scores]
    person_scores = [m if p.score is None else p.score for p, m in zip(seen, means, strict=True)]
    return KeypointFrame(
        source, index, time, size, camera, skeleton, joints2d, scores, np.array(boxes, float).reshape(-1, 4),
        np.array(person_scores, float).clip(0, 1), tuple(p.id for p in seen),
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _integer(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and value >= 0 else None


def _box(value: Any) -> np.ndarray | None:
    """xyxy from COCO's x, y, width, height; None if it is not there or not usable."""
    try:
        x, y, width, height = (float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return np.array([x, y, x + width, y + height]) if np.isfinite([x, y, width, height]).all() else None


def _coco_person(entry: Any, where: str, order: _Order) -> _Detected:
    if not isinstance(entry, dict) or "keypoints" not in entry or not isinstance(entry.get("image_id"), (int, str)):
        raise FormatError(f"{where}: expected an object with image_id and keypoints")
    points = order.joints(entry["keypoints"], where)
    box = _box(entry.get("bbox", entry.get("box")))
    number = _integer(entry.get("track_id", entry.get("idx")))
    return _Detected(points[:, :2], points[:, 2], box, _number(entry.get("score")), number)


def _coco_results(data: list[Any], file: Path, order: _Order) -> Iterator[KeypointFrame]:
    """COCO results and AlphaPose: entries of one image need not stand together."""
    images: dict[Any, list[_Detected]] = {}
    for i, entry in enumerate(data):
        person = _coco_person(entry, f"{file}, entry {i}", order)
        images.setdefault(entry["image_id"], []).append(person)
    for place, (image, people) in enumerate(images.items()):
        # AlphaPose names the frames of a video 0.jpg, 1.jpg, ...; frames without people are not in the file.
        digits = re.fullmatch(r"([0-9]+)(\.\w+)?", str(image))
        index = int(digits[1]) if digits else place
        yield _frame(people, f"{file}, image {image}", order, source=str(image), index=index)


def _coco_labels(data: Mapping[str, Any], file: Path, order: _Order) -> Iterator[KeypointFrame]:
    categories = [c for c in data.get("categories") or [] if isinstance(c, dict) and c.get("keypoints")]
    names = tuple(house_name(str(n)) for n in categories[0]["keypoints"]) if categories else ()
    people: dict[Any, list[_Detected]] = {}
    for entry in data["annotations"]:
        if isinstance(entry, dict) and entry.get("keypoints") and not entry.get("iscrowd"):
            where = f"{file}, annotation {entry.get('id')}"
            person = _coco_person(entry, where, order)
            if not np.isin(person.scores, (0, 1, 2)).all():
                raise FormatError(f"{where}: the visibility of a joint is 0, 1 or 2")
            scores = _VISIBILITY_SCORES[person.scores.astype(int)]
            people.setdefault(entry["image_id"], []).append(_Detected(person.joints2d, scores, person.box))
    for place, image in enumerate(data["images"]):
        if not isinstance(image, dict) or not isinstance(image.get("id"), (int, str)):
            raise FormatError(f"{file}, image {place}: expected an object with an id")
        size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
        yield _frame(
            people.get(image["id"], ()), f"{file}, image {image['id']}", order, names=names,
            source=Path(str(image.get("file_name", image["id"]))).name, index=place, size=size,
        )  # fmt: skip


def _openpose_name(file: Path, place: int) -> tuple[str, int]:
    """Source and frame number: OpenPose writes <video>_000000000012_keypoints.json, and <image>_keypoints.json."""
    stem = file.stem.removesuffix("_keypoints")
    match = re.fullmatch(r"(.*)_([0-9]{12})", stem)
    return (match[1], int(match[2])) if match else (stem, place)


def _openpose_folder(folder: Path, order: _Order) -> Iterator[KeypointFrame]:
    try:
        files = sorted((p for p in folder.iterdir() if p.suffix == ".json"), key=lambda p: natural_key(p.name))
    except OSError as error:
        raise FileError(f"{folder} cannot be read: {reason(error)}") from error
    if not files:
        raise FileError(f"{folder} has no .json files in it; expected {_EXPECTED}")
    for place, file in enumerate(files):
        try:
            data = json.loads(read_text(input_file(file, _EXPECTED)))
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{file}: not JSON: {error}") from error
        yield _openpose_frame(data, *_openpose_name(file, place), str(file), order)


def _openpose_frame(data: Any, source: str, index: int, where: str, order: _Order) -> KeypointFrame:
    if not isinstance(data, dict) or not isinstance(data.get("people"), list):
        raise FormatError(f"{where}: no list of people; expected OpenPose's JSON")
    people = []
    for i, person in enumerate(data["people"]):
        if not isinstance(person, dict):
            raise FormatError(f"{where}, person {i}: expected an object")
        flat = person.get("pose_keypoints_2d", person.get("pose_keypoints"))
        if not flat:
            continue  # only hands or a face of this one
        points = order.joints(flat, f"{where}, person {i}")
        numbers = person.get("person_id") or [None]
        people.append(_Detected(points[:, :2], points[:, 2], id=_integer(numbers[0])))
    if people and max(np.abs(p.joints2d).max() for p in people) <= 1:
        raise FormatError(
            f"{where}: these are fractions of the picture; run OpenPose with --keypoint_scale 0 for pixels"
        )
    canvas = data.get("canvas_width"), data.get("canvas_height")
    size = (int(canvas[0]), int(canvas[1])) if canvas[0] and canvas[1] else None
    return _frame(people, where, order, source=source, index=index, size=size)


def _own(file: Path, order: _Order) -> Iterator[KeypointFrame]:
    for people in read_results(file):
        where = f"{file}, frame {people.frame}"
        bodies = [(p, p.body) for p in people if p.body is not None and p.body.joints2d is not None]
        names = {body.skeleton for _, body in bodies}
        if len(names) > 1:
            raise FormatError(f"{where}: bodies in different skeletons: {', '.join(sorted(names))}")
        own = _Order(order.skeleton or next(iter(names), None))
        detected = []
        for person, body in bodies:
            points = np.nan_to_num(np.column_stack([np.asarray(body.joints2d), body.scores]))
            missing = np.isnan(np.asarray(body.joints2d)).any(1)
            scores = np.where(missing, 0, points[:, 2])
            detected.append(_Detected(points[:, :2], scores, np.array(body.box), body.score, person.id))
        yield _frame(
            detected, where, own, source=people.source, index=people.frame, time=people.time,
            size=(people.width, people.height), camera=people.camera,
        )  # fmt: skip
