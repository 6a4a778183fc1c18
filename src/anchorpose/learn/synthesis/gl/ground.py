"""The photo behind the people, darkened where the ground lies in their shadow: flat, so a warp of the sun's view."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from anchorpose.learn.synthesis.gl.scene import Ground
from anchorpose.poses.cameras import Camera

FARTHEST = 100.0
"""Ground that catches shadows reaches so far [m]."""
LEVEL = 1e-4
"""Slope of a ray against the ground: those closer to the horizon do not meet it."""
MOST_BLUR, WIDER, HALO = 16.0, 4, 0.34
"""Largest radius of a shadow's edge [samples of its mask]; how many times wider its halo is, and the halo's share."""


def sized(photo: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A photo (h, w, 3) stretched to (width, height)."""
    if photo.shape[1::-1] == size:
        return photo
    picture = Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(picture)


def darkened(
    photo: np.ndarray, mask: np.ndarray, camera: Camera, ground: Ground, light: np.ndarray, softness: float
) -> np.ndarray:
    """The photo with shadows on the ground.

    Args:
        photo: (height, width, 3) uint8, in the camera's size.
        mask: (S, S) uint8, 255 where the sun's view is covered.
        light: (4, 4) from the camera frame to the sun's view, -1 to 1 over the mask.
        softness: half-width of the penumbra as a share of the mask.
    """
    normal = np.asarray(ground.normal, float)
    normal = normal / np.linalg.norm(normal)
    offset = float(normal @ np.asarray(ground.point, float))
    if not offset < 0:  # seen from below
        return photo
    # Shadows are soft: half of the picture's resolution is enough for them.
    size = (-(-camera.width // 2), -(-camera.height // 2))
    rays = np.array(
        [
            [2 / camera.fx, 0, -(camera.cx + 0.5) / camera.fx],
            [0, 2 / camera.fy, -(camera.cy + 0.5) / camera.fy],
            [0, 0, 1],
        ]
    )
    slope = normal @ rays
    # A ray meets the ground at offset / slope; the mask's place of it, times slope, is linear in the pixel.
    place = (light[:2, :3] * offset + np.outer(light[:2, 3], normal)) @ rays
    shadow = _softened(mask, softness, ground.strength)
    to_mask = np.stack([*((place + slope) * (shadow.width / 2)), slope])
    if abs(to_mask[2, 2]) < 1e-9:
        to_mask[2, 2] = -1e-9
    to_mask /= to_mask[2, 2]
    warp = to_mask.ravel()[:8].tolist()
    dark = np.array(shadow.transform(size, Image.Transform.PERSPECTIVE, warp, Image.Resampling.BILINEAR))
    across, down = np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5
    dark *= slope[0] * across + (slope[1] * down + slope[2])[:, None] < min(offset / FARTHEST, -LEVEL)
    small = Image.fromarray(dark)
    around = small.getbbox()
    if around is None:
        return photo
    x, y = max(2 * around[0] - 2, 0), max(2 * around[1] - 2, 0)
    end_x, end_y = min(2 * around[2] + 2, camera.width), min(2 * around[3] + 2, camera.height)
    part = (x / 2, y / 2, end_x / 2, end_y / 2)
    left = Image.fromarray(np.uint8(255) - dark).resize((end_x - x, end_y - y), Image.Resampling.BILINEAR, part)
    out = photo.copy()
    lit = Image.fromarray(photo[y:end_y, x:end_x])
    out[y:end_y, x:end_x] = ImageChops.multiply(lit, Image.merge("RGB", [left] * 3))
    return out


def _softened(mask: np.ndarray, softness: float, strength: float) -> Image.Image:
    """Core and halo of the shadows: blurred by the softness and by several times as much, in levels of darkness."""
    sharp = Image.fromarray(mask).reduce(2)
    radius = min(max(softness * sharp.width, 0.5), MOST_BLUR)
    wide = sharp.reduce(WIDER).filter(ImageFilter.BoxBlur(radius)).resize(sharp.size, Image.Resampling.BILINEAR)
    core = sharp.filter(ImageFilter.BoxBlur(radius))
    share = min(max(strength, 0.0), 1.0)
    levels = np.rint(np.arange(256) * share).astype(np.uint8)
    return Image.fromarray(levels.take(np.asarray(Image.blend(core, wide, HALO))))
