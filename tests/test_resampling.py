"""Any rate in, one rate inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.errors import InputError
from anchorpose.poses.resampling import RATE, even_times, resample, rotations_at, values_at
from anchorpose.poses.rotations import rotation_angle, rotvec_to_matrix, slerp
from anchorpose.poses.sequences import PoseSequence
from toy_motion import hide, toy_sequence


def test_even_times() -> None:
    np.testing.assert_allclose(even_times(1.0, 1.1), 1 + np.arange(4) / RATE)
    np.testing.assert_allclose(even_times(1.0, 1.0), [1.0])
    with pytest.raises(InputError, match="are these s"):
        even_times(0, 1e9)


def test_the_same_rate_changes_nothing() -> None:
    """A sequence at the rate itself, with a gap, comes back as it is; so does one of a single frame."""
    sequence = hide(toy_sequence(30), [7, 8, 9, 10, 20])
    out = resample(sequence, sequence.times)
    for name in PoseSequence.__dataclass_fields__:
        known = np.isfinite(getattr(sequence, name)) & sequence.seen.reshape(-1, *[1] * (getattr(out, name).ndim - 1))
        np.testing.assert_allclose(getattr(out, name)[known], getattr(sequence, name)[known], err_msg=name)
    # One missing frame between two sightings is within two steps: joined. Four are a gap.
    np.testing.assert_array_equal(np.flatnonzero(~out.seen), [7, 8, 9, 10])
    one = resample(sequence.part(slice(3, 4)), [0.1, 0.2])
    np.testing.assert_array_equal(one.seen, [True, False])


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 50.0, 120.0])
def test_other_rates_are_interpolated(fps: float) -> None:
    """Linear motion stays linear at any usual rate, without gaps."""
    frames = round(2 * fps)
    sequence = toy_sequence(frames, fps=fps)
    line = sequence.times[:, None, None] * np.ones((frames, 13, 3))
    sequence = PoseSequence(sequence.times, line, sequence.scores, line[:, 0], sequence.modes, sequence.weights)
    grid = even_times(0, sequence.times[-1])[:-1]
    out = resample(sequence, grid)
    assert out.seen.all()
    np.testing.assert_allclose(out.joints3d, grid[:, None, None] * np.ones((1, 13, 3)), atol=1e-9)
    np.testing.assert_allclose(out.translation[:, 0], grid, atol=1e-9)
    np.testing.assert_allclose(out.weights.sum(1), 1)


def test_slow_sources_have_gaps() -> None:
    """At 5 per second nothing is invented: each sighting is one frame of the grid."""
    sequence = toy_sequence(10, fps=5.0)
    out = resample(sequence, even_times(0, sequence.times[-1]))
    np.testing.assert_array_equal(np.flatnonzero(out.seen), 6 * np.arange(10))


def test_a_joint_that_one_side_lacks() -> None:
    """Between a frame that has a joint and one that has not, the nearer decides; its score is 0 where it is missing."""
    sequence = toy_sequence(2)
    joints = sequence.joints3d.copy()
    joints[1, 3] = np.nan
    sequence = PoseSequence(sequence.times, joints, *(getattr(sequence, n) for n in
                                                      ("scores", "translation", "modes", "weights")))  # fmt: skip
    out = resample(sequence, [0.01, 0.025])
    np.testing.assert_array_equal(out.joints3d[0, 3], joints[0, 3])
    assert np.isnan(out.joints3d[1, 3]).all()
    np.testing.assert_allclose(out.scores[:, 3], [0.8, 0])


@given(st.integers(0, 2**31))
def test_back_to_any_times(seed: int) -> None:
    """Constant turning and linear values are met at any time, held beyond the ends."""
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    own = np.sort(rng.uniform(0, 3, 8))
    own[0], own[-1] = 0, 3
    times = rng.uniform(-1, 4, 5)
    held = np.clip(times, 0, 3)
    turned = rotations_at(rotvec_to_matrix(own[:, None] * axis)[:, None], own, times)[:, 0]
    np.testing.assert_allclose(rotation_angle(turned.transpose(0, 2, 1) @ rotvec_to_matrix(held[:, None] * axis)), 0,
                               atol=1e-7)  # fmt: skip
    np.testing.assert_allclose(values_at(own[:, None] * axis, own, times), held[:, None] * axis, atol=1e-9)


def test_one_moment_is_held() -> None:
    eye = np.eye(3)[None]
    np.testing.assert_array_equal(rotations_at(eye, np.array([2.0]), [1.0, 3.0]), np.repeat(eye, 2, 0))
    np.testing.assert_array_equal(values_at(np.ones((1, 3)), np.array([2.0]), [1.0, 3.0]), np.ones((2, 3)))


def test_a_finer_rate_shows_no_kinks() -> None:
    """A swinging arm at 30 a second, asked for at 120: accelerations as the true ones, where a straight way has jumps
    of many times that at every fourth frame."""
    own, times = np.arange(40) / 30, np.linspace(0, 39 / 30, 157)
    swing = np.stack([0.9 * np.sin(5 * own), 0.5 * np.cos(4 * own), 0.3 * np.sin(3 * own + 1)], -1)
    fine = np.stack([0.9 * np.sin(5 * times), 0.5 * np.cos(4 * times), 0.3 * np.sin(3 * times + 1)], -1)
    places = values_at(swing, own, times)
    assert np.abs(places - fine).max() < 2e-3
    acceleration = np.linalg.norm(np.diff(fine, 2, axis=0), axis=-1).max()
    assert np.linalg.norm(np.diff(places, 2, axis=0), axis=-1).max() < 1.3 * acceleration
    straight = np.stack([np.interp(times, own, swing[:, k]) for k in range(3)], -1)
    assert np.linalg.norm(np.diff(straight, 2, axis=0), axis=-1).max() > 2.5 * acceleration
    tip, true = (rotations @ (0.0, 0.3, 0.6) for rotations in (
        rotations_at(rotvec_to_matrix(swing)[:, None], own, times)[:, 0], rotvec_to_matrix(fine)))  # fmt: skip
    assert np.linalg.norm(tip - true, axis=-1).max() < 2e-3
    bend = np.linalg.norm(np.diff(true, 2, axis=0), axis=-1).max()
    assert np.linalg.norm(np.diff(tip, 2, axis=0), axis=-1).max() < 1.3 * bend


def test_known_times_stay_and_holes_are_crossed_straight() -> None:
    rng = np.random.default_rng(3)
    own = np.delete(np.arange(20) / 30, slice(8, 13))
    values, rotations = rng.normal(size=(15, 2)), rotvec_to_matrix(rng.normal(0, 0.2, (15, 4, 3)))
    np.testing.assert_allclose(values_at(values, own, own), values, atol=1e-12)
    np.testing.assert_allclose(rotations_at(rotations, own, own), rotations, atol=1e-12)
    middle = [(own[7] + own[8]) / 2]
    np.testing.assert_allclose(values_at(values, own, middle)[0], (values[7] + values[8]) / 2, atol=1e-12)
    half = slerp(rotations[7], rotations[8], np.full(4, 0.5))
    np.testing.assert_allclose(rotations_at(rotations, own, middle)[0], half, atol=1e-9)


def test_large_turns_go_the_shortest_way() -> None:
    turns = rotvec_to_matrix(np.array([[0.0, 0, 0], [0, 0, 1.5], [0, 0, 1.6]]))
    at = rotations_at(turns, np.array([0.0, 1.0, 2.0]), [0.5])
    np.testing.assert_allclose(at[0], rotvec_to_matrix([0, 0, 0.75]), atol=1e-9)
