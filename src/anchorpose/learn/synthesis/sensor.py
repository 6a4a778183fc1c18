"""What a camera does to a picture after the light has come in: exposure, white balance, blur, noise, JPEG.

Everything works on sRGB values: the point is variety like that of photos, not radiometry.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from anchorpose.learn.synthesis.loops import loops

_MOST_NOISE = 25.0  # levels; more would not fit into 16 bits


@dataclass(frozen=True)
class SensorRange:
    """What is drawn for each picture; pairs are (low, high), shares are chances.

    Attributes:
        gamma, gain: exponent (its log is drawn) and factor of the brightness.
        balance: deviation of the log gain of red and of blue.
        saturation: factor of the distance to grey.
        noise: deviation at mid grey [levels of 255].
        soft_share, shrink: share of pictures taken at a lower resolution and enlarged, and the factor.
        defocus_share, defocus: share out of focus, radius [px at 256 px of the longer side].
        motion_share, motion: share with camera shake, length of the path [px at 256 px of the longer side].
        jpeg: quality of the JPEG compression; jpeg_share: share of pictures that go through it.
        grey_share: share without colour.
    """

    gamma: tuple[float, float] = (0.75, 1.35)
    gain: tuple[float, float] = (0.85, 1.12)
    balance: float = 0.05
    saturation: tuple[float, float] = (0.65, 1.25)
    noise: tuple[float, float] = (0.5, 6.0)
    soft_share: float = 0.15
    shrink: tuple[float, float] = (0.45, 0.95)
    defocus_share: float = 0.1
    defocus: tuple[float, float] = (0.3, 1.2)
    motion_share: float = 0.07
    motion: tuple[float, float] = (1.5, 5.0)
    jpeg: tuple[int, int] = (45, 95)
    jpeg_share: float = 0.5
    grey_share: float = 0.03


def expose(image: np.ndarray, rng: np.random.Generator, ranges: SensorRange | None = None) -> np.ndarray:
    """A picture as a camera might have stored it.

    Args:
        image: (H, W, 3) uint8.
        rng: the same state gives the same bytes on one machine.

    Returns:
        (H, W, 3) uint8; nothing moves, so that labels stay true.
    """
    ranges = ranges or SensorRange()
    longer = max(image.shape[:2])
    # Numbers first, all of them always: what is drawn does not depend on what is switched on.
    soft, defocused, moved, compressed, grey = rng.random(5)
    shrink = rng.uniform(*ranges.shrink)
    radius = rng.uniform(*ranges.defocus) * longer / 256
    length, angle = rng.uniform(*ranges.motion) * longer / 256, rng.uniform(0, np.pi)
    quality = int(rng.integers(ranges.jpeg[0], ranges.jpeg[1] + 1))
    tone, saturation = _tone_curves(rng, ranges), rng.uniform(*ranges.saturation)
    noise = float(np.exp(rng.uniform(*np.log(ranges.noise))))

    size = (image.shape[1], image.shape[0])
    if defocused < ranges.defocus_share:
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))
    if moved < ranges.motion_share:
        image = shaken(image, length, angle)
    if soft < ranges.soft_share:
        low = (max(8, round(size[0] * shrink)), max(8, round(size[1] * shrink)))
        image = np.asarray(Image.fromarray(image).resize(low, Image.Resampling.BOX))
    levels = np.clip(tone + 0.5, 0, 255).astype(np.uint8)
    kept, grain = 0.0 if grey < ranges.grey_share else saturation, _grain(image.shape[0], image.shape[1], rng)
    image = loops().develop(image, kept, levels, min(noise, _MOST_NOISE), grain)
    if compressed >= ranges.jpeg_share and image.shape[1::-1] == size:
        return image
    picture = Image.fromarray(image)
    if compressed < ranges.jpeg_share:
        picture = _jpeg(picture, quality)
    if picture.size != size:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return np.array(picture)


def _tone_curves(rng: np.random.Generator, ranges: SensorRange) -> np.ndarray:
    """(3, 256) what each level of red, green and blue becomes."""
    gamma = np.exp(rng.uniform(*np.log(ranges.gamma)))
    gains = rng.uniform(*ranges.gain) * np.exp(rng.normal(0, ranges.balance, 3) * (1, 0, 1))
    return (255 * (np.arange(256) / 255) ** gamma * gains[:, None]).astype(np.float32)


@lru_cache(maxsize=1)
def _grain_table() -> np.ndarray:
    normal = np.random.default_rng(5).standard_normal((512, 512, 3), dtype=np.float32)
    table = np.clip(np.rint(32 * normal), -127, 127).astype(np.int8)
    return np.tile(table, (2, 2, 1))  # so that a part which runs over the border is one piece


def _grain(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width, 3) normal noise in 1/32, cut out of a table at a random place: far quicker than to draw."""
    table = _grain_table()
    y, x, turned = int(rng.integers(512)), int(rng.integers(512)), rng.random() < 0.5
    if turned:
        table = table[::-1, ::-1]
    if height <= 512 and width <= 512:
        return table[y : y + height, x : x + width]
    rows, columns = (np.arange(height) + y) % 512, (np.arange(width) + x) % 512
    return table[rows[:, None], columns]


def shaken(image: np.ndarray, length: float, angle: float) -> np.ndarray:
    """The mean of (H, W, 3) uint8 along a straight path of `length` [px], centred on where it was."""
    steps = max(2, round(length) + 1)
    height, width = image.shape[:2]
    pad = int(np.ceil(length / 2)) + 1
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    total = np.zeros(image.shape, np.float32)
    for t in np.linspace(-length / 2, length / 2, steps):
        y, x = pad + round(t * np.sin(angle)), pad + round(t * np.cos(angle))
        total += padded[y : y + height, x : x + width]
    return (total / np.float32(steps) + np.float32(0.5)).astype(np.uint8)


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")
