"""Where things are on a body's surface, for painting it: garment coordinates, hairline, lips, brows, beard, eyes.

All from the mean body in its rest pose (y up, metres, facing +z, its left at +x), its joints and skin weights; so they
hold for every shape and pose of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.poses.body import BodyModel

# Hairline seen from the side: forward and up [m] from the eyes, of a head whose top is _HEAD_HEIGHT above them.
_HEAD_HEIGHT = 0.124
_HAIRLINE = np.array(
    [(-0.20, -0.085), (-0.15, -0.078), (-0.09, -0.035), (-0.055, -0.022), (-0.04, 0.02), (-0.01, 0.05), (0.03, 0.072)]
)
_ARM, _LEG = "arm", "leg"


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Heights and points of a body in its rest pose [m]: `head_scale` is 1 for the head the rules were drawn on."""

    crotch: float
    neck: float
    top: float
    eyes: np.ndarray
    head_scale: float
    arms: dict[str, np.ndarray]
    legs: dict[str, np.ndarray]


def landmarks(body: BodyModel) -> Landmarks:
    """Measure a body: polylines shoulder, elbow, wrist, finger tip and hip, knee, ankle, toe of both sides."""
    at = {name: body.joints[k].astype(float) for k, name in enumerate(body.bones)}
    v = body.vertices
    hips = (at["upperleg01.L"] + at["upperleg01.R"]) / 2
    middle = (np.abs(v[:, 0]) < 0.012) & (v[:, 1] < hips[1])
    eyes = (at["eye.L"] + at["eye.R"]) / 2
    top = float(v[:, 1].max())
    arms, legs = {}, {}
    for side in "LR":
        arm = [at[f"{name}.{side}"] for name in ("upperarm01", "lowerarm01", "wrist", "finger3-3")]
        arms[side] = np.array([*arm[:3], 2 * arm[3] - at[f"finger3-2.{side}"]])
        leg = [at[f"{name}.{side}"] for name in ("upperleg01", "lowerleg01", "foot", "toe2-3")]
        legs[side] = np.array(leg)
    return Landmarks(
        float(v[middle, 1].min()), float(at["neck01"][1]), top, eyes, (top - eyes[1]) / _HEAD_HEIGHT, arms, legs
    )


def bone_weights(body: BodyModel, *beginnings: str) -> np.ndarray:
    """(V,) share of each vertex that belongs to bones whose names begin so."""
    chosen = [k for k, name in enumerate(body.bones) if name.startswith(beginnings)]
    return np.asarray(body.dense_weights[:, chosen].sum(1), float)


def garment_fields(body: BodyModel, marks: Landmarks) -> np.ndarray:
    """(V, 4) arm, leg, torso, scalp coordinates, as `gl.scene.Cuts` explains them."""
    v = body.vertices.astype(float)
    arm = _limb_field(v, marks.arms, [bone_weights(body, *names) for names in _ARM_BONES])
    leg = _limb_field(v, marks.legs, [bone_weights(body, *names) for names in _LEG_BONES])
    # The heel lies behind the ankle, but below it: it counts as foot.
    ankle = marks.legs["L"][2, 1]
    below = 2 + 0.6 * (ankle - v[:, 1]) / (ankle - v[:, 1].min())
    leg = np.where(leg > 1.5, np.maximum(leg, below), leg)
    # A collar is lower in front than behind.
    height = v[:, 1] + 0.43 * (v[:, 2] - marks.arms["L"][0, 2]) * np.clip((v[:, 1] - marks.crotch) / 0.5 - 0.4, 0, 1)
    torso = (height - marks.crotch) / (marks.neck - marks.crotch)
    head = 1 + (v[:, 1] - marks.neck) / (marks.top - marks.neck)
    torso = np.where(torso > 1, np.maximum(head, 1), torso)
    on_arm = bone_weights(body, *(name for names in _ARM_BONES for name in names))
    torso = on_arm * 0.7 + (1 - on_arm) * torso
    return np.stack([arm, leg, torso, scalp_field(v, marks)], 1).astype(np.float32)


_FINGERS = tuple(f"finger{k}" for k in range(1, 6))
_ARM_BONES = (("upperarm",), ("lowerarm",), ("wrist", "metacarpal", *_FINGERS))
_LEG_BONES = (("upperleg",), ("lowerleg",), ("foot", "toe"))


