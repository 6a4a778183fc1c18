"""Results by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.results import ResultsWriter, save
from anchorpose.files.results_index import IndexedResults
from anchorpose.poses.errors import FileError, FormatError
from moving_people import people_frames


def test_frames_in_order(tmp_path: Path) -> None:
    """Sorted by number whatever the order of lines, read one by one; half a line does not count."""
    frames = people_frames(5)
    path = tmp_path / "a.jsonl.partial"
    save([frames[k] for k in (3, 0, 4, 1, 2)], tmp_path / "a.jsonl")
    path.write_bytes((tmp_path / "a.jsonl").read_bytes() + b'{"format": "anch')
    with IndexedResults(path) as results:
        assert len(results) == 5 and results.frames.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(results.times, np.arange(5) / 25)
        assert [results[k] for k in (4, 0, 2)] == [frames[4], frames[0], frames[2]]


def test_broken_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    with IndexedResults(path) as results:
        assert len(results) == 0
    path.write_text('{"frame": 1}\n')
    with IndexedResults(path) as results, pytest.raises(FormatError, match="frame 1: the line: format"):
        results[0]
    for text in ("no\n", "[1]\n", '{"frame": "x"}\n'):
        path.write_text(text)
        with pytest.raises(FormatError, match="line 1"):
            IndexedResults(path)
    with pytest.raises(FileError, match="no such file"):
        IndexedResults(tmp_path / "none.jsonl")


def test_lines_can_be_left(tmp_path: Path) -> None:
    """`leave` keeps the partial file; of a complete one to which nothing is added, that one."""
    frames = people_frames(3)
    with ResultsWriter(tmp_path / "a.jsonl") as writer:
        writer.write(frames[0])
        assert writer.leave() == tmp_path / "a.jsonl.partial"
    assert not (tmp_path / "a.jsonl").exists()
    with ResultsWriter(tmp_path / "a.jsonl", resume=True) as writer:
        assert writer.done == {("clip.mp4", 0)}
        writer.write(frames[1])
    with ResultsWriter(tmp_path / "a.jsonl", resume=True) as writer:
        assert writer.leave() == tmp_path / "a.jsonl"
    with ResultsWriter(tmp_path / "a.jsonl", resume=True) as writer:
        writer.write(frames[2])
        assert writer.leave() == tmp_path / "a.jsonl.partial"
    with IndexedResults(tmp_path / "a.jsonl.partial") as results:
        assert len(results) == 3
