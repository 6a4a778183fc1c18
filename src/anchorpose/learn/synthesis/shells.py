"""Meshes that hang on a body: loose clothes, hair, hats.

Every vertex of a shell is a weighted mean of a few body vertices, moved outward along their normals and by an offset in
the head's frame. So it follows every shape and pose without bones of its own, and cannot fly apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.scene import Topology
from anchorpose.learn.synthesis.loops import loops


@dataclass(frozen=True, eq=False)
class Shell:
    """A mesh bound to a body.

    Attributes:
        topology: its triangles; `rest` are its places on the mean body, the 4th field is what `Material.trim` cuts by.
        sources: (N, K) body vertices; weights: (N, K) rows sum to 1.
        down: (N,) how far down the garment a vertex lies; offsets are functions of it.
    """

    topology: Topology
    sources: np.ndarray
    weights: np.ndarray
    down: np.ndarray

    def place(self, vertices: np.ndarray, normals: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """(N, 3) on a posed body: vertices (V, 3), unit normals (V, 3), offsets (N,) outward [m]."""
        at = loops().mean_rows(vertices, self.sources, self.weights)
        way = loops().mean_rows(normals, self.sources, self.weights)
        length = np.linalg.norm(way, axis=1, keepdims=True)
        return at + way * (offsets[:, None] / np.maximum(length, 0.3))


def ray_hits(
    origin: np.ndarray, ways: np.ndarray, vertices: np.ndarray, faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The farthest triangle that each ray hits, of rays in one plane from one origin.

    Moeller and Trumbore 1997. Returns (R, 3) vertex numbers, (R, 3) barycentric weights, (R,) distance, -1 for no hit.
    """
    axis = np.linalg.svd(ways)[2][2]  # normal of the rays' plane: only triangles that cross it matter
    side = (vertices[faces] - origin) @ axis
    faces = faces[(side.min(1) <= 0) & (side.max(1) >= 0)]
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    u, v = b - a, c - a
    p = np.cross(ways[:, None], v)  # (R, F, 3)
    det = (u * p).sum(-1)
    safe = np.where(np.abs(det) < 1e-14, 1e-14, det)
    s = origin - a
    q = np.cross(s, u)
    beta, gamma = (s * p).sum(-1) / safe, (ways @ q.T) / safe
    far = (v * q).sum(-1) / safe
    far = np.where((beta >= 0) & (gamma >= 0) & (beta + gamma <= 1) & (far > 0), far, -1.0)
    best = far.argmax(1)
    rows = np.arange(len(ways))
    beta, gamma, far = beta[rows, best], gamma[rows, best], far[rows, best]
    weights = np.stack([1 - beta - gamma, beta, gamma], 1)
    weights[far < 0] = 1.0, 0.0, 0.0
    return faces[best], weights, far


def grid_faces(rows: int, columns: int, closed: bool = True) -> np.ndarray:
    """(F, 3) triangles of a grid of vertices row by row, the columns running round a tube (counter-clockwise seen
    from above, rows downward, so that the outside is outside)."""
    width = columns if closed else columns - 1
    i, j = (k.ravel() for k in np.meshgrid(np.arange(rows - 1), np.arange(width), indexing="ij"))
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, c, d], 1), np.stack([a, d, b], 1)]).astype(np.int32)


def tube(
    vertices: np.ndarray, faces: np.ndarray, centres: np.ndarray, ways: np.ndarray, down: np.ndarray, parts: np.ndarray
) -> Shell:
    """A tube around part of the body: rays from `centres` (R, 3) along `ways` (R, C, 3), `down` (R,) per row.

    A ray that hits nothing takes the hit above it. `parts` (V,) are the body's labels, which the shell inherits.
    """
    rows, columns = ways.shape[:2]
    hits = [ray_hits(centres[k], ways[k], vertices, faces) for k in range(rows)]
    sources, weights, far = (np.concatenate(values) for values in zip(*hits, strict=True))
    for k in np.flatnonzero(far < 0):
        if k >= columns:
            sources[k], weights[k] = sources[k - columns], weights[k - columns]
    return bound(vertices, sources, weights, np.repeat(down, columns), grid_faces(rows, columns), parts)


