"""One moment of a motion, as a line of results holds it: the `motion` block of a person.

Rotations are rotation vectors (axis times angle [rad]), a third of the numbers of matrices; they and lengths are
rounded when a block is made, to 1e-4 rad (0.006 degrees) and 0.1 mm, so that text and value are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorpose.poses.content import Value, checked_array, from_json, set_fields, to_json
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import get_skeleton

FRAMES = ("camera", "world")
DECIMALS = 4


@dataclass(frozen=True, eq=False)
class MotionBlock(Value):
    """A person's pose as rotations, at one moment.

    Attributes:
        skeleton: its name; frame: "camera" (x right, y down, z forward) or "world" (y up, the ground at 0).
        root: (3,) rotation vector [rad], orientation of the root in the frame.
        rotations: (J, 3) rotation vectors, local, in the skeleton's order; the first repeats the root's.
        translation: (3,) [m] of the root's joint in the frame.
        bone_lengths: (J,) [m] of each joint to its parent.
    """

    skeleton: str
    frame: str
    root: np.ndarray
    rotations: np.ndarray
    translation: np.ndarray
    bone_lengths: np.ndarray

    def __post_init__(self) -> None:
        n = len(get_skeleton(self.skeleton))
        if self.frame not in FRAMES:
            raise InputError(f"the frame of a motion is {' or '.join(FRAMES)}, not {self.frame!r}")
        shapes = {"root": (3,), "rotations": (n, 3), "translation": (3,), "bone_lengths": (n,)}
        set_fields(self, **{name: checked_array(getattr(self, name), shape, name) for name, shape in shapes.items()})
        for name in shapes:
            if not np.isfinite(getattr(self, name)).all():
                raise InputError(f"{name} of a motion's moment must be finite numbers")

    def to_dict(self) -> dict[str, Any]:
        # Most of the 104 joints are fingers and toes that rest: a plain 0 is a third of the text of 0.0.
        turns = [turn if any(turn) else [0, 0, 0] for turn in self.rotations.tolist()]
        return {
            "skeleton": self.skeleton, "frame": self.frame, "root": to_json(self.root), "rotations": to_json(turns),
            "translation": to_json(self.translation), "bone_lengths": to_json(self.bone_lengths),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MotionBlock:
        arrays = {n: from_json(data[n]) for n in ("root", "rotations", "translation", "bone_lengths")}
        return cls(data["skeleton"], data["frame"], **arrays)  # type: ignore[arg-type]
