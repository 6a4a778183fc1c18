"""The people of one frame as arrays, for the tracker: points in the picture, size, depth, modes, bones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from anchorpose.poses.skeletons import BODY13, convert
from anchorpose.poses.values import Person, Pose

POINTS = len(BODY13) + 2
"""BODY13, then the top-left and the bottom-right corner of the box."""
SIGMAS = np.append(BODY13.sigmas, (0.15, 0.15))
"""How far points may be off at the same likeness; corners of boxes are vague."""
_CORNER_TRUST = 0.2
_LEAST_TRUST = 0.1
_WIDTH = 3 * len(BODY13)
_I = {name: BODY13.index(name) for name in BODY13.names}
BONES = tuple(
    ((_I[f"r_{a}"], _I[f"r_{b}"]), (_I[f"l_{a}"], _I[f"l_{b}"]))
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "shoulder"))
) + (
    ((_I["r_hip"], _I["l_hip"]),) * 2,
    ((_I["r_shoulder"], _I["l_shoulder"]),) * 2,
)  # fmt: skip
"""Right and left bone of each pair, as joint numbers; hips and shoulders count once."""
_R = TypeVar("_R", bound="Rows")


@dataclass(frozen=True, eq=False)
class Rows:
    """A record of arrays that have a row for each of N people or tracks."""

    def take(self: _R, rows: np.ndarray) -> _R:
        """Those of a list of different numbers, in its order."""
        count = len(getattr(self, next(iter(self.__dataclass_fields__))))
        if len(rows) == count and (rows[1:] > rows[:-1]).all():
            return self
        return type(self)(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Seen(Rows):
    """N people of a frame.

    Attributes:
        points: (N, 15, 2) [px], 0 where unknown; trust: (N, 15) in 0..1, 0 where unknown.
        score: (N,). size: (N,) longer side of the person [px], NaN for a person without box or joints.
        depth: (N,) log of the distance along the optical axis [m], NaN where unknown.
        weights: (N, M) of the modes, rows sum to 1, or to 0 where there is no 3D.
        poses: (N, M, 39) [m] the modes, 0 where unknown; known: (N, M, 39) 0 there, else 1.
        bones: (N, 7) logs of the lengths of the bones of the likeliest mode, over their mean; NaN where unknown.
    """

    points: np.ndarray
    trust: np.ndarray
    score: np.ndarray
    size: np.ndarray
    depth: np.ndarray
    weights: np.ndarray
    poses: np.ndarray
    known: np.ndarray
    bones: np.ndarray

    def __len__(self) -> int:
        return len(self.score)


def see(people: Sequence[Person], modes: int) -> Seen:
    """Read people; `modes` of each are kept, 0: the one pose that is reported, in place of them."""
    joints, scores = _joints(people)
    boxes = np.array([person.box for person in people]).reshape(-1, 2, 2)
    corners = np.isfinite(boxes).all((1, 2)) & (boxes[:, 1] > boxes[:, 0]).all(1)
    points = np.concatenate([joints, boxes], 1)
    corner_trust = np.where(corners, _CORNER_TRUST, 0.0)[:, None].repeat(2, 1)
    trust = np.concatenate([np.where(scores >= _LEAST_TRUST, np.minimum(scores, 1.0), 0.0), corner_trust], 1)
    trust = np.where(np.isfinite(points).all(-1), np.nan_to_num(trust), 0.0)
    weights, poses, known, bones = _modes(people, modes)
    return Seen(
        points=np.where(trust[..., None] > 0, points, 0.0),
        trust=trust,
        score=np.array([person.score for person in people], float),
        size=_sizes(points, trust),
        depth=np.array([_log_depth(person.body) for person in people], float),
        weights=weights,
        poses=poses,
        known=known,
        bones=bones,
    )


def _joints(people: Sequence[Person]) -> tuple[np.ndarray, np.ndarray]:
    """BODY13 (N, 13, 2), NaN where unknown, and scores (N, 13)."""
    joints, scores = np.full((len(people), 13, 2), np.nan), np.zeros((len(people), 13))
    for i, person in enumerate(people):
        body = person.body
        if body is None or body.joints2d is None:
            continue
        if body.skeleton == BODY13.name:
            joints[i], scores[i] = body.joints2d, body.scores
        else:
            joints[i], scores[i] = convert(body.joints2d, body.skeleton, BODY13, body.scores)
    return joints, scores


def _sizes(points: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """(N,) longer side of the box, of the joints where there is no box [px]."""
    boxed = trust[:, -1] > 0
    sides = points[:, -1] - points[:, -2]
    if not boxed.all():
        shown = np.where(trust[..., None] > 0, points, np.nan)
        extent = np.fmax.reduce(shown, 1) - np.fmin.reduce(shown, 1)
        sides = np.where(boxed[:, None], sides, extent)
    return np.maximum(sides.max(-1), 1.0)  # NaN stays NaN


def _log_depth(body: Pose | None) -> float:
    if body is None or body.translation is None or not body.translation[2] > 0:
        return np.nan
    return float(np.log(body.translation[2]))


def _modes(people: Sequence[Person], most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights (N, M), poses (N, M, 39), known (N, M, 39) and bones (N, 7)."""
    m = max(most, 1)
    where: list[int] = []
    found: list[np.ndarray] = []
    given: list[float] = []
    for i, person in enumerate(people):
        body = person.body
        if body is None or body.joints3d is None:
            continue
        if most and body.modes and body.skeleton == BODY13.name:
            modes = body.modes[:most]
            where.extend(range(i * m, i * m + len(modes)))
            found.extend([mode.joints3d for mode in modes])
            given.extend([mode.weight for mode in modes])
        else:
            where.append(i * m)
            given.append(1.0)
            found.append(
                body.joints3d if body.skeleton == BODY13.name else convert(body.joints3d, body.skeleton, BODY13)[0]
            )
    weights, poses = np.zeros(len(people) * m), np.zeros((len(people) * m, _WIDTH))
    known = np.ones_like(poses)  # also where there is no mode: it weighs nothing
    if where:
        rows = np.concatenate(found).reshape(-1, _WIDTH)
        poses[where], weights[where] = rows, np.maximum(np.nan_to_num(given), 0.0)
        if not np.isfinite(rows).all():
            known = np.isfinite(poses).astype(float)
            weights = np.where(known.any(-1), weights, 0.0)
    shares = weights.reshape(-1, m)
    shares = shares / np.maximum(shares.sum(1, keepdims=True), 1e-9)
    bones = np.where(shares[:, :1] > 0, bone_lengths(poses.reshape(-1, m, 13, 3)[:, 0]), np.nan)
    filled = np.where(known > 0, poses, 0.0)
    return shares, filled.reshape(-1, m, _WIDTH), known.reshape(-1, m, _WIDTH), bones


def bone_lengths(joints3d: np.ndarray) -> np.ndarray:
    """(N, 7) logs of the lengths of `BONES`, right and left averaged, over their mean: proportions without scale."""
    ends = np.array(BONES)  # (7, sides, ends)
    spans = np.linalg.norm(joints3d[:, ends[..., 0]] - joints3d[:, ends[..., 1]], axis=-1).mean(-1)
    logs = np.log(np.maximum(spans, 1e-3))
    return logs - logs.mean(1, keepdims=True)
