"""Fit how a detector's errors go on over time, from videos without labels and from rendered clips with the exact truth.

What a detector gets wrong is known from photos (`learn.fit_noise`); how long an error lasts is told by how restless its
joints are. For several steps k the median of |x(t+k) - 2 x(t) + x(t-k)| over the person's size is taken, which true
motion hardly enters at small k; motion capture seen by virtual cameras (for clips: their own truth) with errors of
various memory gives the same numbers, and the memory that agrees best with video and clips, each with half of the
weight, is kept (least squares of the logarithms). The memory of the scores comes from the autocorrelation of their
logits, again half and half. Gaps within tracks of videos count with those of clips. Swaps and what stays wrong for a
whole track need the truth: clips alone tell (`learn.fit_clip_noise`). Where the border of a picture lies is not the
detector's doing: `cut` stays assumed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import MotionCorpus, read_motions
from anchorpose.learn.clip_tracks import ClipTrack, read_tracks
from anchorpose.learn.fit_clip_noise import fit_clips, gaps, set_bursts
from anchorpose.learn.video_tracks import Track, pieces, video_gaps, video_tracks
from anchorpose.measure.noise import DetectorNoise, person_size
from anchorpose.measure.report import provenance
from anchorpose.measure.sequence_noise import TIME_FILE, NoiseOverTime, add_noise_over_time
from anchorpose.measure.sequence_views import ViewedMotion, sound_parts, view_part
from anchorpose.measure.virtual import MEASURE
from anchorpose.poses.errors import InputError
from anchorpose.sense.models import PACKAGE_WEIGHTS, default_threads, read_index
from anchorpose.sense.pipeline import load

Array = NDArray[np.float64]
STEPS = (1, 2, 4)
_SURE = 0.35
_FAST = (0.002, 0.004, 0.007, 0.01, 0.014, 0.02, 0.03, 0.05, 0.1)
_SECONDS = (0.08, 0.11, 0.14, 0.17, 0.2, 0.25, 0.35, 0.6)


def restlessness(tracks: Sequence[Track]) -> Array:
    """Medians of the second differences over STEPS, as shares of the person's size, of joints that score well."""
    out = []
    for k in STEPS:
        values = []
        for joints, scores in tracks:
            if len(joints) <= 2 * k:
                continue
            size = person_size(joints, np.asarray(np.isfinite(joints).all(-1)))[k:-k, None]
            second = np.linalg.norm(joints[2 * k :] - 2 * joints[k:-k] + joints[: -2 * k], axis=-1) / size
            sure = np.minimum(np.minimum(scores[2 * k :], scores[k:-k]), scores[: -2 * k]) > _SURE
            values.append(second[sure & np.isfinite(second)])
        out.append(float(np.median(np.concatenate(values))))
    return np.array(out)


def score_memory(tracks: Sequence[Track], variance: Array, fps: float) -> tuple[float, float, float]:
    """Of the logits of the scores: share of the variance (14,) among people that is white, share that stays over a
    track, memory [s] of the rest; from variances within tracks and autocorrelations at 1 and 8 frames."""
    within, first, later = [], [], []
    for _, scores in tracks:
        logits = np.log(np.clip(scores, 0.02, 0.98) / (1 - np.clip(scores, 0.02, 0.98)))
        if len(logits) < 60:
            continue
        logits = logits - logits.mean(0)
        own = np.maximum((logits**2).mean(0), 1e-6)
        within.append((own / variance).mean())
        first.append(((logits[1:] * logits[:-1]).mean(0) / own).mean())
        later.append(((logits[8:] * logits[:-8]).mean(0) / own).mean())
    if not first:
        return NoiseOverTime.score_fast, NoiseOverTime.score_still, NoiseOverTime.score_seconds
    one, eight = np.clip([np.mean(first), np.mean(later)], 0.02, 0.98)
    frames = float(np.sqrt(31.5 / np.log(max(one / eight, 1.05))))  # of a correlation that falls as a Gaussian
    moving = float(np.clip(np.mean(within), 0.05, 1.0))
    white = float(np.clip(1 - one / np.exp(-0.5 / frames**2), 0.0, 0.9))
    return moving * white, 1 - moving, frames / fps


