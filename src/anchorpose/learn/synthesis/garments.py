"""A body's wardrobe: its own paintable surface, loose clothes, hair and hats as meshes; and dressing a posed body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.body_fields import (
    Landmarks,
    bone_weights,
    face_paint,
    garment_fields,
    landmarks,
    loose_pieces,
)
from anchorpose.learn.synthesis.gl.geometry import VertexNormals, clusters, coarse_faces
from anchorpose.learn.synthesis.gl.materials import thickness
from anchorpose.learn.synthesis.gl.scene import Mesh, Topology
from anchorpose.learn.synthesis.hair import Hair, make_hair
from anchorpose.learn.synthesis.looks import Look
from anchorpose.learn.synthesis.shells import Shell, bound, closed, grid_faces, joined, paired, stacked, tube
from anchorpose.poses.body import BodyModel
from anchorpose.poses.cameras import Camera

LEVELS = ((0.0, 0.0), (0.0125, 0.002), (0.021, 0.004), (0.030, 0.008))
"""Of each level of detail: side of the cells whose vertices become one [m], pixel size [m] from which it is used."""

_COLUMNS = 32
_LEG_COLUMNS = 20
_ARM_COLUMNS = 14


@dataclass(frozen=True, eq=False)
class Level:
    """The body at one level of detail.

    Attributes:
        topology: its mesh.
        keep: (W,) the body's vertices that it has.
        stand_in: (V,) for each vertex of the body the number in `keep` of the one that stands for it.
        normals: makes its vertex normals.
    """

    topology: Topology
    keep: np.ndarray
    stand_in: np.ndarray
    normals: VertexNormals


@dataclass(frozen=True, eq=False)
class Wardrobe:
    """What bodies of one model can wear; make it once.

    Attributes:
        body: the painted body, from fine to coarse.
        robe: around trunk and both legs; down: 0 under the arms, 1 waist, 2 crotch, 3 knees, 4 ankles.
        legs, sleeves: tubes around the single limbs; down as in `Cuts` (0 hip or shoulder, 1, 2).
        shoes: around the feet, which hide the toes; down: 0 heel to 1 tip.
        hair: caps, long hair, hats.
        shin: vertices near the knees and ankles, and the length of the mean body's shins [m].
    """

    body: tuple[Level, ...]
    robe: Shell
    legs: Shell
    sleeves: Shell
    shoes: Shell
    hair: Hair
    shin: tuple[np.ndarray, float]


def make_wardrobe(body: BodyModel) -> Wardrobe:
    """Measure a body and cut its clothes."""
    marks = landmarks(body)
    fields = garment_fields(body, marks)
    parts = (body.vertex_regions + 1).astype(np.uint8)
    paint = face_paint(body, marks)
    shin = np.array(
        [[np.linalg.norm(body.vertices - marks.legs[side][k], axis=1).argmin() for k in (1, 2)] for side in "LR"]
    )
    return Wardrobe(
        tuple(_level(body, cell, parts, fields, paint) for cell, _ in LEVELS),
        _robe(body, marks, parts),
        joined([_leg(body, marks, parts, side) for side in "LR"], body.vertices, parts),
        joined([_sleeve(body, marks, parts, side) for side in "LR"], body.vertices, parts),
        joined([_shoe(body, marks, parts, side) for side in "LR"], body.vertices, parts),
        make_hair(body, marks, fields[:, 3], parts),
        (shin, _shin_length(body.vertices, shin)),
    )


def _level(body: BodyModel, cell: float, parts: np.ndarray, fields: np.ndarray, paint: np.ndarray) -> Level:
    count = len(body.vertices)
    chosen = np.arange(count)
    faces = body.faces
    if cell > 0:
        # Heads and hands are seen more closely than backs.
        fine = fields[:, 2] > 1.05
        size = np.where(fine, 0.42, np.where(fields[:, 0] > 1.9, 0.7, 1.0)) * cell
        groups = parts.astype(np.int64) * 8 + loose_pieces(body.faces, count)
        chosen = clusters(body.vertices, size, groups)
        faces = coarse_faces(body.faces, chosen)
    keep, inverse = np.unique(chosen, return_inverse=True)
    number = np.zeros(count, np.int64)
    number[keep] = np.arange(len(keep))
    small = number[faces].astype(np.int32)
    topology = Topology.of(small, body.vertices[keep], parts[keep], fields[keep], paint=paint[keep])
    return Level(topology, keep, inverse.ravel(), VertexNormals(small, len(keep)))


def dress(
    wardrobe: Wardrobe, look: Look, vertices: np.ndarray, instance: int, *, camera: Camera | None = None
) -> tuple[Mesh, ...]:
    """The meshes of a person: body, loose clothes, hair.

    Args:
        vertices: (V, 3) of the posed body in the camera frame [m].
        instance: label of the person, 1 for the first.
        camera: lets people who are small in the image have fewer triangles; None: all of them.
    """
    vertices = np.ascontiguousarray(vertices, np.float32)
    level = wardrobe.body[0 if camera is None else level_of_detail(vertices, camera)]
    body = vertices[level.keep]
    normals = level.normals(body)
    size = _shin_length(vertices, wardrobe.shin[0]) / wardrobe.shin[1]
    thick = size * thickness(look.body, level.topology.fields, level.topology.rest)
    meshes = [Mesh(level.topology, body + thick[:, None] * normals, look.body, instance, normals=normals)]
    everywhere = normals[level.stand_in]
    for loose in look.loose:
        shell = getattr(wardrobe, loose.shell)
        placed = shell.place(vertices, everywhere, size * loose.offsets(shell.down))
        meshes.append(Mesh(shell.topology, placed.astype(np.float32), loose.material, instance, two_sided=True))
    meshes += wardrobe.hair.meshes(look.hair, vertices, everywhere, instance)
    return tuple(meshes)


def level_of_detail(vertices: np.ndarray, camera: Camera) -> int:
    """Number of the level for a body (V, 3) in the camera frame: by the size of a pixel where it is nearest."""
    nearest = max(float(vertices[:, 2].min()), 0.05)
    pixel = nearest / max(camera.fx, camera.fy)
    return max(k for k, (_, least) in enumerate(LEVELS) if pixel >= least)


def _shin_length(vertices: np.ndarray, shin: np.ndarray) -> float:
    ends = vertices[shin]
    return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).mean())


def _ways(columns: int, back: bool = True) -> np.ndarray:
    """(C, 3) directions around the vertical, from the front over the body's left."""
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    return np.stack([np.sin(angle), np.zeros(columns), np.cos(angle)], 1)


