"""Timing of several contenders beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# Networks of others keep their threads waiting for a while after a call; the next contender should not pay for that.
_REST = 0.005

Call = Callable[[], Any]


def take_turns(
    calls: Mapping[str, Call], rounds: int, warm_up: int = 2, progress: str = "", rest: float = _REST
) -> dict[str, np.ndarray]:
    """Milliseconds (rounds,) of each call: every round runs all of them, in an order that turns, with a rest [s] before
    each."""
    from tqdm import tqdm

    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    for number_ in tqdm(range(-warm_up, rounds), desc=progress, disable=not progress, unit="round"):
        shift = number_ % len(names)
        for name in names[shift:] + names[:shift]:
            time.sleep(rest)
            start = time.perf_counter()
            calls[name]()
            if number_ >= 0:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: np.array(values) for name, values in times.items()}


def ratio(times: np.ndarray, reference: np.ndarray | None) -> float | None:
    """Median over the rounds of the ratio within each."""
    return None if reference is None else float(np.median(times / reference))
