"""The C3D reader, on files that ezc3d writes."""

import sys

import numpy as np
import pytest

from anchorpose.files.c3d import read_c3d
from anchorpose.poses.errors import FileError, FormatError, InputError, MissingExtra

ezc3d = pytest.importorskip("ezc3d")

POINTS = np.random.default_rng(0).uniform(-900, 900, (7, 3, 3)).round(2)  # frames, markers, xyz
LABELS = ("LASI", "RASI", "HEAD")


@pytest.fixture
def write(tmp_path):
    def write(points=POINTS, labels=LABELS, units="mm", rate=120.0, screen=None):
        file = ezc3d.c3d()
        parameters = file["parameters"]["POINT"]
        parameters["RATE"]["value"] = [rate]
        parameters["LABELS"]["value"] = labels
        parameters["UNITS"]["value"] = [units]
        if screen:
            file.add_parameter("POINT", "Y_SCREEN", [screen])
        file["data"]["points"] = np.concatenate([points.transpose(2, 1, 0), np.ones((1, *points.shape[1::-1]))])
        path = tmp_path / "made.c3d"
        file.write(str(path))
        return path

    return write


def test_round_trip(write):
    clip = read_c3d(write())
    assert (clip.name, clip.names, clip.fps, clip.up) == ("made", LABELS, 120.0, "z")
    assert clip.rotations is None
    assert clip.parents.tolist() == [-1, -1, -1]
    np.testing.assert_allclose(clip.positions, POINTS / 1000, rtol=1e-6)


@pytest.mark.parametrize(("units", "metres"), [("m", 1.0), ("cm", 0.01), ("MM ", 0.001), ("", 0.001)])
def test_units(write, units, metres):
    np.testing.assert_allclose(read_c3d(write(units=units)).positions, POINTS * metres, rtol=1e-6)


def test_given_scale_and_axis(write):
    np.testing.assert_allclose(read_c3d(write(units="furlong"), scale=2.0).positions, POINTS * 2, rtol=1e-6)
    with pytest.raises(FormatError, match="'furlong'; known are m, "):
        read_c3d(write(units="furlong"))
    with pytest.raises(InputError, match="scale"):
        read_c3d(write(), scale=-1.0)
    assert read_c3d(write(screen="+Y")).up == "y"
    assert read_c3d(write(screen="+Z")).up == "z"
    assert read_c3d(write(screen="+Z"), up="y").up == "y"


def test_names_that_repeat(write):
    assert read_c3d(write(labels=("A", "A", "B"))).names == ("A", "A_2", "B")


def test_a_gap_names_the_frame(write):
    points = POINTS.copy()
    points[4, 1] = np.nan
    path = write(points)
    with pytest.raises(FormatError, match="frame 5 has no position for marker 'RASI', one of 1 gaps"):
        read_c3d(path)
    kept = read_c3d(path, gaps="keep").positions
    assert np.argwhere(np.isnan(kept).all(axis=-1)).tolist() == [[4, 1]]
    with pytest.raises(InputError, match='"error" or "keep"'):
        read_c3d(path, gaps="fill")


def test_a_truncated_file_names_the_frame(write):
    # 400 frames, so that the data fill more than the last block; 3 markers of 4 floats are 48 bytes.
    path = write(np.tile(POINTS[:1], (400, 1, 1)))
    content = path.read_bytes()
    start = (int.from_bytes(content[16:18], "little") - 1) * 512
    path.write_bytes(content[: start + 48 * 250 + 7])
    with pytest.raises(FormatError, match="made.c3d: the file ends in frame 251 of 400"):
        read_c3d(path)


@pytest.mark.parametrize("length", [1, 300, 600])
def test_cut_before_the_frames(write, length):
    path = write()
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(FormatError, match="frame 1"):
        read_c3d(path)


def test_no_c3d(tmp_path):
    path = tmp_path / "made.c3d"
    with pytest.raises(FileError, match="no such file"):
        read_c3d(path)
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(FormatError, match="not a C3D file"):
        read_c3d(path)


def test_no_markers(write):
    with pytest.raises(FormatError, match="0 markers"):
        read_c3d(write(np.zeros((5, 0, 3)), labels=()))


def test_without_the_package(write, monkeypatch):
    path = write()
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    with pytest.raises(MissingExtra, match=r"anchorpose\[mocap\]"):
        read_c3d(path)
