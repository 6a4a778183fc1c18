"""Motion capture seen by virtual cameras: 3D poses with the 2D joints that a perfect detector would see.

One sampler serves training (wide ranges, bodies and joint definitions varied) and measuring (plain).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anchorpose.poses.cameras import look_rotation
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z
from anchorpose.sense.lift import MEAN_STATURE

_I = {name: BODY13.index(name) for name in BODY13.names}
_LIMBS = tuple(
    (_I[f"{s}_{a}"], _I[f"{s}_{b}"]) for s in "rl" for a, b in (("hip", "knee"), ("knee", "ankle"),
                                                                ("shoulder", "elbow"), ("elbow", "wrist"))
)  # fmt: skip
NOSE_AHEAD, NOSE_BELOW = 0.11, 0.01
"""The nose from the centre of the head [m]: along the face's direction, and down the head."""

WIDTHS = {"hip": (0.102, 0.010), "shoulder": (0.213, 0.013)}
"""Distance of the two hip and of the two shoulder joints as a share of the stature: (mean, deviation)."""

STATURE_SPREAD = 0.09
"""Deviation of the prior on body height [m], whose mean is the lift's; it gives a single view its absolute scale."""


@dataclass(frozen=True)
class ViewRange:
    """What is drawn for each pose. Angles in degrees, lengths in metres; pairs are (mean, deviation) or (low, high)."""

    pitch_normal: tuple[float, float] = (8.0, 15.0)
    pitch_uniform: tuple[float, float] = (-20.0, 45.0)
    uniform_share: float = 0.3
    roll_deviation: float = 7.0
    distance: tuple[float, float] = (1.8, 12.0)
    field: float = 0.6  # tangent of the largest angle off the optical axis
    tumble_share: float = 0.0  # share of poses turned any way up (lying, gymnastics)
    proportions: float = 0.0  # deviation of the log of each bone's length
    definitions: float = 0.0  # 0: joints as the MoCap has them; 1: hips, shoulders, head as detectors vary
    focal_error: float = 0.0  # deviation of the log of an assumed focal length over the true one
    statures: bool = True  # draw body heights from the prior


MEASURE = ViewRange()
TRAIN = ViewRange(uniform_share=0.4, tumble_share=0.08, proportions=0.06, definitions=1.0, focal_error=0.15)


@dataclass(frozen=True)
class Viewed:
    """N people before virtual cameras.

    Attributes:
        joints_camera: (N, 13, 3) [m], truth in the frame of the (assumed) camera.
        plane: (N, 14, 2) LIFT_JOINTS in the assumed camera's plane z = 1, without noise.
        nose_hidden: (N,) bool, the head is turned away.
        azimuth, elevation: (N,) [rad] of the camera about the person: 0 is in front, positive azimuth its left side.
    """

    joints_camera: np.ndarray
    plane: np.ndarray
    nose_hidden: np.ndarray
    azimuth: np.ndarray
    elevation: np.ndarray


def stature(joints: np.ndarray) -> np.ndarray:
    """Approximate standing height (...) of BODY13 poses (..., 13, 3): legs, torso and head, bones laid end to end."""

    def length(a: str, b: str) -> np.ndarray:
        sides = [np.linalg.norm(joints[..., _I[f"{s}_{a}"], :] - joints[..., _I[f"{s}_{b}"], :], axis=-1) for s in "rl"]
        return (sides[0] + sides[1]) / 2

    hips = (joints[..., _I["r_hip"], :] + joints[..., _I["l_hip"], :]) / 2
    shoulders = (joints[..., _I["r_shoulder"], :] + joints[..., _I["l_shoulder"], :]) / 2
    torso = np.linalg.norm(shoulders - hips, axis=-1)
    # Ankles stand about 8 cm, ears 27 cm above the shoulders and the crown 14 cm above the ears.
    return length("hip", "knee") + length("knee", "ankle") + torso + 0.08 + 0.41


def torso_axes(joints: np.ndarray) -> np.ndarray:
    """(..., 3, 3) columns: the person's left, up along the spine, front."""
    left = (joints[..., _I["l_hip"], :] + joints[..., _I["l_shoulder"], :]
            - joints[..., _I["r_hip"], :] - joints[..., _I["r_shoulder"], :])  # fmt: skip
    up = (joints[..., _I["l_shoulder"], :] + joints[..., _I["r_shoulder"], :]
          - joints[..., _I["l_hip"], :] - joints[..., _I["r_hip"], :])  # fmt: skip
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    left = left - (left * up).sum(-1, keepdims=True) * up
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    return np.stack([left, up, np.cross(left, up)], -1)


