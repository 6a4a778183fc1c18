"""Finds the nearest triangle at every sample of a grid, row by row of one triangle after the other.

A sample lies at whole numbers. An edge is computed from its upper end, alike for both triangles that share it, so that
each sample between them belongs to exactly one.

Compiled functions are written for the compiler: numbers rather than rows of arrays, whose every view costs time.
"""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.gl.geometry import NEAR
from anchorpose.learn.synthesis.gl.scene import FACE_BITS
from anchorpose.learn.synthesis.soft.compiled import compiled
from anchorpose.learn.synthesis.soft.store import FIELDS

FIRST, STATIC, FACE, FACES, FLAGS, LAYER, INSTANCE = range(7)
"""Columns of the table of meshes: first vertex of the scene, first vertex and triangle of all that is kept, number of
triangles, flags, texture layer that pierces it or -1, label of the person."""

TWO_SIDED, TRIMMED = 1, 2
CORNERS = 15
"""Numbers of a triangle on the grid: x, y, value and two fields of each corner."""


@compiled
def place(
    meshes: np.ndarray, trims: np.ndarray, points: np.ndarray, faces: np.ndarray, fixed: np.ndarray,
    width: float, height: float, out: np.ndarray, about: np.ndarray,
) -> int:  # fmt: skip
    """Lists the triangles that may be seen.

    Args:
        meshes: (M, 7) table; trims: (M, 3).
        points: (V, 3) x, y and value of the scene's vertices; a value below 0 lies behind the viewer.
        faces, fixed: (F, 3), (W, 11) of all that is kept.
        out: (T, 15), about: (T, 3) their mesh, number (mesh + 1) << FACE_BITS | triangle, and holes: 0 none, 1 trimmed,
            2 pierced, -1 if the near plane cuts the triangle (for `cut`).

    Returns:
        how many there are.
    """
    count = 0
    for m in range(len(meshes)):
        first, static, start = meshes[m, FIRST], meshes[m, STATIC], meshes[m, FACE]
        two_sided, trimmed = meshes[m, FLAGS] & TWO_SIDED, meshes[m, FLAGS] & TRIMMED
        pierced = meshes[m, LAYER] >= 0
        low, high, least = trims[m, 0], trims[m, 1], trims[m, 2]
        for k in range(meshes[m, FACES]):
            i, j, n = faces[start + k, 0], faces[start + k, 1], faces[start + k, 2]
            a, b, c = first + i, first + j, first + n
            va, vb, vc = points[a, 2], points[b, 2], points[c, 2]
            xa, xb, xc, ya, yb, yc = (points[a, 0], points[b, 0], points[c, 0], points[a, 1], points[b, 1],
                                      points[c, 1])  # fmt: skip
            behind = (va < 0) + (vb < 0) + (vc < 0)
            if behind == 3:
                continue
            if behind == 0:
                if min(xa, xb, xc) > width or max(xa, xb, xc) < 0 or min(ya, yb, yc) > height or max(ya, yb, yc) < 0:
                    continue
                if not two_sided and (xb - xa) * (yc - ya) >= (xc - xa) * (yb - ya):
                    continue  # clockwise on an image whose rows run down
            kind, f, g = 0, 3, 0
            if trimmed:
                fa, fb, fc = fixed[static + i, FIELDS + 3], fixed[static + j, FIELDS + 3], fixed[static + n, FIELDS + 3]
                ga, gb, gc = fixed[static + i, FIELDS + 0], fixed[static + j, FIELDS + 0], fixed[static + n, FIELDS + 0]
                top, bottom = max(fa, fb, fc), min(fa, fb, fc)
                if top < low or bottom > high or max(ga, gb, gc) < least:
                    continue
                kind = 1 if bottom < low or top > high or min(ga, gb, gc) < least else 0
            elif pierced:
                kind, f, g = 2, 1, 2
            about[count, 0], about[count, 1] = m, (m + 1) << FACE_BITS | k
            about[count, 2] = kind if behind == 0 else -1 - kind
            out[count, 0], out[count, 1], out[count, 2] = xa, ya, va
            out[count, 5], out[count, 6], out[count, 7] = xb, yb, vb
            out[count, 10], out[count, 11], out[count, 12] = xc, yc, vc
            if kind or behind:
                out[count, 3], out[count, 4] = fixed[static + i, FIELDS + f], fixed[static + i, FIELDS + g]
                out[count, 8], out[count, 9] = fixed[static + j, FIELDS + f], fixed[static + j, FIELDS + g]
                out[count, 13], out[count, 14] = fixed[static + n, FIELDS + f], fixed[static + n, FIELDS + g]
            count += 1
    return count


