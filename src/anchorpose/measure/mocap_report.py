"""Reads a whole folder of motion capture and compares it with the values measured when the folder was made.

    python -m anchorpose.measure.mocap_report [FOLDER]

`checks.csv` gives, for each clip, the 90th percentile of the vertical extent (height_m), hip to knee to ankle (leg_m),
the 10th percentile of the lowest joint (floor_m) and the fastest of the 12 limb joints (max_joint_speed_mps).
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.datasets import dataset_path
from anchorpose.files.mocap import MocapRecord, read_index, read_record
from anchorpose.files.paths import input_file, read_text
from anchorpose.files.rigs import Rig, body13, facing, get_rig
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import AnchorposeError, FormatError
from anchorpose.poses.skeletons import BODY13

MEASURES = ("height_m", "leg_m", "floor_m", "max_joint_speed_mps")
_LIMBS = [(f"{side}_{a}", f"{side}_{b}") for side in "rl" for a, b in (("hip", "knee"), ("knee", "ankle"))]
_LIMBS += [(f"{side}_{a}", f"{side}_{b}") for side in "rl" for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))]
_WALK_MPS = (0.7, 2.5)


@dataclass(frozen=True)
class ClipMeasures:
    """What is measured of one clip.

    Attributes:
        values: by the names of `MEASURES`.
        bone_change: m, the largest standard deviation over time of a limb bone's length.
        knee_forward: share of the frames in which both knees bend to the front, as the left and right hip give it; deep
            squats and bows fall out.
        face_forward: of a walk, the mean cosine between the direction of the face and that of the motion; else NaN.
    """

    path: str
    source: str
    frames: int
    values: dict[str, float]
    bone_change: float
    knee_forward: float
    face_forward: float


@dataclass(frozen=True)
class MocapReport:
    """All clips of a folder that could be read, the errors of those that could not, and the values they should have."""

    clips: tuple[ClipMeasures, ...]
    failures: tuple[str, ...]
    expected: dict[str, dict[str, float]]
    wall_s: float
    seconds: float

    def differences(self) -> dict[str, tuple[float, str]]:
        """The largest absolute difference to `expected` and the clip it is in, for each of `MEASURES`."""
        result = {}
        for name in MEASURES:
            known = [
                (abs(c.values[name] - self.expected[c.path][name]), c.path)
                for c in self.clips
                if c.path in self.expected
            ]
            result[name] = max(known) if known else (float("nan"), "")
        return result


def measure_clip(clip: Clip, record: MocapRecord) -> ClipMeasures:
    """Measures one clip; the joints are the source's own, without the corrections of `body13`."""
    rig = get_rig(clip)
    positions = clip.y_up(clip.positions)
    limbs = positions[:, clip.indices(rig.body)]
    leg = [_length(limbs, a, b).mean() for a, b in _LIMBS[:4]]
    speed = np.linalg.norm(np.diff(limbs, axis=0), axis=-1).max(initial=0.0) * clip.fps
    height = positions[..., 1]
    values = {
        "height_m": float(np.percentile(np.ptp(height, axis=1), 90)),
        "leg_m": float(np.sum(leg) / 2),
        "floor_m": float(np.percentile(height.min(axis=1), 10)),
        "max_joint_speed_mps": float(speed),
    }
    change = max(float(_length(limbs, a, b).std()) for a, b in _LIMBS)
    return ClipMeasures(
        record.path, record.source, len(clip), values, change, _knee_forward(limbs), _face_forward(clip, rig, record)
    )


def measure_folder(root: str | Path, records: Iterable[MocapRecord] | None = None) -> MocapReport:
    """Measures every clip of a folder's index.csv, or the given records; errors are collected, not raised."""
    expected = read_checks(root)
    start = time.perf_counter()
    clips: list[ClipMeasures] = []
    failures: list[str] = []
    seconds = 0.0
    for record in read_index(root) if records is None else records:
        try:
            clip = read_record(root, record)
            clips.append(measure_clip(clip, record))
            seconds += clip.seconds
        except AnchorposeError as error:
            failures.append(str(error))
    return MocapReport(tuple(clips), tuple(failures), expected, time.perf_counter() - start, seconds)


