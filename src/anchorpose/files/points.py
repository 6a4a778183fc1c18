"""Points of one person over time, in a world with y up: what TRC, C3D and tables of coordinates hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.motion_clips import CAMERA_TO_Y_UP, checked_motion, even_times, y_up_motion
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.clips import Clip
from anchorpose.poses.content import Value, checked_array, set_fields
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.skeletons import BODY13, SKELETONS
from anchorpose.poses.values import Motion, People

Array = NDArray[np.float64]

# Points of a motion that files for biomechanics get besides BODY13: name and bone of the canonical skeleton.
_MORE = {
    "pelvis": "root", "spine": "spine03", "chest": "spine01", "neck": "neck01",
    **{f"{s.lower()}_{name}": f"{bone}.{s}" for s in "RL" for name, bone in
       (("big_toe", "toe1-1"), ("small_toe", "toe5-1"), ("clavicle", "clavicle"), ("middle1", "finger3-1"))},
}  # fmt: skip
_LINES = (
    ("pelvis", "spine"), ("spine", "chest"), ("chest", "neck"), ("neck", "head"),
    *((f"{s}_{a}", f"{s}_{b}") for s in "rl" for a, b in
      (("big_toe", "ankle"), ("small_toe", "ankle"), ("middle1", "wrist"), ("clavicle", "shoulder"))),
    *((c, f"{s}_{d}") for s in "rl" for c, d in (("pelvis", "hip"), ("chest", "clavicle"))),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Points(Value):
    """One person's points.

    Attributes:
        person: number of the person over time, or None.
        names: J names, all different.
        times: (T,) [s], rising.
        positions: (T, J, 3) [m], world with y up; NaN where a point is missing.
        scores: (T, J) 0 to 1, or None where the source does not tell.
        links: pairs of points that belong together, where the source tells; else names do, see `edges`.
    """

    person: int | None
    names: tuple[str, ...]
    times: Array
    positions: Array
    scores: Array | None = None
    links: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        times = checked_array(self.times, (None,), "times")
        t, n = len(times), len(self.names)
        if len(set(self.names)) != n:
            raise InputError(f"names of points must differ: {', '.join(self.names)}")
        late = np.flatnonzero(~(np.diff(times) > 0))
        if late.size or not np.isfinite(times).all():
            at = int(late[0]) + 1 if late.size else 0
            raise InputError(f"the times of points must rise; that of frame {at} is {times[at]:g} s")
        set_fields(self, times=times, positions=checked_array(self.positions, (t, n, 3), "positions"))
        if self.scores is not None:
            set_fields(self, scores=checked_array(self.scores, (t, n), "scores"))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of points to join by lines: the links, else by the names of a skeleton or of a motion's points."""
        if self.links:
            return self.links
        names = set(self.names)
        best = max(SKELETONS.values(), key=lambda s: len(names & set(s.names)) / (len(s) + 0.01 * len(names)))
        pairs = [(best.names[a], best.names[b]) for a, b in best.edges]
        if {"pelvis", "chest"} <= names:  # a trunk of its own, in place of lines from the hips to the shoulders
            limbs = [(a, b) for a, b in pairs if {a[2:], b[2:]} - {"hip", "shoulder"}]
            pairs = [*limbs, *_LINES]
        at = {name: i for i, name in enumerate(self.names)}
        return tuple((at[a], at[b]) for a, b in pairs if a in at and b in at)


def points_of_motion(motion: Motion, person: int | None = None, joints: str = "main") -> Points:
    """The joints of a motion, by forward kinematics.

    Args:
        joints: "main" for BODY13 and the trunk, the toes and the middle knuckles; "all" for the 104 joints.
    """
    motion = y_up_motion(checked_motion(motion, "points"))
    places, world = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
    if joints == "all":
        return Points(person, ANNY.names, motion.times, places)
    if joints != "main":
        raise InputError(f'joints is "main" or "all", not {joints!r}')
    more = places[:, [ANNY.index(bone) for bone in _MORE.values()]]
    places = np.concatenate([canonical_body13(places, world), more], 1)
    return Points(person, (*BODY13.names, *_MORE), motion.times, places)


def points_of_clip(clip: Clip, person: int | None = None) -> Points:
    """The joints or markers of a clip, end sites left out; times from 0."""
    ends = np.zeros(len(clip.names), bool) if clip.ends is None else clip.ends
    keep = np.flatnonzero(~ends)
    names = tuple(clip.names[k] for k in keep)
    at = {int(k): i for i, k in enumerate(keep)}
    parents = [(at[int(clip.parents[k])], at[int(k)]) for k in keep if clip.parents[k] >= 0]
    positions = clip.y_up(clip.positions[:, keep])
    return Points(person, names, np.arange(len(clip)) / clip.fps, positions, links=tuple(parents))


def points_of_people(frames: Iterable[People]) -> tuple[Points, ...]:
    """The 3D bodies of results, a `Points` for each person: placed where the camera sees them, or about their own root.

    Persons without a number are told apart by their place in the frame. Frames in which a person is not there are NaN
    from its first to its last.

    Raises:
        InputError: no body has 3D, bodies of one person are in two skeletons, or times do not rise.
    """
    times: list[float] = []
    anybody = False
    seen: dict[tuple[bool, int], list[tuple[int, Array, Array, str]]] = {}
    for f, people in enumerate(frames):
        times.append(people.time)
        anybody |= len(people) > 0
        for number, person in enumerate(people):
            body = person.body
            if body is None or body.joints3d is None:
                continue
            joints = body.joints3d if body.joints_camera is None else body.joints_camera
            key = (person.id is None, number + 1 if person.id is None else person.id)
            seen.setdefault(key, []).append((f, joints @ CAMERA_TO_Y_UP, body.scores, body.skeleton))
    if not seen and anybody:
        raise InputError("there are people, but none has 3D joints; `anchorpose lift` makes them from 2D")
    return tuple(_points(number, np.array(times, float), rows) for (_, number), rows in sorted(seen.items()))


def _points(number: int, times: Array, rows: list[tuple[int, Array, Array, str]]) -> Points:
    skeletons = {name for *_, name in rows}
    if len(skeletons) > 1:
        raise InputError(f"person {number} is given in several skeletons: {', '.join(sorted(skeletons))}")
    names = SKELETONS[skeletons.pop()].names
    first, last = rows[0][0], rows[-1][0]
    positions = np.full((last - first + 1, len(names), 3), np.nan)
    scores = np.zeros(positions.shape[:2])
    for f, joints, score, _ in rows:
        positions[f - first], scores[f - first] = joints, score
    return Points(number, names, times[first : last + 1], positions, scores)


def even_points(points: Points) -> tuple[Points, float]:
    """The points at one rate, and that rate: as they are where times are even, else interpolated at even ones.

    Between two sightings a point is interpolated only where both have it; elsewhere it is missing.
    """
    if not len(points):
        raise InputError("these points have no frames")
    times, fps = even_times(points.times)
    if times is points.times:
        return points, fps
    after = np.clip(np.searchsorted(points.times, times - 1e-9), 1, len(points) - 1)
    before = after - 1
    share = ((times - points.times[before]) / (points.times[after] - points.times[before]))[:, None, None]
    low, high = points.positions[before], points.positions[after]
    mixed = np.where(share <= 1e-9, low, np.where(share >= 1 - 1e-9, high, low + share * (high - low)))
    scores = None
    if points.scores is not None:
        scores = np.minimum(points.scores[before], points.scores[after])
    return Points(points.person, points.names, times, mixed, scores, points.links), fps
