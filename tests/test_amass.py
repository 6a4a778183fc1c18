"""Motions with the keys of AMASS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchorpose.files.amass import read_amass, write_amass
from anchorpose.files.limbs import SPREAD, rest_turn
from anchorpose.poses.canonical import ANNY, REST_LENGTHS
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints, local_rotations
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.values import Motion
from moving_people import degrees_apart, moving


@given(st.integers(0, 1000), st.sampled_from(["world", "camera"]), st.integers(1, 5))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_comes_back(tmp_path: Path, seed: int, frame: str, frames: int) -> None:
    motion = moving(frames, frame=frame, seed=seed)
    write_amass(motion, tmp_path / "a.npz")
    back = read_amass(tmp_path / "a.npz")
    assert degrees_apart(motion, back) < 1e-9
    for name in ("times", "translation", "bone_lengths", "observed", "skeleton", "frame"):
        assert np.array_equal(getattr(back, name), getattr(motion, name)), name


def test_keys_as_programs_expect_them(tmp_path: Path) -> None:
    """No pickles; z up: a person who stands and faces +z here has the root turned by 90 degrees about x."""
    rotations = np.broadcast_to(np.eye(3), (2, len(ANNY), 3, 3)).copy()
    motion = Motion("anny", [0, 0.02], rotations[:, 0], rotations, [[1, 0.9, 3]] * 2, REST_LENGTHS, "world", [1, 1])
    write_amass(motion, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        poses = np.degrees(data["poses"]).reshape(2, 52, 3)
        assert (data["betas"].shape, data["dmpls"].shape, str(data["gender"])) == ((16,), (2, 8), "neutral")
        assert float(data["mocap_framerate"]) == pytest.approx(50)
        np.testing.assert_allclose(data["trans"], [[1, -3, 0.9]] * 2)
    np.testing.assert_allclose(poses[0, 0], [90, 0, 0], atol=1e-9)
    left, right = poses[0, 16], poses[0, 17]  # the arms hang 48 degrees below the T pose
    np.testing.assert_allclose(left, [0, 0, -48], atol=4)
    np.testing.assert_allclose(right, left * (1, -1, -1), atol=1e-6)
    np.testing.assert_allclose(poses[0, 18], [0, -42, 0], atol=2)  # the left elbow bends forwards, about -y
    assert np.linalg.norm(poses[0, 1:10], axis=-1).max() < 12


def test_a_straight_arm_is_no_rotation(tmp_path: Path) -> None:
    """Taken from the reference pose into a T with straight elbows, the arms are at 0."""
    world = np.broadcast_to(np.eye(3), (1, len(ANNY), 3, 3)).copy()

    for limb, bones in (("arm", ("upperarm01", "upperarm02")), ("forearm", ("lowerarm01", "lowerarm02"))):
        for side in "LR":
            for bone in bones:
                world[0, ANNY.index(f"{bone}.{side}")] = rest_turn(limb, side, SPREAD).T
    rotations = local_rotations(world)
    motion = Motion("anny", [0.0], rotations[:, 0], rotations, [[0, 1, 0]], REST_LENGTHS, "world", [True])
    joints = canonical_joints(rotations, motion.translation, REST_LENGTHS)[0][0]
    wrist, shoulder = joints[ANNY.index("wrist.L")], joints[ANNY.index("upperarm01.L")]
    assert abs(wrist[1] - shoulder[1]) < 0.03 and wrist[0] - shoulder[0] > 0.4
    write_amass(motion, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        poses = np.degrees(data["poses"]).reshape(52, 3)
    assert np.linalg.norm(poses[16:20], axis=-1).max() < 8


def test_foreign_files(tmp_path: Path) -> None:
    """Without our own keys: limbs point the same way, wherever the body's bones follow SMPL's."""
    rng = np.random.default_rng(0)
    rotations = np.broadcast_to(np.eye(3), (6, len(ANNY), 3, 3)).copy()
    for bone in ("root", "upperleg01.L", "upperleg01.R", "lowerleg01.L", "lowerleg01.R", "upperarm01.L",
                 "upperarm01.R", "lowerarm01.L", "lowerarm01.R", "spine01", "head"):  # fmt: skip
        rotations[:, ANNY.index(bone)] = rotvec_to_matrix(rng.normal(0, 0.4, (6, 3)))
    motion = Motion("anny", np.arange(6) / 30, rotations[:, 0], rotations, rng.normal(0, 1, (6, 3)), REST_LENGTHS,
                    "world", np.ones(6, bool))  # fmt: skip
    write_amass(motion, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        kept = {key: data[key] for key in ("poses", "trans", "mocap_framerate")}
    for width in (156, 72):
        np.savez(tmp_path / "b.npz", **(kept | {"poses": kept["poses"][:, :width]}))
        back = read_amass(tmp_path / "b.npz")
        here, there = (
            canonical_body13(*canonical_joints(m.rotations, m.translation, m.bone_lengths)) for m in (motion, back)
        )
        assert np.linalg.norm(here - there, axis=-1).max() < 0.045
    assert np.array_equal(back.bone_lengths, REST_LENGTHS)


def test_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK no zip")
    with pytest.raises(FormatError, match="not a motion as npz"):
        read_amass(path)
    np.savez(path, poses=np.zeros((2, 156)))
    with pytest.raises(FormatError, match="has no trans, mocap_frame_rate"):
        read_amass(path)
    np.savez(path, poses=np.zeros((2, 10)), trans=np.zeros((2, 3)), mocap_framerate=30)
    with pytest.raises(FormatError, match="do not fit"):
        read_amass(path)
    np.savez(path, poses=np.array([{"a": 1}], object), trans=np.zeros((2, 3)), mocap_framerate=30)
    with pytest.raises(FormatError, match="not a motion as npz"):
        read_amass(path)
    with pytest.raises(InputError, match="at least one frame"):
        write_amass(moving(0), tmp_path / "b.npz")
