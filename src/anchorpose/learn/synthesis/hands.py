"""Fingers: hand poses from recorded grasps and from rules, mixed within the limits of the joints, put on a body.

A hand pose is (15, 3) rotation vectors in the layout of `ycb_grasps.npz`: index 1-3, middle 1-3, little 1-3, ring 1-3,
thumb 1-3, from the knuckle to the tip, of a right hand that lies flat with its fingers along -x, the palm facing -y and
the thumb at +z. So z bends a finger, and y spreads it towards the thumb. The left hand is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from anchorpose.files.paths import input_file
from anchorpose.poses.body import BodyModel, nearest_rotation
from anchorpose.poses.errors import FormatError
from anchorpose.poses.rotations import rotvec_to_matrix, turn_between

FINGER_NUMBERS = (2, 3, 5, 4, 1)
"""The numbers that the body's bones have for index, middle, little, ring and thumb."""

_INDEX, _MIDDLE, _LITTLE, _RING, _THUMB = range(5)
_FINGERS = (_INDEX, _MIDDLE, _RING, _LITTLE)
_SPREAD = {_INDEX: 1.0, _MIDDLE: 0.15, _RING: -0.55, _LITTLE: -1.2}
_LOW = np.full((5, 3, 3), -0.25)
_HIGH = np.full((5, 3, 3), 0.25)
_LOW[:4, 0], _HIGH[:4, 0] = (-0.5, -0.3, -0.35), (0.45, 0.45, 1.6)
_LOW[:4, 1], _HIGH[:4, 1] = (-0.4, -0.05, -0.1), (0.35, 0.05, 1.8)
_LOW[:4, 2], _HIGH[:4, 2] = (-0.3, -0.05, -0.1), (0.3, 0.05, 1.2)
_LOW[_THUMB], _HIGH[_THUMB] = (
    [(-0.6, -0.6, -0.3), (-0.2, -1.0, -0.2), (-0.1, -1.4, -0.2)],
    [
        (1.1, 0.8, 0.75),
        (0.2, 0.2, 0.3),
        (0.4, 0.25, 0.8),
    ],
)
LIMITS = (_LOW.reshape(15, 3), _HIGH.reshape(15, 3))
"""Lowest and highest rotation (15, 3) of each joint about each axis [rad]."""


@dataclass(frozen=True, eq=False)
class HandPoses:
    """A library of hand poses: poses (N, 15, 3), names (N,) of what they are, weights (N,) how often each is drawn."""

    poses: np.ndarray
    names: tuple[str, ...]
    weights: np.ndarray


def hand_pose(
    curls: tuple[float, float, float, float], spread: float = 0.05, thumb: tuple[float, float, float] = (0.2, 0.1, 0.2)
) -> np.ndarray:
    """A hand pose by rule (15, 3).

    Args:
        curls: how far index, middle, ring and little finger are bent, 0 stretched to 1 rolled up.
        spread: angle between neighbouring fingers, beyond that of the flat hand [rad].
        thumb: opposition (0 beside the palm, 1 before it), bend of its base, and bend of its joints; 0 to 1.
    """
    pose = np.zeros((5, 3, 3))
    for finger, curl in zip(_FINGERS, curls, strict=True):
        pose[finger, :, 2] = np.array([1.3, 1.65, 0.95]) * curl
        pose[finger, 0, 1] = _SPREAD[finger] * (spread * (1 - 0.7 * curl) - 0.3 * curl)  # bent fingers close up
    oppose, base, bend = thumb
    pose[_THUMB, 0] = (0.9 * oppose, 0.3 * oppose - 0.5 * base, 0.35 * oppose)
    pose[_THUMB, 1, 1] = -0.7 * bend
    pose[_THUMB, 2, 1] = -0.9 * bend
    return pose.reshape(15, 3)


