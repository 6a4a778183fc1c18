"""A sheet of motions beside what they were carried over to: source, canonical skeleton, body, at some moments each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorpose.files.images import write_image
from anchorpose.poses.canonical import ANNY, PARENTS
from anchorpose.poses.errors import InputError
from anchorpose.share import raster
from anchorpose.share.raster import Color

_CELL = (104, 132)
_TITLE, _GAP, _MARGIN = 15, 8, 7
_INK: Color = (45, 50, 60)
_FAINT: Color = (225, 228, 233)
_SOURCE: Color = (90, 90, 100)
_LIGHT = np.array([0.35, 0.55, 0.76])
_HAND = ("finger", "metacarpal", "toe", "eye")


@dataclass(frozen=True, eq=False)
class MotionCompared:
    """One motion at M moments, world with y up, metres.

    Attributes:
        title: a line above it.
        source, source_parents: (M, S, 3) the source's own joints and (S,) their parents, -1 for none.
        joints: (M, 104, 3) of the canonical skeleton.
        vertices: (M, V, 3) of a body; faces: (F, 3) its triangles.
        azimuth: [rad] from where it is seen: 0 from +z (who faces +z faces the viewer), pi / 2 from +x.
    """

    title: str
    source: np.ndarray
    source_parents: np.ndarray
    joints: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    azimuth: float


def motion_sheet(motions: Sequence[MotionCompared], path: str | os.PathLike[str], columns: int = 1) -> np.ndarray:
    """Draws motions and writes the sheet to `path`; each moment is a triple in one view, at one scale.

    Returns:
        (H, W, 3) uint8 RGB, what was written.
    """
    if not motions or columns < 1:
        raise InputError(f"a sheet needs motions and columns, not {len(motions)} and {columns}")
    strips = [_strip(motion) for motion in motions]
    height, width = strips[0].shape[0] + _GAP, max(s.shape[1] for s in strips) + _GAP
    rows = -(-len(strips) // columns)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), 255, np.uint8)
    for k, strip in enumerate(strips):
        raster.paste(sheet, strip, _GAP + (k % columns) * width, _GAP + (k // columns) * height)
    write_image(path, sheet)
    return sheet


def _strip(motion: MotionCompared) -> np.ndarray:
    width, height = _CELL
    moments = len(motion.joints)
    strip = np.full((_TITLE + height, moments * (3 * width + _GAP), 3), 255, np.uint8)
    raster.text(strip, (2, _TITLE / 2), motion.title, 11, _INK, anchor="lm")
    turn = _view(motion.azimuth)
    span = max(float(np.ptp(v @ turn.T, axis=0)[:2].max()) for v in (*motion.source, *motion.joints, *motion.vertices))
    scale = (height - 2 * _MARGIN) / max(span, 1e-6)
    for m in range(moments):
        left = m * (3 * width + _GAP)
        raster.box(strip, (left, _TITLE, left + 3 * width - 1, _TITLE + height - 1), _FAINT, stroke=1.0, corner=3)
        middle = motion.joints[m].mean(0)
        floor = min(float(motion.source[m][:, 1].min()), float(motion.joints[m][:, 1].min()))
        cells = [strip[_TITLE:, left + k * width : left + (k + 1) * width] for k in range(3)]
        place = _Place(turn, scale, middle, floor)
        _sticks(cells[0], place(motion.source[m]), motion.source_parents, [_SOURCE] * len(motion.source_parents), 1.2)
        thin = [0.6 if name.startswith(_HAND) else 1.5 for name in ANNY.names]
        _sticks(cells[1], place(motion.joints[m]), PARENTS, [j.color for j in ANNY.joints], thin)
        own = motion.vertices[m]
        body = _Place(turn, scale, own.mean(0), float(own[:, 1].min()))
        _shade(cells[2], body(own), own @ turn.T, motion.faces)
    return strip


def _view(azimuth: float) -> np.ndarray:
    """Rows: the picture's right, up, and towards the viewer, in the world."""
    c, s = np.cos(azimuth), np.sin(azimuth)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])


@dataclass(frozen=True, eq=False)
class _Place:
    turn: np.ndarray
    scale: float
    middle: np.ndarray
    floor: float

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 3) of world points: right, down, and nearness."""
        seen = (points - self.middle) @ self.turn.T * self.scale
        up = (points[..., 1] - self.floor) * self.scale
        return np.stack([_CELL[0] / 2 + seen[..., 0], _CELL[1] - _MARGIN - up, seen[..., 2]], axis=-1)


def _sticks(
    cell: np.ndarray,
    pixels: np.ndarray,
    parents: np.ndarray,
    colors: Sequence[tuple[int, int, int]],
    radii: float | Sequence[float],
) -> None:
    bones = [(j, int(p)) for j, p in enumerate(parents) if p >= 0]
    for j, p in sorted(bones, key=lambda bone: pixels[bone[0], 2] + pixels[bone[1], 2]):
        radius = radii if isinstance(radii, float) else radii[j]
        raster.capsule(cell, pixels[p, :2], pixels[j, :2], (radius, radius), colors[j])


def _shade(cell: np.ndarray, pixels: np.ndarray, seen: np.ndarray, faces: np.ndarray) -> None:
    """The mesh by its triangles' corners and middles, nearest last: dense enough for a figure of this size."""
    a, b, c = (seen[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    front = normals[:, 2] > 0
    tone = (70 + 170 * np.clip(normals @ _LIGHT, 0, 1))[front]
    corners = pixels[faces[front]]
    weights = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 0.5], [2, 0.5, 2], [0.5, 2, 2]])
    points = np.einsum("kc,fcd->kfd", weights / weights.sum(1, keepdims=True), corners)
    order = np.argsort(points[..., 2], axis=None)
    x, y = (np.rint(points[..., k].ravel()[order]).astype(int) for k in range(2))
    tones = np.tile(tone, len(weights))[order].astype(np.uint8)
    inside = (x >= 0) & (x < cell.shape[1]) & (y >= 0) & (y < cell.shape[0])
    cell[y[inside], x[inside]] = tones[inside, None]
