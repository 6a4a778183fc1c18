"""From a checkpoint to the file that ships: ONNX against torch, half-precision storage, calibration."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper

from anchorpose.learn.export_lift import Exported, best_temperature, class_spreads, run
from anchorpose.poses.lifting import INPUT_WIDTH
from anchorpose.sense.lift import load_anchors
from anchorpose.sense.models import load_session, model_path
from anchorpose.sense.modes import ModeSettings, softmax
from conftest import TinyLift


def features(n: int, seed: int = 0) -> np.ndarray:
    """Like those of people: coordinates about 1, scores between 0 and 1."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(n, 28)), rng.random((n, 14)), rng.normal(size=(n, 1))
    return np.concatenate(parts, 1).astype(np.float32)


@pytest.mark.parametrize("n", [1, 3, 8])
def test_onnx_computes_what_torch_computes(tiny_lift: TinyLift, n: int) -> None:
    """At any batch size, logits (temperature folded in) and poses agree within what half-precision storage costs."""
    session = load_session(tiny_lift.onnx, threads=1)
    logits, poses = session.run(["logits", "poses"], {"features": features(n)})
    net = Exported(tiny_lift.net, tiny_lift.temperature)
    expected_logits, expected_poses = run(net, features(n))
    assert logits.shape == (n, 6) and poses.shape == (n, 6, 13, 3)
    assert np.ptp(expected_logits) > 0.5  # something to compare
    np.testing.assert_allclose(logits, expected_logits, atol=5e-3)
    np.testing.assert_allclose(poses, expected_poses, atol=2e-3)


def test_weights_are_stored_in_half_precision(tiny_lift: TinyLift) -> None:
    """Large weights are float16 and cast where they are used; they are torch's weights, rounded; the file is small."""
    model = onnx.load(tiny_lift.onnx)
    halves = {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT16}
    assert halves and all(np.prod(t.dims) >= 1024 for t in halves.values())
    singles = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT]
    assert all(np.prod(t.dims) < 1024 for t in singles)
    casts = {node.input[0]: node for node in model.graph.node if node.op_type == "Cast"}
    assert set(halves) <= set(casts)
    for weight in (tiny_lift.net.stem.weight, tiny_lift.net.regress.weight):
        rounded = weight.detach().half().numpy()
        stored = [numpy_helper.to_array(t) for t in halves.values()]
        assert any(s.shape in (rounded.shape, rounded.T.shape) and
                   (np.array_equal(s, rounded) or np.array_equal(s, rounded.T)) for s in stored)  # fmt: skip
    total = sum(p.numel() for p in tiny_lift.net.parameters())
    assert tiny_lift.onnx.stat().st_size < 3 * total + 12_000


def test_the_file_says_what_it_is(tiny_lift: TinyLift) -> None:
    """Metadata hold the anchors' name, mirror, spreads, modes and temperature; no paths of the machine travel along."""
    model = onnx.load(tiny_lift.onnx)
    about = json.loads({p.key: p.value for p in model.metadata_props}["anchorpose"])
    assert about == tiny_lift.about
    assert about["anchors"] == "tiny6" and sorted(about["mirror"]) == list(range(6))
    assert np.shape(about["spread"]) == (6, 13) and np.min(about["spread"]) > 0
    settings = ModeSettings(**about["modes"])
    assert 0.1 <= settings.power <= 3 and replace(settings, power=1.0) == ModeSettings()
    assert about["temperature"] == tiny_lift.temperature and about["class_temperature"] > 0
    content = tiny_lift.onnx.read_bytes()
    for trace in (b"site-packages", b"/tmp/", b"anchorpose/learn", b"stack_trace"):
        assert trace not in content
    assert [i.name for i in model.graph.input] == ["features"]
    assert model.graph.input[0].type.tensor_type.shape.dim[1].dim_value == INPUT_WIDTH


def test_the_index_leads_to_it(with_tiny_lift: TinyLift) -> None:
    """Network and anchors are registered with their checksums, and load under their names."""
    assert model_path("lift") == with_tiny_lift.onnx
    assert load_session("lift", 1).get_inputs()[0].name == "features"
    anchors = load_anchors()
    assert anchors.name == "tiny6" and len(anchors) == 6
    np.testing.assert_allclose(anchors.joints3d, with_tiny_lift.net.anchors, atol=1e-6)


def test_temperature_divides_the_logits(tiny_lift: TinyLift) -> None:
    """And leaves the poses alone."""
    x = features(4)
    cold, hot = run(Exported(tiny_lift.net, 1.0), x), run(Exported(tiny_lift.net, 2.0), x)
    np.testing.assert_allclose(hot[0], cold[0] / 2, rtol=1e-6)
    np.testing.assert_array_equal(hot[1], cold[1])


@pytest.mark.parametrize("sharpness", [0.7, 1.0, 2.0])
def test_best_temperature_mends_sharpened_logits(sharpness: float) -> None:
    """Logits that are `sharpness` times too large are found out, since the modes then promise too much; one mode
    alone, that always comes true, is not preferred."""
    rng = np.random.default_rng(0)
    n = 4000
    true = rng.normal(0, 1.5, (n, 2))
    came = (rng.random(n) < softmax(true)[:, 1]).astype(int)
    poses = np.stack([np.zeros((n, 1, 3)), np.ones((n, 1, 3))], 1)  # a joint will do
    target = poses[np.arange(n), came]
    found = best_temperature(sharpness * true, poses, target, np.full((2, 1), 0.05))
    assert found == pytest.approx(sharpness)


def test_class_spreads_are_root_mean_squares_held_by_the_mean() -> None:
    """A class met often has its own spread; one never met has that of all."""
    rng = np.random.default_rng(0)
    nearest = np.repeat([0, 1], [3000, 3000])
    deviation = np.where(nearest == 0, 0.02, 0.1)[:, None, None]
    target = np.zeros((6000, 13, 3))
    poses = np.repeat((target + deviation * rng.normal(size=(6000, 13, 3)))[:, None], 3, 1)
    spread = class_spreads(poses, target, nearest, 3)
    assert spread.shape == (3, 13)
    np.testing.assert_allclose(spread[0], np.sqrt(3) * 0.02, rtol=0.2)
    np.testing.assert_allclose(spread[1], np.sqrt(3) * 0.1, rtol=0.05)
    np.testing.assert_allclose(spread[2], np.sqrt(3 * (0.02**2 + 0.1**2) / 2), rtol=0.05)


def test_run_splits_large_batches(tiny_lift: TinyLift) -> None:
    """More rows than one piece holds give the same as row by row."""
    x = features(1030)
    logits, poses = run(tiny_lift.net, x)
    assert logits.shape == (1030, 6) and poses.shape == (1030, 6, 13, 3)
    with torch.no_grad():
        last = tiny_lift.net(torch.from_numpy(x[-1:]))
    np.testing.assert_allclose(logits[-1:], last[0].numpy(), atol=1e-5)