@compiled
def _by_height(triangles: np.ndarray, t: int) -> tuple[int, int, int]:
    """Where the corners of a triangle begin in its row, from the upper to the lower one."""
    a, b, c = 0, 5, 10
    if triangles[t, b + 1] < triangles[t, a + 1]:
        a, b = b, a
    if triangles[t, c + 1] < triangles[t, b + 1]:
        b, c = c, b
        if triangles[t, b + 1] < triangles[t, a + 1]:
            a, b = b, a
    return a, b, c


@compiled
def fill(
    triangles: np.ndarray, about: np.ndarray, trims: np.ndarray, layers: np.ndarray, alpha: np.ndarray,
    parallel: bool, value: np.ndarray, seen: np.ndarray,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Fills listed triangles into a grid; greater values are in front. Returns the first and last row + 1, the first
    and last column + 1 that hold something.

    Args:
        triangles: (T, 15); about: (T, 3). trims: (M, 3); layers: (M,) of alpha (L, S, S) uint8.
        parallel: the values are those of a view along parallel rays, else 1 / z.
        value: (height, width) float32, 0 where nothing is; seen: (height, width) int32 numbers, 0 where nothing is.
    """
    height, width = value.shape
    top, bottom, left, right = height, 0, width, 0
    side = alpha.shape[1]
    for t in range(len(triangles)):
        a, b, c = _by_height(triangles, t)
        x0, y0, v0 = triangles[t, a], triangles[t, a + 1], triangles[t, a + 2]
        x1, y1, x2, y2 = triangles[t, b], triangles[t, b + 1], triangles[t, c], triangles[t, c + 1]
        first, last = max(int(np.ceil(y0)), 0), min(int(np.ceil(y2)), height)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if first >= last or abs(area) < 1e-12:
            continue
        scale = 1 / area
        v1, v2 = triangles[t, b + 2], triangles[t, c + 2]
        along = ((v1 - v0) * (y2 - y0) - (v2 - v0) * (y1 - y0)) * scale
        down = ((v2 - v0) * (x1 - x0) - (v1 - v0) * (x2 - x0)) * scale
        long = (x2 - x0) / (y2 - y0)
        upper = (x1 - x0) / (y1 - y0) if y1 > y0 else 0.0
        lower = (x2 - x1) / (y2 - y1) if y2 > y1 else 0.0
        number, holes, m = about[t, 1], about[t, 2], about[t, 0]
        top, bottom, left = min(top, first), max(bottom, last), min(left, max(int(np.ceil(min(x0, x1, x2))), 0))
        right = max(right, min(int(np.ceil(max(x0, x1, x2))), width))
        for row in range(first, last):
            p = x0 + (row - y0) * long
            q = x0 + (row - y0) * upper if row < y1 else x1 + (row - y1) * lower
            start, stop = max(int(np.ceil(min(p, q))), 0), min(int(np.ceil(max(p, q))), width)
            base = v0 + (row - y0) * down - x0 * along
            for column in range(start, stop):
                here = np.float32(base + column * along)
                if here <= value[row, column]:
                    continue
                if holes:
                    px, py = column - x0, row - y0
                    wb = (px * (y2 - y0) - py * (x2 - x0)) * scale
                    wc = (py * (x1 - x0) - px * (y1 - y0)) * scale
                    if not parallel:  # true to perspective
                        wb, wc = wb * v1 / here, wc * v2 / here
                    wa = 1 - wb - wc
                    f = wa * triangles[t, a + 3] + wb * triangles[t, b + 3] + wc * triangles[t, c + 3]
                    g = wa * triangles[t, a + 4] + wb * triangles[t, b + 4] + wc * triangles[t, c + 4]
                    if holes == 1:
                        if f < trims[m, 0] or f > trims[m, 1] or g < trims[m, 2]:
                            continue
                    elif alpha[layers[m], int(np.floor(g * side)) % side, int(np.floor(f * side)) % side] < 128:
                        continue
                value[row, column] = here
                seen[row, column] = number
    return top, bottom, left, right


def before(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What of triangles lies before the near plane.

    Args:
        corners: (K, 3, T) values at the corners, the third is the depth; of each triangle some are nearer than `NEAR`,
            but not all.

    Returns:
        (K, 3, T') and the number of the triangle that each is from.
    """
    near = corners[2] < NEAR
    alone = near.sum(0) == 2  # one corner before the plane, else two
    odd = np.where(alone, np.argmin(near, 0), np.argmax(near, 0))
    order = (odd + np.arange(3)[:, None]) % 3
    a, b, c = (np.take_along_axis(corners, order[None, k : k + 1], 1)[:, 0] for k in range(3))
    ab, ac = (a + (NEAR - a[2]) / (other[2] - a[2]) * (other - a) for other in (b, c))
    tips, rests = np.flatnonzero(alone), np.flatnonzero(~alone)
    parts = [np.stack([a, ab, ac], 1)[..., tips]]
    parts += [np.stack(corner, 1)[..., rests] for corner in ((ab, b, c), (ab, c, ac))]
    return np.concatenate(parts, 2), np.concatenate([tips, rests, rests])
