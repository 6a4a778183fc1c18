"""From many proposals to people: similarity of poses (OKS), suppression, merged passes, pose proposals integration.

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


def box_sizes(poses: Sequence[Pose]) -> np.ndarray:
    """(N,) longer sides of the boxes [px of the source]."""
    boxes = np.stack([pose.box for pose in poses]) if poses else np.zeros((0, 4))
    return (boxes[:, 2:] - boxes[:, :2]).max(-1)


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
    scores = np.array([pose.score for pose in poses])
    rank = scores * size_fit(box_sizes(poses) * scale)
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
        most_modes: no more modes than this are looked for in a person.
    """

    least: float = 0.001
    overlap: float = 0.15
    mode: float = 0.1
    person: float = 0.3
    most_modes: int = 10


def integrate_proposals(
    scores: np.ndarray,
    joints2d: np.ndarray,
    joints3d: np.ndarray,
    skeleton: str,
    how: Integration = Integration(),
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
        trust: (N, J) how much each joint counts in means; .1 for ankles and knees of upper-body classes. None: all 1.
        overlap_joints: joints whose box decides on overlap (torso and head, say); None: all.

    Returns:
        Poses, best first: the best mode's joints and its score, at most 1; all modes with weights that sum to one and,
        as `spread`, the weighted standard deviation [m] within the mode.
    """
    chosen = np.flatnonzero(scores >= how.least)
    order = chosen[np.argsort(-scores[chosen], kind="stable")]
    if not len(order):
        return []
    scores, joints2d, joints3d = scores[order], joints2d[order], joints3d[order]
    trust = np.ones(joints2d.shape[:2]) if trust is None else trust[order]
    boxes = _boxes_of(joints2d if overlap_joints is None else joints2d[:, list(overlap_joints)])
    mode, owner = _group(scores, boxes, joints3d, how)
    if not len(owner):
        return []
    member = (mode == np.arange(len(owner))[:, None]) * scores  # (M, N)
    total = member.sum(1)
    weight = member @ trust  # (M, J)
    share = np.maximum(weight, 1e-12)[..., None]
    mean2d = _sums(member, trust, joints2d) / share
    mean3d = _sums(member, trust, joints3d) / share
    squares = _sums(member, trust, (joints3d**2).sum(-1, keepdims=True)) / share
    spread = np.sqrt(np.maximum(squares[..., 0] - (mean3d**2).sum(-1), 0.0))
    people = []
    for person in range(owner[-1] + 1):
        mine = np.flatnonzero(owner == person)
        mine = mine[np.argsort(-total[mine], kind="stable")]
        best = mine[0]
        if total[best] < how.person:
            continue
        odds = total[mine] / total[mine].sum()
        modes = tuple(Mode(p, mean3d[m], spread[m], mean2d[m]) for p, m in zip(odds, mine, strict=True))
        score = min(1.0, float(total[best]))
        believed = score * weight[best] / total[best]
        box = _boxes_of(mean2d[best : best + 1])[0]
        pose = Pose(skeleton, score, box, mean2d[best], believed, mean3d[best], modes=modes)
        people.append((float(total[best]), pose))
    return [pose for _, pose in sorted(people, key=lambda found: -found[0])]


def _boxes_of(joints2d: np.ndarray) -> np.ndarray:
    return np.concatenate([joints2d.min(1), joints2d.max(1)], -1)


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(P, 4), (G, 4) xyxy -> (P, G) intersection over union."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    sides = np.maximum(np.minimum(a[:, None, 2:], b[None, :, 2:]) - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    return shared / np.maximum(box_areas(a)[:, None] + box_areas(b)[None] - shared, 1e-9)


def _group(
    scores: np.ndarray, boxes: np.ndarray, joints3d: np.ndarray, how: Integration
) -> tuple[np.ndarray, np.ndarray]:
    """Greedy grouping of proposals (best first): (N,) number of each one's mode, and (M,) number of each mode's person.

    Those behind the last mode that is looked for in a person, or in all too weak for a person, have -1.
    """
    mode = np.full(len(boxes), -1)
    owner: list[int] = []
    left = np.arange(len(boxes))
    person = 0
    while len(left):
        mine = box_iou(boxes[left[:1]], boxes[left])[0] > how.overlap
        mine[0] = True  # also where its box is empty
        members, left = left[mine], left[~mine]
        if scores[members].sum() < how.person:
            continue
        for _ in range(how.most_modes):
            if not len(members):
                break
            away = np.sqrt(((joints3d[members] - joints3d[members[0]]) ** 2).sum(-1)).mean(-1)
            near = away <= how.mode
            near[0] = True
            mode[members[near]] = len(owner)
            owner.append(person)
            members = members[~near]
        person += 1
    return mode, np.array(owner)


def _sums(member: np.ndarray, trust: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(M, J, D): `values` (N, J, D) times trust (N, J), summed over the members (M, N) of each mode."""
    return (member @ (trust[..., None] * values).reshape(len(values), -1)).reshape(len(member), *values.shape[1:])
