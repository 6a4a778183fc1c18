"""One-to-one assignment with a limit."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.sense.assignment import assign


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_it_is_the_best_there_is(seed: int, rows: int, columns: int) -> None:
    """Against all ways to pair them, pairs at or above the limit left out."""
    cost = np.random.default_rng(seed).uniform(0, 2, (rows, columns))
    pick = assign(cost, 1.0)
    used = pick[pick >= 0]
    assert len(set(used)) == len(used)
    gain = sum(1 - cost[r, c] for r, c in enumerate(pick) if c >= 0)
    square = np.maximum(1 - np.pad(cost, ((0, 4 - rows), (0, 4 - columns)), constant_values=9), 0)
    best = max(square[np.arange(4), order].sum() for order in permutations(range(4)))
    assert gain == pytest.approx(best)
    assert all(cost[r, c] < 1 for r, c in enumerate(pick) if c >= 0)


def test_the_limit_is_what_it_costs_to_stay_alone() -> None:
    """Two cheap pairs are better than one very cheap and one impossible one."""
    cost = np.array([[0.1, 0.4], [0.5, 2.0]])
    assert assign(cost, 1.0).tolist() == [1, 0]
    assert assign(cost, 0.3).tolist() == [0, -1]


def test_what_is_impossible_is_not_done() -> None:
    """NaN and infinite costs, and nothing to pair."""
    assert assign(np.array([[np.nan, np.inf], [0.5, np.nan]]), 1.0).tolist() == [-1, 0]
    assert assign(np.zeros((0, 3)), 1.0).shape == (0,)
    assert assign(np.zeros((2, 0)), 1.0).tolist() == [-1, -1]
