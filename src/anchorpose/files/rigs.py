"""From the joints of a motion capture rig to the joints of this project: BODY13, the direction of the face, HAND21.

A `Rig` is a table of names. No rig has a joint between the ears, so each gives the head as an offset in its own frame:

=============  ====================================  ===================================================================
rig            origin                                offset to the centre of the head (between the ears), and why
=============  ====================================  ===================================================================
asf            end of the bone head                  2.5 cm down: the bone ends at the head band, 10 cm under the crown,
                                                     and the ears lie 12.5 to 13 cm under it
cmu_walk       end site of Head                      the same skeleton as asf
cmu_expmap     end site of Head                      the same skeleton as asf
cmu_auto       head (base of the skull)              5.5 cm up: 2.5 cm under the eyes (8 cm up), 8 cm behind them
cmu_iclone     CC_Base_Head (base of the skull)      5.5 cm up: as cmu_auto, the eyes are at the same place
mixamo         Head (base of the skull)              5.5 cm up: as cmu_auto
canonical      head (base of the skull)              that of `poses.canonical`
deepmimic      end site of neck (top of the head)    6.5 cm down: the figure is short above the shoulders (26 cm, people
                                                     have 33), and ears are 20 cm above the shoulders
=============  ====================================  ===================================================================

These are estimates from average heads, good to 2 cm or so. Two more corrections:

* cmu_auto puts the shoulders 23 cm apart, where the other rigs and people have 34 to 40, and hanging arms pass through
  its hips (elbows 11 cm from the middle of the body, elsewhere 21). Each arm is moved 6.5 cm outwards as a whole, along
  its collar's x axis.
* The head bones of the CMU skeletons point down: in frames with an upright back the median pitch is -18 degrees,
  between -40 and +3 from one performer to the next. 12 degrees are added to the direction of the face; the spread
  remains.

Rigs that many programs write (mixamo, and canonical, our own) are also known where the names differ in case, in
separators or by a prefix ("mixamorig:", "mixamorig1_", "Armature|"). Their figures stand in the rest pose; mixamo's may
face any way there, which `stance` tells from the bones. The others have words in common that mean different joints, so
their names are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.rig_names import some_names, spelled_as
from anchorpose.poses.canonical import ANNY, HEAD_CENTRE, axes_frame
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, HAND21

_FINGERS = ("thumb", "index", "middle", "ring", "little")
_FINGER_PARTS = ("Thumb", "Index", "Mid", "Ring", "Pinky")
_MIXAMO_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
CANONICAL = "canonical"
"""The rig of files that hold our own skeleton, `poses.canonical`."""


@dataclass(frozen=True)
class Rig:
    """How a source names its joints.

    Attributes:
        name: of the rig.
        limbs: joint of ankle, knee, hip, wrist, elbow, shoulder with "{}" for the side.
        sides: what stands for "{}": (right, left).
        head: the joint whose rotation is the head's.
        head_origin: the joint the head's centre is measured from, by
        head_offset: (3,) metres in the frame of `head`.
        front: (3,) the direction of the nose in the frame of `head`; need not be a unit vector.
        collar: the joint, with "{}" for the side, in whose frame an arm is moved outwards along x, by
        arm_shift: metres.
        fingers: by HAND21's finger, how its joints are named, "{}" for the side, "{n}" for 1, 2, 3 from the palm on.
        finger_joints: how many of them there are; after them comes the end site if `finger_end`.
        finger_end: whether the end site is one more joint (and not empty).
        also: joints that tell this rig from others with the same limbs.
        more: joints that it may have, "{}" for the side.
        loose: whether its names are known by `plain_name` too.
        stands: whether a figure stands upright in the rest pose, facing any way: `stance` tells.
    """

    name: str
    limbs: tuple[str, ...]
    sides: tuple[str, str]
    head: str
    head_origin: str
    head_offset: tuple[float, float, float]
    front: tuple[float, float, float] = (0.0, 0.0, 1.0)
    collar: str | None = None
    arm_shift: float = 0.0
    fingers: dict[str, str] = field(default_factory=dict)
    finger_joints: int = 0
    finger_end: bool = False
    also: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    loose: bool = False
    stands: bool = False

    @property
    def body(self) -> tuple[str, ...]:
        """Names of the first 12 joints of BODY13, in its order."""
        return tuple(limb.format(side) for limb in self.limbs for side in self.sides)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Joints this rig needs that are not among `names`."""
        present = set(names)
        collars = [self.collar.format(side) for side in self.sides] if self.collar else []
        needed = dict.fromkeys((*self.body, self.head, self.head_origin, *collars, *self.also))
        return [name for name in needed if name not in present]

    def spelled(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names as this rig spells them; those that are not its own, or could be two joints, as they are."""
        names = tuple(names)
        if not self.loose:
            return names
        fingers = [f.replace("{n}", str(n)) for f in self.fingers.values() for n in range(1, self.finger_joints + 1)]
        sided = [name.format(side) for name in (*self.more, *fingers) for side in self.sides]
        return spelled_as((*self.body, self.head, *self.also, *sided), names)


_STANDING = np.cos(np.radians(25.0))

_CMU_HEAD = (0.0, -0.025, 0.0)
_SKULL_BASE = (0.0, 0.055, 0.0)
_TILTED_FRONT = (0.0, 0.2079, 0.9781)  # 12 degrees up

RIGS: dict[str, Rig] = {
    rig.name: rig
    for rig in (
        # A joint of an ASF clip lies at the start of its bone: the knee is the start of the shin bone.
        Rig(
            "asf",
            ("{}foot", "{}tibia", "{}femur", "{}hand", "{}radius", "{}humerus"),
            ("r", "l"),
            "head",
            "head_end",
            _CMU_HEAD,
            _TILTED_FRONT,
        ),
        Rig(
            "cmu_walk",
            ("{}Ankle", "{}Knee", "{}Hip", "{}Wrist", "{}Elbow", "{}Shoulder"),
            ("Right", "Left"),
            "Head",
            "Head_end",
            _CMU_HEAD,
            _TILTED_FRONT,
        ),
        # Before cmu_expmap, with which it shares the limbs; that has no Spine2.
        Rig(
            "mixamo",
            ("{}Foot", "{}Leg", "{}UpLeg", "{}Hand", "{}ForeArm", "{}Arm"),
            ("Right", "Left"),
            "Head",
            "Head",
            _SKULL_BASE,
            fingers=dict(zip(_FINGERS, [f"{{}}Hand{part}{{n}}" for part in _MIXAMO_FINGERS], strict=True)),
            finger_joints=4,
            also=("Hips", "Spine", "Spine2"),
            more=("Spine1", "Neck", "{}Shoulder", "{}ToeBase"),
            loose=True,
            stands=True,
        ),
        Rig(
            "cmu_expmap",
            ("{}Foot", "{}Leg", "{}UpLeg", "{}Hand", "{}ForeArm", "{}Arm"),
            ("Right", "Left"),
            "Head",
            "Head_end",
            _CMU_HEAD,
            _TILTED_FRONT,
        ),
        Rig(
            "cmu_auto",
            ("{}Foot", "{}Shin", "{}Thigh", "{}Hand", "{}ForeArm", "{}Shldr"),
            ("r", "l"),
            "head",
            "head",
            _SKULL_BASE,
            collar="{}Collar",
            arm_shift=0.065,
            fingers=dict(
                zip(_FINGERS, ("{}Thumb{n}", "{}Index{n}", "{}Mid{n}", "{}Ring{n}", "{}Pinky{n}"), strict=True)
            ),
            finger_joints=2,
            finger_end=True,
        ),
        Rig(
            "cmu_iclone",
            tuple(f"CC_Base_{{}}_{part}" for part in ("Foot", "Calf", "Thigh", "Hand", "Forearm", "Upperarm")),
            ("R", "L"),
            "CC_Base_Head",
            "CC_Base_Head",
            _SKULL_BASE,
            _TILTED_FRONT,
            fingers={f: f"CC_Base_{{}}_{part}{{n}}" for f, part in zip(_FINGERS, _FINGER_PARTS, strict=True)},
            finger_joints=3,
        ),
        Rig(
            "deepmimic",
            ("{}_ankle", "{}_knee", "{}_hip", "{}_wrist", "{}_elbow", "{}_shoulder"),
            ("right", "left"),
            "neck",
            "neck_end",
            (0.0, -0.065, 0.0),
            front=(1.0, 0.0, 0.0),
        ),
        Rig(
            CANONICAL,
            ("foot.{}", "lowerleg01.{}", "upperleg01.{}", "wrist.{}", "lowerarm01.{}", "upperarm01.{}"),
            ("R", "L"),
            "head",
            "head",
            (float(HEAD_CENTRE[0]), float(HEAD_CENTRE[1]), float(HEAD_CENTRE[2])),
            fingers={f: f"finger{k}-{{n}}.{{}}" for k, f in enumerate(_FINGERS, 1)},
            finger_joints=3,
            also=ANNY.names,
            loose=True,
        ),
    )
}


def detect_rig(names: Iterable[str]) -> Rig:
    """The rig whose joints are all among `names`; `InputError` tells what the nearest one misses."""
    names = tuple(names)
    missing = {rig.name: rig.missing(rig.spelled(names)) for rig in RIGS.values()}
    for name, gone in missing.items():
        if not gone:
            return RIGS[name]
    nearest = min(missing, key=lambda name: len(missing[name]))
    raise InputError(
        f"no known rig fits: the nearest, {nearest}, misses {some_names(missing[nearest])}. "
        f"There are {some_names(names)}. Known rigs are {', '.join(RIGS)}"
    )


def get_rig(clip: Clip, rig: Rig | str | None = None) -> Rig:
    """The rig of a clip: the one given, by name or record and checked, or the one its joint names show."""
    if rig is None:
        return detect_rig(clip.names)
    if isinstance(rig, str):
        if rig not in RIGS:
            raise InputError(f"unknown rig {rig!r}; known are {', '.join(RIGS)}")
        rig = RIGS[rig]
    missing = rig.missing(rig.spelled(clip.names))
    if missing:
        raise InputError(f"clip {clip.name!r} is not of rig {rig.name}: it has no {', '.join(missing)}")
    return rig


def in_rig(clip: Clip, rig: Rig | str | None = None) -> tuple[Clip, Rig]:
    """The clip with its joints named as its rig names them, and the rig; see `get_rig`."""
    rig = get_rig(clip, rig)
    names = rig.spelled(clip.names)
    return (clip if names == clip.names else replace(clip, names=names)), rig


def stance(clip: Clip, rig: Rig) -> NDArray[np.float64]:
    """(3, 3) the person's left, up and forward in the rest pose, by columns, along the axes of the joints' frames.

    Raises:
        InputError: nobody stands in the rest pose of a rig that should.
    """
    if not rig.stands:
        return np.eye(3)
    rest = np.array(clip.offsets)
    for j, parent in enumerate(clip.parents):
        rest[j] += rest[parent] if parent >= 0 else 0.0
    at = {name: rest[clip.index(name)] for name in (*rig.body, rig.head)}
    (r_ankle, l_ankle, r_hip, l_hip), head = (at[rig.body[k]] for k in (0, 1, 4, 5)), at[rig.head]
    up, down, left = head - (r_hip + l_hip) / 2, (r_ankle + l_ankle - r_hip - l_hip) / 2, l_hip - r_hip
    axis = np.zeros(3)
    axis[np.abs(up).argmax()] = np.sign(up[np.abs(up).argmax()])
    # A figure stands along an axis of its file; heads and knees are a little off it.
    for line in (up, -down):
        if not axis @ line > _STANDING * np.linalg.norm(line):
            raise InputError(
                f"clip {clip.name!r} is of rig {rig.name}, but nobody stands in its rest pose (all rotations 0), as in"
                " a T: the file has to be written with such a rest pose"
            )
    if np.linalg.norm(np.cross(axis, left)) < 1e-6:
        raise InputError(f"clip {clip.name!r}: both hips are at the same place in the rest pose")
    return axes_frame(axis, left)


def body13(clip: Clip, rig: Rig | str | None = None) -> NDArray[np.float64]:
    """BODY13 joints (T, 13, 3) in metres, in the world with y up, corrected as this module's table says."""
    clip, rig = in_rig(clip, rig)
    joints = np.empty((len(clip), len(BODY13), 3))
    joints[:, :12] = clip.positions[:, clip.indices(rig.body)]
    for side, shift in enumerate(_arm_shifts(clip, rig)):
        # ankles, knees, hips come first; then the arms, right and left in turn
        joints[:, 6 + side : 12 : 2] += shift[:, None]
    offset = stance(clip, rig) @ np.array(rig.head_offset)
    joints[:, 12] = clip.positions[:, clip.index(rig.head_origin)] + clip.world_rotation(rig.head) @ offset
    return clip.y_up(joints)


def _arm_shifts(clip: Clip, rig: Rig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World vectors (T, 3) by which the right and the left arm are moved outwards."""
    if rig.collar is None:
        return np.zeros((len(clip), 3)), np.zeros((len(clip), 3))
    right, left = (clip.world_rotation(rig.collar.format(side))[:, :, 0] for side in rig.sides)
    return -rig.arm_shift * right, rig.arm_shift * left


def facing(clip: Clip, rig: Rig | str | None = None) -> NDArray[np.float64]:
    """Unit vectors (T, 3) from the centre of the head towards the nose, in the world with y up."""
    clip, rig = in_rig(clip, rig)
    front = stance(clip, rig) @ np.array(rig.front) / np.linalg.norm(rig.front)
    return clip.y_up(clip.world_rotation(rig.head) @ front)


def hands(clip: Clip, rig: Rig | str | None = None) -> dict[str, NDArray[np.float64]]:
    """HAND21 joints (T, 21, 3) of "right" and "left" in metres, y up; NaN where the rig has no such joint.

    The fingers of these rigs hardly bend; only mixamo has finger tips. Rigs without fingers give the wrist alone.
    """
    clip, rig = in_rig(clip, rig)
    result = {}
    for which, side, shift in zip(("right", "left"), rig.sides, _arm_shifts(clip, rig), strict=True):
        points = np.full((len(clip), len(HAND21), 3), np.nan)
        points[:, 0] = clip.positions[:, clip.index(rig.limbs[3].format(side))]
        for first, finger in zip(range(1, 21, 4), _FINGERS, strict=True):
            for k, name in enumerate(_finger_names(rig, finger, side)):
                if not rig.loose or name in clip.names:  # figures of mixamo come with fewer fingers too
                    points[:, first + k] = clip.positions[:, clip.index(name)]
        result[which] = clip.y_up(points + shift[:, None])
    return result


def _finger_names(rig: Rig, finger: str, side: str) -> list[str]:
    """Joints of one finger from the palm outwards."""
    if finger not in rig.fingers:
        return []
    names = [rig.fingers[finger].format(side, n=n) for n in range(1, rig.finger_joints + 1)]
    return [*names, f"{names[-1]}_end"] if rig.finger_end else names
