"""Fit what only the truth can tell of a detector's errors over time: swaps, gaps, what stays wrong for a whole track.

Everything is counted frame by frame on tracks of our front end over rendered clips (`learn.clip_tracks`):

* a gap is a run of frames in which nobody is found though four joints of the person are in the picture; a swap is a run
  of frames in which left and right of legs or arms are exchanged. Of each, the share of frames and the mean duration of
  the two-state chain that the model draws from: frames within, over runs that were seen to end;
* errors, less what is common to all tracks, become the model's Gaussian vectors by the fitted quantiles of photos;
  their correlation at growing distance in time tells what stays.

A number for which fewer than `LEAST` events were seen is not taken: what was assumed before stands, and is said to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from anchorpose.learn.clip_tracks import ClipTrack, depth_and_size, without_definitions
from anchorpose.measure.noise import KIND_OF_JOINT, QUANTILES, DetectorNoise
from anchorpose.measure.sequence_noise import NoiseOverTime
from anchorpose.sense.lift import MIN_SCORE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST = 8
"""Events (swaps, gaps) from which their share and duration are fitted."""

_LONGEST_LAG = 90  # frames over which the correlation of errors is followed
_LONG_ENOUGH = 45  # frames, from which on a correlation tells what stays
_LEAST_PRODUCTS = 2000  # numbers behind a correlation
_MEMORIES = np.geomspace(0.03, 1.0, 40)  # s


@dataclass(frozen=True)
class Bursts:
    """Runs of frames: how many frames were watched and were within one, runs that began, runs that were seen to end."""

    frames: int
    within: int
    runs: int
    ended: int

    def __add__(self, other: Bursts) -> Bursts:
        return Bursts(*(a + b for a, b in zip(self.tuple, other.tuple, strict=True)))

    @property
    def tuple(self) -> tuple[int, int, int, int]:
        return self.frames, self.within, self.runs, self.ended

    @property
    def share(self) -> float:
        """Of the frames."""
        return self.within / max(self.frames, 1)

    def seconds(self, fps: float) -> float:
        """Mean duration; a run that the end of a track cuts counts with its frames, not as an end."""
        return self.within / max(self.ended, 1) / fps


def count_bursts(on: Sequence[Mask], watched: Sequence[Mask] | None = None) -> Bursts:
    """Runs of True in tracks; frames that were not watched are left out, and a run beside one was not seen to end."""
    total = Bursts(0, 0, 0, 0)
    for k, track in enumerate(on):
        ok = np.ones(len(track), bool) if watched is None else watched[k]
        within = track & ok
        begins = within & ~np.r_[False, within[:-1]]
        ends = within[:-1] & ok[1:] & ~track[1:]
        total += Bursts(int(ok.sum()), int(within.sum()), int(begins.sum()), int(ends.sum()))
    return total


def gaps(tracks: Sequence[ClipTrack]) -> Bursts:
    """Frames in which nobody is found, of those in which the person is in the picture."""
    return count_bursts([~t.found for t in tracks], [t.shown for t in tracks])


def swaps(tracks: Sequence[ClipTrack]) -> dict[str, Bursts]:
    """Of frames with a pose: both legs and arms exchanged, legs alone, arms alone."""
    legs, arms = ([t.swapped(part) for t in tracks] for part in ("legs", "arms"))
    seen = [t.found & ~t.replaced for t in tracks]
    kinds = {
        "both": [a & b for a, b in zip(legs, arms, strict=True)],
        "legs": [a & ~b for a, b in zip(legs, arms, strict=True)],
        "arms": [b & ~a for a, b in zip(legs, arms, strict=True)],
    }
    return {kind: count_bursts(on, seen) for kind, on in kinds.items()}


def normal_errors(errors: Array, scores: Array, noise: DetectorNoise) -> Array:
    """(T, J, 2) Gaussian vectors behind errors (T, J, 2) of joints of given scores (T, J): `error_track` backwards."""
    edges = noise.score_edges
    middles = np.concatenate([[edges[0] / 2], (edges[1:] + edges[:-1]) / 2, [(1 + edges[-1]) / 2]])
    magnitude = np.linalg.norm(errors, axis=-1)
    out = np.full(errors.shape, np.nan)
    for t, joint in np.argwhere(np.isfinite(magnitude)):
        where = np.interp(scores[t, joint], middles, np.arange(len(middles)))
        low = min(int(where), len(middles) - 2)
        table = noise.errors[KIND_OF_JOINT[joint]]
        quantiles = table[low] + (where - low) * (table[low + 1] - table[low])
        at = min(float(np.interp(magnitude[t, joint], quantiles, QUANTILES)), 0.999)
        length = np.sqrt(-2 * np.log(1 - at))
        out[t, joint] = errors[t, joint] / max(magnitude[t, joint], 1e-9) * length
    return out


def correlations(vectors: Sequence[Array], longest: int = _LONGEST_LAG) -> Array:
    """(K,) of vectors (T, J, 2) with gaps, at 0, 1, ... frames, over all tracks; NaN where too few numbers are."""
    out = []
    for lag in range(longest + 1):
        products, squares = [], []
        for v in vectors:
            if len(v) > lag:
                a, b = v[lag:], v[: len(v) - lag]
                both = np.isfinite(a) & np.isfinite(b)
                products.append((a * b)[both])
                squares.append(((a**2 + b**2) / 2)[both])
        power = float(np.concatenate(squares).sum()) if squares else 0.0
        enough = sum(p.size for p in products) >= _LEAST_PRODUCTS and power > 0
        out.append(float(np.concatenate(products).sum()) / power if enough else np.nan)
    return np.array(out)


def memory_of(correlation: Array, fps: float) -> tuple[float, float, float]:
    """Share that is new in each frame, share that stays, memory [s] of the rest, of a correlation (K,) over time: least
    squares, at all distances alike in the logarithm of time."""
    lags = np.arange(1, len(correlation))
    known = np.isfinite(correlation[1:])
    lags, wanted = lags[known], correlation[1:][known]
    weight = np.sqrt(1 / lags)
    best, least = (0.0, 0.0, 0.1), np.inf
    for seconds in _MEMORIES:
        design = np.stack([np.ones(len(lags)), np.exp(-((lags / (seconds * fps)) ** 2) / 2)], 1)
        (still, smooth), off = nnls(design * weight[:, None], wanted * weight)
        if off < least and still + smooth <= 1.02:
            best, least = (max(0.0, 1 - float(still + smooth)), float(still), float(seconds)), off
    return best


@dataclass(frozen=True)
class ClipFit:
    """What rendered clips tell: values of fields of `NoiseOverTime`, what is said of each, and what else was seen."""

    values: dict[str, Any]
    said: dict[str, str]
    seen: dict[str, float]


def fit_clips(tracks: Sequence[ClipTrack], noise: DetectorNoise, prior: NoiseOverTime) -> ClipFit:
    """All that needs the truth: swaps and what stays."""
    fps, exchanged = float(np.mean([t.fps for t in tracks])), swaps(tracks)
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    every = sum(exchanged.values(), Bursts(0, 0, 0, 0))
    words = ", ".join(f"{b.runs} of {kind} with {b.within} frames" for kind, b in exchanged.items())
    words = f"swaps in {exchanged['both'].frames} frames of {len(tracks)} clips: {words}"
    set_bursts(values, said, (None, "swap_seconds"), every, prior, fps, words)
    if every.runs >= LEAST:
        values["swap_rates"] = {kind: round(b.share, 5) for kind, b in exchanged.items()}
        said["swap_rates"] = f"fitted: {words}"
    else:
        said["swap_rates"] = f"assumed as on photos, too few events to fit: {words}"
    errors = without_definitions(tracks)
    vectors = [normal_errors(e, t.scores[:, :13], noise) for e, t in zip(errors, tracks, strict=True)]
    curve = correlations(vectors)
    fast, still, seconds = memory_of(curve, fps)
    told = sum(int(np.isfinite(v).any((1, 2)).sum()) for v in vectors)
    far = ", ".join(f"{curve[k]:.2f} after {k}" for k in (1, 4, 15, 60) if k < len(curve) and np.isfinite(curve[k]))
    words = f"correlation of the errors in {told} frames of {len(tracks)} clips: {far or 'none'} frames"
    if np.isfinite(curve[_LONG_ENOUGH:]).any():
        values["error_still"], said["error_still"] = round(still, 3), f"fitted: {words}"
    else:
        said["error_still"] = f"assumed, clips are too few or too short: {words}"
    seen = {"clips_error_fast": fast, "clips_error_seconds": seconds, **also_seen(tracks, noise)}
    return ClipFit(values, said, {name: round(value, 4) for name, value in seen.items()})


def set_bursts(
    values: dict[str, Any], said: dict[str, str], names: tuple[str | None, str], events: Bursts, prior: NoiseOverTime,
    fps: float, words: str,
) -> None:  # fmt: skip
    """Share and duration (fields of these names) of runs where there are enough of them, else what was assumed."""
    for name, value in zip(names, (round(events.share, 5), round(events.seconds(fps), 3)), strict=True):
        if name is None:
            continue
        if events.runs >= LEAST and events.ended > 0:
            values[name], said[name] = value, f"fitted: {words}"
        else:
            values[name] = getattr(prior, name)
            said[name] = f"assumed, too few events to fit (they would say {value:g}): {words}"


def also_seen(tracks: Sequence[ClipTrack], noise: DetectorNoise) -> dict[str, float]:
    """What the model has no field for, or takes from photos: replaced poses, lost joints, size of errors; depth and
    size of lifted people as deviations of logarithms, over tracks and within one."""
    found = [t.found & ~t.replaced for t in tracks]
    lost = [(t.scores[:, :12] < MIN_SCORE)[f] for t, f in zip(tracks, found, strict=True)]
    replaced = count_bursts([t.replaced for t in tracks], [t.found for t in tracks])
    errors = np.concatenate([np.linalg.norm(e, axis=-1)[:, :12] for e in without_definitions(tracks)])
    depth, size = zip(*(depth_and_size(t) for t in tracks), strict=True)
    alone = count_bursts([column for rows in lost for column in rows.T]) if lost else Bursts(0, 0, 0, 0)
    fps = float(np.mean([t.fps for t in tracks]))
    out = {
        "replaced": replaced.share, "replaced_seconds": replaced.seconds(fps), "replaced_runs": float(replaced.runs),
        "lost_joints": alone.share, "lost_joints_seconds": alone.seconds(fps),
        "median_error": float(np.nanmedian(errors)), "median_error_of_photos": float(np.median(noise.errors[:, -1, 5])),
    }  # fmt: skip
    for name, parts in (("depth", depth), ("size", size)):
        known = [p[np.isfinite(p)] for p in parts if np.isfinite(p).any()]
        if not known:  # no pose was lifted
            continue
        middles, rest = np.array([np.median(p) for p in known]), np.concatenate([p - np.median(p) for p in known])
        out[f"{name}_over_tracks"], out[f"{name}_within"] = float(middles.std()), float(rest.std())
    return out
