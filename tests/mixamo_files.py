"""A person with Mixamo's joints as BVH: a T pose at rest, who walks with swinging arms and legs."""

from __future__ import annotations

import numpy as np

ROOT = "Hips"
# name, parent, place from the parent [cm] (left, up, forward); "{}" is a side, whose right is the mirror image.
BONES = (
    ("Hips", "", (0, 0, 0)), ("Spine", "Hips", (0, 10, -1)), ("Spine1", "Spine", (0, 12, 0)),
    ("Spine2", "Spine1", (0, 13, 0)), ("Neck", "Spine2", (0, 15, 0)), ("Head", "Neck", (0, 9, 2)),
    ("HeadTop_End", "Head", (0, 18, 2)), ("{}Shoulder", "Spine2", (6, 11, 0)), ("{}Arm", "{}Shoulder", (12, 0, 0)),
    ("{}ForeArm", "{}Arm", (27, 0, 0)), ("{}Hand", "{}ForeArm", (27, 0, 0)),
    ("{}HandIndex1", "{}Hand", (9, 0, 3)), ("{}HandMiddle1", "{}Hand", (9, 0, 0)),
    ("{}UpLeg", "Hips", (9, -5, 0)), ("{}Leg", "{}UpLeg", (0, -41, 0)), ("{}Foot", "{}Leg", (0, -41, 0)),
    ("{}ToeBase", "{}Foot", (1, -9, 13)), ("{}Toe_End", "{}ToeBase", (0, 0, 8)),
)  # fmt: skip
IDENTITY = np.eye(3)


def bones() -> list[tuple[str, str, np.ndarray]]:
    """Name, parent and offset [cm] of all joints, parents first."""
    rows = []
    for side, sign in (("", 1), ("Left", 1), ("Right", -1)):
        rows += [
            (name.format(side), parent.format(side), np.array(place, float) * (sign, 1, 1))
            for name, parent, place in BONES
            if ("{}" in name) == bool(side)
        ]
    return rows


def mixamo_bvh(
    frames: int = 30, prefix: str = "mixamorig:", axes: np.ndarray = IDENTITY, fingers: bool = True, still: bool = False
) -> str:
    """The text of a file in centimetres, 30 fps.

    Args:
        axes: (3, 3) the person's left, up and forward in the rest pose, by columns: signed axes of the file.
        fingers: with the knuckles; still: in the rest pose throughout.
    """
    rows = [row for row in bones() if fingers or "Hand" not in row[0][5:] or row[0].endswith("Hand")]
    lines: list[str] = ["HIERARCHY"]
    order: list[str] = []

    def add(name: str, offset: np.ndarray, depth: int) -> None:
        order.append(name)
        lines.extend([f"{'JOINT' if depth else 'ROOT'} {prefix}{name}", "{"])
        lines.append("OFFSET " + " ".join(f"{v:.4f}" for v in axes @ offset))
        places = "" if depth else "Xposition Yposition Zposition "
        lines.append(f"CHANNELS {3 if depth else 6} {places}Zrotation Xrotation Yrotation")
        children = [(n, o) for n, parent, o in rows if parent == name]
        for child, place in children:
            add(child, place, depth + 1)
        if not children:
            lines.extend(["End Site", "{", "OFFSET 0 1 0", "}"])
        lines.append("}")

    add("Hips", np.zeros(3), 0)
    lines += ["MOTION", f"Frames: {frames}", "Frame Time: 0.0333333"]
    for t in range(frames):
        values = list(axes @ [0.0, 96.0, 2.0 * t])
        for name in order:
            left, up, forward = (0, 0, 0) if still else _angles(name, 0.3 * t)
            turned = axes @ np.array([left, up, forward], float)  # about the person's axes, one at a time: they commute
            values += [turned[2], turned[0], turned[1]]
        lines.append(" ".join(f"{v:.5f}" for v in values))
    return "\n".join(lines) + "\n"


def _angles(name: str, phase: float) -> tuple[float, float, float]:
    """Degrees about left, up and forward, all but one 0."""
    sign, swing = (1 if name.startswith("Left") else -1), np.sin(phase)
    if name.endswith("UpLeg"):
        return (-30 * swing * sign, 0, 0)
    if name.endswith("Leg"):
        return (20 + 20 * swing * sign, 0, 0)
    if name.endswith("ForeArm"):
        return (0, -sign * (30 + 20 * swing), 0)
    if name.endswith("Arm"):
        return (0, 0, -sign * (60 + 10 * swing))
    return (0, 8 * swing, 0) if name in ("Spine1", "Head") else (0, 0, 0)
