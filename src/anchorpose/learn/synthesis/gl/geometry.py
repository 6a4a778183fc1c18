"""Geometry behind the passes: clip-space matrices, the sun's frame, vertex normals, coarser triangles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import can_compile
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError

NEAR, FAR = 0.05, 300.0
"""Depth range that is drawn [m]."""


def clip_from_camera(camera: Camera) -> np.ndarray:
    """(4, 4) matrix from the camera frame to clip space.

    Image rows grow with clip-space y, so the first row that is read back is the top row of the image, and triangles
    that are counter-clockwise from outside are clockwise in the buffer.
    """
    if any(camera.dist):
        raise InputError("the renderer draws pinhole cameras without lens distortion")
    w, h = camera.width, camera.height
    m = np.zeros((4, 4))
    # Pixel centres are integers: column u is at clip x = 2 (u + .5) / w - 1.
    m[0, 0], m[0, 2] = 2 * camera.fx / w, 2 * (camera.cx + 0.5) / w - 1
    m[1, 1], m[1, 2] = 2 * camera.fy / h, 2 * (camera.cy + 0.5) / h - 1
    m[2, 2], m[2, 3] = (FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)
    m[3, 2] = 1
    return m


def light_from_camera(direction: Sequence[float], points: np.ndarray) -> tuple[np.ndarray, float]:
    """(4, 4) orthographic matrix of a sun that sees all points (N, 3), and the width of its view [m]."""
    z = -np.asarray(direction, float)
    norm = np.linalg.norm(z)
    if not norm > 0:
        raise InputError(f"a light has a direction, not {tuple(direction)}")
    z = z / norm
    x = np.cross((0.0, 1.0, 0.0) if abs(z[1]) < 0.9 else (1.0, 0.0, 0.0), z)
    x = x / np.linalg.norm(x)
    axes = np.stack([x, np.cross(z, x), z])
    seen = points @ axes.T
    low, high = seen.min(0), seen.max(0)
    centre = (low + high) / 2
    width = max(float((high - low)[:2].max()) * 1.04, 0.1)
    depth = max(float(high[2] - low[2]) * 1.04, 0.1)
    scale = np.array([2 / width, 2 / width, 2 / depth])
    m = np.eye(4)
    m[:3, :3] = axes * scale[:, None]
    m[:3, 3] = -centre * scale
    return m, width


def corners(vertices: np.ndarray) -> np.ndarray:
    """(8, 3) corners of the axis-aligned box around vertices (V, 3)."""
    # Column by column: many times faster than along the long axis of all three.
    x, y, z = ((float(vertices[:, k].min()), float(vertices[:, k].max())) for k in range(3))
    return np.array([(a, b, c) for a in x for b in y for c in z])


def image_box(camera: Camera, points: np.ndarray, margin: float) -> tuple[int, int, int, int] | None:
    """Box (x, y, width, height) [px] of the image that holds points (N, 3) and `margin` [m] around them; None if empty.

    All of the image if a point lies behind the camera.
    """
    z = points[:, 2]
    if z.min() < NEAR:
        return (0, 0, camera.width, camera.height)
    pixels = camera.project(points)
    border = 2 + margin * max(camera.fx, camera.fy) / z.min()
    low = np.floor(np.clip(pixels.min(0) - border, 0, None)).astype(int)
    high = np.ceil(np.minimum(pixels.max(0) + border + 1, (camera.width, camera.height))).astype(int)
    width, height = high - low
    return (int(low[0]), int(low[1]), int(width), int(height)) if width > 0 and height > 0 else None


class VertexNormals:
    """Makes the vertex normals of one topology: faces (F, 3) over `count` vertices."""

    def __init__(self, faces: np.ndarray, count: int) -> None:
        self._faces, self._count = np.ascontiguousarray(faces, np.int32), count
        self._compiled = can_compile()

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) float32 outward, of length 1: the mean of the triangles around, weighted by area."""
        vertices = np.ascontiguousarray(vertices, np.float32)
        if self._compiled:
            from anchorpose.learn.synthesis.soft.normals import vertex_normals

            return vertex_normals(self._faces, vertices)
        a, b, c = (vertices.take(k, 0) for k in self._corners)
        u, v = b - a, c - a
        normals = np.empty(u.shape, np.float32)
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            normals[:, i] = u[:, j] * v[:, k] - u[:, k] * v[:, j]
        return unit(np.asarray(self._sum @ normals, np.float32))

    @cached_property
    def _corners(self) -> np.ndarray:
        return np.ascontiguousarray(self._faces.T, np.intp)

    @cached_property
    def _sum(self) -> Any:
        from scipy.sparse import csr_matrix

        faces = self._faces
        columns = np.repeat(np.arange(len(faces)), 3)
        return csr_matrix((np.ones(faces.size, np.float32), (faces.ravel(), columns)), (self._count, len(faces)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, 3) scaled to length 1."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return vectors / np.maximum(length, 1e-20)[:, None]


def clusters(rest: np.ndarray, cell: float | np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """(V,) for each vertex the one that stands for all of its cubic cell [m]: that nearest their middle.

    Vertex clustering (Rossignac and Borrel 1993). `cell` may differ by vertex; vertices of different groups (V,) stay
    apart.
    """
    size = np.broadcast_to(np.asarray(cell, float), len(rest))
    keys = np.floor(rest / size[:, None]).astype(np.int64)
    other = np.zeros(len(rest), np.int64) if groups is None else groups.astype(np.int64)
    keys = np.column_stack([keys, other, np.round(size * 1e6).astype(np.int64)])
    group = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    middle = np.stack([np.bincount(group, rest[:, i]) for i in range(3)], 1) / np.bincount(group)[:, None]
    order = np.lexsort((np.linalg.norm(rest - middle[group], axis=1), group))
    first = np.unique(group[order], return_index=True)[1]
    return np.asarray(order[first][group])


def coarse_faces(faces: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(F', 3) fewer triangles over the same vertices, each vertex replaced by the chosen one (see `clusters`);
    triangles that collapse go."""
    small = chosen[faces].astype(np.int32)
    distinct = (small[:, 0] != small[:, 1]) & (small[:, 1] != small[:, 2]) & (small[:, 2] != small[:, 0])
    small = small[distinct]
    unique = np.unique(np.sort(small, 1), axis=0, return_index=True)[1]
    return np.ascontiguousarray(small[np.sort(unique)])
