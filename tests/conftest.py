"""What several tests share: a standing person, a tiny corpus of motion capture, and a lift small enough to make here.

The tiny lift goes the whole way of the one that ships (classes, network, checkpoint, calibration, ONNX, index), with
six classes and weights that nobody has trained, so that tests do not depend on the shipped weights.
"""

from __future__ import annotations

import os

# Before NumPy and torch are imported: one thread each, so that workers of pytest do not fight over the processors.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from anchorpose.files.anchors import write_anchors
from anchorpose.poses.cameras import Camera
from anchorpose.poses.skeletons import BODY13, COCO17
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z
from anchorpose.poses.values import Frame, Pose

if TYPE_CHECKING:
    from anchorpose.files.corpus import Corpus
    from anchorpose.learn.nets.lift import LiftNet

# No deadlines: a busy machine is not a wrong answer. The database would be a folder nobody asked for.
settings.register_profile("quiet", deadline=None, database=None, max_examples=20)
settings.load_profile("quiet")

_SIDES = {  # x of the left side, y up, z forward; a person of about 1.7 m
    "ankle": (0.10, 0.08, 0.00), "knee": (0.11, 0.50, 0.02), "hip": (0.09, 0.90, 0.00), "shoulder": (0.18, 1.38, 0.00),
    "elbow": (0.24, 1.10, -0.02), "wrist": (0.26, 0.86, 0.06),
}  # fmt: skip


def standing() -> np.ndarray:
    """(13, 3) BODY13 [m] of a person standing on y = 0, y up, the face towards +z, so that its left is +x."""
    out = np.zeros((13, 3))
    for name, (x, y, z) in _SIDES.items():
        out[BODY13.index(f"l_{name}")] = x, y, z
        out[BODY13.index(f"r_{name}")] = -x, y, z
    out[BODY13.index("head")] = 0, 1.56, 0.02
    return out


def before_camera(
    world: np.ndarray, azimuth: float = 0.0, elevation: float = 0.0, at: Sequence[float] = (0, 0, 4)
) -> np.ndarray:
    """`standing()` (J, 3) in the frame of a camera `azimuth` [degrees] round its left side and `elevation` above it.

    The point one metre above the ground is put at `at` [m].
    """
    turn = rotation_x(np.radians(elevation)) @ np.diag([1.0, -1, -1]) @ rotation_y(-np.radians(azimuth))
    return (world - (0, 1, 0)) @ turn.T + np.asarray(at, float)


def coco17_of(joints: np.ndarray, nose: np.ndarray) -> np.ndarray:
    """(17, D) points from BODY13 points (13, D) and the nose; the ears 7 cm or pixels apart about the head."""
    out = np.full((17, joints.shape[-1]), np.nan)
    for i, name in enumerate(BODY13.names[:12]):
        out[COCO17.index(name)] = joints[i]
    head = joints[BODY13.index("head")]
    beside = np.zeros(joints.shape[-1])
    beside[0] = 0.07 if joints.shape[-1] == 3 else 7
    for name, point in (("nose", nose), ("l_ear", head + beside), ("r_ear", head - beside)):
        out[COCO17.index(name)] = point
    for side in "lr":
        out[COCO17.index(f"{side}_eye")] = (nose + out[COCO17.index(f"{side}_ear")]) / 2
    return out


def seen_by(camera: Camera, at: Sequence[float] = (0, 0, 4), azimuth: float = 0.0, score: float = 0.9) -> Pose:
    """The standing person as a perfect COCO17 detector sees it."""
    world = standing()
    points = np.concatenate([world, world[-1:] + (0, -0.01, 0.11)])
    inside = before_camera(points, azimuth, 0.0, at)
    pixels = camera.project(inside)
    joints = coco17_of(pixels[:13], pixels[13])
    box = np.concatenate([joints.min(0), joints.max(0)])
    return Pose("coco17", score, box, joints, np.full(17, score))


@dataclass
class FakeDetector:
    """People at fixed places in every frame, one more with each frame; notes what it was asked."""

    skeleton: str = "coco17"
    interrupt_at: int | None = None
    calls: int = 0
    seen: tuple[tuple[str, int], ...] = ()
    hints: tuple[int | None, ...] = ()

    def detect(self, frame: Frame, previous: Sequence[Pose] | None = None) -> list[Pose]:
        self.calls += 1
        self.seen += ((frame.source, frame.index),)
        self.hints += (None if previous is None else len(previous),)
        if frame.index == self.interrupt_at:
            raise KeyboardInterrupt
        camera = frame.camera or Camera.from_fov(frame.width, frame.height)
        return [seen_by(camera, (0.3 * i, 0.1, 4.0), 20.0 * i, 0.9 - 0.1 * i) for i in range(1 + frame.index % 2)]


