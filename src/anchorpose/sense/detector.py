"""The seam between a picture and people: what a detector is, and how a picture becomes a network's input.

A detector takes a `Frame` and gives 2D poses in pixels of the source. The first is MoveNet MultiPose (`movenet`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from anchorpose.poses.errors import InputError
from anchorpose.poses.values import Frame, Pose
from anchorpose.sense.integrate import box_sizes, size_fit

QUALITIES = ("fast", "balanced", "best")
#: Network inputs are padded to a multiple of this.
STRIDE = 32
#: Longest side of a picture at the network: of the smallest pass, and at most.
SMALL, LARGE = 256, 512
#: `balanced` takes the largest picture with no more padded pixels than this: 384 x 288, 416 x 256, 320 x 320.
BALANCED_PIXELS = 112_000
#: In a video every so many frames the hint of the frame before is left aside, so that new people are found.
FULL_LOOK_EVERY = 10
#: The small pass of `best` is at most this share of its large one.
BEST_STEP = 0.7
#: A whole-number reduction is taken where its longest side lies between these shares of the one asked for: it takes a
#: quarter of the time of a resize to any size.
NEAR = (0.92, 1.0)
#: Pictures that shrink by more than this are thinned out first: averaging all pixels of a huge picture takes longer
#: than the network, and shows no more.
MOST_AVERAGED = 8


class Detector(Protocol):
    """Anything that finds people in a picture."""

    skeleton: str

    def detect(self, frame: Frame, previous: Sequence[Pose] | None = None) -> list[Pose]:
        """People of `frame`, best first: 2D joints and boxes in its pixels, joints3d None.

        `previous` are the poses of the frame before, where there is one: a hint that may be ignored.
        """
        ...


@dataclass(frozen=True)
class Resized:
    """A picture at a network's size.

    Attributes:
        image: (h, w, 3) uint8, h and w multiples of `STRIDE`; the picture lies in the top-left corner, the rest is 0.
        size: (w, h) of the picture in it.
        scale: (2,) source pixels for one of `image`, in x and y.
        shift: (2,) source position of the outer top-left corner of `image`'s first pixel.
    """

    image: np.ndarray
    size: tuple[int, int]
    scale: np.ndarray
    shift: np.ndarray

    def to_source(self, edges: np.ndarray) -> np.ndarray:
        """(..., 2) positions measured from the outer corner of `image` -> pixels of the source."""
        return edges * self.scale + self.shift


def padded(side: int) -> int:
    """The next multiple of `STRIDE`."""
    return -(-side // STRIDE) * STRIDE


def sides_for(quality: str, width: int, height: int) -> tuple[int, ...]:
    """Longest side of the picture at the network, for each pass, the largest first. Never more than the picture has.

    Raises:
        InputError: `quality` is not one of `QUALITIES`.
    """
    side = max(width, height)
    if quality == "fast":
        return (min(SMALL, side),)
    if quality == "balanced":
        return (min(_longest_within(width, height, BALANCED_PIXELS), side),)
    if quality == "best":
        large = min(LARGE, side)
        return tuple(dict.fromkeys((large, max(1, min(SMALL, round(BEST_STEP * large))))))
    raise InputError(f"there is no quality {quality!r}; there are {', '.join(QUALITIES)}")


def sides_after(sides: tuple[int, ...], previous: Sequence[Pose], width: int, height: int) -> tuple[int, ...]:
    """The same for the next frame of a video: a picture that is sized for small people shrinks to `SMALL` where that
    suits each of the people seen before better. That saves half of the time, and large people come out better.

    Two passes stay two passes: leaving one out loses people.
    """
    if len(sides) > 1 or sides[0] <= SMALL or not previous:
        return sides
    sizes = box_sizes(previous) / max(width, height)
    smaller = size_fit(sizes * SMALL) > size_fit(sizes * sides[0])
    return (SMALL,) if smaller.all() else sides


def _longest_within(width: int, height: int, pixels: int) -> int:
    """The largest multiple of `STRIDE` for the longest side that keeps the padded picture within `pixels`."""
    for longest in range(LARGE, SMALL, -STRIDE):
        size = fit_size(width, height, longest) if max(width, height) > longest else (width, height)
        if padded(size[0]) * padded(size[1]) <= pixels:
            return longest
    return SMALL


def fit_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Size of a `width` x `height` picture with its longest side at `longest` at most; never larger than it was."""
    if min(width, height, longest) < 1:
        raise InputError(f"sizes must be at least 1, got {width} x {height} to fit {longest}")
    side = max(width, height)
    if side <= longest:
        return width, height
    return max(1, round(width * longest / side)), max(1, round(height * longest / side))


def whole_reduction(width: int, height: int, longest: int) -> int:
    """The whole number to divide a picture's sides by that comes near to `longest`; 0 if none does."""
    side = max(width, height)
    factor = max(1, round(side / longest))
    near = NEAR[0] * longest <= side / factor <= NEAR[1] * longest
    return factor if near and min(width, height) >= factor else 0


def resize(image: np.ndarray, longest: int) -> Resized:
    """Shrink `image` (H, W, 3) uint8 so that its longest side is about `longest`, pad it to a multiple of `STRIDE`.

    "About": within `NEAR`, where a whole number divides the picture. A smaller picture keeps its size.
    """
    step = max(1, int(max(image.shape[:2]) / (MOST_AVERAGED * longest)))
    thin = image[step // 2 :: step, step // 2 :: step] if step <= min(image.shape[:2]) else image
    step = step if thin is not image else 1
    small, scale = _shrunk(np.ascontiguousarray(thin), longest)
    shift = step // 2 - step / 2
    return Resized(_on_grid(small), (small.shape[1], small.shape[0]), step * scale, np.full(2, shift))


def _shrunk(image: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The smaller picture, and how many pixels of `image` make one of it, in x and y."""
    height, width = image.shape[:2]
    if max(width, height) <= longest:
        return image, np.ones(2)
    factor = whole_reduction(width, height, longest)
    picture = Image.fromarray(image)
    if factor:
        small = np.asarray(picture.reduce(factor)) if factor > 1 else image
        return small, np.full(2, float(factor))
    size = fit_size(width, height, longest)
    small = np.asarray(picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.01))
    return small, np.array([width / size[0], height / size[1]])


def _on_grid(image: np.ndarray) -> np.ndarray:
    """`image` in the top-left corner of one whose sides are multiples of `STRIDE`, the rest 0."""
    height, width = image.shape[:2]
    if (padded(height), padded(width)) == (height, width):
        return image
    grid = np.zeros((padded(height), padded(width), 3), np.uint8)
    grid[:height, :width] = image
    return grid
