"""Anti-aliased shapes on uint8 images, by signed distance in NumPy.

Everything that is drawn here is a capsule (a segment with a radius at each end; a disc when the ends meet), a rounded
box or a line of text. Each touches only the pixels around it, so the cost follows the ink and not the picture, and the
edges are exact to a fraction of a pixel without drawing at a larger size. Pixel (0, 0) is the centre of the top-left
pixel. Images are (H, W, 3) uint8 RGB and are changed in place; whatever lies outside is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
Numbers = Sequence[float] | np.ndarray  # a point (x, y), a box (x0, y0, x1, y1)
INK: Color = (18, 20, 24)
WHITE: Color = (255, 255, 255)
# Where the light comes from in the picture's frame (x right, y down, z away): top left, in front.
_LIGHT = np.array([-0.45, -0.65, -0.62]) / np.linalg.norm([-0.45, -0.65, -0.62])
_HALF = (_LIGHT + [0, 0, -1]) / np.linalg.norm(_LIGHT + [0, 0, -1])
_TILE = 65536  # pixels; a long diagonal limb is drawn in bands when its bounding box is larger than this


def as_rgb(image: np.ndarray) -> np.ndarray:
    """A fresh (H, W, 3) uint8 copy of a grey, grey+channel, RGB or RGBA (alpha dropped) uint8 image."""
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
    return np.array(image[..., :3], np.uint8, order="C")


def mix(color: Sequence[int], other: Sequence[int], share: float) -> Color:
    """`color` with `share` of `other` in it."""
    r, g, b = (round(a + (o - a) * share) for a, o in zip(color, other, strict=True))
    return (r, g, b)


def capsule(
    image: np.ndarray,
    start: Numbers,
    end: Numbers,
    radii: tuple[float, float],
    color: Sequence[int],
    *,
    alpha: float = 1.0,
    outline: float = 0.0,
    outline_color: Sequence[int] = INK,
    outline_alpha: float = 0.55,
    shaded: bool = False,
) -> None:
    """Draw a segment from `start` to `end` (x, y) [px] whose radius goes from `radii[0]` to `radii[1]` [px].

    Args:
        alpha: opacity of the whole.
        outline: width [px] of a rim around it.
        shaded: light it as a round limb instead of a flat stroke.
    """
    px, py, qx, qy = float(start[0]), float(start[1]), float(end[0]), float(end[1])
    if not math.isfinite(px + py + qx + qy) or alpha <= 0:
        return
    r0, r1 = max(float(radii[0]), 0.3), max(float(radii[1]), 0.3)
    vx, vy = qx - px, qy - py
    length2 = vx * vx + vy * vy
    if length2 < 1e-6:
        r0 = r1 = max(r0, r1)
    reach = max(r0, r1) + outline + 1.0
    for x0, x1, y0, y1 in _tiles((px, py), (qx, qy), reach, image.shape[1], image.shape[0]):
        ex = np.arange(x0, x1, dtype=np.float32)[None] - np.float32(px)
        ey = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(py)
        radius: np.ndarray | np.float32 = np.float32(r0)
        if length2 >= 1e-6:
            t = ex * np.float32(vx / length2) + ey * np.float32(vy / length2)
            _clip01(t)
            ex, ey = ex - t * np.float32(vx), ey - t * np.float32(vy)
            if r0 != r1:
                t *= np.float32(r1 - r0)
                radius = np.float32(r0) + t
        inside = radius - np.sqrt(ex * ex + ey * ey) + np.float32(0.5)  # >= 1 within, 0..1 on the edge
        region = image[y0:y1, x0:x1]
        if outline > 0:
            blend(region, outline_color, _clip01(inside + np.float32(outline)) * np.float32(alpha * outline_alpha))
        cover = _clip01(inside)
        if alpha < 1:
            cover *= np.float32(alpha)
        blend(region, _lit(color, ex / radius, ey / radius) if shaded else color, cover)


def disc(image: np.ndarray, centre: Numbers, radius: float, color: Sequence[int], **style: object) -> None:
    """A filled circle (`style` as for `capsule`)."""
    capsule(image, centre, centre, (radius, radius), color, **style)  # type: ignore[arg-type]


def line(image: np.ndarray, start: Numbers, end: Numbers, color: Sequence[int], width: float = 1.0,
         alpha: float = 1.0) -> None:  # fmt: skip
    """A straight stroke of `width` [px]."""
    capsule(image, start, end, (width / 2, width / 2), color, alpha=alpha)


def box(image: np.ndarray, xyxy: Numbers, color: Sequence[int], *, corner: float = 0.0, alpha: float = 1.0,
        stroke: float | None = None) -> None:  # fmt: skip
    """A rounded rectangle, filled, or only its rim of width `stroke` [px] (half of it on each side of the edge)."""
    x0, y0, x1, y1 = (float(v) for v in xyxy)
    if not np.isfinite([x0, y0, x1, y1]).all() or x1 < x0 or y1 < y0:
        return
    reach = 1.0 + (stroke or 0) / 2
    rim = int(np.ceil(reach + corner)) + 1
    h, w = image.shape[:2]
    left, right = _span(x0 - reach, x1 + reach, w)
    top, bottom = _span(y0 - reach, y1 + reach, h)
    pieces = [(left, right, top, bottom)]
    if stroke is not None and min(right - left, bottom - top) > 2 * rim:
        # Only the border is inked: four strips instead of the whole inside.
        in_left, in_right = _span(x0 + rim, x1 - rim, w)
        in_top, in_bottom = _span(y0 + rim, y1 - rim, h)
        pieces = [(left, right, top, in_top), (left, right, in_bottom, bottom),
                  (left, in_left, in_top, in_bottom), (in_right, right, in_top, in_bottom)]  # fmt: skip
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    corner = min(corner, (x1 - x0) / 2, (y1 - y0) / 2)
    for a, b, c, d in pieces:
        if a >= b or c >= d:
            continue
        qx = np.abs(np.arange(a, b, dtype=np.float32) - np.float32(cx))[None] - np.float32((x1 - x0) / 2 - corner)
        qy = np.abs(np.arange(c, d, dtype=np.float32) - np.float32(cy))[:, None] - np.float32((y1 - y0) / 2 - corner)
        outside = (
            np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0) - np.float32(corner)
        )
        inside = -outside if stroke is None else np.float32(stroke / 2) - np.abs(outside)
        blend(image[c:d, a:b], color, _clip01(inside + np.float32(0.5)) * np.float32(alpha))


def text(image: np.ndarray, xy: Numbers, string: str, size: int, color: Sequence[int], *, alpha: float = 1.0,
         anchor: str = "la") -> None:  # fmt: skip
    """Write one line; `anchor` says where `xy` is: l, m or r (left to right), then a, m or d (top to bottom)."""
    mask = _text_mask(string, size)
    height, width = mask.shape
    x = round(float(xy[0]) - {"l": 0.0, "m": width / 2, "r": float(width)}[anchor[0]])
    y = round(float(xy[1]) - {"a": 0.0, "m": height / 2, "d": float(height)}[anchor[1]])
    x0, x1 = max(x, 0), min(x + width, image.shape[1])
    y0, y1 = max(y, 0), min(y + height, image.shape[0])
    if x0 < x1 and y0 < y1:
        blend(image[y0:y1, x0:x1], color, mask[y0 - y : y1 - y, x0 - x : x1 - x] * np.float32(alpha))


def text_size(string: str, size: int) -> tuple[int, int]:
    """Width and height [px] that `text` needs."""
    height, width = _text_mask(string, size).shape
    return width, height


def paste(image: np.ndarray, tile: np.ndarray, x: int, y: int) -> None:
    """Copy `tile` into `image` with its top-left pixel at (x, y)."""
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + tile.shape[1], image.shape[1]), min(y + tile.shape[0], image.shape[0])
    if x0 < x1 and y0 < y1:
        image[y0:y1, x0:x1] = tile[y0 - y : y1 - y, x0 - x : x1 - x]


def fade_in(region: np.ndarray, before: np.ndarray, alpha: float) -> None:
    """Let what was drawn on `region` since the copy `before` was taken show with opacity `alpha`, as one layer.

    Overlapping strokes of one translucent figure so do not add up.
    """
    change = region.astype(np.float32)
    change -= before
    change *= np.float32(alpha)
    change += before
    change += np.float32(0.5)
    region[:] = change


def fit_image(image: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float]:
    """The image resized to fit into width x height [px], and the factor it was resized by."""
    h, w = image.shape[:2]
    factor = min(width / w, height / h)
    size = (max(1, round(w * factor)), max(1, round(h * factor)))
    resample = Image.Resampling.BILINEAR if factor < 1 else Image.Resampling.BICUBIC
    picture = Image.fromarray(as_rgb(image))
    if factor < 0.25:
        picture = picture.reduce(max(1, int(0.5 / factor)))
    return np.array(picture.resize(size, resample)), factor


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """Whole pixels that cover low..high, within 0..size."""
    a = min(max(math.floor(low), 0), size)
    return a, min(max(math.ceil(high) + 1, a), size)


def _tiles(
    p: tuple[float, float], q: tuple[float, float], reach: float, w: int, h: int
) -> Iterator[tuple[int, int, int, int]]:
    """Disjoint pixel rectangles (x0, x1, y0, y1) that cover everything within `reach` of the segment."""
    x0, x1 = _span(min(p[0], q[0]) - reach, max(p[0], q[0]) + reach, w)
    y0, y1 = _span(min(p[1], q[1]) - reach, max(p[1], q[1]) + reach, h)
    if x0 >= x1 or y0 >= y1:
        return
    if (x1 - x0) * (y1 - y0) <= _TILE or abs(q[1] - p[1]) < 1:
        yield x0, x1, y0, y1
        return
    step = max(32, int(2 * reach))
    for top in range(y0, y1, step):
        bottom = min(top + step, y1)
        # The part of the segment whose ink may reach these rows.
        ts = [min(max((y - p[1]) / (q[1] - p[1]), 0.0), 1.0) for y in (top - reach, bottom + reach)]
        xs = [p[0] + t * (q[0] - p[0]) for t in ts]
        left, right = _span(min(xs) - reach, max(xs) + reach, w)
        if left < right:
            yield left, right, top, bottom


def _clip01(values: np.ndarray) -> np.ndarray:
    """Clip to 0..1 in place (np.clip costs several times the work on small arrays)."""
    np.maximum(values, 0, out=values)
    np.minimum(values, 1, out=values)
    return values


def blend(region: np.ndarray, color: Sequence[int] | np.ndarray, cover: np.ndarray) -> None:
    """Lay a colour, or one colour per pixel, over a region in place; `cover` (h, w) float32 in 0..1."""
    old = region.astype(np.float32)
    step = np.asarray(color, np.float32) - old
    step *= cover[..., None]
    step += old
    step += np.float32(0.5)
    region[:] = step


def _lit(color: Sequence[int], nx: np.ndarray, ny: np.ndarray) -> np.ndarray:
    """Colour per pixel of a round limb whose surface normal is (nx, ny, .) there: matt, with a soft highlight."""
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0))
    diffuse = np.maximum(np.float32(_LIGHT[0]) * nx + np.float32(_LIGHT[1]) * ny - np.float32(_LIGHT[2]) * nz, 0)
    shine = np.maximum(np.float32(_HALF[0]) * nx + np.float32(_HALF[1]) * ny - np.float32(_HALF[2]) * nz, 0)
    shine = shine * shine
    shine = shine * shine
    shine = shine * shine * shine  # ^12
    lit: np.ndarray = np.asarray(color, np.float32) * (np.float32(0.5) + np.float32(0.56) * diffuse)[..., None]
    lit += (np.float32(46) * shine)[..., None]
    np.minimum(lit, 255, out=lit)
    return lit


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def _text_mask(string: str, size: int) -> np.ndarray:
    """(h, w) float32 coverage of a line of text; the height depends on the size only, so that lines align."""
    font = _font(size)
    width = max(1, int(np.ceil(font.getlength(string))))
    height = int(np.ceil(size * 1.25))
    canvas = Image.new("L", (width + 1, height))
    ImageDraw.Draw(canvas).text((0, height / 2), string, fill=255, font=font, anchor="lm")
    mask = np.asarray(canvas, np.float32) / np.float32(255)
    mask.setflags(write=False)
    return mask
