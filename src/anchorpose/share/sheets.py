"""Contact sheets: anchor poses as stick figures in 3D and 2D, and photos with the people found in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anchorpose.files.images import write_image
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import CENTRE_COLOR
from anchorpose.poses.values import People
from anchorpose.share import raster
from anchorpose.share.drawing import draw_people, limbs
from anchorpose.share.raster import Color, mix
from anchorpose.share.scene import (
    LIGHT,
    Bounds,
    Figure,
    backdrop,
    draw_figures,
    fit_view,
    view_rotation,
)

_CELL = (300, 176)
_HEADER = 22
_TITLE = 46
_GAP = 6
_INK, _FAINT, _PAPER = LIGHT.ink, LIGHT.faint, (255, 255, 255)
_STICK_GREY: Color = (96, 102, 112)
# Ids of COCO's licences that let a picture be shown again, changed, by anyone.
OPEN_LICENSES = {
    4: ("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/"),
    5: ("CC BY-SA 2.0", "https://creativecommons.org/licenses/by-sa/2.0/"),
    7: ("no known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    8: ("work of the United States government", "https://www.usa.gov/government-copyright"),
}


def anchor_sheet(
    anchors: AnchorPoses, path: str | os.PathLike[str], *, columns: int = 6, max_count: int = 120
) -> np.ndarray:
    """Draw anchor poses as a sheet and write it to `path` (the suffix says the format).

    Each class shows its number, its share of the poses if the anchors have the attribute "share", the 3D pose as the
    camera sees it and turned by 90 degrees, and the 2D pose in its unit box; the legs of an upper-body class hang
    below the box. With more than `max_count` classes the most frequent are shown (without shares, evenly spread ones).

    Returns:
        (H, W, 3) uint8 RGB, what was written.
    """
    if columns < 1 or max_count < 1:
        raise InputError(f"a sheet needs at least one column and one class, not {columns} and {max_count}")
    chosen = _choose(anchors, max_count)
    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    width, height = _CELL
    sheet = np.full((_TITLE + rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    _draw_title(sheet, anchors, len(chosen))
    stage = _stage(anchors.joints3d[chosen])
    for place, number in enumerate(chosen):
        row, column = divmod(place, columns)
        x, y = _GAP + column * (width + _GAP), _TITLE + row * (height + _GAP)
        _draw_anchor(sheet[y : y + height, x : x + width], anchors, int(number), stage)
    write_image(path, sheet)
    return sheet


def photo_sheet(
    photos: Sequence[tuple[np.ndarray, People]],
    captions: Sequence[str],
    path: str | os.PathLike[str],
    *,
    columns: int = 4,
    cell: tuple[int, int] = (420, 340),
) -> np.ndarray:
    """Draw the people on photos, lay them out with a caption under each, and write the sheet to `path`.

    Args:
        photos: (image, people) pairs; captions: one for each, as its attribution.
        cell: largest width and height [px] of a photo.

    Returns:
        (H, W, 3) uint8 RGB, what was written.
    """
    if len(photos) != len(captions):
        raise InputError(f"{len(photos)} photos need as many captions, not {len(captions)}")
    if not photos or columns < 1:
        raise InputError(f"a sheet needs photos and columns, not {len(photos)} and {columns}")
    columns = min(columns, len(photos))
    tiles = [_draw_photo(image, people, cell) for image, people in photos]
    text, width = 13, cell[0]
    caption_height = round(1.9 * text)
    lines = [tiles[i : i + columns] for i in range(0, len(tiles), columns)]
    heights = [max(t.shape[0] for t in line) + caption_height + _GAP for line in lines]
    sheet = np.full((sum(heights) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    y = _GAP
    for number, (line, height) in enumerate(zip(lines, heights, strict=True)):
        for column, tile in enumerate(line):
            x = _GAP + column * (width + _GAP)
            top = y + height - _GAP - caption_height - tile.shape[0]
            raster.paste(sheet, tile, x + (width - tile.shape[1]) // 2, top)
            caption = _shorten(captions[number * columns + column], text, width)
            spot = (x + width / 2, y + height - _GAP - caption_height / 2)
            raster.text(sheet, spot, caption, text, _INK, anchor="mm")
        y += height
    write_image(path, sheet)
    return sheet


def attribution(photos: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table that credits photos, records of a COCO file (id, license, flickr_url), in the sheet's order.

    Raises:
        InputError: a photo whose licence does not let it be shown again.
    """
    lines = ["| | COCO id | licence | photo |", "|--:|--:|---|---|"]
    for number, photo in enumerate(photos, 1):
        if photo["license"] not in OPEN_LICENSES:
            raise InputError(
                f"photo {photo['id']} has licence {photo['license']}, but only {', '.join(map(str, OPEN_LICENSES))}"
                " may be shown again"
            )
        name, url = OPEN_LICENSES[photo["license"]]
        lines.append(f"| {number} | {photo['id']} | [{name}]({url}) | {photo['flickr_url']} |")
    return "\n".join(lines) + "\n"


