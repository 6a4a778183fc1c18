"""A figure of the body with the points of its skeletons: from the front and the side, hands and face, all numbered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from anchorpose.poses.body import BodyModel, Posed, pose_body
from anchorpose.poses.body_points import FEET, body_points
from anchorpose.poses.skeletons import BODY13, COCO17, FACE84, HAND21, Skeleton
from anchorpose.poses.transforms import rotation_x, rotation_y
from anchorpose.share.raster import disc, line, text

Box = tuple[float, float, float, float]  # what a panel shows: left, right, bottom, top [m]
_FINE = 2  # the mesh is drawn at twice the size and scaled down
_SKIN = np.array([228.0, 205.0, 190.0])
_SPECIAL = {"lips": (200, 120, 115), "scalp": (178, 160, 148), "l_eye": (250, 250, 250), "r_eye": (250, 250, 250)}
_INK, _FINE_INK = (25, 30, 40), (20, 60, 190)


def body_figure(body: BodyModel, height: int = 900) -> np.ndarray:
    """(H, W, 3) uint8: the mean body with BODY13, COCO17 and feet, both hands, the face from the front and the left."""
    pose = np.broadcast_to(np.eye(3), (1, len(body.bones), 3, 3))
    posed = pose_body(body, np.zeros((1, 1)), pose, np.zeros((1, 3)))
    points = {part: values[0] for part, values in body_points(body, posed).items()}
    front, left = np.eye(3), rotation_y(-np.pi / 2)
    whole: Box = (-0.62, 0.62, -0.93, 0.83)
    side: Box = (-0.42, 0.22, -0.93, 0.83)
    panels = [
        _panel(body, posed, points["body13"], BODY13, front, whole, height, feet=points["feet"]),
        _panel(body, posed, points["coco17"], COCO17, front, whole, height),
        _panel(body, posed, points["body13"], BODY13, left, side, height, feet=points["feet"]),
    ]
    hands = []
    for part, turn in (("left_hand", -60.0), ("right_hand", 60.0)):
        view = rotation_x(np.radians(8)) @ rotation_y(np.radians(turn))
        hands.append(_panel(body, posed, points[part], HAND21, view, _around(points[part] @ view.T, 0.25), height // 2))
    bodies = np.concatenate([*panels, np.concatenate(hands)], axis=1)
    faces = []
    for view in (front, left):
        seen = points["face84"].copy()
        if view is left:
            seen[seen[:, 0] < -2e-3] = np.nan
        box = _around(points["face84"] @ view.T, 0.22)
        faces.append(_panel(body, posed, seen, FACE84, view, box, bodies.shape[1] // 2))
    row = np.concatenate(faces, axis=1)
    gap = np.full((len(row), bodies.shape[1] - row.shape[1], 3), 255, np.uint8)
    return np.concatenate([bodies, np.concatenate([row, gap], axis=1)])


def save_body_figure(body: BodyModel, path: str | Path, height: int = 900) -> np.ndarray:
    """Writes `body_figure` as a picture and returns it."""
    figure = body_figure(body, height)
    Image.fromarray(figure).save(path, quality=88)
    return figure


def _around(points: np.ndarray, size: float) -> Box:
    """A square box about the middle of points (J, 3) as seen."""
    x, y = (points[:, :2].min(0) + points[:, :2].max(0)) / 2
    return (x - size / 2, x + size / 2, y - size / 2, y + size / 2)


def _panel(
    body: BodyModel,
    posed: Posed,
    points: np.ndarray,
    skeleton: Skeleton,
    view: np.ndarray,
    box: Box,
    height: int,
    feet: np.ndarray | None = None,
) -> np.ndarray:
    """The mesh and the numbered points of one skeleton, along the z axis after `view`."""
    canvas = draw_mesh(body, posed.vertices[0], view, box, height)
    at = _pixels(points @ view.T, box, height)
    close = len(points) > 17
    colors = [_FINE_INK] * len(points) if close else [tuple(color) for color in skeleton.colors]
    for a, b in skeleton.edges:
        if np.isfinite(at[[a, b]]).all():
            line(canvas, at[a], at[b], colors[b], width=1.2 if close else 2.0)
    for i, (xy, color) in enumerate(zip(at, colors, strict=True)):
        if np.isfinite(xy).all():
            disc(canvas, xy, 2.4 if close else 4.0, color)
            text(canvas, xy + [3, -12], str(i), 10 if close else 13, _INK)
    if feet is not None:
        for xy, name in zip(_pixels(feet @ view.T, box, height), FEET, strict=True):
            disc(canvas, xy, 3.0, (60, 150, 60))
            if "heel" not in name:
                text(canvas, xy + [-6, 6], name[0] + name[2], 10, (40, 110, 40))
    return canvas


def _pixels(seen: np.ndarray, box: Box, height: int) -> np.ndarray:
    """(J, 2) [px] of points (J, 3) as seen."""
    scale = height / (box[3] - box[2])
    return np.stack([(seen[:, 0] - box[0]) * scale, (box[3] - seen[:, 1]) * scale], axis=-1)


def draw_mesh(body: BodyModel, vertices: np.ndarray, view: np.ndarray, box: Box, height: int) -> np.ndarray:
    """(H, W, 3) uint8: a mesh in plain shading, orthographic, far triangles first.

    Args:
        vertices: (V, 3) [m].
        view: (3, 3) rotation, after which the viewer looks along -z with y up.
    """
    width = round(height * (box[1] - box[0]) / (box[3] - box[2]))
    seen = vertices @ view.T
    corners = seen[body.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    shown = np.flatnonzero(facing > 0)
    shown = shown[np.argsort(corners[shown].mean(1)[:, 2])]
    colors = np.tile(_SKIN, (len(body.regions), 1))
    for name, color in _SPECIAL.items():
        colors[body.region(name)] = color
    shaded = (colors[body.face_regions[shown]] * (0.45 + 0.55 * facing[shown, None])).astype(int)
    at = _pixels(corners[shown].reshape(-1, 3), box, height * _FINE).reshape(-1, 6)
    picture = Image.new("RGB", (width * _FINE, height * _FINE), "white")
    pencil = ImageDraw.Draw(picture)
    inside = (at[:, ::2].max(1) >= 0) & (at[:, ::2].min(1) <= picture.width)
    inside &= (at[:, 1::2].max(1) >= 0) & (at[:, 1::2].min(1) <= picture.height)
    for polygon, color in zip(at[inside].tolist(), shaded[inside].tolist(), strict=True):
        pencil.polygon(polygon, fill=tuple(color), outline=tuple(color))
    return np.array(picture.resize((width, height), Image.Resampling.BOX))
