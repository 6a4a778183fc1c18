"""Protocols on photos: which people of which set count, and what each contender makes of them, side by side.

The sets only measure: nothing is trained, fitted or chosen on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from anchorpose.files.labels import LabelledImage, LabelledPerson, read_labels
from anchorpose.measure.keypoint_ap import KeypointAP, keypoint_ap
from anchorpose.measure.metrics import (
    FOUND_OKS,
    Score,
    body12,
    match_people,
    oks_matrix,
    pck2d,
    pckh,
    torso_diagonal,
)
from anchorpose.poses.errors import InputError
from anchorpose.poses.values import Frame, Pose

# Of coco_mini's values of `persons` those whose list of people is complete enough to call a detection false.
COMPLETE = ("official", "boxes_no_crowd")
_FILES = {
    "lspet_val": ("lspet", "lspet_val.json"),
    "coco_mini": ("coco_mini", "coco_mini.json"),
    "parse": ("parse", "parse_train.json"),
}
PHOTO_SETS = tuple(_FILES)


@dataclass(frozen=True)
class PhotoSet:
    """Labelled photos that count.

    Attributes:
        images: the photos, with the people that count.
        complete: for each photo whether its list of people is complete, so that AP may be counted.
        left_out: photos and people left out, with the reason.
    """

    name: str
    skeleton: str
    images: tuple[LabelledImage, ...]
    complete: tuple[bool, ...]
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """Something that finds poses: `run(frame, boxes)` gives people; with `boxed`, one for each box, in order."""

    name: str
    run: Callable[[Frame, np.ndarray], list[Pose]]
    boxed: bool = False


@dataclass(frozen=True)
class PhotoResult:
    """One contender on one set.

    Attributes:
        pck: PCK at .2 of the torso, mean over people; its coverage is the share found (OKS of .1 or more).
        pckh: the same for PCKh at .5, None where heads are not labelled.
        ap: None for contenders that were given the boxes, and for sets without complete photos.
        milliseconds: median of one photo, all its people.
        given: mean number of people given for a photo, where boxes were not. PCK alone does not punish people who are
            not there.
        pck_joints: the same counts pooled over joints: people of whom more is labelled weigh more.
        per_person: (people,) PCK of each, for paired comparisons.
    """

    pck: Score
    pckh: Score | None
    ap: KeypointAP | None
    milliseconds: float
    given: float
    pck_joints: float
    per_person: np.ndarray


def photo_set(name: str, limit: int | None = None) -> PhotoSet:
    """One of `PHOTO_SETS` from the data root; `limit` photos, evenly spread, for a quick look.

    Left out: photos of which (almost) the same is elsewhere in the source (`same_photo_as`), people whose left and
    right are in doubt (`lr_suspect`; `lr_legs` or `lr_arms` unsure).
    """
    if name not in _FILES:
        raise InputError(f"no photo set {name!r}; there are {', '.join(PHOTO_SETS)}")
    from anchorpose.files import dataset_path

    labels = read_labels(dataset_path(*_FILES[name]))
    images, left_out = select(labels.images)
    if limit is not None and limit < len(images):
        images = [images[i] for i in np.linspace(0, len(images) - 1, max(1, limit)).round().astype(int)]
    complete = tuple(image.attributes.get("persons") in COMPLETE for image in images)
    return PhotoSet(name, labels.skeleton.name, tuple(images), complete, left_out)


def select(images: Iterable[LabelledImage]) -> tuple[list[LabelledImage], dict[str, int]]:
    """The photos and people that count, and how many were left out for what."""
    kept, left_out = [], dict.fromkeys(("same_photo_as", "lr_suspect", "unsure sides"), 0)
    for image in images:
        if image.attributes.get("same_photo_as"):
            left_out["same_photo_as"] += 1
            continue
        reasons = [(person, doubt(image, person)) for person in image.people]
        for _, reason in reasons:
            if reason:
                left_out[reason] += 1
        people = tuple(person for person, reason in reasons if not reason)
        if people or not image.people:
            kept.append(replace(image, people=people))
    return kept, {reason: count for reason, count in left_out.items() if count}


def doubt(image: LabelledImage, person: LabelledPerson) -> str:
    """Why the sides of a person are in doubt; empty if they are not."""
    if person.attributes.get("lr_suspect") or image.attributes.get("lr_suspect"):
        return "lr_suspect"
    sides = (person.attributes.get(key, image.attributes.get(key)) for key in ("lr_legs", "lr_arms"))
    return "unsure sides" if "unsure" in sides else ""


def measure(
    photos: PhotoSet,
    contenders: Sequence[Contender],
    progress: bool = False,
    read: Callable[[LabelledImage], Frame] | None = None,
) -> dict[str, PhotoResult]:
    """All contenders on all photos, one photo after the other, so that the machine's moods hit all alike.

    `read` gives the frame of a photo, where it is not the file that `path` names.
    """
    runs = {contender.name: _Run(contender, photos) for contender in contenders}
    for image in _with_progress(photos, progress):
        frame, truth = (read or _frame)(image), _truth(image, photos.skeleton)
        for run in runs.values():
            run.add(frame, truth)
    return {name: run.result() for name, run in runs.items()}


def paired_difference(values: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Mean of `values - others` (people,), and half the width of its 95 % interval."""
    difference = np.asarray(values, float) - np.asarray(others, float)
    if len(difference) < 2:
        return float(difference.mean()) if len(difference) else float("nan"), float("nan")
    return float(difference.mean()), float(1.96 * difference.std(ddof=1) / np.sqrt(len(difference)))


