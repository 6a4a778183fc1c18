"""How a picture becomes a network's input: sizes, and where pixels go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anchorpose.poses.errors import InputError
from anchorpose.poses.values import Pose
from anchorpose.sense.detector import (
    BALANCED_PIXELS,
    FULL_LOOK_EVERY,
    LARGE,
    MOST_AVERAGED,
    QUALITIES,
    SMALL,
    STRIDE,
    fit_size,
    padded,
    resize,
    sides_after,
    sides_for,
    whole_reduction,
)

sides = st.integers(1, 12_000)
small_sides = st.integers(1, 700)


@given(sides, sides, st.integers(1, 600))
def test_fitting_keeps_the_shape_and_never_enlarges(width: int, height: int, longest: int) -> None:
    w, h = fit_size(width, height, longest)
    assert 1 <= w <= width and 1 <= h <= height
    assert max(w, h) == min(longest, max(width, height))
    scale = max(w, h) / max(width, height)
    assert abs(w - max(1, width * scale)) <= 0.5 and abs(h - max(1, height * scale)) <= 0.5


@pytest.mark.parametrize("size", [(0, 5, 5), (5, -1, 5), (5, 5, 0)])
def test_a_size_below_one_is_an_error(size: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="at least 1"):
        fit_size(*size)


@given(sides, sides, st.sampled_from(QUALITIES))
def test_passes_are_never_larger_than_the_picture(width: int, height: int, quality: str) -> None:
    passes = sides_for(quality, width, height)
    assert all(1 <= side <= min(LARGE, max(width, height)) for side in passes)
    assert list(passes) == sorted(set(passes), reverse=True)
    assert len(passes) <= (2 if quality == "best" else 1)


@given(sides, sides)
def test_balanced_stays_within_its_pixels(width: int, height: int) -> None:
    (side,) = sides_for("balanced", width, height)
    w, h = fit_size(width, height, side)
    assert padded(w) * padded(h) <= BALANCED_PIXELS
    assert side >= min(SMALL, max(width, height))


def test_sizes_of_common_pictures() -> None:
    assert sides_for("fast", 640, 480) == (256,)
    assert sides_for("balanced", 640, 480) == (384,)
    assert sides_for("balanced", 1920, 1080) == (416,)
    assert sides_for("balanced", 500, 500) == (320,)
    assert sides_for("best", 640, 480) == (512, 256)
    assert sides_for("best", 240, 320) == (320, 224)
    assert sides_for("best", 1, 1) == (1,)


def test_an_unknown_quality_is_an_error() -> None:
    with pytest.raises(InputError, match=r"'great'.*fast, balanced, best"):
        sides_for("great", 10, 10)


def _pose(height: float) -> Pose:
    return Pose("coco17", 0.9, np.array([0, 0, height / 2, height]), np.zeros((17, 2)), np.ones(17))


def test_large_people_of_the_frame_before_make_the_next_pass_small() -> None:
    usual = sides_for("balanced", 640, 480)
    assert sides_after(usual, [_pose(470), _pose(400)], 640, 480) == (SMALL,)
    assert sides_after(usual, [_pose(470), _pose(100)], 640, 480) == usual
    assert sides_after(usual, [], 640, 480) == usual
    assert sides_after((SMALL,), [_pose(470)], 640, 480) == (SMALL,)
    assert sides_after((512, 256), [_pose(470)], 640, 480) == (512, 256)
    assert FULL_LOOK_EVERY > 1


@given(small_sides, small_sides, st.integers(1, 520))
def test_inputs_are_padded_with_zeros_to_the_stride(width: int, height: int, longest: int) -> None:
    picture = np.full((height, width, 3), 255, np.uint8)
    made = resize(picture, longest)
    h, w = made.image.shape[:2]
    assert h % STRIDE == w % STRIDE == 0 and made.image.flags.c_contiguous
    inner = (made.size[1], made.size[0])
    assert 0 <= h - inner[0] < STRIDE and 0 <= w - inner[1] < STRIDE
    assert (made.image[: inner[0], : inner[1]] == 255).all()
    assert made.image.sum() == 255 * 3 * inner[0] * inner[1]
    assert inner[0] <= height and inner[1] <= width and max(inner) <= longest


@given(small_sides, small_sides, st.integers(1, 520))
def test_the_picture_covers_the_source_from_edge_to_edge(width: int, height: int, longest: int) -> None:
    assume(max(width, height) < 2 * MOST_AVERAGED * longest)  # what is thinned out first may lack half a pixel
    made = resize(np.zeros((height, width, 3), np.uint8), longest)
    np.testing.assert_allclose(made.to_source(np.zeros(2)), [-0.5, -0.5])
    far = made.to_source(np.array(made.size, float)) - (width - 0.5, height - 0.5)
    # a whole-number reduction may end with pixels that only part of the source fills
    assert (far > -1e-9).all() and (far < made.scale).all()


@pytest.mark.parametrize("width, height, longest", [
    (640, 480, 320), (640, 480, 384), (1280, 720, 416), (853, 480, 416), (500, 375, 256), (300, 200, 384),
    (333, 500, 500), (1100, 1030, 64), (1537, 1025, 64),
])  # fmt: skip
def test_a_blob_is_found_where_it_was(width: int, height: int, longest: int) -> None:
    """The centre of mass of a bright blob comes back to its place, whatever way the picture was shrunk."""
    rng = np.random.default_rng(width + height)
    sigma = 3.0 * max(width, height) / longest
    for _ in range(4):
        at = rng.uniform(0.2, 0.8, 2) * (width, height)
        x = np.exp(-((np.arange(width) - at[0]) ** 2) / (2 * sigma**2))
        y = np.exp(-((np.arange(height) - at[1]) ** 2) / (2 * sigma**2))
        picture = np.repeat(np.rint(250 * np.outer(y, x)).astype(np.uint8)[..., None], 3, 2)
        made = resize(picture, longest)
        weight = made.image[..., 0].astype(float)
        rows, columns = np.indices(weight.shape)
        found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        np.testing.assert_allclose(made.to_source(found + 0.5), at, atol=0.08 * made.scale.max())


def test_whole_numbers_are_taken_where_they_come_near() -> None:
    assert whole_reduction(640, 480, 320) == 2
    assert whole_reduction(1920, 1080, 384) == 5
    assert whole_reduction(640, 480, 384) == 0
    assert whole_reduction(5000, 2, 256) == 0, "a side cannot be divided by more than it has"


@pytest.mark.parametrize("shape", [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (31, 33)])
def test_odd_pictures_keep_at_least_one_pixel(shape: tuple[int, int]) -> None:
    made = resize(np.full((*shape, 3), 7, np.uint8), 256)
    assert min(made.size) >= 1 and (made.image[: made.size[1], : made.size[0]] == 7).all()


def test_an_image_that_is_not_contiguous_is_taken() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)[:, ::-1]
    np.testing.assert_array_equal(resize(picture, 300).image[:200, :300], picture)
    assert resize(picture, 150).size == (150, 100)
