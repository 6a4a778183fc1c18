"""Chooses what runs the inner loops of the engine: compiled functions where the compiler is installed, else NumPy and
Pillow. Both give the same to rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from anchorpose.learn.synthesis import plain
from anchorpose.learn.synthesis.soft.compiled import can_compile
from anchorpose.poses.body import BodyModel, Posed, Shaped, pose_shaped


@dataclass(frozen=True)
class Loops:
    """The functions that there are in two ways.

    Attributes:
        pose: `poses.body.pose_shaped`.
        develop: `plain.develop`.
        mean_rows: `plain.mean_rows`.
        enlarged: `plain.resampled` where the box is no larger than the result.
    """

    pose: Callable[[BodyModel, Shaped, ArrayLike, ArrayLike], Posed]
    develop: Callable[[np.ndarray, float, np.ndarray, float, np.ndarray], np.ndarray]
    mean_rows: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    enlarged: Callable[[np.ndarray, tuple[float, float, float, float], int, int, bool], np.ndarray]


def plain_loops() -> Loops:
    """Those of NumPy and Pillow."""
    return Loops(pose_shaped, plain.develop, plain.mean_rows, plain.resampled)


def compiled_loops() -> Loops:
    """Those that are compiled when they are first called."""
    from anchorpose.learn.synthesis.soft.enlarging import enlarged
    from anchorpose.learn.synthesis.soft.film import develop
    from anchorpose.learn.synthesis.soft.hanging import mean_rows
    from anchorpose.learn.synthesis.soft.skinning import pose

    return Loops(pose, develop, mean_rows, enlarged)


@cache
def loops() -> Loops:
    """The faster ones that there are here."""
    return compiled_loops() if can_compile() else plain_loops()
