"""Three front ends on rendered clips: what each says of the person over time, kept on disk since it takes minutes.

Detections are matched with the one person of the clip in 2D. The single-person peers get the boxes of our detector's
track, in the gaps of it boxes in between, and a pose counts if the peer itself is sure enough of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.paths import replacing
from anchorpose.measure.clip_set import ClipTruth, clip_frames
from anchorpose.measure.metrics import FOUND_OKS, body12, oks_matrix
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.values import Frame, Pose

Array = NDArray[np.float64]
OnBoxes = Callable[[Frame, Array], list[Pose]]

OURS = "anchorpose balanced"
_GAP = 2.0  # s, over which boxes are carried on: as long as our tracks wait
_AREA = 0.53  # of a person's box, as COCO's segments cover on average
_FILES = {
    OURS: "front_ours.npz",
    "BlazePose heavy": "front_blazepose.npz",
    "MoveNet Thunder + our lift": "front_thunder.npz",
}
FRONTS: tuple[str, ...] = tuple(_FILES)


@dataclass(frozen=True)
class Peer:
    """A single-person network on boxes; `least` is the score from which its pose counts."""

    name: str
    run: OnBoxes
    least: float


def read_fronts(folder: Path, make: Callable[[], Fronts]) -> dict[str, PoseSequence]:
    """What every front end says of a clip, from the clip's folder or, if it is not there, by `make()` on its frames."""
    found = {name: _load(folder / file) for name, file in _FILES.items()}
    if any(sequence is None for sequence in found.values()):
        made = make()(folder)
        for name, sequence in made.items():
            save_sequence(sequence, folder / _FILES[name])
        return made
    return {name: sequence for name, sequence in found.items() if sequence is not None}


class Fronts:
    """All front ends, loaded once; called with a clip's folder.

    Raises:
        AnchorposeError: weights or packages of a peer are missing.
    """

    def __init__(self, threads: int | None = None) -> None:
        from anchorpose.measure.blazepose import BlazePose
        from anchorpose.measure.peers import MoveNetThunder
        from anchorpose.sense.pipeline import load

        self.model = load(quality="balanced", threads=threads)
        thunder = MoveNetThunder(threads)
        self.peers = (
            Peer("BlazePose heavy", BlazePose("heavy", threads).on_boxes, 0.5),
            Peer("MoveNet Thunder + our lift", self._lifted(thunder.on_boxes), 0.2),
        )

    def _lifted(self, run: OnBoxes) -> OnBoxes:
        def both(frame: Frame, boxes: Array) -> list[Pose]:
            poses = run(frame, boxes)
            return self.model.lifter(poses, frame.camera) if frame.camera is not None else poses

        return both

    def __call__(self, folder: Path) -> dict[str, PoseSequence]:
        from anchorpose.measure.clip_set import TRUTH
        from anchorpose.sense.track import Tracker

        truth = ClipTruth.load(folder / TRUTH)
        frames = list(clip_frames(folder, truth.camera))
        tracker = Tracker()
        ours: list[Pose | None] = []
        for t, frame in enumerate(frames):
            people = tracker.update(self.model.sense(frame), frame.image)
            ours.append(matched([p.body for p in people if p.body is not None], truth, t))
        boxes = carried_boxes(ours, truth.times)
        out = {OURS: PoseSequence.from_poses(ours, truth.times)}
        for peer in self.peers:
            poses = [on_box(peer, frame, boxes[t], truth, t) for t, frame in enumerate(frames)]
            out[peer.name] = PoseSequence.from_poses(poses, truth.times)
        return out


def on_box(peer: Peer, frame: Frame, box: Array, truth: ClipTruth, t: int) -> Pose | None:
    """The peer's pose in a box, if there is a box, it is sure enough and it is of the person."""
    if not np.isfinite(box).all():
        return None
    return matched([pose for pose in peer.run(frame, box[None]) if pose.score >= peer.least], truth, t)


def matched(poses: Sequence[Pose], truth: ClipTruth, t: int) -> Pose | None:
    """The pose with 3D that fits the person of frame t best in 2D, if it fits at all."""
    width, height = truth.boxes[t, 2:] - truth.boxes[t, :2]
    mask = truth.visible[t, :12] > 0
    poses = [pose for pose in poses if pose.joints2d is not None and pose.joints3d is not None]
    if not poses or not mask.any() or width <= 0 or height <= 0:
        return None
    found = np.stack([body12(np.asarray(pose.joints2d), pose.skeleton) for pose in poses])
    area = np.array([_AREA * width * height])
    oks = oks_matrix(found, body12(truth.joints2d[t][None], "body13"), mask[None], area)[0]
    best = int(np.argmax(np.nan_to_num(oks, nan=-1.0)))
    return poses[best] if oks[best] >= FOUND_OKS else None


def carried_boxes(poses: Sequence[Pose | None], times: Array) -> Array:
    """(T, 4) boxes of a track, in gaps of up to two seconds those in between, held so long at its ends; else NaN."""
    own = np.array([t for t, pose in enumerate(poses) if pose is not None], int)
    out = np.full((len(poses), 4), np.nan)
    if not own.size:
        return out
    boxes = np.stack([np.asarray(pose.box, float) for pose in poses if pose is not None])
    after = np.clip(np.searchsorted(own, np.arange(len(poses))), 0, len(own) - 1)
    before = np.maximum(after - (own[after] > np.arange(len(poses))), 0)
    for t in range(len(poses)):
        a, b = times[own[before[t]]], times[own[after[t]]]
        away = min(abs(times[t] - a), abs(times[t] - b)) if own[-1] < t or t < own[0] else b - a
        if away <= _GAP + 1e-9:
            out[t] = [np.interp(times[t], times[own], boxes[:, k]) for k in range(4)]
    return out


def save_sequence(sequence: PoseSequence, path: Path) -> None:
    """Writes a sequence as an npz file (no pickles inside)."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(sequence, name) for name in PoseSequence.__dataclass_fields__})


def _load(path: Path) -> PoseSequence | None:
    """What `save_sequence` wrote; None if it is not there or broken."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return PoseSequence(**{name: data[name] for name in PoseSequence.__dataclass_fields__})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
