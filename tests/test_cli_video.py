"""`anchorpose run` on videos, motion refined: two passes, files of motions, what is left when it is stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from anchorpose.cli import main
from anchorpose.files.convert import read_content
from anchorpose.files.results import read_results, validate_line
from anchorpose.files.video_writer import VideoWriter
from anchorpose.poses.cameras import Camera
from anchorpose.poses.values import Frame, Person, Pose
from anchorpose.sense import pipeline
from anchorpose.sense.pipeline import Optics
from toy_motion import toy_posebert_folder, toy_truth

SHAPES = np.random.default_rng(1).integers(0, 255, (2, 6, 8, 3), np.uint8).repeat(20, 1).repeat(20, 2)


class FakeModel:
    """One person who swings its limbs, and from frame 2 on a second; nobody is seen in frame `missed`."""

    def __init__(self) -> None:
        self.optics = Optics()
        self.truth = [toy_truth(40, k, (1.2 * k - 0.6, 0.1, 4.0)) for k in range(2)]
        self.missed, self.interrupt_at, self.people = 5, -1, 2
        self.sensed: list[int] = []

    def sense(self, frame: Frame) -> Any:
        from anchorpose.poses.transforms import torso_centre
        from anchorpose.poses.values import People

        if frame.index == self.interrupt_at:
            raise KeyboardInterrupt
        self.sensed.append(frame.index)
        camera = frame.camera or Camera.from_fov(frame.width, frame.height)
        persons = []
        for k in range(self.people if frame.index >= 2 else min(self.people, 1)):
            if frame.index == self.missed:
                continue
            joints = self.truth[k][frame.index]
            centre, pixels = torso_centre(joints), camera.project(joints)
            box = np.concatenate([pixels.min(0), pixels.max(0)])
            body = Pose("body13", 0.9, box, pixels, np.full(13, 0.9), joints - centre, centre)
            persons.append(Person.from_body(body))
        return People(tuple(persons), frame.source, frame.index, frame.time, frame.width, frame.height, camera)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def run(model: FakeModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command line in an empty folder, with the toy motion model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANCHORPOSE_HOME", str(toy_posebert_folder()))
    monkeypatch.setattr(pipeline, "load", lambda *_, **__: model)
    return lambda *args: main([str(a) for a in args])


def clip(path: str | Path, frames: int = 12, cut: int | None = None) -> Path:
    """A still picture, from frame `cut` on another one."""
    with VideoWriter(Path(path), Fraction(25), (160, 120)) as writer:
        for i in range(frames):
            writer.write(SHAPES[0 if cut is None or i < cut else 1], i / 25)
    return Path(path)


def lines(path: str | Path) -> list[dict[str, Any]]:
    out = [json.loads(text) for text in Path(path).read_text().splitlines()]
    for line in out:
        validate_line(line)
    return out


def files(folder: str | Path = "anchorpose-out") -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*"))


def test_everything_at_once(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Results with motions, nobody missing between, pictures, a file for each person or for all, and a report."""
    clip("walk.mp4")
    kinds = "json video page bvh glb mesh npz mot trc c3d csv".split()
    if not _has_c3d():
        kinds.remove("c3d")
    assert run("run", "walk.mp4", "--save", *kinds) == 0
    each = [f"walk_id{i}.{s}" for i in (1, 2) for s in ("bvh", "mesh.glb", "npz", "mot", "trc", "c3d")]
    whole = ["walk.jsonl", "walk.overlay.mp4", "walk.html", "walk.glb", "walk.csv", "walk.report.json"]
    expected = sorted(name for name in each + whole if not name.endswith("c3d") or _has_c3d())
    assert files() == expected
    out, err = capsys.readouterr()
    assert sorted(out.split()) == sorted(f"anchorpose-out/{name}" for name in expected)
    found = lines("anchorpose-out/walk.jsonl")
    assert [line["frame"] for line in found] == list(range(12)) and {line["format"] for line in found} == {
        "anchorpose/2"
    }
    assert [[p["id"] for p in line["people"]] for line in found] == [[1]] * 2 + [[1, 2]] * 10
    assert [p.get("filled", False) for p in found[5]["people"]] == [True, True]
    assert all("motion" in p and p["motion"]["frame"] == "camera" for line in found for p in line["people"])
    with av.open("anchorpose-out/walk.overlay.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) == 12
    report = json.loads(Path("anchorpose-out/walk.report.json").read_text())
    assert (report["frames"], report["people"], report["filled"], len(report["meshes"])) == (12, 2, 2, 2)
    assert all(0 < fit["mean_cm"] < fit["worst_cm"] < 20 for fit in report["meshes"])  # an untrained network's lengths
    assert "coverage 90.9 % -> 100.0 %" in err and "joints of mesh 1" in err
    assert read_content(Path("anchorpose-out/walk_id2.bvh")).clip is not None


def _has_c3d() -> bool:
    from importlib.util import find_spec

    return find_spec("ezc3d") is not None


def test_results_are_converted(run: Callable[..., int]) -> None:
    """The motions in results make a BVH, as `run` itself would have written it; in the world, if asked for."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--save", "json", "bvh", "--frame", "world") == 0
    assert lines("anchorpose-out/walk.jsonl")[3]["people"][0]["motion"]["frame"] == "world"
    assert run("convert", "anchorpose-out/walk.jsonl", "again.bvh") == 0
    for id in (1, 2):
        one, other = (read_content(Path(name)).clip for name in (f"anchorpose-out/walk_id{id}.bvh", f"again_{id}.bvh"))
        assert one is not None and other is not None
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-3)


def test_single_frames(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """--no-refine: one pass, no motions; of the joints there are files too, of rotations there are none."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--no-refine", "--save", "trc", "page") == 0
    assert files() == ["walk.html", "walk_id1.trc", "walk_id2.trc"]
    assert run("run", "walk.mp4", "--no-refine") == 0
    assert not any("motion" in p for line in lines("anchorpose-out/walk.jsonl") for p in line["people"])
    assert len(lines("anchorpose-out/walk.jsonl")[5]["people"]) == 0
    assert run("run", "walk.mp4", "--no-refine", "--save", "json", "bvh") == 2
    assert "--save bvh is made of refined motions" in capsys.readouterr().err


