"""The view that the lift sees: what it takes out of the picture, and what it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.cameras import Camera, look_rotation
from anchorpose.poses.errors import InputError
from anchorpose.poses.lifting import INPUT_WIDTH, LIFT_JOINTS, lift_view, mirror_features, to_lift_joints
from anchorpose.poses.skeletons import BODY13, MEDIAPIPE33, MPII16, get_skeleton
from anchorpose.poses.transforms import rotation_y
from conftest import before_camera, standing

seeds = st.integers(0, 2**31)
TORSO = [LIFT_JOINTS.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]
MIRROR = np.append(BODY13.mirror, 13)
XY, SCORES, SIZE = slice(0, 28), slice(28, 42), 42


def people(seed: int, n: int = 4, middle: float = 0.3, size: float = 0.1) -> np.ndarray:
    """(n, 14, 2) random joints in the plane z = 1, of people of about that angular size anywhere in the picture."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-middle, middle, (n, 1, 2)) + rng.normal(0, size, (n, 14, 2))


def test_layout() -> None:
    """14 joints with the nose last, x and y of each, then their scores, then the size."""
    assert LIFT_JOINTS == (*BODY13.names, "nose") and INPUT_WIDTH == 43
    view = lift_view(people(0), np.full((4, 14), 0.5))
    assert view.features.shape == (4, INPUT_WIDTH) and view.features.dtype == np.float32
    np.testing.assert_array_equal(view.features[:, SCORES], 0.5)
    assert view.centre.shape == (4, 2) and view.size.shape == (4,) and view.virtual_from_camera.shape == (4, 3, 3)
    assert lift_view(np.zeros((0, 14, 2)), np.zeros((0, 14))).features.shape == (0, INPUT_WIDTH)


