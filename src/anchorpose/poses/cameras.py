"""Pinhole cameras with lens distortion, in OpenCV's convention.

Camera frame: x right, y down, z forward, metres. Pixel (0, 0) is the centre of the top-left pixel, so the middle of an
image is ((width - 1) / 2, (height - 1) / 2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anchorpose.poses.errors import InputError

DEFAULT_FOV = 60.0
"""Field of view of the longer side, in degrees, where nothing better is known."""

_UNDISTORT_STEPS = 20


@dataclass(frozen=True)
class Camera:
    """Intrinsics of one image.

    Attributes:
        fx, fy, cx, cy: focal lengths and principal point [px].
        width, height: size of the image [px].
        dist: Brown-Conrady coefficients k1, k2, p1, p2, k3 (fewer allowed), as OpenCV orders them.
        origin: where the focal length is from: "focal", "fov", "file", "exif" or "default".
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    dist: tuple[float, ...] = ()
    origin: str = "default"

    def __post_init__(self) -> None:
        if not (self.fx > 0 and self.fy > 0 and math.isfinite(self.fx + self.fy + self.cx + self.cy)):
            raise InputError(f"a camera needs positive, finite focal lengths, not fx={self.fx}, fy={self.fy}")
        if self.width < 1 or self.height < 1:
            raise InputError(f"a camera's image has at least one pixel, not {self.width}x{self.height}")
        if len(self.dist) > 5:
            raise InputError(f"at most 5 distortion coefficients (k1 k2 p1 p2 k3) are supported, not {len(self.dist)}")
        if not all(math.isfinite(d) for d in self.dist):
            raise InputError(f"distortion coefficients are finite numbers, not {self.dist}")

    @classmethod
    def from_focal(cls, width: int, height: int, focal: float, origin: str = "focal") -> Camera:
        """A centred camera with square pixels; `focal` in [px]."""
        return cls(float(focal), float(focal), (width - 1) / 2, (height - 1) / 2, width, height, (), origin)

    @classmethod
    def from_fov(cls, width: int, height: int, degrees: float = DEFAULT_FOV, origin: str = "fov") -> Camera:
        """A centred camera whose longer side spans `degrees`."""
        if not 0 < degrees < 180:
            raise InputError(f"a field of view lies between 0 and 180 degrees, not {degrees}")
        return cls.from_focal(width, height, max(width, height) / 2 / math.tan(math.radians(degrees) / 2), origin)

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) intrinsic matrix K."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points (..., 3) [m] of the camera frame to pixels (..., 2); NaN behind the camera."""
        points = np.asarray(points, float)
        z = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
        xy = self._distort(points[..., :2] / z)
        return xy * (self.fx, self.fy) + (self.cx, self.cy)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Viewing rays (..., 3) with z = 1, lens distortion undone, of pixels (..., 2)."""
        xy = (np.asarray(pixels, float) - (self.cx, self.cy)) / (self.fx, self.fy)
        if any(self.dist):
            xy = self._undistort(xy)
        return np.concatenate([xy, np.ones_like(xy[..., :1])], -1)

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        k1, k2, p1, p2, k3 = (*self.dist, 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
        return k1, k2, p1, p2, k3

    def _distort(self, xy: np.ndarray) -> np.ndarray:
        if not any(self.dist):
            return xy
        radial, tangential = self._lens(xy)
        return xy * radial + tangential

    def _lens(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        k1, k2, p1, p2, k3 = self._coefficients()
        x, y = xy[..., 0], xy[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        tangential = np.stack([2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y], -1)
        return radial[..., None], tangential

    def _undistort(self, distorted: np.ndarray) -> np.ndarray:
        """Fixed-point inverse of `_distort`; converges wherever the lens model is monotone."""
        xy = distorted
        for _ in range(_UNDISTORT_STEPS):
            radial, tangential = self._lens(xy)
            xy = (distorted - tangential) / np.maximum(radial, 0.1)
        return xy

    def resized(self, width: int, height: int) -> Camera:
        """The camera of the same picture resampled to another size."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, fx=self.fx * sx, fy=self.fy * sy, cx=(self.cx + 0.5) * sx - 0.5, cy=(self.cy + 0.5) * sy - 0.5,
            width=width, height=height,
        )  # fmt: skip

    def cropped(self, x0: float, y0: float, width: int, height: int) -> Camera:
        """The camera of the crop whose top-left pixel is (x0, y0)."""
        return replace(self, cx=self.cx - x0, cy=self.cy - y0, width=width, height=height)

    def to_dict(self) -> dict[str, Any]:
        """The `camera` object of the output contract."""
        return {
            "fx": self.fx,
            "fy": self.fy,
            "cx": self.cx,
            "cy": self.cy,
            "dist": list(self.dist),
            "from": self.origin,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], width: int, height: int) -> Camera:
        return cls(
            float(data["fx"]), float(data["fy"]), float(data["cx"]), float(data["cy"]), width, height,
            tuple(float(d) for d in data.get("dist", ())), str(data.get("from", "default")),
        )  # fmt: skip


def look_rotation(direction: np.ndarray) -> np.ndarray:
    """The smallest rotation (..., 3, 3) that turns unit `direction` (..., 3) onto the optical axis (0, 0, 1).

    `virtual_from_camera = look_rotation(ray)`; defined for directions in front of the camera (z > -1).
    """
    d = np.asarray(direction, float)
    d = d / np.linalg.norm(d, axis=-1, keepdims=True)
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    # Rodrigues with the axis d x e_z = (y, -x, 0), cos = z.
    k = 1 / (1 + np.maximum(z, -1 + 1e-9))
    rows = [
        np.stack([1 - k * x * x, -k * x * y, -x], -1),
        np.stack([-k * x * y, 1 - k * y * y, -y], -1),
        np.stack([x, y, z], -1),
    ]
    return np.stack(rows, -2)
