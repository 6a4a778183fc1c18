"""Carrying motions over: round trips through rigs with other rest poses and axes, no flips, mirror symmetry."""

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.rigs import RIGS, body13
from anchorpose.files.segments import MAPS, _turn, carry_over, missing_segments, tracks
from anchorpose.poses.canonical import ANNY, OFFSETS, REST_AXES, REST_LENGTHS, TOES
from anchorpose.poses.clips import Clip, forward_kinematics
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import (
    canonical_body13,
    canonical_joints,
    canonical_offsets,
    local_rotations,
    mirror_rotations,
)
from anchorpose.poses.level import level_turns, upright
from anchorpose.poses.limits import about
from anchorpose.poses.retarget import Carried, _pose_arm, _pose_leg, retarget
from anchorpose.poses.rotations import rotation_angle, rotvec_to_matrix
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.tracks import Tracks
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z
from anchorpose.poses.trunk import first_guess

FRAMES = 40
TRUNK = (("trunk0", 0.1), ("trunk1", 0.45), ("trunk2", 0.82))
# Segment, the one it hangs on, the largest turn against it [degrees], about each axis.
CHAIN = (
    ("trunk1", "trunk0", (25, 15, 10)), ("trunk2", "trunk1", (20, 15, 10)), ("head", "trunk2", (30, 40, 20)),
    ("thigh", "trunk0", (60, 15, 20)), ("shin", "thigh", (0, 0, 0)), ("foot", "shin", (20, 10, 10)),
    ("toes", "foot", (20, 0, 0)), ("upper_arm", "trunk2", (50, 40, 50)), ("forearm", "upper_arm", (0, 0, 0)),
    ("hand", "forearm", (30, 30, 30)),
)  # fmt: skip


def waves(rng: np.random.Generator, most: tuple[float, ...]) -> np.ndarray:
    """(FRAMES, 3) smooth random angles [rad] of at most `most` degrees."""
    t = np.linspace(0, 1, FRAMES)[:, None]
    wave = sum(rng.uniform(-1, 1, 3) * np.sin(2 * np.pi * (k * t + rng.random(3))) for k in (1, 2)) / 2
    return np.radians(most) * wave


def made(seed: int = 0) -> tuple[Tracks, Carried]:
    """A random motion of a person of odd proportions, as tracks and as what they have to give."""
    rng = np.random.default_rng(seed)
    turns = {"trunk0": rotvec_to_matrix(waves(rng, (40, 170, 30)))}
    for name, base, most in CHAIN:
        for side in ("",) if name.startswith(("trunk", "head")) else (".R", ".L"):
            local = rotvec_to_matrix(waves(rng, most))
            if name in ("shin", "forearm"):
                bent = np.radians(40) + waves(rng, (30, 0, 0))[:, 0]
                axis = np.array([1.0, 0, 0]) if name == "shin" else elbow_axis(side)
                local = about(axis, bent)
            turns[name + side] = turns[base + side if base + side in turns else base] @ local
    lengths = REST_LENGTHS * 1.08
    for j, bone in enumerate(ANNY.names):
        lengths[j] *= 1.2 if bone[:-2] in ("lowerleg02", "foot") else 0.9 if bone[:-2] in ("lowerarm02", "wrist") else 1
    start = rng.normal(size=(FRAMES, 3)) * 0.01 + (1.0, 0.9, -2.0)
    rough = Tracks(turns, TRUNK, np.zeros((FRAMES, 13, 3)) + np.arange(13)[:, None], None, 30.0, {})
    world = local_world(rough, lengths)
    joints, _ = canonical_joints(local_rotations(world), start, lengths)
    toes = np.stack([joints[:, [ANNY.index(f"{toe}.{s}") for toe in TOES]].mean(1) for s in "RL"], 1)
    found = Tracks(turns, TRUNK, canonical_body13(joints, world), toes, 30.0, {})
    return found, Carried(local_rotations(world), start, lengths, np.ones(FRAMES, bool))


def elbow_axis(side: str) -> np.ndarray:
    return np.array(REST_AXES[ANNY.index(f"lowerarm01{side}"), :, 0])


