"""TRC: written, read back, and read by trc-data-reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.points import Points, points_of_motion, points_of_people
from anchorpose.files.trc import read_trc, write_trc
from anchorpose.poses.errors import FormatError, InputError
from moving_people import moving, people_frames


@pytest.mark.parametrize("units", ["m", "mm"])
def test_it_comes_back(tmp_path: Path, units: str) -> None:
    for points in (points_of_motion(moving()), *points_of_people(people_frames())):
        write_trc(points, tmp_path / "a.trc", units=units)
        back = read_trc(tmp_path / "a.trc")
        assert back.names == points.names
        np.testing.assert_allclose(back.positions, points.positions, atol=1e-6)  # NaN where NaN was
        np.testing.assert_allclose(back.times, points.times, atol=1e-6)


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    points = Points(None, ("a",), [1.0, 1.1, 1.3], np.zeros((3, 1, 3)))
    write_trc(points, tmp_path / "a.trc")
    np.testing.assert_allclose(read_trc(tmp_path / "a.trc").times, points.times)


def test_another_program_reads_it(tmp_path: Path) -> None:
    """x forward, y up, z to the right: who faces our +z faces x."""
    trc = pytest.importorskip("trc", reason="trc-data-reader is not installed")
    points = points_of_motion(moving(4))
    write_trc(points, tmp_path / "a.trc")
    other = trc.TRCData()
    other.load(str(tmp_path / "a.trc"))
    assert (other["NumFrames"], other["NumMarkers"], other["Units"]) == (4, len(points.names), "m")
    assert tuple(other["Markers"]) == points.names
    assert other["DataRate"] == pytest.approx(30)
    x, y, z = points.positions[2].T
    time, rows = other[3]
    assert time == pytest.approx(points.times[2], abs=1e-6)
    np.testing.assert_allclose(rows, np.stack([z, y, -x], 1), atol=1e-6)


def test_foreign_files(tmp_path: Path) -> None:
    """Millimetres, values left out at the end of a line."""
    path = tmp_path / "a.trc"
    text = (
        "PathFileType\t4\t(X/Y/Z)\ta.trc\nDataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\n100\t100\t2\t2\tmm\n"
        "Frame#\tTime\tA\t\t\tB\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n\n1\t0.00\t1000\t2000\t3000\t\t\t\n"
        "2\t0.01\t1000\t2000\t3000\t10\t20\t30\n"
    )
    path.write_text(text)
    points = read_trc(path)
    np.testing.assert_allclose(points.positions[0, 0], [-3, 2, 1])
    assert np.isnan(points.positions[0, 1]).all()
    np.testing.assert_allclose(points.positions[1, 1], [-0.03, 0.02, 0.01])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("\tmm\n", "\tfurlong\n"), "line 3: Units is 'furlong'"),
        (("PathFileType", "Path"), "line 1"),
        (("1000\t2000", "1000\tx"), "line 7: could not convert"),
        (("100\t100\t2", "100\t100\t5"), "ends in frame 2 of 5"),
        (("2\t0.01", "2\t0.00"), "must rise"),
        (("10\t20\t30", "10\t20\t30\t40"), "line 8: more values"),
    ],
)
def test_broken_files(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    test_foreign_files(tmp_path)
    path = tmp_path / "a.trc"
    path.write_text(path.read_text().replace(*change, 1))
    with pytest.raises(FormatError, match=message):
        read_trc(path)


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 frames"):
        write_trc(Points(None, ("a",), [], np.zeros((0, 1, 3))), tmp_path / "a.trc")
    assert list(tmp_path.iterdir()) == []
