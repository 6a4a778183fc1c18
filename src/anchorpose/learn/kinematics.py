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
    x, y, z = vectors.unbind(0)
    return (x * x + y * y + z * z + _TINY).sqrt()


def sixd_to_matrix(values: Tensor) -> Tensor:
    """Rotations (3, 3, ..., bones) of six numbers (6, ..., bones), by Gram-Schmidt."""
    a, b, c, d, e, f = values.unbind(0)
    scale = (a * a + b * b + c * c + _TINY).rsqrt()
    a, b, c = a * scale, b * scale, c * scale
    along = a * d + b * e + c * f
    d, e, f = d - along * a, e - along * b, f - along * c
    scale = (d * d + e * e + f * f + _TINY).rsqrt()
    d, e, f = d * scale, e * scale, f * scale
    rows = (a, d, b * f - c * e, b, e, c * d - a * f, c, f, a * e - b * d)
    return torch.stack(rows).unflatten(0, (3, 3))


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
