"""The canonical skeleton: the 104 bones of the Anny body, to which all motion capture is carried over.

World: y up, metres; in the reference pose (all rotations the identity) the person stands and faces +z, its left at +x:
legs a little apart and straight, arms 48 degrees below the horizontal, elbows bent by 43 degrees, fingers half curled.
Rotations follow `poses.clips`: `world[j] = world[parent] @ rotations[j]`, so a world rotation is the turn of a bone
away from the reference pose, about axes of the world. A bone begins at its joint.

`REST` is the average adult of Anny 0.6.2 (Apache-2.0; all phenotypes in the middle) in its reference pose. Bones of
other shapes point the same way within a degree or so (spine: 8), so rotations serve every body.

`REST_AXES` gives each bone a frame of its own in the reference pose, by columns: y along the bone, x the axis that
bends it, z = x cross y:

* trunk, neck, head, legs, feet: x to the person's left. A positive turn about x leans the trunk and the head forward,
  sends a thigh and a shin backwards (so it bends the knee) and points the toes down.
* clavicles: x forward (left) or backward (right); a positive turn lifts the shoulder.
* upper arms, forearms: x is the axis of the elbow; a positive turn of the forearm bends it.
* wrists, fingers: a positive turn about x bends towards the palm.

Forward kinematics are in `poses.kinematics`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.joints import CENTRE_COLOR, LEFT_COLOR, RIGHT_COLOR, Joint, Skeleton

Array = NDArray[np.float64]

# name, parent and place [mm] from the root, of the reference pose; the right side is the mirror image.
_LEG = """
pelvis root 0 0 0 / upperleg01 pelvis 102.3 -7.4 -3.9 / upperleg02 upperleg01 100.8 -100.0 22.5
lowerleg01 upperleg02 133.2 -396.2 27.5 / lowerleg02 lowerleg01 152.0 -597.7 12.7 / foot lowerleg02 170.4 -795.8 -0.5
toe1-1 foot 143.6 -838.3 136.1 / toe1-2 toe1-1 146.0 -844.0 161.6 / toe2-1 foot 167.7 -840.8 138.3
toe2-2 toe2-1 169.3 -843.4 159.3 / toe2-3 toe2-2 169.8 -847.3 172.6 / toe3-1 foot 184.6 -842.4 135.4
toe3-2 toe3-1 185.8 -844.5 154.3 / toe3-3 toe3-2 185.9 -848.4 166.9 / toe4-1 foot 200.1 -842.7 127.8
toe4-2 toe4-1 201.3 -845.4 143.2 / toe4-3 toe4-2 200.8 -847.8 155.2 / toe5-1 foot 214.6 -842.6 121.6
toe5-2 toe5-1 214.9 -845.0 132.2 / toe5-3 toe5-2 213.9 -848.2 140.6
"""
_SPINE = """
spine05 root 0 0 0 / spine04 spine05 0 67.7 -32.4 / spine03 spine04 0 136.0 -19.3 / spine02 spine03 0 211.0 -17.5
spine01 spine02 0 344.7 -35.3
"""
_ARM = """
clavicle spine01 22.0 447.0 16.3 / shoulder01 clavicle 101.3 465.3 20.0 / upperarm01 shoulder01 165.1 427.1 13.4
upperarm02 upperarm01 215.5 369.8 15.1 / lowerarm01 upperarm02 334.0 239.4 18.6
lowerarm02 lowerarm01 390.2 181.2 94.5 / wrist lowerarm02 450.0 121.1 174.0 / finger1-1 wrist 451.0 113.2 217.7
finger1-2 finger1-1 430.8 104.8 238.6 / finger1-3 finger1-2 418.7 91.2 269.3 / metacarpal1 wrist 460.4 105.1 200.3
finger2-1 metacarpal1 477.1 81.4 267.3 / finger2-2 finger2-1 480.5 66.9 287.8 / finger2-3 finger2-2 480.1 51.1 304.1
metacarpal2 wrist 460.4 105.1 200.3 / finger3-1 metacarpal2 492.5 70.3 250.0 / finger3-2 finger3-1 500.1 45.5 270.5
finger3-3 finger3-2 502.9 24.8 287.5 / metacarpal3 wrist 471.8 90.1 190.2 / finger4-1 metacarpal3 500.1 62.8 233.1
finger4-2 finger4-1 509.6 39.3 247.3 / finger4-3 finger4-2 514.0 18.9 259.9 / metacarpal4 wrist 471.8 90.1 190.2
finger5-1 metacarpal4 501.8 54.5 214.3 / finger5-2 finger5-1 507.9 35.9 222.2 / finger5-3 finger5-2 509.8 22.0 228.0
"""
_HEAD = """
neck01 spine01 0 512.5 -5.6 / neck02 neck01 0 541.5 4.1 / neck03 neck02 0 580.4 16.1 / head neck03 0 609.3 29.8
"""
_EYE = "eye head 29.6 648.6 107.5"
_CENTRAL = ("root", "spine01", "spine02", "spine03", "spine04", "spine05", "neck01", "neck02", "neck03", "head")

# The centre of the head (between the ears) from the head's joint, in the reference pose [m].
HEAD_CENTRE = np.array([0.0, 0.024, 0.010])
# The joint of each of BODY13's first twelve; the head is `head` and HEAD_CENTRE.
BODY13_BONES = tuple(
    f"{bone}.{side}"
    for bone in ("foot", "lowerleg01", "upperleg01", "wrist", "lowerarm01", "upperarm01")
    for side in "RL"
)
TOES = ("toe1-1", "toe2-1", "toe3-1", "toe4-1", "toe5-1")
FINGER_BONES = tuple(f"finger{f}-{k}" for f in range(1, 6) for k in range(1, 4))


def _rows(text: str, side: str) -> list[tuple[str, str, list[float]]]:
    """Rows of a table for one side ("L", "R") or the middle ("")."""
    rows = []
    for row in text.strip().replace("\n", " / ").split(" / "):
        name, parent, *place = row.split()
        x, y, z = (float(v) / 1000.0 for v in place)
        dot = f".{side}" if side else ""
        rows.append((name + dot, parent if parent in _CENTRAL else parent + dot, [-x if side == "R" else x, y, z]))
    return rows


def _build() -> tuple[Skeleton, Array]:
    rows = [("root", "", [0.0, 0.0, 0.0])]
    rows += _rows(_LEG, "L") + _rows(_LEG, "R") + _rows(_SPINE, "") + _rows(_ARM, "L") + _rows(_ARM, "R")
    rows += _rows(_HEAD, "") + _rows(_EYE, "L") + _rows(_EYE, "R")
    swap, colors = {".L": ".R", ".R": ".L"}, {".L": LEFT_COLOR, ".R": RIGHT_COLOR}
    joints = tuple(
        Joint(name, parent or None, name[:-2] + swap[name[-2:]] if name[-2:] in swap else name, 0.079,
              colors.get(name[-2:], CENTRE_COLOR))
        for name, parent, _ in rows
    )  # fmt: skip
    return Skeleton("anny", joints), np.array([place for _, _, place in rows])


ANNY, REST = _build()
PARENTS: NDArray[np.int64] = ANNY.parents.astype(np.int64)
OFFSETS = np.where((PARENTS < 0)[:, None], REST, REST - REST[np.maximum(PARENTS, 0)])
REST_LENGTHS = np.linalg.norm(OFFSETS, axis=1)
DIRECTIONS = OFFSETS / np.where(REST_LENGTHS == 0, 1.0, REST_LENGTHS)[:, None]


def rest_vector(start: str, end: str) -> Array:
    """(3,) [m] from the joint of one bone to the joint of another, in the reference pose."""
    vector: Array = REST[ANNY.index(end)] - REST[ANNY.index(start)]
    return vector


def axes_frame(along: ArrayLike, bend: ArrayLike) -> Array:
    """Rotations (..., 3, 3) with the columns x nearest to `bend`, y along `along`, z = x cross y."""
    y, x = (np.asarray(v, np.float64) / np.linalg.norm(v, axis=-1, keepdims=True) for v in (along, bend))
    x = x - (x * y).sum(-1, keepdims=True) * y
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    x, y = np.broadcast_arrays(x, y)
    return np.stack((x, y, np.cross(x, y)), axis=-1)


def _end_of(name: str) -> Array:
    """The vector along a bone: to where it leads."""
    base, dot, side = name.partition(".")
    tail = dot + side
    ends = {"root": "spine04", "pelvis": "upperleg01", "foot": "toe3-1", "spine01": "neck01", "wrist": "finger3-1"}
    if base in ("pelvis", "foot", "wrist"):
        return rest_vector(name, ends[base] + tail)
    if base in ends:
        return rest_vector(name, ends[base])
    if base == "head":
        return np.array([0.0, 1.0, 0.0])
    if base == "eye":
        return np.array([0.0, 0.0, 1.0])
    children = np.flatnonzero(PARENTS == ANNY.index(name))
    if children.size:
        return rest_vector(name, ANNY.names[children[0]])
    return DIRECTIONS[ANNY.index(name)]  # the last bone of a toe or a finger goes on straight


def _bend_of(name: str) -> Array:
    """The axis that bends a bone, on the left side or in the middle."""
    base = name.partition(".")[0]
    left = np.array([1.0, 0.0, 0.0])
    if base == "clavicle":
        return np.array([0.0, 0.0, 1.0])
    if base in ("shoulder01", "upperarm01", "upperarm02", "lowerarm01", "lowerarm02"):
        return np.cross(rest_vector("upperarm01.L", "lowerarm01.L"), rest_vector("lowerarm01.L", "wrist.L"))
    if base.startswith("finger1"):
        return np.cross(rest_vector("finger1-1.L", "finger1-2.L"), rest_vector("finger1-2.L", "finger1-3.L"))
    if base.startswith(("wrist", "metacarpal", "finger")):  # across the palm, from the index to the little finger
        return rest_vector("finger2-1.L", "finger5-1.L")
    return left


def _rest_axes() -> Array:
    axes = np.empty((len(ANNY), 3, 3))
    for j, name in enumerate(ANNY.names):
        twin = name[:-1] + "L" if name.endswith(".R") else name
        frame = axes_frame(_end_of(twin), _bend_of(twin))
        if twin != name:  # a direction mirrors as it is seen, an axis of rotation the other way round
            along, bend = frame[:, 1] * (-1, 1, 1), frame[:, 0] * (1, -1, -1)
            frame = axes_frame(along, bend)
        axes[j] = frame
    return axes


REST_AXES = _rest_axes()
for _array in (REST, PARENTS, OFFSETS, REST_LENGTHS, DIRECTIONS, REST_AXES, HEAD_CENTRE):
    _array.setflags(write=False)
