"""Limbs out of the body: capsules, closest points, pushing apart."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.collisions import closest_points, push_apart, rod_radii
from anchorpose.poses.body import pose_shaped, shape_body
from anchorpose.poses.rotations import rotvec_to_matrix


def test_closest_points_against_a_fine_grid() -> None:
    rng = np.random.default_rng(0)
    a0, a1, b0, b1 = rng.normal(size=(4, 50, 3))
    b1[0] = b0[0] + (a1[0] - a0[0])  # parallel
    p, q = closest_points(a0, a1, b0, b1)
    s = np.linspace(0, 1, 200)[:, None, None]
    grid = np.linalg.norm((a0 + s * (a1 - a0))[:, None] - (b0 + s * (b1 - b0))[None], axis=-1).min((0, 1))
    np.testing.assert_allclose(np.linalg.norm(p - q, axis=1), grid, atol=0.03)
    assert (np.linalg.norm(p - q, axis=1) <= grid + 1e-9).all()


def test_radii_are_those_of_limbs() -> None:
    body = read_body()
    radii = rod_radii(body, shape_body(body, np.zeros((1, 1))))[0]
    assert 0.01 < radii.min() and radii.max() < 0.2
    assert np.all(np.isfinite(radii))


@pytest.mark.parametrize("side", ["L", "R"])
def test_an_arm_through_the_belly_comes_out(side: str) -> None:
    body = read_body()
    shaped = shape_body(body, np.zeros((1, 1)))
    rotations = np.tile(np.eye(3), (len(body.bones), 1, 1))
    sign = 1 if side == "L" else -1
    rotations[body.bone(f"upperarm01.{side}")] = rotvec_to_matrix(np.array([0.0, 0.0, -0.75 * sign]))
    rotations[body.bone(f"lowerarm01.{side}")] = rotvec_to_matrix(np.array([0.3, 0.0, -0.9 * sign]))
    out, before, after = push_apart(body, shaped, rotations)
    assert before > 0.03 and after < 0.3 * before
    changed = {body.bones[j] for j in np.flatnonzero(np.abs(out - rotations).max((1, 2)) > 1e-6)}
    assert f"upperarm01.{side}" in changed and all(name.startswith(("upperarm01", "upperleg01")) for name in changed)
    wrist = pose_shaped(body, shaped, out[None], np.zeros((1, 3))).joints[0, body.bone(f"wrist.{side}")]
    assert np.isfinite(wrist).all()
    np.testing.assert_allclose(out @ out.swapaxes(-1, -2), np.broadcast_to(np.eye(3), out.shape), atol=1e-5)


def test_the_reference_pose_stays() -> None:
    body = read_body()
    rotations = np.tile(np.eye(3), (len(body.bones), 1, 1))
    out, before, after = push_apart(body, shape_body(body, np.zeros((1, 1))), rotations)
    assert before == after == 0
    np.testing.assert_allclose(out, rotations)
