"""Training a motion model: the cached tracks, the windows, what is done to them, the command itself."""

from __future__ import annotations

import csv
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from anchorpose.files.motions import MotionCorpus
from anchorpose.learn import train_posebert
from anchorpose.learn.fit_motion_noise import restlessness, score_memory, simulated, some_motions
from anchorpose.learn.motion_cache import MotionCache, make_cache
from anchorpose.learn.motion_noise import NOTHING, Corruption, Windows, corrupt, masks
from anchorpose.learn.motion_windows import (
    BATCH,
    MotionWindows,
    batches,
    cut_windows,
    mirror,
    put_truth,
    to_batch,
    true_windows,
)
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.sequence_noise import NoiseOverTime
from anchorpose.measure.virtual import MEASURE
from anchorpose.poses.body_bones import body_points
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import mirror_joints, torso_centred
from conftest import TinyLift
from toy_motion import toy_corpus


@pytest.fixture(scope="module")
def corpus() -> MotionCorpus:
    return toy_corpus(48)


@pytest.fixture(scope="module")
def cache(corpus: MotionCorpus, tiny_lift: TinyLift) -> MotionCache:
    return make_cache(corpus.split("train"), str(tiny_lift.onnx), 2, 0, ranges=MEASURE, progress=False)


def some(cache: MotionCache, n: int = 6, length: int = 24) -> tuple:
    tracks = np.arange(n) % len(cache)
    starts = np.arange(n) % 10
    return tuple(cut(cache, tracks, starts, length) for cut in (cut_windows, true_windows))


def test_the_cache(cache: MotionCache, corpus: MotionCorpus, tmp_path: Path) -> None:
    """Two views of each clip; the truth is that of the corpus in the camera; it is kept and read again."""
    assert len(cache) == 6 and cache.length.tolist() == [48] * 6
    rows = np.arange(48, 96)
    expected = cache.turn[rows].astype(float) @ corpus.joints(np.arange(48))[1][:, 0]
    np.testing.assert_allclose(cache.rotations(rows)[:, 0], expected, atol=2e-3)
    points = body_points(cache.rotations(rows), cache.measures[1])[:, :13]
    assert np.isfinite(cache.joints[rows]).any() and np.isfinite(points).all()
    assert np.abs(cache.fitted - cache.measures).mean() < 0.5
    sequence = cache.sequence(1)
    assert len(sequence) == 48 and 0 < sequence.seen.sum() <= 48
    cache.save(tmp_path / "tracks.npz")
    again = MotionCache.load(tmp_path / "tracks.npz")
    for field in fields(MotionCache):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(cache, field.name))
    (tmp_path / "no.npz").write_bytes(b"no")
    with pytest.raises(FormatError, match="no tracks"):
        MotionCache.load(tmp_path / "no.npz")
    with pytest.raises(InputError, match="no clip"):
        make_cache(corpus.subset(np.arange(5)), "lift", 1, 0, progress=False)


def test_a_track_depends_on_its_number_alone(corpus: MotionCorpus, cache: MotionCache, tiny_lift: TinyLift) -> None:
    again = make_cache(corpus.split("train"), str(tiny_lift.onnx), 2, 0, ranges=MEASURE, workers=1, progress=False)
    np.testing.assert_array_equal(again.joints, cache.joints)
    np.testing.assert_array_equal(again.turn, cache.turn)


def test_batches(cache: MotionCache) -> None:
    """Everything that the loss needs, finite, of the right shapes; truth and view agree; the same seed, the same."""
    windows = MotionWindows(cache, 4, 32, (0, 0))
    lengths = set()
    for seed in range(8):
        batch = windows.batch(np.random.default_rng(seed))
        n, length = batch["present"].shape
        lengths.add(length)
        assert n * length == 4 * 32 and tuple(batch) == BATCH and batch["present"].any(1).all()
        assert all(np.isfinite(v).all() for v in batch.values())
        assert batch["rotations"].shape == (n, length, 38, 3, 3) and batch["measures"].shape == (n, 9)
    assert lengths == {32, 16}
    again = windows.batch(np.random.default_rng(7))
    np.testing.assert_array_equal(again["frames"], batch["frames"])
    first = next(batches(windows, 0))
    assert [t.dtype for t in first[:5]] == [torch.float32] * 5 and len(first) == len(BATCH)
    with pytest.raises(InputError, match="beyond its track"):
        cut_windows(cache, np.array([0]), np.array([40]), 24)


def test_the_truth_is_in_the_windows_own_axes(cache: MotionCache) -> None:
    """Without corruption, windows made from the truth show about the joints that the rotations lead to."""
    windows, truth = some(cache)
    put_truth(windows, truth, np.ones(6, bool), np.random.default_rng(0))
    batch, view = to_batch(windows, truth)
    shown = batch["frames"][..., :39].reshape(6, 24, 13, 3) / 3
    points = body_points(batch["rotations"], batch["measures"][:, None])[..., :13, :]
    assert np.abs(shown - torso_centred(points)).mean() < 0.06
    assert np.abs(batch["true_places"] - batch["places"]).mean() < 1.0


