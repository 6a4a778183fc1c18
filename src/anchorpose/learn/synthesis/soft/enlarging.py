"""Parts of photos stretched to the size of a picture, compiled: every pixel is mixed from the four around its place."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import compiled, f32


def enlarged(
    image: np.ndarray, box: tuple[float, float, float, float], width: int, height: int, mirrored: bool
) -> np.ndarray:
    """`plain.resampled` where the box is no larger than the result."""
    x0, y0, x1, y1 = box
    left, right, across = _places(x0, x1, width, image.shape[1])
    upper, lower, down = _places(y0, y1, height, image.shape[0])
    if mirrored:
        left, right, across = left[::-1].copy(), right[::-1].copy(), across[::-1].copy()
    out = np.empty((height, width, 3), np.uint8)
    _enlarge(np.ascontiguousarray(image), upper, lower, down, left, right, across, np.empty((2, 3 * width), f32), out)
    return out


def _places(start: float, stop: float, count: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(count,) the two entries that each place lies between, and how near it is to the second."""
    at = start + (np.arange(count) + 0.5) * ((stop - start) / count) - 0.5
    first = np.floor(at)
    low, high = (np.clip(k, 0, length - 1).astype(np.uint32) for k in (first, first + 1))
    return low, high, (at - first).astype(f32)


@compiled
def _enlarge(
    image: np.ndarray, upper: np.ndarray, lower: np.ndarray, down: np.ndarray, left: np.ndarray, right: np.ndarray,
    across: np.ndarray, rows: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """rows: (2, 3 width) room for the two rows that a row of the result lies between."""
    one, two = -1, -1  # which rows of the image those two are
    for y in range(len(upper)):
        if one != upper[y] or two != lower[y]:
            for k in range(2):
                source, row = image[lower[y] if k else upper[y]], rows[k]
                for x in range(len(left)):
                    i, j, share = left[x], right[x], across[x]
                    for c in range(3):
                        a, b = f32(source[i, c]), f32(source[j, c])
                        row[3 * x + c] = a + share * (b - a)
            one, two = upper[y], lower[y]
        first, second, share, target = rows[0], rows[1], down[y], out[y]
        for x in range(len(left)):
            for c in range(3):
                n = 3 * x + c
                target[x, c] = np.uint8(first[n] + share * (second[n] - first[n]) + f32(0.5))
