"""The programs under examples/ run as they are."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.images import write_image
from anchorpose.files.video_writer import VideoWriter

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str) -> None:
    runpy.run_path(str(EXAMPLES / name))["main"](*arguments)


def test_own_keypoints_lifts_a_standing_person(capsys: pytest.CaptureFixture[str]) -> None:
    """A standing person's head comes out above and the ankles below the torso centre."""
    run("own_keypoints.py")
    heights = {line.split()[0]: float(line.split()[2]) for line in capsys.readouterr().out.splitlines()[1:]}
    assert heights["head"] < -0.3 < 0.4 < heights["r_ankle"]


def test_photo_says_how_many_people_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture of nothing has nobody in it, and the figure is written all the same."""
    write_image(tmp_path / "grey.png", np.full((120, 160, 3), 128, np.uint8))
    run("photo.py", str(tmp_path / "grey.png"), str(tmp_path / "figure.png"))
    assert capsys.readouterr().out.startswith("0 people in grey.png, 160x120 px")
    assert (tmp_path / "figure.png").exists()


def test_video_table_prints_its_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A video without people gives a table without rows."""
    with VideoWriter(tmp_path / "clip.mp4", 10, (64, 48)) as video:
        for _ in range(3):
            video.write(np.zeros((48, 64, 3), np.uint8))
    run("video_table.py", str(tmp_path / "clip.mp4"))
    assert capsys.readouterr().out == "time,person,metres_above_torso_centre\n"


def test_every_example_is_short() -> None:
    """An example is a whole program of under 100 lines."""
    files = list(EXAMPLES.glob("*.py"))
    assert len(files) >= 3
    assert all(len(f.read_text().splitlines()) < 100 for f in files)
