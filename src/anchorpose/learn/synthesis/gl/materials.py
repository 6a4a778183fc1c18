"""A `Material` as the 48 vec4 of the shader's block; keep in step with shaders.py."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from anchorpose.learn.synthesis.gl.scene import MAX_SURFACES, PATTERNS, RGB, Cuts, FaceLook, Material

BLOCK_VECTORS = 48
_FIRST_SURFACE = 10


def linear(color: RGB) -> np.ndarray:
    """sRGB 0..1 to linear light (IEC 61966-2-1)."""
    # Plain numbers: for three of them many times as fast as arrays.
    clipped = (min(max(float(c), 0.0), 1.0) for c in color)
    return np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in clipped])


@lru_cache(maxsize=256)
def _packed(material: Material) -> np.ndarray:
    block = np.zeros((BLOCK_VECTORS, 4), np.float32)
    cuts, face = material.cuts or Cuts(), material.face or FaceLook()
    block[0] = cuts.top, cuts.bottom, cuts.gloves, cuts.socks
    block[1] = cuts.shoes, cuts.cap, cuts.sleeve, cuts.leg_end
    block[2] = cuts.glove_start, cuts.sock_start, cuts.shoe_start, cuts.waist
    block[3] = cuts.neckline, cuts.v_neck, cuts.hairline, cuts.open_front
    block[4] = material.cuts is not None, material.face is not None, 0, material.logo_height
    block[5, 3], block[6, 3] = face.beard_strength, face.blush
    block[9, :3] = material.seed % 1.0, material.seed * 7.31 % 1.0, cuts.top_start
    block[42] = (*(material.trim or (-1e9, 1e9, -1e9)), 0)
    colors: list[RGB] = [face.lips, face.brows, face.iris, face.beard]
    rows = [5, 6, 7, 8]
    for number, s in enumerate(material.surfaces[:MAX_SURFACES]):
        at = _FIRST_SURFACE + 4 * number
        colors += [s.color, s.color2]
        rows += [at, at + 1]
        block[at : at + 4, 3] = PATTERNS.index(s.pattern), s.scale, s.folds, 0
        block[at + 2, :3] = math.cos(s.angle), math.sin(s.angle), s.shine
        block[at + 3, :2] = s.thickness, s.texture
    srgb = np.clip(np.array(colors, float), 0, 1)
    block[rows, :3] = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return block


def pack_material(material: Material, instance: int) -> np.ndarray:
    """(48, 4) float32, the block for a mesh of this material that belongs to `instance`."""
    block = _packed(material).copy()
    block[4, 2] = instance
    return block


def thickness(material: Material, fields: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(V,) how far the surfaces stand off the body [m], at garment coordinates (V, 4) and rest positions (V, 3).

    The same choice of surfaces as `surface_at` in shaders.py.
    """
    thick = np.array([s.thickness for s in material.surfaces], np.float32)
    cuts = material.cuts
    if cuts is None:
        return np.full(len(fields), thick[0])
    arm, leg, torso, scalp = fields.T
    x, front = np.abs(rest[:, 0]), rest[:, 2] >= 0
    collar = cuts.neckline - cuts.v_neck * np.maximum(0, 1 - x / 0.09) * front
    surface = np.zeros(len(fields), np.int64)
    start = max(cuts.waist, cuts.top_start)
    surface[(torso >= start) & (torso < collar) & (arm < cuts.sleeve) & (x > cuts.open_front * front)] = cuts.top
    surface[(torso < cuts.waist) & (leg < cuts.leg_end)] = cuts.bottom
    for number, field, limit in (
        (cuts.socks, leg, cuts.sock_start), (cuts.shoes, leg, cuts.shoe_start), (cuts.gloves, arm, cuts.glove_start),
        (cuts.cap, scalp, cuts.hairline),
    ):  # fmt: skip
        if number:
            surface[field > limit] = number
    return thick[surface]
