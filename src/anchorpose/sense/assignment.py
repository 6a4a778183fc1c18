"""One-to-one assignment with a limit: a pair that costs more than leaving both alone is not made."""

from __future__ import annotations

import numpy as np


def assign(cost: np.ndarray, limit: float) -> np.ndarray:
    """The one-to-one pairs with the greatest sum of (limit - cost); pairs at or above the limit are never made.

    Args:
        cost: (R, C); NaN or infinite where a pair is impossible.
        limit: what it costs to leave a row and a column alone.

    Returns:
        (R,) column of each row, -1 where it has none. The same costs give the same pairs, always.
    """
    gain = limit - np.where(np.isfinite(cost), cost, limit)
    out = np.full(len(cost), -1)
    possible = gain > 0
    if not possible.any():
        return out
    if (possible.sum(1) <= 1).all() and (possible.sum(0) <= 1).all():  # nobody competes
        rows, columns = np.nonzero(possible)
        out[rows] = columns
        return out
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.maximum(gain, 0.0), maximize=True)
    made = possible[rows, columns]
    out[rows[made]] = columns[made]
    return out
