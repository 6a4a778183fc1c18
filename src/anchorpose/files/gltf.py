"""The container of glTF 2.0 binary files (GLB): JSON and one buffer, with typed views into it."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import numpy as np

from anchorpose.files.paths import input_file, reason, replacing
from anchorpose.poses.errors import FileError, FormatError

_MAGIC, _JSON, _BIN = b"glTF", b"JSON", b"BIN\0"
_COMPONENTS: dict[np.dtype[Any], int] = {
    np.dtype("u1"): 5121,
    np.dtype("<u2"): 5123,
    np.dtype("<u4"): 5125,
    np.dtype("<f4"): 5126,
}
_TYPES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963


class GltfBuffer:
    """Collects arrays into one buffer; `accessors` and `views` are what the JSON says of them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: np.ndarray, kind: str, *, target: int | None = None, bounds: bool = False) -> int:
        """The number of a new accessor for the rows of an array of one of glTF's types.

        Args:
            kind: "SCALAR", "VEC3", "MAT4" (rows of 16, by columns), ...
            target: what the view is bound to, for vertices and indices.
            bounds: tell the least and the largest values.
        """
        rows = np.ascontiguousarray(array).reshape(-1, _TYPES[kind])
        self.data.extend(b"\0" * (-len(self.data) % 4))
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": rows.nbytes}
        self.views.append(view | ({"target": target} if target else {}))
        self.data.extend(rows.tobytes())
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1, "componentType": _COMPONENTS[rows.dtype], "count": len(rows),
            "type": kind,
        }  # fmt: skip
        if bounds:
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write_glb(content: dict[str, Any], buffer: GltfBuffer, path: str | os.PathLike[str]) -> None:
    """Writes a GLB of `content` (glTF's JSON without buffers, views and accessors); whole or not at all."""
    data = bytes(buffer.data) + b"\0" * (-len(buffer.data) % 4)
    whole = content | {
        "buffers": [{"byteLength": len(data)}], "bufferViews": buffer.views, "accessors": buffer.accessors,
    }  # fmt: skip
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + len(data)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(_MAGIC + struct.pack("<II", 2, total))
        file.write(struct.pack("<I", len(text)) + _JSON + text)
        file.write(struct.pack("<I", len(data)) + _BIN + data)


def read_glb(path: str | os.PathLike[str]) -> tuple[dict[str, Any], bytes]:
    """The JSON and the buffer of a GLB file; FileError or FormatError where there is none."""
    file = input_file(path, "a GLB file")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise FileError(f"{file} cannot be read: {reason(error)}") from error
    if raw[:4] != _MAGIC or len(raw) < 20 or raw[4:8] != struct.pack("<I", 2):
        raise FormatError(f"{file}: not a GLB file of version 2")
    (length,) = struct.unpack_from("<I", raw, 12)
    if raw[16:20] != _JSON or len(raw) < struct.unpack_from("<I", raw, 8)[0]:
        raise FormatError(f"{file}: a GLB file that ends too early")
    try:
        content = json.loads(raw[20 : 20 + length])
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file}: its JSON is broken: {error}") from error
    if not isinstance(content, dict):
        raise FormatError(f"{file}: its JSON is no object")
    return content, raw[28 + length :]


def accessor_rows(content: dict[str, Any], data: bytes, number: int) -> np.ndarray:
    """The rows of an accessor, as they are stored; ValueError, IndexError or KeyError where it does not add up."""
    accessor = content["accessors"][number]
    view = content["bufferViews"][accessor["bufferView"]]
    kinds: dict[int, np.dtype[Any]] = {code: kind for kind, code in _COMPONENTS.items()}
    width = _TYPES[accessor["type"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    flat = np.frombuffer(data, kinds[accessor["componentType"]], accessor["count"] * width, start)
    return flat.reshape(-1, width)
