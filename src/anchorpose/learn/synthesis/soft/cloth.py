"""What points on surfaces are made of, in linear light; as in the shader of `gl.shading`."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import compiled, f32
from anchorpose.learn.synthesis.soft.patterns import PLAIN, surface_color
from anchorpose.learn.synthesis.soft.points import FIELDS, FLAT, POSITION, REST, Points
from anchorpose.learn.synthesis.soft.skin import skin_color
from anchorpose.learn.synthesis.soft.textures import Textures, texel

COLOR, SHINE, SLOPES, BARE = 0, 3, 4, 6
"""First column of what a point is made of: colour in linear light (3), shine, slopes of folds along the flat
coordinates (2), and whether it is skin."""

_COLUMNS = 7
_FIRST_SURFACE = 10  # of a block of gl.materials, four rows each
_NEAR = f32(0.009)  # finer noise where a pixel covers less [m]
_BROAD, _FINE = f32(2**0.9), f32(2**2.7)  # how coarse the noise is read: widths of a pixel


def stuff_at(points: Points, blocks: np.ndarray, textures: Textures, fx: float) -> np.ndarray:
    """(N, 7) what points are made of, see `COLOR` and the others.

    Args:
        blocks: (M, 48, 4) materials of the meshes. fx: focal length [px].
    """
    out = np.empty((len(points.mesh), _COLUMNS), f32)
    noise, bank = textures.noise, textures.bank
    _stuff(
        points.at, points.mesh, blocks, noise.texels, noise.side, bank.texels, bank.side, bank.layers, f32(1 / fx), out
    )  # fmt: skip
    return out


@compiled
def _stuff(
    at: np.ndarray, mesh: np.ndarray, blocks: np.ndarray, noise: np.ndarray, noise_side: int, bank: np.ndarray,
    bank_side: int, layers: int, pixel: float, out: np.ndarray,
) -> None:  # fmt: skip
    for p in range(len(mesh)):
        m = mesh[p]
        size = at[p, POSITION + 2] * pixel
        x, y, shift_x, shift_y = at[p, FLAT], at[p, FLAT + 1], blocks[m, 9, 0], blocks[m, 9, 1]
        across, down, mottle, grain = texel(
            noise, noise_side, 1, 0, x * f32(1.5) + shift_x, y * f32(1.1) + shift_y, _BROAD * size, False
        )
        fine_across, fine_down, wave = down, across, f32(0.5) - mottle
        if size < _NEAR:
            fine_across, fine_down, wave, grain = texel(
                noise, noise_side, 1, 0, x * f32(4.5) + shift_y, y * f32(4.5) + shift_x, _FINE * size, False
            )
            wave -= f32(0.5)
        surface, hem = 0, f32(1)
        if blocks[m, 4, 0] > f32(0.5):
            surface, hem = _surface_at(at, p, blocks, m, wave)
        row = _FIRST_SURFACE + 4 * surface
        red, green, blue = blocks[m, row, 0], blocks[m, row, 1], blocks[m, row, 2]
        if blocks[m, row, 3] != PLAIN:
            red, green, blue = surface_color(at, p, blocks, m, row, size, noise, noise_side, bank, bank_side, layers)
        folds = blocks[m, row + 2, 3]
        bare = surface == 0 and blocks[m, 4, 1] > f32(0.5)
        if bare:
            red, green, blue = skin_color(at, p, blocks, m, red, green, blue, mottle, grain)
        else:
            hem *= f32(1) + folds * f32(0.24) * wave + f32(0.08) * (grain - f32(0.5))
        out[p, 0], out[p, 1], out[p, 2], out[p, 3] = red * hem, green * hem, blue * hem, blocks[m, row + 2, 2]
        out[p, 4] = folds * (f32(2.4) * (across - f32(0.5)) + f32(1.1) * (fine_across - f32(0.5)))
        out[p, 5] = folds * (f32(2.4) * (down - f32(0.5)) + f32(1.1) * (fine_down - f32(0.5)))
        out[p, 6] = bare


@compiled
def _surface_at(at: np.ndarray, p: int, blocks: np.ndarray, m: int, wave: float) -> tuple[int, float]:
    """Which surface covers the body at a point, and how much a hem darkens it."""
    arm, leg = at[p, FIELDS] + f32(0.02) * wave, at[p, FIELDS + 1] + f32(0.02) * wave
    torso, scalp = at[p, FIELDS + 2] + f32(0.01) * wave, at[p, FIELDS + 3] + f32(0.012) * wave
    x, front = abs(at[p, REST]), at[p, REST + 2] >= 0
    sleeve, leg_end, waist = blocks[m, 1, 2], blocks[m, 1, 3], blocks[m, 2, 3]
    neckline, open_front = blocks[m, 3, 0], blocks[m, 3, 3]
    collar = neckline - blocks[m, 3, 1] * max(f32(0), f32(1) - x / f32(0.09)) * front
    surface = f32(0)
    if torso >= max(waist, blocks[m, 9, 2]) and torso < collar and arm < sleeve:
        if open_front <= 0 or x > open_front * front:
            surface = blocks[m, 0, 0]
    if torso < waist and leg < leg_end:
        surface = blocks[m, 0, 1]
    if blocks[m, 0, 3] > f32(0.5) and leg > blocks[m, 2, 1]:
        surface = blocks[m, 0, 3]
    if blocks[m, 1, 0] > f32(0.5) and leg > blocks[m, 2, 2]:
        surface = blocks[m, 1, 0]
    if blocks[m, 0, 2] > f32(0.5) and arm > blocks[m, 2, 0]:
        surface = blocks[m, 0, 2]
    if blocks[m, 1, 1] > f32(0.5) and scalp > blocks[m, 3, 2]:
        surface = blocks[m, 1, 1]
    d = min(abs(arm - sleeve) * f32(0.3), abs(leg - leg_end) * f32(0.4))
    d = min(d, min(abs(torso - waist), abs(torso - neckline)) * f32(0.55))
    return int(surface), f32(0.75) + f32(0.25) * min(d / f32(0.012), f32(1))
