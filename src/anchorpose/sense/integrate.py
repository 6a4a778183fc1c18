"""From many proposals to people: similarity of poses (OKS), suppression, merging of passes, and pose proposals integration.

OKS is COCO's object keypoint similarity: exp(-d^2 / (2 s^2 k^2)) averaged over the joints, with k twice the joint's
sigma and s^2 the person's area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anchorpose.poses.skeletons import get_skeleton
from anchorpose.poses.values import Mode, Pose

#: The ratio of a person's area to that of the box, on average over COCO's people.
AREA_OF_BOX = 0.53
#: Longest side of a person, in network pixels, at which MoveNet MultiPose is at its best, and how far from it (as a
#: natural logarithm) counts as far.
BEST_SIZE, SIZE_SPREAD = 130.0, 0.7


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
    joints, areas = _stacked(poses)
    scores = np.array([pose.score for pose in poses])
    return [poses[i] for i in oks_nms(joints, scores, areas, get_skeleton(poses[0].skeleton).sigmas, threshold)]


def _stacked(poses: Sequence[Pose]) -> tuple[np.ndarray, np.ndarray]:
    joints = np.stack([_joints2d(pose) for pose in poses])
    return joints, AREA_OF_BOX * box_areas(np.stack([pose.box for pose in poses]))


def _joints2d(pose: Pose) -> np.ndarray:
    if pose.joints2d is None:
        return np.full((len(pose.scores), 2), np.nan)
    return pose.joints2d


def size_fit(sizes: np.ndarray) -> np.ndarray:
    """How well a person of `sizes` network pixels (longest side of the box) suits the network, 0 to 1."""
    return np.exp(-0.5 * (np.log(np.maximum(sizes, 1.0) / BEST_SIZE) / SIZE_SPREAD) ** 2)


def merge_passes(passes: Sequence[Sequence[Pose]], scales: Sequence[float], threshold: float = 0.5) -> list[Pose]:
    """One list of people from passes over the same picture at several sizes, best first.

    Of the poses of one person (OKS above `threshold`) the one with the greatest score times `size_fit` stays: it comes
    from the pass in which the person's size suits the network. It takes the best score of them.

    Args:
        passes: the people of each pass, in pixels of the source.
        scales: network pixels for one pixel of the source, for each pass.
    """
    poses = [pose for found in passes for pose in found]
    if not poses:
        return []
    scale = np.repeat(np.asarray(scales, float), [len(found) for found in passes])
    boxes = np.stack([pose.box for pose in poses])
    scores = np.array([pose.score for pose in poses])
    rank = scores * size_fit((boxes[:, 2:] - boxes[:, :2]).max(-1) * scale)
    joints, areas = _stacked(poses)
    sigmas = get_skeleton(poses[0].skeleton).sigmas
    alike = oks_matrix(joints, joints, np.sqrt(np.outer(areas, areas)), sigmas) > threshold
    np.fill_diagonal(alike, True)
    left = np.ones(len(poses), bool)
    merged = []
    for i in np.argsort(-rank, kind="stable"):
        if left[i]:
            merged.append(replace(poses[i], score=scores[alike[i] & left].max()))
            left &= ~alike[i]
    return sorted(merged, key=lambda pose: -pose.score)


@dataclass(frozen=True)
class Integration:
    """Settings of pose proposals integration.

    Attributes:
        least: proposals below this score are left out; the papers take .1 / K for K classes.
        overlap: proposals whose 2D boxes have a greater IoU with the best one's belong to the same person.
        mode: proposals within this mean 3D joint distance [m] of the best one are the same mode.
        person: a person stays if its best mode's score is at least this.
        rest: modes are looked for until what is left of a person's score is below this share.
    """

    least: float = 0.001
    overlap: float = 0.15
    mode: float = 0.1
    person: float = 0.3
    rest: float = 0.01


def integrate_proposals(
    scores: np.ndarray,
    joints2d: np.ndarray,
    joints3d: np.ndarray,
    skeleton: str,
    how: Integration = Integration(),  # noqa: B008 (frozen)
    trust: np.ndarray | None = None,
    overlap_joints: Sequence[int] | None = None,
) -> list[Pose]:
    """People and their modes from (box, class) proposals, in place of non-maximum suppression.

    Pose Proposals Integration, Rogez, Weinzaepfel and Schmid, LCR-Net (CVPR 2017) and LCR-Net++ (TPAMI 2019): a
    person is the best proposal left and all that overlap it in 2D; a mode of it is the best proposal left and all near
    it in 3D, as their score-weighted mean; a mode's score is the sum of theirs.

    Args:
        scores: (N,) probability of each proposal's class.
        joints2d: (N, J, 2) px; joints3d: (N, J, 3) [m] about the root.
        trust: (N, J) how much each joint of a proposal counts in the mean; .1 for the legs of upper-body classes.
        overlap_joints: joints whose box decides on overlap (torso and head, say); all if None.

    Returns:
        Poses, best first: the best mode's joints, all modes with weights that sum to one and `spread` as the weighted
        standard deviation [m] within the mode. The score is the best mode's, at most 1.
    """
    chosen = np.flatnonzero(scores >= how.least)
    order = chosen[np.argsort(-scores[chosen], kind="stable")]
    scores, joints2d, joints3d = scores[order], joints2d[order], joints3d[order]
    trust = np.ones(joints2d.shape[:2]) if trust is None else trust[order]
    together = box_iou(_boxes_of(joints2d, overlap_joints)) > how.overlap
    left = np.ones(len(order), bool)
    people = []
    for i in range(len(order)):
        if not left[i]:
            continue
        members = np.flatnonzero(left & (together[i] | (np.arange(len(order)) == i)))
        left[members] = False
        if scores[members].sum() >= how.person:
            group = (scores[members], joints2d[members], joints3d[members], trust[members])
            people.append(_person(*group, skeleton, how))
    people = [(total, pose) for total, pose in people if total >= how.person]
    return [pose for _, pose in sorted(people, key=lambda found: -found[0])]


def _boxes_of(joints2d: np.ndarray, joints: Sequence[int] | None) -> np.ndarray:
    points = joints2d if joints is None else joints2d[:, list(joints)]
    return np.concatenate([points.min(1), points.max(1)], -1)


def box_iou(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) xyxy -> (N, N) intersection over union."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    areas = box_areas(boxes)
    return shared / np.maximum(areas[:, None] + areas[None] - shared, 1e-9)


def _person(
    scores: np.ndarray, joints2d: np.ndarray, joints3d: np.ndarray, trust: np.ndarray, skeleton: str, how: Integration
) -> tuple[float, Pose]:
    """One person's best mode's score, and the person, from its proposals (best first)."""
    mode = _modes(scores, joints3d, how)
    count = int(mode.max()) + 1
    member = (mode[None] == np.arange(count)[:, None]) * scores  # (M, n)
    weight = member[:, :, None] * trust[None]  # (M, n, J)
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-12)
    mean2d = np.einsum("mnj,njd->mjd", weight, joints2d)
    mean3d = np.einsum("mnj,njd->mjd", weight, joints3d)
    square = np.einsum("mnj,nj->mj", weight, (joints3d**2).sum(-1)) - (mean3d**2).sum(-1)
    spread = np.sqrt(np.maximum(square, 0.0))
    totals = member.sum(1)
    modes = tuple(
        Mode(weight=totals[k] / totals.sum(), joints3d=mean3d[k], spread=spread[k], joints2d=mean2d[k])
        for k in np.argsort(-totals, kind="stable")
    )
    best = int(totals.argmax())
    score = min(1.0, float(totals[best]))
    believed = (member[best][:, None] * trust).sum(0) / totals[best]
    box = _boxes_of(mean2d[best : best + 1], None)[0]
    pose = Pose(skeleton, score, box, mean2d[best], score * believed, mean3d[best], modes=modes)
    return float(totals[best]), pose


def _modes(scores: np.ndarray, joints3d: np.ndarray, how: Integration) -> np.ndarray:
    """(n,) number of the mode of each proposal (best first), -1 for the rest that is too weak to matter."""
    mode = np.full(len(scores), -1)
    left = np.arange(len(scores))
    least = how.rest * scores.sum()
    number = 0
    while len(left) and (number == 0 or scores[left].sum() >= least):
        away = np.sqrt(((joints3d[left] - joints3d[left[0]]) ** 2).sum(-1)).mean(-1)
        near = away <= how.mode
        mode[left[near]] = number
        left = left[~near]
        number += 1
    return mode
