"""The sensor's saturation, tone and noise in one pass, compiled; to the bit as `plain.develop`."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import compiled, f32, i32


def develop(
    image: np.ndarray, saturation: float, levels: np.ndarray, deviation: float, grain: np.ndarray
) -> np.ndarray:
    """`plain.develop`."""
    out = np.empty(image.shape, np.uint8)
    # What a blend adds to a grey, in single precision as Pillow has it: in a table, so that no compiler fuses it.
    steps = np.arange(-255, 256, dtype=np.float32) * np.float32(saturation)
    slope, base = i32(round(4 * deviation)), i32(round(6 * deviation))
    _develop(image, steps, levels, slope, base, grain, out)
    return out


@compiled
def _develop(
    image: np.ndarray, steps: np.ndarray, levels: np.ndarray, slope: int, base: int, grain: np.ndarray, out: np.ndarray
) -> None:
    """steps: (511,) share of a difference to grey; levels: (3, 256) tone; slope, base: of the noise's strength."""
    red_levels, green_levels, blue_levels = levels[0], levels[1], levels[2]
    for y in range(image.shape[0]):
        pixels, noise, row = image[y], grain[y], out[y]
        for x in range(image.shape[1]):
            red, green, blue = i32(pixels[x, 0]), i32(pixels[x, 1]), i32(pixels[x, 2])
            grey = red * i32(19595) + green * i32(38470) + blue * i32(7471) + i32(0x8000)
            grey >>= i32(16)
            row[x, 0] = _grained(grey, red, steps, red_levels, slope, base, noise[x, 0])
            row[x, 1] = _grained(grey, green, steps, green_levels, slope, base, noise[x, 1])
            row[x, 2] = _grained(grey, blue, steps, blue_levels, slope, base, noise[x, 2])


@compiled
def _grained(grey: int, level: int, steps: np.ndarray, levels: np.ndarray, slope: int, base: int, grain: int) -> int:
    # Unsigned numbers of entries: others may be negative, which costs a test each.
    blended = min(max(f32(grey) + steps[np.uint32(level - grey + 255)], f32(0)), f32(255))
    toned = i32(levels[np.uint32(blended)])
    noisy = toned + ((((toned * slope) >> 8) + base) * i32(grain) + 128 >> 8)
    return min(max(noisy, 0), 255)
