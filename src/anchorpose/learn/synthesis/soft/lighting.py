"""Light on points: sun with shadow, sky and floor, lamps; as in the shader of `gl.shading`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.materials import linear
from anchorpose.learn.synthesis.gl.scene import Lights
from anchorpose.learn.synthesis.soft.cloth import Stuff
from anchorpose.learn.synthesis.soft.compiled import compiled
from anchorpose.learn.synthesis.soft.points import ACROSS, ALONG, NORMAL, POSITION, Points

_LEVELS = 4095  # of the table of sRGB values
_SKIN_WRAP = np.array([[0.25], [0.12], [0.08]], np.float32)  # light goes round the edges of skin
_WRAP = np.float32(0.04)


@dataclass(frozen=True, eq=False)
class Shadows:
    """What the sun sees: matrix (3, 4) from the camera frame to columns, rows and nearness; the map (S, S) of the
    nearest; softness in samples of the map; bias in nearness."""

    matrix: np.ndarray
    map: np.ndarray
    softness: float
    bias: float


@compiled
def _lit(depth: np.ndarray, u: np.ndarray, v: np.ndarray, near: np.ndarray, softness: float, out: np.ndarray) -> None:
    """Two taps, each the mean of four samples."""
    last = depth.shape[0] - 1
    for k in range(len(u)):
        total = 0.0
        for tap in range(2):
            shift = softness if tap == 0 else -softness
            s, t = u[k] + 0.7 * shift, v[k] + 0.4 * shift
            left, top = np.floor(s), np.floor(t)
            fx, fy = s - left, t - top
            c, r = int(left), int(top)
            d, q = min(max(c + 1, 0), last), min(max(r + 1, 0), last)
            c, r = min(max(c, 0), last), min(max(r, 0), last)
            above = (1 - fx) * (near[k] >= depth[r, c]) + fx * (near[k] >= depth[r, d])
            below = (1 - fx) * (near[k] >= depth[q, c]) + fx * (near[k] >= depth[q, d])
            total += (1 - fy) * above + fy * below
        out[k] = 0.5 * total


def _unit(vectors: np.ndarray) -> np.ndarray:
    square = vectors[0] * vectors[0] + vectors[1] * vectors[1] + vectors[2] * vectors[2]
    return np.asarray(vectors * (1 / np.sqrt(np.maximum(square, np.float32(1e-20)))))


def _along(vectors: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(N,) products of vectors (3, N) with one (3,) or with as many (3, N)."""
    return np.asarray(vectors[0] * way[0] + vectors[1] * way[1] + vectors[2] * way[2])


def lighted(points: Points, stuff: Stuff, lights: Lights, shadows: Shadows) -> np.ndarray:
    """(3, N) sRGB 0 to 255 of points."""
    place = points.at[POSITION : POSITION + 3]
    normal = _tilted(points, stuff)
    view = -_unit(place)
    sun = np.asarray(lights.sun.direction, np.float32)
    sun = sun / np.linalg.norm(sun)
    up = np.asarray(lights.up, np.float32)
    up = up / np.linalg.norm(up)
    sun_color, sky, floor = (
        np.asarray(c, np.float32)[:, None]
        for c in (linear(lights.sun.color) * lights.sun.strength, linear(lights.sky), linear(lights.floor))
    )
    shadow = _shadow(place + normal * np.float32(0.02), shadows)
    direct = _along(normal, sun)
    wrap = np.where(stuff.bare, _SKIN_WRAP, _WRAP)
    light = np.clip((direct + wrap) / (1 + wrap), 0, 1)
    light *= sun_color * shadow
    above = _along(normal, up) * np.float32(0.5) + np.float32(0.5)
    light += floor + (sky - floor) * above
    for lamp in lights.lamps:
        way = np.asarray(lamp.position, np.float32)[:, None] - place
        square = np.maximum(_along(way, way), np.float32(0.05))
        share = np.maximum(_along(normal, way), 0) / (np.sqrt(square) * square)
        light += (linear(lamp.color) * lamp.strength).astype(np.float32)[:, None] * share
    light *= stuff.color
    gloss = np.maximum(_along(normal, _unit(view + sun[:, None])), 0)
    gloss *= gloss
    gloss *= gloss
    gloss4 = gloss * gloss
    gloss *= gloss4 * gloss4 * gloss4 * shadow * (np.float32(0.5) * stuff.shine)  # to the power of 28
    rim = 1 - np.clip(_along(normal, view), 0, 1)
    rim *= rim
    rim *= rim * (np.float32(0.25) * stuff.shine)
    light += gloss * sun_color
    light += rim * sky
    return _encoded(light * np.float32(lights.exposure))


def _tilted(points: Points, stuff: Stuff) -> np.ndarray:
    """(3, N) normals, tilted by folds along the surface's own gradient of the flat coordinates."""
    normal = _unit(points.at[NORMAL : NORMAL + 3])
    tilt = stuff.slopes[0] * points.at[ALONG : ALONG + 3] + stuff.slopes[1] * points.at[ACROSS : ACROSS + 3]
    length = np.sqrt(_along(tilt, tilt))
    tilt *= np.minimum(1, np.float32(1.2) / np.maximum(length, np.float32(1e-6)))
    return _unit(normal - tilt)


def _shadow(place: np.ndarray, shadows: Shadows) -> np.ndarray:
    """(N,) share of the sun's light at places (3, N)."""
    m = shadows.matrix.astype(np.float32)
    u, v, near = (_along(place, m[k, :3]) + m[k, 3] for k in range(3))
    out = np.empty(place.shape[1], np.float32)
    _lit(shadows.map, u, v, near + np.float32(shadows.bias), shadows.softness, out)
    return out


def _encoded(light: np.ndarray) -> np.ndarray:
    """sRGB 0 to 255 of linear light, of which the brightest is pressed together."""
    over = np.maximum(light - np.float32(0.6), 0)
    pressed = np.minimum(light, np.float32(0.6)) + np.float32(0.4) * over / (over + np.float32(0.4))
    return _TABLE.take((pressed * np.float32(_LEVELS) + np.float32(0.5)).astype(np.int32), mode="clip")


def _srgb_table() -> np.ndarray:
    steps = np.arange(_LEVELS + 1) / _LEVELS
    curved = 1.055 * np.maximum(steps, 0.0031308) ** (1 / 2.4) - 0.055
    return (255 * np.where(steps <= 0.0031308, 12.92 * steps, curved)).astype(np.float32)


_TABLE = _srgb_table()
