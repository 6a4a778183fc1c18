"""Writes motions as GLB (glTF 2.0 binary): a skinned body for each person, with its animation.

Metres, y up, +z is where a person in the reference pose faces, as glTF wants models. Each person has a skin of the 104
bones, a mesh in the rest pose with inverse bind matrices, and one animation: the rotations of the bones that move and
the place of the root. What else a `Motion` holds stands in the skin's `extras`, so that it can be read back.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.files.body import read_body
from anchorpose.files.body_fit import shape_of_lengths
from anchorpose.files.gltf import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    GltfBuffer,
    accessor_rows,
    read_glb,
    write_glb,
)
from anchorpose.files.motion_clips import checked_motion, y_up_motion
from anchorpose.poses.body import BodyModel, Shaped, shape_body
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.rotations import matrix_to_quat_xyzw, quat_xyzw_to_matrix
from anchorpose.poses.values import Motion

Array = NDArray[np.float64]

_COLORS = ((0.68, 0.71, 0.76), (0.55, 0.66, 0.80), (0.62, 0.76, 0.58), (0.80, 0.72, 0.48), (0.70, 0.58, 0.76))
_REST = 1e-7  # a bone whose rotations are closer than this to the identity is not animated


def write_motions_glb(
    motions: Sequence[Motion],
    path: str | os.PathLike[str],
    *,
    people: Sequence[int | None] | None = None,
    shapes: Sequence[ArrayLike] | None = None,
    influences: int = 4,
    body: BodyModel | None = None,
) -> None:
    """Writes the motions of one person or several, each at its own time stamps; the earliest is 0.

    Args:
        motions: of the canonical skeleton.
        people: their numbers over time, for names.
        shapes: (B,) coefficients of each body; None: of the body with the motion's bone lengths.
        influences: how many bones move a vertex at most. Four is what every program shows; 12 keeps all the body has,
            in three sets of weights, of which some programs take the first.
        body: None: the body that ships.

    Raises:
        InputError: no motions, no frames, a pose that is missing, numbers that do not fit.
    """
    if not motions:
        raise InputError("GLB needs at least one motion; there is none")
    if influences not in (4, 8, 12):
        raise InputError(f"influences are 4, 8 or 12, not {influences}")
    body = read_body() if body is None else body
    checked = [y_up_motion(checked_motion(motion, "GLB")) for motion in motions]
    numbers = [k if n is None else n for k, n in enumerate(people or [None] * len(checked), 1)]
    start = min(float(motion.times[0]) for motion in checked)
    out: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "anchorpose"}, "scene": 0, "scenes": [{"nodes": []}], "nodes": [],
        "meshes": [], "skins": [], "materials": [], "animations": [],
    }  # fmt: skip
    buffer = GltfBuffer()
    for k, motion in enumerate(checked):
        shape = shape_of_lengths(body, motion.bone_lengths) if shapes is None else np.atleast_2d(shapes[k])
        shaped = shape_body(body, shape)
        name = f"person_{numbers[k]}"
        first = _add_bones(out, body, shaped, motion)
        _add_mesh(out, buffer, body, shaped, name, first, influences)
        out["skins"][-1]["extras"] = {"anchorpose": _extras(motion, numbers[k], shape)}
        out["animations"].append(_animation(buffer, motion, name, first, start))
    write_glb(out, buffer, path)


def _extras(motion: Motion, number: int, shape: ArrayLike) -> dict[str, Any]:
    filled = np.flatnonzero(~motion.observed)
    return {
        "skeleton": motion.skeleton, "person": number, "start": float(motion.times[0]),
        "bone_lengths": motion.bone_lengths.tolist(), "filled": filled.tolist(),
        "shape": np.asarray(shape, float).reshape(-1).round(6).tolist(),
    }  # fmt: skip


def _add_bones(out: dict[str, Any], body: BodyModel, shaped: Shaped, motion: Motion) -> int:
    """Adds a node for each bone, in the pose of the first frame; returns the number of the root's."""
    first = len(out["nodes"])
    safe = np.maximum(body.parents, 0)
    back = np.swapaxes(shaped.turns[0], -1, -2)
    offsets = (back[safe] @ (shaped.joints[0] - shaped.joints[0][safe])[..., None])[..., 0]
    offsets[0] = motion.translation[0]
    quats = matrix_to_quat_xyzw(motion.rotations[0])
    for j, name in enumerate(body.bones):
        node: dict[str, Any] = {"name": name, "translation": _floats(offsets[j]), "rotation": _floats(quats[j])}
        children = [first + int(c) for c in np.flatnonzero(body.parents == j)]
        out["nodes"].append(node | ({"children": children} if children else {}))
    out["scenes"][0]["nodes"].append(first)
    return first


def _floats(values: ArrayLike) -> list[float]:
    return [float(v) for v in np.asarray(values)]


