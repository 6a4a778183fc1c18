"""Times of frames that rise, whatever a file says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_USUAL = 1 / 30


def rising_times(times: ArrayLike) -> NDArray[np.float64]:
    """Times [s] (T,) as they are where each is later than the one before; else, and where one is missing, the usual
    step later. The usual step is the median of those that rise, a thirtieth of a second if there is none."""
    given = np.array(times, np.float64).reshape(-1)
    steps = np.diff(given)
    rising = steps[np.isfinite(steps) & (steps > 0)]
    if len(given) and np.isfinite(given).all() and len(rising) == len(steps):
        return given
    usual = float(np.median(rising)) if rising.size else _USUAL
    last = -np.inf
    for k, time in enumerate(given.tolist()):
        if not (np.isfinite(time) and time > last):
            given[k] = last + usual if np.isfinite(last) else 0.0
        last = float(given[k])
    return given
