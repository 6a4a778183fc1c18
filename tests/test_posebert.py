"""The network: kinematics in torch, masks, modes in any order, ONNX, and that it learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from anchorpose.learn.export_posebert import Exported, load_exported, load_net, to_onnx
from anchorpose.learn.kinematics import (
    BodyPoints,
    components_first,
    components_last,
    matrix_to_sixd,
    sixd_to_matrix,
)
from anchorpose.learn.nets.aim import Aim
from anchorpose.learn.nets.posebert import PoseBert, PoseBertConfig, PoseBertLoss, metric
from anchorpose.poses import sixd
from anchorpose.poses.body_bones import BODY_BONES, body_points
from anchorpose.poses.errors import ModelError
from anchorpose.poses.motion_view import (
    INPUTS,
    SETTLE_INPUTS,
    MotionView,
    directions_of,
    motion_view,
    places_of,
    translations_of,
)
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.sense.models import PACKAGE_WEIGHTS, load_session, read_index
from toy_motion import FLIP, hide, toy_posebert_folder, toy_sequence, toy_truth, toy_world

SMALL = PoseBertConfig(24, 48, 2, 4, 96, 64)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def windows(count: int = 3, frames: int = 12, missing: tuple[int, ...] = ()) -> MotionView:
    parts = [hide(toy_sequence(frames, i), list(missing)) for i in range(count)]
    names = ("joints3d", "scores", "translation", "modes", "weights")
    return motion_view(*(np.stack([getattr(s, n) for s in parts]) for n in names), np.zeros((count, 9)))


def tensors(view: MotionView) -> list[torch.Tensor]:
    return [torch.from_numpy(view.inputs[name]) for name in INPUTS]


def lively(config: PoseBertConfig = SMALL) -> PoseBert:
    """A network in which everything that goes in reaches what comes out."""
    net = PoseBert(config).eval()
    for name, parameter in net.named_parameters():
        if name.startswith("refine"):
            torch.nn.init.normal_(parameter, std=0.1)
    return net


def test_kinematics_as_in_numpy() -> None:
    rng = np.random.default_rng(0)
    world = rotvec_to_matrix(rng.normal(0, 1, (2, 5, len(BODY_BONES), 3)))
    measures = rng.normal(0, 0.2, (2, 9))
    first = components_first(torch.from_numpy(world).float())
    found = BodyPoints()(first, torch.from_numpy(measures).float())
    np.testing.assert_allclose(found.permute(1, 2, 3, 0).numpy(), body_points(world, measures[:, None]), atol=2e-6)
    np.testing.assert_array_equal(components_last(first).numpy(), world.astype(np.float32))


def test_six_numbers_as_in_numpy() -> None:
    """There and back, and the same rotation as NumPy's for any six numbers."""
    rng = np.random.default_rng(1)
    world = rotvec_to_matrix(rng.normal(0, 1, (7, 3)))
    first = components_first(torch.from_numpy(world).float())
    six = matrix_to_sixd(first)
    np.testing.assert_allclose(six.T.numpy(), sixd.matrix_to_sixd(world), atol=1e-6)
    np.testing.assert_allclose(sixd_to_matrix(six).numpy(), first.numpy(), atol=1e-6)
    values = rng.normal(size=(7, 6))
    found = components_last(sixd_to_matrix(torch.from_numpy(values.T)))
    np.testing.assert_allclose(found.numpy(), sixd.sixd_to_matrix(values), atol=1e-6)


def test_places_in_metres_as_in_numpy() -> None:
    rng = np.random.default_rng(2)
    reference = np.array([[0.1, 0.2, 4.0], [-0.3, 0.0, 2.5]])
    places = rng.normal(0, 0.5, (2, 6, 3))
    turn = rotvec_to_matrix(rng.normal(size=(2, 3)))
    expected = translations_of(places, reference) @ turn.transpose(0, 2, 1)
    found = metric(*(torch.from_numpy(a) for a in (places, reference, turn)))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)


