"""Euler angles: exact, and without jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anchorpose.files.euler import continuous_euler, matrix_to_euler
from anchorpose.poses.clips import euler_to_matrix
from anchorpose.poses.errors import InputError
from anchorpose.poses.rotations import rotvec_to_matrix

ORDERS = st.sampled_from(["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])


@given(ORDERS, arrays(float, (5, 3), elements=st.floats(-3.2, 3.2)))
def test_angles_give_the_rotation_back(order: str, vectors: np.ndarray) -> None:
    rotations = rotvec_to_matrix(vectors)
    for angles in (matrix_to_euler(order, rotations), continuous_euler(order, rotations)):
        np.testing.assert_allclose(euler_to_matrix(order, angles), rotations, atol=1e-9)


@given(ORDERS, st.sampled_from([-1.0, 1.0]), st.floats(-3, 3), st.floats(-3, 3))
def test_gimbal_lock(order: str, side: float, first: float, last: float) -> None:
    """With the middle angle at a quarter turn only the sum of the others counts."""
    locked = euler_to_matrix(order, [[0.3, side * 1.2, 0.1], [first, side * np.pi / 2, last], [0.3, side * 1.2, 0.1]])
    np.testing.assert_allclose(euler_to_matrix(order, matrix_to_euler(order, locked)), locked, atol=1e-6)
    angles = continuous_euler(order, locked)
    np.testing.assert_allclose(euler_to_matrix(order, angles), locked, atol=1e-6)
    assert angles[1, 0] == pytest.approx(angles[0, 0])


@given(ORDERS)
def test_a_turn_goes_on_over_whole_turns(order: str) -> None:
    """Three turns about each axis come out as such, not cut at half a turn."""
    turn = np.linspace(0, 6 * np.pi, 200)
    for k in (0, 2):
        angles = np.zeros((200, 3))
        angles[:, k] = turn
        np.testing.assert_allclose(continuous_euler(order, euler_to_matrix(order, angles)), angles, atol=1e-9)


@given(ORDERS, st.integers(0, 2**31))
def test_no_jumps_over_the_top(order: str, seed: int) -> None:
    """A middle angle that passes a quarter turn goes on; the plain angles jump there by half a turn."""
    offset = np.random.default_rng(seed).uniform(-1, 1, 2)
    angles = np.stack([np.full(60, offset[0]), np.linspace(0.1, 2.9, 60), np.full(60, offset[1])], 1)
    rotations = euler_to_matrix(order, angles)
    assert np.abs(np.diff(matrix_to_euler(order, rotations), axis=0)).max() > 1
    assert np.abs(np.diff(continuous_euler(order, rotations), axis=0)).max() < 0.1


def test_wrong_orders() -> None:
    with pytest.raises(InputError, match="some order"):
        matrix_to_euler("zxz", np.eye(3))