def local_world(rough: Tracks, lengths: np.ndarray) -> np.ndarray:
    """World rotations (T, 104, 3, 3) of a motion with these turns, by the package's own rules for shares of a turn."""
    world = np.broadcast_to(np.eye(3), (FRAMES, len(ANNY), 3, 3)).copy()
    first_guess(rough.turns, rough.trunk, world)
    for name in ("head", "eye.L", "eye.R"):
        world[:, ANNY.index(name)] = rough.turns["head"]
    for side in "RL":
        _pose_leg(rough, side, canonical_offsets(lengths), world)
        _pose_arm(rough, side, canonical_offsets(lengths), world)
    return world


def degrees_apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(rotation_angle(np.swapaxes(a, -1, -2) @ b)).max())


def joints_of(carried: Carried) -> np.ndarray:
    return canonical_joints(carried.rotations, carried.translation, carried.bone_lengths)[0]


def test_a_motion_comes_back_as_it_was() -> None:
    """From tracks alone: rotations within 0.1 degrees, joints and bone lengths within a millimetre."""
    found, truth = made()
    carried = retarget(found)
    moved = [j for j, n in enumerate(ANNY.names) if not n.startswith(("metacarpal", "finger", "eye", "toe"))]
    assert degrees_apart(carried.rotations, truth.rotations) < 0.1
    np.testing.assert_allclose(joints_of(carried)[:, moved], joints_of(truth)[:, moved], atol=1e-3)
    np.testing.assert_allclose(carried.bone_lengths[moved], truth.bone_lengths[moved], atol=1e-3)
    assert carried.sound.all()
    motion = carried.motion(30.0)
    assert len(motion) == FRAMES and motion.times[-1] == (FRAMES - 1) / 30 and motion.observed.all()


def as_clip(rig: str, found: Tracks, truth: Carried, up: str = "y") -> Clip:
    """The motion as that rig would record it: its names, its rest pose and axes, all joints at the true places."""
    plan, sides = MAPS[rig], RIGS[rig].sides
    joints, _ = canonical_joints(truth.rotations, truth.translation, truth.bone_lengths)
    names, places, worlds = [], [], []
    starts = {"thigh": "upperleg01", "shin": "lowerleg01", "foot": "foot", "toes": "toe3-1", "upper_arm": "upperarm01",
              "forearm": "lowerarm01", "hand": "wrist", "clavicle": "clavicle"}  # fmt: skip
    todo = [(segment, None, f"trunk{k}", "root") for k, (segment, _) in enumerate(plan.trunk)]
    todo += [(plan.centre["head"], None, "head", "head")]
    for name, segment in plan.sides.items():
        todo += [(segment, (name, side, letter), f"{name}.{letter}", f"{starts[name]}.{letter}")
                 for side, letter in zip(sides, "RL", strict=True)]  # fmt: skip
    for segment, side, turn, bone in todo:
        joint = segment.joint.format(side[1]) if side else segment.joint
        if turn in found.turns and joint not in names:
            names.append(joint)
            places.append(joints[:, ANNY.index(bone)])
            worlds.append((turn, segment, side))
    return assemble(rig, names, places, worlds, found, joints, up)


