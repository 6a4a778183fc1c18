"""The overlay: people drawn on their picture, limbs coloured by side.

The right side is orange and the left side blue (told apart under every common colour blindness, and in print), what
belongs to neither side is light grey. Works for any skeleton that has names and edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import CENTRE_COLOR, LEFT_COLOR, RIGHT_COLOR, Skeleton
from anchorpose.poses.values import PARTS, People, Person, Pose
from anchorpose.share import raster
from anchorpose.share.raster import INK, WHITE, Color, mix

RIGHT, LEFT = RIGHT_COLOR, LEFT_COLOR
NEUTRAL: Color = (226, 228, 232)  # on a photo; brighter than the skeletons' grey, which drowns in it
# Boxes and tags of tracked people, by id: eight tints that differ in hue or lightness and stay off the sides' colours.
ID_COLORS: tuple[Color, ...] = (
    (255, 221, 87), (126, 217, 87), (240, 128, 200), (120, 220, 214),
    (190, 150, 255), (255, 160, 130), (200, 230, 140), (235, 235, 235),
)  # fmt: skip
_SMALL = ("nose", "eye", "ear", "mouth", "brow", "lip", "contour", "nostril")  # drawn finer, not to cover the face


@dataclass(frozen=True)
class Limb:
    """A stroke from a joint, or the mid-point of several, to a joint."""

    start: tuple[int, ...]
    end: tuple[int, ...]
    color: Color
    width: float = 1.0


@lru_cache(maxsize=64)
def limbs(skeleton: Skeleton) -> tuple[Limb, ...]:
    """The strokes of a skeleton: its edges, and a neck from between the shoulders to the head where it has none."""
    colors, sizes = [joint.color for joint in skeleton.joints], joint_sizes(skeleton)
    out = [Limb((a,), (b,), _limb_color(colors[a], colors[b]), min(sizes[a], sizes[b])) for a, b in skeleton.edges]
    shoulders = [n for n in ("r_shoulder", "l_shoulder") if n in skeleton]
    top = next((n for n in ("head", "nose") if n in skeleton), None)
    if len(shoulders) == 2 and top and not {"neck", "thorax"} & set(skeleton.names):
        ends = tuple(skeleton.index(n) for n in shoulders)
        out.append(Limb(ends, (skeleton.index(top),), CENTRE_COLOR))
    return tuple(out)


@lru_cache(maxsize=64)
def joint_sizes(skeleton: Skeleton) -> tuple[float, ...]:
    """How large each joint is drawn: 1, or less for fingers and the points of a face."""
    fine = [any(word in joint.name for word in _SMALL) or "hand_" in joint.name for joint in skeleton.joints]
    return tuple(0.5 if f and "h36m" not in skeleton.name else 1.0 for f in fine)


def draw_people(
    image: np.ndarray,
    people: People,
    *,
    boxes: bool = True,
    scores: bool = True,
    min_score: float = 0.0,
    min_joint_score: float = 0.1,
    parts: Sequence[str] = PARTS,
    scale: float = 1.0,
) -> np.ndarray:
    """Draw people on a copy of their picture.

    Args:
        image: (H, W, 3) uint8 RGB (grey and RGBA are taken too); it is not changed.
        people: 2D joints and boxes in pixels of the source.
        boxes: draw each person's box; scores: write id, score and labels beside it.
        min_score: people below are left out; min_joint_score: likewise joints, with the limbs that end in them.
        parts: which of body, left_hand, right_hand and face to draw.
        scale: size of `image` relative to the source, where the picture was resized before.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise InputError(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    canvas = raster.as_rgb(image)
    shown = sorted((p for p in people if p.score >= min_score), key=_nearness)
    for person in shown:
        _draw_person(canvas, person, parts, min_joint_score, scale)
    if boxes:
        for person in shown:
            _draw_box(canvas, person, scale)
    if scores and min(canvas.shape[:2]) >= 48:
        taken: list[np.ndarray] = []
        for person in reversed(shown):
            _draw_tag(canvas, person, scale, taken)
    return canvas


def person_color(person: Person) -> Color:
    """Colour of a person's box and tag: by identity, white for people who are not tracked."""
    return WHITE if person.id is None else ID_COLORS[person.id % len(ID_COLORS)]


def person_tag(person: Person) -> str:
    """What is written beside a person, as in "#3  0.87  waving"."""
    words = [] if person.id is None else [f"#{person.id}"]
    words.append(f"{person.score:.2f}")
    return "  ".join(words + [name for _, name, _ in person.labels[:2]])


def _limb_color(a: Color, b: Color) -> Color:
    """A limb takes the side that its ends are of; one that joins both sides, or lies in the middle, is neutral."""
    if a == b:
        return a
    sides = {a, b} - {CENTRE_COLOR}
    return sides.pop() if len(sides) == 1 else CENTRE_COLOR


def _nearness(person: Person) -> float:
    """Sort key: people who are nearer to the camera come later, on top of the others."""
    if person.body is not None and person.body.translation is not None:
        return -float(person.body.translation[2])
    x0, y0, x1, y1 = person.box
    return float((x1 - x0) * (y1 - y0)) - 1e9


def _extent(pose: Pose) -> float:
    """Size [px] that a part's strokes are scaled by: root of the area of its box, or of its joints' where larger."""
    sides = [pose.box[2:] - pose.box[:2]]
    if pose.joints2d is not None and np.isfinite(pose.joints2d).all(1).any():
        sides.append(np.nanmax(pose.joints2d, axis=0) - np.nanmin(pose.joints2d, axis=0))
    return max((float(np.sqrt(np.prod(np.maximum(s, 0)))) for s in sides if np.isfinite(s).all()), default=0.0)


def _fade(score: float, least: float) -> float:
    """Opacity of a joint of that score: full from 0.5 on, a third at the least that is drawn."""
    span = max(0.5 - least, 1e-6)
    return float(np.clip(0.35 + 0.65 * (score - least) / span, 0.35, 1.0))


def _draw_person(canvas: np.ndarray, person: Person, parts: Sequence[str], least: float, scale: float) -> None:
    body_radius = 0.0
    for part in PARTS:
        pose: Pose | None = getattr(person, part)
        if pose is None or pose.joints2d is None:
            continue
        radius = float(np.clip((0.011 if part == "body" else 0.016) * _extent(pose) * scale, 0.8, 40))
        if part == "body":
            body_radius = radius
        elif body_radius:
            radius = min(radius, 0.6 * body_radius)
        if part in parts:
            side = {"left_hand": LEFT, "right_hand": RIGHT}.get(part)
            # Pixel centres are whole numbers: resizing by s maps x to s (x + 1/2) - 1/2.
            points = (pose.joints2d + 0.5) * scale - 0.5
            _draw_pose(canvas, pose, points, radius, least, side, 0.5 if person.filled else 1.0)


def _draw_pose(
    canvas: np.ndarray, pose: Pose, points: np.ndarray, radius: float, least: float, side: Color | None, opacity: float
) -> None:
    """Limbs, then joints on top; a limb is as faint as the less certain of its ends. `side`: one colour for all."""
    skeleton = pose.record
    scores = np.where(np.isfinite(points).all(1) & (pose.scores >= least), pose.scores, 0.0)
    rim = float(np.clip(0.3 * radius, 0.6, 3.0))
    for limb in limbs(skeleton):
        score = min(scores[i] for i in (*limb.start, *limb.end))
        if score > 0:
            start = points[limb.start[0]] if len(limb.start) == 1 else points[list(limb.start)].mean(0)
            taper, alpha = (1.1 * radius * limb.width, 0.85 * radius * limb.width), opacity * _fade(score, least)
            color = side or _on_photo(limb.color)
            raster.capsule(canvas, start, points[limb.end[0]], taper, color, alpha=alpha, outline=rim)
    for point, score, joint, size in zip(points, scores, skeleton.joints, joint_sizes(skeleton), strict=True):
        if score > 0:
            color, alpha = mix(side or _on_photo(joint.color), WHITE, 0.6), opacity * _fade(score, least)
            raster.disc(canvas, point, size * (1.2 * radius + 0.4), color, alpha=alpha, outline=rim)


def _on_photo(color: Color) -> Color:
    return NEUTRAL if color == CENTRE_COLOR else color


def _draw_box(canvas: np.ndarray, person: Person, scale: float) -> None:
    xyxy = (np.asarray(person.box) + 0.5) * scale - 0.5
    if not np.isfinite(xyxy).all():
        return
    width = _line_width(canvas)
    # Kept within the picture by half a stroke, so that a person cut by the border still has a closed box.
    h, w = canvas.shape[:2]
    inset = width / 2
    xyxy = np.clip(xyxy, [inset - 0.5] * 4, np.array([w, h, w, h]) - 0.5 - inset)
    corner = min(4 * width, 0.25 * min(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]))
    raster.box(canvas, xyxy, INK, corner=corner, stroke=2.4 * width, alpha=0.35)
    raster.box(canvas, xyxy, person_color(person), corner=corner, stroke=width, alpha=0.5 if person.filled else 0.9)


