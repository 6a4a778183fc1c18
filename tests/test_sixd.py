"""Rotations as six numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.rotations import rotation_angle, rotvec_to_matrix
from anchorpose.poses.sixd import matrix_to_sixd, nearest_rotation, nearest_to_any, sixd_to_matrix

seeds = st.integers(0, 2**31)


@given(seeds)
def test_there_and_back(seed: int) -> None:
    """Rotations come back exactly; any length of the two columns gives the same rotation."""
    rng = np.random.default_rng(seed)
    rotations = rotvec_to_matrix(rng.normal(0, 2, (5, 3)))
    np.testing.assert_allclose(sixd_to_matrix(matrix_to_sixd(rotations)), rotations, atol=1e-12)
    scaled = matrix_to_sixd(rotations) * np.repeat(rng.uniform(0.1, 9, (5, 2)), 3, 1)
    np.testing.assert_allclose(sixd_to_matrix(scaled), rotations, atol=1e-9)


@given(seeds)
def test_any_numbers_give_a_rotation(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(4, 6))
    values[0] = 0
    values[1, 3:] = -2 * values[1, :3]
    out = sixd_to_matrix(values)
    np.testing.assert_allclose(out @ out.transpose(0, 2, 1), np.broadcast_to(np.eye(3), out.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(out), 1, atol=1e-9)


@given(seeds)
def test_the_mean_of_two_rotations_is_half_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=3)
    vector *= rng.uniform(0.1, 2.5) / np.linalg.norm(vector)
    a = rotvec_to_matrix(rng.normal(size=3))
    b = a @ rotvec_to_matrix(vector)
    middle = nearest_rotation((a + b) / 2)
    np.testing.assert_allclose(rotation_angle(a.T @ middle), np.linalg.norm(vector) / 2, atol=1e-7)
    np.testing.assert_allclose(rotation_angle(b.T @ middle), np.linalg.norm(vector) / 2, atol=1e-7)


@pytest.mark.parametrize("size", [1e-4, 0.05, 0.2, 2.0])
def test_means_of_rotations_by_the_series_as_by_svd(size: float) -> None:
    rng = np.random.default_rng(0)
    turns = rotvec_to_matrix(rng.normal(0, 2, (40, 1, 3))) @ rotvec_to_matrix(rng.normal(0, size, (40, 5, 3)))
    mean = turns.mean(1)
    np.testing.assert_allclose(nearest_rotation(mean), nearest_to_any(mean), atol=1e-8)
    mirrored = mean * (1, 1, -1)
    np.testing.assert_allclose(nearest_rotation(mirrored), nearest_to_any(mirrored), atol=1e-8)
    assert (np.linalg.det(nearest_rotation(mirrored)) > 0).all()
