"""What can be set about tracks, each with its meaning. The values were tuned on motion capture: docs/tracks.md."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from anchorpose.poses.errors import InputError


@dataclass(frozen=True)
class TrackSettings:
    """How people become tracks. Times in seconds; lengths in the picture as shares of the person's size (`SIZE` of the
    longer side of the box).

    Likeness of a track and a person, each term 0 (alike) to 1:

    Attributes:
        oks: weight of 1 - OKS between the predicted and the found points.
        pose: weight of the distance between the two distributions over 3D poses; modes: how many modes of each are
            compared, 0: the reported pose alone. pose_spread: distance of poses that count as alike [m].
            pose_memory: [s] over which half of the weight is lost of what time takes; pose_late: share that it leaves.
        depth: weight of the difference in depth; depth_spread: how far its logarithm may be off.
        size: weight of the difference in size of the box; size_spread: likewise.
        depth_drift: what both spreads gain each second.
        bones: weight of the difference in proportions; bones_spread: mean difference of the logarithms.
        tolerance: factor on the sigmas of COCO's OKS. drift: how much further off a prediction may be each second.
        waiting: what a second unseen adds to the cost: of two tracks that fit, the one seen last is taken up.
        limit: cost from which a track and a person are not the same.
        least_oks: OKS below which they are never.

    Motion:
        body_memory: a body goes on at its velocity, which decays with this time. body_gain: time over which its
            velocity is averaged.

    Life:
        fresh: if none of several tracks seen within this time is found again, a new scene has begun.
        wait: a track that is not seen for longer is over.
        born: score with which a track may begin. sure: score with which it has an id at once where a source begins.
        hits: so often seen, or long_enough: seen over this time, it has an id.
        doubt: a track without id that is not seen for longer is over (at least two frames).
        outside: a track whose predicted middle is this far outside the picture is over.
        duplicate: of two people whose boxes overlap by more (intersection over union) the one without id gets none.
    """

    oks: float = 1.0
    pose: float = 0.5
    modes: int = 5
    pose_spread: float = 0.15
    pose_memory: float = 0.4
    pose_late: float = 0.3
    depth: float = 0.5
    depth_spread: float = 0.2
    depth_drift: float = 0.15
    size: float = 0.22
    size_spread: float = 0.25
    bones: float = 0.2
    bones_spread: float = 0.12
    tolerance: float = 1.7
    drift: float = 0.65
    waiting: float = 0.35
    limit: float = 1.6
    least_oks: float = 0.05
    body_memory: float = 2.0
    body_gain: float = 1.0
    fresh: float = 0.2
    wait: float = 2.0
    born: float = 0.3
    sure: float = 0.4
    hits: int = 3
    long_enough: float = 0.5
    doubt: float = 0.2
    outside: float = 0.2
    duplicate: float = 0.6

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) or value == np.inf) or value < 0:
                raise InputError(f"TrackSettings.{field.name} is a number of 0 or more, not {value}")
        for name in ("pose_spread", "depth_spread", "size_spread", "bones_spread", "tolerance", "body_memory",
                     "body_gain", "pose_memory", "limit"):  # fmt: skip
            if getattr(self, name) == 0:
                raise InputError(f"TrackSettings.{name} is above 0")
        if self.hits < 1:
            raise InputError("TrackSettings.hits is 1 or more")


SIZE = 0.45
"""The unit of lengths in the picture over the longer side of a person's box; its square is about COCO's area."""
