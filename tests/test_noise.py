"""The model of a detector's errors: what is drawn from it is what was put in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.measure.noise import (
    KIND_OF_JOINT,
    KINDS,
    NOISE_MEASURE,
    NOISE_TRAIN,
    QUANTILES,
    DetectorNoise,
    NoiseAmount,
    add_noise,
    person_size,
    true_scores,
)
from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.lifting import LIFT_JOINTS
from anchorpose.sense.lift import MIN_SCORE
from conftest import before_camera, standing

I = {name: i for i, name in enumerate(LIFT_JOINTS)}  # noqa: E741
seeds = st.integers(0, 2**31)
SHIPPED = DetectorNoise.load()
NO_SWAPS = {"legs": 0.0, "arms": 0.0, "both": 0.0}
SURE = replace(SHIPPED, score_mean=np.full(14, 4.0), score_cov=0.01 * np.eye(14), swap_rates=NO_SWAPS)
EXACT = NoiseAmount((0.0, 0.0), perfect_share=1.0, cut_share=0.0)


def steps() -> DetectorNoise:
    """Errors that tell the kind and the bin of the score: (10 kind + bin) times the quantile."""
    errors = np.array([[(10 * kind + b + 1) * QUANTILES for b in range(3)] for kind in range(len(KINDS))])
    cov = 0.3 * np.eye(14) + 0.5
    return DetectorNoise(np.linspace(-1, 2, 14), cov, np.array([0.3, 0.6]), errors, dict(NO_SWAPS), "made up")


def planes(n: int) -> np.ndarray:
    """(n, 14, 2) the standing person from in front."""
    world = np.concatenate([standing(), standing()[-1:] + (0, 0, 0.11)])
    points = before_camera(world, 20, 5)
    return np.repeat((points[:, :2] / points[:, 2:])[None], n, 0)


def drawn(n: int, amount: NoiseAmount, noise: DetectorNoise = SHIPPED, seed: int = 0):  # type: ignore[no-untyped-def]
    plane = planes(n)
    return plane, *add_noise(plane, np.zeros(n, bool), noise, np.random.default_rng(seed), amount)


def test_every_joint_has_a_kind() -> None:
    """Both sides of a joint are of one kind, head and nose of their own."""
    assert [KINDS[k] for k in KIND_OF_JOINT] == [n.removeprefix("l_").removeprefix("r_") for n in LIFT_JOINTS]


def test_offsets_have_the_quantiles_of_the_tables() -> None:
    """For each kind and each bin of the score, the magnitudes drawn have the table's quantiles, in all directions."""
    noise, rng = steps(), np.random.default_rng(0)
    for b, score in enumerate((0.1, 0.5, 0.9)):
        offsets = noise.offsets(np.full((4000, 14), score), rng)
        magnitude = np.linalg.norm(offsets, axis=-1)
        for joint, kind in enumerate(KIND_OF_JOINT):
            table = noise.errors[kind, b]
            np.testing.assert_allclose(np.quantile(magnitude[:, joint], QUANTILES), table, atol=0.04 * table[-1])
        assert np.abs(offsets.mean(0)).max() < 0.05 * magnitude.max()


def test_offsets_of_the_shipped_tables() -> None:
    """The same for the tables that ship: the share of draws below each entry is its quantile."""
    scores = np.full((6000, 14), 0.4)
    magnitude = np.linalg.norm(SHIPPED.offsets(scores, np.random.default_rng(1)), axis=-1)
    b = int(np.searchsorted(SHIPPED.score_edges, 0.4))
    for joint, kind in enumerate(KIND_OF_JOINT):
        below = (magnitude[:, joint, None] <= SHIPPED.errors[kind, b] + 1e-12).mean(0)
        assert (below >= QUANTILES - 0.03).all() and (below[1:-1] <= QUANTILES[1:-1] + 0.03).all()


def test_scores_follow_the_gaussian() -> None:
    """Logits of the scores have the mean and the covariance of the model."""
    noise = steps()
    scores = noise.scores(20000, np.random.default_rng(0))
    logits = np.log(scores / (1 - scores))
    np.testing.assert_allclose(logits.mean(0), noise.score_mean, atol=0.03)
    np.testing.assert_allclose(np.cov(logits.T), noise.score_cov, atol=0.04)


