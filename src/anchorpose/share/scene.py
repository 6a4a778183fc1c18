"""A small metric stage in NumPy: bodies as round limbs on a ground grid, seen from any side.

World coordinates are the camera frame of the picture: x right, y down, z away from the camera, metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from anchorpose.poses.skeletons import BODY13, CENTRE_COLOR, Skeleton, conversion
from anchorpose.share import raster
from anchorpose.share.drawing import limbs
from anchorpose.share.raster import INK, WHITE, Color, mix

# Radii [m] of a limb at its start and its end, by the joint (without its side) that it ends in: about a slim person's.
_RADII = {
    "knee": (0.068, 0.052), "ankle": (0.052, 0.036), "elbow": (0.046, 0.038), "wrist": (0.038, 0.027),
    "hip": (0.052, 0.062), "shoulder": (0.045, 0.045), "head": (0.045, 0.04), "neck": (0.05, 0.045),
    "big_toe": (0.032, 0.02), "foot": (0.032, 0.022), "foot_index": (0.032, 0.02), "hand": (0.027, 0.024),
}  # fmt: skip
_OTHER_RADII = (0.022, 0.018)
_FINGER_RADII = (0.009, 0.007)
_HEAD_RADIUS = 0.105
_SPINE_RADII = (0.085, 0.075)
_SOLE = 0.07  # an ankle is about this far above the ground [m]
_MANNEQUIN_GREY: Color = (158, 163, 172)
UNSEEN = 0.42  # opacity of limbs that were inferred


@dataclass(frozen=True)
class Theme:
    """Colours of a stage."""

    top: Color
    bottom: Color
    floor: Color
    grid: Color
    ink: Color
    faint: Color


LIGHT = Theme((252, 252, 253), (236, 238, 242), (226, 229, 234), (196, 201, 209), (40, 44, 52), (120, 126, 136))
DARK = Theme((30, 33, 39), (44, 48, 56), (52, 57, 66), (84, 91, 103), (232, 235, 240), (150, 157, 168))


@dataclass(frozen=True)
class Figure:
    """One pose on the stage: joints (J, 3) [m] in the camera frame, NaN where missing.

    Ghosts are thin and translucent. `seen` (J,) bool: limbs that end in a joint that was not seen are pale.
    """

    skeleton: Skeleton
    joints: np.ndarray
    seen: np.ndarray | None = None
    opacity: float = 1.0
    ghost: bool = False
    side: Color | None = None  # one colour for all of it, as for a hand


@dataclass(frozen=True)
class Bounds:
    """The part of the world to show: x and z range, y of the highest point and of the ground [m]."""

    x: tuple[float, float]
    z: tuple[float, float]
    top: float
    ground: float

    def corners(self) -> np.ndarray:
        """(8, 3)."""
        ys = (self.top, self.ground)
        return np.array([(x, y, z) for x in self.x for y in ys for z in self.z])


@dataclass(frozen=True)
class Projection:
    """A perspective view of the stage: `world -> pixels`."""

    rotation: np.ndarray  # rows: right, down and forward of the view
    target: np.ndarray
    distance: float
    focal: float
    centre: tuple[float, float]

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (..., 2) and depths (...) [m] of points (..., 3)."""
        local = (np.asarray(points, float) - self.target) @ self.rotation.T
        depth = np.maximum(local[..., 2] + self.distance, 0.05)
        return local[..., :2] * (self.focal / depth[..., None]) + self.centre, depth


def view_rotation(azimuth: float, elevation: float) -> np.ndarray:
    """(3, 3) rotation of a view: rows right, down, forward. Angles in radians.

    Azimuth 0 looks as the camera does; pi/2 stands to the camera's right and looks back to the left, so that what is
    far from the camera lies on the picture's right. Elevation > 0 looks down from above.
    """
    sa, ca, se, ce = np.sin(azimuth), np.cos(azimuth), np.sin(elevation), np.cos(elevation)
    level, down = np.array([-sa, 0, ca]), np.array([0.0, 1, 0])
    return np.stack([[ca, 0, sa], ce * down - se * level, ce * level + se * down])


