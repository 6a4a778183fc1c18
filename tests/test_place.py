"""Placing a 3D pose before the camera so that it lies on its 2D."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centre, torso_centred
from anchorpose.sense.place import place
from conftest import before_camera, standing

seeds = st.integers(0, 2**31)


def project(points: np.ndarray) -> np.ndarray:
    return points[..., :2] / points[..., 2:]


def person(azimuth: float = 20.0, at: tuple[float, float, float] = (0.4, 0.2, 4.0)) -> tuple[np.ndarray, np.ndarray]:
    """Torso-centred joints (1, 13, 3) and where the torso is (1, 3)."""
    points = before_camera(standing(), azimuth, 5, at)[None]
    return torso_centred(points), torso_centre(points)


@given(seeds)
def test_a_known_translation_is_recovered(seed: int) -> None:
    """True 3D, projected without error, goes back to where it was, whatever the scores."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(-0.8, 0.8, (6, 13, 3))
    where = np.stack([rng.uniform(-2, 2, 6), rng.uniform(-2, 2, 6), rng.uniform(1.5, 15, 6)], 1)
    plane = project(joints + where[:, None])
    np.testing.assert_allclose(place(joints, plane, rng.uniform(0.1, 1, (6, 13))), where, rtol=1e-4, atol=1e-4)


@given(seeds)
def test_a_standing_person_is_recovered_with_joints_missing(seed: int) -> None:
    """So is a person of whom only some joints are there; the missing ones may be NaN or anything with score 0."""
    rng = np.random.default_rng(seed)
    joints, where = person(rng.uniform(-180, 180), (rng.uniform(-1, 1), 0.1, rng.uniform(2, 8)))
    plane, scores = project(joints + where[:, None]), np.ones((1, 13))
    gone = rng.permutation(13)[: rng.integers(0, 9)]
    plane[0, gone[::2]] = np.nan
    plane[0, gone[1::2]], scores[0, gone[1::2]] = 99, 0
    np.testing.assert_allclose(place(joints, plane, scores), where, rtol=1e-3, atol=1e-3)


@given(st.integers(0, 12), st.floats(-np.pi, np.pi))
def test_one_lost_joint_does_not_move_the_person(joint: int, direction: float) -> None:
    """A joint found half a person away shifts the person by less than a tenth of its distance, and by less than
    plain least squares would."""
    joints, where = person()
    plane = project(joints + where[:, None])
    extent = np.ptp(plane[0], axis=0).max()
    plane[0, joint] += 0.5 * extent * np.array([np.cos(direction), np.sin(direction)])
    found = place(joints, plane, np.ones((1, 13)))
    assert np.linalg.norm(found - where) < 0.1 * where[0, 2]


def test_lost_joints_weigh_less_than_in_plain_least_squares() -> None:
    """The answer with an outlier is nearer to the truth than that of the linear problem alone."""
    joints, where = person()
    plane = project(joints + where[:, None])
    plane[0, BODY13.index("l_wrist")] += (0.3, -0.2)
    a = np.zeros((26, 3))
    a[0::2, 0] = a[1::2, 1] = 1
    a[0::2, 2], a[1::2, 2] = -plane[0, :, 0], -plane[0, :, 1]
    b = (plane[0] * joints[0, :, 2:] - joints[0, :, :2]).ravel()
    plain = np.linalg.lstsq(a, b, rcond=None)[0]
    robust = place(joints, plane, np.ones((1, 13)))[0]
    assert np.linalg.norm(robust - where[0]) < 0.5 * np.linalg.norm(plain - where[0])


def test_scores_weigh() -> None:
    """A wrong joint with a low score counts less than with a high one."""
    joints, where = person()
    plane, scores = project(joints + where[:, None]), np.ones((1, 13))
    plane[0, 0] += 0.05
    sure = np.linalg.norm(place(joints, plane, scores) - where)
    scores[0, 0] = 0.1
    assert np.linalg.norm(place(joints, plane, scores) - where) < 0.5 * sure


def test_fewer_than_two_joints_cannot_be_placed() -> None:
    """NaN for people with no joint or with one, whatever it is that hides the others; two joints are enough."""
    joints, where = (np.repeat(a, 4, 0) for a in person())
    plane, scores = project(joints + where[:, None]), np.ones((4, 13))
    scores[0], scores[1, 1:] = 0, 0
    plane[2, 1:] = np.nan
    scores[3] = 0
    scores[3, [BODY13.index("head"), BODY13.index("l_ankle")]] = 1
    found = place(joints, plane, scores)
    assert np.isnan(found[:3]).all() and np.isfinite(found[3]).all()
    np.testing.assert_allclose(found[3], where[3], rtol=1e-3)
    assert place(joints[:0], plane[:0], scores[:0]).shape == (0, 3)


def test_missing_3d_is_a_missing_joint() -> None:
    """A joint without 3D does not take part."""
    joints, where = person()
    plane = project(joints + where[:, None])
    joints[0, 3] = np.nan
    np.testing.assert_allclose(place(joints, plane, np.ones((1, 13))), where, rtol=1e-4)


@given(seeds)
def test_nonsense_is_placed_in_front(seed: int) -> None:
    """2D that no placing explains still gives a finite place before the camera."""
    rng = np.random.default_rng(seed)
    found = place(rng.normal(size=(5, 13, 3)), rng.normal(size=(5, 13, 2)), np.ones((5, 13)))
    assert np.isfinite(found).all() and (found[:, 2] >= 0.3).all() and (found[:, 2] <= 100).all()


def test_all_joints_on_one_ray() -> None:
    """2D without extent is put far away, not nowhere."""
    found = place(person()[0], np.full((1, 13, 2), 0.1), np.ones((1, 13)))
    assert np.isfinite(found).all() and found[0, 2] > 4
