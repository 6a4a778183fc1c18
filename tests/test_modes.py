"""Modes: what a distribution over classes becomes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.sense.modes import ModeSettings, find_modes, softmax

seeds = st.integers(0, 2**31)


def random_case(seed: int, n: int = 5, k: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, poses near a few centres, spreads."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 0.3, (6, 13, 3))
    poses = centres[rng.integers(6, size=(n, k))] + rng.normal(0, 0.02, (n, k, 13, 3))
    return softmax(3 * rng.normal(size=(n, k))), poses, rng.uniform(0.01, 0.1, (k, 13))


@given(seeds, st.integers(1, 8), st.floats(0, 0.3))
def test_weights_are_a_sorted_distribution(seed: int, most: int, least: float) -> None:
    """They fall, sum to 1, and what is below `least` is gone, except where nothing else would be left."""
    modes = find_modes(*random_case(seed), ModeSettings(most=most, least=least))
    assert modes.weights.shape == (5, most)
    assert modes.joints3d.shape == (5, most, 13, 3) and modes.spread.shape == (5, most, 13)
    np.testing.assert_allclose(modes.weights.sum(1), 1)
    assert (np.diff(modes.weights, axis=1) <= 0).all() and (modes.weights >= 0).all()
    kept = np.where(modes.weights > 0, modes.weights, 1)
    assert (kept[:, 1:].min(1) >= min(least, 1)).all() if most > 1 and least < 1 / most else True
    for array in (modes.joints3d, modes.spread):
        assert np.isfinite(array).all()


@given(seeds)
def test_modes_lie_apart(seed: int) -> None:
    """The most probable class of a mode is further than the radius from that of each heavier mode's: here, with
    tight clusters far apart, so are the modes themselves."""
    probs, poses, spread = random_case(seed)
    modes = find_modes(probs, poses, spread, ModeSettings(radius=0.12))
    for weights, joints in zip(modes.weights, modes.joints3d, strict=True):
        real = joints[weights > 0]
        apart = np.linalg.norm(real[:, None] - real[None], axis=-1).mean(-1)
        assert (apart[~np.eye(len(real), dtype=bool)] > 0.12).all()


def test_two_clusters_make_two_modes() -> None:
    """Five classes about one pose with 0.7 together, three about another with 0.3: two modes with these weights,
    each at its cluster's weighted mean."""
    rng = np.random.default_rng(0)
    a, b = np.zeros((13, 3)), np.ones((13, 3))
    poses = np.concatenate([a + rng.normal(0, 0.01, (5, 13, 3)), b + rng.normal(0, 0.01, (3, 13, 3))])[None]
    probs = np.array([[0.05, 0.3, 0.15, 0.1, 0.1, 0.05, 0.2, 0.05]])
    modes = find_modes(probs, poses, np.full((8, 13), 0.05))
    np.testing.assert_allclose(modes.weights, [[0.7, 0.3, 0, 0, 0]], atol=1e-12)
    for number, rows in enumerate((slice(0, 5), slice(5, 8))):
        share = probs[0, rows] / probs[0, rows].sum()
        mean = np.einsum("k,kjd->jd", share, poses[0, rows])
        np.testing.assert_allclose(modes.joints3d[0, number], mean, atol=1e-12)
        scatter = np.einsum("k,kj->j", share, ((poses[0, rows] - mean) ** 2).sum(-1))
        np.testing.assert_allclose(modes.spread[0, number], np.sqrt(scatter + 0.05**2), atol=1e-12)


def test_the_heavier_cluster_comes_first_even_without_the_best_class() -> None:
    """Sorted by the weight of the mode, not by that of its best class."""
    poses = np.concatenate([np.zeros((1, 13, 3)), np.ones((4, 13, 3))])[None]
    modes = find_modes(np.array([[0.4, 0.15, 0.15, 0.15, 0.15]]), poses, np.zeros((5, 13)))
    np.testing.assert_allclose(modes.weights[0, :2], [0.6, 0.4])
    np.testing.assert_allclose(modes.joints3d[0, :2, 0, 0], [1, 0])


def test_weak_modes_are_dropped_and_their_weight_is_shared_out() -> None:
    """A mode below `least` vanishes and the rest sums to 1; a distribution that is weak everywhere keeps its best."""
    poses = np.arange(3.0)[None, :, None, None] + np.zeros((1, 3, 13, 3))
    modes = find_modes(np.array([[0.66, 0.33, 0.01]]), poses, np.zeros((3, 13)))
    np.testing.assert_allclose(modes.weights, [[2 / 3, 1 / 3, 0, 0, 0]])
    flat = np.arange(200.0)[None, :, None, None] + np.zeros((1, 200, 13, 3))
    modes = find_modes(np.full((1, 200), 1 / 200), flat, np.zeros((200, 13)), ModeSettings(least=0.02))
    np.testing.assert_allclose(modes.weights, [[1, 0, 0, 0, 0]])


def test_certain_classes_are_one_mode() -> None:
    """With all probability on one class, its pose and its spread are the mode's; fewer classes than asked for work."""
    pose = np.random.default_rng(0).normal(size=(1, 2, 13, 3))
    spread = np.random.default_rng(1).uniform(0.1, 0.2, (2, 13))
    modes = find_modes(np.array([[0.0, 1.0]]), pose, spread)
    np.testing.assert_allclose(modes.weights, [[1, 0, 0, 0, 0]])
    np.testing.assert_allclose(modes.joints3d[0, 0], pose[0, 1])
    np.testing.assert_allclose(modes.spread[0, 0], spread[1])


@given(seeds)
def test_people_do_not_touch_each_other(seed: int) -> None:
    """Modes of a batch are the modes of each alone."""
    probs, poses, spread = random_case(seed)
    together, alone = find_modes(probs, poses, spread), find_modes(probs[2:3], poses[2:3], spread)
    np.testing.assert_allclose(together.weights[2], alone.weights[0])
    np.testing.assert_allclose(together.joints3d[2], alone.joints3d[0])
    assert find_modes(probs[:0], poses[:0], spread).weights.shape == (0, 5)


@given(seeds, st.floats(-1e3, 1e3))
def test_softmax(seed: int, shift: float) -> None:
    """Sums to 1 and does not mind a shift, however large the logits are."""
    logits = np.random.default_rng(seed).normal(0, 100, (3, 7))
    np.testing.assert_allclose(softmax(logits).sum(-1), 1)
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), atol=1e-9)
