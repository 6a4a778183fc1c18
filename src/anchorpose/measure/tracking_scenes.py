"""People of the motion capture in virtual scenes, as a detector with the fitted noise would see them over time.

People walk, dance and reach through a room; they hide each other and stand behind pillars, leave and enter, and the
detector misses some, sees some who are not there, and errs as it was measured to err (`measure/noise.py`), its errors
lasting a few frames as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.files.corpus import Corpus
from anchorpose.measure.noise import DetectorNoise, person_size
from anchorpose.measure.tracking_motion import prolong, resample
from anchorpose.measure.tracking_occlusion import people_hide, pillar_hides
from anchorpose.measure.virtual import NOSE_AHEAD, NOSE_BELOW, stature, torso_axes
from anchorpose.poses.cameras import Camera
from anchorpose.poses.lifting import LIFT_JOINTS
from anchorpose.poses.skeletons import BODY13, COCO17
from anchorpose.poses.transforms import rotation_x, rotation_y
from anchorpose.poses.values import People, Person, Pose
from anchorpose.sense.integrate import nms_poses
from anchorpose.sense.lift import MEAN_STATURE, Lifter

_I = {name: BODY13.index(name) for name in BODY13.names}
_SWAPS = [[LIFT_JOINTS.index(f"{s}_{n}") for n in names] for names in (("ankle", "knee", "hip"),
          ("wrist", "elbow", "shoulder")) for s in "rl"]  # fmt: skip


@dataclass(frozen=True)
class SceneRange:
    """What is drawn for each scene; pairs are (low, high).

    Attributes:
        people: their number; seconds, fps: of the clip; size: of the picture [px].
        distance: of the people from the camera [m]; field: of view [degrees]; height: of the camera [m].
        pillars: things to stand behind; width: theirs [m]. pan: swing of the camera [degrees], in a third of scenes.
        misses: of a second, that someone is missed for `miss_length` [s] on average.
        strays: a second, false people; second_look: of each frame, that someone is found twice.
        error_memory: [s] that errors last on average; error_scale: factor of the fitted errors.
    """

    people: tuple[int, int] = (3, 14)
    seconds: float = 8.0
    fps: float = 30.0
    size: tuple[int, int] = (1280, 720)
    distance: tuple[float, float] = (2.5, 9.0)
    field: tuple[float, float] = (50.0, 75.0)
    height: tuple[float, float] = (0.9, 3.0)
    pillars: tuple[int, int] = (0, 3)
    width: tuple[float, float] = (0.3, 1.4)
    pan: float = 8.0
    misses: float = 0.3
    miss_length: float = 0.15
    strays: float = 0.5
    second_look: float = 0.004
    error_memory: float = 0.15
    error_scale: float = 0.6


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip with known identities: `frames`, and for each the true person (N,) of each detection, -1 for none;
    `longest_gap` [s] that someone was not found between two sights."""

    frames: tuple[People, ...]
    truth: tuple[np.ndarray, ...]
    longest_gap: float


def make_scene(
    corpus: Corpus, seed: int, noise: DetectorNoise, lifter: Lifter, ranges: SceneRange | None = None
) -> Scene:
    """Scene number `seed`: the same for the same corpus, noise and ranges."""
    r = ranges or SceneRange()
    rng = np.random.default_rng([seed, 5])
    times = np.arange(round(r.seconds * r.fps)) / r.fps
    camera = Camera.from_fov(*r.size, float(rng.uniform(*r.field)))
    points = _walk(corpus, times, camera, rng, r)
    shown = _visible(points, camera, rng, r)
    found = _detect(points, shown, times, camera, noise, rng, r)
    frames, truth = [], []
    poses, owners = _with_strays(found, times, camera, rng, r)
    flat = [pose for frame in poses for pose in frame]
    bodies = iter([body for i in range(0, len(flat), 64) for body in lifter(flat[i : i + 64], camera)])
    for number, (time, frame, owner) in enumerate(zip(times, poses, owners, strict=True)):
        order = np.argsort([-p.score for p in frame], kind="stable")
        here = [next(bodies) for _ in frame]
        people = tuple(Person.from_body(here[i]) for i in order)
        frames.append(People(people, f"scene{seed}", number, float(time), *r.size, camera))
        truth.append(np.asarray(owner, int)[order])
    return Scene(tuple(frames), tuple(truth), _longest_gap(truth, times))


