"""Motions of the canonical skeleton before virtual cameras, seen by the fitted detector and lifted by our lift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from anchorpose.files.motions import MotionCorpus
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.sequence_noise import NoiseOverTime, SeenTrack, add_noise_over_time
from anchorpose.measure.virtual import NOSE_AHEAD, NOSE_BELOW, STATURE_SPREAD, WIDTHS, ViewRange, stature, torso_axes
from anchorpose.measure.virtual import vary_definitions as vary
from anchorpose.poses.body_bones import BODY_BONES, BONE_INDEX, MEASURES, body_points, measures_of_lengths
from anchorpose.poses.cameras import look_rotation
from anchorpose.poses.canonical import ANNY, REST
from anchorpose.poses.sequences import MODES, PoseSequence
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z, torso_centre
from anchorpose.sense.lift import MEAN_STATURE, Lifter
from anchorpose.sense.place import place

Array = NDArray[np.float64]

_HEAD = BODY_BONES.index("head")
_HIPS, _GIRDLE, _TRUNK = (MEASURES.index(name) for name in ("hips", "girdle", "trunk"))
_HIP, _CLAVICLE, _SHOULDER = (REST[ANNY.index(f"{n}.L"), 0] for n in ("upperleg01", "clavicle", "upperarm01"))
_NEAREST = 1.2  # metres; nobody comes nearer to a camera


@dataclass(frozen=True, eq=False)
class ViewedMotion:
    """A motion in the frame of a camera, and the 2D joints that a perfect detector would see.

    Attributes:
        rotations: (T, 38, 3, 3) of BODY_BONES in the camera's axes; measures: (9,); joints: (T, 13, 3) [m] BODY13.
        plane: (T, 14, 2) LIFT_JOINTS in the plane z = 1; nose_hidden: (T,) bool; fps.
        turn: (T, 3, 3) from the world's axes to the camera's.
    """

    rotations: Array
    measures: Array
    joints: Array
    plane: Array
    nose_hidden: NDArray[np.bool_]
    fps: float
    turn: Array


def view_motion(
    world: Array, root: Array, lengths: Array, fps: float, ranges: ViewRange, rng: np.random.Generator,
    follow: float = 0.3,
) -> ViewedMotion:  # fmt: skip
    """Put a motion before a camera.

    Args:
        world: (T, 38, 3, 3) rotations of BODY_BONES in the world (y up); root: (T, 3) [m]; lengths: (104,) [m].
        ranges: as for single views; `proportions` varies the measures, `definitions` moves the joints that are seen.
        follow: share of cameras that turn after the person; the others stand still.
    """
    measures, scale = _person(measures_of_lengths(lengths), world, ranges, rng)
    points = body_points(world, measures)[:, :13] + (scale * root)[:, None]
    axes = torso_axes(points)
    face = world[:, _HEAD, :, 2]
    nose = points[:, 12] + NOSE_AHEAD * face - NOSE_BELOW * axes[..., 1]
    points = np.concatenate([points, nose[:, None]], 1)
    seen = points + _definition(points[:1], axes[:1], ranges, rng) @ axes.transpose(0, 2, 1)
    turn, shift = _camera(torso_centre(points[:, :13]), fps, ranges, follow, rng)
    camera, seen = (p @ turn.transpose(0, 2, 1) + shift[:, None] for p in (points, seen))
    factor = float(np.exp(np.clip(rng.normal(0, ranges.focal_error), -0.5, 0.5))) if rng.random() < 0.5 else 1.0
    plane = factor * seen[..., :2] / np.maximum(seen[..., 2:], 0.2)
    away = ((seen[:, 13] - seen[:, 12]) * seen[:, 12]).sum(-1)
    hidden = away > 0.35 * NOSE_AHEAD * np.linalg.norm(seen[:, 12], axis=-1)
    # With a wrong focal length the picture is that of a person at another depth.
    centre = torso_centre(camera[:, :13])
    joints = camera[:, :13] + (centre * (0, 0, 1 / factor - 1))[:, None]
    return ViewedMotion(turn[:, None] @ world, measures, joints, plane, hidden, fps, turn)


def sound_parts(corpus: MotionCorpus, longest: int, shortest: int) -> list[NDArray[np.int64]]:
    """Frame numbers of runs of sound frames of each clip, in even parts of at most `longest` frames."""
    out = []
    for clip in np.unique(corpus.clip):
        frames = corpus.clip_frames(int(clip))
        frames = frames[corpus.sound[frames]]
        for run in np.split(frames, np.flatnonzero(np.diff(corpus.frame[frames]) != 1) + 1):
            if len(run) >= shortest:
                out += np.array_split(run, -(-len(run) // longest))
    return out


def view_part(
    corpus: MotionCorpus, frames: NDArray[np.int64], ranges: ViewRange, rng: np.random.Generator, follow: float = 0.3
) -> ViewedMotion:
    """Frames of one clip before a camera of their own."""
    clip = int(corpus.clip[frames[0]])
    world = corpus.joints(frames)[1][:, BONE_INDEX]
    root = corpus.translation[frames].astype(np.float64)
    return view_motion(world, root, corpus.lengths[clip], corpus.clips[clip].fps, ranges, rng, follow)


def _person(measures: Array, world: Array, ranges: ViewRange, rng: np.random.Generator) -> tuple[Array, float]:
    """Measures of a person with another stature (and, for training, build), and the scale of the floor plan."""
    out = measures.copy()
    if ranges.proportions:
        out += np.clip(rng.normal(0, ranges.proportions, len(out)), -0.25, 0.25)
    height = float(np.median(stature(body_points(world, out)[:, :13])))
    if ranges.proportions and rng.random() < 0.75:  # some rigs are much broader than people are
        hips, shoulders = (height * rng.normal(*WIDTHS[part]) / 2 for part in ("hip", "shoulder"))
        out[_HIPS] = np.log(max(hips, 0.03) / _HIP)
        girdle = (shoulders - np.exp(out[_TRUNK]) * _CLAVICLE) / (_SHOULDER - _CLAVICLE)
        out[_GIRDLE] = np.log(np.clip(girdle, 0.5, 2.0))
    if not ranges.statures:
        return out, 1.0
    scale = float(np.clip(rng.normal(MEAN_STATURE, STATURE_SPREAD), 1.3, 2.1)) / height
    return out + np.log(scale), scale


def _definition(points: Array, axes: Array, ranges: ViewRange, rng: np.random.Generator) -> Array:
    """(14, 3) by which a detector's joints lie beside the true ones, in the torso's axes; one for a track."""
    if not ranges.definitions:
        return np.zeros((14, 3))
    moved: Array = (vary(points, ranges.definitions, rng) - points)[0] @ axes[0]
    return moved


def _camera(
    centre: Array, fps: float, ranges: ViewRange, follow: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """(T, 3, 3) and (T, 3) [m]: from the world to the camera, which looks at where the person (T, 3) is on average."""
    low, high = ranges.pitch_uniform
    uniform = rng.random() < ranges.uniform_share
    pitch = rng.uniform(low, high) if uniform else float(np.clip(rng.normal(*ranges.pitch_normal), low, high))
    roll, yaw = np.radians(rng.normal(0, ranges.roll_deviation)), rng.uniform(-np.pi, np.pi)
    turn = rotation_z(roll) @ rotation_x(np.radians(pitch)) @ np.diag([1.0, -1, -1]) @ rotation_y(yaw)
    if ranges.tumble_share and rng.random() < ranges.tumble_share:
        turn = rotation_z(rng.uniform(-np.pi, np.pi)) @ turn
    moved = (centre - centre.mean(0)) @ turn.T
    distance = np.exp(rng.uniform(*np.log(ranges.distance)))
    distance = max(distance, _NEAREST - moved[:, 2].min(), 2.2 * np.abs(moved[:, :2]).max() - moved[:, 2].min())
    moved = moved + (0, 0, distance)
    # The person stands anywhere in the picture: the camera is turned away from it.
    aside = np.append(rng.uniform(-ranges.field, ranges.field, 2) * (1, 0.6), 1.0)
    away = np.repeat(look_rotation(aside[None]).transpose(0, 2, 1), len(moved), 0)
    if rng.random() < follow:
        target = gaussian_filter1d(moved + rng.normal(0, 0.02, moved.shape), 0.5 * fps, axis=0, mode="nearest")
        away = away @ look_rotation(target)
    return away @ turn, (moved[:, None] @ away.transpose(0, 2, 1))[:, 0] - _rotated(away @ turn, centre)


def _rotated(turn: Array, points: Array) -> Array:
    """(T, 3) points, each by its own rotation (T, 3, 3)."""
    return (turn @ points[..., None])[..., 0]


def detect_and_lift(
    motions: Sequence[ViewedMotion], lifter: Lifter, noise: DetectorNoise | None, over_time: NoiseOverTime,
    rng: np.random.Generator, scale: float = 1.0,
) -> list[PoseSequence]:  # fmt: skip
    """What comes out of detector and lift for each motion; `noise` None: perfect 2D, nothing missed."""
    seen = []
    for m in motions:
        if noise is None:
            scores = np.ones(m.plane.shape[:2])
            scores[m.nose_hidden, -1] = 0
            seen.append(SeenTrack(m.plane, scores, np.ones(len(m.plane), bool)))
        else:
            seen.append(add_noise_over_time(m.plane, m.nose_hidden, noise, over_time, m.fps, rng, scale))
    return [lift_track(s, lifter, np.arange(len(s.plane)) / m.fps) for s, m in zip(seen, motions, strict=True)]


def lift_track(seen: SeenTrack, lifter: Lifter, times: Array, chunk: int = 300) -> PoseSequence:
    """Lift every frame in which the person was found, and place it, as the pipeline does for pictures."""
    out = PoseSequence.empty(times)
    rows = np.flatnonzero(seen.found)
    for part in np.array_split(rows, max(1, -(-len(rows) // chunk))):
        if not part.size:
            continue
        plane, scores = seen.plane[part], seen.scores[part]
        lifted = lifter.lift(plane, scores)
        out.joints3d[part], out.scores[part] = lifted.joints3d, scores[:, :13]
        out.translation[part] = place(lifted.joints3d, plane[:, :13], scores[:, :13])
        kept = min(MODES, lifted.modes.weights.shape[1])
        weights = lifted.modes.weights[:, :kept]
        out.weights[part, :kept] = weights
        out.modes[part, :kept] = np.where((weights > 0)[..., None, None], lifted.modes.joints3d[:, :kept], np.nan)
    return out
