"""Calibration: synthetic modes that are calibrated, overconfident or by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.measure import calibration as c
from anchorpose.poses.errors import InputError


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def draw(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The class that comes true in each row, drawn from its weights."""
    return (rng.random((len(weights), 1)) > weights.cumsum(-1)[:, :-1]).sum(-1)


def errors_where(labels: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    errors = 50 + 100 * rng.random((len(labels), classes))
    errors[np.arange(len(labels)), labels] = 10.0
    return errors


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 5)) * 1.5
    labels = draw(softmax(logits), rng)
    return logits, labels, errors_where(labels, 5, rng)


def test_by_hand() -> None:
    weights = np.array([[0.8, 0.2, 0.0], [0.6, 0.4, 0.0], [1.0, 0.0, 0.0]])
    errors = np.array([[5.0, 9.0, np.nan], [9.0, 5.0, np.nan], [7.0, np.nan, np.nan]])
    result = c.calibrate(weights, errors, bins=2)
    assert result.count == 3
    assert result.nll == pytest.approx(-(np.log(0.8) + np.log(0.4) + np.log(1.0)) / 3)
    assert result.brier == pytest.approx((0.2**2 * 2 + 0.6**2 * 2 + 0) / 3)
    # First modes: weights .8 .6 1 in the upper bin, two of three come true.
    np.testing.assert_allclose(result.first.weight, [np.nan, 0.8])
    np.testing.assert_allclose(result.first.came_true, [np.nan, 2 / 3])
    assert result.ece == pytest.approx(0.8 - 2 / 3)
    # All modes: .2 and .4 in the lower bin, one of two comes true.
    np.testing.assert_array_equal(result.every.count, [2, 3])
    assert result.ece_all == pytest.approx((2 * 0.2 + 3 * (0.8 - 2 / 3)) / 5)


def test_the_nearest_mode_comes_true() -> None:
    errors = np.array([[3.0, 2.0, np.nan], [np.nan] * 3, [1.0, 1.0, 2.0]])
    np.testing.assert_array_equal(c.came_true(errors).astype(int), [[0, 1, 0], [0, 0, 0], [1, 0, 0]])


def test_calibrated_weights_have_no_calibration_error(sample: tuple[np.ndarray, ...]) -> None:
    logits, _, errors = sample
    result = c.calibrate(softmax(logits), errors)
    assert result.ece < 0.015 and result.ece_all < 0.01
    np.testing.assert_allclose(result.every.came_true[:8], result.every.weight[:8], atol=0.04)


def test_overconfident_weights_are_found_out(sample: tuple[np.ndarray, ...]) -> None:
    logits, _, errors = sample
    calibrated, sharp = c.calibrate(softmax(logits), errors), c.calibrate(softmax(3 * logits), errors)
    assert sharp.ece > 0.1
    assert sharp.nll > calibrated.nll and sharp.brier > calibrated.brier
    filled = sharp.first.count > 100
    assert (sharp.first.weight[filled] >= sharp.first.came_true[filled]).all()


def test_temperature_undoes_overconfidence(sample: tuple[np.ndarray, ...]) -> None:
    logits, labels, _ = sample
    assert c.fit_temperature(3 * logits, labels) == pytest.approx(3.0, rel=0.05)
    assert c.fit_temperature(logits, labels) == pytest.approx(1.0, rel=0.05)


def test_cross_entropy_of_uniform_logits_is_log_k() -> None:
    assert c.cross_entropy(np.zeros((4, 7)), np.arange(4)) == pytest.approx(np.log(7))


@given(st.integers(0, 2**32 - 1))
def test_padding_and_poses_without_modes_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = softmax(rng.normal(size=(30, 3)))
    errors = rng.random((30, 3))
    plain = c.calibrate(weights, errors)
    padded = c.calibrate(np.pad(weights, ((0, 4), (0, 2))), np.pad(errors, ((0, 4), (0, 2)), constant_values=np.nan))
    assert (plain.ece, plain.ece_all, plain.nll, plain.count) == (padded.ece, padded.ece_all, padded.nll, padded.count)
    assert plain.brier == pytest.approx(padded.brier)
    assert 0 <= plain.ece <= 1 and 0 <= plain.brier <= 2 and plain.nll >= 0


def test_a_mode_of_weight_zero_that_comes_true_costs_much_but_not_everything() -> None:
    result = c.calibrate(np.array([[1.0, 0.0]]), np.array([[2.0, 1.0]]))
    assert 20 < result.nll < 100


def test_no_poses_is_no_number() -> None:
    result = c.calibrate(np.zeros((2, 3)), np.full((2, 3), np.nan))
    assert result.count == 0 and np.isnan([result.nll, result.brier, result.ece]).all()


def test_bad_input_is_reported() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        c.calibrate(np.full((2, 2), 0.2), np.ones((2, 2)))
    with pytest.raises(InputError, match=r"\(N, M\)"):
        c.calibrate(np.ones((2, 2)), np.ones((2, 3)))
    with pytest.raises(InputError, match="at least 1"):
        c.reliability(np.ones(2), np.ones(2), bins=0)
    with pytest.raises(InputError, match="N > 0"):
        c.fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
