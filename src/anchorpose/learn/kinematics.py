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


def components_first(matrices: Tensor) -> Tensor:
    """(3, 3, ..., bones) of rotations (..., bones, 3, 3)."""
    return matrices.movedim((-2, -1), (0, 1)).contiguous()


def components_last(rotations: Tensor) -> Tensor:
    """(..., bones, 3, 3) of rotations (3, 3, ..., bones)."""
    return rotations.movedim((0, 1), (-2, -1))


_TINY = 1e-9

# Below, few operations matter: in an exported network each of them costs more than what it computes.


def length(vectors: Tensor) -> Tensor:
    """(...) lengths of vectors (3, ...), with a gradient (0) also at 0."""
    return torch.linalg.vector_norm(vectors, dim=0)


def unit(vectors: Tensor) -> Tensor:
    """Vectors (3, ...) at length 1; 0 stays 0."""
    return vectors / length(vectors).clamp(min=_TINY)


def _with_third(x: Tensor, y: Tensor) -> Tensor:
    """Rotations (3, 3, ...) whose first two columns are x and y (3, ...): the third is across both."""
    both = torch.cat([x, y])
    first, second = (torch.tensor(order, device=x.device) for order in ((1, 2, 0, 2, 0, 1), (5, 3, 4, 4, 5, 3)))
    a, b = (both.index_select(0, first) * both.index_select(0, second)).split(3)
    return torch.cat([both, a - b]).unflatten(0, (3, 3)).transpose(0, 1)


def times(a: Tensor, b: Tensor) -> Tensor:
    """Products (3, 3, ...) of matrices."""
    return (a[:, :, None] * b[None]).sum(1)


def frame(x: Tensor, up: Tensor) -> Tensor:
    """Rotations (3, 3, ...) whose first column is along x (3, ...) and whose second is as near to `up` as can be,
    unless they vanish or agree."""
    x = unit(x)
    return _with_third(x, unit(up - (up * x).sum(0) * x))


def swung(parents: Tensor, own: Tensor, now: Tensor, wanted: Tensor) -> Tensor:
    """Rotations (3, 3, ...) turned on by the shortest turns of `now`, where they carry `own`, to `wanted`: unit
    vectors, `own` as a row (1, 3, ...), the others as columns (3, 1, ...).

    Such a turn is two mirrorings, v - (a + b) (a + b).v / (1 + a.b) + 2 b a.v, and now.(parents) is `own`. From 160
    degrees on, where a small error turns it far, the result is no rotation, only near one.
    """
    along = (wanted * parents).sum(0, keepdim=True)
    share = (own + along) / (1 + (now * wanted).sum(0, keepdim=True)).clamp(min=0.05)
    return parents - (now + wanted) * share + wanted * (2 * own)


def sixd_to_matrix(values: Tensor) -> Tensor:
    """Rotations (3, 3, ..., bones) of six numbers (6, ..., bones), by Gram-Schmidt."""
    return frame(values[:3], values[3:])


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
