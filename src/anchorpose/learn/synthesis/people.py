"""A random person: its shape, the pose of its body and of its fingers, its face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from anchorpose.learn.synthesis.collisions import push_apart
from anchorpose.learn.synthesis.faces import draw_face
from anchorpose.learn.synthesis.hands import HandPoses, draw_hand, finger_rotations
from anchorpose.learn.synthesis.pose_pool import PosePool, draw_pose
from anchorpose.poses.body import BodyModel, Shaped, shape_body
from anchorpose.poses.phenotypes import phenotype_shapes, sample_phenotypes, sample_years
from anchorpose.poses.rotations import rotvec_to_matrix

COEFFICIENTS = 50
"""Shape coefficients that are used: with them half of all vertices are within half a millimetre of the whole basis, and
a body of its own shape costs a quarter of the memory traffic."""

_TRIES = 4


@dataclass(frozen=True)
class PeopleRange:
    """What is drawn for each person.

    Attributes:
        mixed: share with arms or legs of another frame.
        tumbled: share turned any way up, before it is laid on the ground.
        jitter: of the recorded joints, as a factor of the usual deviations; 0 for the poses as they were.
        overlap: deepest that a limb may lie in the body before the pose is drawn anew [m].
    """

    mixed: float = 0.2
    tumbled: float = 0.05
    jitter: float = 1.0
    overlap: float = 0.025


@dataclass(frozen=True, eq=False)
class Character:
    """A person without a place.

    Attributes:
        shaped: its body in the rest pose, face included (one).
        rotations: (J, 3, 3) local, the root's is its orientation in the world.
        shape: (B,) coefficients; actions: (A,) strengths of the facial actions.
        lift: height [m] of the lowest point over the ground: jumps.
        female, years: what clothes and hair depend on.
        about: JSON values: where the pose is from, phenotype, names of hands and face.
    """

    shaped: Shaped
    rotations: np.ndarray
    shape: np.ndarray
    actions: np.ndarray
    lift: float
    female: float
    years: float
    about: Mapping[str, Any] = field(default_factory=dict)


def draw_character(
    body: BodyModel, pool: PosePool, hands: HandPoses, rng: np.random.Generator, ranges: PeopleRange | None = None
) -> Character:
    """One random person; a function of the generator's state alone."""
    ranges = ranges or PeopleRange()
    years = float(sample_years(rng, 1)[0])
    phenotype = sample_phenotypes(body.phenotypes, rng, 1, [years])
    shape = phenotype_shapes(body.phenotypes, phenotype)[:, :COEFFICIENTS]
    actions, expression = draw_face(body, rng)
    shaped = shape_body(body, shape, actions[None])
    fingers = _draw_fingers(body, hands, rng)
    best: tuple[float, float, np.ndarray, Mapping[str, Any]] | None = None
    for _ in range(_TRIES):
        pose = draw_pose(pool, rng, ranges.mixed, ranges.tumbled)
        rotations = _jittered(body, pose.rotations, rng, ranges.jitter)
        rotations[fingers.bones] = fingers.rotations
        rotations, _, overlap = push_apart(body, shaped, rotations)
        if best is None or overlap < best[0]:
            best = overlap, pose.lift, rotations, pose.source
        if overlap <= ranges.overlap:
            break
    assert best is not None
    names = body.phenotypes.names
    about = {
        **best[3],
        "years": round(years, 1),
        "phenotype": {n: round(float(v), 4) for n, v in zip(names, phenotype[0], strict=True)},
        "left_hand": fingers.names[0],
        "right_hand": fingers.names[1],
        "expression": expression,
    }
    female = float(phenotype[0, names.index("gender")])
    return Character(shaped, best[2], shape[0], actions, best[1], female, years, about)


@dataclass(frozen=True, eq=False)
class _Fingers:
    bones: np.ndarray
    rotations: np.ndarray
    names: tuple[str, str]


def _draw_fingers(body: BodyModel, hands: HandPoses, rng: np.random.Generator) -> _Fingers:
    """Both hands: alike in a third of the people, else each by itself."""
    left, right = draw_hand(hands, rng), draw_hand(hands, rng)
    if rng.random() < 0.33:
        left = right
    (a, ra), (b, rb) = finger_rotations(body, "l", left[0]), finger_rotations(body, "r", right[0])
    return _Fingers(np.concatenate([a, b]), np.concatenate([ra, rb]), (left[1], right[1]))


# Deviation of the jitter [rad] by the beginning of a bone's name.
_JITTER = {
    "upperarm01": 0.06, "lowerarm01": 0.05, "wrist": 0.15, "upperleg01": 0.05, "lowerleg01": 0.03, "foot": 0.05,
    "spine03": 0.03, "neck01": 0.06, "head": 0.07, "eye": 0.0,
}  # fmt: skip
_GAZE = 0.14


@lru_cache(maxsize=4)
def _deviations(body: BodyModel) -> np.ndarray:
    return np.array([_JITTER.get(name.split(".")[0], 0.0) for name in body.bones])


def _jittered(body: BodyModel, rotations: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """Rotations (J, 3, 3) with a little noise, and eyes that look somewhere."""
    noise = rng.normal(0, 1, (len(body.bones), 3)) * (_deviations(body) * amount)[:, None]
    gaze = rng.normal(0, _GAZE, 2) * (0.6, 1.0)
    out = rotations @ rotvec_to_matrix(noise)
    for name in ("eye.L", "eye.R"):
        if name in body.bones:
            out[body.bones.index(name)] = rotvec_to_matrix(np.array([gaze[0], gaze[1], 0.0]))
    return np.asarray(out)
