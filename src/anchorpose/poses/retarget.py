"""Carries a recorded motion over to the canonical skeleton.

Whatever its rig, a source is first described by `Tracks`: how far each segment of the body is turned away from the
canonical reference pose, and where BODY13 and the toes are. From there on:

1. Bone lengths are the person's own: limbs as long as in the source, the trunk and the neck scaled.
2. The hips lie exactly in the middle of the source's. The trunk's turn is spread over the bones of the spine by their
   height, the neck's between chest and head; then damped least squares on spine, clavicles and neck bring shoulders and
   head to where they are in the source.
3. Limb segments keep the source's turn, so knees, elbows, ankles and wrists follow. Twist is shared by the two bones
   that a limb segment has: half of an upper arm's and a thigh's roll is left to the lower one, the turn of the hand
   about the forearm begins in its lower half, that of the foot in the lower half of the shin.

Hands, feet, toes and heads that are turned further than joints can go, as broken recordings have them, are folded back
within limits (`poses.limits`). Every step is a continuous function of the frame alone, so nothing flips that does not
flip in the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.canonical import ANNY, OFFSETS, REST, REST_LENGTHS, TOES, rest_vector
from anchorpose.poses.kinematics import canonical_offsets, local_rotations
from anchorpose.poses.limits import about, sure_twist
from anchorpose.poses.rotations import turn_between
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.tracks import Tracks, sound_frames, within_limits
from anchorpose.poses.trunk import pose_trunk, trunk_lengths
from anchorpose.poses.values import Motion

Array = NDArray[np.float64]

# How much of a twist the lower of two bones takes off the upper one, or takes ahead of what follows it.
_UPPER_ARM_SHARE = _THIGH_SHARE = 0.5
_FOREARM_SHARE, _SHIN_SHARE = 0.6, 0.5
# Up to this angle [rad]; larger twists are shared less and less.
_SHARED_TWIST = np.radians(90.0)


@dataclass(frozen=True, eq=False)
class Carried:
    """A motion on the canonical skeleton: local rotations (T, 104, 3, 3), the first the root's in the world; the root's
    place (T, 3) [m]; bone lengths (104,) [m]; and `sound` (T,), False where the recording itself is broken."""

    rotations: Array
    translation: Array
    bone_lengths: Array
    sound: NDArray[np.bool_]

    def motion(self, fps: float) -> Motion:
        """The same as a `Motion` in the world; frames that are not sound count as not observed."""
        times = np.arange(len(self.rotations)) / fps
        root = self.rotations[:, 0]
        where, lengths = self.translation, self.bone_lengths
        return Motion(ANNY.name, times, root, self.rotations, where, lengths, "world", self.sound)


def retarget(tracks: Tracks) -> Carried:
    """Carries tracks over to the canonical skeleton; see this module's text."""
    limited = within_limits(tracks)
    sound = sound_frames(tracks, limited)
    tracks = limited
    lengths = trunk_lengths(tracks.body13, _limb_lengths(tracks), tracks.turns, tracks.trunk)
    offsets = canonical_offsets(lengths)
    world = np.broadcast_to(np.eye(3), (len(tracks.body13), len(ANNY), 3, 3)).copy()
    translation = pose_trunk(tracks.body13, offsets, tracks.turns, tracks.trunk, world)
    head = tracks.turns["head"]
    for name in ("head", "eye.L", "eye.R"):
        world[:, ANNY.index(name)] = head
    for side in "RL":
        _pose_leg(tracks, side, offsets, world)
        _pose_arm(tracks, side, offsets, world)
    return Carried(local_rotations(world), translation, lengths, sound)


def _distance(tracks: Tracks, a: str, b: str) -> float:
    """Median distance [m] of two joints of BODY13."""
    points = tracks.body13[:, [BODY13.index(a), BODY13.index(b)]]
    return float(np.median(np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)))


def _limb_lengths(tracks: Tracks) -> Array:
    """Bone lengths (104,) with arms, legs, hips, hands and feet as long as the source's, the rest scaled alike."""
    scale = np.full(len(ANNY), np.nan)
    hips = _distance(tracks, "r_hip", "l_hip") / 2 / REST[ANNY.index("upperleg01.L"), 0]
    limbs = {"upperleg": ("hip", "knee"), "lowerleg": ("knee", "ankle"), "upperarm": ("shoulder", "elbow"),
             "lowerarm": ("elbow", "wrist")}  # fmt: skip
    following = {"upperleg": "lowerleg01", "lowerleg": "foot", "upperarm": "lowerarm01", "lowerarm": "wrist"}
    chords = {limb: float(np.linalg.norm(rest_vector(f"{limb}01.L", f"{following[limb]}.L"))) for limb in limbs}
    for side, prefix in (("R", "r_"), ("L", "l_")):
        scale[ANNY.index(f"upperleg01.{side}")] = hips
        for limb, (upper, lower) in limbs.items():
            ratio = _distance(tracks, prefix + upper, prefix + lower) / chords[limb]
            for name in (f"{limb}02.{side}", f"{following[limb]}.{side}"):
                scale[ANNY.index(name)] = ratio
        _scale_foot(tracks, side, scale)
        hand = scale[[ANNY.index(f"lowerarm01.{side}"), ANNY.index(f"wrist.{side}")]].mean()
        for j, name in enumerate(ANNY.names):
            if name.startswith(("finger", "metacarpal")) and name.endswith(side):
                scale[j] = hand
    overall = np.nanmean([scale[ANNY.index(f"{bone}.{side}")] for bone in ("lowerleg01", "foot") for side in "RL"])
    lengths: Array = np.where(np.isnan(scale), overall, scale) * REST_LENGTHS
    return lengths


