"""`anchorpose refine`: poses in, files of motions out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.cli import main
from anchorpose.cli.refine import refine_file
from anchorpose.cli.refine_options import Refine
from anchorpose.files.convert import read_content
from anchorpose.files.results import save
from anchorpose.files.sequences import read_sequences
from anchorpose.poses.errors import InputError
from test_pose_files import people
from toy_motion import toy_posebert_folder, toy_truth


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Results to BVH, a file a person; the BVH goes in again; what cannot be done is said."""
    monkeypatch.setenv("ANCHORPOSE_HOME", str(toy_posebert_folder()))
    save(people(), tmp_path / "clip.jsonl")
    assert refine_file(Refine(tmp_path / "clip.jsonl", tmp_path / "clip.bvh")) == 0
    out = capsys.readouterr()
    written = [Path(line) for line in out.out.split()]
    assert len(written) == 2 and all(p.exists() for p in written) and "48 frames, 6 of them filled in" in out.err
    assert read_content(written[0]).clip is not None
    ((_, again),) = read_sequences(written[0])
    assert again.seen.all() and len(again) == 24
    assert refine_file(Refine(tmp_path / "clip.jsonl", tmp_path / "one.npz", person=1, frame="camera")) == 0
    with pytest.raises(InputError, match="no person 7; there are 0, 1"):
        refine_file(Refine(tmp_path / "clip.jsonl", tmp_path / "clip.bvh", person=7))
    with pytest.raises(InputError, match="a motion is written as"):
        refine_file(Refine(tmp_path / "clip.jsonl", tmp_path / "other.jsonl"))


def test_people_in_doubt_and_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file for each person with an id, the others counted; scale and axis are handed on."""
    monkeypatch.setenv("ANCHORPOSE_HOME", str(toy_posebert_folder()))
    frames = people()
    frames[0] = replace(frames[0], persons=tuple(replace(p, id=None) for p in frames[0]))
    save(frames, tmp_path / "clip.jsonl")
    assert main(["refine", str(tmp_path / "clip.jsonl"), str(tmp_path / "out.bvh")]) == 0
    out, err = capsys.readouterr()
    assert [Path(line).name for line in out.split()] == ["out_0.bvh", "out_1.bvh"]
    assert "clip.jsonl: 2 sightings of people in doubt, without an id, left out" in err and "2 motions" in err
    truth = toy_truth(6)
    np.savez(tmp_path / "mm.npz", joints3d=1000 * np.stack([truth[..., 0], truth[..., 2], -truth[..., 1]], -1))
    given = ["refine", str(tmp_path / "mm.npz"), str(tmp_path / "mm.bvh")]
    assert main(given) == 2
    assert "With --scale 0.001 they would have" in capsys.readouterr().err
    assert main([*given, "--scale", "0.001", "--up", "z"]) == 0
    assert main([*given, "--scale", "0.001", "--up", "-y"]) == 0
