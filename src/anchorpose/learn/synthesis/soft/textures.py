"""Textures as pyramids of ever smaller copies, read at many points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.noise import noise_texture
from anchorpose.learn.synthesis.gl.scene import TextureBank
from anchorpose.learn.synthesis.soft.compiled import compiled


@compiled
def _read(
    texels: np.ndarray, starts: np.ndarray, sides: np.ndarray, layer: int, u: np.ndarray, v: np.ndarray,
    wanted: np.ndarray, smooth: bool, out: np.ndarray,
) -> None:  # fmt: skip
    last = len(sides) - 1
    for k in range(len(u)):
        level = min(max(int(np.floor(wanted[k] + 0.5)), 0), last)
        side = sides[level]
        start, mask = starts[level] + layer * side * side, side - 1
        if level > 0 and not smooth:
            at = start + (int(np.floor(v[k] * side)) & mask) * side + (int(np.floor(u[k] * side)) & mask)
            for n in range(4):
                out[n, k] = texels[at, n]
            continue
        x, y = u[k] * side - 0.5, v[k] * side - 0.5
        left, top = np.floor(x), np.floor(y)
        fx, fy = x - left, y - top
        c, r = int(left) & mask, int(top) & mask
        d, s = (c + 1) & mask, (r + 1) & mask
        c, d, r, s = c + start, d + start, r * side, s * side
        for n in range(4):
            above = (1 - fx) * texels[r + c, n] + fx * texels[r + d, n]
            below = (1 - fx) * texels[s + c, n] + fx * texels[s + d, n]
            out[n, k] = (1 - fy) * above + fy * below


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Square tiling images and their smaller copies: texels (N, 4), the first of each level, the side of each level."""

    texels: np.ndarray
    starts: np.ndarray
    sides: np.ndarray

    def read(
        self, u: np.ndarray, v: np.ndarray, wanted: np.ndarray, layer: int = 0, *, smooth: bool = True
    ) -> np.ndarray:
        """(4, N) at points u, v (1 is one tile), of the level nearest to the one wanted; mixed from four texels, or
        with `smooth` off so at the first level only."""
        out = np.empty((4, len(u)), np.float32)
        _read(self.texels, self.starts, self.sides, layer, u, v, wanted, smooth, out)
        return out


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
    texels = [level.reshape(-1, 4) for level in levels]
    starts = np.concatenate([[0], np.cumsum([len(t) for t in texels])[:-1]]).astype(np.int64)
    return Pyramid(np.concatenate(texels), starts, np.array([level.shape[1] for level in levels]))


def read_textures(bank: TextureBank) -> Textures:
    """The noise and a bank."""
    photos = bank.layers.astype(np.float32) / 255
    rgb = photos[..., :3]
    photos[..., :3] = rgb * (rgb * (rgb * 0.305306011 + 0.682171111) + 0.012522878)  # as in the shader
    alpha = np.ascontiguousarray(bank.layers[..., 3])
    noise = pyramid(noise_texture()[None].astype(np.float32) / 255)
    return Textures(noise, pyramid(photos), alpha, np.asarray((alpha < 128).any((1, 2))))
