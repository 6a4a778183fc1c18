"""The bones of a motion model: kinematics as the canonical skeleton has them, measures and lengths both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.body_bones import (
    BODY_BONES,
    BONE_INDEX,
    BONE_MIRROR,
    BONE_PARENTS,
    CHAINS,
    MEASURES,
    POINTS,
    all_local,
    body_points,
    bone_lengths,
    fit_measures,
    measures_of_lengths,
    torso_from_root,
)
from anchorpose.poses.canonical import ANNY, REST
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import mirror_joints, torso_centre
from toy_motion import toy_world

seeds = st.integers(0, 2**31)


def any_world(seed: int, n: int = 3) -> np.ndarray:
    return rotvec_to_matrix(np.random.default_rng(seed).normal(0, 1, (n, len(BODY_BONES), 3)))


def test_bones_are_a_tree_without_fingers() -> None:
    """Parents come first and are the canonical ones; fingers and eyes are not among the bones; sides mirror."""
    assert BODY_BONES[0] == "root" and BONE_PARENTS[0] == -1 and len(BODY_BONES) == 38
    assert not [b for b in BODY_BONES if b.startswith(("finger", "metacarpal", "eye"))]
    for bone, parent in enumerate(BONE_PARENTS[1:], 1):
        assert parent < bone and BODY_BONES[parent] == ANNY.joints[BONE_INDEX[bone]].parent
    np.testing.assert_array_equal(BONE_MIRROR[BONE_MIRROR], np.arange(38))
    assert BODY_BONES[BONE_MIRROR[BODY_BONES.index("wrist.L")]] == "wrist.R"
    assert CHAINS.shape == (len(POINTS), 39) and POINTS[:13] == BODY13.names


@given(seeds)
def test_points_agree_with_the_canonical_skeleton(seed: int) -> None:
    """BODY13, toes and world rotations are those of `canonical_joints` for the same rotations and lengths."""
    world, measures = any_world(seed), np.random.default_rng(seed).normal(0, 0.2, 9)
    joints, turned = canonical_joints(all_local(world), np.zeros((3, 3)), bone_lengths(measures))
    np.testing.assert_allclose(turned[:, BONE_INDEX], world, atol=1e-12)
    points = body_points(world, measures)
    np.testing.assert_allclose(points[:, :13], canonical_body13(joints, turned), atol=1e-12)
    for row, name in ((13, "toe3-1.R"), (14, "toe3-1.L")):
        np.testing.assert_allclose(points[:, row], joints[:, ANNY.index(name)], atol=1e-12)


def test_what_is_not_a_bone_follows() -> None:
    """Fingers have identity as their local rotation, toes of a foot turn together."""
    local = all_local(any_world(1))
    for j, name in enumerate(ANNY.names):
        if name.startswith(("finger", "metacarpal", "eye")):
            np.testing.assert_allclose(local[:, j], np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-12)
    toes = [ANNY.index(f"toe{k}-1.L") for k in range(1, 6)]
    np.testing.assert_allclose(local[:, toes], np.repeat(local[:, toes[:1]], 5, 1), atol=1e-12)


@given(seeds)
def test_mirrored_rotations_give_mirrored_points(seed: int) -> None:
    world, sign = any_world(seed), np.array([-1.0, 1.0, 1.0])
    mirrored = world[:, BONE_MIRROR] * sign[:, None] * sign
    expected = mirror_joints(body_points(world, np.zeros(9))[:, :13], BODY13.mirror)
    np.testing.assert_allclose(body_points(mirrored, np.zeros(9))[:, :13], expected, atol=1e-9)


@given(seeds)
def test_measures_and_lengths_both_ways(seed: int) -> None:
    """Nine measures give 104 lengths and come back; no measures, the average adult."""
    measures = np.random.default_rng(seed).normal(0, 0.2, (2, 9))
    lengths = bone_lengths(measures)
    assert lengths.shape == (2, 104)
    np.testing.assert_allclose(measures_of_lengths(lengths), measures, atol=1e-12)
    np.testing.assert_allclose(bone_lengths(np.zeros(9))[1:], np.linalg.norm(REST - REST[ANNY.parents], axis=1)[1:])


@given(seeds)
def test_measures_are_found_in_a_track(seed: int) -> None:
    """From a moving person with lost joints and wild outliers in a tenth of the frames."""
    rng = np.random.default_rng(seed)
    measures = rng.normal(0, 0.1, 9)
    joints = body_points(toy_world(60, seed % 50), measures)[:, :13]
    joints[::10] += rng.normal(0, 0.5, joints[::10].shape)
    joints[5:9, :4] = np.nan
    found = dict(zip(MEASURES, fit_measures(joints) - measures, strict=True))
    for name in ("hips", "thigh", "shin", "upper_arm", "forearm"):
        assert abs(found[name]) < 0.03, name
    for name in ("trunk", "girdle", "neck"):  # shoulders and spine bend, which moves what is measured
        assert abs(found[name]) < 0.2, name


def test_measures_of_what_is_not_seen() -> None:
    """Unseen limbs take the mean of the others, nobody at all is an average adult."""
    joints = body_points(toy_world(20), np.full(9, 0.1))[:, :13]
    joints[:, [BODY13.index(f"{s}_{p}") for s in "rl" for p in ("ankle", "wrist")]] = np.nan
    found = fit_measures(joints)
    np.testing.assert_allclose(found, 0.1, atol=0.06)
    np.testing.assert_array_equal(fit_measures(np.full((5, 13, 3), np.nan)), 0)


def test_wrong_shapes() -> None:
    with pytest.raises(InputError, match="9 measures"):
        bone_lengths(np.zeros(8))
    with pytest.raises(InputError, match="104 bone lengths"):
        measures_of_lengths(np.zeros(9))
    with pytest.raises(InputError, match="joints must be"):
        fit_measures(np.zeros((4, 17, 3)))


@pytest.mark.parametrize("shape", [(9,), (4, 9)])
def test_the_torso_from_the_root(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    world, measures = rotvec_to_matrix(rng.normal(0, 0.5, (4, len(BODY_BONES), 3))), rng.normal(0, 0.1, shape)
    expected = torso_centre(body_points(world, measures)[..., :13, :])
    np.testing.assert_allclose(torso_from_root(world, measures), expected, atol=1e-12)