def bound(
    vertices: np.ndarray,
    sources: np.ndarray,
    weights: np.ndarray,
    down: np.ndarray,
    faces: np.ndarray,
    parts: np.ndarray,
    first_field: np.ndarray | None = None,
) -> Shell:
    """A shell from its binding: the rest places and labels come from the body, the fields from `down`."""
    rest = (vertices[sources] * weights[..., None]).sum(1)
    fields = np.zeros((len(rest), 4), np.float32)
    fields[:, 3] = down
    if first_field is not None:
        fields[:, 0] = first_field
    labels = parts[sources[np.arange(len(sources)), weights.argmax(1)]]
    topology = Topology.of(faces, rest, labels, fields)
    return Shell(topology, sources.astype(np.int32), weights.astype(np.float32), np.asarray(down, np.float32))


def paired(left: Shell, right: Shell, share: np.ndarray, parts: np.ndarray, vertices: np.ndarray) -> Shell:
    """A tube around both legs: each vertex between its places on the left and the right one, `share` (N,) of the
    left; the two have the same grid."""
    s = share[:, None]
    sources = np.concatenate([left.sources, right.sources], 1)
    weights = np.concatenate([left.weights * s, right.weights * (1 - s)], 1)
    return bound(vertices, sources, weights, left.down, left.topology.faces, parts)


def stacked(upper: Shell, lower: Shell, columns: int, parts: np.ndarray, vertices: np.ndarray) -> Shell:
    """Two tubes of as many columns as one, the second below the first."""
    width = max(upper.sources.shape[1], lower.sources.shape[1])

    def wide(a: np.ndarray) -> np.ndarray:
        return np.pad(a, ((0, 0), (0, width - a.shape[1])))

    sources = np.concatenate([wide(upper.sources), wide(lower.sources)])
    weights = np.concatenate([wide(upper.weights), wide(lower.weights)])
    down = np.concatenate([upper.down, lower.down])
    angle = np.abs(np.linspace(0, 2, columns, endpoint=False) + 0.0)
    angle = np.minimum(angle, 2 - angle)  # 0 front, 1 back
    faces = grid_faces(len(down) // columns, columns)
    return bound(vertices, sources, weights, down, faces, parts, np.tile(angle, len(down) // columns))


def closed(shell: Shell, columns: int, ends: tuple[int, int], vertices: np.ndarray, parts: np.ndarray) -> Shell:
    """A tube with each of its two ends drawn together at a vertex of the body."""
    rows = len(shell.down) // columns
    width = shell.sources.shape[1]
    sources = np.concatenate([shell.sources, np.repeat(np.array(ends)[:, None], width, 1)])
    weights = np.concatenate([shell.weights, np.full((2, width), 1 / width)])
    down = np.concatenate([shell.down, shell.down[[0, -1]]])
    first, last = rows * columns, (rows - 1) * columns
    fans = []
    for k in range(columns):
        after = (k + 1) % columns
        fans += [[first, k, after], [first + 1, last + after, last + k]]
    faces = np.concatenate([shell.topology.faces, np.array(fans)]).astype(np.int32)
    return bound(vertices, sources, weights, down, faces, parts)


def joined(shells: Sequence[Shell], vertices: np.ndarray, parts: np.ndarray) -> Shell:
    """Several shells as one, such as those of the left and the right leg; they bind to as many vertices each."""
    faces, count = [], 0
    for shell in shells:
        faces.append(shell.topology.faces + count)
        count += len(shell.down)
    sources, weights, down = (
        np.concatenate([getattr(shell, name) for shell in shells]) for name in ("sources", "weights", "down")
    )
    return bound(vertices, sources, weights, down, np.concatenate(faces), parts)
