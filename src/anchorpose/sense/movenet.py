"""The first detector: MoveNet MultiPose cut at its heads, decoded here in NumPy for any number of people.

The network says, on a grid of cells of 4 pixels, where persons' centres are, where joints are (one heat map each), and
from a person's centre where its joints should be. Decoding: local maxima of the centre map are people; from each, the
regressed start point of a joint pulls it to the nearest strong cell of that joint's heat map; an offset map gives the
place within the cell. Nothing is searched over the whole map, so that more people cost next to nothing.

The network is Google's MoveNet MultiPose (Apache-2.0); `anchorpose.learn.convert_movenet` makes the file that ships.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anchorpose.poses.skeletons import COCO17
from anchorpose.poses.values import Frame, Pose
from anchorpose.sense.detector import Resized, resize
from anchorpose.sense.integrate import AREA_OF_BOX, box_areas, oks_nms
from anchorpose.sense.models import load_session

if TYPE_CHECKING:
    import onnxruntime

MODEL = "movenet_multipose"
CELL = 4
OUTPUTS = ("center", "heatmap", "regress", "offset", "box_size", "box_offset")


@dataclass(frozen=True)
class Decoding:
    """How maps become people. The defaults were chosen on training photos (docs/detector.md).

    Attributes:
        center: least value of a person's centre.
        peak: a centre is the largest within this many cells each way.
        pull: the start point's Gaussian has a variance, in cells squared, of `pull` times the shorter side of the map.
        reach: joints are looked for within this many cells of the start point.
        sure: joints above this count for a person's score.
        score: least score of a person (centre times mean of its sure joints).
        nms: OKS above which two people are one.
        most: no more people than this are looked at.
    """

    center: float = 0.1
    peak: int = 2
    pull: float = 0.15
    reach: int = 8
    sure: float = 0.127
    score: float = 0.1
    nms: float = 0.5
    most: int = 200


@dataclass(frozen=True)
class Decoded:
    """People in network pixels measured from the outer corner of the first one.

    `joints` (P, 17, 2) x y, `joint_scores` (P, 17), `boxes` (P, 4) xyxy, `scores` (P,), best first.
    """

    joints: np.ndarray
    joint_scores: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, keep: np.ndarray) -> Decoded:
        return Decoded(self.joints[keep], self.joint_scores[keep], self.boxes[keep], self.scores[keep])


def decode(maps: dict[str, np.ndarray], how: Decoding = Decoding()) -> Decoded:
    """People from the network's maps, each (channels, rows, columns)."""
    rows, columns = find_centers(maps["center"][0], how)
    cells = np.stack([columns, rows], -1).astype(np.float32)
    start = cells[:, None] + _pairs(maps["regress"][:, rows, columns])
    joints, joint_scores = snap(maps["heatmap"], maps["offset"], start, how)
    middle = cells + maps["box_offset"][::-1, rows, columns].T
    half = np.maximum(maps["box_size"][::-1, rows, columns].T, 0) / 2
    boxes = np.concatenate([middle - half, middle + half], -1)
    sure = joint_scores > how.sure
    mean = (joint_scores * sure).sum(-1) / np.maximum(sure.sum(-1), 1)
    scores = maps["center"][0, rows, columns] * mean
    found = Decoded(joints * CELL, joint_scores, boxes * CELL, scores)
    found = found.take(np.flatnonzero(scores >= how.score))
    areas = AREA_OF_BOX * box_areas(found.boxes)
    return found.take(oks_nms(found.joints, found.scores, areas, COCO17.sigmas, how.nms))