def _add_mesh(
    out: dict[str, Any], buffer: GltfBuffer, body: BodyModel, shaped: Shaped, name: str, first: int, influences: int
) -> None:
    """Adds mesh, material, skin, and the node that shows them."""
    vertices = shaped.vertices[0]
    attributes = {
        "POSITION": buffer.add(vertices.astype("<f4"), "VEC3", target=ARRAY_BUFFER, bounds=True),
        "NORMAL": buffer.add(_normals(vertices, body.faces), "VEC3", target=ARRAY_BUFFER),
    }
    bones, weights = heaviest_bones(body, influences)
    for k in range(bones.shape[1] // 4):
        part = slice(4 * k, 4 * k + 4)
        attributes[f"JOINTS_{k}"] = buffer.add(bones[:, part], "VEC4", target=ARRAY_BUFFER)
        attributes[f"WEIGHTS_{k}"] = buffer.add(weights[:, part], "VEC4", target=ARRAY_BUFFER)
    indices = buffer.add(body.faces.astype("<u4").reshape(-1, 1), "SCALAR", target=ELEMENT_ARRAY_BUFFER)
    color = [*_COLORS[len(out["meshes"]) % len(_COLORS)], 1.0]
    surface = {"baseColorFactor": color, "metallicFactor": 0.0, "roughnessFactor": 0.8}
    out["materials"].append({"name": f"{name}_skin", "pbrMetallicRoughness": surface})
    primitive = {"attributes": attributes, "indices": indices, "material": len(out["materials"]) - 1}
    out["meshes"].append({"name": name, "primitives": [primitive]})
    back = np.swapaxes(shaped.turns[0], -1, -2)
    bind = np.zeros((len(body.bones), 4, 4))
    bind[:, :3, :3], bind[:, 3, 3] = back, 1.0
    bind[:, :3, 3] = -(back @ shaped.joints[0][..., None])[..., 0]
    matrices = buffer.add(np.swapaxes(bind, -1, -2).astype("<f4").reshape(-1, 16), "MAT4")
    joints = list(range(first, first + len(body.bones)))
    out["skins"].append({"name": name, "joints": joints, "skeleton": first, "inverseBindMatrices": matrices})
    out["nodes"].append({"name": f"{name}_body", "mesh": len(out["meshes"]) - 1, "skin": len(out["skins"]) - 1})
    out["scenes"][0]["nodes"].append(len(out["nodes"]) - 1)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals, of the triangles around a vertex by their area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for k in range(3):
        np.add.at(normals, faces[:, k], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-12, normals / np.maximum(length, 1e-12), (0.0, 1.0, 0.0)).astype("<f4")


def heaviest_bones(body: BodyModel, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The heaviest bones (V, count) of each vertex and their weights, which sum to 1; bone 0 where there is none."""
    width = body.skin.shape[1]
    order = np.argsort(-body.skin_weights, axis=1, kind="stable")[:, : min(count, width)]
    weights = np.take_along_axis(body.skin_weights, order, 1).astype(np.float64)
    bones = np.where(weights > 0, np.take_along_axis(body.skin, order, 1), 0)
    weights /= weights.sum(1, keepdims=True)
    sets = math.ceil(min(count, width) / 4) * 4
    padding = ((0, 0), (0, sets - weights.shape[1]))
    return np.pad(bones, padding).astype("u1"), np.pad(weights, padding).astype("<f4")


def _animation(buffer: GltfBuffer, motion: Motion, name: str, first: int, start: float) -> dict[str, Any]:
    times = buffer.add((motion.times - start).astype("<f4"), "SCALAR", bounds=True)
    channels, samplers = [], []

    def add(node: int, path: str, values: np.ndarray, kind: str) -> None:
        samplers.append({"input": times, "output": buffer.add(values.astype("<f4"), kind), "interpolation": "LINEAR"})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})

    add(first, "translation", motion.translation, "VEC3")
    quats = _steady(matrix_to_quat_xyzw(motion.rotations))
    moving = np.abs(motion.rotations - np.eye(3)).max((0, 2, 3)) > _REST
    for j in range(len(ANNY)):
        if j == 0 or moving[j]:
            add(first + j, "rotation", quats[:, j], "VEC4")
    return {"name": name, "channels": channels, "samplers": samplers}


def _steady(quats: Array) -> Array:
    """Quaternions (T, J, 4) whose signs make neighbours alike, so that what lies between takes the short way."""
    signs = np.where((quats[1:] * quats[:-1]).sum(-1) < 0, -1.0, 1.0)
    return quats * np.concatenate([np.ones((1, quats.shape[1])), np.cumprod(signs, 0)])[..., None]


def read_motions_glb(path: str | os.PathLike[str]) -> tuple[tuple[int, Motion], ...]:
    """Number and motion of each person of a GLB that was written here.

    Raises:
        FileError: the file cannot be read. FormatError: it is no GLB, or of another program.
    """
    content, data = read_glb(path)
    found = []
    try:
        for skin in content.get("skins", ()):
            about = skin.get("extras", {}).get("anchorpose")
            if about is not None:
                found.append((int(about["person"]), _motion(content, data, skin["joints"], about)))
    except (KeyError, IndexError, TypeError, ValueError, InputError) as error:
        raise FormatError(f"{path}: a motion in it does not add up: {type(error).__name__}: {error}") from error
    if not found:
        raise FormatError(f"{path}: no motions in it that anchorpose wrote; other skinned figures are not read")
    return tuple(found)


def _motion(content: dict[str, Any], data: bytes, joints: list[int], about: dict[str, Any]) -> Motion:
    place = {node: j for j, node in enumerate(joints)}
    animation = next(a for a in content["animations"] if a["channels"][0]["target"]["node"] in place)
    inputs = animation["samplers"][0]["input"]
    times = accessor_rows(content, data, inputs)[:, 0].astype(float)
    rotations = np.broadcast_to(np.eye(3), (len(times), len(joints), 3, 3)).copy()
    translation = np.zeros((len(times), 3))
    for channel in animation["channels"]:
        rows = accessor_rows(content, data, animation["samplers"][channel["sampler"]]["output"]).astype(float)
        if channel["target"]["path"] == "translation":
            translation = rows
        else:
            rotations[:, place[channel["target"]["node"]]] = quat_xyzw_to_matrix(rows)
    observed = np.ones(len(times), bool)
    observed[np.array(about["filled"], int)] = False
    times = times - times[0] + float(about["start"])
    return Motion(
        about["skeleton"], times, rotations[:, 0], rotations, translation, about["bone_lengths"], "world", observed
    )
