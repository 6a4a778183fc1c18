"""From a rig to `Tracks`: which joint turns which segment of the body, and how it lies in the rig's rest pose.

Rest poses differ: cmu_asfamc, hdm05, cmu_expmap and cmu_auto stand in a T (the CMU skeletons with legs apart and toes
rolled outwards with them, Daz with elbows bent by 17 degrees), cmu_walk and deepmimic let the arms hang, and the frames
of Character Creator have y along each bone. So each segment is given two directions in the frame of its joint: along it
(usually to the next joint) and the axis that bends it, which for elbows and knees is the hinge that the recordings
turn about. The same two directions of the canonical skeleton lie on them after the transfer.

A trunk, a head and a foot have no such direction; theirs are level by definition when a person stands upright. `pitch`
is what the rig shows then, the median over the upright frames of the pack. It differs by performer, so a trunk is
levelled once more by its own upright frames (`poses.level`), if there are any; heads and feet are not.

Figures of mixamo differ: only that they stand in the rest pose is sure, in a T or an A, along axes of their own file.
So their directions are those of a person who stands, in the terms of `rigs.stance`, and what is level is level there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.rigs import CANONICAL, Rig, body13, in_rig, stance
from anchorpose.poses.canonical import ANNY, DIRECTIONS, REST_AXES, REST_LENGTHS, axes_frame, rest_vector
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import InputError
from anchorpose.poses.level import level_turns
from anchorpose.poses.retarget import Carried, retarget
from anchorpose.poses.tracks import OPTIONAL_SEGMENTS, Tracks
from anchorpose.poses.transforms import rotation_x

Array = NDArray[np.float64]
Vector = tuple[float, float, float]

_LEFT, _UP, _FORWARD, _DOWN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)


@dataclass(frozen=True)
class Segment:
    """A segment of the body in a rig. Vectors are those of the left side or the middle, in the frame of `joint`.

    Attributes:
        joint: the joint whose rotation turns it; "{}" stands for the side.
        along: the joint it leads to, or its direction.
        bend: the axis of rotation that bends it.
        pitch: degrees by which it leans forward about `bend` where the canonical one does not.
        otherwise: stands in for `along` where that joint is not there.
        level: the direction to `along` is taken without its part upwards.
    """

    joint: str
    along: str | Vector
    bend: Vector
    pitch: float = 0.0
    otherwise: str | Vector | None = None
    level: bool = False


@dataclass(frozen=True)
class SegmentMap:
    """How a rig moves the body.

    Attributes:
        trunk: segments from the pelvis to the chest with the height of their middle, see `Tracks`.
        centre: the other segments of the middle: "head", perhaps "neck".
        sides: segments that there are two of.
        toes: the joint where the toes begin.
        lateral: the axis of the rig's frames that a mirror turns round.
    """

    trunk: tuple[tuple[Segment, float], ...]
    centre: dict[str, Segment]
    sides: dict[str, Segment]
    toes: str
    lateral: int = 0


def _cmu(trunk: str, neck: str, head: str, legs: str, arms: str, hanging: bool) -> SegmentMap:
    """The CMU skeleton under its three sets of names; `hanging` arms instead of a T."""
    names = trunk.split()
    thigh, shin, foot, toes = legs.split()
    upper, fore, wrist, hand = arms.split()
    elbow = (-0.866, 0.0, 0.5) if hanging else (0.0, -0.866, 0.5)
    outwards = (0.0, -1.0, 0.0) if hanging else (1.0, 0.0, 0.0)
    rolled = (0.9397, 0.342, 0.0)
    return SegmentMap(
        tuple((Segment(name, _UP, _LEFT, p), h) for name, h, p in zip(names, _CMU_HEIGHTS, _CMU_PITCH, strict=True)),
        {"neck": Segment(neck, _UP, _LEFT, _CMU_NECK), "head": Segment(head, _UP, _LEFT, 12.0)},
        {
            "thigh": Segment(thigh, shin, _LEFT),
            "shin": Segment(shin, foot, _LEFT),
            "foot": Segment(foot, _FORWARD, rolled, _CMU_FOOT),
            "toes": Segment(toes, _FORWARD, rolled, _CMU_TOES),
            "upper_arm": Segment(upper, fore, elbow),
            "forearm": Segment(fore, wrist, elbow),
            "hand": Segment(hand, outwards, (0.0, 0.0, -1.0)),
        },
        toes,
    )


_CMU_HEIGHTS = (0.1, 0.3, 0.525, 0.82)
_CMU_PITCH = (1.0, 7.0, 7.0, 3.0)
_CMU_NECK, _CMU_FOOT, _CMU_TOES = 9.0, 2.0, 0.0

MAPS: dict[str, SegmentMap] = {
    "asf": _cmu("root lowerback upperback thorax", "upperneck", "head", "{}femur {}tibia {}foot {}toes",
                "{}humerus {}radius {}wrist {}hand", False),
    "cmu_walk": _cmu("Hips lowerback Chest Chest2", "Neck", "Head", "{}Hip {}Knee {}Ankle {}Toe",
                     "{}Shoulder {}Elbow {}Wrist {}Wrist", True),
    "cmu_expmap": _cmu("Hips LowerBack Spine Spine1", "Neck1", "Head", "{}UpLeg {}Leg {}Foot {}ToeBase",
                       "{}Arm {}ForeArm {}Hand {}FingerBase", False),
    "cmu_auto": SegmentMap(
        tuple((Segment(name, _UP, _LEFT, p), h)
              for name, h, p in (("hip", 0.19, 9.5), ("abdomen", 0.51, -0.5), ("chest", 0.815, 2.5))),
        {"neck": Segment("neck", _UP, _LEFT, 13.0), "head": Segment("head", _UP, _LEFT)},
        {
            "thigh": Segment("{}Thigh", "{}Shin", _LEFT),
            "shin": Segment("{}Shin", "{}Foot", _LEFT),
            "foot": Segment("{}Foot", (0.09, 0.0, 1.0), _LEFT, -4.5),
            "upper_arm": Segment("{}Shldr", "{}ForeArm", (-0.121, -0.858, 0.5)),
            "forearm": Segment("{}ForeArm", "{}Hand", (-0.121, -0.858, 0.5)),
            "hand": Segment("{}Hand", "{}Mid1", (0.08, -0.15, -1.0)),
        },
        "{}Foot_end",
    ),
    "cmu_iclone": SegmentMap(
        tuple((Segment(f"CC_Base_{name}", _UP, _LEFT, p), h)
              for name, h, p in (("Pelvis", 0.1, 22.0), ("Waist", 0.24, 28.0), ("Spine01", 0.42, 0.0),
                                 ("Spine02", 0.785, -9.0))),
        {"neck": Segment("CC_Base_NeckTwist02", _UP, _LEFT, 26.0), "head": Segment("CC_Base_Head", _UP, _LEFT, 12.0)},
        {
            "thigh": Segment("CC_Base_{}_Thigh", "CC_Base_{}_Calf", (-1.0, 0.0, 0.0)),
            "shin": Segment("CC_Base_{}_Calf", "CC_Base_{}_Foot", (-1.0, 0.0, 0.0)),
            "foot": Segment("CC_Base_{}_Foot", _UP, (-0.974, 0.0, 0.225), 8.0),
            "clavicle": Segment("CC_Base_{}_Clavicle", "CC_Base_{}_Upperarm", _FORWARD),
            "upper_arm": Segment("CC_Base_{}_Upperarm", "CC_Base_{}_Forearm", (0.856, 0.033, 0.515)),
            "forearm": Segment("CC_Base_{}_Forearm", "CC_Base_{}_Hand", (0.856, 0.033, 0.515)),
            "hand": Segment("CC_Base_{}_Hand", "CC_Base_{}_Mid1", (0.3, -0.04, -0.95)),
        },
        "CC_Base_{}_ToeBase",
    ),
    "deepmimic": SegmentMap(
        ((Segment("root", _UP, (0.0, 0.0, -1.0), 2.0), 0.25), (Segment("chest", _UP, (0.0, 0.0, -1.0), 5.0), 0.75)),
        {"head": Segment("neck", _UP, (0.0, 0.0, -1.0))},
        {
            "thigh": Segment("{}_hip", "{}_knee", (0.0, 0.0, -1.0)),
            "shin": Segment("{}_knee", "{}_ankle", (0.0, 0.0, -1.0)),
            "foot": Segment("{}_ankle", (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), 3.0),
            "upper_arm": Segment("{}_shoulder", "{}_elbow", (0.0, 0.0, 1.0)),
            "forearm": Segment("{}_elbow", "{}_wrist", (0.0, 0.0, 1.0)),
        },
        "{}_ankle_end",
        lateral=2,
    ),
    "mixamo": SegmentMap(
        tuple((Segment(name, _UP, _LEFT), h)
              for name, h in (("Hips", 0.15), ("Spine", 0.42), ("Spine1", 0.65), ("Spine2", 0.9))),
        {"neck": Segment("Neck", _UP, _LEFT), "head": Segment("Head", _UP, _LEFT)},
        {
            "thigh": Segment("{}UpLeg", "{}Leg", _LEFT),
            "shin": Segment("{}Leg", "{}Foot", _LEFT),
            "foot": Segment("{}Foot", "{}ToeBase", _LEFT, otherwise=_FORWARD, level=True),
            "toes": Segment("{}ToeBase", "{}ToeBase", _LEFT, level=True),
            "clavicle": Segment("{}Shoulder", "{}Arm", _FORWARD),
            "upper_arm": Segment("{}Arm", "{}ForeArm", _DOWN),
            "forearm": Segment("{}ForeArm", "{}Hand", _DOWN),
            "hand": Segment("{}Hand", "{}HandMiddle1", (0.0, 0.0, -1.0), otherwise="{}Hand"),
        },
        "{}ToeBase",
    ),
}  # fmt: skip

# The two directions of a segment in the canonical skeleton, on the left; a foot is level.
_FOOT = rest_vector("foot.L", "toe3-1.L") * (1, 0, 1)
_ELBOW = REST_AXES[ANNY.index("lowerarm01.L"), :, 0]
_CANONICAL: dict[str, tuple[Array, Array]] = {
    "thigh": (rest_vector("upperleg01.L", "lowerleg01.L"), np.array(_LEFT)),
    "shin": (rest_vector("lowerleg01.L", "foot.L"), np.array(_LEFT)),
    "foot": (_FOOT, np.array(_LEFT)),
    "toes": (_FOOT, np.array(_LEFT)),
    "clavicle": (rest_vector("clavicle.L", "upperarm01.L"), np.array(_FORWARD)),
    "upper_arm": (rest_vector("upperarm01.L", "lowerarm01.L"), _ELBOW),
    "forearm": (rest_vector("lowerarm01.L", "wrist.L"), _ELBOW),
    "hand": (rest_vector("wrist.L", "finger3-1.L"), REST_AXES[ANNY.index("wrist.L"), :, 0]),
}


def missing_segments(names: Iterable[str], rig: Rig) -> list[str]:
    """Joints a transfer needs beyond BODY13's that are not among `names`; spines and extremities may be incomplete."""
    present, plan = set(names), MAPS[rig.name]
    needed = [plan.trunk[0][0].joint, plan.centre["head"].joint]
    for name, segment in plan.sides.items():
        if f"{name}.R" not in OPTIONAL_SEGMENTS:
            needed += [segment.joint.format(side) for side in rig.sides]
    return [name for name in dict.fromkeys(needed) if name not in present]


