"""What refining a clip has changed: how much of the people's time is covered, flips of sides undone, and jitter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centre, torso_centred
from anchorpose.sense.motion import motion_joints
from anchorpose.sense.motion_parts import RefinedTrack

Array = NDArray[np.float64]

LIMBS = {"legs": ("knee", "ankle"), "arms": ("elbow", "wrist")}
_SWAP_SHARE = 0.5  # crossed over, the joints must be less than half as far from the refined ones ...
_SWAP_METRES = 0.1  # ... and nearer by this much each
_AT_ONCE = 1024
_LOWEST, _HIGHEST, _BINS = -3.0, 5.0, 4000  # logarithms of mm/frame^2; a bin is half a percent wide


class _Median:
    """The median of any number of values in fixed memory, to half a percent."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)

    def add(self, values: Array) -> None:
        logs = np.log10(np.maximum(values[np.isfinite(values)], 10**_LOWEST))
        bins = ((logs - _LOWEST) / (_HIGHEST - _LOWEST) * _BINS).astype(int)
        self._counts += np.bincount(np.clip(bins, 0, _BINS - 1), minlength=_BINS)

    def value(self) -> float | None:
        total = int(self._counts.sum())
        if not total:
            return None
        bin = int(np.searchsorted(np.cumsum(self._counts), total / 2))
        return float(10 ** (_LOWEST + (bin + 0.5) * (_HIGHEST - _LOWEST) / _BINS))


