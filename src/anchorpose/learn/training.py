"""A training loop for every network here: on CPU and GPU, within a budget of minutes, resumable.

The learning rate follows the budget, not a number of steps: the same command gives a finished model in five minutes
or in an hour. Weights are averaged (EMA) and the average is what is measured and kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        minutes: budget; the learning rate falls to zero at its end.
        steps: budget in steps in place of minutes, for comparisons; 0: minutes count.
        rate: highest learning rate; weight_decay: AdamW's.
        warmup: share of the budget in which the rate rises.
        average: decay of the weights' running average, per step.
        clip: largest norm of the gradient.
        precision: "float32" or "bfloat16" (autocast); time both on a CPU first, see `faster_precision`.
        save_every, log_every: minutes between checkpoints, steps between lines of the CSV.
        device: "cpu" or "cuda".
    """

    minutes: float = 5.0
    steps: int = 0
    rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.02
    average: float = 0.999
    clip: float = 1.0
    precision: str = "float32"
    save_every: float = 2.0
    log_every: int = 100
    device: str = "cpu"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every training command has; a budget of minutes is its own to give."""
    parser.add_argument("--steps", type=int, default=0, help="budget in steps in place of minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--threads", type=int, default=0, help="of the network on a CPU; 0: all")
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches; 0: none but this one")
    parser.add_argument("--corpus", type=Path, help="a saved corpus, in place of the data folder")


def prepare(args: argparse.Namespace) -> str:
    """Threads and seed of `add_arguments` take effect; returns the precision to train in."""
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return faster_precision(args.device) if args.precision == "auto" else str(args.precision)


def faster_precision(device: str = "cpu", size: int = 1024) -> str:
    """bfloat16 where it is the faster on this machine, else float32: it is twice as fast on processors with matrix
    units for it and ten times slower on others."""
    if device != "cpu":
        return "bfloat16"
    times = {}
    for name in ("float32", "bfloat16"):
        a = torch.ones(size, size, dtype=getattr(torch, name))
        a @ a
        start = time.perf_counter()
        for _ in range(3):
            a @ a
        times[name] = time.perf_counter() - start
    return min(times, key=lambda name: times[name])


class Average:
    """Exponential running average of a module's parameters, warmed up so that early weights are forgotten."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.values = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        mine, theirs = [], []
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                mine.append(self.values[key])
                theirs.append(value)
            else:
                self.values[key].copy_(value)
        torch._foreach_lerp_(mine, theirs, 1 - decay)


def schedule(progress: float, warmup: float) -> float:
    """Factor of the learning rate at a share of the budget: linear warm-up, then cosine to zero."""
    if progress < warmup:
        return max(progress / warmup, 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


def save_checkpoint(path: Path, module: nn.Module, average: Average, optimizer: Any, state: dict[str, Any]) -> None:
    """Weights, their average and the optimiser's moments as safetensors, replaced in one move."""
    tensors = {f"model.{k}": v for k, v in module.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.values.items()}
    for i, slot in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": torch.as_tensor(v) for k, v in slot.items()}
    temporary = path.with_suffix(".partial")
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, temporary,
              {"state": json.dumps(state)})  # fmt: skip
    temporary.replace(path)


def load_checkpoint(path: Path, module: nn.Module, average: Average, optimizer: Any) -> dict[str, Any]:
    """Put back what `save_checkpoint` wrote; returns its state."""
    from safetensors import safe_open

    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        state: dict[str, Any] = json.loads(file.metadata()["state"])

    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    module.load_state_dict(part("model."))
    average.values = {k: v.clone().to(average.values[k].device) for k, v in part("average.").items()}
    average.steps = state["step"]
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimizer.").items():
        number, name = key.split(".", 1)
        slots.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
    return state


def steps_done(folder: Path) -> int:
    """Steps of an unfinished run in `folder`, 0 if there is none: with the seed, what the next batches are drawn by."""
    from safetensors import safe_open

    path = folder / "checkpoint.safetensors"
    if not path.exists():
        return 0
    with safe_open(path, "pt") as file:
        return int(json.loads(file.metadata()["state"])["step"])


