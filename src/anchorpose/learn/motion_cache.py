"""Motion capture as our own front end sees it: tracks before virtual cameras, detected with noise, lifted, kept.

Made once for a training run; windows of any length are cut from it. Track i is a function of (seed, i, corpus).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from anchorpose.files.motions import MotionCorpus
from anchorpose.files.paths import input_file, replacing
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.sequence_noise import NoiseOverTime
from anchorpose.measure.sequence_views import ViewedMotion, detect_and_lift, sound_parts, view_part
from anchorpose.measure.virtual import TRAIN, ViewRange
from anchorpose.poses.body_bones import BONE_INDEX, fit_measures
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.sixd import matrix_to_sixd, sixd_to_matrix
from anchorpose.poses.transforms import torso_centre
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session

Array = NDArray[np.float64]

LONGEST, SHORTEST = 300, 16
"""Frames of a track; longer clips give several, shorter ones none."""

_FORMAT = "anchorpose-tracks/1"
_FRAMES = ("joints", "modes", "weights", "scores", "translation", "centre", "turn", "row")
_TRACKS = ("start", "length", "measures", "fitted", "fps")


@dataclass(frozen=True, eq=False)
class MotionCache:
    """F frames of K tracks, one after the other.

    Attributes:
        joints (F, 13, 3), modes (F, M, 13, 3), weights (F, M), scores (F, 13) float16, translation (F, 3) float32:
            what the front end says; NaN where the person was not found.
        centre: (F, 3) float32 [m] the true torso centre; turn: (F, 3, 3) float32 from the world to the camera.
        row: (F,) of `world`. world: (N, 38, 6) float16, the true rotations of BODY_BONES in the world.
        start, length: (K,) of the tracks. measures, fitted: (K, 9) the true ones, those fitted to what was found.
        fps: (K,).
    """

    joints: NDArray[np.float16]
    modes: NDArray[np.float16]
    weights: NDArray[np.float16]
    scores: NDArray[np.float16]
    translation: NDArray[np.float32]
    centre: NDArray[np.float32]
    turn: NDArray[np.float32]
    row: NDArray[np.int32]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    measures: NDArray[np.float32]
    fitted: NDArray[np.float32]
    fps: NDArray[np.float32]
    world: NDArray[np.float16]

    def __len__(self) -> int:
        """The number of tracks."""
        return len(self.start)

    def rotations(self, frames: NDArray[np.int64]) -> Array:
        """(..., 38, 3, 3) true rotations of BODY_BONES in the camera's axes, of frames by number (...)."""
        world = sixd_to_matrix(self.world[self.row[frames]])
        turned: Array = self.turn[frames].astype(np.float64)[..., None, :, :] @ world
        return turned

    def sequence(self, track: int) -> PoseSequence:
        """One track as the front end gives it."""
        rows = slice(int(self.start[track]), int(self.start[track] + self.length[track]))
        times = np.arange(self.length[track]) / self.fps[track]
        names = ("joints", "scores", "translation", "modes", "weights")
        joints, scores, place, modes, weights = (getattr(self, name)[rows].astype(np.float64) for name in names)
        return PoseSequence(times, joints, np.nan_to_num(scores), place, modes, np.nan_to_num(weights))

    def save(self, path: str | Path) -> None:
        """Writes an npz file (no pickles inside) under a temporary name and moves it into place."""
        meta = np.frombuffer(json.dumps({"format": _FORMAT}).encode(), np.uint8)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, meta=meta, **{name: getattr(self, name) for name in (*_FRAMES, *_TRACKS, "world")})

    @classmethod
    def load(cls, path: str | Path) -> MotionCache:
        """Reads what `save` wrote; `FileError` or `FormatError` if there is nothing like it."""
        path = input_file(path, "tracks to train on")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                if json.loads(data["meta"].tobytes())["format"] != _FORMAT:
                    raise FormatError(f"{path}: not {_FORMAT}")
                return cls(**{name: data[name] for name in (*_FRAMES, *_TRACKS, "world")})
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise FormatError(f"{path}: no tracks to train on ({error})") from error