def test_the_mirror_image(cache: MotionCache) -> None:
    """Rotations, joints and places of the mirror image belong together."""
    windows, truth = some(cache)
    put_truth(windows, truth, np.ones(6, bool), np.random.default_rng(0))
    before = body_points(truth.rotations, truth.measures[:, None])[..., :13, :]
    joints, centre = windows.joints.copy(), truth.centre.copy()
    rows = np.arange(6) % 2 == 0
    mirror(windows, truth, rows)
    after = body_points(truth.rotations, truth.measures[:, None])[..., :13, :]
    np.testing.assert_allclose(after[rows], mirror_joints(before[rows], BODY13.mirror), atol=1e-9)
    np.testing.assert_array_equal(after[~rows], before[~rows])
    np.testing.assert_allclose(windows.joints[rows], mirror_joints(joints[rows], BODY13.mirror))
    np.testing.assert_allclose(truth.centre[rows], centre[rows] * (-1, 1, 1))


@pytest.mark.parametrize(
    "name", ["single", "blocks", "ends", "sparse", "shaken", "joints", "swaps", "replaced", "scale", "depth", "blind",
             "no_modes", "no_places", "measures"],
)  # fmt: skip
def test_each_corruption_does_something_of_its_own(cache: MotionCache, name: str) -> None:
    """Alone, each changes what it should; none leaves a window without any frame; nothing changes nothing."""
    amount = {"blocks": 3.0, "single": 0.8, "replaced": 0.3}.get(name, 1.0 if name not in ("scale", "depth") else 0.2)
    chosen = replace(NOTHING, **{name: amount}, **({"jitter": 0.05} if name == "shaken" else {}),
                     **({"block": 0.4} if name == "blocks" else {}))  # fmt: skip
    windows, _ = some(cache, 12)
    original, _ = some(cache, 12)
    corrupt(windows, NOTHING, np.random.default_rng(0))
    for field in fields(Windows):
        np.testing.assert_array_equal(getattr(windows, field.name), getattr(original, field.name))
    corrupt(windows, chosen, np.random.default_rng(0))
    changed = {
        f.name for f in fields(Windows)
        if not np.array_equal(getattr(windows, f.name), getattr(original, f.name), equal_nan=True)
    }  # fmt: skip
    everything = {"joints", "scores", "translation", "modes", "weights"}
    expected = {
        "single": everything, "blocks": everything, "ends": everything, "sparse": everything,
        "shaken": {"joints", "modes"}, "joints": {"joints", "scores", "modes"}, "swaps": {"joints", "scores", "modes"},
        "replaced": {"joints", "modes", "weights"}, "scale": {"joints", "modes", "measures"}, "depth": {"translation"},
        "blind": {"scores"}, "no_modes": {"modes", "weights"}, "no_places": {"translation"}, "measures": {"measures"},
    }  # fmt: skip
    assert changed and changed <= expected[name]
    assert np.isfinite(windows.joints).all(-1).any((1, 2)).all()


def test_masks_hide_what_they_should() -> None:
    """About a third of the frames by default, blocks among them, never all; none if none are asked for."""
    out = masks(2000, 32, Corruption(), np.random.default_rng(0))
    assert 0.2 < out.mean() < 0.5 and not out.all(1).any()
    runs = [len(r) for row in out[:200] for r in "".join("x" if m else " " for m in row).split()]
    assert np.quantile(runs, 0.9) >= 6
    assert not masks(20, 32, NOTHING, np.random.default_rng(0)).any()


def test_the_command(
    tiny_lift: TinyLift, corpus: MotionCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few steps from a saved corpus, gone on with; the log, the settings and the checkpoint are there."""
    corpus.save(tmp_path / "motions.npz")

    def run(steps: int) -> None:
        words = f"""train --out {tmp_path / "run"} --corpus {tmp_path / "motions.npz"} --lift {tiny_lift.onnx} --steps
            {steps} --window 16 --width 16 --layers 1 --heads 2 --batch 2 --views 1 --threads 1 --workers 0
            --precision float32"""
        monkeypatch.setattr(sys, "argv", words.split())
        train_posebert.main()

    run(3)
    run(5)
    with (tmp_path / "run" / "evaluate.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(r["step"]) for r in rows] == [3, 5]
    assert {"seen_mpjpe", "missing_mpjpe", "pa_mpjpe", "acceleration"} <= set(rows[0])
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()
    masking = train_posebert.corruption(0.0, 2.0, modes=False)
    assert masking.single == 0 and masking.swaps == pytest.approx(2 * Corruption().swaps) and masking.no_modes == 1


def test_fitting_the_memory_of_errors(corpus: MotionCorpus) -> None:
    """Restlessness tells errors that are new in each frame from those that go on; still people are not restless."""
    motions, noise = some_motions(toy_corpus(90), 3), DetectorNoise.load()
    calm, wild = (
        restlessness(simulated(motions, noise, replace(NoiseOverTime(), error_fast=fast))) for fast in (0.002, 0.3)
    )
    assert (wild > calm).all() and wild[0] > 3 * calm[0]
    still = (np.repeat(motions[0].plane[:1], 70, 0), np.full((70, 14), 0.9))
    np.testing.assert_allclose(restlessness([still]), 0, atol=1e-12)
    rng = np.random.default_rng(0)
    scores = 1 / (1 + np.exp(-rng.normal(size=(400, 14))))
    white, stays, _ = score_memory([(np.zeros((400, 14, 2)), scores)], np.ones(14), 30)
    assert white > 0.7 and stays < 0.2
