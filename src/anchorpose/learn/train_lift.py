"""Train the lift by classification on motion capture alone."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from anchorpose.files.anchors import read_anchors, write_anchors
from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.datasets import dataset_path
from anchorpose.learn.cluster import balanced_weights, draw, make_anchors
from anchorpose.learn.nets.lift import LiftConfig, LiftLoss, LiftNet, RegressionNet
from anchorpose.learn.training import TrainConfig, add_arguments, prepare, steps_done, train
from anchorpose.measure.calibration import CALIBRATION_SUBJECTS
from anchorpose.measure.metrics import mpjpe, pa_mpjpe
from anchorpose.measure.noise import NOISE_MEASURE, NOISE_TRAIN, DetectorNoise, NoiseAmount, add_noise
from anchorpose.measure.virtual import MEASURE, TRAIN, ViewRange
from anchorpose.poses.lifting import lift_view
from anchorpose.poses.transforms import hip_centred, torso_centred


def split_calibration(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """The training frames, without and with only the calibration subjects."""
    held = np.array([clip.subject in CALIBRATION_SUBJECTS for clip in corpus.clips])[corpus.clip]
    return corpus.subset(~held), corpus.subset(held)


def make_batch(
    corpus: Corpus, chances: np.ndarray | None, n: int, noise: DetectorNoise, rng: np.random.Generator,
    ranges: ViewRange = TRAIN, amount: NoiseAmount = NOISE_TRAIN, mixed: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Features (n, INPUT_WIDTH) and torso-centred truth (n, 13, 3) in the virtual camera of the noisy view."""
    viewed = draw(corpus, n, rng, ranges, chances, mixed)
    plane, scores, _ = add_noise(viewed.plane, viewed.nose_hidden, noise, rng, amount)
    view = lift_view(plane, scores)
    target = torso_centred(viewed.joints_camera) @ view.virtual_from_camera.transpose(0, 2, 1)
    return view.features, target.astype(np.float32)


class Views(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless training batches of `size`. Each worker draws its own; `seed` is (seed, steps done before)."""

    def __init__(
        self, corpus: Corpus, chances: np.ndarray, size: int, noise: DetectorNoise, seed: tuple[int, ...], mixed: float
    ) -> None:
        self.corpus, self.chances, self.size, self.noise = corpus, chances, size, noise
        self.seed, self.mixed = seed, mixed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = get_worker_info()
        rng = np.random.default_rng([*self.seed, info.id if info else 0])
        while True:
            features, target = make_batch(self.corpus, self.chances, 4 * self.size, self.noise, rng, mixed=self.mixed)
            for part in np.split(np.arange(4 * self.size), 4):
                yield torch.from_numpy(features[part]), torch.from_numpy(target[part])


def batches(views: Views, workers: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The views, made in `workers` processes ahead of the network (0: in this one). An error there is raised here."""
    return iter(DataLoader(views, batch_size=None, num_workers=workers, prefetch_factor=8 if workers else None))


@torch.no_grad()
def mean_pose(module: nn.Module, features: np.ndarray) -> np.ndarray:
    """(N, 13, 3) probability-weighted mean of the classes' refined poses."""
    device = next(module.parameters()).device
    out = []
    for part in torch.from_numpy(features).split(1024):
        logits, poses = module(part.to(device))
        out.append(torch.einsum("nk,nkjc->njc", logits.softmax(1), poses).cpu().numpy())
    return np.concatenate(out)


def evaluation(corpus: Corpus, noise: DetectorNoise, n: int = 4096, seed: int = 1) -> dict[str, tuple]:
    """Fixed sets of views with fitted noise and with true 2D: name to (features, truth)."""
    sets = {}
    for name, amount in (("noisy", NOISE_MEASURE), ("true", NoiseAmount((0, 0), 1.0, cut_share=0.0))):
        rng = np.random.default_rng(seed)
        sets[name] = make_batch(corpus, None, n, noise, rng, MEASURE, amount)
    return sets


def measure(module: nn.Module, sets: dict[str, tuple]) -> dict[str, float]:
    """MPJPE and PA-MPJPE [mm] of the mean pose on `evaluation` sets."""
    row = {}
    for name, (features, target) in sets.items():
        found, truth = (hip_centred(p)[:, :12] for p in (mean_pose(module, features), target))
        row[f"{name}_mpjpe"] = float(np.mean(mpjpe(found, truth)))
        row[f"{name}_pa_mpjpe"] = float(np.mean(pa_mpjpe(found, truth)))
    return row


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint, the CSVs and the anchors")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--k", type=int, default=200, help="number of anchor poses; 1: plain regression")
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--bottleneck", type=int, default=64)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--mixed", type=float, default=0.2, help="share of poses with the limbs of another")
    parser.add_argument("--classify", type=float, default=LiftLoss.classify, help="weight of the log loss")
    parser.add_argument("--subset", type=float, default=1.0, help="share of the training clips to use")
    add_arguments(parser)
    return parser.parse_args()


def build(args: argparse.Namespace, corpus: Corpus, chances: np.ndarray) -> tuple[nn.Module, LiftConfig]:
    """The network and its anchors; the anchors are written beside the checkpoint and taken from there on resume."""
    config = LiftConfig(args.k, args.width, args.blocks, args.bottleneck)
    path = args.out / "anchors.npz"
    if not path.exists():
        args.out.mkdir(parents=True, exist_ok=True)
        write_anchors(make_anchors(corpus, args.k, f"lift{args.k}", args.seed, chances=chances), path)
    anchors = torch.from_numpy(np.array(read_anchors(path).joints3d))
    if args.k == 1:
        return RegressionNet(config, anchors[0]), config
    return LiftNet(config, anchors), config


def main() -> None:
    args = parse()
    precision = prepare(args)
    corpus = Corpus.load(args.corpus) if args.corpus else read_corpus(dataset_path("mocap"))
    training, held = split_calibration(corpus.split("train"))
    if args.subset < 1:
        kept = np.random.default_rng(0).random(len(training.clips)) < args.subset
        training = training.subset(kept[training.clip])
    chances = np.cumsum(balanced_weights(training))
    noise = DetectorNoise.load()
    module, config = build(args, training, chances)
    plan = TrainConfig(args.minutes, args.steps, args.rate, precision=precision, device=args.device)
    objective = LiftLoss(classify=args.classify, neighbours=min(3, args.k))

    def loss(net: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        assert isinstance(net, LiftNet | RegressionNet)
        return objective(net, *batch)

    sets = evaluation(held, noise)
    views = Views(training, chances, args.batch, noise, (args.seed, steps_done(args.out)), args.mixed)
    stream = batches(views, args.workers)
    settings = {"net": asdict(config), "arguments": vars(args), "frames": len(training)}
    trained = train(module, stream, loss, plan, args.out, lambda net: measure(net, sets), settings=settings)
    print({k: round(v, 1) for k, v in measure(trained, sets).items()})


if __name__ == "__main__":
    main()
