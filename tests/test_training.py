"""The training loop: schedule, average, checkpoints that are gone on with."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from anchorpose.learn import training
from anchorpose.learn.training import (
    Average,
    TrainConfig,
    faster_precision,
    load_checkpoint,
    save_checkpoint,
    schedule,
    steps_done,
    train,
)

Batch = tuple[Tensor, ...]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


class Clock:
    """Time that goes on by `step` seconds with each batch, so that runs do not depend on the machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: float) -> None:
        self.now, self.step = 100.0, step
        fake = SimpleNamespace(monotonic=lambda: self.now, perf_counter=lambda: self.now)
        monkeypatch.setattr(training, "time", fake)

    def batches(self, *batch: Tensor, stop_after: int | None = None) -> Iterator[Batch]:
        count = 0
        while stop_after is None or count < stop_after:
            count += 1
            self.now += self.step
            yield batch
        raise KeyboardInterrupt


def squared(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    x, y = batch
    loss = ((net(x) - y) ** 2).mean()
    return {"loss": loss, "half": loss / 2}


def line() -> Batch:
    """y = 2 x - 1."""
    x = torch.linspace(-1, 1, 32)[:, None]
    return x, 2 * x - 1


def rows(path: Path) -> list[dict[str, float]]:
    with path.open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@given(st.floats(0.01, 0.3))
def test_schedule(warmup: float) -> None:
    """The rate rises linearly to its highest value at the end of the warm-up, falls along a cosine, and ends at 0."""
    assert schedule(0, warmup) == pytest.approx(1e-3)
    assert schedule(warmup / 2, warmup) == pytest.approx(0.5)
    assert schedule(warmup, warmup) == pytest.approx(1)
    assert schedule((1 + warmup) / 2, warmup) == pytest.approx(0.5)
    assert schedule(1, warmup) == pytest.approx(0) and schedule(1.2, warmup) == pytest.approx(0)
    falling = [schedule(p, warmup) for p in np.linspace(warmup, 1, 50)]
    assert (np.diff(falling) < 0).all()
    assert schedule(0, 0) == 1


def test_average_follows_the_weights() -> None:
    """After many equal steps it is there; early it forgets faster than its decay; counters are copied as they are."""
    module = nn.BatchNorm1d(2)
    average = Average(module, 0.99)
    with torch.no_grad():
        module.weight.fill_(3.0)
        module.num_batches_tracked.fill_(7)
    average.update(module)
    # The first decay is 1 / 11.
    assert average.values["weight"][0].item() == pytest.approx(1 / 11 * 1 + 10 / 11 * 3)
    assert average.values["num_batches_tracked"].item() == 7
    for _ in range(50):
        average.update(module)
    assert average.values["weight"][0].item() == pytest.approx(3, abs=1e-3)
    late = Average(module, 0.5)
    late.steps = 1000
    with torch.no_grad():
        module.weight.fill_(5.0)
    late.update(module)
    assert late.values["weight"][0].item() == pytest.approx(4)
    assert module.weight[0].item() == 5  # the average does not write to the module


def _after_steps(count: int) -> tuple[nn.Module, Average, torch.optim.Optimizer]:
    module = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    average = Average(module, 0.9)
    optimizer = torch.optim.AdamW(module.parameters(), 0.01, fused=True)
    _steps(module, average, optimizer, count)
    return module, average, optimizer


def _steps(module: nn.Module, average: Average, optimizer: torch.optim.Optimizer, count: int) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        squared(module, line())["loss"].backward()
        optimizer.step()
        average.update(module)


def test_checkpoints_bring_everything_back(tmp_path: Path) -> None:
    """Weights, average, and the optimiser's moments and step: after loading, training goes on bit by bit as it
    would have."""
    module, average, optimizer = _after_steps(5)
    save_checkpoint(tmp_path / "c.safetensors", module, average, optimizer, {"seconds": 1.5, "step": 5})
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]
    other, other_average, other_optimizer = _after_steps(2)
    state = load_checkpoint(tmp_path / "c.safetensors", other, other_average, other_optimizer)
    assert state == {"seconds": 1.5, "step": 5}
    for some in ((module, average, optimizer), (other, other_average, other_optimizer)):
        _steps(*some, 4)
    for key, value in module.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])
        assert torch.equal(average.values[key], other_average.values[key])
    assert average.steps == other_average.steps == 9