def test_estimates_start_where_the_limbs_point() -> None:
    """Untrained, every layer says the guess from the directions, the filled place and the measures that went in."""
    view = windows()
    layers = PoseBert(SMALL).refinements(*tensors(view), layers=range(SMALL.layers))
    guess = sixd_to_matrix(Aim()(torch.from_numpy(view.directions)))
    assert len(layers) == SMALL.layers
    net = lively()
    (last,), each = (net.refinements(*tensors(view), layers=k) for k in ((-1,), range(SMALL.layers)))
    torch.testing.assert_close(last.rotations, each[-1].rotations)
    assert (last.rotations - each[0].rotations).abs().max() > 1e-3
    for estimate in layers:
        torch.testing.assert_close(estimate.rotations, guess, atol=0.1, rtol=0)
        np.testing.assert_allclose(estimate.places.detach(), view.places, atol=0.05)
        np.testing.assert_allclose(estimate.measures.detach(), 0, atol=0.05)


def test_the_guess_has_the_joints_where_they_are() -> None:
    """Of a person of average build without noise the guess alone is near the truth; where a leg is never seen it hangs
    from the pelvis, and nothing at all is a person who stands upright."""
    joints = np.stack([toy_truth(12, i)[:, :13] for i in range(3)])
    joints = joints - joints[..., [4, 5, 10, 11], :].mean(-2, keepdims=True)

    def guess(seen: np.ndarray) -> np.ndarray:
        part = directions_of(np.nan_to_num(seen), np.isfinite(seen).all(-1)).astype(np.float32)
        world = components_last(sixd_to_matrix(Aim()(torch.from_numpy(part)))).numpy()
        np.testing.assert_allclose(world @ np.swapaxes(world, -1, -2), np.eye(3) + 0 * world, atol=1e-5)
        points = body_points(world, np.zeros(9))[..., :13, :]
        return points - points[..., [4, 5, 10, 11], :].mean(-2, keepdims=True)

    assert np.linalg.norm(guess(joints) - joints, axis=-1).mean() < 0.05
    lame = joints.copy()
    lame[..., [0, 1], :] = np.nan
    off = np.linalg.norm(guess(lame) - guess(joints), axis=-1)
    assert off[..., 2:].max() < 1e-6 and off[..., 0].max() > 0.02
    upright = guess(np.full((1, 4, 13, 3), np.nan))[0, 0]
    assert upright[12, 1] < upright[4, 1] < upright[0, 1] and upright[5, 0] > upright[4, 0]


def test_nothing_of_a_masked_frame_goes_in() -> None:
    """Whatever stands in a frame that is marked as missing, the answer is the same; in a frame that is not, it is
    another one."""
    net, inputs = lively(), tensors(windows())
    inputs[2][:, 4:7] = 0
    changed = [t.clone() for t in inputs]
    changed[0][:, 4:7], changed[1][:, 4:7] = 9.0, -9.0
    with torch.no_grad():
        for a, b in zip(net(*inputs), net(*changed), strict=True):
            torch.testing.assert_close(a, b)
        changed[0][:, 7] += 0.5
        assert (net(*changed)[0] - net(*inputs)[0]).abs().max() > 1e-3


def test_the_order_of_modes_says_nothing() -> None:
    net, inputs = lively(), tensors(windows())
    other = [inputs[0], inputs[1][:, :, [2, 0, 1]], *inputs[2:]]
    halved = [inputs[0], inputs[1] * torch.tensor([1.0] * 39 + [0.5]), *inputs[2:]]
    with torch.no_grad():
        torch.testing.assert_close(net(*other)[0], net(*inputs)[0], atol=1e-5, rtol=1e-4)
        assert (net(*halved)[0] - net(*inputs)[0]).abs().max() > 1e-3


def test_the_order_of_frames_says_something() -> None:
    net, inputs = lively(), tensors(windows())
    back = [t.flip(1) if t.dim() > 2 or t.shape[1] == 12 else t for t in inputs]
    with torch.no_grad():
        assert (net(*back)[0].flip(1) - net(*inputs)[0]).abs().max() > 1e-4


def batch_of(count: int, frames: int) -> dict[str, torch.Tensor]:
    """Windows with two frames missing, and their truth."""
    view = windows(count, frames, (3, 4))
    world = np.stack([FLIP @ toy_world(frames, i) for i in range(count)])
    centre = np.stack([toy_truth(frames, i)[:, [4, 5, 10, 11]].mean(1) for i in range(count)])
    truth = {
        "rotations": view.turn[:, None, None] @ world, "measures": np.zeros((count, 9)),
        "true_places": places_of(centre, view.reference), "turn": view.turn, "reference": view.reference,
        "placed": view.placed,
    }  # fmt: skip
    return {k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in (view.inputs | truth).items()}