def tiny_poses(n: int, seed: int = 0) -> np.ndarray:
    """(n, 13, 3) standing people, y up, limbs swung at random, headings at random."""
    rng = np.random.default_rng(seed)
    out = np.repeat(standing()[None], n, 0)
    chains = (("hip", "knee", "ankle"), ("knee", "ankle"), ("shoulder", "elbow", "wrist"), ("elbow", "wrist"))
    for side in "lr":
        for base, *moved in chains:
            turn = rotation_x(rng.normal(0, 0.5, n)) @ rotation_z(rng.normal(0, 0.2, n))
            root = out[:, None, BODY13.index(f"{side}_{base}")]
            rows = [BODY13.index(f"{side}_{name}") for name in moved]
            out[:, rows] = root + (out[:, rows] - root) @ turn.transpose(0, 2, 1)
    return out @ rotation_y(rng.uniform(-np.pi, np.pi, n)).transpose(0, 2, 1)


def tiny_corpus(n: int = 240) -> Corpus:
    """Three clips: one to train on, one of a subject kept for calibration, one for validation."""
    from anchorpose.files.corpus import Corpus
    from anchorpose.files.mocap import MocapRecord
    from anchorpose.measure.virtual import torso_axes

    joints = tiny_poses(n)
    subjects = (("anybody", "train"), ("cmu_006", "train"), ("another", "val"))
    clips = tuple(
        MocapRecord(f"{s}.bvh", "made up", s, "1", "standing", 30.0, n, n / 30, "bvh", 1.0, "y", "none", split)
        for s, split in subjects
    )
    number = np.arange(n, dtype=np.int32)
    facing = torso_axes(joints)[..., 2].astype(np.float32)
    return Corpus(joints.astype(np.float32), facing, (number % 3).astype(np.int32), number // 3, clips)


@dataclass(frozen=True)
class TinyLift:
    """The tiny lift: the folder of weights with its index, its ONNX file, the torch net, its classes, its metadata."""

    weights: Path
    onnx: Path
    net: LiftNet
    temperature: float
    anchors: object
    about: dict


@pytest.fixture(scope="session")
def tiny_lift(tmp_path_factory: pytest.TempPathFactory) -> TinyLift:
    """Made once; `anchorpose.learn.export_lift.export` writes it as it would the one that ships."""
    import torch

    from anchorpose.learn.cluster import make_anchors
    from anchorpose.learn.export_lift import export, load_net
    from anchorpose.learn.nets.lift import LiftConfig, LiftNet
    from anchorpose.learn.training import Average, save_checkpoint
    from anchorpose.measure.virtual import MEASURE

    torch.manual_seed(0)
    folder, weights = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("weights")
    corpus = tiny_corpus()
    anchors = make_anchors(corpus, 6, "tiny6", samples=600, ranges=MEASURE)
    write_anchors(anchors, folder / "anchors.npz")
    config = LiftConfig(6, 32, 1, 8)
    net = LiftNet(config, torch.from_numpy(np.array(anchors.joints3d)))
    # Weights larger than the initial ones, so that the features reach the logits and the residuals.
    for parameter in net.blocks.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    optimizer = torch.optim.AdamW(net.parameters())
    save_checkpoint(folder / "checkpoint.safetensors", net, Average(net, 0.9), optimizer, {"seconds": 1.0, "step": 1})
    (folder / "config.json").write_text(json.dumps({"net": asdict(config)}))
    with warnings.catch_warnings():  # torch's exporter warns of itself
        warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)
        about = export(folder, weights, corpus, "lift", "tests/conftest.py", samples=200)
    loaded, anchors = load_net(folder)
    return TinyLift(weights, weights / "lift.onnx", loaded, about["temperature"], anchors, about)


@pytest.fixture
def with_tiny_lift(tiny_lift: TinyLift, monkeypatch: pytest.MonkeyPatch) -> TinyLift:
    """The tiny lift takes the place of the shipped one for whoever asks for the model "lift"."""
    monkeypatch.setenv("ANCHORPOSE_HOME", str(tiny_lift.weights))
    return tiny_lift
