"""The 3D figure: the overlay beside the same people in metric space, seen as the camera does and from the side.

Drawn with NumPy alone, fast enough for a panel of a video. A pose's weighted mean is the solid body, pale where it was
not seen and only inferred; the modes of its distribution are the translucent ghosts around it, the heavier the more
visible, and their weights stand below as bars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import get_skeleton
from anchorpose.poses.values import People, Person, Pose
from anchorpose.share import raster
from anchorpose.share.drawing import LEFT, RIGHT, draw_people, person_color, person_tag
from anchorpose.share.raster import Color, mix
from anchorpose.share.scene import (
    DARK,
    LIGHT,
    Bounds,
    Figure,
    Projection,
    Theme,
    backdrop,
    draw_figures,
    draw_ground,
    figure_bounds,
    fit_view,
    follow,
    view_rotation,
)

ViewName = Literal["front", "side", "above"]
# name: azimuth, elevation [deg], axis with ticks, title
_VIEWS: dict[str, tuple[float, float, str, str]] = {
    "front": (0.0, 10.0, "x", "front, as the camera sees it"),
    "side": (90.0, 10.0, "z", "side, from the camera's right"),
    "above": (0.0, 89.0, "x", "from above"),
}
_THEMES = {"light": LIGHT, "dark": DARK}
_REACH = 7.0  # people further than this from the largest one are left out, else all would be dots [m]
_SPACING = 1.1  # between people whose place is not known [m]
_MODES = 5
_BARS = 4  # people whose modes are shown as bars
_LEAST_WEIGHT = 0.02
_SEEN = 0.15  # a joint of a lower score was not seen; its place is what the pose's other joints make likely
_MODE_COLOR: Color = (92, 99, 190)


def figure3d(
    people: People,
    image: np.ndarray | None = None,
    *,
    size: tuple[int, int] = (1440, 540),
    modes: bool = True,
    views: Sequence[ViewName] = ("front", "side"),
    theme: Literal["light", "dark"] = "light",
    bounds: Bounds | None = None,
    stacked: bool | None = None,
) -> np.ndarray:
    """One picture of a frame: overlay (where `image` is given), 3D views, and bars of the modes' weights.

    People with a `translation` stand where they are, the others side by side on one floor.

    Args:
        image: (H, W, 3) uint8 RGB, the frame itself.
        size: width and height [px] of the result.
        modes: draw the modes as ghosts.
        views: which 3D views, from left to right.
        bounds: what the views show (None: all people within reach); see `figure_frames` for a steady video.
        stacked: put the views one above the other, or (False) beside each other; None: whichever shows people larger.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    colors = _theme(theme)
    width, height = _size(size)
    for name in views:
        if name not in _VIEWS:
            raise InputError(f"no view {name!r}; there are {', '.join(_VIEWS)}")
    canvas = backdrop(width, height, colors)
    text = max(9, round(0.026 * height))
    legend = round(3.4 * text)
    left = 0 if image is None else _draw_overlay(canvas, people, image, height - legend, round(0.46 * width))
    shown = _within_reach(people)
    figures = place_figures(shown, modes=modes)
    bounds = bounds or figure_bounds(figures)
    for name, (x0, x1, y0, y1) in zip(
        views, _panels(views, bounds, (left, width, height - legend), text, stacked), strict=True
    ):
        _draw_view(canvas[y0:y1, x0:x1], figures, bounds, name, colors, text)
        canvas[y0:y1, x0 : x0 + (x0 > 0)] = canvas[y0 : y0 + (y0 > 0), x0:x1] = colors.floor
    _draw_legend(canvas[height - legend :], shown, len(people) - len(shown), left, colors, text, modes)
    return canvas


def figure_frames(
    frames: Iterable[tuple[np.ndarray, People]],
    *,
    size: tuple[int, int] = (1280, 480),
    modes: bool = True,
    theme: Literal["light", "dark"] = "light",
) -> Iterator[np.ndarray]:
    """`figure3d` of each (image, people) of a video, from the front and the side, with views that do not jump.

    The views grow at once to hold everybody and shrink slowly; their arrangement is settled by the first people seen.
    """
    bounds, stacked = None, None
    for image, people in frames:
        figures = place_figures(_within_reach(people), modes=False)
        if figures:
            bounds = follow(bounds, figure_bounds(figures))
            if stacked is None:
                stacked = bounds.x[1] - bounds.x[0] > 1.6 * (bounds.ground - bounds.top)
        yield figure3d(people, image, size=size, modes=modes, theme=theme, bounds=bounds, stacked=stacked)


