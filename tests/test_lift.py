"""The lift as users call it: any skeleton's 2D in, bodies with modes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError, ModelError
from anchorpose.poses.lifting import INPUT_WIDTH, LIFT_JOINTS, to_lift_joints
from anchorpose.poses.skeletons import BODY13, convert
from anchorpose.poses.transforms import mirror_joints, torso_centre
from anchorpose.poses.values import Pose
from anchorpose.sense.lift import Lifter, load_anchors
from anchorpose.sense.models import load_session
from anchorpose.sense.modes import ModeSettings
from conftest import TinyLift, before_camera, coco17_of, seen_by, standing

CAMERA = Camera.from_fov(640, 480)
MIRROR = np.append(BODY13.mirror, 13)


@pytest.fixture
def lifter(tiny_lift: TinyLift) -> Lifter:
    return Lifter(load_session(tiny_lift.onnx, 1))


def flipping(tiny_lift: TinyLift) -> Lifter:
    return Lifter(load_session(tiny_lift.onnx, 1), flip=True)


def plane_of(*poses: Pose, camera: Camera = CAMERA) -> tuple[np.ndarray, np.ndarray]:
    joints = np.stack([np.asarray(p.joints2d) for p in poses])
    points, scores = to_lift_joints(joints, np.stack([p.scores for p in poses]), poses[0].skeleton)
    return camera.rays(points)[..., :2], scores


def test_bodies_come_back_in_order_with_all_they_should_have(lifter: Lifter) -> None:
    """Each pose becomes a body13 with its score and box, 3D about the torso, a place, modes, class probabilities."""
    poses = [seen_by(CAMERA, (0.5 * i, 0.1, 4 + i), 30 * i, 0.9 - 0.2 * i) for i in range(3)]
    bodies = lifter(poses, CAMERA)
    assert len(bodies) == 3
    for pose, body in zip(poses, bodies, strict=True):
        assert (body.skeleton, body.score) == ("body13", pose.score)
        np.testing.assert_array_equal(body.box, pose.box)
        joints2d, scores = convert(np.asarray(pose.joints2d), "coco17", "body13", pose.scores)
        np.testing.assert_array_equal(body.joints2d, joints2d)
        np.testing.assert_array_equal(body.scores, scores)
        assert body.joints3d is not None and body.translation is not None and body.class_probs is not None
        np.testing.assert_allclose(torso_centre(body.joints3d), 0, atol=1e-6)
        assert body.translation[2] > 0.3 and np.isfinite(body.joints3d).all()
        weights = [m.weight for m in body.modes]
        assert 1 <= len(weights) <= 5 and sum(weights) == pytest.approx(1) and weights == sorted(weights, reverse=True)
        for mode in body.modes:
            assert mode.joints3d.shape == (13, 3) and mode.joints2d is not None and (mode.spread > 0).all()
        assert body.class_probs.anchors == "tiny6" and len(body.class_probs.top) == 6
        probs = [p for _, p in body.class_probs.top]
        assert sum(probs) == pytest.approx(1) and probs == sorted(probs, reverse=True)
        assert {k for k, _ in body.class_probs.top} == set(range(6))
    assert lifter([], CAMERA) == []


def test_the_placed_pose_lies_on_its_2d(lifter: Lifter) -> None:
    """The projected joints are about where the 2D joints are, as large; modes too, each by a place of its own."""
    (body,) = lifter([seen_by(CAMERA, (0.6, 0.2, 5.0), 20)], CAMERA)
    seen = np.asarray(body.joints2d)
    height = np.ptp(seen[:, 1])
    for joints in (CAMERA.project(np.asarray(body.joints_camera)), *(np.asarray(m.joints2d) for m in body.modes)):
        assert np.linalg.norm(joints.mean(0) - seen.mean(0)) < 0.15 * height
        assert 0.5 * height < np.ptp(joints[:, 1]) < 1.6 * height


def test_a_batch_is_its_people_one_by_one(lifter: Lifter) -> None:
    """Nobody's pose depends on who else is in the picture, nor on the skeletons that the others come in."""
    poses = [seen_by(CAMERA, (0.4 * i - 0.5, 0.1, 4), 40 * i) for i in range(3)]
    other, scores = convert(np.asarray(poses[1].joints2d), "coco17", "openpose25", poses[1].scores)
    poses[1] = Pose("openpose25", 0.9, poses[1].box, other, scores)
    for body, pose in zip(lifter(poses, CAMERA), poses, strict=True):
        (alone,) = lifter([pose], CAMERA)
        np.testing.assert_allclose(body.joints3d, alone.joints3d, atol=1e-5)  # type: ignore[arg-type]
        np.testing.assert_allclose(body.translation, alone.translation, atol=1e-3)  # type: ignore[arg-type]
        assert len(body.modes) == len(alone.modes)


