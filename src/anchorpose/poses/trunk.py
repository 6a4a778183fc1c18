"""The trunk of a motion carried over to the canonical skeleton: pelvis, spine, clavicles and neck."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.canonical import ANNY, HEAD_CENTRE, PARENTS, REST
from anchorpose.poses.kinematics import canonical_offsets
from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix, slerp
from anchorpose.poses.skeletons import BODY13

Array = NDArray[np.float64]

_SPINE = tuple(ANNY.index(f"spine0{k}") for k in range(5, 0, -1))
_NECK = tuple(ANNY.index(f"neck0{k}") for k in range(1, 4))
_SHOULDERS = tuple(ANNY.index(f"upperarm01.{side}") for side in "RL")
_CLAVICLES = tuple(ANNY.index(f"{bone}.{side}") for side in "RL" for bone in ("clavicle", "shoulder01"))
_HEAD = ANNY.index("head")
_HIPS = tuple(ANNY.index(f"upperleg01.{side}") for side in "RL")
_PELVIS = (0, ANNY.index("pelvis.R"), ANNY.index("pelvis.L"))
_JOINTS = tuple(sorted((*_PELVIS, *_HIPS, *_SPINE, *_CLAVICLES, *_SHOULDERS, *_NECK, _HEAD)))
_MOVABLE = (*_SPINE, *_CLAVICLES, *_NECK)

_BODY = {name: BODY13.index(name) for name in ("r_hip", "l_hip", "r_shoulder", "l_shoulder", "head")}
# How freely each bone turns to bring shoulders and head into place [rad].
_FREEDOM = {**dict.fromkeys(_SPINE, 0.08), **dict.fromkeys(_NECK, 0.15)} | {
    ANNY.index(f"{bone}.{side}"): freedom for side in "RL" for bone, freedom in (("clavicle", 0.3), ("shoulder01", 0.1))
}
# What may remain: of the shoulders [m], and of the chest's turn away from the source's [rad]; of the head [m] round by
# round: recorded necks begin lower and are longer than the body's, which would buckle if it had to meet a head at once.
_SHOULDER, _CHEST = 0.003, 0.1
_HEAD_CENTRE = (0.04, 0.02, 0.012, 0.008, 0.008)
# Frames that suffice to fit lengths.
_SAMPLE = 200


def _middle_heights() -> Array:
    """Height of the middle of each bone of the spine, as a share of the way from the hips to the shoulders."""
    hips, shoulders = REST[_HIPS[0], 1], REST[_SHOULDERS[0], 1]
    ends = [*REST[list(_SPINE[1:]), 1], shoulders]
    middles = (REST[list(_SPINE), 1] + np.array(ends)) / 2
    heights: Array = (middles - hips) / (shoulders - hips)
    return heights


_HEIGHTS = _middle_heights()


def first_guess(turns: Mapping[str, Array], trunk: tuple[tuple[str, float], ...], world: Array) -> None:
    """Fills the trunk's world rotations (T, 104, 3, 3): the source's turns spread by height."""
    names, levels = [name for name, _ in trunk], [level for _, level in trunk]
    for j in _PELVIS:
        world[:, j] = turns[names[0]]
    for j, height in zip(_SPINE, _HEIGHTS, strict=True):
        k = int(np.searchsorted(levels, height))
        if k in (0, len(levels)):
            world[:, j] = turns[names[min(k, len(levels) - 1)]]
        else:
            share = (height - levels[k - 1]) / (levels[k] - levels[k - 1])
            world[:, j] = slerp(turns[names[k - 1]], turns[names[k]], share)
    chest, head = turns[names[-1]], turns["head"]
    for j in _CLAVICLES:
        world[:, j] = turns.get(f"clavicle.{ANNY.names[j][-1]}", chest)
    for k, j in enumerate(_NECK, start=1):
        if "neck" in turns:
            a, b, share = (chest, turns["neck"], k / 2) if k <= 2 else (turns["neck"], head, 0.5)
        else:
            a, b, share = chest, head, k / 4
        world[:, j] = slerp(a, b, share)
    world[:, _HEAD] = head


def _place(world: Array, offsets: Array, middle_hip: Array) -> Array:
    """Joints (T, 104, 3) of the trunk, with the hips' middle where it shall be."""
    joints = np.zeros(world.shape[:2] + (3,))
    for j in _JOINTS[1:]:
        parent = PARENTS[j]
        joints[:, j] = joints[:, parent] + world[:, parent] @ offsets[j]
    joints[:, list(_JOINTS)] += (middle_hip - joints[:, list(_HIPS)].mean(1))[:, None]
    return joints