def test_a_line_is_learned_and_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop minimises the loss within its budget, returns the averaged weights in eval mode, and writes its CSV
    with means of all terms, its configuration and the evaluations."""
    clock = Clock(monkeypatch, 0.2)
    config = TrainConfig(minutes=1, rate=0.05, average=0.9, save_every=0.25, log_every=50)
    evaluated = []

    def evaluate(net: nn.Module) -> dict[str, float]:
        assert not net.training and not torch.is_grad_enabled()
        evaluated.append({k: v.clone() for k, v in net.state_dict().items()})
        return {"error": float(squared(net, line())["loss"])}

    net = train(nn.Linear(1, 1), clock.batches(*line()), squared, config, tmp_path / "run", evaluate,
                settings={"k": 3, "path": tmp_path})  # fmt: skip
    assert isinstance(net, nn.Linear) and not net.training
    assert net.weight.item() == pytest.approx(2, abs=0.02) and net.bias.item() == pytest.approx(-1, abs=0.02)
    logged = rows(tmp_path / "run/train.csv")
    assert [row["step"] for row in logged] == [50, 100, 150, 200, 250, 300]
    assert list(logged[0]) == ["step", "minutes", "loss", "half"]
    assert logged[-1]["loss"] < 1e-3 < logged[0]["loss"]
    assert logged[0]["half"] == pytest.approx(logged[0]["loss"] / 2, rel=1e-4)
    measured = rows(tmp_path / "run/evaluate.csv")
    assert measured[-1]["step"] in (300, 301) and measured[-1]["error"] < 1e-3 and len(measured) >= 4
    assert torch.equal(net.weight, evaluated[-1]["weight"])  # what was measured is what is returned
    written = json.loads((tmp_path / "run/config.json").read_text())
    assert written["train"]["minutes"] == 1 and written["k"] == 3 and written["path"] == str(tmp_path)


def _stopped(tmp_path: Path, clock: Clock, config: TrainConfig, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(nn.Linear(1, 1), clock.batches(*line(), stop_after=after), squared, config, tmp_path)


def _saved(path: Path) -> dict[str, Any]:
    module = nn.Linear(1, 1)
    average = Average(module, 0.9)
    state = load_checkpoint(path, module, average, torch.optim.AdamW(module.parameters(), fused=True))
    return {"state": state, "weight": module.weight.detach().clone(), "average": average.values["weight"]}


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interruption the next run begins with the weights, the step and the time of the last checkpoint, and
    does not train for longer than the whole budget."""
    clock = Clock(monkeypatch, 0.5)
    config = TrainConfig(minutes=1, rate=0.01, save_every=0.25, log_every=1)
    assert steps_done(tmp_path) == 0
    _stopped(tmp_path, clock, config, after=70)
    saved = _saved(tmp_path / "checkpoint.safetensors")
    assert 30 < saved["state"]["step"] == steps_done(tmp_path) <= 70
    begun = {}

    def watched(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        if not begun:
            begun.update({k: v.clone() for k, v in net.state_dict().items()})
        return squared(net, batch)

    train(nn.Linear(1, 1), clock.batches(*line()), watched, config, tmp_path)
    assert torch.equal(begun["weight"], saved["weight"])
    steps = [row["step"] for row in rows(tmp_path / "train.csv")]
    assert steps[:70] == list(range(1, 71)) and steps[70] == saved["state"]["step"] + 1
    assert 118 <= steps[-1] <= 122  # two steps a second for a minute, with one step repeated or so
    assert _saved(tmp_path / "checkpoint.safetensors")["state"]["seconds"] == 60


def test_a_finished_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its budget spent, the same command gives the same weights at once; with resume=False it starts anew."""
    clock = Clock(monkeypatch, 1.0)
    config = TrainConfig(minutes=0.5, rate=0.01, log_every=1)
    first = train(nn.Linear(1, 1), clock.batches(*line()), squared, config, tmp_path)
    again = train(nn.Linear(1, 1), clock.batches(stop_after=0), squared, config, tmp_path)
    assert torch.equal(again.weight, first.weight)  # type: ignore[arg-type]
    assert len(rows(tmp_path / "train.csv")) == 30
    with pytest.raises(KeyboardInterrupt):
        train(nn.Linear(1, 1), clock.batches(stop_after=0), squared, config, tmp_path, resume=False)


def test_evaluation_leaves_training_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without evaluation in between, the trained weights are the same."""
    found = []
    for name, evaluate in (("a", None), ("b", lambda net: {"zero": 0.0})):
        torch.manual_seed(1)
        clock = Clock(monkeypatch, 1.0)
        config = TrainConfig(minutes=0.5, rate=0.01, save_every=0.1)
        net = train(nn.Linear(1, 1), clock.batches(*line()), squared, config, tmp_path / name, evaluate)
        found.append(net.weight)
    assert torch.equal(*found)  # type: ignore[arg-type]


def test_faster_precision_is_one_of_two() -> None:
    """On a CPU it is measured, on a GPU taken."""
    assert faster_precision("cpu", 64) in ("float32", "bfloat16")
    assert faster_precision("cuda") == "bfloat16"


def test_bfloat16_learns_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under autocast the weights stay float32 and the line is learned nearly as well."""
    clock = Clock(monkeypatch, 0.2)
    config = TrainConfig(minutes=1, rate=0.05, average=0.9, precision="bfloat16")
    net = train(nn.Linear(1, 1), clock.batches(*line()), squared, config, tmp_path)
    assert net.weight.dtype == torch.float32  # type: ignore[union-attr]
    assert net.weight.item() == pytest.approx(2, abs=0.1)  # type: ignore[operator,union-attr]
