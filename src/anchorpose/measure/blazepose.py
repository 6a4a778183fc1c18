"""BlazePose as a peer: 33 landmarks and metric 3D of one person (Bazarevsky et al. 2020; Google, Apache-2.0).

`runs/get_peers.sh` fetches the networks. The steps follow MediaPipe's published graph: pose detection (the person's
middle, size and direction), a turned square crop, landmarks refined on their heatmaps, world landmarks turned back.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.measure.peers import apply_affine, square_crop, square_of
from anchorpose.poses.errors import InputError, MissingExtra, ModelError
from anchorpose.poses.skeletons import MEDIAPIPE33
from anchorpose.poses.values import Frame, Pose

PEERS_VARIABLE = "ANCHORPOSE_PEERS"
VARIANTS = ("lite", "full", "heavy")
_CROP, _DETECTOR_SIZE = 256, 224
_ROI_MARGIN, _SEARCH_MARGIN = 1.25, 1.75
_TORSO = [MEDIAPIPE33.index(f"{side}_{joint}") for joint in ("hip", "shoulder") for side in "lr"]


def peers_dir() -> Path:
    """Where the peers' files lie: the environment variable ANCHORPOSE_PEERS, else the user's cache."""
    given = os.environ.get(PEERS_VARIABLE)
    return Path(given) if given else Path.home() / ".cache" / "anchorpose" / "peers"


class TFLite:
    """One .tflite network on the CPU: arrays in, arrays out by name."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise MissingExtra("ai-edge-litert", "eval") from None
        from anchorpose.sense.models import default_threads

        if not path.is_file():
            raise ModelError(f"there is no file {path}: runs/get_peers.sh fetches it")
        self._net: Any = Interpreter(model_path=str(path), num_threads=threads or default_threads())
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._outputs = {output["name"]: output["index"] for output in self._net.get_output_details()}

    def __call__(self, tensor: np.ndarray) -> dict[str, np.ndarray]:
        self._net.set_tensor(self._input, tensor.astype(np.float32))
        self._net.invoke()
        return {name: self._net.get_tensor(index) for name, index in self._outputs.items()}


class BlazePose:
    """BlazePose of one size: `on_boxes` for people whose boxes are known, `detect` for its own two stages.

    Args:
        variant: lite, full or heavy.
        align: for each given box also run its pose detector on 1.75 times the longer side, for the turned and sized
            crop that the landmarks were trained on, and keep the surer of this pose and of the one from the upright
            square of 1.25 times the longer side. Without, the upright square alone: a third worse on sports photos.
    """

    skeleton = "mediapipe33"

    def __init__(self, variant: str = "full", threads: int | None = None, align: bool = True) -> None:
        if variant not in VARIANTS:
            raise InputError(f"BlazePose {variant!r}: there are {', '.join(VARIANTS)}")
        self.variant, self.align = variant, align
        self._landmarks = TFLite(peers_dir() / f"pose_landmark_{variant}.tflite", threads)
        self._detector = TFLite(peers_dir() / "pose_detection.tflite", threads)

    def on_boxes(self, frame: Frame, boxes: np.ndarray) -> list[Pose]:
        """One pose for each box (N, 4) xyxy, in the same order."""
        people = []
        for box in np.asarray(boxes, float).reshape(-1, 4):
            pose = self._pose(frame, *square_of(box), 0.0, box)
            if self.align:
                found = self._find(*square_crop(frame.image, *square_of(box, _SEARCH_MARGIN), _DETECTOR_SIZE), 0.5)
                turned = self._pose(frame, *found, box) if found else pose
                pose = max(pose, turned, key=lambda p: p.score)
            people.append(pose)
        return people

    def detect(self, frame: Frame, min_score: float = 0.5) -> list[Pose]:
        """Its own two stages: the most certain person of the frame, or none."""
        found = self.find(frame, min_score)
        return [] if found is None else [self._pose(frame, *found, None)]

    def find(self, frame: Frame, min_score: float = 0.5) -> tuple[np.ndarray, float, float] | None:
        """Its first stage alone: centre, side and angle of the square about the most certain person of the frame."""
        side = max(frame.width, frame.height)
        middle = np.array([frame.width, frame.height]) / 2 - 0.5
        return self._find(*square_crop(frame.image, middle, side, _DETECTOR_SIZE), min_score)

    def _find(
        self, crop: np.ndarray, crop_to_image: np.ndarray, min_score: float
    ) -> tuple[np.ndarray, float, float] | None:
        """The turned square about the most certain person of an upright crop: centre, side and angle in the picture."""
        out = self._detector(crop[None] / 127.5 - 1)
        points = decode_detection(out["Identity"][0], out["Identity_1"][0, :, 0], min_score)
        return None if points is None else roi_from_points(*apply_affine(crop_to_image, points[:2]))

    def _pose(self, frame: Frame, centre: np.ndarray, side: float, angle: float, box: np.ndarray | None) -> Pose:
        """The pose in one turned square."""
        crop, crop_to_image = square_crop(frame.image, centre, side, _CROP, angle)
        out = self._landmarks(crop[None] / 255.0)
        raw = out["Identity"].reshape(39, 5)
        in_crop = refine_on_heatmaps(raw[:, :2], out["Identity_3"][0])
        points = apply_affine(crop_to_image, in_crop)[:33]
        world = turn_back(out["Identity_4"].reshape(39, 3)[:33], angle)
        # Visible and inside: both are logits.
        scores = 1 / (1 + np.exp(-np.minimum(raw[:33, 3], raw[:33, 4]).astype(float)))
        if box is None:
            box = np.concatenate([points.min(0), points.max(0)])
        joints3d = world - world[_TORSO].mean(0)
        return Pose("mediapipe33", float(out["Identity_1"][0, 0]), box, points, scores, joints3d)


