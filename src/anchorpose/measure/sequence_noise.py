"""A detector's errors over time: the noise fitted on photos (`measure.noise`), with a memory.

Marginally every frame has the scores and errors of `DetectorNoise`, and its swaps unless they were counted over time;
what is added is how they go on:

* the logits of the scores are the sum of what stays, a smooth Gaussian process and white noise;
* a joint's error is a Gaussian vector of two numbers that moves in the same way; its direction is the error's, and the
  probability that such a vector is shorter says which quantile the error has, so that the fitted quantiles stay. Which
  quantiles those are is told by the smooth part of the scores: a detector's errors depend on what it sees, and that
  changes smoothly;
* swaps of legs and arms begin and end by chance and last some frames; so do gaps in which nothing is found;
* the border of the picture stands still, and people walk in and out of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from anchorpose.measure.noise import KIND_OF_JOINT, QUANTILES, DetectorNoise, person_size
from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.lifting import LIFT_JOINTS
from anchorpose.sense.lift import MIN_SCORE

Array = NDArray[np.float64]

TIME_FILE = Path(__file__).with_name("noise_over_time.json")
_LEGS, _ARMS = ("ankle", "knee", "hip"), ("wrist", "elbow", "shoulder")
_SIDES = {"below": (0, 1), "left": (-1, 0), "right": (1, 0), "above": (0, -1)}
_LEAST_SEEN = 4


@dataclass(frozen=True)
class NoiseOverTime:
    """How errors go on from frame to frame.

    Attributes:
        error_fast: share of the error's variance that is new in every frame; error_still: share that stays as it is
            for a whole track; error_seconds: memory of the rest.
        score_fast, score_still, score_seconds: the same for the logits of the scores.
        swap_seconds: mean duration of a swap of sides.
        missed: share of frames in which the person is not found; missed_seconds: mean duration of such a gap.
        cut: share of tracks with the border of the picture across them.
        source: how it was fitted.
        swap_rates: share of frames in which "legs" / "arms" / "both" are swapped; None: as often as on photos.
        about: how each field was fitted or why it is assumed, what else was seen, and when it was made with what.
    """

    error_fast: float = 0.01
    error_still: float = 0.3
    error_seconds: float = 0.17
    score_fast: float = 0.2
    score_still: float = 0.4
    score_seconds: float = 0.15
    swap_seconds: float = 0.2
    missed: float = 0.12
    missed_seconds: float = 0.4
    cut: float = 0.15
    source: str = "assumed"
    swap_rates: dict[str, float] | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path = TIME_FILE) -> NoiseOverTime:
        try:
            return cls(**json.loads(Path(path).read_text()))
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({error.strerror})") from error
        except (ValueError, TypeError) as error:
            raise FormatError(f"{path}: no noise over time ({error})") from error


def smooth_process(shape: tuple[int, ...], seconds: float, fps: float, rng: np.random.Generator) -> Array:
    """(T, ...) standard normal numbers whose correlation falls as a Gaussian, to 0.6 after `seconds`."""
    width = max(seconds * fps / np.sqrt(2), 1e-3)
    pad = int(np.ceil(4 * width))
    white = rng.normal(size=(shape[0] + 2 * pad, *shape[1:]))
    kernel = np.exp(-(np.arange(-pad, pad + 1) ** 2) / (2 * width**2))
    smooth: Array = oaconvolve(white, (kernel / np.linalg.norm(kernel)).reshape(-1, *[1] * (len(shape) - 1)), axes=0)
    return smooth[2 * pad : 2 * pad + shape[0]]


def memory(
    shape: tuple[int, ...], fast: float, still: float, seconds: float, fps: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """(T, ...) standard normal numbers, of whose variance a share `fast` is white and a share `still` never changes;
    and the same without the white part."""
    smooth = np.sqrt(max(0.0, 1 - fast - still)) * smooth_process(shape, seconds, fps, rng)
    smooth = smooth + np.sqrt(still) * rng.normal(size=shape[1:])
    return smooth + np.sqrt(fast) * rng.normal(size=shape), smooth


def bursts(frames: int, share: float, seconds: float, fps: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(T,) True in runs with the given mean duration, in the given share of frames on average."""
    if share <= 0:
        return np.zeros(frames, bool)
    end = min(1.0, 1 / max(seconds * fps, 1.0))
    begin = min(1.0, end * share / max(1 - share, 1e-6))
    out = np.zeros(frames, bool)
    at, on = 0, bool(rng.random() < share)
    while at < frames:
        length = int(rng.geometric(end if on else begin))
        out[at : at + length] = on
        at, on = at + length, not on
    return out


