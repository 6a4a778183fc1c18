"""`anchorpose live`, end to end: what it writes, says and survives."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anchorpose.cli import live, main
from anchorpose.files import sources
from anchorpose.files.images import write_image
from anchorpose.files.results import read_results
from anchorpose.files.video_writer import VideoWriter
from anchorpose.poses.errors import FormatError
from anchorpose.poses.values import Frame, People
from anchorpose.sense import models, pipeline
from anchorpose.share import live_page
from anchorpose.share.live_page import LivePage
from fake_motion_net import FakeMotionNet
from live_sources import ScriptedModel, ScriptedSource
from walking import Walker, film

# They stand still: frames may be dropped at will, and everybody is known again.
STANDING = film([Walker((-1.5, 5.0), (0.3, 0.0)), Walker((1.0, 6.0), (-0.2, 0.0))], np.zeros(1)).frames
Run = Callable[..., int]


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(STANDING)


@pytest.fixture
def run(model: ScriptedModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`anchorpose live` in an empty folder, with people who are where they are told to be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "load", lambda *_, **__: model)
    monkeypatch.setattr(models, "load_session", lambda *_: FakeMotionNet())
    return lambda *args: main(["live", *(str(a) for a in args)])


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> ScriptedSource:
    """Takes the place of every source; lets all its frames out as fast as they are taken."""
    source = ScriptedSource(6)
    monkeypatch.setattr(sources, "open_live", lambda *_, **__: source)
    return source


def clip(name: str = "clip.mp4", frames: int = 10) -> str:
    with VideoWriter(Path(name), 25, (64, 48)) as writer:
        for i in range(frames):
            writer.write(np.full((48, 64, 3), 90, np.uint8), i / 25)
    return name


def written(name: str = "out.jsonl") -> list[People]:
    assert not Path(f"{name}.partial").exists()
    return list(read_results(name))


def test_a_video(run: Run, model: ScriptedModel, capsys: pytest.CaptureFixture[str]) -> None:
    """Every frame that was sensed is a line, in order, with ids and motions; the last lines come at its end."""
    assert run(clip(), "--view", "none", "--save", "out.jsonl") == 0
    lines = written()
    frames = [people.frame for people in lines]
    assert len(lines) == model.calls and frames == sorted(set(frames)) and frames[-1] == 9
    assert all(sorted(p.id or 0 for p in people) == [1, 2] for people in lines)
    assert all(p.motion is not None for people in lines for p in people)
    out, err = capsys.readouterr()
    assert out == "out.jsonl\n" and f"the end of clip.mp4; {len(lines)} frames" in err and "Traceback" not in err


def test_without_motion(run: Run) -> None:
    assert run(clip(), "--no-refine", "--view", "none", "--save", "out.jsonl") == 0
    assert all(p.motion is None and p.id for people in written() for p in people)


def test_slow_models_drop_frames(run: Run, model: ScriptedModel, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that takes three frames' time sees at most every third; the video is over when it is over."""
    sense = model.sense

    def slow(frame: Frame) -> People:
        time.sleep(0.12)
        return sense(frame)

    model.sense = slow  # type: ignore[method-assign]
    assert run(clip(frames=20), "--view", "none") == 0
    assert model.calls <= 8 and " 0 dropped" not in capsys.readouterr().err


def test_ctrl_c_ends_it_cleanly(run: Run, model: ScriptedModel, camera: ScriptedSource,
                                capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """In the middle of a frame: that frame is finished, what is held back is written, the status is 0."""
    camera.count = 10**6
    sense = model.sense

    def interrupted(frame: Frame) -> People:
        camera.allow()
        if frame.index == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return sense(frame)

    camera.allow()
    model.sense = interrupted  # type: ignore[method-assign]
    assert run("--view", "none", "--save", "out.jsonl") == 0
    assert [people.frame for people in written()] == list(range(8))
    err = capsys.readouterr().err
    assert "anchorpose: stopped; 8 frames" in err and "Traceback" not in err
    camera.allow(3)
    assert camera.closed.wait(30) and signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("cause", ["unplugged", "broken", "error"])
def test_a_camera_that_vanishes(run: Run, camera: ScriptedSource, cause: str,
                                capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A clear message, status 2, and nothing lost."""
    camera.allow(6)
    camera.error = FormatError("camera7 speaks nonsense") if cause == "error" else None
    camera.errors = ["camera7: No such device"] if cause == "broken" else []
    assert run("7", "--view", "none", "--save", "out.jsonl") == 2
    assert written()[-1].frame == 5
    err = capsys.readouterr().err
    expected = {
        "unplugged": "camera7 gives no more pictures (it was switched off or unplugged)",
        "broken": "camera7 gives no more pictures (camera7: No such device)",
        "error": "camera7 speaks nonsense",
    }[cause]
    assert expected in err and "Traceback" not in err


def test_a_camera_that_falls_silent(run: Run, camera: ScriptedSource, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setattr(live, "_SILENCE", 0.3)
    monkeypatch.setattr("anchorpose.files.newest._JOIN", 0.05)
    camera.allow(2)
    assert run("7", "--view", "none", "--save", "out.jsonl") == 2
    assert written()[-1].frame == 1
    assert "camera7 has given no picture for" in capsys.readouterr().err
    camera.allow(9)


def test_the_page_shows_the_run(
    run: Run,
    model: ScriptedModel,
    camera: ScriptedSource,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its address is printed; it has each moment and, at last, why it is over. No browser opens without a screen."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    pages: list[LivePage] = []

    class Noted(LivePage):
        def __init__(self, *args: str, **options: int) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            pages.append(self)
            self.numbers: list[int] = []

        def show(self, shown: object) -> None:
            super().show(shown)  # type: ignore[arg-type]
            self.numbers.append(shown.number)  # type: ignore[attr-defined]

    monkeypatch.setattr(live_page, "LivePage", Noted)
    camera.allow(6)
    assert run("7", "--delay", "0") == 2
    assert len(pages) == 1 and pages[0].numbers == list(range(1, model.calls + 1))  # type: ignore[attr-defined]
    assert pages[0].ended is not None and "no more pictures" in pages[0].ended
    assert capsys.readouterr().out == f"{pages[0].address}\n"
    assert threading.active_count() < 20


def test_what_it_refuses(run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(Path("photo.png"), np.zeros((9, 9, 3), np.uint8))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for arguments, message in (
        (["photo.png"], "photo.png does not move"),
        (["nothing.mp4"], "no such file"),
        (["gopher://x/y"], "gopher:// is not a stream"),
        ([clip(), "--save", "out.csv"], "--save out.csv"),
        ([clip(), "--delay", "16"], "the delay is 0 to 15"),
        ([clip(), "--delay", "-1"], "the delay is 0 to 15"),
        ([clip(), "--fov", "70", "--focal", "800"], "is enough"),
    ):
        assert run(*arguments, "--view", "none") == 2
        assert message in capsys.readouterr().err
    if os.name == "posix" and not os.uname().sysname == "Darwin":
        assert run(clip(), "--view", "window") == 2
        assert "--view page" in capsys.readouterr().err
    assert not list(Path().glob("out*"))


def test_help_has_examples(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        run("--help")
    text = capsys.readouterr().out
    assert "anchorpose live clip.mp4" in text and "rtsp://" in text and "--no-browser" in text
