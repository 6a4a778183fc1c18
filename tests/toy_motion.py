"""Motions made up for tests, and a PoseBERT small enough to be made here."""

from __future__ import annotations

import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np

from anchorpose.files.mocap import MocapRecord
from anchorpose.files.motions import MotionCorpus
from anchorpose.poses.body_bones import BODY_BONES, all_local, body_points, bone_lengths
from anchorpose.poses.motion_view import JOINT_SCALE
from anchorpose.poses.retarget import Carried
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.sequences import MODES, PoseSequence
from anchorpose.poses.transforms import rotation_y, torso_centre, torso_centred
from anchorpose.sense.motion import Refiner
from anchorpose.sense.motion_settle import SETTLED, SettleSettings, settle_weights

FLIP = np.diag([1.0, -1.0, -1.0])


def settled(
    world: np.ndarray, centre: np.ndarray, measures: np.ndarray, seen: np.ndarray, at: list[list[int]],
    settings: SettleSettings = SETTLED,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Frames `at` (N, F) of windows with joints (N, W, 13, 3) anywhere, NaN where missing, as `learn.nets.settle` does
    them."""
    import torch

    from anchorpose.learn.kinematics import components_first
    from anchorpose.learn.nets.settle import Settle

    seen = torso_centred(seen)
    there = np.isfinite(seen).all(-1)
    frames = JOINT_SCALE * np.where(there[..., None], seen, 0.0).reshape(*there.shape[:2], -1)
    weights = [[settle_weights(world.shape[1], k, settings) for k in row] for row in at]
    calm, near = (np.array([[pair[i] for pair in row] for row in weights]) for i in (0, 1))
    parts = (world, measures, frames, there, calm, near, np.array(settings.most))
    tensors = [torch.from_numpy(part.astype(np.float64)) for part in parts]
    return Settle().double()(components_first(tensors[0]), *tensors[1:]).numpy(), calm @ centre


def settle_at(
    world: np.ndarray, centre: np.ndarray, measures: np.ndarray, seen: np.ndarray, at: int,
    settings: SettleSettings = SETTLED,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """One frame of one window."""
    turned, place = settled(world[None], centre[None], measures[None], seen[None], [[at]], settings)
    return turned[0, 0], place[0, 0]


def toy_world(frames: int, seed: int = 0) -> np.ndarray:
    """(T, 38, 3, 3) smooth turns of BODY_BONES in a world with y up: limbs swing, the person turns slowly."""
    rng = np.random.default_rng(seed)
    bones = len(BODY_BONES)
    phase, speed = rng.uniform(0, 2 * np.pi, (bones, 3)), rng.uniform(1, 3, (bones, 3))
    size = np.where([b.startswith(("upper", "lower")) for b in BODY_BONES], 0.5, 0.08)[:, None]
    t = np.arange(frames)[:, None, None] / 30
    swing = rotvec_to_matrix(size * np.sin(phase + speed * t))
    for k, bone in enumerate(BODY_BONES):  # the two bones of a limb's segment are straight
        if "02." in bone:
            swing[:, k] = swing[:, BODY_BONES.index(bone.replace("02.", "01."))]
    heading = rotation_y(rng.uniform(-np.pi, np.pi) + 0.4 * np.arange(frames) / 30)
    return heading[:, None] @ swing


def toy_corpus(frames: int = 90) -> MotionCorpus:
    """Four clips: two to train on, one of a subject kept for calibration, one for validation."""
    subjects = (("anybody", "train"), ("somebody", "train"), ("cmu_006", "train"), ("another", "val"))
    parts = []
    for i, (subject, split) in enumerate(subjects):
        measures = np.random.default_rng(i).normal(0, 0.05, 9)
        record = MocapRecord(
            f"{subject}.bvh", "made up", subject, "1", "swinging", 30.0, frames, frames / 30, "bvh", 1.0, "y", "none",
            split,
        )  # fmt: skip
        root = np.stack([0.01 * np.arange(frames), np.full(frames, 0.9), np.zeros(frames)], -1)
        parts.append(
            (record, Carried(all_local(toy_world(frames, i)), root, bone_lengths(measures), np.ones(frames, bool)))
        )
    return MotionCorpus.build(parts)


def toy_truth(frames: int = 40, seed: int = 0, at: tuple[float, float, float] = (0.2, 0.1, 4.0)) -> np.ndarray:
    """(T, 13, 3) [m] BODY13 of a person who swings its limbs about `at` in the camera frame (y down)."""
    points = body_points(FLIP @ toy_world(frames, seed), np.zeros(9))[:, :13]
    path = np.array(at) + 0.01 * np.arange(frames)[:, None] * (1, 0, 0)
    return torso_centred(points) + path[:, None]


def toy_sequence(frames: int = 40, seed: int = 0, noise: float = 0.0, fps: float = 30.0) -> PoseSequence:
    """`toy_truth` as a front end might give it, with two modes."""
    rng = np.random.default_rng(seed + 100)
    truth = toy_truth(frames, seed)
    joints = torso_centred(truth + noise * rng.normal(size=truth.shape))
    modes = np.full((frames, MODES, 13, 3), np.nan)
    modes[:, 0], modes[:, 1] = joints, joints + 0.05 * rng.normal(size=joints.shape)
    weights = np.zeros((frames, MODES))
    weights[:, :2] = 0.7, 0.3
    return PoseSequence(
        np.arange(frames) / fps, joints, np.full((frames, 13), 0.8), torso_centre(truth), modes, weights
    )


def hide(sequence: PoseSequence, frames: slice | list[int]) -> PoseSequence:
    """The sequence with some frames in which nobody is seen."""
    out = PoseSequence(*(getattr(sequence, name).copy() for name in PoseSequence.__dataclass_fields__))
    out.joints3d[frames] = out.translation[frames] = out.modes[frames] = np.nan
    out.scores[frames] = out.weights[frames] = 0
    return out


@cache
def toy_posebert_folder() -> Path:
    """A folder with posebert.onnx and its index, made once: one layer, weights that nobody has trained but that let
    the input reach the output."""
    import json
    from dataclasses import asdict

    import torch

    from anchorpose.learn.export_posebert import export
    from anchorpose.learn.nets.posebert import PoseBert, PoseBertConfig
    from anchorpose.learn.training import Average, save_checkpoint

    torch.manual_seed(0)
    folder = Path(tempfile.mkdtemp(prefix="posebert-"))
    config = PoseBertConfig(16, 32, 2, 4, 64, 48)
    net = PoseBert(config)
    for name, parameter in net.named_parameters():
        if name.startswith("refine"):
            torch.nn.init.normal_(parameter, std=0.05)
    optimizer = torch.optim.AdamW(net.parameters())
    save_checkpoint(folder / "checkpoint.safetensors", net, Average(net, 0.9), optimizer, {"seconds": 1.0, "step": 1})
    (folder / "config.json").write_text(json.dumps({"net": asdict(config)}))
    with warnings.catch_warnings():  # torch's exporter warns of itself
        warnings.simplefilter("ignore")
        export(folder, folder, "posebert", "tests/toy_motion.py")
    return folder


def toy_refiner(**settings: object) -> Refiner:
    """A refiner with the toy network, one thread."""
    from anchorpose.sense.models import load_session

    return Refiner(load_session(toy_posebert_folder() / "posebert.onnx", 1), **settings)  # type: ignore[arg-type]
