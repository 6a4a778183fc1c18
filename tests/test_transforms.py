"""Rigid and similarity transforms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.skeletons import BODY13, SKELETONS
from anchorpose.poses.transforms import (
    hip_centred,
    mirror_joints,
    rotation_x,
    rotation_y,
    rotation_z,
    similarity,
    torso_centre,
    torso_centred,
)

seeds = st.integers(0, 2**31)


def random_rotations(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 3, 3)."""
    q, r = np.linalg.qr(rng.normal(size=(n, 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    return q * np.sign(np.linalg.det(q))[:, None, None]


def moved(points: np.ndarray, scale: np.ndarray, rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return scale[:, None, None] * points @ rotation.transpose(0, 2, 1) + shift[:, None]


@given(seeds)
def test_similarity_recovers_a_known_one(seed: int) -> None:
    """Points that were scaled, turned and shifted give back exactly that, for a batch at once."""
    rng = np.random.default_rng(seed)
    points, scale, shift = rng.normal(size=(4, 9, 3)), rng.uniform(0.1, 10, 4), rng.normal(size=(4, 3))
    rotation = random_rotations(rng, 4)
    found = similarity(points, moved(points, scale, rotation, shift))
    for got, expected in zip(found, (scale, rotation, shift), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-8)


@given(seeds)
def test_similarity_never_reflects(seed: int) -> None:
    """Even onto its mirror image, a point set is turned by a true rotation, and no scale is negative."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(5, 8, 3))
    scale, rotation, _ = similarity(points, points * (-1, 1, 1))
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), np.tile(np.eye(3), (5, 1, 1)), atol=1e-9)
    assert (scale >= 0).all()


@given(seeds)
def test_similarity_is_the_best(seed: int) -> None:
    """No nearby similarity fits noisy points better."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(1, 10, 3))
    target = rng.normal(size=(1, 10, 3))
    scale, rotation, shift = similarity(source, target)

    def error(s: np.ndarray, r: np.ndarray, t: np.ndarray) -> float:
        return float(((moved(source, s, r, t) - target) ** 2).sum())

    best = error(scale, rotation, shift)
    for sign in (-1, 1):
        assert best <= error(scale * (1 + sign * 1e-3), rotation, shift) + 1e-12
        assert best <= error(scale, rotation, shift + sign * 1e-3) + 1e-12
        for turn in (rotation_x, rotation_y, rotation_z):
            assert best <= error(scale, turn(sign * 1e-3) @ rotation, shift) + 1e-9


def test_similarity_in_the_plane_and_of_a_point() -> None:
    """Two dimensions work alike; a source without extent has no scale, and nothing is infinite."""
    points = np.array([[0, 0], [1, 0], [0, 2.0]])
    quarter = np.array([[0, -1], [1, 0.0]])
    scale, rotation, shift = similarity(points, 2 * points @ quarter.T + (3, 4))
    np.testing.assert_allclose((scale, *shift), (2, 3, 4))
    np.testing.assert_allclose(rotation, quarter, atol=1e-12)
    scale, rotation, shift = similarity(np.zeros((4, 3)), np.ones((4, 3)))
    assert scale == 0 and np.isfinite(rotation).all()
    np.testing.assert_allclose(shift, 1)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_mirror_twice_is_nothing(skeleton) -> None:  # type: ignore[no-untyped-def]
    """Mirroring is its own inverse, does not touch its input, and swaps the sides by name."""
    points = np.random.default_rng(0).normal(size=(2, len(skeleton), 3))
    before = points.copy()
    once = mirror_joints(points, skeleton.mirror)
    np.testing.assert_array_equal(mirror_joints(once, skeleton.mirror), before)
    np.testing.assert_array_equal(points, before)
    if "l_hip" in skeleton:
        left, right = skeleton.index("l_hip"), skeleton.index("r_hip")
        np.testing.assert_array_equal(once[:, left], points[:, right] * (-1, 1, 1))


@given(seeds)
def test_centring(seed: int) -> None:
    """After centring, the torso's or the hips' middle is the origin, and distances are as before."""
    points = np.random.default_rng(seed).normal(size=(3, 13, 3))
    four = [BODY13.index(n) for n in ("l_hip", "r_hip", "l_shoulder", "r_shoulder")]
    np.testing.assert_allclose(torso_centre(points), points[:, four].mean(1))
    np.testing.assert_allclose(torso_centred(points)[:, four].mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(hip_centred(points)[:, four[:2]].mean(1), 0, atol=1e-12)
    for centred in (torso_centred(points), hip_centred(points)):
        np.testing.assert_allclose(np.diff(centred, axis=1), np.diff(points, axis=1), atol=1e-12)


def test_axis_rotations_are_right_handed() -> None:
    """A quarter turn about x takes y to z, about y takes z to x, about z takes x to y; arrays of angles work."""
    x, y, z = np.eye(3)
    for turn, start, end in ((rotation_x, y, z), (rotation_y, z, x), (rotation_z, x, y)):
        np.testing.assert_allclose(turn(np.pi / 2) @ start, end, atol=1e-12)
        assert turn(np.zeros((2, 4))).shape == (2, 4, 3, 3)
        np.testing.assert_allclose(turn(0.3) @ turn(0.4), turn(0.7))
