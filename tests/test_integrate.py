"""Similarity of poses, suppression, merged passes and pose proposals integration."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.skeletons import BODY13, COCO17
from anchorpose.poses.values import Pose
from anchorpose.sense.integrate import (
    BEST_SIZE,
    Integration,
    box_iou,
    integrate_proposals,
    merge_passes,
    nms_poses,
    oks_matrix,
    oks_nms,
    size_fit,
)

seeds = st.integers(0, 2**31)
SIGMAS = COCO17.sigmas


def people(seed: int, count: int = 3, size: float = 100) -> np.ndarray:
    """(count, 17, 2) joints of people some way apart."""
    rng = np.random.default_rng(seed)
    corner = np.arange(count)[:, None, None] * np.array([2.0 * size, 0])
    return corner + rng.uniform(0, size, (count, 17, 2))


def pose(joints: np.ndarray, score: float = 0.8, scores: float = 0.7) -> Pose:
    box = np.concatenate([joints.min(0), joints.max(0)])
    return Pose("coco17", score, box, joints, np.full(17, scores))


@given(seeds)
def test_oks_of_a_pose_with_itself_is_one(seed: int) -> None:
    points = people(seed)
    oks = oks_matrix(points, points, np.full(3, 5000.0), SIGMAS)
    np.testing.assert_allclose(np.diag(oks), 1)
    assert (oks >= 0).all() and (oks <= 1 + 1e-12).all()
    assert oks[~np.eye(3, dtype=bool)].max() < 0.2


@given(seeds)
def test_oks_does_not_change_in_a_mirror_nor_with_scale_and_place(seed: int) -> None:
    a, b = people(seed), people(seed + 1) * 0.1 + people(seed) * 0.9
    areas = np.array([3000.0, 5000, 8000])
    oks = oks_matrix(a, b, areas, SIGMAS)
    mirrored = [points[:, COCO17.mirror] * [-1, 1] for points in (a, b)]
    np.testing.assert_allclose(oks_matrix(*mirrored, areas, SIGMAS), oks)
    np.testing.assert_allclose(oks_matrix(3 * a + 50, 3 * b + 50, 9 * areas, SIGMAS), oks)
    both = np.sqrt(np.outer(areas, areas))
    np.testing.assert_allclose(oks_matrix(a, b, both, SIGMAS), oks_matrix(b, a, both, SIGMAS).T)


def test_oks_is_what_the_formula_says() -> None:
    a, b = np.zeros((1, 17, 2)), np.zeros((1, 17, 2))
    b[0, 5] = (3, 4)
    expected = (16 + np.exp(-25 / (2 * 400 * (2 * SIGMAS[5]) ** 2))) / 17
    np.testing.assert_allclose(oks_matrix(a, b, np.array([400.0]), SIGMAS), expected)
    only = np.zeros((1, 17))
    only[0, 5] = 1
    np.testing.assert_allclose(oks_matrix(a, b, np.array([400.0]), SIGMAS, only), 17 * expected - 16)


def test_joints_that_are_missing_do_not_count() -> None:
    a = people(0, 1)
    b = a.copy()
    b[0, :10] = np.nan
    np.testing.assert_allclose(oks_matrix(a, b, np.array([5000.0]), SIGMAS), 1)
    assert oks_matrix(a, np.full_like(a, np.nan), np.array([5000.0]), SIGMAS) == 0
    assert oks_matrix(np.zeros((0, 17, 2)), a, np.array([5000.0]), SIGMAS).shape == (0, 1)


@given(seeds)
def test_suppression_keeps_the_best_of_each_person(seed: int) -> None:
    rng = np.random.default_rng(seed)
    joints = np.repeat(people(seed, 4), 3, 0) + rng.normal(0, 1, (12, 17, 2))
    scores = rng.permutation(12) / 12.0
    keep = oks_nms(joints, scores, np.full(12, 5000.0), SIGMAS, 0.5)
    assert sorted(keep // 3) == [0, 1, 2, 3]
    assert all(scores[k] == scores[3 * (k // 3) : 3 * (k // 3) + 3].max() for k in keep)
    assert (np.diff(scores[keep]) < 0).all()
    again = oks_nms(joints[keep], scores[keep], np.full(4, 5000.0), SIGMAS, 0.5)
    np.testing.assert_array_equal(again, np.arange(4))


def test_suppression_of_poses() -> None:
    one, other = people(1, 2)
    kept = nms_poses([pose(one, 0.5), pose(one + 1, 0.9), pose(other, 0.3)], 0.5)
    assert [p.score for p in kept] == [0.9, 0.3]
    assert nms_poses([], 0.5) == []


@given(st.floats(1, 4))
def test_the_network_likes_one_size_best(factor: float) -> None:
    fit = size_fit(np.array([BEST_SIZE, BEST_SIZE * factor, BEST_SIZE / factor]))
    assert fit[0] == 1 and fit[1] == pytest.approx(fit[2]) and fit[1] <= 1


def test_merging_takes_each_person_from_the_pass_in_which_its_size_is_best() -> None:
    """A person of 400 px and one of 100 px, seen at scales .4 and .8: 160 and 320, 40 and 80 network pixels."""
    large, small = people(3, 1, 400)[0], people(4, 1, 100)[0] + 1000
    at_small_scale = [pose(large, 0.6), pose(small, 0.6)]
    at_large_scale = [pose(large + 2, 0.65), pose(small + 1, 0.55)]
    for turn in (1, -1):
        merged = merge_passes((at_small_scale, at_large_scale)[::turn], (0.4, 0.8)[::turn])
        assert [p.score for p in merged] == [0.65, 0.6], "the better score of the two passes, best first"
        np.testing.assert_array_equal(merged[0].joints2d, large)
        np.testing.assert_array_equal(merged[1].joints2d, small + 1)


def test_merging_keeps_whom_only_one_pass_saw() -> None:
    a, b = people(5, 2)
    merged = merge_passes([[pose(a, 0.3)], [pose(b, 0.7)], []], (0.5, 1.0, 2.0))
    assert [p.score for p in merged] == [0.7, 0.3]
    assert merge_passes([[], []], (0.5, 1.0)) == []


def test_a_weak_pose_does_not_replace_a_sure_one_for_its_size() -> None:
    a = people(6, 1, 300)[0]
    (merged,) = merge_passes([[pose(a, 0.9)], [pose(a + 3, 0.26)]], (0.6, 0.45))
    np.testing.assert_array_equal(merged.joints2d, a)


def test_iou_of_boxes() -> None:
    a = np.array([[0, 0, 2, 2], [5, 5, 5, 5]], float)
    b = np.array([[1, 0, 3, 2], [0, 0, 2, 2], [9, 9, 10, 10]], float)
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 1, 0], [0, 0, 0]])


# ---- pose proposals integration --------------------------------------------------------------------------------------


def proposals(seed: int, modes: list[list[float]], each: int = 5, noise: float = 0.005):
    """Scores, 2D, 3D of `each` proposals around every mode of every person, and the modes' true poses.

    `modes[p][m]` is the sum of the scores of mode m of person p; people are 300 px apart.
    """
    rng = np.random.default_rng(seed)
    scores, flat, solid, truth = [], [], [], []
    for p, sums in enumerate(modes):
        base = rng.uniform(-0.5, 0.5, (13, 3))
        for m, total in enumerate(sums):
            mean = base + [0, 0, 0.4 * m]
            part = rng.dirichlet(np.full(each, 20.0)) * total
            around = mean + rng.normal(0, noise, (each, 13, 3))
            scores.append(part)
            solid.append(around)
            flat.append(around[..., :2] * 100 + [300 * p, 100])
            truth.append(mean)
    return np.concatenate(scores), np.concatenate(flat), np.concatenate(solid), truth


@given(seeds)
def test_people_and_modes_are_recovered(seed: int) -> None:
    scores, flat, solid, truth = proposals(seed, [[0.6, 0.3], [0.5], [0.2, 0.15]])
    mixed = np.random.default_rng(seed).permutation(len(scores))
    found = integrate_proposals(scores[mixed], flat[mixed], solid[mixed], "body13")
    assert [round(p.score, 6) for p in found] == [0.6, 0.5], "the third person's best mode is below the threshold"
    first, second = found
    np.testing.assert_allclose([mode.weight for mode in first.modes], [2 / 3, 1 / 3])
    np.testing.assert_allclose(first.joints3d, truth[0], atol=0.02)
    np.testing.assert_allclose(first.modes[1].joints3d, truth[1], atol=0.02)
    np.testing.assert_allclose(second.joints3d, truth[2], atol=0.02)
    np.testing.assert_array_equal(first.joints3d, first.modes[0].joints3d)
    assert len(second.modes) == 1 and second.modes[0].weight == 1
    assert 0.001 < second.modes[0].spread.mean() < 0.02


def test_a_mode_is_the_weighted_mean_of_its_proposals() -> None:
    scores = np.array([0.3, 0.1])
    solid = np.zeros((2, 13, 3))
    solid[1] += [0.04, 0, 0]
    flat = np.random.default_rng(0).uniform(0, 100, (1, 13, 2)) + np.zeros((2, 1, 1))
    (found,) = integrate_proposals(scores, flat, solid, "body13", Integration(mode=0.05))
    np.testing.assert_allclose(found.joints3d[:, 0], 0.01)
    np.testing.assert_allclose(found.modes[0].spread, np.sqrt(0.75 * 0.01**2 + 0.25 * 0.03**2))
    np.testing.assert_allclose(found.scores, 0.4)
    assert found.score == pytest.approx(0.4)


def test_joints_that_are_hardly_trusted_hardly_count() -> None:
    """The ankles of an upper-body class count a tenth of those of a full-body class."""
    ankle = BODY13.index("r_ankle")
    scores, solid = np.array([0.2, 0.2]), np.zeros((2, 13, 3))
    solid[1, ankle] = [0.2, 0, 0]
    flat = np.random.default_rng(1).uniform(0, 100, (1, 13, 2)) + np.zeros((2, 1, 1))
    trust = np.ones((2, 13))
    trust[1, ankle] = 0.1
    (found,) = integrate_proposals(scores, flat, solid, "body13", trust=trust)
    assert found.joints3d[ankle, 0] == pytest.approx(0.2 * 0.1 / 1.1)
    assert found.scores[ankle] < found.scores[BODY13.index("head")]


def test_overlap_can_be_judged_by_some_joints() -> None:
    """Two people whose legs cross are two people by their torsos."""
    torso = [BODY13.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]
    flat = np.zeros((2, 13, 2))
    flat[:] = [[-200, 300], [200, 300]] * 6 + [[0, 0]]
    flat[0, torso] = [[0, 100], [50, 100], [0, 0], [50, 0]]
    flat[1, torso] = [[70, 100], [120, 100], [70, 0], [120, 0]]
    scores, solid = np.array([0.5, 0.4]), np.zeros((2, 13, 3))
    assert len(integrate_proposals(scores, flat, solid, "body13")) == 1
    assert len(integrate_proposals(scores, flat, solid, "body13", overlap_joints=torso)) == 2


def test_nothing_gives_nothing() -> None:
    none = (np.zeros(0), np.zeros((0, 13, 2)), np.zeros((0, 13, 3)))
    assert integrate_proposals(*none, "body13") == []
    assert integrate_proposals(np.array([1e-6]), np.zeros((1, 13, 2)), np.zeros((1, 13, 3)), "body13") == []


def test_two_hundred_proposals_take_little_time() -> None:
    """Two milliseconds on a free processor; ten here, for busy ones."""
    scores, flat, solid, _ = proposals(0, [[0.5, 0.3, 0.2]] * 5, each=14)
    times = []
    for _ in range(15):
        start = time.thread_time()
        found = integrate_proposals(scores, flat, solid, "body13")
        times.append(time.thread_time() - start)
    assert len(scores) == 210 and len(found) == 5
    assert min(times) < 0.010