def test_the_shipped_model_makes_sense() -> None:
    """Tables rise, surer limbs err less at the median, few people are swapped; the size of all is as expected."""
    assert SHIPPED.errors.shape == (8, len(SHIPPED.score_edges) + 1, len(QUANTILES))
    assert (np.diff(SHIPPED.errors, axis=-1) >= 0).all() and (SHIPPED.errors >= 0).all() and SHIPPED.errors.max() <= 0.6
    median = SHIPPED.errors[:, :, QUANTILES.tolist().index(0.5)]
    assert (median[:6, -1] < median[:6, 0]).all() and (median[:, -1] < 0.06).all()
    assert set(SHIPPED.swap_rates) == {"legs", "arms", "both"} and sum(SHIPPED.swap_rates.values()) < 0.2
    assert np.linalg.eigvalsh(SHIPPED.score_cov).min() > 0 and SHIPPED.score_mean.shape == (14,)
    assert "train" in SHIPPED.source


@given(seeds)
def test_the_perfect_share_is_exact(seed: int) -> None:
    """People without noise keep every joint, with score 1; only a hidden nose is missing."""
    plane = planes(30)
    hidden = np.arange(30) % 2 == 0
    noisy, scores, cut = add_noise(plane, hidden, SHIPPED, np.random.default_rng(seed), EXACT)
    np.testing.assert_array_equal(noisy, plane)
    np.testing.assert_array_equal(scores, true_scores(30, hidden))
    assert (scores[hidden, -1] == 0).all() and not cut.any()


def test_perfect_people_among_others() -> None:
    """Half perfect, half noisy: half have all their joints exactly, the rest have none exactly."""
    plane, noisy, _, _ = drawn(2000, NoiseAmount((1, 1), perfect_share=0.5, cut_share=0))
    exact = (noisy == plane).all((1, 2))
    assert 0.45 < exact.mean() < 0.55
    assert (np.abs(noisy - plane)[~exact] > 0).mean() > 0.99


def test_errors_scale_with_the_person() -> None:
    """Twice as large in the picture means errors twice as large, and `scale` multiplies them."""
    amount = NoiseAmount((1, 1), cut_share=0)
    no_swaps = replace(SHIPPED, swap_rates=NO_SWAPS)
    errors = []
    for size, scale in ((1, 1), (2, 1), (1, 0.5)):
        plane = size * planes(50)
        rng = np.random.default_rng(3)
        noisy = add_noise(plane, np.zeros(50, bool), no_swaps, rng, replace(amount, scale=(scale, scale)))[0]
        errors.append(noisy - plane)
    np.testing.assert_allclose(errors[1], 2 * errors[0])
    np.testing.assert_allclose(errors[2], errors[0] / 2)


def test_cut_people_lose_the_joints_beyond_the_border() -> None:
    """Most are cut below: what is kept beyond sticks to the border with low scores, the rest is missing, and the
    inner side of the person is as it was. The others are not touched."""
    plane, noisy, scores, cut = drawn(3000, NoiseAmount((0, 0), cut_share=0.4), SURE)
    assert 0.36 < cut.mean() < 0.44
    np.testing.assert_array_equal(noisy[~cut], plane[~cut])
    moved = (noisy != plane).any(-1)
    assert (scores[moved] <= 0.35).all()
    ankles = [I["l_ankle"], I["r_ankle"]]
    below = cut & ((scores[:, ankles] == 0) | moved[:, ankles]).all(1)
    assert below.sum() / cut.sum() > 0.55
    # Cut below, ankles hidden: the head is still where it was.
    assert not moved[below, I["head"]].all() and (~moved[below, I["head"]]).mean() > 0.9
    stuck = moved & below[:, None]
    height = np.ptp(plane[0, :, 1])
    assert (noisy[stuck][:, 1] < plane[stuck][:, 1] + 0.2 * height).all()


@given(seeds)
def test_nobody_is_left_without_joints(seed: int) -> None:
    """At least four body joints have a score, even with most joints dropped; all scores are 0 or enough, at most 1."""
    _, noisy, scores, _ = drawn(200, NoiseAmount((0.2, 1.2), drop=0.8, nose_drop=0.5, cut_share=0.5), seed=seed)
    assert ((scores[:, :12] > 0).sum(1) >= 4).all()
    assert ((scores == 0) | (scores >= MIN_SCORE)).all() and scores.max() <= 1 and np.isfinite(noisy).all()