def fit_view(bounds: Bounds, rotation: np.ndarray, rect: Sequence[float], perspective: float = 3.0) -> Projection:
    """The projection that shows `bounds` as large as fits into `rect` (x0, y0, x1, y1) [px].

    `perspective`: distance of the eye in radii of the scene; large values are nearly orthographic.
    """
    points = bounds.corners()
    target = points.mean(0)
    radius = float(np.linalg.norm(points - target, axis=1).max())
    unit = Projection(rotation, target, max(radius * perspective, 0.5), 1.0, (0.0, 0.0))
    uv, _ = unit(points)
    low, high = uv.min(0), uv.max(0)
    x0, y0, x1, y1 = rect
    focal = float(min((x1 - x0) / max(high[0] - low[0], 1e-6), (y1 - y0) / max(high[1] - low[1], 1e-6)))
    cx, cy = (x0 + x1) / 2 - focal * (low[0] + high[0]) / 2, (y0 + y1) / 2 - focal * (low[1] + high[1]) / 2
    return replace(unit, focal=focal, centre=(float(cx), float(cy)))


def figure_bounds(figures: Sequence[Figure], margin: float = 0.35) -> Bounds:
    """What is needed to show the figures, with the ground just under the lowest foot."""
    points = [f.joints[np.isfinite(f.joints).all(1)] for f in figures]
    joints = np.concatenate(points) if points else np.zeros((0, 3))
    if not len(joints):
        return Bounds((-1.0, 1.0), (2.0, 4.0), -1.0, 0.8)
    (x0, y0, z0), (x1, y1, z1) = joints.min(0), joints.max(0)
    ground = y1 + _SOLE
    return Bounds(
        (float(x0 - margin), float(x1 + margin)), (float(z0 - margin), float(z1 + margin)),
        float(min(y0 - 0.12, ground - 1.2)), float(ground),
    )  # fmt: skip


def follow(previous: Bounds | None, now: Bounds, rate: float = 0.06) -> Bounds:
    """Bounds for the next frame of a video: grow at once to keep all in view, shrink slowly so that nothing jumps."""
    if previous is None:
        return now

    def low(old: float, new: float) -> float:
        return new if new < old else old + rate * (new - old)

    def high(old: float, new: float) -> float:
        return new if new > old else old + rate * (new - old)

    return Bounds(
        (low(previous.x[0], now.x[0]), high(previous.x[1], now.x[1])),
        (low(previous.z[0], now.z[0]), high(previous.z[1], now.z[1])),
        low(previous.top, now.top), high(previous.ground, now.ground),
    )  # fmt: skip


def backdrop(width: int, height: int, theme: Theme) -> np.ndarray:
    """(H, W, 3) uint8, a soft gradient."""
    return _backdrop(width, height, theme).copy()


@lru_cache(maxsize=16)
def _backdrop(width: int, height: int, theme: Theme) -> np.ndarray:
    ramp = np.linspace(0, 1, height)[:, None, None]
    rows = np.asarray(theme.top) * (1 - ramp) + np.asarray(theme.bottom) * ramp
    return np.repeat(np.round(rows).astype(np.uint8), width, axis=1)


