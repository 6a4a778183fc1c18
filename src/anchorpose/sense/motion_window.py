"""The window that live refining looks at: one person's newest frames of an even grid, from sightings at any times.

The same as `poses.resampling.resample` of all sightings and `poses.motion_view.frame_rows` of what comes out, but a
frame is worked on only as long as a sighting that is still to come may change it: usually once.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.motion_view import frame_rows
from anchorpose.poses.resampling import JOINED
from anchorpose.poses.sequences import MODES, PoseSequence, check_times
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import Pose

Array = NDArray[np.float64]

# A sighting as one row: joints, scores, translation (which are interpolated), modes, weights.
_JOINTS, _SCORES, _TRANSLATION = slice(0, 39), slice(39, 52), slice(52, 55)
_MIXED, _MODES, _WEIGHTS = slice(0, 55), slice(55, 55 + 39 * MODES), slice(55 + 39 * MODES, 55 + 40 * MODES)
_NOTHING = np.full(_WEIGHTS.stop, np.nan)
_NOTHING[_SCORES] = _NOTHING[_WEIGHTS] = 0.0
_SAME = 1e-9  # [s]


def sighting(pose: Pose | None, time: float) -> Array | None:
    """A pose as a row, None where there is no joint.

    Raises:
        InputError: the time is not a number, or the skeleton lacks joints.
    """
    if not math.isfinite(time):
        check_times([time])
    if pose is None or pose.joints3d is None:
        return None
    out = _NOTHING.copy()
    if pose.skeleton != BODY13.name:
        one = PoseSequence.from_poses([pose], [time])
        parts = (one.joints3d, one.scores, one.translation, one.modes, one.weights)
        out[:] = np.concatenate([part.ravel() for part in parts])
        return out if one.seen[0] else None
    there = np.isfinite(pose.joints3d).all(-1)
    if there.all():
        out[_JOINTS], out[_SCORES] = pose.joints3d.ravel(), pose.scores
    elif there.any():
        out[_JOINTS] = np.where(there[:, None], pose.joints3d, np.nan).ravel()
        out[_SCORES] = np.where(there, pose.scores, 0.0)
    else:
        return None
    if pose.translation is not None:
        out[_TRANSLATION] = pose.translation
    modes = [(mode.weight, mode.joints3d.ravel()) for mode in pose.modes[:MODES]] or [(1.0, out[_JOINTS])]
    out[_MODES][: 39 * len(modes)] = np.concatenate([joints for _, joints in modes])
    out[_WEIGHTS][: len(modes)] = [weight for weight, _ in modes]
    return out


def joints_of(row: Array) -> Array:
    """(13, 3) [m] of a sighting."""
    return row[_JOINTS].reshape(-1, 3)


class LiveWindow:
    """The newest frames of a grid whose frame 0 is at the first sighting.

    Args:
        length: frames of the window; rate: of the grid, per second.
        modes: whether the modes of the poses are looked at.
    """

    def __init__(self, length: int, rate: float, start: float, *, modes: bool = True) -> None:
        self.length, self.rate, self.start, self.modes = length, rate, start, modes
        self.now = -np.inf
        self._times: list[float] = []  # of the sightings that frames of the window may need
        self._seen: list[Array] = []
        self._rows = np.repeat(_empty_row()[None], length, 0)
        self._last = -1  # number of the frame that is the last of `_rows`
        self._sure = -1  # number of the last frame that nothing will change any more

    def add(self, row: Array | None, time: float) -> None:
        """One more moment [s]; None where the person was not seen.

        Raises:
            InputError: the time does not rise.
        """
        if not time > self.now:
            check_times([self.now, time])
        self.now = time
        if row is not None:
            self._times.append(time)
            self._seen.append(row)
        old = bisect_left(self._times, time - (self.length + 3) / self.rate)
        if old:
            del self._times[:old], self._seen[:old]

    def grid(self, frame: int) -> float:
        """Time [s] of a frame."""
        return self.start + frame / self.rate

    @property
    def newest(self) -> int:
        """Number of the last frame that is not in the future (a thousandth of a second does not count)."""
        return int((self.now - self.start + 1e-3) * self.rate)

    def fresh(self) -> Array:
        """(R, width) sightings at the frames up to the newest that are new or may have changed."""
        frames = range(max(self._sure + 1, self.newest - self.length + 1), self.newest + 1)
        out = np.array([self._at(self.grid(frame)) for frame in frames]).reshape(-1, len(_NOTHING))
        if not self.modes:
            joints = out[:, _JOINTS].reshape(-1, len(BODY13), 3)
            centre = torso_centre(joints)
            out[:, _MODES.start :] = _NOTHING[_MODES.start :]
            centred = joints - np.where(np.isfinite(centre), centre, 0.0)[:, None]
            out[:, _MODES.start : _MODES.start + 39] = centred.reshape(-1, 39)
            out[:, _WEIGHTS.start] = np.isfinite(joints).all(-1).any(-1)
        return out

    def accept(self, fresh: Array) -> Array:
        """(W, ROW_WIDTH) the rows of the window that ends at the newest frame; `fresh`: of what `fresh` gave."""
        newest = self.newest
        first, moved = newest - len(fresh) + 1, newest - self._last
        self._rows = np.concatenate([self._rows[moved : self.length - len(fresh) + moved], fresh])
        self._last = newest
        sure = self._times[-1] + _SAME if self._times else -np.inf
        if self.now - sure > JOINED / self.rate + 2 * _SAME:  # too long ago to be joined with what comes next
            sure = max(sure, self.now - 0.5 / self.rate - 2 * _SAME)
        while newest >= first and self.grid(newest) > sure:
            newest -= 1
        self._sure = max(self._sure, newest)
        return self._rows

    def _at(self, time: float) -> Array:
        """A sighting at a time, as `poses.resampling.resample` has it."""
        own, count = self._times, len(self._times)
        if not count:
            return _NOTHING
        after = min(bisect_left(own, time - _SAME), count - 1)
        before = after if abs(own[after] - time) < _SAME else max(after - 1, 0)
        gap = own[after] - own[before]
        between = own[before] - _SAME <= time <= own[after] + _SAME and gap <= JOINED / self.rate + _SAME
        nearest = before if abs(own[before] - time) <= abs(own[after] - time) else after
        if not between and abs(own[nearest] - time) > 0.5 / self.rate + _SAME:
            return _NOTHING
        if not between or gap <= 0 or time == own[before]:
            return self._seen[nearest]
        out = self._seen[nearest].copy()
        low, high = self._seen[before][_MIXED], self._seen[after][_MIXED]
        mixed = low + (time - own[before]) / gap * (high - low)
        # A joint that only one of the two has is taken from that one, if it is the nearer.
        out[_MIXED] = np.where(np.isfinite(mixed), mixed, out[_MIXED])
        return out


def window_rows(windows: Sequence[LiveWindow]) -> Array:
    """(N, W, ROW_WIDTH) what windows of one length see up to their newest frames, for `poses.motion_view.view_of`."""
    fresh = [window.fresh() for window in windows]
    rows = _rows_of(np.concatenate(fresh))
    ends = np.cumsum([len(part) for part in fresh]).tolist()
    return np.stack(
        [window.accept(rows[end - len(part) : end]) for window, part, end in zip(windows, fresh, ends, strict=True)]
    )


def _rows_of(seen: Array) -> Array:
    n, j = len(seen), len(BODY13)
    return frame_rows(
        seen[:, _JOINTS].reshape(n, j, 3), seen[:, _SCORES], seen[:, _TRANSLATION],
        seen[:, _MODES].reshape(n, MODES, j, 3), seen[:, _WEIGHTS],
    )  # fmt: skip


def _empty_row() -> Array:
    return _rows_of(_NOTHING[None])[0]
