"""The motion table: what fills gaps and takes jitter away, on held-out MoCap subjects seen by virtual cameras.

    python -m anchorpose.measure.motion_table --out docs/motion.md

2D joints with the fitted noise over time are lifted by the lift that ships, with gaps; each row makes a full track of
that. The filters are tuned on subjects of the training split, see `measure.smoothing.tune`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import MotionCorpus, read_motions
from anchorpose.measure.metrics import mpjpe, pa_mpjpe
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.sequence_noise import NoiseOverTime
from anchorpose.measure.sequence_views import detect_and_lift, sound_parts, view_part
from anchorpose.measure.smoothing import (
    FilterSettings,
    acceleration_error,
    fill_nearest,
    one_euro,
    savitzky_golay,
    tune,
)
from anchorpose.measure.virtual import MEASURE
from anchorpose.poses.errors import InputError
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.transforms import hip_centred, torso_centre
from anchorpose.poses.values import Motion, Pose
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from anchorpose.sense.motion import Refiner, motion_joints
from anchorpose.sense.motion_online import DELAYS, OnlineRefiner

Array = NDArray[np.float64]
Maker = Callable[[PoseSequence], Array]
"""From a track with gaps to joints (T, 13, 3) [m]: camera frame, or about any origin where places are not known."""

TRACKS, SEED = 150, 30
LONGEST, SHORTEST = 150, 30  # frames of a track
ONLINE_WINDOW = 16


@dataclass(frozen=True, eq=False)
class TestTrack:
    """What the front end says of a motion, and the true BODY13 joints (T, 13, 3) [m] in the camera frame."""

    __test__ = False  # no test, whatever pytest makes of the name

    sequence: PoseSequence
    truth: Array


@dataclass(frozen=True)
class Row:
    """Means over all tracks: errors [mm] over the frames that have a pose, their share, errors where nothing was seen,
    acceleration error [mm per frame squared], error of the torso's place as a share of its distance."""

    mpjpe: float
    pa_mpjpe: float
    acceleration: float
    coverage: float
    missing_mpjpe: float
    place: float


def test_tracks(
    corpus: MotionCorpus, lifter: Lifter, count: int, seed: int, noise: DetectorNoise | None
) -> list[TestTrack]:
    """Tracks of at most LONGEST frames, drawn evenly over the clips, each before a camera that stands still."""
    over_time = NoiseOverTime.load() if noise else NoiseOverTime()
    parts = sound_parts(corpus, LONGEST, SHORTEST)
    clips = np.array([corpus.clip[part[0]] for part in parts])
    out = []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        part = parts[int(rng.choice(np.flatnonzero(clips == rng.choice(np.unique(clips)))))]
        motion = view_part(corpus, part, MEASURE, rng, follow=0.0)
        (sequence,) = detect_and_lift([motion], lifter, noise, over_time, rng)
        if sequence.seen.any():
            out.append(TestTrack(sequence, motion.joints))
    return out


def measure(maker: Maker, tracks: Sequence[TestTrack]) -> Row:
    """A row of the table."""
    columns: dict[str, list[Array]] = {name: [] for name in ("error", "pa", "bend", "place", "missing")}
    for track in tracks:
        joints = maker(track.sequence)
        found, truth = (hip_centred(p)[:, :12] for p in (joints, track.truth))
        error = mpjpe(found, truth)
        columns["error"].append(error)
        columns["pa"].append(pa_mpjpe(found, truth))
        columns["bend"].append(acceleration_error(found, truth))
        columns["missing"].append(error[~track.sequence.seen])
        off = torso_centre(joints) - torso_centre(track.truth)
        columns["place"].append(np.linalg.norm(off, axis=-1) / np.linalg.norm(torso_centre(track.truth), axis=-1))
    flat = {name: np.concatenate(values) for name, values in columns.items()}
    mean = {name: float(np.nanmean(v)) if np.isfinite(v).any() else float("nan") for name, v in flat.items()}
    coverage = float(np.isfinite(flat["error"]).mean())
    return Row(mean["error"], mean["pa"], mean["bend"], coverage, mean["missing"], mean["place"])


def placed(sequence: PoseSequence) -> Array:
    """(T, 13, 3) the poses where they stand, about the origin where that is not known."""
    return sequence.joints3d + np.nan_to_num(sequence.translation)[:, None]


def baselines(settings: FilterSettings) -> dict[str, Maker]:
    """The rows without a motion model."""

    def filled(s: PoseSequence) -> Array:
        return fill_nearest(placed(s), s.times)

    return {
        "detections, matched only": placed,
        "nearest detection fills gaps": filled,
        "+ Savitzky-Golay": lambda s: savitzky_golay(filled(s), settings.window, settings.order),
        "+ One-Euro": lambda s: one_euro(filled(s), s.times, settings.cutoff, settings.beta),
    }


def filter_settings(tracks: Sequence[TestTrack]) -> FilterSettings:
    """The filters tuned on tracks of training subjects; joints in space, as they are filtered."""
    return tune([(placed(t.sequence), t.sequence.times, t.truth) for t in tracks])


def online(refiner: Refiner, delay: int, window: int) -> Maker:
    """Frame by frame with a delay; frames before the first sighting stay empty."""

    def run(sequence: PoseSequence) -> Array:
        person = OnlineRefiner(refiner, delay=delay, window=min(window, refiner.window))
        moments = [
            person.push(pose, float(time)) for pose, time in zip(as_poses(sequence), sequence.times, strict=True)
        ]
        parts = [m for m in (*moments, person.flush()) if m is not None]
        out = np.full((len(sequence), 13, 3), np.nan)
        for part in parts:
            out[np.searchsorted(sequence.times, part.times - 1e-6)] = motion_joints(part)
        return out

    return run