@dataclass
class ClipReport:
    """Counts over all tracks of a clip.

    Attributes:
        frames: of the clip. people: tracks. seen: frames of tracks with a pose of the detector's; total: frames from
            each person's first to his last sighting, all of which have a pose after refining.
        swapped: for each of LIMBS the frames in which its left and right were exchanged in the detector's pose: crossed
            over, its joints are less than half as far from the refined ones, and by 10 cm or more each.
        swaps: how many times that happened: such frames in a row count once, legs and arms apart.
        jitter: median acceleration of a joint about the torso's centre [mm/frame^2], before and after, over the same
            frames: those seen three in a row. place_jitter: that of the torso's centre in the camera frame.
    """

    frames: int
    people: int = 0
    seen: int = 0
    total: int = 0
    swapped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMBS, 0))
    swaps: int = 0
    jitter: tuple[float | None, float | None] = (None, None)
    place_jitter: tuple[float | None, float | None] = (None, None)
    tracks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def coverage(self) -> tuple[float | None, float | None]:
        """Share of the people's time with a pose, before and after; None without people."""
        return (self.seen / self.total, 1.0) if self.total else (None, None)

    def to_dict(self) -> dict[str, Any]:
        """As it is written to report.json."""

        def pair(values: tuple[float | None, float | None]) -> dict[str, float | None]:
            before, after = (None if v is None else round(v, 4) for v in values)
            return {"before": before, "after": after}

        return {
            "frames": self.frames, "people": self.people, "person_frames": self.total, "filled": self.total - self.seen,
            "coverage": pair(self.coverage), "swaps_repaired": self.swaps, "swapped_frames": dict(self.swapped),
            "jitter_mm_per_frame2": pair(self.jitter), "place_jitter_mm_per_frame2": pair(self.place_jitter),
            "tracks": self.tracks,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """For a terminal."""
        if not self.people:
            return [f"{self.frames} frames, nobody who could be followed"]
        before, after = (f"{100 * share:.1f} %" for share in self.coverage if share is not None)
        each = ", ".join(f"{name} in {count} frames" for name, count in self.swapped.items() if count)
        jitter = [(what, *values) for what, values in (("poses", self.jitter), ("places", self.place_jitter))]
        told = [f"{what} {a:.1f} -> {b:.1f}" for what, a, b in jitter if a is not None and b is not None]
        return [
            f"{self.frames} frames, {self.people} people, coverage {before} -> {after}"
            f" ({self.total - self.seen} of {self.total} poses filled in)",
            f"left and right put right {self.swaps} times" + (f" ({each})" if each else ""),
            *([f"median jitter [mm/frame^2]: {', '.join(told)}"] if told else []),
        ]


def swapped_sides(seen: Array, refined: Array) -> NDArray[np.bool_]:
    """(T, 2) whether left and right of the legs, and of the arms, are exchanged in poses that were seen.

    Args:
        seen, refined: (T, 13, 3) [m] BODY13; both are taken about their torso centres.
    """
    a, b = torso_centred(np.asarray(seen, float)), torso_centred(np.asarray(refined, float))
    out = np.zeros((len(a), len(LIMBS)), bool)
    for k, names in enumerate(LIMBS.values()):
        right, left = ([BODY13.index(f"{side}_{name}") for name in names] for side in "rl")
        own, other = right + left, left + right
        same = np.linalg.norm(a[:, own] - b[:, own], axis=-1).mean(1)
        crossed = np.linalg.norm(a[:, own] - b[:, other], axis=-1).mean(1)
        out[:, k] = (crossed < _SWAP_SHARE * same) & (same - crossed > _SWAP_METRES)
    return out


def clip_report(frames: int, tracks: Sequence[RefinedTrack]) -> ClipReport:
    """Compare what was seen with what became of it, track by track, from disk."""
    report = ClipReport(frames, len(tracks))
    medians = [_Median() for _ in range(4)]
    for track in tracks:
        report.seen += track.track.seen
        report.total += len(track)
        own = [_Median() for _ in range(4)]
        before = np.zeros(len(LIMBS), bool)
        swaps = 0
        for known, seen, centre, joints in _parts(track):
            for median, values in zip(range(4), _accelerations(seen, centre, joints), strict=True):
                medians[median].add(values)
                own[median].add(values)
            swapped = swapped_sides(seen[known:], joints[known:])
            for name, count in zip(LIMBS, swapped.sum(0).tolist(), strict=True):
                report.swapped[name] += count
            swaps += int((swapped & ~np.concatenate([before[None], swapped])[:-1]).sum())
            before = swapped[-1] if len(swapped) else before
        report.swaps += swaps
        report.tracks.append(_about(track, swaps, [m.value() for m in own]))
    found = [m.value() for m in medians]
    report.jitter, report.place_jitter = (found[0], found[1]), (found[2], found[3])
    return report


def _about(track: RefinedTrack, swaps: int, jitter: Sequence[float | None]) -> dict[str, Any]:
    times = track.times
    rounded = [None if v is None else round(v, 3) for v in jitter]
    return {
        "id": track.track.id, "from": round(float(times[0]), 4), "to": round(float(times[-1]), 4), "frames": len(track),
        "seen": track.track.seen, "swaps_repaired": swaps, "jitter_mm_per_frame2": rounded[:2],
        "place_jitter_mm_per_frame2": rounded[2:],
    }  # fmt: skip


def _parts(track: RefinedTrack) -> Iterator[tuple[int, Array, Array, Array]]:
    """Parts of a track: how many of their first frames the part before had, what was seen (T, 13, 3) about the torso,
    its place (T, 3), and the refined joints (T, 13, 3)."""
    for start in range(0, max(len(track) - 2, 1), _AT_ONCE - 2):
        stop = min(start + _AT_ONCE, len(track))
        seen = track.track.sequence(start, stop, track.times[start:stop])
        yield min(start, 2), torso_centred(seen.joints3d), seen.translation, motion_joints(track.motion(start, stop))


def _accelerations(seen: Array, centre: Array, joints: Array) -> tuple[Array, Array, Array, Array]:
    """[mm/frame^2] of poses before and after, and of places before and after, where both are known."""

    def size(values: Array) -> Array:
        return np.linalg.norm(values[2:] - 2 * values[1:-1] + values[:-2], axis=-1) * 1000

    poses = size(seen), size(torso_centred(joints))
    places = size(centre), size(torso_centre(joints))
    return (
        poses[0], np.where(np.isfinite(poses[0]), poses[1], np.nan),
        places[0], np.where(np.isfinite(places[0]), places[1], np.nan),
    )  # fmt: skip