def tracks(clip: Clip, rig: Rig | str | None = None, *, level: bool = True) -> Tracks:
    """What `retarget` needs to know of a clip.

    Args:
        clip: of any known rig but our own, which needs no transfer.
        rig: its rig, by name or record; None: the one its joint names show.
        level: level the trunk by the clip's own upright frames.

    Raises:
        InputError: the rig is not known, joints are missing (their names are said), or the clip has positions only.
    """
    clip, rig = in_rig(clip, rig)
    if rig.name not in MAPS:
        raise InputError(f"clip {clip.name!r} is of rig {rig.name}; there is a transfer from {', '.join(MAPS)}")
    if clip.rotations is None:
        raise InputError(f"clip {clip.name!r} has positions only; a transfer to the canonical skeleton needs rotations")
    missing = missing_segments(clip.names, rig)
    if missing:
        raise InputError(f"clip {clip.name!r} is of rig {rig.name}, but it has no {', '.join(missing)}")
    plan = MAPS[rig.name]
    world, rest = _world_rotations(clip, clip.rotations), stance(clip, rig)
    trunk = [(segment, height) for segment, height in plan.trunk if segment.joint in clip.names]
    turns = {f"trunk{k}": _turn(clip, world, segment, None, plan.lateral, rest) for k, (segment, _) in enumerate(trunk)}
    for name, segment in plan.centre.items():
        if segment.joint in clip.names:
            turns[name] = _turn(clip, world, segment, None, plan.lateral, rest)
    for name, segment in plan.sides.items():
        for side, letter in zip(rig.sides, "RL", strict=True):
            if segment.joint.format(side) in clip.names:
                turns[f"{name}.{letter}"] = _turn(clip, world, segment, (name, side, letter), plan.lateral, rest)
    joints = body13(clip, rig)
    if level:
        turns = level_turns(
            turns, tuple(name for name in turns if name.startswith(("trunk", "neck"))), joints, clip.fps
        )
    toes = [plan.toes.format(side) for side in rig.sides]
    places = clip.y_up(clip.positions[:, clip.indices(toes)]) if set(toes) <= set(clip.names) else None
    heights = tuple((f"trunk{k}", height) for k, (_, height) in enumerate(trunk))
    return Tracks(turns, heights, joints, places, clip.fps, {})


