"""Labels of rendered people: joints of every skeleton in 2D and 3D, who sees them, boxes.

Joints of the body lie inside it, so that the surface before them is no reason to call them hidden: a joint counts as
visible if what the picture shows at its pixel is the person's own limb about that joint, or nothing nearer than the
joint less a little flesh. A wrist behind the person's own back is hidden, a wrist inside its own sleeve is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from anchorpose.poses.body import BodyModel
from anchorpose.poses.cameras import Camera
from anchorpose.poses.samples import HIDDEN, SAMPLE_PARTS, UNLABELLED, VISIBLE, Part, SamplePerson
from anchorpose.poses.skeletons import BODY13, FACE84, WHOLEBODY133

_NEAR = 0.05  # m, points nearer to the camera than that have no place in the picture


@dataclass(frozen=True)
class _Flesh:
    """What may lie before a joint: `own` [m] of the regions that belong to it, `other` [m] of all else."""

    own: float
    other: float
    regions: tuple[str, ...]


_TRUNK = ("hips", "abdomen", "chest")
_HEAD = ("head", "neck", "scalp", "lips", "l_eye", "r_eye", "l_eye_socket", "r_eye_socket", "mouth", "tongue")
_SIDED: Mapping[str, tuple[float, float, tuple[str, ...], tuple[str, ...]]] = {
    # joint: flesh of its own regions, of others; its regions on its side; regions without a side
    "ankle": (0.13, 0.04, ("lower_leg", "foot"), ()),
    "knee": (0.20, 0.05, ("upper_leg", "lower_leg"), ()),
    "hip": (0.25, 0.08, ("upper_leg",), ("hips", "abdomen")),
    "wrist": (0.11, 0.03, ("lower_arm", "hand"), ()),
    "elbow": (0.16, 0.04, ("upper_arm", "lower_arm"), ()),
    "shoulder": (0.18, 0.06, ("upper_arm",), ("chest", "neck")),
    "ear": (0.05, 0.03, (), _HEAD),
    "eye": (0.035, 0.02, (), _HEAD),
    "heel": (0.07, 0.03, ("foot",), ()),
    "big_toe": (0.06, 0.03, ("foot",), ()),
    "small_toe": (0.06, 0.03, ("foot",), ()),
}
_FINGER, _PALM, _FACE, _SKULL = 0.022, 0.05, 0.022, 0.22


def _flesh(name: str) -> _Flesh:
    """The rule of one joint of a body skeleton, by its name."""
    if name == "head":
        return _Flesh(_SKULL, 0.10, _HEAD)
    if name == "nose" or name.startswith("face_"):
        return _Flesh(_FACE, 0.015, _HEAD)
    if name[2:].startswith("hand_"):
        return _hand_flesh(name[7:], name[0])
    own, other, sided, plain = _SIDED[name[2:]]
    return _Flesh(own, other, tuple(f"{name[0]}_{r}" for r in sided) + plain)


def _hand_flesh(name: str, side: str) -> _Flesh:
    if name == "wrist":
        return _flesh(f"{side}_wrist")
    # The knuckles and the thumb's base lie deeper than the joints of the fingers.
    depth = _PALM if name.endswith("1") else _FINGER
    return _Flesh(depth, 0.5 * depth, (f"{side}_hand",))


_WHOLE = len(WHOLEBODY133)
_FACE_JOINTS = len(FACE84)
_LABELLED = (*BODY13.names, *WHOLEBODY133.names, *(f"face_{name}" for name in FACE84.names))
_ROWS: Mapping[str, slice] = {
    "body": slice(0, 13),
    "coco": slice(13, 30),
    "left_hand": slice(13 + _WHOLE - 42, 13 + _WHOLE - 21),
    "right_hand": slice(13 + _WHOLE - 21, 13 + _WHOLE),
    "face": slice(13 + _WHOLE, 13 + _WHOLE + _FACE_JOINTS),
    "wholebody": slice(13, 13 + _WHOLE),
}


def gather_points(points: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N, L, 3) the joints that are labelled, of the parts that `poses.body_points` gives: BODY13, WHOLEBODY133 (which
    holds COCO17 and both hands), FACE84."""
    return np.concatenate([points["body13"], points["wholebody133"], points["face84"]], axis=1)