@dataclass
class TrackMaker(Dataset[tuple[ViewedMotion, PoseSequence]]):
    """Track i: parts[i] of the corpus before a camera, detected and lifted; the lift is opened where it is used."""

    corpus: MotionCorpus
    parts: list[NDArray[np.int64]]
    lift: str
    seed: int
    ranges: ViewRange
    scale: tuple[float, float]
    perfect: float
    lifter: Lifter | None = None

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> tuple[ViewedMotion, PoseSequence]:
        if self.lifter is None:
            self.lifter = Lifter(load_session(self.lift, 1))
        rng = np.random.default_rng([self.seed, index])
        motion = view_part(self.corpus, self.parts[index], self.ranges, rng)
        noise = None if rng.random() < self.perfect else DetectorNoise.load()
        scale = float(rng.uniform(*self.scale))
        (found,) = detect_and_lift([motion], self.lifter, noise, NoiseOverTime.load(), rng, scale)
        return motion, found


def make_cache(
    corpus: MotionCorpus, lift: str, views: int, seed: int, *, ranges: ViewRange = TRAIN,
    scale: tuple[float, float] = (0.3, 1.2), perfect: float = 0.04, workers: int = 0, progress: bool = True,
) -> MotionCache:  # fmt: skip
    """See each clip of `corpus` from `views` cameras, detect with noise and lift.

    Args:
        lift: name or .onnx file of the lift.
        scale: (low, high) factor of the detector's errors, one for each track; perfect: share of tracks without any.
        workers: processes; 0: this one.
    """
    from tqdm import tqdm

    parts = [part for part in sound_parts(corpus, LONGEST, SHORTEST) for _ in range(views)]
    if not parts:
        raise InputError("no clip of the corpus is long enough to train on")
    maker = TrackMaker(corpus, parts, lift, seed, ranges, scale, perfect)
    tracks = DataLoader(maker, batch_size=None, num_workers=workers, collate_fn=_as_it_is)
    bar = tqdm(tracks, total=len(parts), unit="track", desc="tracks", disable=None if progress else True)
    return _pack(corpus, parts, iter(bar))


def _as_it_is(track: Any) -> Any:
    return track


def _pack(
    corpus: MotionCorpus, parts: list[NDArray[np.int64]], tracks: Iterator[tuple[ViewedMotion, PoseSequence]]
) -> MotionCache:
    length = np.array([len(p) for p in parts])
    total = int(length.sum())
    start = np.cumsum(length) - length
    frames: dict[str, np.ndarray] = {}
    measures, fitted, fps = [], [], []
    for begin, (motion, found) in zip(start, tracks, strict=True):
        rows = slice(begin, begin + len(found))
        values = {
            "joints": found.joints3d, "modes": found.modes, "weights": found.weights, "scores": found.scores,
            "translation": found.translation, "centre": torso_centre(motion.joints), "turn": motion.turn,
        }  # fmt: skip
        for name, value in values.items():
            kind = np.float32 if name in ("translation", "centre", "turn") else np.float16
            frames.setdefault(name, np.empty((total, *value.shape[1:]), kind))[rows] = value
        measures.append(motion.measures)
        fitted.append(fit_measures(found.joints3d))
        fps.append(motion.fps)
    world = np.concatenate(
        [matrix_to_sixd(corpus.joints(c)[1][:, BONE_INDEX]) for c in np.array_split(np.arange(len(corpus)), 64)]
    )
    return MotionCache(
        **frames, row=np.concatenate(parts).astype(np.int32), start=start, length=length,
        measures=np.array(measures, np.float32), fitted=np.array(fitted, np.float32), fps=np.array(fps, np.float32),
        world=world.astype(np.float16),
    )  # fmt: skip
