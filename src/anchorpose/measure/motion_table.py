"""The motion table: what fills gaps and takes jitter away, on held-out MoCap subjects seen by virtual cameras.

    python -m anchorpose.measure.motion_table --out docs/motion.md

2D joints with the fitted noise over time are lifted by the lift that ships, with gaps; each row makes a full track of
that. Filters and the first model's window, stride and modes are tuned on training subjects on whom no
network is trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import MotionCorpus, read_motions
from anchorpose.measure.motion_rows import (
    ERRORS,
    ONLINE_WINDOW,
    TUNING_SUBJECTS,
    Maker,
    RefinerOptions,
    TestTrack,
    baselines,
    filter_settings,
    measure,
    online,
    tune_refiner,
    verdict,
    where_seen,
)
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.report import number, provenance, provenance_line, table, words, write_report
from anchorpose.measure.sequence_noise import NoiseOverTime
from anchorpose.measure.sequence_views import detect_and_lift, sound_parts, view_part
from anchorpose.measure.virtual import MEASURE
from anchorpose.poses.errors import InputError
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import default_threads, load_session
from anchorpose.sense.motion import LIVE_MODEL, MODEL, Refiner
from anchorpose.sense.motion_online import DELAYS
from anchorpose.sense.motion_settle import NOT_SETTLED

TRACKS, SEED = 150, 30
LONGEST, SHORTEST = 150, 30  # frames of a track


def virtual_tracks(
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


def tuning_corpus(corpus: MotionCorpus) -> MotionCorpus:
    """The motions of `TUNING_SUBJECTS`; all of the training split if there are none of them."""
    training = corpus.split("train")
    held = np.array([clip.subject in TUNING_SUBJECTS for clip in corpus.clips])[training.clip]
    return training.subset(held) if held.any() else training


def contenders(
    models: dict[str, str],
    options: RefinerOptions,
    windows: Sequence[int],
    strides: Sequence[int],
    modes_off: bool,
    delays: Sequence[int],
) -> dict[str, Maker]:
    """The rows of the motion models: with the tuned options, with others besides, and live."""
    rows: dict[str, Maker] = {}
    for name, file in models.items():
        session = load_session(file)
        longest = Refiner(session).window
        own = replace(options, window=min(options.window, longest), stride=min(options.stride, longest))
        rows[f"+ {name}"] = own.maker(session)
        rows[f"+ {name}, not settled"] = own.maker(session, NOT_SETTLED)
        if modes_off:
            rows[f"+ {name}, modes {'off' if own.modes else 'on'}"] = replace(own, modes=not own.modes).maker(session)
        for window in [w for w in windows if w <= longest]:
            for stride in strides or [max(1, window // 4)]:
                other = RefinerOptions(window, min(stride, window), own.modes)
                rows[f"+ {name}, window {window}, stride {other.stride}"] = other.maker(session)
        live = Refiner(load_session(live_model(file)), modes=own.modes)
        for delay in delays:
            window = min(ONLINE_WINDOW, live.window)
            rows[f"+ {name}, online, window {window}, delay {delay}"] = where_seen(online(live, delay, window))
    return rows


_HEADERS = ("", "MPJPE", "PA-MPJPE", "acceleration", "coverage", "MPJPE where unseen", "place, %")


def markdown(data: dict[str, Any]) -> str:
    """The page."""
    parts = ["# Motion, measured", provenance_line(data["made"])]
    parts.append(
        f"Held-out MoCap subjects (split `{data['split']}`), {data['tracks']} tracks of at most {LONGEST} frames at 30 "
        "per second, virtual cameras all round, 2D with the fitted noise over time, lifted by our lift. Errors in mm, "
        "12 joints about the middle of the hips, neither turned nor scaled (MPJPE), after Procrustes (PA-MPJPE), over "
        "the frames that have a pose (coverage); acceleration: of the error, in mm per frame squared; place: of the "
        "torso's centre in the camera frame, in % of its distance."
    )
    for name, rows in data["rows"].items():
        lines = [
            [label, *(number(r[key], 1) for key in ERRORS), number(r["coverage"]), number(r["missing_mpjpe"], 1),
             number(100 * r["place"], 1)]
            for label, r in rows.items()
        ]  # fmt: skip
        said = [verdict(rows, f"+ {model}") for model in data["models"]]
        parts += [f"## {name}", table(_HEADERS, lines), *said]
    filters, options = (words(data[key]) for key in ("filters", "options"))
    parts.append(
        f"Tuned on training subjects on whom no network is trained: filters {filters}; {data['models'][0]} {options}."
    )
    return "\n\n".join(parts) + "\n"


def parse_models(texts: Sequence[str]) -> dict[str, str]:
    """NAME=FILE, or the name of a model that is in the index."""
    out = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if equals and not file:
            raise InputError(f"a model is given as NAME=FILE.onnx, not {text!r}")
        out[name if equals else "PoseBERT"] = file if equals else text
    return out


def live_model(file: str) -> str:
    """The model of the online rows: of those that ship the one made for it."""
    return LIVE_MODEL if file == MODEL else file


def main() -> None:
    args = parse()
    corpus = MotionCorpus.load(args.corpus) if args.corpus else read_motions(dataset_path("mocap"))
    lifter, noise = Lifter(load_session(args.lift)), DetectorNoise.load()
    models = parse_models(args.model or [MODEL])
    train = virtual_tracks(tuning_corpus(corpus), lifter, max(args.tracks // 3, 4), args.seed + 1, noise)
    settings, options = filter_settings(train), tune_refiner(load_session(next(iter(models.values()))), train)
    rows = {name: where_seen(maker) for name, maker in baselines(settings).items()}
    rows |= contenders(models, options, args.windows, args.strides, args.modes_off, args.delays)
    fronts: dict[str, DetectorNoise | None] = {"Fitted noise, our lift": noise}
    if args.perfect:
        fronts["True 2D, our lift"] = None
    data: dict[str, Any] = {
        "made": provenance("anchorpose.measure.motion_table", default_threads()), "split": args.split,
        "tracks": args.tracks, "models": list(models), "filters": asdict(settings), "options": asdict(options),
        "rows": {},
    }  # fmt: skip
    for name, front in fronts.items():
        tracks = virtual_tracks(corpus.split(args.split), lifter, args.tracks, args.seed, front)
        data["rows"][name] = {label: asdict(measure(maker, tracks)) for label, maker in rows.items()}
    write_report(args.out, markdown(data), data)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/motion.md"))
    parser.add_argument("--model", action="append", help="NAME=FILE.onnx, may be repeated; default: posebert")
    parser.add_argument("--windows", type=int, nargs="*", default=[], help="rows with so many frames seen together")
    parser.add_argument("--strides", type=int, nargs="*", default=[], help="of those rows; default: a quarter")
    parser.add_argument("--delays", type=int, nargs="*", default=list(DELAYS), help="of the online rows")
    parser.add_argument("--modes-off", action="store_true", help="rows with the other choice of modes, besides")
    parser.add_argument("--perfect", action="store_true", help="a second table, with true 2D and no gaps")
    parser.add_argument("--tracks", type=int, default=TRACKS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--lift", default="lift")
    parser.add_argument("--corpus", type=Path, help="a saved corpus of motions in place of the data folder")
    parser.add_argument("--split", default="val")
    return parser.parse_args()


if __name__ == "__main__":
    main()
