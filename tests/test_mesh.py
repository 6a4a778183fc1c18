"""The animated mesh: its joints are the motion's, what a program shows of it is our own skinning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.files.body_fit import rest_offsets, shape_of_lengths
from anchorpose.files.glb import read_motions_glb
from anchorpose.files.mesh import mesh_fit, posed_parts, write_mesh
from anchorpose.poses.body import shape_body
from anchorpose.poses.body_bones import BODY_BONES, bone_lengths
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_joints
from anchorpose.poses.values import Motion
from moving_people import moving
from test_glb import skinned


def person(frames: int, seed: int) -> Motion:
    """Somebody of usual proportions who moves."""
    rng = np.random.default_rng(seed)
    given = moving(frames, swing=0.3, seed=seed)
    lengths = bone_lengths(rng.normal(0, 0.05) + rng.normal(0, 0.05, 9))
    return Motion(
        given.skeleton, given.times, given.root, given.rotations, given.translation, lengths, "world", given.observed
    )


def test_joints_of_mesh_and_motion_agree(tmp_path: Path) -> None:
    """About half a centimetre on average over all joints; those of limbs and trunk a third, never more than 2 cm."""
    body = read_body()
    main = [ANNY.index(name) for name in BODY_BONES]
    for seed in range(3):
        motion = person(5, seed)
        fit = write_mesh(motion, tmp_path / "a.glb", person=7)
        assert fit.mean_cm < 1.0 and fit.worst_cm < 4.0
        joints, _ = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
        (posed,) = posed_parts(motion)
        off = 100 * np.linalg.norm(posed.joints - joints, axis=-1)
        assert off[:, main].mean() < 0.7 and off[:, main].max() < 2.0
        assert fit.mean_cm == pytest.approx(off.mean(), abs=1e-3) and fit.worst_cm == pytest.approx(off.max(), abs=1e-3)
        shape = shape_of_lengths(body, motion.bone_lengths)
        assert np.abs(shape).max() < 5  # an ordinary person
        ((number, again),) = read_motions_glb(tmp_path / "a.glb")
        assert number == 7 and len(again) == 5


def test_what_is_shown_is_our_skinning(tmp_path: Path) -> None:
    """By glTF's rules within 0.1 mm of the vertices that `posed_parts` gives."""
    motion = person(3, 4)
    write_mesh(motion, tmp_path / "a.glb")
    (posed,) = posed_parts(motion)
    assert np.linalg.norm(skinned(tmp_path / "a.glb", 2) - posed.vertices[2], axis=1).max() < 1e-4


def test_offsets_in_the_reference_pose() -> None:
    """Those of the posed body: identity rotations put joints where the offsets add up to."""
    body = read_body()
    shape = np.random.default_rng(0).normal(0, 0.5, (2, len(body.joint_basis)))
    offsets = rest_offsets(body, shape)
    shaped = shape_body(body, shape)
    np.testing.assert_allclose(np.linalg.norm(offsets[:, 1:], axis=-1),
                               np.linalg.norm(shaped.joints[:, 1:] - shaped.joints[:, body.parents[1:]], axis=-1),
                               atol=1e-5)  # fmt: skip


def test_long_motions_come_in_parts() -> None:
    motion = moving(70)
    parts = [len(posed.vertices) for posed in posed_parts(motion, read_body().subset(np.arange(10)))]
    assert parts == [32, 32, 6]
    assert mesh_fit(motion, read_body(), shape_of_lengths(read_body(), motion.bone_lengths)).mean_cm < 3
    with pytest.raises(InputError, match="a mesh is written from motions"):
        next(posed_parts(Motion("body13", np.zeros(1), np.eye(3)[None], np.tile(np.eye(3), (1, 13, 1, 1)),
                                np.zeros((1, 3)), np.ones(13), "world", np.ones(1, bool))))  # fmt: skip