def roi_from_points(middle: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The turned square about the middle of the hips: centre, side and angle.

    `top` lies on the circle about the whole person, in the direction of the head.
    """
    across = np.asarray(top, float) - middle
    side = max(1.0, 2 * _ROI_MARGIN * float(np.hypot(*across)))
    return np.asarray(middle, float), side, float(np.arctan2(across[0], -across[1]))


def turn_back(world: np.ndarray, angle: float) -> np.ndarray:
    """World landmarks (J, 3) of a turned crop in the picture's orientation."""
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return np.asarray(np.asarray(world, float) @ turn.T)


def refine_on_heatmaps(points: np.ndarray, heat: np.ndarray, window: int = 7, least: float = 0.5) -> np.ndarray:
    """Landmarks (J, 2) px of the crop, each moved to the centre of mass of its heatmap around it where that is strong.

    Args:
        heat: (H, W, J) logits.
        window: cells around a landmark; least: strength of the strongest cell, below which a landmark stays.
    """
    height, width, count = heat.shape
    out, half = np.array(points, float), window // 2
    for j in range(count):
        col, row = int(out[j, 0] / _CROP * width), int(out[j, 1] / _CROP * height)
        if not (0 <= col < width and 0 <= row < height):
            continue
        rows = np.arange(max(0, row - half), min(height, row + half + 1))
        cols = np.arange(max(0, col - half), min(width, col + half + 1))
        weight = 1 / (1 + np.exp(-heat[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1, j].astype(float)))
        if weight.max() >= least:
            total = weight.sum()
            out[j] = (weight.sum(0) @ cols / width * _CROP / total, weight.sum(1) @ rows / height * _CROP / total)
    return out


@cache
def detection_anchors() -> np.ndarray:
    """(2254, 2) centres of the detector's cells as fractions: two anchors a cell at stride 8 and 16, six at 32."""
    centres = []
    for stride, anchors in ((8, 2), (16, 2), (32, 6)):
        cells = _DETECTOR_SIZE // stride
        y, x = np.meshgrid((np.arange(cells) + 0.5) / cells, (np.arange(cells) + 0.5) / cells, indexing="ij")
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], -1), anchors, axis=0))
    return np.concatenate(centres)


def decode_detection(raw: np.ndarray, logits: np.ndarray, min_score: float) -> np.ndarray | None:
    """The most certain person of the detector's output.

    Args:
        raw: (2254, 12): box centre and size, then four points (middle of the hips, circle about the whole body, middle
            of the shoulders, circle about the upper body), px about the anchor.
        logits: (2254,).

    Returns:
        points (4, 2) px of the detector's input, averaged by score over the boxes that overlap the best one by more
        than .3; None if no score reaches `min_score`.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(float), -100, 100)))
    best = int(np.argmax(scores))
    if scores[best] < min_score:
        return None
    keep = np.flatnonzero(scores >= min_score)
    anchors = detection_anchors()[keep] * _DETECTOR_SIZE
    centres, sizes = raw[keep, :2] + anchors, raw[keep, 2:4]
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], -1)
    near = keep[_iou(boxes, boxes[np.flatnonzero(keep == best)[0]]) > 0.3]
    points = raw[near, 4:].reshape(-1, 4, 2) + detection_anchors()[near][:, None] * _DETECTOR_SIZE
    return np.asarray(np.average(points, axis=0, weights=scores[near]))


def _iou(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.maximum(high - low, 0).prod(-1)
    areas = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(-1)
    return np.asarray(common / np.maximum(areas + np.maximum(box[2:] - box[:2], 0).prod() - common, 1e-9))
