"""Single frames of windows, settled, for use while it happens; `sense.motion_settle` does it for whole tracks.

Here a frame is averaged first, by weights that leave a straight way straight at a window's end too, and then turned
towards what was seen. It goes with PoseBERT into its file: so many small operations take far longer in NumPy.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anchorpose.learn.kinematics import components_last, frame, length, sixd_to_matrix, swung, times, unit
from anchorpose.poses.body_bones import BODY_BONES, CENTRED_SHARES
from anchorpose.poses.motion_view import JOINT_SCALE
from anchorpose.poses.skeletons import BODY13
from anchorpose.sense.motion_settle import LIMB_ENDS, TRUNK_AXES, TURNED_BY

_BONES, _JOINTS = len(BODY_BONES), len(BODY13)


def _vectors() -> np.ndarray:
    """(26, 20) from joints, and how far each is pushed, to the trunk's first axis before and after, its second before
    and after, the inner and the outer segments of the limbs before, and after."""
    one = np.eye(_JOINTS)
    limbs = (one[LIMB_ENDS[..., 1]] - one[LIMB_ENDS[..., 0]]).reshape(-1, _JOINTS)
    first, second = TRUNK_AXES
    before = np.stack([first, first, second, second, *limbs, *limbs])
    pushed = np.isin(np.arange(len(before)), [1, 3, *range(4 + len(limbs), 4 + 2 * len(limbs))])
    return np.concatenate([before, before * pushed[:, None]], axis=1).T


class Settle(nn.Module):
    """Frames that are asked for, from what the network says of N windows of W frames and what was seen in them."""

    shares: Tensor
    fixed: Tensor
    vectors: Tensor
    turned_by: Tensor

    def __init__(self) -> None:
        super().__init__()
        # For each measure, and whatever the measures: a column of the rotations, bone, joint.
        shares = CENTRED_SHARES.reshape(-1, _BONES, 3, _JOINTS).swapaxes(1, 2).reshape(len(CENTRED_SHARES), -1)
        constants = {"shares": shares[:-1].T, "fixed": shares[-1], "vectors": _vectors()}
        for name, values in constants.items():
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)), persistent=False)
        self.register_buffer("turned_by", torch.from_numpy(np.array(TURNED_BY)), persistent=False)

    def forward(
        self, rotations: Tensor, measures: Tensor, frames: Tensor, there: Tensor, calm: Tensor, near: Tensor,
        most: Tensor,
    ) -> Tensor:  # fmt: skip
        """F frames of each window.

        Args:
            rotations: (3, 3, N, W, 38); measures: (N, 9): what the network says.
            frames: (N, W, ...) its input, the joints in front; there: (N, W, 13) which of them count, 0 or 1.
            calm: (N, F, W) weights of the frames for the rotations, not all 0; near: those for the offsets to what was
                seen, whose sum squared is the share of the way that is gone where everything was seen.
            most: () longest offset [m] that counts.

        Returns:
            rotations (N, F, 38, 3, 3).
        """
        person = F.linear(measures.exp(), self.shares, self.fixed).view(-1, 3, _BONES, _JOINTS).transpose(0, 1)
        seen = frames[..., : 3 * _JOINTS].unflatten(-1, (_JOINTS, 3)).permute(3, 0, 1, 2) / JOINT_SCALE
        off = seen - _points(rotations, person)
        kept = there * (most / length(off)).clamp(max=1.0)
        push = (near @ there) * (near @ (off * kept))  # (3, N, F, 13)
        now = sixd_to_matrix((calm @ rotations[:, :2]).transpose(0, 1).flatten(0, 1))
        vectors = torch.cat([_points(now, person), push], -1) @ self.vectors  # (3, N, F, 20)
        return components_last(_aimed(now, vectors, self.turned_by))


def _points(rotations: Tensor, person: Tensor) -> Tensor:
    """BODY13 (3, N, W, 13) of rotations (3, 3, N, W, 38): sums of their columns by a person's matrix (3, N, 38, 13)."""
    return (rotations @ person).sum(1)


def _aimed(now: Tensor, vectors: Tensor, turned_by: Tensor) -> Tensor:
    """Rotations (3, 3, N, F, 38) turned so that trunk and limbs no longer point as before but as after: vectors
    (3, N, F, 20) as `_vectors` has them."""
    axes, others, limbs = vectors.split([2, 2, 16], -1)
    before, after = frame(axes, others).split(1, -1)
    trunk = times(after, before.transpose(0, 1))
    inner, outer, inner_wanted, outer_wanted = unit(limbs).unsqueeze(1).split(4, -1)
    first = _turned(trunk, inner, inner_wanted)
    turns = torch.cat([trunk, first, _turned(first, outer, outer_wanted)], -1)
    # Two columns are enough to make it a rotation, which turns by nearly half a circle are not.
    return sixd_to_matrix(times(turns.index_select(-1, turned_by), now[:, :2]).transpose(0, 1).flatten(0, 1))


def _turned(parents: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
    """`swung` of columns (3, 1, ...)."""
    row = own.transpose(0, 1)
    return swung(parents, row, (parents * row).sum(1, keepdim=True), wanted)
