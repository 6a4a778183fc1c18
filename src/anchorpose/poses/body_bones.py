"""The bones of the canonical skeleton that a motion model turns, and the nine measures that give a person its lengths.

Fingers, eyes and the outer toes follow the bones listed here: BODY13 says nothing about them. A person's bone lengths
are the canonical ones times a ratio for each group of bones, left and right alike, so that nine numbers (logarithms of
the ratios) stand for them all.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.canonical import ANNY, BODY13_BONES, HEAD_CENTRE, OFFSETS, PARENTS, REST, REST_LENGTHS, TOES
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13

Array = NDArray[np.float64]

_MIDDLE = ("root", "spine05", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "neck03", "head")
_SIDED = (
    "pelvis", "upperleg01", "upperleg02", "lowerleg01", "lowerleg02", "foot", "toe3-1", "clavicle", "shoulder01",
    "upperarm01", "upperarm02", "lowerarm01", "lowerarm02", "wrist",
)  # fmt: skip

BODY_BONES: tuple[str, ...] = tuple(
    name for name in ANNY.names if name in _MIDDLE or (name[-2] == "." and name[:-2] in _SIDED)
)
"""In the order of the canonical skeleton, so that a parent comes before its children. `toe3-1` stands for all toes."""

BONE_INDEX: NDArray[np.int64] = np.array([ANNY.index(name) for name in BODY_BONES])
BONE_PARENTS: NDArray[np.int64] = np.array(
    [-1 if PARENTS[j] < 0 else BODY_BONES.index(ANNY.names[PARENTS[j]]) for j in BONE_INDEX]
)
BONE_MIRROR: NDArray[np.int64] = np.array([BODY_BONES.index(ANNY.names[ANNY.mirror[j]]) for j in BONE_INDEX])

POINTS: tuple[str, ...] = (*BODY13.names, "r_toes", "l_toes")
"""What `body_points` gives: BODY13, and where the toes begin."""

MEASURES: tuple[str, ...] = (
    "hips", "thigh", "shin", "foot", "trunk", "girdle", "upper_arm", "forearm", "neck",
)  # fmt: skip
_GROUPS = {
    "upperleg01": "hips", "upperleg02": "thigh", "lowerleg01": "thigh", "lowerleg02": "shin", "foot": "shin",
    "spine04": "trunk", "spine03": "trunk", "spine02": "trunk", "spine01": "trunk", "clavicle": "trunk",
    "neck01": "trunk", "shoulder01": "girdle", "upperarm01": "girdle", "upperarm02": "upper_arm",
    "lowerarm01": "upper_arm", "lowerarm02": "forearm", "wrist": "forearm", "neck02": "neck", "neck03": "neck",
    "head": "neck", "eye": "neck",
}  # fmt: skip


def _group(name: str) -> int:
    base = name.partition(".")[0]
    if base.startswith("toe"):
        base_group = "foot"
    elif base.startswith(("finger", "metacarpal")):
        base_group = "forearm"
    else:
        base_group = _GROUPS.get(base, "trunk")  # root, pelvis and spine05 have no length
    return MEASURES.index(base_group)


GROUP_OF_JOINT: NDArray[np.int64] = np.array([_group(name) for name in ANNY.names])
"""(104,) the measure that each bone length follows."""

# A group's measure is taken from bones that have a length, of both sides.
_MEASURED = [
    np.flatnonzero((GROUP_OF_JOINT == g) & (REST_LENGTHS > 0) & np.isin(np.arange(len(ANNY)), BONE_INDEX))
    for g in range(len(MEASURES))
]
_B = {name: BODY13.index(name) for name in BODY13.names}
_M = {name: i for i, name in enumerate(MEASURES)}
_LARGEST = np.log(2.0)


def bone_lengths(measures: ArrayLike) -> Array:
    """Lengths (..., 104) [m] of people with the given measures (..., 9)."""
    measures = np.asarray(measures, np.float64)
    if measures.ndim == 0 or measures.shape[-1] != len(MEASURES):
        raise InputError(f"{len(MEASURES)} measures are expected, got shape {measures.shape}")
    lengths: Array = REST_LENGTHS * np.exp(measures[..., GROUP_OF_JOINT])
    return lengths


def measures_of_lengths(lengths: ArrayLike) -> Array:
    """The nine measures (..., 9) nearest to bone lengths (..., 104): means over the bones and sides of a group."""
    lengths = np.asarray(lengths, np.float64)
    if lengths.ndim == 0 or lengths.shape[-1] != len(ANNY):
        raise InputError(f"{len(ANNY)} bone lengths are expected, got shape {lengths.shape}")
    return np.stack(
        [np.log(np.maximum(lengths[..., j].sum(-1), 1e-6) / REST_LENGTHS[j].sum()) for j in _MEASURED], axis=-1
    )


def _chord(start: str, end: str) -> float:
    return float(np.linalg.norm(REST[ANNY.index(f"{end}.L")] - REST[ANNY.index(f"{start}.L")]))


_LIMBS = {
    "thigh": ("hip", "knee", _chord("upperleg01", "lowerleg01")),
    "shin": ("knee", "ankle", _chord("lowerleg01", "foot")),
    "upper_arm": ("shoulder", "elbow", _chord("upperarm01", "lowerarm01")),
    "forearm": ("elbow", "wrist", _chord("lowerarm01", "wrist")),
}
_LIMB_ENDS = np.array([[[_B[f"{s}_{n}"] for s in "rl"] for n in ends[:2]] for ends in _LIMBS.values()])
_HIPS, _SHOULDERS = ([_B[f"r_{n}"], _B[f"l_{n}"]] for n in ("hip", "shoulder"))
_HIP, _CLAVICLE, _SHOULDER = (REST[ANNY.index(f"{n}.L")] for n in ("upperleg01", "clavicle", "upperarm01"))
_NECK, _HEAD = REST[ANNY.index("neck01")], REST[ANNY.index("head")]


def fit_measures(joints: ArrayLike) -> Array:
    """Measures (9,) of the person of a track: medians over time, left and right together.

    Args:
        joints: (T, 13, 3) [m] BODY13, NaN where a joint is missing.

    Measures of which nothing is seen take the mean of those that are; without any, all are 0 (the average adult).
    """
    joints = np.asarray(joints, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(BODY13), 3):
        raise InputError(f"joints must be (T, {len(BODY13)}, 3), got {joints.shape}")
    if not len(joints):
        return np.zeros(len(MEASURES))
    out = np.full(len(MEASURES), np.nan)
    limbs = _norm(joints[:, _LIMB_ENDS[:, 0]] - joints[:, _LIMB_ENDS[:, 1]])  # (T, limbs, sides)
    for name, median in zip(_LIMBS, _medians(limbs.swapaxes(0, 1).reshape(len(_LIMBS), -1)), strict=True):
        out[_M[name]] = _log_ratio(median, _LIMBS[name][2])
    hips, shoulders = joints[:, _HIPS], joints[:, _SHOULDERS]
    middle = shoulders.mean(1)
    across = [hips[:, 0] - hips[:, 1], shoulders[:, 0] - shoulders[:, 1]]
    up = [middle - hips.mean(1), joints[:, _B["head"]] - middle]
    breadth, width, height, distance = _medians(_norm(np.stack(across + up)))
    out[_M["hips"]] = hip = _log_ratio(breadth, 2 * _HIP[0])
    trunk, girdle = _trunk(width, height, math.exp(hip) if math.isfinite(hip) else 1.0)
    out[_M["trunk"]], out[_M["girdle"]], out[_M["neck"]] = trunk, girdle, _neck(distance, trunk, girdle)
    known = np.isfinite(out)
    out = np.where(known, out, out[known].mean() if known.any() else 0.0)
    out[_M["foot"]] = out[_M["shin"]]
    return np.clip(out, -_LARGEST, _LARGEST)


def _norm(vectors: Array) -> Array:
    out: Array = np.sqrt((vectors * vectors).sum(-1))
    return out


def _medians(values: Array) -> list[float]:
    """Medians of K rows (K, T) of what is not NaN."""
    ordered = np.sort(values)  # NaN come last
    count = np.isfinite(ordered).sum(-1).tolist()
    return [(row[(n - 1) // 2] + row[n // 2]) / 2 if n else math.nan for row, n in zip(ordered, count, strict=True)]


def _log_ratio(median: float, rest: float) -> float:
    return math.log(max(median, 1e-3) / rest) if math.isfinite(median) else math.nan


# Some numbers a few times over: plain floats take a tenth of the time of arrays.
def _trunk(width: float, height: float, hips: float) -> tuple[float, float]:
    """Measures of the trunk and the shoulder girdle from the shoulders' distance and their height above the hips."""
    trunk = girdle = 1.0
    collar, arm, hip = _CLAVICLE.tolist(), (_SHOULDER - _CLAVICLE).tolist(), _HIP.tolist()
    for _ in range(8):
        if math.isfinite(width):
            girdle = _within((width / 2 - trunk * collar[0]) / arm[0])
        if math.isfinite(height):
            now = math.hypot(*(trunk * collar[k] + girdle * arm[k] - hips * hip[k] for k in (1, 2)))
            trunk = _within(trunk * height / max(now, 1e-3))
    return (
        math.log(trunk) if math.isfinite(height) else math.nan,
        math.log(girdle) if math.isfinite(width) else math.nan,
    )


