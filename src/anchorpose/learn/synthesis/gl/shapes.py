"""Simple meshes: for occluders, and for tests of the renderer. Unit size, y up, centred at the origin."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.gl.scene import Topology


def quad() -> Topology:
    """A unit square in the plane z = 0 that looks towards +z; its texture stands upright."""
    rest = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    return Topology.of(np.array([[0, 1, 2], [0, 2, 3]]), rest, uv=uv)


def box() -> Topology:
    """A unit cube; every side shows the texture once."""
    side = quad()
    turns = [np.eye(3)]
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        turns.append(_quarter(axis, sign))
    turns.append(_quarter(1, 1) @ _quarter(1, 1))
    rest = np.concatenate([(side.rest + (0, 0, 0.5)) @ t.T for t in turns])
    faces = np.concatenate([side.faces + 4 * k for k in range(6)])
    return Topology.of(faces, rest, uv=np.tile(side.uv, (6, 1)))


def cylinder(sides: int = 24) -> Topology:
    """A tube of diameter 1 and height 1 along y, with caps."""
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([np.sin(angle) / 2, np.cos(angle) / 2], 1)
    rest, uv, faces = [], [], []
    for y in (-0.5, 0.5):
        rest.append(np.stack([ring[:, 0], np.full(sides + 1, y), ring[:, 1]], 1))
        uv.append(np.stack([angle / (2 * np.pi), np.full(sides + 1, 0.5 - y)], 1))
    n = sides + 1
    for k in range(sides):
        faces += [[k, k + 1, n + k + 1], [k, n + k + 1, n + k]]
    rest += [np.array([[0, -0.5, 0], [0, 0.5, 0]])]
    uv += [np.full((2, 2), 0.5)]
    for k in range(sides):
        faces += [[k + 1, k, 2 * n], [n + k, n + k + 1, 2 * n + 1]]
    return Topology.of(np.array(faces), np.concatenate(rest), uv=np.concatenate(uv))


def sphere(rings: int = 24, sides: int = 48) -> Topology:
    """A ball of diameter 1."""
    polar, angle = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, sides + 1), indexing="ij")
    rest = np.stack([np.sin(polar) * np.sin(angle), np.cos(polar), np.sin(polar) * np.cos(angle)], -1) / 2
    uv = np.stack([angle / (2 * np.pi), polar / np.pi], -1)
    i, j = (k.ravel() for k in np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij"))
    a, b = i * (sides + 1) + j, (i + 1) * (sides + 1) + j
    faces = np.concatenate([np.stack([a, b, b + 1], 1), np.stack([a, b + 1, a + 1], 1)])
    keep = np.concatenate([i < rings - 1, i > 0])
    return Topology.of(faces[keep], rest.reshape(-1, 3), uv=uv.reshape(-1, 2))


def _quarter(axis: int, sign: int) -> np.ndarray:
    """A quarter turn about an axis."""
    turn = np.zeros((3, 3))
    turn[axis, axis] = 1
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn[a, b], turn[b, a] = -sign, sign
    return turn
