"""The first detector: MoveNet MultiPose cut at its heads, decoded here in NumPy for any number of people.

The network says, on a grid of cells of 4 pixels, where persons' centres are, where joints are (one heat map each), and
from a person's centre where its joints should be. Decoding: local maxima of the centre map are people; from each, the
regressed start point of a joint pulls it to the nearest strong cell of that joint's heat map; an offset map gives the
place within the cell. Nothing is searched over the whole map, so that more people cost next to nothing.

The network is Google's MoveNet MultiPose (Apache-2.0); `anchorpose.learn.convert_movenet` makes the file that ships.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from anchorpose.poses.skeletons import COCO17
from anchorpose.poses.values import Frame, Pose
from anchorpose.sense.detector import FULL_LOOK_EVERY, Resized, resize, sides_after, sides_for
from anchorpose.sense.integrate import AREA_OF_BOX, box_areas, merge_passes, oks_nms
from anchorpose.sense.models import load_session
from anchorpose.sense.zoom import Look, from_afar, inside, moved, plan

if TYPE_CHECKING:
    import onnxruntime

MODEL = "movenet_multipose"
CELL = 4
#: The network's positions lie this far, in its pixels, from positions measured from the picture's outer corner: so a
#: photo's positions and its mirror image's say.
BIAS = 0.25
#: Where traces that are not there lie, in cells.
FAR = 1e6
OUTPUTS = ("center", "heatmap", "peaks", "regress", "offset", "box_size", "box_offset")


@dataclass(frozen=True)
class Decoding:
    """How maps become people. The defaults were chosen on training photos (docs/detector.md).

    Attributes:
        center: least value of a person's centre; a centre is the largest of its 3 x 3 cells.
        trace: least value of a heat map's local maximum that may be a joint.
        sharpness: power of a trace's value, against the pull towards the start point.
        pull: the Gaussian around the start point has the standard deviation hypot(share * longer side, cells) for
            `pull = (share, cells)`.
        contested: the same for a joint of which a person with a stronger pull took the trace.
        best_joints: a person's score is centre ** .25 times the mean of this many best joints.
        score: least score of a person.
        nms: OKS above which two people are one.
        most: no more people than this are looked at.
    """

    center: float = 0.02
    trace: float = 0.02
    sharpness: float = 2.0
    pull: tuple[float, float] = (0.2, 2.0)
    contested: tuple[float, float] = (0.08, 1.0)
    best_joints: int = 8
    score: float = 0.3
    nms: float = 0.5
    most: int = 100


DEFAULT = Decoding()


@dataclass(frozen=True)
class Decoded:
    """People in network pixels, measured from the outer corner of the picture.

    `joints` (P, 17, 2) x y, `joint_scores` (P, 17), `boxes` (P, 4) xyxy, `scores` (P,), best first.
    """

    joints: np.ndarray
    joint_scores: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Traces:
    """Local maxima of the heat maps, joint by joint, filled up with a value of 0 far away: all (J, K).

    `column`, `row` of the cell, `value` of the heat map; `least`: the value they have at least.
    """

    column: np.ndarray
    row: np.ndarray
    value: np.ndarray
    least: float


@dataclass(frozen=True)
class Choice:
    """What each person takes for each joint, all (P, J): `column`, `row`, heat map's `value`, the number of the `trace`
    (-1: none, the cell of the start point) and the `pull` of the start point there."""

    column: np.ndarray
    row: np.ndarray
    value: np.ndarray
    trace: np.ndarray
    pull: np.ndarray

    def take(self, keep: np.ndarray) -> Choice:
        return Choice(self.column[keep], self.row[keep], self.value[keep], self.trace[keep], self.pull[keep])


def decode(maps: dict[str, np.ndarray], how: Decoding = DEFAULT) -> Decoded:
    """People from the network's maps, each (channels, rows, columns)."""
    rows, columns = find_centers(maps["center"][0], how)
    start = _regressed(maps["regress"], rows, columns)
    boxes, sides = _boxes(maps, rows, columns)
    traces = find_traces(maps["peaks"], how.trace)
    wide = choose(maps["heatmap"], traces, start, np.hypot(how.pull[0] * sides, how.pull[1]), how.sharpness)
    best = np.partition(wide.value, -how.best_joints, axis=-1)[:, -how.best_joints :]
    scores = maps["center"][0, rows, columns] ** 0.25 * best.mean(-1)

    keep = np.flatnonzero(scores >= how.score)
    cells = np.stack([wide.column[keep], wide.row[keep]], -1)
    areas = AREA_OF_BOX * box_areas(boxes[keep])
    keep = keep[oks_nms(cells, scores[keep], areas, COCO17.sigmas, how.nms)]
    spread = np.hypot(how.contested[0] * sides[keep], how.contested[1])
    final = _settle(maps["heatmap"], traces, start[:, keep], wide.take(keep), spread, how.sharpness)
    joints = np.stack([final.column, final.row], -1) + _offset(maps["offset"], final)
    return Decoded(joints * CELL + BIAS, final.value, boxes[keep] * CELL + BIAS, scores[keep])


