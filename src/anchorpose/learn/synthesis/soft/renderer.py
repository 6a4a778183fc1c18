"""The renderer without OpenGL: shadow map, visibility at twice the size, one colour for every surface of a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anchorpose.learn.synthesis.gl.geometry import NEAR, corners, light_from_camera
from anchorpose.learn.synthesis.gl.ground import sized
from anchorpose.learn.synthesis.gl.materials import pack_material
from anchorpose.learn.synthesis.gl.scene import (
    FACE_BITS,
    SHADOW_BIAS,
    GLScene,
    Mesh,
    Rendered,
    TextureBank,
    check_renderer,
    check_scene,
    plain_bank,
)
from anchorpose.learn.synthesis.soft import raster
from anchorpose.learn.synthesis.soft.cloth import stuff_at
from anchorpose.learn.synthesis.soft.ground import darken
from anchorpose.learn.synthesis.soft.lighting import Shadows, lighted
from anchorpose.learn.synthesis.soft.points import POSITION, Points, blend, find_points, label_pixels
from anchorpose.learn.synthesis.soft.store import Store, Stored
from anchorpose.learn.synthesis.soft.textures import read_textures
from anchorpose.poses.cameras import Camera


class SoftRenderer:
    """Draws scenes of one size on a processor; the same arguments and methods as `gl.renderer.Renderer`.

    Args:
        width, height: of the image [px].
        bank: textures that surfaces name by layer; None for one white layer.
        oversampling: edges are smoothed over so many by so many points of a pixel.
        shadow_size: side of the shadow map [px].
    """

    def __init__(
        self,
        width: int,
        height: int,
        bank: TextureBank | None = None,
        *,
        oversampling: int = 2,
        shadow_size: int = 256,
    ) -> None:
        check_renderer(width, height, oversampling)
        self.size = (width, height)
        self.bank = bank or plain_bank()
        self._over = oversampling
        self._textures = read_textures(self.bank)
        self._store = Store()
        large = (height * oversampling, width * oversampling)
        self._value, self._seen = np.zeros(large, np.float32), np.zeros(large, np.int32)
        self._map = np.zeros((shadow_size, shadow_size), np.float32)
        self._in_sun = np.zeros((shadow_size, shadow_size), np.int32)

    def close(self) -> None:
        """Nothing is held that has to be given back."""

    def render(self, scene: GLScene) -> Rendered:
        """Draw one scene.

        Raises:
            InputError: the camera is of another size or has lens distortion, the background is no RGB image, or there
                are too many meshes.
        """
        check_scene(scene, self.size)
        self._store.forget_many()
        boxes = [corners(mesh.vertices) for mesh in scene.meshes]
        shown = [(mesh, box) for mesh, box in zip(scene.meshes, boxes, strict=True) if box[:, 2].max() > NEAR]
        photo = np.array(sized(scene.background, self.size))
        width, height = self.size
        depth = np.full((height, width), np.inf, np.float32)
        parts, instances = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
        if not shown:
            return Rendered(photo, depth, parts, instances)
        cast = _Cast([mesh for mesh, _ in shown], [self._store[mesh.topology] for mesh, _ in shown])
        shadows, width_of_sun = self._shadows(scene, cast, [box for mesh, box in shown if mesh.shadow])
        if scene.ground is not None and width_of_sun:
            softness = scene.lights.sun.softness / width_of_sun
            darken(photo, self._in_sun > 0, scene.camera, scene.ground, shadows.matrix, softness)
        points, table = self._points(scene.camera, cast)
        blocks = np.stack([pack_material(mesh.material, mesh.instance) for mesh in cast.meshes])
        stuff = stuff_at(points, blocks, self._textures, scene.camera.fx)
        color = lighted(points, stuff, scene.lights, shadows)
        blend(points.row, points.column, points.weight, color, photo)
        where = points.row, points.column, points.label, points.mesh, points.corner, points.at[:, POSITION + 2]
        label_pixels(*where, table, self._store.parts, depth, parts, instances)
        return Rendered(photo, depth, parts, instances)

    def _table(self, cast: _Cast, coarse: bool) -> np.ndarray:
        """(M, 7) the table of `raster`."""
        rows, first = [], 0
        for mesh, where in zip(cast.meshes, cast.stored, strict=True):
            face, count = where.coarse if coarse else (where.face, len(mesh.topology.faces))
            flags = raster.TWO_SIDED * (mesh.two_sided or coarse) + raster.TRIMMED * (mesh.material.trim is not None)
            layer = self._textures.layer(mesh.material.surfaces[0].texture)
            pierced = mesh.material.holes == "pierced" and self._textures.pierced[layer]
            count = 0 if coarse and not mesh.shadow else count
            rows.append((first, where.vertex, face, count, flags, layer if pierced else -1, mesh.instance))
            first += len(mesh.vertices)
        return np.array(rows, np.int64)

    def _shadows(self, scene: GLScene, cast: _Cast, boxes: Sequence[np.ndarray]) -> tuple[Shadows, float]:
        """What the sun sees, and how wide its view is [m]; 0 where nothing casts a shadow."""
        side = len(self._map)
        points = np.concatenate(boxes) if boxes else np.zeros((1, 3))
        matrix, width = light_from_camera(scene.lights.sun.direction, points)
        depth = 2 / float(np.linalg.norm(matrix[2, :3]))
        # From -1..1 to samples; nearness is 1 before everything and above 0 wherever something is.
        to_map = np.stack([matrix[0], matrix[1], -matrix[2]]) * np.array([[side / 2], [side / 2], [0.5]])
        to_map[:, 3] += (side / 2 - 0.5, side / 2 - 0.5, 0.5)
        seen_from = cast.vertices @ to_map[:, :3].T.astype(np.float32) + to_map[:, 3].astype(np.float32)
        self._fill(cast, seen_from, self._store.coarse, self._map, self._in_sun, coarse=True)
        softness = max(scene.lights.sun.softness / width * side, 0.8)
        shadows = Shadows(to_map, self._map, softness, SHADOW_BIAS / depth)
        return shadows, width if boxes else 0.0

    def _points(self, camera: Camera, cast: _Cast) -> tuple[Points, np.ndarray]:
        """The surfaces that the image shows, and the table of the meshes."""
        centre = self._over / 2 - 0.5  # samples lie evenly in a pixel, whose middle is a whole number
        lens = np.array([camera.fx, camera.fy, camera.cx, camera.cy]) * self._over + (0, 0, centre, centre)
        fx, fy, cx, cy = lens.astype(np.float32)
        x, y, z = cast.vertices.T
        value = np.where(z < NEAR, np.float32(-1), 1 / np.maximum(z, np.float32(NEAR)))
        on_grid = np.stack([x * value * fx + cx, y * value * fy + cy, value], 1)
        table, box = self._fill(cast, on_grid, self._store.faces, self._value, self._seen, coarse=False, lens=lens)
        plain = camera.fx, camera.fy, camera.cx, camera.cy
        grid = self._seen, self._value, box, self.size, plain
        return find_points(*grid, table, cast.vertices, cast.normals(), self._store), table

    def _fill(
        self, cast: _Cast, points: np.ndarray, faces: np.ndarray, value: np.ndarray, seen: np.ndarray, *,
        coarse: bool, lens: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[int, int, int, int]]:  # fmt: skip
        """Fills a grid with a scene whose vertices have the places `points` (V, 3) on it; the table of its meshes, and
        the box of what is filled."""
        value.fill(0)
        seen.fill(0)
        table = self._table(cast, coarse)
        trims = np.array([mesh.material.trim or (0.0, 0.0, 0.0) for mesh in cast.meshes])
        height, width = value.shape
        room = int(table[:, raster.FACES].sum())
        triangles, about = np.empty((room, raster.CORNERS), np.float32), np.empty((room, 3), np.int64)
        store = self._store
        count = raster.place(table, trims, points, faces, store.fixed, width, height, triangles, about)
        triangles, about = triangles[:count], about[:count]
        if lens is not None and points[:, 2].min() < 0:
            triangles, about = _cut(cast, store, table, triangles, about, lens)
        layers = np.ascontiguousarray(table[:, raster.LAYER])
        return table, raster.fill(triangles, about, trims, layers, self._textures.alpha, coarse, value, seen)


class _Cast:
    """The meshes of a scene that reach before the camera, where they are kept, and their vertices (V, 3)."""

    def __init__(self, meshes: Sequence[Mesh], stored: Sequence[Stored]) -> None:
        self.meshes, self.stored = meshes, stored
        self.vertices = np.concatenate([mesh.vertices for mesh in meshes]).astype(np.float32, copy=False)

    def normals(self) -> np.ndarray:
        """(V, 3) at the vertices."""
        found = [
            where.normals(np.asarray(mesh.vertices, np.float32)) if mesh.normals is None else mesh.normals
            for mesh, where in zip(self.meshes, self.stored, strict=True)
        ]
        return np.concatenate(found).astype(np.float32, copy=False)


def _cut(
    cast: _Cast, store: Store, table: np.ndarray, triangles: np.ndarray, about: np.ndarray, lens: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """With the triangles that the near plane cuts replaced by what of them lies before it."""
    cut = about[:, 2] < 0
    if not cut.any():
        return triangles, about
    whole, mesh = about[~cut], about[cut, 0]
    face = store.faces[table[mesh, raster.FACE] + (about[cut, 1] & ((1 << FACE_BITS) - 1))]
    corners = cast.vertices[table[mesh, raster.FIRST][:, None] + face]  # (T, 3, 3)
    fields = triangles[cut].reshape(-1, 3, 5)[..., 3:]
    parts, source = raster.before(np.concatenate([corners, fields], 2).transpose(2, 1, 0).astype(float))
    value = 1 / parts[2]
    x, y = parts[0] * value * lens[0] + lens[2], parts[1] * value * lens[1] + lens[3]
    turned = (x[1] - x[0]) * (y[2] - y[0]) < (x[2] - x[0]) * (y[1] - y[0])
    shown = turned | ((table[mesh[source], raster.FLAGS] & raster.TWO_SIDED) > 0)
    new = np.stack([x, y, value, parts[3], parts[4]], 2).transpose(1, 0, 2)[shown].reshape(-1, raster.CORNERS)
    rows = about[cut][source][shown]
    rows[:, 2] = -1 - rows[:, 2]
    return np.concatenate([triangles[~cut], new.astype(np.float32)]), np.concatenate([whole, rows])
