"""The points of the skeletons on a posed body: joint centres inside it, points of hands, feet and face on its surface.

BODY13 joints are joint centres as motion capture has them (`head` is the middle of the ears); COCO17's limbs are where
annotators of photos place them. A hand's joints are the rig's, its tips and the points of the face lie on the skin.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body import BodyModel, Posed
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, COCO17, FACE84, HAND21, Skeleton, conversion

FEET = ("l_big_toe", "l_small_toe", "l_heel", "r_big_toe", "r_small_toe", "r_heel")
"""The points of the feet, in the order of WHOLEBODY133."""

_PARTS: dict[str, Skeleton] = {
    "body13": BODY13, "coco17": COCO17, "left_hand": HAND21, "right_hand": HAND21, "face84": FACE84,
}  # fmt: skip
PARTS = (*_PARTS, "feet", "wholebody133")
"""The names of what `body_points` returns."""


def all_points(body: BodyModel, posed: Posed) -> NDArray[np.float32]:
    """(N, P, 3) the points of `body.points`, in its order."""
    points = body.points
    if not points.names:
        raise InputError("this body has no points (a subset of a body has none); take them from the whole body")
    if posed.vertices.shape[1] != len(body.vertices):
        raise InputError(f"{posed.vertices.shape[1]} posed vertices for a body of {len(body.vertices)}")
    surface = (posed.vertices[:, points.vertices] * points.weights[..., None]).sum(2)
    inside = (posed.joints[:, points.joints] * points.joint_weights[..., None]).sum(2)
    return np.asarray(surface + inside, np.float32)


def point_rows(body: BodyModel, part: str) -> NDArray[np.int64]:
    """(J,) where the points of a part stand in `body.points`, in the order of the part's skeleton.

    Raises:
        InputError: an unknown part, or a body without its points.
    """
    if part not in _PARTS and part != "feet":
        raise InputError(f"no part {part!r} of its own; there are {', '.join((*_PARTS, 'feet'))}")
    names = _PARTS[part].names if part in _PARTS else FEET
    where = {name: i for i, name in enumerate(body.points.names)}
    missing = [name for name in names if f"{part}/{name}" not in where]
    if missing:
        raise InputError(f"the body has no points {part}/{', '.join(missing)}")
    return np.array([where[f"{part}/{name}"] for name in names], np.int64)


@lru_cache(maxsize=8)
def _rows(body: BodyModel) -> dict[str, NDArray[np.int64]]:
    return {part: point_rows(body, part) for part in (*_PARTS, "feet")}


def body_points(body: BodyModel, posed: Posed) -> dict[str, NDArray[np.float32]]:
    """The points of each part (N, J, 3) [m, world], joints in the order of its skeleton.

    Keys are `PARTS`: "body13", "coco17", "left_hand" and "right_hand" (HAND21), "face84", "feet" (`FEET`) and
    "wholebody133".
    """
    points = all_points(body, posed)
    parts = {part: points[:, rows] for part, rows in _rows(body).items()}
    face68 = conversion("face84", "face68")[0] @ parts["face84"]
    whole = [parts["coco17"], parts["feet"], face68, parts["left_hand"], parts["right_hand"]]
    parts["wholebody133"] = np.concatenate(whole, axis=1).astype(np.float32)
    return parts
