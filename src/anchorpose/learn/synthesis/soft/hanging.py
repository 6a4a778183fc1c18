"""Weighted means of the rows of an array, compiled: what hangs on a body follows its vertices by them."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.soft.compiled import compiled


def mean_rows(values: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`plain.mean_rows`."""
    out = np.empty((len(rows), 3), np.float32)
    _mean_rows(np.ascontiguousarray(values, np.float32), rows, weights, out)
    return out


@compiled
def _mean_rows(values: np.ndarray, rows: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    for n in range(len(rows)):
        x = y = z = np.float32(0)
        for k in range(rows.shape[1]):
            row, weight = rows[n, k], np.float32(weights[n, k])
            x += weight * values[row, 0]
            y += weight * values[row, 1]
            z += weight * values[row, 2]
        out[n, 0], out[n, 1], out[n, 2] = x, y, z