def _neck(distance: float, trunk: float, girdle: float) -> float:
    """Measure of the neck from the distance of the head's centre to the middle of the shoulders."""
    if not math.isfinite(distance + trunk + girdle):
        return math.nan
    shoulders = math.exp(trunk) * _CLAVICLE + math.exp(girdle) * (_SHOULDER - _CLAVICLE)
    base, neck = (math.exp(trunk) * _NECK - shoulders + HEAD_CENTRE).tolist(), (_HEAD - _NECK).tolist()
    scale = 1.0
    for _ in range(8):
        now = math.hypot(*(base[k] + scale * neck[k] for k in (1, 2)))
        scale = _within(scale * distance / max(now, 1e-3))
    return math.log(scale)


def _within(ratio: float) -> float:
    """Half to twice."""
    return min(max(ratio, 0.5), 2.0)


# Each point of POINTS is a sum of vectors along its chain: ancestors (15, 39), the last column the head's centre.
def _chains() -> Array:
    ends = [*BODY13_BONES, "head", "toe3-1.R", "toe3-1.L"]
    out = np.zeros((len(POINTS), len(BODY_BONES) + 1))
    for row, name in enumerate(ends):
        bone = BODY_BONES.index(name)
        while BONE_PARENTS[bone] >= 0:
            out[row, bone] = 1.0
            bone = int(BONE_PARENTS[bone])
    out[_B["head"], -1] = 1.0
    return out