def _toe_base(side: str) -> Array:
    """(3,) [m] from the ankle to the middle of where the toes begin, in the reference pose."""
    middle: Array = np.mean([rest_vector(f"foot.{side}", f"{toe}.{side}") for toe in TOES], axis=0)
    return middle


def _scale_foot(tracks: Tracks, side: str, scale: Array) -> None:
    if tracks.toes is None:
        return
    ankle = tracks.body13[:, BODY13.index(f"{side.lower()}_ankle")]
    length = float(np.median(np.linalg.norm(tracks.toes[:, "RL".index(side)] - ankle, axis=-1)))
    for name in ANNY.names:
        if name.startswith("toe") and name.endswith(side):
            scale[ANNY.index(name)] = length / np.linalg.norm(_toe_base(side))


def _pose_upper(world: Array, offsets: Array, limb: str, side: str, turn: Array, parent: Array, share: float) -> None:
    """A thigh or an upper arm: both bones end where one bone with this turn would, the lower one has its turn."""
    upper, lower = ANNY.index(f"{limb}01.{side}"), ANNY.index(f"{limb}02.{side}")
    following = ANNY.index(f"{'lowerleg01' if limb == 'upperleg' else 'lowerarm01'}.{side}")
    axis = OFFSETS[following]
    back = about(axis, -share * sure_twist(np.swapaxes(parent, -1, -2) @ turn, axis, _SHARED_TWIST))
    first = turn @ back
    wanted = turn @ (offsets[lower] + offsets[following])
    got = first @ offsets[lower] + turn @ offsets[following]
    aim = turn_between(got, wanted)
    world[:, upper], world[:, lower] = aim @ first, aim @ turn


def _pose_lower(world: Array, limb: str, side: str, turn: Array, end: Array, share: float) -> None:
    """A shin or a forearm: the lower bone begins to follow the twist of the foot or the hand."""
    upper, lower = ANNY.index(f"{limb}01.{side}"), ANNY.index(f"{limb}02.{side}")
    axis = OFFSETS[ANNY.index(f"{'foot' if limb == 'lowerleg' else 'wrist'}.{side}")]
    world[:, upper] = turn
    world[:, lower] = turn @ about(axis, share * sure_twist(np.swapaxes(turn, -1, -2) @ end, axis, _SHARED_TWIST))


def _pose_leg(tracks: Tracks, side: str, offsets: Array, world: Array) -> None:
    turns = tracks.turns
    pelvis, shin = turns[tracks.trunk[0][0]], turns[f"shin.{side}"]
    foot = turns.get(f"foot.{side}", shin)
    toes = turns.get(f"toes.{side}", foot)
    _pose_upper(world, offsets, "upperleg", side, turns[f"thigh.{side}"], pelvis, _THIGH_SHARE)
    _pose_lower(world, "lowerleg", side, shin, foot, _SHIN_SHARE)
    world[:, ANNY.index(f"foot.{side}")] = foot
    for j, name in enumerate(ANNY.names):
        if name.startswith("toe") and name.endswith(side):
            world[:, j] = toes


def _pose_arm(tracks: Tracks, side: str, offsets: Array, world: Array) -> None:
    turns = tracks.turns
    chest, forearm = turns[tracks.trunk[-1][0]], turns[f"forearm.{side}"]
    hand = turns.get(f"hand.{side}", forearm)
    _pose_upper(world, offsets, "upperarm", side, turns[f"upper_arm.{side}"], chest, _UPPER_ARM_SHARE)
    _pose_lower(world, "lowerarm", side, forearm, hand, _FOREARM_SHARE)
    world[:, ANNY.index(f"wrist.{side}")] = hand
    for j, joint in enumerate(ANNY.joints):
        if joint.name.startswith(("metacarpal", "finger")) and joint.name.endswith(side) and joint.parent:
            parent = world[:, ANNY.index(joint.parent)]
            local = tracks.fingers.get(joint.name)
            world[:, j] = parent if local is None else parent @ local
