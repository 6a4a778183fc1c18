"""A user's own material, small: labelled photos with a few things wrong, motion capture, backgrounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.images import write_image
from anchorpose.poses.cameras import Camera
from conftest import before_camera, coco17_of, tiny_poses

SIZE = (96, 120)
BACK = 40  # grey of the photos' background


def write_photos(folder: Path, count: int = 20) -> Path:
    """Photos p00.png, ... of two stick people each, and labels.json, in the format of COCO; the path of the labels."""
    images, annotations = [], []
    camera = Camera.from_fov(*SIZE)
    poses = tiny_poses(2 * count, 5)
    for number in range(count):
        picture = np.full((SIZE[1], SIZE[0], 3), BACK, np.uint8)
        for k in range(2):
            world = poses[2 * number + k]
            points = camera.project(before_camera(world, 0, 0, (0.5 * k - 0.25, 0.1, 2.6)))
            joints = np.column_stack([coco17_of(points, points[-1] + (0, 3)), np.full(17, 2)])
            for x, y, _ in joints:
                picture[max(int(y) - 3, 0) : int(y) + 4, max(int(x) - 3, 0) : int(x) + 4] = 90 + 7 * number, 60 * k, 200
            low, high = points.min(0) - 4, points.max(0) + 4
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                "bbox": [*low.tolist(), *(high - low).tolist()], "keypoints": joints.ravel().tolist(),
            })  # fmt: skip
        name = f"p{number:02d}.png"
        write_image(folder / name, picture)
        images.append({"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1]})
    (folder / "labels.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder / "labels.json"


def edit(path: Path, change: dict[tuple[str, int], dict[str, Any]]) -> Path:
    """Change fields of records of a label file: {("images", 3): {"width": 7}}."""
    data = json.loads(path.read_text())
    for (kind, number), fields in change.items():
        data[kind][number].update(fields)
    path.write_text(json.dumps(data))
    return path


def walker_bvh(frames: int = 40, swing: float = 30.0, missing: str = "") -> str:
    """A person with DeepMimic's joints, in metres, 25 fps, who swings arms and legs; without the joint `missing`."""
    side = {
        "hip": ("0 0 {z}0.09", "knee"), "knee": ("0.02 -0.42 0", "ankle"), "ankle": ("-0.02 -0.41 0", ""),
        "shoulder": ("0 0.24 {z}0.18", "elbow"), "elbow": ("0 -0.27 0", "wrist"), "wrist": ("0 -0.26 0", ""),
    }  # fmt: skip

    def limb(name: str, which: str) -> list[str]:
        offset, child = side[name]
        joint = f"{which}_{name}" if f"{which}_{name}" != missing else "thing"
        lines = [
            f"JOINT {joint} {{",
            "OFFSET " + offset.format(z="" if which == "right" else "-"),
            "CHANNELS 1 Zrotation",
        ]
        return [*lines, *(limb(child, which) if child else ["End Site {", "OFFSET 0.1 -0.06 0", "}"]), "}"]

    lines = ["HIERARCHY", "ROOT root {", "OFFSET 0 0 0", "CHANNELS 3 Xposition Yposition Zposition"]
    lines += ["JOINT chest {", "OFFSET 0 0.24 0", "CHANNELS 1 Yrotation", "JOINT neck {", "OFFSET 0 0.22 0"]
    lines += ["CHANNELS 1 Yrotation", "End Site {", "OFFSET 0 0.28 0", "}", "}"]
    lines += [
        *limb("shoulder", "right"),
        *limb("shoulder", "left"),
        "}",
        *limb("hip", "right"),
        *limb("hip", "left"),
        "}",
    ]
    lines += ["MOTION", f"Frames: {frames}", "Frame Time: 0.04"]
    for t in range(frames):
        phase = np.sin(0.4 * t)
        arm, leg = (swing * phase, 0.5 * swing * (1 + phase), 0), (-swing * phase, -0.5 * swing * (1 - phase), 0)
        limbs = [*arm, *(-arm[0], 0.5 * swing * (1 - phase), 0), *leg, *(-leg[0], -0.5 * swing * (1 + phase), 0)]
        lines.append(" ".join(f"{v:.4f}" for v in (0.04 * t, 0.95, 0, 10 * phase, 0, *limbs)))
    return "\n".join(lines) + "\n"


def write_mocap(folder: Path, frames: int = 40) -> Path:
    """A folder with two clips in metres."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, swing in (("slow", 15), ("fast", 50)):
        (folder / f"{name}.bvh").write_text(walker_bvh(frames, swing))
    return folder
