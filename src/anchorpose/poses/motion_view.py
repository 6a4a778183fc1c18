"""What the motion model sees of a window of poses, and the way back from what it says.

A window is turned about the camera's vertical axis so that the person, on average over the window, faces the camera
with its left at +x: what is learned about one heading holds for all. The direction in which the camera looks goes in
beside it, since depth is what a lift knows least. Places are told in the ray's own terms (sideways and log depth, in
metres at the window's median depth), so that the depth's noise stays in one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.body_bones import MEASURES
from anchorpose.poses.sequences import MODES
from anchorpose.poses.skeletons import BODY13

Array = NDArray[np.float64]
Features = NDArray[np.float32]

JOINT_SCALE = 3.0  # metres to numbers about 1
FRAME_WIDTH = 13 * 3 + 13 + 3 + 3 + 1
"""Joints, scores, viewing ray, place, whether there is a place."""
MODE_WIDTH = 13 * 3 + 1
"""Joints, weight."""
WINDOW_WIDTH = len(MEASURES) + 2
"""The person's measures, log depth, whether there is a depth."""

DIRECTIONS: tuple[str, ...] = (
    "hips", "shoulders", "trunk", "neck", "r_thigh", "l_thigh", "r_shin", "l_shin", "r_upper_arm", "l_upper_arm",
    "r_forearm", "l_forearm",
)  # fmt: skip
"""Where the body's parts point: from right to left, upwards, and outwards."""

_LIMBS = {"thigh": ("hip", "knee"), "shin": ("knee", "ankle"), "upper_arm": ("shoulder", "elbow"),
          "forearm": ("elbow", "wrist")}  # fmt: skip
_TORSO = [BODY13.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]
_RIGHT, _LEFT = ([BODY13.index(f"{side}_{n}") for n in ("hip", "shoulder")] for side in "rl")
_MIDDLE_DEPTH = 4.0
_LEAST_DEPTH = 0.2
_STEADY = 2.5  # frames: deviation of the Gaussian that takes the jitter from the directions


def _direction_ends() -> NDArray[np.float64]:
    """(12, 2, 13) weights of the joints whose means a direction goes from and to."""
    joints = {name: np.eye(len(BODY13))[i] for i, name in enumerate(BODY13.names)}
    hips, shoulders = ((joints[f"r_{n}"] + joints[f"l_{n}"]) / 2 for n in ("hip", "shoulder"))
    ends = {
        "hips": (joints["r_hip"], joints["l_hip"]), "shoulders": (joints["r_shoulder"], joints["l_shoulder"]),
        "trunk": (hips, shoulders), "neck": (shoulders, joints["head"]),
    }  # fmt: skip
    for part, (a, b) in _LIMBS.items():
        ends |= {f"{s}_{part}": (joints[f"{s}_{a}"], joints[f"{s}_{b}"]) for s in "rl"}
    return np.array([ends[name] for name in DIRECTIONS])


_ENDS = _direction_ends()
_VECTORS = _ENDS[:, 1] - _ENDS[:, 0]
_NEEDED = np.asarray(_ENDS.any(1), np.float64)
_IS_TORSO = np.isin(np.arange(len(BODY13)), _TORSO)
_SIDEWAYS = np.isin(np.arange(len(BODY13)), _LEFT).astype(float) - np.isin(np.arange(len(BODY13)), _RIGHT)
_TOLD = np.concatenate([np.eye(len(BODY13)) - _IS_TORSO / len(_TORSO), _VECTORS, _SIDEWAYS[None]])


@dataclass(frozen=True, eq=False)
class MotionView:
    """N windows of W frames.

    Attributes:
        frames (N, W, FRAME_WIDTH), modes (N, W, M, MODE_WIDTH), present (N, W; 0 or 1), places (N, W, 3; gaps filled),
        window (N, WINDOW_WIDTH), directions (N, W, 12, 3; see `DIRECTIONS`, gaps filled, a little smoothed, at most of
            length 1, 0 where nothing is known): the network's inputs, float32.
        turn: (N, 3, 3) rotation from the camera's axes to the window's.
        reference: (N, 3) x / z, y / z and z [m] about which places are told; placed: (N,) whether there is any place.
    """

    frames: Features
    modes: Features
    present: Features
    places: Features
    window: Features
    directions: Features
    turn: Array
    reference: Array
    placed: NDArray[np.bool_]

    @property
    def inputs(self) -> dict[str, Features]:
        """By the names that the network's file uses."""
        return {name: getattr(self, name) for name in INPUTS}


