"""What a track of poses can be made of without a motion model: the baselines that a motion model has to beat.

All take joints (T, J, 3) [m] at rising times (T,) [s], NaN where the person was not seen, and know nothing of bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from anchorpose.measure.metrics import mpjpe, pa_mpjpe
from anchorpose.poses.errors import InputError
from anchorpose.poses.transforms import hip_centred

Array = NDArray[np.float64]


def fill_nearest(joints: Array, times: Array) -> Array:
    """Frames in which nothing was seen take the pose of the nearest in time (the earlier of two)."""
    seen = np.asarray(np.isfinite(joints).all((1, 2)))
    if not seen.any():
        return joints.copy()
    own = times[seen]
    after = np.clip(np.searchsorted(own, times), 0, len(own) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(times - own[before] <= own[after] - times, before, after)
    nearest = np.where(own[after] <= times, after, nearest)
    filled: Array = np.where(seen[:, None, None], joints, joints[seen][nearest])
    return filled


def savitzky_golay(joints: Array, window: int, order: int) -> Array:
    """Each coordinate as a polynomial over a window of frames (Savitzky and Golay 1964); without gaps, even times.

    Windows are odd; a track shorter than the window gets the largest odd one that it has room for.
    """
    if window % 2 == 0 or window <= order or order < 0:
        raise InputError(f"a window is odd and larger than the order, not {window} for order {order}")
    window = min(window, len(joints) - 1 + len(joints) % 2)
    if window <= order:
        return joints.copy()
    smooth: Array = savgol_filter(joints, window, order, axis=0, mode="interp")
    return smooth


def one_euro(joints: Array, times: Array, cutoff: float, beta: float, speed_cutoff: float = 1.0) -> Array:
    """The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): a low pass whose cutoff rises with the speed.

    Args:
        cutoff: lowest cutoff frequency [Hz]; beta: rise of it [Hz for 1 m/s]; speed_cutoff: of the speed itself [Hz].
    """
    out = joints.copy()
    speed = np.zeros_like(joints[0])
    for t in range(1, len(joints)):
        step = times[t] - times[t - 1]
        share = _share(np.full_like(speed, speed_cutoff), step)
        speed = speed + share * ((joints[t] - out[t - 1]) / step - speed)
        share = _share(cutoff + beta * np.abs(speed), step)
        out[t] = out[t - 1] + share * (joints[t] - out[t - 1])
    return out


def _share(cutoff: Array, step: float) -> Array:
    """Weight of the new value in an exponential average of a cutoff frequency [Hz]."""
    memory = 2 * np.pi * cutoff * step
    share: Array = memory / (memory + 1)
    return share


@dataclass(frozen=True)
class FilterSettings:
    """Of the two filters, as `tune` finds them."""

    window: int = 9
    order: int = 2
    cutoff: float = 1.0
    beta: float = 1.0


WINDOWS = (5, 7, 9, 11, 15, 19, 25, 31, 41, 51)
ORDERS = (1, 2, 3, 4)
CUTOFFS = (0.3, 0.6, 1.0, 1.5, 2.5, 4.0)
BETAS = (0.0, 0.3, 1.0, 2.0, 4.0)


def tune(tracks: list[tuple[Array, Array, Array]]) -> FilterSettings:
    """The settings that do best on tracks (joints with gaps, times, truth), gaps filled with the nearest pose.

    Best is the lowest sum of the three errors of the table (MPJPE, PA-MPJPE, acceleration), each as a share of what it
    is without a filter: what a motion model is asked for, too. Joints are BODY13; filters see them where they stand.
    """
    filled = [(fill_nearest(joints, times), times, truth) for joints, times, truth in tracks]
    plain = _errors([(joints, truth) for joints, _, truth in filled])

    def cost(smoothed: list[Array]) -> float:
        found = _errors([(s, truth) for s, (_, _, truth) in zip(smoothed, filled, strict=True)])
        return float((found / plain).sum())

    golay = {
        (w, o): cost([savitzky_golay(joints, w, o) for joints, _, _ in filled])
        for w in WINDOWS
        for o in ORDERS
        if w > o + 1
    }
    euro = {
        (c, b): cost([one_euro(joints, times, c, b) for joints, times, _ in filled]) for c in CUTOFFS for b in BETAS
    }
    window, order = min(golay, key=lambda k: golay[k])
    cutoff, beta = min(euro, key=lambda k: euro[k])
    return FilterSettings(window, order, cutoff, beta)


def _errors(pairs: list[tuple[Array, Array]]) -> Array:
    """(3,) mean MPJPE, PA-MPJPE and acceleration error over all tracks."""
    rooted = [(hip_centred(found)[:, :12], hip_centred(truth)[:, :12]) for found, truth in pairs]
    rows = [(mpjpe(f, t), pa_mpjpe(f, t), acceleration_error(f, t)) for f, t in rooted]
    return np.array([np.nanmean(np.concatenate(column)) for column in zip(*rows, strict=True)])


def acceleration_error(found: Array, truth: Array) -> Array:
    """(T - 2,) [mm per frame squared]: mean over the joints of the difference of the second differences in time.

    NaN where one of three frames in a row is missing.
    """
    bend: Array = 1000 * np.linalg.norm(np.diff(found - truth, 2, axis=0), axis=-1).mean(-1)
    return bend
