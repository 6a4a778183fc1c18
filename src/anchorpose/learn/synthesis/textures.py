"""The texture bank: crops of photos that cloth and occluders are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anchorpose.files.images import read_image
from anchorpose.learn.synthesis.gl.noise import tiling_noise
from anchorpose.learn.synthesis.gl.scene import TextureBank
from anchorpose.poses.errors import FileError, InputError

LAYER_SIZE = 128
_PROCEDURAL = 6


def read_bank(photos: Sequence[Path], seed: int = 0, layers: int = 64) -> TextureBank:
    """A bank of `layers` textures: a few procedural ones, else random square crops of the photos.

    The same photos and seed give the same bank. Photos that cannot be read are passed over; with none at all the bank
    is procedural only.
    """
    if layers < 1:
        raise InputError(f"a texture bank has at least one layer, not {layers}")
    out = [_procedural(np.random.default_rng([seed, 1, k])) for k in range(min(_PROCEDURAL, layers))]
    rng = np.random.default_rng([seed, 0])
    order = [photos[k] for k in rng.permutation(len(photos))]
    while order and len(out) < layers:
        broken = []
        for k, path in enumerate(order):
            if len(out) == layers:
                break
            try:
                photo = read_image(path)
            except FileError:
                broken.append(k)
                continue
            out.append(random_crop(photo, np.random.default_rng([seed, 2, len(out)])))
        order = [path for k, path in enumerate(order) if k not in broken]
    return TextureBank(np.stack(out))


def random_crop(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(128, 128, 4) uint8 of a random square of a photo (H, W, 3), mirrored at its edges so that it tiles."""
    from PIL import Image

    height, width = photo.shape[:2]
    side = max(1, int(min(height, width) * rng.uniform(0.25, 0.9)))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = Image.fromarray(np.ascontiguousarray(photo[y : y + side, x : x + side]))
    half = np.asarray(crop.resize((LAYER_SIZE // 2, LAYER_SIZE // 2), Image.Resampling.LANCZOS))
    if rng.random() < 0.5:
        half = half.transpose(1, 0, 2)
    wide = np.concatenate([half, half[:, ::-1]], 1)
    whole = np.concatenate([wide, wide[::-1]], 0)
    return _opaque(whole)


def _procedural(rng: np.random.Generator) -> np.ndarray:
    """A cloth of three random colours in blotches: camouflage, batik, tie-dye."""
    colors = rng.integers(20, 236, (3, 3)).astype(float)
    fine = float(rng.uniform(4, 12))
    a, b = (tiling_noise(rng, LAYER_SIZE, fine / 3, fine) for _ in range(2))
    soft = float(rng.uniform(0.01, 0.2))
    u = np.clip((a - 0.5) / soft + 0.5, 0, 1)[..., None]
    v = np.clip((b - 0.55) / soft + 0.5, 0, 1)[..., None]
    mixed = colors[0] * (1 - u) + colors[1] * u
    return _opaque(np.round(mixed * (1 - v) + colors[2] * v).astype(np.uint8))


def _opaque(rgb: np.ndarray) -> np.ndarray:
    return np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], -1)
