"""The network of the lift and its loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from anchorpose.files.corpus import Corpus
from anchorpose.learn.nets.lift import LiftConfig, LiftLoss, LiftNet, RegressionNet
from anchorpose.learn.train_lift import (
    CALIBRATION_SUBJECTS,
    Views,
    batches,
    evaluation,
    make_batch,
    mean_pose,
    measure,
    split_calibration,
)
from anchorpose.measure.noise import NOISE_TRAIN, DetectorNoise
from anchorpose.poses.lifting import INPUT_WIDTH
from anchorpose.poses.transforms import torso_centre
from conftest import tiny_corpus

K = 4


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def micro(k: int = K) -> LiftNet:
    return LiftNet(LiftConfig(k, 32, 1, 8), 0.3 * torch.randn(k, 13, 3))


def eight() -> tuple[Tensor, Tensor]:
    """Features and truth of eight people before noisy virtual cameras."""
    rng = np.random.default_rng(0)
    return tuple(torch.from_numpy(a) for a in make_batch(tiny_corpus(), None, 8, DetectorNoise.load(), rng))  # type: ignore[return-value]


def test_shapes_and_beginning() -> None:
    """K logits and K poses; untrained, the poses are the anchors but for a few centimetres."""
    net = micro()
    logits, poses = net(torch.randn(5, INPUT_WIDTH))
    assert logits.shape == (5, K) and poses.shape == (5, K, 13, 3)
    assert (poses - net.anchors).abs().max() < 0.15
    assert "anchors" in net.state_dict()  # they travel with the weights


@pytest.mark.parametrize("made", [micro, lambda: RegressionNet(LiftConfig(1, 32, 1, 8), 0.3 * torch.randn(13, 3))])
def test_mixtures_are_sums_of_all_poses(made: Callable[[], LiftNet | RegressionNet]) -> None:
    """Mixing the classes' maps gives what building every class's pose and adding them up gives."""
    net, features = made(), torch.randn(5, INPUT_WIDTH)
    with torch.no_grad():
        _, code = net.parts(features)
        poses = net(features)[1]
        weights = torch.rand(5, 3, poses.shape[1])
        weights /= weights.sum(-1, keepdim=True)
        torch.testing.assert_close(net.mixture(code, weights), weights @ poses.flatten(2), atol=1e-5, rtol=0)


def test_a_block_is_nothing_at_first() -> None:
    """Blocks are zero at the start, so that a deep net is as easy to train as a shallow one."""
    net = micro()
    x = torch.randn(3, 32)
    assert torch.equal(net.blocks(x), x)


def test_the_micro_network_overfits_eight_people() -> None:
    """The whole loss is brought down on eight samples: right classes, and mean poses within a centimetre or so."""
    features, target = eight()
    net, objective = micro(), LiftLoss()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=0)
    for step in range(250):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - step / 250)
        terms = objective(net, features, target)
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
    net.eval()
    found = mean_pose(net, features.numpy())
    error = np.linalg.norm(found - target.numpy(), axis=-1)
    assert error.mean() < 0.015 and error.max() < 0.08
    nearest = torch.cdist(target.flatten(1), net.anchors.flatten(1)).argmin(1)
    assert (net(features)[0].argmax(1) == nearest).all()
    assert terms["loss"].item() < 1.0


def test_terms_of_the_loss_by_hand() -> None:
    """Log loss of the nearest class; error of the probability-weighted mean in decimetres; for the nearest classes a
    smooth error weighted by nearness."""
    net, objective = micro(), LiftLoss(classify=0.5, regress=2.0, mean=3.0, neighbours=2)
    features, target = torch.randn(6, INPUT_WIDTH), 0.3 * torch.randn(6, 13, 3)
    logits, poses = net(features)
    terms = objective(net, features, target)
    distance = torch.cdist(target.flatten(1), net.anchors.flatten(1))
    classify = -torch.log_softmax(logits, 1)[torch.arange(6), distance.argmin(1)].mean()
    mean = torch.einsum("nk,nkjc->njc", logits.softmax(1), poses)
    mean_error = 10 * (mean - target).norm(dim=-1).mean()
    near, index = distance.topk(2, largest=False)
    off = 10 * (poses[torch.arange(6)[:, None], index] - target[:, None]).abs()
    smooth = torch.where(off < 1, off**2 / 2, off - 0.5).sum(-1).mean(-1)
    regress = (smooth * torch.softmax(-(near**2) / 0.25, 1)).sum(1).mean()
    for name, expected in (("classify", classify), ("mean", mean_error), ("regress", regress)):
        assert terms[name].item() == pytest.approx(expected.item(), rel=1e-4)
    total = 0.5 * classify + 2 * regress + 3 * mean_error
    assert terms["loss"].item() == pytest.approx(total.item(), rel=1e-4)


def test_every_weight_gets_a_gradient() -> None:
    """No part of the network is left out by the loss."""
    features, target = eight()
    net = micro()
    for parameter in net.blocks.parameters():
        nn.init.normal_(parameter, std=0.1)
    LiftLoss()(net, features, target)["loss"].backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_regression_is_the_same_without_classes() -> None:
    """The competitor has one pose, logits of zero, and the same loss."""
    net = RegressionNet(LiftConfig(1, 32, 1, 8), torch.zeros(13, 3))
    logits, poses = net(torch.randn(5, INPUT_WIDTH))
    assert (logits == 0).all() and logits.shape == (5, 1) and poses.shape == (5, 1, 13, 3)
    features, target = eight()
    terms = LiftLoss(neighbours=1)(net, features, target)
    assert terms["classify"].item() == 0
    terms["loss"].backward()
    assert net.stem.weight.grad is not None


def test_batches_have_the_shapes_of_the_network() -> None:
    """Features and torso-centred truth, float32, finite; the same generator gives the same batch."""
    corpus, noise = tiny_corpus(), DetectorNoise.load()
    some = [make_batch(corpus, None, 20, noise, np.random.default_rng(5), mixed=0.5) for _ in range(2)]
    features, target = some[0]
    assert features.shape == (20, INPUT_WIDTH) and target.shape == (20, 13, 3)
    assert features.dtype == target.dtype == np.float32 and np.isfinite(features).all() and np.isfinite(target).all()
    np.testing.assert_allclose(torso_centre(target), 0, atol=1e-6)
    np.testing.assert_array_equal(features, some[1][0])
    assert NOISE_TRAIN.scale[0] < 1


def test_calibration_subjects_are_kept_apart() -> None:
    """No frame of theirs is trained on, and all of theirs are held out."""
    corpus = tiny_corpus().split("train")
    training, held = split_calibration(corpus)
    assert len(training) + len(held) == len(corpus) and len(held) > 0
    names = [{part.clips[i].subject for i in set(part.clip.tolist())} for part in (training, held)]
    assert names == [{"anybody"}, {"cmu_006"}] and "cmu_006" in CALIBRATION_SUBJECTS


class Known(nn.Module):
    """Says the truth it was given, with all weight on the second of two poses."""

    def __init__(self, truth: Tensor) -> None:
        super().__init__()
        self.truth = nn.Parameter(truth)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        logits = torch.tensor([0.0, 50.0]).expand(len(features), 2)
        return logits, torch.stack([torch.zeros_like(self.truth), self.truth], 1)[: len(features)]


def test_measuring_the_truth_finds_no_error() -> None:
    """MPJPE and PA-MPJPE of the truth itself are 0 mm; shifted by a centimetre sideways, hips and all, still 0;
    with one wrist 12 cm off, 10 mm."""
    sets = evaluation(tiny_corpus(), DetectorNoise.load(), n=40)
    assert set(sets) == {"noisy", "true"}
    features, target = sets["true"]
    one = {"true": (features, target)}
    assert measure(Known(torch.from_numpy(target)), one)["true_mpjpe"] == pytest.approx(0, abs=1e-3)
    shifted = torch.from_numpy(target + np.float32(0.01))
    assert measure(Known(shifted), one)["true_mpjpe"] == pytest.approx(0, abs=1e-3)
    off = target.copy()
    off[:, 6, 0] += 0.12
    row = measure(Known(torch.from_numpy(off)), one)
    assert row["true_mpjpe"] == pytest.approx(10, abs=0.01) and 0 < row["true_pa_mpjpe"] < 20


def views(seed: tuple[int, ...], corpus: Corpus | None = None) -> Views:
    corpus = corpus or tiny_corpus()
    return Views(corpus, np.cumsum(np.full(len(corpus), 1 / len(corpus))), 6, DetectorNoise.load(), seed, 0.2)


def test_a_resumed_run_draws_other_batches() -> None:
    """Seed and steps done before say which batches come: the same again, or others."""
    first, again, later = (next(batches(views(seed), 0)) for seed in ((3, 0), (3, 0), (3, 500)))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], later[0])
    stream = batches(views((3, 0)), 0)
    some = [next(stream)[0] for _ in range(6)]
    assert len({float(x.sum()) for x in some}) == 6


def test_workers_make_the_same_views() -> None:
    """The first worker draws what this process would."""
    here, there = (next(batches(views((3, 0)), workers)) for workers in (0, 1))
    assert torch.equal(here[0], there[0]) and torch.equal(here[1], there[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_the_making_of_views_stops_the_run(workers: int) -> None:
    """It is raised where the batches are taken, and nothing waits for ever."""
    corpus = tiny_corpus()
    broken = views((0, 0), corpus)
    broken.chances = np.full(len(corpus), np.nan)[:0]
    with pytest.raises((IndexError, ValueError)):
        next(batches(broken, workers))