def place_figures(people: Sequence[Person], *, modes: bool = True) -> list[Figure]:
    """The people's 3D poses in the camera frame [m], each followed by its modes as ghosts and by its hands.

    Where no body has a translation, people stand side by side in the order of their boxes, feet on one floor.
    """
    out: list[Figure] = []
    bodies = [p for p in people if p.body is not None and p.body.joints3d is not None]
    lonely = sorted((p for p in bodies if _translation(p) is None), key=lambda p: float(np.nan_to_num(p.box[0])))
    spots = {id(p): np.array([(i - (len(lonely) - 1) / 2) * _SPACING, 0, 3.0]) for i, p in enumerate(lonely)}
    for person in bodies:
        body = person.body
        assert body is not None and body.joints3d is not None
        where = _translation(person)
        if where is None:
            lowest = np.nanmax(body.joints3d[:, 1]) if np.isfinite(body.joints3d[:, 1]).any() else 0.0
            where = spots[id(person)] - (0, lowest, 0)
        skeleton = body.record
        if modes and len(body.modes) > 1:
            out += [
                Figure(skeleton, m.joints3d + where, opacity=float(np.clip(0.2 + 0.7 * m.weight, 0, 0.75)), ghost=True)
                for m in body.modes[:_MODES]
                if m.weight >= _LEAST_WEIGHT
            ]
        out.append(Figure(skeleton, body.joints3d + where, seen=body.scores >= _SEEN))
        out += _hands(person, body, where)
    return out


def _hands(person: Person, body: Pose, where: np.ndarray) -> list[Figure]:
    """Hands at their own place if they have one, else with their root at the body's wrist."""
    out = []
    for side, color, part in (("l", LEFT, person.left_hand), ("r", RIGHT, person.right_hand)):
        if part is None or part.joints3d is None:
            continue
        if part.translation is not None and body.translation is not None:
            root = part.translation
        elif f"{side}_wrist" in body.record and body.joints3d is not None:
            root = body.joints3d[body.record.index(f"{side}_wrist")] + where - part.joints3d[0]
        else:
            continue
        out.append(Figure(get_skeleton(part.skeleton), part.joints3d + root, side=color))
    return out


def _translation(person: Person) -> np.ndarray | None:
    place = None if person.body is None else person.body.translation
    return place if place is not None and np.isfinite(place).all() else None


def _within_reach(people: Sequence[Person]) -> list[Person]:
    """The people near the one with the largest box; those whose place is unknown all stay."""
    placed = [(p, t) for p in people if (t := _translation(p)) is not None]
    if not placed:
        return list(people)
    _, main = max(placed, key=lambda pt: float(np.nan_to_num(np.prod(pt[0].box[2:] - pt[0].box[:2]))))
    far = {id(p) for p, t in placed if np.linalg.norm((t - main)[[0, 2]]) > _REACH}
    return [p for p in people if id(p) not in far]


def _theme(name: str) -> Theme:
    try:
        return _THEMES[name]
    except KeyError:
        raise InputError(f"no theme {name!r}; there are {', '.join(_THEMES)}") from None


def _size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = (int(v) for v in size)
    if width < 160 or height < 120:
        raise InputError(f"a figure of {width} x {height} px is too small; at least 160 x 120")
    return width, height


