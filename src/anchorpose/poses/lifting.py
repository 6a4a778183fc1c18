"""The view that the lift sees: 2D joints as rays, the torso turned onto the optical axis, scaled to the person.

Turning the rays takes the place of the person in the picture out of the problem (what is left of perspective is the
person's own depth), and makes intrinsics and lens distortion a matter of the camera alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.poses.cameras import look_rotation
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, Skeleton, conversion, get_skeleton

LIFT_JOINTS: tuple[str, ...] = (*BODY13.names, "nose")
"""What goes in: BODY13 and the nose, which tells which way a torso in half profile faces."""

_TORSO = [BODY13.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]
_BODY = len(BODY13)
_MIN_SIZE = 1e-6
_LOG_SIZE_MEAN = -2.2  # of the log of a person's angular size, so that the feature is near zero

INPUT_WIDTH = 3 * len(LIFT_JOINTS) + 1


@dataclass(frozen=True)
class LiftView:
    """Input of the lift for N people.

    Attributes:
        features: (N, INPUT_WIDTH) float32: 14 x (x, y), 14 scores, log angular size.
        virtual_from_camera: (N, 3, 3) rotation that brings the torso onto the optical axis.
        centre: (N, 2) what was subtracted, size: (N,) what was divided by, in the virtual image plane z = 1.
    """

    features: np.ndarray
    virtual_from_camera: np.ndarray
    centre: np.ndarray
    size: np.ndarray


def _masked_mean(points: np.ndarray, mask: np.ndarray) -> np.ndarray:
    weight = mask[..., None].astype(float)
    return (points * weight).sum(1) / np.maximum(weight.sum(1), 1)


def _middle(points: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(N, 2) centre of the visible torso joints, of all visible joints where the torso is hidden."""
    torso = present[:, _TORSO]
    some = np.asarray(torso.any(1))[:, None]
    return np.where(some, _masked_mean(points[:, _TORSO], torso), _masked_mean(points, present))


def lift_view(plane: np.ndarray, scores: np.ndarray) -> LiftView:
    """Turn, centre and scale 2D joints for the lift.

    Args:
        plane: (N, 14, 2) joints LIFT_JOINTS in the camera's image plane z = 1 (rays without their z).
        scores: (N, 14) confidences; 0 or less, or a NaN position, is a missing joint.
    """
    present = np.asarray((scores > 0) & np.isfinite(plane).all(-1))
    plane = np.where(present[..., None], plane, 0.0)
    middle = _middle(plane, present)
    rotation = look_rotation(np.concatenate([middle, np.ones_like(middle[:, :1])], 1))
    rays = np.concatenate([plane, np.ones_like(plane[..., :1])], -1) @ rotation.transpose(0, 2, 1)
    turned = rays[..., :2] / np.maximum(rays[..., 2:], 0.05)
    centre = _middle(turned, present)
    offset = np.where(present[..., None], turned - centre[:, None], 0.0)
    count = np.maximum(present.sum(1), 1)
    size = np.maximum(np.sqrt((offset**2).sum((1, 2)) / count), _MIN_SIZE)
    features = np.concatenate(
        [
            (offset / size[:, None, None]).reshape(len(plane), 2 * len(LIFT_JOINTS)),
            np.where(present, scores, 0.0),
            np.log(size)[:, None] - _LOG_SIZE_MEAN,
        ],
        1,
    )
    return LiftView(features.astype(np.float32), rotation, centre, size)


def mirror_features(features: np.ndarray) -> np.ndarray:
    """Features (N, INPUT_WIDTH) of the mirror image."""
    n = len(LIFT_JOINTS)
    mirror = np.append(BODY13.mirror, _BODY)
    xy = features[:, : 2 * n].reshape(-1, n, 2)[:, mirror] * np.array([-1, 1], features.dtype)
    scores = features[:, 2 * n : 3 * n][:, mirror]
    return np.concatenate([xy.reshape(-1, 2 * n), scores, features[:, 3 * n :]], 1)


def to_lift_joints(joints2d: np.ndarray, scores: np.ndarray, skeleton: str | Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """2D joints of any skeleton (N, J, 2), scores (N, J) as LIFT_JOINTS (N, 14, 2) and (N, 14), NaN and 0 if missing.

    Raises:
        InputError: the skeleton has no body from which the twelve limb joints come.
    """
    source = get_skeleton(skeleton)
    matrix, _ = conversion(source, BODY13)
    lacking = [n for n, row in zip(BODY13.names[:12], matrix, strict=False) if np.isnan(row).any()]
    if lacking:
        raise InputError(f"{source.name} cannot be lifted: it lacks {', '.join(lacking)}")
    extra = np.zeros((1, len(source)))
    if "nose" in source:
        extra[0, source.index("nose")] = 1
    weights = np.nan_to_num(np.concatenate([matrix, extra]))
    used = weights != 0
    present = np.isfinite(joints2d).all(-1) & (scores > 0)
    points = np.einsum("ij,njd->nid", weights, np.where(present[..., None], joints2d, 0.0))
    lowest = np.where(used, np.where(present, scores, 0.0)[:, None], np.inf).min(-1)
    ok = used.any(1) & np.isfinite(lowest) & (lowest > 0)
    return np.where(ok[..., None], points, np.nan), np.where(ok, lowest, 0.0)