def find_centers(center: np.ndarray, how: Decoding) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the local maxima of `center` (rows, columns), best first."""
    rows, columns = np.nonzero((center >= _local_max(center)) & (center >= how.center))
    best = np.argsort(-center[rows, columns], kind="stable")[: how.most]
    return rows[best], columns[best]


def _local_max(values: np.ndarray) -> np.ndarray:
    """Largest of each cell of (rows, columns) and its eight neighbours."""
    tall = values.copy()
    np.maximum(tall[1:], values[:-1], out=tall[1:])
    np.maximum(tall[:-1], values[1:], out=tall[:-1])
    largest = tall.copy()
    np.maximum(largest[:, 1:], tall[:, :-1], out=largest[:, 1:])
    np.maximum(largest[:, :-1], tall[:, 1:], out=largest[:, :-1])
    return largest


def _regressed(regress: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(2, P, J): x and y, in cells, where the centres' cells say that the joints are."""
    values = regress[:, rows, columns]
    return np.stack([columns[:, None] + values[1::2].T, rows[:, None] + values[::2].T])


def _boxes(maps: dict[str, np.ndarray], rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (P, 4) xyxy and their longer sides (P,), in cells."""
    middle = np.stack([columns, rows], -1) + maps["box_offset"][::-1, rows, columns].T
    half = np.maximum(maps["box_size"][::-1, rows, columns].T, 0.5) / 2
    return np.concatenate([middle - half, middle + half], -1), 2 * half.max(-1)


def find_traces(peaks: np.ndarray, least: float) -> Traces:
    """Local maxima of at least `least`; `peaks` (J, rows, columns) is 0 elsewhere."""
    joints, rows, columns = peaks.shape
    flat = np.flatnonzero(peaks.ravel() >= least)
    joint, cell = np.divmod(flat, rows * columns)
    count = np.bincount(joint, minlength=joints)
    number = np.arange(len(flat)) - np.repeat(np.cumsum(count) - count, count)
    shape = (joints, max(1, int(count.max(initial=0))))
    column, row = np.full(shape, FAR, np.float32), np.full(shape, FAR, np.float32)
    value = np.zeros(shape, np.float32)
    row[joint, number], column[joint, number] = np.divmod(cell, columns)
    value[joint, number] = peaks.ravel()[flat]
    return Traces(column, row, value, least)


def choose(heatmap: np.ndarray, traces: Traces, start: np.ndarray, spread: np.ndarray, sharpness: float) -> Choice:
    """For each person and joint the trace with the greatest value ** sharpness * pull, or the cell of the start point.

    The latter where no trace is worth more than the heat there, and more than the least trace would be there.

    Args:
        start: (2, P, J) x y in cells; spread: (P,) standard deviation of the pull, in cells.
    """
    joints, rows, columns = heatmap.shape
    x, y = start.astype(np.float32)
    narrow = (-0.5 / spread**2).astype(np.float32)[:, None]
    pull = np.exp(narrow[..., None] * ((x[..., None] - traces.column) ** 2 + (y[..., None] - traces.row) ** 2))
    worth = traces.value**sharpness * pull
    trace = worth.argmax(-1)
    joint = np.arange(joints)
    person = np.arange(len(trace))[:, None]
    home_x = np.clip(np.rint(x), 0, columns - 1).astype(np.int32)
    home_y = np.clip(np.rint(y), 0, rows - 1).astype(np.int32)
    home = heatmap[joint, home_y, home_x]
    home_pull = np.exp(narrow * ((x - home_x) ** 2 + (y - home_y) ** 2))
    stay = worth[person, joint, trace] < np.maximum(home, traces.least) ** sharpness * home_pull
    return Choice(
        np.where(stay, home_x, traces.column[joint, trace].astype(np.int32)),
        np.where(stay, home_y, traces.row[joint, trace].astype(np.int32)),
        np.where(stay, home, traces.value[joint, trace]),
        np.where(stay, -1, trace),
        pull[person, joint, trace],
    )


def _settle(
    heatmap: np.ndarray, traces: Traces, start: np.ndarray, wide: Choice, spread: np.ndarray, sharpness: float
) -> Choice:
    """`wide`, but a trace goes to one person only: the others look again, near their own start points."""
    lost = contested(wide.trace, wide.pull)
    if not lost.any():
        return wide
    near = choose(heatmap, traces, start, spread, sharpness)
    return Choice(*(np.where(lost, getattr(near, f.name), getattr(wide, f.name)) for f in fields(Choice)))


def contested(trace: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """(P, J) True where another person took the same trace with a stronger pull."""
    same = (trace[:, None] == trace[None]) & (trace >= 0)[:, None]
    return (same & (pull[None] > pull[:, None])).any(1)


def _offset(offset: np.ndarray, choice: Choice) -> np.ndarray:
    """(P, J, 2) x y in cells: the joints' places in their cells."""
    joint = np.arange(choice.row.shape[-1])
    x = offset[2 * joint + 1, choice.row, choice.column]
    return np.stack([x, offset[2 * joint, choice.row, choice.column]], -1)


class MoveNetDetector:
    """MoveNet MultiPose as a `Detector`.

    Args:
        quality: "fast", "balanced" or "best": how large the picture is at the network, and whether two passes are
            merged (`anchorpose.sense.detector.sides_for`).
        session: the network, if it is loaded already; else the one that ships is loaded.
        threads: for loading it; None: as many as there are processors, four at most.
        decoding: thresholds and the like.
    """

    skeleton = "coco17"

    def __init__(
        self,
        quality: str = "balanced",
        session: onnxruntime.InferenceSession | None = None,
        threads: int | None = None,
        decoding: Decoding = DEFAULT,
    ) -> None:
        sides_for(quality, 1, 1)  # an unknown quality is an error now, not at the first picture
        self.quality = quality
        self.decoding = decoding
        self.session = session or load_session(MODEL, threads)

    def maps(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The network's heads for (H, W, 3) uint8, H and W multiples of 32: each (channels, H / 4, W / 4)."""
        heads = self.session.run(OUTPUTS, {"image": image[None]})
        return {name: value[0] for name, value in zip(OUTPUTS, heads, strict=True)}

    def detect(self, frame: Frame, previous: Sequence[Pose] | None = None) -> list[Pose]:
        """People of the frame, best first; see `anchorpose.sense.detector.Detector`.

        The poses are in COCO's skeleton; a joint's score is the heat map's value (0 to 1) at the chosen cell.
        """
        width, height = frame.width, frame.height
        sides = sides_for(self.quality, width, height)
        look = None
        if previous and self.quality != "fast":
            look = plan(previous, width, height, max(width, height) / sides[0])
            if look and self.quality == "balanced":  # what the closer look costs, the whole picture gives up
                sides = sides_for("fast", width, height)
        if previous and not look and frame.index % FULL_LOOK_EVERY:
            sides = sides_after(sides, previous, width, height)
        inputs = [resize(frame.image, side) for side in sides]
        passes = [self.detect_in(resized) for resized in inputs]
        scales = [1 / float(resized.scale.max()) for resized in inputs]
        if side := from_afar(passes[-1], max(inputs[-1].size), scales[-1]):
            far = resize(frame.image, side)
            passes, scales = [*passes, self.detect_in(far)], [*scales, 1 / float(far.scale.max())]
        if self.quality == "best" and not look:
            look = plan(max(passes, key=len), width, height, 1 / scales[0])
        if look:
            closer, scale = self._look_closer(frame.image, look)
            passes, scales = [*passes, closer], [*scales, scale]
        return passes[0] if len(passes) == 1 else merge_passes(passes, scales, self.decoding.nms)

    def _look_closer(self, image: np.ndarray, look: Look) -> tuple[list[Pose], float]:
        """People who are whole in a part of the picture, and network pixels for one of the source."""
        x0, y0, x1, y1 = look.part
        resized = resize(np.ascontiguousarray(image[y0:y1, x0:x1]), look.longest)
        pixel = float(resized.scale.max())
        found = [moved(pose, x0, y0) for pose in self.detect_in(resized)]
        height, width = image.shape[:2]
        return [pose for pose in found if inside(pose, look, width, height, CELL * pixel)], 1 / pixel

    def detect_in(self, resized: Resized) -> list[Pose]:
        """People of a picture at the network's size, in pixels of its source."""
        return _poses(decode(self.maps(resized.image), self.decoding), resized)


def _poses(found: Decoded, resized: Resized) -> list[Pose]:
    joints = resized.to_source(found.joints)
    boxes = resized.to_source(found.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    return [
        Pose("coco17", score, box, points, scores)
        for score, box, points, scores in zip(found.scores, boxes, joints, found.joint_scores, strict=True)
    ]