CHAINS = _chains()
BONE_OFFSETS: Array = OFFSETS[BONE_INDEX]


def _shares() -> Array:
    """(10, 38 * 3, 15) what columns of the bones' rotations add to POINTS: for each measure by its ratio, and the last
    one, the head's centre, whatever the measures."""
    out = np.zeros((len(MEASURES) + 1, len(BODY_BONES), 3, len(POINTS)))
    for bone, parent in enumerate(BONE_PARENTS):
        if parent >= 0:
            out[GROUP_OF_JOINT[BONE_INDEX[bone]], parent] += BONE_OFFSETS[bone][:, None] * CHAINS[:, bone]
    out[-1, BODY_BONES.index("head")] += HEAD_CENTRE[:, None] * CHAINS[:, -1]
    return out.reshape(len(out), -1, len(POINTS))


_SHARES = _shares()
_TORSO_SHARES: Array = _SHARES[..., _HIPS + _SHOULDERS].mean(-1)
CENTRED_SHARES: Array = _SHARES[..., : len(BODY13)] - _TORSO_SHARES[..., None]
"""(10, 38 * 3, 13) what columns of the bones' rotations add to BODY13 about the torso's centre: for each measure by its
ratio, and the last one whatever the measures."""
_FIXED = (BONE_INDEX, BONE_PARENTS, BONE_MIRROR, GROUP_OF_JOINT, CHAINS, BONE_OFFSETS)
for _array in (*_FIXED, _SHARES, _TORSO_SHARES, CENTRED_SHARES):
    _array.setflags(write=False)


