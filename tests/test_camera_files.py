"""files.calibration: camera files of other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anchorpose.files.calibration import read_camera
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, FormatError, InputError

needs_toml = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no TOML reader")
PLAIN = {"fx": 800, "fy": 810, "cx": 319.5, "cy": 239.5, "dist": [0.1, -0.2, 0.001, 0.002, 0.01],
         "width": 640, "height": 480}  # fmt: skip
CAMERA = Camera(800, 810, 319.5, 239.5, 640, 480, (0.1, -0.2, 0.001, 0.002, 0.01), "file")
MATRIX = [[800, 0, 319.5], [0, 810, 239.5], [0, 0, 1]]
TOML = """
[cam_01]
name = "left one"
size = [ 640.0, 480.0]
matrix = [ [ 800.0, 0.0, 319.5], [ 0.0, 810.0, 239.5], [ 0.0, 0.0, 1.0]]
distortions = [ 0.1, -0.2, 0.001, 0.002, 0.01]
rotation = [ 0.0, 0.0, 0.0]
translation = [ 0.0, 0.0, 0.0]
fisheye = false

[cam_02]
size = [ 1920, 1080]
matrix = [ [ 1500.0, 0.0, 960.0], [ 0.0, 1500.0, 540.0], [ 0.0, 0.0, 1.0]]

[metadata]
adjusted = false
error = 0.1
"""


def camera_file(path: Path, data: Any) -> Path:
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        {"K": MATRIX, "dist": PLAIN["dist"], "size": [640, 480]},
        {"camera_matrix": {"rows": 3, "cols": 3, "dt": "d", "data": sum(MATRIX, [])}, "image_width": 640,
         "image_height": 480, "distortion_coefficients": {"rows": 1, "cols": 5, "dt": "d", "data": PLAIN["dist"]}},
        {"mtx": MATRIX, "dist": [PLAIN["dist"] + [0, 0, 0]], "resolution": [640, 480]},
        {"only": PLAIN},
    ],
)  # fmt: skip
def test_json(tmp_path: Path, data: Any) -> None:
    assert read_camera(camera_file(tmp_path / "a.json", data)) == CAMERA


@needs_toml
def test_toml_with_several_cameras(tmp_path: Path) -> None:
    path = camera_file(tmp_path / "calib.toml", TOML)
    assert read_camera(path, name="cam_01") == CAMERA
    assert read_camera(f"{path}#cam_01") == CAMERA
    assert read_camera(path, name="left one") == CAMERA
    assert read_camera(f"{path}#cam_02") == Camera(1500, 1500, 960, 540, 1920, 1080, (), "file")
    with pytest.raises(InputError, match="has 2 cameras, name one: cam_01, cam_02, as in calib.toml#NAME"):
        read_camera(path)
    with pytest.raises(InputError, match="no camera 'cam_03'; there is cam_01, cam_02"):
        read_camera(f"{path}#cam_03")


def test_other_size_of_the_same_shape(tmp_path: Path) -> None:
    path = camera_file(tmp_path / "a.json", PLAIN)
    camera = read_camera(path, 320, 240)
    assert camera == CAMERA.resized(320, 240)
    # The same direction falls on the same place of the picture: pixel centres are at whole numbers.
    point = np.array([0.3, -0.2, 2.0])
    np.testing.assert_allclose((camera.project(point) + 0.5) / 320, (CAMERA.project(point) + 0.5) / 640)
    assert read_camera(path, 640, 480) == CAMERA


def test_size_can_come_from_the_pictures(tmp_path: Path) -> None:
    data = {k: v for k, v in PLAIN.items() if k not in ("width", "height")}
    path = camera_file(tmp_path / "a.json", data)
    assert read_camera(path, 640, 480) == CAMERA
    with pytest.raises(FormatError, match="does not say the size of its pictures; add width and height"):
        read_camera(path)


def test_another_shape_is_refused(tmp_path: Path) -> None:
    path = camera_file(tmp_path / "a.json", PLAIN)
    with pytest.raises(InputError, match=r"is for pictures of 640 x 480, these are 480 x 640 \(turned by 90"):
        read_camera(path, 480, 640)
    with pytest.raises(InputError, match="the same shape is needed"):
        read_camera(path, 1920, 1080)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fy": None, "cy": None}, "camera a: fy is not made of numbers|fy"),
        ({"fx": "wide"}, "fx is not made of numbers"),
        ({"fx": -5}, "positive, finite focal lengths"),
        ({"fx": [1, 2]}, "camera a"),
        ({"width": 0}, "the size should be width, height"),
        ({"dist": [1, 2, 3, 4, 5, 6, 7, 8]}, "8 distortion coefficients; supported are k1, k2, p1, p2, k3"),
        ({"dist": "none"}, "distortion is not made of numbers"),
        ({"fisheye": True}, "fisheye calibrations are not supported"),
        ({"K": [[1, 2], [3, 4]]}, "should be 3x3, not 2x2"),
        ({"K": [[800, 50, 320], [0, 800, 240], [0, 0, 1]]}, "should be .*fx, 0, cx"),
        ({"K": {"rows": 3, "cols": 3, "data": [1, 2]}}, "the matrix is not made of numbers"),
        ({"K": [[float("nan"), 0, 320], [0, 800, 240], [0, 0, 1]]}, "not finite"),
    ],
)
def test_wrong_values(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_camera(camera_file(tmp_path / "a.json", PLAIN | change))


def test_missing_values_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="fy, cy missing; expected a camera file"):
        read_camera(camera_file(tmp_path / "a.json", {"fx": 1, "cx": 2, "width": 4, "height": 4}))


def test_wrong_files(tmp_path: Path) -> None:
    for name, content, words in [
        ("a.json", "{", "not JSON"),
        ("b.json", "[1]", "expected a camera file"),
        ("c.json", '{"a": {"b": 1}}', "no camera in it; expected a camera file"),
    ]:
        with pytest.raises(FormatError, match=words):
            read_camera(camera_file(tmp_path / name, content))
    with pytest.raises(FileError, match="no such file"):
        read_camera(tmp_path / "none.json#cam")


@needs_toml
def test_broken_toml(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not TOML"):
        read_camera(camera_file(tmp_path / "a.toml", "[cam\n"))


def test_toml_without_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)  # as on Python 3.10
    with pytest.raises(FileError, match="TOML needs Python 3.11 or later; write the camera as JSON"):
        read_camera(camera_file(tmp_path / "a.toml", TOML))
