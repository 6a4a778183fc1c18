"""Clothes, hair and looks on the shipped body: where garments end, what stays at the body, what a look may be."""

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.files.images import write_image
from anchorpose.learn.synthesis.body_fields import face_paint, garment_fields, landmarks
from anchorpose.learn.synthesis.garments import LEVELS, dress, level_of_detail, make_wardrobe
from anchorpose.learn.synthesis.gl.materials import linear
from anchorpose.learn.synthesis.gl.scene import MAX_SURFACES
from anchorpose.learn.synthesis.looks import Loose, random_lights, random_look
from anchorpose.learn.synthesis.shells import grid_faces, ray_hits
from anchorpose.learn.synthesis.textures import random_crop, read_bank
from anchorpose.poses.body import pose_body
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.phenotypes import phenotype_shapes, sample_phenotypes


@pytest.fixture(scope="module")
def body():
    return read_body()


@pytest.fixture(scope="module")
def wardrobe(body):
    return make_wardrobe(body)


@pytest.fixture(scope="module")
def fields(body):
    return garment_fields(body, landmarks(body))


def _regions(body, *names):
    return np.isin(body.vertex_regions, [body.region(name) for name in names])


def _random_rotations(rng, count, bones):
    axis = rng.normal(size=(count, bones, 3))
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = rng.normal(0, 0.5, (count, bones, 1, 1))
    cross = np.zeros((count, bones, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        cross[..., j, k], cross[..., k, j] = -axis[..., i], axis[..., i]
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@pytest.fixture(scope="module")
def crowd(body):
    """Bodies of random shapes in wild poses, in the camera frame: (6, V, 3)."""
    rng = np.random.default_rng(3)
    shapes = phenotype_shapes(body.phenotypes, sample_phenotypes(body.phenotypes, rng, 6))
    fingers = [k for k, name in enumerate(body.bones) if name.startswith(("finger", "toe", "metacarpal", "eye"))]
    rotations = _random_rotations(rng, 6, len(body.bones))
    rotations[:, fingers] = np.eye(3)
    vertices = pose_body(body, shapes, rotations, np.zeros((6, 3))).vertices
    return (vertices * (1, -1, -1) + (0, 0, 3)).astype(np.float32)


def test_garment_coordinates_are_where_they_should_be(body, fields):
    arm, leg, torso, scalp = fields.T
    assert 0 < arm[_regions(body, "l_upper_arm", "r_upper_arm")].mean() < 1
    assert 1 < arm[_regions(body, "l_lower_arm", "r_lower_arm")].mean() < 2
    hands = _regions(body, "l_hand", "r_hand")
    assert arm[hands].min() > 1.8 and arm[hands].max() == pytest.approx(3, abs=0.2)
    assert 1 < leg[_regions(body, "l_lower_leg", "r_lower_leg")].mean() < 2
    assert leg[_regions(body, "l_foot", "r_foot")].min() > 1.7
    assert (arm[_regions(body, "head", "hips")] <= 0.05).all() and (leg[_regions(body, "head", "chest")] <= 0).all()
    assert 0.4 < torso[_regions(body, "chest")].mean() < 1 < torso[_regions(body, "head")].min()
    assert (scalp[_regions(body, "scalp")] > -0.02).mean() > 0.95 and (
        scalp[~_regions(body, "scalp", "head")] < 0.035
    ).all()


def test_garment_coordinates_are_the_same_left_and_right(body, fields):
    for left, right in (("l_hand", "r_hand"), ("l_foot", "r_foot"), ("l_upper_leg", "r_upper_leg")):
        a, b = (np.sort(fields[_regions(body, side)], 0) for side in (left, right))
        np.testing.assert_allclose(a, b, atol=0.02)


def test_paint_lies_on_the_face(body):
    marks = landmarks(body)
    paint = face_paint(body, marks)
    lips, brows, beard, eyes = paint.T
    v = body.vertices
    assert (
        np.abs(v[lips > 128] - (0, marks.eyes[1] - 0.07 * marks.head_scale, v[lips > 128, 2].mean())).max(0) < 0.045
    ).all()
    assert (v[brows > 128, 1] > marks.eyes[1]).all() and (v[beard > 128, 1] < marks.eyes[1]).all()
    balls = _regions(body, "l_eye", "r_eye")
    assert (eyes[balls] > 0).all() and eyes[balls].max() > 240
    pupils = v[(eyes > 230)]
    assert (pupils[:, 2] > v[balls, 2].mean()).all() and {True, False} == set(pupils[:, 0] > 0)


def test_levels_keep_the_outline(wardrobe, body):
    counts = [len(level.keep) for level in wardrobe.body]
    assert counts[0] == len(body.vertices) and all(b < 0.7 * a for a, b in zip(counts, counts[1:], strict=False))
    for level, (cell, _) in zip(wardrobe.body, LEVELS, strict=True):
        moved = np.linalg.norm(body.vertices[level.keep][level.stand_in] - body.vertices, axis=1)
        assert moved.max() <= cell * 1.8
        regions = body.vertex_regions
        assert (regions[level.keep][level.stand_in] == regions).all()


def test_level_follows_the_pixel_size():
    body = np.array([[0, 0, 3.0], [0, 1, 3.2]])
    assert level_of_detail(body, Camera.from_focal(256, 256, 2000)) == 0
    assert level_of_detail(body, Camera.from_focal(256, 256, 400)) == 2
    assert level_of_detail(body, Camera.from_focal(256, 256, 150)) == 3


def test_everything_worn_stays_at_the_body(wardrobe, crowd):
    from scipy.spatial import cKDTree

    for k in range(24):
        look = random_look(np.random.default_rng([7, k]), None, female=k % 2)
        vertices = crowd[k % len(crowd)]
        tree = cKDTree(vertices)
        for mesh in dress(wardrobe, look, vertices, 1):
            assert np.isfinite(mesh.vertices).all() and mesh.instance == 1
            # A wide skirt between legs that are apart is the farthest from the skin.
            assert tree.query(mesh.vertices[::7])[0].max() < 0.42


def test_shells_lie_outside_the_body_at_rest(wardrobe, body):
    vertices = (body.vertices * (1, -1, -1) + (0, 0, 3)).astype(np.float32)
    look = random_look(np.random.default_rng(0), None)
    for name, low in (("robe", 1.2), ("legs", 0.5), ("sleeves", 0.5)):
        bare = replace(look, loose=(Loose(name, look.body, base=0.02, flare=0.01),))
        tight = replace(look, loose=(Loose(name, look.body, base=0.0, flare=0.0),))
        for wide, near in zip(
            dress(wardrobe, bare, vertices, 1)[1:2], dress(wardrobe, tight, vertices, 1)[1:2], strict=True
        ):
            off = np.linalg.norm(wide.vertices - near.vertices, axis=1)
            assert 0.0 <= off.min() and off.max() < 0.06
            assert (off[wide.topology.fields[:, 3] > low] > 0.01).mean() > 0.9


def test_hair_follows_the_head(wardrobe, crowd):
    frame = wardrobe.hair.frame(crowd[0])
    np.testing.assert_allclose(frame.axes.T @ frame.axes, np.eye(3), atol=1e-5)
    assert np.linalg.det(frame.axes) == pytest.approx(1)
    assert 0.6 < frame.size < 1.4


def test_faces_of_a_grid_look_outward():
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], 1)
    points = np.concatenate([ring, ring - (0, 1, 0)])
    a, b, c = (points[grid_faces(2, 8)[:, k]] for k in range(3))
    middle = (a + b + c) / 3
    assert (np.cross(b - a, c - a) * middle * (1, 0, 1)).sum(1).min() > 0


