"""Colours of surfaces at a point: plain, patterns, photos; as in the shader of `gl.shading`."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.gl.scene import PATTERNS
from anchorpose.learn.synthesis.soft.compiled import compiled, f32
from anchorpose.learn.synthesis.soft.points import FIELDS, FLAT, REST
from anchorpose.learn.synthesis.soft.textures import texel

Color = tuple[float, float, float]
PLAIN, _STRIPES, _CHECKS, _DOTS, _NOISE, _GRADIENT, _PHOTO, _LOGO, _HAIR = range(len(PATTERNS))
_STRANDS = f32(2**-2.5)  # how coarse the noise of hair is read


@compiled
def smoothstep(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, smooth in between."""
    t = min(max((x - low) / (high - low), f32(0)), f32(1))
    return t * t * (f32(3) - f32(2) * t)


@compiled
def mixed(red: float, green: float, blue: float, blocks: np.ndarray, m: int, row: int, share: float) -> Color:
    """A colour with a share of the one in a row of a material."""
    return (
        red + (blocks[m, row, 0] - red) * share,
        green + (blocks[m, row, 1] - green) * share,
        blue + (blocks[m, row, 2] - blue) * share,
    )


@compiled
def surface_color(
    at: np.ndarray, p: int, blocks: np.ndarray, m: int, row: int, size: float,
    noise: np.ndarray, noise_side: int, bank: np.ndarray, bank_side: int, layers: int,
) -> Color:  # fmt: skip
    """Colour of a surface that is not plain.

    Args:
        at: (N, 25) attributes of points, of which the p-th is meant.
        blocks: (M, 48, 4) materials, of which the m-th is meant; row: first of its surface.
        size: width of a pixel on the surface [m].
    """
    red, green, blue = blocks[m, row, 0], blocks[m, row, 1], blocks[m, row, 2]
    kind = int(blocks[m, row, 3])
    scale, cos, sin = blocks[m, row + 1, 3], blocks[m, row + 2, 0], blocks[m, row + 2, 1]
    u, v, size = at[p, FLAT] / scale, at[p, FLAT + 1] / scale, size / scale
    x, y = cos * u - sin * v, sin * u + cos * v
    if kind in (_PHOTO, _LOGO):
        layer = min(max(int(blocks[m, row + 3, 1] + f32(0.5)), 0), layers - 1)
        if kind == _LOGO:
            return _logo(at, p, blocks, m, row, bank, bank_side, layers, layer, size)
        if blocks[m, 4, 0] < f32(0.5) and blocks[m, 42, 1] > 1e8:  # a thing: once over its texture coordinates
            r, g, b, _ = texel(bank, bank_side, layers, layer, at[p, FIELDS + 1], at[p, FIELDS + 2], f32(0), True)
        else:
            r, g, b, _ = texel(bank, bank_side, layers, layer, x, -y, size, True)
        return red * r, green * g, blue * b
    if kind == _HAIR:
        width = max(size * f32(bank_side), f32(1)) * _STRANDS / f32(noise_side)
        share = smoothstep(
            f32(0.3), f32(0.8), texel(noise, noise_side, 1, 0, x * f32(0.8), y * f32(0.03), width, True)[3]
        )
    elif kind == _NOISE:
        width = max(size * f32(bank_side), f32(1)) / f32(2 * noise_side)
        share = smoothstep(f32(0.35), f32(0.65), texel(noise, noise_side, 1, 0, x / f32(4), y / f32(4), width, True)[2])
    else:
        share = _regular(kind, x, y, min(max(f32(2) * size, f32(0.01)), f32(1)))
    return mixed(red, green, blue, blocks, m, row + 1, share)


@compiled
def _regular(kind: int, x: float, y: float, soft: float) -> float:
    """Share of the second colour; edges are `soft` wide."""
    if kind == _STRIPES:
        return _stripe(y, soft)
    if kind == _CHECKS:
        return f32(0.5) * (_stripe(x, soft) + _stripe(y, soft))
    if kind == _GRADIENT:
        return smoothstep(-f32(0.5), f32(0.5), y)
    row = np.floor(y)
    x = x + f32(0.5) * (row - f32(2) * np.floor(row / f32(2)))
    x, y = x - np.floor(x) - f32(0.5), y - row - f32(0.5)
    return f32(1) - smoothstep(f32(0.28) - soft, f32(0.28) + soft, np.sqrt(x * x + y * y))


@compiled
def _stripe(t: float, soft: float) -> float:
    return smoothstep(f32(0.5) - soft, f32(0.5) + soft, abs((t - np.floor(t)) * f32(2) - f32(1)))


@compiled
def _logo(
    at: np.ndarray, p: int, blocks: np.ndarray, m: int, row: int, bank: np.ndarray, bank_side: int, layers: int,
    layer: int, size: float,
) -> Color:  # fmt: skip
    """A photo on the front of the chest."""
    red, green, blue, scale = blocks[m, row, 0], blocks[m, row, 1], blocks[m, row, 2], blocks[m, row + 1, 3]
    u, v = at[p, REST] / scale + f32(0.5), (blocks[m, 4, 3] - at[p, REST + 1]) / scale + f32(0.5)
    if min(u, v) < 0 or max(u, v) > 1 or at[p, REST + 2] < 0:
        return red, green, blue
    r, g, b, a = texel(bank, bank_side, layers, layer, u, v, size, True)
    return red + (r - red) * a, green + (g - green) * a, blue + (b - blue) * a
