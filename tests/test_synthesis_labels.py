"""Labels: which joints are seen, on pictures made by hand."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.labels import Seen, body_scale, gather_points, label_person, person_box
from anchorpose.poses.body import BodyModel, Posed, pose_body
from anchorpose.poses.body_points import body_points
from anchorpose.poses.cameras import Camera
from anchorpose.poses.samples import HIDDEN, SAMPLE_PARTS, UNLABELLED, VISIBLE, SamplePerson
from anchorpose.poses.skeletons import BODY13, get_skeleton

SIZE = 200
CAMERA = Camera.from_fov(SIZE, SIZE, 40)


@lru_cache(maxsize=1)
def person() -> tuple[BodyModel, np.ndarray, np.ndarray]:
    """The body, and the joints and vertices of it 3 m before the camera, facing it."""
    body = read_body()
    posed = pose_body(body, np.zeros((1, 1)), np.tile(np.eye(3), (1, len(body.bones), 1, 1)), np.zeros((1, 3)))
    joints = gather_points(body_points(body, posed))[0].astype(float) * (1, -1, -1) + (0, 0, 3)
    return body, joints, posed.vertices[0].astype(float) * (1, -1, -1) + (0, 0, 3)


def nothing() -> Seen:
    zeros = np.zeros((SIZE, SIZE), np.uint8)
    return Seen(np.full((SIZE, SIZE), np.inf, np.float32), zeros, zeros.copy())


def labels(seen: Seen, camera: Camera = CAMERA) -> SamplePerson:
    body, joints, vertices = person()
    out = label_person(body, joints, vertices, camera, seen, 0, {})
    assert out is not None
    return out


def pixel(name: str) -> tuple[int, int]:
    x, y = CAMERA.project(person()[1][BODY13.index(name)])
    return round(float(y)), round(float(x))


def seen_of(out: SamplePerson, name: str) -> int:
    return int(out.parts["body"].visible[BODY13.index(name)])


def cover(name: str, ahead: float, region: str | None, instance: int) -> Seen:
    """Nothing but a patch `ahead` [m] of a joint, of a region of the person, of another (instance 2) or a thing (0)."""
    seen, (y, x) = nothing(), pixel(name)
    patch = np.s_[y - 3 : y + 4, x - 3 : x + 4]
    seen.depth[patch] = person()[1][BODY13.index(name), 2] - ahead
    seen.instances[patch] = instance
    seen.parts[patch] = 0 if region is None else person()[0].region(region) + 1
    return seen


def test_all_parts_are_there_and_agree() -> None:
    out = labels(nothing())
    assert set(out.parts) == set(SAMPLE_PARTS) and out.truncated == out.occluded == 0
    whole, record = out.parts["wholebody"], get_skeleton("wholebody133")
    for name, prefix in (("coco", ""), ("left_hand", "l_hand_"), ("right_hand", "r_hand_")):
        part = out.parts[name]
        rows = [record.index(prefix + n) for n in get_skeleton(part.skeleton).names]
        np.testing.assert_array_equal(part.joints2d, whole.joints2d[rows])
        np.testing.assert_array_equal(part.visible, whole.visible[rows])
    np.testing.assert_allclose(CAMERA.project(out.parts["body"].joints3d), out.parts["body"].joints2d, atol=0.01)


def test_left_is_on_the_right_of_someone_who_faces_us() -> None:
    out = labels(nothing())
    body = out.parts["body"].joints2d
    assert body[BODY13.index("l_wrist"), 0] > body[BODY13.index("r_wrist"), 0]
    assert out.parts["left_hand"].joints2d[:, 0].min() > out.parts["right_hand"].joints2d[:, 0].max()


@pytest.mark.parametrize(
    ("name", "ahead", "region", "instance", "wanted"),
    [
        ("l_wrist", 0.05, "l_hand", 1, VISIBLE),  # its own flesh
        ("l_wrist", 0.2, "chest", 1, HIDDEN),  # behind the own back
        ("l_wrist", 0.2, "r_lower_arm", 1, HIDDEN),
        ("l_wrist", 0.2, None, 0, HIDDEN),  # a thing
        ("l_wrist", 0.03, None, 0, HIDDEN),  # a thing that touches it
        ("l_wrist", 1.0, "l_hand", 2, HIDDEN),  # another's hand
        ("l_wrist", -1.0, "l_hand", 2, VISIBLE),  # another, behind
        ("r_hip", 0.15, "hips", 1, VISIBLE),
        ("r_hip", 0.3, "l_upper_leg", 1, HIDDEN),
        ("head", 0.1, "head", 1, VISIBLE),
        ("head", 0.3, "r_hand", 1, HIDDEN),
        ("r_knee", 0.05, "r_lower_leg", 1, VISIBLE),
    ],
)
def test_what_hides_a_joint(name: str, ahead: float, region: str | None, instance: int, wanted: int) -> None:
    out = labels(cover(name, ahead, region, instance))
    assert seen_of(out, name) == wanted
    assert out.occluded == (1 / 13 if wanted == HIDDEN else 0)


def test_outside_of_the_picture() -> None:
    y, _ = pixel("l_hip")
    camera = CAMERA.cropped(0, 0, SIZE, y)
    low = Seen(*(a[:y] for a in (nothing().depth, nothing().parts, nothing().instances)))
    out = labels(low, camera)
    for side in "lr":
        assert seen_of(out, f"{side}_knee") == UNLABELLED and seen_of(out, f"{side}_shoulder") == VISIBLE
    assert out.truncated >= 4 / 13 and out.box[3] == y - 0.5
    assert np.isfinite(out.parts["body"].joints2d).all()


def test_nobody_in_the_picture() -> None:
    body, joints, vertices = person()
    assert label_person(body, joints + (9, 0, 0), vertices + (9, 0, 0), CAMERA, nothing(), 0, {}) is None
    assert label_person(body, joints - (0, 0, 9), vertices - (0, 0, 9), CAMERA, nothing(), 0, {}) is None


def test_box_holds_the_mesh() -> None:
    _, _, vertices = person()
    box, pixels = person_box(vertices, CAMERA), CAMERA.project(vertices)
    np.testing.assert_allclose(box, np.concatenate([pixels.min(0), pixels.max(0)]), atol=0.01)


def test_scale_is_one_for_an_adult() -> None:
    joints = person()[1][:13]
    assert 0.9 < body_scale(joints) < 1.1
    assert body_scale(0.6 * joints) == pytest.approx(0.6 * body_scale(joints))


def test_posed_type_is_what_points_need() -> None:
    body = read_body()
    posed = Posed(
        np.zeros((2, len(body.vertices), 3), np.float32), np.zeros((2, 104, 3), np.float32), np.zeros((2, 104, 3, 3))
    )
    assert gather_points(body_points(body, posed)).shape == (2, 13 + 133 + 84, 3)
