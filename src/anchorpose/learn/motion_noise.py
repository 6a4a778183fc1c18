"""What is done to windows of poses before a motion model sees them, beyond what the front end did already.

Masked frames, singly and in blocks; joints that shake or are missing; legs and arms that swap sides for several frames;
poses replaced by others; wrong depth and scale; modes, scores or places that are not there. Every function changes
`Windows` in place and draws from the generator it is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from anchorpose.poses.skeletons import BODY13

Array = NDArray[np.float64]

_SIDES = {
    part: [[BODY13.index(f"{s}_{joint}") for joint in joints] for s in "rl"]
    for part, joints in (("legs", ("hip", "knee", "ankle")), ("arms", ("shoulder", "elbow", "wrist")))
}
_TORSO = [BODY13.index(n) for n in ("r_hip", "l_hip", "r_shoulder", "l_shoulder")]


@dataclass(eq=False)
class Windows:
    """N windows of L frames in the camera's axes, as `poses.motion_view.motion_view` takes them, to be changed.

    joints (N, L, 13, 3) about the torso, scores (N, L, 13), translation (N, L, 3), modes (N, L, M, 13, 3),
    weights (N, L, M), measures (N, 9). A frame without joints is missing.
    """

    joints: Array
    scores: Array
    translation: Array
    modes: Array
    weights: Array
    measures: Array

    @property
    def shape(self) -> tuple[int, int]:
        n, length = self.joints.shape[:2]
        return n, length

    def drop(self, missing: NDArray[np.bool_]) -> None:
        """Make frames (N, L) missing."""
        self.joints[missing] = self.translation[missing] = self.modes[missing] = np.nan
        self.scores[missing] = self.weights[missing] = 0.0

    def only_joints(self, rows: NDArray[np.bool_]) -> None:
        """In windows (N,) the pose itself becomes its only mode."""
        self.modes[rows, :, 1:], self.weights[rows, :, 1:] = np.nan, 0.0
        self.modes[rows, :, 0] = self.joints[rows]
        self.weights[rows, :, 0] = np.isfinite(self.joints[rows]).all(-1).any(-1)


@dataclass(frozen=True)
class Corruption:
    """How much is done. Shares of windows unless said otherwise.

    Attributes:
        single: highest share of frames masked one by one, drawn for each window.
        blocks: mean number of blocks masked in a window; block: longest, as a share of the window.
        ends: windows whose beginning or end is missing; sparse: windows of which only every 2nd to 4th frame is there.
        jitter: highest deviation [m] of joints that shake, in addition; shaken: windows.
        joints: windows in which joints are missing for a while. swaps: in which legs or arms change sides for a while.
        replaced: share of frames whose pose is another.
        scale: deviation of the logarithm of the size. depth: of that of the depth, for a window.
        blind: scores that say nothing. no_modes, no_places: modes or places not given.
        measures: deviation of the logarithms of the measures.
    """

    single: float = 0.2
    blocks: float = 0.8
    block: float = 0.45
    ends: float = 0.25
    sparse: float = 0.08
    jitter: float = 0.03
    shaken: float = 0.3
    joints: float = 0.12
    swaps: float = 0.12
    replaced: float = 0.02
    scale: float = 0.03
    depth: float = 0.05
    blind: float = 0.12
    no_modes: float = 0.25
    no_places: float = 0.15
    measures: float = 0.03


NOTHING = Corruption(*[0.0] * len(Corruption.__dataclass_fields__))


def corrupt(windows: Windows, amount: Corruption, rng: np.random.Generator) -> None:
    """All of it, in the order in which it happens: the pose, what is known of it, what is seen at all."""
    n, length = windows.shape
    _replace(windows, amount.replaced, rng)
    _swap(windows, amount.swaps, rng)
    shaken = rng.random(n) < amount.shaken
    shake(windows, np.where(shaken, rng.uniform(0, amount.jitter, n), 0.0), rng)
    _scale(windows, amount, rng)
    _lose_joints(windows, amount.joints, rng)
    windows.only_joints(rng.random(n) < amount.no_modes)
    windows.translation[rng.random(n) < amount.no_places] = np.nan
    blind = rng.random(n) < amount.blind
    windows.scores[blind] = np.where(windows.scores[blind] > 0, 1.0, 0.0)
    windows.measures += rng.normal(0, 1, windows.measures.shape) * amount.measures
    windows.drop(masks(n, length, amount, rng))


def masks(n: int, length: int, amount: Corruption, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(N, L) frames to hide; every window keeps at least one."""
    index = np.arange(length)
    out = rng.random((n, length)) < rng.uniform(0, amount.single, (n, 1))
    longest = max(1, round(amount.block * length))
    for row, count in enumerate(rng.poisson(amount.blocks, n)):
        for _ in range(min(count, 4)):
            size = int(rng.integers(1, longest + 1))
            start = int(rng.integers(-size + 1, length))
            out[row, max(start, 0) : start + size] = True
    cut = rng.random(n) < amount.ends
    away = rng.integers(1, max(2, round(0.75 * length)), n)[:, None]
    at_start = rng.random((n, 1)) < 0.5
    out |= cut[:, None] & np.where(at_start, index < away, index >= length - away)
    sparse = rng.random(n) < amount.sparse
    step, phase = rng.integers(2, 5, n)[:, None], rng.integers(0, 4, n)[:, None]
    out |= sparse[:, None] & ((index + phase) % step != 0)
    hidden = out.all(1)
    out[hidden, rng.integers(0, length, int(hidden.sum()))] = False
    return out


