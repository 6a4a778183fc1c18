"""Camera calibrations of other programs: JSON, and the TOML of Pose2Sim and its relatives."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.paths import input_file, read_text
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import AnchorposeError, FileError, FormatError, InputError

_EXPECTED = (
    'a camera file: JSON with "fx", "fy", "cx", "cy" (or "K", a 3x3 matrix), and, if known, "dist", "width", "height";'
    ' or TOML with "matrix", "distortions" and "size" in a table per camera'
)
_MATRIX = ("K", "matrix", "camera_matrix", "cameraMatrix", "intrinsic_matrix", "mtx")
_DISTORTION = ("dist", "distortions", "distortion", "distortion_coefficients", "dist_coeffs", "distCoeffs")
_SIZE = ("size", "image_size", "resolution")
_ASPECT_TOLERANCE = 0.01


def read_camera(
    path: str | os.PathLike[str], width: int | None = None, height: int | None = None, name: str | None = None
) -> Camera:
    """Read the intrinsics of one camera.

    Pixel (0, 0) is the centre of the top-left pixel, as OpenCV has it. Distortion is k1, k2, p1, p2, k3.

    Args:
        path: .json or .toml; "calibration.toml#cam_02" names one camera of several.
        width, height: size [px] of the pictures that the camera is for. If the file states another size of the same
            shape, the intrinsics are scaled to this one; if it states none, they are taken to be for this one.
        name: the camera's name, where the file has several; stands before the one in `path`.

    Raises:
        FileError: missing. FormatError: not a calibration, a fisheye one, or no size known.
        InputError: several cameras and no (or no such) name; a picture of another shape than the calibration's.
    """
    file, name = _split(path, name)
    data = _load(file)
    entry, label = _choose(data, name, file)
    camera = _camera(entry, label, width, height)
    return camera if width is None or height is None else _fitted(camera, width, height, label)


def _split(path: str | os.PathLike[str], name: str | None) -> tuple[Path, str | None]:
    text = os.fspath(path)
    if "#" in text and not Path(text).exists():
        text, _, after = text.rpartition("#")
        name = name or after or None
    return input_file(text, _EXPECTED), name


def _load(file: Path) -> dict[str, Any]:
    text = read_text(file)
    try:
        data = _parse_toml(text, file) if file.suffix.lower() == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:  # both parsers' errors are ValueErrors
        kind = "TOML" if file.suffix.lower() == ".toml" else "JSON"
        raise FormatError(f"{file}: not {kind}: {error}; expected {_EXPECTED}") from error
    if not isinstance(data, dict):
        raise FormatError(f"{file}: expected {_EXPECTED}")
    return data


def _parse_toml(text: str, file: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        raise FileError(f"{file}: TOML needs Python 3.11 or later; write the camera as JSON instead") from None
    return tomllib.loads(text)


def _is_camera(data: Any) -> bool:
    return isinstance(data, dict) and (any(k in data for k in _MATRIX) or "fx" in data)


def _choose(data: Mapping[str, Any], name: str | None, file: Path) -> tuple[Mapping[str, Any], str]:
    """The entry of the camera called `name`, by the key of its table or by its own `name` field."""
    cameras = {file.stem: data} if _is_camera(data) else {k: v for k, v in data.items() if _is_camera(v)}
    if not cameras:
        raise FormatError(f"{file}: no camera in it; expected {_EXPECTED}")
    if name is None:
        if len(cameras) > 1:
            raise InputError(
                f"{file} has {len(cameras)} cameras, name one: {', '.join(cameras)}, as in {file.name}#NAME"
            )
        name = next(iter(cameras))
    for key, entry in cameras.items():
        if name in (key, entry.get("name")):
            return entry, f"{file}, camera {key}"
    raise InputError(f"{file} has no camera {name!r}; there is {', '.join(cameras)}")


def _first(entry: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((entry[n] for n in names if n in entry), None)


def _numbers(value: Any, label: str, what: str) -> np.ndarray:
    """A float array from nested lists or from OpenCV's {"rows", "cols", "data"}."""
    try:
        if isinstance(value, dict):
            array = np.array(value["data"], float)
            array = array.reshape(int(value["rows"]), int(value["cols"])) if "rows" in value else array
        else:
            array = np.array(value, float)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{label}: {what} is not made of numbers: {error}") from error
    if not np.isfinite(array).all():
        raise FormatError(f"{label}: {what} has values that are not finite")
    return array