def some_motions(corpus: MotionCorpus, tracks: int) -> list[ViewedMotion]:
    """Parts of a corpus, of 60 to 120 frames, before cameras of their own."""
    parts = sound_parts(corpus, 120, 60)
    generators = [np.random.default_rng([11, i]) for i in range(tracks)]
    return [view_part(corpus, parts[int(g.integers(len(parts)))], MEASURE, g) for g in generators]


def simulated(
    motions: Sequence[ViewedMotion | ClipScene], noise: DetectorNoise, over_time: NoiseOverTime
) -> list[Track]:
    """Motions with errors that go on as `over_time` says, nothing missed."""
    plain = replace(over_time, missed=0.0, cut=0.0)
    seen = [
        add_noise_over_time(m.plane, m.nose_hidden, noise, plain, m.fps, np.random.default_rng([12, i]))
        for i, m in enumerate(motions)
    ]
    return [(s.plane, s.scores) for s in seen]


@dataclass(frozen=True, eq=False)
class ClipScene:
    """What is true of a clip as `simulated` takes it: plane (T, 14, 2), nose_hidden (T,), fps."""

    plane: Array
    nose_hidden: NDArray[np.bool_]
    fps: float


def clip_scene(track: ClipTrack) -> ClipScene:
    """The truth of a clip; there is no nose in it, the head stands for it."""
    return ClipScene(track.truth[:, [*range(13), 12]], np.zeros(len(track.truth), bool), track.fps)


def clip_tracks_2d(clips: Sequence[ClipTrack]) -> list[Track]:
    """What was found on clips, as on videos; poses of another kind are left out."""
    return [(np.where(c.replaced[:, None, None], np.nan, c.joints), c.scores) for c in clips]


@dataclass(frozen=True, eq=False)
class Source:
    """What one kind of footage says of restlessness (at STEPS) and scores, and motions to simulate it on."""

    wanted: Array
    memory: tuple[float, float, float]
    motions: Sequence[ViewedMotion | ClipScene]
    joints: int

    def simulated(self, noise: DetectorNoise, over_time: NoiseOverTime) -> Array:
        """The same restlessness with errors as `over_time` says."""
        tracks = simulated(self.motions, noise, over_time)
        return restlessness([(joints[:, : self.joints], scores[:, : self.joints]) for joints, scores in tracks])


def sources(
    video: Sequence[Track],
    clips: Sequence[ClipTrack],
    motions: Sequence[ViewedMotion],
    noise: DetectorNoise,
    fps: float,
) -> dict[str, Source]:
    """Of videos and clips, of those that there are.

    Raises:
        InputError: in none of them anybody was found for a second.
    """
    variance = np.diag(noise.score_cov)
    out = {}
    if whole := pieces(video):
        out["video"] = Source(restlessness(whole), score_memory(whole, variance, fps), motions, 14)
    if whole := pieces(clip_tracks_2d(clips)):
        body = [(joints[:, :13], scores[:, :13]) for joints, scores in whole]
        scenes = [clip_scene(c) for c in clips]
        out["clips"] = Source(restlessness(body), score_memory(whole, variance, clips[0].fps), scenes, 13)
    if not out:
        raise InputError("nobody was found for a second without a gap: give longer videos or clips")
    return out


def fit_memory(seen: dict[str, Source], noise: DetectorNoise, base: NoiseOverTime) -> NoiseOverTime:
    """The memory of errors that agrees best with all sources, and the mean memory of their scores."""
    fast, still, memory = (round(float(v), 3) for v in np.mean([s.memory for s in seen.values()], 0))
    base = replace(base, score_fast=fast, score_still=still, score_seconds=memory)
    best, least = base, np.inf
    for share, seconds in tqdm(list(product(_FAST, _SECONDS)), desc="memory of errors", disable=None):
        candidate = replace(base, error_fast=share, error_seconds=seconds)
        off = sum(float((np.log(s.simulated(noise, candidate) / s.wanted) ** 2).sum()) for s in seen.values())
        if off < least:
            best, least = candidate, off
    return best


