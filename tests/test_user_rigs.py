"""Rigs that users bring: our own skeleton, taken as it is, and Mixamo's, however its figures face at rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.bvh import read_bvh
from anchorpose.files.motion_clips import clip_of_motion, motion_of_clip
from anchorpose.files.points import points_of_motion
from anchorpose.files.rigs import RIGS, body13
from anchorpose.files.segments import carry_over, tracks
from anchorpose.poses.canonical import ANNY, REST_AXES, REST_LENGTHS
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.retarget import Carried
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.transforms import rotation_x
from mixamo_files import mixamo_bvh

FRAMES = 6


def made() -> Carried:
    rng = np.random.default_rng(4)
    rotations = rotvec_to_matrix(rng.normal(0, 0.3, (FRAMES, len(ANNY), 3)))
    lengths = REST_LENGTHS * rng.uniform(0.9, 1.1, len(ANNY))
    return Carried(rotations, rng.normal(0, 1, (FRAMES, 3)), lengths, np.arange(FRAMES) != 3)


def test_our_own_skeleton_is_taken_as_it_is() -> None:
    """Names, rotations and bone lengths of the canonical skeleton come back exactly, z up too; what was seen stays."""
    truth = made()
    clip = clip_of_motion(truth.motion(30.0))
    for given in (clip, to_z_up_of_root(clip), replace(clip, names=tuple(n.replace(".", "_") for n in clip.names))):
        carried = carry_over(given)
        np.testing.assert_allclose(carried.rotations, truth.rotations, atol=1e-12)
        np.testing.assert_allclose(carried.translation, truth.translation, atol=1e-12)
        np.testing.assert_allclose(carried.bone_lengths[1:], truth.bone_lengths[1:], atol=1e-12)
        assert carried.sound.tolist() == [t != 3 for t in range(FRAMES)]
        joints, world = canonical_joints(truth.rotations, truth.translation, truth.bone_lengths)
        np.testing.assert_allclose(body13(given), canonical_body13(joints, world), atol=1e-12)
    with pytest.raises(InputError, match="there is a transfer from asf"):
        tracks(clip)


def to_z_up_of_root(clip: Clip) -> Clip:
    rotations = np.array(clip.rotations)
    rotations[:, 0] = rotation_x(np.pi / 2) @ rotations[:, 0]
    return replace(clip, positions=clip.positions @ rotation_x(np.pi / 2).T, rotations=rotations, up="z")


WAYS = {"+z": ((1, 0, 0), (0, 1, 0)), "-z": ((-1, 0, 0), (0, 1, 0)), "x": ((0, 0, -1), (0, 1, 0)),
        "z up": ((1, 0, 0), (0, 0, 1))}  # fmt: skip


def mixamo_axes(way: str) -> np.ndarray:
    left, up = (np.array(v, float) for v in WAYS[way])
    return np.stack([left, up, np.cross(left, up)], 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fingers", [True, False])
def test_mixamo(tmp_path: Path, way: str, fingers: bool) -> None:
    """However the figure faces in its rest pose: joints within a centimetre of the file's own, the head's two."""
    path = tmp_path / "walk.bvh"
    path.write_text(mixamo_bvh(axes=mixamo_axes(way), fingers=fingers))
    clip = read_bvh(path, up="z" if way == "z up" else "y")
    carried = carry_over(clip)
    joints = canonical_body13(*canonical_joints(carried.rotations, carried.translation, carried.bone_lengths))
    own = clip.y_up(clip.positions[:, [clip.names.index(f"mixamorig:{n}") for n in RIGS["mixamo"].body]])
    assert np.linalg.norm(joints[:, :12] - own, axis=-1).max() < 0.01
    assert np.linalg.norm(joints - body13(clip), axis=-1).max() < 0.02
    assert carried.sound.all()
    np.testing.assert_allclose(points_of_motion(motion_of_clip(clip)).positions[:, :13], joints, atol=1e-6)


def test_mixamo_at_rest(tmp_path: Path) -> None:
    """In its T pose arms go sideways, elbows bend forwards, palms are down, feet and head level."""
    (tmp_path / "t.bvh").write_text(mixamo_bvh(2, still=True, axes=mixamo_axes("-z")))
    carried = carry_over(read_bvh(tmp_path / "t.bvh"))
    _, world = canonical_joints(carried.rotations, carried.translation, carried.bone_lengths)
    # The figure faces -z, so its left is at -x: what each bone is along, and the axis that bends it.
    expected = {
        "upperarm02.L": ((-1, 0, 0), (0, -1, 0)), "lowerarm01.L": ((-1, 0, 0), (0, -1, 0)),
        "wrist.L": ((-1, 0, 0), (0, 0, 1)), "wrist.R": ((1, 0, 0), (0, 0, -1)),
        "lowerleg01.R": ((0, -1, 0), (-1, 0, 0)), "head": ((0, 1, 0), (-1, 0, 0)),
    }  # fmt: skip
    for name, (along, bend) in expected.items():
        axes = world[0, ANNY.index(name)] @ REST_AXES[ANNY.index(name)]
        assert axes[:, 1] @ along > 0.99 and axes[:, 0] @ bend > 0.99, name
    foot = world[0, ANNY.index("foot.L")]
    np.testing.assert_allclose(foot[:, 1], (0, 1, 0), atol=1e-6)
