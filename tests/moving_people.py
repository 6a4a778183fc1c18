"""A person who moves smoothly, as a motion and as results, for the tests of formats."""

from __future__ import annotations

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.canonical import ANNY, REST_LENGTHS
from anchorpose.poses.rotations import rotation_angle, rotvec_to_matrix
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Motion, People, Person, Pose


def moving(frames: int = 12, fps: float = 30.0, frame: str = "world", seed: int = 0, swing: float = 0.5) -> Motion:
    """Every joint swings, the root turns round and round; bones are some percent longer or shorter than usual."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    phase, axis = rng.uniform(0, 6, (len(ANNY), 1)), rng.normal(0, swing, (len(ANNY), 3))
    vectors = np.sin(3 * t + phase).T[..., None] * axis
    vectors[:, 0] = np.stack([0 * t, 1 + 8 * t, 0 * t], 1)
    rotations = rotvec_to_matrix(vectors)
    if frame == "camera":
        rotations[:, 0] = np.diag([1.0, -1, -1]) @ rotations[:, 0]
    place = np.stack([np.sin(t), 0.9 + 0.1 * np.cos(t), 3 + t], 1)
    lengths = REST_LENGTHS * rng.uniform(0.95, 1.05, len(ANNY))
    observed = np.ones(frames, bool)
    observed[frames // 2 :: 7] = frames < 3
    return Motion("anny", t, rotations[:, 0], rotations, place, lengths, frame, observed)


def degrees_apart(a: Motion, b: Motion) -> float:
    """The largest angle between the rotations of two motions."""
    return float(np.degrees(rotation_angle(np.swapaxes(a.rotations, -1, -2) @ b.rotations)).max())


def people_frames(
    frames: int = 4, people: int = 2, source: str = "clip.mp4", *, space: bool = True, missing: bool = True
) -> list[People]:
    """Persons 1, 2, ... of BODY13; the second is not there in frame 1, a joint of the first not in frame 2."""
    rng = np.random.default_rng(0)
    camera = Camera.from_fov(640, 480)
    out = []
    for f in range(frames):
        persons = []
        for number in range(1, people + 1):
            if number == 2 and f == 1 and missing:
                continue
            joints3d = rng.normal(0, 0.4, (13, 3))
            place = np.array([0.1 * f, 0.2, 4.0 + number])
            joints2d = camera.project(joints3d + place)
            if f == 2 and number == 1 and missing:
                joints2d[6], joints3d[6] = np.nan, np.nan
            box = np.concatenate([np.nanmin(joints2d, 0), np.nanmax(joints2d, 0)])
            scores = np.linspace(0.4, 0.9, len(BODY13))
            given = (joints3d, place) if space else (None, None)
            body = Pose("body13", 0.9, box, joints2d, scores, *given)
            persons.append(Person(number, 0.9, box, body))
        out.append(People(tuple(persons), source, f, f / 25, 640, 480, camera))
    return out
