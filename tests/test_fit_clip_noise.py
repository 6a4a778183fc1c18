"""The fit of errors over time on made tracks: what was put in comes out, and too few events fit nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.learn.clip_tracks import ClipTrack, clip_track, depth_and_size, mean_distance, nearest, read_tracks
from anchorpose.learn.fit_clip_noise import (
    LEAST,
    correlations,
    count_bursts,
    fit_clips,
    gaps,
    memory_of,
    normal_errors,
    swaps,
)
from anchorpose.learn.fit_motion_noise import fit, sources
from anchorpose.learn.video_tracks import link, pieces, video_gaps
from anchorpose.measure.clip_set import TRUTH, ClipTruth
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.sequence_noise import NoiseOverTime, bursts, error_track, memory
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13
from toy_motion import toy_corpus

NOISE = DetectorNoise.load()
FPS = 30
HEIGHTS = {"ankle": 0.0, "knee": 0.25, "hip": 0.5, "wrist": 0.5, "elbow": 0.65, "shoulder": 0.8, "head": 1.0}
LEGS = [BODY13.index(f"{s}_{p}") for s in "rl" for p in ("ankle", "knee", "hip")]


def figure() -> np.ndarray:
    """(13, 2) [px] somebody of 200 px who stands with the legs apart."""
    sides = np.array([{"r": -0.1, "l": 0.1}.get(name[:2].removesuffix("_"), 0.0) for name in BODY13.names])
    heights = np.array([HEIGHTS[name.removeprefix("r_").removeprefix("l_")] for name in BODY13.names])
    return 200 * np.stack([sides, 1 - heights], -1) + 100


def made(
    frames: int, seed: int = 0, swap: float = 0.0, lost: float = 0.0, noise: bool = False
) -> tuple[ClipTrack, np.ndarray]:
    """A track with known bursts: legs swapped for .2 s, nobody found for .3 s, in shares of the frames; and where the
    legs of those who are found are swapped."""
    rng = np.random.default_rng(seed)
    truth = figure() + 30 * np.sin(np.arange(frames) / 20)[:, None, None]
    found = np.concatenate([truth, truth[:, 12:]], 1)
    if noise:
        size = np.ptp(truth[0], axis=0).max()
        found = found + size * error_track(NOISE, np.full((frames, 14), 0.6), NoiseOverTime(), FPS, rng)
    swapped = bursts(frames, swap, 0.2, FPS, rng)
    rows = np.flatnonzero(swapped)[:, None]
    found[rows, LEGS] = found[rows, BODY13.mirror[LEGS]]
    gap = bursts(frames, lost, 0.3, FPS, rng)
    found[gap] = np.nan
    space = np.concatenate([truth / 100, np.full((frames, 13, 1), 4.0)], -1)
    scores = np.where(gap[:, None], 0.0, np.full((frames, 14), 0.6))
    about = space - space.mean(1, keepdims=True)
    track = ClipTrack(found, scores, about, space.mean(1), truth, space, np.ones(frames, bool), FPS)
    return track, swapped & ~gap


def test_known_swaps_and_gaps_come_out() -> None:
    tracks, put_in = zip(*(made(4000, k, 0.06, 0.08) for k in range(5)), strict=True)
    missed, exchanged = gaps(tracks), swaps(tracks)
    assert missed.share == pytest.approx(0.08, abs=0.015) and missed.seconds(FPS) == pytest.approx(0.3, rel=0.15)
    assert exchanged["legs"].within == pytest.approx(np.concatenate(put_in).sum(), rel=0.05)
    assert exchanged["legs"].seconds(FPS) == pytest.approx(0.2, rel=0.2)
    assert exchanged["both"].runs == exchanged["arms"].runs == 0
    both = replace(tracks[0], joints=tracks[0].joints[:, [*BODY13.mirror, 13]])
    assert swaps([both])["both"].within == pytest.approx((both.found & ~tracks[0].swapped("legs")).sum(), abs=3)


def test_a_fit_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fields come out as they were put in, each with what it was fitted on; what is still assumed is said to be."""
    tracks, put_in = zip(*(made(400, k, 0.06, 0.08, noise=True) for k in range(12)), strict=True)
    prior = NoiseOverTime(cut=0.15)
    monkeypatch.setattr("anchorpose.learn.fit_motion_noise._FAST", (0.002, 0.01, 0.05))
    monkeypatch.setattr("anchorpose.learn.fit_motion_noise._SECONDS", (0.11, 0.17, 0.25))
    video = [(np.where(t.found[:, None, None], t.joints, np.nan)[:150], t.scores[:150]) for t in tracks[:2]]
    found = fit(video, tracks, toy_corpus(90), FPS, 2, prior)
    assert found.missed == pytest.approx(0.08, abs=0.03) and found.missed_seconds == pytest.approx(0.3, rel=0.3)
    there = np.concatenate(put_in)[np.concatenate([t.found for t in tracks])]
    assert found.swap_rates is not None and found.swap_rates["legs"] == pytest.approx(there.mean(), rel=0.1)
    assert found.swap_seconds == pytest.approx(0.2, rel=0.35)
    assert (found.error_fast, found.error_seconds) == (prior.error_fast, prior.error_seconds)
    assert found.error_still == pytest.approx(NoiseOverTime.error_still, abs=0.12)
    said = found.about["fields"]
    fields = set(NoiseOverTime.__dataclass_fields__) - {"source", "about"}
    assert set(said) == fields and said["cut"].startswith("assumed") and said["missed"].startswith("fitted")
    assert "12 clips" in found.source and found.about["seen"]["replaced"] < 0.1
    alone = fit(video, [], toy_corpus(90), FPS, 2, prior)
    assert alone.swap_rates is None and alone.about["fields"]["swap_rates"].startswith("assumed")