def _walk(corpus: Corpus, times: np.ndarray, camera: Camera, rng: np.random.Generator, r: SceneRange) -> np.ndarray:
    """(P, F, 14, 3) LIFT_JOINTS of everybody in the camera's frame [m]; nobody walks through another."""
    clips = np.unique(corpus.clip)
    out: list[np.ndarray] = []
    wanted = int(rng.integers(r.people[0], r.people[1] + 1))
    for _ in range(20 * wanted):
        rows = np.flatnonzero(corpus.clip == rng.choice(clips))
        if len(rows) < 30:
            continue
        fps = corpus.clips[corpus.clip[rows[0]]].fps
        frames = int(np.ceil((times[-1] + 0.1) * fps)) + 2
        joints, facing = prolong(corpus.joints3d[rows].astype(float), corpus.facing[rows].astype(float), frames)
        scale = np.clip(rng.normal(MEAN_STATURE, 0.09), 1.4, 2.05) / float(np.median(stature(joints)))
        points = resample(_with_nose(joints * scale, facing), fps, times)
        points = _place(points, camera, rng, r)
        middle = points[:, [_I["r_hip"], _I["l_hip"]]].mean(1)
        if all(np.linalg.norm(middle - o[:, [4, 5]].mean(1), axis=-1).min() > 0.4 for o in out):
            out.append(points)
        if len(out) == wanted:
            break
    return _through_camera(np.stack(out), times, rng, r)


def _with_nose(joints: np.ndarray, facing: np.ndarray) -> np.ndarray:
    axes = torso_axes(joints)
    front = np.where(np.isfinite(facing).all(-1, keepdims=True), np.nan_to_num(facing), axes[..., 2])
    nose = joints[:, _I["head"]] + NOSE_AHEAD * front - NOSE_BELOW * axes[..., 1]
    return np.concatenate([joints, nose[:, None]], 1)


def _place(points: np.ndarray, camera: Camera, rng: np.random.Generator, r: SceneRange) -> np.ndarray:
    """Turn a motion (F, 14, 3) any way, and put the person into view at some time; the camera looks along -z."""
    points = points @ rotation_y(rng.uniform(-np.pi, np.pi)).T
    middle = points[int(rng.integers(len(points))), [_I["r_hip"], _I["l_hip"]]].mean(0)
    z = rng.uniform(*r.distance)
    side = 0.45 * camera.width / camera.fx
    return points + (np.array([rng.uniform(-side, side) * z, 0.0, -z]) - middle * (1, 0, 1))


def _through_camera(points: np.ndarray, times: np.ndarray, rng: np.random.Generator, r: SceneRange) -> np.ndarray:
    """World (P, F, 14, 3), y up, to the frame of a camera at some height, which may swing."""
    height = rng.uniform(*r.height)
    pitch = np.arctan2(height - 0.9, rng.uniform(4, 9))
    swing = np.radians(r.pan) * (rng.random() < 1 / 3) * np.sin(2 * np.pi * (times / rng.uniform(3, 8) + rng.random()))
    turn = rotation_x(pitch) @ np.diag([1.0, -1, -1]) @ rotation_y(swing)
    return np.einsum("fij,pfkj->pfki", turn, points - (0, height, 0))


def _visible(points: np.ndarray, camera: Camera, rng: np.random.Generator, r: SceneRange) -> np.ndarray:
    """(P, F, 14) 2 seen, 1 hidden behind somebody or something, 0 outside the picture or behind the camera."""
    pixels = camera.project(points)
    inside = np.isfinite(pixels).all(-1) & (pixels >= 0).all(-1) & (pixels < (camera.width, camera.height)).all(-1)
    inside &= points[..., 2] > 0.3
    hidden = people_hide(points, pixels, camera)
    for _ in range(int(rng.integers(r.pillars[0], r.pillars[1] + 1))):
        z = rng.uniform(1.5, r.distance[1])
        x = rng.uniform(-0.45, 0.45) * camera.width
        hidden |= pillar_hides(points, pixels, camera.cx + x, camera.fx * rng.uniform(*r.width) / z, z)
    return np.where(inside, np.where(hidden, 1, 2), 0)


