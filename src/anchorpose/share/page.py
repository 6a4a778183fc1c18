"""A page to look at people in 3D over time: one HTML file that opens from disk, with nothing to load from anywhere."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from anchorpose.files.paths import replacing
from anchorpose.files.points import Points
from anchorpose.poses.errors import InputError
from anchorpose.poses.joints import CENTRE_COLOR, LEFT_COLOR, RIGHT_COLOR
from anchorpose.poses.values import Motion
from anchorpose.share.page_mesh import mesh_content

_MISSING = -32768
_STEPS = 32767


def write_page(
    people: Sequence[Points],
    path: str | os.PathLike[str],
    *,
    title: str = "anchorpose",
    bodies: Sequence[Motion] | None = None,
) -> None:
    """Writes a page with moving skeletons: play, pause, step, orbit, zoom; left is blue, right is orange.

    Positions are stored in steps of a millimetre, or coarser if people are more than 30 m apart. A person is drawn at
    the moments it has, joints that are missing are left out.

    Args:
        people: any number of persons, also none, at their own time stamps.
        path: the file; it appears whole or not at all.
        title: heading of the page.
        bodies: the motions that the points are of, to draw bodies too (half a megabyte, and a kilobyte for each frame).

    Raises:
        InputError: positions that are infinite; other numbers of bodies or frames than of points.
    """
    known = [p.positions[np.isfinite(p.positions).all(-1)] for p in people]
    places = np.concatenate(known) if known else np.zeros((0, 3))
    middle = (places.min(0) + places.max(0)) / 2 if len(places) else np.zeros(3)
    reach = float(np.abs(places - middle).max()) if len(places) else 1.0
    if not np.isfinite(reach):
        raise InputError("positions of points must be finite or missing")
    step = max(0.001, reach / _STEPS)
    content: dict[str, Any] = {
        "title": title, "step": step, "middle": middle.tolist(),
        "floor": _floor(people),
        "colors": {"left": _css(LEFT_COLOR), "right": _css(RIGHT_COLOR), "centre": _css(CENTRE_COLOR)},
        "people": [_person(k, points, middle, step) for k, points in enumerate(people, 1)],
    }  # fmt: skip
    if bodies is not None:
        if [len(points) for points in people] != [len(motion) for motion in bodies]:
            raise InputError("the bodies of a page are the motions that its points are of, frame by frame")
        content["mesh"] = mesh_content(bodies) if bodies else None
    template = files("anchorpose.share").joinpath("page.html").read_text("utf-8")
    data = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    page = template.replace("{{TITLE}}", html.escape(title)).replace("{{DATA}}", data)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _floor(people: Sequence[Points]) -> float:
    """Where the lowest joint usually is; a fifth of the frames may be lower, as bad ones are."""
    lowest = [np.nanmin(np.where(np.isnan(p.positions[..., 1]), np.inf, p.positions[..., 1]), axis=1) for p in people]
    heights = np.concatenate(lowest) if lowest else np.zeros(0)
    heights = heights[np.isfinite(heights)]
    return float(np.percentile(heights, 20)) if len(heights) else 0.0


def _head(points: Points) -> list[int]:
    """A head that no line leads to, and the shoulders below it; [] where there is none."""
    names = ("head", "l_shoulder", "r_shoulder")
    if not set(names) <= set(points.names):
        return []
    head, *shoulders = (points.names.index(name) for name in names)
    return [] if any(head in edge for edge in points.edges) else [head, *shoulders]


def _person(number: int, points: Points, middle: np.ndarray, step: float) -> dict[str, Any]:
    steps = np.rint((points.positions - middle) / step)
    missing = ~np.isfinite(steps).all(-1, keepdims=True)
    stored = np.where(missing, _MISSING, np.nan_to_num(steps)).astype("<i2")
    return {
        "name": str(number if points.person is None else points.person),
        "joints": len(points.names),
        "sides": "".join(_side(name) for name in points.names),
        "head": _head(points),
        "edges": [list(edge) for edge in points.edges],
        "times": [round(t, 5) for t in points.times.tolist()],
        "positions": base64.b64encode(stored.tobytes()).decode("ascii"),
    }


_SIDED = re.compile(r"(?:^|[_ .:])(l|r|left|right)(?=[_ .:]|$)|^([lr])(?=[A-Z])|(Left|Right|left|right)")


def _side(name: str) -> str:
    """l, r or c, of a joint named in a usual way: l_knee, upperleg01.L, LeftUpLeg, CC_Base_L_Thigh, lShin."""
    found = _SIDED.search(name) or _SIDED.search(name.lower())
    return next(part for part in found.groups() if part)[0].lower() if found else "c"


def _css(color: Sequence[int]) -> str:
    return f"rgb({color[0]},{color[1]},{color[2]})"
