"""Ids in videos: by the function, by the command line, and over a run that was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anchorpose.cli import main
from anchorpose.files.images import write_image
from anchorpose.files.video_writer import VideoWriter
from anchorpose.sense import pipeline
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from anchorpose.sense.pipeline import Model, video
from conftest import FakeDetector, TinyLift

SHAPES = np.random.default_rng(1).integers(0, 255, (2, 6, 8, 3), np.uint8).repeat(40, 1).repeat(40, 2)


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


@pytest.fixture
def model(tiny_lift: TinyLift, detector: FakeDetector) -> Model:
    return Model(detector, Lifter(load_session(tiny_lift.onnx, 1)))


@pytest.fixture
def run(model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command line in an empty folder, with people at fixed places: one in even frames, two in odd ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "load", lambda *_, **__: model)
    # Poses of single frames: test_cli_video.py has motions.
    monkeypatch.setattr("anchorpose.cli.run._Refining.refiner", lambda *_: None)
    return lambda *args: main([str(a) for a in args])


def clip(path: str | Path, frames: int = 9, cut: int | None = None) -> Path:
    """A still picture, from frame `cut` on another one."""
    with VideoWriter(Path(path), Fraction(25), (320, 240)) as writer:
        for i in range(frames):
            writer.write(SHAPES[0 if cut is None or i < cut else 1], i / 25)
    return Path(path)


def ids(path: str | Path) -> list[list[Any]]:
    return [[p["id"] for p in json.loads(line)["people"]] for line in Path(path).read_text().splitlines()]


EXPECTED = [[1], [1, None], [1], [1, None], [1], [1, 2], [1], [1, 2], [1]]


def test_people_of_videos_have_ids(model: Model, tmp_path: Path) -> None:
    """The one who comes and goes gets his when he was seen three times; nobody has one where it is not asked for, nor
    in photos."""
    path = clip(tmp_path / "walk.mp4")
    assert [[p.id for p in people] for people in video(path, model)] == EXPECTED
    assert {p.id for people in video(path, model, track=False) for p in people} == {None}
    for name in ("1.png", "2.png", "3.png"):
        write_image(tmp_path / "photos" / name, SHAPES[0])
    assert {p.id for people in video(tmp_path / "photos", model) for p in people} == {None}


def test_a_cut_in_the_picture_ends_tracks(model: Model, tmp_path: Path) -> None:
    """The same places in another scene are other people."""
    path = clip(tmp_path / "cut.mp4", cut=6)
    found = [[p.id for p in people] for people in video(path, model)]
    assert found[:6] == EXPECTED[:6] and found[6] == [3] and {i for f in found[6:] for i in f} <= {3, None}


def test_the_command_line(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Ids in the lines and on the pictures; `--no-track` leaves them out."""
    clip("walk.mp4")
    assert run("run", "walk.mp4") == 0
    assert ids("anchorpose-out/walk.jsonl") == EXPECTED
    assert run("run", "walk.mp4", "--no-track", "--save", "json") == 0
    assert {i for frame in ids("anchorpose-out/walk.jsonl") for i in frame} == {None}


def test_a_run_that_was_stopped_goes_on_with_its_ids(run: Callable[..., int], detector: FakeDetector) -> None:
    """The same lines as those of a run that was not."""
    clip("walk.mp4")
    detector.interrupt_at = 6
    assert run("run", "walk.mp4", "--save", "json") == 130
    detector.interrupt_at = None
    assert run("run", "walk.mp4", "--save", "json", "--resume") == 0
    assert ids("anchorpose-out/walk.jsonl") == EXPECTED


def test_other_frames_of_the_same_run_do_not_mix_up_ids(run: Callable[..., int]) -> None:
    """Every third frame first, then all: who has an id keeps it, and a new person gets one that is free."""
    clip("walk.mp4", 12)
    assert run("run", "walk.mp4", "--save", "json", "--every", 3) == 0
    assert ids("anchorpose-out/walk.jsonl") == [[1], [1, None], [1], [1, None]]
    assert run("run", "walk.mp4", "--save", "json", "--resume") == 0
    lines = [json.loads(line) for line in Path("anchorpose-out/walk.jsonl").read_text().splitlines()]
    by_frame = {line["frame"]: [p["id"] for p in line["people"]] for line in lines}
    assert len(by_frame) == 12 and all(by_frame[f][0] == 1 for f in range(12))
    assert {by_frame[f][1] for f in (5, 7, 11)} == {2}
