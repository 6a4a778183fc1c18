"""C3D as it is written: read by our reader (ezc3d), and by the package c3d."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.c3d import read_c3d
from anchorpose.files.c3d_writer import write_c3d
from anchorpose.files.points import Points, points_of_clip, points_of_motion, points_of_people
from anchorpose.poses.errors import InputError
from moving_people import moving, people_frames

pytest.importorskip("ezc3d", reason="ezc3d is not installed")


def test_it_comes_back(tmp_path: Path) -> None:
    for points in (points_of_motion(moving()), *points_of_people(people_frames())):
        write_c3d(points, tmp_path / "a.c3d")
        clip = read_c3d(tmp_path / "a.c3d", gaps="keep")
        assert (clip.up, clip.names) == ("y", points.names)
        assert clip.fps == pytest.approx(1 / (points.times[1] - points.times[0]), rel=1e-4)
        np.testing.assert_allclose(points_of_clip(clip).positions, points.positions, atol=1e-5)


@pytest.mark.filterwarnings("ignore:No analog data")
def test_another_program_reads_it(tmp_path: Path) -> None:
    c3d = pytest.importorskip("c3d", reason="the package c3d is not installed")
    points = points_of_motion(moving(3))
    write_c3d(points, tmp_path / "a.c3d")
    with (tmp_path / "a.c3d").open("rb") as file:
        reader = c3d.Reader(file)
        frames = [rows[:, :3] for _, rows, _ in reader.read_frames()]
        assert reader.point_rate == pytest.approx(30)
        assert [label.strip() for label in reader.point_labels[: len(points.names)]] == list(points.names)
    np.testing.assert_allclose(np.array(frames), 1000 * points.positions, atol=1e-2)


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 frames"):
        write_c3d(Points(None, ("a",), [], np.zeros((0, 1, 3))), tmp_path / "a.c3d")
    assert list(tmp_path.iterdir()) == []