INPUTS = ("frames", "modes", "present", "places", "window", "directions")
SETTLE_INPUTS = ("there", "calm", "near", "most")
"""What the network's file takes besides, to settle single frames: see `learn.nets.settle`."""


def motion_view(
    joints: ArrayLike, scores: ArrayLike, translation: ArrayLike, modes: ArrayLike, weights: ArrayLike,
    measures: ArrayLike,
) -> MotionView:  # fmt: skip
    """Windows as the network takes them.

    Args:
        joints: (N, W, 13, 3) [m] camera-oriented, NaN where missing; scores: (N, W, 13).
        translation: (N, W, 3) [m] of the torso's centre in the camera frame, NaN where unknown.
        modes: (N, W, MODES, 13, 3) [m] about the torso; weights: (N, W, MODES).
        measures: (N, 9) of the persons (`poses.body_bones.fit_measures`).
    """
    return view_of(frame_rows(joints, scores, translation, modes, weights), measures)


_PARTS = {
    "joints": 3 * len(BODY13), "modes": 3 * len(BODY13) * MODES, "ray": 3, "directions": 3 * len(DIRECTIONS),
    "scores": len(BODY13), "weights": MODES, "left": 3, "plane": 3, "placed": 1, "there": len(BODY13),
    "known": len(DIRECTIONS),
}  # fmt: skip
_ENDS_AT = np.cumsum(list(_PARTS.values())).tolist()
_AT = {name: slice(end - width, end) for (name, width), end in zip(_PARTS.items(), _ENDS_AT, strict=True)}
_TURNED = slice(0, _AT["directions"].stop)  # what turns with the window, all vectors
_IN_PLANE = slice(_AT["plane"].start, _AT["plane"].start + 2)
ROW_WIDTH: int = _ENDS_AT[-1]


def frame_rows(
    joints: ArrayLike, scores: ArrayLike, translation: ArrayLike, modes: ArrayLike, weights: ArrayLike
) -> Array:
    """(..., ROW_WIDTH) what frames say each by itself, for `view_of`; arguments as of `motion_view`, (...) for (N, W).

    In the camera's axes: joints and modes as the network has them, where the body's parts point, the viewing ray, from
    right to left; scores, weights, place as x / z, y / z, z; and what of it is there, 0 or 1.
    """
    joints, translation, modes, weights = (
        np.asarray(values, np.float64) for values in (joints, translation, modes, weights)
    )
    lead = joints.shape[:-2]
    there = np.asarray(np.isfinite(joints).all(-1))
    told = _told(joints, there)
    units, known = _unit(told[..., len(BODY13) : -1, :]), _known(there)
    placed = np.asarray(np.isfinite(translation).all(-1) & (translation[..., 2] > _LEAST_DEPTH))[..., None]
    safe = np.where(placed, translation, (0.0, 0.0, _MIDDLE_DEPTH))  # a place that is none is not looked at
    some = np.asarray(weights > 0)[..., None, None] & np.isfinite(modes)
    parts = {
        "joints": told[..., : len(BODY13), :], "modes": np.where(some, modes, 0.0), "ray": placed * _unit(safe),
        "directions": units, "scores": np.where(there, scores, 0.0), "weights": np.maximum(weights, 0.0),
        "left": told[..., -1, :], "plane": safe, "placed": placed, "there": there, "known": known,
    }  # fmt: skip
    out = np.concatenate([parts[name].reshape(*lead, width) for name, width in _PARTS.items()], axis=-1)
    out[..., : _AT["modes"].stop] *= JOINT_SCALE
    out[..., _IN_PLANE] /= safe[..., 2:]
    return out


