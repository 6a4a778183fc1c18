"""Random people: functions of the generator, all kinds of shapes, arms out of the body."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.hands import ruled_hands
from anchorpose.learn.synthesis.overlaps import buried, winding_numbers
from anchorpose.learn.synthesis.people import COEFFICIENTS, Character, draw_character
from anchorpose.learn.synthesis.pose_pool import PosePool, make_pool
from anchorpose.poses.body import shape_body
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.samples import plain
from made_motions import make_corpus


@pytest.fixture(scope="module")
def pool() -> PosePool:
    return make_pool(make_corpus(deviation=0.15))


def draw(pool: PosePool, seed: int) -> Character:
    return draw_character(read_body(), pool, ruled_hands(), np.random.default_rng(seed))


def test_same_generator_same_person(pool: PosePool) -> None:
    one, two, other = draw(pool, 1), draw(pool, 1), draw(pool, 2)
    np.testing.assert_array_equal(one.rotations, two.rotations)
    np.testing.assert_array_equal(one.shaped.vertices, two.shaped.vertices)
    assert one.about == two.about and (one.shape != other.shape).any()


def test_people_differ_in_every_way(pool: PosePool) -> None:
    people = [draw(pool, seed) for seed in range(40)]
    heights = np.array([np.ptp(p.shaped.vertices[0, :, 1]) for p in people])
    assert heights.min() < 1.55 and heights.max() > 1.75 and heights.min() > 0.7 and heights.max() < 2.2
    assert min(p.years for p in people) < 16 and max(p.years for p in people) > 60
    assert min(p.female for p in people) < 0.1 and max(p.female for p in people) > 0.9
    assert len({p.about["expression"] for p in people}) > 4 and len({p.about["left_hand"] for p in people}) > 10
    for person in people:
        assert person.shape.shape == (COEFFICIENTS,)
        eye = np.eye(3)
        np.testing.assert_allclose(
            person.rotations @ person.rotations.swapaxes(-1, -2), eye[None] + 0 * person.rotations, atol=1e-4
        )
        json.dumps(plain(person.about, "about"))


def test_winding_numbers_of_a_tetrahedron() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    triangles = corners[np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])]
    points = np.array([[0.1, 0.1, 0.1], [0.2, 0.3, 0.2], [1, 1, 1], [-0.1, 0.1, 0.1]])
    np.testing.assert_allclose(winding_numbers(points, triangles), [1, 1, 0, 0], atol=1e-9)


def test_buried_arms_are_seen() -> None:
    body = read_body()
    shaped = shape_body(body, np.zeros((1, 1)))
    rotations = np.tile(np.eye(3), (len(body.bones), 1, 1))
    assert buried(body, shaped, rotations) == 0
    rotations[body.bone("upperarm01.L")] = rotvec_to_matrix(np.array([0.0, 0.0, -0.9]))
    rotations[body.bone("lowerarm01.L")] = rotvec_to_matrix(np.array([0.4, 0.0, -0.5]))
    assert buried(body, shaped, rotations) > 0.2