def _robe(body: BodyModel, marks: Landmarks, parts: np.ndarray) -> Shell:
    v = body.vertices.astype(float)
    arms = bone_weights(body, "upperarm", "lowerarm", "wrist", "finger", "metacarpal")[body.faces].max(1) > 0.4
    trunk = body.faces[~arms]
    hip, knee, ankle = ((marks.legs["L"][k] + marks.legs["R"][k]) / 2 for k in range(3))
    shoulder = marks.arms["L"][0]
    waist = marks.crotch + 0.42 * (marks.neck - marks.crotch)
    low = marks.crotch - 0.01
    heights = np.interp(np.linspace(0, 1.95, 14), [0, 1, 2], [shoulder[1] - 0.14, waist, low])
    ways = np.tile(_ways(_COLUMNS), (len(heights), 1, 1))
    centres = np.stack([np.zeros_like(heights), heights, np.full_like(heights, hip[2])], 1)
    upper = tube(v, trunk, centres, ways, np.linspace(0, 1.95, 14), parts)
    steps = np.linspace(2.1, 4.1, 16)
    sides = {}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        line = marks.legs[side]
        centres = _along(steps, [2, 3, 4.1], [np.array([line[0][0], low, line[0][2]]), line[1], line[2]])
        ways = _ways(_COLUMNS)
        ways[:, 0] = sign * np.maximum(sign * ways[:, 0], 0)
        ways /= np.linalg.norm(ways, axis=1, keepdims=True).clip(1e-9)
        own = trunk[(sign * v[trunk][..., 0]).min(1) > -0.01]
        sides[side] = tube(v, own, centres, np.tile(ways, (len(steps), 1, 1)), steps, parts)
    share = np.clip(0.5 + 0.5 * _ways(_COLUMNS)[:, 0] / 0.75, 0, 1)
    share = np.tile(share * share * (3 - 2 * share), len(steps))
    return stacked(upper, paired(sides["L"], sides["R"], share, parts, v), _COLUMNS, parts, v)


