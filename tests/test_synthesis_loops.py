"""What is compiled does what the plain functions do."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from anchorpose.files.body import read_body
from anchorpose.learn.check_body import random_faces, random_poses
from anchorpose.learn.synthesis.gl.ground import darkened
from anchorpose.learn.synthesis.gl.scene import Ground
from anchorpose.learn.synthesis.loops import compiled_loops, plain_loops
from anchorpose.learn.synthesis.soft.ground import darken
from anchorpose.poses.body import shape_body
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError


def test_compiled_poses_are_the_plain_ones() -> None:
    """Of one shape for all poses, of one for each, and of a body with few vertices."""
    body, rng = read_body(), np.random.default_rng(0)
    few = body.subset(np.arange(0, len(body.vertices), 97))
    for model, shapes in ((body, 1), (body, 3), (few, 3)):
        actions = random_faces(model, rng, shapes) if model is body else None
        shaped = shape_body(model, rng.normal(size=(shapes, 40)), actions)
        given = model, shaped, random_poses(model, rng, 3), rng.normal(size=(3, 3))
        plain, fast = plain_loops().pose(*given), compiled_loops().pose(*given)
        for name in ("vertices", "joints", "rotations"):
            np.testing.assert_allclose(getattr(fast, name), getattr(plain, name), atol=2e-5)


def test_compiled_poses_refuse_what_does_not_go_together() -> None:
    body = read_body()
    shaped = shape_body(body, np.zeros((2, 5)))
    with pytest.raises(InputError, match="do not go together"):
        compiled_loops().pose(body, shaped, np.tile(np.eye(3), (3, len(body.bones), 1, 1)), np.zeros((3, 3)))


def test_pictures_are_developed_to_the_same_bit() -> None:
    """Also grey and oversaturated ones, noise of every strength, and grain that is part of a larger array."""
    rng, plain, fast = np.random.default_rng(0), plain_loops().develop, compiled_loops().develop
    for saturation in (0.0, 0.3, 1.0, 1.25, *rng.uniform(0, 1.4, 8)):
        image, levels = (rng.integers(0, 256, shape, np.uint8) for shape in ((40, 61, 3), (3, 256)))
        grain = rng.integers(-127, 128, (80, 100, 3), np.int8)[20:60, 7:68]
        given = image, float(saturation), levels, float(rng.uniform(0, 25)), grain
        np.testing.assert_array_equal(fast(*given), plain(*given))


def test_parts_of_photos_are_enlarged_alike() -> None:
    """Up to one level of 255, as Pillow rounds between rows and columns; at the photo's border as well."""
    rng, plain, fast = np.random.default_rng(2), plain_loops().enlarged, compiled_loops().enlarged
    photo = rng.integers(0, 256, (50, 70, 3), np.uint8)
    for box in ((0.0, 0.0, 50.0, 50.0), (20.0, 0.0, 70.0, 50.0), (3.2, 8.7, 40.1, 45.6), (0.0, 0.0, 4.5, 4.5)):
        for mirrored in (False, True):
            expected = plain(photo, box, 64, 51, mirrored).astype(int)
            assert np.abs(fast(photo, box, 64, 51, mirrored) - expected).max() <= 1


def test_weighted_rows_are_the_same() -> None:
    rng = np.random.default_rng(1)
    values, rows = rng.normal(size=(50, 3)), rng.integers(0, 50, (200, 4)).astype(np.int32)
    weights = rng.dirichlet(np.ones(4), 200).astype(np.float32)
    plain, fast = (found.mean_rows(values, rows, weights) for found in (plain_loops(), compiled_loops()))
    assert plain.dtype == fast.dtype == np.float32
    np.testing.assert_allclose(fast, plain, atol=1e-6)


@pytest.mark.parametrize("size", [(96, 96), (131, 77)])
@pytest.mark.parametrize("softness", [0.004, 0.08, 0.5])
@pytest.mark.parametrize("tilt", [0.0, 0.5, 1.2])
def test_shadows_on_the_ground_are_those_of_the_other_renderer(
    size: tuple[int, int], softness: float, tilt: float
) -> None:
    """Sharp and soft, seen from low and from above, up to the rounding of its eight bits."""
    rng = np.random.default_rng(7)
    photo = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    camera = Camera.from_fov(*size, 60)
    ground = Ground(
        (0, 0.9 * np.cos(tilt), 0.9 * np.sin(tilt) + 2 * np.sin(tilt)), (0, -np.cos(tilt), -np.sin(tilt)), 0.8
    )
    covered = np.zeros((128, 128), bool)
    covered[30:100, 50:70] = covered[60:70, 20:110] = True
    light = np.eye(4)  # from the camera frame to -1..1 over the sun's view
    light[:3] = [[0.8, 0.3, 0.1, -0.2], [0.1, -0.2, 0.7, -1.4], [0.0, 0.5, 0.1, 0.0]]
    to_map = np.stack([light[0], light[1], -light[2]]) * np.array([[64.0], [64.0], [0.5]])
    to_map[:, 3] += (63.5, 63.5, 0.5)
    expected = darkened(photo, covered.view(np.uint8) * np.uint8(255), camera, ground, light, softness)
    got = photo.copy()
    darken(got, covered, camera, ground, to_map, softness)
    assert (photo.astype(int) - expected).max() > 40  # there is a shadow in the picture
    assert np.abs(expected.astype(int) - got).max() <= 3


def test_a_ground_from_below_stays_as_it_is() -> None:
    photo = np.full((40, 40, 3), 90, np.uint8)
    below = Ground((0, -1.0, 0), (0, -1, 0), 0.8)
    darken(photo, np.ones((64, 64), bool), Camera.from_fov(40, 40, 60), below, np.eye(4)[:3], 0.05)
    assert (photo == 90).all()
