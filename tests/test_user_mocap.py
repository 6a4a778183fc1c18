"""A user's own motion capture: files and folders, what is missing in them, and their units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.amass import write_amass
from anchorpose.files.bvh_writer import write_bvh
from anchorpose.files.c3d_writer import write_c3d
from anchorpose.files.convert import motions_of, points_of, read_content
from anchorpose.files.motion_clips import CAMERA_TO_Y_UP
from anchorpose.files.points import points_of_motion
from anchorpose.files.rigs import body13
from anchorpose.files.user_clips import Reading
from anchorpose.files.user_mocap import body_corpus, find_mocap, motion_corpus
from anchorpose.poses.errors import AnchorposeError, FileError, InputError
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import Motion
from made_motions import make_corpus
from mixamo_files import mixamo_bvh
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
    clip = find_mocap([tmp_path / "own"])[1].read(Reading(scale=1.0))
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
    clip = find_mocap([tmp_path / "a.bvh"])[0].read(Reading(scale=1.0))
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
    with pytest.raises(InputError, match=r"legs of 0.0083. m, .*: its unit is not 0.01 m; with --mocap-scale 1 they"):
        body_corpus([tmp_path / "slow.bvh"])
    with pytest.raises(FileError, match=r"none of 2 files .* can be used, for instance: .*--mocap-scale 1 "):
        body_corpus([tmp_path])


CMU_UNIT = 0.056444


@pytest.mark.parametrize("given", [None, 0.0254, 1.0])
def test_the_unit_of_cmu_is_named(tmp_path: Path, given: float | None) -> None:
    """Of the usual units that which makes legs most like people's, not the first that is not absurd."""
    text = mixamo_bvh(5, axes=np.eye(3) * 0.01 / CMU_UNIT)
    (tmp_path / "cmu.bvh").write_text(text)
    with pytest.raises(InputError, match=r"which nobody has: .*with --mocap-scale 0.056444 they would have 0.82 m"):
        body_corpus([tmp_path / "cmu.bvh"], scale=given)
    assert len(body_corpus([tmp_path / "cmu.bvh"], scale=CMU_UNIT)[0]) == 5


def test_sizes_of_nobody(tmp_path: Path) -> None:
    """A figure of two metres' legs is refused; no usual unit helps."""
    (tmp_path / "giant.bvh").write_text(mixamo_bvh(5, axes=np.eye(3) * 2.5))
    with pytest.raises(InputError, match=r"legs of 2.05 m, which nobody has: .*; no usual unit makes them a person's"):
        body_corpus([tmp_path / "giant.bvh"])


def test_a_unit_of_a_file_that_says_one(tmp_path: Path) -> None:
    """Of C3D and AMC the hint counts from what the file says, in its own units."""
    pytest.importorskip("ezc3d")
    motion = own_motion()
    points = points_of_motion(motion)
    write_c3d(replace(points, positions=points.positions * 10), tmp_path / "a.c3d")
    with pytest.raises(InputError, match=r"its unit is not 0.001 m; .*no usual unit"):
        body_corpus([tmp_path / "a.c3d"], solve=lambda _: motion)


def own_motion(frames: int = 40) -> Motion:
    """Of our own skeleton before a camera, which is seen from all frames but three."""
    corpus = make_corpus((frames,), 0.2)
    motion = replace(corpus.motion(0), observed=~np.isin(np.arange(frames), (5, 6, 7)))
    camera = CAMERA_TO_Y_UP @ motion.root
    rotations = np.array(motion.rotations)
    rotations[:, 0] = camera
    away = motion.translation @ CAMERA_TO_Y_UP + (0, 0, 4)
    return replace(motion, frame="camera", root=camera, rotations=rotations, translation=away)


