"""The simple tracker to compare with: boxes that overlap from one frame to the next are the same person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorpose.poses.values import People
from anchorpose.sense.assignment import assign
from anchorpose.sense.integrate import box_areas


@dataclass(frozen=True)
class IouSettings:
    """overlap: least intersection over union; wait: [s] that a box waits where it was; hits: sights until it has an
    id (all at once in the first frame)."""

    overlap: float = 0.3
    wait: float = 0.2
    hits: int = 3


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(A, 4), (B, 4) xyxy -> (A, B)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0.0), -1)
    return both / np.maximum(box_areas(a)[:, None] + box_areas(b)[None] - both, 1e-9)


def iou_track(frames: Sequence[People], settings: IouSettings | None = None) -> list[np.ndarray]:
    """Ids (N,) of the people of each frame, 0 for none, by the best one-to-one assignment of boxes by overlap."""
    s = settings or IouSettings()
    boxes, ids, seen, hits = np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), np.zeros(0, int)
    out, next_id = [], 1
    for number, people in enumerate(frames):
        keep = people.time - seen <= s.wait + 1e-9
        boxes, ids, seen, hits = boxes[keep], ids[keep], seen[keep], hits[keep]
        found = np.array([p.box for p in people]).reshape(-1, 4)
        pick = assign(1 - box_iou(boxes, found), 1 - s.overlap)
        rows, columns = np.flatnonzero(pick >= 0), pick[pick >= 0]
        new = np.setdiff1d(np.arange(len(found)), columns)
        boxes[rows], seen[rows], hits[rows] = found[columns], people.time, hits[rows] + 1
        boxes, seen = np.concatenate([boxes, found[new]]), np.append(seen, np.full(len(new), people.time))
        ids, hits = np.append(ids, np.zeros(len(new), int)), np.append(hits, np.ones(len(new), int))
        fresh = (ids == 0) & ((hits >= s.hits) | (number == 0))
        ids[fresh] = next_id + np.arange(fresh.sum())
        next_id += int(fresh.sum())
        given = np.zeros(len(found), int)
        given[columns] = ids[rows]
        given[new] = ids[len(ids) - len(new) :]
        out.append(given)
    return out
