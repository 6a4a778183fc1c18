"""The bones of the canonical skeleton that a motion model turns, and the nine measures that give a person its lengths.

Fingers, eyes and the outer toes follow the bones listed here: BODY13 says nothing about them. A person's bone lengths
are the canonical ones times a ratio for each group of bones, left and right alike, so that nine numbers (logarithms of
the ratios) stand for them all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.canonical import ANNY, BODY13_BONES, HEAD_CENTRE, OFFSETS, PARENTS, REST, REST_LENGTHS, TOES
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import local_rotations
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
    out = np.full(len(MEASURES), np.nan)
    for name, (a, b, rest) in _LIMBS.items():
        both = [np.linalg.norm(joints[:, _B[f"{s}_{a}"]] - joints[:, _B[f"{s}_{b}"]], axis=-1) for s in "rl"]
        out[_M[name]] = _log_ratio(np.concatenate(both), rest)
    hips, shoulders = (joints[:, [_B[f"r_{n}"], _B[f"l_{n}"]]] for n in ("hip", "shoulder"))
    out[_M["hips"]] = _log_ratio(np.linalg.norm(hips[:, 0] - hips[:, 1], axis=-1), 2 * _HIP[0])
    width = _median(np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=-1))
    height = _median(np.linalg.norm(shoulders.mean(1) - hips.mean(1), axis=-1))
    trunk, girdle = _trunk(width, height, float(np.exp(np.nan_to_num(out[_M["hips"]]))))
    out[_M["trunk"]], out[_M["girdle"]] = trunk, girdle
    out[_M["neck"]] = _neck(_median(np.linalg.norm(joints[:, _B["head"]] - shoulders.mean(1), axis=-1)), trunk, girdle)
    known = np.isfinite(out)
    out = np.where(known, out, out[known].mean() if known.any() else 0.0)
    out[_M["foot"]] = out[_M["shin"]]
    return np.clip(out, -_LARGEST, _LARGEST)


def _median(values: Array) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")


def _log_ratio(values: Array, rest: float) -> float:
    return float(np.log(max(_median(values), 1e-3) / rest)) if np.isfinite(values).any() else float("nan")


def _trunk(width: float, height: float, hips: float) -> tuple[float, float]:
    """Measures of the trunk and the shoulder girdle from the shoulders' distance and their height above the hips."""
    trunk = girdle = 1.0
    out_of_clavicle = _SHOULDER - _CLAVICLE
    for _ in range(8):
        if np.isfinite(width):
            girdle = float(np.clip((width / 2 - trunk * _CLAVICLE[0]) / out_of_clavicle[0], 0.5, 2.0))
        if np.isfinite(height):
            now = np.linalg.norm((trunk * _CLAVICLE + girdle * out_of_clavicle - hips * _HIP)[1:])
            trunk = float(np.clip(trunk * height / max(float(now), 1e-3), 0.5, 2.0))
    return (np.log(trunk) if np.isfinite(height) else np.nan), (np.log(girdle) if np.isfinite(width) else np.nan)


def _neck(distance: float, trunk: float, girdle: float) -> float:
    """Measure of the neck from the distance of the head's centre to the middle of the shoulders."""
    if not np.isfinite([distance, trunk, girdle]).all():
        return float("nan")
    shoulders = np.exp(trunk) * _CLAVICLE + np.exp(girdle) * (_SHOULDER - _CLAVICLE)
    base = np.exp(trunk) * _NECK - shoulders
    scale = 1.0
    for _ in range(8):
        now = np.linalg.norm((base + scale * (_HEAD - _NECK) + HEAD_CENTRE)[1:])
        scale = float(np.clip(scale * distance / max(float(now), 1e-3), 0.5, 2.0))
    return float(np.log(scale))


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
for _array in (BONE_INDEX, BONE_PARENTS, BONE_MIRROR, GROUP_OF_JOINT, CHAINS, BONE_OFFSETS):
    _array.setflags(write=False)


def body_points(world: ArrayLike, measures: ArrayLike) -> Array:
    """POINTS (..., 15, 3) [m] about the root's joint, by forward kinematics.

    Args:
        world: (..., 38, 3, 3) rotations of BODY_BONES away from the reference pose, in the frame of the result.
        measures: (..., 9), broadcast against the leading axes of `world`.
    """
    world = np.asarray(world, np.float64)
    ratios = np.exp(np.asarray(measures, np.float64))[..., GROUP_OF_JOINT[BONE_INDEX], None]
    parents = np.maximum(BONE_PARENTS, 0)
    along = (world[..., parents, :, :] @ (BONE_OFFSETS * ratios)[..., None])[..., 0]
    head = world[..., BODY_BONES.index("head"), :, :] @ HEAD_CENTRE
    points: Array = CHAINS @ np.concatenate([along, head[..., None, :]], axis=-2)
    return points


def all_local(world: ArrayLike) -> Array:
    """Local rotations (..., 104, 3, 3) of the whole skeleton from the world rotations (..., 38, 3, 3) of BODY_BONES.

    Toes turn together, eyes with the head; fingers stay as they are in the reference pose.
    """
    return local_rotations(np.asarray(world, np.float64)[..., _CARRIERS, :, :])


def _carriers() -> NDArray[np.int64]:
    """(104,) for each joint the bone of BODY_BONES that it turns with: itself, or the nearest above it."""
    slots = {name: k for k, name in enumerate(BODY_BONES)}
    for side in "LR":
        slots |= {f"{toe}.{side}": slots[f"toe3-1.{side}"] for toe in TOES}
    out = np.zeros(len(ANNY), np.int64)
    for j, name in enumerate(ANNY.names):
        out[j] = slots[name] if name in slots else out[PARENTS[j]]
    return out


_CARRIERS = _carriers()
