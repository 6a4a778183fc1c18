"""The rows of the motion tables: a track with gaps made whole by filters or by a motion model, measured and tuned.

A maker takes what a front end says of one person and gives joints for every frame. Filters and a motion model's options
are tuned by the same measure, on tracks of training subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anchorpose.measure.calibration import CALIBRATION_SUBJECTS
from anchorpose.measure.metrics import mpjpe, pa_mpjpe
from anchorpose.measure.smoothing import (
    FilterSettings,
    acceleration_error,
    fill_nearest,
    one_euro,
    savitzky_golay,
    tune,
)
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.transforms import hip_centred, torso_centre
from anchorpose.poses.values import Mode, Motion, Pose
from anchorpose.sense.motion import Refiner, motion_joints
from anchorpose.sense.motion_online import OnlineRefiner
from anchorpose.sense.motion_settle import SETTLED, SettleSettings

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[np.float64]
Maker = Callable[[PoseSequence], Array]
"""From a track with gaps to joints (T, 13, 3) [m]: camera frame, or about any origin where places are not known."""

MATCHED, FILLED = "detections, matched only", "nearest detection fills gaps"
GOLAY, EURO = "+ Savitzky-Golay", "+ One-Euro"
ERRORS = ("mpjpe", "pa_mpjpe", "acceleration")
ONLINE_WINDOW = 16
TUNING_SUBJECTS = CALIBRATION_SUBJECTS
"""Training subjects on whom no network is trained: what has options is tuned on these."""

AIM = 1 / 3
"""Of the acceleration error, as a share of the detector's."""


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
        MATCHED: placed,
        FILLED: filled,
        GOLAY: lambda s: savitzky_golay(filled(s), settings.window, settings.order),
        EURO: lambda s: one_euro(filled(s), s.times, settings.cutoff, settings.beta),
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


def where_seen(maker: Maker) -> Maker:
    """The same, but nothing for a track in which nothing was seen."""
    return lambda s: maker(s) if s.seen.any() else np.full((len(s), 13, 3), np.nan)


@dataclass(frozen=True)
class RefinerOptions:
    """How PoseBERT is used on whole tracks."""

    window: int
    stride: int
    modes: bool

    @classmethod
    def choices(cls, longest: int) -> list[RefinerOptions]:
        """What is tried on tracks of training subjects."""
        windows = sorted({min(16, longest), longest})
        strides = [sorted({max(1, w // 8), max(1, w // 4)}) for w in windows]
        pairs = [(w, s) for w, own in zip(windows, strides, strict=True) for s in own]
        return [cls(w, s, modes) for w, s in pairs for modes in (True, False)]

    def maker(self, session: onnxruntime.InferenceSession, settled: SettleSettings = SETTLED) -> Maker:
        """The row of a network used so."""
        return where_seen(offline(Refiner(session, settled=settled, **asdict(self))))


def cost(row: Row, plain: Row) -> float:
    """Sum of the three errors as shares of those of another row: what filters are tuned by, too."""
    return float(sum(getattr(row, name) / getattr(plain, name) for name in ERRORS))


def tune_refiner(session: onnxruntime.InferenceSession, tracks: Sequence[TestTrack]) -> RefinerOptions:
    """The options that do best on tracks of training subjects."""
    plain = measure(baselines(FilterSettings())[FILLED], tracks)
    found: dict[RefinerOptions, float] = {}
    for options in RefinerOptions.choices(Refiner(session).window):
        found[options] = cost(measure(options.maker(session), tracks), plain)
    return min(found, key=lambda options: found[options])


def verdict(rows: dict[str, dict[str, float]], label: str) -> str:
    """Whether a row is best among those of full coverage without a motion model, error by error."""
    own, words = rows[label], []
    rivals = {k: rows[k] for k in (FILLED, GOLAY, EURO)}
    for key, text in zip(ERRORS, ("MPJPE", "PA-MPJPE", "acceleration"), strict=True):
        best = min(rivals, key=lambda k: rivals[k][key])
        change = 100 * (own[key] / rivals[best][key] - 1)
        words.append(f"{text} {'best' if change < 0 else 'not best'} ({change:+.1f} % to {best.removeprefix('+ ')})")
    ratio = own["acceleration"] / rows[FILLED]["acceleration"]
    said = f"{', '.join(words)}; acceleration error {ratio:.2f} of the detector's (aim: {AIM:.2f} or less)"
    return f"{label.removeprefix('+ ')}: {said}."
