"""Rotations as vectors, quaternions, twists; and the limits that fold them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.limits import about, fold, fold_turn, limit_turns, sure_twist
from anchorpose.poses.rotations import (
    matrix_to_quat_xyzw,
    matrix_to_rotvec,
    quat_xyzw_to_matrix,
    rotation_angle,
    rotvec_to_matrix,
    slerp,
    turn_between,
    twist,
)
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z

seeds = st.integers(0, 2**32 - 1)


def vectors(seed: int, count: int = 50, most: float = np.pi) -> np.ndarray:
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(count, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True) * rng.uniform(0, most, (count, 1))


@given(seeds)
def test_there_and_back(seed: int) -> None:
    v = vectors(seed, most=3.1)
    matrices = rotvec_to_matrix(v)
    np.testing.assert_allclose(matrix_to_rotvec(matrices), v, atol=1e-9)
    np.testing.assert_allclose(rotation_angle(matrices), np.linalg.norm(v, axis=1), atol=1e-9)
    quats = matrix_to_quat_xyzw(matrices)
    np.testing.assert_allclose(np.linalg.norm(quats, axis=1), 1.0)
    np.testing.assert_allclose(quat_xyzw_to_matrix(-3 * quats), matrices, atol=1e-12)


def test_known_values() -> None:
    np.testing.assert_allclose(rotvec_to_matrix([0.3, 0, 0]), rotation_x(0.3), atol=1e-12)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(matrix_to_quat_xyzw(rotation_z(np.pi / 2)), [0, 0, half, half], atol=1e-12)
    for turn in (rotation_x(np.pi), rotation_y(np.pi), rotation_z(np.pi), np.eye(3)):
        np.testing.assert_allclose(quat_xyzw_to_matrix(matrix_to_quat_xyzw(turn)), turn, atol=1e-12)
    assert rotation_angle(np.eye(3)) == 0


@given(seeds)
def test_slerp_goes_at_an_even_pace(seed: int) -> None:
    a, b = rotvec_to_matrix(vectors(seed, 5)), rotvec_to_matrix(vectors(seed + 1, 5))
    whole = rotation_angle(np.swapaxes(a, -1, -2) @ b)
    np.testing.assert_allclose(slerp(a, b, np.ones(5)), b, atol=1e-9)
    third = slerp(a, b, np.full(5, 1 / 3))
    np.testing.assert_allclose(rotation_angle(np.swapaxes(a, -1, -2) @ third), whole / 3, atol=1e-9)


@given(seeds)
def test_a_twist_is_found_under_a_swing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    across = np.cross(axis, rng.normal(size=3))
    swing = rotvec_to_matrix(across / np.linalg.norm(across) * rng.uniform(0, 2.5))
    angle = rng.uniform(-3, 3)
    found, certainty = twist(swing @ about(axis, np.array(angle)), axis)
    np.testing.assert_allclose(found, angle, atol=1e-9)
    np.testing.assert_allclose(certainty, np.cos(rotation_angle(swing) / 2), atol=1e-9)


@given(seeds)
def test_the_smallest_turn_between_directions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 9, 3))
    turn = turn_between(a, b)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b)]
    np.testing.assert_allclose((turn @ unit[0][..., None])[..., 0], unit[1], atol=1e-9)
    np.testing.assert_allclose(rotation_angle(turn), np.arccos((unit[0] * unit[1]).sum(1)), atol=1e-6)
    np.testing.assert_allclose(turn_between(a, -a) @ unit[0][..., None], -unit[0][..., None], atol=1e-9)


def test_folding_is_continuous_all_the_way_round() -> None:
    limit = np.radians(100)
    angles = np.linspace(-np.pi, np.pi, 2001)
    folded = fold(angles, limit)
    inside = np.abs(angles) < limit
    np.testing.assert_array_equal(folded[inside], angles[inside])
    assert np.abs(folded).max() <= limit + 1e-9 and np.abs(folded[[0, -1]]).max() < 1e-9
    assert np.abs(np.diff(folded)).max() < 1.3 * (angles[1] - angles[0])


def test_limits_leave_what_is_allowed_and_never_jump() -> None:
    axis = np.array([0.2, 1.0, -0.3])
    turns = rotvec_to_matrix(vectors(3, 200, 1.0))
    np.testing.assert_allclose(limit_turns(turns, axis, 1.2, 1.2), turns, atol=1e-9)
    np.testing.assert_allclose(fold_turn(turns, 1.1), turns, atol=1e-9)
    # Once round, by a twist with a swing in it.
    path = about(np.array([1.0, 0, 0]), np.full(1000, 0.7)) @ about(axis, np.linspace(-np.pi, np.pi, 1000))
    limited = limit_turns(path, axis, np.radians(80), np.radians(100))
    steps = rotation_angle(np.swapaxes(limited[:-1], -1, -2) @ limited[1:])
    assert steps.max() < 2.5 * 2 * np.pi / 999
    assert np.abs(sure_twist(limited, axis, 3.0)).max() < np.radians(101)


@given(seeds)
def test_short_ways_by_the_short_formulas(seed: int) -> None:
    """Below 120 degrees `slerp` is by Rodrigues' formula, above by rotation vectors; `turn_between` by mirrors, near
    opposite directions by quaternions. Both say the same."""
    rng = np.random.default_rng(seed)
    a = rotvec_to_matrix(rng.normal(size=(6, 3)))
    vector = rng.normal(size=(6, 3))
    vector *= rng.choice([0.0, 1e-9, 1e-3, 0.3, 2.0, 2.2, 3.1], (6, 1)) / np.linalg.norm(vector, axis=1, keepdims=True)
    share = rng.random(6)
    np.testing.assert_allclose(
        slerp(a, a @ rotvec_to_matrix(vector), share), a @ rotvec_to_matrix(share[:, None] * vector), atol=1e-9
    )
    start, end = rng.normal(size=(2, 6, 3))
    with_opposite = turn_between(np.concatenate([start, start[:1]]), np.concatenate([end, -start[:1]]))
    np.testing.assert_allclose(turn_between(start, end), with_opposite[:6], atol=1e-9)
