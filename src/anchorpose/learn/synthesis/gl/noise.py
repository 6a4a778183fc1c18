"""The tiling noise that folds, weave, mottling and grain are read from."""

from __future__ import annotations

import numpy as np

NOISE_SIZE = 256


def tiling_noise(rng: np.random.Generator, size: int, low: float, high: float, stretch: float = 1.0) -> np.ndarray:
    """(size, size) noise in 0..1 that tiles, of spatial frequencies low to high [cycles per tile].

    White noise filtered in the Fourier domain; `stretch` > 1 draws it out along the rows.
    """
    fx = np.fft.fftfreq(size)[None] * size * stretch
    fy = np.fft.fftfreq(size)[:, None] * size
    f = np.hypot(fx, fy)
    spectrum = (
        np.fft.fft2(rng.standard_normal((size, size))) * np.exp(-((f / high) ** 2)) * (1 - np.exp(-((f / low) ** 2)))
    )
    values = np.fft.ifft2(spectrum).real
    values = (values - values.mean()) / values.std()
    return np.clip(0.5 + 0.2 * values, 0, 1)


def noise_texture() -> np.ndarray:
    """(256, 256, 4) uint8: slope of folds along x and y, mottling, grain; always the same."""
    rng = np.random.default_rng(20)
    # Folds are ridges: the fold of a smooth noise at its middle level, more across than along.
    soft = tiling_noise(rng, NOISE_SIZE, 2, 6, 0.75)
    ridges = np.sqrt((2 * soft - 1) ** 2 + 0.01) + 0.5 * tiling_noise(rng, NOISE_SIZE, 3, 9)
    slopes = [(np.roll(ridges, -1, k) - np.roll(ridges, 1, k)) for k in (1, 0)]
    scale = 0.5 / max(np.abs(slope).max() for slope in slopes)
    channels = [0.5 + scale * slope for slope in slopes]
    channels.append(tiling_noise(rng, NOISE_SIZE, 1.5, 6))
    channels.append(tiling_noise(rng, NOISE_SIZE, 8, 90))
    return np.ascontiguousarray(np.round(255 * np.stack(channels, -1)).astype(np.uint8))
