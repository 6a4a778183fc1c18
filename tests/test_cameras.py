"""Cameras: projection and rays undo each other, and what resizing, cropping and turning mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.cameras import DEFAULT_FOV, Camera, look_rotation
from anchorpose.poses.errors import InputError

size = st.integers(16, 4000)
seeds = st.integers(0, 2**31)


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    """Cameras with lenses as they are: distortion that stays monotone over a field of 90 degrees."""
    width, height = draw(size), draw(size)
    focal = max(width, height) * draw(st.floats(0.5, 3))
    dist = (
        draw(st.floats(-0.15, 0.2)), draw(st.floats(-0.02, 0.05)), draw(st.floats(-0.005, 0.005)),
        draw(st.floats(-0.005, 0.005)), draw(st.floats(0, 0.02)),
    )  # fmt: skip
    return Camera(
        focal, focal * draw(st.floats(0.9, 1.1)), width * draw(st.floats(0.4, 0.6)), height * draw(st.floats(0.4, 0.6)),
        width, height, dist[: draw(st.integers(0, 5))],
    )  # fmt: skip


def inside(camera: Camera, seed: int, n: int = 20) -> np.ndarray:
    """(n, 3) points before the camera, within 45 degrees of its axis."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.5, 20, (n, 1))
    angle, slope = rng.uniform(-np.pi, np.pi, (n, 1)), rng.uniform(0, 1, (n, 1))
    return np.concatenate([slope * np.cos(angle), slope * np.sin(angle), np.ones_like(z)], 1) * z


@given(cameras(), seeds)
def test_rays_undo_projection(camera: Camera, seed: int) -> None:
    """The ray of a projected point goes through the point, lens distortion included."""
    points = inside(camera, seed)
    rays = camera.rays(camera.project(points))
    np.testing.assert_allclose(rays * points[:, 2:], points, atol=2e-5 * points[:, 2:].max())
    assert (rays[:, 2] == 1).all()


@given(cameras(), seeds)
def test_projection_undoes_rays(camera: Camera, seed: int) -> None:
    """A pixel's ray projects to the pixel, at any depth."""
    pixels = camera.project(inside(camera, seed))
    for depth in (0.5, 30.0):
        np.testing.assert_allclose(camera.project(camera.rays(pixels) * depth), pixels, atol=0.05)


def test_projection_by_hand() -> None:
    """x to the right, y down: a point half a metre right and below at 2 m, focal 100, is 25 px off the middle."""
    camera = Camera.from_focal(101, 51, 100)
    np.testing.assert_allclose(camera.project(np.array([0.5, 0.5, 2])), [75, 50])
    np.testing.assert_allclose(camera.matrix, [[100, 0, 50], [0, 100, 25], [0, 0, 1]])
    homogeneous = camera.matrix @ [0.5, 0.5, 2]
    np.testing.assert_allclose(homogeneous[:2] / homogeneous[2], [75, 50])


def test_distortion_by_hand() -> None:
    """OpenCV's formula at x = 0.5, y = 0.2: radial 1 + k1 r2 + k2 r4 + k3 r6, tangential by p1 and p2."""
    camera = Camera(1, 1, 0, 0, 10, 10, (0.1, 0.02, 0.003, 0.004, 0.05))
    r2 = 0.29
    radial = 1 + 0.1 * r2 + 0.02 * r2**2 + 0.05 * r2**3
    x = 0.5 * radial + 2 * 0.003 * 0.1 + 0.004 * (r2 + 2 * 0.25)
    y = 0.2 * radial + 0.003 * (r2 + 2 * 0.04) + 2 * 0.004 * 0.1
    np.testing.assert_allclose(camera.project(np.array([1.0, 0.4, 2.0])), [x, y])


def test_nothing_is_seen_behind_the_camera() -> None:
    """Points at or behind the camera are NaN, without warnings; NaN stays NaN; batches keep their shape."""
    camera = Camera.from_fov(640, 480)
    points = np.array([[0, 0, -1.0], [1, 1, 0], [0, 0, 1e-9], [np.nan, 0, 1], [0, 0, 1]])
    pixels = camera.project(points)
    assert np.isnan(pixels[:3]).all() and np.isnan(pixels[3]).any() and np.isfinite(pixels[4]).all()
    assert camera.project(np.zeros((2, 0, 3))).shape == (2, 0, 2)
    assert camera.rays(np.full((2, 3, 2), np.nan)).shape == (2, 3, 3)