def view_of(rows: Array, measures: ArrayLike) -> MotionView:
    """Windows as the network takes them, of frames (N, W, ROW_WIDTH) from `frame_rows` and measures (N, 9)."""
    n, w = rows.shape[:2]
    part = {name: rows[..., at] for name, at in _AT.items()}
    there, placed = part["there"] > 0, part["placed"][..., 0] > 0
    turn = _turn_of(part["left"].sum(1))
    vectors = rows[..., _TURNED].copy()
    vectors[..., _AT["directions"]] = _steady(part["directions"], part["known"] > 0)
    # One product for each window: small products take far longer.
    turned = (vectors.reshape(n, -1, 3) @ np.swapaxes(turn, 1, 2)).reshape(vectors.shape).astype(np.float32)
    reference = _reference(part["plane"], placed)
    place = _place(part["plane"], reference)
    frames = np.concatenate(
        [turned[..., _AT["joints"]], part["scores"], turned[..., _AT["ray"]], place * part["placed"], part["placed"]],
        axis=-1, dtype=np.float32, casting="same_kind",
    )  # fmt: skip
    modes = np.empty((n, w, MODES, MODE_WIDTH), np.float32)
    modes[..., :-1], modes[..., -1] = turned[..., _AT["modes"]].reshape(n, w, MODES, -1), part["weights"]
    any_place, present = np.asarray(placed.any(1)), np.asarray(there.any(-1), np.float32)
    window = np.empty((n, WINDOW_WIDTH), np.float32)
    window[:, : len(MEASURES)], window[:, -1] = measures, any_place
    window[:, -2] = np.log(reference[:, 2] / _MIDDLE_DEPTH)  # 0 without any place
    return MotionView(
        frames, modes, present, fill(place, placed).astype(np.float32), window,
        turned[..., _AT["directions"]].reshape(n, w, len(DIRECTIONS), 3), turn, reference, any_place,
    )  # fmt: skip


def counted(rows: Array) -> Features:
    """(N, W, 13) which joints of frames (N, W, ROW_WIDTH) are there, 0 or 1; none where the torso is not whole."""
    there = rows[..., _AT["there"]] > 0
    if not there.all():
        there &= np.asarray((there | ~_IS_TORSO).all(-1))[..., None]
    return there.astype(np.float32)


def _told(joints: Array, there: NDArray[np.bool_]) -> Array:
    """(..., 26, 3) of frames: joints (..., 13, 3) about the middle of the torso's joints that are there, else of all;
    where the body's parts point, unless a joint for that is missing; and from right to left."""
    if there.all():
        return _TOLD @ joints
    joints = np.where(there[..., None], joints, 0.0)
    out: Array = _TOLD @ joints
    torso = there & _IS_TORSO
    use = np.where(np.asarray(torso.any(-1))[..., None], torso, there)[..., None]
    centre = (use * joints).sum(-2, keepdims=True) / np.maximum(use.sum(-2, keepdims=True), 1)
    out[..., : len(BODY13), :] = np.where(there[..., None], joints - centre, 0.0)
    both = np.asarray(there[..., _RIGHT] & there[..., _LEFT])[..., None]
    out[..., -1, :] = np.where(both, joints[..., _LEFT, :] - joints[..., _RIGHT, :], 0.0).sum(-2)
    return out


def _turn_of(left: Array) -> Array:
    """(N, 3, 3) turns about the camera's vertical that bring directions to persons' left (N, 3) to +x."""
    length = np.hypot(left[:, 0], left[:, 2])
    known = length > 1e-6
    if not known.all():  # those face the camera
        left, length = np.where(known[:, None], left, (1.0, 0.0, 0.0)), np.where(known, length, 1.0)
    turn = np.zeros((len(left), 3, 3))
    turn[:, 1, 1] = 1.0
    turn[:, 0, 0] = turn[:, 2, 2] = left[:, 0] / length
    turn[:, 0, 2] = left[:, 2] / length
    turn[:, 2, 0] = -turn[:, 0, 2]
    return turn


