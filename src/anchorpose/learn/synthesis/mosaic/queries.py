"""Queries: motion capture poses before virtual cameras, as pictures of a given size would show them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.measure.virtual import (
    MEAN_STATURE,
    STATURE_SPREAD,
    TRAIN,
    ViewRange,
    sample_views,
    stature,
    torso_axes,
    vary_proportions,
)
from anchorpose.poses.cameras import Camera, look_rotation
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import mirror_joints, rotation_y, torso_centred

VIEWS = replace(TRAIN, definitions=0.0, focal_error=0.0, field=0.0, distance=(2.5, 9.0), tumble_share=0.04)
"""Cameras that look at the person; joints are where the motion capture has them, so that labels are exact."""

_HEAD_ROOM, _FOOT_ROOM = 0.16, 0.09  # m above the centre of the head and below the ankles


@dataclass(frozen=True, eq=False)
class Query:
    """What a mosaic is to show.

    Attributes:
        joints3d: (13, 3) BODY13 [m] in the camera frame.
        camera: of the picture.
        attributes: clip, frame, subject, mirrored: JSON values.
    """

    joints3d: np.ndarray
    camera: Camera
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def joints2d(self) -> np.ndarray:
        """(13, 2) [px]: the query pose p."""
        return self.camera.project(self.joints3d)

    def cropped(self, camera: Camera) -> Query:
        """The same person in another picture of the same camera (a crop, another size)."""
        return replace(self, camera=camera)


def load_corpus(path: str | Path, split: str | None = None) -> Corpus:
    """Poses from a file of `Corpus.save`, or of a folder of motion capture with its index.csv.

    Raises:
        InputError: no frames, or frames with joints that are not there; they are named.
        FileError, FormatError: nothing like it can be read there.
    """
    path = Path(path)
    if path.is_dir():
        corpus = read_corpus(path, split, progress=False)
    else:
        corpus = Corpus.load(path)
        corpus = corpus if split is None else corpus.split(split)
    if not len(corpus):
        raise InputError(f"{path}: no frames of motion capture" + (f" in the split {split!r}" if split else ""))
    unknown = ~np.isfinite(corpus.joints3d.sum(-1))
    if unknown.any():
        names = ", ".join(np.array(BODY13.names)[unknown.any(0)])
        raise InputError(f"{path}: {np.count_nonzero(unknown.any(1))} of {len(corpus)} frames have no {names}")
    return corpus


_SAME = 1e-6  # m2: poses that are no further apart are one


def balanced_chances(corpus: Corpus, kinds: int = 256, even: float = 0.5, seed: int = 0) -> np.ndarray:
    """(N,) cumulative chances of the frames: a share `even` of the draws is even over kinds of pose, the rest uniform.

    A kind is what lies nearest to one of `kinds` frames that lie far apart, so that hours of standing and walking do
    not drown the rest.
    """
    joints = corpus.joints3d.astype(float)
    local = (torso_centred(joints) @ torso_axes(joints)).reshape(len(joints), -1).astype(np.float32)
    rng = np.random.default_rng(seed)
    pool = local[rng.integers(len(local), size=min(4000, len(local)))]
    centres, distance = [pool[0]], np.full(len(pool), np.inf, np.float32)
    while len(centres) < min(kinds, len(pool)):
        distance = np.minimum(distance, ((pool - centres[-1]) ** 2).sum(1))
        # Not the very farthest: those are the errors of the motion capture.
        order = np.argsort(distance, kind="stable")
        apart = order[int(np.searchsorted(distance[order], _SAME)) :]
        if not len(apart):
            break  # all that is left is there already
        chosen = order[int(0.9 * (len(pool) - 1))]
        centres.append(pool[chosen if distance[chosen] > _SAME else apart[int(0.9 * (len(apart) - 1))]])
    c = np.array(centres)
    label = np.concatenate(
        [np.argmin((c**2).sum(1) - 2 * part @ c.T, axis=1) for part in np.array_split(local, -(-len(local) // 20000))]
    )
    count = np.bincount(label, minlength=len(c))
    chances = (1 - even) / len(local) + even / count[label] / (count > 0).sum()
    return np.cumsum(chances)


def draw_frame(
    corpus: Corpus, chances: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """A frame, mirrored or not: its pose (1, 13, 3) [m], y up, the head's direction (1, 3), and where it is from."""
    row = int(np.searchsorted(chances, rng.random() * chances[-1]))
    joints, facing = corpus.joints3d[row : row + 1].astype(float), corpus.facing[row : row + 1].astype(float)
    mirrored = bool(rng.random() < 0.5)
    if mirrored:
        joints, facing = mirror_joints(joints, BODY13.mirror), facing * (-1, 1, 1)
    record = corpus.clips[int(corpus.clip[row])]
    attributes = {
        "clip": record.path, "frame": int(corpus.frame[row]), "subject": record.subject, "mirrored": mirrored,
    }  # fmt: skip
    return joints, facing, attributes


