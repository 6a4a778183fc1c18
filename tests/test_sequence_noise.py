"""The detector's errors over time: as often as on single pictures, but going on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.sequence_noise import (
    NoiseOverTime,
    add_noise_over_time,
    bursts,
    error_track,
    memory,
    smooth_process,
)
from anchorpose.measure.sequence_views import detect_and_lift, sound_parts, view_part
from anchorpose.measure.virtual import MEASURE, TRAIN, stature
from anchorpose.poses.body_bones import body_points
from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centre
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from conftest import TinyLift
from toy_motion import toy_corpus

NOISE = DetectorNoise.load()
OVER_TIME = NoiseOverTime.load()


def test_processes_are_normal_and_remember() -> None:
    """Unit variance; correlation as said: 0.6 after the memory, 1 - fast in the next frame of a slow process."""
    rng = np.random.default_rng(0)
    smooth = smooth_process((400, 50), 0.2, 30, rng)
    assert smooth.std() == pytest.approx(1, abs=0.05)
    assert (smooth[6:] * smooth[:-6]).mean() == pytest.approx(np.exp(-0.5), abs=0.06)
    whole, without = memory((100, 2000), 0.2, 0.3, 0.3, 30, rng)
    assert whole.std() == pytest.approx(1, abs=0.08)
    assert (whole[1:] * whole[:-1]).mean() == pytest.approx(0.8, abs=0.1)
    assert (whole - without).var() == pytest.approx(0.2, abs=0.02)
    assert without.mean(0).var() > 0.2  # what stays for a whole track
    assert memory((1, 3), 0.1, 0.2, 0.3, 30, rng)[0].shape == (1, 3)


def test_bursts_last_as_said() -> None:
    out = bursts(60_000, 0.15, 0.4, 30, np.random.default_rng(0))
    runs = np.diff(np.flatnonzero(np.diff(np.r_[False, out, False].astype(int))))[::2]
    assert out.mean() == pytest.approx(0.15, abs=0.03) and runs.mean() == pytest.approx(12, rel=0.15)
    assert not bursts(50, 0.0, 1.0, 30, np.random.default_rng(0)).any()


def test_errors_keep_their_quantiles() -> None:
    """Over many tracks the errors are as large as those fitted on single pictures, joint by joint."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([np.repeat(NOISE.scores(1, rng), 4, 0) for _ in range(1000)])
    once = np.linalg.norm(NOISE.offsets(scores, rng), axis=-1)
    over = np.concatenate(
        [np.linalg.norm(error_track(NOISE, scores[i : i + 4], OVER_TIME, 30, rng), axis=-1) for i in range(0, 4000, 4)]
    )
    np.testing.assert_allclose(np.median(over, 0), np.median(once, 0), rtol=0.25)
    np.testing.assert_allclose(np.quantile(over, 0.9, 0), np.quantile(once, 0.9, 0), rtol=0.25)


def test_a_seen_track() -> None:
    """Errors go on: consecutive frames differ less than frames of different tracks; gaps and lost joints are there."""
    rng = np.random.default_rng(1)
    plane = np.repeat(rng.normal(0, 0.1, (1, 14, 2)), 400, 0)
    hidden = np.zeros(400, bool)
    seen = add_noise_over_time(plane, hidden, NOISE, replace(OVER_TIME, cut=0.0), 30, rng)
    off = seen.plane - plane
    step, far = (np.linalg.norm(off[k:] - off[:-k], axis=-1)[:, :12].mean() for k in (1, 60))
    assert step < 0.6 * far
    assert 0.5 < seen.found.mean() < 1 and ((seen.scores == 0) | (seen.scores >= 0.15)).all()
    exact = add_noise_over_time(plane, hidden, NOISE, replace(OVER_TIME, missed=0.0, cut=0.0), 30, rng, scale=0.0)
    np.testing.assert_array_equal(exact.plane, plane)
    cut = add_noise_over_time(plane, hidden, NOISE, replace(OVER_TIME, cut=1.0), 30, rng, scale=0.0)
    assert (cut.scores[:, :13] == 0).mean() > (exact.scores[:, :13] == 0).mean()


