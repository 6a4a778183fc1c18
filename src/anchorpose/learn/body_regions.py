"""Regions of the body's surface: which limb each triangle belongs to, and what the head is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body import BodyModel

_SIDED = {
    "upper_arm": ("shoulder01", "upperarm01", "upperarm02"),
    "lower_arm": ("lowerarm01", "lowerarm02"),
    "hand": ("wrist", "finger", "metacarpal"),
    "upper_leg": ("upperleg01", "upperleg02"),
    "lower_leg": ("lowerleg01", "lowerleg02"),
    "foot": ("foot", "toe"),
}
_CENTRAL = {
    "hips": ("root", "pelvis", "spine05"),
    "abdomen": ("spine04", "spine03"),
    "chest": ("spine02", "spine01", "clavicle"),
    "neck": ("neck01", "neck02", "neck03"),
    "head": ("head", "eye"),
}
# Parts of Anny's own segmentation that the bones do not tell.
_SEGMENTS = {
    "eye_front.L": "l_eye", "eye_back.L": "l_eye", "eye_front.R": "r_eye", "eye_back.R": "r_eye",
    "eye_cavity.L": "l_eye_socket", "eye_cavity.R": "r_eye_socket", "mouth_cavity": "mouth", "tongue": "tongue",
}  # fmt: skip

REGIONS: tuple[str, ...] = (
    *_CENTRAL,
    *(f"{side}_{name}" for side in "lr" for name in _SIDED),
    "scalp",
    "lips",
    *dict.fromkeys(_SEGMENTS.values()),
)


def bone_region(bone: str) -> str:
    """The region that moves with a bone."""
    for name, starts in _CENTRAL.items():
        if bone.startswith(starts):
            return name
    for name, starts in _SIDED.items():
        if bone.startswith(starts):
            return f"{bone[-1].lower()}_{name}"
    raise ValueError(f"no region for the bone {bone!r}")


def body_regions(
    body: BodyModel, segments: NDArray[np.str_], mouth: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The region of each triangle (F,) and of each vertex (V,), as numbers in `REGIONS`.

    Args:
        segments: (F,) Anny's own segmentation, see `face_segments`.
        mouth: (M, 2) the outer rim of the lips on the mean body, as a polygon seen from the front.
    """
    of_bone = np.array([REGIONS.index(bone_region(name)) for name in body.bones])
    share = np.zeros((len(body.vertices), len(REGIONS)))
    np.add.at(share, (np.arange(len(share))[:, None], of_bone[body.skin]), body.skin_weights)
    by_face = share[body.faces].sum(1).argmax(1)
    for name, region in _SEGMENTS.items():
        by_face[segments == name] = REGIONS.index(region)
    centres = body.vertices[body.faces].mean(1).astype(np.float64)
    skin = by_face == REGIONS.index("head")
    by_face[skin & (_height_above_hairline(body, centres) > 0)] = REGIONS.index("scalp")
    eyes = body.joints[[body.bone("eye.L"), body.bone("eye.R")]].mean(0)
    by_face[skin & (centres[:, 2] > eyes[2]) & _inside(centres[:, :2], mouth)] = REGIONS.index("lips")
    votes = np.zeros_like(share)
    np.add.at(votes, (body.faces, np.broadcast_to(by_face[:, None], body.faces.shape)), 1)
    return by_face.astype(np.uint8), votes.argmax(1).astype(np.uint8)


def face_segments(anny: Any) -> NDArray[np.str_]:
    """(F,) name of each triangle in Anny's own segmentation, which is a picture in texture coordinates."""
    import yaml  # comes with Anny
    from anny.paths import get_anny_root_dir
    from PIL import Image

    folder = Path(get_anny_root_dir()) / "data" / "segmentation"
    picture = np.asarray(Image.open(folder / "body_parts_segmentation.png").convert("RGB"), np.int64)
    colors = yaml.safe_load((folder / "body_parts_segmentation.yaml").read_text())["colors"]
    uv = np.asarray(anny.texture_coordinates, np.float64)[np.asarray(anny.face_texture_coordinate_indices)].mean(1)
    height, width = picture.shape[:2]
    row = np.clip(np.rint((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    column = np.clip(np.rint(uv[:, 0] * width).astype(int), 0, width - 1)
    names = np.array(list(colors))
    distance = np.abs(picture[row, column][:, None] - np.array([colors[n] for n in names])).sum(-1)
    return names[distance.argmin(1)]


def _height_above_hairline(body: BodyModel, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height [m] of points on the mean head above the line where hair begins: high on the forehead, down in front of
    the ears, around them and to the nape."""
    eye = body.joints[body.bone("eye.L")].astype(np.float64)
    forward = points[:, 2] - eye[2]  # the eyeball's centre lies 15 mm behind the eye's front, the ears 80 to 120 mm
    line = np.interp(forward, *np.array(_HAIRLINE).T)
    return points[:, 1] - eye[1] - line


# Seen from the side, metres forward of and above the centre of the eyes.
_HAIRLINE = (
    (-0.165, -0.075), (-0.12, -0.06), (-0.1, -0.03), (-0.094, 0.02), (-0.085, 0.03), (-0.07, 0.02),
    (-0.065, -0.005), (-0.054, -0.005), (-0.045, 0.035), (-0.02, 0.05), (0.0, 0.062), (0.03, 0.068),
)  # fmt: skip


def _inside(points: NDArray[np.float64], polygon: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """(N,) whether points (N, 2) lie in a polygon (M, 2): an odd number of its edges is to their right."""
    ends = np.roll(polygon, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    crosses = (polygon[:, 1] > y) != (ends[:, 1] > y)
    slope = (ends[:, 0] - polygon[:, 0]) / np.where(ends[:, 1] == polygon[:, 1], 1, ends[:, 1] - polygon[:, 1])
    return np.asarray((crosses & (x < polygon[:, 0] + slope * (y - polygon[:, 1]))).sum(1) % 2 == 1)