def ruled_hands() -> HandPoses:
    """Relaxed, open, closed, pointing, counting and pinching hands, made by rule."""
    table: dict[str, tuple[tuple[float, float, float, float], float, tuple[float, float, float], float]] = {
        "relaxed": ((0.25, 0.3, 0.34, 0.36), 0.03, (0.3, 0.2, 0.2), 5),
        "loose": ((0.12, 0.16, 0.2, 0.2), 0.06, (0.2, 0.1, 0.1), 3),
        "flat": ((0.0, 0.0, 0.0, 0.0), 0.0, (0.0, 0.1, 0.0), 1.5),
        "open": ((0.0, 0.0, 0.0, 0.02), 0.22, (0.0, -0.5, 0.0), 3),
        "fist": ((0.95, 1.0, 1.0, 1.0), 0.0, (0.85, 0.8, 0.7), 3),
        "half fist": ((0.6, 0.65, 0.7, 0.7), 0.0, (0.5, 0.4, 0.4), 2),
        "point": ((0.03, 0.9, 0.95, 0.95), 0.0, (0.8, 0.6, 0.6), 3),
        "point, thumb out": ((0.03, 0.9, 0.95, 0.95), 0.0, (0.0, -0.6, 0.0), 1),
        "victory": ((0.0, 0.02, 0.95, 0.95), 0.25, (0.85, 0.7, 0.7), 1.5),
        "three": ((0.0, 0.0, 0.05, 0.9), 0.15, (0.8, 0.8, 0.6), 0.7),
        "four": ((0.0, 0.0, 0.0, 0.0), 0.2, (0.95, 0.9, 0.7), 0.7),
        "thumb up": ((0.95, 1.0, 1.0, 1.0), 0.0, (0.0, -0.6, 0.0), 1.5),
        "call": ((0.9, 0.95, 0.9, 0.05), 0.2, (0.0, -0.6, 0.0), 0.7),
        "pinch": ((0.5, 0.3, 0.25, 0.25), 0.05, (0.85, 0.3, 0.45), 1.5),
        "OK": ((0.6, 0.12, 0.06, 0.02), 0.15, (0.9, 0.3, 0.55), 1),
        "hook": ((0.4, 0.42, 0.45, 0.45), 0.0, (0.1, 0.0, 0.0), 1),
    }
    poses = np.stack([hand_pose(curls, spread, thumb) for curls, spread, thumb, _ in table.values()])
    return HandPoses(poses, tuple(table), np.array([row[3] for row in table.values()], float))