def _along(steps: np.ndarray, at: list[float], points: list[np.ndarray]) -> np.ndarray:
    return np.stack([np.interp(steps, at, [p[k] for p in points]) for k in range(3)], 1)


def _leg(body: BodyModel, marks: Landmarks, parts: np.ndarray, side: str) -> Shell:
    v = body.vertices.astype(float)
    own = bone_weights(body, f"upperleg01.{side}", f"upperleg02.{side}", f"lowerleg01.{side}", f"lowerleg02.{side}",
                       f"foot.{side}")[body.faces].min(1) > 0.3  # fmt: skip
    line = marks.legs[side]
    steps = np.linspace(0.32, 2.05, 16)
    centres = _along(steps, [0, 1, 2], list(line[:3]))
    ways = np.tile(_ways(_LEG_COLUMNS), (len(steps), 1, 1))
    return tube(v, body.faces[own], centres, ways, steps, parts)


def _sleeve(body: BodyModel, marks: Landmarks, parts: np.ndarray, side: str) -> Shell:
    v = body.vertices.astype(float)
    own = bone_weights(body, f"upperarm01.{side}", f"upperarm02.{side}", f"lowerarm01.{side}", f"lowerarm02.{side}",
                       f"wrist.{side}")[body.faces].min(1) > 0.3  # fmt: skip
    line = marks.arms[side]
    steps = np.linspace(0.3, 1.98, 14)
    centres = _along(steps, [0, 1, 2], list(line[:3]))
    ways = np.empty((len(steps), _ARM_COLUMNS, 3))
    angle = np.linspace(0, 2 * np.pi, _ARM_COLUMNS, endpoint=False)
    for k, step in enumerate(steps):
        low = line[min(int(step), 1)]
        axis = line[min(int(step), 1) + 1] - low
        axis = axis / np.linalg.norm(axis)
        front = np.array([0, 0, 1.0]) - axis[2] * axis
        front /= np.linalg.norm(front)
        side_way = np.cross(front, axis)
        ways[k] = np.cos(angle)[:, None] * front + np.sin(angle)[:, None] * side_way
    return tube(v, body.faces[own], centres, ways, steps, parts)


def _shoe(body: BodyModel, marks: Landmarks, parts: np.ndarray, side: str) -> Shell:
    """Rings from the heel to the toes, drawn together at both ends: the outermost vertices of slices of the foot, so
    that the gaps between the toes are bridged."""
    v = body.vertices.astype(float)
    own = np.flatnonzero(bone_weights(body, f"foot.{side}", "toe") > 0.5)
    own = own[v[own, 0] * (1 if side == "L" else -1) > 0]
    axis = marks.legs[side][3] - marks.legs[side][2]
    axis[1] = 0
    axis /= np.linalg.norm(axis)
    across = np.cross((0.0, 1.0, 0.0), axis)
    along = v[own] @ axis
    along = (along - along.min()) / np.ptp(along)
    angle = np.linspace(0, 2 * np.pi, _ARM_COLUMNS, endpoint=False)
    # Rows run forward, so the rings turn from up over the right to down.
    ways = np.cos(angle)[:, None] * np.array([0, 1.0, 0]) - np.sin(angle)[:, None] * across
    steps = np.array([0.03, 0.1, 0.22, 0.35, 0.5, 0.63, 0.75, 0.86, 0.95])
    rings = []
    for step in steps:
        near = own[np.abs(along - step) < 0.055]
        rings.append(near[(v[near] @ ways.T).argmax(0)])
    sources = np.concatenate(rings)[:, None]
    down = np.repeat(steps, _ARM_COLUMNS)
    faces = grid_faces(len(steps), _ARM_COLUMNS)
    ends = (int(own[along.argmin()]), int(own[along.argmax()]))
    return closed(bound(v, sources, np.ones(sources.shape), down, faces, parts), _ARM_COLUMNS, ends, v, parts)
