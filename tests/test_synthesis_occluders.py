"""Things in front: nearer than the people, inside nobody, a function of the generator."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.occluders import Thing, draw_occluders
from anchorpose.learn.synthesis.scenes import SceneRange, draw_view


def standing(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (200, 3)) * (0.25, 0.875, 0.15) + (0, 0.875, 0)


def test_things_stand_between_and_touch_no_one() -> None:
    count = covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        cloud = standing()
        view, _ = draw_view([cloud], (200, 200), rng, SceneRange(truncated=0.0))
        person = view.from_world(cloud)
        for mesh in draw_occluders([cloud], view, rng, 8):
            count += 1
            assert mesh.instance == 0 and np.isfinite(mesh.vertices).all()
            assert mesh.vertices[:, 2].min() < person[:, 2].max()
            low, high = (f(view.camera.project(mesh.vertices[mesh.vertices[:, 2] > 0.05]), 0) for f in (np.min, np.max))
            pixels = view.camera.project(person)
            covered += ((pixels > low) & (pixels < high)).all(1).any()
    assert count > 60 and covered > 0.6 * count


def test_contains() -> None:
    box = Thing("box", np.array([1.0, 0, 0]), np.array([1.0, 2.0, 0.5]), np.eye(3))
    assert box.contains(np.array([[1.4, 0.9, 0.2]])) and not box.contains(np.array([[1.6, 0, 0], [0, 0, 0]]))


def test_same_generator_same_things() -> None:
    view, _ = draw_view([standing()], (64, 64), np.random.default_rng(0), SceneRange())
    one, two = (draw_occluders([standing()], view, np.random.default_rng(2), 8) for _ in range(2))
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)
        assert a.material == b.material
