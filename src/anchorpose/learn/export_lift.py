"""A trained lift as the ONNX file that ships: temperature and spreads calibrated, weights stored in half precision."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from torch import Tensor, nn

from anchorpose.files.anchors import read_anchors, write_anchors
from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.datasets import dataset_path
from anchorpose.learn.nets.lift import LiftConfig, LiftNet
from anchorpose.learn.train_lift import make_batch, split_calibration
from anchorpose.measure.calibration import fit_temperature
from anchorpose.measure.noise import NOISE_MEASURE, DetectorNoise
from anchorpose.measure.virtual import MEASURE
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.lifting import INPUT_WIDTH
from anchorpose.sense.models import PACKAGE_WEIGHTS, register_weight
from anchorpose.sense.modes import ModeSettings, find_modes, softmax


class Exported(nn.Module):
    """The net with its temperature folded in."""

    def __init__(self, net: LiftNet, temperature: float) -> None:
        super().__init__()
        self.net, self.temperature = net, temperature
        self.eval()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        logits, poses = self.net(features)
        return logits / self.temperature, poses


def load_net(folder: Path) -> tuple[LiftNet, AnchorPoses]:
    """The averaged weights of a training run, and its anchors."""
    config = json.loads((folder / "config.json").read_text())["net"]
    anchors = read_anchors(folder / "anchors.npz")
    net = LiftNet(LiftConfig(**config), torch.from_numpy(np.array(anchors.joints3d)))
    tensors = load_file(folder / "checkpoint.safetensors")
    net.load_state_dict({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")})
    return net.eval(), anchors


def run(net: nn.Module, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and refined poses as arrays."""
    with torch.no_grad():
        parts = [net(part) for part in torch.from_numpy(features).split(1024)]
    return tuple(torch.cat(p).numpy() for p in zip(*parts, strict=True))  # type: ignore[return-value]


def class_spreads(poses: np.ndarray, target: np.ndarray, nearest: np.ndarray, k: int) -> np.ndarray:
    """(K, J) [m] root mean square error of each joint where the class is the nearest to the truth; classes that are
    seldom met take the mean of all."""
    error = ((poses[np.arange(len(poses)), nearest] - target) ** 2).sum(-1)
    overall = error.mean(0)
    count = np.bincount(nearest, minlength=k)
    sums = np.zeros((k, error.shape[1]))
    np.add.at(sums, nearest, error)
    strength = 30.0  # as many samples of the mean of all are mixed in
    return np.sqrt((sums + strength * overall) / (count + strength)[:, None])


def best_temperature(logits: np.ndarray, poses: np.ndarray, target: np.ndarray, spread: np.ndarray) -> float:
    """The temperature under which the truth is likeliest, by the mixture of the modes: each joint a Gaussian about the
    mode's with its spread, joints averaged since they err together.

    Not by the log loss of the mode that comes true: the lowest temperature would win, since a mode that is alone
    always comes true. For the same reason weak modes are kept here.
    """
    keep_all = replace(ModeSettings(), least=0.0)

    def loss(temperature: float) -> float:
        modes = find_modes(softmax(logits / temperature), poses, spread, keep_all)
        variance = np.maximum(modes.spread**2 / 3, 1e-6)
        off = ((modes.joints3d - target[:, None]) ** 2).sum(-1)
        fit = -0.5 * (off / variance + 3 * np.log(variance)).mean(-1)
        return float(-logsumexp(fit, axis=1, b=modes.weights).mean())

    grid = np.array([0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.4])
    return float(grid[np.argmin([loss(t) for t in grid])])


def best_power(probs: np.ndarray, poses: np.ndarray, target: np.ndarray, spread: np.ndarray) -> float:
    """The power of the modes' weights under which they are likeliest: log loss of the mode that comes true.

    Which modes there are does not depend on it, so that nothing is gained by having fewer.
    """
    modes = find_modes(probs, poses, spread, ModeSettings())
    there = modes.weights > 0
    distance = np.where(there, np.linalg.norm(modes.joints3d - target[:, None], axis=-1).mean(-1), np.inf)
    true = distance.argmin(1)

    def loss(power: float) -> float:
        weights = np.where(there, modes.weights, 0.0) ** power * there
        weights = weights / weights.sum(1, keepdims=True)
        return float(-np.log(np.maximum(weights[np.arange(len(true)), true], 1e-9)).mean())

    return float(minimize_scalar(loss, bounds=(0.1, 3.0), method="bounded").x)