def _intrinsics(entry: Mapping[str, Any], label: str) -> tuple[float, float, float, float]:
    value = _first(entry, _MATRIX)
    if value is None:
        missing = [n for n in ("fx", "fy", "cx", "cy") if n not in entry]
        if missing:
            raise FormatError(f"{label}: {', '.join(missing)} missing; expected {_EXPECTED}")
        fx, fy, cx, cy = (float(_numbers(entry[n], label, n).reshape(())) for n in ("fx", "fy", "cx", "cy"))
        return fx, fy, cx, cy
    matrix = _numbers(value, label, "the matrix")
    if matrix.shape != (3, 3):
        raise FormatError(f"{label}: the matrix should be 3x3, not {'x'.join(map(str, matrix.shape))}")
    rest = matrix[[0, 1, 2, 2], [1, 0, 0, 1]]
    if abs(matrix[2, 2] - 1) > 1e-6 or (np.abs(rest) > 1e-3 * abs(matrix[0, 0])).any():
        raise FormatError(f"{label}: the matrix should be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], not {matrix.tolist()}")
    return float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2])


def _distortion(entry: Mapping[str, Any], label: str) -> tuple[float, ...]:
    if entry.get("fisheye"):
        raise FormatError(f"{label}: fisheye calibrations are not supported; undistort the pictures first")
    value = _first(entry, _DISTORTION)
    if value is None:
        return ()
    values = [float(v) for v in _numbers(value, label, "the distortion").ravel()]
    if any(values[5:]):
        raise FormatError(f"{label}: {len(values)} distortion coefficients; supported are k1, k2, p1, p2, k3")
    return tuple(values[:5]) if any(values) else ()


def _size(entry: Mapping[str, Any], label: str) -> tuple[int, int] | None:
    pairs = (("width", "height"), ("image_width", "image_height"))
    found = next(([entry[w], entry[h]] for w, h in pairs if w in entry and h in entry), _first(entry, _SIZE))
    if found is None:
        return None
    values = _numbers(found, label, "the size").ravel()
    if values.shape != (2,) or (values < 1).any():
        raise FormatError(f"{label}: the size should be width, height, not {found!r}")
    return round(float(values[0])), round(float(values[1]))


def _camera(entry: Mapping[str, Any], label: str, width: int | None, height: int | None) -> Camera:
    size = _size(entry, label)
    if size is None and (width is None or height is None):
        raise FormatError(f"{label}: it does not say the size of its pictures; add width and height")
    try:
        fx, fy, cx, cy = _intrinsics(entry, label)
        w, h = size or (width or 0, height or 0)
        return Camera(fx, fy, cx, cy, w, h, _distortion(entry, label), "file")
    except FormatError:
        raise
    except (AnchorposeError, TypeError, ValueError) as error:
        raise FormatError(f"{label}: {error}") from error


def _fitted(camera: Camera, width: int, height: int, label: str) -> Camera:
    """Scaled to the pictures' size, if they have the calibration's shape."""
    if (camera.width, camera.height) == (width, height):
        return camera
    shapes = (width / height) / (camera.width / camera.height)
    if abs(shapes - 1) > _ASPECT_TOLERANCE:
        turned = " (turned by 90 degrees?)" if (width > height) != (camera.width > camera.height) else ""
        raise InputError(
            f"{label} is for pictures of {camera.width} x {camera.height}, these are {width} x {height}{turned};"
            " the same shape is needed"
        )
    return camera.resized(width, height)
