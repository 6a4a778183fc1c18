"""Writes C3D, the binary format of optical motion capture: points over time. Needs the optional package ezc3d."""

from __future__ import annotations

import os

import numpy as np

from anchorpose.files.paths import replacing
from anchorpose.files.points import Points, even_points
from anchorpose.poses.errors import FileError, InputError, MissingExtra

_MILLIMETRES = 1000.0


def write_c3d(points: Points, path: str | os.PathLike[str]) -> None:
    """Writes one person's points: millimetres, y up (POINT:Y_SCREEN "+Y"); one that is missing has the residual -1.

    Times start anew at 0; uneven ones are put on an even grid, since the format has one rate.

    Raises:
        MissingExtra: ezc3d is not installed. InputError: no frames or points.
    """
    try:
        import ezc3d
    except ImportError as error:
        raise MissingExtra("ezc3d", "mocap") from error
    if not len(points) or not points.names:
        raise InputError(f"C3D needs frames and points; here are {len(points)} frames of {len(points.names)} points")
    points, rate = even_points(points)
    content = ezc3d.c3d()
    parameters = content["parameters"]["POINT"]
    parameters["RATE"]["value"] = [rate]
    parameters["LABELS"]["value"] = list(points.names)
    parameters["UNITS"]["value"] = ["mm"]
    content.add_parameter("POINT", "X_SCREEN", ["+X"])
    content.add_parameter("POINT", "Y_SCREEN", ["+Y"])
    missing = ~np.isfinite(points.positions).all(-1).T
    places = np.ones((4, len(points.names), len(points)))
    places[:3] = _MILLIMETRES * points.positions.transpose(2, 1, 0)
    places[:3, missing] = np.nan
    content["data"]["points"] = places
    content["data"]["meta_points"]["residuals"] = np.where(missing, -1.0, 0.0)[None]
    with replacing(path) as temporary:
        try:
            content.write(str(temporary))
        except (RuntimeError, ValueError) as error:
            raise FileError(f"{path} cannot be written: {error}") from error