@dataclass(frozen=True, eq=False)
class SeenTrack:
    """2D of one person over time: plane (T, 14, 2), scores (T, 14; 0 = missing), found (T,) bool."""

    plane: Array
    scores: Array
    found: NDArray[np.bool_]


def add_noise_over_time(
    plane: Array, nose_hidden: NDArray[np.bool_], noise: DetectorNoise, over_time: NoiseOverTime, fps: float,
    rng: np.random.Generator, scale: float = 1.0,
) -> SeenTrack:  # fmt: skip
    """What a detector finds of a person whose true joints are `plane` (T, 14, 2); `scale` is a factor of the errors."""
    frames = len(plane)
    size = person_size(plane, np.ones(plane.shape[:2], bool))
    root = np.linalg.cholesky(noise.score_cov)
    o = over_time
    both_parts = memory(plane.shape[:2], o.score_fast, o.score_still, o.score_seconds, fps, rng)
    scores, smooth = (1 / (1 + np.exp(-(noise.score_mean + drift @ root.T))) for drift in both_parts)
    scores[:, -1] *= np.where(nose_hidden, 0.5, 1.0)
    noisy = plane + error_track(noise, smooth, over_time, fps, rng) * (scale * size)[:, None, None]
    rates = noise.swap_rates if o.swap_rates is None else o.swap_rates
    both = bursts(frames, rates["both"] * min(scale, 1.0), over_time.swap_seconds, fps, rng)
    for part, kinds in (("legs", _LEGS), ("arms", _ARMS)):
        alone = bursts(frames, rates[part] * min(scale, 1.0), over_time.swap_seconds, fps, rng)
        _swap(noisy, kinds, both | alone)
    if rng.random() < over_time.cut:
        noisy, scores = _cut(noisy, scores, size, rng)
    scores = np.where(scores < MIN_SCORE, 0.0, scores)
    found = ~bursts(frames, over_time.missed, over_time.missed_seconds, fps, rng)
    found &= (scores[:, :12] > 0).sum(1) >= _LEAST_SEEN
    return SeenTrack(noisy, scores, found)


def error_track(
    noise: DetectorNoise, scores: Array, over_time: NoiseOverTime, fps: float, rng: np.random.Generator
) -> Array:
    """(T, 14, 2) errors over the person's size, for joints of the given scores (T, 14)."""
    o = over_time
    vector, _ = memory((*scores.shape, 2), o.error_fast, o.error_still, o.error_seconds, fps, rng)
    length = np.linalg.norm(vector, axis=-1)
    at = 1 - np.exp(-(length**2) / 2)
    edges = noise.score_edges
    middles = np.concatenate([[edges[0] / 2], (edges[1:] + edges[:-1]) / 2, [(1 + edges[-1]) / 2]])
    magnitude = np.empty(scores.shape)
    for joint, kind in enumerate(KIND_OF_JOINT):
        # Between the middles of two bins of scores the error changes from the one's quantile to the other's.
        quantile = np.stack([np.interp(at[:, joint], QUANTILES, table) for table in noise.errors[kind]])
        where = np.interp(scores[:, joint], middles, np.arange(len(middles)))
        low = np.minimum(where.astype(int), len(middles) - 2)
        rows = np.arange(len(scores))
        magnitude[:, joint] = quantile[low, rows] + (where - low) * (quantile[low + 1, rows] - quantile[low, rows])
    return vector / np.maximum(length, 1e-9)[..., None] * magnitude[..., None]


def _swap(plane: Array, kinds: tuple[str, ...], when: NDArray[np.bool_]) -> None:
    for kind in kinds:
        pair = [LIFT_JOINTS.index(f"r_{kind}"), LIFT_JOINTS.index(f"l_{kind}")]
        rows = np.flatnonzero(when)[:, None]
        plane[rows, pair] = plane[rows, pair[::-1]]


def _cut(plane: Array, scores: Array, size: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """A border across the track; joints beyond it vanish, or stick to it and score low."""
    side = rng.choice(len(_SIDES), p=[0.65, 0.14, 0.14, 0.07])
    normal = np.array(list(_SIDES.values())[side], float)
    along = plane @ normal
    low, high = np.median(along.min(1)), np.median(along.max(1))
    border = high - rng.uniform(0.08, 0.62 if side == 0 else 0.35) * (high - low)
    beyond = along > border
    kept = beyond & (rng.random(plane.shape[1]) < 0.4)
    stuck = plane - (along - border)[..., None] * normal + rng.normal(0, 0.02, plane.shape) * size[:, None, None]
    plane = np.where(kept[..., None], stuck, plane)
    low_scores = np.clip(rng.uniform(0.05, 0.35, scores.shape[1]) + rng.normal(0, 0.05, scores.shape), 0.02, 0.5)
    return plane, np.where(kept, low_scores, np.where(beyond, 0.0, scores))
