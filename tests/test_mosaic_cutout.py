"""Masks of people, and who has the claim to a pixel where limbs cross."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.learn.synthesis.mosaic.cutout import body_mask, refined_mask
from anchorpose.learn.synthesis.mosaic.limbs import chart, segment_distances
from anchorpose.learn.synthesis.mosaic.probability import neighbourhood
from anchorpose.learn.synthesis.mosaic.queries import Query, balanced_chances
from anchorpose.learn.synthesis.mosaic.scenes import Layer, compose
from anchorpose.poses.cameras import Camera
from anchorpose.poses.skeletons import BODY13
from anchorpose.share import raster
from conftest import before_camera, standing, tiny_corpus

CAMERA = Camera.from_fov(128, 128, 40)


def query() -> Query:
    return Query(before_camera(standing(), azimuth=20, at=(0, 0, 3.0)), CAMERA)


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def test_colours_sharpen_the_mask() -> None:
    """A person thinner than the pose's mask, in colours unlike the ground."""
    person, rng = query(), np.random.default_rng(0)
    image = (np.array([60, 140, 60]) + rng.integers(-15, 15, (128, 128, 1))).astype(np.uint8)
    truth = np.zeros((128, 128, 3), np.uint8)
    parts = chart(person)
    for a, b, r in zip(parts.start, parts.end, parts.radius, strict=True):
        for picture, colour in ((image, (200, 60, 50)), (truth, (255, 255, 255))):
            raster.capsule(picture, a, b, (0.75 * r[0], 0.75 * r[1]), colour)
    shape = truth[..., 0] > 127
    winners = neighbourhood(parts, 128, 128).winners()
    before, after = body_mask(parts, 128, 128) > 0.5, refined_mask(image, parts, winners) > 0.5
    assert overlap(before, shape) > 0.5
    assert overlap(after, shape) > overlap(before, shape) + 0.05


def test_without_a_difference_in_colour_the_pose_decides() -> None:
    parts = chart(query())
    grey = np.full((128, 128, 3), 90, np.uint8)
    refined = refined_mask(grey, parts, neighbourhood(parts, 128, 128).winners())
    assert overlap(refined > 0.5, body_mask(parts, 128, 128) > 0.5) > 0.93
    assert refined.min() == 0 and refined.max() == 1


def test_a_wrist_behind_the_torso_has_no_claim_to_it() -> None:
    pose = standing()
    wrist, elbow = BODY13.index("r_wrist"), BODY13.index("r_elbow")
    pose[wrist], pose[elbow] = (0.0, 1.15, 0.2), (-0.25, 1.15, 0.1)
    for azimuth, shown in ((0, True), (180, False)):
        seen = Query(before_camera(pose, azimuth, at=(0, 0, 3.0)), CAMERA)
        x, y = seen.joints2d[wrist].round().astype(int)
        assert (neighbourhood(chart(seen), 128, 128).winners()[y, x] == wrist) == shown


def test_distances_to_segments() -> None:
    start, end = np.array([[10.0, 5.0], [3.0, 3.0]]), np.array([[20.0, 5.0], [3.0, 3.0]])
    distance, along = segment_distances(start, end, 32, 16)
    assert distance.shape == (2, 16, 32)
    np.testing.assert_allclose(distance[0, 9, [10, 15, 20, 23]], [4, 4, 4, 5], atol=1e-5)
    np.testing.assert_allclose(along[0, 9, [4, 10, 15, 25]], [0, 0, 0.5, 1], atol=1e-6)
    assert abs(distance[1, 7, 6] - 5) < 1e-5, "a segment of no length is a point"
    coarse, _ = segment_distances(start, end, 31, 15, step=2)
    assert coarse.shape == (2, 8, 16)
    np.testing.assert_allclose(coarse[0, 0, 0], np.hypot(9.5, 4.5), atol=1e-5)


def test_layers_lie_on_top_of_each_other() -> None:
    ground = np.zeros((10, 12, 3), np.uint8)
    far = Layer(np.full((6, 6, 3), 100, np.uint8), np.ones((6, 6), np.float32), 2, 2, {})
    near = Layer(np.full((6, 6, 3), 200, np.uint8), np.full((6, 6), 0.75, np.float32), 8, 6, {})
    image, instances = compose(ground, [far, near])
    assert (image[3, 3] == 100).all() and (image[9, 11] == 150).all() and (image[0, 0] == 0).all()
    assert (instances[3, 3], instances[9, 11], instances[0, 0]) == (1, 2, 0)
    over = Layer(np.full((2, 2, 3), 250, np.uint8), np.full((2, 2), 0.2, np.float32), 3, 3, {})
    image, instances = compose(ground, [far, over])
    assert instances[3, 3] == 1 and (image[3, 3] == 130).all(), "a faint veil does not own a pixel"


def test_as_many_kinds_as_there_are_poses() -> None:
    """Three poses repeated a hundred times are three kinds, whatever the rounding: what is rare among them is drawn as
    often as the others."""
    corpus = tiny_corpus(3)
    rows = np.r_[np.zeros(200, int), np.ones(90, int), np.full(10, 2)]
    for jitter in (0.0, 1e-9):
        many = corpus.subset(rows)
        noise = np.random.default_rng(0).normal(0, jitter, many.joints3d.shape)
        many = replace(many, joints3d=(many.joints3d + noise).astype(many.joints3d.dtype))
        chances = np.diff(balanced_chances(many, kinds=20), prepend=0)
        assert chances[290:].sum() == pytest.approx(0.5 * 10 / 300 + 0.5 / 3)


def test_rare_poses_are_drawn_more_often() -> None:
    corpus = tiny_corpus(300)
    common = corpus.subset(np.r_[np.zeros(270, int), np.arange(30)])
    chances = np.diff(balanced_chances(common, kinds=20), prepend=0)
    assert abs(chances.sum() - 1) < 1e-9 and (chances > 0).all()
    assert chances[:270].sum() < 0.7, "they were nine of ten; half of the draws are even over the kinds of pose"
