"""A labelled training image: the value object that the synthesis engines make and that shards hold.

`joints2d` (J, 2) [px]; `joints3d` (J, 3) [m] in the camera frame (x right, y down, z forward), absolute. NaN is a
missing value in memory and `null` in JSON; the image and its maps are arrays beside the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.content import Value, checked_array, finite, from_json, set_fields
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.skeletons import Skeleton, get_skeleton

SAMPLE_FORMAT = "anchorpose-sample/1"
UNLABELLED, HIDDEN, VISIBLE = 0, 1, 2
"""Values of `Part.visible`: not labelled or outside the image, inside but hidden, visible."""

SAMPLE_PARTS: Mapping[str, str] = MappingProxyType({
    "body": "body13", "coco": "coco17", "left_hand": "hand21", "right_hand": "hand21", "face": "face84",
    "wholebody": "wholebody133",
})  # fmt: skip
"""The parts that a person may have, and the skeleton of each."""

MAPS: Mapping[str, type[np.generic]] = MappingProxyType({"parts": np.uint8, "instances": np.uint8, "depth": np.float32})
"""The maps that a sample may have, and the type of their pixels."""

_EDGE = 1.0  # px: how far outside of the image a joint that is said to be inside may lie


@dataclass(frozen=True, eq=False)
class Part(Value):
    """The labels of one skeleton on one person.

    Attributes:
        skeleton: name of the skeleton.
        joints2d: (J, 2) [px], also of joints outside of the image; NaN where unknown.
        joints3d: (J, 3) [m] in the camera frame, absolute; NaN where unknown.
        visible: (J,) uint8, 0 not labelled or outside the image, 1 inside but hidden, 2 visible.
    """

    skeleton: str
    joints2d: np.ndarray
    joints3d: np.ndarray
    visible: np.ndarray

    def __post_init__(self) -> None:
        n = len(get_skeleton(self.skeleton))
        joints2d = checked_array(self.joints2d, (n, 2), "joints2d")
        joints3d = checked_array(self.joints3d, (n, 3), "joints3d")
        given = checked_array(self.visible, (n,), "visible")
        if not ((given == UNLABELLED) | (given == HIDDEN) | (given == VISIBLE)).all():
            raise InputError(f"visible is made of 0, 1 and 2, not {sorted(set(given.tolist()))}")
        visible = given.astype(np.uint8)
        visible.setflags(write=False)
        unknown = (visible > 0) & ~np.isfinite(joints2d).all(1)
        if unknown.any():
            names = ", ".join(np.array(get_skeleton(self.skeleton).names)[unknown][:5])
            raise InputError(f"{self.skeleton}: joints inside the image have a place in it, but not {names}")
        set_fields(self, joints2d=joints2d, joints3d=joints3d, visible=visible)

    @cached_property
    def record(self) -> Skeleton:
        """The skeleton itself."""
        return get_skeleton(self.skeleton)

    def to_dict(self, decimals: tuple[int, int] | None = None) -> dict[str, Any]:
        """As JSON values; `decimals` of pixels and of metres, None for all."""
        joints2d, joints3d = self.joints2d, self.joints3d
        if decimals is not None:  # + 0.0: no minus before a zero
            joints2d, joints3d = np.round(joints2d, decimals[0]) + 0.0, np.round(joints3d, decimals[1]) + 0.0
        return {"skeleton": self.skeleton, "joints2d": _plain(joints2d), "joints3d": _plain(joints3d),
                "visible": self.visible.tolist()}  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Part:
        joints2d, joints3d = from_json(data["joints2d"]), from_json(data["joints3d"])
        return cls(data["skeleton"], joints2d, joints3d, data["visible"])  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class SamplePerson(Value):
    """One person of a sample.

    Attributes:
        box: (4,) x0, y0, x1, y1 [px] of the whole person, hidden or not, clipped to the image.
        parts: by name (`SAMPLE_PARTS`); a part that is not labelled is missing.
        truncated: share of the BODY13 joints outside of the image; occluded: share that is inside but hidden.
        attributes: JSON values, such as clip, frame and subject, shape coefficients, bone rotations as quat_xyzw.
    """

    box: np.ndarray
    parts: Mapping[str, Part]
    truncated: float = 0.0
    occluded: float = 0.0
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        box = checked_array(self.box, (4,), "box")
        if not np.isfinite(box).all() or (box[2:] < box[:2]).any():
            raise InputError(f"a box is x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, not {box.tolist()}")
        for name, part in self.parts.items():
            if name not in SAMPLE_PARTS:
                raise InputError(f"no part {name!r}; there are {', '.join(SAMPLE_PARTS)}")
            if part.skeleton != SAMPLE_PARTS[name]:
                raise InputError(f"the skeleton of {name} is {SAMPLE_PARTS[name]}, not {part.skeleton}")
        set_fields(self, box=box, parts=dict(self.parts), attributes=plain(self.attributes, "attributes"))
        for name in ("truncated", "occluded"):
            share = finite(getattr(self, name), name)
            if not 0 <= share <= 1:
                raise InputError(f"{name} is a share of the joints, 0 to 1, not {share}")
            set_fields(self, **{name: share})

    def to_dict(self, decimals: tuple[int, int] | None = None) -> dict[str, Any]:
        """As JSON values; `decimals` of pixels and of metres, None for all."""
        box = self.box if decimals is None else np.round(self.box, decimals[0])
        return {
            "box": box.tolist(), "truncated": self.truncated, "occluded": self.occluded,
            "parts": {name: part.to_dict(decimals) for name, part in self.parts.items()},
            "attributes": self.attributes,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SamplePerson:
        parts = {name: Part.from_dict(part) for name, part in data["parts"].items()}
        return cls(data["box"], parts, data["truncated"], data["occluded"], data["attributes"])


@dataclass(frozen=True, eq=False)
class Sample(Value):
    """One image with its labels.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        people: in the order of the instance map.
        camera: intrinsics, of the size of the image.
        maps: "parts" (H, W) uint8, 0 where no body is; "instances" (H, W) uint8, 0 background, i + 1 person i;
            "depth" (H, W) float32 [m], infinite or 0 where there is none. Any may be missing.
        attributes: JSON values: engine, index, seed, ...
    """

    image: np.ndarray
    people: tuple[SamplePerson, ...]
    camera: Camera
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        image = np.asarray(self.image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise InputError(f"an image is an (H, W, 3) uint8 RGB array, not {image.shape} {image.dtype}")
        if (self.camera.height, self.camera.width) != image.shape[:2]:
            raise InputError(
                f"the camera is of {self.camera.width}x{self.camera.height} pixels, "
                f"the image of {image.shape[1]}x{image.shape[0]}"
            )
        people = tuple(self.people)
        for i, person in enumerate(people):
            _check_inside(person, i, image.shape)
        maps = {name: _checked_map(name, values, image.shape) for name, values in self.maps.items()}
        if "instances" in maps and maps["instances"].max() > len(people):
            raise InputError(f"the instance map shows person {maps['instances'].max() - 1}, there are {len(people)}")
        set_fields(self, image=image, people=people, maps=maps, attributes=plain(self.attributes, "attributes"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sample):
            return NotImplemented
        return (
            np.array_equal(self.image, other.image)
            and (self.people, self.camera, self.attributes) == (other.people, other.camera, other.attributes)
            and self.maps.keys() == other.maps.keys()
            and all(np.array_equal(self.maps[k], other.maps[k], equal_nan=k == "depth") for k in self.maps)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    def to_dict(self, decimals: tuple[int, int] | None = None) -> dict[str, Any]:
        """All but the pixels, as JSON values; `decimals` of pixels and of metres in boxes and joints, None for all."""
        return {
            "format": SAMPLE_FORMAT, "width": self.width, "height": self.height, "camera": self.camera.to_dict(),
            "people": [person.to_dict(decimals) for person in self.people], "attributes": self.attributes,
        }  # fmt: skip

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], image: np.ndarray, maps: Mapping[str, np.ndarray] | None = None
    ) -> Sample:
        """The labels of `to_dict` with their image and maps.

        Raises:
            FormatError: another format. InputError: labels and pixels do not fit together.
        """
        if data.get("format") != SAMPLE_FORMAT:
            raise FormatError(f"this reads the format {SAMPLE_FORMAT!r}, not {data.get('format')!r}")
        camera = Camera.from_dict(data["camera"], data["width"], data["height"])
        people = tuple(SamplePerson.from_dict(p) for p in data["people"])
        return cls(image, people, camera, dict(maps or {}), data["attributes"])


def plain(value: Any, name: str) -> Any:
    """A copy made of JSON values alone: arrays and tuples as lists, NumPy scalars as numbers, NaN as None.

    Raises:
        InputError: a value that JSON does not have; `name` says where.
    """
    try:
        return _plain(value)
    except TypeError as error:
        raise InputError(f"{name}{_path_to_wrong(value)}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, float):  # NumPy's too
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb":
        return value.tolist() if value.dtype.kind != "f" or np.isfinite(value).all() else _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"JSON has only text for keys, not {key!r}")
        return {key: _plain(item) for key, item in value.items()}
    raise TypeError(f"JSON has no {type(value).__name__}")


def _path_to_wrong(value: Any) -> str:
    """Where in a nested value `_plain` fails, as in ".a[1]"."""
    steps: list[tuple[str, Any]] = []
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        steps = [(f".{key}", item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        steps = [(f"[{i}]", item) for i, item in enumerate(value)]
    for step, item in steps:
        try:
            _plain(item)
        except TypeError:
            return step + _path_to_wrong(item)
    return ""


def _check_inside(person: SamplePerson, number: int, shape: tuple[int, ...]) -> None:
    """What is labelled as inside the image lies there, up to a pixel."""
    low, high = -0.5 - _EDGE, np.array([shape[1], shape[0]]) - 0.5 + _EDGE
    if (person.box[:2] < low).any() or (person.box[2:] > high).any():
        raise InputError(f"person {number}: the box {person.box.tolist()} is not clipped to {shape[1]}x{shape[0]}")
    for name, part in person.parts.items():
        shown = part.visible > 0
        points = part.joints2d[shown]
        outside = ((points < low) | (points > high)).any(1)
        if outside.any():
            first = int(np.flatnonzero(shown)[outside][0])
            raise InputError(
                f"person {number}, {name}: {part.record.names[first]} is labelled as inside the image, but lies at "
                f"{part.joints2d[first].round(1).tolist()} of {shape[1]}x{shape[0]}"
            )


def _checked_map(name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if name not in MAPS:
        raise InputError(f"no map {name!r}; there are {', '.join(MAPS)}")
    array = np.asarray(values)
    if array.shape != shape[:2] or array.dtype != MAPS[name]:
        raise InputError(
            f"the map {name} is {shape[0]}x{shape[1]} {np.dtype(MAPS[name])}, not {'x'.join(map(str, array.shape))} "
            f"{array.dtype}"
        )
    return array
