"""BVH as it is written: read back by our own reader, and by pybvh and bvhio."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchorpose.files.bvh import read_bvh
from anchorpose.files.bvh_writer import write_bvh
from anchorpose.files.motion_clips import motion_of_clip
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_joints
from moving_people import degrees_apart, moving


@given(st.integers(0, 1000), st.sampled_from(["zxy", "xyz", "zyx", "yxz"]), st.sampled_from([24.0, 29.97, 120.0]))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_comes_back(tmp_path: Path, seed: int, order: str, fps: float) -> None:
    motion = moving(5, fps, seed=seed, swing=1.0)
    write_bvh(motion, tmp_path / "a.bvh", order=order)
    back = motion_of_clip(read_bvh(tmp_path / "a.bvh"))
    assert degrees_apart(motion, back) < 1e-4
    here, there = (canonical_joints(m.rotations, m.translation, m.bone_lengths)[0] for m in (motion, back))
    assert np.abs(here - there).max() < 1e-6
    np.testing.assert_allclose(back.times, motion.times, atol=1e-6)
    np.testing.assert_allclose(back.bone_lengths, motion.bone_lengths, atol=1e-7)


def test_other_programs_see_the_same_joints(tmp_path: Path) -> None:
    """Centimetres, y up; the end of each bone too."""
    motion = moving(6)
    write_bvh(motion, tmp_path / "a.bvh")
    places = 100 * canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)[0]
    pybvh = pytest.importorskip("pybvh", reason="pybvh is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it guesses which way is up by the first pose
        other = pybvh.read_bvh_file(tmp_path / "a.bvh")
        seen = other.joint_positions()
    assert other.frame_count == 6
    assert other.frame_time == pytest.approx(1 / 30)
    order = [ANNY.index(name) for name in other.joint_names]
    assert sorted(order) == list(range(len(ANNY)))
    np.testing.assert_allclose(seen, places[:, order], atol=1e-3)


def test_an_importer_of_animations_sees_the_same_joints(tmp_path: Path) -> None:
    bvhio = pytest.importorskip("bvhio", reason="bvhio is not installed")
    motion = moving(3)
    write_bvh(motion, tmp_path / "a.bvh")
    places = 100 * canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)[0]
    root = bvhio.readAsHierarchy(str(tmp_path / "a.bvh"))
    root.loadPose(2)
    for joint, _, _ in root.layout():
        found = joint.PositionWorld
        np.testing.assert_allclose([found.x, found.y, found.z], places[2, ANNY.index(joint.Name)], atol=2e-3)


def test_angles_do_not_flip(tmp_path: Path) -> None:
    """The root turns more than a whole turn; no channel jumps, so that an editor can interpolate."""
    motion = moving(60)
    write_bvh(motion, tmp_path / "a.bvh")
    lines = (tmp_path / "a.bvh").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Frame Time")) + 1
    values = np.array([line.split() for line in lines[start:]], float)
    assert values.shape == (60, 3 + 3 * len(ANNY))
    assert np.abs(np.diff(values[:, 3:], axis=0)).max() < 120
    assert np.ptp(values[:, 5]) > 800


def test_one_frame(tmp_path: Path) -> None:
    motion = moving(1)
    write_bvh(motion, tmp_path / "a.bvh")
    assert degrees_apart(motion, motion_of_clip(read_bvh(tmp_path / "a.bvh"))) < 1e-4


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one frame"):
        write_bvh(moving(0), tmp_path / "a.bvh")
    with pytest.raises(InputError, match="some order"):
        write_bvh(moving(2), tmp_path / "a.bvh", order="zz")
    assert list(tmp_path.iterdir()) == []