def test_ray_hits_take_the_farthest():
    corners = np.array([[-1, -1, 1.0], [1, -1, 1], [0, 2, 1], [-1, -1, 2], [1, -1, 2], [0, 2, 2]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    ways = np.array([[0, 0, 1.0], [0, 0, -1], [0.1, 0, 1]])
    sources, weights, far = ray_hits(np.zeros(3), ways, corners, faces)
    np.testing.assert_array_equal(sources[0], [3, 4, 5])
    np.testing.assert_allclose((corners[sources[2]] * weights[2][:, None]).sum(0), [0.2, 0, 2], atol=1e-9)
    assert far[0] == pytest.approx(2) and far[1] == -1


@pytest.mark.parametrize("female", [0.0, 1.0])
def test_looks_are_sound_and_repeatable(female):
    bank = read_bank([], 0, layers=3)
    seen = set()
    for k in range(200):
        look = random_look(np.random.default_rng([5, k]), bank, female=female, child=k % 4 == 0)
        assert look == random_look(np.random.default_rng([5, k]), bank, female=female, child=k % 4 == 0)
        cuts, count = look.body.cuts, len(look.body.surfaces)
        assert count <= MAX_SURFACES
        assert all(0 <= n < count for n in (cuts.top, cuts.bottom, cuts.gloves, cuts.socks, cuts.shoes, cuts.cap))
        for surface in look.body.surfaces:
            assert all(0 <= c <= 1 for c in (*surface.color, *surface.color2)) and surface.texture < 3
        assert not (k % 4 == 0 and look.body.face.beard_strength)
        seen |= {item.shell for item in look.loose} | {"fall" if look.hair.fall else "short"}
    assert {"robe", "legs", "sleeves", "short"} <= seen and ("fall" in seen or not female)


def test_lights_suit_the_photo():
    dark, bright = np.full((8, 8, 3), 30, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    up = (0.0, -0.8, 0.6)

    def exposure(photo):
        made = [random_lights(np.random.default_rng([1, k]), up, photo) for k in range(60)]
        assert all(np.dot(light.sun.direction, up) > 0 or light.sun.direction[2] < 0 for light in made)
        return np.median([light.exposure for light in made])

    assert exposure(bright) > 1.5 * exposure(dark)
    assert linear((0.5, 0.5, 0.5))[0] < 0.25


def test_texture_bank_is_repeatable_and_passes_broken_photos_over(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    write_image(tmp_path / "a.png", photo)
    (tmp_path / "b.png").write_bytes(b"not a picture")
    paths = [tmp_path / "a.png", tmp_path / "b.png", tmp_path / "none.png"]
    one, two = (read_bank(paths, 4, layers=12) for _ in range(2))
    np.testing.assert_array_equal(one.layers, two.layers)
    assert one.layers.shape == (12, 128, 128, 4)
    assert len(read_bank(paths[1:], 4, layers=12).layers) == 6  # procedural ones only
    with pytest.raises(InputError, match="layer"):
        read_bank(paths, layers=0)


def test_crops_tile():
    photo = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    crop = random_crop(photo, np.random.default_rng(1))
    np.testing.assert_array_equal(crop, random_crop(photo, np.random.default_rng(1)))
    np.testing.assert_array_equal(crop[:, 0], crop[:, -1])
    np.testing.assert_array_equal(crop[0], crop[-1])