def read_checks(root: str | Path) -> dict[str, dict[str, float]]:
    """`root`/checks.csv: the value of each of `MEASURES` for each clip's path."""
    path = input_file(Path(root) / "checks.csv", "the measured values of each clip")
    rows = csv.DictReader(read_text(path).splitlines())
    result = {}
    for row in rows:
        try:
            result[row["path"]] = {name: float(row[name]) for name in MEASURES}
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"{path}, line {rows.line_num}: path and {', '.join(MEASURES)} expected ({error})"
            ) from error
    return result


def _length(limbs: NDArray[np.float64], a: str, b: str) -> NDArray[np.float64]:
    return np.linalg.norm(limbs[:, BODY13.index(a)] - limbs[:, BODY13.index(b)], axis=-1)


def _knee_forward(limbs: NDArray[np.float64]) -> float:
    """Left and right swapped would make the front the back, and the knees bend to it."""
    joint = {name: limbs[:, i] for i, name in enumerate(BODY13.names[:12])}
    spine = joint["l_shoulder"] + joint["r_shoulder"] - joint["l_hip"] - joint["r_hip"]
    front = np.cross(joint["l_hip"] - joint["r_hip"], spine)
    front /= np.linalg.norm(front, axis=-1, keepdims=True)
    bend = [
        np.einsum("ti,ti->t", 2 * joint[f"{s}_knee"] - joint[f"{s}_hip"] - joint[f"{s}_ankle"], front) for s in "lr"
    ]
    return float(np.mean((bend[0] > -0.04) & (bend[1] > -0.04)))


def _face_forward(clip: Clip, rig: Rig, record: MocapRecord) -> float:
    if "walk" not in f"{record.path} {record.action}".lower():
        return float("nan")
    body = body13(clip, rig)
    hips = body[:, [BODY13.index("l_hip"), BODY13.index("r_hip")]].mean(axis=1)
    velocity = np.diff(hips, axis=0) * clip.fps
    velocity[:, 1] = 0.0
    speed = np.linalg.norm(velocity, axis=-1)
    walking = (speed > _WALK_MPS[0]) & (speed < _WALK_MPS[1])
    if not walking.any():
        return float("nan")
    along = np.einsum("ti,ti->t", facing(clip, rig)[1:], velocity)[walking] / speed[walking]
    return float(along.mean())


def format_report(report: MocapReport) -> str:
    """The report as lines of text, `key=value` first."""
    clips = report.clips
    lines = [
        f"files={len(clips) + len(report.failures)} frames={sum(c.frames for c in clips)} "
        f"minutes={report.seconds / 60:.1f} read_s={report.wall_s:.1f} failures={len(report.failures)}"
    ]
    lines += [f"max_difference {name}={value:.5f} ({path})" for name, (value, path) in report.differences().items()]
    for source in sorted({c.source for c in clips}):
        own = [c for c in clips if c.source == source]
        walks = np.array([c.face_forward for c in own if np.isfinite(c.face_forward)])
        weights = np.array([c.frames for c in own])
        lines.append(
            f"{source}: files={len(own)} bone_change_m={max(c.bone_change for c in own):.6f} "
            f"knee_forward={np.average([c.knee_forward for c in own], weights=weights):.3f} "
            f"face_forward={walks.mean() if len(walks) else float('nan'):.2f} over {len(walks)} walks"
        )
    return "\n".join([*lines, *(f"failed: {failure}" for failure in report.failures)])


def main(arguments: list[str] | None = None) -> int:
    """Prints the report of a folder, by default the data set "mocap"; returns the exit status, 1 if a file failed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        report = measure_folder(arguments[0] if arguments else dataset_path("mocap"))
    except AnchorposeError as error:
        print(error, file=sys.stderr)
        return 2
    print(format_report(report))
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
