"""One person over time as a detector and a lift see it: 3D poses at moments, with gaps, and the modes behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, conversion, convert, get_skeleton
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import Pose

Array = NDArray[np.float64]

MODES = 3
"""Modes that are kept for each frame, the heaviest."""

_NEEDED = BODY13.names[:12]


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """T moments of one person.

    Attributes:
        times: (T,) [s], rising.
        joints3d: (T, 13, 3) [m] BODY13, camera-oriented (x right, y down, z forward), about any origin; NaN where a
            joint is missing. A frame without any joint is one in which the person was not seen.
        scores: (T, 13) confidence of each joint, 0 where it is missing.
        translation: (T, 3) [m] of the torso's centre in the camera frame, NaN where unknown.
        modes: (T, 3, 13, 3) [m] the heaviest modes about their torso centres; weights: (T, 3), 0 where there is none.
    """

    times: Array
    joints3d: Array
    scores: Array
    translation: Array
    modes: Array
    weights: Array

    def __post_init__(self) -> None:
        t, j = len(self.times), len(BODY13)
        shapes = {
            "times": (t,), "joints3d": (t, j, 3), "scores": (t, j), "translation": (t, 3), "modes": (t, MODES, j, 3),
            "weights": (t, MODES),
        }  # fmt: skip
        for name, shape in shapes.items():
            array = np.asarray(getattr(self, name), np.float64)
            if array.shape != shape:
                raise InputError(f"{name} of a sequence of {t} poses must be {shape}, got {array.shape}")
            object.__setattr__(self, name, array)
        check_times(self.times)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T,) whether there is any joint."""
        return np.asarray(np.isfinite(self.joints3d).all(-1).any(-1))

    @classmethod
    def from_joints(
        cls,
        joints3d: ArrayLike,
        times: ArrayLike,
        *,
        skeleton: str = "body13",
        scores: ArrayLike | None = None,
        translation: ArrayLike | None = None,
    ) -> PoseSequence:
        """A sequence from joints of any skeleton that has twelve limb joints.

        Args:
            joints3d: (T, J, 3) [m], camera-oriented (y down); NaN where a joint or a whole pose is missing.
            times: (T,) [s], rising.
            scores: (T, J), or None for 1 where a joint is there.
            translation: (T, 3) [m] of the torso's centre in the camera frame. None: not known, the joints' own places
                are taken if they lie before the camera in every frame.

        Raises:
            InputError: shapes that do not fit, times that do not rise, a skeleton without the needed joints.
        """
        joints = np.asarray(joints3d, np.float64)
        check_skeleton(skeleton)
        count = len(get_skeleton(skeleton))
        if joints.ndim != 3 or joints.shape[1:] != (count, 3):
            raise InputError(f"joints3d of {skeleton} must be (T, {count}, 3), got {joints.shape}")
        body, body_scores = convert(joints, skeleton, BODY13, None if scores is None else np.asarray(scores))
        centre = torso_centre(body)
        if translation is None:
            before = np.isfinite(centre).all(-1)
            placed = before.any() and (centre[before, 2] > 0.3).all()
            translation = centre if placed else np.full((len(body), 3), np.nan)
        modes = np.full((len(body), MODES, len(BODY13), 3), np.nan)
        modes[:, 0] = body - np.where(np.isfinite(centre), centre, 0.0)[:, None]
        weights = np.zeros((len(body), MODES))
        weights[:, 0] = np.isfinite(body).all(-1).any(-1)
        return cls(np.asarray(times, np.float64), body, body_scores, np.asarray(translation, float), modes, weights)

    @classmethod
    def from_poses(cls, poses: Sequence[Pose | None], times: ArrayLike) -> PoseSequence:
        """A sequence from the poses of one track; None, or a pose without 3D, where the person was not seen.

        Raises:
            InputError: as many times as poses are needed and they must rise; a skeleton without the needed joints.
        """
        times = np.asarray(times, np.float64)
        if times.shape != (len(poses),):
            raise InputError(f"{len(poses)} poses need as many times, got shape {times.shape}")
        out = cls.empty(times)
        for t, pose in enumerate(poses):
            if pose is None or pose.joints3d is None:
                continue
            check_skeleton(pose.skeleton)
            out.joints3d[t], out.scores[t] = convert(pose.joints3d, pose.skeleton, BODY13, pose.scores)
            if pose.translation is not None:
                out.translation[t] = pose.translation
            modes = [(m.weight, convert(m.joints3d, pose.skeleton, BODY13)[0]) for m in pose.modes[:MODES]]
            for m, (weight, joints) in enumerate(modes or [(1.0, out.joints3d[t])]):
                out.modes[t, m], out.weights[t, m] = joints, weight
        return out

    @classmethod
    def empty(cls, times: ArrayLike) -> PoseSequence:
        """A sequence in which nothing was seen."""
        t, j = len(np.asarray(times)), len(BODY13)
        return cls(
            np.asarray(times, np.float64), np.full((t, j, 3), np.nan), np.zeros((t, j)), np.full((t, 3), np.nan),
            np.full((t, MODES, j, 3), np.nan), np.zeros((t, MODES)),
        )  # fmt: skip

    def part(self, frames: slice | NDArray[np.int64]) -> PoseSequence:
        """The sequence at some of its moments."""
        return PoseSequence(*(getattr(self, name)[frames] for name in self.__dataclass_fields__))

    def without_modes(self) -> PoseSequence:
        """The same poses with themselves as their only mode."""
        centre = torso_centre(self.joints3d)
        modes, weights = np.full_like(self.modes, np.nan), np.zeros_like(self.weights)
        modes[:, 0] = self.joints3d - np.where(np.isfinite(centre), centre, 0.0)[:, None]
        weights[:, 0] = self.seen
        return PoseSequence(self.times, self.joints3d, self.scores, self.translation, modes, weights)


def check_times(times: ArrayLike) -> None:
    """Raises `InputError` unless `times` (T,) are finite and rise."""
    times = np.asarray(times, np.float64)
    if times.ndim != 1 or not np.isfinite(times).all():
        raise InputError("the times of poses are a list of numbers of seconds")
    late = np.flatnonzero(np.diff(times) <= 0)
    if late.size:
        a, b = times[late[0]], times[late[0] + 1]
        raise InputError(f"the times of poses must rise: {b:g} s follows {a:g} s (number {late[0] + 1})")


def check_skeleton(name: str) -> None:
    """Raises `InputError` unless a skeleton has the twelve limb joints."""
    matrix, _ = conversion(name, BODY13)
    lacking = [n for n, row in zip(BODY13.names, matrix, strict=True) if np.isnan(row).any() and n in _NEEDED]
    if lacking:
        raise InputError(f"{name} cannot be followed over time: it lacks {', '.join(lacking)}")
