"""What never changes of the meshes, kept in a few long arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.geometry import VertexNormals, clusters, coarse_faces
from anchorpose.learn.synthesis.gl.scene import NO_FIELD, Topology

FIXED, FIELDS = 11, 3
"""Numbers of a vertex that never change, and the first of its fields among them."""

_KEPT_TOPOLOGIES = 512
_COARSE_CELL = 0.04
_COARSE_FROM = 2000


@dataclass(frozen=True, eq=False)
class Stored:
    """A topology, and where its vertices, its triangles and its fewer triangles for shadows lie in the arrays."""

    topology: Topology
    vertex: int
    face: int
    coarse: tuple[int, int]
    normals: VertexNormals


class Store:
    """All topologies seen so far.

    Attributes:
        fixed: (V, 11) float32, of each vertex rest (3), fields (4), in whose columns 1 and 2 a mesh without fields has
            its uv, and paint (4), 0 to 1. parts: (V,) uint8; faces, coarse: (F, 3) int32.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._stored: dict[int, Stored] = {}
        self.fixed = np.zeros((0, FIXED), np.float32)
        self.parts = np.zeros(0, np.uint8)
        self.faces, self.coarse = np.zeros((0, 3), np.int32), np.zeros((0, 3), np.int32)

    def forget_many(self) -> None:
        """Forget all topologies if there are too many of them; to be called between scenes."""
        if len(self._stored) > _KEPT_TOPOLOGIES:
            self._forget()

    def __getitem__(self, topology: Topology) -> Stored:
        found = self._stored.get(id(topology))
        return found or self._add(topology)

    def _add(self, topology: Topology) -> Stored:
        fields = topology.fields
        if (fields[:, 1:3] == NO_FIELD).all():
            fields = np.column_stack([fields[:, 0], topology.uv, fields[:, 3]])
        faces = coarse = topology.faces
        if len(faces) > _COARSE_FROM:
            coarse = coarse_faces(faces, clusters(topology.rest, _COARSE_CELL))
        normals = VertexNormals(faces, len(topology.rest))
        out = Stored(topology, len(self.fixed), len(self.faces), (len(self.coarse), len(coarse)), normals)
        fixed = np.column_stack([topology.rest, fields, topology.paint.astype(np.float32) / 255])
        self.fixed = np.concatenate([self.fixed, fixed.astype(np.float32)])
        self.parts = np.concatenate([self.parts, topology.parts])
        self.faces, self.coarse = np.concatenate([self.faces, faces]), np.concatenate([self.coarse, coarse])
        self._stored[id(topology)] = out
        return out
