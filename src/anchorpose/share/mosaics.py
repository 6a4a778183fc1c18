"""Figures of how a mosaic is made: the query, the photo of each joint, who wins where, what blending makes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorpose.files.images import write_image
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, CENTRE_COLOR
from anchorpose.share import raster
from anchorpose.share.drawing import NEUTRAL, limbs
from anchorpose.share.raster import INK, WHITE, Color

_GAP, _TITLE, _TEXT = 8, 26, 15
_GREY: Color = (96, 102, 112)
# One colour a joint: hue by the limb, light for the left and dark for the right side.
JOINT_COLORS: tuple[Color, ...] = (
    (133, 92, 32), (222, 184, 112), (150, 52, 40), (236, 140, 124), (120, 40, 110), (216, 150, 208), (24, 84, 132),
    (128, 190, 236), (18, 108, 108), (124, 212, 204), (44, 100, 36), (160, 212, 132), (240, 210, 70),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stages:
    """One row of the figure; all pictures are (H, W, 3) uint8 of one size.

    Attributes:
        joints2d: (13, 2) [px], the query.
        photos: for each joint the photo that was found for it, carried over into the query's picture, and that
            photo's pose there (13, 2), NaN where not labelled; None for a joint that has none.
        winners: (H, W), the joint whose photo each pixel is of.
        argmax: the picture without blending.
        image: the mosaic.
    """

    joints2d: np.ndarray
    photos: Sequence[tuple[np.ndarray, np.ndarray] | None]
    winners: np.ndarray
    argmax: np.ndarray
    image: np.ndarray


def stages_figure(rows: Sequence[Stages], path: str | os.PathLike[str], height: int = 256) -> np.ndarray:
    """Draw rows of stages and write the figure to `path`.

    Args:
        height: of each picture [px].

    Returns:
        (H, W, 3) uint8 RGB, what was written.
    """
    if not rows:
        raise InputError("a figure of stages needs at least one row")
    drawn = [_draw_row(row, height) for row in rows]
    titles = (
        "query",
        "the photo most like it around each joint, aligned",
        "whose pixel",
        "argmax",
        "blended",
        "labels",
    )
    widths = [panel.shape[1] for panel in drawn[0]]
    sheet = np.full((_TITLE + len(rows) * (height + _GAP), sum(widths) + _GAP * (len(widths) + 1), 3), 255, np.uint8)
    x = _GAP
    for column, (title, width) in enumerate(zip(titles, widths, strict=True)):
        raster.text(sheet, (x + width / 2, _TITLE / 2), title, _TEXT, INK, anchor="mm")
        for number, panels in enumerate(drawn):
            raster.paste(sheet, panels[column], x, _TITLE + number * (height + _GAP))
        x += width + _GAP
    write_image(path, sheet)
    return sheet


def _draw_row(row: Stages, height: int) -> list[np.ndarray]:
    image, factor = raster.fit_image(row.image, 10 * height, height)
    blank = np.full_like(image, 255)
    colors = np.array(JOINT_COLORS, np.uint8)[row.winners]
    index_map = raster.fit_image(colors, image.shape[1], image.shape[0])[0]
    points = (row.joints2d + 0.5) * factor - 0.5
    _draw_pose(index_map, points, WHITE)
    argmax = raster.fit_image(row.argmax, image.shape[1], image.shape[0])[0]
    return [_draw_pose(blank, points), _draw_photos(row, height), index_map, argmax, image,
            _draw_pose(image.copy(), points)]  # fmt: skip


def _draw_photos(row: Stages, height: int) -> np.ndarray:
    """Two lines of small pictures, each framed in its joint's colour, the joint ringed."""
    side = (height - 4) // 2
    columns = -(-len(row.photos) // 2)
    width = round(row.image.shape[1] * side / row.image.shape[0])
    panel = np.full((height, columns * (width + 4) - 4, 3), 255, np.uint8)
    for j, photo in enumerate(row.photos):
        line, column = divmod(j, columns)
        tile = np.full((side, width, 3), 240, np.uint8)
        if photo is not None:
            tile, factor = raster.fit_image(photo[0], width, side)
            points = (photo[1] + 0.5) * factor - 0.5
            _draw_pose(tile, points, JOINT_COLORS[j])
            for radius, color in ((5.0, INK), (4.0, JOINT_COLORS[j])):
                raster.disc(tile, points[j], radius, color)
        frame = (0.5, 0.5, tile.shape[1] - 1.5, tile.shape[0] - 1.5)
        raster.box(tile, frame, JOINT_COLORS[j], stroke=2)
        name = BODY13.names[j].replace("r_", "right ").replace("l_", "left ")
        raster.box(tile, (2, 2, 8 + raster.text_size(name, 10)[0], 15), INK, alpha=0.6)
        raster.text(tile, (5, 8), name, 10, WHITE, anchor="lm")
        raster.paste(panel, tile, column * (width + 4), line * (side + 4))
    return panel


def _draw_pose(canvas: np.ndarray, points: np.ndarray, color: Color | None = None) -> np.ndarray:
    """Limbs by side, or thin and all in one colour; those with an end that is not known are left out."""
    known = np.isfinite(points).all(1)
    radius = 1.0 if color else max(1.3, 0.007 * canvas.shape[0])
    for limb in limbs(BODY13):
        if known[[*limb.start, *limb.end]].all():
            start, end = points[list(limb.start)].mean(0), points[list(limb.end)].mean(0)
            own = limb.color if limb.color != CENTRE_COLOR else (_GREY if color is None else NEUTRAL)
            raster.capsule(canvas, start, end, (radius, radius), color or own, outline=0.8, outline_alpha=0.4)
    return canvas