def read_hands(path: str | Path | None, grasps_share: float = 0.5) -> HandPoses:
    """The hands made by rule and, where there is such a file, the recorded grasps and their mean of each type.

    Args:
        path: `ycb_grasps.npz`, or None for the ruled hands alone.
        grasps_share: share of the draws that are grasps; every type of grasp is drawn alike.

    Raises:
        FileError: no such file. FormatError: not such a file.
    """
    ruled = ruled_hands()
    if path is None:
        return ruled
    file = input_file(path, "hand poses (ycb_grasps.npz)")
    try:
        with np.load(file, allow_pickle=False) as data:
            poses = data["hand_pose"].reshape(-1, 15, 3).astype(float)
            kinds, means, titles = data["grasp_type"], data["mean_pose"].reshape(-1, 15, 3), data["type_names"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise FormatError(f"{file}: not a file of hand poses ({error})") from error
    known = np.flatnonzero(np.isfinite(means).all((1, 2)))
    poses = np.concatenate([poses, means[known]])
    kinds = np.concatenate([kinds.astype(int), known + 1])
    weights = 1 / np.bincount(kinds)[kinds]
    weights *= grasps_share / weights.sum()
    names = tuple(f"grasp: {titles[k - 1]}" for k in kinds)
    rest = ruled.weights * (1 - grasps_share) / ruled.weights.sum()
    return HandPoses(np.concatenate([poses, ruled.poses]), names + ruled.names, np.concatenate([weights, rest]))


def draw_hand(library: HandPoses, rng: np.random.Generator, mixed: float = 0.5) -> tuple[np.ndarray, str]:
    """A hand pose (15, 3) and its name: one of the library or, in a share, a mixture of two, finger by finger."""
    chances = np.cumsum(library.weights)
    first, second = np.minimum(np.searchsorted(chances, rng.random(2) * chances[-1]), len(chances) - 1)
    amounts, mixes = rng.random(5), rng.random() < mixed
    noise = rng.normal(0, 1, (15, 3)) * (0.03, 0.04, 0.08)
    pose = library.poses[first]
    if mixes:
        share = np.repeat(amounts, 3)[:, None]
        pose = (1 - share) * pose + share * library.poses[second]
    name = library.names[first] + (f" + {library.names[second]}" if mixes else "")
    noise[[1, 2, 4, 5, 7, 8, 10, 11], :2] = 0  # hinges
    return np.clip(pose + noise, *LIMITS), name


@dataclass(frozen=True, eq=False)
class _Fingers:
    """One hand of a body: numbers of its 15 finger bones in the layout of hand poses, the hand's frame (columns: back
    along the fingers, back of the hand, thumb side) and what flattens each finger."""

    bones: np.ndarray
    frame: np.ndarray
    flatten: np.ndarray


def finger_rotations(body: BodyModel, side: str, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations that give a hand of the body a hand pose.

    Args:
        side: "l" or "r". pose: (15, 3), of a right hand.

    Returns:
        bones (15,) and their rotations (15, 3, 3).
    """
    hand = _fingers(body, side)
    turns = rotvec_to_matrix(np.asarray(pose, float)).reshape(5, 3, 3, 3)
    # In the flat hand all joints have the hand's axes, and turns add up along a finger.
    world = np.empty_like(turns)
    total = np.broadcast_to(np.eye(3), (5, 3, 3))
    for k in range(3):
        total = total @ turns[:, k]
        world[:, k] = hand.frame @ total @ hand.frame.T @ hand.flatten[:, k]
    local = world.copy()
    local[:, 1:] = np.swapaxes(world[:, :-1], -1, -2) @ world[:, 1:]
    return hand.bones, local.reshape(15, 3, 3)


@lru_cache(maxsize=8)
def _fingers(body: BodyModel, side: str) -> _Fingers:
    suffix = f".{side.upper()}"
    bones = np.array([body.bone(f"finger{n}-{k}{suffix}") for n in FINGER_NUMBERS for k in (1, 2, 3)])
    places = _reference_joints(body)
    knuckles = places[bones[[0, 3, 9, 6]]]
    ahead = knuckles.mean(0) - places[body.bone(f"wrist{suffix}")]
    ahead /= np.linalg.norm(ahead)
    thumb = knuckles[0] - knuckles[3]
    thumb -= (thumb @ ahead) * ahead
    thumb /= np.linalg.norm(thumb)
    back = np.cross(ahead, thumb) * (1 if side == "r" else -1)
    flatten = np.empty((5, 3, 3, 3))
    for finger in range(5):
        along = body.rest_axes[bones[3 * finger : 3 * finger + 3], :, 1].astype(float)
        flat = along[0] - (along[0] @ back) * back
        for k in range(3):
            flatten[finger, k] = np.eye(3) if finger == _THUMB else turn_between(along[k], flat)
    return _Fingers(bones, np.stack([-ahead, back, thumb], 1), flatten)


def _reference_joints(body: BodyModel) -> np.ndarray:
    """(J, 3) joints of the mean shape in the reference pose."""
    back = np.swapaxes(nearest_rotation(body.turns), -1, -2)
    places = np.zeros((len(body.bones), 3))
    for j, parent in enumerate(body.parents):
        if parent >= 0:
            places[j] = places[parent] + back[parent] @ (body.joints[j] - body.joints[parent])
    return places