def directions_of(joints: Array, there: NDArray[np.bool_]) -> Array:
    """(N, W, 12, 3) where the parts of bodies (N, W, 13, 3) point, of which the joints `there` (N, W, 13) are known."""
    units = _unit(_VECTORS @ joints)
    return _steady(units.reshape(*units.shape[:2], -1), _known(there)).reshape(units.shape)


def _known(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(..., 12) whether all joints are there that a direction needs."""
    known: NDArray[np.bool_] = (~there).astype(np.float64) @ _NEEDED.T == 0
    return known


def _unit(vectors: Array) -> Array:
    length = np.sqrt((vectors * vectors).sum(-1, keepdims=True))
    return vectors / np.maximum(length, 1e-6)


def _steady(units: Array, known: NDArray[np.bool_]) -> Array:
    """Directions (N, W, 36), of which (N, W, 12) are known, gaps filled over time and smoothed a little."""
    n, w = known.shape[:2]
    if not known.all():
        units = units.reshape(n, w, len(DIRECTIONS), 3).swapaxes(1, 2)
        filled = fill(units.reshape(-1, w, 3), known.swapaxes(1, 2).reshape(-1, w))
        units = filled.reshape(n, len(DIRECTIONS), w, 3).swapaxes(1, 2).reshape(n, w, -1)
    out: Array = _smoothing(w) @ units
    return out


@lru_cache(maxsize=16)
def _smoothing(frames: int) -> Array:
    """(W, W) a Gaussian over time whose rows sum to one."""
    off = np.arange(frames)[:, None] - np.arange(frames)
    weight = np.exp(-0.5 * (off / _STEADY) ** 2)
    out: Array = weight / weight.sum(1, keepdims=True)
    return out


def _reference(plane: Array, placed: NDArray[np.bool_]) -> Array:
    """(N, 3) medians of x / z, y / z and z (N, W, 3) over the frames that have a place (N, W)."""
    if placed.all():
        middle: Array = np.sort(plane, axis=1)[:, (plane.shape[1] - 1) // 2]
        return middle
    ordered = np.sort(np.where(placed[..., None], plane, np.inf), axis=1)
    reference = ordered[np.arange(len(plane)), np.maximum(placed.sum(1) - 1, 0) // 2]
    return np.where(np.asarray(placed.any(1))[:, None], reference, (0.0, 0.0, _MIDDLE_DEPTH))


def places_of(translation: Array, reference: Array) -> Array:
    """Places (N, W, 3) of translations (N, W, 3) [m] in the camera frame, about references (N, 3)."""
    return _place(np.concatenate([translation[..., :2] / translation[..., 2:], translation[..., 2:]], -1), reference)


def _place(plane: Array, reference: Array) -> Array:
    """`places_of` x / z, y / z and z (N, W, 3)."""
    depth = reference[:, None, 2:]
    place = (plane - reference[:, None]) * depth
    place[..., 2:] = np.log(plane[..., 2:] / depth) * depth
    return place


def translations_of(places: Array, reference: Array) -> Array:
    """Translations (N, W, 3) [m] in the camera frame of places: `places_of` backwards."""
    depth = reference[:, None, 2:]
    z = depth * np.exp(np.clip(places[..., 2:] / depth, -3.0, 3.0))
    return np.concatenate([(places[..., :2] / depth + reference[:, None, :2]) * z, z], axis=-1)


def fill(values: Array, known: NDArray[np.bool_]) -> Array:
    """Values (N, W, D) with unknown ones interpolated over W, held at the ends; 0 where a row knows none."""
    if known.all():
        return values
    n, w = known.shape
    index = np.arange(w)
    before = np.maximum.accumulate(np.where(known, index, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, index, w)[:, ::-1], axis=1)[:, ::-1]
    some = np.asarray(known.any(1, keepdims=True))
    low = np.where(before >= 0, before, after)
    high = np.where(after < w, after, before)
    low, high = (np.where(some, k, 0) for k in (low, high))
    share = np.where(high > low, (index - low) / np.maximum(high - low, 1), 0.0)[..., None]
    rows = np.arange(n)[:, None]
    out: Array = np.where(some[..., None], (1 - share) * values[rows, low] + share * values[rows, high], 0.0)
    return out
