"""What points on surfaces are made of: cloth, skin, photo, paint, in linear light; as in the shader of `gl.shading`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.soft.points import FIELDS, FLAT, PAINT, POSITION, REST, Points
from anchorpose.learn.synthesis.soft.textures import Textures

_SURFACE = 10
"""First row of the surfaces in a block of gl.materials, four rows each."""

_PATTERNS = range(1, 9)


@dataclass(frozen=True, eq=False)
class Stuff:
    """Of N points: colour (3, N) in linear light, shine (N,), slopes of folds along the flat coordinates (2, N), and
    whether they are skin (N,)."""

    color: np.ndarray
    shine: np.ndarray
    slopes: np.ndarray
    bare: np.ndarray


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth in between."""
    t = np.clip((x - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def stuff_at(points: Points, blocks: np.ndarray, textures: Textures, fx: float) -> Stuff:
    """What points are made of.

    Args:
        blocks: (M, 48, 4) materials of the meshes. fx: focal length [px].
    """
    at, mesh = points.at, points.mesh
    footprint = at[POSITION + 2] * np.float32(1 / fx)
    broad, fine = _noise(points, blocks, textures, footprint)
    wave = fine[2] - np.float32(0.5)
    surface, hem = _surfaces(points, blocks, wave)
    flags = blocks[:, 4, 1] > 0.5
    bare = flags.take(mesh) & (surface == 0)
    which = mesh * 8 + surface
    table = blocks[:, _SURFACE : _SURFACE + 32].reshape(-1, 16)
    present = np.flatnonzero(np.bincount(which, minlength=len(table)))
    color = np.stack([table[:, k].take(which) for k in range(3)])
    shine, folds = table[:, 10].take(which), table[:, 11].take(which)
    for one in present:
        if table[one, 3] > 0:
            some = np.flatnonzero(which == one)
            color[:, some] = _pattern(points, some, blocks[one // 8], table[one], textures, footprint)
    grain = fine[3] - np.float32(0.5)
    hem *= np.where(bare, np.float32(1), 1 + folds * np.float32(0.24) * wave + np.float32(0.08) * grain)
    skin = np.flatnonzero(bare)
    if len(skin):
        color[:, skin] = _skin(points, skin, blocks, color[:, skin], broad[2], fine[3])
    color *= hem
    slopes = folds * (np.float32(2.4) * (broad[:2] - np.float32(0.5)) + np.float32(1.1) * (fine[:2] - np.float32(0.5)))
    return Stuff(color, shine, slopes, bare)


def _noise(
    points: Points, blocks: np.ndarray, textures: Textures, footprint: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Broad and fine noise (4, N): slopes along x and y, mottling, grain."""
    x, y = points.at[FLAT], points.at[FLAT + 1]
    shift_x, shift_y = (blocks[:, 9, k].take(points.mesh) for k in range(2))
    level = np.log2(np.maximum(footprint, np.float32(1e-9)) * 256) + np.float32(0.5)
    wide, high = x * np.float32(1.5) + shift_x, y * np.float32(1.1) + shift_y
    broad = textures.noise.read(wide, high, level + np.float32(0.4), smooth=False)
    fine = np.stack([broad[1], broad[0], 1 - broad[2], broad[3]])
    near = np.flatnonzero(footprint < 0.009)
    if len(near) == len(footprint):
        x, y = x * np.float32(4.5) + shift_y, y * np.float32(4.5) + shift_x
        fine = textures.noise.read(x, y, level + np.float32(2.2), smooth=False)
    elif len(near):
        x, y = x[near] * np.float32(4.5) + shift_y[near], y[near] * np.float32(4.5) + shift_x[near]
        fine[:, near] = textures.noise.read(x, y, level[near] + np.float32(2.2), smooth=False)
    return broad, fine


def _surfaces(points: Points, blocks: np.ndarray, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which surface covers the body at each point (N,), and how much hems darken it (N,)."""
    surface, hem = np.zeros(len(wave), np.int64), np.ones(len(wave), np.float32)
    bodies = np.flatnonzero(blocks[:, 4, 0] > 0.5)
    moved = np.array([[0.02], [0.02], [0.01], [0.012]], np.float32)
    for m in bodies:
        mine, at = points.mesh == m, points.at
        if len(bodies) == 1:  # all points, as picking out most of them takes longer
            fields = at[FIELDS : FIELDS + 4] + wave * moved
            worn, dark = _surface_at(blocks[m].tolist(), fields, np.abs(at[REST]), at[REST + 2] >= 0)
            return worn * mine, np.where(mine, dark, np.float32(1))
        some = np.flatnonzero(mine)
        fields = at[FIELDS : FIELDS + 4].take(some, 1) + wave[some] * moved
        x, front = np.abs(at[REST, some]), at[REST + 2, some] >= 0
        surface[some], hem[some] = _surface_at(blocks[m].tolist(), fields, x, front)
    return surface, hem


def _surface_at(
    b: list[list[float]], fields: np.ndarray, x: np.ndarray, front: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    arm, leg, torso, scalp = fields
    collar = b[3][0] - b[3][1] * np.maximum(0, 1 - x * np.float32(1 / 0.09)) * front
    top = (torso >= max(b[2][3], b[9][2])) & (torso < collar) & (arm < b[1][2])
    if b[3][3] > 0:
        top &= x > b[3][3] * front
    out = top * np.int64(b[0][0])
    out[(torso < b[2][3]) & (leg < b[1][3])] = int(b[0][1])
    for number, field, start in (
        (b[0][3], leg, b[2][1]), (b[1][0], leg, b[2][2]), (b[0][2], arm, b[2][0]), (b[1][1], scalp, b[3][2]),
    ):  # fmt: skip
        if number > 0.5:
            out[field > start] = int(number)
    d = np.minimum(np.abs(arm - b[1][2]) * np.float32(0.3), np.abs(leg - b[1][3]) * np.float32(0.4))
    d = np.minimum(d, np.minimum(np.abs(torso - b[2][3]), np.abs(torso - b[3][0])) * np.float32(0.55))
    return out, 0.75 + 0.25 * np.minimum(d * np.float32(1 / 0.012), 1)


def _pattern(
    points: Points, some: np.ndarray, block: np.ndarray, surface: np.ndarray, textures: Textures, footprint: np.ndarray
) -> np.ndarray:
    """(3, n) colours of a surface at some of the points."""
    first, second = surface[:3, None], surface[4:7, None]
    kind, scale, (cos, sin) = int(surface[3]), surface[7], surface[8:10]
    x, y, size = points.at[FLAT, some] / scale, points.at[FLAT + 1, some] / scale, footprint[some] / scale
    x, y = cos * x - sin * y, sin * x + cos * y
    if kind in (6, 7):
        return _photo(points, some, block, surface, textures, (x, y, size))
    soft = np.clip(2 * size, 0.01, 1)
    if kind == 1:
        share = _stripe(y, soft)
    elif kind == 2:
        share = np.float32(0.5) * (_stripe(x, soft) + _stripe(y, soft))
    elif kind == 3:
        row = np.floor(y)
        x = x + np.float32(0.5) * (row - 2 * np.floor(row / 2))
        distance = np.hypot(x - np.floor(x) - np.float32(0.5), y - row - np.float32(0.5))
        t = np.clip((distance - (np.float32(0.28) - soft)) / (2 * soft), 0, 1)
        share = 1 - t * t * (3 - 2 * t)
    elif kind == 5:
        share = smoothstep(-0.5, 0.5, y)
    else:  # blotches; strands of hair
        u, v, finer = (x * np.float32(0.8), y * np.float32(0.03), 2.5) if kind == 8 else (x / 4, y / 4, 1.0)
        wanted = np.maximum(np.log2(size * textures.bank.sides[0]), 0) - np.float32(finer)
        noise = textures.noise.read(u, v, wanted)
        share = smoothstep(0.3, 0.8, noise[3]) if kind == 8 else smoothstep(0.35, 0.65, noise[2])
    return np.asarray(first + (second - first) * share)


def _stripe(t: np.ndarray, soft: np.ndarray) -> np.ndarray:
    t = np.clip((np.abs((t - np.floor(t)) * 2 - 1) - (np.float32(0.5) - soft)) / (2 * soft), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _photo(
    points: Points, some: np.ndarray, block: np.ndarray, surface: np.ndarray, textures: Textures,
    flat: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:  # fmt: skip
    """(3, n) colours of a photo all over, or of a logo on the chest."""
    color, layer = surface[:3, None], textures.layer(int(surface[13] + 0.5))
    x, y, size = flat
    texel = np.maximum(np.log2(size * textures.bank.sides[0]), 0)
    if int(surface[3]) == 6:
        if block[4, 0] < 0.5 and block[42, 1] > 1e8:  # a thing: once over its texture coordinates
            u, v, texel = points.at[FIELDS + 1, some], points.at[FIELDS + 2, some], np.zeros_like(x)
        else:
            u, v = x, -y
        return np.asarray(color * textures.bank.read(u, v, texel, layer)[:3])
    scale = surface[7]
    u = points.at[REST, some] / scale + np.float32(0.5)
    v = (block[4, 3] - points.at[REST + 1, some]) / scale + np.float32(0.5)
    photo = textures.bank.read(u, v, texel, layer)
    inside = (np.minimum(np.minimum(u, v), np.minimum(1 - u, 1 - v)) >= 0) & (points.at[REST + 2, some] >= 0)
    return np.asarray(color + (photo[:3] - color) * (photo[3] * inside))


def _skin(
    points: Points, skin: np.ndarray, blocks: np.ndarray, color: np.ndarray, mottle: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """(3, n) with blood under the skin (knees, elbows, hands and feet), slow mottling, and what is painted on it."""
    arm, leg = points.at[FIELDS, skin], points.at[FIELDS + 1, skin]
    mottle, fine = mottle[skin] - np.float32(0.5), grain[skin]
    bends = np.maximum(1 - 9 * (arm - 1) ** 2, 1 - 9 * (leg - 1) ** 2)
    red = np.float32(0.5) * mottle + np.float32(0.35) * smoothstep(2.0, 2.6, np.maximum(arm, leg))
    red = np.clip(red + np.float32(0.25) * np.maximum(bends, 0), 0, 1)
    color = color * (1 + np.float32(0.16) * mottle + np.float32(0.08) * (fine - np.float32(0.5)))
    color *= 1 + red * np.array([[0.06], [-0.12], [-0.14]], np.float32)
    paint = points.at[PAINT : PAINT + 4].take(skin, 1)
    face = np.flatnonzero(paint.max(0) > 0.01)
    if len(face):
        of = blocks[points.mesh[skin[face]]]
        color[:, face] = _painted(of, color[:, face], paint[:, face], fine[face])
    return np.asarray(color)


def _painted(of: np.ndarray, color: np.ndarray, paint: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """(3, n) with beard, lips, brows and eyes; `of` (n, 48, 4) are the materials."""
    lips, brows, beard, eye = paint

    def over(color: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
        return np.asarray(color + (other - color) * share)

    stubble = smoothstep(0.15, 0.7, beard * (np.float32(0.75) + np.float32(0.5) * grain))
    color = over(color, of[:, 8, :3].T, of[:, 5, 3] * np.float32(0.85) * stubble)
    color = over(color, of[:, 5, :3].T, np.float32(0.8) * smoothstep(0.25, 0.75, lips))
    color = over(color, of[:, 6, :3].T, np.float32(0.9) * smoothstep(0.3, 0.7, brows))
    white = np.array([[0.62], [0.58], [0.55]], np.float32)
    ball = over(white, of[:, 7, :3].T, smoothstep(0.80, 0.84, eye))
    ball = over(ball, np.full((3, 1), 0.01, np.float32), smoothstep(0.93, 0.95, eye))
    return np.where(eye > 0.002, ball, color)
