"""Virtual cameras: conventions checked on pictures one can imagine, and variations that keep what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.measure.virtual import (
    MEASURE,
    STATURE_SPREAD,
    TRAIN,
    ViewRange,
    mix_limbs,
    sample_views,
    stature,
    torso_axes,
    vary_definitions,
    vary_proportions,
    without_body_variation,
)
from anchorpose.poses.lifting import LIFT_JOINTS, lift_view
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import rotation_x, rotation_y, torso_centre, torso_centred
from anchorpose.sense.lift import MEAN_STATURE
from conftest import standing, tiny_poses

I = {name: i for i, name in enumerate(LIFT_JOINTS)}  # noqa: E741
seeds = st.integers(0, 2**31)
NO_FACE = np.full((1, 3), np.nan)
STILL = ViewRange(
    pitch_normal=(0, 0), uniform_share=0, roll_deviation=0, distance=(4, 4), field=0, statures=False
)  # a camera at the height of the torso, 4 m away, looking at it
LIMBS = [(f"{s}_{a}", f"{s}_{b}") for s in "lr" for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"),
                                                             ("elbow", "wrist"))]  # fmt: skip


def views(n: int = 400, ranges: ViewRange = STILL, seed: int = 0, world: np.ndarray | None = None):  # type: ignore[no-untyped-def]
    """The standing person (or `world`) before n cameras."""
    poses = np.repeat((standing() if world is None else world)[None], n, 0)
    return sample_views(poses, np.repeat(NO_FACE, n, 0), np.random.default_rng(seed), ranges)


def lengths(joints: np.ndarray) -> np.ndarray:
    """(N, 8) of the limbs."""
    pairs = np.array([(I[a], I[b]) for a, b in LIMBS])
    return np.linalg.norm(joints[:, pairs[:, 0]] - joints[:, pairs[:, 1]], axis=-1)


def test_plane_is_the_projection_of_the_truth() -> None:
    """Without variations, x / z and y / z of the joints are what the camera sees, upright, at 4 m."""
    seen = views()
    body = seen.joints_camera
    np.testing.assert_allclose(seen.plane[:, :13], body[..., :2] / body[..., 2:], atol=1e-9)
    np.testing.assert_allclose(torso_centre(body), np.tile([0, 0, 4.0], (400, 1)), atol=1e-9)
    np.testing.assert_allclose(lengths(body), lengths(standing()[None]).repeat(400, 0))
    assert (seen.plane[:, I["head"], 1] < seen.plane[:, I["l_hip"], 1]).all()  # y is down
    assert (seen.plane[:, I["l_hip"], 1] < seen.plane[:, I["l_ankle"], 1]).all()
    np.testing.assert_allclose(seen.elevation, 0)


def test_from_in_front_the_left_is_on_the_right_of_the_picture() -> None:
    """Azimuth 0 is in front: the person's left shows at larger x, the nose before the head; behind it is the other
    way round, and the nose is hidden."""
    seen = views()
    front, back = np.abs(seen.azimuth) < 0.5, np.abs(seen.azimuth) > np.pi - 0.5
    assert front.sum() > 20 and back.sum() > 20
    for part in ("shoulder", "hip", "ankle"):
        assert (seen.plane[front, I[f"l_{part}"], 0] > seen.plane[front, I[f"r_{part}"], 0]).all()
        assert (seen.plane[back, I[f"l_{part}"], 0] < seen.plane[back, I[f"r_{part}"], 0]).all()
    assert not seen.nose_hidden[front].any() and seen.nose_hidden[back].all()
    # The camera on the person's left sees the nose to the left of the head, since the person faces that way.
    side = np.abs(seen.azimuth - np.pi / 2) < 0.3
    assert (seen.plane[side, I["nose"], 0] < seen.plane[side, I["head"], 0]).all()


def test_from_its_left_the_left_side_is_nearer() -> None:
    """At azimuth +90 degrees the left shoulder and hip are nearer than the right ones, at -90 the right ones are."""
    seen = views()
    for sign, near, far in ((1, "l", "r"), (-1, "r", "l")):
        rows = np.abs(seen.azimuth - sign * np.pi / 2) < 0.5
        assert rows.sum() > 20
        for part in ("shoulder", "hip"):
            depth = seen.joints_camera[rows, :, 2]
            assert (depth[:, I[f"{near}_{part}"]] < depth[:, I[f"{far}_{part}"]]).all()


@pytest.mark.parametrize("pitch,nearer,further", [(30, "head", "l_ankle"), (-20, "l_ankle", "head")])
def test_elevation(pitch: float, nearer: str, further: str) -> None:
    """A camera above the person looks down and has the head nearer than the feet; one below has it the other way."""
    seen = views(50, replace(STILL, pitch_normal=(pitch, 0)))
    assert (seen.joints_camera[:, I[nearer], 2] < seen.joints_camera[:, I[further], 2] - 0.3).all()
    np.testing.assert_allclose(seen.elevation, np.radians(pitch))


def test_the_nose_goes_where_the_face_does() -> None:
    """A known direction of the face decides on the nose, not the torso."""
    face = np.repeat([[1.0, 0, 0]], 300, 0)  # towards the person's left
    seen = sample_views(np.repeat(standing()[None], 300, 0), face, np.random.default_rng(0), STILL)
    front = np.abs(seen.azimuth) < 0.3
    assert (seen.plane[front, I["nose"], 0] - seen.plane[front, I["head"], 0] > 0.1 / 4 * 0.8).all()


def test_people_stand_all_over_the_picture_at_all_distances() -> None:
    """Distances fill the range; directions fill the field, less of it up and down; everybody is before the camera."""
    seen = views(3000, replace(STILL, distance=(2, 8), field=0.6))
    torso = torso_centre(seen.joints_camera)
    distance = np.linalg.norm(torso, axis=1)
    assert 2 <= distance.min() < 2.1 and 7.6 < distance.max() <= 8
    np.testing.assert_allclose(np.median(distance), 4, rtol=0.05)  # even in the logarithm
    slope = torso[:, :2] / torso[:, 2:]
    np.testing.assert_allclose(np.abs(slope).max(0), (0.6, 0.36), rtol=0.02)
    assert (seen.joints_camera[..., 2] > 0.5).all()


def test_statures_follow_the_prior() -> None:
    """Whatever the captured person's height, bodies are scaled to heights drawn from the prior, cut at both ends."""
    for factor in (0.7, 1.3):
        world = factor * standing()
        seen = views(4000, replace(STILL, statures=True), world=world)
        scale = (lengths(seen.joints_camera) / lengths(world[None])).mean(1)
        heights = scale * stature(world)
        np.testing.assert_allclose(heights.mean(), MEAN_STATURE, atol=0.005)
        np.testing.assert_allclose(heights.std(), STATURE_SPREAD, rtol=0.05)
        assert heights.min() >= 1.3 and heights.max() <= 2.1


