"""Speeds of the synthesis: from the times of shards, and of a command that runs."""

import sys

import pytest

from anchorpose.measure import bench, synth_speed
from anchorpose.poses.errors import FileError


def test_the_start_of_the_processes_does_not_count():
    # Two processes: one starts late; from second 12 on there is a shard of ten images every second.
    finished = [10.0, 12.0, 13.0, 14.0, 15.0]
    assert synth_speed.shard_speed(finished, 2, 10) == pytest.approx(30 / 3)
    assert synth_speed.shard_speed([1.0, 3.0], 1, 4) == pytest.approx(2)
    with pytest.raises(FileError, match="no speed"):
        synth_speed.shard_speed([1.0, 2.0], 2, 4)


def test_without_data_there_are_no_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("ANCHORPOSE_DATA", str(tmp_path))
    assert synth_speed.synth_commands() == {} and synth_speed.synth_record() == {}
    assert bench.synth_tables({}) == []


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(FileError, match="nowhere"):
        synth_speed.synth_speed(["render", "--mocap", str(tmp_path / "nowhere.bvh")], 1, 2, 1)


def test_the_speed_of_a_command_that_runs(monkeypatch):
    program = (
        "import sys, time, pathlib; a = sys.argv; out = pathlib.Path(a[a.index('--out') + 1]); out.mkdir()\n"
        "for k in range(3): time.sleep(.1); (out / f'{k:06d}.tar').touch()"
    )

    def run(command, **options):
        return real([sys.executable, "-c", program, *command[3:]], **options)

    real = synth_speed.subprocess.run
    monkeypatch.setattr(synth_speed.subprocess, "run", run)
    assert 5 < synth_speed.synth_speed(["render"], 1, 6, 2) <= 21


def test_the_table_has_a_row_for_each_kind():
    text = "\n".join(bench.synth_tables({"mosaics": {"1": 4.04, "2": 7.96}}))
    assert "| mosaics | 4.0 | 8.0 |" in text