def assemble(rig, names, places, worlds, found, joints, up):
    """A clip whose world rotations are the segments' turns seen through the rig's own axes (`Segment`)."""
    plan = MAPS[rig]
    # Joints that BODY13 or a segment's direction needs and no segment turns, then the parents of the whole.
    collars = [RIGS[rig].collar.format(side) for side in RIGS[rig].sides] if RIGS[rig].collar else []
    needed = [n for n in (*RIGS[rig].body, RIGS[rig].head_origin, *collars) if n not in names]
    needed += [
        s.along.format(side) for s in plan.sides.values() for side in RIGS[rig].sides if isinstance(s.along, str)
    ]
    needed = [n for n in dict.fromkeys(needed) if n not in names]
    body = dict(zip(RIGS[rig].body, range(12), strict=True))
    all_names = (*names, *needed)
    position = np.zeros((FRAMES, len(all_names), 3))
    for k, name in enumerate(all_names):
        if name in body:
            position[:, k] = found.body13[:, body[name]]
            if collars and body[name] >= 6:  # these arms are recorded too far in; collars do not turn here
                position[:, k, 0] += RIGS[rig].arm_shift * (1 if body[name] % 2 == 0 else -1)
        elif k < len(names):
            position[:, k] = places[k]
        else:
            position[:, k] = joints[:, 0]
    identity = np.broadcast_to(np.eye(3), (FRAMES, len(all_names), 3, 3))
    offsets = np.zeros((len(all_names), 3))
    for s in plan.sides.values():
        for side, sign in zip(RIGS[rig].sides, (-1, 1), strict=True):
            if isinstance(s.along, str):  # any direction that is not the bend axis, mirrored for the other side
                direction = np.cross(s.bend, (0.3, 0.5, 0.8)) * 0.3
                direction[plan.lateral] *= sign if plan.lateral == 0 else -sign
                offsets[all_names.index(s.along.format(side))] = direction
    still = Clip("still", all_names, np.full(len(all_names), -1), offsets, np.array(identity), position, 30.0)
    rotations = np.array(identity)
    for turn, segment, side in worlds:
        align = _turn(still, identity, segment, side, plan.lateral)  # (T, 3, 3), what the map makes of the identity
        joint = segment.joint.format(side[1]) if side else segment.joint
        rotations[:, all_names.index(joint)] = found.turns[turn] @ np.swapaxes(align, -1, -2)
    _place_head(rig, all_names, rotations, position, found)
    clip = Clip("made", all_names, np.full(len(all_names), -1), offsets, rotations, position, 30.0)
    return to_z_up(clip) if up == "z" else clip


def _place_head(rig, names, rotations, position, found) -> None:
    head = names.index(RIGS[rig].head_origin)
    turn = rotations[:, names.index(RIGS[rig].head)]
    position[:, head] = found.body13[:, 12] - turn @ np.array(RIGS[rig].head_offset)


def to_z_up(clip: Clip) -> Clip:
    """The same in a world whose z axis points up: x stays, y becomes z, z becomes -y."""
    turn = rotation_x(np.pi / 2)
    return replace(clip, positions=clip.positions @ turn.T, rotations=turn @ clip.rotations, up="z")


@pytest.mark.parametrize("rig", [name for name in MAPS if not RIGS[name].stands])
@pytest.mark.parametrize("up", ["y", "z"])
def test_round_trip_through_every_rig(rig: str, up: str) -> None:
    """Written in the rest pose and the axes of a rig, a motion comes back within 0.1 degrees and a millimetre."""
    found, truth = made(3)
    keep = {name: turn for name, turn in found.turns.items() if _knows(rig, name)}
    heights = tuple((f"trunk{k}", h) for k, (_, h) in enumerate(MAPS[rig].trunk))
    keep |= {name: found.turns["trunk2"] for name, _ in heights if name not in keep}
    found = remade(replace(found, turns=keep, trunk=heights), truth)
    expected = retarget(found)
    clip = as_clip(rig, found, truth, up)
    np.testing.assert_allclose(body13(clip, rig), found.body13, atol=1e-9)
    carried = carry_over(clip, rig, level=False)
    assert degrees_apart(carried.rotations, expected.rotations) < 0.1
    body = [j for j, n in enumerate(ANNY.names) if not n.startswith("toe")]  # some rigs do not know where toes begin
    np.testing.assert_allclose(joints_of(carried)[:, body], joints_of(expected)[:, body], atol=1e-3)


def _knows(rig: str, name: str) -> bool:
    base = name.partition(".")[0]
    return base in MAPS[rig].sides or base in ("head", *(f"trunk{k}" for k in range(len(MAPS[rig].trunk))))


def remade(found: Tracks, truth: Carried) -> Tracks:
    """Joints that fit these turns, without toes."""
    world = local_world(found, truth.bone_lengths)
    joints, _ = canonical_joints(local_rotations(world), truth.translation, truth.bone_lengths)
    return replace(found, body13=canonical_body13(joints, world), toes=None)


