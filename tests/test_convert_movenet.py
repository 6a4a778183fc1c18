"""Cutting a network at its heads: a micro graph of the published one's form, and the file that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from anchorpose.learn.convert_movenet import (  # noqa: E402
    CHANNELS,
    HEADS,
    convert,
    cut_at_heads,
    halve_storage,
    published_decode,
)
from anchorpose.sense.models import load_session, model_path  # noqa: E402
from anchorpose.sense.movenet import BIAS, CELL, decode  # noqa: E402
from test_movenet import crowd, draw, empty_maps, finished  # noqa: E402

SCALE = np.float32(np.float16(2 / 255))


def micro_graph(path: Path, mean: float = 0.0) -> Path:
    """Stem, two convolutions of stride 2, one Resize there and back, six heads, and a decoder that is to go."""
    rng = np.random.default_rng(0)
    constants = {
        "Part/Reshape:0": np.full((1, 1, 1, 3), mean, np.float32),
        "Part/truediv:0": np.full((1, 1, 1, 3), SCALE, np.float32),
        "Part/sub_1/y:0": np.array(1, np.float32),
        "first": rng.normal(0, 0.3, (8, 3, 2, 2)).astype(np.float16).astype(np.float32),
        "second": rng.normal(0, 0.3, (8, 8, 2, 2)).astype(np.float16).astype(np.float32),
        "third": rng.normal(0, 0.3, (8, 8, 2, 2)).astype(np.float16).astype(np.float32),
        "none": np.zeros(0, np.float32),
        "two": np.array([1, 1, 2, 2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["input"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["cast", "Part/Reshape:0"], ["less"]),
        helper.make_node("Mul", ["less", "Part/truediv:0"], ["times"]),
        helper.make_node("Sub", ["times", "Part/sub_1/y:0"], ["pixels"]),
        helper.make_node("Transpose", ["pixels"], ["planes_"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes_", "first"], ["half"], strides=[2, 2], kernel_shape=[2, 2]),
        helper.make_node("Conv", ["half", "second"], ["quarter"], strides=[2, 2], kernel_shape=[2, 2]),
        helper.make_node("Conv", ["quarter", "third"], ["eighth"], strides=[2, 2], kernel_shape=[2, 2]),
        helper.make_node("Shape", ["eighth"], ["shape"]),
        helper.make_node("Mul", ["shape", "two"], ["twice_shape"]),
        helper.make_node("Resize", ["eighth", "none", "none", "twice_shape"], ["up"], mode="linear"),
        helper.make_node("Add", ["up", "quarter"], ["body"]),
    ]
    for name, end in HEADS.items():
        constants[f"Part/{end}"] = rng.normal(0, 0.3, (CHANNELS[name], 8, 1, 1)).astype(np.float16).astype(np.float32)
        nodes.append(helper.make_node("Conv", ["body", f"Part/{end}"], [f"Part/{name}_out"], kernel_shape=[1, 1]))
    nodes.append(helper.make_node("ArgMax", ["Part/center_out"], ["decoded"]))
    graph = helper.make_graph(
        nodes,
        "micro",
        [helper.make_tensor_value_info("input", TensorProto.INT32, [1, "h", "w", 3])],
        [helper.make_tensor_value_info("decoded", TensorProto.INT64, None)]
        + [helper.make_tensor_value_info(f"Part/{name}_out", TensorProto.FLOAT, None) for name in HEADS],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def test_the_heads_give_what_they_gave_before_the_cut(tmp_path: Path) -> None:
    source = micro_graph(tmp_path / "whole.onnx")
    onnx.save(convert(source), str(tmp_path / "cut.onnx"))
    image = np.random.default_rng(1).integers(0, 256, (1, 32, 64, 3), dtype=np.uint8)
    names = [f"Part/{name}_out" for name in HEADS]
    before = load_session(source, 1).run(names, {"input": image.astype(np.int32)})
    after = load_session(tmp_path / "cut.onnx", 1).run(list(HEADS), {"image": image})
    for name, was, now in zip(HEADS, before, after, strict=True):
        expected = 1 / (1 + np.exp(-was)) if name in ("center", "heatmap") else was
        np.testing.assert_allclose(now, expected, atol=1e-5, err_msg=name)
        assert now.shape == (1, CHANNELS[name], 8, 16)


def test_nothing_of_the_decoder_is_left_and_sizes_are_free(tmp_path: Path) -> None:
    cut = convert(micro_graph(tmp_path / "whole.onnx"))
    kinds = {node.op_type for node in cut.graph.node}
    assert not kinds & {"ArgMax", "Shape", "Gather", "GatherND", "TopK"}
    onnx.save(cut, str(tmp_path / "cut.onnx"))
    session = load_session(tmp_path / "cut.onnx", 1)
    for shape in ((1, 32, 32, 3), (3, 64, 96, 3)):
        assert session.run(["regress"], {"image": np.zeros(shape, np.uint8)})[0].shape == (
            shape[0], 34, shape[1] // 4, shape[2] // 4
        )  # fmt: skip


def test_the_result_does_not_depend_on_the_order_of_the_source(tmp_path: Path) -> None:
    source = micro_graph(tmp_path / "whole.onnx")
    first = convert(source).SerializeToString(deterministic=True)
    model = onnx.load(str(source))
    tensors = list(model.graph.initializer)[::-1]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    onnx.save(model, str(source))
    assert convert(source).SerializeToString(deterministic=True) == first


def test_half_precision_is_only_taken_where_nothing_is_lost(tmp_path: Path) -> None:
    cut = cut_at_heads(onnx.load(str(micro_graph(tmp_path / "whole.onnx"))))
    odd = next(tensor for tensor in cut.graph.initializer if tensor.name == "second")
    values = numpy_helper.to_array(odd).copy()
    values[0, 0, 0, 0] = 1 + 2**-20
    odd.CopyFrom(numpy_helper.from_array(values, "second"))
    stored = {tensor.name: tensor.data_type for tensor in halve_storage(cut).graph.initializer}
    assert stored["second"] == TensorProto.FLOAT
    assert stored["third_half"] == TensorProto.FLOAT16 and "third" not in stored


def test_another_graph_is_refused(tmp_path: Path) -> None:
    source = micro_graph(tmp_path / "whole.onnx", mean=3.0)
    with pytest.raises(ValueError, match="no mean for all channels"):
        convert(source)
    model = onnx.load(str(micro_graph(tmp_path / "whole.onnx")))
    for node in model.graph.node:
        node.input[:] = [name.replace("conv2d_4", "conv2d_44") for name in node.input]
    with pytest.raises(ValueError, match=r"center_0/conv2d_4.*not the MultiPose graph"):
        cut_at_heads(model)


def test_the_published_decoder_agrees_with_ours_on_clear_people() -> None:
    maps = empty_maps(64, 96)
    for joints in crowd(4, 5):
        draw(maps, joints)
    ours, published = decode(finished(maps)), published_decode(maps)
    found = published[published[:, 55] > 0.3]
    assert len(found) == len(ours) == 5
    theirs = found[:, :51].reshape(5, 17, 3)[..., 1::-1] * (96, 64)
    mine = (ours.joints - BIAS) / CELL
    for person in theirs:
        assert np.abs(mine - person).max((1, 2)).min() < 1e-3
    boxes = found[:, [52, 51, 54, 53]] * (96, 64, 96, 64)
    for box in boxes:
        assert np.abs((ours.boxes - BIAS) / CELL - box).max(1).min() < 1e-3


def test_what_ships_is_made_of_standard_operators_and_half_precision() -> None:
    model = onnx.load(str(model_path("movenet_multipose")))
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 16)]
    kinds = {node.op_type for node in model.graph.node}
    assert kinds == {
        "Add", "Cast", "Clip", "Conv", "Equal", "MaxPool", "Mul", "Relu", "Resize", "Sigmoid", "Sub", "Transpose",
        "Where",
    }  # fmt: skip
    sizes = {kind: 0 for kind in (TensorProto.FLOAT, TensorProto.FLOAT16)}
    for tensor in model.graph.initializer:
        sizes[tensor.data_type] += int(np.prod(tensor.dims))
    assert sizes[TensorProto.FLOAT16] > 1000 * sizes[TensorProto.FLOAT]
    assert [output.name for output in model.graph.output] == list(CHANNELS)
