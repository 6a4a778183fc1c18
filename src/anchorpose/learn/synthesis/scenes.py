"""Where people stand and where the camera is: one ground, consistent scale, every viewpoint, people cut by the border.

World: y up, metres, the ground at y = 0. People are clouds of points on their surface here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.transforms import rotation_z

_NEAREST = 0.35  # m, of any part of a person from the camera


@dataclass(frozen=True)
class SceneRange:
    """What is drawn for each scene.

    Attributes:
        fov: field of view of the longer side [degrees]; most are in the middle of the range of focal lengths.
        heights: of the camera over the ground [m], from the ground to the ceiling, for `anywhere` of the scenes; the
            others are taken by people who stand.
        anywhere, above, tilted: shares with any height, with a view from anywhere above, and with a strong roll.
        roll: deviation of the roll [degrees] of the others.
        whole, group: size of a person or of several who are in view whole, as a share of the picture (the side that
            limits them).
        cut: the same of the part of a person that the picture is of; cut_group: of a group that the border cuts.
        truncated: share of the scenes in which the border cuts people.
        spacing: distance of neighbours in a group [m].
    """

    fov: tuple[float, float] = (25.0, 110.0)
    heights: tuple[float, float] = (0.1, 3.0)
    anywhere: float = 0.4
    above: float = 0.07
    tilted: float = 0.06
    roll: float = 5.0
    whole: tuple[float, float] = (0.35, 0.95)
    group: tuple[float, float] = (0.6, 1.0)
    cut: tuple[float, float] = (0.75, 1.05)
    cut_group: tuple[float, float] = (1.1, 1.8)
    truncated: float = 0.35
    spacing: tuple[float, float] = (0.5, 1.7)


@dataclass(frozen=True, eq=False)
class View:
    """A camera in the world: `camera = rotation @ world + translation`."""

    camera: Camera
    rotation: np.ndarray
    translation: np.ndarray

    def from_world(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in the camera frame."""
        return points @ self.rotation.T.astype(points.dtype) + self.translation.astype(points.dtype)

    def at(self, place: np.ndarray) -> View:
        """The same camera for points given from `place` (3,) on."""
        return View(self.camera, self.rotation, self.translation + self.rotation @ place)

    @property
    def up(self) -> np.ndarray:
        """(3,) the world's up in the camera frame."""
        return self.rotation[:, 1]


def place_people(clouds: list[np.ndarray], rng: np.random.Generator, ranges: SceneRange) -> np.ndarray:
    """(N, 3) where people stand in a group, on one ground, none inside another.

    Args:
        clouds: of each person (K, 3) points with their lowest on the ground, about the person's own place.
    """
    places = np.zeros((len(clouds), 3))
    flat = rng.random() < 0.3  # side by side, as for a photo
    direction = rng.uniform(0, 2 * math.pi)
    for i in range(1, len(clouds)):
        beside = int(rng.integers(i))
        distance = rng.uniform(*ranges.spacing)
        angle = (
            direction + rng.normal(0, 0.25) + math.pi * int(rng.integers(2)) if flat else rng.uniform(0, 2 * math.pi)
        )
        step = np.array([math.cos(angle), 0, math.sin(angle)])
        for _ in range(12):
            places[i] = places[beside] + distance * step
            if all(clear(clouds[i] + places[i], clouds[k] + places[k]) for k in range(i)):
                break
            distance += 0.3
    return places


def clear(cloud: np.ndarray, other: np.ndarray, gap: float = 0.12) -> bool:
    """Whether two clouds of points keep a distance [m], and neither reaches over the other's middle."""
    low, high = np.maximum(cloud.min(0), other.min(0)), np.minimum(cloud.max(0), other.max(0))
    if (low > high + gap).any():
        return True
    a, b = cloud[:: max(1, len(cloud) // 120)], other[:: max(1, len(other) // 120)]
    nearest = ((a[:, None] - b[None]) ** 2).sum(-1).min()
    middles = np.linalg.norm((a.mean(0) - b.mean(0))[[0, 2]])
    return bool(nearest > gap**2 and middles > 0.25)


def draw_view(
    clouds: list[np.ndarray],
    size: tuple[int, int],
    rng: np.random.Generator,
    ranges: SceneRange,
    zones: np.ndarray | None = None,
) -> tuple[View, bool]:
    """A camera that sees people, and whether the border is meant to cut them.

    Args:
        clouds: points (K, 3) of each person in the world. size: width, height of the picture [px].
        zones: (K,) which of `ZONES` each point is of; None: unknown, people are cut at some height.
    """
    low, high = (math.tan(math.radians(f) / 2) for f in ranges.fov)
    tangent = math.exp(math.log(low) + rng.beta(1.5, 1.8) * (math.log(high) - math.log(low)))
    camera = Camera.from_fov(*size, 2 * math.degrees(math.atan(tangent)))
    cut = bool(rng.random() < ranges.truncated)
    roll = rng.normal(0, math.radians(ranges.roll))
    tilted, turn = rng.random(), rng.uniform(-math.pi / 2, math.pi / 2)
    roll = turn if tilted < ranges.tilted else roll
    seen, several = np.concatenate(clouds), len(clouds) > 1
    close_up = _close_up(clouds[int(rng.integers(len(clouds)))], rng, zones)
    single = not several or rng.random() < 0.2  # of several people mostly the group
    if cut and single:
        seen = close_up
        wanted = rng.uniform(*ranges.cut)
    elif cut:
        wanted = rng.uniform(*ranges.cut_group)
    else:
        wanted = rng.uniform(*(ranges.group if several else ranges.whole))
    where = rng.uniform(-1, 1, 2)
    eye = _eye_direction(rng, ranges)
    distance = 4.0
    view = _aimed(seen, _eye(seen, eye, distance), camera, roll, where, cut)
    for _ in range(8):
        ratio, nearest, inside = _extent(view, seen, wanted)
        if nearest < _NEAREST:
            ratio = max(ratio, 1.15)
        elif not cut and not inside:
            where, ratio = 0.7 * where, max(ratio, 1.05)
        elif abs(math.log(ratio)) < 0.05:
            break
        distance = float(np.clip(distance * np.clip(ratio, 0.3, 3.0), 0.7, 40.0))
        view = _aimed(seen, _eye(seen, eye, distance), camera, roll, where, cut)
    return view, cut


ZONES = ("head", "chest", "hips", "thighs", "shins", "arms")
"""Zones of the body that pictures are of; arms are those below the elbow."""

# How often a picture is of which zones.
_CLOSE_UPS: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.2, (0, 1)), (0.25, (0, 1, 2)), (0.25, (0, 1, 2, 5)), (0.17, (0, 1, 2, 3, 5)), (0.06, (2, 3, 4)), (0.07, ()),
)  # fmt: skip


