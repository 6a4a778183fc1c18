"""Which pixel is of which joint's neighbourhood: the probability maps p_j[u, v] and their argmax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.mosaic.limbs import TORSO, Chart, segment_distances, torso_mask
from anchorpose.poses.skeletons import BODY13

JOINTS = len(BODY13)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """What a query's chart says about each pixel.

    Attributes:
        distances: (13, H, W) float32 [px] to the nearest half limb of each joint.
        nearest: (H, W) float32 [px] to the pose: to the nearest of all half limbs.
        scores: (13, H, W) float32, the logarithm of p_j but for a constant at each pixel.
    """

    distances: np.ndarray
    nearest: np.ndarray
    scores: np.ndarray

    def probabilities(self) -> np.ndarray:
        """p_j[u, v]: (13, H, W) float32, sums to 1 over the joints at each pixel."""
        shifted = np.exp(self.scores - self.scores.max(0))
        return shifted / shifted.sum(0)

    def winners(self, valid: np.ndarray | None = None) -> np.ndarray:
        """(H, W) uint8, the argmax over j; with `valid` (13, H, W) bool among the joints that are, where any is."""
        scores = self.scores if valid is None else np.where(valid, self.scores, self.scores - np.float32(1e6))
        return np.argmax(scores, 0).astype(np.uint8)


def neighbourhood(
    chart: Chart, width: int, height: int, *, softness: float = 0.04, front: float = 1.0, step: int = 2
) -> Neighbourhood:
    """The probability maps of a query.

    p_j falls exponentially with the distance to joint j's half limbs. Where limbs cross in the picture, what is nearer
    to the camera has the better claim to the pixels that it covers.

    Args:
        softness: distance at which p_j has fallen to 1 / e, as a share of the picture's longer side.
        front: weight of lying in front; 0 for none.
        step: maps are worked out at every so many pixels and repeated.
    """
    distance, along = segment_distances(chart.start, chart.end, width, height, step)
    scale = np.float32(1 / (softness * max(width, height)))
    scores = np.full((JOINTS, *distance.shape[1:]), -np.inf, np.float32)
    distances = np.full((JOINTS, *distance.shape[1:]), np.inf, np.float32)
    for s, joint in enumerate(chart.owner):
        np.minimum(distances[joint], distance[s], out=distances[joint])
        score = distance[s] * -scale
        if front:
            a, b = chart.radius[s]
            inside = np.float32(a) + along[s] * np.float32(b - a)
            cover = np.clip(3 - 3 * distance[s] / inside, 0, 1)
            score += cover * np.float32(front * _ahead(chart, float(chart.depth[s])))
        np.maximum(scores[joint], score, out=scores[joint])
    if front:
        # Between hips and shoulders there is more body than their limbs cover: what is behind it does not show.
        gain = distances[TORSO].min(0) * scale + np.float32(front * _ahead(chart, chart.torso_depth))
        scores[TORSO] += torso_mask(chart, width, height, step) * gain
    if step > 1:
        scores, distances = (_repeat(maps, step, width, height) for maps in (scores, distances))
    return Neighbourhood(distances, distances.min(0), scores)


def _ahead(chart: Chart, depth: float) -> float:
    """How far something lies before the rearmost limb, in steps of 15 cm, at most 6."""
    return min((float(chart.depth.max()) - depth) / 0.15, 6.0)


def _repeat(maps: np.ndarray, step: int, width: int, height: int) -> np.ndarray:
    return np.ascontiguousarray(maps.repeat(step, 1).repeat(step, 2)[:, :height, :width])
