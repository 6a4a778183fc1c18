"""The motion table on virtual cameras: tracks, rows, the page."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from anchorpose.measure.motion_rows import RefinerOptions
from anchorpose.measure.motion_table import contenders, main, parse_models, tuning_corpus, virtual_tracks
from anchorpose.poses.errors import InputError
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from conftest import TinyLift
from toy_motion import toy_corpus, toy_posebert_folder


def model_file() -> str:
    return str(toy_posebert_folder() / "posebert.onnx")


def test_tracks_of_virtual_cameras(tiny_lift: TinyLift) -> None:
    """The same for the same seed; without noise nothing is missed."""
    corpus, lifter = toy_corpus(40), Lifter(load_session(str(tiny_lift.onnx)))
    tracks = virtual_tracks(corpus, lifter, 3, 5, None)
    assert len(tracks) == 3 and all(t.sequence.seen.all() for t in tracks)
    for one, two in zip(tracks, virtual_tracks(corpus, lifter, 3, 5, None), strict=True):
        np.testing.assert_array_equal(one.truth, two.truth)
        assert (one.truth[..., 2] > 0.3).all() and one.sequence.joints3d.shape == one.truth.shape


def test_who_is_tuned_on() -> None:
    """Training subjects that networks are not trained on, where there are such."""
    corpus = toy_corpus(40)
    assert {corpus.clips[k].subject for k in np.unique(tuning_corpus(corpus).clip)} == {"cmu_006"}
    without = corpus.subset(corpus.clip != 2)
    assert {corpus.clips[k].subject for k in np.unique(tuning_corpus(without).clip)} == {"anybody", "somebody"}


def test_rows_of_models() -> None:
    """The tuned options, other windows, the other choice of modes, live ones; no windows that a model lacks."""
    rows = contenders({"net": model_file()}, RefinerOptions(64, 8, True), [8, 64], [], True, [0, 4])
    assert list(rows) == [
        "+ net", "+ net, not settled", "+ net, modes off", "+ net, window 8, stride 2",
        "+ net, online, window 16, delay 0", "+ net, online, window 16, delay 4",
    ]  # fmt: skip
    assert parse_models(["a=b.onnx"]) == {"a": "b.onnx"} and parse_models(["posebert"]) == {"PoseBERT": "posebert"}
    with pytest.raises(InputError, match="NAME=FILE"):
        parse_models(["a="])


def test_the_whole_table(tiny_lift: TinyLift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_corpus(40).save(tmp_path / "corpus.npz")
    monkeypatch.setattr(RefinerOptions, "choices", lambda longest: [RefinerOptions(16, 4, True)])
    arguments = ["--out", tmp_path / "motion.md", "--corpus", tmp_path / "corpus.npz", "--lift", tiny_lift.onnx,
                 "--model", f"net={model_file()}", "--tracks", 3, "--delays", 0]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["motion_table", *map(str, arguments)])
    main()
    page = (tmp_path / "motion.md").read_text()
    assert "| + net |" in page and "net: MPJPE" in page and "window 16, stride 4, modes True" in page
    assert (tmp_path / "motion.json").is_file()
