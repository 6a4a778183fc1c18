"""What a 2D detector gets wrong: scores and errors drawn from a model fitted to a detector's errors on labelled photos.

The model: the logits of a person's joint scores are a Gaussian vector (a weak ankle seldom comes alone); a joint's
error, as a share of the person's size, is drawn from the quantiles measured for its kind and score; legs and arms
swap sides at the measured rates; people are cut by the border of the picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.lifting import LIFT_JOINTS
from anchorpose.sense.lift import MIN_SCORE

KINDS = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder", "head", "nose")
KIND_OF_JOINT = np.array([KINDS.index(name.removeprefix("r_").removeprefix("l_")) for name in LIFT_JOINTS])
QUANTILES = np.array([0, 0.05, 0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85, 0.92, 0.96, 0.985, 1.0])
_SWAPS = {"legs": ("ankle", "knee", "hip"), "arms": ("wrist", "elbow", "shoulder")}
NOISE_FILE = Path(__file__).with_name("noise_movenet.json")


def person_size(plane: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(N,) the unit of errors: the longer side of the box of the present joints of (N, J, 2)."""
    shown = np.where(present[..., None], plane, np.nan)
    extent = np.fmax.reduce(shown, 1) - np.fmin.reduce(shown, 1)
    return np.maximum(np.nan_to_num(extent).max(-1), 1e-6)


@dataclass(frozen=True, eq=False)
class DetectorNoise:
    """A fitted model of a detector's errors.

    Attributes:
        score_mean (14,), score_cov (14, 14): of the logits of the joint scores.
        score_edges: (S - 1,) borders between the score bins.
        errors: (8, S, Q) quantiles (at QUANTILES) of the error over the person's size, by kind and score bin.
        swap_rates: share of people whose "legs" / "arms" / both are swapped.
        source: how it was fitted.
    """

    score_mean: np.ndarray
    score_cov: np.ndarray
    score_edges: np.ndarray
    errors: np.ndarray
    swap_rates: dict[str, float]
    source: str

    def scores(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n, 14) joint scores."""
        logits = rng.multivariate_normal(self.score_mean, self.score_cov, n, method="cholesky")
        return 1 / (1 + np.exp(-logits))

    def offsets(self, scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, 14, 2) errors over the person's size, for joints of the given scores."""
        bins = np.searchsorted(self.score_edges, scores)
        table = self.errors[KIND_OF_JOINT, bins]  # (n, 14, Q)
        at = rng.random(scores.shape)
        high = np.clip(np.searchsorted(QUANTILES, at, side="right"), 1, len(QUANTILES) - 1)
        t = (at - QUANTILES[high - 1]) / (QUANTILES[high] - QUANTILES[high - 1])
        low_value = np.take_along_axis(table, high[..., None] - 1, -1)[..., 0]
        high_value = np.take_along_axis(table, high[..., None], -1)[..., 0]
        magnitude = low_value + t * (high_value - low_value)
        angle = rng.uniform(-np.pi, np.pi, scores.shape)
        return magnitude[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)

    def save(self, path: str | Path) -> None:
        data = {
            "score_mean": self.score_mean.tolist(), "score_cov": self.score_cov.tolist(),
            "score_edges": self.score_edges.tolist(), "errors": self.errors.tolist(), "swap_rates": self.swap_rates,
            "source": self.source,
        }  # fmt: skip
        rounded = json.loads(json.dumps(data), parse_float=lambda x: round(float(x), 5))
        Path(path).write_text(json.dumps(rounded) + "\n")

    @classmethod
    def load(cls, path: str | Path = NOISE_FILE) -> DetectorNoise:
        try:
            data: dict[str, Any] = json.loads(Path(path).read_text())
            arrays = {k: np.array(data[k], float) for k in ("score_mean", "score_cov", "score_edges", "errors")}
            return cls(**arrays, swap_rates=data["swap_rates"], source=data["source"])
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path}: not a noise model ({error})") from error