def _pairs(values: np.ndarray) -> np.ndarray:
    """(2 J, P) y x pairs joint by joint -> (P, J, 2) x y."""
    return values.reshape(len(values) // 2, 2, -1).transpose(2, 0, 1)[..., ::-1]


def find_centers(center: np.ndarray, how: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the local maxima of `center` (rows, columns), best first."""
    largest = _local_max(center, how.peak)
    rows, columns = np.nonzero((center >= largest) & (center >= how.center))
    best = np.argsort(-center[rows, columns], kind="stable")[: how.most]
    return rows[best], columns[best]


def _local_max(values: np.ndarray, reach: int) -> np.ndarray:
    """Largest of the (2 reach + 1)^2 neighbours of each cell, one axis after the other."""
    for axis in (0, 1):
        width = [(reach, reach) if k == axis else (0, 0) for k in (0, 1)]
        padded = np.pad(values, width, constant_values=-np.inf)
        values = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis).max(-1)
    return values


def snap(heatmap: np.ndarray, offset: np.ndarray, start: np.ndarray, how: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Pull start points to the strongest near cells of the heat maps.

    Args:
        heatmap: (J, rows, columns); offset: (2 J, rows, columns); start: (P, J, 2) x y in cells.

    Returns:
        (P, J, 2) x y in cells, and (P, J) the heat map's value at the chosen cell.
    """
    joints, height, width = heatmap.shape
    if not len(start):
        return np.zeros((0, joints, 2)), np.zeros((0, joints))
    reach = how.reach
    size = 2 * reach + 1
    numbers = np.arange(joints)
    corner = np.rint(start).astype(int) - reach
    corner = np.clip(corner, -size, np.array([width, height]))  # a start far outside meets zeros only
    padded = np.zeros((joints, height + 2 * size, width + 2 * size), np.float32)
    padded[:, size : size + height, size : size + width] = heatmap
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    near = windows[numbers, corner[..., 1] + size, corner[..., 0] + size]
    steps = np.arange(size, dtype=np.float32)
    apart = (corner.astype(np.float32) - start)[..., None] + steps
    pull = np.exp(-(apart**2) / (2 * how.pull * min(height, width)))
    flat = (near * pull[..., 1, :, None] * pull[..., 0, None, :]).reshape(*start.shape[:2], -1)
    best = flat.argmax(-1)
    rows = np.clip(corner[..., 1] + best // size, 0, height - 1)
    columns = np.clip(corner[..., 0] + best % size, 0, width - 1)
    cell = np.stack([columns, rows], -1)
    shift = np.stack([offset[2 * numbers + 1, rows, columns], offset[2 * numbers, rows, columns]], -1)
    return cell + shift, heatmap[numbers, rows, columns]


#: Longest side of the picture at the network, one for each pass.
PASSES = {"fast": (256,), "balanced": (320,), "best": (256, 448)}


class MoveNetDetector:
    """MoveNet MultiPose as a `Detector`."""

    skeleton = "coco17"

    def __init__(
        self,
        quality: str = "balanced",
        session: onnxruntime.InferenceSession | None = None,
        threads: int | None = None,
        decoding: Decoding = Decoding(),
    ) -> None:
        self.passes = PASSES[quality]
        self.decoding = decoding
        self._session = session or load_session(MODEL, threads)

    def maps(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The network's heads for (H, W, 3) uint8, H and W multiples of 32."""
        return {name: value[0] for name, value in zip(OUTPUTS, self._session.run(OUTPUTS, {"image": image[None]}))}

    def one_pass(self, resized: Resized) -> list[Pose]:
        return _poses(decode(self.maps(resized.image), self.decoding), resized)

    def detect(self, frame: Frame, previous: Sequence[Pose] | None = None) -> list[Pose]:
        """People of the frame, best first; see `anchorpose.sense.detector.Detector`."""
        return self.one_pass(resize(frame.image, self.passes[-1]))


def _poses(found: Decoded, resized: Resized) -> list[Pose]:
    joints = resized.to_source(found.joints)
    boxes = resized.to_source(found.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    return [
        Pose("coco17", score, box, points, scores)
        for score, box, points, scores in zip(found.scores, boxes, joints, found.joint_scores, strict=True)
    ]
