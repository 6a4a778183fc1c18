"""Any rate in, one rate inside: sequences of poses by their time stamps onto an even grid, and rotations back."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.errors import InputError
from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix
from anchorpose.poses.sequences import PoseSequence

Array = NDArray[np.float64]

RATE = 30.0
"""Frames per second at which motion models work."""

# Two sightings further apart than this many steps of the grid are not joined: what lies between was not seen.
JOINED = 2.0
MOST_FRAMES = 2_000_000

_HOLE = 1.9  # usual steps: what lies further apart is joined by the straight way
_TURN = 1.0  # rad in a step; what turns more has no smooth way that can be told


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
    """Rotations (T, ..., 3, 3) known at rising times `own` (T,) at other times (S,): cubic, held beyond the ends.

    Between two of them on the curve of rotation vectors from the first that leaves it and arrives at the second with
    the angular velocities there (Hermite), so that a finer rate shows no kinks; across holes, and where a joint turns
    by more than `_TURN` in a step, by slerp.
    """
    before, share = _between(own, times)
    after = np.minimum(before + 1, len(own) - 1)
    between = np.flatnonzero(share > 0)
    out: Array = np.array(rotations[before], np.float64)
    if not between.size:
        return out
    inner = rotations.shape[1:-2]
    flat = np.asarray(rotations, np.float64).reshape(len(own), -1, 3, 3)
    steps = matrix_to_rotvec(np.swapaxes(flat[:-1], -1, -2) @ flat[1:])  # (T - 1, K, 3) seen from the earlier
    small = np.linalg.norm(steps, axis=-1) < _TURN
    velocities = _slopes(steps, own, small)  # seen from the bone itself, as an axis is the same from both ends
    i, j, t = before[between], after[between], share[between][:, None, None]
    length = (own[j] - own[i])[:, None, None]
    step, leaving, arriving = steps[i], velocities[i] * length, velocities[j] * length
    arriving = arriving + np.cross(step, arriving) / 2  # as the curve of rotation vectors sees it (to second order)
    smooth = (_joined(own)[i][:, None] & small[i])[..., None]
    vector = np.where(smooth, _hermite(step, leaving, arriving, t), t * step)
    out[between] = (flat[i] @ rotvec_to_matrix(vector)).reshape(-1, *inner, 3, 3)
    return out


def values_at(values: Array, own: Array, times: ArrayLike) -> Array:
    """Values (T, ...) known at rising times `own` (T,) at other times (S,): cubic as `rotations_at`, across holes
    linear, held beyond the ends."""
    before, share = _between(own, times)
    after = np.minimum(before + 1, len(own) - 1)
    flat = np.asarray(values, np.float64).reshape(len(own), -1)
    if len(own) == 1:
        return np.array(values[before], np.float64)
    steps = np.diff(flat, axis=0)
    slopes = _slopes(steps, own, np.ones(len(steps), bool))
    i, j, t = before, after, share[:, None]
    length = (own[j] - own[i])[:, None]
    step = flat[j] - flat[i]
    moved = np.where(
        _joined(own)[np.minimum(i, len(own) - 2)][:, None],
        _hermite(step, slopes[i] * length, slopes[j] * length, t),
        t * step,
    )
    out: Array = (flat[i] + moved).reshape(len(before), *values.shape[1:])
    return out


def _joined(own: Array) -> NDArray[np.bool_]:
    """(T - 1,) whether two known times are neighbours, and not the two sides of a hole."""
    steps = np.diff(own)
    near: NDArray[np.bool_] = steps < _HOLE * np.median(steps)
    return near


def _slopes(steps: Array, own: Array, usable: NDArray[np.bool_]) -> Array:
    """(T, ..., 3 or so) rates of change at the known times, of the steps (T - 1, ...) to their neighbours that are
    `usable` (T - 1, ...): of the parabola through both, of the one that there is, or 0."""
    lengths = np.diff(own).reshape(-1, *[1] * (steps.ndim - 1))
    good = usable & _joined(own).reshape(-1, *[1] * (usable.ndim - 1))
    good = good.reshape(*good.shape, *[1] * (steps.ndim - good.ndim))
    weight = np.broadcast_to(good / lengths, steps.shape)  # the shorter step tells more
    total, out = np.zeros((len(own), *steps.shape[1:])), np.zeros((len(own), *steps.shape[1:]))
    for rows in (slice(None, -1), slice(1, None)):
        total[rows] += weight
        out[rows] += weight * steps / lengths
    return out / np.where(total > 0, total, 1)


def _hermite(step: Array, leaving: Array, arriving: Array, t: Array) -> Array:
    """The cubic from 0 to `step` with slopes `leaving` and `arriving` at the share t of the way."""
    square, cube = t * t, t * t * t
    return (3 * square - 2 * cube) * step + (cube - 2 * square + t) * leaving + (cube - square) * arriving


def _between(own: Array, times: ArrayLike) -> tuple[NDArray[np.int64], Array]:
    """The last known time not after each time, and the share of the way to the next."""
    times = np.clip(np.asarray(times, np.float64), own[0], own[-1])
    before = np.clip(np.searchsorted(own, times, side="right") - 1, 0, max(len(own) - 2, 0))
    if len(own) == 1:
        return before, np.zeros(len(times))
    return before, (times - own[before]) / (own[before + 1] - own[before])