@settings(max_examples=10)
@given(st.floats(15, 165), st.floats(-1, 1))
def test_with_flip_the_mirror_image_gives_the_mirror_pose(tiny_lift: TinyLift, azimuth: float, x: float) -> None:
    """The mirrored 2D lifts to the mirrored 3D, with the mirrored classes. Seen from a side: straight on, the mirror
    image is the picture itself, each class is as likely as its mirror image, and either may lead the mode."""
    lift = flipping(tiny_lift)
    plane, scores = plane_of(seen_by(CAMERA, (x, 0.1, 4), azimuth))
    one = lift.lift(plane, scores)
    two = lift.lift(plane[:, MIRROR] * (-1, 1), scores[:, MIRROR])
    np.testing.assert_allclose(two.joints3d, mirror_joints(one.joints3d, BODY13.mirror), atol=1e-4)
    np.testing.assert_allclose(two.probs, one.probs[:, lift.mirror], atol=1e-4)
    assert (lift.mirror[lift.mirror] == np.arange(6)).all()


def test_turning_the_camera_turns_the_pose(lifter: Lifter) -> None:
    """A person seen at another place of the picture, from the same side, has the same 3D about its own ray: distances
    between its joints stay."""
    rays = [np.array([0, 0, 4.0]), np.array([1.5, 0.5, 3.5])]
    found = []
    for ray in rays:
        points = np.concatenate([standing(), standing()[-1:] + (0, 0, 0.1)]) - (0, 1, 0)
        points = points @ np.diag([1.0, -1, -1])
        axis = ray / np.linalg.norm(ray)
        from anchorpose.poses.cameras import look_rotation

        turned = points @ look_rotation(axis) + 4 * axis  # row vectors: times R is the inverse turn
        found.append(lifter.lift((turned[:, :2] / turned[:, 2:])[None], np.ones((1, 14))).joints3d[0])
    distances = [np.linalg.norm(f[:, None] - f[None], axis=-1) for f in found]
    np.testing.assert_allclose(distances[1], distances[0], atol=0.03)


def test_height_scales_everything(tiny_lift: TinyLift, lifter: Lifter) -> None:
    """People 1.3 times as tall are 1.3 times as large, as far away, and as uncertain."""
    tall = Lifter(load_session(tiny_lift.onnx, 1), height=1.7 * 1.3)
    pose = seen_by(CAMERA)
    (one,), (two,) = lifter([pose], CAMERA), tall([pose], CAMERA)
    np.testing.assert_allclose(two.joints3d, 1.3 * np.asarray(one.joints3d), rtol=1e-6)
    np.testing.assert_allclose(two.translation, 1.3 * np.asarray(one.translation), rtol=0.03)
    np.testing.assert_allclose(two.modes[0].spread, 1.3 * one.modes[0].spread, rtol=1e-6)
    assert [m.weight for m in two.modes] == [m.weight for m in one.modes]


@pytest.mark.parametrize("height", [0.0, -1.7, 170.0, float("nan")])
def test_heights_are_metres(tiny_lift: TinyLift, height: float) -> None:
    """A height in centimetres, or none at all, is refused."""
    with pytest.raises(InputError, match="metres"):
        Lifter(load_session(tiny_lift.onnx, 1), height=height)


