"""Anchor poses from motion capture: shares, mirror images, upper-body classes, and draws that are balanced."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from anchorpose.files.corpus import Corpus
from anchorpose.learn.cluster import balanced_weights, draw, make_anchors, virtual_targets
from anchorpose.measure.virtual import MEASURE, ViewRange, stature, torso_axes
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import mirror_joints, torso_centre, torso_centred
from conftest import standing, tiny_corpus, tiny_poses

BELOW = [BODY13.index(f"{s}_{p}") for s in "lr" for p in ("ankle", "knee")]


@cache
def classes(k: int = 8, upper: bool = False) -> AnchorPoses:
    return make_anchors(tiny_corpus(), k, f"tiny{k}", samples=1500, upper=upper, ranges=MEASURE)


def test_classes_are_poses() -> None:
    """K torso-centred poses of human size, with shares that sum to 1 and every class met."""
    anchors = classes()
    assert (len(anchors), anchors.name, anchors.skeleton) == (8, "tiny8", "body13")
    np.testing.assert_allclose(torso_centre(anchors.joints3d), 0, atol=1e-5)
    assert (stature(anchors.joints3d) > 1.0).all() and (stature(anchors.joints3d) < 2.0).all()
    share = anchors.attributes["share"]
    assert share.shape == (8,) and (share > 0).all() and share.sum() == pytest.approx(1)
    assert not anchors.upper.any() and (np.abs(anchors.attributes["azimuth"]) <= np.pi).all()
    assert set(anchors.attributes) == {"share", "mirror", "upper", "azimuth"}


def test_every_class_has_its_mirror_image() -> None:
    """`mirror` is an involution without fixed points, and the class it names is the mirrored pose, joint by joint."""
    anchors = classes()
    mirror = anchors.attributes["mirror"]
    np.testing.assert_array_equal(mirror[mirror], np.arange(8))
    assert (mirror != np.arange(8)).all()
    np.testing.assert_allclose(anchors.joints3d[mirror], mirror_joints(anchors.joints3d, BODY13.mirror), atol=1e-6)


def test_azimuths_are_those_of_the_poses() -> None:
    """A class seen from the person's left (+90 degrees) has its left shoulder nearer; mirrored, it is the right one."""
    anchors = classes()
    depth = anchors.joints3d[:, BODY13.index("r_shoulder"), 2] - anchors.joints3d[:, BODY13.index("l_shoulder"), 2]
    clear = np.abs(np.sin(anchors.attributes["azimuth"])) > 0.5
    assert clear.any()
    assert (np.sign(depth[clear]) == np.sign(np.sin(anchors.attributes["azimuth"][clear]))).all()


def test_upper_body_classes_have_legs_below_the_box() -> None:
    """With `upper` there are as many again: the same 3D, and a 2D whose box ends at the hips, so that the legs of
    standing people lie below 1."""
    anchors = classes(8, True)
    assert len(anchors) == 16
    np.testing.assert_array_equal(anchors.upper, np.arange(16) >= 8)
    np.testing.assert_array_equal(anchors.joints3d[:8], anchors.joints3d[8:])
    above = [i for i in range(13) if i not in BELOW]
    assert (anchors.joints2d[:8] > 0).all() and (anchors.joints2d[:8] < 1).all()
    assert (anchors.joints2d[8:, above] > 0).all() and (anchors.joints2d[8:, above] < 1).all()
    assert (anchors.joints2d[8:, BELOW, 1].max(1) > 1).all()
    mirror = anchors.attributes["mirror"]
    np.testing.assert_array_equal(mirror[mirror], np.arange(16))
    np.testing.assert_array_equal(anchors.upper[mirror], anchors.upper)


def test_one_class_is_its_own_mirror_image() -> None:
    """K = 1, the plain regression, works; other odd numbers cannot be half of them mirrored, and are refused."""
    np.testing.assert_array_equal(classes(1).attributes["mirror"], [0])
    with pytest.raises(InputError, match="even"):
        make_anchors(tiny_corpus(), 7, "odd", samples=500)


