"""The photo behind the people, darkened where the ground lies in their shadow, compiled; as `gl.ground` does it."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.gl.ground import FARTHEST, HALO, LEVEL, MOST_BLUR, WIDER
from anchorpose.learn.synthesis.gl.scene import Ground
from anchorpose.learn.synthesis.soft.compiled import compiled
from anchorpose.poses.cameras import Camera


def darken(
    photo: np.ndarray, covered: np.ndarray, camera: Camera, ground: Ground, light: np.ndarray, softness: float
) -> None:
    """Darkens the photo (H, W, 3) uint8 in place.

    Args:
        covered: (S, S) bool, where the sun's view has something in it; S is a multiple of 8.
        light: (3, 4) from the camera frame to columns and rows of that view, and nearness.
        softness: half-width of the penumbra as a share of the view.
    """
    normal = np.asarray(ground.normal, float)
    normal = normal / np.linalg.norm(normal)
    offset = float(normal @ np.asarray(ground.point, float))
    if not offset < 0:  # seen from below
        return
    rays = np.array(
        [[2 / camera.fx, 0, (0.5 - camera.cx) / camera.fx], [0, 2 / camera.fy, (0.5 - camera.cy) / camera.fy],
         [0, 0, 1]]
    )  # fmt: skip
    # A ray meets the ground at offset / slope; its place in the view, times slope, is linear in the pixel.
    to_view = np.concatenate([light[:2, :3] * offset + np.outer(light[:2, 3], normal), normal[None]]) @ rays
    half = _halved(covered)
    radius = min(max(softness * len(half), 0.5), MOST_BLUR)
    shadow = _softened(half, radius, min(max(ground.strength, 0.0), 1.0))
    small = np.zeros((-(-camera.height // 2), -(-camera.width // 2)), np.float32)
    box = _cast(shadow, to_view, min(offset / FARTHEST, -LEVEL), small)
    _multiply(photo, small, *box)


def _halved(covered: np.ndarray) -> np.ndarray:
    """(S / 2, S / 2) float32 the share of each two by two that is covered."""
    rows = covered.astype(np.float32).reshape(len(covered) // 2, 2, -1).sum(1)
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4)


@compiled
def _blur(image: np.ndarray, radius: float, turned: np.ndarray) -> None:
    """The mean of each row over `radius` to both sides, of which the last may be a share; written transposed."""
    whole = int(radius)
    rest, scale, last = radius - whole, 1 / (2 * radius + 1), image.shape[1] - 1
    for y in range(image.shape[0]):
        total = 0.0
        for x in range(-whole, whole + 1):
            total += image[y, min(max(x, 0), last)]
        for x in range(last + 1):
            edges = image[y, max(x - whole - 1, 0)] + image[y, min(x + whole + 1, last)]
            turned[x, y] = (total + rest * edges) * scale
            total += image[y, min(x + whole + 1, last)] - image[y, max(x - whole, 0)]


@compiled
def _blurred(image: np.ndarray, radius: float) -> np.ndarray:
    turned, out = np.empty_like(image), np.empty_like(image)
    _blur(image, radius, turned)
    _blur(turned, radius, out)
    return out


@compiled
def _sample(image: np.ndarray, x: float, y: float) -> float:
    """Of a square image, mixed from the four values around a place."""
    last = image.shape[0] - 1
    x, y = min(max(x, 0.0), float(last)), min(max(y, 0.0), float(last))
    c, r = min(int(x), last - 1), min(int(y), last - 1)
    fx, fy = x - c, y - r
    upper = image[r, c] + fx * (image[r, c + 1] - image[r, c])
    lower = image[r + 1, c] + fx * (image[r + 1, c + 1] - image[r + 1, c])
    return float(upper + fy * (lower - upper))


@compiled
def _softened(sharp: np.ndarray, radius: float, strength: float) -> np.ndarray:
    """Core and halo of the shadows: blurred by the softness and by several times as much, times their strength."""
    side, few = sharp.shape[0], sharp.shape[0] // WIDER
    coarse = np.zeros((few, few), sharp.dtype)
    for y in range(side):
        for x in range(side):
            coarse[y // WIDER, x // WIDER] += sharp[y, x] * np.float32(1 / WIDER**2)
    wide, out = _blurred(coarse, radius), _blurred(sharp, radius)
    for y in range(side):
        for x in range(side):
            halo = _sample(wide, (x + 0.5) / WIDER - 0.5, (y + 0.5) / WIDER - 0.5)
            out[y, x] = strength * ((1 - HALO) * out[y, x] + HALO * halo)
    return out


@compiled
def _cast(shadow: np.ndarray, to_view: np.ndarray, limit: float, out: np.ndarray) -> tuple[int, int, int, int]:
    """Fills how dark the ground is at every second pixel; the box (top, bottom, left, right) of all that is."""
    side = shadow.shape[0]
    top, bottom, left, right = out.shape[0], 0, out.shape[1], 0
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            slope = to_view[2, 0] * column + to_view[2, 1] * row + to_view[2, 2]
            if slope >= limit:  # towards the horizon
                continue
            x = (to_view[0, 0] * column + to_view[0, 1] * row + to_view[0, 2]) / slope
            y = (to_view[1, 0] * column + to_view[1, 1] * row + to_view[1, 2]) / slope
            x, y = (x - 0.5) / 2, (y - 0.5) / 2  # of the halved view
            if -0.5 <= x < side - 0.5 and -0.5 <= y < side - 0.5:
                dark = _sample(shadow, x, y)
                if dark > 0.002:
                    out[row, column] = dark
                    top, bottom, left, right = min(top, row), row + 1, min(left, column), max(right, column + 1)
    return top, bottom, left, right


@compiled
def _multiply(photo: np.ndarray, dark: np.ndarray, top: int, bottom: int, left: int, right: int) -> None:
    """Darkens the pixels by values at every second of them, mixed."""
    rows, columns = dark.shape[0] - 1, dark.shape[1] - 1
    for y in range(max(2 * top - 2, 0), min(2 * bottom + 2, photo.shape[0])):
        v = min(max((y - 0.5) / 2, 0.0), float(rows))
        r = int(v)
        s, fy = min(r + 1, rows), np.float32(v - r)
        for x in range(max(2 * left - 2, 0), min(2 * right + 2, photo.shape[1])):
            u = min(max((x - 0.5) / 2, 0.0), float(columns))
            c = int(u)
            d, fx = min(c + 1, columns), np.float32(u - c)
            upper = dark[r, c] + fx * (dark[r, d] - dark[r, c])
            lower = dark[s, c] + fx * (dark[s, d] - dark[s, c])
            lit = np.float32(1) - (upper + fy * (lower - upper))
            for k in range(3):
                photo[y, x, k] = int(photo[y, x, k] * lit + np.float32(0.5))