def _limb_field(v: np.ndarray, lines: dict[str, np.ndarray], weights: list[np.ndarray]) -> np.ndarray:
    """0, 1, 2, 3 at the points of a limb's polyline, negative on the rest of the body; sides by the sign of x."""
    out = np.zeros(len(v))
    left = v[:, 0] >= 0
    for side, chosen in (("L", left), ("R", ~left)):
        line, p = lines[side], v[chosen]
        total = np.zeros(len(p))
        used = np.zeros(len(p))
        for k in range(3):
            way = line[k + 1] - line[k]
            along = (p - line[k]) @ way / (way @ way)
            if k == 0:
                rest = np.minimum(along, 0.0)
            w = weights[k][chosen]
            total += w * (k + along)
            used += w
        out[chosen] = total + (1 - np.minimum(used, 1)) * rest
    return out


def scalp_field(v: np.ndarray, marks: Landmarks) -> np.ndarray:
    """(V,) height above the hairline [m], positive where hair grows; -1 below the head and on the ears."""
    local = (v - marks.eyes) / marks.head_scale
    line = np.interp(local[:, 2], _HAIRLINE[:, 0], _HAIRLINE[:, 1])
    field = local[:, 1] - line
    ears = (np.abs(local[:, 0]) > 0.0735) & (local[:, 1] < 0.008) & (local[:, 2] > -0.11)
    field = np.where(ears, np.minimum(field, -0.02), field)
    return np.where(local[:, 1] > -0.1, field, np.minimum(field, -0.05))


def face_paint(body: BodyModel, marks: Landmarks) -> np.ndarray:
    """(V, 4) uint8 lips, brows, beard, eye: see `gl.scene.Topology.paint`."""
    v = body.vertices.astype(float)
    local = (v - marks.eyes) / marks.head_scale
    x, y, z = np.abs(local[:, 0]), local[:, 1], local[:, 2]
    front = (z > -0.02) & (y > -0.13)
    lips = 1.15 - 0.75 * np.hypot(x / 0.0265, (y + 0.0685) / 0.0115) ** 2
    arch = 0.0195 + 0.006 * np.sin(np.clip((x - 0.012) / 0.043, 0, 1) * np.pi * 0.7)
    brows = 1.2 - np.abs(y - arch) / 0.005
    brows = np.where((x > 0.010) & (x < 0.056), brows, 0)
    # From the moustache and the jaw down to the neck, thinning out over the cheeks.
    upper = np.interp(x, [0.0, 0.03, 0.045, 0.08], [-0.047, -0.05, -0.062, -0.03])
    beard = np.clip(np.minimum((upper - y) / 0.018, (y + 0.125) / 0.02), 0, 1) * np.clip((z + 0.065) / 0.02, 0, 1)
    beard = np.where((z > -0.065) & (lips < 0.4), beard, 0)
    paint = np.stack([np.where(front, lips, 0), np.where(front, brows, 0), beard, np.zeros(len(v))], 1)
    paint[:, 3] = _eye_paint(body, marks)
    paint[paint[:, 3] > 0, :3] = 0
    return np.round(255 * np.clip(paint, 0, 1)).astype(np.uint8)


def _eye_paint(body: BodyModel, marks: Landmarks) -> np.ndarray:
    """1 at the pupil to 0 at the back of an eyeball; a little above 0 for teeth; 0 elsewhere."""
    out = np.zeros(len(body.vertices))
    pieces = loose_pieces(body.faces, len(out))
    sizes = np.bincount(pieces)
    for piece in np.flatnonzero(sizes < sizes.max()):
        chosen = pieces == piece
        p = body.vertices[chosen].astype(float)
        if abs(p[:, 0].mean()) < 0.01:
            out[chosen] = 0.02
            continue
        ways = p - (p.min(0) + p.max(0)) / 2
        angle = np.arccos(np.clip(ways[:, 2] / np.linalg.norm(ways, axis=1), -1, 1))
        out[chosen] = np.clip(1 - angle / np.pi, 0.02, 1)
    return out


def loose_pieces(faces: np.ndarray, count: int) -> np.ndarray:
    """(V,) number of the connected piece that each vertex belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns = np.concatenate([faces[:, :2], faces[:, 1:]]).T
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])
