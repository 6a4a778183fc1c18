"""The command line, end to end: what it writes, what it says, and that no finished frame is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import jsonschema
import numpy as np
import pytest
from PIL import Image

from anchorpose.cli import main
from anchorpose.files.images import write_image
from anchorpose.files.results import people_schema, read_results
from anchorpose.poses.cameras import Camera
from anchorpose.sense import pipeline
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from anchorpose.sense.pipeline import Model, Optics
from conftest import FakeDetector, TinyLift, seen_by

VALIDATOR = jsonschema.Draft202012Validator(people_schema())
Run = Callable[..., int]


@pytest.fixture
def detector() -> FakeDetector:
    return FakeDetector()


@pytest.fixture
def run(tiny_lift: TinyLift, detector: FakeDetector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`anchorpose ...` in an empty folder, with a model whose detector finds the same people in every picture."""
    monkeypatch.chdir(tmp_path)
    session = load_session(tiny_lift.onnx, 1)

    def load(name: str = "default", *, fov: Any = None, focal: Any = None, camera: Any = None, **_: Any) -> Model:
        return Model(detector, Lifter(session), Optics(camera, focal, fov))

    monkeypatch.setattr(pipeline, "load", load)
    # Poses of single frames: test_cli_video.py has motions.
    monkeypatch.setattr("anchorpose.cli.run._Refining.refiner", lambda *_: None)
    return lambda *args: main([str(a) for a in args])


def picture(path: str | Path, size: tuple[int, int] = (64, 48)) -> Path:
    write_image(path, np.full((size[1], size[0], 3), 90, np.uint8))
    return Path(path)


