"""Hair and hats as shells on the head: caps, long hair, buns and tails, brims."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anchorpose.learn.synthesis.body_fields import Landmarks, loose_pieces
from anchorpose.learn.synthesis.gl.scene import Material, Mesh, Topology
from anchorpose.learn.synthesis.gl.shapes import sphere
from anchorpose.learn.synthesis.looks import HairLook
from anchorpose.learn.synthesis.shells import Shell, bound, grid_faces, ray_hits
from anchorpose.poses.body import BodyModel

_COLUMNS = 25
_HEAD_ROWS = (0.055, 0.03, 0.0, -0.03)
_FALLING_ROWS = 7
_BRIM_COLUMNS = 36
_BALL_RADIUS = 0.035


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """Where a posed head is: columns of `axes` are its left, up, forward; `size` is 1 for the mean head."""

    axes: np.ndarray
    size: float


@dataclass(frozen=True, eq=False)
class Hair:
    """All head wear of one body model, bound to its vertices.

    Attributes:
        cap: the scalp; hat: the head above the line of a hat; their 4th field is the height above their edge [m].
        long: a curtain from temple to temple around the back; down: 0 on the head, 0..1 where it falls.
        brim: a ring at the hat's line; down: 0 inner to 1 outer edge; `brim_ways` its directions in the head's frame.
        ball: a ball for buns and tails; back: the vertex behind which it sits.
        ears, crown: vertices that span the head's frame; width: between the ears of the mean body [m].
    """

    cap: Shell
    hat: Shell
    long: Shell
    brim: Shell
    brim_ways: np.ndarray
    ball: Topology
    back: int
    ears: tuple[int, int]
    crown: int
    width: float

    def frame(self, vertices: np.ndarray) -> HeadFrame:
        left, right = vertices[list(self.ears)]
        x = left - right
        width = float(np.linalg.norm(x))
        x = x / max(width, 1e-9)
        y = vertices[self.crown] - (left + right) / 2
        y = y - (y @ x) * x
        y = y / max(float(np.linalg.norm(y)), 1e-9)
        # A rotation also in the camera frame, which is right-handed too: left x up = forward.
        return HeadFrame(np.stack([x, y, np.cross(x, y)], 1), width / self.width)

    def meshes(self, look: HairLook, vertices: np.ndarray, normals: np.ndarray, instance: int) -> list[Mesh]:
        """The head wear of a posed body in the camera frame."""
        frame = self.frame(vertices)
        size = frame.size
        out: list[tuple[Topology, np.ndarray, Material]] = []
        if look.thickness > 0:
            offsets = look.thickness * np.clip((self.cap.down + 0.008) / 0.03, 0.05, 1)
            out.append((self.cap.topology, self.cap.place(vertices, normals, size * offsets), look.material))
        if look.fall > 0:
            out.append((self.long.topology, self._falling(look, vertices, normals, frame), look.material))
        if look.knot != "none":
            place = self._knot(look, vertices, frame)
            out.append((self.ball, place, look.material))
        if look.hat_material is not None:
            offsets = look.hat_height * np.clip(self.hat.down / 0.05, 0, 1) + look.thickness + 0.006
            out.append((self.hat.topology, self.hat.place(vertices, normals, size * offsets), look.hat_material))
            if look.brim > 0:
                out.append((self.brim.topology, self._brim(look, vertices, normals, frame), look.hat_material))
        return [
            Mesh(
                topology,
                place.astype(np.float32),
                _untrimmed(material, topology is self.ball),
                instance,
                two_sided=True,
            )
            for topology, place, material in out
        ]

    def _falling(self, look: HairLook, vertices: np.ndarray, normals: np.ndarray, frame: HeadFrame) -> np.ndarray:
        down = self.long.down
        place = self.long.place(vertices, normals, np.full(len(down), frame.size * (look.thickness + 0.004)))
        fall = np.stack([np.zeros_like(down), -down * look.fall, -0.12 * down * look.fall], 1)
        return place + frame.size * fall @ frame.axes.T

    def _knot(self, look: HairLook, vertices: np.ndarray, frame: HeadFrame) -> np.ndarray:
        radii, middle = ((0.033, 0.033, 0.028), (0, 0.045, -0.03)) if look.knot == "bun" else (
            (0.028, 0.10, 0.024), (0, -0.05, -0.03)
        )  # fmt: skip
        local = self.ball.rest / _BALL_RADIUS * np.asarray(radii) + np.asarray(middle)
        return vertices[self.back] + frame.size * local @ frame.axes.T

    def _brim(self, look: HairLook, vertices: np.ndarray, normals: np.ndarray, frame: HeadFrame) -> np.ndarray:
        down, ways = self.brim.down, self.brim_ways
        place = self.brim.place(vertices, normals, np.full(len(down), frame.size * (look.thickness + 0.007)))
        reach = np.full(len(down), look.brim) if look.brim_round else look.brim * np.clip(ways[:, 2] * 2 - 0.9, 0, 1)
        out = (down * reach)[:, None] * ways
        out[:, 1] -= 0.35 * down * reach
        return place + frame.size * out @ frame.axes.T


def _untrimmed(material: Material, whole: bool) -> Material:
    """A ball has no hairline to be trimmed at."""
    return replace(material, trim=None) if whole else material


def make_hair(body: BodyModel, marks: Landmarks, scalp: np.ndarray, parts: np.ndarray) -> Hair:
    """Cut the head wear of a body; `scalp` (V,) as in `body_fields.scalp_field`, `parts` (V,) labels."""
    v = body.vertices.astype(float)
    local = (v - marks.eyes) / marks.head_scale
    main = loose_pieces(body.faces, len(v)) == np.bincount(loose_pieces(body.faces, len(v))).argmax()
    head = main & (local[:, 1] > -0.12) & (np.abs(local[:, 0]) < 0.12)
    head_faces = body.faces[head[body.faces].all(1)]
    # A hat's line: over the brows in front, lower behind.
    line = np.interp(local[:, 2], [-0.14, 0.03], [-0.01, 0.042])
    ears = [int(np.argmax(np.where(head, sign * v[:, 0], -9))) for sign in (1, -1)]
    middle = head & (np.abs(local[:, 0]) < 0.01)
    brim, brim_ways = _brim_shell(v, head_faces, marks, parts)
    return Hair(
        _part_of_head(v, body.faces, scalp, -0.012, parts),
        _part_of_head(v, body.faces, np.where(head, local[:, 1] - line, -1), -0.004, parts),
        _long_shell(v, head_faces, marks, parts),
        brim,
        brim_ways,
        _ball(),
        int(np.argmin(np.where(middle & (local[:, 1] > -0.02) & (local[:, 1] < 0.03), local[:, 2], 9))),
        (ears[0], ears[1]),
        int(np.argmax(np.where(middle, local[:, 1], -9))),
        float(v[ears[0], 0] - v[ears[1], 0]),
    )


def _ball() -> Topology:
    ball = sphere(10, 14)
    return Topology.of(ball.faces, 2 * _BALL_RADIUS * ball.rest)


def _part_of_head(v: np.ndarray, faces: np.ndarray, field: np.ndarray, edge: float, parts: np.ndarray) -> Shell:
    chosen = faces[(field[faces] > edge).all(1)]
    used, renumbered = np.unique(chosen, return_inverse=True)
    return bound(v, used[:, None], np.ones((len(used), 1)), field[used], renumbered.reshape(-1, 3), parts)


def _head_ring(
    v: np.ndarray, faces: np.ndarray, marks: Landmarks, angles: np.ndarray, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where rays from the head's middle, at angles (R, C) from the front and heights (R, C), leave it."""
    rise = (heights - heights.mean(1, keepdims=True)) / 0.09
    ways = np.stack([np.sin(angles), rise, np.cos(angles)], -1)
    hits = []
    for k, height in enumerate(heights.mean(1)):
        hits.append(ray_hits(marks.eyes + marks.head_scale * np.array([0, height, -0.055]), ways[k], v, faces))
    sources, weights = (np.concatenate([hit[k] for hit in hits]) for k in (0, 1))
    return sources, weights, ways.reshape(-1, 3)


