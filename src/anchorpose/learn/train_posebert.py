"""Train PoseBERT on motion capture alone, as our front end sees it and with errors of other front ends."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import MotionCorpus, read_motions
from anchorpose.learn.kinematics import BodyPoints
from anchorpose.learn.motion_cache import MotionCache, make_cache
from anchorpose.learn.motion_noise import Corruption
from anchorpose.learn.motion_windows import BATCH, MotionWindows, batches, cut_windows, to_batch, true_windows
from anchorpose.learn.nets.posebert import PoseBert, PoseBertConfig, PoseBertLoss
from anchorpose.learn.training import TrainConfig, add_arguments, prepare, steps_done, train
from anchorpose.measure.calibration import CALIBRATION_SUBJECTS
from anchorpose.measure.metrics import mpjpe, pa_mpjpe
from anchorpose.poses.body_bones import body_points
from anchorpose.poses.motion_view import INPUTS

Evaluate = Callable[[nn.Module], dict[str, float]]


def split_calibration(corpus: MotionCorpus) -> tuple[MotionCorpus, MotionCorpus]:
    """The training motions, without and with only the subjects on which nothing is trained."""
    held = np.array([clip.subject in CALIBRATION_SUBJECTS for clip in corpus.clips])[corpus.clip]
    return corpus.subset(~held), corpus.subset(held)


def get_cache(path: Path, corpus: MotionCorpus, lift: str, views: int, seed: int, workers: int = 0) -> MotionCache:
    """The tracks kept at `path`; made and kept there if there are none."""
    if path.exists():
        return MotionCache.load(path)
    cache = make_cache(corpus, lift, views, seed, workers=workers)
    path.parent.mkdir(parents=True, exist_ok=True)
    cache.save(path)
    return cache


def evaluation(cache: MotionCache, window: int, n: int = 256, seed: int = 1) -> Evaluate:
    """Measures a network on fixed windows of held subjects as the front end sees them."""
    rng = np.random.default_rng(seed)
    window = min(window, int(cache.length.max()))
    tracks = rng.choice(np.flatnonzero(cache.length >= window), n)
    starts = rng.integers(0, cache.length[tracks] - window + 1)
    windows = cut_windows(cache, tracks, starts, window)
    batch, _ = to_batch(windows, true_windows(cache, tracks, starts, window))
    target = body_points(batch["rotations"], batch["measures"][:, None])[..., :12, :]
    seen = batch["present"] > 0.5
    front = mpjpe(np.nan_to_num(windows.joints[..., :12, :]), np.nan_to_num(_camera(target, batch["turn"])))

    @torch.no_grad()
    def measure(net: nn.Module) -> dict[str, float]:
        device = next(net.parameters()).device
        rotations, measures = [], []
        for part in np.array_split(np.arange(n), -(-n // 64)):
            out = net(*(torch.from_numpy(batch[name][part]).to(device) for name in INPUTS))
            rotations.append(out[0].float().cpu().numpy())
            measures.append(out[2].float().cpu().numpy())
        found = body_points(np.concatenate(rotations), np.concatenate(measures)[:, None])[..., :12, :]
        error = mpjpe(found, target)
        jerk = 1000 * np.linalg.norm(np.diff(found - target, 2, axis=1), axis=-1)
        return {
            "front_mpjpe": float(front[seen].mean()),
            "seen_mpjpe": float(error[seen].mean()),
            "missing_mpjpe": float(error[~seen].mean()) if (~seen).any() else float("nan"),
            "pa_mpjpe": float(pa_mpjpe(found, target).mean()),
            "acceleration": float(jerk.mean()),
        }

    return measure


def _camera(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Points (N, W, J, 3) in the window's axes, in the camera's."""
    return points @ turn[:, None]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint and the CSVs")
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument(
        "--window", type=int, default=PoseBertConfig.window, help="longest window; shorter ones are trained besides"
    )
    parser.add_argument("--width", type=int, default=PoseBertConfig.width)
    parser.add_argument("--layers", type=int, default=PoseBertConfig.layers)
    parser.add_argument("--heads", type=int, default=PoseBertConfig.heads)
    parser.add_argument("--batch", type=int, default=16, help="windows of the longest kind in a batch")
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--masking", type=float, default=1.0, help="factor of how much is masked")
    parser.add_argument("--noise", type=float, default=1.0, help="factor of all other corruption")
    parser.add_argument("--truth", type=float, default=0.3, help="share of windows from the truth with plain noise")
    parser.add_argument("--live", action="store_true", help="each layer refines the guess: for posebert_live")
    parser.add_argument("--no-modes", action="store_true", help="never give modes")
    parser.add_argument("--views", type=int, default=6, help="cameras for each clip in the cache")
    parser.add_argument("--cache", type=Path, help="folder of the cached tracks; default: the folder of the run")
    parser.add_argument("--lift", default="lift", help="the lift of the front end: a model's name or an .onnx file")
    parser.add_argument("--cache-only", action="store_true", help="make the cached tracks and stop")
    add_arguments(parser)
    return parser.parse_args()


def corruption(masking: float, noise: float, modes: bool = True) -> Corruption:
    """The default amounts times a factor for the masking and one for the rest."""
    base = Corruption()
    masks = {k: min(0.95, masking * getattr(base, k)) for k in ("single", "ends", "sparse")}
    rest = {k: noise * getattr(base, k) for k in ("shaken", "jitter", "joints", "swaps", "replaced", "scale", "depth",
                                                  "measures")}  # fmt: skip
    return replace(base, blocks=masking * base.blocks, no_modes=base.no_modes if modes else 1.0, **masks, **rest)


def main() -> None:
    args = parse()
    precision = prepare(args)
    corpus = MotionCorpus.load(args.corpus) if args.corpus else read_motions(dataset_path("mocap"))
    training, held = split_calibration(corpus.split("train"))
    folder, makers = args.cache or args.out, args.workers if args.workers > 1 else 0
    cache = get_cache(
        folder / f"tracks-{args.views}-{args.seed}.npz", training, args.lift, args.views, args.seed, makers
    )
    held_cache = get_cache(folder / f"held-{args.seed}.npz", held, args.lift, 2, args.seed + 1000, makers)
    if args.cache_only:
        return
    config = PoseBertConfig(
        args.window, args.width, args.layers, args.heads, 4 * args.width, 2 * args.width, args.dropout, not args.live
    )
    net = PoseBert(config)
    points, objective = BodyPoints().to(args.device), PoseBertLoss()

    def loss(module: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        assert isinstance(module, PoseBert)
        return objective(module, points, dict(zip(BATCH, batch, strict=True)))

    plan = TrainConfig(args.minutes, args.steps, args.rate, precision=precision, device=args.device, log_every=50)
    amount = corruption(args.masking, args.noise, not args.no_modes)
    windows = MotionWindows(cache, args.batch, args.window, (args.seed, steps_done(args.out)), amount, args.truth)
    measure = evaluation(held_cache, args.window)
    settings = {"net": asdict(config), "arguments": vars(args), "frames": len(training), "tracks": len(cache)}
    trained = train(net, batches(windows, args.workers), loss, plan, args.out, measure, settings=settings)
    with torch.no_grad():
        print({k: round(v, 1) for k, v in measure(trained).items()})


if __name__ == "__main__":
    main()