def carry_over(clip: Clip, rig: Rig | str | None = None, *, level: bool = True) -> Carried:
    """A clip of any known rig on the canonical skeleton; arguments and errors as `tracks`.

    A clip of that skeleton (a BVH file that was written here) is taken as it is.
    """
    clip, rig = in_rig(clip, rig)
    return _as_it_is(clip) if rig.name == CANONICAL else retarget(tracks(clip, rig, level=level))


def _as_it_is(clip: Clip) -> Carried:
    if clip.rotations is None:
        raise InputError(f"clip {clip.name!r} has positions only; the canonical skeleton needs rotations")
    at = clip.indices(ANNY.names)
    offsets = clip.offsets[at]
    lengths = np.linalg.norm(offsets, axis=1)
    off = np.linalg.norm(offsets - lengths[:, None] * DIRECTIONS, axis=1)
    if off[1:].max() > 1e-3:
        bone = ANNY.names[1 + int(off[1:].argmax())]
        raise InputError(f"{clip.name!r} has the canonical skeleton's names, but {bone} lies in another direction")
    rotations, root = clip.rotations[:, at], clip.positions[:, at[0]]
    if clip.up == "z":
        turn = clip.y_up(np.eye(3)).T
        rotations = np.concatenate([(turn @ rotations[:, 0])[:, None], rotations[:, 1:]], 1)
        root = clip.y_up(root)
    lengths[0] = REST_LENGTHS[0]
    observed = np.ones(len(clip), bool) if clip.observed is None else clip.observed
    return Carried(rotations, root, lengths, observed)