def test_the_loss_is_nothing_for_the_truth() -> None:
    """A network that said the truth would have no loss; the terms add up with their weights."""
    batch, points, objective = batch_of(2, 8), BodyPoints(), PoseBertLoss()

    class Oracle(PoseBert):
        def refinements(self, *inputs: torch.Tensor, layers: Sequence[int] = (-1,), **more: torch.Tensor) -> list:
            from anchorpose.learn.nets.posebert import Estimate

            true = Estimate(components_first(batch["rotations"]), batch["true_places"], batch["measures"])
            return [true for _ in layers]

    terms = objective(Oracle(SMALL), points, batch)
    assert float(terms["loss"]) < 0.01 and float(terms["mm"]) < 0.5
    terms = {k: float(v.detach()) for k, v in objective(PoseBert(SMALL), points, batch).items()}
    total = sum(getattr(objective, k) * v for k, v in terms.items() if k not in ("loss", "mm"))
    assert terms["loss"] == pytest.approx(total, rel=1e-4) and terms["mm"] > 10


def test_a_micro_network_learns_a_handful_of_windows() -> None:
    """Four windows by heart, frames that were missing among them."""
    batch, points, objective = batch_of(4, 12), BodyPoints(), PoseBertLoss()
    net = PoseBert(SMALL)
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=0.0)
    first = float(objective(net, points, batch)["mm"].detach())
    for step in range(200):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, (200 - step) / 100)
        optimizer.zero_grad()
        objective(net, points, batch)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
    last = float(objective(net.eval(), points, batch)["mm"].detach())
    assert last < 25 and last < 0.15 * first


def settling(view: MotionView, asked: int) -> dict[str, np.ndarray]:
    """The network's inputs, and weights with which `asked` frames of each window settle."""
    n, w = view.present.shape
    weights = np.random.default_rng(0).dirichlet(np.ones(w), (2, n, asked)).astype(np.float32)
    there = (np.random.default_rng(1).random((n, w, 13)) < 0.8).astype(np.float32) * view.present[..., None]
    return view.inputs | dict(zip(SETTLE_INPUTS, (there, *weights, np.array(0.25, np.float32)), strict=True))


def both(net: PoseBert, session: object, inputs: dict[str, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What torch says and what the file says."""
    with torch.no_grad():
        ours = Exported(net)(*(torch.from_numpy(inputs[name]) for name in (*INPUTS, *SETTLE_INPUTS)))
    yield from zip((t.numpy() for t in ours), session.run(None, inputs), strict=True)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("count", "frames", "asked"), [(1, 2, 1), (3, 9, 0), (5, 16, 3)])
def test_onnx_says_what_torch_says(count: int, frames: int, asked: int) -> None:
    """Any number of windows and frames; half-precision storage is off by little."""
    folder = toy_posebert_folder()
    session, inputs = load_session(folder / "posebert.onnx", 1), settling(windows(count, frames, (1,)), asked)
    for mine, theirs in both(load_net(folder), session, inputs):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(theirs, mine, atol=5e-3)


def test_the_export_is_in_the_index() -> None:
    folder = toy_posebert_folder()
    entry = read_index(folder)["posebert"]
    assert entry.licence == "Apache-2.0" and "motion capture" in entry.source
    assert (folder / entry.file).stat().st_size == entry.bytes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("onward", [True, False])
def test_an_exported_network_can_be_read(tmp_path: Path, onward: bool) -> None:
    """With all its weights, but for half precision; another file is refused in words."""
    net = PoseBert(PoseBertConfig(12, 16, 2, 2, 24, 20, onward=onward))
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    to_onnx(net, tmp_path / "net.onnx", {"heads": 2, "onward": onward})
    read, _ = load_exported(tmp_path / "net.onnx")
    assert read.config == net.config
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)
    to_onnx(net, tmp_path / "other.onnx", {})
    with pytest.raises(ModelError, match="no PoseBERT as this version writes it"):
        load_exported(tmp_path / "other.onnx")


@pytest.mark.parametrize("name", ["posebert", "posebert_live"])
def test_an_exported_network_can_be_read_and_written_again(name: str) -> None:
    """The files that ship say the same in torch, from their stored weights, as in ONNX Runtime."""
    net, about = load_exported(PACKAGE_WEIGHTS / f"{name}.onnx")
    assert about["bones"] == list(BODY_BONES) and net.config.onward is (name == "posebert")
    for mine, theirs in both(net, load_session(name), settling(windows(2, 20), 2)):
        np.testing.assert_allclose(mine, theirs, atol=3e-5)
