"""A second look: people whom the network sees too small or too large are shown to it again, as it likes them.

MoveNet is at its best with people of about 140 of its pixels. Where those in view are smaller and stand together, the
part of the picture that holds them is shown to it enlarged, as far as the source has pixels and the budget allows.
Where one fills the picture, or nobody is found (which may be for that reason), the whole picture is shown smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anchorpose.poses.values import Pose
from anchorpose.sense.integrate import BEST_SIZE, box_sizes

IDEAL = 140.0
"""Size of a person, in pixels of the network, at which MoveNet does best (longer side of the box)."""

TOO_LARGE = 220.0
"""Size of a person, in pixels of the network, above which the picture is shown to it once more, smaller."""

FAR_SIDE = 128
"""Longest side of the picture then where nobody was found."""


@dataclass(frozen=True)
class ZoomSettings:
    """When to look again.

    Attributes:
        too_small: median size in network pixels above which it is not worth it.
        least_gain: a closer look enlarges by at least this factor.
        budget: area of the second input over that of a 256 x 256 one, at most.
        margin: around the people, as a share of their size.
        score: people below do not count in the plan.
    """

    too_small: float = 105.0
    least_gain: float = 1.3
    budget: float = 0.8
    margin: float = 0.35
    score: float = 0.2


@dataclass(frozen=True)
class Look:
    """A second pass: the part of the picture (x0, y0, x1, y1) [px], and its longest side at the network."""

    part: tuple[int, int, int, int]
    longest: int


def plan(
    poses: Sequence[Pose], width: int, height: int, pixel: float, settings: ZoomSettings | None = None
) -> Look | None:
    """Whether and where to look closer.

    Args:
        poses: of this picture, or of the frame before. width, height: of the picture [px].
        pixel: source pixels for one pixel of the input whose people are too small.
    """
    s = settings or ZoomSettings()
    counted = [p for p in poses if p.score >= s.score]
    if not counted or pixel <= 1:
        return None
    size = float(np.median(box_sizes(counted))) / pixel
    if size > s.too_small:
        return None
    boxes = np.stack([p.box for p in counted])
    low = np.clip(np.floor(boxes[:, :2].min(0) - s.margin * size * pixel), 0, None).astype(int)
    high = np.minimum(np.ceil(boxes[:, 2:].max(0) + s.margin * size * pixel).astype(int), (width, height))
    extent = high - low
    if (extent < 8).any():
        return None
    area = float(np.prod(extent / pixel))
    gain = min(IDEAL / max(size, 1.0), pixel, math.sqrt(s.budget * 256 * 256 / area))
    if gain < s.least_gain:
        return None
    part = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return Look(part, max(64, int(extent.max() / pixel * gain)))


def from_afar(poses: Sequence[Pose], side: int, scale: float) -> int | None:
    """The longest side [px of the network] of a picture that is to be looked at from farther away; None if it is not.

    Args:
        poses: what the smallest pass found. side: its longest side [px of the network].
        scale: network pixels for one of the source in it.
    """
    if not poses:
        return FAR_SIDE if side > FAR_SIDE else None
    size = float(box_sizes(poses).max()) * scale
    return round(side * BEST_SIZE / size) if size > TOO_LARGE else None


def moved(pose: Pose, x0: float, y0: float) -> Pose:
    """A pose found in a part of the picture, in pixels of the whole."""
    shift = np.array([x0, y0])
    joints = None if pose.joints2d is None else pose.joints2d + shift
    return replace(pose, box=pose.box + np.tile(shift, 2), joints2d=joints)


def inside(pose: Pose, look: Look, width: int, height: int, tolerance: float) -> bool:
    """Whether a person of the second look is whole in it, as far as it is in the picture."""
    x0, y0, x1, y1 = look.part
    left, top, right, bottom = pose.box
    return bool(
        (left > x0 + tolerance or x0 == 0)
        and (top > y0 + tolerance or y0 == 0)
        and (right < x1 - tolerance or x1 == width)
        and (bottom < y1 - tolerance or y1 == height)
    )
