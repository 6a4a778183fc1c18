"""How far our body is from Anny: random people, poses and faces, vertex by vertex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anchorpose.files.paths import replacing
from anchorpose.poses.body import BodyModel, pose_body
from anchorpose.poses.phenotypes import phenotype_shapes, sample_phenotypes

UPRIGHT = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # from Anny's frame to ours


def random_poses(body: BodyModel, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """(N, J, 3, 3) rotations of every bone about random axes, 15 degrees or so; the root any way round."""
    axes = rng.normal(size=(n, len(body.bones), 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    angles = 0.26 * rng.normal(size=axes.shape[:2])
    angles[:, 0] = rng.uniform(-np.pi, np.pi, n)
    x, y, z = np.moveaxis(axes, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axes.shape[:2], 3, 3)
    sine, versine = np.sin(angles)[..., None, None], (1 - np.cos(angles))[..., None, None]
    return np.eye(3) + sine * cross + versine * (cross @ cross)


def random_faces(body: BodyModel, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """(N, A) strengths: each action in a quarter of the faces."""
    return rng.random((n, len(body.actions))) * (rng.random((n, len(body.actions))) < 0.25)


def anny_vertices(
    anny: Any, phenotypes: NDArray[np.float64], rotations: NDArray[np.float64], root: NDArray[np.float64],
    actions: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Vertices (N, V, 3) and joints (N, J, 3) by Anny itself, in our frame."""
    pose = torch.zeros(*rotations.shape[:2], 4, 4, dtype=anny.dtype)
    pose[..., 3, 3] = 1
    pose[..., :3, :3] = torch.from_numpy(UPRIGHT.T @ rotations @ UPRIGHT)
    pose[:, 0, :3, 3] = torch.from_numpy(root @ UPRIGHT)
    with torch.no_grad():
        out = anny(
            pose,
            phenotype_kwargs=torch.from_numpy(phenotypes).to(anny.dtype),
            facial_actions=torch.from_numpy(actions).to(anny.dtype),
            pose_parameterization="local-ref",
        )
    return out["vertices"].numpy() @ UPRIGHT.T, out["bone_poses"][..., :3, 3].numpy() @ UPRIGHT.T


def random_people(
    body: BodyModel, seed: int, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Phenotypes, rotations, places and faces of random people: half plausible, half from the whole range."""
    rng = np.random.default_rng(seed)
    model = body.phenotypes
    whole = rng.random((n, len(model.names)))
    whole[:, model.names.index("age")] = rng.uniform(-1 / 3, 1, n)
    plausible = sample_phenotypes(model, rng, n)
    phenotypes = np.where((np.arange(n) % 2 == 0)[:, None], plausible, whole)
    return phenotypes, random_poses(body, rng, n), rng.normal(size=(n, 3)), random_faces(body, rng, n)


def compare_bodies(body: BodyModel, anny: Any, bodies: int, seed: int = 1, batch: int = 10) -> str:
    """Distances of vertices and joints [mm] over random bodies, in words."""
    phenotypes, rotations, root, actions = random_people(body, seed, bodies)
    vertex, joint = [], []
    for i in range(0, bodies, batch):
        part = slice(i, i + batch)
        theirs, their_joints = anny_vertices(anny, phenotypes[part], rotations[part], root[part], actions[part])
        shapes = phenotype_shapes(body.phenotypes, phenotypes[part])
        ours = pose_body(body, shapes, rotations[part], root[part], actions[part])
        vertex.append(np.linalg.norm(ours.vertices - theirs, axis=-1) * 1000)
        joint.append(np.linalg.norm(ours.joints - their_joints, axis=-1) * 1000)
    distance, joints = np.concatenate(vertex), np.concatenate(joint)
    worst = distance.max(1)
    return (
        f"{bodies} random bodies against Anny, {distance.shape[1]} vertices: mean {distance.mean():.4f} mm;"
        f" worst vertex of a body: median {np.median(worst):.3f} mm, worst body {worst.max():.3f} mm;"
        f" joints: worst {joints.max():.3f} mm"
    )


def write_golden(body: BodyModel, anny: Any, path: Path, bodies: int = 6, vertices: int = 200) -> None:
    """Some of Anny's vertices of a few random bodies, for tests that have no Anny."""
    phenotypes, rotations, root, actions = random_people(body, 2, bodies)
    chosen = np.sort(np.random.default_rng(3).choice(len(body.vertices), vertices, replace=False))
    theirs, joints = anny_vertices(anny, phenotypes, rotations, root, actions)
    arrays: dict[str, Any] = {
        "phenotypes": phenotypes, "rotations": rotations.astype(np.float32), "root": root, "actions": actions,
        "chosen": chosen.astype(np.int32), "vertices": theirs[:, chosen].astype(np.float32),
        "joints": joints.astype(np.float32),
    }  # fmt: skip
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
