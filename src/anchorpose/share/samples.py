"""Labelled samples drawn: limbs by side, hidden joints hollow, hands, faces, boxes, and maps laid over the image.

What is drawn is only what the labels say, so that a look at a sheet shows whether they are right: the person's own
right is orange, left is blue. A full joint is labelled as visible, a ring as hidden; a limb with an end that is hidden
or outside the image is thin. Rings as small as those of fingers and of the face would look full, so what is hidden
there is a faint dot: in the side's colour on a hand, grey and without lines in the face. What is not labelled is not
drawn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from anchorpose.files.images import write_image
from anchorpose.poses.errors import InputError
from anchorpose.poses.samples import HIDDEN, MAPS, VISIBLE, Part, Sample, SamplePerson
from anchorpose.share import raster
from anchorpose.share.drawing import ID_COLORS, LEFT, NEUTRAL, RIGHT, joint_sizes, limbs
from anchorpose.share.raster import INK, WHITE, Color, mix

_BODIES = ("body", "coco", "wholebody")  # the first that a person has is drawn
_SIDES: dict[str, Color | None] = {"left_hand": LEFT, "right_hand": RIGHT, "face": WHITE}
_GAP, _CAPTION = 6, 13
_FAINT: Color = (128, 130, 134)
_MAP_SHARE = 0.6  # how much of a pixel is the map's


def draw_sample(sample: Sample, size: int | None = None, map: str = "none", boxes: bool = True) -> np.ndarray:
    """The image of a sample with its labels.

    Args:
        size: longer side of the result [px]; None: as large as the image.
        map: "none", "parts", "instances" or "depth": what to lay over the image.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: the sample has no such map; lists those it has.
    """
    image = sample.image if map == "none" else _with_map(sample, map)
    canvas, factor = raster.fit_image(image, size, size) if size else (raster.as_rgb(image), 1.0)
    for person in sorted(sample.people, key=_distance, reverse=True):
        _draw_person(canvas, person, factor)
    if boxes:
        for person in sample.people:
            xyxy = (person.box + 0.5) * factor - 0.5
            raster.box(canvas, xyxy, INK, stroke=2.2, alpha=0.4)
            raster.box(canvas, xyxy, WHITE, stroke=1.0, alpha=0.8)
    return canvas


def sample_sheet(
    samples: Sequence[tuple[str, Sample]],
    path: str | os.PathLike[str],
    *,
    columns: int = 6,
    cell: int = 256,
    map: str = "none",
) -> np.ndarray:
    """Draw samples, lay them out with a caption under each, and write the sheet to `path`.

    Args:
        samples: captions and samples.
        cell: width and height [px] of each.

    Returns:
        (H, W, 3) uint8 RGB, what was written.
    """
    if not samples or columns < 1 or cell < 16:
        raise InputError(
            f"a sheet needs samples, columns and cells of 16 px, not {len(samples)} samples, {columns} columns and "
            f"cells of {cell} px"
        )
    columns = min(columns, len(samples))
    tiles = [draw_sample(sample, cell, map) for _, sample in samples]
    rows = [range(i, min(i + columns, len(tiles))) for i in range(0, len(tiles), columns)]
    heights = [max(tiles[i].shape[0] for i in row) + round(1.7 * _CAPTION) + _GAP for row in rows]
    sheet = np.full((sum(heights) + _GAP, columns * (cell + _GAP) + _GAP, 3), 255, np.uint8)
    y = _GAP
    for row, height in zip(rows, heights, strict=True):
        bottom = y + height - round(1.7 * _CAPTION) - _GAP
        for column, i in enumerate(row):
            x = _GAP + column * (cell + _GAP)
            raster.paste(sheet, tiles[i], x + (cell - tiles[i].shape[1]) // 2, bottom - tiles[i].shape[0])
            raster.text(sheet, (x + cell / 2, bottom + 0.9 * _CAPTION), samples[i][0], _CAPTION, INK, anchor="mm")
        y += height
    write_image(path, sheet)
    return sheet


def _distance(person: SamplePerson) -> float:
    """From the camera [m]; people whose place is not known come last, the smaller the farther."""
    for part in person.parts.values():
        depths = part.joints3d[:, 2]
        if np.isfinite(depths).any():
            return float(np.nanmedian(depths))
    return 1e3 / max(float(np.prod(person.box[2:] - person.box[:2])), 1.0)


def _draw_person(canvas: np.ndarray, person: SamplePerson, factor: float) -> None:
    extent = float(np.sqrt(np.prod(np.maximum(person.box[2:] - person.box[:2], 1)))) * factor
    radius = float(np.clip(0.009 * extent, 0.8, 8))
    body = next((name for name in _BODIES if name in person.parts), None)
    for name in ("face", body, "left_hand", "right_hand"):
        part = person.parts.get(name) if name else None
        if name is not None and part is not None:
            _draw_part(canvas, part, factor, radius * (0.55 if name in _SIDES else 1.0), _SIDES.get(name))


def _draw_part(canvas: np.ndarray, part: Part, factor: float, radius: float, color: Color | None) -> None:
    """Limbs, then joints; `color`: one for all, as hands and faces have, whose joints are small; else by side."""
    fine = color is not None
    points = (part.joints2d + 0.5) * factor - 0.5
    known = np.asarray(np.isfinite(points).all(1))
    # A limb that ends outside of the image is drawn up to its border if the label says where it goes.
    inside = part.visible > 0
    for limb in limbs(part.record):
        ends = [*limb.start, *limb.end]
        clear = bool((part.visible[ends] == VISIBLE).all())
        if known[ends].all() and inside[ends].any() and (clear or color != WHITE):
            start, end = points[list(limb.start)].mean(0), points[limb.end[0]]
            width = radius * limb.width * (1.0 if clear else 0.5)
            tint = color or _bright(limb.color)
            alpha = 0.9 if clear else 0.35 if fine else 0.6
            raster.capsule(
                canvas, start, end, (width, width), tint, alpha=alpha, outline=0.7 if clear or not fine else 0
            )
    for point, visible, joint, scale in zip(
        points, part.visible, part.record.joints, joint_sizes(part.record), strict=True
    ):
        tint, size = color or _bright(joint.color), scale * (1.25 * radius + 0.5)
        if visible == VISIBLE:
            raster.disc(canvas, point, size, mix(tint, WHITE, 0.45), outline=0.7)
        elif visible == HIDDEN and fine:
            faint = _FAINT if tint == WHITE else mix(tint, _FAINT, 0.6)
            raster.disc(canvas, point, max(0.5 * size, 0.7), faint, alpha=0.55)
        elif visible == HIDDEN:
            _draw_ring(canvas, point, size + 0.4, tint)


def _draw_ring(canvas: np.ndarray, centre: np.ndarray, radius: float, color: Color) -> None:
    xyxy = [*(centre - radius), *(centre + radius)]
    stroke = max(0.8, 0.35 * radius)
    raster.box(canvas, xyxy, INK, corner=radius, stroke=stroke + 1.0, alpha=0.6)
    raster.box(canvas, xyxy, color, corner=radius, stroke=stroke)


def _bright(color: Color) -> Color:
    return color if color in (LEFT, RIGHT) else NEUTRAL


def _with_map(sample: Sample, name: str) -> np.ndarray:
    """The image in grey with a map in colours over it, where the map shows something."""
    if name not in MAPS:
        raise InputError(f"no map {name!r}; there are {', '.join(MAPS)}")
    if name not in sample.maps:
        raise InputError(f"the sample has no map {name!r}; it has {', '.join(sample.maps) or 'none'}")
    values = sample.maps[name]
    shown = np.isfinite(values) & (values > 0)
    grey = np.repeat(sample.image.mean(-1, keepdims=True), 3, -1)
    tint = _depth_colors(values, shown) if name == "depth" else _palette()[values]
    return np.where(shown[..., None], (1 - _MAP_SHARE) * grey + _MAP_SHARE * tint, grey).astype(np.uint8)


def _palette() -> np.ndarray:
    """(256, 3): colours of numbers, neighbours far apart; the first eight are the people's."""
    hue = (np.arange(256) * 0.618034) % 1.0
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue[:, None] - [0, 1 / 3, 2 / 3]))
    colors = 255 * (0.25 + 0.75 * wheel) * np.where(np.arange(256) % 2, 1.0, 0.75)[:, None]
    colors[1 : 1 + len(ID_COLORS)] = ID_COLORS
    return colors


def _depth_colors(depth: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Near is yellow, far is violet, over the depths that are there."""
    if not shown.any():
        return np.zeros((*depth.shape, 3))
    near, far = np.percentile(depth[shown], [1, 99])
    share = np.clip((np.where(shown, depth, far) - near) / max(float(far - near), 1e-3), 0, 1)
    stops = np.array([[253, 231, 37], [53, 183, 121], [49, 104, 142], [68, 1, 84]], float)
    place = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(share, place, stops[:, c]) for c in range(3)], -1)
