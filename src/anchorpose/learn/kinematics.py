"""Forward kinematics and 6D rotations in torch, with the conventions of `poses.body_bones` and `poses.sixd`.

Here the components come first, rotations are (3, 3, ..., bones) and points (3, ..., points): sums over three numbers
that lie side by side in memory would take longer than the network.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from anchorpose.poses.body_bones import BODY_BONES, BONE_INDEX, BONE_OFFSETS, BONE_PARENTS, CHAINS, GROUP_OF_JOINT
from anchorpose.poses.canonical import HEAD_CENTRE

_TINY = 1e-8


def components_first(matrices: Tensor) -> Tensor:
    """(3, 3, ..., bones) of rotations (..., bones, 3, 3)."""
    return matrices.movedim((-2, -1), (0, 1)).contiguous()


def components_last(rotations: Tensor) -> Tensor:
    """(..., bones, 3, 3) of rotations (3, 3, ..., bones)."""
    return rotations.movedim((0, 1), (-2, -1))


def length(vectors: Tensor) -> Tensor:
    """(...) lengths of vectors (3, ...), with a gradient also at 0."""
    return ((vectors * vectors).sum(0) + _TINY).sqrt()


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Cross products (3, ...) of vectors (3, ...)."""
    # In few operations: in an exported network each of them costs more than what it computes.
    after, before = (torch.tensor(order, device=a.device) for order in ((1, 2, 0), (2, 0, 1)))
    return a.index_select(0, after) * b.index_select(0, before) - a.index_select(0, before) * b.index_select(0, after)


def sixd_to_matrix(values: Tensor) -> Tensor:
    """Rotations (3, 3, ..., bones) of six numbers (6, ..., bones), by Gram-Schmidt."""
    x, y = values[:3], values[3:]
    x = x / length(x)
    y = y - (x * y).sum(0) * x
    y = y / length(y)
    return torch.stack([x, y, cross(x, y)], 1)


def matrix_to_sixd(rotations: Tensor) -> Tensor:
    """(6, ..., bones) of rotations (3, 3, ..., bones): the first column, then the second."""
    return torch.cat([rotations[:, 0], rotations[:, 1]])


class BodyPoints(nn.Module):
    """`poses.body_bones.body_points`: rotations (3, 3, N, W, 38), measures (N, 9) to POINTS (3, N, W, 15) [m]."""

    offsets: Tensor
    carriers: Tensor
    group: Tensor
    chains: Tensor

    def __init__(self) -> None:
        super().__init__()
        count, head = len(BODY_BONES), BODY_BONES.index("head")
        # The head's centre is one more vector, carried by the head; it does not grow with the neck.
        carriers = np.zeros((count, count + 1), np.float32)
        carriers[np.maximum(BONE_PARENTS, 0), np.arange(count)] = 1.0
        carriers[head, count] = 1.0
        constants = {
            "offsets": np.concatenate([BONE_OFFSETS, HEAD_CENTRE[None]]).T.astype(np.float32),
            "carriers": carriers,
            "group": GROUP_OF_JOINT[BONE_INDEX],
            "chains": CHAINS.T.astype(np.float32),
        }
        for name, array in constants.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    def forward(self, rotations: Tensor, measures: Tensor) -> Tensor:
        ratios = measures.exp()[:, self.group]
        ratios = torch.cat([ratios, torch.ones_like(ratios[:, :1])], -1)
        offsets = self.offsets[:, None] * ratios  # (3, N, 39)
        carried = rotations @ self.carriers  # (3, 3, N, W, 39)
        along = sum((carried[:, j] * offsets[j][:, None] for j in range(3)), torch.zeros_like(carried[:, 0]))
        return along @ self.chains