def test_too_few_events_fit_nothing() -> None:
    prior = NoiseOverTime(missed=0.11, missed_seconds=0.5, swap_seconds=0.4)
    track, _ = made(200)
    track.joints[50:53] = np.nan
    track.joints[80:90, LEGS] = track.joints[80:90][:, BODY13.mirror[LEGS]]
    assert gaps([track]).tuple == (200, 3, 1, 1) and LEAST > 1
    told = fit_clips([track], NOISE, prior)
    assert "swap_rates" not in told.values and told.values["swap_seconds"] == 0.4
    assert "error_still" not in told.values and told.said["error_still"].startswith("assumed")
    assert told.said["swap_seconds"].startswith("assumed, too few events to fit (they would say 0.333)")


def test_runs_that_were_not_seen_to_end() -> None:
    on = np.array([1, 1, 0, 0, 1, 1, 0, 1], bool)
    assert count_bursts([on]).tuple == (8, 5, 3, 2)
    watched = np.array([1, 1, 1, 1, 1, 0, 1, 1], bool)
    assert count_bursts([on], [watched]).tuple == (7, 4, 3, 1)


def test_the_memory_of_errors_comes_out() -> None:
    """Of the model's own process, gaps in it; and its Gaussian vectors behind its errors."""
    rng = np.random.default_rng(0)
    vectors = [memory((150, 13, 2), 0.1, 0.35, 0.2, FPS, rng)[0] for _ in range(60)]
    for v in vectors:
        v[rng.random((150, 13)) < 0.1] = np.nan
    fast, still, seconds = memory_of(correlations(vectors), FPS)
    assert fast == pytest.approx(0.1, abs=0.04) and still == pytest.approx(0.35, abs=0.05)
    assert seconds == pytest.approx(0.2, rel=0.2)
    scores = np.full((3000, 14), 0.6)
    errors = error_track(NOISE, scores, NoiseOverTime(error_still=0.0), FPS, rng)
    back = normal_errors(errors[:, :13], scores[:, :13], NOISE)
    assert np.nanstd(back) == pytest.approx(1.0, abs=0.1)
    assert np.isnan(normal_errors(np.full((1, 13, 2), np.nan), scores[:1, :13], NOISE)).all()


def test_whose_pose_it_is() -> None:
    truth = figure()
    poses = np.stack([truth + 300, truth + 4, truth + 50])
    assert nearest(poses, truth) == 1 and nearest(poses[:1], truth) is None
    assert mean_distance(poses, np.full((13, 2), np.nan)).min() == np.inf
    track, _ = made(60)
    track.joints[10:14] = track.joints[10:14, ::-1]  # upside down
    assert track.replaced.sum() == 4 and not track.swapped("legs")[10:14].any()
    depth, size = depth_and_size(replace(track, translation=1.1 * track.translation))
    np.testing.assert_allclose(depth, np.log(1.1), atol=1e-9)
    assert size.std() < 1e-9


def test_people_of_a_video_are_linked_over_gaps() -> None:
    """Two people, one of whom is gone for ten frames; a third who is there for less than a second does not count."""
    still = np.concatenate([figure(), figure()[12:]])
    scores = np.full(14, 0.6)
    frames: list[list[tuple[np.ndarray, np.ndarray]]] = []
    for t in range(90):
        here = [(still + t, scores)]
        here += [] if 40 <= t < 50 else [(still + (600, 0), scores)]
        here += [(still + (0, 600), scores)] if t < 20 else []
        frames.append(here)
    tracks = link(frames)
    assert sorted(len(joints) for joints, _ in tracks) == [90, 90]
    assert video_gaps(tracks).tuple == (180, 10, 1, 1)
    assert sorted(len(joints) for joints, _ in pieces(tracks)) == [40, 40, 90]


def test_tracks_that_were_seen_as_often_are_told_apart() -> None:
    """One of two who have as many sightings, some of them in the same frames, is given up."""
    still, scores = np.concatenate([figure(), figure()[12:]]), np.full(14, 0.6)
    frames = [
        [(still, scores)] * (t < 99 or t == 100) + [(still + (900, 0), scores)] * (t < 100) for t in range(170)
    ]  # fmt: skip
    assert sorted(len(joints) for joints, _ in link(frames)) == [100, 101]


def test_footage_without_a_whole_second_is_refused() -> None:
    noise = DetectorNoise.load()
    joints = np.repeat(np.concatenate([figure(), figure()[12:]])[None], 60, 0)
    joints[::20] = np.nan
    with pytest.raises(InputError, match="for a second"):
        sources([(joints, np.full((60, 14), 0.6))], [], [], noise, FPS)


def test_clips_that_only_measure_are_refused(tmp_path: Path) -> None:
    truth = ClipTruth(
        np.arange(5) / FPS, np.ones((5, 13, 3)), np.repeat(figure()[None], 5, 0), np.full((5, 13), 2, np.uint8),
        np.zeros((5, 4)), Camera.from_fov(480, 360, 60.0), {"split": "val"},
    )  # fmt: skip
    (tmp_path / "clip_000").mkdir()
    truth.save(tmp_path / "clip_000" / TRUTH)
    with pytest.raises(InputError, match="of the split val"):
        read_tracks([tmp_path], lambda: pytest.fail("no front end is needed"), "ours")
    empty = {"joints": np.full((5, 14, 2), np.nan), "scores": np.zeros((5, 14)),
             "joints3d": np.full((5, 13, 3), np.nan), "translation": np.full((5, 3), np.nan)}  # fmt: skip
    assert clip_track(empty, truth).fps == pytest.approx(FPS) and not clip_track(empty, truth).found.any()
