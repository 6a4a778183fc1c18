"""What is known of the tracks, as arrays: where people will be, and what a new sight of them changes. Pure functions.

Bodies move at a velocity that decays: over a gap g they travel velocity * memory * (1 - exp(-g / memory)), so that
someone who was walking before he was hidden is looked for further on, but not out of this world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anchorpose.sense.track_seen import Rows, Seen
from anchorpose.sense.track_settings import TrackSettings

_TRUST_MEMORY = 0.5
_DEPTH_GAIN = 0.15
_SIZE_GAIN = 0.06
_BONES_MOST = 60.0  # sights over which proportions are averaged
_SHORTEST = 1e-3


@dataclass(frozen=True, eq=False)
class Tracks(Rows):
    """N tracks as they were when last seen.

    Attributes:
        key: (N,) number of each track; id: (N,) 0 as long as it has none.
        born, seen: (N,) [s] when first and last seen; hits: (N,) how often.
        points, trust: (N, 15, 2) [px] and (N, 15), as in `Seen`.
        velocity: (N, 2) [px/s] of the body.
        size: (N,) [px]. depth: (N,) log [m]. weights, poses, known: as in `Seen`, of the last sight with 3D.
        bones: (N, 7) mean over the sights, bone_hits: (N,) their number.
    """

    key: np.ndarray
    id: np.ndarray
    born: np.ndarray
    seen: np.ndarray
    hits: np.ndarray
    points: np.ndarray
    trust: np.ndarray
    velocity: np.ndarray
    size: np.ndarray
    depth: np.ndarray
    weights: np.ndarray
    poses: np.ndarray
    known: np.ndarray
    bones: np.ndarray
    bone_hits: np.ndarray

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, eq=False)
class Predicted(Rows):
    """Tracks at a later time: `gap` (N,) [s] since seen, `points` (N, 15, 2) and `size` (N,) [px]."""

    gap: np.ndarray
    points: np.ndarray
    size: np.ndarray


def begin(seen: Seen, keys: np.ndarray, time: float) -> Tracks:
    """New tracks of all people in `seen`, at rest, without ids."""
    n = len(seen)
    return Tracks(
        key=keys, id=np.zeros(n, int), born=np.full(n, time), seen=np.full(n, time), hits=np.ones(n, int),
        points=seen.points, trust=seen.trust, velocity=np.zeros((n, 2)),
        size=seen.size, depth=seen.depth, weights=seen.weights, poses=seen.poses, known=seen.known,
        bones=seen.bones, bone_hits=np.isfinite(seen.bones).all(1).astype(float),
    )  # fmt: skip


def join(first: Tracks, second: Tracks) -> Tracks:
    """Both, one after the other."""
    if not len(second):
        return first
    if not len(first):
        return second
    both = (np.concatenate([getattr(first, n), getattr(second, n)]) for n in first.__dataclass_fields__)
    return Tracks(*both)


def travel(gap: np.ndarray, memory: float) -> np.ndarray:
    """Seconds' worth of velocity left after `gap` seconds of decay."""
    if np.isinf(memory):
        return gap
    return memory * -np.expm1(-gap / memory)


def predict(tracks: Tracks, time: float, s: TrackSettings) -> Predicted:
    """Where the people of the tracks should be at `time`."""
    gap = np.maximum(time - tracks.seen, 0.0)
    points = tracks.points + (tracks.velocity * travel(gap, s.body_memory)[:, None])[:, None]
    return Predicted(gap, points, tracks.size)


def correct(tracks: Tracks, at: Predicted, seen: Seen, time: float, s: TrackSettings) -> Tracks:
    """Tracks after the sight of them: row i of `tracks` and `at` is row i of `seen`.

    Points are taken as they are found: smoothing them made predictions worse on motion capture, and so did a velocity
    of the size. A point that is not found now goes along with the body.
    """
    gap = np.maximum(at.gap, _SHORTEST)
    both = np.minimum(tracks.trust, seen.trust)
    shift = _common_shift(seen.points - at.points, both, at.size)
    velocity = tracks.velocity + (_share(gap, s.body_gain) / travel(gap, s.body_memory))[:, None] * shift
    found = (seen.trust > 0)[..., None]
    carried = np.where((tracks.trust > 0)[..., None], at.points + shift[:, None], 0.0)
    return replace(
        tracks, seen=np.full(len(tracks), time), hits=tracks.hits + 1, velocity=velocity,
        points=np.where(found, seen.points, carried),
        trust=np.where(seen.trust > 0, seen.trust, tracks.trust * np.exp(-gap / _TRUST_MEMORY)[:, None]),
        size=at.size * (seen.size / at.size) ** _share(gap, _SIZE_GAIN), **_body_facts(tracks, gap, seen),
    )  # fmt: skip


def _share(gap: np.ndarray, memory: float) -> np.ndarray:
    """How much of a correction is taken at once, so that frame rates do not matter."""
    return -np.expm1(-gap / memory)


def _common_shift(off: np.ndarray, trust: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(N, 2) what the whole body moved more than predicted: a mean over the points in which a lost wrist counts little.

    Args:
        off: (N, 15, 2) found - predicted; trust: (N, 15); size: (N,) [px].
    """
    weight = trust + 1e-9
    shift = (off * weight[..., None]).sum(1) / weight.sum(1)[:, None]
    away = np.sqrt(((off - shift[:, None]) ** 2).sum(-1))
    weight = trust / np.maximum(away / (0.05 * size)[:, None], 1.0) + 1e-12
    shift = (off * weight[..., None]).sum(1) / weight.sum(1)[:, None]
    known = trust.max(1) > 0
    return np.where(known[:, None], shift, 0.0)


def _body_facts(tracks: Tracks, gap: np.ndarray, seen: Seen) -> dict[str, np.ndarray]:
    """Depth, modes and proportions after a sight; what it does not tell stays."""
    depth = tracks.depth + _share(gap, _DEPTH_GAIN) * (seen.depth - tracks.depth)
    depth = np.where(np.isfinite(depth), depth, np.where(np.isfinite(seen.depth), seen.depth, tracks.depth))
    solid = seen.weights.sum(1) > 0
    boned = np.isfinite(seen.bones).all(1)
    count = np.minimum(tracks.bone_hits + boned, _BONES_MOST)
    share = np.where(boned, 1 / np.maximum(count, 1.0), 0.0)[:, None]
    old = np.where(np.isfinite(tracks.bones), tracks.bones, seen.bones)
    bones = np.where(boned[:, None], old + share * (seen.bones - old), tracks.bones)
    return {
        "depth": depth,
        "weights": np.where(solid[:, None], seen.weights, tracks.weights),
        "poses": np.where(solid[:, None, None], seen.poses, tracks.poses),
        "known": np.where(solid[:, None, None], seen.known, tracks.known),
        "bones": bones,
        "bone_hits": count,
    }
