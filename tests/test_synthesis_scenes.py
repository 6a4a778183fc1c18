"""Cameras and places: people in view, or cut as wanted, on one ground, apart from each other."""

from __future__ import annotations

import math

import numpy as np

from anchorpose.learn.synthesis.scenes import SceneRange, View, clear, draw_view, place_people
from anchorpose.poses.transforms import rotation_y

RANGES = SceneRange()


def standing(seed: int = 0) -> np.ndarray:
    """Points on a person of 1.75 m that stands with its arms out."""
    rng = np.random.default_rng(seed)
    trunk = rng.uniform(-1, 1, (150, 3)) * (0.2, 0.875, 0.13) + (0, 0.875, 0)
    arms = rng.uniform(-1, 1, (50, 3)) * (0.8, 0.05, 0.05) + (0, 1.4, 0)
    return np.concatenate([trunk, arms])


def views(count: int, ranges: SceneRange = RANGES) -> list[tuple[View, bool]]:
    return [draw_view([standing()], (320, 240), np.random.default_rng([1, i]), ranges) for i in range(count)]


def test_a_view_is_a_rigid_motion_of_a_plain_camera() -> None:
    for view, _ in views(40):
        np.testing.assert_allclose(view.rotation @ view.rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(view.rotation) > 0.999
        assert (view.camera.width, view.camera.height, view.camera.dist) == (320, 240, ())


def test_fields_of_view_and_heights_cover_their_ranges() -> None:
    drawn = views(300)
    fov = np.array([2 * math.degrees(math.atan(160 / v.camera.fx)) for v, _ in drawn])
    assert fov.min() > 24.9 and fov.max() < 110.1 and fov.min() < 30 and fov.max() > 100
    height = np.array([(-v.rotation.T @ v.translation)[1] for v, _ in drawn])
    assert height.min() > 0.04 and (height < 0.7).mean() > 0.04 and (height > 2.2).mean() > 0.04
    azimuth = np.array([math.atan2(*(-v.rotation.T @ v.translation)[[0, 2]]) for v, _ in drawn])
    assert (np.histogram(azimuth, 6, (-math.pi, math.pi))[0] > 25).all()


def test_most_pictures_are_upright() -> None:
    ups = np.array([v.up for v, _ in views(200)])
    assert np.mean(ups[:, 1] < 0) > 0.95  # y is down in a camera
    assert np.mean(np.abs(np.arctan2(ups[:, 0], -ups[:, 1])) < math.radians(20)) > 0.75


def test_whole_people_are_inside_and_cut_ones_are_not() -> None:
    outside, inside = [], []
    for view, cut in views(200):
        points = view.from_world(standing())
        pixels = view.camera.project(points)
        out = (~np.isfinite(pixels) | (pixels < -0.5) | (pixels > np.array([319.5, 239.5]))).any(1).mean()
        (outside if cut else inside).append(out)
    assert 0.2 < len(outside) / 200 < 0.5
    assert np.mean(np.array(inside) == 0) > 0.97
    assert np.mean(np.array(outside) > 0.03) > 0.8 and np.mean(outside) < 0.8
    assert not any(cut for _, cut in views(20, SceneRange(truncated=0.0)))


def test_same_generator_same_view() -> None:
    (a, _), (b, _) = (draw_view([standing()], (256, 256), np.random.default_rng(4), RANGES) for _ in range(2))
    assert a.camera == b.camera
    np.testing.assert_array_equal(a.rotation, b.rotation)


def test_people_stand_apart_on_the_ground() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        clouds = [standing(k) @ rotation_y(rng.uniform(-3, 3)).T for k in range(6)]
        places = place_people(clouds, rng, RANGES)
        assert (places[:, 1] == 0).all() and (places[0] == 0).all()
        for i in range(6):
            for k in range(i):
                assert clear(clouds[i] + places[i], clouds[k] + places[k]), (seed, i, k)
        assert np.linalg.norm(places, axis=1).max() < 15


def test_clear() -> None:
    one = standing()
    assert not clear(one, one + (0.1, 0, 0.05)) and clear(one, one + (0, 0, 1.0)) and clear(one, one + (5.0, 0, 0))
