"""Tables of points."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.points import points_of_motion, points_of_people
from anchorpose.files.results import save
from anchorpose.files.tables import COLUMNS, read_csv, write_csv
from anchorpose.poses.errors import FormatError
from moving_people import moving, people_frames


def test_it_comes_back(tmp_path: Path) -> None:
    people = [*points_of_people(people_frames()), points_of_motion(moving(), 7)]
    write_csv(people, tmp_path / "a.csv")
    back = read_csv(tmp_path / "a.csv")
    assert [p.person for p in back] == [1, 2, 7]
    for here, there in zip(people, back, strict=True):
        assert here.names == there.names
        np.testing.assert_array_equal(here.times, there.times)
        np.testing.assert_allclose(here.positions, there.positions, atol=1e-6)
        if here.scores is not None:
            np.testing.assert_allclose(here.scores, there.scores, atol=1e-6)
    assert back[2].scores is None


def test_tables_of_results_are_read_too(tmp_path: Path) -> None:
    """They are in the camera's frame about each root; here they come placed, with y up."""
    frames = people_frames()
    save(frames, tmp_path / "a.csv")
    for here, there in zip(points_of_people(frames), read_csv(tmp_path / "a.csv"), strict=True):
        seen = np.isfinite(here.positions).all((1, 2)) | np.isin(here.times, there.times)
        np.testing.assert_allclose(there.positions, here.positions[seen], atol=1e-9)


def test_it_is_tidy(tmp_path: Path) -> None:
    write_csv(points_of_people(people_frames()), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * 4 * 13
    missing = [row for row in rows if row["x"] == ""]
    assert {(row["frame"], row["person"]) for row in missing} == {("1", "2"), ("2", "1")}
    write_csv([], tmp_path / "b.csv")
    assert read_csv(tmp_path / "b.csv") == ()


def test_broken_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    head = ",".join(COLUMNS)
    for text, message in (
        ("a,b\n1,2\n", "line 1: no column frame"), (f"{head}\n0,0,1,nose,x,0,0,1\n", "line 2: x should be a number"),
        (f"{head}\n0,0,1,nose,0,0,0,1\n0,0,1,nose,0,0,0,1\n", "line 3: joint 'nose' of person 1 is given twice"),
        (f"{head}\n0,,1,nose,0,0,0,1\n", "line 2: no time"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(FormatError, match=message):
            read_csv(path)
