"""The body as a chart of half limbs: which parts of the picture lie near which joint of a query, and how far.

Each limb is halved between its two joints; hands, feet and the crown, which no joint of BODY13 stands for, go to
wrists, ankles and the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from anchorpose.learn.synthesis.mosaic.queries import Query
from anchorpose.poses.skeletons import BODY13

_I = {name: BODY13.index(name) for name in BODY13.names}
TORSO = [_I[n] for n in ("r_shoulder", "l_shoulder", "l_hip", "r_hip")]
_NEAREST = 0.2  # m: what lies nearer to the camera is drawn as if it did not
# Half widths of clothed people [m], at the first and at the second joint.
_WIDTHS = {
    ("hip", "knee"): (0.105, 0.075), ("knee", "ankle"): (0.075, 0.055), ("shoulder", "elbow"): (0.075, 0.06),
    ("elbow", "wrist"): (0.058, 0.045), ("hip", "shoulder"): (0.10, 0.10),
}  # fmt: skip
_HAND, _FOOT, _CROWN = 0.16, 0.10, 0.10  # m beyond wrist, ankle and the centre of the head
_HAND_WIDTH, _FOOT_WIDTH, _HEAD_WIDTH, _NECK_WIDTH = 0.055, 0.075, 0.115, 0.075


@dataclass(frozen=True, eq=False)
class Chart:
    """S half limbs in the picture.

    Attributes:
        start, end: (S, 2) [px].
        radius: (S, 2) half widths of the body at both ends [px].
        depth: (S,) distance of the middle from the camera along its axis [m].
        owner: (S,) number of the joint that each belongs to.
        torso: (4, 2) [px] hips and shoulders, in turn around the torso.
        torso_depth: [m].
    """

    start: np.ndarray
    end: np.ndarray
    radius: np.ndarray
    depth: np.ndarray
    owner: np.ndarray
    torso: np.ndarray
    torso_depth: float


def _halves(points: np.ndarray) -> list[tuple[int, np.ndarray, np.ndarray, float, float]]:
    """Half limbs of a 3D pose (13, 3): owner, both ends [m], half widths [m]."""
    out = []

    def limb(a: int, b: int, width_a: float, width_b: float) -> None:
        middle, width = (points[a] + points[b]) / 2, (width_a + width_b) / 2
        out.append((a, points[a], middle, width_a, width))
        out.append((b, middle, points[b], width, width_b))

    def beyond(joint: int, before: np.ndarray, length: float, width_a: float, width_b: float) -> None:
        along = points[joint] - before
        tip = points[joint] + along * (length / max(float(np.linalg.norm(along)), 1e-6))
        out.append((joint, points[joint], tip, width_a, width_b))

    for side in "rl":
        for (a, b), widths in _WIDTHS.items():
            limb(_I[f"{side}_{a}"], _I[f"{side}_{b}"], *widths)
        beyond(_I[f"{side}_wrist"], points[_I[f"{side}_elbow"]], _HAND, _HAND_WIDTH, _HAND_WIDTH)
        beyond(_I[f"{side}_ankle"], points[_I[f"{side}_knee"]], _FOOT, _FOOT_WIDTH, _FOOT_WIDTH)
    for part, width in (("hip", 0.11), ("shoulder", 0.09)):
        limb(_I[f"r_{part}"], _I[f"l_{part}"], width, width)
    neck = points[[_I["r_shoulder"], _I["l_shoulder"]]].mean(0)
    head = _I["head"]
    out.append((head, (neck + points[head]) / 2, points[head], _NECK_WIDTH, _HEAD_WIDTH))
    beyond(head, neck, _CROWN, _HEAD_WIDTH, 0.6 * _HEAD_WIDTH)
    return out


def chart(query: Query) -> Chart:
    """The half limbs of a query in its picture."""
    halves = _halves(query.joints3d)
    ends = np.array([[a, b] for _, a, b, _, _ in halves])
    ends[..., 2] = np.maximum(ends[..., 2], _NEAREST)
    widths = np.array([[wa, wb] for *_, wa, wb in halves])
    pixels = query.camera.project(ends)
    return Chart(
        start=pixels[:, 0],
        end=pixels[:, 1],
        radius=widths * query.camera.fx / ends[..., 2],
        depth=ends[..., 2].mean(1),
        owner=np.array([h[0] for h in halves]),
        torso=query.joints2d[TORSO],
        torso_depth=float(query.joints3d[TORSO, 2].mean()),
    )


def segment_distances(
    start: np.ndarray, end: np.ndarray, width: int, height: int, step: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Distance [px] of each pixel to each segment, and where along it (0 to 1) the nearest point lies.

    Args:
        start, end: (S, 2) [px].
        step: only every so many pixels are looked at, the first at (step - 1) / 2.

    Returns:
        two (S, ceil(height / step), ceil(width / step)) float32.
    """
    first = (step - 1) / 2
    x = np.arange(first, width + first, step, dtype=np.float32)[: -(-width // step)]
    y = np.arange(first, height + first, step, dtype=np.float32)[: -(-height // step)]
    v = (end - start).astype(np.float32)
    square = np.maximum((v**2).sum(1), 1e-6).astype(np.float32)
    dx = x[None] - start[:, :1].astype(np.float32)
    dy = y[None] - start[:, 1:].astype(np.float32)
    along = (dx * (v[:, :1] / square[:, None]))[:, None, :] + (dy * (v[:, 1:] / square[:, None]))[:, :, None]
    np.clip(along, 0, 1, out=along)
    across = dx[:, None, :] - along * v[:, 0, None, None]
    upright = dy[:, :, None] - along * v[:, 1, None, None]
    across *= across
    upright *= upright
    across += upright
    return np.sqrt(across, out=across), along


def torso_mask(chart: Chart, width: int, height: int, step: int = 1) -> np.ndarray:
    """(ceil(height / step), ceil(width / step)) bool: between hips and shoulders (their convex hull)."""
    canvas = Image.new("1", (-(-width // step), -(-height // step)))
    pen = ImageDraw.Draw(canvas)
    corners = (np.clip(chart.torso, -4 * width, 5 * width) - (step - 1) / 2) / step
    for left_out in range(4):  # a convex hull of four points is covered by their four triangles
        pen.polygon([(float(x), float(y)) for x, y in np.delete(corners, left_out, 0)], fill=1)
    return np.asarray(canvas)
