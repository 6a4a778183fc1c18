"""The body's arrays on disk: one npz without pickles, lengths as whole steps so that it stays small."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from anchorpose.files.paths import input_file, replacing
from anchorpose.poses.body import BodyModel, PointSet
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.phenotypes import PhenotypeModel

_FORMAT = "anchorpose-body/1"
_BROKEN = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, BadZipFile, zlib.error)
# What a step of a stored whole number is worth, so that rounding costs less than 0.2 mm on any vertex.
_STEPS = {"shape_basis": 1e-5, "action_basis": 1e-5, "skin_weights": 1 / 65535, "uv": 1 / 65535}
_PHENOTYPES = ("mask", "projection", "offset", "years", "year_ages", "beta_ages", "betas")
_POINTS: dict[str, type[Any]] = {
    "joints": np.int32, "joint_weights": np.float32, "vertices": np.int32, "weights": np.float32,
}  # fmt: skip
_PLAIN = (
    "vertices faces face_uv parents joints joint_basis turns turn_basis rest_axes skin action_vertices face_regions"
    " vertex_regions"
).split()
_TYPES: dict[str, type[np.generic]] = {
    "faces": np.int32, "face_uv": np.int32, "parents": np.int64, "skin": np.int32, "action_vertices": np.int32,
    "face_regions": np.uint8, "vertex_regions": np.uint8,
}  # fmt: skip


def body_path() -> Path:
    """Where the body that ships with the package lies."""
    return Path(str(files("anchorpose").joinpath("data/body.npz")))


def write_body(body: BodyModel, path: str | Path) -> None:
    """Writes a body; the file appears whole or not at all."""
    meta: dict[str, Any] = {"format": _FORMAT, "licence": body.licence, "provenance": body.provenance}
    meta |= {name: list(getattr(body, name)) for name in ("bones", "actions", "regions")}
    meta["points"] = list(body.points.names)
    meta["phenotypes"] = {k: v for k, v in asdict(body.phenotypes).items() if k not in _PHENOTYPES}
    arrays = {name: getattr(body, name) for name in _PLAIN}
    for name, step in _STEPS.items():
        arrays[name] = _whole(getattr(body, name), step, name)
    for name in ("faces", "face_uv", "skin", "action_vertices"):
        arrays[name] = arrays[name].astype(np.uint16)
    arrays["parents"] = body.parents.astype(np.int16)
    arrays["turn_basis"] = body.turn_basis.astype(np.float16)
    arrays |= {f"point_{n}": getattr(body.points, n) for n in _POINTS}
    arrays |= {f"phenotype_{n}": getattr(body.phenotypes, n) for n in _PHENOTYPES}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, meta=np.array(json.dumps(meta)), **arrays)


def _whole(values: np.ndarray, step: float, name: str) -> np.ndarray:
    """Values as whole steps, in the smallest type that holds them."""
    steps = np.rint(np.asarray(values, np.float64) / step)
    for kind in (np.uint16, np.int16, np.int32):
        if steps.size == 0 or (np.iinfo(kind).min <= steps.min() and steps.max() <= np.iinfo(kind).max):
            return steps.astype(kind)
    raise InputError(f"{name} has values up to {np.abs(values).max():g}, too many steps of {step:g}")


@lru_cache(maxsize=2)
def _read_cached(path: Path) -> BodyModel:
    return _read(path)


def read_body(path: str | Path | None = None) -> BodyModel:
    """The body of the package (read once per process), or one that `write_body` wrote.

    Raises:
        FileError, FormatError: there is no such file, or it is not a body.
    """
    return _read_cached(input_file(body_path() if path is None else path, "a body (npz)").resolve())


def _read(path: Path) -> BodyModel:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            meta = json.loads(str(data["meta"]))
            if meta["format"] != _FORMAT:
                raise FormatError(f"{path}: format {meta['format']!r}, expected {_FORMAT!r}")
            body = _decode(meta, {name: data[name] for name in data.files})
        problem = _problem(body)
    except _BROKEN as error:
        raise FormatError(f"{path}: not a body ({type(error).__name__}: {error})") from error
    if problem:
        raise FormatError(f"{path}: not a body ({problem})")
    return body


def _decode(meta: dict[str, Any], data: dict[str, np.ndarray]) -> BodyModel:
    fields: dict[str, Any] = {n: np.ascontiguousarray(data[n], _TYPES.get(n, np.float32)) for n in _PLAIN}
    for name, step in _STEPS.items():
        fields[name] = data[name].astype(np.float32)
        fields[name] *= np.float32(step)
    # Rounded weights must sum to 1 still: a place far from the origin goes into the vertices by their sum.
    fields["skin_weights"] /= np.maximum(fields["skin_weights"].sum(1, keepdims=True), 1e-9)
    numbers: dict[str, Any] = {n: data[f"point_{n}"].astype(t) for n, t in _POINTS.items()}
    listed = meta["phenotypes"]
    phenotypes = PhenotypeModel(
        names=tuple(listed["names"]),
        variations=tuple(listed["variations"]),
        variation_counts=tuple(listed["variation_counts"]),
        **{n: data[f"phenotype_{n}"] for n in _PHENOTYPES},
    )
    for array in (*fields.values(), *numbers.values(), *(data[f"phenotype_{n}"] for n in _PHENOTYPES)):
        array.setflags(write=False)  # the body of the package is shared by all who read it
    return BodyModel(
        **fields,
        bones=tuple(meta["bones"]),
        actions=tuple(meta["actions"]),
        regions=tuple(meta["regions"]),
        points=PointSet(tuple(meta["points"]), **numbers),
        phenotypes=phenotypes,
        licence=str(meta["licence"]),
        provenance=str(meta["provenance"]),
    )


def _problem(body: BodyModel) -> str | None:
    """What does not add up, in words; None if all does."""
    v, j, b, a = len(body.vertices), len(body.bones), len(body.shape_basis), len(body.actions)
    f, m, p = len(body.faces), len(body.action_vertices), len(body.points.names)
    k = body.skin.shape[-1]
    shapes = {
        "vertices": (v, 3), "shape_basis": (b, v, 3), "faces": (f, 3), "face_uv": (f, 3), "parents": (j,),
        "joints": (j, 3), "joint_basis": (b, j, 3), "turns": (j, 3, 3), "turn_basis": (b, j, 3, 3),
        "rest_axes": (j, 3, 3), "skin": (v, k), "skin_weights": (v, k), "action_basis": (a, m, 3),
        "face_regions": (f,), "vertex_regions": (v,),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = getattr(body, name)
        if array.shape != shape:
            return f"{name} has the shape {array.shape}, expected {shape}"
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"{name} holds values that are not finite"
    below = {"faces": v, "face_uv": len(body.uv), "skin": j, "action_vertices": v, "face_regions": len(body.regions)}
    for name, count in below.items():
        array = getattr(body, name)
        if array.size and not (0 <= array.min() and array.max() < count):
            return f"{name} holds numbers outside 0..{count - 1}"
    if (body.parents >= np.arange(j)).any() or (body.parents < -1).any():
        return "a parent must come before its children"
    if np.abs(body.skin_weights.sum(1) - 1).max(initial=0) > 1e-3:
        return "a vertex without skin weights"
    points = body.points
    for numbers, weights in ((points.joints, points.joint_weights), (points.vertices, points.weights)):
        if numbers.ndim != 2 or len(numbers) != p or numbers.shape != weights.shape:
            return f"{p} points have arrays of shapes {numbers.shape} and {weights.shape}"
    if p and (
        points.vertices.max() >= v or points.joints.max() >= j or min(points.vertices.min(), points.joints.min()) < 0
    ):
        return "points refer to vertices or bones that are not there"
    if body.phenotypes.projection.shape != (len(body.phenotypes.mask), b) or body.phenotypes.offset.shape != (b,):
        return f"phenotypes lead to {body.phenotypes.projection.shape[-1]} coefficients, not {b}"
    return None
