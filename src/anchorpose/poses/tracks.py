"""What a source tells of a motion, whatever its rig, and which of it can be true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.canonical import ANNY, OFFSETS, REST_AXES
from anchorpose.poses.errors import InputError
from anchorpose.poses.limits import fold_turn, limit_turns
from anchorpose.poses.rotations import rotation_angle, twist
from anchorpose.poses.skeletons import BODY13

Array = NDArray[np.float64]

LIMB_SEGMENTS = tuple(f"{part}.{side}" for side in "RL" for part in ("thigh", "shin", "upper_arm", "forearm"))
OPTIONAL_SEGMENTS = tuple(f"{part}.{side}" for side in "RL" for part in ("foot", "toes", "clavicle", "hand"))

# What a joint can do: the most that a segment swings and twists away from where it is against another [degrees].
_LIMITS = {"hand": ("forearm", 90.0, 100.0), "foot": ("shin", 80.0, 60.0), "toes": ("foot", 60.0, 20.0)}
_HEAD_LIMIT = np.radians(100.0)
# What no person does: a segment changed by a limit by more than this, or turning faster against the one before it,
# or a knee or an elbow bent backwards by more [degrees, degrees per second, degrees].
_CHANGED, _SPEED, _BACKWARDS = 20.0, 2400.0, 30.0
_REST_ELBOW = np.radians(43.0)
_CHAIN = tuple(
    (f"{a}.{side}", f"{b}.{side}")
    for side in "RL"
    for a, b in (("thigh", "shin"), ("shin", "foot"), ("upper_arm", "forearm"), ("forearm", "hand"))
)


@dataclass(frozen=True, eq=False)
class Tracks:
    """A motion of T frames, described without its rig. World: y up, metres.

    Attributes:
        turns: by segment, (T, 3, 3) rotations of the world that turn it from the canonical reference pose to where it
            is: "head", those of `trunk`, LIMB_SEGMENTS; where known OPTIONAL_SEGMENTS and "neck".
        trunk: the segments of the trunk from the pelvis to the chest, each with the height of its middle as a share of
            the way from the hips up to the shoulders.
        body13: (T, 13, 3) [m] the joints to meet.
        toes: (T, 2, 3) [m] where the right and the left toes begin, or None.
        fingers: by canonical bone, (T, 3, 3) local rotations; fingers without any stay as in the reference pose.
        fps: frames per second.
    """

    turns: Mapping[str, Array]
    trunk: tuple[tuple[str, float], ...]
    body13: Array
    toes: Array | None
    fps: float
    fingers: Mapping[str, Array]

    def __post_init__(self) -> None:
        frames = len(self.body13)
        if self.body13.shape != (frames, len(BODY13), 3) or not frames:
            raise InputError(f"body13 must be (T, {len(BODY13)}, 3) with T above 0, got {self.body13.shape}")
        if not np.isfinite(self.body13).all():
            raise InputError("body13 has joints that are not known; a retarget needs all of them in every frame")
        missing = [name for name in ("head", *(n for n, _ in self.trunk), *LIMB_SEGMENTS) if name not in self.turns]
        if missing or not self.trunk:
            raise InputError(f"the turns of these segments are missing: {', '.join(missing) or 'the trunk'}")
        for name, array in (*self.turns.items(), *self.fingers.items()):
            if array.shape != (frames, 3, 3):
                raise InputError(f"the turns of {name} must be ({frames}, 3, 3), got {array.shape}")
        if self.toes is not None and self.toes.shape != (frames, 2, 3):
            raise InputError(f"toes must be ({frames}, 2, 3), got {self.toes.shape}")


def within_limits(tracks: Tracks) -> Tracks:
    """The same with hands, feet, toes and head kept within what joints can do."""
    turns = dict(tracks.turns)
    for name, (base, most_swing, most_twist) in _LIMITS.items():
        for side in "RL":
            one, against = f"{name}.{side}", f"{base}.{side}"
            if one in turns and against in turns:
                axis = OFFSETS[ANNY.index({"hand": "wrist", "foot": "foot", "toes": "toe3-1"}[name] + f".{side}")]
                local = np.swapaxes(tracks.turns[against], -1, -2) @ tracks.turns[one]
                turns[one] = turns[against] @ limit_turns(local, axis, np.radians(most_swing), np.radians(most_twist))
    chest = turns[tracks.trunk[-1][0]]
    turns["head"] = chest @ fold_turn(np.swapaxes(chest, -1, -2) @ turns["head"], _HEAD_LIMIT)
    return replace(tracks, turns=turns)


def sound_frames(tracks: Tracks, limited: Tracks) -> NDArray[np.bool_]:
    """(T,) False where the recording is broken: limbs turned, bent or spun as nobody's are.

    A hand turned round too far is no reason: the angle of a recorded forearm is often off for a whole clip, and the
    hand is put right by `within_limits`.
    """
    turns = tracks.turns
    sound = np.ones(len(tracks.body13), bool)
    for name in turns:
        if not name.startswith("hand") and limited.turns[name] is not turns[name]:
            change = rotation_angle(np.swapaxes(turns[name], -1, -2) @ limited.turns[name])
            sound &= np.degrees(change) < _CHANGED
    first, last = (turns[tracks.trunk[k][0]] for k in (0, -1))
    pairs = [(turns[a], turns[b]) for a, b in _CHAIN if a in turns and b in turns]
    pairs += [(first, turns[f"thigh.{side}"]) for side in "RL"] + [(last, turns[f"upper_arm.{side}"]) for side in "RL"]
    for a, b in [*pairs, (first, last), (last, turns["head"])]:
        local = np.swapaxes(a, -1, -2) @ b
        fast = np.degrees(rotation_angle(np.swapaxes(local[:-1], -1, -2) @ local[1:])) * tracks.fps > _SPEED
        sound[:-1] &= ~fast
        sound[1:] &= ~fast
    for side in "RL":
        hinge = REST_AXES[ANNY.index(f"lowerarm01.{side}"), :, 0]
        for upper, lower, axis, rest in (("thigh", "shin", np.array([1.0, 0, 0]), 0.0),
                                         ("upper_arm", "forearm", hinge, _REST_ELBOW)):  # fmt: skip
            local = np.swapaxes(turns[f"{upper}.{side}"], -1, -2) @ turns[f"{lower}.{side}"]
            bent = (twist(local, axis)[0] + rest + np.pi / 2) % (2 * np.pi) - np.pi / 2  # -90 to 270 degrees
            sound &= np.degrees(bent) > -_BACKWARDS
    return sound
