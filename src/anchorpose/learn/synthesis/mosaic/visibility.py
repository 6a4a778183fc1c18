"""Which joints of people are in the picture, and which of those are hidden by a body in front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.samples import HIDDEN, UNLABELLED, VISIBLE
from anchorpose.poses.skeletons import BODY13

_I = {name: BODY13.index(name) for name in BODY13.names}
_STEPS = 9  # balls that stand for a limb
_CLEAR = 0.05  # m that a limb has to lie in front of a joint, beyond its own half width
# Limbs that can hide something, with half widths [m] of the body itself.
_LIMBS = (
    *((_I[f"{s}_{a}"], _I[f"{s}_{b}"], r) for s in "rl" for a, b, r in (("hip", "knee", 0.07), ("knee", "ankle", 0.05),
      ("shoulder", "elbow", 0.045), ("elbow", "wrist", 0.035), ("hip", "shoulder", 0.08))),
    (_I["r_hip"], _I["l_shoulder"], 0.09), (_I["l_hip"], _I["r_shoulder"], 0.09),
    (_I["r_shoulder"], _I["l_shoulder"], 0.06), (_I["r_hip"], _I["l_hip"], 0.08), (_I["head"], _I["head"], 0.095),
)  # fmt: skip


def _balls(joints3d: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (L * steps, 3), radii, and the two joints (L * steps, 2) of the limb that each is of."""
    share = np.linspace(0, 1, _STEPS)[:, None]
    centres = np.concatenate([joints3d[a] * (1 - share) + joints3d[b] * share for a, b, _ in _LIMBS])
    radii = np.repeat([r for *_, r in _LIMBS], _STEPS)
    return centres, radii, np.repeat([(a, b) for a, b, _ in _LIMBS], _STEPS, axis=0)


def hidden_by(joints3d: np.ndarray, other: np.ndarray, own: bool) -> np.ndarray:
    """(13,) bool: which joints (13, 3) [m, camera frame] lie behind the body of `other` (13, 3).

    Args:
        own: it is the same person; limbs do not hide the joints they end in.
    """
    centres, radii, ends = _balls(other)
    length = np.linalg.norm(joints3d, axis=1)
    along = centres @ (joints3d / length[:, None]).T
    off = np.sqrt(np.maximum((centres**2).sum(1)[:, None] - along**2, 0))
    hides = (along > 0) & (off < 0.9 * radii[:, None]) & (along < length - radii[:, None] - _CLEAR)
    if own:
        hides &= (ends[:, :1] != np.arange(len(joints3d))) & (ends[:, 1:] != np.arange(len(joints3d)))
    return hides.any(0)


def joint_visibility(people: Sequence[np.ndarray], camera: Camera) -> list[np.ndarray]:
    """For each person (13, 3) [m] of a scene (13,) uint8: 0 outside of the picture, 1 hidden, 2 visible."""
    out = []
    for i, joints3d in enumerate(people):
        pixels = camera.project(joints3d)
        inside = np.isfinite(pixels).all(1)
        inside &= (pixels >= -0.5).all(1) & (pixels <= (camera.width - 0.5, camera.height - 0.5)).all(1)
        hidden = np.zeros(len(joints3d), bool)
        for k, other in enumerate(people):
            hidden |= hidden_by(joints3d, other, own=i == k)
        out.append(np.where(inside, np.where(hidden, HIDDEN, VISIBLE), UNLABELLED).astype(np.uint8))
    return out
