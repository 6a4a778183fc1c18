"""Scene cuts by thumbnails."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from anchorpose.poses.errors import InputError
from anchorpose.sense.cuts import CutDetector, change, thumbnail


@lru_cache(maxsize=8)
def scene(seed: int, height: int = 900, width: int = 1900) -> np.ndarray:
    """A picture with shapes of several sizes, larger than a frame, so that a camera can move over it."""
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width, 3), np.float32)
    for cells in (4, 9, 25):
        patch = rng.uniform(0, 255, (cells, 2 * cells, 3)).astype(np.float32)
        rows, columns = np.arange(height) * cells // height, np.arange(width) * 2 * cells // width
        out += patch[rows[:, None], columns]
    return (out / 3).astype(np.uint8)


def view(picture: np.ndarray, x: int, y: int = 100, size: tuple[int, int] = (360, 640)) -> np.ndarray:
    return picture[y : y + size[0], x : x + size[1]]


def cuts(frames: list[np.ndarray]) -> list[int]:
    detector = CutDetector()
    return [i for i, frame in enumerate(frames) if detector.is_cut(frame)]


def test_a_cut_is_seen_where_it_is() -> None:
    """Three scenes with moving cameras."""
    frames = [view(scene(s), 100 + 10 * i) for s in (0, 1, 2) for i in range(8)]
    assert cuts(frames) == [8, 16]


def test_panning_shaking_and_passing_people_are_no_cuts() -> None:
    """A fast pan (an eighth of the picture a frame), a shaking hand, and somebody who walks by in front."""
    picture = scene(3)
    rng = np.random.default_rng(0)
    assert cuts([view(picture, 80 * i) for i in range(16)]) == []
    assert cuts([view(picture, 600 + int(rng.integers(-40, 40)), 300 + int(rng.integers(-40, 40)))
                 for _ in range(30)]) == []  # fmt: skip
    walk = []
    for i in range(12):
        frame = view(picture, 300).copy()
        frame[40:, 50 * i : 50 * i + 160] = (200, 30, 30)
        walk.append(frame)
    assert cuts(walk) == []


def test_light_is_no_cut() -> None:
    """A flash, lights going down, black between two halves of a scene; but black between two scenes is one."""
    one, two = view(scene(4), 200), view(scene(5), 200)
    flash = np.full_like(one, 255)
    assert cuts([one, one, flash, one, (one * 0.5).astype(np.uint8), (one * 0.2).astype(np.uint8)]) == []
    assert cuts([one, one, np.zeros_like(one), one]) == []
    assert cuts([one, one, np.zeros_like(one), two]) == [3]
    assert cuts([np.zeros_like(one), one, one]) == []


def test_thumbnails() -> None:
    """Small whatever the size; tiny pictures as they are; unlike shapes are unrelated."""
    assert thumbnail(scene(0)).shape == (18, 32, 3) == thumbnail(view(scene(0), 0)).shape
    tiny = thumbnail(scene(0)[:5, :7])
    assert tiny.shape == (5, 7, 3) and np.array_equal(tiny, scene(0)[:5, :7])
    whole = scene(1)
    assert np.abs(thumbnail(whole) - thumbnail(whole[::2, ::2])).mean() < 6
    assert change(tiny, thumbnail(whole)) == 1
    assert change(thumbnail(whole), thumbnail(whole)) == pytest.approx(0, abs=1e-5)


def test_reset_and_bad_pictures() -> None:
    """After a reset the first picture is no cut; what is not a picture is an error."""
    detector = CutDetector()
    detector.is_cut(view(scene(0), 0))
    detector.reset()
    assert not detector.is_cut(view(scene(1), 0))
    with pytest.raises(InputError, match=r"\(H, W, 3\)"):
        detector.is_cut(np.zeros((4, 4), np.uint8))