@lru_cache(maxsize=4)
def _rules(body: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each labelled joint: flesh of its own regions and of others (L,), and (L, 256) which parts are its own."""
    rules = [_flesh(name) for name in _LABELLED]
    own = np.zeros((len(rules), 256), bool)
    for row, rule in zip(own, rules, strict=True):
        row[[body.regions.index(r) + 1 for r in rule.regions if r in body.regions]] = True
    return np.array([r.own for r in rules]), np.array([r.other for r in rules]), own


@dataclass(frozen=True, eq=False)
class Seen:
    """What the renderer says about the picture, (H, W) each: depth [m], inf where nothing is; parts (region + 1);
    instances (i + 1 of person i)."""

    depth: np.ndarray
    parts: np.ndarray
    instances: np.ndarray


_NEIGHBOURS = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)])


def visibility(
    body: BodyModel, joints2d: np.ndarray, joints3d: np.ndarray, seen: Seen, number: int, scale: float = 1.0
) -> np.ndarray:
    """(L,) uint8 of the joints of `gather_points`: 0 outside the picture, 1 inside but hidden, 2 visible.

    Args:
        joints2d, joints3d: (L, 2) [px], NaN where there is no place; (L, 3) [m] in the camera frame.
        number: of the person, from 0.
        scale: of its body over an adult's; flesh is thinner on children.
    """
    height, width = seen.depth.shape
    own_flesh, other_flesh, own_parts = _rules(body)
    column, row = np.rint(np.nan_to_num(joints2d, nan=-1e6).clip(-1e6, 1e6)).astype(np.int64).T
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    y = np.clip(row + _NEIGHBOURS[:, :1], 0, height - 1)
    x = np.clip(column + _NEIGHBOURS[:, 1:], 0, width - 1)
    ahead = joints3d[:, 2] - seen.depth[y, x]
    foreign = seen.instances[y, x] != number + 1
    own = ~foreign & own_parts[np.arange(len(row)), seen.parts[y, x]]
    slant = 0.7 * joints3d[:, 2] / width  # half of a pixel at that depth: surfaces slant within one
    # The farthest piece of the own limb around the pixel decides; another's surface at the very pixel hides.
    near = ahead < np.where(own, own_flesh * scale, other_flesh * scale) + slant
    free = near[0] | (near & own).any(0)
    covered = foreign[0] & (ahead[0] > 0.01)
    return np.where(inside, np.where(free & ~covered, VISIBLE, HIDDEN), UNLABELLED).astype(np.uint8)


def person_box(vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """(4,) the box of vertices (V, 3) of the camera frame, clipped to the picture."""
    x, y, z = np.ascontiguousarray(vertices.T)  # rows: NumPy's reductions over long rows are ten times as fast
    ahead = z > _NEAR
    if not ahead.all():
        x, y, z = x[ahead], y[ahead], z[ahead]
    if not len(z):
        return np.zeros(4)
    x, y = x / z, y / z
    low = np.array([x.min(), y.min()], float) * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    high = np.array([x.max(), y.max()], float) * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    limits = np.array([camera.width, camera.height]) - 0.5
    return np.concatenate([np.clip(low, -0.5, limits), np.clip(high, -0.5, limits)]).round(2)


def label_person(
    body: BodyModel,
    joints: np.ndarray,
    vertices: np.ndarray,
    camera: Camera,
    seen: Seen,
    number: int,
    attributes: Mapping[str, Any],
) -> SamplePerson | None:
    """All labels of one person; None if nothing of it is in the picture.

    Args:
        joints: (L, 3) [m] in the camera frame, see `gather_points`.
        vertices: (V, 3) of its body in the camera frame.
        number: of the person, from 0, as in the instance map.
    """
    box = person_box(vertices, camera)
    if (box[2:] <= box[:2]).any():
        return None
    joints2d = camera.project(np.where(joints[:, 2:] > _NEAR, joints, np.nan))
    visible = visibility(body, joints2d, joints, seen, number, body_scale(joints[_ROWS["body"]]))
    joints2d, joints = joints2d.round(3), joints.round(5)
    parts = {n: Part(SAMPLE_PARTS[n], joints2d[rows], joints[rows], visible[rows]) for n, rows in _ROWS.items()}
    shown = visible[_ROWS["body"]]
    return SamplePerson(box, parts, float((shown == UNLABELLED).mean()), float((shown == HIDDEN).mean()), attributes)


def body_scale(joints: np.ndarray) -> float:
    """Size of a person (13, 3) over an adult's, by its limbs."""
    length = float(np.linalg.norm(joints[_LIMBS[:, 0]] - joints[_LIMBS[:, 1]], axis=1).sum()) / 2
    return float(np.clip(length / 1.13, 0.4, 1.3))


_LIMBS = np.array(
    [
        [BODY13.index(f"{s}_{a}"), BODY13.index(f"{s}_{b}")]
        for s in "rl"
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"))
    ]
)