def test_files(tmp_path: Path) -> None:
    OVER_TIME.save(tmp_path / "a.json")
    assert NoiseOverTime.load(tmp_path / "a.json") == OVER_TIME
    with pytest.raises(FileError, match="cannot be read"):
        NoiseOverTime.load(tmp_path / "none.json")
    (tmp_path / "b.json").write_text('{"speed": 1}')
    with pytest.raises(FormatError, match="no noise over time"):
        NoiseOverTime.load(tmp_path / "b.json")


@pytest.mark.parametrize("follow", [0.0, 1.0])
def test_a_motion_before_a_camera(follow: float) -> None:
    """Everybody before the camera; the truth agrees with its rotations, measures and with the picture; the same seed
    is the same view; a camera that stands still is one turn."""
    corpus = toy_corpus(60)
    (part, *_) = sound_parts(corpus, 60, 30)
    for seed in range(4):
        views = [view_part(corpus, part, MEASURE, np.random.default_rng(seed), follow) for _ in range(2)]
        view = views[0]
        np.testing.assert_array_equal(view.plane, views[1].plane)
        assert view.joints[..., 2].min() > 0.5
        np.testing.assert_allclose(view.joints[..., :2] / view.joints[..., 2:], view.plane[:, :13], atol=1e-9)
        points = body_points(view.rotations, view.measures)[:, :13]
        np.testing.assert_allclose(points - torso_centre(points)[:, None],
                                   view.joints - torso_centre(view.joints)[:, None], atol=1e-9)  # fmt: skip
        assert 1.25 < np.median(stature(view.joints)) < 2.15
        assert (np.ptp(view.turn, axis=0).max() < 1e-12) == (follow == 0.0)
        steps = np.linalg.norm(np.diff(view.joints, axis=0), axis=-1)
        assert steps.max() < 0.5


def test_training_views_vary_bodies_and_definitions() -> None:
    corpus = toy_corpus(40)
    part = sound_parts(corpus, 40, 30)[0]
    views = [view_part(corpus, part, TRAIN, np.random.default_rng(s)) for s in range(6)]
    assert np.std([v.measures[1] - v.measures[2] for v in views]) > 0.02
    off = [np.abs(v.joints[..., :2] / v.joints[..., 2:] - v.plane[:, :13]).max() for v in views]
    assert max(off) > 1e-3


def test_parts_are_sound_and_without_breaks() -> None:
    corpus = toy_corpus(100)
    sound = np.array(corpus.sound)
    sound[40:43] = False
    sound[100:195] = False
    broken = replace(corpus, sound=sound)
    parts = sound_parts(broken, 50, 20)
    assert [len(p) for p in parts[:3]] == [40, 29, 28] and all(sound[p].all() for p in parts)
    assert not [p for p in parts if corpus.clip[p[0]] == 1]  # only 5 sound frames are left
    assert all((np.diff(corpus.frame[p]) == 1).all() for p in parts)


def test_lifted_tracks(tiny_lift: TinyLift) -> None:
    """What is found has joints, a place, scores, modes whose weights sum to 1; what is not found has nothing."""
    corpus, lifter = toy_corpus(40), Lifter(load_session(tiny_lift.onnx, 1))
    rng = np.random.default_rng(0)
    views = [view_part(corpus, part, MEASURE, rng) for part in sound_parts(corpus, 40, 30)[:2]]
    for found in detect_and_lift(views, lifter, NOISE, replace(OVER_TIME, missed=0.3), rng):
        seen = found.seen
        assert 0 < seen.sum() < 40
        assert np.isfinite(found.joints3d[seen]).all() and np.isfinite(found.translation[seen]).all()
        np.testing.assert_allclose(found.weights[seen, :1] > 0, True)
        assert (found.weights.sum(1)[seen] <= 1 + 1e-6).all() and not found.weights[~seen].any()
        np.testing.assert_allclose(found.joints3d[seen][:, [BODY13.index("r_hip")]].std() > 0, True)
    perfect = detect_and_lift(views, lifter, None, OVER_TIME, rng)
    assert all(found.seen.all() for found in perfect)