def test_t_pose_and_hanging_arms_agree() -> None:
    """The CMU skeleton under two sets of names, whose rest poses differ by a quarter turn of the arms."""
    rng = np.random.default_rng(8)
    t_pose = figure(rng)
    names = {"Hips": "Hips", "LowerBack": "lowerback", "Spine": "Chest", "Spine1": "Chest2", "Neck1": "Neck",
             "Head": "Head", "Head_end": "Head_end"}  # fmt: skip
    for side in ("Left", "Right"):
        for a, b in (("UpLeg", "Hip"), ("Leg", "Knee"), ("Foot", "Ankle"), ("ToeBase", "Toe"), ("Arm", "Shoulder"),
                     ("ForeArm", "Elbow"), ("FingerBase", "Wrist")):  # fmt: skip
            names[side + a] = side + b
    keep = [k for k, name in enumerate(t_pose.names) if name in names]
    new = tuple(names[t_pose.names[k]] for k in keep)
    rest = []
    for name in new:
        arm = name.endswith(("Shoulder", "Elbow", "Wrist"))
        rest.append(rotation_z((np.pi / 2 if name.startswith("Left") else -np.pi / 2) if arm else 0.0))
    world = world_of(t_pose)[:, keep] @ np.array(rest)
    offsets = t_pose.offsets[keep].copy()
    for k, name in enumerate(new):
        if name.endswith("Wrist"):
            offsets[k] = t_pose.offsets[t_pose.index(f"{name.removesuffix('Wrist')}Hand")]
        if name.endswith(("Elbow", "Wrist")):
            offsets[k] = rest[k].T @ offsets[k]
    flat = np.full(len(keep), -1)
    hanging = Clip("hanging", new, flat, offsets, world, t_pose.positions[:, keep], 30.0)
    a, b = carry_over(t_pose, "cmu_expmap"), carry_over(hanging, "cmu_walk")
    assert degrees_apart(a.rotations, b.rotations) < 0.1
    np.testing.assert_allclose(joints_of(a), joints_of(b), atol=1e-3)


EXPMAP = """
Hips - 0 0 0 / LeftUpLeg Hips .09 -.1 .04 / LeftLeg LeftUpLeg .137 -.377 0 / LeftFoot LeftLeg .157 -.432 0
LeftToeBase LeftFoot .01 -.03 .12 / LeftToeBase_end LeftToeBase 0 0 .06 / RightUpLeg Hips -.09 -.1 .04
RightLeg RightUpLeg -.137 -.377 0 / RightFoot RightLeg -.157 -.432 0 / RightToeBase RightFoot -.01 -.03 .12
RightToeBase_end RightToeBase 0 0 .06 / LowerBack Hips 0 0 0 / Spine LowerBack 0 .115 -.01 / Spine1 Spine 0 .115 0
Neck Spine1 0 .118 .01 / Neck1 Neck 0 .1 .01 / Head Neck1 0 .1 -.01 / Head_end Head 0 .1 0
LeftShoulder Spine1 0 .118 .01 / LeftArm LeftShoulder .19 .06 -.02 / LeftForeArm LeftArm .29 0 0
LeftHand LeftForeArm .28 0 0 / LeftFingerBase LeftHand 0 0 0 / RightShoulder Spine1 0 .118 .01
RightArm RightShoulder -.19 .06 -.02 / RightForeArm RightArm -.29 0 0 / RightHand RightForeArm -.28 0 0
RightFingerBase RightHand 0 0 0
"""


