"""From 2D joints to 3D poses and a distribution over anchor poses: the lift by classification.

It takes 2D joints of any detector (any skeleton with twelve limb joints) and a camera, and needs no picture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

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
        joints, scores = (np.concatenate(x) for x in zip(*(_lift_joints(p) for p in poses), strict=True))
        plane = camera.rays(joints)[..., :2]
        lifted = self.lift(plane, scores)
        used = np.where(scores < MIN_SCORE, 0.0, scores)[:, :13]
        translation = place(lifted.joints3d, plane[:, :13], used)
        modes = self._modes(lifted, plane[:, :13], used, camera)
        return [_body(pose, lifted, i, translation[i], modes[i], self.anchors_name) for i, pose in enumerate(poses)]

    def _modes(self, lifted: Lifted, plane: np.ndarray, scores: np.ndarray, camera: Camera) -> list[tuple[Mode, ...]]:
        """Each mode placed by itself, so that its 2D lies on the person."""
        n, m = lifted.modes.weights.shape
        flat = lifted.modes.joints3d.reshape(n * m, 13, 3)
        where = place(flat, np.repeat(plane, m, 0), np.repeat(scores, m, 0))
        joints2d = camera.project(flat + where[:, None]).reshape(n, m, 13, 2)
        return [
            tuple(
                Mode(w, lifted.modes.joints3d[i, j], lifted.modes.spread[i, j], joints2d[i, j])
                for j, w in enumerate(lifted.modes.weights[i])
                if w > 0
            )
            for i in range(n)
        ]


def _lift_joints(pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    joints = np.full((1, len(pose.record), 2), np.nan) if pose.joints2d is None else pose.joints2d[None]
    return to_lift_joints(joints, pose.scores[None], pose.record)


def _body(pose: Pose, lifted: Lifted, i: int, translation: np.ndarray, modes: tuple[Mode, ...], anchors: str) -> Pose:
    source = np.full((len(pose.record), 2), np.nan) if pose.joints2d is None else pose.joints2d
    joints2d, scores = convert(source, pose.record, BODY13, pose.scores)
    if not np.isfinite(joints2d).any() or not np.isfinite(translation).all():
        return Pose("body13", pose.score, pose.box, joints2d, scores)
    probs = lifted.probs[i]
    top = np.argsort(-probs, kind="stable")[:_TOP_CLASSES]
    return Pose(
        "body13", pose.score, pose.box, joints2d, scores, lifted.joints3d[i], translation, modes,
        ClassProbs(anchors, tuple((int(k), float(probs[k])) for k in top)),
    )  # fmt: skip


def load_anchors(name: str = "lift") -> AnchorPoses:
    """The anchor poses that `class_probs` of this model count."""
    from anchorpose.sense.models import model_path

    return AnchorPoses.load(model_path(f"{name}_anchors"))
