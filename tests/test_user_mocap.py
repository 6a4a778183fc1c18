"""A user's own motion capture: files and folders, what is missing in them, and their units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.rigs import body13
from anchorpose.files.user_mocap import body_corpus, find_mocap, motion_corpus
from anchorpose.poses.errors import AnchorposeError, FileError, InputError
from mocap_files import CHAIN, write_folder
from user_files import walker_bvh, write_mocap


def test_files_and_folders(tmp_path: Path) -> None:
    """Sorted by name, in folders of folders too; an index is followed, and its held-out subjects stay out."""
    write_mocap(tmp_path / "own" / "deep")
    (tmp_path / "own" / "readme.txt").write_text("x")
    write_folder(tmp_path / "indexed", (3, 4, 5))
    found = find_mocap([tmp_path / "own", tmp_path / "own" / "deep" / "slow.bvh", tmp_path / "indexed"])
    assert [(f.name, f.named) for f in found] == [
        ("deep/fast.bvh", False), ("deep/slow.bvh", False), ("slow.bvh", True), ("walk0.bvh", False),
        ("walk1.bvh", False),
    ]  # fmt: skip


def test_a_corpus_of_both(tmp_path: Path) -> None:
    """Frames of clips in files and in an index, joints where the reader has them; clips say where they are from."""
    write_mocap(tmp_path / "own", 10)
    write_folder(tmp_path / "indexed", (3, 4))
    corpus, skipped = body_corpus([tmp_path / "own", tmp_path / "indexed"], scale=1.0)
    assert skipped == () and len(corpus) == 10 + 10 + 3
    assert [c.path for c in corpus.clips] == ["fast.bvh", "slow.bvh", "walk0.bvh"]
    assert corpus.clips[0].subject == "fast" and corpus.clips[2].subject == "nobody"
    clip = find_mocap([tmp_path / "own"])[1].read(scale=1.0)
    np.testing.assert_allclose(corpus.joints3d[10:20], body13(clip), atol=1e-6)


def test_an_indexed_folder_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is kept for the next time; what its index holds out stays out."""
    monkeypatch.setenv("ANCHORPOSE_CACHE", str(tmp_path / "cache"))
    folder = write_folder(tmp_path / "indexed", (3, 4, 5))
    corpus, skipped = body_corpus([folder])
    assert len(corpus) == 7 and skipped == () and len(list((tmp_path / "cache").iterdir())) == 1
    assert {corpus.clips[k].path for k in corpus.clip} == {"walk0.bvh", "walk1.bvh"}


def test_fast_clips_are_thinned(tmp_path: Path) -> None:
    """To about 30 frames a second, evenly."""
    (tmp_path / "a.bvh").write_text(walker_bvh(40).replace("Frame Time: 0.04", "Frame Time: 0.008333"))
    corpus, _ = body_corpus([tmp_path / "a.bvh"], scale=1.0)
    clip = find_mocap([tmp_path / "a.bvh"])[0].read(scale=1.0)
    np.testing.assert_allclose(corpus.joints3d, body13(clip)[::4], atol=1e-6)
    assert corpus.frame.tolist() == list(range(10)) and corpus.clips[0].fps == pytest.approx(30, abs=0.01)
    assert corpus.clips[0].seconds == pytest.approx(1 / 3, abs=0.001)


def test_a_corpus_of_motions(tmp_path: Path) -> None:
    """The same files on the canonical skeleton, the same frames of them."""
    write_mocap(tmp_path, 10)
    (tmp_path / "chain.bvh").write_text(CHAIN)
    motions, skipped = motion_corpus([tmp_path], scale=1.0)
    joints, _ = body_corpus([tmp_path], scale=1.0)
    assert len(skipped) == 1 and "chain.bvh" in skipped[0]
    assert [c.path for c in motions.clips] == [c.path for c in joints.clips]
    assert motions.frame.tolist() == joints.frame.tolist()
    apart = np.linalg.norm(motions.body13() - joints.joints3d, axis=-1)
    assert np.median(apart) < 0.05


def test_missing_joints_are_named(tmp_path: Path) -> None:
    """A file that was named is refused; one in a folder is listed, and the others are used."""
    write_mocap(tmp_path / "own", 5)
    (tmp_path / "own" / "handless.bvh").write_text(walker_bvh(3, missing="right_wrist"))
    (tmp_path / "own" / "chain.bvh").write_text(CHAIN)
    (tmp_path / "own" / "text.bvh").write_text("no motion")
    with pytest.raises(InputError, match=r"handless\.bvh: .*deepmimic, misses right_wrist"):
        body_corpus([tmp_path / "own" / "handless.bvh"], scale=1.0)
    corpus, skipped = body_corpus([tmp_path / "own"], scale=1.0)
    assert len(corpus) == 10 and len(skipped) == 3
    assert "chain.bvh" in skipped[0] and "handless.bvh" in skipped[1] and "misses right_wrist" in skipped[1]
    assert "text.bvh" in skipped[2]


def test_units_that_cannot_be(tmp_path: Path) -> None:
    """Figures of metres read as centimetres: refused, with the scale that fits."""
    write_mocap(tmp_path, 5)
    with pytest.raises(InputError, match=r"legs of 0.0083. m: its unit is not 0.01 m; with --mocap-scale 1 they would"):
        body_corpus([tmp_path / "slow.bvh"])
    with pytest.raises(FileError, match=r"none of 2 files .* can be used, for instance: .*--mocap-scale 1 "):
        body_corpus([tmp_path])


def test_what_is_no_motion_capture(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for path, message in (
        (tmp_path / "a.txt", "unknown motion capture format; known are .bvh, .amc, .c3d"),
        (tmp_path / "empty", "holds no motion capture; known are"),
        (tmp_path / "emtpy", r"no such file or folder; expected motion capture\. Did you mean .*empty"),
    ):
        with pytest.raises(AnchorposeError, match=message):
            find_mocap([path])
