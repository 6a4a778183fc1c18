"""Are the weights of the modes true? Reliability, ECE, NLL and Brier score of modes, and a fitted temperature.

A mode *comes true* when it is the nearest of the modes to the truth (3D, after torso centring). A prediction is
calibrated when, of all modes with weight w, a share of w comes true (Guo et al., ICML 2017, with modes as classes).

Modes come in as `weights` (N, M), padded with 0, and `errors` (N, M), their distance to the truth (any unit), NaN where
there is no mode. Only poses with at least one mode count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.poses.errors import InputError

CALIBRATION_SUBJECTS = ("cmu_006", "cmu_013", "cmu_049", "cmu_094", "hdm_bk")
"""Subjects of the train split on which nothing is trained: they choose K, calibrate the weights of the modes, and tune
what has options."""

_LEAST = 1e-12


@dataclass(frozen=True)
class Reliability:
    """A reliability curve: per bin its edges, the mean weight, the share that came true (NaN if empty), the count."""

    edges: np.ndarray
    weight: np.ndarray
    came_true: np.ndarray
    count: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error: mean gap between weight and share that came true, by count."""
        total = self.count.sum()
        if total == 0:
            return float("nan")
        full = self.count > 0
        gaps = np.abs(self.weight[full] - self.came_true[full])
        return float((gaps * self.count[full]).sum() / total)


@dataclass(frozen=True)
class Calibration:
    """All numbers of one set: the curve of the first mode and of all modes, with their ECE, and the proper scores."""

    first: Reliability
    every: Reliability
    nll: float
    brier: float
    count: int

    @property
    def ece(self) -> float:
        """ECE of the first (heaviest) mode: the usual figure."""
        return self.first.ece

    @property
    def ece_all(self) -> float:
        """ECE of all modes; small weights dominate it."""
        return self.every.ece


def came_true(errors: np.ndarray) -> np.ndarray:
    """(N, M) errors -> (N, M) bool, True at the nearest mode of each row; a row of NaN has none, a tie the first."""
    errors = np.asarray(errors, float)
    out = np.zeros(errors.shape, bool)
    rows = np.flatnonzero(np.isfinite(errors).any(-1))
    nearest = np.argmin(np.where(np.isfinite(errors[rows]), errors[rows], np.inf), axis=-1)
    out[rows, nearest] = True
    return out


def calibrate(weights: np.ndarray, errors: np.ndarray, bins: int = 10) -> Calibration:
    """Calibration of modes.

    Args:
        weights: (N, M) weights of the modes, padded with 0; each row sums to 1.
        errors: (N, M) distance of each mode to the truth, NaN where there is no mode.
        bins: number of equal bins over 0..1.

    Raises:
        InputError: If the shapes differ, or a row of weights does not sum to 1.
    """
    weights, errors = np.asarray(weights, float), np.asarray(errors, float)
    if weights.shape != errors.shape or weights.ndim != 2:
        raise InputError(f"weights {weights.shape} and errors {errors.shape} should both be (N, M)")
    present = np.isfinite(errors)
    rows = present.any(-1)
    weights, errors, present = weights[rows], errors[rows], present[rows]
    sums = weights.sum(-1)
    if (np.abs(sums - 1) > 1e-3).any():
        raise InputError(
            f"the weights of each pose should sum to 1, but the sums run from {sums.min()} to {sums.max()}"
        )
    true = came_true(errors)
    first = np.argmax(weights, axis=-1)[:, None]
    first_weight = np.take_along_axis(weights, first, -1).ravel()
    first_true = np.take_along_axis(true, first, -1).ravel()
    return Calibration(
        first=reliability(first_weight, first_true, bins),
        every=reliability(weights[present], true[present], bins),
        nll=float(-np.log(np.maximum(weights[true], _LEAST)).mean()) if len(weights) else float("nan"),
        brier=float(((weights - true) ** 2).sum(-1).mean()) if len(weights) else float("nan"),
        count=len(weights),
    )


def reliability(weights: np.ndarray, true: np.ndarray, bins: int = 10) -> Reliability:
    """Reliability curve of claims (n,) in 0..1 against what came true (n,) bool, in `bins` equal bins over 0..1."""
    if bins < 1:
        raise InputError(f"{bins} bins: at least 1 is needed")
    weights, true = np.asarray(weights, float).ravel(), np.asarray(true, float).ravel()
    edges = np.linspace(0, 1, bins + 1)
    number = np.clip((weights * bins).astype(int), 0, bins - 1)
    count = np.bincount(number, minlength=bins)
    full = np.maximum(count, 1)
    mean_weight = np.bincount(number, weights, minlength=bins) / full
    share = np.bincount(number, true, minlength=bins) / full
    empty = count == 0
    return Reliability(edges, np.where(empty, np.nan, mean_weight), np.where(empty, np.nan, share), count)


def cross_entropy(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log likelihood of `labels` (N,) int under softmax(`logits` (N, K) / `temperature`)."""
    from scipy.special import logsumexp

    scaled = np.asarray(logits, float) / temperature
    picked = np.take_along_axis(scaled, np.asarray(labels, int)[:, None], -1)[:, 0]
    return float((logsumexp(scaled, axis=-1) - picked).mean())


def fit_temperature(logits: np.ndarray, labels: np.ndarray, low: float = 0.05, high: float = 20.0) -> float:
    """The temperature that makes softmax(`logits` / T) most likely for `labels` (temperature scaling, Guo et al. 2017).

    Fit it on training or tuning data, never on the data the calibration is reported on.

    Args:
        logits: (N, K) class scores before the softmax.
        labels: (N,) int, the class that came true.
        low, high: the range searched.
    """
    from scipy.optimize import minimize_scalar

    logits, labels = np.asarray(logits, float), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise InputError(f"logits {logits.shape} should be (N, K) and labels {labels.shape} (N,), with N > 0")
    found = minimize_scalar(
        lambda log_t: cross_entropy(logits, labels, float(np.exp(log_t))),
        bounds=(np.log(low), np.log(high)),
        method="bounded",
    )
    return float(np.exp(found.x))
