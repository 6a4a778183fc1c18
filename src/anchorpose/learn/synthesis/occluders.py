"""Things between the camera and the people: furniture on the ground, poles, objects anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from anchorpose.learn.synthesis.gl.scene import Material, Mesh, Surface, Topology
from anchorpose.learn.synthesis.gl.shapes import box, cylinder, quad, sphere
from anchorpose.learn.synthesis.pose_pool import random_rotation
from anchorpose.learn.synthesis.scenes import View
from anchorpose.poses.transforms import rotation_y

_PATTERNS = ("plain", "plain", "noise", "stripes", "checks", "gradient", "photo", "photo")


@dataclass(frozen=True)
class Thing:
    """A simple mesh in the world: `vertices = centre + rotation @ (size * unit vertices)`."""

    shape: str
    centre: np.ndarray
    size: np.ndarray
    rotation: np.ndarray

    def contains(self, points: np.ndarray, margin: float = 0.02) -> bool:
        """Whether one of the points (K, 3) lies in it, or within `margin` [m] of that."""
        local = np.abs((points - self.centre) @ self.rotation)
        return bool((local < self.size / 2 + margin).all(1).any())


@lru_cache(maxsize=1)
def _topologies() -> dict[str, Topology]:
    return {"box": box(), "cylinder": cylinder(), "sphere": sphere(10, 16), "quad": quad()}


def draw_occluders(
    clouds: list[np.ndarray], view: View, rng: np.random.Generator, layers: int, most: int = 3
) -> tuple[Mesh, ...]:
    """1 to `most` things before people, in the camera frame; none touches a person.

    Args:
        clouds: points of each person in the world.
        layers: of the texture bank.
    """
    eye = -view.rotation.T @ view.translation
    meshes = []
    for _ in range(int(rng.integers(1, most + 1))):
        cloud = clouds[int(rng.integers(len(clouds)))]
        thing = _draw_thing(cloud, eye, rng)
        material = Material((_surface(rng, layers),), seed=float(rng.random()))
        if thing.contains(eye[None], 0.15) or any(thing.contains(c) for c in clouds):
            continue
        topology = _topologies()[thing.shape]
        world = thing.centre + (topology.rest * thing.size) @ thing.rotation.T
        vertices = view.from_world(world).astype(np.float32)
        meshes.append(Mesh(topology, vertices, material, 0, two_sided=thing.shape == "quad"))
    return tuple(meshes)


def _draw_thing(cloud: np.ndarray, eye: np.ndarray, rng: np.random.Generator) -> Thing:
    kind, shape, t = rng.random(), rng.integers(4), rng.uniform(0.35, 0.85)
    target = cloud[int(rng.integers(len(cloud)))]
    sizes, turn, free = rng.random(3), rng.uniform(-math.pi, math.pi), random_rotation(rng)
    aside = rng.normal(0, 0.12, 3)
    height = float(cloud[:, 1].max() - cloud[:, 1].min())
    nearest = float(np.linalg.norm(cloud - eye, axis=1).min())
    toward = (eye - target) * (1, 0, 1)
    reach = float(np.linalg.norm(toward))
    if kind < 0.65 or reach < 1.0:
        distance = float(np.linalg.norm(target - eye))
        centre = eye + (target + aside - eye) * (t * nearest / distance)
        size = t * max(height, 0.6) * (0.1 + 0.35 * sizes)
        return Thing(
            ("box", "cylinder", "sphere", "quad")[shape], centre, size, free if shape != 3 else _facing(eye, centre)
        )
    foot = target + toward / reach * min(0.35 + 0.9 * sizes[0], 0.7 * reach)
    if kind < 0.87:  # a table, a counter, a chair's back
        size = np.array([0.4 + 1.2 * sizes[1], 0.25 + 0.75 * sizes[2], 0.25 + 0.5 * sizes[0]])
        return Thing("box", np.array([foot[0], size[1] / 2, foot[2]]), size, rotation_y(turn))
    thick = 0.06 + 0.18 * sizes[1]
    size = np.array([thick, 2.2 + sizes[2], thick])
    return Thing("cylinder", np.array([foot[0], size[1] / 2, foot[2]]), size, np.eye(3))


def _facing(eye: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """A square upright before the eye."""
    way = (eye - centre) * (1, 0, 1)
    return rotation_y(math.atan2(way[0], way[2]))


def _surface(rng: np.random.Generator, layers: int) -> Surface:
    pattern, texture = _PATTERNS[int(rng.integers(len(_PATTERNS)))], int(rng.integers(max(1, layers)))
    grey = rng.uniform(0.15, 0.9)
    first, second = np.clip(grey + rng.normal(0, 0.14, (2, 3)), 0.02, 1)
    if pattern == "photo":
        first = 0.6 + 0.4 * first
    scale = float(np.exp(rng.uniform(math.log(0.02), math.log(0.4))))
    return Surface(
        _rgb(first), _rgb(second), pattern, scale, float(rng.uniform(0, math.pi)), texture, float(rng.uniform(0, 0.5))
    )


def _rgb(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