def fit(
    video: Sequence[Track], clips: Sequence[ClipTrack], corpus: MotionCorpus, fps: float, tracks: int = 30,
    prior: NoiseOverTime | None = None,
) -> NoiseOverTime:  # fmt: skip
    """All fields from tracks of videos and clips; what neither tells stays as in `prior`, and `about` says so."""
    if video and any(abs(c.fps - fps) > 0.01 * fps for c in clips):
        raise InputError(f"videos of {fps:g} frames a second beside clips of {clips[0].fps:g}: one rate for all")
    prior, noise = prior or NoiseOverTime(), DetectorNoise.load()
    about: dict[str, str] = {}
    values, seen_else = {}, {}
    if clips:
        told = fit_clips(clips, noise, prior)
        values, about, seen_else = told.values, told.said, told.seen
    lost = video_gaps(video) + gaps(clips)
    words = f"{lost.runs} gaps of {lost.within} frames in {lost.frames}, {video_gaps(video).runs} of them in video"
    set_bursts(values, about, ("missed", "missed_seconds"), lost, prior, clips[0].fps if clips else fps, words)
    base = replace(prior, **values)
    seen = sources(video, clips, some_motions(corpus, tracks), noise, fps)
    best = fit_memory(seen, noise, base)
    found = {"video": sum(len(j) for j, _ in pieces(video)), "clips": sum(int(c.found.sum()) for c in clips)}
    count = {"video": len(video), "clips": len(clips)}
    on = " and ".join(
        f"{found[k]} frames of {count[k]} {w}"
        for k, w in (("video", "tracks of video"), ("clips", "clips"))
        if k in seen
    )
    for name in ("error_fast", "error_seconds"):
        about[name] = f"fitted: restlessness of {on}, each kind with the same weight"
    for name in ("score_fast", "score_still", "score_seconds"):
        about[name] = f"fitted: autocorrelation of the scores, {on}, each kind with the same weight"
    about["cut"] = "assumed: how pictures are framed, not what a detector does"
    for name in ("error_still", "swap_seconds", "swap_rates"):
        about.setdefault(name, "assumed: needs the truth, and there were no clips")
    rest = {
        f"restlessness_{k}": {"seen": (100 * s.wanted).round(3).tolist(),
                              "simulated": (100 * s.simulated(noise, best)).round(3).tolist()}
        for k, s in seen.items()
    }  # fmt: skip
    source = f"{on}, of training subjects" if clips else f"{on}; swaps, error_still assumed"
    return replace(best, source=source, about={"fields": about, "seen": {**seen_else, **rest}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="*")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="folders of clips of training subjects")
    parser.add_argument("--out", type=Path, default=TIME_FILE)
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--fps", type=float, default=30.0, help="of the videos")
    parser.add_argument("--limit", type=int, default=600, help="frames of each video")
    parser.add_argument("--corpus", type=Path, help="a saved corpus of motions in place of the data folder")
    args = parser.parse_args()
    if not args.video and not args.clips:
        parser.error("give videos, --clips, or both")
    corpus = MotionCorpus.load(args.corpus) if args.corpus else read_motions(dataset_path("mocap"), "train")
    files = read_index(PACKAGE_WEIGHTS)
    sensed_by = " ".join([args.quality, *(files[name].sha256 for name in ("movenet_multipose", "lift"))])
    clips = read_tracks(args.clips, lambda: load(quality=args.quality), sensed_by)
    tracks = [track for path in args.video for track in video_tracks(path, args.quality, args.limit)]
    found = fit(tracks, clips, corpus, args.fps)
    made = provenance("anchorpose.learn.fit_motion_noise", default_threads())
    replace(found, about={"made": made, **found.about}).save(args.out)
    for name, value in found.about["fields"].items():
        print(f"{name:14s} {getattr(found, name)}  {value}")
    print(json.dumps(found.about["seen"], indent=1))


if __name__ == "__main__":
    main()