def draw_ground(canvas: np.ndarray, view: Projection, bounds: Bounds, theme: Theme, *, axis: str, text: int) -> None:
    """The floor with its grid, ticks [m] along the near edge of `axis` (x or z), and a staff for height."""
    (x0, x1), (z0, z1), y = bounds.x, bounds.z, bounds.ground
    step = next((s for s in (0.5, 1.0, 2.0, 5.0, 10.0, 50.0) if max(x1 - x0, z1 - z0) <= 9 * s), 100.0)
    floor, _ = view(np.array([(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]))
    _fill(canvas, floor, theme.floor, 0.85)
    for value in _ticks(x0, x1, step):
        _line3d(canvas, view, (value, y, z0), (value, y, z1), theme.grid)
    for value in _ticks(z0, z1, step):
        _line3d(canvas, view, (x0, y, value), (x1, y, value), theme.grid)
    for a, b in zip(floor, np.roll(floor, -1, axis=0), strict=True):
        raster.line(canvas, a, b, theme.grid, 1.0)
    # The edge nearest to the viewer along the asked axis: z0 seen from the front, x1 seen from the camera's right.
    values = _ticks(x0, x1, step) if axis == "x" else _ticks(z0, z1, step)
    spots, _ = view(np.array([(v, y, z0) if axis == "x" else (x1, y, v) for v in values]).reshape(-1, 3))
    for i, (spot, value) in enumerate(zip(spots, values, strict=True)):
        unit = " m" if i == len(values) - 1 else ""
        raster.text(canvas, spot + (0, 0.35 * text), f"{value + 0.0:g}{unit}", text, theme.faint, anchor="ma")
    if view.rotation[2, 1] < 0.7:  # a staff seen from its top says nothing
        _draw_staff(canvas, view, bounds, theme, axis, text)


def _draw_staff(canvas: np.ndarray, view: Projection, bounds: Bounds, theme: Theme, axis: str, text: int) -> None:
    """A vertical scale at the far left corner, with labels."""
    x, z = (bounds.x[0], bounds.z[1]) if axis == "x" else (bounds.x[0], bounds.z[0])
    height = bounds.ground - bounds.top
    step = 0.5 if height < 2.6 else 1.0 if height < 9 else 5.0
    _line3d(canvas, view, (x, bounds.ground, z), (x, bounds.top, z), theme.grid)
    for h in _ticks(step, height, step):
        (spot,), _ = view(np.array([(x, bounds.ground - h, z)]))
        raster.line(canvas, spot - (0.3 * text, 0), spot + (0.3 * text, 0), theme.grid)
        raster.text(canvas, spot - (0.5 * text, 0), f"{h:g}", text, theme.faint, anchor="rm")


def draw_figures(canvas: np.ndarray, view: Projection, figures: Sequence[Figure], ground: float | None, theme: Theme,
                 thickness: float = 1.0) -> None:  # fmt: skip
    """Draw shadows, the ghosts from light to heavy, limbs that were not seen, and the bodies' limbs by depth."""
    bodies = [f for f in figures if not f.ghost]
    if ground is not None:
        shadows = [s for figure in bodies for s in _shadow(figure, view, ground)]
        _draw_layer(canvas, shadows, 0.13 if theme is LIGHT else 0.3)
    for ghost in sorted((f for f in figures if f.ghost), key=lambda f: f.opacity):
        pale = [replace(s, color=mix(s.color, WHITE, 0.2)) for s in _strokes(ghost, view, 0.7 * thickness)]
        _draw_layer(canvas, pale, ghost.opacity)
    strokes = [s for figure in bodies for s in _strokes(figure, view, thickness)]
    _draw_layer(canvas, [s for s in strokes if not s.seen], UNSEEN)
    for stroke in sorted((s for s in strokes if s.seen), key=lambda s: -s.depth):
        rim = min(max(0.13 * max(stroke.radii), 0.5), 2.0)
        raster.capsule(
            canvas, stroke.start, stroke.end, stroke.radii, stroke.color, shaded=True, outline=rim, outline_alpha=0.4
        )


@dataclass(frozen=True)
class _Stroke:
    depth: float
    start: tuple[float, float]
    end: tuple[float, float]
    radii: tuple[float, float]
    color: Color
    seen: bool = True


def _strokes(figure: Figure, view: Projection, thickness: float) -> list[_Stroke]:
    joints, sticks = figure.joints, limbs(figure.skeleton)
    pieces = [(joints[limb.start[0]] if len(limb.start) == 1 else joints[list(limb.start)].mean(0),
               joints[limb.end[0]], _limb_radii(figure.skeleton, limb.end), figure.side or limb.color)
              for limb in sticks]  # fmt: skip
    pieces += _trunk(figure)
    ends = np.array([(start, end) for start, end, _, _ in pieces]).reshape(-1, 2, 3)
    seen = np.ones(len(pieces), bool)
    if figure.seen is not None:
        seen[: len(sticks)] = [all(figure.seen[i] for i in (*limb.start, *limb.end)) for limb in sticks]
    pixels, depths = view(ends)
    grow = thickness * view.focal / depths
    out = []
    for i in np.flatnonzero(np.isfinite(ends).all((1, 2))):
        _, _, radii, color = pieces[i]
        tint = _MANNEQUIN_GREY if color == CENTRE_COLOR else color
        thick = (max(radii[0] * float(grow[i, 0]), 0.6), max(radii[1] * float(grow[i, 1]), 0.6))
        start, end = tuple(pixels[i, 0]), tuple(pixels[i, 1])
        out.append(_Stroke(float(depths[i].mean()), start, end, thick, tint, bool(seen[i])))
    return out


def _limb_radii(skeleton: Skeleton, end: tuple[int, ...]) -> tuple[float, float]:
    if skeleton.name == "hand21" or "hand_" in skeleton.names[end[0]]:
        return _FINGER_RADII
    name = skeleton.names[end[0]]
    return _RADII.get(name.split("_", 1)[1] if name[:2] in ("l_", "r_") else name, _OTHER_RADII)


def _trunk(figure: Figure) -> list[tuple[np.ndarray, np.ndarray, tuple[float, float], Color]]:
    """What makes a body of the sticks: a spine between mid-shoulders and mid-hips, and a head."""
    out = []
    skeleton, joints = figure.skeleton, figure.joints
    if all(n in skeleton for n in ("l_shoulder", "r_shoulder", "l_hip", "r_hip")):
        middle = [joints[[skeleton.index(f"{s}_{n}") for s in "lr"]].mean(0) for n in ("shoulder", "hip")]
        out.append((middle[0], middle[1], _SPINE_RADII, CENTRE_COLOR))
    weights = _head_weights(skeleton)
    if weights is not None:
        head = (weights[:, None] * np.where(weights[:, None] != 0, joints, 0)).sum(0)
        out.append((head, head, (_HEAD_RADIUS, _HEAD_RADIUS), CENTRE_COLOR))
    return out


@lru_cache(maxsize=64)
def _head_weights(skeleton: Skeleton) -> np.ndarray | None:
    """(J,) weights that make the centre of the head of a skeleton's joints, or None where it has no head."""
    if skeleton.name.startswith(("hand", "face")):
        return None
    row: np.ndarray = conversion(skeleton, BODY13)[0][BODY13.index("head")]
    return None if np.isnan(row).any() else row


def _shadow(figure: Figure, view: Projection, ground: float) -> list[_Stroke]:
    flat = replace(figure, joints=np.where([False, True, False], ground, figure.joints))
    # A ball's shadow on the floor is seen at a low angle, so it is flatter than the ball.
    return [replace(s, radii=(0.45 * s.radii[0], 0.45 * s.radii[1]), color=INK) for s in _strokes(flat, view, 1.0)]


def _draw_layer(canvas: np.ndarray, strokes: Sequence[_Stroke], opacity: float) -> None:
    """Draw strokes from far to near as one translucent layer."""
    if not strokes:
        return
    reach = max(max(s.radii) for s in strokes) + 2
    ends = np.array([end for s in strokes for end in (s.start, s.end)])
    h, w = canvas.shape[:2]
    x0, y0 = np.clip(np.floor(ends.min(0) - reach), 0, [w, h]).astype(int)
    x1, y1 = np.clip(np.ceil(ends.max(0) + reach), 0, [w, h]).astype(int)
    region = canvas[y0:y1, x0:x1]
    before = region.copy()
    for stroke in sorted(strokes, key=lambda s: -s.depth):
        start, end = ((p[0] - x0, p[1] - y0) for p in (stroke.start, stroke.end))
        raster.capsule(region, start, end, stroke.radii, stroke.color)
    raster.fade_in(region, before, opacity)


def _ticks(low: float, high: float, step: float) -> np.ndarray:
    first, last = int(np.ceil(low / step - 1e-6)), int(np.floor(high / step + 1e-6))
    return np.arange(first, last + 1) * step


def _line3d(canvas: np.ndarray, view: Projection, a: Sequence[float], b: Sequence[float], color: Color) -> None:
    (start, end), _ = view(np.array([a, b]))
    raster.line(canvas, start, end, color, 1.0)


def _fill(canvas: np.ndarray, corners: np.ndarray, color: Color, alpha: float) -> None:
    """Fill a convex polygon given in order (any sense), with soft edges."""
    h, w = canvas.shape[:2]
    low, high = np.floor(corners.min(0)) - 1, np.ceil(corners.max(0)) + 2
    x0, y0 = (int(v) for v in np.clip(low, 0, [w, h]))
    x1, y1 = (int(v) for v in np.clip(high, 0, [w, h]))
    if x0 >= x1 or y0 >= y1:
        return
    xs, ys = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
    edges = np.roll(corners, -1, axis=0) - corners
    turn = np.sign(np.sum(corners[:, 0] * np.roll(corners[:, 1], -1) - corners[:, 1] * np.roll(corners[:, 0], -1)))
    inside = np.full((y1 - y0, x1 - x0), np.inf, np.float32)
    for (px, py), (ex, ey) in zip(corners, edges, strict=True):
        length = max(float(np.hypot(ex, ey)), 1e-6)
        inside = np.minimum(inside, turn * (ex * (ys - py) - ey * (xs - px)) / length)
    cover = (np.clip(inside + 0.5, 0, 1) * alpha).astype(np.float32)
    raster.blend(canvas[y0:y1, x0:x1], color, cover)
