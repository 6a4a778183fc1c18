"""The motion table on clips: rows, tuning, verdicts, the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchorpose.measure.clip_fronts import _FILES, FRONTS, save_sequence
from anchorpose.measure.clip_set import TRUTH
from anchorpose.measure.clip_table import compute, markdown, tracks_of
from anchorpose.measure.motion_rows import FILLED, MATCHED, RefinerOptions
from anchorpose.poses.sequences import PoseSequence
from test_clip_set import toy_clip
from toy_motion import hide, toy_posebert_folder, toy_sequence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two clips of each set, the front ends' words kept; in one, one front end sees nobody."""
    for split in ("val", "train"):
        for k in range(2):
            clip = tmp_path / split / f"clip_{k:03d}"
            clip.mkdir(parents=True)
            toy_clip(24, k).save(clip / TRUTH)
            for front in FRONTS:
                said = hide(toy_sequence(24, k, noise=0.03), [5, 6, 7])
                if front == FRONTS[1] and k == 1:
                    said = PoseSequence.empty(said.times)
                save_sequence(said, clip / _FILES[front])
    return tmp_path


def test_the_whole_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RefinerOptions, "choices", lambda longest: [RefinerOptions(16, 4, True)])
    model = str(toy_posebert_folder() / "posebert.onnx")
    data = compute(folder, {"toy": model}, delays=(4,), limit=2)
    assert data["clips"] == {"val": 2, "train": 2} and data["frames"]["val"] == 48
    rows = data["fronts"][FRONTS[0]]["rows"]
    assert list(rows)[:2] == [MATCHED, FILLED] and "+ toy" in rows and "+ toy, online, delay 4" in rows
    assert rows[MATCHED]["coverage"] == pytest.approx(21 / 24) and rows[FILLED]["coverage"] == 1
    assert rows["+ Savitzky-Golay"]["acceleration"] < rows[FILLED]["acceleration"]
    # Where nothing was seen in a clip there is nothing to fill or refine.
    assert data["fronts"][FRONTS[1]]["rows"]["+ toy"]["coverage"] == 0.5
    page = markdown(data)
    assert "A quick look at 2 clips" in page and page.count("\n## ") == 3 and "of the detector's" in page


def test_tracks_are_read_from_the_folder(folder: Path) -> None:
    tracks = tracks_of(folder / "val", limit=1)
    assert set(tracks) == set(FRONTS) and [len(t) for t in tracks.values()] == [1, 1, 1]
    assert tracks[FRONTS[0]][0].truth.shape == (24, 13, 3)
