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
_NEEDED = np.asarray(_ENDS.any(1))


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


def motion_view(
    joints: ArrayLike, scores: ArrayLike, translation: ArrayLike, modes: ArrayLike, weights: ArrayLike,
    measures: ArrayLike,
) -> MotionView:  # fmt: skip
    """Windows as the network takes them.

    Args:
        joints: (N, W, 13, 3) [m] camera-oriented, NaN where missing; scores: (N, W, 13).
        translation: (N, W, 3) [m] of the torso's centre in the camera frame, NaN where unknown.
        modes: (N, W, M, 13, 3) [m] about the torso; weights: (N, W, M).
        measures: (N, 9) of the persons (`poses.body_bones.fit_measures`).
    """
    joints, translation = np.asarray(joints, np.float64), np.asarray(translation, np.float64)
    there = np.asarray(np.isfinite(joints).all(-1))
    present = np.asarray(there.any(-1))
    centred = np.where(there[..., None], joints - _centre(joints, there)[..., None, :], 0.0)
    turn = facing_turn(joints, there)
    turned = _all_turned(centred, turn)
    place, has_place, reference = _places(translation)
    ray = np.where(has_place[..., None], translation, 0.0)
    ray = ray / np.maximum(np.linalg.norm(ray, axis=-1, keepdims=True), 1e-6) @ np.swapaxes(turn, -1, -2)
    frames = np.concatenate(
        [
            (JOINT_SCALE * turned).reshape(*turned.shape[:2], -1),
            np.where(there, np.asarray(scores, np.float64), 0.0),
            ray,
            np.where(has_place[..., None], place, 0.0),
            has_place[..., None],
        ],
        axis=-1,
    )
    placed = np.asarray(has_place.any(1))
    depth = np.where(placed, np.log(reference[:, 2] / _MIDDLE_DEPTH), 0.0)
    window = np.concatenate([np.asarray(measures, np.float64), depth[:, None], placed[:, None]], axis=-1)
    return MotionView(
        frames.astype(np.float32), _mode_features(modes, weights, turn), present.astype(np.float32),
        fill(place, has_place).astype(np.float32), window.astype(np.float32),
        directions_of(turned, there).astype(np.float32), turn, reference, placed,
    )  # fmt: skip


def _centre(joints: Array, there: NDArray[np.bool_]) -> Array:
    """(..., 3) mean of the torso's joints that are there, else of all."""
    torso = there[..., _TORSO]
    some = torso.any(-1, keepdims=True)
    use = np.zeros_like(there)
    use[..., _TORSO] = torso
    use = np.where(some, use, there)[..., None]
    total: Array = np.where(use, joints, 0.0).sum(-2) / np.maximum(use.sum(-2), 1)
    return total


def facing_turn(joints: Array, there: NDArray[np.bool_]) -> Array:
    """(N, 3, 3) turns about the camera's vertical that bring the mean direction to the person's left to +x."""
    both = np.asarray(there[..., _RIGHT] & there[..., _LEFT])[..., None]
    left = np.where(both, joints[..., _LEFT, :] - joints[..., _RIGHT, :], 0.0).sum(1).sum(1)
    length = np.hypot(left[:, 0], left[:, 2])
    known = length > 1e-6
    cosine = np.where(known, left[:, 0] / np.maximum(length, 1e-9), 1.0)
    sine = np.where(known, left[:, 2] / np.maximum(length, 1e-9), 0.0)
    turn = np.zeros((len(joints), 3, 3))
    turn[:, 1, 1] = 1.0
    turn[:, 0, 0] = turn[:, 2, 2] = cosine
    turn[:, 0, 2], turn[:, 2, 0] = sine, -sine
    return turn


def _mode_features(modes: ArrayLike, weights: ArrayLike, turn: Array) -> Features:
    modes, weights = np.asarray(modes, np.float64), np.asarray(weights, np.float64)
    there = np.asarray(weights > 0)[..., None, None] & np.isfinite(modes)
    turned = _all_turned(JOINT_SCALE * np.where(there, modes, 0.0), turn)
    flat = turned.reshape(*turned.shape[:3], -1)
    return np.concatenate([flat, np.maximum(weights, 0.0)[..., None]], axis=-1).astype(np.float32)


def _all_turned(points: Array, turn: Array) -> Array:
    """Points (N, ..., 3) turned by (N, 3, 3), in one product for each window: small products take far longer."""
    return (points.reshape(len(points), -1, 3) @ np.swapaxes(turn, -1, -2)).reshape(points.shape)


def directions_of(joints: Array, there: NDArray[np.bool_]) -> Array:
    """(N, W, 12, 3) where the parts of bodies (N, W, 13, 3) point, of which the joints `there` (N, W, 13) are known."""
    n, w = there.shape[:2]
    vectors = np.einsum("dj,nwjc->ndwc", _VECTORS, joints)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
    known = ~(_NEEDED[:, None] & ~there[:, None]).any(-1)  # (N, 12, W)
    filled = fill(unit.reshape(-1, w, 3), known.reshape(-1, w)).reshape(n, len(DIRECTIONS), w, 3)
    steady: Array = (_smoothing(w) @ filled).transpose(0, 2, 1, 3)
    return steady


@lru_cache(maxsize=16)
def _smoothing(frames: int) -> Array:
    """(W, W) a Gaussian over time whose rows sum to one."""
    off = np.arange(frames)[:, None] - np.arange(frames)
    weight = np.exp(-0.5 * (off / _STEADY) ** 2)
    out: Array = weight / weight.sum(1, keepdims=True)
    return out


def _places(translation: Array) -> tuple[Array, NDArray[np.bool_], Array]:
    """Places (N, W, 3) in the ray's terms, where there are any (N, W), and the reference (N, 3)."""
    has = np.asarray(np.isfinite(translation).all(-1) & (translation[..., 2] > _LEAST_DEPTH))
    safe = np.where(has[..., None], translation, (0.0, 0.0, _MIDDLE_DEPTH))
    plane = np.concatenate([safe[..., :2] / safe[..., 2:], safe[..., 2:]], axis=-1)
    # Medians of the frames that have a place.
    ordered = np.sort(np.where(has[..., None], plane, np.inf), axis=1)
    reference = ordered[np.arange(len(plane)), np.maximum(has.sum(1) - 1, 0) // 2]
    reference = np.where(np.asarray(has.any(1))[:, None], reference, (0.0, 0.0, _MIDDLE_DEPTH))
    return places_of(safe, reference), has, reference


def places_of(translation: Array, reference: Array) -> Array:
    """Places (N, W, 3) of translations (N, W, 3) [m] in the camera frame, about references (N, 3)."""
    depth = reference[:, None, 2:]
    sideways = (translation[..., :2] / translation[..., 2:] - reference[:, None, :2]) * depth
    return np.concatenate([sideways, np.log(translation[..., 2:] / depth) * depth], axis=-1)


def translations_of(places: Array, reference: Array) -> Array:
    """Translations (N, W, 3) [m] in the camera frame of places: `places_of` backwards."""
    depth = reference[:, None, 2:]
    z = depth * np.exp(np.clip(places[..., 2:] / depth, -3.0, 3.0))
    return np.concatenate([(places[..., :2] / depth + reference[:, None, :2]) * z, z], axis=-1)


def fill(values: Array, known: NDArray[np.bool_]) -> Array:
    """Values (N, W, D) with unknown ones interpolated over W, held at the ends; 0 where a row knows none."""
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
