"""Reading motion capture by suffix and by index."""

import numpy as np
import pytest

from anchorpose.files.bvh import read_bvh
from anchorpose.files.mocap import read_index, read_mocap, read_record
from anchorpose.poses.errors import FileError, FormatError, InputError
from mocap_files import CHAIN, figure_bvh, write_folder


def test_bvh_by_suffix(tmp_path):
    path = tmp_path / "made.BVH"
    path.write_text(CHAIN)
    clip = read_mocap(path)
    np.testing.assert_array_equal(clip.positions, read_bvh(path).positions)
    other = read_mocap(path, scale=1.0, up="z")
    np.testing.assert_allclose(other.positions, clip.positions * 100)
    assert other.up == "z"


def test_amc_by_suffix(tmp_path):
    (tmp_path / "made.asf").write_text(
        ":units\n length 1\n:root\n order TX TY TZ\n:bonedata\nbegin\nname a\ndirection 0 1 0\nlength 1\nend\n"
        ":hierarchy\nbegin\nroot a\nend\n"
    )
    path = tmp_path / "made.amc"
    path.write_text("1\nroot 1 2 3\n")
    assert read_mocap(path).fps == 120
    clip = read_mocap(path, fps=30, scale=1.0, asf=tmp_path / "made.asf")
    assert clip.fps == 30
    np.testing.assert_allclose(clip.positions[0], [[1, 2, 3], [1, 2, 3], [1, 3, 3]])
    with pytest.raises(InputError, match="always y up"):
        read_mocap(path, up="z")


def test_options_that_do_not_fit(tmp_path):
    path = tmp_path / "made.bvh"
    path.write_text(CHAIN)
    with pytest.raises(InputError, match="fps and asf are options for .amc"):
        read_mocap(path, fps=30)
    with pytest.raises(InputError, match="'.fbx'; known are .bvh, .amc, .c3d"):
        read_mocap(tmp_path / "made.fbx")
    with pytest.raises(FileError, match="no such file"):
        read_mocap(tmp_path / "none.c3d")


def test_index(tmp_path):
    root = write_folder(tmp_path)
    records = read_index(root)
    assert [record.path for record in records] == ["walk0.bvh", "walk1.bvh"]
    first = records[0]
    assert (first.action, first.trial, first.fps, first.frames) == ("walk, stiffly", "0", 25.0, 3)
    assert [record.split for record in records] == ["train", "val"]
    clip = read_record(root, first)
    assert (len(clip), clip.fps) == (3, pytest.approx(25.0))
    assert np.ptp(clip.positions[0, :, 1]) == pytest.approx(0.46 + 0.28 + 0.83 + 0.08)


def test_index_errors(tmp_path):
    with pytest.raises(FileError, match="index.csv"):
        read_index(tmp_path)
    index = write_folder(tmp_path) / "index.csv"
    text = index.read_text()
    index.write_text(text.replace("licence", "license"))
    with pytest.raises(FormatError, match="line 1: no column licence"):
        read_index(tmp_path)
    index.write_text(text.replace(",25,4,", ",25,four,"))
    with pytest.raises(FormatError, match="line 3: frames must be a number, got 'four'"):
        read_index(tmp_path)
    index.write_text(text + "walk2.bvh,made\n")
    with pytest.raises(FormatError, match="line 4: fps must be a number"):
        read_index(tmp_path)


def test_a_file_that_is_not_what_the_index_says(tmp_path):
    root = write_folder(tmp_path)
    record = read_index(root)[0]
    (root / "walk0.bvh").write_text(figure_bvh(5))
    with pytest.raises(FormatError, match="frame 5 is the last, where index.csv announces 3"):
        read_record(root, record)
    (root / "walk0.bvh").write_text(figure_bvh(3).replace("0.04\n", "0.05\n", 1))
    with pytest.raises(FormatError, match="20.000 frames per second, where index.csv says 25"):
        read_record(root, record)
