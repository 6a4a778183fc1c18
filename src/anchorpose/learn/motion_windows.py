"""Windows to train a motion model on, cut from tracks that our front end made of motion capture, or from the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from anchorpose.learn.motion_cache import MotionCache
from anchorpose.learn.motion_noise import Corruption, Windows, corrupt, shake
from anchorpose.poses.body_bones import BONE_MIRROR, body_points
from anchorpose.poses.errors import InputError
from anchorpose.poses.motion_view import INPUTS, MotionView, motion_view, places_of
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import mirror_joints, torso_centred

Array = NDArray[np.float64]

BATCH = (*INPUTS, "rotations", "measures", "true_places", "turn", "reference", "placed")
"""What a batch holds, in this order; see `learn.nets.posebert.PoseBertLoss`."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true of N windows: rotations (N, L, 38, 3, 3) in the camera's axes, measures (N, 9), the torso's centre
    (N, L, 3) [m]."""

    rotations: Array
    measures: Array
    centre: Array


def cut_windows(cache: MotionCache, tracks: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> Windows:
    """The front end's poses of windows that begin at frame `starts` (N,) of tracks (N,)."""
    rows = _rows(cache, tracks, starts, length)
    arrays = {name: getattr(cache, name)[rows].astype(np.float64) for name in ("joints", "translation", "modes")}
    scores, weights = (np.nan_to_num(getattr(cache, name)[rows].astype(np.float64)) for name in ("scores", "weights"))
    return Windows(**arrays, scores=scores, weights=weights, measures=cache.fitted[tracks].astype(np.float64))


def true_windows(cache: MotionCache, tracks: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> Truth:
    """The truth of the same windows."""
    rows = _rows(cache, tracks, starts, length)
    return Truth(cache.rotations(rows), cache.measures[tracks].astype(np.float64), cache.centre[rows].astype(float))


def _rows(cache: MotionCache, tracks: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    if (starts < 0).any() or (starts + length > cache.length[tracks]).any():
        raise InputError(f"a window of {length} frames goes beyond its track")
    rows: NDArray[np.int64] = (cache.start[tracks] + starts)[:, None] + np.arange(length)
    return rows


def put_truth(windows: Windows, truth: Truth, rows: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """In windows (N,) the true joints take the place of the front end's, with errors of all sizes: other front ends.

    Joints shake by 5 to 80 mm, depths by up to a fifth; there are no modes.
    """
    count = int(rows.sum())
    if not count:
        return
    joints = torso_centred(body_points(truth.rotations[rows], truth.measures[rows][:, None])[..., :13, :])
    n, length = joints.shape[:2]
    part = Windows(
        joints, np.ones((n, length, 13)), truth.centre[rows].copy(), np.full((n, length, windows.modes.shape[2], 13, 3),
        np.nan), np.zeros((n, length, windows.modes.shape[2])), truth.measures[rows] + rng.normal(0, 0.03, (n, 9)),
    )  # fmt: skip
    part.modes[:, :, 0] = joints
    shake(part, np.exp(rng.uniform(np.log(0.005), np.log(0.08), n)), rng)
    part.translation *= np.exp(rng.uniform(0, 0.1, (n, 1)) * rng.normal(0, 1, (n, length)))[..., None]
    part.only_joints(np.ones(n, bool))
    for field in fields(Windows):
        getattr(windows, field.name)[rows] = getattr(part, field.name)


def mirror(windows: Windows, truth: Truth, rows: NDArray[np.bool_]) -> None:
    """Windows (N,) become their mirror images, left and right exchanged."""
    sign = np.array([-1.0, 1.0, 1.0])
    windows.joints[rows] = mirror_joints(windows.joints[rows], BODY13.mirror)
    windows.modes[rows] = mirror_joints(windows.modes[rows], BODY13.mirror)
    windows.scores[rows] = windows.scores[rows][..., BODY13.mirror]
    windows.translation[rows] *= sign
    truth.centre[rows] *= sign
    truth.rotations[rows] = truth.rotations[rows][:, :, BONE_MIRROR] * sign[:, None] * sign


def to_batch(windows: Windows, truth: Truth) -> tuple[dict[str, np.ndarray], MotionView]:
    """A batch by the names of BATCH, float32, and the view behind it."""
    w = windows
    view = motion_view(w.joints, w.scores, w.translation, w.modes, w.weights, w.measures)
    rotations = view.turn[:, None, None] @ truth.rotations
    extra = {
        "rotations": rotations, "measures": truth.measures, "true_places": places_of(truth.centre, view.reference),
        "turn": view.turn, "reference": view.reference, "placed": view.placed,
    }  # fmt: skip
    return view.inputs | {name: value.astype(np.float32) for name, value in extra.items()}, view


class MotionWindows(IterableDataset[tuple[Tensor, ...]]):
    """Endless batches, in the order of BATCH. Each worker draws its own; `seed` is (seed, steps done before).

    Args:
        size: windows in a batch of the longest; shorter windows come in larger batches.
        window: longest; half of the batches are of half, a quarter, ... of it, down to 16.
        truth: share of windows made from the truth instead of the front end (other front ends).
    """

    def __init__(
        self, cache: MotionCache, size: int, window: int, seed: tuple[int, ...],
        corruption: Corruption | None = None, truth: float = 0.3,
    ) -> None:  # fmt: skip
        self.cache, self.size, self.window, self.seed, self.truth = cache, size, window, seed, truth
        self.corruption = corruption or Corruption()
        self.lengths = [window]
        while self.lengths[-1] >= 32:
            self.lengths.append(self.lengths[-1] // 2)
        if not (cache.length >= self.lengths[-1]).any():
            raise InputError(f"no track has {self.lengths[-1]} frames")

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        info = get_worker_info()
        rng = np.random.default_rng([*self.seed, info.id if info else 0])
        while True:
            batch = self.batch(rng)
            yield tuple(torch.from_numpy(np.ascontiguousarray(batch[name])) for name in BATCH)

    def batch(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One batch."""
        shorter = self.lengths[1:]
        length = self.lengths[0] if not shorter or rng.random() < 0.5 else int(rng.choice(shorter))
        if not (self.cache.length >= length).any():
            length = self.lengths[-1]
        n = self.size * max(1, self.window // length)
        room = np.maximum(self.cache.length - length + 1, 0)
        at = rng.integers(0, room.sum(), n)
        tracks = np.searchsorted(np.cumsum(room), at, side="right")
        starts = at - (np.cumsum(room) - room)[tracks]
        windows = cut_windows(self.cache, tracks, starts, length)
        truth = true_windows(self.cache, tracks, starts, length)
        put_truth(windows, truth, rng.random(n) < self.truth, rng)
        mirror(windows, truth, rng.random(n) < 0.5)
        corrupt(windows, self.corruption, rng)
        return to_batch(windows, truth)[0]


def batches(windows: MotionWindows, workers: int) -> Iterator[tuple[Tensor, ...]]:
    """The batches, made in `workers` processes ahead of the network (0: in this one). An error there is raised here."""
    return iter(DataLoader(windows, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None))