def test_weak_joints_are_missing(lifter: Lifter) -> None:
    """Joints below the least score change nothing, wherever they are."""
    pose = seen_by(CAMERA)
    scores, joints = np.array(pose.scores), np.array(pose.joints2d)
    scores[9] = 0.1  # the left wrist
    found = []
    for place in (joints[9], (0, 0)):
        joints[9] = place
        found.append(lifter([Pose("coco17", 0.9, pose.box, joints, scores)], CAMERA)[0])
    np.testing.assert_array_equal(found[0].joints3d, found[1].joints3d)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found[0].translation, found[1].translation)  # type: ignore[arg-type]


def test_people_without_joints_stay_in_2d(lifter: Lifter) -> None:
    """No 2D at all, all NaN, all scores too low, one joint only: a body without 3D, and the others are lifted."""
    good, nothing = seen_by(CAMERA), np.full((17, 2), np.nan)
    single = np.zeros(17)
    single[9] = 1
    poses = [
        Pose("coco17", 0.5, good.box, None, np.ones(17)), Pose("coco17", 0.5, good.box, nothing, np.zeros(17)),
        Pose("coco17", 0.5, good.box, good.joints2d, np.full(17, 0.05)), good,
        Pose("coco17", 0.5, good.box, good.joints2d, single),
    ]  # fmt: skip
    bodies = lifter(poses, CAMERA)
    for body in (*bodies[:3], bodies[4]):
        assert body.skeleton == "body13" and body.joints3d is None and body.translation is None
        assert body.modes == () and body.class_probs is None
    assert bodies[3].joints3d is not None
    np.testing.assert_array_equal(bodies[3].joints3d, lifter([good], CAMERA)[0].joints3d)  # type: ignore[arg-type]


def test_hands_cannot_be_lifted(lifter: Lifter) -> None:
    """A skeleton without limbs is an InputError that says what lacks."""
    with pytest.raises(InputError, match="hand21 cannot be lifted"):
        lifter([Pose("hand21", 0.9, np.zeros(4), np.zeros((21, 2)), np.ones(21))], CAMERA)


def test_distortion_of_the_lens_is_undone(lifter: Lifter) -> None:
    """The same person before a lens with distortion, whose camera says so, is lifted to the same pose."""
    bent = Camera(CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy, 640, 480, (-0.2, 0.05))
    (one,), (two,) = (lifter([seen_by(c, (1.0, 0.2, 4))], c) for c in (CAMERA, bent))
    np.testing.assert_allclose(two.joints3d, one.joints3d, atol=0.02)  # type: ignore[arg-type]
    np.testing.assert_allclose(two.translation, one.translation, atol=0.1)  # type: ignore[arg-type]


def test_mode_settings_can_be_chosen(tiny_lift: TinyLift) -> None:
    """With a radius that holds everything there is one mode; with none and many classes there are several."""
    session, pose = load_session(tiny_lift.onnx, 1), seen_by(CAMERA)
    (one,) = Lifter(session, settings=ModeSettings(radius=10))([pose], CAMERA)
    assert [m.weight for m in one.modes] == [1.0]
    np.testing.assert_allclose(one.modes[0].joints3d, one.joints3d, atol=1e-5)  # type: ignore[arg-type]
    (many,) = Lifter(session, settings=ModeSettings(radius=0, least=0))([pose], CAMERA)
    assert len(many.modes) == 5


def test_other_networks_are_refused(tiny_lift: TinyLift, tmp_path: Path) -> None:
    """A network without the metadata of a lift, or with another input, is a ModelError."""
    import onnx

    model = onnx.load(tiny_lift.onnx)
    del model.metadata_props[:]
    (tmp_path / "plain.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="is it a lift"):
        Lifter(load_session(tmp_path / "plain.onnx", 1))
    model = onnx.load(tiny_lift.onnx)
    model.metadata_props[0].value = '{"anchors": "a", "spread": [[0]], "mirror": [0], "modes": {"width": 3}}'
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="is it a lift"):
        Lifter(load_session(tmp_path / "other.onnx", 1))
    assert INPUT_WIDTH == 43


def test_without_a_session_the_registered_lift_is_loaded(with_tiny_lift: TinyLift) -> None:
    """`Lifter()` takes the model called "lift" of the index."""
    assert Lifter().anchors_name == "tiny6"


AZIMUTHS = (0.0, 20.0, -40.0)


