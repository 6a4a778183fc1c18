"""From 2D joints to 3D poses and a distribution over anchor poses: the lift by classification.

It takes 2D joints of any detector (any skeleton with twelve limb joints) and a camera, and needs no picture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from anchorpose.files.anchors import read_anchors
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError, ModelError
from anchorpose.poses.lifting import INPUT_WIDTH, lift_view, mirror_features, to_lift_joints
from anchorpose.poses.skeletons import BODY13, convert
from anchorpose.poses.transforms import mirror_joints, torso_centred
from anchorpose.poses.values import ClassProbs, Mode, Pose
from anchorpose.sense.models import load_session
from anchorpose.sense.modes import Modes, ModeSettings, find_modes, softmax
from anchorpose.sense.place import place

if TYPE_CHECKING:
    import onnxruntime

MODEL = "lift"
MEAN_STATURE = 1.70
"""Body height [m] at the middle of the prior that the lift was trained with."""

MIN_SCORE = 0.15
"""Joints that score less are taken as missing."""

_TOP_CLASSES = 10


@dataclass(frozen=True)
class Lifted:
    """3D of N people, camera-oriented, torso-centred.

    Attributes:
        joints3d: (N, 13, 3) [m], the weighted mean of the modes.
        probs: (N, K) of the anchor poses. modes: the distribution's modes.
    """

    joints3d: np.ndarray
    probs: np.ndarray
    modes: Modes


class Lifter:
    """The lift by classification as it ships.

    Args:
        session: an ONNX session of an exported lift; None loads the one that ships.
        flip: lift the mirror image too and average (twice the time of the lift).
        height: the people's mean body height [m], if better known than the prior's 1.70.
        settings: how classes become modes; None takes those the model was calibrated with.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession | None = None,
        *,
        flip: bool = False,
        height: float | None = None,
        settings: ModeSettings | None = None,
    ) -> None:
        self.session = session or load_session(MODEL)
        meta = self.session.get_modelmeta().custom_metadata_map
        try:
            about = json.loads(meta["anchorpose"])
            self.anchors_name = str(about["anchors"])
            self.class_spread = np.array(about["spread"], float)
            self.mirror = np.array(about["mirror"], int)
            self.settings = settings or ModeSettings(**about["modes"])
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"this network does not say what its classes are ({error}); is it a lift?") from None
        if self.session.get_inputs()[0].shape[-1] != INPUT_WIDTH:
            raise ModelError(f"a lift takes {INPUT_WIDTH} features, this network {self.session.get_inputs()[0].shape}")
        if height is not None and not 0.5 <= height <= 2.5:
            raise InputError(f"a body height is given in metres, between 0.5 and 2.5, not {height}")
        self.flip, self.scale = flip, 1.0 if height is None else height / MEAN_STATURE

    def lift(self, plane: np.ndarray, scores: np.ndarray) -> Lifted:
        """Lift joints LIFT_JOINTS (N, 14, 2) in the camera's plane z = 1; a score of 0 (N, 14) is a missing joint."""
        view = lift_view(plane, np.where(scores < MIN_SCORE, 0.0, scores))
        logits, poses = self._run(view.features)
        if self.flip:
            flipped_logits, flipped = self._run(mirror_features(view.features))
            logits = (logits + flipped_logits[:, self.mirror]) / 2
            poses = (poses + mirror_joints(flipped[:, self.mirror], BODY13.mirror)) / 2
        probs = softmax(logits)
        # A pose in the virtual camera's axes comes back by the inverse of the turn: row vectors times the matrix.
        turn = view.virtual_from_camera
        modes = find_modes(probs, poses, self.class_spread, self.settings)
        mean = np.einsum("nm,nmjd->njd", modes.weights, modes.joints3d)
        back = [self.scale * torso_centred(p @ t) for p, t in ((mean, turn), (modes.joints3d, turn[:, None]))]
        return Lifted(back[0], probs, replace(modes, joints3d=back[1], spread=self.scale * modes.spread))

    def _run(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, poses = self.session.run(["logits", "poses"], {"features": features})
        return logits.astype(float), poses

    def __call__(self, poses: Sequence[Pose], camera: Camera) -> list[Pose]:
        """2D poses of one picture as bodies in 3D, placed before the camera.

        Skeletons may differ; joints that score below 0.15 are taken as missing. Poses without a single joint are
        given back in 2D.
        """
        poses = list(poses)
        if not poses:
            return []
        seen = _together(poses)
        plane = camera.rays(seen.lift_joints)[..., :2]
        lifted = self.lift(plane, seen.lift_scores)
        used = np.where(seen.lift_scores < MIN_SCORE, 0.0, seen.lift_scores)[:, :13]
        translation = place(lifted.joints3d, plane[:, :13], used)
        modes = self._modes(lifted, plane[:, :13], used, camera)
        top = np.argsort(-lifted.probs, axis=1, kind="stable")[:, :_TOP_CLASSES]
        probs = np.take_along_axis(lifted.probs, top, 1)
        return [
            Pose("body13", pose.score, pose.box, seen.joints[i], seen.scores[i], lifted.joints3d[i], translation[i],
                 modes[i], ClassProbs(self.anchors_name, tuple(zip(top[i].tolist(), probs[i].tolist(), strict=True))))
            if seen.anything[i] and np.isfinite(translation[i]).all()
            else Pose("body13", pose.score, pose.box, seen.joints[i], seen.scores[i])
            for i, pose in enumerate(poses)
        ]  # fmt: skip

    def _modes(self, lifted: Lifted, plane: np.ndarray, scores: np.ndarray, camera: Camera) -> list[tuple[Mode, ...]]:
        """Each mode placed by itself, so that its 2D lies on the person."""
        who, which = np.nonzero(lifted.modes.weights > 0)
        joints3d = lifted.modes.joints3d[who, which]
        where = place(joints3d, plane[who], scores[who])
        joints2d = camera.project(joints3d + where[:, None])
        weights, spread = lifted.modes.weights[who, which], lifted.modes.spread[who, which]
        modes = [Mode(*parts) for parts in zip(weights, joints3d, spread, joints2d, strict=True)]
        ends = np.cumsum(np.bincount(who, minlength=len(plane)))
        return [tuple(modes[i:j]) for i, j in zip([0, *ends[:-1]], ends, strict=True)]


@dataclass(frozen=True)
class _Seen:
    """2D of N people: BODY13 (N, 13, 2) with scores, LIFT_JOINTS (N, 14, 2) with scores; whether there is any joint."""

    joints: np.ndarray
    scores: np.ndarray
    lift_joints: np.ndarray
    lift_scores: np.ndarray

    @property
    def anything(self) -> np.ndarray:
        return np.isfinite(self.joints).any((1, 2))


def _together(poses: Sequence[Pose]) -> _Seen:
    """Convert the 2D of all poses at once, skeleton by skeleton."""
    n = len(poses)
    out = _Seen(np.empty((n, 13, 2)), np.empty((n, 13)), np.empty((n, 14, 2)), np.empty((n, 14)))
    for name in {pose.skeleton for pose in poses}:
        rows = [i for i, pose in enumerate(poses) if pose.skeleton == name]
        empty = np.full((len(poses[rows[0]].record), 2), np.nan)
        joints = np.stack([empty if (p := poses[i].joints2d) is None else p for i in rows])
        scores = np.stack([poses[i].scores for i in rows])
        out.joints[rows], out.scores[rows] = convert(joints, name, BODY13, scores)
        out.lift_joints[rows], out.lift_scores[rows] = to_lift_joints(joints, scores, name)
    return out


def load_anchors(name: str = "lift") -> AnchorPoses:
    """The anchor poses that `class_probs` of this model count."""
    from anchorpose.sense.models import model_path

    return read_anchors(model_path(f"{name}_anchors"))
