"""PoseBERT (Baradel et al., 3DV 2021) on poses as joints: a transformer over time that says what the body did.

Each frame is embedded linearly, frames that are missing are a learned token, positions are learned, layers normalise
before they act, and after each layer one shared regressor refines the pose. The paper begins with the mean pose, here
it is a guess from where the limbs point (`learn.nets.aim`); and each layer goes on from what the one before said, or,
for use while it happens, refines the guess itself, so that only the last one's answer has to be worked out. Beside the
mean of the detector's distribution its modes go in, each through the same small network, summed by their weights:
their order says nothing. What comes out are rotations of the canonical skeleton's bones, the place, and the person's
measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from anchorpose.learn.kinematics import BodyPoints, components_first, components_last, length, sixd_to_matrix
from anchorpose.learn.nets.aim import Aim
from anchorpose.poses.body_bones import BODY_BONES, MEASURES
from anchorpose.poses.motion_view import DIRECTIONS, FRAME_WIDTH, INPUTS, MODE_WIDTH, WINDOW_WIDTH
from anchorpose.poses.skeletons import BODY13

_BONES, _MEASURES = len(BODY_BONES), len(MEASURES)
_PARTS = (6 * _BONES, 3, _MEASURES)
"""Of an estimate: rotations, shift of the place, measures."""
_TORSO = [BODY13.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]


@dataclass(frozen=True)
class PoseBertConfig:
    """Size of the network; `window` is the most frames it takes, `inner` the width of a layer's middle. `onward`:
    layers go on from what the one before said."""

    window: int = 64
    width: int = 192
    layers: int = 4
    heads: int = 6
    inner: int = 768
    regressor: int = 384
    dropout: float = 0.0
    onward: bool = True


@dataclass(frozen=True)
class Estimate:
    """What is said of N windows after one layer: rotations (3, 3, N, W, 38), places (N, W, 3), measures (N, 9)."""

    rotations: Tensor
    places: Tensor
    measures: Tensor


class Layer(nn.Module):
    """Self-attention over the frames of a window, then two linear layers; each normalises before it acts."""

    def __init__(self, config: PoseBertConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.norm_mix, self.norm_think = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.think = nn.Linear(config.width, config.inner)
        self.say = nn.Linear(config.inner, config.width)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """Tokens (N * W, width) of windows of W frames; flat, as a product with its bias is then one operation."""
        d = x.shape[-1]
        qkv = self.qkv(self.norm_mix(x)).view(-1, frames, 3 * self.heads, d // self.heads).transpose(1, 2)
        query, key, value = qkv.split(self.heads, 1)
        # Plain products: on a CPU the fused attention takes longer for windows this short.
        share = (query @ key.transpose(-1, -2) * (d // self.heads) ** -0.5).softmax(-1)
        x = x + self._drop(self.out((share @ value).transpose(1, 2).reshape(-1, d)))
        return x + self._drop(self.say(F.relu(self.think(self.norm_think(x)))))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class PoseBert(nn.Module):
    """Windows as `poses.motion_view.MotionView` has them to poses; see `Estimate`."""

    def __init__(self, config: PoseBertConfig) -> None:
        super().__init__()
        self.config, self.aim = config, Aim()
        self.embed_frame = nn.Linear(FRAME_WIDTH, config.width)
        self.embed_mode = nn.Linear(MODE_WIDTH, config.width)
        self.mix_modes = nn.Linear(config.width, config.width)
        self.embed_window = nn.Linear(WINDOW_WIDTH, config.width)
        self.embed_directions = nn.Linear(3 * len(DIRECTIONS), config.width)
        self.missing = nn.Parameter(torch.zeros(config.width))
        self.position = nn.Parameter(torch.zeros(config.window, config.width))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.refine = nn.Sequential(
            nn.Linear(config.width + self.told, config.regressor), nn.ReLU(),
            nn.Linear(config.regressor, sum(_PARTS)),
        )  # fmt: skip
        nn.init.normal_(self.missing, std=0.02)
        nn.init.normal_(self.position, std=0.02)
        last = self.refine[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.001)
        nn.init.zeros_(last.bias)

    def embed(self, frames: Tensor, modes: Tensor, present: Tensor, window: Tensor, directions: Tensor) -> Tensor:
        """(N, W, width): what the first layer sees. Nothing of a missing frame's input goes in."""
        weights = modes[..., -1:]
        seen = self.mix_modes((weights * F.relu(self.embed_mode(modes))).sum(2))
        there = (present > 0.5).unsqueeze(-1)
        x = torch.where(there, self.embed_frame(frames) + seen, self.missing)
        x = x + self.embed_directions(directions.flatten(2))
        return x + self.embed_window(window).unsqueeze(1) + self.position[: frames.shape[1]]

    def refinements(
        self, frames: Tensor, modes: Tensor, present: Tensor, places: Tensor, window: Tensor, directions: Tensor,
        *, layers: Sequence[int] = (-1,),
    ) -> list[Estimate]:  # fmt: skip
        """The estimates after some of the layers; by default after the last."""
        n, w = frames.shape[:2]
        x = self.embed(frames, modes, present, window, directions).flatten(0, 1)
        guess = self.aim(directions).permute(1, 2, 0, 3).flatten(2), torch.zeros_like(places), window[:, :_MEASURES]
        wanted, state, out = [range(len(self.layers))[k] for k in layers], guess, {}
        for k, layer in enumerate(self.layers):
            x = layer(x, w)
            if self.config.onward or k in wanted:
                pose, shift, measures = state if self.config.onward else guess
                turns, moved, sizes = self._refined(x, pose, shift, measures).view(n, w, -1).split(_PARTS, -1)
                state = pose + turns, shift + moved, measures + sizes.mean(1)
                rotations = sixd_to_matrix(state[0].unflatten(-1, (6, _BONES)).movedim(-2, 0))
                out[k] = Estimate(rotations, places + state[1], state[2])
        return [out[k] for k in wanted]

    @property
    def told(self) -> int:
        """Numbers of the estimate so far that the regressor sees; a guess is nowhere else than where it was seen."""
        return sum(_PARTS) if self.config.onward else _PARTS[0] + _PARTS[2]

    def _refined(self, x: Tensor, pose: Tensor, shift: Tensor, measures: Tensor) -> Tensor:
        """(N * W, ...) how tokens change an estimate."""
        sizes = measures.unsqueeze(1).expand(-1, pose.shape[1], -1)
        state = torch.cat([pose, shift, sizes] if self.config.onward else [pose, sizes], -1).flatten(0, 1)
        return self.refine(torch.cat([self.norm(x), state.to(x.dtype)], -1)).float()

    def forward(
        self, frames: Tensor, modes: Tensor, present: Tensor, places: Tensor, window: Tensor, directions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Rotations (N, W, 38, 3, 3) in the window's axes, places (N, W, 3), measures (N, 9): the last layer's."""
        (last,) = self.refinements(frames, modes, present, places, window, directions)
        return components_last(last.rotations), last.places, last.measures


@dataclass(frozen=True)
class PoseBertLoss:
    """Weights of the loss, the same at every layer. Lengths in dm, velocities in dm a frame.

    Attributes:
        rotations: squared differences of the bones' matrices. joints: of POINTS about the root.
        velocities, bends: of the joints about the root, first and second differences; bends keep joints from shaking.
        steps: first differences of the joints in space, which keeps standing feet still.
        places: of the torso's centre, as a share of a tenth of its depth. measures: squared, of the logarithms.
        missing: weight of frames that were not seen, against those that were.
    """

    rotations: float = 0.25
    joints: float = 1.0
    velocities: float = 2.0
    bends: float = 5.0
    steps: float = 0.5
    places: float = 0.3
    measures: float = 5.0
    missing: float = 0.5

    def __call__(self, net: PoseBert, points: BodyPoints, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The terms, means over the layers, and their sum "loss".

        With gradients one layer is drawn at random to stand for all before the last: half of the time of a step goes
        into an estimate and its joints, and on average the loss is the same.

        `batch`: the network's inputs; and rotations (N, W, 38, 3, 3), measures (N, 9), true_places (N, W, 3),
        turn (N, 3, 3), reference (N, 3), placed (N) of the truth.
        """
        layers, shares = zip(*_supervised(len(net.layers)), strict=True)
        estimates = net.refinements(**{name: batch[name] for name in INPUTS}, layers=layers)
        sums: dict[str, Tensor] = {}
        with torch.autocast(batch["frames"].device.type, enabled=False):
            true_rotations = components_first(batch["rotations"])
            truth = points(true_rotations, batch["measures"])
            for estimate, share in zip(estimates, shares, strict=True):
                for name, value in self._terms(estimate, points, true_rotations, truth, batch).items():
                    sums[name] = sums.get(name, torch.zeros_like(value)) + share * value
            sums["loss"] = sum((getattr(self, n) * v for n, v in sums.items()), torch.zeros_like(sums["joints"]))
            with torch.no_grad():
                found = points(estimates[-1].rotations, estimates[-1].measures)
                sums["mm"] = 1000 * length(found - truth)[..., :12].mean()
        return sums

    def _terms(
        self, estimate: Estimate, points: BodyPoints, true_rotations: Tensor, truth: Tensor, batch: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        weight = self.missing + (1 - self.missing) * batch["present"]
        weight = weight / weight.mean().clamp(min=1e-3)
        found = points(estimate.rotations, estimate.measures)
        error = 10 * (found - truth)
        rotation = (estimate.rotations - true_rotations).square().sum((0, 1)).mean(-1)
        placed = batch["placed"][:, None]
        off = (estimate.places - batch["true_places"]).movedim(-1, 0)
        place = length(off) / (0.1 * batch["reference"][:, None, 2])
        shift = 10 * (
            metric(estimate.places, batch["reference"], batch["turn"])
            - metric(batch["true_places"], batch["reference"], batch["turn"])
        ).movedim(-1, 0)
        in_space = error - error[..., _TORSO].mean(-1, keepdim=True) + shift.unsqueeze(-1)
        return {
            "rotations": (weight * rotation).mean(),
            "joints": (weight * length(error).mean(-1)).mean(),
            "velocities": length(error.diff(dim=2)).mean(),
            "bends": length(error.diff(n=2, dim=2)).mean() if error.shape[2] > 2 else 0 * error.sum(),
            "steps": (placed * length(in_space.diff(dim=2)).mean(-1)).mean(),
            "places": (placed * weight * place).mean(),
            "measures": (estimate.measures - batch["measures"]).square().mean(),
        }


def _supervised(count: int) -> list[tuple[int, float]]:
    """The layers that the loss looks at and their weights, which sum to one; the last comes last."""
    if count < 3 or not torch.is_grad_enabled():
        return [(k, 1 / count) for k in range(count)]
    drawn = int(torch.randint(count - 1, ()))
    return [(drawn, (count - 1) / count), (count - 1, 1 / count)]


def metric(places: Tensor, reference: Tensor, turn: Tensor) -> Tensor:
    """Places (N, W, 3) as metres in the window's axes: `poses.motion_view.translations_of`, turned."""
    depth = reference[:, None, 2:]
    z = depth * (places[..., 2:] / depth).clamp(-3, 3).exp()
    camera = torch.cat([(places[..., :2] / depth + reference[:, None, :2]) * z, z], -1)
    return camera @ turn.transpose(1, 2)