@dataclass(frozen=True, eq=False)
class _Found:
    """Of each person and frame: (P, F, 14, 2) px, (P, F, 14) scores, (P, F, 4) boxes, (P, F) whether found."""

    joints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    found: np.ndarray


def _detect(
    points: np.ndarray, shown: np.ndarray, times: np.ndarray, camera: Camera, noise: DetectorNoise,
    rng: np.random.Generator, r: SceneRange,
) -> _Found:  # fmt: skip
    """Joints with errors that last, scores that go down with what is hidden, and whole people missed."""
    pixels = np.nan_to_num(camera.project(points), nan=-1e4)
    p, f = pixels.shape[:2]
    limits = np.array([camera.width, camera.height], float)
    step = float(times[1] - times[0]) if f > 1 else 0.03
    size = person_size(pixels.reshape(-1, 14, 2), (shown > 0).reshape(-1, 14)).reshape(p, f)
    keep_chance = np.exp(-step / r.error_memory)
    joints, scores, boxes = np.zeros((p, f, 14, 2)), np.zeros((p, f, 14)), np.zeros((p, f, 4))
    swapped = np.zeros((p, 2), bool)
    score, offset = noise.scores(p, rng), np.zeros((p, 14, 2))
    rates = np.array([noise.swap_rates["legs"], noise.swap_rates["arms"]]) + noise.swap_rates["both"]
    for t in range(f):
        again = rng.random((p, 14)) > keep_chance if t else np.ones((p, 14), bool)
        score = np.where(again, noise.scores(p, rng), score)
        offset = np.where(again[..., None], noise.offsets(score, rng), offset)
        change = rng.random((p, 2)) > keep_chance
        swapped = np.where(change, rng.random((p, 2)) < rates, swapped)
        now, seen = pixels[:, t], shown[:, t]
        low = rng.uniform(0.15, 0.7, (p, 14))
        here = np.where(seen == 2, score, np.where(seen == 1, score * low, score * low * 0.2))
        wide = np.where(seen == 2, 1.0, 1.6)[..., None]
        noisy = now + (r.error_scale * offset * wide + rng.normal(0, 0.006, offset.shape)) * size[:, t, None, None]
        joints[:, t] = np.clip(_swap(noisy, swapped), -0.02 * limits, 1.02 * limits)
        scores[:, t] = here
        boxes[:, t] = _box(now, seen, size[:, t], camera, rng)
    share = (shown[..., :13] == 2).mean(-1)
    chance = np.clip((share - 0.2) / 0.35, 0, 1)
    found = (_lasting((p, f), keep_chance, rng) < chance) & ~_bursts((p, f), r.misses * step, step / r.miss_length, rng)
    return _Found(joints, scores, boxes, found & (size > 30))