def _world_rotations(clip: Clip, rotations: Array) -> Array:
    """(T, J, 3, 3), in a world whose y axis points up."""
    world = np.empty_like(rotations)
    for j, parent in enumerate(clip.parents):
        world[:, j] = rotations[:, j] if parent < 0 else world[:, parent] @ rotations[:, j]
    return world if clip.up == "y" else clip.y_up(np.swapaxes(world, -1, -2)).swapaxes(-1, -2)


def _turn(
    clip: Clip,
    world: Array,
    segment: Segment,
    side: tuple[str, str, str] | None,
    lateral: int,
    rest: Array | None = None,
) -> Array:
    """World turns (T, 3, 3) of a segment from the reference pose.

    Args:
        side: the segment's name, the rig's side, R or L.
        rest: (3, 3) the axes that the map's vectors are along, see `rigs.stance`; None: those of the frames.
    """
    name = segment.joint.format(side[1]) if side else segment.joint
    rest = np.eye(3) if rest is None else rest
    polar, axial = np.ones(3), np.ones(3)
    target = np.eye(3)
    if side:
        along, bend = _CANONICAL[side[0]]
        if side[2] == "R":
            polar[lateral], axial = -1.0, -np.ones(3)
            axial[lateral] = 1.0
            along, bend = along * (-1, 1, 1), bend * (1, -1, -1)
        target = axes_frame(along, bend)
    direction = _direction(clip, name, segment, side[1] if side else "", polar, rest)
    source = axes_frame(direction, rest @ (axial * segment.bend))
    align = source @ rotation_x(-np.radians(segment.pitch)) @ target.T
    turn: Array = world[:, clip.index(name)] @ align
    return turn


def _direction(clip: Clip, name: str, segment: Segment, side: str, polar: Array, rest: Array) -> Array:
    """(3,) along a segment, in the frame of its joint `name`; `polar` mirrors the map's directions."""
    along = segment.along
    if isinstance(along, str) and segment.otherwise is not None and along.format(side) not in clip.names:
        along = segment.otherwise
    if not isinstance(along, str):
        given: Array = rest @ (polar * along)
        return given
    child = clip.index(along.format(side))
    direction = clip.offsets[child]
    if segment.level:
        direction = direction - (direction @ rest[:, 1]) * rest[:, 1]
    if np.linalg.norm(direction) < 1e-6:
        raise InputError(
            f"clip {clip.name!r}: joint {clip.names[child]!r} lies where {name!r} does; a bone has a length"
        )
    return direction