@dataclass(frozen=True)
class NoiseAmount:
    """How much of the noise, drawn for each person: for training wide, for measuring plain.

    Attributes:
        scale: (low, high) factor of the errors.
        perfect_share: share of people without any noise, scores near 1.
        drop: chance of each joint to be missing for no reason; nose_drop: of the nose.
        cut_share: share of people cut by the border of the picture.
        score_blind: share of people whose scores say nothing (all equal): keypoints from other programs.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    perfect_share: float = 0.0
    drop: float = 0.0
    nose_drop: float = 0.0
    cut_share: float = 0.15
    score_blind: float = 0.0


NOISE_MEASURE = NoiseAmount()
NOISE_TRAIN = NoiseAmount((0.2, 1.2), 0.04, 0.02, 0.25, 0.25, 0.12)


def true_scores(n: int, nose_hidden: np.ndarray) -> np.ndarray:
    """(n, 14) scores of a perfect detector: 1, and 0 for noses turned away."""
    scores = np.ones((n, len(LIFT_JOINTS)))
    scores[nose_hidden, -1] = 0
    return scores


def add_noise(
    plane: np.ndarray, nose_hidden: np.ndarray, noise: DetectorNoise, rng: np.random.Generator,
    amount: NoiseAmount = NOISE_MEASURE,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Detected joints of people whose true joints are `plane` (N, 14, 2).

    Returns:
        plane (N, 14, 2), scores (N, 14; 0 = missing), cut (N,) bool: the person is cut by the border.
    """
    n = len(plane)
    size = person_size(plane, np.ones(plane.shape[:2], bool))
    scores = noise.scores(n, rng)
    scores[:, -1] = np.where(nose_hidden, scores[:, -1] * rng.uniform(0.1, 0.9, n), scores[:, -1])
    scale = rng.uniform(*amount.scale, n) if amount.scale[0] < amount.scale[1] else np.full(n, amount.scale[0])
    perfect = rng.random(n) < amount.perfect_share
    scale = np.where(perfect, 0.0, scale)
    noisy = plane + noise.offsets(scores, rng) * (scale * size)[:, None, None]
    noisy = _swap_sides(noisy, noise.swap_rates, np.where(perfect, 0.0, np.minimum(scale, 1.0)), rng)
    scores = np.where(perfect[:, None], true_scores(n, nose_hidden), scores)
    noisy, scores, cut = _cut_by_border(noisy, scores, size, amount.cut_share, rng)
    scores = np.where(scores < MIN_SCORE, 0.0, scores)
    if amount.drop or amount.nose_drop:
        chance = np.full(len(LIFT_JOINTS), amount.drop)
        chance[-1] = amount.nose_drop
        scores = np.where(rng.random(scores.shape) < chance, 0.0, scores)
    if amount.score_blind:
        blind = rng.random(n) < amount.score_blind
        scores = np.where(blind[:, None] & (scores > 0), rng.choice([1.0, 0.7], n)[:, None], scores)
    return noisy, _keep_enough(scores), cut


def _swap_sides(
    plane: np.ndarray, rates: dict[str, float], strength: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    out = plane.copy()
    both = rng.random(len(plane)) < rates["both"] * strength
    for part, kinds in _SWAPS.items():
        swapped = both | (rng.random(len(plane)) < rates[part] * strength)
        for kind in kinds:
            r, left = LIFT_JOINTS.index(f"r_{kind}"), LIFT_JOINTS.index(f"l_{kind}")
            out[swapped, r], out[swapped, left] = plane[swapped, left], plane[swapped, r]
    return out


def _cut_by_border(
    plane: np.ndarray, scores: np.ndarray, size: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut people below (most often), at a side or above; joints beyond vanish or stick to the border, scoring low."""
    n = len(plane)
    cut = rng.random(n) < share
    side = rng.choice(4, n, p=[0.65, 0.14, 0.14, 0.07])  # below, left, right, above
    normal = np.array([[0, 1], [-1, 0], [1, 0], [0, -1]], float)[side]
    along = (plane * normal[:, None]).sum(-1)
    low, high = along.min(1), along.max(1)
    border = high - rng.uniform(0.08, np.where(side == 0, 0.62, 0.35)) * (high - low)
    beyond = cut[:, None] & (along > border[:, None])
    kept = beyond & (rng.random(plane.shape[:2]) < 0.4)
    stuck = plane - (along - border[:, None])[..., None] * normal[:, None]
    stuck = stuck + rng.normal(0, 0.04, plane.shape) * size[:, None, None]
    plane = np.where(kept[..., None], stuck, plane)
    scores = np.where(kept, rng.uniform(0.05, 0.35, scores.shape), np.where(beyond, 0.0, scores))
    return plane, scores, cut & beyond.any(1)


def _keep_enough(scores: np.ndarray) -> np.ndarray:
    """Nobody is left with fewer than four joints: the best of the torso stay."""
    few = (scores[:, :12] > 0).sum(1) < 4
    torso = [LIFT_JOINTS.index(f"{s}_{p}") for s in "rl" for p in ("hip", "shoulder")]
    out = scores.copy()
    out[np.ix_(few, torso)] = np.maximum(out[np.ix_(few, torso)], MIN_SCORE + 0.05)
    return out