def _line_width(canvas: np.ndarray) -> float:
    return float(np.clip(0.0022 * np.sqrt(canvas.shape[0] * canvas.shape[1]), 1.0, 8.0))


def _draw_tag(canvas: np.ndarray, person: Person, scale: float, taken: list[np.ndarray]) -> None:
    """Write a person's tag above the box, or inside it, or below: the first place that is free."""
    h, w = canvas.shape[:2]
    size = int(np.clip(0.024 * np.sqrt(h * w), 10, 64))
    words = person_tag(person)
    text_width, text_height = raster.text_size(words, size)
    pad = 0.35 * size
    x0, y0, _, y1 = (np.asarray(person.box) + 0.5) * scale - 0.5
    if not np.isfinite([x0, y0, y1]).all():
        return
    tag_width, tag_height = text_width + 2 * pad, text_height + 0.2 * size
    x = float(np.clip(x0, 0, max(w - tag_width - 1, 0)))
    places = [y0 - tag_height - 2, y0 + 3, y1 + 2, y0 + 5 + tag_height]
    rects = [np.array([x, y, x + tag_width, y + tag_height]) for y in np.clip(places, 0, max(h - tag_height - 1, 0))]
    rect = next((r for r in rects if not any(_overlap(r, t) for t in taken)), rects[0])
    taken.append(rect)
    raster.box(canvas, rect, INK, corner=0.3 * size, alpha=0.72)
    raster.text(canvas, (rect[0] + pad, (rect[1] + rect[3]) / 2), words, size, person_color(person), anchor="lm")


def _overlap(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((np.minimum(a[2:], b[2:]) > np.maximum(a[:2], b[:2])).all())
