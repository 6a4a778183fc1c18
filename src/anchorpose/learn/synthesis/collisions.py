"""Keeps the arms of a person out of its own body, and the limbs out of each other.

A body of another shape than the actor's runs its arms into its hips in many recorded poses; a few small turns of the
shoulder or the hip undo it. Points along an arm are held off some hundred points on the surface of trunk, head and
legs, along the surface's normals; legs and forearms are capsules to each other. Cheap and approximate: what counts is
that it is rare in the end (`overlaps` measures it).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from anchorpose.learn.synthesis.loops import loops
from anchorpose.poses.body import BodyModel, Posed, Shaped
from anchorpose.poses.rotations import rotvec_to_matrix

_SLACK = 0.008  # m, flesh that gives way
_GOOD = 0.004  # m, overlap that is left alone
_MOST = 0.4  # rad, of one turn
_REACH = 0.2  # m, farther from all of the surface nothing is inside
_SURFACE = 420  # points
_SOLID = (
    "hips", "abdomen", "chest", "neck", "head", "scalp", "l_upper_leg", "r_upper_leg", "l_lower_leg", "r_lower_leg",
)  # fmt: skip

# Points along an arm: from and to which joint, the share of the way, which rod's radius.
_ALONG = (
    ("upperarm01", "lowerarm01", 0.7, "arm"), ("upperarm01", "lowerarm01", 1.0, "arm"),
    ("lowerarm01", "wrist", 0.35, "forearm"), ("lowerarm01", "wrist", 0.7, "forearm"),
    ("wrist", "finger3-1", 0.0, "hand"), ("wrist", "finger3-1", 0.5, "hand"),
    ("wrist", "finger3-1", 1.0, "hand"), ("wrist", "finger2-1", 1.0, "hand"), ("wrist", "finger5-1", 1.0, "hand"),
    ("finger2-1", "finger2-3", 0.6, "hand"), ("finger3-1", "finger3-3", 0.6, "hand"),
    ("finger5-1", "finger5-3", 0.6, "hand"), ("finger2-1", "finger2-3", 1.4, "hand"),
    ("finger3-1", "finger3-3", 1.4, "hand"), ("finger5-1", "finger5-3", 1.4, "hand"),
    ("finger1-2", "finger1-3", 1.0, "hand"), ("finger1-2", "finger1-3", 1.7, "hand"),
)  # fmt: skip


@dataclass(frozen=True)
class _Rod:
    """A capsule between two joints, the share left out at its start; the bones whose vertices tell its radius; the
    limb that moves it."""

    name: str
    start: str
    end: str
    bones: tuple[str, ...]
    limb: str
    begin: float = 0.0


def _rods() -> tuple[_Rod, ...]:
    out = []
    for s in "LR":
        out += [
            _Rod(f"arm{s}", f"upperarm01.{s}", f"lowerarm01.{s}", (f"upperarm02.{s}",), f"arm{s}", 0.55),
            _Rod(f"forearm{s}", f"lowerarm01.{s}", f"wrist.{s}", (f"lowerarm02.{s}",), f"arm{s}"),
            _Rod(f"hand{s}", f"wrist.{s}", f"finger3-3.{s}", (f"metacarpal2.{s}", f"finger3-1.{s}"), f"arm{s}", 0.1),
            _Rod(f"thigh{s}", f"upperleg01.{s}", f"lowerleg01.{s}", (f"upperleg02.{s}",), f"leg{s}", 0.35),
            _Rod(f"shin{s}", f"lowerleg01.{s}", f"foot.{s}", (f"lowerleg01.{s}", f"lowerleg02.{s}"), f"leg{s}", 0.1),
        ]
    return tuple(out)


_RODS = _rods()
_NAMES = tuple(rod.name for rod in _RODS)
_PAIRS = np.array(
    [
        [_NAMES.index(f"{a}{s}"), _NAMES.index(f"{b}{o}")]
        for s, o in ("LR", "RL")
        for group in (("forearm", "hand"), ("thigh", "shin"))
        for a in group
        for b in group
    ]
)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What `push_apart` needs of a body: the surface's points as a body of their own, their numbers, normals in the
    rest pose and bones; ends and samples of the rods; ends, shares and rods of the points along both arms."""

    surface: BodyModel
    rows: np.ndarray
    normals: np.ndarray
    bones: np.ndarray
    ends: np.ndarray
    samples: tuple[np.ndarray, ...]
    along: np.ndarray
    shares: np.ndarray
    rods: np.ndarray