def _runs(n: int, length: int, share: float, longest: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(N, L) one run of 1 to `longest` frames in a share of the windows."""
    index = np.arange(length)
    start = rng.integers(0, length, n)[:, None]
    size = rng.integers(1, max(2, longest + 1), n)[:, None]
    return (rng.random((n, 1)) < share) & (index >= start) & (index < start + size)


def _replace(windows: Windows, share: float, rng: np.random.Generator) -> None:
    n, length = windows.shape
    runs = _runs(n, length, min(1.0, share * length / 3), 5, rng)
    runs &= np.isfinite(windows.joints).all((-1, -2))
    rows, frames = np.nonzero(runs)
    if not rows.size:
        return
    others, at = rng.integers(0, n, len(rows)), rng.integers(0, length, len(rows))
    known = np.isfinite(windows.joints[others, at]).all((-1, -2))
    rows, frames, others, at = rows[known], frames[known], others[known], at[known]
    for array in (windows.joints, windows.modes, windows.weights):
        array[rows, frames] = array[others, at]


def _swap(windows: Windows, share: float, rng: np.random.Generator) -> None:
    n, length = windows.shape
    for part, (right, left) in _SIDES.items():
        runs = _runs(n, length, share if part == "legs" else share / 3, max(2, length // 4), rng)
        rows, frames = np.nonzero(runs)
        for array in (windows.joints, windows.scores):
            values = array[rows, frames].copy()
            values[:, right + left] = values[:, left + right]
            array[rows, frames] = values
        values = windows.modes[rows, frames].copy()
        values[:, :, right + left] = values[:, :, left + right]
        windows.modes[rows, frames] = values


def shake(windows: Windows, deviation: Array, rng: np.random.Generator) -> None:
    """Add errors of a deviation (N,) [m] to the joints: half of the variance lasts some frames, more in depth."""
    rows = np.flatnonzero(deviation > 0)
    if not rows.size:
        return
    shape = (len(rows), *windows.joints.shape[1:])
    slow = gaussian_filter1d(rng.normal(size=shape), 3.0, axis=1, mode="wrap") * np.sqrt(2 * np.sqrt(np.pi) * 3.0)
    noise = (slow + rng.normal(size=shape)) / np.sqrt(2) * (0.8, 0.8, 1.3) * deviation[rows, None, None, None]
    windows.joints[rows] += noise
    windows.modes[rows] += noise[:, :, None]


def _scale(windows: Windows, amount: Corruption, rng: np.random.Generator) -> None:
    n, length = windows.shape
    size = np.exp(rng.normal(0, amount.scale, n))[:, None, None, None]
    windows.joints *= size
    windows.modes *= size[..., None]
    windows.measures += np.log(size[:, 0, 0])
    depth = np.exp(rng.normal(0, amount.depth, (n, 1)) + 0.3 * amount.depth * rng.normal(0, 1, (n, length)))
    windows.translation *= depth[..., None]


def _lose_joints(windows: Windows, share: float, rng: np.random.Generator) -> None:
    n, length = windows.shape
    runs = _runs(n, length, share, length, rng)
    lost = rng.random((n, 1, len(BODY13))) < rng.uniform(0.05, 0.5, (n, 1, 1))
    lost[:, :, _TORSO] &= rng.random((n, 1, 4)) < 0.3
    lost = lost & runs[..., None]
    windows.joints[lost] = np.nan
    windows.scores[lost] = 0.0
    # What a mode says of a joint that the pose lacks is not known either.
    windows.modes[np.broadcast_to(lost[:, :, None], windows.modes.shape[:-1])] = np.nan