def _close_up(cloud: np.ndarray, rng: np.random.Generator, zones: np.ndarray | None) -> np.ndarray:
    """The points of a person to look at when the border cuts it: mostly the upper body, sometimes a side."""
    kind, share, axis = rng.random(), rng.uniform(0.45, 0.75), rng.normal(0, 1, 3) * (1, 0.2, 1)
    chosen = _CLOSE_UPS[-1][1]
    for chance, of in _CLOSE_UPS:
        chosen, kind = of, kind - chance
        if kind < 0:
            break
    if not chosen:
        along = cloud @ axis
        part = cloud[along > np.quantile(along, 1 - share)]
    elif zones is None:
        part = cloud[cloud[:, 1] > np.quantile(cloud[:, 1], 1 - share)]
    else:
        part = cloud[np.isin(zones, chosen)]
    return part if len(part) > 10 else cloud


def _eye_direction(rng: np.random.Generator, ranges: SceneRange) -> tuple[float, float | None, float]:
    """Azimuth, elevation (None: from the height), height of the camera."""
    azimuth, kind = rng.uniform(0, 2 * math.pi), rng.random()
    standing, anywhere = float(np.clip(rng.normal(1.45, 0.3), 0.5, 2.2)), rng.uniform(*ranges.heights)
    elevation = math.asin(rng.uniform(0.0, 1.0))
    if kind < ranges.above:
        return azimuth, min(elevation, 1.5), 0.0
    return azimuth, None, float(anywhere if kind < ranges.above + ranges.anywhere else standing)


def _eye(seen: np.ndarray, eye: tuple[float, float | None, float], distance: float) -> np.ndarray:
    """(3,) where the camera is: at `distance` from the middle of what it sees, at its height if that is possible."""
    azimuth, elevation, height = eye
    middle = (seen.min(0) + seen.max(0)) / 2
    if elevation is None:
        rise = float(np.clip((height - middle[1]) / distance, -0.5, 0.65))
        elevation = math.asin(rise)
    flat = math.cos(elevation)
    direction = np.array([flat * math.cos(azimuth), math.sin(elevation), flat * math.sin(azimuth)])
    place = middle + distance * direction
    place[1] = max(place[1], 0.05)
    return place


def _aimed(seen: np.ndarray, centre: np.ndarray, camera: Camera, roll: float, where: np.ndarray, cut: bool) -> View:
    """The camera at `centre` turned so that what it sees lies at `where` (-1..1) of the room there is."""
    x, y, z = ((seen.min(0) + seen.max(0)) / 2 - centre).tolist()
    flat, length = math.hypot(x, z), math.hypot(x, y, z)
    right = (-z / flat, 0.0, x / flat) if flat > 1e-3 * length else (1.0, 0.0, 0.0)
    forward = (x / length, y / length, z / length)
    down = (forward[1] * right[2], forward[2] * right[0] - forward[0] * right[2], -forward[1] * right[0])
    rotation = rotation_z(roll) @ np.array([right, down, forward])
    offset = seen - centre
    for _ in range(2):
        points = offset @ rotation.T
        plane = points[:, :2] / np.maximum(points[:, 2:], 0.1)
        low, high = plane.min(0), plane.max(0)
        rotation = _turn_to_axis(*((low + high) / 2).tolist()) @ rotation
    half = np.array([camera.width / camera.fx, camera.height / camera.fy]) / 2
    room = 0.2 * half if cut else np.maximum(half - (high - low) / 2 * 1.06, 0)
    rotation = _turn_to_axis(*(where * room).tolist()).T @ rotation
    return View(camera, rotation, -rotation @ centre)


def _turn_to_axis(x: float, y: float) -> np.ndarray:
    """`look_rotation` of (x, y, 1): called often for one direction, for which plain numbers are much quicker."""
    length = math.sqrt(x * x + y * y + 1)
    x, y, z = x / length, y / length, 1 / length
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]])


def _extent(view: View, seen: np.ndarray, wanted: float) -> tuple[float, float, bool]:
    """Size of points in the picture (the side that limits them) over the size wanted, the nearest depth [m], and
    whether all lie inside."""
    points = view.from_world(seen)
    nearest = float(points[:, 2].min())
    size = np.array([view.camera.width, view.camera.height])
    pixels = points[:, :2] / np.maximum(points[:, 2:], 0.05) * view.camera.fx
    low, high = pixels.min(0), pixels.max(0)
    inside = bool((low > -0.5 * size).all() and (high < 0.5 * size).all())
    return float(((high - low) / size).max()) / wanted, nearest, inside