def test_drops_and_blind_scores() -> None:
    """Joints are dropped at the rate asked for, the nose at its own; blind people's scores are all alike."""
    _, _, scores, _ = drawn(3000, NoiseAmount((1, 1), drop=0.1, nose_drop=0.4, cut_share=0), SURE)
    np.testing.assert_allclose((scores[:, :13] == 0).mean(), 0.1, atol=0.01)
    np.testing.assert_allclose((scores[:, 13] == 0).mean(), 0.4, atol=0.03)
    _, _, scores, _ = drawn(1000, NoiseAmount((1, 1), cut_share=0, score_blind=0.3), SURE)
    blind = (scores == scores[:, :1]).all(1)
    np.testing.assert_allclose(blind.mean(), 0.3, atol=0.05)
    assert set(scores[blind, 0]) == {1.0, 0.7}


def test_swaps_exchange_whole_limbs() -> None:
    """Swapped legs are each other's joints, arms stay; the rate is the model's."""
    calm = replace(SHIPPED, errors=np.zeros_like(SHIPPED.errors), swap_rates={"legs": 0.3, "arms": 0.0, "both": 0.1})
    plane, noisy, _, _ = drawn(3000, NoiseAmount((1, 1), cut_share=0), calm)
    mirrored = {n: ("r" if n[0] == "l" else "l") + n[1:] for n in LIFT_JOINTS[:12]}
    legs, arms = (
        np.all([(noisy[:, I[n]] == plane[:, I[mirrored[n]]]).all(1) for n in LIFT_JOINTS[:12] if n[2:] in part], axis=0)
        for part in (("ankle", "knee", "hip"), ("wrist", "elbow", "shoulder"))
    )
    np.testing.assert_allclose((legs.mean(), arms.mean()), (0.1 + 0.9 * 0.3, 0.1), atol=0.03)
    assert (legs | ~arms).all()  # arms are swapped only with the legs here
    rest = ~legs & ~arms
    np.testing.assert_array_equal(noisy[rest], plane[rest])
    np.testing.assert_array_equal(noisy[:, 12:], plane[:, 12:])


def test_files_round_trip(tmp_path: Path) -> None:
    """A saved model is read again to five decimals; the shipped file is what saving it gives."""
    noise = steps()
    noise.save(tmp_path / "noise.json")
    again = DetectorNoise.load(tmp_path / "noise.json")
    for name in ("score_mean", "score_cov", "score_edges", "errors"):
        np.testing.assert_allclose(getattr(again, name), getattr(noise, name), atol=5e-6)
    assert again.swap_rates == noise.swap_rates and again.source == noise.source
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "noise.json").read_bytes()


def test_broken_files_are_told(tmp_path: Path) -> None:
    """Missing is a FileError; not JSON, JSON of another kind and missing fields are FormatErrors; all name the file."""
    with pytest.raises(FileError, match="none.json"):
        DetectorNoise.load(tmp_path / "none.json")
    for text in ("no", "[]", "{}", json.dumps({"score_mean": "a"}), '{"score_mean": [1], "score_cov": null}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(FormatError, match="bad.json"):
            DetectorNoise.load(tmp_path / "bad.json")


def test_person_size_is_the_longer_side_of_the_box() -> None:
    """Of the joints that are there; nobody has no size at all."""
    plane = np.zeros((2, 14, 2))
    plane[0, 0], plane[0, 1], plane[0, 2] = (1, 2), (4, 3), (99, 99)
    present = np.zeros((2, 14), bool)
    present[0, :2] = True
    np.testing.assert_allclose(person_size(plane, present), [3, 1e-6])


def test_training_noise_is_wider() -> None:
    """What is trained on covers what is measured."""
    assert NOISE_TRAIN.scale[0] < NOISE_MEASURE.scale[0] <= NOISE_TRAIN.scale[1]
    assert NOISE_TRAIN.cut_share >= NOISE_MEASURE.cut_share and NOISE_MEASURE.perfect_share == 0