def _long_shell(v: np.ndarray, faces: np.ndarray, marks: Landmarks, parts: np.ndarray) -> Shell:
    angles = np.radians(np.linspace(62, 298, _COLUMNS))
    rows = len(_HEAD_ROWS) + _FALLING_ROWS
    heights = np.array([*_HEAD_ROWS, *[_HEAD_ROWS[-1]] * _FALLING_ROWS])
    sources, weights, _ = _head_ring(
        v, faces, marks, np.tile(angles, (rows, 1)), np.repeat(heights[:, None], _COLUMNS, 1)
    )
    down = np.repeat([*[0.0] * len(_HEAD_ROWS), *np.linspace(0, 1, _FALLING_ROWS + 1)[1:]], _COLUMNS)
    shell = bound(v, sources, weights, down, grid_faces(rows, _COLUMNS, closed=False), parts)
    topology = shell.topology
    rest = topology.rest - np.stack([0 * down, 0.3 * down, 0 * down], 1)
    # Never trimmed by the hairline.
    fields = np.where(np.arange(4) == 3, 1.0, topology.fields)
    return Shell(Topology.of(topology.faces, rest, topology.parts, fields), shell.sources, shell.weights, shell.down)


def _brim_shell(v: np.ndarray, faces: np.ndarray, marks: Landmarks, parts: np.ndarray) -> tuple[Shell, np.ndarray]:
    angles = np.tile(np.linspace(0, 2 * np.pi, _BRIM_COLUMNS, endpoint=False), (3, 1))
    # A tilted plane, 0.09 m before and behind the middle.
    heights = 0.0185 + 0.0235 * np.cos(angles)
    sources, weights, ways = _head_ring(v, faces, marks, angles, heights)
    down = np.repeat([0.0, 0.5, 1.0], _BRIM_COLUMNS)
    shell = bound(v, sources, weights, down, grid_faces(3, _BRIM_COLUMNS), parts)
    rest = shell.topology.rest + 0.1 * down[:, None] * ways
    fields = np.where(np.arange(4) == 3, 1.0, shell.topology.fields)
    topology = Topology.of(shell.topology.faces, rest, shell.topology.parts, fields)
    return Shell(topology, shell.sources, shell.weights, shell.down), ways