def body_points(world: ArrayLike, measures: ArrayLike) -> Array:
    """POINTS (..., 15, 3) [m] about the root's joint, by forward kinematics.

    Args:
        world: (..., 38, 3, 3) rotations of BODY_BONES away from the reference pose, in the frame of the result.
        measures: (..., 9), broadcast against the leading axes of `world`.
    """
    return _points(world, measures, _SHARES)


def body13_points(world: ArrayLike, measures: ArrayLike) -> Array:
    """BODY13 (..., 13, 3) [m] about the torso's centre, of what `body_points` takes."""
    return _points(world, measures, CENTRED_SHARES)


def torso_from_root(world: Array, measures: Array) -> Array:
    """(..., 3) [m] the torso's centre about the root's joint, of what `body_points` takes."""
    out: Array = (_columns(world) @ (_ratios(measures) @ _TORSO_SHARES)[..., None])[..., 0]
    return out


def _columns(world: Array) -> Array:
    """(..., 3, 38 * 3) of rotations (..., 38, 3, 3): points are sums of columns."""
    return np.swapaxes(world, -3, -2).reshape(*world.shape[:-3], 3, -1)


def _ratios(measures: Array) -> Array:
    """(..., 10) lengths over those of the reference, and 1."""
    return np.concatenate([np.exp(measures), np.ones((*measures.shape[:-1], 1))], axis=-1)


def _points(world: ArrayLike, measures: ArrayLike, shares: Array) -> Array:
    world, measures = np.asarray(world, np.float64), np.asarray(measures, np.float64)
    lead, count = world.shape[:-3], shares.shape[-1]
    # One product with a matrix of the person's, for all frames at once.
    columns, ratios = _columns(world), _ratios(measures)
    matrix = (ratios @ shares.reshape(len(shares), -1)).reshape(*measures.shape[:-1], *shares.shape[1:])
    if measures.ndim == 1 or (measures.shape[-2] == 1 and measures.shape[:-2] == lead[:-1]):
        frames = columns.reshape(*measures.shape[:-2], -1, columns.shape[-1])
        points = (frames @ matrix.reshape(*measures.shape[:-2], *shares.shape[1:])).reshape(*lead, 3, count)
    else:
        points = columns @ matrix
    return np.swapaxes(points, -1, -2)


def all_local(world: ArrayLike) -> Array:
    """Local rotations (..., 104, 3, 3) of the whole skeleton from the world rotations (..., 38, 3, 3) of BODY_BONES.

    Toes turn together, eyes with the head; fingers stay as they are in the reference pose.
    """
    world = np.asarray(world, np.float64)
    local = np.empty((*world.shape[:-3], len(BODY_BONES) + 1, 3, 3))
    local[..., 0, :, :], local[..., -1, :, :] = world[..., 0, :, :], np.eye(3)
    local[..., 1:-1, :, :] = np.swapaxes(world[..., BONE_PARENTS[1:], :, :], -1, -2) @ world[..., 1:, :, :]
    return local[..., _TURNED_AS, :, :]


def _turned_as() -> NDArray[np.int64]:
    """(104,) for each joint the bone of BODY_BONES that turns as it does against its parent; 38: it does not turn."""
    slots = {name: k for k, name in enumerate(BODY_BONES)}
    for side in "LR":
        slots |= {f"{toe}.{side}": slots[f"toe3-1.{side}"] for toe in TOES}
    return np.array([slots.get(name, len(BODY_BONES)) for name in ANNY.names])


_TURNED_AS = _turned_as()
