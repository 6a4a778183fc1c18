"""A small corpus of made-up motions, and whether pictures can be rendered here."""

from __future__ import annotations

import numpy as np

from anchorpose.files.mocap import MocapRecord
from anchorpose.files.motions import MotionCorpus
from anchorpose.poses.canonical import ANNY, REST_LENGTHS
from anchorpose.poses.errors import AnchorposeError
from anchorpose.poses.retarget import Carried
from anchorpose.poses.rotations import rotvec_to_matrix


def make_corpus(counts: tuple[int, ...] = (20, 20), deviation: float = 0.4) -> MotionCorpus:
    """Clips of random poses of a person that stands; frame 8 of each is half a metre off the ground."""
    rng = np.random.default_rng(0)
    parts = []
    for k, count in enumerate(counts):
        vectors = rng.normal(0, deviation, (count, len(ANNY), 3))
        vectors[:, 0] = rng.normal(0, 0.1, (count, 3))
        height = np.full(count, 0.9)
        height[8:9] = 1.4
        translation = np.stack([np.zeros(count), height, np.zeros(count)], 1)
        record = MocapRecord(
            f"clip{k}.bvh", "made", f"s{k}", "1", "any", 30.0, count, count / 30, "bvh", 1.0, "y", "free",
            "train" if k == 0 else "val",
        )  # fmt: skip
        sound = np.ones(count, bool)
        parts.append((record, Carried(rotvec_to_matrix(vectors), translation, REST_LENGTHS, sound)))
    return MotionCorpus.build(parts)


def has_gl() -> bool:
    """Whether pictures can be rendered here."""
    try:
        from anchorpose.learn.synthesis.gl.context import create_context

        create_context().release()
        return True
    except AnchorposeError:
        return False
