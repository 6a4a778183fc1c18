"""The body in torch: the same as `poses.body`, batched, differentiable in shape, rotations, place and face."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from anchorpose.poses.body import BodyModel
from anchorpose.poses.errors import InputError

_NEXT, _LAST = [1, 2, 0], [2, 0, 1]


@dataclass(frozen=True, eq=False)
class PosedTensors:
    """N posed bodies: vertices (N, V, 3) [m], joints (N, J, 3) [m], world rotations of the bones (N, J, 3, 3), and
    points (N, P, 3) [m], those of `BodyModel.points`, None where the body has none."""

    vertices: Tensor
    joints: Tensor
    rotations: Tensor
    points: Tensor | None


def nearest_rotation(matrices: Tensor) -> Tensor:
    """The rotations (..., 3, 3) nearest to matrices of rank 2 or 3; see `poses.body.nearest_rotation`.

    Newton's steps run without gradients but the last, which carries the derivative of the root exactly.
    """
    m = matrices.double()
    m = m / m.square().sum((-1, -2), keepdim=True).sqrt()
    a, b = m[..., _NEXT, :], m[..., _LAST, :]
    cofactors = a[..., _NEXT] * b[..., _LAST] - a[..., _LAST] * b[..., _NEXT]
    determinant = (m[..., 0, :] * cofactors[..., 0, :]).sum(-1)
    squares = cofactors.square().sum((-1, -2))

    def step(total: Tensor, determinant: Tensor, squares: Tensor) -> Tensor:
        value = (total.square() - 1).square() - 8 * determinant * total - 4 * squares
        return value / (4 * total * (total.square() - 1) - 8 * determinant)

    with torch.no_grad():
        total = torch.full_like(determinant, 3.0**0.5)
        for _ in range(30):
            move = step(total, determinant, squares)
            total = total - move
            if move.numel() == 0 or move.abs().max() < 1e-12:
                break
    total = total - step(total, determinant, squares)
    kappa, scale = ((total.square() - 1) / 2)[..., None, None], total[..., None, None]
    product = m @ m.transpose(-1, -2) @ m
    rotation = ((kappa + 1) * m + scale * cofactors - product) / (kappa * scale - determinant[..., None, None])
    return rotation.to(matrices.dtype)


class SkinnedBody(nn.Module):
    """Poses the body of `read_body()`; its arrays are buffers, so `.to(device)` moves it. Nothing in it is trained."""

    def __init__(self, body: BodyModel, components: int | None = None) -> None:
        """`components`: how many of the shape coefficients to keep; None: all."""
        super().__init__()
        self.bones, self.actions = body.bones, body.actions
        self.levels = [torch.from_numpy(level) for level in body.levels]
        self.parents = torch.from_numpy(body.parents.copy()).clamp(min=0)
        b = len(body.shape_basis) if components is None else components
        arrays = {
            "vertices": body.vertices,
            "shape_basis": body.shape_basis[:b].reshape(b, -1),
            "joints": body.joints,
            "joint_basis": body.joint_basis[:b].reshape(b, -1),
            "turns": body.turns,
            "turn_basis": body.turn_basis[:b].reshape(b, -1),
            "weights": body.dense_weights,
            "action_basis": body.action_basis.reshape(len(body.actions), -1),
            "action_vertices": body.action_vertices.astype("int64"),
            "point_joints": body.points.joints.astype("int64"),
            "point_joint_weights": body.points.joint_weights,
            "point_vertices": body.points.vertices.astype("int64"),
            "point_weights": body.points.weights,
        }
        for name, array in arrays.items():
            self.register_buffer(f"_{name}", torch.tensor(array), persistent=False)

    def _array(self, name: str) -> Tensor:
        return self.get_buffer(f"_{name}")

    def forward(
        self, shape: Tensor, rotations: Tensor, root_translation: Tensor, actions: Tensor | None = None
    ) -> PosedTensors:
        """As `poses.body.pose_body`: shape (N, B) or (1, B), rotations (N, J, 3, 3), root_translation (N, 3),
        actions (N, A)."""
        if rotations.ndim != 4 or rotations.shape[1:] != (len(self.bones), 3, 3):
            raise InputError(f"rotations must be (N, {len(self.bones)}, 3, 3), got {tuple(rotations.shape)}")
        rest, joints, turns = self._shaped(shape, actions)
        count = len(rotations)
        if len(rest) not in (1, count):
            raise InputError(f"{len(rest)} shapes for {count} poses; expected as many or one")
        posed, world, turn = self._bones(joints.expand(count, -1, -1), turns, rotations, root_translation)
        move = posed - (turn @ joints[..., None])[..., 0]
        blended = self._array("weights") @ torch.cat([turn.flatten(-2), move], -1)
        matrices = blended[..., :9].unflatten(-1, (3, 3))
        vertices = (matrices @ rest[..., None])[..., 0] + blended[..., 9:]
        return PosedTensors(vertices, posed, world, self._points(vertices, posed))

    def _shaped(self, shape: Tensor, actions: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Vertices, joints and turns at rest."""
        used = shape.shape[-1]
        if shape.ndim != 2 or used > len(self._array("shape_basis")):
            raise InputError(f"shape must be (N, {len(self._array('shape_basis'))}), got {tuple(shape.shape)}")
        vertices = self._array("vertices") + (shape @ self._array("shape_basis")[:used]).unflatten(-1, (-1, 3))
        joints = self._array("joints") + (shape @ self._array("joint_basis")[:used]).unflatten(-1, (-1, 3))
        turns = self._array("turns") + (shape @ self._array("turn_basis")[:used]).unflatten(-1, (-1, 3, 3))
        if actions is not None:
            moves = (actions @ self._array("action_basis")).unflatten(-1, (-1, 3))
            rows = max(len(vertices), len(moves))
            vertices = vertices.expand(rows, -1, -1).index_add(
                1, self._array("action_vertices"), moves.expand(rows, -1, -1)
            )
        return vertices, joints, nearest_rotation(turns)

    def _bones(
        self, joints: Tensor, turns: Tensor, local: Tensor, translation: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Joints (N, J, 3), world rotations, and rotations from the rest pose to the pose (N, J, 3, 3)."""
        back = turns.transpose(-1, -2)
        offsets = (back[:, self.parents] @ (joints - joints[:, self.parents])[..., None])[..., 0]
        world: list[Tensor] = [local[:, 0]] * len(self.bones)
        posed: list[Tensor] = [translation] * len(self.bones)
        for level in self.levels[1:]:
            for j in level.tolist():
                parent = int(self.parents[j])
                world[j] = world[parent] @ local[:, j]
                posed[j] = posed[parent] + (world[parent] @ offsets[:, j, :, None])[..., 0]
        rotations = torch.stack(world, 1)
        return torch.stack(posed, 1), rotations, rotations @ back

    def _points(self, vertices: Tensor, joints: Tensor) -> Tensor | None:
        if len(self._array("point_joints")) == 0:
            return None
        surface = (vertices[:, self._array("point_vertices")] * self._array("point_weights")[..., None]).sum(2)
        return surface + (joints[:, self._array("point_joints")] * self._array("point_joint_weights")[..., None]).sum(2)