def train(
    module: nn.Module,
    batches: Iterator[tuple[Tensor, ...]],
    loss: Callable[[nn.Module, tuple[Tensor, ...]], dict[str, Tensor]],
    config: TrainConfig,
    folder: Path,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    resume: bool = True,
    settings: dict[str, Any] | None = None,
) -> nn.Module:
    """Train within the budget; returns the module with the averaged weights.

    Args:
        batches: endless iterator of tensors on the CPU.
        loss: (module, batch) to terms; "loss" is minimised.
        folder: gets checkpoint.safetensors, train.csv, config.json; with `resume` an unfinished run there goes on.
        evaluate: measured at each checkpoint on the averaged weights and written to the CSV.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module.to(config.device)
    optimizer = torch.optim.AdamW(module.parameters(), config.rate, weight_decay=config.weight_decay, fused=True)
    average = Average(module, config.average)
    checkpoint = folder / "checkpoint.safetensors"
    spent, step = 0.0, 0
    if resume and checkpoint.exists():
        state = load_checkpoint(checkpoint, module, average, optimizer)
        spent, step = state["seconds"], state["step"]
    described = {"train": asdict(config), **(settings or {})}
    (folder / "config.json").write_text(json.dumps(described, indent=1, default=str))
    budget, started, saved = config.minutes * 60, time.monotonic() - spent, spent
    autocast = torch.autocast(config.device, torch.bfloat16, enabled=config.precision == "bfloat16")
    sums: dict[str, float] = {}
    with tqdm(total=round(budget), initial=round(spent), unit="s", desc=folder.name) as bar:
        while True:
            elapsed = time.monotonic() - started
            progress = step / config.steps if config.steps else elapsed / budget
            if progress >= 1:
                break
            for group in optimizer.param_groups:
                group["lr"] = config.rate * schedule(progress, config.warmup)
            batch = tuple(t.to(config.device, non_blocking=True) for t in next(batches))
            with autocast:
                terms = loss(module, batch)
            optimizer.zero_grad(set_to_none=True)
            terms["loss"].backward()
            nn.utils.clip_grad_norm_(module.parameters(), config.clip)
            optimizer.step()
            average.update(module)
            step += 1
            for key, value in terms.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
            bar.n = min(round(progress * budget), bar.total)
            if step % config.log_every == 0:
                row = {k: v / config.log_every for k, v in sums.items()}
                _log(folder / "train.csv", {"step": step, "minutes": elapsed / 60, **row})
                bar.set_postfix({"step": step, **{k: f"{v:.3f}" for k, v in row.items()}})
                sums = {}
            if elapsed - saved > config.save_every * 60:
                save_checkpoint(checkpoint, module, average, optimizer, {"seconds": elapsed, "step": step})
                saved = time.monotonic() - started
                if evaluate:
                    _measure(module, average, evaluate, folder, step, elapsed)
    save_checkpoint(checkpoint, module, average, optimizer, {"seconds": elapsed, "step": step})
    if evaluate:
        _measure(module, average, evaluate, folder, step, elapsed)
    module.load_state_dict(average.values)
    return module.eval()


def _measure(
    module: nn.Module, average: Average, evaluate: Callable[[nn.Module], dict[str, float]], folder: Path, step: int,
    seconds: float,
) -> None:  # fmt: skip
    """Evaluate the averaged weights and put the working ones back."""
    working = {k: v.clone() for k, v in module.state_dict().items()}
    module.load_state_dict(average.values)
    module.eval()
    with torch.no_grad():
        row = evaluate(module)
    module.load_state_dict(working)
    module.train()
    _log(folder / "evaluate.csv", {"step": step, "minutes": seconds / 60, **row})


def _log(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(row)
        writer.writerow([f"{v:.6g}" for v in row.values()])