@given(size, size, st.floats(1, 170))
def test_the_field_of_view_spans_the_longer_side(width: int, height: int, degrees: float) -> None:
    """From the outer edge of the first pixel to that of the last, along the longer side, it is `degrees`."""
    camera = Camera.from_fov(width, height, degrees)
    middle = np.array([camera.cx, camera.cy])
    if width >= height:
        ends = np.array([[-0.5, middle[1]], [width - 0.5, middle[1]]])
    else:
        ends = np.array([[middle[0], -0.5], [middle[0], height - 0.5]])
    a, b = camera.rays(ends)
    angle = math.degrees(math.acos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))
    assert angle == pytest.approx(degrees, rel=1e-4)
    assert camera.fx == camera.fy and (camera.cx, camera.cy) == ((width - 1) / 2, (height - 1) / 2)
    assert camera.origin == "fov" and Camera.from_fov(8, 8).fx == Camera.from_fov(8, 8, DEFAULT_FOV).fx


@given(cameras(), seeds, st.integers(1, 5000), st.integers(1, 5000))
def test_resizing_keeps_places_in_the_picture(camera: Camera, seed: int, width: int, height: int) -> None:
    """A point lands at the same share of the picture, counted from the outer edge of the first pixel."""
    small = camera.resized(width, height)
    points = inside(camera, seed)
    before = (camera.project(points) + 0.5) / (camera.width, camera.height)
    after = (small.project(points) + 0.5) / (width, height)
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
    assert (small.width, small.height, small.dist, small.origin) == (width, height, camera.dist, camera.origin)


def test_resizing_by_hand() -> None:
    """A centred camera stays centred: (width - 1) / 2 at any size."""
    half = Camera.from_focal(640, 480, 500).resized(320, 240)
    assert (half.cx, half.cy, half.fx) == (159.5, 119.5, 250)


@given(cameras(), seeds, st.integers(-50, 500), st.integers(-50, 500))
def test_cropping_shifts_pixels(camera: Camera, seed: int, x0: int, y0: int) -> None:
    """In the crop that begins at (x0, y0), every point is that much further left and up."""
    crop = camera.cropped(x0, y0, 100, 80)
    points = inside(camera, seed)
    np.testing.assert_allclose(crop.project(points), camera.project(points) - (x0, y0), atol=1e-6)
    assert (crop.width, crop.height, crop.fx, crop.dist) == (100, 80, camera.fx, camera.dist)


@given(seeds)
def test_look_rotation(seed: int) -> None:
    """It is a rotation that takes the direction to the optical axis, about an axis across both: the smallest one."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(30, 3))
    direction[:, 2] = np.abs(direction[:, 2]) * np.where(rng.random(30) < 0.2, -0.5, 1)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    rotation = look_rotation(direction * rng.uniform(0.1, 9, (30, 1)))
    np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), np.tile(np.eye(3), (30, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", rotation, direction), np.tile([0, 0, 1.0], (30, 1)), atol=1e-9)
    # The angle of a rotation is in its trace; the smallest possible is the angle between the two directions.
    cosine = (np.trace(rotation, axis1=1, axis2=2) - 1) / 2
    np.testing.assert_allclose(cosine, direction[:, 2], atol=1e-9)


def test_look_rotation_of_the_axis_is_nothing() -> None:
    """Looking along the axis turns nothing; leading dimensions stay."""
    np.testing.assert_array_equal(look_rotation(np.array([0, 0, 2.0])), np.eye(3))
    assert look_rotation(np.ones((2, 5, 3))).shape == (2, 5, 3, 3)


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: Camera(0, 1, 0, 0, 10, 10), "positive, finite focal lengths"),
        (lambda: Camera(1, -1, 0, 0, 10, 10), "positive, finite focal lengths"),
        (lambda: Camera(1, math.nan, 0, 0, 10, 10), "positive, finite focal lengths"),
        (lambda: Camera(1, 1, math.inf, 0, 10, 10), "finite"),
        (lambda: Camera(1, 1, 0, 0, 0, 10), "at least one pixel, not 0x10"),
        (lambda: Camera(1, 1, 0, 0, 10, 10, (0,) * 6), "at most 5 distortion"),
        (lambda: Camera(1, 1, 0, 0, 10, 10, (math.nan,)), "finite"),
        (lambda: Camera.from_fov(10, 10, 180), "between 0 and 180 degrees, not 180"),
        (lambda: Camera.from_fov(10, 10, 0), "between 0 and 180 degrees"),
        (lambda: Camera.from_fov(10, 10, math.nan), "between 0 and 180 degrees"),
        (lambda: Camera.from_fov(0, 0, 60), "focal|pixel"),
    ],
)
def test_impossible_cameras_are_input_errors(make, message: str) -> None:  # type: ignore[no-untyped-def]
    """The message says what was wrong."""
    with pytest.raises(InputError, match=message):
        make()


@given(cameras())
def test_dict_round_trip(camera: Camera) -> None:
    """The camera of the output contract comes back as it was."""
    assert Camera.from_dict(camera.to_dict(), camera.width, camera.height) == camera