def _choose(anchors: AnchorPoses, count: int) -> np.ndarray:
    """Numbers of the classes to show, rising."""
    if len(anchors) <= count:
        return np.arange(len(anchors))
    share = anchors.attributes.get("share")
    if share is None:
        return np.unique(np.linspace(0, len(anchors) - 1, count).round().astype(int))
    return np.sort(np.argsort(-np.asarray(share, float), kind="stable")[:count])


def _draw_title(sheet: np.ndarray, anchors: AnchorPoses, shown: int) -> None:
    upper = int(anchors.upper.sum())
    words = [f"{anchors.name}: {len(anchors)} anchor poses, {anchors.skeleton}"]
    words += [f"{len(anchors) - upper} full and {upper} upper-body"] if upper else []
    words += [f"{shown} shown"] if shown < len(anchors) else []
    raster.text(sheet, (2 * _GAP, _TITLE / 2), "; ".join(words), 18, _INK, anchor="lm")


def _draw_anchor(cell: np.ndarray, anchors: AnchorPoses, number: int, stage: Bounds) -> None:
    height, width = cell.shape[:2]
    cell[:] = backdrop(width, height, LIGHT)
    upper = bool(anchors.upper[number])
    raster.text(cell, (8, 0.5 * _HEADER), f"{number}", 13, _INK, anchor="lm")
    if upper:
        raster.text(cell, (width / 2, 0.5 * _HEADER), "upper body", 11, _FAINT, anchor="mm")
    if "share" in anchors.attributes:
        share = f"{100 * float(anchors.attributes['share'][number]):.2g} %"
        raster.text(cell, (width - 8, 0.5 * _HEADER), share, 12, _FAINT, anchor="rm")
    third = width // 3
    panel = cell[_HEADER:]
    figure = Figure(anchors.record, anchors.joints3d[number].astype(float))
    for i, azimuth in enumerate((0.0, np.pi / 2)):
        # All classes at one scale; a wide pose may reach into its neighbour's half.
        rect = (third * (i - 1.0), 5, third * (i + 2.0), panel.shape[0] - 5)
        view = fit_view(stage, view_rotation(azimuth, 0.0), rect, perspective=8.0)
        draw_figures(panel, view, [figure], None, LIGHT)
    _draw_unit_box(cell[_HEADER:, 2 * third :], anchors, number)


def _stage(joints3d: np.ndarray) -> Bounds:
    """Bounds that hold any of the poses (K, J, 3), seen from the front or the side."""
    half = float(np.quantile(np.abs(joints3d[..., [0, 2]]), 0.99))
    top, bottom = float(joints3d[..., 1].min()) - 0.11, float(joints3d[..., 1].max()) + 0.05
    return Bounds((-half, half), (-half, half), top, bottom)


def _draw_unit_box(panel: np.ndarray, anchors: AnchorPoses, number: int) -> None:
    """The 2D pose in the class's box; the panel reaches as far as the joints that lie outside."""
    points = anchors.joints2d[number].astype(float)
    finite = points[np.isfinite(points).all(1)]
    low = np.minimum(finite.min(0, initial=0.0), 0.0)
    high = np.maximum(finite.max(0, initial=1.0), 1.0)
    aspect = _box_aspect(points, anchors.joints3d[number].astype(float))
    height, width = panel.shape[:2]
    margin = 9.0
    size = (high - low) * (aspect, 1.0)
    factor = min((width - 2 * margin) / size[0], (height - 2 * margin) / size[1])
    scale = np.array([aspect, 1.0]) * factor
    offset = np.array([width, height]) / 2 - scale * (low + high) / 2
    raster.box(panel, np.concatenate([offset, offset + scale]), mix(_FAINT, _PAPER, 0.3), stroke=1.2, corner=2)
    pixels = points * scale + offset
    for limb in limbs(anchors.record):
        start, end = pixels[list(limb.start)].mean(0), pixels[list(limb.end)].mean(0)
        color = _STICK_GREY if limb.color == CENTRE_COLOR else limb.color
        raster.capsule(panel, start, end, (1.5, 1.3), color)
    for pixel, joint in zip(pixels, anchors.record.joints, strict=True):
        color = _STICK_GREY if joint.color == CENTRE_COLOR else joint.color
        raster.disc(panel, pixel, 3.6 if joint.name == "head" else 1.9, color)


def _box_aspect(points: np.ndarray, joints3d: np.ndarray) -> float:
    """Width over height of a class's box before it was made square: from the 3D pose (J, 3) as the camera sees it."""
    inside = ((points >= -0.02) & (points <= 1.02)).all(1)
    if inside.sum() < 2:
        return 1.0
    metres, share = np.ptp(joints3d[inside, :2], axis=0), np.maximum(np.ptp(points[inside], axis=0), 1e-6)
    width, height = metres / share
    return float(np.clip(width / max(height, 1e-6), 0.25, 2.0))


def _draw_photo(image: np.ndarray, people: People, cell: tuple[int, int]) -> np.ndarray:
    small, factor = raster.fit_image(image, *cell)
    return draw_people(small, people, scale=factor)


def _shorten(words: str, size: int, width: int) -> str:
    """The text, its end replaced by an ellipsis where it is too long for the width."""
    if raster.text_size(words, size)[0] <= width:
        return words
    while words and raster.text_size(words + "...", size)[0] > width:
        words = words[:-1]
    return words.rstrip() + "..."
