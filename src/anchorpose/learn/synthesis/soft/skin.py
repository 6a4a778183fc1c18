"""Skin at a point, and what is painted on a face; as in the shader of `gl.shading`."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import compiled, f32
from anchorpose.learn.synthesis.soft.patterns import Color, mixed, smoothstep
from anchorpose.learn.synthesis.soft.points import FIELDS, PAINT


@compiled
def skin_color(
    at: np.ndarray, p: int, blocks: np.ndarray, m: int, red: float, green: float, blue: float, mottle: float,
    grain: float,
) -> Color:  # fmt: skip
    """Skin of a plain colour with blood under it (knees, elbows, hands and feet), slow mottling, and its paint.

    Args:
        at: (N, 25) attributes of points, of which the p-th is meant. blocks: (M, 48, 4), of which the m-th is meant.
        mottle, grain: noise, 0 to 1.
    """
    arm, leg = at[p, FIELDS], at[p, FIELDS + 1]
    elbow, knee = arm - f32(1), leg - f32(1)
    bends = max(f32(1) - f32(9) * elbow * elbow, f32(1) - f32(9) * knee * knee, f32(0))
    blood = (
        f32(0.5) * (mottle - f32(0.5)) + f32(0.35) * smoothstep(f32(2.0), f32(2.6), max(arm, leg)) + f32(0.25) * bends
    )
    blood = min(max(blood, f32(0)), f32(1))
    light = f32(1) + f32(0.16) * (mottle - f32(0.5)) + f32(0.08) * (grain - f32(0.5))
    red *= light * (f32(1) + f32(0.06) * blood)
    green *= light * (f32(1) - f32(0.12) * blood)
    blue *= light * (f32(1) - f32(0.14) * blood)
    lips, brows, beard, eye = at[p, PAINT], at[p, PAINT + 1], at[p, PAINT + 2], at[p, PAINT + 3]
    if eye > f32(0.002):
        red, green, blue = mixed(f32(0.62), f32(0.58), f32(0.55), blocks, m, 7, smoothstep(f32(0.80), f32(0.84), eye))
        pupil = smoothstep(f32(0.93), f32(0.95), eye)
        return red + (f32(0.01) - red) * pupil, green + (f32(0.01) - green) * pupil, blue + (f32(0.01) - blue) * pupil
    if max(lips, brows, beard) > f32(0.01):
        stubble = smoothstep(f32(0.15), f32(0.7), beard * (f32(0.75) + f32(0.5) * (grain - f32(0.5))))
        red, green, blue = mixed(red, green, blue, blocks, m, 8, blocks[m, 5, 3] * f32(0.85) * stubble)
        red, green, blue = mixed(red, green, blue, blocks, m, 5, f32(0.8) * smoothstep(f32(0.25), f32(0.75), lips))
        red, green, blue = mixed(red, green, blue, blocks, m, 6, f32(0.9) * smoothstep(f32(0.3), f32(0.7), brows))
    return red, green, blue
