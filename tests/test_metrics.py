"""Metrics: values by hand, invariances as properties, and SciPy's Procrustes as a second opinion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from anchorpose.measure import metrics as m
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import COCO17, LSP14

seeds = st.integers(0, 2**32 - 1)


def poses(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 12, 3)) * 0.4


def similar(seed: int, points: np.ndarray, scale: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(rng=rng).as_matrix()
    return scale * points @ rotation.T + rng.normal(size=3)


def rms(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a - b) ** 2).sum(-1).mean()))


def test_body12_is_body13_without_the_head() -> None:
    assert len(m.BODY12) == 12 and "head" not in m.BODY12
    assert m.BODY12[m.R_HIP] == "r_hip" and m.BODY12[m.L_SHOULDER] == "l_shoulder"


def test_body12_picks_the_same_joints_from_any_skeleton() -> None:
    for skeleton in (COCO17, LSP14):
        numbers = np.arange(len(skeleton))[:, None] * np.ones(2)
        picked = m.body12(numbers, skeleton.name)[:, 0].astype(int)
        assert tuple(skeleton.names[i] for i in picked) == m.BODY12
    with pytest.raises(InputError, match="coco17 has 17 joints"):
        m.body12(np.zeros((14, 2)), "coco17")


def test_sigmas_are_cocos() -> None:
    assert m.BODY12_SIGMAS[m.R_HIP] == 0.107 and m.BODY12_SIGMAS[m.BODY12.index("l_wrist")] == 0.062


# ---- 3D by hand


def test_mpjpe_of_one_moved_joint_is_its_distance_over_the_number_of_joints() -> None:
    truth = poses(0)
    pred = truth + [1.0, 2.0, 3.0]  # a shift goes with root centring
    pred[m.BODY12.index("l_wrist")] += [0.03, 0.04, 0.0]
    assert m.mpjpe(pred, truth) == pytest.approx(50 / 12)
    assert m.mpjpe(pred, truth, hips=None) > 1000


def test_a_moved_hip_moves_the_root() -> None:
    truth = poses(1)
    pred = truth.copy()
    pred[m.R_HIP, 0] += 0.02  # the root moves by 10 mm: the hip is off by 10, the other 11 joints by 10
    assert m.mpjpe(pred, truth) == pytest.approx(10.0)


def test_masked_joints_do_not_count_and_nothing_labelled_is_nan() -> None:
    truth = poses(2)
    pred = truth.copy()
    pred[0] += 5.0
    mask = np.ones(12, bool)
    mask[0] = False
    assert m.mpjpe(pred, truth, mask) == pytest.approx(0, abs=1e-9)
    assert m.pa_mpjpe(pred, truth, mask) == pytest.approx(0, abs=1e-6)
    assert np.isnan(m.mpjpe(pred, truth, np.zeros(12, bool)))
    truth[0] = np.nan
    assert m.mpjpe(pred, truth) == pytest.approx(0, abs=1e-9)


def test_a_joint_not_found_is_left_out_of_errors_but_wrong_in_pck() -> None:
    truth = poses(3)
    pred = truth.copy()
    pred[2] = np.nan
    assert m.mpjpe(pred, truth) == pytest.approx(0, abs=1e-9)
    assert m.pck3d(pred, truth) == pytest.approx(11 / 12)
    nowhere = np.full_like(truth, np.nan)
    assert np.isnan(m.mpjpe(nowhere, truth)) and m.pck3d(nowhere, truth) == 0 and m.auc3d(nowhere, truth) == 0


def test_pck3d_and_auc_by_hand() -> None:
    truth = poses(4)
    pred = truth.copy()
    pred[0] += [0.0, 0.0, 0.1499]
    pred[1] += [0.1501, 0.0, 0.0]
    assert m.pck3d(pred, truth) == pytest.approx(11 / 12)
    assert m.pck3d(pred, truth, threshold=0.1) == pytest.approx(10 / 12)
    # Ten joints are right at 31 thresholds, joint 0 only at the last, joint 1 at none; a nanometre for rounding.
    exact = np.where(np.abs(pred - truth) > 1e-6, pred, truth)
    assert m.auc3d(exact, truth, hips=None) == pytest.approx((10 * 31 + 1) / (12 * 31))


def test_n_mpjpe_of_a_scaled_pose_is_zero_and_never_mirrors() -> None:
    truth = m.center_on_midhip(poses(5))
    assert m.n_mpjpe(2.5 * truth, truth) == pytest.approx(0, abs=1e-9)
    # A pose turned inside out is best left at scale 0, not at -1.
    assert m.n_mpjpe(-truth, truth) == pytest.approx(1000 * np.linalg.norm(truth, axis=-1).mean())


def test_pa_mpjpe_does_not_use_a_reflection() -> None:
    truth = poses(6)
    assert m.pa_mpjpe(truth * [-1.0, 1.0, 1.0], truth) > 10


def test_pa_mpjpe_needs_three_joints_and_survives_a_point() -> None:
    truth = poses(7)
    assert np.isnan(m.pa_mpjpe(truth, truth, np.arange(12) < 2))
    assert np.isfinite(m.pa_mpjpe(np.zeros((12, 3)), truth))


def test_best_of_modes_takes_the_first_n() -> None:
    errors = np.array([[50.0, 40.0, 10.0, 60.0], [20.0, np.nan, np.nan, np.nan], [np.nan] * 4])
    np.testing.assert_array_equal(m.best_of_modes(errors, 1), [50, 20, np.nan])
    np.testing.assert_array_equal(m.best_of_modes(errors, 3), [10, 20, np.nan])
    with pytest.raises(InputError):
        m.best_of_modes(errors, 0)


def test_summarise_says_how_much_was_found() -> None:
    values = np.array([0.5, np.nan, 1.0, np.nan])
    assert m.summarise(values) == m.Score(0.75, 0.5, 4)
    assert m.summarise(values, missed=0.0) == m.Score(0.375, 0.5, 4)
    assert np.isnan(m.summarise(np.array([])).value)


# ---- 3D properties


@given(seeds, st.floats(0.1, 10))
def test_pa_mpjpe_ignores_every_similarity(seed: int, scale: float) -> None:
    truth, pred = poses(seed), poses(seed ^ 1)
    moved = similar(seed, pred, scale)
    assert m.pa_mpjpe(similar(seed, truth, scale), truth) == pytest.approx(0, abs=1e-6)
    assert m.pa_mpjpe(moved, truth) == pytest.approx(float(m.pa_mpjpe(pred, truth)), rel=1e-6)


@given(seeds, st.floats(0.01, 100))
def test_n_mpjpe_ignores_scale_and_shift(seed: int, scale: float) -> None:
    truth, pred = poses(seed), poses(seed ^ 1)
    assert m.n_mpjpe(scale * pred + 3, truth) == pytest.approx(float(m.n_mpjpe(pred, truth)), rel=1e-6)


@given(seeds)
def test_each_alignment_leaves_smaller_squares_than_the_one_it_contains(seed: int) -> None:
    """The means of distances need not be ordered, the sums of squares that are minimised must be."""
    truth, pred = m.center_on_midhip(poses(seed)), m.center_on_midhip(poses(seed ^ 1))
    mask = np.ones(12, bool)
    scaled = m.align_scale(pred, truth, mask)
    similar_ = m.align_similarity(pred, truth, mask)
    assert rms(similar_, truth) <= rms(scaled, truth) + 1e-9 <= rms(pred, truth) + 2e-9


@given(seeds)
def test_similarity_agrees_with_scipy(seed: int) -> None:
    """SciPy allows reflections: compare on pairs that are near enough not to need one."""
    truth = poses(seed)
    pred = similar(seed, truth + 0.05 * poses(seed ^ 1), 1.7)
    aligned = m.align_similarity(pred, truth, np.ones(12, bool))
    centred = truth - truth.mean(0)
    disparity = ((aligned - truth) ** 2).sum() / (centred**2).sum()
    assert disparity == pytest.approx(procrustes(truth, pred)[2], rel=1e-6)


@given(seeds)
def test_batches_agree_with_single_poses(seed: int) -> None:
    truth, pred = poses(seed, 2, 3), poses(seed ^ 1, 2, 3)
    mask = np.random.default_rng(seed).random((2, 3, 12)) < 0.8
    for metric in (m.mpjpe, m.n_mpjpe, m.pa_mpjpe, m.pck3d, m.auc3d):
        batch = metric(pred, truth, mask)
        single = [[metric(pred[i, j], truth[i, j], mask[i, j]) for j in range(3)] for i in range(2)]
        np.testing.assert_allclose(batch, single)


def test_modes_broadcast_against_one_truth() -> None:
    modes, truth = poses(8, 4, 5), poses(9, 4)
    assert m.mpjpe(modes, truth[:, None]).shape == (4, 5)


def test_shapes_that_do_not_fit_are_reported() -> None:
    with pytest.raises(InputError, match="should both be"):
        m.mpjpe(np.zeros((12, 3)), np.zeros((13, 3)))


# ---- 2D


def square_person() -> np.ndarray:
    """Shoulders at y = 0, hips at y = 40, 30 wide: each diagonal is 50 px."""
    joints = np.zeros((12, 2))
    joints[m.R_SHOULDER], joints[m.L_SHOULDER] = (0, 0), (30, 0)
    joints[m.R_HIP], joints[m.L_HIP] = (0, 40), (30, 40)
    return joints


def test_torso_diagonal_by_hand() -> None:
    joints, labelled = square_person(), np.ones(12, bool)
    assert m.torso_diagonal(joints, labelled) == 50
    joints[m.L_HIP] = (60, 80)  # right shoulder to left hip becomes 100
    assert m.torso_diagonal(joints, labelled) == 100
    labelled[m.L_HIP] = False
    assert m.torso_diagonal(joints, labelled) == 50
    labelled[m.R_HIP] = False
    assert np.isnan(m.torso_diagonal(joints, labelled))


def test_pck2d_by_hand() -> None:
    truth, labelled = square_person(), np.ones(12, bool)
    pred = truth.copy()
    pred[0] += (9.9, 0)
    pred[1] += (0, 10.1)
    pred[2] = np.nan
    assert m.pck2d(pred, truth, labelled) == pytest.approx(10 / 12)
    labelled[[1, 3]] = False
    assert m.pck2d(pred, truth, labelled) == pytest.approx(9 / 10)
    labelled[[m.R_HIP, m.L_HIP]] = False
    assert np.isnan(m.pck2d(pred, truth, labelled))


def test_pckh_by_hand() -> None:
    truth, labelled = square_person(), np.ones(12, bool)
    pred = truth.copy()
    pred[0] += (9.9, 0)
    pred[1] += (0, 10.1)
    neck, top = np.array([15.0, -5.0]), np.array([15.0, -25.0])
    assert m.pckh(pred, truth, labelled, neck, top) == pytest.approx(11 / 12)
    assert np.isnan(m.pckh(pred, truth, labelled, neck, np.full(2, np.nan)))


@given(seeds, st.floats(0.5, 20))
def test_pck_ignores_the_size_of_the_picture(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    truth, labelled = rng.random((3, 12, 2)) * 100, rng.random((3, 12)) < 0.9
    pred = truth + rng.normal(size=truth.shape) * 10
    np.testing.assert_allclose(m.pck2d(scale * pred, scale * truth, labelled), m.pck2d(pred, truth, labelled))


def test_oks_by_hand() -> None:
    truth = square_person()[None]
    labelled = np.zeros((1, 12), bool)
    labelled[0, :2] = True
    pred = truth.copy()
    pred[0, 0] += (8.0, 6.0)
    area = 2500.0
    sigma = 0.089  # ankle
    expected = (np.exp(-100 / (2 * area * (2 * sigma) ** 2)) + 1) / 2
    assert m.oks_matrix(pred, truth, labelled, np.array([area]))[0, 0] == pytest.approx(expected)
    pred[0, 1] = np.nan
    assert m.oks_matrix(pred, truth, labelled, np.array([area]))[0, 0] == pytest.approx(expected - 0.5)
    assert m.oks_matrix(pred, truth, labelled & False, np.array([area]))[0, 0] == 0


def test_people_are_matched_for_the_greatest_sum() -> None:
    """Greedy matching would give the second person nothing."""
    oks = np.array([[0.9, 0.8], [0.7, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(m.match_people(oks), [1, 0, -1])
    np.testing.assert_array_equal(m.match_people(np.zeros((2, 0))), [-1, -1])
    assert m.match_people(np.zeros((0, 3))).shape == (0,)