def as_poses(sequence: PoseSequence) -> list[Pose | None]:
    """The frames of a sequence as poses, None where nothing was seen."""
    from anchorpose.poses.values import Mode

    out: list[Pose | None] = []
    for t in range(len(sequence)):
        if not sequence.seen[t]:
            out.append(None)
            continue
        place = sequence.translation[t]
        modes = tuple(
            Mode(float(w), joints, np.zeros(13))
            for w, joints in zip(sequence.weights[t], sequence.modes[t], strict=True)
            if w > 0
        )
        out.append(Pose("body13", 1.0, np.zeros(4), None, sequence.scores[t], sequence.joints3d[t],
                        place if np.isfinite(place).all() else None, modes))  # fmt: skip
    return out


def offline(refiner: Refiner) -> Maker:
    def run(sequence: PoseSequence) -> Array:
        motion: Motion = refiner.refine(sequence)
        return motion_joints(motion)

    return run


def contenders(
    models: dict[str, str], windows: Sequence[int], modes_off: bool, delays: Sequence[int], strides: Sequence[int]
) -> dict[str, Maker]:
    """The rows of the motion models; the online ones of the first model only."""
    rows: dict[str, Maker] = {}
    for name, file in models.items():
        session = load_session(file)
        longest = Refiner(session).window
        for window in [w for w in windows if w <= longest] or [longest]:
            for stride in strides or [max(1, window // 4)]:
                label = f"+ {name}, window {window}" + (f", stride {stride}" if strides else "")
                rows[label] = offline(Refiner(session, window=window, stride=min(stride, window)))
            if modes_off:
                rows[f"+ {name}, window {window}, without modes"] = offline(
                    Refiner(session, window=window, modes=False)
                )
    name, file = next(iter(models.items()))
    live = Refiner(load_session(file))
    for delay in delays:
        window = min(ONLINE_WINDOW, live.window)
        rows[f"+ {name}, online, window {window}, delay {delay}"] = online(live, delay, window)
    return rows


def markdown(data: dict) -> str:
    """The numbers as tables."""
    lines = [
        f"Held-out MoCap subjects (split `val`), {data['tracks']} tracks of at most {LONGEST} frames at 30 per second,",
        "virtual cameras all round, 2D with the fitted noise over time, lifted by our lift. Errors in mm, 12 joints",
        "about the middle of the hips, over the frames that have a pose (coverage); acceleration: of the error, in mm",
        "per frame squared; place: of the torso's centre in the camera frame, in % of its distance.", "",
        f"Filters as tuned on subjects of the training split: {data['filters']}.", "",
    ]  # fmt: skip
    for name, rows in data["rows"].items():
        lines += [f"Front end: {name}", "",
                  "| row | MPJPE | PA-MPJPE | acceleration | coverage | MPJPE where unseen | place, % |",
                  "| --- | --: | --: | --: | --: | --: | --: |"]  # fmt: skip
        for label, r in rows.items():
            unseen = "" if np.isnan(r["missing_mpjpe"]) else f"{r['missing_mpjpe']:.1f}"
            lines.append(
                f"| {label} | {r['mpjpe']:.1f} | {r['pa_mpjpe']:.1f} | {r['acceleration']:.1f} |"
                f" {r['coverage']:.3f} | {unseen} | {100 * r['place']:.1f} |"
            )
        lines.append("")
    return "\n".join(lines)


def parse_models(texts: Sequence[str]) -> dict[str, str]:
    """NAME=FILE, or the name of a model that is in the index."""
    out = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if equals and not file:
            raise InputError(f"a model is given as NAME=FILE.onnx, not {text!r}")
        out[name if equals else "PoseBERT"] = file if equals else text
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/motion_table.md"))
    parser.add_argument("--model", action="append", help="NAME=FILE.onnx, may be repeated; default: posebert")
    parser.add_argument("--windows", type=int, nargs="*", default=[], help="frames seen together; default: the most")
    parser.add_argument("--strides", type=int, nargs="*", default=[], help="frames from window to window")
    parser.add_argument("--delays", type=int, nargs="*", default=list(DELAYS), help="of the online rows")
    parser.add_argument("--modes-off", action="store_true", help="rows without the modes, besides")
    parser.add_argument("--perfect", action="store_true", help="a second table, with true 2D and no gaps")
    parser.add_argument("--tracks", type=int, default=TRACKS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--lift", default="lift")
    parser.add_argument("--corpus", type=Path, help="a saved corpus of motions in place of the data folder")
    parser.add_argument("--split", default="val")
    args = parser.parse_args()
    corpus = MotionCorpus.load(args.corpus) if args.corpus else read_motions(dataset_path("mocap"))
    lifter, noise = Lifter(load_session(args.lift)), DetectorNoise.load()
    settings = filter_settings(
        test_tracks(corpus.split("train"), lifter, max(args.tracks // 3, 4), args.seed + 1, noise)
    )
    rows = baselines(settings) | contenders(
        parse_models(args.model or ["posebert"]), args.windows, args.modes_off, args.delays, args.strides
    )
    fronts: dict[str, DetectorNoise | None] = {"fitted noise, our lift": noise}
    if args.perfect:
        fronts["true 2D, our lift"] = None
    data: dict = {"tracks": args.tracks, "filters": asdict(settings), "rows": {}}
    for name, front in fronts.items():
        tracks = test_tracks(corpus.split(args.split), lifter, args.tracks, args.seed, front)
        data["rows"][name] = {label: asdict(measure(maker, tracks)) for label, maker in rows.items()}
    args.out.write_text("# Motion, measured\n\n`runs/motion_table.sh`\n\n" + markdown(data))
    args.out.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
    print(markdown(data))


if __name__ == "__main__":
    main()
