"""Walking people before a camera, as a good detector and the lift would see them: what tests of tracks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import rotation_x, rotation_y, torso_centre
from anchorpose.poses.values import Mode, People, Person, Pose
from conftest import standing

CAMERA = Camera.from_fov(1280, 720, 60)
_I = {name: BODY13.index(name) for name in BODY13.names}


def stride(phase: float, size: float = 1.0) -> np.ndarray:
    """(13, 3) [m] of a walking person, y up, going towards +z; `phase` [rad] of the gait."""
    out = standing() * size
    for side, sign in (("l", 1.0), ("r", -1.0)):
        swing = 0.45 * np.sin(phase) * sign
        for base, joints, angle in (("hip", ("knee", "ankle"), -swing), ("shoulder", ("elbow", "wrist"), 0.6 * swing)):
            root = out[_I[f"{side}_{base}"]]
            rows = [_I[f"{side}_{name}"] for name in joints]
            out[rows] = root + (out[rows] - root) @ rotation_x(angle).T
        bend = max(0.0, 0.7 * np.cos(phase) * sign)
        knee, ankle = _I[f"{side}_knee"], _I[f"{side}_ankle"]
        out[ankle] = out[knee] + (out[ankle] - out[knee]) @ rotation_x(bend).T
    return out


@dataclass(frozen=True)
class Walker:
    """Walks on a line: at `start` (x, z) [m] at time 0, with `speed` (x, z) [m/s]; z is the distance from the camera.

    `hidden`: (from, to) [s] when nothing is seen of the person; `between`: (from, to) when the person is there at all.
    """

    start: tuple[float, float]
    speed: tuple[float, float] = (1.2, 0.0)
    size: float = 1.0
    phase: float = 0.0
    hidden: tuple[tuple[float, float], ...] = ()
    between: tuple[float, float] = (-np.inf, np.inf)

    def seen(self, time: float) -> bool:
        """Whether anything of the person can be seen."""
        here = self.between[0] <= time <= self.between[1]
        return here and not any(a <= time <= b for a, b in self.hidden)

    def joints(self, time: float) -> np.ndarray:
        """(13, 3) [m] in the camera's frame; the camera is 1 m above the ground."""
        heading = np.arctan2(self.speed[0], -self.speed[1])  # the camera looks along -z of the walker's world
        body = stride(self.phase + 5.0 * time, self.size) @ rotation_y(heading).T
        x, z = (s + v * time for s, v in zip(self.start, self.speed, strict=True))
        return (body - (0, 1, 0)) * (1, -1, -1) + (x, 0, z)


def as_person(joints: np.ndarray, score: float = 0.8, rng: np.random.Generator | None = None) -> Person:
    """A person as the pipeline gives it: errors of 2 px, a depth that is 3 % off, a second mode mirrored in depth."""
    rng = rng or np.random.default_rng(0)
    pixels = CAMERA.project(joints) + rng.normal(0, 2, (13, 2))
    centre = torso_centre(joints)
    local = joints - centre
    modes = tuple(
        Mode(w, local * (1, 1, s) + rng.normal(0, 0.02, (13, 3)), np.full(13, 0.05)) for w, s in ((0.7, 1), (0.3, -1))
    )
    low, high = pixels.min(0), pixels.max(0)
    margin = 0.08 * (high - low).max()
    box = np.concatenate([low - margin, high + margin])
    depth = centre * np.exp(rng.normal(0, 0.03))
    body = Pose("body13", score, box, pixels, np.full(13, score), modes[0].joints3d, depth, modes)
    return Person.from_body(body)


def frame_of(persons: Sequence[Person], number: int, time: float, source: str = "walk.mp4") -> People:
    """The people of one frame."""
    return People(tuple(persons), source, number, time, CAMERA.width, CAMERA.height, CAMERA)


@dataclass(frozen=True)
class Filmed:
    """Frames, and for each the number of the walker (N,) that each person is, -1 for a false one."""

    frames: list[People]
    truth: list[np.ndarray]


def film(
    walkers: Sequence[Walker],
    times: np.ndarray,
    *,
    seed: int = 0,
    shuffle: bool = False,
    missed: float = 0.0,
    strays: float = 0.0,
) -> Filmed:
    """Film walkers. Who is out of the picture, or behind somebody nearer (middle of the body within 0.25 m across),
    is not found.

    Args:
        times: (T,) [s]. shuffle: people in another order in each frame. missed: chance of each to be missed in a
            frame; strays: of a false person in a frame.
    """
    rng = np.random.default_rng(seed)
    frames, truth = [], []
    for number, time in enumerate(times):
        bodies = {i: w.joints(float(time)) for i, w in enumerate(walkers) if w.seen(float(time))}
        shown = [i for i in bodies if _in_view(bodies[i]) and not _covered(i, bodies) and rng.random() >= missed]
        persons = [as_person(bodies[i], 0.8 - 0.01 * i, rng) for i in shown]
        who = list(shown)
        if rng.random() < strays:
            at = rng.uniform((-2, 3), (2, 7))
            persons.append(as_person(Walker((float(at[0]), float(at[1]))).joints(0), 0.35, rng))
            who.append(-1)
        order = rng.permutation(len(who)) if shuffle else np.arange(len(who))
        frames.append(frame_of([persons[i] for i in order], number, float(time)))
        truth.append(np.array(who, int)[order])
    return Filmed(frames, truth)


def _in_view(joints: np.ndarray) -> bool:
    pixels = CAMERA.project(torso_centre(joints))
    return bool(0 < pixels[0] < CAMERA.width)


def _covered(i: int, bodies: dict[int, np.ndarray]) -> bool:
    mine = torso_centre(bodies[i])
    for k, other in bodies.items():
        nearer = torso_centre(other)
        if k != i and nearer[2] < mine[2] - 0.3 and abs(mine[0] / mine[2] - nearer[0] / nearer[2]) * mine[2] < 0.25:
            return True
    return False
