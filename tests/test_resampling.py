"""Any rate in, one rate inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.errors import InputError
from anchorpose.poses.resampling import RATE, even_times, resample, rotations_at, values_at
from anchorpose.poses.rotations import rotation_angle, rotvec_to_matrix
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
