"""The inner loops of the engine in NumPy and Pillow; `soft` has the same compiled, `loops` chooses."""

from __future__ import annotations

import numpy as np
from PIL import Image


def develop(
    image: np.ndarray, saturation: float, levels: np.ndarray, deviation: float, grain: np.ndarray
) -> np.ndarray:
    """Colours through the saturation and their curves, plus noise that is a little stronger where there is more light.

    In 16-bit integers (noise in 1/32 times strength in 1/8 levels), which is several times faster than floats.

    Args:
        image: (H, W, 3) uint8. saturation: factor of the distance to grey.
        levels: (3, 256) uint8 what each level of red, green and blue becomes.
        deviation: of the noise at mid grey [levels]. grain: (H, W, 3) int8 normal noise in 1/32.
    """
    picture = Image.fromarray(image)
    pixels = np.asarray(Image.blend(picture.convert("L").convert("RGB"), picture, saturation))
    out = np.empty(pixels.shape, np.int16)
    for k in range(3):
        out[..., k] = levels[k].take(pixels[..., k])
    strength = out * np.int16(round(4 * deviation))  # 8 * deviation * (0.75 to 1.25) in the end
    strength >>= 8
    strength += np.int16(round(6 * deviation))
    noise = strength * grain
    noise += 128
    noise >>= 8
    noise += out
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)


def mean_rows(values: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, 3) float32, of each of N the weighted mean of K rows of `values` (V, 3): rows, weights (N, K)."""
    return np.asarray((values[rows] * weights[..., None]).sum(1), np.float32)


def resampled(
    image: np.ndarray, box: tuple[float, float, float, float], width: int, height: int, mirrored: bool
) -> np.ndarray:
    """(height, width, 3) the part of an image (H, W, 3) uint8 in a box x0, y0, x1, y1 (0 is the border), bilinear."""
    picture = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, box)
    return np.array(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture)
