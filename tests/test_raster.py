"""The shapes that everything is drawn with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorpose.share import raster


def _ink(image: np.ndarray) -> float:
    """Area covered by white on black [px]."""
    return float(image[..., 0].sum()) / 255


@settings(max_examples=30, deadline=None)
@given(st.floats(20, 60), st.floats(20, 60), st.floats(20, 60), st.floats(20, 60), st.floats(1, 8))
def test_a_capsule_covers_its_area(x0: float, y0: float, x1: float, y1: float, radius: float) -> None:
    image = np.zeros((80, 80, 3), np.uint8)
    raster.capsule(image, (x0, y0), (x1, y1), (radius, radius), (255, 255, 255))
    area = math.pi * radius**2 + 2 * radius * math.hypot(x1 - x0, y1 - y0)
    assert _ink(image) == pytest.approx(area, rel=0.05, abs=1.5)  # edges are a linear ramp


def test_a_capsule_in_bands_is_the_same_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = []
    for limit in (10**9, 100):
        monkeypatch.setattr(raster, "_TILE", limit)
        image = np.full((300, 200, 3), 90, np.uint8)
        raster.capsule(image, (180, 5), (20, 290), (9, 4), (200, 30, 40), alpha=0.7, outline=2.0)
        raster.capsule(image, (5, 20), (195, 110), (3, 3), (90, 220, 40), outline=1.0)
        raster.capsule(image, (30, 20), (-50, 400), (5, 5), (20, 200, 40), shaded=True)
        pictures.append(image)
    assert np.array_equal(pictures[0], pictures[1])


def test_what_lies_outside_is_cut_off() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    raster.disc(image, (1e7, -1e7), 5, (255, 255, 255))
    raster.capsule(image, (-1e6, 10), (1e6, 10), (1, 1), (255, 255, 255))
    raster.box(image, (-50, -50, -10, -10), (255, 255, 255))
    raster.text(image, (500, 500), "far away", 12, (255, 255, 255))
    assert (image[10] == 255).all() and (image[:8] == 0).all() and (image[13:] == 0).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_points_that_are_not_finite_draw_nothing(bad: float) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    raster.capsule(image, (bad, 1), (5, 5), (2, 2), (255, 255, 255))
    raster.box(image, (1, 1, bad, 9), (255, 255, 255))
    assert not image.any()


def test_a_box_without_filling_inks_only_its_rim() -> None:
    image = np.zeros((60, 90, 3), np.uint8)
    raster.box(image, (10, 10, 80, 50), (255, 255, 255), stroke=2.0, corner=4.0)
    assert (image[30, 9:11] > 100).all() and (image[9:11, 40] > 100).all()
    assert not image[14:46, 14:76].any() and not image[:8].any()
    # Rim: two sides each way, the rounded corners take a little off.
    assert _ink(image) == pytest.approx(2 * (2 * 70 + 2 * 40 - 8 * 4 + 2 * math.pi * 4), rel=0.03)


def test_a_filled_box_covers_its_area() -> None:
    image = np.zeros((60, 90, 3), np.uint8)
    raster.box(image, (10, 10, 80, 50), (255, 255, 255))
    assert _ink(image) == pytest.approx(70 * 40, rel=0.03)


def test_text_lies_where_its_anchor_says() -> None:
    width, height = raster.text_size("#3  0.87", 14)
    for anchor, x, y in (("la", 20, 20), ("rd", 20 + width, 20 + height), ("mm", 20 + width / 2, 20 + height / 2)):
        image = np.zeros((80, 150, 3), np.uint8)
        raster.text(image, (x, y), "#3  0.87", 14, (255, 255, 255), anchor=anchor)
        ys, xs = image[..., 0].nonzero()
        assert 18 <= xs.min() and xs.max() <= 21 + width and 18 <= ys.min() and ys.max() <= 21 + height
        assert len(xs) > 50


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 1), (7, 9, 3), (7, 9, 4)])
def test_as_rgb_takes_grey_and_alpha_and_copies(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 40, np.uint8)
    rgb = raster.as_rgb(image)
    rgb[:] = 0
    assert rgb.shape == (7, 9, 3) and (image == 40).all()


@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (640, 480), (11, 900)])
def test_fit_image_fits_and_keeps_the_shape(size: tuple[int, int]) -> None:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    small, factor = raster.fit_image(image, 200, 100)
    assert small.shape[1] <= 200 and small.shape[0] <= 100
    assert max(small.shape[1] / 200, small.shape[0] / 100) == pytest.approx(1.0, abs=0.02)
    assert small.shape[1] == max(1, round(size[0] * factor))