@dataclass(frozen=True)
class _Truth:
    """The people of one photo with at least one of the 12 joints labelled."""

    joints: np.ndarray
    labelled: np.ndarray
    areas: np.ndarray
    boxes: np.ndarray
    neck: np.ndarray | None
    head_top: np.ndarray | None


def _truth(image: LabelledImage, skeleton: str) -> _Truth:
    people = [p for p in image.people if not p.iscrowd and np.isfinite(body12(p.joints2d, skeleton)).any()]
    points = np.stack([p.joints2d for p in people]) if people else np.zeros((0, *_shape(skeleton)))
    joints = body12(points, skeleton)
    neck, head_top = (_named(points, skeleton, name) for name in ("neck", "head_top"))
    boxes = np.array([p.box for p in people]).reshape(-1, 4)
    areas = np.array([p.area for p in people])
    return _Truth(np.nan_to_num(joints), np.isfinite(joints).all(-1), areas, boxes, neck, head_top)


def _shape(skeleton: str) -> tuple[int, int]:
    from anchorpose.poses.skeletons import get_skeleton

    return len(get_skeleton(skeleton)), 2


def _named(points: np.ndarray, skeleton: str, name: str) -> np.ndarray | None:
    from anchorpose.poses.skeletons import get_skeleton

    record = get_skeleton(skeleton)
    return points[:, record.index(name)] if name in record else None


def _frame(image: LabelledImage) -> Frame:
    from anchorpose.files.images import read_image

    return Frame(read_image(image.path), source=image.path.name)


def _with_progress(photos: PhotoSet, progress: bool) -> Iterator[LabelledImage]:
    if not progress:
        return iter(photos.images)
    from tqdm import tqdm

    return iter(tqdm(photos.images, desc=photos.name, unit="photo"))


class _Run:
    """Gathers what one contender does on one set."""

    def __init__(self, contender: Contender, photos: PhotoSet) -> None:
        self.contender, self.photos = contender, photos
        self.pck: list[np.ndarray] = []
        self.pckh: list[np.ndarray] = []
        self.found: list[np.ndarray] = []
        self.seconds: list[float] = []
        self.poses: list[list[Pose]] = []
        self.labelled: list[np.ndarray] = []

    def add(self, frame: Frame, truth: _Truth) -> None:
        if not self.seconds:
            self.contender.run(frame, truth.boxes)  # the first call pays for memory that the others reuse
        start = time.perf_counter()
        poses = self.contender.run(frame, truth.boxes)
        self.seconds.append(time.perf_counter() - start)
        self.poses.append(poses)
        joints, found = self._matched(poses, truth)
        counts = np.isfinite(torso_diagonal(truth.joints, truth.labelled))
        self.found.append(found[counts])
        self.pck.append(pck2d(joints, truth.joints, truth.labelled)[counts])
        self.labelled.append(truth.labelled[counts].sum(-1))
        if truth.neck is not None and truth.head_top is not None:
            value = pckh(joints, truth.joints, truth.labelled, truth.neck, truth.head_top)
            self.pckh.append(value[np.isfinite(value)])

    def _matched(self, poses: list[Pose], truth: _Truth) -> tuple[np.ndarray, np.ndarray]:
        """For each labelled person the joints of its pose (NaN without one), and whether it was found."""
        joints = np.full(truth.joints.shape, np.nan)
        if not poses or not len(joints):
            return joints, np.zeros(len(joints), bool)
        given = np.stack([_joints(pose) for pose in poses])
        oks = oks_matrix(given, truth.joints, truth.labelled, truth.areas)
        match = np.arange(len(joints)) if self.contender.boxed else match_people(oks)
        rows = np.flatnonzero(match >= 0)
        joints[rows] = given[match[rows]]
        found = np.zeros(len(joints), bool)
        found[rows] = oks[rows, match[rows]] >= FOUND_OKS
        return joints, found

    def result(self) -> PhotoResult:
        pck = _concatenated(self.pck)
        coverage = float(_concatenated(self.found).mean()) if len(pck) else float("nan")
        head = _concatenated(self.pckh)
        return PhotoResult(
            pck=Score(_mean(pck), coverage, len(pck)),
            pckh=Score(_mean(head), coverage, len(head)) if self.pckh else None,
            ap=self._ap(),
            milliseconds=1000 * float(np.median(self.seconds)) if self.seconds else float("nan"),
            given=_mean(np.array([len(poses) for poses in self.poses], float)),
            pck_joints=float(np.average(pck, weights=_concatenated(self.labelled))) if len(pck) else float("nan"),
            per_person=pck,
        )

    def _ap(self) -> KeypointAP | None:
        complete = np.flatnonzero(self.photos.complete)
        if self.contender.boxed or not len(complete):
            return None
        images = [self.photos.images[i] for i in complete]
        return keypoint_ap(images, self.photos.skeleton, [self.poses[i] for i in complete])


def _joints(pose: Pose) -> np.ndarray:
    if pose.joints2d is None:
        return np.full((12, 2), np.nan)
    return body12(pose.joints2d, pose.skeleton)


def _concatenated(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(float) if parts else np.zeros(0)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