def test_classes_depend_on_the_seed_alone() -> None:
    """The same corpus and seed give the same classes."""
    again, other = (make_anchors(tiny_corpus(), 8, "tiny8", seed, 1500, MEASURE) for seed in (0, 1))
    np.testing.assert_array_equal(again.joints3d, classes().joints3d)
    assert not np.array_equal(other.joints3d, classes().joints3d)


def lopsided(n: int = 300) -> Corpus:
    """270 frames of one pose, 30 of others."""
    corpus = tiny_corpus(n)
    joints = corpus.joints3d.copy()
    joints[:270] = standing()
    return replace(corpus, joints3d=joints)


def test_rare_poses_are_drawn_more_often() -> None:
    """Chances sum to 1; rare poses get more than their share, common ones at least half of theirs; headings and
    mirror images make no difference."""
    weights = balanced_weights(lopsided(), clusters=10)
    assert weights.shape == (300,) and weights.sum() == pytest.approx(1)
    assert weights[270:].sum() > 0.3 and weights[:270].sum() > 0.45
    assert (weights >= 0.5 / 300 - 1e-12).all()


def test_draws_follow_the_chances_and_mirror_half() -> None:
    """Frames with no chance are never drawn; half of the draws are mirror images, with the face mirrored too."""
    corpus = lopsided()
    joints, facing = corpus.joints3d.copy(), corpus.facing.copy()
    joints[5] = standing()
    joints[5, BODY13.index("l_wrist")] += (0, 0.8, 0)  # the left arm up
    facing[5] = 1, 0, 0  # the face turned to the left
    corpus = replace(corpus, joints3d=joints, facing=facing)
    chances = np.zeros(300)
    chances[5] = 1.0
    ranges = ViewRange(pitch_normal=(0, 0), uniform_share=0, roll_deviation=0, statures=False, field=0)
    viewed = draw(corpus, 400, np.random.default_rng(0), ranges, np.cumsum(chances))
    assert viewed.plane.shape == (400, 14, 2)
    height = -viewed.joints_camera[..., 1]
    left_up = height[:, BODY13.index("l_wrist")] > height[:, BODY13.index("r_wrist")] + 0.5
    right_up = height[:, BODY13.index("r_wrist")] > height[:, BODY13.index("l_wrist")] + 0.5
    assert (left_up ^ right_up).all() and 0.4 < left_up.mean() < 0.6
    # From in front, a face turned to its left shows the nose on the right; mirrored, on the left.
    front = np.abs(viewed.azimuth) < 0.5
    nose_right = viewed.plane[front, 13, 0] > viewed.plane[front, BODY13.index("head"), 0]
    np.testing.assert_array_equal(nose_right, left_up[front])
    assert draw(corpus, 7, np.random.default_rng(0)).plane.shape == (7, 14, 2)


def test_targets_are_in_the_camera_that_looks_at_the_torso() -> None:
    """Torso-centred, of the size of the truth, turned so that the ray to the torso is the axis."""
    viewed = draw(tiny_corpus(), 50, np.random.default_rng(0), ViewRange(distance=(3, 3)))
    targets = virtual_targets(viewed)
    np.testing.assert_allclose(torso_centre(targets), 0, atol=1e-9)
    truth = torso_centred(viewed.joints_camera)
    np.testing.assert_allclose(np.linalg.norm(targets, axis=-1), np.linalg.norm(truth, axis=-1))
    # Turned back to front the targets do not depend on where in the picture the person stands.
    axis = torso_axes(targets)[:, 2, 2]
    assert np.isfinite(axis).all()


def test_tiny_poses_are_poses() -> None:
    """What these tests stand on: limbs keep their lengths, the left is left."""
    poses = tiny_poses(30)
    np.testing.assert_allclose(stature(poses), stature(standing()))
    assert (torso_axes(poses)[:, 1, 1] > 0.99).all()