def clip(path: str | Path, frames: int = 6) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            image = np.full((48, 64, 3), 20 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return Path(path)


def lines(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a results file, each checked against the schema."""
    out = [json.loads(text) for text in Path(path).read_text().splitlines()]
    for line in out:
        VALIDATOR.validate(line)
    return out


def files(folder: str | Path = "anchorpose-out") -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())


# run ---------------------------------------------------------------------------------------------------------------


def test_a_photo(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Results and the picture with people drawn in, named after the photo; only their names are printed."""
    picture("me.png")
    assert run("run", "me.png") == 0
    assert files() == ["me.jsonl", "me.overlay.jpg"]
    (line,) = lines("anchorpose-out/me.jsonl")
    assert (line["source"], line["frame"], line["width"], line["height"]) == ("me.png", 0, 64, 48)
    assert line["camera"]["from"] == "default" and len(line["people"]) == 1
    assert len(line["people"][0]["body"]["joints3d"]) == 13
    with Image.open("anchorpose-out/me.overlay.jpg") as drawn:
        assert drawn.size[0] / drawn.size[1] == pytest.approx(64 / 48, rel=0.1)
        assert np.ptp(np.asarray(drawn).reshape(-1, 3).astype(int), axis=0).max() > 60  # something is drawn
    out, err = capsys.readouterr()
    assert out.splitlines() == ["anchorpose-out/me.jsonl", "anchorpose-out/me.overlay.jpg"]
    assert "me.png: 1 frames, 1.0 people a frame" in err


def test_options_of_the_camera_and_of_the_output(run: Run) -> None:
    """--fov goes into the results, --save says what is written, -o where."""
    picture("me.png")
    assert run("run", "me.png", "--fov", 90, "--save", "json", "figure", "-o", "there/it/is") == 0
    assert files("there") == ["it/is/me.figure.png", "it/is/me.jsonl"]
    (line,) = lines("there/it/is/me.jsonl")
    assert line["camera"]["from"] == "fov" and line["camera"]["fx"] == pytest.approx(32)
    assert run("run", "me.png", "--save", "figure", "-o", "only") == 0
    assert files("only") == ["me.figure.png"]


def test_a_video(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per frame with its time, and a video of as many frames with people drawn in."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--save", "json", "video", "figure") == 0
    assert files() == ["walk.figure.mp4", "walk.jsonl", "walk.overlay.mp4"]
    found = lines("anchorpose-out/walk.jsonl")
    assert [line["frame"] for line in found] == list(range(6))
    assert [line["time"] for line in found] == pytest.approx([i / 25 for i in range(6)], abs=1e-6)
    assert [len(line["people"]) for line in found] == [1, 2, 1, 2, 1, 2]
    for name in ("overlay", "figure"):
        with av.open(f"anchorpose-out/walk.{name}.mp4") as video:
            assert sum(1 for _ in video.decode(video=0)) == 6
    assert "walk.mp4: 6 frames, 1.5 people a frame" in capsys.readouterr().err


def test_a_folder(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """One results file for the folder, in natural order; pictures in a folder of its name; a broken photo is told and
    left out."""
    for name in ("b10.png", "b2.png", "b3.jpg"):
        picture(f"holiday/{name}")
    Path("holiday/b4.jpg").write_bytes(b"not a picture")
    assert run("run", "holiday", "--save", "json", "video") == 0
    assert [line["source"] for line in lines("anchorpose-out/holiday.jsonl")] == ["b2.png", "b3.jpg", "b10.png"]
    assert files() == ["holiday.jsonl", *(f"holiday/{n}.overlay.jpg" for n in ("b10.png", "b2.png", "b3.jpg"))]
    err = capsys.readouterr().err
    assert "b4.jpg" in err and "1 could not be read" in err


def test_every_nth_frame(run: Run, detector: FakeDetector, capsys: pytest.CaptureFixture[str]) -> None:
    """Only those are sensed, under their own numbers, and the progress bar counts to their number."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--every", 2, "--save", "json") == 0
    assert [line["frame"] for line in lines("anchorpose-out/walk.jsonl")] == [0, 2, 4]
    assert detector.calls == 3
    assert "3/3" in capsys.readouterr().err


def test_sources_of_the_same_name_do_not_overwrite_each_other(run: Run) -> None:
    """Two photos of one name in different folders and a video of that name get results and pictures of their own."""
    for folder in ("a", "b"):
        picture(f"{folder}/x.png", (64, 48) if folder == "a" else (48, 64))
    clip("x.mp4", 2)
    assert run("run", "a/x.png", "b/x.png", "x.mp4") == 0
    results = [name for name in files() if name.endswith(".jsonl")]
    assert sorted(lines(f"anchorpose-out/{name}")[0]["width"] for name in results) == [48, 64, 64]
    pictures = [name for name in files() if name.endswith(".overlay.jpg")]
    assert len(pictures) == 2
    shapes = set()
    for name in pictures:
        with Image.open(f"anchorpose-out/{name}") as drawn:
            shapes.add(drawn.size[0] > drawn.size[1])
    assert shapes == {True, False}
    assert "x.mp4.overlay.mp4" in files() or "x.overlay.mp4" in files()


def test_one_broken_source_does_not_stop_the_others(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told, the rest is done, and the exit status is 2."""
    picture("good.png")
    Path("bad.jpg").write_bytes(b"not a picture")
    assert run("run", "bad.jpg", "missing.mp4", "good.png", "--save", "json") == 2
    assert "good.jsonl" in files()
    err = capsys.readouterr().err
    assert "bad.jpg" in err and "missing.mp4: no such file" in err and "Traceback" not in err


def test_ctrl_c_keeps_the_finished_frames(run: Run, detector: FakeDetector, capsys: pytest.CaptureFixture[str]) -> None:
    """Stopped at frame 3: exit status 130, frames 0 to 2 in a readable partial file, no result under the final name."""
    clip("walk.mp4")
    detector.interrupt_at = 3
    assert run("run", "walk.mp4") == 130
    assert "walk.jsonl.partial" in files() and "walk.jsonl" not in files() and "walk.overlay.mp4" not in files()
    assert [p.frame for p in read_results("anchorpose-out/walk.jsonl.partial")] == [0, 1, 2]
    out, err = capsys.readouterr()
    assert "--resume" in err and "Traceback" not in err and out == ""


def test_resume_goes_on_where_it_stopped(run: Run, detector: FakeDetector) -> None:
    """No finished frame is sensed again, and the files are those of a run that was never stopped."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "-o", "whole") == 0
    detector.interrupt_at, detector.seen = 3, ()
    assert run("run", "walk.mp4", "-o", "parts") == 130
    detector.interrupt_at, detector.seen = None, ()
    assert run("run", "walk.mp4", "-o", "parts", "--resume") == 0
    assert detector.seen == (("walk.mp4", 3), ("walk.mp4", 4), ("walk.mp4", 5))
    assert files("parts") == files("whole") == ["walk.jsonl", "walk.overlay.mp4"]
    assert Path("parts/walk.jsonl").read_bytes() == Path("whole/walk.jsonl").read_bytes()
    with av.open("parts/walk.overlay.mp4") as video:
        assert sum(1 for _ in video.decode(video=0)) == 6  # finished frames are drawn again


def test_resume_drops_a_half_written_line(run: Run, detector: FakeDetector) -> None:
    """What a killed run left of a line is made again."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--save", "json") == 0
    path = Path("anchorpose-out/walk.jsonl")
    whole = path.read_bytes()
    head, rest = whole.split(b"\n", 2)[:2], b"\n"
    Path(f"{path}.partial").write_bytes(rest.join(head) + b'\n{"format": "anch')
    path.unlink()
    detector.seen = ()
    assert run("run", "walk.mp4", "--save", "json", "--resume") == 0
    assert [frame for _, frame in detector.seen] == [2, 3, 4, 5]
    assert path.read_bytes() == whole


def test_resume_of_a_finished_run_computes_nothing(run: Run, detector: FakeDetector) -> None:
    """The pictures may be asked for later: the people are read from the results."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--save", "json") == 0
    before = Path("anchorpose-out/walk.jsonl").read_bytes()
    detector.seen = ()
    assert run("run", "walk.mp4", "--resume") == 0
    assert run("run", "walk.mp4", "--resume", "--save", "figure") == 0
    assert detector.seen == ()
    assert Path("anchorpose-out/walk.jsonl").read_bytes() == before
    assert files() == ["walk.figure.mp4", "walk.jsonl", "walk.overlay.mp4"]


@pytest.mark.parametrize("first,second", [(1, 2), (2, 1), (2, 3)])
def test_resume_with_another_step(run: Run, detector: FakeDetector, first: int, second: int) -> None:
    """Also when the second run takes other frames, none is sensed twice and no frame has two lines."""
    clip("walk.mp4", 7)
    detector.interrupt_at = 4
    assert run("run", "walk.mp4", "--save", "json", "--every", first) == 130
    detector.interrupt_at = None
    assert run("run", "walk.mp4", "--save", "json", "--every", second, "--resume") == 0
    sensed = [frame for _, frame in detector.seen if frame != 4]
    assert len(sensed) == len(set(sensed))
    written = [line["frame"] for line in lines("anchorpose-out/walk.jsonl")]
    assert sorted(written) == sorted(set(written)) == sorted({*range(0, 4, first), *range(0, 7, second)})
    detector.seen = ()
    assert run("run", "walk.mp4", "--save", "json", "--every", second, "--resume") == 0
    assert detector.seen == ()


def test_resume_of_a_folder(run: Run, detector: FakeDetector) -> None:
    """Photos that are done are known by their names and places."""
    for i in range(4):
        picture(f"holiday/{i}.png")
    detector.interrupt_at = 2
    assert run("run", "holiday", "--save", "json") == 130
    detector.interrupt_at, detector.seen = None, ()
    assert run("run", "holiday", "--save", "json", "--resume") == 0
    assert detector.seen == (("2.png", 2), ("3.png", 3))
    assert [line["source"] for line in lines("anchorpose-out/holiday.jsonl")] == [f"{i}.png" for i in range(4)]


def test_without_resume_a_run_starts_anew(run: Run, detector: FakeDetector) -> None:
    """All frames are sensed again, and the old results stay until the new ones are complete."""
    clip("walk.mp4")
    assert run("run", "walk.mp4", "--save", "json") == 0
    before = Path("anchorpose-out/walk.jsonl").read_bytes()
    detector.interrupt_at = 3
    assert run("run", "walk.mp4", "--save", "json") == 130
    assert Path("anchorpose-out/walk.jsonl").read_bytes() == before
    detector.interrupt_at, detector.seen = None, ()
    assert run("run", "walk.mp4", "--save", "json") == 0
    assert len(detector.seen) == 6


@pytest.mark.parametrize(
    "args,message",
    [
        (("run",), "run needs a source"),
        (("run", "none.jpg"), "none.jpg: no such file"),
        (("run", "empty.png"), "empty.png is empty"),
        (("run", "empty"), "no photos in it"),
        (("run", "text.txt"), "text.txt"),
        (("run", "https://example.org/a.mp4"), "is an address"),
        (("run", "me.png", "--every", "0"), "every=0"),
        (("run", "me.png", "--fov", "200"), "between 0 and 180"),
        (("run", "me.png", "--fov", "60", "--focal", "500"), "one of"),
        (("run", "me.png", "--camera", "none.json"), "none.json"),
        (("run", "me.png", "-o", "me.png"), "me.png"),
        (("lift",), "lift needs a file"),
        (("lift", "none.json"), "none.json: no such file"),
        (("lift", "text.txt", "--size", "64", "48"), "not JSON"),
    ],
)
def test_bad_input_is_status_2_without_a_traceback(
    run: Run, with_tiny_lift: TinyLift, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], message: str
) -> None:
    """One line that says what was wrong, and nothing on standard output."""
    picture("me.png")
    Path("empty.png").touch()
    Path("empty").mkdir()
    Path("text.txt").write_text("hello")
    before = Path("me.png").read_bytes()
    assert run(*args) == 2
    out, err = capsys.readouterr()
    assert message in err and "Traceback" not in err and out == ""
    assert err.strip().splitlines()[-1].startswith("anchorpose: ")
    assert Path("me.png").read_bytes() == before


@pytest.mark.parametrize(
    "args",
    [
        ("walk", "me.png"),
        ("run", "me.png", "--colour"),
        ("run", "a", "--quality", "good"),
        ("run", "a", "--every", "x"),
        (),
    ],
)
def test_bad_options_are_status_2(args: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown commands and options, and values of the wrong kind."""
    with pytest.raises(SystemExit) as exit:
        main(args)
    assert exit.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command explains itself, with its options and examples."""
    for args, words in (
        (("--help",), ("run", "lift", "models")),
        (("run", "--help"), ("--save", "--resume", "--fov", "--every", "anchorpose run clip.mp4", "field of view")),
        (("lift", "--help"), ("--size", "--skeleton", "OpenPose")),
        (("models", "--help"), ("networks that ship",)),
    ):
        with pytest.raises(SystemExit) as exit:
            main(args)
        assert exit.value.code == 0
        out = " ".join(capsys.readouterr().out.split())
        assert all(word in out for word in words), (args, out)
    for flag in ("--version", "-V"):
        assert main([flag]) == 0
        assert capsys.readouterr().out.startswith("anchorpose 0.")


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, size, licence and origin of each network that ships."""
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "movenet_multipose" in out and "MB" in out and "Apache-2.0" in out


def test_the_program_starts_as_a_module() -> None:
    """`python -m anchorpose` gives the same exit statuses to the system."""
    bad = subprocess.run([sys.executable, "-m", "anchorpose", "run", "none.jpg"], capture_output=True, text=True)
    assert bad.returncode == 2 and "Traceback" not in bad.stderr and "none.jpg" in bad.stderr


@pytest.mark.parametrize("args", [("models",), ("run", "--help")])
def test_a_closed_pipe_is_no_error(args: tuple[str, ...]) -> None:
    """`anchorpose models | head`: no noise when the reader has gone."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "anchorpose", *args]
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# lift --------------------------------------------------------------------------------------------------------------


def coco_results(path: str, images: int = 3) -> Path:
    """People of a perfect detector on pictures of 640 x 480, one more in each."""
    camera = Camera.from_fov(640, 480)
    entries = []
    for image in range(images):
        for i in range(image + 1):
            pose = seen_by(camera, (0.5 * i, 0.1, 4), 10 * image)
            points = np.column_stack([np.asarray(pose.joints2d), pose.scores])
            entries.append({"image_id": image, "keypoints": points.ravel().tolist(), "score": 0.8})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(entries))
    return Path(path)


def openpose_folder(path: str, frames: int = 2) -> Path:
    Path(path).mkdir(parents=True)
    points = np.random.default_rng(0).uniform(100, 300, (25, 3))
    points[:, 2] = 0.8
    people = [{"pose_keypoints_2d": points.ravel().tolist()}]
    for i in range(frames):
        Path(path, f"walk_{i:012d}_keypoints.json").write_text(json.dumps({"people": people if i else []}))
    return Path(path)


def test_lifting_coco_results(run: Run, with_tiny_lift: TinyLift, capsys: pytest.CaptureFixture[str]) -> None:
    """2D of another program becomes a line per image in our format, with 3D and modes; the name is printed."""
    coco_results("found.json")
    assert run("lift", "found.json", "--size", 640, 480, "--fov", 70) == 0
    found = lines("anchorpose-out/found.jsonl")
    assert [(line["source"], len(line["people"])) for line in found] == [("0", 1), ("1", 2), ("2", 3)]
    assert found[0]["camera"]["from"] == "fov" and (found[0]["width"], found[0]["height"]) == (640, 480)
    body = found[0]["people"][0]["body"]
    assert body["skeleton"] == "body13" and body["score"] == 0.8 and len(body["joints3d"]) == 13 and body["modes"]
    out, err = capsys.readouterr()
    assert out.splitlines() == ["anchorpose-out/found.jsonl"] and "found.json: 3 frames, 6 people" in err


def test_lifting_an_openpose_folder(run: Run, with_tiny_lift: TinyLift, capsys: pytest.CaptureFixture[str]) -> None:
    """A file per frame: frames without people get a line too; with --figure a picture of the first people."""
    openpose_folder("poses")
    assert run("lift", "poses", "--size", 640, 480, "--figure", "-o", "out") == 0
    found = lines("out/poses.jsonl")
    assert [(line["source"], line["frame"], len(line["people"])) for line in found] == [("walk", 0, 0), ("walk", 1, 1)]
    assert files("out") == ["poses.figure.png", "poses.jsonl"]
    assert capsys.readouterr().out.splitlines() == ["out/poses.jsonl", "out/poses.figure.png"]


def test_lifting_our_own_results_again(run: Run, with_tiny_lift: TinyLift) -> None:
    """They know size and camera; results in the output folder itself are not overwritten."""
    coco_results("found.json")
    assert run("lift", "found.json", "--size", 640, 480, "--focal", 500) == 0
    before = Path("anchorpose-out/found.jsonl").read_bytes()
    assert run("lift", "anchorpose-out/found.jsonl") == 0
    assert files() == ["found.jsonl", "found.lifted.jsonl"]
    assert Path("anchorpose-out/found.jsonl").read_bytes() == before
    one, two = lines("anchorpose-out/found.jsonl"), lines("anchorpose-out/found.lifted.jsonl")
    assert [line["camera"] for line in one] == [line["camera"] for line in two]
    assert run("lift", "anchorpose-out/found.jsonl", "--fov", 50, "-o", "other") == 0
    assert lines("other/found.jsonl")[0]["camera"]["from"] == "fov"  # what is given counts more than what is stored


def test_lifting_files_of_one_name(run: Run, with_tiny_lift: TinyLift) -> None:
    """keypoints.json of two folders: two results, none overwritten."""
    coco_results("a/keypoints.json", 1)
    coco_results("b/keypoints.json", 2)
    assert run("lift", "a/keypoints.json", "b/keypoints.json", "--size", 640, 480) == 0
    assert sorted(len(lines(f"anchorpose-out/{name}")) for name in files()) == [1, 2]


@pytest.mark.parametrize(
    "args,message",
    [
        (("found.json",), "--size WIDTH HEIGHT"),
        (("found.json", "--size", "0", "480"), "pixel|focal"),
        (("found.json", "--size", "640", "480", "--skeleton", "body12"), "no skeleton 'body12'"),
        (("found.json", "--size", "640", "480", "--skeleton", "body13"), "13 joints"),
        (("found.json", "--size", "640", "480", "--height", "175"), "metres"),
        (("found.json", "--size", "640", "480", "--fov", "60", "--focal", "500"), "one of"),
        (("hands.json", "--size", "640", "480", "--skeleton", "hand21"), "hand21 cannot be lifted"),
    ],
)
def test_what_cannot_be_lifted(
    run: Run, with_tiny_lift: TinyLift, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], message: str
) -> None:
    """A clear line, status 2, and no results under the final name."""
    coco_results("found.json")
    Path("hands.json").write_text(json.dumps([{"image_id": 1, "keypoints": [5.0, 5.0, 1.0] * 21}]))
    assert run("lift", *args) == 2
    out, err = capsys.readouterr()
    assert any(part in err for part in message.split("|")) and "Traceback" not in err and out == ""
    assert not Path("anchorpose-out").exists() or [f for f in files() if f.endswith(".jsonl")] == []


def test_lifting_stopped_by_ctrl_c_does_not_speak_of_resume(
    run: Run, with_tiny_lift: TinyLift, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lift` has no --resume; it stops with 130 all the same."""

    def stop(self: Lifter, *_: Any) -> None:
        raise KeyboardInterrupt

    coco_results("found.json")
    monkeypatch.setattr(Lifter, "__call__", stop)
    assert run("lift", "found.json", "--size", 640, 480) == 130
    assert "--resume" not in capsys.readouterr().err
