"""Meshes on the graphics side: what never changes is uploaded once, positions and normals per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorpose.learn.synthesis.gl.geometry import NEAR, VertexNormals, clusters, coarse_faces, corners
from anchorpose.learn.synthesis.gl.materials import BLOCK_VECTORS, pack_material
from anchorpose.learn.synthesis.gl.scene import NO_FIELD, Mesh, Topology

DATA_WIDTH = 2048
"""Texels in a row of the data textures."""

_KEPT_TOPOLOGIES = 512
_COARSE_CELL = 0.04
_COARSE_FROM = 2000


@dataclass(eq=False)
class Stored:
    """Where a topology lies in the arena; its index buffers, and vertex arrays by program and level of detail."""

    topology: Topology
    first_vertex: int
    first_face: int
    indices: tuple[Any, Any]
    normals: VertexNormals
    arrays: dict[tuple[int, bool], Any]


@dataclass(frozen=True)
class Placed:
    """A mesh of the scene in the arena: number, first position, and the corners (8, 3) of the box around it."""

    mesh: Mesh
    stored: Stored
    number: int
    first_position: int
    box: np.ndarray

    @property
    def record(self) -> tuple[int, int, int, int]:
        """The `mesh` uniform of the geometry programs."""
        return (self.number, self.first_position, self.stored.first_vertex, self.mesh.material.surfaces[0].texture)


class DataTexture:
    """A growing array of vec4 in a texture."""

    def __init__(self, context: Any, width: int) -> None:
        self._context, self._width = context, width
        self._rows = np.zeros((1, width, 4), np.float32)
        self.texture: Any = None

    def room(self, count: int) -> np.ndarray:
        """(count, 4) to fill before `send(count)`; its content is kept from call to call."""
        needed = -(-count // self._width)
        if needed > len(self._rows):
            grown = np.zeros((needed * 3 // 2 + 1, self._width, 4), np.float32)
            grown[: len(self._rows)] = self._rows
            self._rows = grown
        return self._rows.reshape(-1, 4)[:count]

    def send(self, count: int) -> None:
        rows = len(self._rows)
        if self.texture is None or self.texture.height != rows:
            if self.texture is not None:
                self.texture.release()
            self.texture = self._context.texture((self._width, rows), 4, dtype="f4")
            self.texture.filter = (self._context.NEAREST, self._context.NEAREST)
        used = max(1, -(-count // self._width))
        self.texture.write(self._rows[:used], viewport=(0, 0, self._width, used))


class Arena:
    """All topologies that a context has seen, and the positions of the scene at hand."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.placed = DataTexture(context, DATA_WIDTH)
        self.materials = DataTexture(context, BLOCK_VECTORS)
        self.fixed = DataTexture(context, DATA_WIDTH)
        self.faces = DataTexture(context, DATA_WIDTH)
        self._stored: dict[int, Stored] = {}
        self._vertices = self._triangles = 0

    def _forget(self) -> None:
        """Release all topologies. Never left to the garbage collector, which does not know whose context is current."""
        for stored in self._stored.values():
            for one in (*stored.arrays.values(), *dict.fromkeys(stored.indices)):
                one.release()
        for data in (self.fixed, self.faces):
            if data.texture is not None:
                data.texture.release()
        self._stored = {}
        self._vertices = self._triangles = 0
        self.fixed = DataTexture(self._context, DATA_WIDTH)
        self.faces = DataTexture(self._context, DATA_WIDTH)

    def upload(self, meshes: Sequence[Mesh]) -> list[Placed]:
        """Upload those of a scene's meshes that reach before the camera."""
        boxes = [corners(m.vertices) for m in meshes]
        before = [k for k, box in enumerate(boxes) if box[:, 2].max() > NEAR]
        meshes, boxes = [meshes[k] for k in before], [boxes[k] for k in before]
        if len(self._stored) > _KEPT_TOPOLOGIES:
            self._forget()
        new = {id(m.topology): m.topology for m in meshes if id(m.topology) not in self._stored}
        for topology in new.values():
            self._store(topology)
        if new or self.fixed.texture is None:
            self.fixed.send(2 * self._vertices)
            self.faces.send(self._triangles)
        out, first = [], 0
        for number, (mesh, box) in enumerate(zip(meshes, boxes, strict=True)):
            out.append(Placed(mesh, self._stored[id(mesh.topology)], number, first, box))
            first += len(mesh.vertices)
        positions = self.placed.room(max(first, 1))
        materials = self.materials.room(max(len(meshes), 1) * BLOCK_VECTORS)
        for one in out:
            mesh, start = one.mesh, one.first_position
            target = positions[start : start + len(mesh.vertices)]
            target[:, :3] = mesh.vertices
            normals = mesh.normals
            if normals is None:
                normals = one.stored.normals(target[:, :3])
            target[:, 3] = packed_normals(normals)
            block = materials[one.number * BLOCK_VECTORS : (one.number + 1) * BLOCK_VECTORS]
            block[:] = pack_material(mesh.material, mesh.instance)
            block[43] = one.stored.first_face, start, one.stored.first_vertex, 0
        self.placed.send(first)
        self.materials.send(len(materials))
        return out

    @property
    def textures(self) -> dict[str, Any]:
        """The data by the shaders' names of it."""
        return {
            "placed": self.placed.texture, "fixed_data": self.fixed.texture, "faces": self.faces.texture,
            "stuff_data": self.materials.texture,
        }  # fmt: skip

    def array(self, placed: Placed, program: Any, coarse: bool) -> Any:
        """The vertex array of a mesh's topology for a program; it has no attributes, the shader reads the textures."""
        stored = placed.stored
        key = (program.glo, coarse)
        if key not in stored.arrays:
            stored.arrays[key] = self._context.vertex_array(program, [], stored.indices[coarse], index_element_size=4)
        return stored.arrays[key]

    def _store(self, topology: Topology) -> None:
        index = self._context.buffer(topology.faces)
        coarse = index
        if len(topology.faces) > _COARSE_FROM:
            coarse = self._context.buffer(coarse_faces(topology.faces, clusters(topology.rest, _COARSE_CELL)))
        normals = VertexNormals(topology.faces, len(topology.rest))
        vertex, face = self._vertices, self._triangles
        self._stored[id(topology)] = Stored(topology, vertex, face, (index, coarse), normals, {})
        self._vertices += len(topology.rest)
        self._triangles += len(topology.faces)
        _fill_fixed(self.fixed.room(2 * self._vertices)[2 * vertex :], topology)
        triangles = self.faces.room(self._triangles)[face:]
        triangles[:, :3] = topology.faces
        triangles[:, 3] = topology.parts[topology.faces[:, 2]]


def _fill_fixed(out: np.ndarray, topology: Topology) -> None:
    """Two vec4 a vertex: rest position and paint in 4 x 6 bits; fields, or uv in y and z where it has no fields."""
    out[::2, :3] = topology.rest
    out[::2, 3] = (topology.paint >> 2) @ np.array([1, 1 << 6, 1 << 12, 1 << 18], np.float32)
    out[1::2] = topology.fields
    if (topology.fields[:, 1:3] == NO_FIELD).all():
        out[1::2, 1:3] = topology.uv


def packed_normals(normals: np.ndarray) -> np.ndarray:
    """(N,) float32 that hold unit normals (N, 3) in 3 x 8 bits; integers below 2^24 are exact in float32."""
    steps = np.rint(normals * np.float32(127.5) + np.float32(127.5))
    return steps @ np.array([1, 256, 65536], np.float32)
