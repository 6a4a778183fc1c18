"""Light on points: sun with shadow, sky and floor, lamps; as in the shader of `gl.shading`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.materials import linear
from anchorpose.learn.synthesis.gl.scene import Lights
from anchorpose.learn.synthesis.soft.cloth import BARE, COLOR, SHINE, SLOPES
from anchorpose.learn.synthesis.soft.compiled import compiled, f32
from anchorpose.learn.synthesis.soft.points import ACROSS, ALONG, NORMAL, POSITION, Points

Vector = tuple[float, float, float]
_LEVELS = 4095  # of the table of sRGB values
_CLOTH_WRAP, _SKIN_WRAP = (f32(0.04),) * 3, (f32(0.25), f32(0.12), f32(0.08))  # light goes round the edges of skin
_STEEPEST = f32(1.2)  # folds
_OFF = f32(0.02)  # [m] from the surface to where its shadow is looked up


@dataclass(frozen=True, eq=False)
class Shadows:
    """What the sun sees: matrix (3, 4) from the camera frame to columns, rows and nearness; the map (S, S) of the
    nearest; softness in samples of the map; bias in nearness."""

    matrix: np.ndarray
    map: np.ndarray
    softness: float
    bias: float


def lighted(points: Points, stuff: np.ndarray, lights: Lights, shadows: Shadows) -> np.ndarray:
    """(N, 3) sRGB 0 to 255 of points that are made of `stuff` (N, 7)."""
    ways = np.stack([np.asarray(v, float) / np.linalg.norm(v) for v in (lights.sun.direction, lights.up)])
    colors = np.stack([linear(lights.sun.color) * lights.sun.strength, linear(lights.sky), linear(lights.floor)])
    lamps = [[*lamp.position, *(linear(lamp.color) * lamp.strength * lights.exposure)] for lamp in lights.lamps]
    out = np.empty((len(points.at), 3), np.float32)
    _shade(
        points.at, stuff, ways.astype(f32), (colors * lights.exposure).astype(f32),
        np.array(lamps, f32).reshape(-1, 6), shadows.matrix.astype(f32), shadows.map, f32(shadows.softness),
        f32(shadows.bias), out,
    )  # fmt: skip
    return out


@compiled
def _shade(
    at: np.ndarray, stuff: np.ndarray, ways: np.ndarray, colors: np.ndarray, lamps: np.ndarray, matrix: np.ndarray,
    depth: np.ndarray, softness: float, bias: float, out: np.ndarray,
) -> None:  # fmt: skip
    """Directions of the sun and of above (2, 3); sun, sky and floor (3, 3), lamps (L, 6), place and colour, in linear
    light with the exposure in it; the others as in `Shadows`."""
    sun_x, sun_y, sun_z = ways[0, 0], ways[0, 1], ways[0, 2]
    for p in range(len(at)):
        x, y, z = at[p, POSITION], at[p, POSITION + 1], at[p, POSITION + 2]
        nx, ny, nz = _unit(at[p, NORMAL], at[p, NORMAL + 1], at[p, NORMAL + 2])
        a, b = stuff[p, SLOPES], stuff[p, SLOPES + 1]
        if a != 0 or b != 0:  # folds tilt it along the surface's own gradient of the flat coordinates
            tx = a * at[p, ALONG] + b * at[p, ACROSS]
            ty = a * at[p, ALONG + 1] + b * at[p, ACROSS + 1]
            tz = a * at[p, ALONG + 2] + b * at[p, ACROSS + 2]
            share = min(f32(1), _STEEPEST / np.sqrt(max(tx * tx + ty * ty + tz * tz, f32(1e-12))))
            nx, ny, nz = _unit(nx - tx * share, ny - ty * share, nz - tz * share)
        vx, vy, vz = _unit(-x, -y, -z)
        shadow = _lit(matrix, depth, softness, bias, x + _OFF * nx, y + _OFF * ny, z + _OFF * nz)
        direct = nx * sun_x + ny * sun_y + nz * sun_z
        above = f32(0.5) + f32(0.5) * (nx * ways[1, 0] + ny * ways[1, 1] + nz * ways[1, 2])
        wrap = _SKIN_WRAP if stuff[p, BARE] else _CLOTH_WRAP
        red, green, blue = (
            min(max((direct + wrap[0]) / (f32(1) + wrap[0]), f32(0)), f32(1)) * shadow * colors[0, 0],
            min(max((direct + wrap[1]) / (f32(1) + wrap[1]), f32(0)), f32(1)) * shadow * colors[0, 1],
            min(max((direct + wrap[2]) / (f32(1) + wrap[2]), f32(0)), f32(1)) * shadow * colors[0, 2],
        )
        red += colors[2, 0] + (colors[1, 0] - colors[2, 0]) * above
        green += colors[2, 1] + (colors[1, 1] - colors[2, 1]) * above
        blue += colors[2, 2] + (colors[1, 2] - colors[2, 2]) * above
        for n in range(len(lamps)):
            wx, wy, wz = lamps[n, 0] - x, lamps[n, 1] - y, lamps[n, 2] - z
            square = max(wx * wx + wy * wy + wz * wz, f32(0.05))
            share = max(nx * wx + ny * wy + nz * wz, f32(0)) / (square * np.sqrt(square))
            red, green, blue = red + share * lamps[n, 3], green + share * lamps[n, 4], blue + share * lamps[n, 5]
        red, green, blue = red * stuff[p, COLOR], green * stuff[p, COLOR + 1], blue * stuff[p, COLOR + 2]
        shine = stuff[p, SHINE]
        if shine > 0:
            hx, hy, hz = _unit(vx + sun_x, vy + sun_y, vz + sun_z)
            gloss = max(nx * hx + ny * hy + nz * hz, f32(0))
            gloss *= gloss
            gloss *= gloss
            twice = gloss * gloss
            gloss *= twice * twice * twice * shadow * f32(0.5) * shine  # to the power of 28
            rim = f32(1) - min(max(nx * vx + ny * vy + nz * vz, f32(0)), f32(1))
            rim *= rim
            rim *= rim * f32(0.25) * shine
            red += gloss * colors[0, 0] + rim * colors[1, 0]
            green += gloss * colors[0, 1] + rim * colors[1, 1]
            blue += gloss * colors[0, 2] + rim * colors[1, 2]
        out[p, 0], out[p, 1], out[p, 2] = _encoded(red), _encoded(green), _encoded(blue)


@compiled
def _unit(x: float, y: float, z: float) -> Vector:
    scale = f32(1) / np.sqrt(max(x * x + y * y + z * z, f32(1e-20)))
    return x * scale, y * scale, z * scale


@compiled
def _lit(m: np.ndarray, depth: np.ndarray, softness: float, bias: float, x: float, y: float, z: float) -> float:
    """Share of the sun's light at a place: two taps into the shadow map, each the mean of four samples."""
    u, v = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3], m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    near = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3] + bias
    last, total = depth.shape[0] - 1, f32(0)
    for shift in (softness, -softness):
        s, t = u + f32(0.7) * shift, v + f32(0.4) * shift
        left, top = np.floor(s), np.floor(t)
        fx, fy = s - left, t - top
        c, r = int(left), int(top)
        d, q = min(max(c + 1, 0), last), min(max(r + 1, 0), last)
        c, r = min(max(c, 0), last), min(max(r, 0), last)
        upper = (f32(1) - fx) * (near >= depth[r, c]) + fx * (near >= depth[r, d])
        lower = (f32(1) - fx) * (near >= depth[q, c]) + fx * (near >= depth[q, d])
        total += (f32(1) - fy) * upper + fy * lower
    return f32(0.5) * total


def _srgb_table() -> np.ndarray:
    steps = np.arange(_LEVELS + 1) / _LEVELS
    curved = 1.055 * np.maximum(steps, 0.0031308) ** (1 / 2.4) - 0.055
    return (255 * np.where(steps <= 0.0031308, 12.92 * steps, curved)).astype(np.float32)


_TABLE = _srgb_table()


@compiled
def _encoded(light: float) -> float:
    """sRGB 0 to 255 of linear light, of which the brightest is pressed together."""
    over = max(light - f32(0.6), f32(0))
    pressed = min(light, f32(0.6)) + f32(0.4) * over / (over + f32(0.4))
    return float(_TABLE[min(max(int(pressed * f32(_LEVELS) + f32(0.5)), 0), _LEVELS)])
