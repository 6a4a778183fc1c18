"""The poses that people are drawn from: frames of motion capture on the body's bones, all kinds of poses alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from anchorpose.files.mocap_folder import cache_folder
from anchorpose.files.motions import MotionCorpus
from anchorpose.files.paths import replacing
from anchorpose.poses.canonical import ANNY, DIRECTIONS
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.kinematics import mirror_rotations
from anchorpose.poses.rotations import quat_xyzw_to_matrix
from anchorpose.poses.transforms import rotation_y

_ARM = ("clavicle", "shoulder01", "upperarm01", "upperarm02", "lowerarm01", "lowerarm02", "wrist")
_LEG = ("upperleg01", "upperleg02", "lowerleg01", "lowerleg02", "foot", *(f"toe{k}-1" for k in range(1, 6)))
_ENDS = ("finger3-1.L", "finger3-1.R", "toe3-1.L", "toe3-1.R", "head")
# Where these joints lie from their parents tells the kind of a pose.
_TELLING = tuple(f"{bone}.{s}" for s in "LR" for bone in ("lowerarm01", "wrist", "lowerleg01", "foot"))
_VERSION = 2  # of what is kept: raise it when chances or lifts come out otherwise
_EVERY = 2  # frames: neighbours in time are almost the same
_JUMP = (0.06, 0.5)  # m, from where on feet off the ground are a jump, and the highest


@dataclass(frozen=True, eq=False)
class PosePool:
    """N frames of a corpus.

    Attributes:
        corpus: the motions; rows: (N,) the frames of it that are drawn.
        lift: (N,) height [m] of the lowest joint over where it is when the person stands: jumps.
        chances: (N,) how often each is drawn, sum 1.
    """

    corpus: MotionCorpus
    rows: np.ndarray
    lift: np.ndarray
    chances: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.rows):
            raise InputError("there is no pose to draw from")
        for name in ("lift", "chances"):
            if getattr(self, name).shape != self.rows.shape:
                raise InputError(f"{name} must be {self.rows.shape}, got {getattr(self, name).shape}")

    @cached_property
    def cumulative(self) -> np.ndarray:
        """(N,) sums of the chances."""
        return np.cumsum(self.chances)

    def at(self, u: float) -> int:
        """The one of the N that a uniform number in 0..1 stands for."""
        return min(int(np.searchsorted(self.cumulative, u * self.cumulative[-1])), len(self.rows) - 1)


@dataclass(frozen=True, eq=False)
class DrawnPose:
    """Local rotations (J, 3, 3), height of the lowest point over the ground [m], JSON values on where it is from."""

    rotations: np.ndarray
    lift: float
    source: Mapping[str, Any]


def read_pool(path: str | Path, split: str | None = None) -> PosePool:
    """The poses of a file of motions, see `files.motions`; of one split or all.

    What takes seconds to work out is kept in `cache_folder()`, for the other processes of a run and the next run.
    """
    corpus = MotionCorpus.load(path)
    corpus = corpus if split is None else corpus.split(split)
    digest = hashlib.sha256(Path(path).read_bytes() + f"|pool|{_VERSION}|{split}".encode()).hexdigest()[:16]
    kept = cache_folder() / f"poses-{digest}.npz"
    try:
        with np.load(kept, allow_pickle=False) as data:
            return PosePool(corpus, data["rows"], data["lift"], data["chances"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        pass  # not there, or broken: made again
    pool = make_pool(corpus)
    try:
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.savez(file, rows=pool.rows, lift=pool.lift, chances=pool.chances)
    except FileError:
        pass  # it only takes longer the next time
    return pool


def make_pool(corpus: MotionCorpus) -> PosePool:
    """The pool of a corpus: every other sound frame, with even chances for all kinds of poses."""
    rows = np.flatnonzero(corpus.sound)[::_EVERY]
    if not len(rows):
        raise InputError("a corpus without sound frames has no poses")
    parts = [_measured(corpus, rows[i : i + 8192]) for i in range(0, len(rows), 8192)]
    features, lowest = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    clip = corpus.clip[rows]
    floor = np.zeros(len(corpus.clips))
    for k in np.unique(clip):
        floor[k] = np.quantile(lowest[clip == k], 0.1)
    lift = np.clip(lowest - floor[clip], 0, _JUMP[1])
    return PosePool(corpus, rows, np.where(lift < _JUMP[0], 0, lift), even_chances(features))


def draw_pose(pool: PosePool, rng: np.random.Generator, mixed: float = 0.0, tumbled: float = 0.0) -> DrawnPose:
    """A frame of the pool, mirrored or not, turned about the vertical.

    Args:
        mixed: share that takes both arms (or both legs) from another frame.
        tumbled: share turned any way up.
    """
    first, second = (pool.at(u) for u in rng.random(2))
    flipped, mixes, part, turned = rng.random(4)
    heading, free = rng.uniform(-np.pi, np.pi), random_rotation(rng)
    corpus, lift = pool.corpus, float(pool.lift[first])
    rotations, other = corpus.rotations(pool.rows[[first, second]])
    source = {**_source(corpus, int(pool.rows[first])), "mirrored": bool(flipped < 0.5)}
    if mixes < mixed:
        limbs, bones = ("arms", _ARM) if part < 0.7 else ("legs", _LEG)
        numbers = [ANNY.index(f"{name}.{side}") for side in "LR" for name in bones]
        rotations[numbers] = other[numbers]
        source[limbs] = _source(corpus, int(pool.rows[second]))
    if flipped < 0.5:
        rotations = mirror_rotations(rotations)
    if turned < tumbled:
        rotations[0], lift = free @ rotations[0], 0.0
        source["tumbled"] = True
    rotations[0] = rotation_y(heading) @ rotations[0]
    return DrawnPose(rotations, lift, source)


def _source(corpus: MotionCorpus, row: int) -> dict[str, Any]:
    record = corpus.clips[corpus.clip[row]]
    return {"clip": record.path, "frame": int(corpus.frame[row]), "subject": record.subject}


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """A uniform rotation (3, 3)."""
    return quat_xyzw_to_matrix(rng.normal(0, 1, 4))


def _measured(corpus: MotionCorpus, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 27) what kind of pose each frame is, whatever its heading: directions of arms and legs in the trunk's frame
    and where up is; and (n,) the height of its lowest joint [m]."""
    local = corpus.rotations(rows)
    offsets = corpus.bone_lengths(rows)[..., None] * DIRECTIONS
    features = [local[:, 0, 1]]  # the world's up in the root's frame
    lowest = corpus.translation[rows, 1].astype(float)
    for end in _ENDS:
        chain, bone = [], ANNY.index(end)
        while bone > 0:
            chain.append(bone)
            bone = int(ANNY.parents[bone])
        world, height = local[:, 0], corpus.translation[rows, 1].astype(float)
        for bone in reversed(chain):
            step = (world @ offsets[:, bone, :, None])[..., 0]
            height = height + step[:, 1]
            lowest = np.minimum(lowest, height)
            if ANNY.names[bone] in _TELLING:
                inside = np.einsum("nij,ni->nj", local[:, 0], step)
                features.append(inside / np.maximum(np.linalg.norm(inside, axis=1, keepdims=True), 1e-6))
            world = world @ local[:, bone]
    return np.concatenate(features, 1), lowest


