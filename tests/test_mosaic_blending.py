"""Histogram weights against counting, blending, and filling what no photo reaches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.learn.synthesis.mosaic.blending import blend, fill_holes, histogram_weights, square_sizes


def literal_histogram(winners: np.ndarray, half: np.ndarray, count: int) -> np.ndarray:
    height, width = winners.shape
    out = np.zeros((count, height, width))
    for y in range(height):
        for x in range(width):
            h = half[y, x]
            square = winners[max(y - h, 0) : y + h + 1, max(x - h, 0) : x + h + 1]
            out[:, y, x] = np.bincount(square.ravel(), minlength=count) / square.size
    return out


@given(st.integers(1, 23), st.integers(1, 17), st.integers(0, 9), st.integers(0, 1000))
def test_weights_are_the_histogram(width: int, height: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    winners = rng.integers(0, 13, (height, width)).astype(np.uint8)
    half = rng.integers(0, most + 1, (height, width)).astype(np.int32)
    weights = histogram_weights(winners, half, 13)
    np.testing.assert_allclose(weights, literal_histogram(winners, half, 13), atol=1e-6)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)


def test_squares_grow_with_the_distance_to_the_pose() -> None:
    half = square_sizes(np.array([[0.0, 4, 100]], np.float32), 2, 0.5, 30)
    assert half.tolist() == [[2, 4, 30]]


def test_squares_of_one_pixel_are_the_argmax_mosaic() -> None:
    rng = np.random.default_rng(0)
    winners = rng.integers(0, 3, (8, 9)).astype(np.uint8)
    images = [rng.integers(0, 256, (8, 9, 3)).astype(np.uint8) for _ in range(3)]
    weights = histogram_weights(winners, np.zeros((8, 9), np.int32), 3)
    image, weight = blend(images, [np.ones((8, 9), bool)] * 3, [(0, 0, 9, 8)] * 3, weights)
    np.testing.assert_array_equal(image, np.take_along_axis(np.stack(images), winners[None, ..., None], 0)[0])
    np.testing.assert_allclose(weight, 1)


def test_blending_is_the_weighted_sum_of_what_reaches() -> None:
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 256, (6, 5, 3)).astype(np.uint8) for _ in range(2)]
    weights = np.stack([np.full((6, 5), 0.25, np.float32), np.full((6, 5), 0.75, np.float32)])
    reaches = [np.ones((6, 5), bool), np.ones((6, 5), bool)]
    reaches[1][:, 0] = False
    image, weight = blend(images, reaches, [(0, 0, 5, 6)] * 2, weights)
    expected = 0.25 * images[0] + 0.75 * images[1]
    expected[:, 0] = images[0][:, 0]
    assert np.abs(image - expected).max() <= 0.5 + 1e-3
    np.testing.assert_allclose(weight[:, 0], 0.25)


def test_an_image_of_a_part_of_the_picture() -> None:
    weights = np.zeros((2, 4, 6), np.float32)
    weights[0], weights[1, 1:3, 2:5] = 1, 0
    weights[1, 1:3, 2:5], weights[0, 1:3, 2:5] = 1, 0
    red, blue = np.zeros((4, 6, 3), np.uint8) + (200, 0, 0), np.zeros((2, 3, 3), np.uint8) + (0, 0, 90)
    image, _ = blend([red, blue], [np.ones((4, 6), bool), np.ones((2, 3), bool)], [(0, 0, 6, 4), (2, 1, 5, 3)], weights)
    assert (image[1:3, 2:5] == (0, 0, 90)).all() and (image[0] == (200, 0, 0)).all()


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 100))
def test_holes_take_the_colours_around_them(width: int, height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = rng.random((height, width)) < 0.4
    known[0, 0] = True
    colour = rng.integers(0, 256, 3).astype(np.uint8)
    image = np.where(known[..., None], colour, 0).astype(np.uint8)
    filled = fill_holes(image, known)
    assert np.abs(filled.astype(int) - colour).max() <= 1, "one colour around, the same in the holes"
    np.testing.assert_array_equal(filled[known], image[known])
