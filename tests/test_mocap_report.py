"""The report on a folder of motion capture."""

import pytest

from anchorpose.measure.mocap_report import main, measure_folder
from anchorpose.poses.errors import FileError, FormatError
from mocap_files import write_folder


def test_measures_by_hand(tmp_path):
    report = measure_folder(write_folder(tmp_path))
    assert [clip.frames for clip in report.clips] == [3, 4]
    values = report.clips[0].values
    # The figure reaches 0.46 + 0.28 m above the root and 0.83 + 0.08 m below; the root is at 0.95 m.
    assert values["height_m"] == pytest.approx(1.65)
    assert values["floor_m"] == pytest.approx(0.04)
    assert values["leg_m"] == pytest.approx((0.42**2 + 0.02**2) ** 0.5 + (0.41**2 + 0.02**2) ** 0.5)
    assert values["max_joint_speed_mps"] == pytest.approx(1.0)
    assert report.clips[0].bone_change < 1e-9
    assert report.clips[0].knee_forward == 1.0
    assert report.clips[0].face_forward == pytest.approx(1.0)
    assert max(difference for difference, _ in report.differences().values()) < 1e-3
    assert report.seconds == pytest.approx(7 / 25)


def test_differences_name_the_clip(tmp_path):
    root = write_folder(tmp_path)
    checks = root / "checks.csv"
    checks.write_text(checks.read_text().replace("walk1.bvh,1.650", "walk1.bvh,1.750"))
    difference, path = measure_folder(root).differences()["height_m"]
    assert (difference, path) == (pytest.approx(0.1), "walk1.bvh")


def test_failures_are_counted(tmp_path, capsys):
    root = write_folder(tmp_path)
    assert main([str(root)]) == 0
    assert "files=2 frames=7" in capsys.readouterr().out
    text = (root / "walk0.bvh").read_text()
    (root / "walk0.bvh").write_text(text[: text.index("MOTION")])
    assert main([str(root)]) == 1
    out = capsys.readouterr().out
    assert "files=2 frames=4" in out
    assert "failures=1" in out
    assert "failed: " in out and "walk0.bvh, line" in out


def test_nothing_to_report(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no such file" in capsys.readouterr().err
    root = write_folder(tmp_path)
    (root / "checks.csv").unlink()
    with pytest.raises(FileError, match="checks.csv"):
        measure_folder(root)
    (root / "checks.csv").write_text("path,height_m\nwalk0.bvh,1\n")
    with pytest.raises(FormatError, match="line 2: path and height_m, leg_m"):
        measure_folder(root)