def even_chances(features: np.ndarray, kinds: int = 200, share: float = 0.5) -> np.ndarray:
    """(N,) chances of drawing each frame: half of the draws uniform, half even over kinds of poses, so that hours of
    standing and walking do not drown the rest.

    Kinds are the cells of `kinds` poses far from each other (farthest-point sampling, two steps of k-means); a cell of
    a few frames, often a glitch, counts by its frames. Without randomness and in double precision, so that the
    same frames are drawn everywhere.
    """
    points = np.round(np.asarray(features, float), 4)
    centres = _spread(points[:: max(1, len(points) // 6000)], kinds)
    for _ in range(2):
        label = _nearest(points, centres)
        count = np.bincount(label, minlength=len(centres))
        sums = np.stack([np.bincount(label, points[:, k], len(centres)) for k in range(points.shape[1])], 1)
        centres = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], centres)
    label = _nearest(points, centres)
    count = np.bincount(label, minlength=len(centres))
    weight = np.minimum(1.0, count / max(1.0, min(40.0, len(points) / (2 * kinds))))
    even = weight[label] / np.maximum(count[label], 1) / weight.sum()
    return (1 - share) / len(points) + share * even


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """Points far from each other, the first first."""
    chosen, distance = [0], ((points - points[0]) ** 2).sum(1)
    while len(chosen) < min(count, len(points)) and distance.max() > 0:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(1))
    return points[chosen]


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    half = (centres**2).sum(1) / 2
    blocks = [points[i : i + 8192] @ centres.T - half for i in range(0, len(points), 8192)]
    return np.concatenate([block.argmax(1) for block in blocks])
