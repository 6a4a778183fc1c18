"""The motion table on rendered clips of held-out subjects, with three real front ends.

    python -m anchorpose.measure.clip_table --folder FOLDER --out docs/clips.md

FOLDER holds `val/` and `train/`, two sets of clips (`runs/clip_table.sh` makes them). The filters, and PoseBERT's
window, stride and use of modes, are tuned for each front end on the clips of training subjects, by the same measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anchorpose.measure.clip_fronts import FRONTS, Fronts, read_fronts
from anchorpose.measure.clip_set import TRUTH, ClipTruth, clip_folders
from anchorpose.measure.motion_rows import (
    ERRORS,
    ONLINE_WINDOW,
    Maker,
    TestTrack,
    baselines,
    filter_settings,
    measure,
    online,
    tune_refiner,
    verdict,
    where_seen,
)
from anchorpose.measure.motion_table import live_model, parse_models
from anchorpose.measure.report import number, provenance, provenance_line, run_command, table, words, write_report
from anchorpose.sense.motion import Refiner
from anchorpose.sense.motion_online import DELAYS
from anchorpose.sense.motion_settle import NOT_SETTLED

SPLITS = ("val", "train")


def tracks_of(folder: Path, fronts: Fronts | None = None, limit: int | None = None) -> dict[str, list[TestTrack]]:
    """For each front end the tracks of the clips of a set; made on the first call, then read."""
    loaded = [fronts] if fronts else []

    def make() -> Fronts:
        loaded[:] = loaded or [Fronts()]
        return loaded[0]

    out: dict[str, list[TestTrack]] = {name: [] for name in FRONTS}
    for clip in _progress(clip_folders(folder)[:limit], folder.name):
        truth = ClipTruth.load(clip / TRUTH)
        for name, sequence in read_fronts(clip, make).items():
            out[name].append(TestTrack(sequence, truth.joints3d))
    return out


def _progress(folders: Sequence[Path], name: str) -> Sequence[Path]:
    from tqdm import tqdm

    bar: Sequence[Path] = tqdm(folders, desc=f"front ends, {name}", unit="clip", disable=None)
    return bar


def compute(
    folder: Path, models: dict[str, str], delays: Sequence[int] = DELAYS, limit: int | None = None
) -> dict[str, Any]:
    """All numbers as plain JSON values."""
    from anchorpose.sense.models import default_threads, load_session

    sets = {split: tracks_of(folder / split, limit=limit) for split in SPLITS}
    sessions = {name: load_session(file) for name, file in models.items()}
    live_sessions = {name: load_session(live_model(file)) for name, file in models.items()}
    out: dict[str, Any] = {"made": provenance("anchorpose.measure.clip_table", default_threads()), "limit": limit}
    out |= {"clips": {s: len(sets[s][FRONTS[0]]) for s in SPLITS}, "fronts": {}}
    out["frames"] = {s: sum(len(t.truth) for t in sets[s][FRONTS[0]]) for s in SPLITS}
    for front in FRONTS:
        train = [track for track in sets["train"][front] if track.sequence.seen.any()]
        settings = filter_settings(train)
        rows: dict[str, Maker] = {name: where_seen(maker) for name, maker in baselines(settings).items()}
        chosen = {}
        for name, session in sessions.items():
            options = tune_refiner(session, train)
            chosen[name] = asdict(options)
            rows[f"+ {name}"] = options.maker(session)
            rows[f"+ {name}, not settled"] = options.maker(session, NOT_SETTLED)
            for delay in delays:
                live = Refiner(live_sessions[name], modes=options.modes)
                window = min(ONLINE_WINDOW, live.window)
                rows[f"+ {name}, online, delay {delay}"] = where_seen(online(live, delay, window))
        measured = {label: asdict(measure(maker, sets["val"][front])) for label, maker in rows.items()}
        out["fronts"][front] = {"filters": asdict(settings), "refiner": chosen, "rows": measured}
    return out


def markdown(data: dict[str, Any]) -> str:
    """The page."""
    clips, frames = data["clips"], data["frames"]
    parts = ["# Motion on rendered clips", provenance_line(data["made"])]
    if data["limit"] is not None:
        parts.append(f"**A quick look at {data['limit']} clips of each set, not the sets themselves.**")
    parts.append(_INTRODUCTION.format(val=clips["val"], frames=frames["val"], train=clips["train"]))
    headers = ["", "MPJPE", "PA-MPJPE", "acceleration", "coverage", "MPJPE where unseen"]
    for front, told in data["fronts"].items():
        rows = [
            [label, *(number(r[key], 1) for key in ERRORS), number(r["coverage"]), number(r["missing_mpjpe"], 1)]
            for label, r in told["rows"].items()
        ]
        said = [verdict(told["rows"], f"+ {name}") for name in told["refiner"]]
        filters = words(told["filters"])
        options = "; ".join(f"{name}: {words(chosen)}" for name, chosen in told["refiner"].items())
        parts += [f"## {front}", table(headers, rows), *said, f"Tuned: filters {filters}; {options}."]
    return "\n\n".join(parts) + "\n"


_INTRODUCTION = """\
{val} clips ({frames} frames, 30 a second, 480 x 360) of held-out subjects of the motion capture, rendered \
(`learn/synthesis/clips.py`): one person, a camera that stands still, a field of view of 40 to 70 degrees; in a third \
of them a thing or the border of the picture hides a part for a while. Each front end's detections are matched with \
the person in 2D; the peers get the boxes of our tracks. Cameras are known. Errors in mm of 12 joints about the middle \
of the hips, neither turned nor scaled (MPJPE), after Procrustes (PA-MPJPE), and of the second differences in time \
(acceleration, mm per frame squared), over the frames that have a pose (coverage). Everything that has parameters is \
tuned on {train} clips of training subjects on whom no network is trained, for each front end: filters, and PoseBERT's \
window, stride and modes, for the lowest sum of the three errors as shares of those without a filter. Online rows see \
{window} frames, so many of them after the one that is given as the delay says, by `posebert_live`; *not settled*: \
without the last touch of `sense/motion_settle.py`.""".replace("{window}", str(ONLINE_WINDOW))


def main(
    folder: Path,
    out: Path = Path("docs/clips.md"),
    model: tuple[str, ...] = ("posebert",),
    delays: tuple[int, ...] = DELAYS,
    limit: int | None = None,
    fronts_only: bool = False,
) -> None:
    """Measure motion models and filters on rendered clips.

    Args:
        folder: with `val/` and `train/`, made by runs/clip_table.sh.
        out: the Markdown file to write; the numbers go beside it as .json.
        model: NAME=FILE.onnx, or the name of a model that is in the index.
        delays: of the online rows [frames].
        limit: only so many clips of each set.
        fronts_only: run the front ends, which are kept, and write nothing.
    """
    if fronts_only:
        for split in SPLITS:
            tracks_of(folder / split, limit=limit)
        return
    data = compute(folder, parse_models(model), delays, limit)
    write_report(out, markdown(data), data)


if __name__ == "__main__":
    run_command(main)
