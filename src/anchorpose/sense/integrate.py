"""From many proposals to people: similarity of poses (OKS), suppression, merging of passes, and pose proposals integration.

OKS is COCO's object keypoint similarity: exp(-d^2 / (2 s^2 k^2)) averaged over the joints, with k twice the joint's
sigma and s^2 the person's area.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anchorpose.poses.skeletons import get_skeleton
from anchorpose.poses.values import Pose

#: The ratio of a person's area to that of the box, on average over COCO's people.
AREA_OF_BOX = 0.53
#: Longest side of a person, in network pixels, at which MoveNet MultiPose is at its best.
BEST_SIZE = 130.0


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """(..., 4) xyxy -> (...,) areas, 0 for an empty box."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def oks_matrix(
    a: np.ndarray, b: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """OKS of every pose of `a` with every pose of `b`.

    Args:
        a: (P, J, 2) px; b: (G, J, 2) px. Joints that are NaN in either do not count.
        areas: the person's area in px^2: (G,) of `b`, or (P, G).
        sigmas: (J,) of the skeleton.
        weights: how much the joints of `b` count: (G, J), or (P, G, J); all the same if None.

    Returns:
        (P, G), 0 where no joint counts.
    """
    squares = ((a[:, None] - b[None]) ** 2).sum(-1)
    known = np.isfinite(squares)
    weight = known if weights is None else known * weights
    spread = 2.0 * np.maximum(areas, 1.0)[..., None] * (2.0 * sigmas) ** 2
    similar = np.exp(-np.where(known, squares, 0.0) / spread) * weight
    return similar.sum(-1) / np.maximum(weight.sum(-1), 1e-9)


def oks_nms(
    joints2d: np.ndarray, scores: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, threshold: float
) -> np.ndarray:
    """Numbers of the poses that stay, best first: each one that is not too like a better one.

    Args:
        joints2d: (P, J, 2); scores: (P,); areas: (P,) px^2.
        threshold: poses with a greater OKS to a better one go. Symmetric: the area is the geometric mean of the two.
    """
    order = np.argsort(-scores, kind="stable")
    shared = np.sqrt(np.outer(areas, areas))
    alike = oks_matrix(joints2d, joints2d, shared, sigmas) > threshold
    keep: list[int] = []
    gone = np.zeros(len(order), bool)
    for i in order:
        if not gone[i]:
            keep.append(int(i))
            gone |= alike[i]
    return np.array(keep, int)


def nms_poses(poses: Sequence[Pose], threshold: float) -> list[Pose]:
    """`oks_nms` for poses of one skeleton."""
    if len(poses) < 2:
        return list(poses)
    sigmas = get_skeleton(poses[0].skeleton).sigmas
    joints, areas = _stacked(poses)
    keep = oks_nms(joints, np.array([pose.score for pose in poses]), areas, sigmas, threshold)
    return [poses[i] for i in keep]


def _stacked(poses: Sequence[Pose]) -> tuple[np.ndarray, np.ndarray]:
    joints = np.stack([pose.joints2d for pose in poses])
    return joints, AREA_OF_BOX * box_areas(np.stack([pose.box for pose in poses]))