def draw_person(
    corpus: Corpus, chances: np.ndarray, rng: np.random.Generator, views: ViewRange = VIEWS
) -> tuple[np.ndarray, dict[str, Any]]:
    """A pose (13, 3) [m] in the frame of a camera that looks at it, torso on the axis, and where it is from."""
    joints, facing, attributes = draw_frame(corpus, chances, rng)
    return sample_views(joints, facing, rng, views).joints_camera[0], attributes


def draw_world_pose(
    corpus: Corpus, chances: np.ndarray, rng: np.random.Generator, proportions: float = VIEWS.proportions
) -> tuple[np.ndarray, dict[str, Any]]:
    """A pose (13, 3) [m] on the floor y = 0, hips above the origin, turned any way, and where it is from."""
    joints, _, attributes = draw_frame(corpus, chances, rng)
    floor = float(joints[..., 1].min())
    joints = vary_proportions(joints, proportions, rng)
    height = np.clip(rng.normal(MEAN_STATURE, STATURE_SPREAD), 1.3, 2.1)
    factor = float(height / stature(joints)[0])
    turned = joints[0] * factor @ rotation_y(float(rng.uniform(-np.pi, np.pi))).T
    turned[:, [0, 2]] -= turned[[BODY13.index("r_hip"), BODY13.index("l_hip")]][:, [0, 2]].mean(0)
    # Who was in the air stays there; who was on the floor keeps his ankles as high above it as they were.
    turned[:, 1] += float(np.clip(floor, 0.02, 0.6)) * factor - turned[:, 1].min()
    return turned, attributes


def body_box(joints3d: np.ndarray, camera: Camera) -> np.ndarray:
    """(4,) x0, y0, x1, y1 [px] of a pose (13, 3) with its head, hands and feet, not clipped."""
    depth = np.maximum(joints3d[:, 2], 0.2)
    room = np.full(len(BODY13), 0.08)
    room[BODY13.index("head")] = _HEAD_ROOM
    room[[BODY13.index("r_wrist"), BODY13.index("l_wrist")]] = 0.13
    room[[BODY13.index("r_ankle"), BODY13.index("l_ankle")]] = _FOOT_ROOM
    pixels = camera.project(np.column_stack([joints3d[:, :2], depth]))
    margin = (room * camera.fx / depth)[:, None]
    return np.concatenate([(pixels - margin).min(0), (pixels + margin).max(0)])


def frame_person(
    joints3d: np.ndarray, size: tuple[int, int], fill: float, place: tuple[float, float], max_fov: float = 75.0
) -> tuple[np.ndarray, Camera]:
    """Zoom and turn the camera so that a person fills the picture.

    Args:
        joints3d: (13, 3) [m], before the camera.
        size: width and height [px].
        fill: the person's box over the picture's side (whichever of both sides is fuller).
        place: where the middle of the box lies, as a share of the room that is left over (0 left/top, 1 right/bottom).
            With a `fill` over 1 it is the other way round: what is cut off.

    Returns:
        the pose in the turned camera's frame, and the camera.
    """
    width, height = size
    box = body_box(joints3d, Camera(1.0, 1.0, 0.0, 0.0, 1, 1))
    ray = np.array([*(box[:2] + box[2:]) / 2, 1.0])
    turned = joints3d @ look_rotation(ray).T
    unit = body_box(turned, Camera(1.0, 1.0, 0.0, 0.0, 1, 1))
    sides = unit[2:] - unit[:2]
    focal = fill * min(width / sides[0], height / sides[1])
    focal = max(focal, max(width, height) / 2 / np.tan(np.radians(max_fov) / 2))
    camera = Camera.from_focal(width, height, focal, "focal")
    # Where the middle of the box goes: `place` of what is left over on each side.
    spare = (np.array(size) - focal * sides) / 2 / focal
    middle = (unit[:2] + unit[2:]) / 2
    target = np.array([*((2 * np.array(place) - 1) * spare - middle), 1.0])
    return turned @ look_rotation(target), camera


def draw_query(
    corpus: Corpus,
    chances: np.ndarray,
    rng: np.random.Generator,
    size: tuple[int, int],
    truncated: float = 0.0,
    views: ViewRange = VIEWS,
) -> Query:
    """A single person that fills most of the picture; with a chance of `truncated` cut by its border."""
    joints3d, attributes = draw_person(corpus, chances, rng, views)
    cut = rng.random() < truncated
    fill = rng.uniform(1.05, 1.9) if cut else rng.uniform(0.62, 0.92)
    # Legs are what is mostly cut off: the box's lower part hangs out.
    place = (rng.uniform(0.3, 0.7), rng.uniform(-0.05, 0.35)) if cut else (rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9))
    joints3d, camera = frame_person(joints3d, size, fill, place)
    return Query(joints3d, camera, attributes)
