"""A first guess of the body's rotations: trunk and limbs point where they are seen to point.

PoseBERT refines the mean pose; here it refines this guess, so that a short training need not learn what geometry knows.
Twist comes from the parent bone, joints that are missing from neighbouring frames (`poses.motion_view`). Components
come first, as in `learn.kinematics`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from anchorpose.learn.kinematics import cross, length
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
    part: Tensor
    first: Tensor
    second: Tensor

    def __init__(self) -> None:
        super().__init__()
        rest = torch.from_numpy(_rest_directions().T.astype(np.float32))  # (3, 12)
        pelvis, chest = (_frame(rest[:, DIRECTIONS.index(n)], rest[:, 2]) for n in ("hips", "shoulders"))
        constants = {
            "rest": rest,
            "trunk_frames": torch.stack([pelvis, chest], -1),  # (3, 3, 2)
            "part": torch.tensor([_part_of(bone) for bone in BODY_BONES]),
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
        trunk = _times(_frame(sides, up.expand_as(sides)), self.trunk_frames.transpose(0, 1)[:, :, None, None])
        pelvis, chest = trunk[..., :1], trunk[..., 1:]
        first = self._swung(torch.cat([chest, pelvis, pelvis, chest, chest], -1), seen, self.first)
        second = self._swung(first[..., 1:], seen, self.second)
        waist = (pelvis[:, :2] + chest[:, :2]) / 2
        parts = torch.cat([trunk[:, :2], first[:, :2], second[:, :2], waist], -1)
        return parts.transpose(0, 1).flatten(0, 1).index_select(-1, self.part)

    def _swung(self, parents: Tensor, seen: Tensor, bones: Tensor) -> Tensor:
        """Rotations (3, 3, N, W, k) of the parents, turned the shortest way so that each bone points as it is seen."""
        rest = self.rest.index_select(1, bones)[:, None, None]
        a = (parents * rest).sum(1)
        b = seen.index_select(-1, bones) + _LEAST * a
        return _swing(parents, rest, a, b / length(b))


def _frame(x: Tensor, up: Tensor) -> Tensor:
    """(3, 3, ...) rotations whose first column is along x (3, ...) and whose second is as near to `up` as can be."""
    x = x / length(x)
    y = up - (up * x).sum(0) * x
    y = y / length(y)
    return torch.stack([x, y, cross(x, y)], 1)


def _swing(parents: Tensor, rest: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Rotations (3, 3, ...) turned on by the shortest turns of `a`, where they carry `rest`, to b: unit vectors.

    Such a turn is two mirrorings, v - (a + b) (a + b).v / (1 + a.b) + 2 b a.v, and a.(parents) is `rest`.
    """
    along = (b[:, None] * parents).sum(0)
    share = (rest + along) / (1 + (a * b).sum(0)).clamp(min=0.05)
    return parents - (a + b)[:, None] * share + (2 * b)[:, None] * rest


def _times(a: Tensor, b: Tensor) -> Tensor:
    """(3, 3, ...) products of matrices, components first."""
    return (a[:, :, None] * b[None]).sum(1)
