"""Soft masks of the people in mosaics: first from the pose, then sharpened by the colours on and off the body."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.mosaic.limbs import Chart, segment_distances, torso_mask

_BINS = 8  # of each colour channel
_EDGE = 0.94  # where the mask ends, as a share of the limbs' half widths: rather too little than a rim of surroundings
_LOOSE = 0.22  # how gradually the pose's own mask ends, as a share of a limb's half width
_TRUST = 2.2  # most that colours add to the logarithm of the odds of body against surroundings


def relative_distance(chart: Chart, width: int, height: int) -> np.ndarray:
    """(H, W) float32: distance to the nearest limb over that limb's half width; below 1 on the body."""
    distance, along = segment_distances(chart.start, chart.end, width, height)
    first = chart.radius[:, 0, None, None].astype(np.float32)
    change = np.diff(chart.radius).astype(np.float32)[..., None]
    distance /= np.maximum(first + along * change, 1.0)
    nearest: np.ndarray = distance.min(0)
    return np.where(torso_mask(chart, width, height), np.minimum(nearest, 0.3), nearest)


def body_mask(chart: Chart, width: int, height: int) -> np.ndarray:
    """(H, W) float32 in 0..1: the body by its pose alone."""
    return _opacity((_EDGE - relative_distance(chart, width, height)) / _LOOSE)


def refined_mask(image: np.ndarray, chart: Chart, winners: np.ndarray) -> np.ndarray:
    """(H, W) float32 in 0..1: the body by its pose and by its colours.

    What lies well inside and well outside of the limbs tells, for each photo of the mosaic by itself, which colours
    are the body's; between the two they decide.

    Args:
        image: (H, W, 3) uint8. winners: (H, W), the photo that each pixel is of.
    """
    height, width = winners.shape
    relative = relative_distance(chart, width, height)
    odds = (_EDGE - relative) / _LOOSE
    codes = (image // (256 // _BINS)).astype(np.int32) @ np.array([_BINS * _BINS, _BINS, 1], np.int32)
    colour = np.zeros((height, width), np.float32)
    for j in np.unique(winners[relative < 1.5]):
        own = (winners == j) & (relative < 4)
        inside, outside = (_histogram(codes[own & part]) for part in (relative < 0.6, relative > 1.5))
        if inside is not None and outside is not None:
            colour[own] = np.clip(np.log(inside / outside), -_TRUST, _TRUST)[codes[own]]
    # Colours count most where the pose leaves it open, and little far from the body or in its middle.
    doubt = np.exp(-(((relative - 1.0) / 0.5) ** 2))
    return _opacity(_box_mean(odds + doubt * _box_mean(colour, 2), 1))


def _histogram(codes: np.ndarray) -> np.ndarray | None:
    """Smoothed shares of the colours; None if there are too few pixels to tell."""
    if len(codes) < 12:
        return None
    cube: np.ndarray = np.bincount(codes, minlength=_BINS**3).astype(np.float32).reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        padded = np.concatenate([cube.take([0], axis), cube, cube.take([-1], axis)], axis)
        here = [slice(None)] * 3
        shifted = []
        for start in range(3):
            here[axis] = slice(start, start + _BINS)
            shifted.append(padded[tuple(here)])
        cube = 0.25 * shifted[0] + 0.5 * shifted[1] + 0.25 * shifted[2]
    shares: np.ndarray = (cube.ravel() + 0.02) / (cube.sum() + 0.02 * _BINS**3)
    return shares


def _box_mean(values: np.ndarray, half: int) -> np.ndarray:
    """Means over squares of 2 half + 1 pixels a side, borders repeated."""
    side = 2 * half + 1
    for axis in (0, 1):
        padded = np.pad(values, [(half + 1, half) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        total = np.cumsum(padded, axis, dtype=np.float64)
        ahead = total.take(range(side, total.shape[axis]), axis)
        values = ((ahead - total.take(range(total.shape[axis] - side), axis)) / side).astype(np.float32)
    return values


def _opacity(odds: np.ndarray) -> np.ndarray:
    """Steeper than a probability: matte edges are a pixel or three wide, not a haze."""
    return np.clip(0.5 + 0.45 * odds, 0, 1).astype(np.float32)