@lru_cache(maxsize=4)
def _prepared(body: BodyModel) -> _Prepared:
    solid = np.isin(body.vertex_regions, [body.region(name) for name in _SOLID])
    arms = np.array([name.startswith(("upperarm", "lowerarm", "shoulder01")) for name in body.bones])
    solid &= body.dense_weights[:, arms].sum(1) < 0.2
    rows = _spread(body.vertices, np.flatnonzero(solid), _SURFACE)
    main = body.skin[np.arange(len(body.skin)), body.skin_weights.argmax(1)]
    samples = []
    for rod in _RODS:
        found = np.flatnonzero(np.isin(main, [body.bone(b) for b in rod.bones]))
        samples.append(found[:: max(1, len(found) // 40)])
    along = [[body.bone(f"{a}.{s}"), body.bone(f"{b}.{s}")] for s in "LR" for a, b, _, _ in _ALONG]
    shares = np.array([share for _ in "LR" for _, _, share, _ in _ALONG])
    rods = np.array([_NAMES.index(f"{name}{s}") for s in "LR" for _, _, _, name in _ALONG])
    ends = np.array([[body.bone(rod.start), body.bone(rod.end)] for rod in _RODS])
    normals = _normals(body)[rows]
    return _Prepared(body.subset(rows), rows, normals, main[rows], ends, tuple(samples), np.array(along), shares, rods)


def _spread(points: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of the rows, far from each other (farthest-point sampling)."""
    chosen, distance = [int(rows[0])], np.full(len(rows), np.inf)
    while len(chosen) < min(count, len(rows)):
        distance = np.minimum(distance, ((points[rows] - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(rows[distance.argmax()]))
    return np.array(chosen)


def _normals(body: BodyModel) -> np.ndarray:
    """(V, 3) outward normals of the mean body in the rest pose."""
    a, b, c = (body.vertices[body.faces[:, k]].astype(float) for k in range(3))
    out = np.zeros((len(body.vertices), 3))
    for k in range(3):
        np.add.at(out, body.faces[:, k], np.cross(b - a, c - a))
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def rod_radii(body: BodyModel, shaped: Shaped) -> np.ndarray:
    """(N, R) radius [m] of each capsule on bodies in their rest pose."""
    ready = _prepared(body)
    a, b = shaped.joints[:, ready.ends[:, 0]].astype(float), shaped.joints[:, ready.ends[:, 1]].astype(float)
    axis = b - a
    axis /= np.maximum(np.sqrt((axis * axis).sum(-1, keepdims=True)), 1e-6)
    # All samples of all rods in one row.
    counts = np.array([len(rows) for rows in ready.samples])
    rod = np.repeat(np.arange(len(counts)), counts)
    offset = shaped.vertices[:, np.concatenate(ready.samples)] - a[:, rod]
    across = offset - (offset * axis[:, rod]).sum(-1, keepdims=True) * axis[:, rod]
    distance = np.sqrt((across * across).sum(-1))
    return np.asarray(np.add.reduceat(distance, np.cumsum(counts) - counts, axis=1) / counts)


@dataclass(frozen=True, eq=False)
class Contacts:
    """Where limbs overlap something: depth (C,) [m] beyond what flesh gives, a point of the limb (C, 3), the way out
    (C, 3), the number of the rod (C,)."""

    depth: np.ndarray
    points: np.ndarray
    ways: np.ndarray
    rods: np.ndarray

    @property
    def worst(self) -> float:
        """The deepest overlap [m], 0 if there is none."""
        return float(max(self.depth.max(initial=0.0), 0.0))


def find_contacts(body: BodyModel, posed: Posed, turns: np.ndarray, radii: np.ndarray) -> Contacts:
    """Overlaps of one person.

    Args:
        posed: the surface's points (see `push_apart`). turns: (J, 3, 3) from the rest pose to the pose.
        radii: (R,) of the rods.
    """
    ready = _prepared(body)
    joints, surface = posed.joints[0].astype(float), posed.vertices[0].astype(float)
    normals = (turns[ready.bones] @ ready.normals[..., None])[..., 0]
    start = joints[ready.along[:, 0]]
    points = start + ready.shares[:, None] * (joints[ready.along[:, 1]] - start)
    nearest = (points @ surface.T - (surface * surface).sum(1) / 2).argmax(1)
    away = points - surface[nearest]
    close = (away * away).sum(1) < _REACH**2
    depth = np.where(close, radii[ready.rods] - _SLACK - (away * normals[nearest]).sum(1), -1.0)
    a, b = joints[ready.ends[:, 0]], joints[ready.ends[:, 1]]
    a = a + (b - a) * np.array([[rod.begin] for rod in _RODS])
    i, j = _PAIRS.T
    p, q = closest_points(a[i], b[i], a[j], b[j])
    gap = np.linalg.norm(p - q, axis=1)
    between = radii[i] + radii[j] - _SLACK - gap
    ways = (p - q) / np.maximum(gap, 1e-6)[:, None]
    return Contacts(
        np.concatenate([depth, between]), np.concatenate([points, p]), np.concatenate([normals[nearest], ways]),
        np.concatenate([ready.rods, i]),
    )  # fmt: skip


def closest_points(a0: np.ndarray, a1: np.ndarray, b0: np.ndarray, b1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of segments a0-a1 and b0-b1, (N, 3) each (Ericson, Real-Time Collision Detection, 5.1.9)."""
    u, v, w = a1 - a0, b1 - b0, a0 - b0
    uu, uv, vv = (u * u).sum(1) + 1e-12, (u * v).sum(1), (v * v).sum(1) + 1e-12
    uw, vw = (u * w).sum(1), (v * w).sum(1)
    s = np.clip((uv * vw - uw * vv) / np.maximum(uu * vv - uv * uv, 1e-9), 0, 1)
    t = np.clip((uv * s + vw) / vv, 0, 1)
    s = np.clip((uv * t - uw) / uu, 0, 1)
    return a0 + s[:, None] * u, b0 + t[:, None] * v


def push_apart(
    body: BodyModel, shaped: Shaped, rotations: np.ndarray, steps: int = 8
) -> tuple[np.ndarray, float, float]:
    """Turns the limbs of one person out of its body.

    Args:
        shaped: one shape. rotations: (J, 3, 3) local.

    Returns:
        the rotations (J, 3, 3), and the deepest overlap [m] before and after.
    """
    ready = _prepared(body)
    radii = rod_radii(body, shaped)[0]
    few = replace(shaped, vertices=shaped.vertices[:, ready.rows])
    back = np.swapaxes(shaped.turns[0], -1, -2).astype(float)
    out, first, best, least = np.array(rotations, np.float32), 0.0, rotations, np.inf
    for step in range(steps + 1):
        posed = loops().pose(ready.surface, few, out[None], np.zeros((1, 3)))
        contacts = find_contacts(body, posed, posed.rotations[0] @ back, radii)
        if step == 0:
            first = contacts.worst
        if contacts.worst < least:
            best, least = out.copy(), contacts.worst
        if least < _GOOD or step == steps:
            break
        out = _turned(body, posed, out, contacts)
    return best, first, least


def _turned(body: BodyModel, posed: Posed, rotations: np.ndarray, contacts: Contacts) -> np.ndarray:
    """Each limb turned at its root by what its deepest overlap asks for."""
    out = rotations.copy()
    joints, world = posed.joints[0].astype(float), posed.rotations[0].astype(float)
    for limb in ("armL", "armR", "legL", "legR"):
        mine = [k for k in np.flatnonzero(contacts.depth > 0) if _RODS[contacts.rods[k]].limb == limb]
        if not mine:
            continue
        k = max(mine, key=lambda n: contacts.depth[n])
        root = body.bone(f"upper{limb[:3]}01.{limb[3]}")
        lever = contacts.points[k] - joints[root]
        turn = np.cross(lever, contacts.ways[k]) * (1.3 * contacts.depth[k] / max(float(lever @ lever), 1e-3))
        angle = float(np.linalg.norm(turn))
        if angle > _MOST:
            turn *= _MOST / angle
        parent = world[body.parents[root]]
        out[root] = parent.T @ rotvec_to_matrix(turn) @ parent @ out[root]
    return out
