"""K against error and milliseconds: runs of `train_lift` with the same budget, measured on the same views."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from anchorpose.files.anchors import read_anchors
from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.datasets import dataset_path
from anchorpose.learn.export_lift import Exported, best_temperature, class_spreads, load_net, run, to_onnx
from anchorpose.learn.nets.lift import LiftConfig, RegressionNet
from anchorpose.learn.train_lift import evaluation, mean_pose, split_calibration
from anchorpose.measure.metrics import mpjpe, pa_mpjpe
from anchorpose.measure.noise import DetectorNoise
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.lifting import INPUT_WIDTH
from anchorpose.poses.transforms import hip_centred
from anchorpose.sense.models import load_session
from anchorpose.sense.modes import find_modes, softmax


def load_any(folder: Path) -> tuple[nn.Module, AnchorPoses]:
    """A lift or the plain regression of a training folder."""
    config = json.loads((folder / "config.json").read_text())["net"]
    if config["classes"] > 1:
        return load_net(folder)
    from safetensors.torch import load_file

    anchors = read_anchors(folder / "anchors.npz")
    net = RegressionNet(LiftConfig(**config), torch.from_numpy(np.array(anchors.joints3d[0])))
    tensors = load_file(folder / "checkpoint.safetensors")
    net.load_state_dict({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")})
    return net.eval(), anchors


def onnx_cost(net: nn.Module) -> tuple[float, float]:
    """Size of the exported file [MB] and median milliseconds for one person, two threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lift.onnx"
        to_onnx(Exported(net, 1.0), path, {})  # type: ignore[arg-type]
        session = load_session(str(path), 2)
        features = np.zeros((1, INPUT_WIDTH), np.float32)
        times = []
        for _ in range(60):
            start = time.perf_counter()
            session.run(None, {"features": features})
            times.append(time.perf_counter() - start)
        return path.stat().st_size / 1e6, 1000 * float(np.median(times))


def best_of(net: nn.Module, anchors: AnchorPoses, sets: dict, most: tuple[int, ...] = (1, 3, 5)) -> list[float]:
    """Best-of-n-modes MPJPE [mm] on the noisy set."""
    features, target = sets["noisy"]
    logits, poses = run(net, features)
    nearest, _ = anchors.nearest(target)
    spread = class_spreads(poses, target, nearest, len(anchors))
    modes = find_modes(softmax(logits / best_temperature(logits, poses, target, spread)), poses, spread)
    truth = hip_centred(target)[:, None, :12]
    errors = mpjpe(hip_centred(modes.joints3d)[:, :, :12], np.repeat(truth, modes.weights.shape[1], 1))
    errors = np.where(modes.weights > 0, errors, np.inf)
    return [float(errors[:, :n].min(1).mean()) for n in most]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/lift_classes.md"))
    parser.add_argument("--corpus", type=Path)
    args = parser.parse_args()
    corpus = Corpus.load(args.corpus) if args.corpus else read_corpus(dataset_path("mocap"))
    _, held = split_calibration(corpus.split("train"))
    sets = evaluation(held, DetectorNoise.load(), 2500, seed=5)
    lines = [
        "# How many classes", "",
        "`runs/lift_classes.sh`: the same network, data and steps for each K; measured on the calibration subjects",
        "(held out of training; not the card's), mm. K = 1 is plain regression of the same size. Best of n: the",
        "nearest of the n heaviest modes.", "",
        "| K | steps | MPJPE, noise | PA, noise | MPJPE, true 2D | PA, true 2D | best of 1 | of 3 | of 5 | MB | ms |",
        "| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]  # fmt: skip
    for folder in sorted(args.folder.glob("k*"), key=lambda p: int(p.name[1:])):
        if not (folder / "evaluate.csv").exists():
            continue
        net, anchors = load_any(folder)
        cells = [str(len(anchors)), (folder / "evaluate.csv").read_text().splitlines()[-1].split(",")[0]]
        for name in ("noisy", "true"):
            features, target = sets[name]
            found, truth = (hip_centred(p)[:, :12] for p in (mean_pose(net, features), target))
            cells += [f"{np.mean(mpjpe(found, truth)):.1f}", f"{np.mean(pa_mpjpe(found, truth)):.1f}"]
        cells += [f"{e:.1f}" for e in best_of(net, anchors, sets)] if len(anchors) > 1 else ["", "", ""]
        size, ms = onnx_cost(net)
        cells += [f"{size:.1f}", f"{ms:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
