"""The baselines: filters that know nothing of bodies."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.measure.smoothing import (
    FilterSettings,
    acceleration_error,
    fill_nearest,
    one_euro,
    savitzky_golay,
    tune,
)
from anchorpose.poses.errors import InputError
from toy_motion import toy_truth

TIMES = np.arange(60) / 30


def line() -> np.ndarray:
    """Joints that move evenly."""
    return TIMES[:, None, None] * np.arange(1, 4) * np.ones((1, 13, 1))


def test_gaps_take_the_nearest_pose() -> None:
    joints = line()[:7]
    joints[[0, 3, 4, 6]] = np.nan
    found = fill_nearest(joints, TIMES[:7])
    np.testing.assert_array_equal(found[:, 0, 0], TIMES[[1, 1, 2, 2, 5, 5, 5]])
    uneven = fill_nearest(joints, np.array([0, 1, 2, 2.9, 4, 4.1, 9]))
    np.testing.assert_array_equal(uneven[:, 0, 0], TIMES[[1, 1, 2, 2, 5, 5, 5]])
    nobody = np.full((3, 13, 3), np.nan)
    np.testing.assert_array_equal(fill_nearest(nobody, TIMES[:3]), nobody)


def test_savitzky_golay() -> None:
    """Leaves polynomials of its order alone, takes noise away, copes with short tracks."""
    curve = line() ** 2
    np.testing.assert_allclose(savitzky_golay(curve, 9, 2), curve, atol=1e-9)
    noisy = line() + np.random.default_rng(0).normal(0, 0.05, line().shape)
    smooth = savitzky_golay(noisy, 15, 2)
    assert np.abs(smooth - line()).mean() < 0.5 * np.abs(noisy - line()).mean()
    assert acceleration_error(smooth, line()).mean() < 0.1 * acceleration_error(noisy, line()).mean()
    for frames in (1, 2, 3, 4, 8):
        assert savitzky_golay(noisy[:frames], 9, 2).shape == (frames, 13, 3)
    with pytest.raises(InputError, match="odd"):
        savitzky_golay(noisy, 8, 2)


def test_one_euro() -> None:
    """Still things stay, noise shrinks, a high beta follows fast motion more closely, and it looks only back."""
    still = np.ones((60, 13, 3))
    np.testing.assert_allclose(one_euro(still, TIMES, 1.0, 0.5), still)
    noisy = still + np.random.default_rng(0).normal(0, 0.05, still.shape)
    assert np.abs(one_euro(noisy, TIMES, 0.5, 0.0)[10:] - 1).mean() < 0.5 * np.abs(noisy - 1).mean()
    late, close = (np.abs(one_euro(line(), TIMES, 0.5, beta) - line()).mean() for beta in (0.0, 2.0))
    assert close < 0.5 * late
    changed = noisy.copy()
    changed[40:] += 1
    np.testing.assert_array_equal(one_euro(changed, TIMES, 1.0, 0.5)[:40], one_euro(noisy, TIMES, 1.0, 0.5)[:40])


def test_acceleration_error() -> None:
    """By hand: one joint out of place by 10 mm for one frame bends 10, 20 and 10 mm; of 13 joints the mean."""
    found = line()
    found[20, 0, 0] += 0.010
    error = 13 * acceleration_error(found, line())
    np.testing.assert_allclose(error[18:21], [10, 20, 10], atol=1e-6)
    np.testing.assert_allclose(np.delete(error, [18, 19, 20]), 0, atol=1e-6)
    found[30] = np.nan
    assert np.isnan(acceleration_error(found, line())[28:31]).all()


def test_tuning_finds_a_filter_that_helps() -> None:
    """On swinging people with white noise and gaps: smoothing, but not so that motion goes."""
    rng = np.random.default_rng(0)
    tracks = []
    for seed in range(2):
        truth = toy_truth(60, seed)
        joints = truth + rng.normal(0, 0.03, truth.shape)
        joints[25:28] = np.nan
        tracks.append((joints, TIMES, truth))
    found = tune(tracks)
    assert isinstance(found, FilterSettings) and found.window >= 7 and found.order >= 1
    joints, times, truth = tracks[0]
    filled = fill_nearest(joints, times)
    smooth = savitzky_golay(filled, found.window, found.order)
    assert np.abs(smooth - truth).mean() < 0.8 * np.abs(filled - truth).mean()
