"""The lift by classification: 2D joints in, K anchor poses with class-specific residuals out.

The same three steps as LCR-Net (Rogez et al. 2017), on joints in place of pixels: classify into anchor poses, regress
a correction for each class, read a distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anchorpose.poses.lifting import INPUT_WIDTH


@dataclass(frozen=True)
class LiftConfig:
    """Size of the network. `bottleneck` keeps K x 39 outputs small: residuals are a low-rank map of the features."""

    classes: int = 200
    width: int = 768
    blocks: int = 4
    bottleneck: int = 64
    joints: int = 13
    dropout: float = 0.0


class Block(nn.Module):
    """Pre-norm residual block of two linear layers (after Martinez et al., ICCV 2017)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(self.dropout(F.relu(self.inner(self.norm(x)))))


class LiftNet(nn.Module):
    """Features (N, INPUT_WIDTH) to class logits (N, K) and refined poses (N, K, J, 3) [m] in the virtual camera."""

    anchors: Tensor

    def __init__(self, config: LiftConfig, anchors: Tensor) -> None:
        """`anchors`: (K, J, 3) [m]."""
        super().__init__()
        self.config = config
        self.stem = nn.Linear(INPUT_WIDTH, config.width)
        self.blocks = nn.Sequential(*(Block(config.width, config.dropout) for _ in range(config.blocks)))
        self.norm = nn.LayerNorm(config.width)
        self.classify = nn.Linear(config.width, config.classes)
        self.squeeze = nn.Linear(config.width, config.bottleneck)
        self.regress = nn.Linear(config.bottleneck, config.classes * config.joints * 3)
        nn.init.normal_(self.regress.weight, std=0.01)
        nn.init.zeros_(self.regress.bias)
        self.register_buffer("anchors", anchors.float())

    def parts(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits (N, K) and the code (N, bottleneck) that the residuals of all classes are linear in."""
        h = F.relu(self.norm(self.blocks(self.stem(features))))
        return self.classify(h).float(), self.squeeze(h)

    def mixture(self, code: Tensor, weights: Tensor) -> Tensor:
        """(N, M, J * 3) sums of the refined class poses by M sets of weights (N, M, K).

        Equal to `weights @ poses` of `forward`, but the (N, K, J * 3) tensor of all poses is never made: the weights
        mix the linear maps of the classes first. That is what makes K = 1000 trainable.
        """
        k = len(self.anchors)
        maps = (weights @ self.regress.weight.view(k, -1)).unflatten(-1, (-1, self.config.bottleneck))
        moved = (maps @ code[:, None, :, None].to(maps.dtype))[..., 0]
        with torch.autocast(weights.device.type, enabled=False):  # anchors in bfloat16 would be 2 mm off
            return moved.float() + weights @ (self.anchors.flatten(1) + self.regress.bias.view(k, -1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        logits, code = self.parts(features)
        return logits, self.anchors + self.regress(code).float().view(-1, *self.anchors.shape)


@dataclass(frozen=True)
class LiftLoss:
    """Weights of the loss: log loss of the class, class-specific regression, error of the mean pose. Lengths in dm."""

    classify: float = 0.3
    regress: float = 1.0
    mean: float = 1.0
    neighbours: int = 3

    def __call__(self, net: LiftNet | RegressionNet, features: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Features (N, INPUT_WIDTH) and truth (N, J, 3) [m] to the terms and their sum, "loss"."""
        logits, code = net.parts(features)
        flat, exemplars = target.flatten(1), net.anchors.flatten(1)
        near, index = torch.cdist(flat, exemplars).topk(self.neighbours, largest=False)
        share = torch.softmax(-(near**2) / 0.25, 1)
        chosen = F.one_hot(index, len(exemplars)).to(logits.dtype)
        weights = torch.cat([logits.softmax(1)[:, None], chosen], 1)
        error = 10 * (net.mixture(code, weights) - flat[:, None]).unflatten(2, (-1, 3))
        specific = F.smooth_l1_loss(error[:, 1:], torch.zeros_like(error[:, 1:]), reduction="none").sum(-1).mean(-1)
        regress = (specific * share).sum(1).mean()
        mean_error = error[:, 0].norm(dim=-1).mean()
        classify = F.cross_entropy(logits, index[:, 0])
        loss = self.classify * classify + self.regress * regress + self.mean * mean_error
        return {"loss": loss, "classify": classify, "regress": regress, "mean": mean_error}


class RegressionNet(nn.Module):
    """The plain competitor of the same size: one pose (N, 1, J, 3), no classes. Logits are zeros."""

    anchors: Tensor

    def __init__(self, config: LiftConfig, mean_pose: Tensor) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Linear(INPUT_WIDTH, config.width)
        self.blocks = nn.Sequential(*(Block(config.width, config.dropout) for _ in range(config.blocks)))
        self.norm = nn.LayerNorm(config.width)
        self.regress = nn.Linear(config.width, config.joints * 3)
        self.register_buffer("anchors", mean_pose.float()[None])

    def parts(self, features: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.norm(self.blocks(self.stem(features))))
        pose = self.regress(h)
        return 0 * pose[:, :1].float(), pose  # zeros whose number follows the batch, also when exported

    def mixture(self, code: Tensor, weights: Tensor) -> Tensor:
        """(N, M, J * 3): the one pose, times the weights (N, M, 1)."""
        return weights * (self.anchors.flatten(1) + code.float())[:, None]

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        logits, residual = self.parts(features)
        return logits, (self.anchors.flatten(1) + residual.float()).view(-1, *self.anchors.shape)