def test_without_the_model(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, and the rest is done."""
    from anchorpose.poses.errors import ModelError
    from anchorpose.sense import models

    def missing(name: str) -> Path:
        raise ModelError(f"there is no model called {name!r}")

    monkeypatch.setattr(models, "model_path", missing)
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--save", "json", "bvh") == 0
    err = capsys.readouterr().err
    assert "as with --no-refine: there is no model called 'posebert'" in err and "bvh left out" in err
    assert files() == ["walk.jsonl"] and "motion" not in lines("anchorpose-out/walk.jsonl")[3]["people"][0]


def test_stopped_and_gone_on_with(run: Callable[..., int], model: FakeModel) -> None:
    """Finished frames are kept, none is sensed again, and the results are those of a run that was never stopped."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "-o", "whole") == 0
    model.interrupt_at, model.sensed = 7, []
    assert run("run", "walk.mp4", "-o", "parts") == 130
    assert files("parts") == ["walk.jsonl.partial"]
    assert [p.frame for p in read_results("parts/walk.jsonl.partial")] == list(range(7))
    model.interrupt_at, model.sensed = -1, []
    assert run("run", "walk.mp4", "-o", "parts", "--resume") == 0
    assert model.sensed == list(range(7, 12)) and files("parts") == files("whole")
    assert Path("parts/walk.jsonl").read_bytes() == Path("whole/walk.jsonl").read_bytes()
    before, model.sensed = Path("parts/walk.jsonl").read_bytes(), []
    assert run("run", "walk.mp4", "-o", "parts", "--resume", "--save", "json", "bvh", "figure") == 0
    assert model.sensed == [] and Path("parts/walk.jsonl").read_bytes() == before
    assert {"walk_id1.bvh", "walk.figure.mp4"} <= set(files("parts"))


def test_results_of_single_frames_are_refined_later(run: Callable[..., int], model: FakeModel) -> None:
    """--resume of a finished run without motions adds them, and senses nothing."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--no-refine", "--save", "json") == 0
    model.sensed = []
    assert run("run", "walk.mp4", "--resume", "--save", "json") == 0
    assert model.sensed == []
    assert all("motion" in p for line in lines("anchorpose-out/walk.jsonl")[3:] for p in line["people"])


def test_a_cut_ends_tracks(run: Callable[..., int]) -> None:
    """People of another scene are other people, and nobody is filled in across."""
    clip("walk.mp4", 16, cut=8)
    assert run("run", "walk.mp4", "--save", "json") == 0
    found = lines("anchorpose-out/walk.jsonl")
    before, after = ({p["id"] for line in part for p in line["people"]} for part in (found[:8], found[8:]))
    assert before and after and not before & after


@pytest.mark.parametrize("frames,people", [(12, 0), (1, 1)])
def test_nobody_and_one_frame(run: Callable[..., int], model: FakeModel, frames: int, people: int) -> None:
    """Nothing is lost, files of nobody are not written, a page of nobody is empty."""
    model.people = people
    clip("walk.mp4", frames)
    assert run("run", "walk.mp4", "--save", "json", "bvh", "page", "glb") == 0
    assert len(lines("anchorpose-out/walk.jsonl")) == frames
    bodies = ["walk.glb", "walk_id1.bvh"] if people else []
    assert files() == sorted(["walk.html", "walk.jsonl", "walk.report.json", *bodies])


def test_photos_have_no_motion(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    from anchorpose.files.images import write_image

    write_image(Path("me.png"), SHAPES[0])
    assert run("run", "me.png", "--save", "json", "bvh") == 0
    assert files() == ["me.jsonl"] and "me.png: bvh left out" in capsys.readouterr().err
    assert run("run", "me.png", "--save", "bvh") == 2
    assert "me.png is no video" in capsys.readouterr().err
