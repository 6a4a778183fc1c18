"""Vertex normals, compiled."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import compiled


@compiled
def vertex_normals(faces: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(V, 3) float32 outward, of length 1: the mean of the triangles (F, 3) around each vertex, weighted by area."""
    out = np.zeros((len(vertices), 3), np.float32)
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1],
                      vertices[j, 2] - vertices[i, 2])  # fmt: skip
        vx, vy, vz = (vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1],
                      vertices[k, 2] - vertices[i, 2])  # fmt: skip
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for n in (i, j, k):
            out[n, 0] += x
            out[n, 1] += y
            out[n, 2] += z
    for n in range(len(out)):
        length = np.sqrt(out[n, 0] * out[n, 0] + out[n, 1] * out[n, 1] + out[n, 2] * out[n, 2])
        scale = np.float32(1) / max(length, np.float32(1e-20))
        out[n, 0] *= scale
        out[n, 1] *= scale
        out[n, 2] *= scale
    return out