def _swap(joints: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    out = joints.copy()
    for limb in range(2):
        rows = swapped[:, limb]
        for right, left in zip(*_SWAPS[2 * limb : 2 * limb + 2], strict=True):
            out[rows, right], out[rows, left] = joints[rows, left], joints[rows, right]
    return out


def _box(now: np.ndarray, seen: np.ndarray, size: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """(P, 4) boxes about what is inside the picture, a little wider, with errors."""
    there = np.where((seen > 0)[..., None], now, np.nan)
    low, high = np.fmin.reduce(there, 1), np.fmax.reduce(there, 1)
    box = np.concatenate([low - 0.06 * size[:, None], high + 0.06 * size[:, None]], 1)
    box = box + rng.normal(0, 0.02, box.shape) * size[:, None]
    return np.clip(np.nan_to_num(box), 0, np.array([camera.width, camera.height] * 2) - 1.0)


def _lasting(shape: tuple[int, int], keep_chance: float, rng: np.random.Generator) -> np.ndarray:
    """(P, F) uniform draws that stay the same from frame to frame with this chance."""
    out = rng.random(shape)
    kept = rng.random(shape) < keep_chance
    for t in range(1, shape[1]):
        out[:, t] = np.where(kept[:, t], out[:, t - 1], out[:, t])
    return out


def _bursts(shape: tuple[int, int], begin: float, end: float, rng: np.random.Generator) -> np.ndarray:
    """(P, F) on and off: chances a frame of a burst to begin and to end."""
    out = np.zeros(shape, bool)
    state = np.zeros(shape[0], bool)
    for t in range(shape[1]):
        draw = rng.random(shape[0])
        state = np.where(state, draw > end, draw < begin)
        out[:, t] = state
    return out


def _pose(joints: np.ndarray, scores: np.ndarray, box: np.ndarray) -> Pose:
    """LIFT_JOINTS as a COCO17 pose: both ears where the head is; its score is that of its better joints."""
    out, out_scores = np.full((17, 2), np.nan), np.zeros(17)
    names = {**{n: [n] for n in LIFT_JOINTS if n != "head"}, "head": ["l_ear", "r_ear"]}
    for i, name in enumerate(LIFT_JOINTS):
        rows = [COCO17.index(n) for n in names[name]]
        out[rows], out_scores[rows] = joints[i], scores[i]
    best = np.sort(scores)[-8:].mean()
    return Pose("coco17", float(np.clip(best, 0.05, 0.99)), box, out, out_scores)


def _with_strays(
    found: _Found, times: np.ndarray, camera: Camera, rng: np.random.Generator, r: SceneRange
) -> tuple[list[list[Pose]], list[list[int]]]:
    """Poses of each frame after the detector's own suppression, and whose they are."""
    p, f = found.found.shape
    step = float(times[1] - times[0]) if f > 1 else 0.03
    stray, left = (0, 0, np.zeros(2)), 0
    poses, owners = [], []
    for t in range(f):
        frame = [(_pose(found.joints[i, t], found.scores[i, t], found.boxes[i, t]), int(i))
                 for i in np.flatnonzero(found.found[:, t])]  # fmt: skip
        for pose, _ in list(frame):
            if rng.random() < r.second_look:
                frame.append((_altered(pose, rng.normal(0, 0.08, 2), rng.uniform(0.7, 1.0), rng), -1))
        if not left and rng.random() < r.strays * step:
            stray = (int(rng.integers(p)), int(rng.integers(f)), rng.uniform(0, 1, 2) * (camera.width, camera.height))
            left = int(rng.integers(1, 7))
        if left:
            i, at, where = stray
            pose = _pose(found.joints[i, at], found.scores[i, at], found.boxes[i, at])
            size = max(float((pose.box[2:] - pose.box[:2]).max()), 20.0)
            shift = (where - (pose.box[:2] + pose.box[2:]) / 2) / size
            frame.append((_altered(pose, shift, 0.6, rng), -1))
            left -= 1
        kept = nms_poses([pose for pose, _ in frame if pose.score >= 0.3], 0.5)
        owner = {id(pose): who for pose, who in frame}
        poses.append(kept)
        owners.append([owner[id(pose)] for pose in kept])
    return poses, owners


def _altered(pose: Pose, shift: np.ndarray, scale: float, rng: np.random.Generator) -> Pose:
    """A copy moved by `shift` (of its size), resized, jittered, scoring less."""
    middle = (pose.box[:2] + pose.box[2:]) / 2
    size = max(float((pose.box[2:] - pose.box[:2]).max()), 20.0)
    joints = np.asarray(pose.joints2d)
    moved = middle + (joints - middle) * scale + shift * size + rng.normal(0, 0.03, joints.shape) * size
    box = (pose.box.reshape(2, 2) - middle) * scale + middle + shift * size
    return Pose("coco17", float(rng.uniform(0.25, 0.5)), box.ravel(), moved, pose.scores * 0.6)


def _longest_gap(truth: list[np.ndarray], times: np.ndarray) -> float:
    longest = 0.0
    for person in {int(i) for frame in truth for i in frame if i >= 0}:
        seen = times[[person in frame for frame in truth]]
        longest = max(longest, float(np.diff(seen).max(initial=0.0)))
    return longest
