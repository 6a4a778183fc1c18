"""Pose-aware blending: histograms of the winning joints in squares that grow with the distance to the pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def square_sizes(nearest: np.ndarray, least: float, growth: float, most: float) -> np.ndarray:
    """(H, W) int32 half sides [px] of the squares: `least` on the pose, `growth` more per pixel from it, at most
    `most`. A square of half side h has 2 h + 1 pixels a side."""
    return np.minimum(least + growth * nearest, most).astype(np.int32)


def histogram_weights(winners: np.ndarray, half: np.ndarray, count: int) -> np.ndarray:
    """w_j[u, v]: the share of each of `count` winners among the pixels of the square around (u, v).

    Args:
        winners: (H, W) integers below `count`.
        half: (H, W) half sides [px]; squares are cut at the picture's border.

    Returns:
        (count, H, W) float32, sums to 1 at each pixel. By integral images, so the squares' size costs nothing.
    """
    height, width = winners.shape
    y, x = np.arange(height)[:, None], np.arange(width)[None]
    x0, x1 = np.maximum(x - half, 0), np.minimum(x + half + 1, width)
    y0, y1 = np.maximum(y - half, 0), np.minimum(y + half + 1, height)
    stride = width + 1
    corners = [(yy * stride + xx).ravel().astype(np.intp) for yy, xx in ((y1, x1), (y0, x0), (y0, x1), (y1, x0))]
    area = (1 / ((x1 - x0) * (y1 - y0))).astype(np.float32).ravel()
    weights = np.zeros((count, height * width), np.float32)
    integral = np.zeros((height + 1, stride), np.int32)
    flat = integral.ravel()
    for j in np.unique(winners):
        np.cumsum(winners == j, axis=0, dtype=np.int32, out=integral[1:, 1:])
        np.cumsum(integral[1:, 1:], axis=1, out=integral[1:, 1:])
        inside = flat[corners[0]] + flat[corners[1]] - flat[corners[2]] - flat[corners[3]]
        np.multiply(inside, area, out=weights[j])
    return weights.reshape(count, height, width)


def blend(
    images: Sequence[np.ndarray | None],
    valid: Sequence[np.ndarray | None],
    regions: Sequence[tuple[int, int, int, int] | None],
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """M[u, v] = sum_j w_j[u, v] I'_j[u, v].

    Args:
        images: of each joint (h, w, 3) uint8, or None where it has no weight anywhere.
        valid: (h, w) bool: where the warped photo reaches. The weights of those that do are normalised again.
        regions: x0, y0, x1, y1 that each image covers.
        weights: (J, H, W).

    Returns:
        (H, W, 3) uint8 and (H, W) float32, the weight before it was normalised: 0 where no photo reaches.
    """
    total = np.zeros((*weights.shape[1:], 3), np.float32)
    weight = np.zeros(weights.shape[1:], np.float32)
    for image, inside, region, share in zip(images, valid, regions, weights, strict=True):
        if image is None or inside is None or region is None:
            continue
        x0, y0, x1, y1 = region
        part = share[y0:y1, x0:x1] * inside
        total[y0:y1, x0:x1] += image * part[..., None]
        weight[y0:y1, x0:x1] += part
    total /= np.maximum(weight, 1e-6)[..., None]
    total += 0.5
    return total.astype(np.uint8), weight


def fill_holes(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Colours for pixels that are not `known` (H, W) bool: means of ever larger surroundings ("push and pull")."""
    if known.all():
        return image
    levels = [(image.astype(np.float32) * known[..., None], known.astype(np.float32))]
    while max(levels[-1][1].shape) > 1 and not (levels[-1][1] > 0).all():
        levels.append(_halve(*levels[-1]))
    colour, weight = levels[-1]
    filled = colour / np.maximum(weight, 1e-6)[..., None]
    for colour, weight in reversed(levels[:-1]):
        height, width = weight.shape
        coarse = _double(_double(filled, 0), 1)[:height, :width]
        own = np.minimum(weight, 1)[..., None]
        filled = own * (colour / np.maximum(weight, 1e-6)[..., None]) + (1 - own) * coarse
    out = image.copy()
    out[~known] = (filled[~known] + 0.5).astype(np.uint8)
    return out


def _halve(colour: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of 2 x 2 pixels; weights are clipped at 1, colours with them."""
    height, width = weight.shape
    pad = ((0, height % 2), (0, width % 2))
    weight = np.pad(weight, pad)
    colour = np.pad(colour, (*pad, (0, 0)))
    weight = weight.reshape(weight.shape[0] // 2, 2, -1, 2).sum((1, 3))
    colour = colour.reshape(weight.shape[0], 2, weight.shape[1], 2, 3).sum((1, 3))
    clipped = np.minimum(weight, 1)
    return colour * (clipped / np.maximum(weight, 1e-6))[..., None], clipped


def _double(values: np.ndarray, axis: int) -> np.ndarray:
    """Twice as many along an axis, by linear interpolation."""
    values = np.moveaxis(values, axis, 0)
    before, after = np.concatenate([values[:1], values[:-1]]), np.concatenate([values[1:], values[-1:]])
    both = np.stack([0.75 * values + 0.25 * before, 0.75 * values + 0.25 * after], 1)
    return np.moveaxis(both.reshape(-1, *values.shape[1:]), 0, axis)