def half_storage(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16 with a cast behind each; the arithmetic stays float32. What is called
    `settle...` is geometry and stays as it is."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 1024 or tensor.name.startswith("settle."):
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}_half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [half.name], [name], f"{name}_cast", to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
    return model


def to_onnx(net: nn.Module, path: Path, about: dict) -> None:
    """Write the network with a free batch size, half-precision storage and what the program needs to know of it."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.onnx.export(
        net, (torch.zeros(3, INPUT_WIDTH),), input_names=["features"], output_names=["logits", "poses"],
        dynamic_shapes={"features": {0: batch}}, dynamo=True, opset_version=20, verbose=False,
    )  # fmt: skip
    save_program(program, path, about)


def save_program(program: torch.onnx.ONNXProgram | None, path: Path, about: dict) -> None:
    """Write an exported network with half-precision storage and what the program needs to know of it."""
    assert program is not None  # only None when asked to write to a file
    model = half_storage(program.model_proto)
    for node in model.graph.node:  # names of the machine's own files do not travel
        del node.metadata_props[:]
    model.doc_string = ""
    helper.set_model_props(model, {"anchorpose": json.dumps(about)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def export(folder: Path, weights: Path, corpus: Corpus, name: str, command: str, samples: int = 4000) -> dict:
    """Calibrate on the calibration subjects and write `lift.onnx` and `lift_anchors.npz` into `weights`."""
    net, anchors = load_net(folder)
    _, held = split_calibration(corpus.split("train"))
    rng = np.random.default_rng(7)
    features, target = make_batch(held, None, samples, DetectorNoise.load(), rng, MEASURE, NOISE_MEASURE)
    logits, poses = run(net, features)
    nearest, _ = anchors.nearest(target)
    spread = class_spreads(poses, target, nearest, len(anchors))
    temperature = best_temperature(logits, poses, target, spread)
    modes = replace(ModeSettings(), power=best_power(softmax(logits / temperature), poses, target, spread))
    about = {
        "anchors": anchors.name,
        "mirror": anchors.attributes["mirror"].tolist(),
        "spread": np.round(spread, 4).tolist(),
        "modes": asdict(modes),
        "temperature": temperature,
        "class_temperature": round(float(fit_temperature(logits, nearest)), 3),
        "command": command,
    }
    to_onnx(Exported(net, temperature), weights / f"{name}.onnx", about)
    shipped = AnchorPoses(anchors.name, "body13", anchors.joints2d, anchors.joints3d, anchors.attributes)
    write_anchors(shipped, weights / f"{name}_anchors.npz")
    licence = "Apache-2.0"
    source = "trained by this project on motion capture (CMU, HDM05 CC BY-SA 3.0, DeepMimic MIT), no photos"
    register_weight(weights / f"{name}.onnx", name, licence, source, command, weights)
    register_weight(weights / f"{name}_anchors.npz", f"{name}_anchors", licence, source, command, weights)
    return about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the training run")
    parser.add_argument("--weights", type=Path, default=PACKAGE_WEIGHTS)
    parser.add_argument("--name", default="lift")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--command", default="runs/train_lift.sh")
    args = parser.parse_args()
    corpus = Corpus.load(args.corpus) if args.corpus else read_corpus(dataset_path("mocap"))
    args.weights.mkdir(parents=True, exist_ok=True)
    about = export(args.folder, args.weights, corpus, args.name, args.command)
    size = (args.weights / f"{args.name}.onnx").stat().st_size / 1e6
    print(f"{args.name}.onnx {size:.1f} MB, temperature {about['temperature']} (classes {about['class_temperature']})")


if __name__ == "__main__":
    main()