def figure(rng: np.random.Generator | None, frames: int = FRAMES) -> Clip:
    """A figure with the joints of cmu_expmap that moves at random, or stands in its T-pose."""
    rows = [row.split() for row in EXPMAP.strip().replace("\n", " / ").split(" / ")]
    names = tuple(row[0] for row in rows)
    parents = np.array([names.index(row[1]) if row[1] != "-" else -1 for row in rows])
    offsets = np.array([[float(v) for v in row[2:]] for row in rows])
    rotations = np.broadcast_to(np.eye(3), (frames, len(names), 3, 3)).copy()
    if rng is not None:
        for j, name in enumerate(names):
            if not name.endswith(("_end", "Shoulder", "Hand", "Leg", "ForeArm")) or name.endswith("UpLeg"):
                rotations[:, j] = rotvec_to_matrix(waves(rng, (35, 25, 25)))
            elif name.endswith("Leg"):
                side = 1 if name.startswith("Left") else -1
                rotations[:, j] = about(np.array([0.94, 0.342 * side, 0]), 0.6 + waves(rng, (30, 0, 0))[:, 0])
            elif name.endswith("ForeArm"):
                side = 1 if name.startswith("Left") else -1
                rotations[:, j] = about(np.array([0, -0.866, 0.5]) * side, 0.9 + waves(rng, (50, 0, 0))[:, 0])
    root = np.tile([0.0, 1.0, 0.0], (frames, 1))
    positions, _ = forward_kinematics(offsets, parents, rotations, root)
    ends = np.array([name.endswith("_end") for name in names])
    return Clip("figure", names, parents, offsets, rotations, positions, 30.0, "y", ends)


def world_of(clip: Clip) -> np.ndarray:
    return np.stack([clip.world_rotation(name) for name in clip.names], axis=1)


def test_joints_are_met() -> None:
    """Hips and limbs within 3 mm of the source's, the head within 2 cm, feet level where the source's are."""
    clip = figure(np.random.default_rng(2))
    carried = carry_over(clip)
    joints, world = canonical_joints(carried.rotations, carried.translation, carried.bone_lengths)
    errors = np.linalg.norm(canonical_body13(joints, world) - body13(clip), axis=-1)
    assert errors[:, :6].max() < 1e-3 and errors[:, 6:12].max() < 0.01
    assert np.median(errors[:, 12]) < 0.02
    still = figure(None, 3)
    standing = carry_over(still)
    level = canonical_joints(standing.rotations, standing.translation, standing.bone_lengths)[1]
    assert abs(level[0, ANNY.index("foot.L")][1, 2]) < 0.1


def test_nothing_flips_over_continuous_motion() -> None:
    """Arms, head and hands go all the way round, however unlikely; no bone turns much faster than what turns it."""
    found, _ = made(4)
    frames = 720
    still = {name: np.broadcast_to(turn[:1], (frames, 3, 3)) for name, turn in found.turns.items()}
    angle = np.linspace(0, 2 * np.pi, frames)
    for name, axis in (("upper_arm.L", (0.3, 1, 0.5)), ("hand.R", (0.5, -0.5, 0.7)), ("head", (0, 1, 0.1)),
                       ("thigh.R", (1, 0.2, 0)), ("foot.L", (1, 0.5, 0.3))):  # fmt: skip
        whole = still | {name: about(np.array(axis, float), angle) @ still[name]}
        carried = retarget(Tracks(whole, TRUNK, np.repeat(found.body13[:1], frames, 0), None, 30.0, {}))
        local = carried.rotations
        steps = np.degrees(rotation_angle(np.swapaxes(local[:-1], -1, -2) @ local[1:])).max(0)
        bone = ANNY.names[int(steps.argmax())]
        assert steps.max() < 3.0, f"{name} turns by 0.5 degrees a frame, {bone} by {steps.max():.1f}"


def test_the_mirror_image_gives_the_mirror_image() -> None:
    found, _ = made(5)
    swap = {".R": ".L", ".L": ".R"}
    mirror = np.array([-1.0, 1, 1])
    turns = {
        n[:-2] + swap[n[-2:]] if n[-2:] in swap else n: t * mirror[:, None] * mirror for n, t in found.turns.items()
    }
    other = Tracks(turns, TRUNK, found.body13[:, BODY13.mirror] * mirror, found.toes[:, ::-1] * mirror, 30.0, {})
    a, b = retarget(found), retarget(other)
    np.testing.assert_allclose(b.rotations, mirror_rotations(a.rotations), atol=1e-6)
    np.testing.assert_allclose(b.translation, a.translation * mirror, atol=1e-9)
    np.testing.assert_allclose(b.bone_lengths, a.bone_lengths[ANNY.mirror], atol=1e-9)


