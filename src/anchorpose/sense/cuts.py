"""Scene cuts, cheaply: how far a frame's thumbnail is like the one before, whatever the brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.poses.errors import InputError

THUMBNAIL = (18, 32)
"""Rows and columns."""
_FLAT = 6.0  # a picture that varies by less (of 255) says nothing: black, or a flash


@dataclass(frozen=True)
class CutSettings:
    """When a change is a cut.

    Attributes:
        least: change from which on it may be one: 0 for the same picture, about 1 for unrelated ones, at most 2.
        over_usual: how many times the usual change of this video it must be, so that shaking and panning are none.
        memory: frames over which the usual change is averaged.
    """

    least: float = 0.35
    over_usual: float = 2.0
    memory: int = 12


def thumbnail(image: np.ndarray) -> np.ndarray:
    """(18, 32, 3) float32 means of about every fourth pixel of (H, W, 3) uint8; tiny pictures keep their size."""
    height, width = image.shape[:2]
    rows, columns = min(THUMBNAIL[0], height), min(THUMBNAIL[1], width)
    # Up to 6 x 6 pixels of each cell: enough for a mean, and the same time whatever the picture's size.
    per = min(6, height // rows), min(6, width // columns)
    at_row = ((np.arange(rows * per[0]) + 0.5) * height / (rows * per[0])).astype(int)
    at_column = ((np.arange(columns * per[1]) + 0.5) * width / (columns * per[1])).astype(int)
    picked = image[at_row[:, None], at_column].astype(np.float32)
    return picked.reshape(rows, per[0], columns, per[1], 3).mean((1, 3))


def change(before: np.ndarray, after: np.ndarray) -> float:
    """1 - correlation of two thumbnails: 0 for the same picture, darker or brighter; about 1 for unrelated ones.

    NaN where either is flat. Thumbnails of different sizes are unrelated.
    """
    if before.shape != after.shape:
        return 1.0
    a, b = (x - x.mean((0, 1)) for x in (before, after))
    if a.std() < _FLAT or b.std() < _FLAT:
        return float("nan")
    return float(1 - (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def least_change(before: np.ndarray, after: np.ndarray) -> float:
    """The least `change` when one thumbnail is shifted against the other by up to a sixth of the picture: a camera that
    pans. On photos it is at most .2 for a pan of an eighth of the picture, and .5 to 1.3 for unrelated ones."""
    if before.shape != after.shape:
        return 1.0
    height, width = before.shape[:2]
    changes = [
        change(
            before[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)],
            after[max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)],
        )
        for y in range(-(height // 6), height // 6 + 1)
        for x in range(-(width // 6), width // 6 + 1)
    ]
    return min((c for c in changes if not np.isnan(c)), default=float("nan"))


class CutDetector:
    """Frames in, cuts out; one instance for one video."""

    def __init__(self, settings: CutSettings | None = None) -> None:
        self.settings = settings or CutSettings()
        self.reset()

    def reset(self) -> None:
        """Begin with a new video."""
        self._before: np.ndarray | None = None
        self._usual = 0.0

    def is_cut(self, image: np.ndarray) -> bool:
        """Whether a new scene begins with this (H, W, 3) uint8 picture. A flat picture (black, a flash) is passed over:
        what follows is compared with what was before."""
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(f"an image is (H, W, 3), not {image.shape}")
        now = thumbnail(image)
        before = self._before
        if before is None:
            self._before = now
            return False
        amount = change(before, now)
        if amount > self.settings.least:
            amount = least_change(before, now)
        if np.isnan(amount):
            if before.shape != now.shape or (before - before.mean((0, 1))).std() < _FLAT:
                self._before = now
            return False
        self._before = now
        cut = amount > self.settings.least and amount > self.settings.over_usual * self._usual
        self._usual += 0.0 if cut else (amount - self._usual) / self.settings.memory
        return bool(cut)