def test_what_we_write_is_read_again(tmp_path: Path) -> None:
    """BVH and npz of our own: the joints that `convert` gives, within a millimetre; npz tells what was filled in."""
    motion = own_motion()
    write_bvh(motion, tmp_path / "own.bvh")
    write_amass(motion, tmp_path / "own.npz")
    for name, seen in (("own.bvh", np.ones(40, bool)), ("own.npz", motion.observed)):
        (points,) = points_of(read_content(tmp_path / name), "points")
        expected = points.positions[:, :13] if name == "own.npz" else points_of_motion(motion).positions[:, :13]
        joints, _ = body_corpus([tmp_path / name])
        motions, _ = motion_corpus([tmp_path / name])
        assert motions.sound.tolist() == seen.tolist() and joints.frame.tolist() == np.flatnonzero(seen).tolist()
        assert np.linalg.norm(joints.joints3d - expected[seen], axis=-1).max() < 1e-3
        assert np.linalg.norm(motions.body13() - expected, axis=-1).max() < 1e-3


def test_figures_of_mixamo(tmp_path: Path) -> None:
    """The joints that `convert` gives, within a centimetre."""
    (tmp_path / "walk.bvh").write_text(mixamo_bvh(20))
    ((_, converted),) = motions_of(read_content(tmp_path / "walk.bvh"), "npz")
    expected = points_of_motion(converted).positions[:, :13]
    joints, _ = body_corpus([tmp_path / "walk.bvh"])
    motions, _ = motion_corpus([tmp_path / "walk.bvh"])
    assert np.linalg.norm(joints.joints3d - expected, axis=-1).max() < 0.01
    assert np.linalg.norm(motions.body13() - expected, axis=-1).max() < 0.01


def test_points_of_our_own(tmp_path: Path) -> None:
    """C3D that was written here: a motion is fitted to its points, and put where they are; without a fit it is told."""
    pytest.importorskip("ezc3d")
    motion = own_motion()
    points = points_of_motion(motion)
    write_c3d(points, tmp_path / "own.c3d")

    def solve(sequence: PoseSequence) -> Motion:
        assert np.abs(torso_centre(sequence.joints3d)).max() < 1e-6
        return replace(motion, translation=motion.translation * 0)

    joints, _ = body_corpus([tmp_path / "own.c3d"], solve=solve)
    seen = points.positions[motion.observed, :13]
    assert np.linalg.norm(joints.joints3d - seen, axis=-1).max() < 1e-3
    with pytest.raises(InputError, match="holds points without rotations; `anchorpose refine` makes"):
        motion_corpus([tmp_path / "own.c3d"])
    write_c3d(replace(points, names=tuple(f"m{k}" for k in range(len(points.names)))), tmp_path / "markers.c3d")
    with pytest.raises(InputError, match="without r_ankle, l_ankle, .*; there are m0, m1, .* more"):
        motion_corpus([tmp_path / "markers.c3d"], solve=solve)


def test_fast_motions_are_thinned(tmp_path: Path) -> None:
    """With what is known of each frame."""
    (tmp_path / "a.bvh").write_text(mixamo_bvh(40).replace("Frame Time: 0.0333333", "Frame Time: 0.008333"))
    motions, _ = motion_corpus([tmp_path / "a.bvh"])
    assert len(motions) == len(motions.sound) == 10


def test_amc_without_its_skeleton(tmp_path: Path) -> None:
    """The message says what to do on the command line."""
    (tmp_path / "07_12.amc").write_text(":FULLY-SPECIFIED\n1\n")
    with pytest.raises(InputError, match=r"Put it there, named as the .amc begins") as caught:
        motion_corpus([tmp_path / "07_12.amc"])
    assert "asf=" not in str(caught.value)


def test_what_is_no_motion_capture(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    for path, message in (
        (tmp_path / "a.txt", "unknown motion capture format; known are .bvh, .amc, .c3d, .npz"),
        (tmp_path / "empty", "holds no motion capture; known are"),
        (tmp_path / "emtpy", r"no such file or folder; expected motion capture\. Did you mean .*empty"),
    ):
        with pytest.raises(AnchorposeError, match=message):
            find_mocap([path])
