"""A person for a clip: one body over some seconds of a recorded motion, on the ground, limbs out of the trunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from anchorpose.files.motions import MotionCorpus
from anchorpose.learn.synthesis.collisions import push_apart
from anchorpose.learn.synthesis.faces import draw_face
from anchorpose.learn.synthesis.hands import HandPoses, draw_hand, finger_rotations
from anchorpose.learn.synthesis.people import COEFFICIENTS
from anchorpose.poses.body import BodyModel, Posed, Shaped, pose_shaped, shape_body
from anchorpose.poses.body_points import body_points
from anchorpose.poses.phenotypes import phenotype_shapes, sample_phenotypes
from anchorpose.poses.rotations import matrix_to_rotvec, rotvec_to_matrix
from anchorpose.poses.skeletons import BODY13

_YEARS = (18.0, 70.0)  # who the recorded people could be
_CALM = 0.1  # s, over which what keeps limbs out of the body comes and goes
_LEGS = [
    [BODY13.index(f"{s}_{a}"), BODY13.index(f"{s}_{b}")] for s in "rl" for a, b in (("hip", "knee"), ("knee", "ankle"))
]


@dataclass(frozen=True, eq=False)
class Performance:
    """A person who moves, in the world (y up, the floor at y = 0).

    Attributes:
        posed: T bodies, all of one shape.
        female: 0 to 1, what clothes and hair depend on.
        about: JSON values: who, which motion.
    """

    posed: Posed
    female: float
    about: Mapping[str, Any]


def perform(
    body: BodyModel, hands: HandPoses, corpus: MotionCorpus, frames: np.ndarray, rng: np.random.Generator
) -> Performance:
    """A random adult who moves as in some frames of one clip of the corpus.

    Fingers and face hold still. The way over the floor is scaled with the legs, so that feet slide as little as those
    of the recording.
    """
    years = float(rng.uniform(*_YEARS))
    phenotype = sample_phenotypes(body.phenotypes, rng, 1, [years])
    actions, _ = draw_face(body, rng)
    shaped = shape_body(body, phenotype_shapes(body.phenotypes, phenotype)[:, :COEFFICIENTS], actions[None])
    rotations = corpus.rotations(frames)
    for side in "lr":
        bones, turns = finger_rotations(body, side, draw_hand(hands, rng)[0])
        rotations[:, bones] = turns
    rotations = _clear(body, shaped, rotations, corpus.clips[corpus.clip[frames[0]]].fps)
    posed = pose_shaped(body, shaped, rotations, np.zeros((len(frames), 3)))
    scale = _leg(body_points(body, posed)["body13"]) / _leg(corpus.body13(frames))
    record = corpus.clips[corpus.clip[frames[0]]]
    about = {
        "subject": record.subject, "motion": record.path, "action": record.action,
        "frames": [int(corpus.frame[frames[0]]), int(corpus.frame[frames[-1]])], "years": round(years, 1),
    }  # fmt: skip
    female = float(phenotype[0, body.phenotypes.names.index("gender")])
    return Performance(_placed(posed, scale * corpus.translation[frames].astype(float)), female, about)


def _clear(body: BodyModel, shaped: Shaped, rotations: np.ndarray, fps: float) -> np.ndarray:
    """Limbs out of the body in each frame (T, J, 3, 3), by turns that come and go smoothly."""
    pushed = np.stack([push_apart(body, shaped, pose)[0] for pose in rotations]).astype(float)
    turns = matrix_to_rotvec(np.swapaxes(rotations, -1, -2) @ pushed)
    return np.asarray(rotations @ rotvec_to_matrix(gaussian_filter1d(turns, _CALM * fps, axis=0, mode="nearest")))


def _leg(joints: np.ndarray) -> float:
    """Length of the legs [m] of BODY13 joints (T, 13, 3)."""
    ends = joints[:, _LEGS]
    return float(np.median(np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1).sum(1)))


def _placed(posed: Posed, root: np.ndarray) -> Posed:
    """With roots at (T, 3), its middle over the origin, the lowest vertices of the clip on the floor."""
    low = posed.vertices[..., 1].min(1) + root[:, 1]
    middle = (root.min(0) + root.max(0)) / 2
    step = (root - (middle[0], float(np.quantile(low, 0.1)), middle[2])).astype(np.float32)[:, None]
    return replace(posed, vertices=posed.vertices + step, joints=posed.joints + step)
