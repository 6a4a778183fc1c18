"""Write a trained PoseBERT as an ONNX file with what the program needs to know of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from anchorpose.learn.export_lift import save_program
from anchorpose.learn.nets.posebert import PoseBert, PoseBertConfig
from anchorpose.learn.nets.settle import Settle
from anchorpose.poses.body_bones import BODY_BONES, MEASURES
from anchorpose.poses.errors import ModelError
from anchorpose.poses.motion_view import DIRECTIONS, FRAME_WIDTH, INPUTS, MODE_WIDTH, SETTLE_INPUTS, WINDOW_WIDTH
from anchorpose.poses.resampling import RATE
from anchorpose.poses.sequences import MODES
from anchorpose.sense.models import PACKAGE_WEIGHTS, register_weight

OUTPUTS = ("rotations", "refined", "sizes", "settled")
NAME = "posebert"


class Exported(nn.Module):
    """The network, and frames of its windows settled: INPUTS, then what `Settle` takes; OUTPUTS, of which the rotations
    have their components first (3, 3, N, W, 38): a turn of axes takes longer there than in NumPy."""

    def __init__(self, net: PoseBert) -> None:
        super().__init__()
        self.net, self.settle = net, Settle()
        self.eval()

    def forward(
        self, frames: Tensor, modes: Tensor, present: Tensor, places: Tensor, window: Tensor, directions: Tensor,
        there: Tensor, calm: Tensor, near: Tensor, most: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        (said,) = self.net.refinements(frames, modes, present, places, window, directions)
        settled = self.settle(said.rotations, said.measures, frames, there, calm, near, most)
        return said.rotations, said.places, said.measures, settled


def load_net(folder: Path) -> PoseBert:
    """The averaged weights of a training run."""
    config = PoseBertConfig(**json.loads((folder / "config.json").read_text())["net"])
    net = PoseBert(config)
    tensors = load_file(folder / "checkpoint.safetensors")
    net.load_state_dict({k.removeprefix("average."): v for k, v in tensors.items() if k.startswith("average.")})
    return net.eval()


def load_exported(path: Path) -> tuple[PoseBert, dict]:
    """The network of an exported file, to be written again after its graph was made leaner, and what the file says of
    itself.

    Weights of linear layers lose their names on the way out; the biases that are added to their products have them.
    """
    model = onnx.load(str(path))
    about = json.loads(next(p.value for p in model.metadata_props if p.key == "anchorpose"))
    found = {
        i.name.removeprefix("net.").removesuffix("_half"): torch.from_numpy(numpy_helper.to_array(i).astype(np.float32))
        for i in model.graph.initializer
        if i.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    }  # fmt: skip
    products = {node.output[0]: node.input[1] for node in model.graph.node if node.op_type == "MatMul"}
    for node in model.graph.node:
        for product, bias in (node.input, node.input[::-1]) if node.op_type == "Add" else ():
            if bias.endswith(".bias") and products.get(product) in found:
                found[bias.removeprefix("net.").removesuffix("bias") + "weight"] = found[products[product]].T
    try:
        inner, width = found["layers.0.think.weight"].shape
        layers, regressor = sum(name.endswith(".qkv.bias") for name in found), len(found["refine.0.bias"])
        size = (len(found["position"]), width, layers, about["heads"], inner, regressor)
        net = PoseBert(PoseBertConfig(*size, onward=about["onward"]))
        net.load_state_dict({name: found[name] for name in net.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{path} is no PoseBERT as this version writes it: {error}") from None
    return net.eval(), about


def example(windows: int = 3, frames: int = 9, asked: int = 2) -> tuple[torch.Tensor, ...]:
    """Inputs of the right shapes, in the order of INPUTS and SETTLE_INPUTS."""
    n, w = windows, frames
    shapes = ((n, w, FRAME_WIDTH), (n, w, MODES, MODE_WIDTH), (n, w), (n, w, 3), (n, WINDOW_WIDTH),
              (n, w, len(DIRECTIONS), 3), (n, w, 13), (n, asked, w), (n, asked, w), ())  # fmt: skip
    return tuple(torch.zeros(shape) for shape in shapes)


def to_onnx(net: PoseBert, path: Path, about: dict) -> None:
    """Write the network with free numbers of windows and frames, weights stored in half precision."""
    n = torch.export.Dim("windows", min=1, max=4096)
    w = torch.export.Dim("length", min=2, max=net.config.window)
    asked = torch.export.Dim("asked", min=0, max=4096)
    shapes: dict[str, dict] = {name: {0: n, 1: w} for name in (*INPUTS, *SETTLE_INPUTS)}
    shapes |= {"window": {0: n}, "calm": {0: n, 1: asked, 2: w}, "near": {0: n, 1: asked, 2: w}, "most": {}}
    program = torch.onnx.export(
        Exported(net), example(frames=min(9, net.config.window - 1)), input_names=[*INPUTS, *SETTLE_INPUTS],
        output_names=list(OUTPUTS), dynamic_shapes=shapes, dynamo=True, opset_version=20, verbose=False,
    )  # fmt: skip
    save_program(program, path, about)


def export(folder: Path, weights: Path, name: str, command: str, register: bool = True) -> dict:
    """Write `name`.onnx of a run, or of another such file, into `weights`, with its entry in the index; returns what
    the file says of itself."""
    if folder.suffix == ".onnx":
        net, old = load_exported(folder)
        command = old["command"]
    else:
        net = load_net(folder)
    about = {
        "kind": "posebert", "window": net.config.window, "rate": RATE, "bones": list(BODY_BONES),
        "measures": list(MEASURES), "modes": MODES, "heads": net.config.heads, "onward": net.config.onward,
        "settles": True, "command": command,
    }  # fmt: skip
    weights.mkdir(parents=True, exist_ok=True)
    to_onnx(net, weights / f"{name}.onnx", about)
    if register:
        source = "trained by this project on motion capture (CMU, HDM05 CC BY-SA 3.0, DeepMimic MIT), no photos"
        register_weight(weights / f"{name}.onnx", name, "Apache-2.0", source, command, weights)
    return about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the training run; or an exported .onnx file, to write it anew")
    parser.add_argument("--weights", type=Path, default=PACKAGE_WEIGHTS)
    parser.add_argument("--name", default=NAME)
    parser.add_argument("--command", default="runs/train_posebert.sh")
    parser.add_argument("--no-index", action="store_true", help="only the file, for comparisons")
    args = parser.parse_args()
    export(args.folder, args.weights, args.name, args.command, not args.no_index)
    print(f"{args.name}.onnx {(args.weights / f'{args.name}.onnx').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
