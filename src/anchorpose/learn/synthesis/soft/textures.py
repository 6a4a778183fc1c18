"""Textures as pyramids of ever smaller copies, read at points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from anchorpose.learn.synthesis.gl.noise import noise_texture
from anchorpose.learn.synthesis.gl.scene import TextureBank
from anchorpose.learn.synthesis.soft.compiled import compiled, f32

_ROUNDED_UP = f32(2**0.5)  # texels in a pixel from which the next level is nearer


class Pyramid(NamedTuple):
    """Square tiling images and their smaller copies, level by level: texels (N, 4), the side of the first level, the
    number of images."""

    texels: np.ndarray
    side: int
    layers: int


@compiled
def texel(
    texels: np.ndarray, side: int, layers: int, layer: int, u: float, v: float, width: float, smooth: bool
) -> tuple[float, float, float, float]:
    """What an image of a pyramid has at u, v (1 is one tile), at the level of which a pixel, `width` tiles wide, covers
    about one texel; mixed from four texels, or with `smooth` off so at the first level only."""
    # The pyramid comes in pieces: arrays inside a tuple are counted again for every point, which costs more than all
    # of this.
    whole = side
    while width * f32(side) > _ROUNDED_UP and side > 1:
        side >>= 1
    start = layers * (4 * (whole * whole - side * side) // 3) + layer * side * side
    mask = side - 1
    if side < whole and not smooth:
        at = start + (int(np.floor(v * f32(side))) & mask) * side + (int(np.floor(u * f32(side))) & mask)
        return texels[at, 0], texels[at, 1], texels[at, 2], texels[at, 3]
    x, y = u * f32(side) - f32(0.5), v * f32(side) - f32(0.5)
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    c, r = int(left) & mask, int(top) & mask
    d, s = start + ((c + 1) & mask), ((r + 1) & mask) * side
    c, r = start + c, r * side
    i, j, k, n = r + c, r + d, s + c, s + d
    wi, wj, wk, wn = (f32(1) - fy) * (f32(1) - fx), (f32(1) - fy) * fx, fy * (f32(1) - fx), fy * fx
    return (
        wi * texels[i, 0] + wj * texels[j, 0] + wk * texels[k, 0] + wn * texels[n, 0],
        wi * texels[i, 1] + wj * texels[j, 1] + wk * texels[k, 1] + wn * texels[n, 1],
        wi * texels[i, 2] + wj * texels[j, 2] + wk * texels[k, 2] + wn * texels[n, 2],
        wi * texels[i, 3] + wj * texels[j, 3] + wk * texels[k, 3] + wn * texels[n, 3],
    )


@dataclass(frozen=True, eq=False)
class Textures:
    """The noise (0 to 1); the bank (linear light and alpha, 0 to 1), the alpha of its layers (L, S, S) uint8, and
    whether each has holes (L,)."""

    noise: Pyramid
    bank: Pyramid
    alpha: np.ndarray
    pierced: np.ndarray

    def layer(self, number: int) -> int:
        """The nearest number of a layer that there is."""
        return min(max(number, 0), len(self.alpha) - 1)


def pyramid(images: np.ndarray) -> Pyramid:
    """Of images (L, S, S, 4) float32, S a power of two."""
    levels = [images]
    while levels[-1].shape[1] > 1:
        part = levels[-1]
        levels.append((part[:, ::2, ::2] + part[:, 1::2, ::2] + part[:, ::2, 1::2] + part[:, 1::2, 1::2]) / 4)
    return Pyramid(np.concatenate([level.reshape(-1, 4) for level in levels]), images.shape[1], len(images))


def read_textures(bank: TextureBank) -> Textures:
    """The noise and a bank."""
    photos = bank.layers.astype(np.float32) / 255
    rgb = photos[..., :3]
    photos[..., :3] = rgb * (rgb * (rgb * 0.305306011 + 0.682171111) + 0.012522878)  # as in the shader
    alpha = np.ascontiguousarray(bank.layers[..., 3])
    noise = pyramid(noise_texture()[None].astype(np.float32) / 255)
    return Textures(noise, pyramid(photos), alpha, np.asarray((alpha < 128).any((1, 2))))
