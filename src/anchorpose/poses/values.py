"""The value objects that travel between the rooms: frozen, NumPy inside, exact JSON round-trips.

`joints2d` (J, 2) [px] of the source; `joints3d` (J, 3) [m], camera-oriented, about the part's own root (the torso
centre of a body); `translation` (3,) [m] places that root in the camera frame. NaN is a missing value in memory and
`null` in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, overload

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.content import Value, checked_array, finite, from_json, set_fields, to_json
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.motion_block import FRAMES, MotionBlock
from anchorpose.poses.skeletons import Skeleton, get_skeleton

FORMAT = "anchorpose/2"
"""What is written. "anchorpose/1" had no `motion` in a person; it is still read."""
FORMATS = ("anchorpose/1", FORMAT)


@dataclass(frozen=True, eq=False)
class Frame(Value):
    """One picture on its way through the stages.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        camera: intrinsics, or None where a default is to be taken.
        index, time: number of the frame and its time [s] in the source.
        source: name of the file or camera.
        depth: (H, W) [m] or None.
    """

    image: np.ndarray
    camera: Camera | None = None
    index: int = 0
    time: float = 0.0
    source: str = ""
    depth: np.ndarray | None = None

    def __post_init__(self) -> None:
        image = np.asarray(self.image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise InputError(f"an image is an (H, W, 3) uint8 RGB array, not {image.shape} {image.dtype}")
        set_fields(self, image=image)

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    @property
    def width(self) -> int:
        return int(self.image.shape[1])


@dataclass(frozen=True, eq=False)
class Mode(Value):
    """One mode of the distribution over poses: its probability, its pose and its spread per joint [m]."""

    weight: float
    joints3d: np.ndarray
    spread: np.ndarray
    joints2d: np.ndarray | None = None

    def __post_init__(self) -> None:
        joints3d = checked_array(self.joints3d, (None, 3), "joints3d")
        n = len(joints3d)
        joints2d = None if self.joints2d is None else checked_array(self.joints2d, (n, 2), "joints2d")
        set_fields(self, weight=finite(self.weight, "weight"), joints3d=joints3d, joints2d=joints2d)
        set_fields(self, spread=checked_array(self.spread, (n,), "spread"))

    def to_dict(self) -> dict[str, Any]:
        return {name: to_json(getattr(self, name)) for name in ("weight", "joints2d", "joints3d", "spread")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Mode:
        return cls(data["weight"], *(from_json(data.get(n)) for n in ("joints3d", "spread", "joints2d")))  # type: ignore[arg-type]


@dataclass(frozen=True)
class ClassProbs:
    """The most probable anchor poses: name of the set, and (class number, probability), largest first."""

    anchors: str
    top: tuple[tuple[int, float], ...]

    def to_dict(self) -> dict[str, Any]:
        return {"anchors": self.anchors, "top": [[k, p] for k, p in self.top]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassProbs:
        return cls(str(data["anchors"]), tuple((int(k), float(p)) for k, p in data["top"]))


@dataclass(frozen=True, eq=False)
class Pose(Value):
    """One part (body, hand or face) of one person.

    Attributes:
        skeleton: name of the skeleton.
        score: confidence of the part, 0 to 1.
        box: (4,) x0, y0, x1, y1 [px].
        joints2d: (J, 2) [px] or None; joints3d: (J, 3) [m] about the part's root, or None.
        scores: (J,) confidence of each joint.
        translation: (3,) [m] of the root in the camera frame, or None.
        modes: sorted by weight, weights sum to 1.
        class_probs: probabilities of the anchor poses, or None.
    """

    skeleton: str
    score: float
    box: np.ndarray
    joints2d: np.ndarray | None
    scores: np.ndarray
    joints3d: np.ndarray | None = None
    translation: np.ndarray | None = None
    modes: tuple[Mode, ...] = ()
    class_probs: ClassProbs | None = None

    def __post_init__(self) -> None:
        n = len(get_skeleton(self.skeleton))
        set_fields(self, score=finite(self.score, "score"), box=checked_array(self.box, (4,), "box"))
        for name, width in (("joints2d", 2), ("joints3d", 3)):
            if getattr(self, name) is not None:
                set_fields(self, **{name: checked_array(getattr(self, name), (n, width), name)})
        if self.translation is not None:
            set_fields(self, translation=checked_array(self.translation, (3,), "translation"))
        set_fields(self, scores=checked_array(self.scores, (n,), "scores"), modes=tuple(self.modes))

    @cached_property
    def record(self) -> Skeleton:
        """The skeleton itself."""
        return get_skeleton(self.skeleton)

    @property
    def joints_camera(self) -> np.ndarray | None:
        """(J, 3) [m] in the camera frame, or None where 3D or translation is missing."""
        if self.joints3d is None or self.translation is None:
            return None
        return self.joints3d + self.translation

    def to_dict(self) -> dict[str, Any]:
        simple = ("skeleton", "score", "box", "joints2d", "joints3d", "scores", "translation")
        return {
            **{name: to_json(getattr(self, name)) for name in simple},
            "modes": [m.to_dict() for m in self.modes],
            "class_probs": self.class_probs and self.class_probs.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Pose:
        arrays = {n: from_json(data.get(n)) for n in ("box", "joints2d", "joints3d", "scores", "translation")}
        probs = data.get("class_probs")
        return cls(
            skeleton=data["skeleton"], score=data["score"], modes=tuple(Mode.from_dict(m) for m in data["modes"]),
            class_probs=probs and ClassProbs.from_dict(probs), **arrays,  # type: ignore[arg-type]
        )  # fmt: skip


PARTS = ("body", "left_hand", "right_hand", "face")


@dataclass(frozen=True, eq=False)
class Person(Value):
    """One person: any part may be missing. `filled`: put in by the motion, not seen by the detector. `motion`: the
    body's pose as rotations, in videos whose tracks were refined."""

    id: int | None
    score: float
    box: np.ndarray
    body: Pose | None = None
    left_hand: Pose | None = None
    right_hand: Pose | None = None
    face: Pose | None = None
    labels: tuple[tuple[str, str, float], ...] = ()
    filled: bool = False
    motion: MotionBlock | None = None

    def __post_init__(self) -> None:
        set_fields(self, score=finite(self.score, "score"), box=checked_array(self.box, (4,), "box"))
        set_fields(self, labels=tuple((str(k), str(n), float(s)) for k, n, s in self.labels))

    @classmethod
    def from_body(cls, body: Pose, id: int | None = None) -> Person:
        """A person of whom only the body is known."""
        return cls(id, body.score, body.box, body)

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"id": self.id, "score": to_json(self.score), "box": to_json(self.box)}
        for part in PARTS:
            pose: Pose | None = getattr(self, part)
            out[part] = pose and pose.to_dict()
        out["labels"] = [list(label) for label in self.labels]
        out |= {"motion": self.motion.to_dict()} if self.motion is not None else {}
        return out | ({"filled": True} if self.filled else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Person:
        parts = {p: data.get(p) and Pose.from_dict(data[p]) for p in PARTS}
        box = from_json(data["box"])
        labels = tuple((k, n, s) for k, n, s in data.get("labels", ()))
        motion = data.get("motion") and MotionBlock.from_dict(data["motion"])
        filled = data.get("filled", False)
        return cls(data["id"], data["score"], box, labels=labels, filled=filled, motion=motion, **parts)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class People(Value, Sequence[Person]):
    """The people of one frame, with the frame's source, number, time [s], size [px] and camera."""

    persons: tuple[Person, ...]
    source: str
    frame: int
    time: float
    width: int
    height: int
    camera: Camera

    def __post_init__(self) -> None:
        set_fields(self, persons=tuple(self.persons))

    def __len__(self) -> int:
        return len(self.persons)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.persons)

    @overload
    def __getitem__(self, index: int) -> Person: ...
    @overload
    def __getitem__(self, index: slice | np.ndarray | Sequence[bool]) -> People: ...
    def __getitem__(self, index: Any) -> Person | People:
        """A person by number; the people of a slice, a boolean mask or a list of numbers."""
        if isinstance(index, (int, np.integer)):
            return self.persons[index]
        if isinstance(index, slice):
            return replace(self, persons=self.persons[index])
        chosen = np.asarray(index)
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise InputError(f"a mask over {len(self)} people needs as many values, not {chosen.shape}")
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return replace(self, persons=tuple(self.persons[int(i)] for i in numbers))

    def to_dict(self) -> dict[str, Any]:
        """One line of the output contract."""
        return {
            "format": FORMAT, "source": self.source, "frame": self.frame, "time": to_json(self.time),
            "width": self.width, "height": self.height, "camera": self.camera.to_dict(),
            "people": [person.to_dict() for person in self.persons],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> People:
        if data.get("format") not in FORMATS:
            raise FormatError(f"this reads the formats {', '.join(FORMATS)}, not {data.get('format')!r}")
        camera = Camera.from_dict(data["camera"], data["width"], data["height"])
        persons = tuple(Person.from_dict(p) for p in data["people"])
        time = math.nan if data["time"] is None else data["time"]
        return cls(persons, data["source"], data["frame"], time, data["width"], data["height"], camera)

    def to_supervision(self) -> Any:
        """supervision.KeyPoints of the bodies, 3D in `data["xyz"]`; needs the package supervision."""
        try:
            import supervision
        except ImportError:
            from anchorpose.poses.errors import MissingExtra

            raise MissingExtra("supervision", "viz") from None
        bodies = [p.body for p in self if p.body is not None and p.body.joints2d is not None]
        if not bodies:
            return supervision.KeyPoints.empty()
        xyz = np.stack([np.full((len(b.record), 3), np.nan) if b.joints3d is None else b.joints3d for b in bodies])
        return supervision.KeyPoints(
            xy=np.stack([np.nan_to_num(np.asarray(b.joints2d)) for b in bodies]).astype(np.float32),
            keypoint_confidence=np.stack([b.scores for b in bodies]).astype(np.float32),
            class_id=np.zeros(len(bodies), int),
            data={"xyz": xyz},
        )


@dataclass(frozen=True, eq=False)
class Motion(Value):
    """One person over time.

    Attributes:
        skeleton: name of the skeleton; times: (T,) [s], rising.
        root: (T, 3, 3) orientation of the root; rotations: (T, J, 3, 3) local; translation: (T, 3) [m].
        bone_lengths: (J,) [m] of each joint to its parent.
        frame: "camera" or "world"; observed: (T,) bool, False where the pose was filled in.
    """

    skeleton: str
    times: np.ndarray
    root: np.ndarray
    rotations: np.ndarray
    translation: np.ndarray
    bone_lengths: np.ndarray
    frame: str
    observed: np.ndarray

    def __post_init__(self) -> None:
        times = checked_array(self.times, (None,), "times")
        lengths = checked_array(self.bone_lengths, (None,), "bone_lengths")
        t, n = len(times), len(lengths)
        if n != len(get_skeleton(self.skeleton)):
            raise InputError(f"{self.skeleton} has {len(get_skeleton(self.skeleton))} joints, not {n} bone lengths")
        if self.frame not in FRAMES:
            raise InputError(f"the frame of a motion is camera or world, not {self.frame!r}")
        if (times[1:] <= times[:-1]).any():
            raise InputError("the times of a motion must rise")
        observed = np.array(self.observed, bool)
        if observed.shape != (t,):
            raise InputError(f"observed should have shape {t}, not {observed.shape}")
        shapes: dict[str, tuple[int | None, ...]] = {
            "root": (t, 3, 3), "rotations": (t, n, 3, 3), "translation": (t, 3),
        }  # fmt: skip
        arrays = {k: checked_array(getattr(self, k), s, k) for k, s in shapes.items()}
        set_fields(self, times=times, bone_lengths=lengths, observed=observed, **arrays)

    def __len__(self) -> int:
        return len(self.times)

    def to_dict(self) -> dict[str, Any]:
        return {name: to_json(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Motion:
        arrays = {n: from_json(data[n]) for n in ("times", "root", "rotations", "translation", "bone_lengths")}
        observed = np.array(data["observed"], bool)
        return cls(data["skeleton"], frame=data["frame"], observed=observed, **arrays)  # type: ignore[arg-type]
