"""Fit how a detector's errors go on over time, from videos without any labels.

What a detector gets wrong is known from photos (`learn.fit_noise`); how long an error lasts is told by how restless its
joints are on video. For several steps k the median of |x(t+k) - 2 x(t) + x(t-k)| over the person's size is taken, which
true motion hardly enters at small k; motion capture seen by virtual cameras with errors of various memory gives the
same numbers, and the memory that agrees best (least squares of the logarithms) is kept. The memory of the scores comes
from the autocorrelation of their logits. Swaps, gaps and what stays wrong for a whole track cannot be told without
labels: they stay assumed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import MotionCorpus, read_motions
from anchorpose.files.sources import open_source
from anchorpose.measure.noise import DetectorNoise, person_size
from anchorpose.measure.sequence_noise import TIME_FILE, NoiseOverTime, add_noise_over_time
from anchorpose.measure.sequence_views import ViewedMotion, sound_parts, view_part
from anchorpose.measure.virtual import MEASURE
from anchorpose.poses.lifting import to_lift_joints
from anchorpose.sense.movenet import MoveNetDetector

Array = NDArray[np.float64]
Track = tuple[Array, Array]
"""Joints (T, 14, 2), NaN where a frame has none, and scores (T, 14)."""

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


def video_tracks(path: Path, quality: str, limit: int) -> list[Track]:
    """2D of everybody in a video, linked by the nearest pose; tracks under a second are left out."""
    detector = MoveNetDetector(quality=quality)
    open_tracks: list[list[tuple[int, Array, Array]]] = []
    closed: list[list[tuple[int, Array, Array]]] = []
    with open_source(path) as source:
        frames = list(islice(source, limit))
    for number, frame in enumerate(tqdm(frames, desc=path.name, disable=None)):
        poses = detector.detect(frame)
        found: list[tuple[Array, Array]] = []
        if poses:
            points, scores = to_lift_joints(
                np.stack([np.asarray(p.joints2d) for p in poses]), np.stack([p.scores for p in poses]),
                poses[0].skeleton,
            )  # fmt: skip
            found = list(zip(points, scores, strict=True))
        free = set(range(len(found)))
        for track in list(open_tracks):
            _, last, _ = track[-1]
            size = person_size(last[None], np.asarray(np.isfinite(last).all(-1))[None])[0]
            near = {i: float(np.nanmedian(np.linalg.norm(found[i][0] - last, axis=-1))) / size for i in free}
            best = min(near, key=lambda i: near[i]) if near else None
            if best is not None and near[best] < 0.1:
                free.discard(best)
                track.append((number, *found[best]))
            else:
                open_tracks.remove(track)
                closed.append(track)
        open_tracks += [[(number, *found[i])] for i in free]
    return [
        (np.stack([joints for _, joints, _ in t]), np.stack([scores for _, _, scores in t]))
        for t in closed + open_tracks
        if len(t) >= 30
    ]


def some_motions(corpus: MotionCorpus, tracks: int) -> list[ViewedMotion]:
    """Parts of a corpus, of 60 to 120 frames, before cameras of their own."""
    parts = sound_parts(corpus, 120, 60)
    generators = [np.random.default_rng([11, i]) for i in range(tracks)]
    return [view_part(corpus, parts[int(g.integers(len(parts)))], MEASURE, g) for g in generators]


def simulated(motions: Sequence[ViewedMotion], noise: DetectorNoise, over_time: NoiseOverTime) -> list[Track]:
    """Motions with errors that go on as `over_time` says, nothing missed."""
    plain = replace(over_time, missed=0.0, cut=0.0)
    seen = [
        add_noise_over_time(m.plane, m.nose_hidden, noise, plain, m.fps, np.random.default_rng([12, i]))
        for i, m in enumerate(motions)
    ]
    return [(s.plane, s.scores) for s in seen]


def fit(video: Sequence[Track], corpus: MotionCorpus, fps: float, tracks: int = 30) -> NoiseOverTime:
    """The memory of errors and scores that agrees best with tracks of a video."""
    wanted, noise, motions = restlessness(video), DetectorNoise.load(), some_motions(corpus, tracks)
    fast, still, memory = (round(v, 3) for v in score_memory(video, np.diag(noise.score_cov), fps))
    base = replace(NoiseOverTime(), score_fast=fast, score_still=still, score_seconds=memory)
    best, least = base, np.inf
    for share, seconds in product(_FAST, _SECONDS):
        candidate = replace(base, error_fast=share, error_seconds=seconds)
        got = restlessness(simulated(motions, noise, candidate))
        off = float((np.log(got / wanted) ** 2).sum())
        if off < least:
            best, least = candidate, off
    frames = sum(len(joints) for joints, _ in video)
    source = (
        f"{len(video)} tracks, {frames} frames of video at {fps:g} per second; swaps, gaps, cuts, error_still assumed"
    )
    return replace(best, source=source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=TIME_FILE)
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--fps", type=float, default=30.0, help="of the videos")
    parser.add_argument("--limit", type=int, default=600, help="frames of each video")
    parser.add_argument("--corpus", type=Path, help="a saved corpus of motions in place of the data folder")
    args = parser.parse_args()
    corpus = MotionCorpus.load(args.corpus) if args.corpus else read_motions(dataset_path("mocap"), "train")
    tracks = [track for path in args.video for track in video_tracks(path, args.quality, args.limit)]
    found = fit(tracks, corpus, args.fps)
    found.save(args.out)
    print(found)
    print("restlessness, % of the size, at steps", STEPS)
    print("  video    ", (100 * restlessness(tracks)).round(3))
    print(
        "  simulated", (100 * restlessness(simulated(some_motions(corpus, 60), DetectorNoise.load(), found))).round(3)
    )


if __name__ == "__main__":
    main()