def _draw_overlay(canvas: np.ndarray, people: People, image: np.ndarray, height: int, most: int) -> int:
    """Put the picture with its people at the top left; returns the width used."""
    small, factor = raster.fit_image(image, most, height)
    tile = draw_people(small, people, scale=factor)
    raster.paste(canvas, tile, 0, (height - tile.shape[0]) // 2)
    return int(tile.shape[1])


def _panels(
    views: Sequence[str], bounds: Bounds, space: tuple[int, int, int], text: int, stacked: bool | None
) -> list[tuple[int, int, int, int]]:
    """Places (x0, x1, y0, y1) of the views in `space` (left, right, height), beside or above each other."""
    left, right, height = space
    n = max(len(views), 1)
    xs, ys = np.linspace(left, right, n + 1).round().astype(int), np.linspace(0, height, n + 1).round().astype(int)
    beside = [(int(a), int(b), 0, height) for a, b in zip(xs, xs[1:], strict=False)][: len(views)]
    above = [(left, right, int(a), int(b)) for a, b in zip(ys, ys[1:], strict=False)][: len(views)]
    if stacked is not None:
        return above if stacked else beside

    def pixels_per_metre(panels: list[tuple[int, int, int, int]]) -> float:
        shown = [_fit(bounds, name, b - a, d - c, text) for name, (a, b, c, d) in zip(views, panels, strict=True)]
        return min((view.focal / view.distance if view else 0.0 for view in shown), default=0.0)

    return max((beside, above), key=pixels_per_metre)


def _fit(bounds: Bounds, name: str, width: int, height: int, text: int) -> Projection | None:
    """The view of that name in a panel of that size; None where the panel is too small to show anything."""
    azimuth, elevation, _, _ = _VIEWS[name]
    rect = (3.0 * text, 2.4 * text, width - 1.5 * text, height - 2.2 * text)
    if rect[2] - rect[0] < 16 or rect[3] - rect[1] < 16:
        return None
    return fit_view(bounds, view_rotation(np.radians(azimuth), np.radians(elevation)), rect)


def _draw_view(
    panel: np.ndarray, figures: Sequence[Figure], bounds: Bounds, name: str, theme: Theme, text: int
) -> None:
    height, width = panel.shape[:2]
    view = _fit(bounds, name, width, height, text)
    if view is None:
        return
    draw_ground(panel, view, bounds, theme, axis=_VIEWS[name][2], text=max(8, round(0.8 * text)))
    draw_figures(panel, view, figures, bounds.ground, theme)
    raster.text(panel, (0.8 * text, 0.6 * text), _VIEWS[name][3], text, theme.ink)
    if not figures:
        raster.text(panel, (width / 2, height / 2), "nobody in 3D", text, theme.faint, anchor="mm")


def _draw_legend(
    strip: np.ndarray, people: Sequence[Person], left_out: int, left: int, theme: Theme, text: int, modes: bool
) -> None:
    """What the colours mean, and for the largest people a bar that is divided by the weights of the modes."""
    strip[:] = mix(theme.bottom, theme.ink, 0.05)
    middle = strip.shape[0] / 2
    x = 0.9 * text
    for color, word in ((RIGHT, "right"), (LEFT, "left")):
        raster.disc(strip, (x + 0.4 * text, middle), 0.4 * text, color)
        raster.text(strip, (x + 1.1 * text, middle), word, text, theme.ink, anchor="lm")
        x += 1.1 * text + raster.text_size(word, text)[0] + text
    unseen = any(p.body is not None and p.body.joints3d is not None and (p.body.scores < _SEEN).any() for p in people)
    remarks = ["pale: not seen"] if unseen else []
    remarks += [f"+{left_out} beyond {_REACH:g} m"] if left_out else []
    for words in remarks:
        raster.text(strip, (x, middle), words, text, theme.faint, anchor="lm")
        x += raster.text_size(words, text)[0] + text
    with_modes = [p for p in people if p.body is not None and len(p.body.modes) > 0] if modes else []
    x = max(x, left + 0.8 * text)
    if not with_modes or strip.shape[1] - x < 8 * text:
        return
    raster.text(strip, (x, middle), "modes", text, theme.ink, anchor="lm")
    x += raster.text_size("modes", text)[0] + text
    with_modes.sort(key=lambda p: -float(np.nan_to_num(np.prod(p.box[2:] - p.box[:2]))))
    count = max(1, min(_BARS, len(with_modes), int((strip.shape[1] - x) // (11 * text))))
    chosen = sorted(with_modes[:count], key=lambda p: float(np.nan_to_num(p.box[0])))
    edges = np.linspace(x, strip.shape[1] - 0.6 * text, count + 1)
    for person, x0, x1 in zip(chosen, edges, edges[1:], strict=False):
        _draw_bar(strip, person, x0, x1 - 0.8 * text, theme, text)


def _draw_bar(strip: np.ndarray, person: Person, x0: float, x1: float, theme: Theme, text: int) -> None:
    """One person's bar: its length is probability 1, the pieces are the modes from the heaviest on."""
    assert person.body is not None
    height = strip.shape[0]
    top, bottom = 0.46 * height, 0.84 * height
    small = max(8, round(0.8 * text))
    tag = person_tag(person)
    raster.text(strip, (x0, 0.24 * height), tag, small, _readable(person_color(person), theme), anchor="lm")
    raster.box(strip, (x0, top, x1, bottom), theme.grid, corner=3, alpha=0.6)
    x = x0
    for rank, mode in enumerate(person.body.modes):
        end = x + (x1 - x0) * min(max(mode.weight, 0.0), 1.0)
        shade = mix(_MODE_COLOR, theme.bottom, min(0.16 * rank, 0.75))
        if end - x > 0.8:
            raster.box(strip, (x, top, end - 1, bottom), shade, corner=2)
        label = f"{100 * mode.weight:.0f}%"
        if raster.text_size(label, small)[0] + 4 < end - x:
            ink = (255, 255, 255) if sum(shade) < 480 else theme.ink
            raster.text(strip, ((x + end) / 2, (top + bottom) / 2), label, small, ink, anchor="mm")
        x = min(end, x1)


def _readable(color: Color, theme: Theme) -> Color:
    """A person's colour, darkened on a light ground."""
    return mix(color, (0, 0, 0), 0.55) if theme is LIGHT else color
