"""Poses bodies, compiled: `poses.body.pose_shaped` for a few bodies at a time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from anchorpose.learn.synthesis.soft.compiled import compiled
from anchorpose.poses.body import BodyModel, Posed, Shaped
from anchorpose.poses.errors import InputError


def pose(body: BodyModel, shaped: Shaped, rotations: ArrayLike, root_translation: ArrayLike) -> Posed:
    """Bodies that have their shape already: one for each of the N poses, or one for all.

    Args:
        rotations: (N, J, 3, 3) local rotations. root_translation: (N, 3) [m].

    Raises:
        InputError: arrays of other shapes.
    """
    local = np.ascontiguousarray(rotations, np.float32)
    roots = np.ascontiguousarray(root_translation, np.float32)
    n, bones = len(local), len(body.bones)
    if local.shape != (n, bones, 3, 3) or roots.shape != (n, 3) or len(shaped.joints) not in (1, n):
        raise InputError(
            f"{local.shape} rotations, {roots.shape} places, {len(shaped.joints)} shapes do not go together"
        )
    joints, world = np.empty((n, bones, 3), np.float32), np.empty((n, bones, 3, 3), np.float32)
    vertices = np.empty((n, len(body.vertices), 3), np.float32)
    starts, numbers, weights = _sparse(body)
    skinning = np.empty((bones, 12), np.float32)
    for i in range(n):
        k = i if len(shaped.vertices) > 1 else 0
        _bone_transforms(
            body.parents, shaped.joints[k], shaped.turns[k], local[i], roots[i], joints[i], world[i], skinning
        )
        _blend(starts, numbers, weights, skinning, shaped.vertices[k], vertices[i])
    return Posed(vertices, joints, world)


@lru_cache(maxsize=8)
def _sparse(body: BodyModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The skin weights without those that are 0: where each vertex's begin (V + 1,), the bones, the weights."""
    given = body.skin_weights > 0
    starts = np.concatenate([[0], np.cumsum(given.sum(1))]).astype(np.int32)
    return starts, body.skin[given].astype(np.int32), body.skin_weights[given].astype(np.float32)


@compiled
def _bone_transforms(
    parents: np.ndarray,
    rest: np.ndarray,
    turns: np.ndarray,
    local: np.ndarray,
    root: np.ndarray,
    joints: np.ndarray,
    world: np.ndarray,
    skinning: np.ndarray,
) -> None:
    """Fills joints (J, 3), world rotations (J, 3, 3) and, a bone a row, the three columns of the rotation from the
    rest pose to the pose, then the translation."""
    for j in range(len(parents)):
        p = parents[j]
        if p < 0:
            for r in range(3):
                joints[j, r] = root[r]
                for c in range(3):
                    world[j, r, c] = local[j, r, c]
        else:
            x, y, z = rest[j, 0] - rest[p, 0], rest[j, 1] - rest[p, 1], rest[j, 2] - rest[p, 2]
            t = turns[p]  # its transpose leads from the rest pose to the reference pose
            a = t[0, 0] * x + t[1, 0] * y + t[2, 0] * z
            b = t[0, 1] * x + t[1, 1] * y + t[2, 1] * z
            d = t[0, 2] * x + t[1, 2] * y + t[2, 2] * z
            w, m = world[p], local[j]
            for r in range(3):
                joints[j, r] = joints[p, r] + (w[r, 0] * a + w[r, 1] * b + w[r, 2] * d)
                for c in range(3):
                    world[j, r, c] = w[r, 0] * m[0, c] + w[r, 1] * m[1, c] + w[r, 2] * m[2, c]
        w, t = world[j], turns[j]
        for r in range(3):
            moved = joints[j, r]
            for c in range(3):
                turn = w[r, 0] * t[c, 0] + w[r, 1] * t[c, 1] + w[r, 2] * t[c, 2]
                skinning[j, 3 * c + r] = turn
                moved -= turn * rest[j, c]
            skinning[j, 9 + r] = moved


@compiled
def _blend(
    starts: np.ndarray,
    bones: np.ndarray,
    weights: np.ndarray,
    skinning: np.ndarray,
    vertices: np.ndarray,
    out: np.ndarray,
) -> None:
    """Vertices (V, 3) moved by the weighted transforms of their bones."""
    for v in range(len(out)):
        vx, vy, vz = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        x = y = z = np.float32(0)
        for k in range(starts[v], starts[v + 1]):
            s, w = skinning[bones[k]], weights[k]
            x += w * (s[0] * vx + s[3] * vy + s[6] * vz + s[9])
            y += w * (s[1] * vx + s[4] * vy + s[7] * vz + s[10])
            z += w * (s[2] * vx + s[5] * vy + s[8] * vz + s[11])
        out[v, 0], out[v, 1], out[v, 2] = x, y, z