def vary_proportions(joints: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Scale limbs, torso, shoulder and hip width of poses (N, 13, 3), left and right alike, directions kept.

    Widths of most are drawn about those of people (`WIDTHS`): some rigs' shoulders are a third too wide.
    """
    n = len(joints)
    factors = np.exp(np.clip(rng.normal(0, deviation, (n, 8)), -0.25, 0.25))
    axes = torso_axes(joints)
    as_people = rng.random(n) < 0.75
    for column, (part, (mean, spread)) in enumerate(WIDTHS.items()):
        width = np.linalg.norm(joints[:, _I[f"r_{part}"]] - joints[:, _I[f"l_{part}"]], axis=-1)
        wanted = stature(joints) * rng.normal(mean, spread, n)
        factors[:, column] = np.where(as_people, wanted / np.maximum(width, 0.05), factors[:, column])
    centre = joints[:, [_I["r_hip"], _I["l_hip"]]].mean(1)
    out = joints.copy()
    for part, width in (("hip", factors[:, 0]), ("shoulder", factors[:, 1])):
        pair = [_I[f"r_{part}"], _I[f"l_{part}"]]
        local = (joints[:, pair] - centre[:, None]) @ axes
        local *= np.stack([width, factors[:, 2], np.ones(n)], -1)[:, None]
        out[:, pair] = local @ axes.transpose(0, 2, 1) + centre[:, None]
    for i, (a, b) in enumerate(_LIMBS):
        out[:, b] = out[:, a] + (joints[:, b] - joints[:, a]) * factors[:, 3 + i % 4, None]
    neck_old, neck_new = (p[:, [_I["r_shoulder"], _I["l_shoulder"]]].mean(1) for p in (joints, out))
    out[:, _I["head"]] = neck_new + (joints[:, _I["head"]] - neck_old) * factors[:, 7, None]
    return out


def vary_definitions(points: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Move the joints (N, 14, 3) as labellers and detectors differ from motion capture: hips and shoulders wider or
    narrower, higher or lower, further forward or back; head and nose shifted; knees to ankles a little."""
    n = len(points)
    axes = torso_axes(points[:, :13])
    out = points.copy()
    spreads = {"hip": (0.015, 0.02, 0.03, 0.02), "shoulder": (0.0, 0.02, 0.02, 0.02)}
    for part, (widen, across, along, depth) in spreads.items():
        shift = rng.normal(0, 1, (n, 3)) * (across, along, depth) + (widen, 0, 0)
        for side, sign in (("l", 1), ("r", -1)):
            local = shift * (sign, 1, 1) * amount
            out[:, _I[f"{side}_{part}"]] += np.einsum("nij,nj->ni", axes, local)
    head = np.einsum("nij,nj->ni", axes, rng.normal(0, 1, (n, 3)) * (0.01, 0.025, 0.025) * amount)
    out[:, [_I["head"], 13]] += head[:, None]
    limbs = [_I[f"{s}_{p}"] for s in "rl" for p in ("knee", "ankle", "elbow", "wrist")]
    common = rng.normal(0, 0.012 * amount, (n, 4, 3))  # the same for both sides, along the torso's axes
    out[:, limbs] += np.einsum("nij,nkj->nki", axes, np.concatenate([common, common * (-1, 1, 1)], 1))
    return out


def sample_views(
    joints_world: np.ndarray, facing: np.ndarray, rng: np.random.Generator, ranges: ViewRange = MEASURE
) -> Viewed:
    """Put each pose before a camera of its own.

    Args:
        joints_world: (N, 13, 3) [m], y up. facing: (N, 3) the head's direction, NaN where unknown.
    """
    n = len(joints_world)
    joints = np.asarray(joints_world, float)
    if ranges.proportions:
        joints = vary_proportions(joints, ranges.proportions, rng)
    if ranges.statures:
        height = np.clip(rng.normal(MEAN_STATURE, STATURE_SPREAD, n), 1.3, 2.1)
        joints = joints * (height / stature(joints))[:, None, None]
    joints = joints - joints[:, [_I[k] for k in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]].mean(1, keepdims=True)
    axes = torso_axes(joints)
    known = np.isfinite(facing).all(-1)
    face = np.where(known[:, None], np.nan_to_num(facing), axes[..., 2])
    nose = joints[:, _I["head"]] + NOSE_AHEAD * face - NOSE_BELOW * axes[..., 1]
    points = np.concatenate([joints, nose[:, None]], 1)
    seen = vary_definitions(points, ranges.definitions, rng) if ranges.definitions else points

    rotation, yaw, pitch = _camera_rotations(axes, n, rng, ranges)
    joints_cam, seen_cam = (p @ rotation.transpose(0, 2, 1) for p in (joints, seen))
    distance = np.exp(rng.uniform(np.log(ranges.distance[0]), np.log(ranges.distance[1]), n))
    # The person stands anywhere in the picture: the camera that looks at it is turned away by `off`.
    off = rng.uniform(-ranges.field, ranges.field, (n, 2)) * (1, 0.6)
    camera_from_virtual = look_rotation(np.concatenate([off, np.ones((n, 1))], 1)).transpose(0, 2, 1)
    centre = np.array([0, 0, 1.0]) * distance[:, None, None]
    joints_cam, seen_cam = ((p + centre) @ camera_from_virtual.transpose(0, 2, 1) for p in (joints_cam, seen_cam))
    plane = seen_cam[..., :2] / np.maximum(seen_cam[..., 2:], 0.2)
    nose_depth = seen_cam[:, 13] - seen_cam[:, _I["head"]]
    view = seen_cam[:, _I["head"]]
    hidden = (nose_depth * view).sum(-1) > 0.35 * NOSE_AHEAD * np.linalg.norm(view, axis=-1)
    if ranges.focal_error:
        joints_cam, plane = _wrong_focal(joints_cam, plane, ranges.focal_error, rng)
    return Viewed(joints_cam, plane, hidden, yaw, pitch)


def _camera_rotations(
    axes: np.ndarray, n: int, rng: np.random.Generator, ranges: ViewRange
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (n, 3, 3) from the world (y up) to a camera looking at the person; azimuth and elevation (n,)."""
    world_yaw = rng.uniform(-np.pi, np.pi, n)
    pitch = np.where(
        rng.random(n) < ranges.uniform_share,
        rng.uniform(ranges.pitch_uniform[0], ranges.pitch_uniform[1], n),
        np.clip(rng.normal(*ranges.pitch_normal, n), *ranges.pitch_uniform),
    )
    pitch = np.radians(pitch)
    roll = np.radians(rng.normal(0, ranges.roll_deviation, n))
    flip = np.diag([1.0, -1.0, -1.0])  # y up to y down, towards the viewer to away from it
    rotation = rotation_z(roll) @ rotation_x(pitch) @ flip @ rotation_y(world_yaw)
    if ranges.tumble_share:
        tumbled = rng.random(n) < ranges.tumble_share
        turn = rotation_z(rng.uniform(-np.pi, np.pi, n))
        rotation = np.where(tumbled[:, None, None], turn @ rotation, rotation)
    front = np.einsum("nij,nj->ni", rotation, axes[..., 2])
    azimuth = np.arctan2(-front[:, 0], -front[:, 2])
    return rotation, azimuth, pitch


def _wrong_focal(
    joints: np.ndarray, plane: np.ndarray, deviation: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Half of the cameras are assumed with a focal length that is not theirs.

    The picture stays, so the plane is scaled; the truth is turned with the ray of its torso, as far as the assumed
    camera sees that ray elsewhere.
    """
    n = len(plane)
    factor = np.where(rng.random(n) < 0.5, 1.0, np.exp(np.clip(rng.normal(0, deviation, n), -0.5, 0.5)))
    torso = joints[:, [_I[k] for k in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]].mean(1)
    true_ray = torso / torso[:, 2:]
    assumed_ray = true_ray * np.stack([factor, factor, np.ones(n)], -1)
    turn = look_rotation(assumed_ray).transpose(0, 2, 1) @ look_rotation(true_ray)
    return joints @ turn.transpose(0, 2, 1), plane * factor[:, None, None]


def without_body_variation(ranges: ViewRange) -> ViewRange:
    """The same cameras on bodies as they were captured."""
    return replace(ranges, proportions=0.0, definitions=0.0, focal_error=0.0, statures=False)


def mix_limbs(joints: np.ndarray, other: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Give a share of poses (N, 13, 3) the legs or the arms of `other` poses, moved from torso to torso."""
    out = joints.copy()
    axes = torso_axes(joints) @ torso_axes(other).transpose(0, 2, 1)
    chosen = rng.random(len(joints))
    for part, low, high in (("legs", 0.0, share / 2), ("arms", share / 2, share)):
        rows = (chosen >= low) & (chosen < high)
        root, limb = ("hip", ("knee", "ankle")) if part == "legs" else ("shoulder", ("elbow", "wrist"))
        for side in "rl":
            base = _I[f"{side}_{root}"]
            for joint in limb:
                i = _I[f"{side}_{joint}"]
                moved = np.einsum("nij,nj->ni", axes[rows], other[rows, i] - other[rows, base])
                out[rows, i] = joints[rows, base] + moved
    return out