@given(seeds)
def test_features_are_centred_and_of_unit_size(seed: int) -> None:
    """The torso's middle is the origin; the joints' root mean square distance from it is 1; the size is what was
    divided by."""
    view = lift_view(people(seed), np.ones((4, 14)))
    xy = view.features[:, XY].reshape(4, 14, 2)
    np.testing.assert_allclose(xy[:, TORSO].mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(np.sqrt((xy**2).sum(-1).mean(1)), 1, rtol=1e-5)
    np.testing.assert_allclose(view.features[:, SIZE], np.log(view.size) + 2.2, atol=1e-5)


@given(seeds, st.floats(0.2, 1))
def test_scale_moves_only_the_size_on_the_axis(seed: int, scale: float) -> None:
    """A person on the optical axis seen `scale` times as large gives the same features but for the log of its size."""
    plane = people(seed, middle=0)
    plane -= plane[:, TORSO].mean(1, keepdims=True)
    near, far = (lift_view(p, np.ones((4, 14))).features for p in (plane, scale * plane))
    np.testing.assert_allclose(far[:, :SIZE], near[:, :SIZE], atol=1e-5)
    np.testing.assert_allclose(far[:, SIZE] - near[:, SIZE], np.log(scale), atol=1e-5)


@given(seeds, st.floats(0.5, 1))
def test_scale_about_the_torso_hardly_matters_for_small_people(seed: int, scale: float) -> None:
    """Anywhere in the picture, scaling a small person about its torso leaves the features nearly as they are."""
    plane = people(seed, middle=0.4, size=0.01)
    centre = plane[:, TORSO].mean(1, keepdims=True)
    near, far = (lift_view(p, np.ones((4, 14))).features for p in (plane, centre + scale * (plane - centre)))
    np.testing.assert_allclose(far[:, :SIZE], near[:, :SIZE], atol=0.1)
    np.testing.assert_allclose(far[:, SIZE] - near[:, SIZE], np.log(scale), atol=0.05)


@given(seeds)
def test_the_place_in_the_picture_is_taken_out(seed: int) -> None:
    """The same bundle of rays, turned to another part of the picture, gives the same features."""
    rng = np.random.default_rng(seed)
    plane = people(seed, middle=0, size=0.02)
    turn = look_rotation(np.append(rng.uniform(-0.5, 0.5, 2), 1)).T  # from the axis to that direction
    rays = np.concatenate([plane, np.ones_like(plane[..., :1])], -1) @ turn.T
    here, there = (lift_view(p, np.ones((4, 14))) for p in (plane, rays[..., :2] / rays[..., 2:]))
    np.testing.assert_allclose(there.features, here.features, atol=0.06)


@given(seeds)
def test_the_virtual_camera_looks_at_the_torso(seed: int) -> None:
    """It is a rotation, and takes the middle of the torso's joints to the axis."""
    plane = people(seed)
    view = lift_view(plane, np.ones((4, 14)))
    middle = plane[:, TORSO].mean(1)
    rays = np.concatenate([middle, np.ones((4, 1))], 1)
    turned = np.einsum("nij,nj->ni", view.virtual_from_camera, rays)
    np.testing.assert_allclose(turned[:, :2], 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(view.virtual_from_camera), 1)


@given(seeds)
def test_mirror_features_are_the_features_of_the_mirror_image(seed: int) -> None:
    """Mirroring the picture (x to -x, sides swapped) or the features is the same, with missing joints too."""
    rng = np.random.default_rng(seed)
    plane, scores = people(seed), np.where(rng.random((4, 14)) < 0.3, 0, rng.uniform(0.2, 1, (4, 14)))
    flipped = lift_view(plane[:, MIRROR] * (-1, 1), scores[:, MIRROR])
    features = lift_view(plane, scores).features
    np.testing.assert_allclose(mirror_features(features), flipped.features, atol=1e-5)
    np.testing.assert_array_equal(mirror_features(mirror_features(features)), features)


@given(seeds)
def test_missing_joints_are_zero_and_have_no_say(seed: int) -> None:
    """By score 0, by a negative one or by NaN: a missing joint's place does not matter, its features are 0."""
    rng = np.random.default_rng(seed)
    plane, scores = people(seed, n=6), rng.uniform(0.1, 1, (6, 14))
    gone = rng.random((6, 14)) < 0.4
    wild, by_nan, by_score = plane.copy(), plane.copy(), scores.copy()
    wild[gone] = 1e3 * rng.normal(size=(gone.sum(), 2))
    by_nan[gone] = np.nan
    by_score[gone] = rng.choice([0, -1], gone.sum())
    views = [lift_view(by_nan, scores), lift_view(wild, by_score), lift_view(by_nan, by_score)]
    for view in views:
        assert np.isfinite(view.features).all() and np.isfinite(view.virtual_from_camera).all()
        np.testing.assert_array_equal(view.features, views[0].features)
    xy, left = views[0].features[:, XY].reshape(6, 14, 2), views[0].features[:, SCORES]
    assert (xy[gone] == 0).all() and (left[gone] == 0).all() and (left[~gone] > 0).all()


def test_without_a_torso_all_joints_make_the_middle() -> None:
    """Where no hip or shoulder is seen the rest is centred; where nothing is seen all is finite."""
    scores = np.ones((2, 14))
    scores[0, TORSO], scores[1] = 0, 0
    view = lift_view(people(3, n=2), scores)
    others = np.setdiff1d(np.arange(14), TORSO)
    np.testing.assert_allclose(view.features[0, XY].reshape(14, 2)[others].mean(0), 0, atol=1e-5)
    assert np.isfinite(view.features).all() and (view.features[1, :SIZE] == 0).all()


@given(st.floats(-180, 180), st.floats(-40, 40))
def test_features_do_not_depend_on_the_lens(azimuth: float, off: float) -> None:
    """Rays take intrinsics and distortion out: two cameras at one place give the same features."""
    world = np.concatenate([standing(), standing()[-1:] + (0, 0, 0.1)])
    ray = rotation_y(np.radians(off)) @ np.array([0, 0, 5.0])
    points = before_camera(world, azimuth, 10, ray)
    features = []
    for camera in (Camera.from_fov(1280, 720), Camera(900, 950, 600, 300, 1280, 720, (-0.1, 0.02, 0.001))):
        features.append(lift_view(camera.rays(camera.project(points))[None, :, :2], np.ones((1, 14))).features)
    np.testing.assert_allclose(*features, atol=1e-3)


@pytest.mark.parametrize("name", ["coco17", "openpose25", "mpii16", "mediapipe33", "body13", "lsp14", "smpl24"])
def test_joints_of_other_skeletons(name: str) -> None:
    """The twelve limb joints come by name, the nose where there is one, the head by the skeleton's own rule."""
    skeleton = get_skeleton(name)
    rng = np.random.default_rng(0)
    joints, scores = rng.normal(size=(3, len(skeleton), 2)), rng.uniform(0.2, 1, (3, len(skeleton)))
    points, out = to_lift_joints(joints, scores, name)
    assert points.shape == (3, 14, 2) and out.shape == (3, 14)
    numbers = [skeleton.index(n) for n in LIFT_JOINTS[:12]]
    np.testing.assert_array_equal(points[:, :12], joints[:, numbers])
    np.testing.assert_array_equal(out[:, :12], scores[:, numbers])
    if "nose" in skeleton:
        np.testing.assert_array_equal(points[:, 13], joints[:, skeleton.index("nose")])
        np.testing.assert_array_equal(out[:, 13], scores[:, skeleton.index("nose")])
    else:
        assert np.isnan(points[:, 13]).all() and (out[:, 13] == 0).all()
    if "l_ear" in skeleton:
        ears = [skeleton.index("l_ear"), skeleton.index("r_ear")]
        np.testing.assert_allclose(points[:, 12], joints[:, ears].mean(1))
        np.testing.assert_array_equal(out[:, 12], scores[:, ears].min(1))
    assert (out[:, 12] > 0).all()  # each of these has a rule for the head
    np.testing.assert_array_equal(to_lift_joints(joints, scores, skeleton)[0], points)


def test_head_of_mpii_lies_between_neck_and_crown() -> None:
    """MPII16 has no ears: the head is the middle of upper neck and crown."""
    joints = np.random.default_rng(1).normal(size=(1, 16, 2))
    points, _ = to_lift_joints(joints, np.ones((1, 16)), "mpii16")
    np.testing.assert_allclose(
        points[0, 12], (joints[0, MPII16.index("upper_neck")] + joints[0, MPII16.index("head_top")]) / 2
    )


def test_missing_joints_stay_missing() -> None:
    """NaN, score 0 and negative scores; a head with one ear is missing, the other joints are not."""
    joints, scores = np.ones((1, 33, 2)), np.ones((1, 33))
    joints[0, MEDIAPIPE33.index("l_knee")] = np.nan
    scores[0, [MEDIAPIPE33.index(n) for n in ("r_wrist", "l_ear")]] = 0, -1
    points, out = to_lift_joints(joints, scores, "mediapipe33")
    gone = np.isin(LIFT_JOINTS, ("l_knee", "r_wrist", "head"))
    assert np.isnan(points[0, gone]).all() and (out[0, gone] == 0).all()
    assert (points[0, ~gone] == 1).all() and (out[0, ~gone] == 1).all()


@pytest.mark.parametrize("name", ["hand21", "face68", "face84"])
def test_skeletons_without_limbs_cannot_be_lifted(name: str) -> None:
    """The InputError says which joints lack."""
    n = len(get_skeleton(name))
    with pytest.raises(InputError, match=f"{name} cannot be lifted: it lacks r_ankle, l_ankle"):
        to_lift_joints(np.zeros((1, n, 2)), np.ones((1, n)), name)
    with pytest.raises(InputError, match="no skeleton"):
        to_lift_joints(np.zeros((1, n, 2)), np.ones((1, n)), "paw")