def test_twist_is_shared() -> None:
    """A forearm that turns the hand by 60 degrees gives 36 of them to its lower half."""
    found, _ = made(6)
    forearm = found.turns["forearm.L"]
    axis = OFFSETS[ANNY.index("wrist.L")]
    turns = dict(found.turns) | {"hand.L": forearm @ about(axis, np.full(FRAMES, np.radians(60)))}
    carried = retarget(replace(found, turns=turns))
    shares = [np.degrees(rotation_angle(carried.rotations[:, ANNY.index(f"{b}.L")])) for b in ("lowerarm02", "wrist")]
    np.testing.assert_allclose(shares, np.broadcast_to([[36], [24]], (2, FRAMES)), atol=1e-6)


def test_broken_frames_are_marked() -> None:
    found, _ = made(7)
    turns = {name: turn.copy() for name, turn in found.turns.items()}
    turns["hand.R"][10] = turns["forearm.R"][10] @ rotation_x(2.8)
    turns["shin.L"][20] = turns["thigh.L"][20] @ rotation_x(-1.0)
    carried = retarget(replace(found, turns=turns))
    assert not carried.sound[[10, 20]].any() and carried.sound[[0, 5, 15, 30]].all()


def test_levelling_takes_out_a_constant_lean() -> None:
    """A pelvis whose frame leans by 30 degrees while the person stands is straight afterwards; a lying one is left."""
    clip = figure(None, 60)
    body = body13(clip)
    assert upright(body).all()
    leaning = {"trunk0": np.broadcast_to(rotation_y(0.7) @ rotation_x(0.5), (60, 3, 3))}
    turned = body @ rotation_y(0.7).T
    levelled = level_turns(leaning, ("trunk0",), turned, 30.0)["trunk0"]
    back = turned[:, [10, 11]].mean(1) - turned[:, [4, 5]].mean(1)
    lean = np.degrees(np.arccos((levelled[0, :, 1] * back[0]).sum() / np.linalg.norm(back[0])))
    assert lean < 3
    lying = body @ rotation_x(-np.pi / 2).T
    np.testing.assert_array_equal(level_turns(leaning, ("trunk0",), lying, 30.0)["trunk0"], leaning["trunk0"])


def test_what_is_missing_is_named() -> None:
    clip = figure(None, 2)
    gone = {"LeftForeArm", "Head"}
    keep = [k for k, name in enumerate(clip.names) if name not in gone]
    flat = np.full(len(keep), -1)
    names = tuple(clip.names[k] for k in keep)
    cut = Clip("cut", names, flat, clip.offsets[keep], clip.rotations[:, keep], clip.positions[:, keep], 30.0)
    with pytest.raises(InputError, match="LeftForeArm, Head"):
        carry_over(cut)
    with pytest.raises(InputError, match="positions only"):
        carry_over(replace(clip, rotations=None))
    assert missing_segments(names, RIGS["cmu_expmap"]) == ["Head", "LeftForeArm"]
    assert "Hips" in missing_segments(names[1:], RIGS["cmu_expmap"])
    # A spine or feet that are not all there are no reason to refuse.
    some = [k for k, name in enumerate(clip.names) if name not in ("Spine", "Neck1", "LeftToeBase")]
    flat = np.full(len(some), -1)
    names = tuple(clip.names[k] for k in some)
    less = Clip("less", names, flat, clip.offsets[some], world_of(clip)[:, some], clip.positions[:, some], 30.0)
    assert len(carry_over(less).rotations) == 2


def test_tracks_are_checked() -> None:
    found, _ = made(1)
    with pytest.raises(InputError, match="body13 must be"):
        replace(found, body13=found.body13[:, :5])
    with pytest.raises(InputError, match="not known"):
        replace(found, body13=np.where(np.arange(13)[:, None] == 3, np.nan, found.body13))
    with pytest.raises(InputError, match=r"missing: head, thigh\.R"):
        replace(found, turns={n: t for n, t in found.turns.items() if n not in ("head", "thigh.R")})
    with pytest.raises(InputError, match="the turns of head must be"):
        replace(found, turns=found.turns | {"head": np.eye(3)})
    with pytest.raises(InputError, match="toes must be"):
        replace(found, toes=np.zeros((FRAMES, 3)))
    assert tracks(figure(None, 4)).toes.shape == (4, 2, 3)