def test_stature_and_axes_by_hand() -> None:
    """Thigh, shin, torso and half a metre for feet and head; axes are left, up, front, right-handed."""
    assert stature(standing()) == pytest.approx(
        np.hypot(0.4, np.hypot(0.02, 0.02)) + np.hypot(0.42, np.hypot(0.01, 0.02)) + 0.48 + 0.49, abs=1e-4
    )
    np.testing.assert_allclose(torso_axes(standing()), np.eye(3), atol=1e-12)
    poses = tiny_poses(20)
    axes = torso_axes(poses)
    np.testing.assert_allclose(axes @ axes.transpose(0, 2, 1), np.tile(np.eye(3), (20, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(axes), 1)
    turn = rotation_y(1.0) @ rotation_x(0.4)
    np.testing.assert_allclose(torso_axes(poses @ turn.T), turn @ axes, atol=1e-9)


@given(seeds)
def test_varied_proportions_are_the_same_on_both_sides(seed: int) -> None:
    """Bones change, the left as much as the right; directions of the limbs, the hips' middle and the input do not."""
    rng = np.random.default_rng(seed)
    poses = tiny_poses(40, seed % 1000)
    before = poses.copy()
    out = vary_proportions(poses, 0.1, rng)
    np.testing.assert_array_equal(poses, before)
    ratio = lengths(out) / lengths(poses)
    np.testing.assert_allclose(ratio[:, :4], ratio[:, 4:], rtol=1e-9)
    assert (np.abs(np.log(ratio)) < 0.26).all() and ratio.std() > 0.01
    for a, b in LIMBS:
        d0, d1 = (p[:, I[b]] - p[:, I[a]] for p in (poses, out))
        cosine = (d0 * d1).sum(1) / np.linalg.norm(d0, axis=1) / np.linalg.norm(d1, axis=1)
        np.testing.assert_allclose(cosine, 1)
    hips = [I["l_hip"], I["r_hip"]]
    np.testing.assert_allclose(out[:, hips].mean(1), poses[:, hips].mean(1), atol=1e-9)
    arms = [np.linalg.norm(out[:, I[f"{s}_shoulder"]] - out[:, [I["l_hip"], I["r_hip"]]].mean(1), axis=1) for s in "lr"]
    np.testing.assert_allclose(*arms, rtol=1e-6)


def test_widths_come_near_those_of_people() -> None:
    """A rig with shoulders twice as wide as people's is narrowed in three out of four cases."""
    wide = standing()
    for joint in ("shoulder", "elbow", "wrist"):
        for side, sign in (("l", 1), ("r", -1)):
            wide[I[f"{side}_{joint}"], 0] += sign * 0.18
    out = vary_proportions(np.repeat(wide[None], 2000, 0), 0.05, np.random.default_rng(0))
    width = np.linalg.norm(out[:, I["l_shoulder"]] - out[:, I["r_shoulder"]], axis=1)
    mended = width < 0.28 * stature(wide)
    assert 0.7 < mended.mean() < 0.8
    np.testing.assert_allclose(width[mended].mean() / stature(wide), 0.213, atol=0.002)


@given(seeds)
def test_limbs_keep_their_lengths_when_mixed(seed: int) -> None:
    """A pose has its own legs and arms, or the legs, or the arms, of the other one, bone by bone as long as there, and
    turned with the torso."""
    rng = np.random.default_rng(seed)
    poses, other = tiny_poses(60, 1), 1.1 * tiny_poses(60, 2)
    out = mix_limbs(poses, other, 0.6, rng)
    own, others, found = lengths(poses), lengths(other), lengths(out)
    legs, arms = [0, 1, 4, 5], [2, 3, 6, 7]
    for part, rest in ((legs, arms), (arms, legs)):
        taken = ~np.isclose(found[:, part], own[:, part]).all(1)
        np.testing.assert_allclose(found[taken][:, part], others[taken][:, part])
        np.testing.assert_allclose(found[taken][:, rest], own[taken][:, rest])
    trunk = [I[n] for n in ("l_hip", "r_hip", "l_shoulder", "r_shoulder", "head")]
    np.testing.assert_array_equal(out[:, trunk], poses[:, trunk])
    taken = ~np.isclose(found[:, legs], own[:, legs]).all(1)
    for p in ("l_knee", "r_ankle"):
        hip = I[f"{p[0]}_hip"]
        mine, its = (np.einsum("nij,ni->nj", torso_axes(x), x[:, I[p]] - x[:, hip]) for x in (out[taken], other[taken]))
        np.testing.assert_allclose(mine, its, atol=1e-9)


def test_mixed_shares() -> None:
    """Half of the share gets legs, half gets arms, none gets both; a share of 0 changes nothing."""
    poses, other = tiny_poses(4000, 1), 1.2 * tiny_poses(4000, 2)
    out = mix_limbs(poses, other, 0.5, np.random.default_rng(0))
    legs, arms = ((out[:, I[n]] != poses[:, I[n]]).any(1) for n in ("l_knee", "l_elbow"))
    assert not (legs & arms).any()
    np.testing.assert_allclose((legs.mean(), arms.mean()), 0.25, atol=0.03)
    np.testing.assert_array_equal(mix_limbs(poses, other, 0.0, np.random.default_rng(0)), poses)


@given(seeds)
def test_definitions_move_joints_alike_on_both_sides(seed: int) -> None:
    """In the torso's own axes, what happens to a left joint happens to the right one, mirrored."""
    rng = np.random.default_rng(seed)
    poses = np.repeat(standing()[None], 20, 0)
    points = np.concatenate([poses, poses[:, -1:] + (0, 0, 0.11)], 1)
    moved = vary_definitions(points, 1.0, rng) - points  # the standing person's axes are those of the world
    mirrored = moved[:, np.append(BODY13.mirror, 13)] * (-1, 1, 1)
    np.testing.assert_allclose(mirrored[:, :12], moved[:, :12], atol=1e-9)
    np.testing.assert_allclose(moved[:, I["head"]], moved[:, I["nose"]])
    assert np.abs(moved).max() < 0.25
    np.testing.assert_array_equal(vary_definitions(points, 0.0, rng), points)


def test_a_wrong_focal_length_keeps_the_geometry() -> None:
    """Half of the cameras have the right focal length: there the joints still project to the plane. For the others
    the plane is scaled, the pose as seen from its own ray, its size and its distance stay."""
    ranges = replace(STILL, field=0.6, distance=(3, 6))
    right, wrong = (views(600, r, seed=5) for r in (ranges, replace(ranges, focal_error=0.2)))
    factor = (wrong.plane / right.plane).mean((1, 2))
    np.testing.assert_allclose(wrong.plane, right.plane * factor[:, None, None])
    same = np.isclose(factor, 1, atol=1e-12)
    assert 0.4 < same.mean() < 0.6 and 0.1 < np.log(factor[~same]).std() < 0.3
    body = wrong.joints_camera
    np.testing.assert_allclose(wrong.plane[same, :13], body[same, :, :2] / body[same, :, 2:], atol=1e-9)
    np.testing.assert_allclose(body[same], right.joints_camera[same], atol=1e-9)
    torso = torso_centre(body)
    truth = torso_centre(right.joints_camera)
    np.testing.assert_allclose(np.linalg.norm(torso, axis=1), np.linalg.norm(truth, axis=1))
    seen_at = truth[:, :2] / truth[:, 2:] * factor[:, None]
    np.testing.assert_allclose(torso[:, :2] / torso[:, 2:], seen_at, atol=1e-9)
    # In the frame that looks at the torso, the target of the lift is hardly changed.
    turned = [
        np.einsum(
            "nij,nkj->nki", lift_view(v.plane, np.ones((600, 14))).virtual_from_camera, torso_centred(v.joints_camera)
        )
        for v in (right, wrong)
    ]
    assert np.abs(turned[0] - turned[1]).max() < 0.06


@given(seeds)
def test_training_views_are_finite(seed: int) -> None:
    """With everything varied at once, all is finite, before the camera, and of human size."""
    poses = tiny_poses(50, seed % 1000)
    seen = sample_views(poses, torso_axes(poses)[..., 2], np.random.default_rng(seed), TRAIN)
    for array in (seen.joints_camera, seen.plane, seen.azimuth, seen.elevation):
        assert np.isfinite(array).all()
    assert seen.plane.shape == (50, 14, 2) and (seen.joints_camera[..., 2] > 0).all()
    assert (stature(seen.joints_camera) < 2.3).all() and (stature(seen.joints_camera) > 1.1).all()


def test_the_same_seed_gives_the_same_views() -> None:
    """Nothing random but the generator."""
    a, b = (views(10, TRAIN, seed=3) for _ in range(2))
    np.testing.assert_array_equal(a.plane, b.plane)
    np.testing.assert_array_equal(a.joints_camera, b.joints_camera)


def test_without_body_variation_keeps_the_cameras() -> None:
    """Only the bodies are left as they were captured."""
    plain = without_body_variation(TRAIN)
    assert not (plain.proportions or plain.definitions or plain.focal_error or plain.statures)
    assert (plain.distance, plain.field, plain.tumble_share) == (TRAIN.distance, TRAIN.field, TRAIN.tumble_share)
    assert MEASURE.proportions == MEASURE.definitions == MEASURE.focal_error == MEASURE.tumble_share == 0