def trunk_lengths(
    body13: Array, lengths: Array, turns: Mapping[str, Array], trunk: tuple[tuple[str, float], ...]
) -> Array:
    """Bone lengths (104,) with the spine, the clavicles and the neck scaled to the source's shoulders and head."""
    step = max(1, len(body13) // _SAMPLE)
    body13, turns = body13[::step], {name: turn[::step] for name, turn in turns.items()}
    world = np.broadcast_to(np.eye(3), (len(body13), len(ANNY), 3, 3)).copy()
    first_guess(turns, trunk, world)
    lengths = lengths.copy()
    base = [ANNY.index(name) for name in ("clavicle.R", "clavicle.L", "neck01")]
    girdle = [ANNY.index(f"{bone}.{side}") for side in "RL" for bone in ("shoulder01", "upperarm01")]
    hips, shoulders = (body13[:, [_BODY[f"{s}_{part}"] for s in "rl"]] for part in ("hip", "shoulder"))
    width = float(np.median(np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=-1)))
    for _ in range(4):
        inner = REST[base[1], 0] * lengths[base[1]] / np.linalg.norm(REST[base[1]] - REST[_SPINE[-1]])
        rest_girdle = REST[_SHOULDERS[1]] - REST[base[1]]
        wanted = np.clip((width / 2 - inner) / rest_girdle[0], 0.5, 2.0)
        lengths[girdle] = wanted * np.array([np.linalg.norm(REST[j] - REST[PARENTS[j]]) for j in girdle])
        joints = _place(world, canonical_offsets(lengths), hips.mean(1))
        ratio = _ratio(shoulders.mean(1) - hips.mean(1), joints[:, list(_SHOULDERS)].mean(1) - hips.mean(1))
        lengths[[*_SPINE[1:], *base]] *= ratio
    for _ in range(4):
        joints = _place(world, canonical_offsets(lengths), hips.mean(1))
        shift = shoulders.mean(1) - joints[:, list(_SHOULDERS)].mean(1)
        neck = joints[:, _NECK[0]] + shift
        centre = joints[:, _HEAD] + shift + world[:, _HEAD] @ HEAD_CENTRE
        lengths[[*_NECK[1:], _HEAD]] *= _ratio(body13[:, _BODY["head"]] - neck, centre - neck)
    return lengths


def _ratio(wanted: Array, got: Array) -> float:
    ratio = np.median(np.linalg.norm(wanted, axis=-1)) / max(1e-6, float(np.median(np.linalg.norm(got, axis=-1))))
    return float(np.clip(ratio, 0.5, 2.0))


def pose_trunk(
    body13: Array, offsets: Array, turns: Mapping[str, Array], trunk: tuple[tuple[str, float], ...], world: Array
) -> Array:
    """Fills the trunk's world rotations (T, 104, 3, 3) and returns the root's place (T, 3)."""
    first_guess(turns, trunk, world)
    middle_hip = body13[:, [_BODY["r_hip"], _BODY["l_hip"]]].mean(1)
    targets = body13[:, [_BODY["r_shoulder"], _BODY["l_shoulder"], _BODY["head"]]]
    chest = world[:, _SPINE[-1]].copy()
    turned = np.zeros((len(world), 3 * len(_MOVABLE)))
    for head in _HEAD_CENTRE:
        joints = _place(world, offsets, middle_hip)
        centre = joints[:, _HEAD] + world[:, _HEAD] @ HEAD_CENTRE
        got = np.stack([*(joints[:, j] for j in _SHOULDERS), centre], axis=1)
        drift = matrix_to_rotvec(chest @ np.swapaxes(world[:, _SPINE[-1]], -1, -2))
        residual = np.concatenate([(targets - got).reshape(len(world), 9), drift], axis=1)
        turned = _step(_jacobian(joints, got), residual, head, turned, world)
    return _place(world, offsets, middle_hip)[:, 0]


def _ancestors(joint: int) -> list[int]:
    """The movable bones that carry a joint."""
    above = []
    while (joint := int(PARENTS[joint])) >= 0:
        above.append(joint)
    return above


_CARRY = np.array([[b in _ancestors(j) for b in _MOVABLE] for j in (*_SHOULDERS, _HEAD)])
_TURNED = {j: [k for k, b in enumerate(_MOVABLE) if b == j or b in _ancestors(j)] for j in _MOVABLE}


_VARIANCE = np.repeat([_FREEDOM[b] ** 2 for b in _MOVABLE], 3)


def _jacobian(joints: Array, points: Array) -> Array:
    """(T, 12, 3 x bones): how shoulders, head and the chest's turn answer to small turns of the movable bones.

    A small turn w of a bone moves a point that it carries by w x (point - joint).
    """
    arms = (points[:, :, None] - joints[:, None, list(_MOVABLE)]) * _CARRY[None, :, :, None]  # (T, 3, bones, 3)
    jacobian = np.zeros((len(joints), 12, len(_MOVABLE), 3))
    cross = jacobian[:, :9].reshape(len(joints), 3, 3, len(_MOVABLE), 3)
    x, y, z = arms[..., 0], arms[..., 1], arms[..., 2]
    cross[:, :, 0, :, 1], cross[:, :, 0, :, 2] = z, -y
    cross[:, :, 1, :, 0], cross[:, :, 1, :, 2] = -z, x
    cross[:, :, 2, :, 0], cross[:, :, 2, :, 1] = y, -x
    for axis in range(3):
        jacobian[:, 9 + axis, : len(_SPINE), axis] = 1.0
    return jacobian.reshape(len(joints), 12, -1)


def _step(jacobian: Array, residual: Array, head: float, turned: Array, world: Array) -> Array:
    """One Gauss-Newton step of damped least squares in its dual form (few residuals, many bones); turns `world`.

    The damping draws each bone back to the first guess, so `turned` (T, 3 x bones), what each has turned in all, is
    the smallest that does, and unique. Returns the new one.
    """
    transposed = np.swapaxes(jacobian, 1, 2)
    noise = np.repeat(np.array([_SHOULDER, _SHOULDER, head, _CHEST]) ** 2, 3)
    system = (jacobian * _VARIANCE) @ transposed + np.diag(noise)
    wanted = residual[..., None] + jacobian @ turned[..., None]
    new: Array = (_VARIANCE[:, None] * (transposed @ np.linalg.solve(system, wanted)))[..., 0]
    turns = (new - turned).reshape(len(world), len(_MOVABLE), 3)
    for j in _MOVABLE:
        world[:, j] = rotvec_to_matrix(turns[:, _TURNED[j]].sum(1)) @ world[:, j]
    return new
