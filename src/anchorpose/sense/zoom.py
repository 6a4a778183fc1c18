"""A second look: where the first pass shows people much larger or smaller than the network likes, look again at them.

MoveNet is at its best with people of about 140 of its pixels. A close-up is looked at again at a smaller size, which
costs a fraction of the first pass; small people who stand together are cut out and looked at larger, as far as the
source has pixels and the budget allows. Each person is then taken from the pass in which its size was nearest to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anchorpose.poses.values import Pose

IDEAL = 140.0
"""Size of a person, in pixels of the network, at which MoveNet does best (longer side of the box)."""


@dataclass(frozen=True)
class ZoomSettings:
    """When to look again.

    Attributes:
        too_large, too_small: sizes in network pixels beyond which it is worth it.
        least_gain: a closer look enlarges by at least this factor.
        budget: area of the second input over that of a 256 x 256 one, at most.
        margin: around the people of a closer look, as a share of their size.
        score: people below do not count in the plan.
    """

    too_large: float = 200.0
    too_small: float = 105.0
    least_gain: float = 1.3
    budget: float = 0.6
    margin: float = 0.35
    score: float = 0.2


@dataclass(frozen=True)
class Look:
    """A second pass: the part of the picture (x0, y0, x1, y1) [px], and its longest side at the network."""

    part: tuple[int, int, int, int]
    longest: int


def sizes(poses: Sequence[Pose]) -> np.ndarray:
    """(N,) longer sides of the boxes [px of the source]."""
    if not poses:
        return np.zeros(0)
    boxes = np.stack([p.box for p in poses])
    return np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def plan(
    poses: Sequence[Pose], width: int, height: int, pixel: float, settings: ZoomSettings | None = None
) -> Look | None:
    """Whether and how to look again.

    Args:
        poses: of the first pass. width, height: of the picture [px].
        pixel: source pixels for one pixel of the first pass's input.
    """
    s = settings or ZoomSettings()
    counted = [p for p in poses if p.score >= s.score]
    if not counted:
        return None
    seen = sizes(counted) / pixel
    if seen.max() > s.too_large:
        longest = max(64, round(max(width, height) / pixel * IDEAL / seen.max()))
        return Look((0, 0, width, height), longest)
    if np.median(seen) > s.too_small:
        return None
    return _closer(counted, seen, width, height, pixel, s)


def _closer(
    poses: Sequence[Pose], seen: np.ndarray, width: int, height: int, pixel: float, s: ZoomSettings
) -> Look | None:
    boxes = np.stack([p.box for p in poses])
    margin = s.margin * np.median(seen) * pixel
    low = np.clip(np.floor(boxes[:, :2].min(0) - margin), 0, None).astype(int)
    high = np.minimum(np.ceil(boxes[:, 2:].max(0) + margin).astype(int), (width, height))
    extent = high - low
    if (extent < 8).any():
        return None
    area = float(np.prod(extent / pixel))
    gain = min(IDEAL / np.median(seen), pixel, np.sqrt(s.budget * 256 * 256 / area))
    if gain < s.least_gain:
        return None
    return Look((int(low[0]), int(low[1]), int(high[0]), int(high[1])), max(64, int(extent.max() / pixel * gain)))


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
