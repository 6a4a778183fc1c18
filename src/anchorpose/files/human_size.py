"""Are these people of people's size? A wrong unit of length shows in the length of their legs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.rigs import detect_rig
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13

Array = NDArray[np.float64]
Parts = Sequence[tuple[tuple[str, ...], Array]]
"""Names (J) and places (T, J, 3) of the points of each person."""

LEGS = (0.3, 1.3)
"""Hip to ankle [m]: from children who begin to walk to more than anybody has."""
USUAL_LEG = 0.82
"""The same of adults [m]."""
SCALES = (1.0, 0.01, 0.001, 0.0254, 0.056444)
"""Metres per unit: metre, centimetre, millimetre, inch, and that of CMU's database, 1/0.45 inch."""

_OURS = (
    *(tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle")) for side in "rl"),
    *(tuple(f"{bone}.{side}" for bone in ("upperleg01", "lowerleg01", "foot")) for side in "RL"),
)
"""Hip, knee and ankle in the names of our skeletons and of our bones."""


def leg_length(names: Sequence[str], positions: Array) -> float:
    """Median length of the legs, hip to knee to ankle, in the unit of `positions` (T, J, 3); NaN if there are none."""
    legs = [np.linalg.norm(np.diff(positions[:, leg], axis=1), axis=-1).sum(1) for leg in _legs(names)]
    known = np.concatenate(legs) if legs else np.empty(0)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if known.size else math.nan


def _legs(names: Sequence[str]) -> list[list[int]]:
    """Places of hip, knee and ankle of each leg, as far as they are known: of our skeletons, or of a known rig."""
    legs = _OURS
    if not any(set(names).issuperset(leg) for leg in legs):
        try:
            rig = detect_rig(names)
        except InputError:  # markers, or a figure of which only the joints are known
            return []
        names = rig.spelled(names)
        legs = tuple(tuple(rig.body[BODY13.index(name)] for name in leg) for leg in _OURS[:2])
    return [[names.index(name) for name in leg] for leg in legs if set(names).issuperset(leg)]


def likely_scale(leg: float) -> float:
    """The usual metres per unit with which a leg of so many units is nearest to an adult's."""
    return min(SCALES, key=lambda scale: abs(math.log(max(leg, 1e-12) * scale / USUAL_LEG)))


def check_size(
    path: Path,
    people: Parts,
    scale: float | None,
    in_units: Callable[[], Parts],
    warn: Callable[[str], object] | None = None,
) -> None:
    """InputError where people are of nobody's size and a usual unit makes them people's; the message names it.

    Where no usual unit does, or where the user has said the unit himself, `warn` is told instead. Where no legs are
    known nothing is said. Of several people the middle one counts.

    Args:
        people: in metres. scale: metres per unit that were asked for, None if the file or its format says them.
        in_units: reads them in the units of the file, to tell which scale would fit.
    """
    leg = _middle(people)
    if math.isnan(leg) or LEGS[0] <= leg <= LEGS[1]:
        return
    units = _middle(in_units())
    unit = scale or (leg / units if units > 0 else 1.0)
    best = likely_scale(units)
    fits = LEGS[0] <= units * best <= LEGS[1]
    hint = (
        f"with --scale {best:g} they would have {units * best:.2f} m" if fits else "no usual unit makes them people's"
    )
    line = (
        f"{path}: legs of {leg:.3g} m, where people have {LEGS[0]:g} to {LEGS[1]:g} m from hip to ankle: "
        f"is its unit {unit:.5g} m? {hint[0].upper()}{hint[1:]}"
    )
    if fits and scale is None:
        raise InputError(line)
    if warn:
        warn(line)


def _middle(people: Parts) -> float:
    legs = [leg for names, positions in people if not math.isnan(leg := leg_length(names, positions))]
    return float(np.median(legs)) if legs else math.nan
