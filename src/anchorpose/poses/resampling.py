"""Any rate in, one rate inside: sequences of poses by their time stamps onto an even grid, and rotations back."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.errors import InputError
from anchorpose.poses.rotations import slerp
from anchorpose.poses.sequences import PoseSequence

Array = NDArray[np.float64]

RATE = 30.0
"""Frames per second at which motion models work."""

# Two sightings further apart than this many steps of the grid are not joined: what lies between was not seen.
JOINED = 2.0
MOST_FRAMES = 2_000_000


def even_times(start: float, end: float, rate: float = RATE) -> Array:
    """Times [s] from `start`, 1 / rate apart, up to the first that is not before `end`."""
    count = int(np.ceil((end - start) * rate - 1e-6)) + 1
    if count > MOST_FRAMES:
        raise InputError(f"{end - start:g} s at {rate:g} per second are more than {MOST_FRAMES} frames; are these s?")
    return start + np.arange(count) / rate


def resample(sequence: PoseSequence, times: ArrayLike, rate: float = RATE) -> PoseSequence:
    """A sequence at other, evenly spaced times.

    Between two sightings at most two steps of the grid apart, joints and translations are interpolated; elsewhere the
    sighting within half a step is taken as it is, and times without one are gaps. Modes and their weights are those of
    the nearer sighting, since modes of different moments have no common order.
    """
    times = np.asarray(times, np.float64)
    out = PoseSequence.empty(times)
    at = np.flatnonzero(sequence.seen)
    if not at.size:
        return out
    own = sequence.times[at]
    after = np.clip(np.searchsorted(own, times - 1e-9), 0, len(own) - 1)
    before = np.where(np.abs(own[after] - times) < 1e-9, after, np.maximum(after - 1, 0))
    gap = own[after] - own[before]
    between = (times >= own[before] - 1e-9) & (times <= own[after] + 1e-9) & (gap <= JOINED / rate + 1e-9)
    nearest = np.where(np.abs(own[before] - times) <= np.abs(own[after] - times), before, after)
    near = np.abs(own[nearest] - times) <= 0.5 / rate + 1e-9
    share = np.where(between & (gap > 0), (times - own[before]) / np.maximum(gap, 1e-12), 0.0)
    a, b = (np.where(between, k, nearest) for k in (before, after))
    rows = np.flatnonzero(between | near)
    for name in ("joints3d", "translation", "scores"):
        values = getattr(sequence, name)[at]
        low, high = values[a[rows]], values[b[rows]]
        t = share[rows].reshape(-1, *[1] * (values.ndim - 1))
        mixed = np.where(t == 0, low, low + t * (high - low))
        # A joint that only one of the two has is taken from that one, if it is the nearer.
        getattr(out, name)[rows] = np.where(np.isfinite(mixed), mixed, values[nearest[rows]])
    out.scores[~np.isfinite(out.joints3d).all(-1)] = 0.0
    out.modes[rows], out.weights[rows] = sequence.modes[at][nearest[rows]], sequence.weights[at][nearest[rows]]
    return out


def rotations_at(rotations: Array, own: Array, times: ArrayLike) -> Array:
    """Rotations (T, ..., 3, 3) known at rising times `own` (T,) at other times (S,): slerp, held beyond the ends."""
    before, share = _between(own, times)
    share = share.reshape(-1, *[1] * (rotations.ndim - 3))
    after = np.minimum(before + 1, len(own) - 1)
    return slerp(rotations[before], rotations[after], np.broadcast_to(share, rotations[before].shape[:-2]))


def values_at(values: Array, own: Array, times: ArrayLike) -> Array:
    """Values (T, ...) known at rising times `own` (T,) at other times (S,): linear, held beyond the ends."""
    before, share = _between(own, times)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    after = np.minimum(before + 1, len(own) - 1)
    out: Array = values[before] * (1 - share) + values[after] * share
    return out


def _between(own: Array, times: ArrayLike) -> tuple[NDArray[np.int64], Array]:
    """The last known time not after each time, and the share of the way to the next."""
    times = np.clip(np.asarray(times, np.float64), own[0], own[-1])
    before = np.clip(np.searchsorted(own, times, side="right") - 1, 0, max(len(own) - 2, 0))
    if len(own) == 1:
        return before, np.zeros(len(times))
    return before, (times - own[before]) / (own[before + 1] - own[before])
