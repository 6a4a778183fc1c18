"""A first guess of the body's rotations: trunk and limbs point where they are seen to point.

PoseBERT refines the mean pose; here it refines this guess, so that a short training need not learn what geometry knows.
Twist comes from the parent bone, joints that are missing from neighbouring frames (`poses.motion_view`). Components
come first, as in `learn.kinematics`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from anchorpose.learn.kinematics import frame, swung, times, unit
from anchorpose.poses.body_bones import BODY_BONES
from anchorpose.poses.canonical import ANNY, HEAD_CENTRE, REST
from anchorpose.poses.motion_view import DIRECTIONS

_SIDES = ("R", "L")
_BONES = {
    "pelvis": ("root", "pelvis", "spine05"), "waist": ("spine04", "spine03"),
    "chest": ("spine02", "spine01", "clavicle", "shoulder01", "neck01"), "neck": ("neck02", "neck03", "head"),
    "thigh": ("upperleg01", "upperleg02"), "shin": ("lowerleg01", "lowerleg02", "foot", "toe3-1"),
    "upper_arm": ("upperarm01", "upperarm02"), "forearm": ("lowerarm01", "lowerarm02", "wrist"),
}  # fmt: skip
_FIRST = ("neck", "r_thigh", "l_thigh", "r_upper_arm", "l_upper_arm")
_SECOND = ("r_shin", "l_shin", "r_forearm", "l_forearm")
_PARTS = ("pelvis", "chest", *_FIRST, *_SECOND, "waist")
_LEAST = 0.02
"""Of a direction's length, given to where the parent would carry it: what is unknown points there."""


def _rest_directions() -> np.ndarray:
    """(12, 3) of DIRECTIONS in the reference pose."""
    at = {name: REST[ANNY.index(name)] for name in ANNY.names}
    hips, shoulders = ([at[f"{n}.{s}"] for s in _SIDES] for n in ("upperleg01", "upperarm01"))
    chest = (shoulders[0] + shoulders[1]) / 2
    out = {
        "hips": hips[1] - hips[0], "shoulders": shoulders[1] - shoulders[0],
        "trunk": chest - (hips[0] + hips[1]) / 2, "neck": at["head"] + HEAD_CENTRE - chest,
    }  # fmt: skip
    for part, (a, b) in {
        "thigh": ("upperleg01", "lowerleg01"), "shin": ("lowerleg01", "foot"),
        "upper_arm": ("upperarm01", "lowerarm01"), "forearm": ("lowerarm01", "wrist"),
    }.items():  # fmt: skip
        out |= {f"{s.lower()}_{part}": at[f"{b}.{s}"] - at[f"{a}.{s}"] for s in _SIDES}
    rest = np.stack([out[name] for name in DIRECTIONS])
    return rest / np.linalg.norm(rest, axis=-1, keepdims=True)


def _part_of(bone: str) -> int:
    base, _, side = bone.partition(".")
    part = next(p for p, bones in _BONES.items() if base in bones)
    return _PARTS.index(part if part in _PARTS else f"{side.lower()}_{part}")


class Aim(nn.Module):
    """Directions (N, W, 12, 3) to 6D rotations (6, N, W, 38) of BODY_BONES."""

    rest: Tensor
    trunk_frames: Tensor
    spread: Tensor
    first: Tensor
    second: Tensor

    def __init__(self) -> None:
        super().__init__()
        rest = torch.from_numpy(_rest_directions().T.astype(np.float32))  # (3, 12)
        pelvis, chest = (frame(rest[:, DIRECTIONS.index(n)], rest[:, 2]) for n in ("hips", "shoulders"))
        constants = {
            "rest": rest,
            "trunk_frames": torch.stack([pelvis, chest], -1),  # (3, 3, 2)
            "spread": torch.eye(len(_PARTS))[:, [_part_of(bone) for bone in BODY_BONES]],
            "first": torch.tensor([DIRECTIONS.index(name) for name in _FIRST]),
            "second": torch.tensor([DIRECTIONS.index(name) for name in _SECOND]),
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, directions: Tensor) -> Tensor:
        seen = directions.permute(3, 0, 1, 2)  # (3, N, W, 12)
        # Where nothing at all is known of the trunk the person stands upright and faces the camera.
        upright = self.rest[:, :3] * torch.tensor([[1.0], [-1.0], [-1.0]], device=seen.device)
        sides = seen[..., :2] + _LEAST * upright[:, None, None, :2]
        up = seen[..., 2:3] + _LEAST * upright[:, None, None, 2:3]
        trunk = times(frame(sides, up), self.trunk_frames.transpose(0, 1)[:, :, None, None])
        pelvis, chest = trunk.split(1, -1)
        first = self._swung(torch.cat([chest, pelvis, pelvis, chest, chest], -1), seen, self.first)
        second = self._swung(first[..., 1:], seen, self.second)
        parts = torch.cat([trunk, first, second, (pelvis + chest) / 2], -1)[:, :2]
        with torch.autocast(parts.device.type, enabled=False):
            bones = parts @ self.spread  # picking columns one by one takes far longer in an exported network
        return bones.transpose(0, 1).flatten(0, 1)

    def _swung(self, parents: Tensor, seen: Tensor, bones: Tensor) -> Tensor:
        """Rotations (3, 3, N, W, k) of the parents, turned the shortest way so that each bone points as it is seen."""
        rest = self.rest.index_select(1, bones)[None, :, None, None]
        now = (parents * rest).sum(1, keepdim=True)
        return swung(parents, rest, now, unit(seen.index_select(-1, bones).unsqueeze(1) + _LEAST * now))