@pytest.fixture(scope="module")
def shipped() -> Lifter:
    """The lift that ships; without its weights the tests below fail."""
    return Lifter(load_session("lift", 1), flip=True)


def motion_captured(azimuth: float) -> np.ndarray:
    """(14, 3) LIFT_JOINTS of a relaxed standing person of 1.70 m, one arm bent, one foot ahead, in the camera frame."""
    world = standing()
    for name, shift in {"l_ankle": (0, 0, 0.12), "l_knee": (0, 0, 0.1), "r_ankle": (0, 0, -0.06),
                        "r_wrist": (0.0, 0.22, 0.22), "l_wrist": (0.02, 0, 0.04)}.items():  # fmt: skip
        world[BODY13.index(name)] += shift
    points = np.concatenate([world, world[-1:] + (0, -0.01, 0.11)])
    return before_camera(points, azimuth, 6, (0.3, 0.1, 4.0))


@pytest.mark.parametrize("azimuth", AZIMUTHS)
def test_shipped_model_finds_a_standing_person(shipped: Lifter, azimuth: float) -> None:
    """A projected standing pose lifts to a person of human height, upright, with left and right, front and back where
    they are, near its true place."""
    camera = Camera.from_fov(1280, 720, 60)
    truth = motion_captured(azimuth)
    pixels = camera.project(truth)
    joints = coco17_of(pixels[:13], pixels[13])
    box = np.concatenate([joints.min(0), joints.max(0)])
    (body,) = shipped([Pose("coco17", 0.9, box, joints, np.full(17, 0.9))], camera)
    found = np.asarray(body.joints3d)
    at = {n: found[BODY13.index(n)] for n in BODY13.names}
    for side in "lr":
        assert at[f"{side}_hip"][1] < at[f"{side}_knee"][1] < at[f"{side}_ankle"][1]  # y is down
        assert at[f"{side}_shoulder"][1] < at[f"{side}_hip"][1]
    assert at["head"][1] < at["l_shoulder"][1]
    lowest = max(at["l_ankle"][1], at["r_ankle"][1])
    height = lowest - at["head"][1] + 0.08 + 0.14  # the ankles stand above the ground, the crown above the ears
    assert 1.4 < height < 2.0
    for part in ("shoulder", "hip"):
        assert at[f"l_{part}"][0] > at[f"r_{part}"][0]  # seen from in front, the left is on the right
    if abs(azimuth) >= 20:
        sign = np.sign(azimuth)  # from its left, the left shoulder is nearer
        assert sign * (at["r_shoulder"][2] - at["l_shoulder"][2]) > 0.02
    where = torso_centre(truth[:13])
    assert np.linalg.norm(np.asarray(body.translation) - where) < 0.15 * np.linalg.norm(where)
    error = np.linalg.norm(found - (truth[:13] - where), axis=-1).mean()
    assert error < 0.12
    assert sum(m.weight for m in body.modes) == pytest.approx(1)


def test_shipped_anchors_belong_to_the_shipped_lift(shipped: Lifter) -> None:
    """Name, number of classes and mirror images agree, and the classes are people."""
    anchors = load_anchors()
    assert anchors.name == shipped.anchors_name and len(anchors) == len(shipped.class_spread) == len(shipped.mirror)
    mirrored = mirror_joints(anchors.joints3d, BODY13.mirror)
    np.testing.assert_allclose(anchors.joints3d[shipped.mirror], mirrored, atol=1e-4)
    extent = np.ptp(anchors.joints3d, axis=1).max(-1)
    assert (extent > 0.5).all() and (extent < 2.3).all()
    assert LIFT_JOINTS[:13] == anchors.record.names


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_the_shipped_lift_with_flip_mirrors_exactly(seed: int) -> None:
    """Whatever the 2D, without any condition: the mirrored picture gives the mirrored pose."""
    lift = Lifter(flip=True)
    plane, scores = np.random.default_rng(seed).normal(0, 0.08, (1, 14, 2)), np.ones((1, 14))
    one, two = lift.lift(plane, scores), lift.lift(plane[:, MIRROR] * (-1, 1), scores)
    np.testing.assert_allclose(two.joints3d, mirror_joints(one.joints3d, BODY13.mirror), atol=1e-4)
