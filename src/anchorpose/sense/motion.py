"""From the poses of one person over time to a motion: gaps filled, jitter gone, joint rotations on the own bones.

The network (PoseBERT, Baradel et al. 2021) sees windows of poses at an even rate; poses come and go at any times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.body_bones import (
    BODY_BONES,
    MEASURES,
    all_local,
    bone_lengths,
    fit_measures,
    torso_from_root,
)
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import InputError, ModelError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.motion_view import SETTLE_INPUTS, MotionView, motion_view, translations_of
from anchorpose.poses.resampling import even_times, resample, rotations_at, values_at
from anchorpose.poses.sequences import MODES, PoseSequence
from anchorpose.poses.sixd import nearest_rotation
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Motion, Pose
from anchorpose.sense.models import load_session
from anchorpose.sense.motion_settle import SETTLED, SettleSettings, settle

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[np.float64]
Features = NDArray[np.float32]

MODEL, LIVE_MODEL = "posebert", "posebert_live"
"""For whole tracks, and for use while it happens: smaller and as good where only the next frames are known."""
_BATCH = 64
_SHORTEST = 2  # frames that the network takes at least
_WHOLE, _SETTLED = (["refined", "sizes", rotations] for rotations in ("rotations", "settled"))


@dataclass(frozen=True, eq=False)
class Windowed:
    """What the network says of N windows of W frames, in the camera's frame.

    rotations (N, W, 38, 3, 3) of BODY_BONES, centre (N, W, 3) [m] of the torso, measures (N, 9).
    """

    rotations: Array
    centre: Array
    measures: Array


class Refiner:
    """Refines whole tracks.

    Args:
        session: an ONNX session of an exported PoseBERT; None loads the one that ships.
        window: frames that are seen together, at most what the network was made for; None: that many.
        stride: frames from one window to the next; None: a quarter of the window. 1 looks at each frame from a window
            of its own.
        modes: whether the modes of the poses are looked at.
        settled: the last touch, see `sense.motion_settle`.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession | None = None,
        *,
        window: int | None = None,
        stride: int | None = None,
        modes: bool = True,
        settled: SettleSettings = SETTLED,
    ) -> None:
        self.session = session or load_session(MODEL)
        try:
            about = json.loads(self.session.get_modelmeta().custom_metadata_map["anchorpose"])
            longest, self.rate = int(about["window"]), float(about["rate"])
            fits = about["bones"] == list(BODY_BONES) and about["measures"] == list(MEASURES)
            settles = about.get("settles") is True
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"this network does not say what it is ({error}); is it a PoseBERT?") from None
        if not fits or int(about["modes"]) != MODES:
            raise ModelError("this PoseBERT was made for other bones, measures or modes than this program has")
        if not settles:
            raise ModelError("this PoseBERT was written by an earlier version, which could not settle frames")
        self.window = window or longest
        if not _SHORTEST <= self.window <= longest:
            raise InputError(f"this network takes windows of {_SHORTEST} to {longest} frames, not {self.window}")
        self.stride = stride or max(1, self.window // 4)
        if not 1 <= self.stride <= self.window:
            raise InputError(f"windows must overlap: a stride of 1 to {self.window} frames, not {self.stride}")
        self.modes, self.settled = modes, settled

    def refine(self, sequence: PoseSequence, times: ArrayLike | None = None) -> Motion:
        """The motion of one person; see `refine_many`."""
        return self.refine_many([sequence], None if times is None else [times])[0]

    def refine_many(self, sequences: Sequence[PoseSequence], times: Sequence[ArrayLike] | None = None) -> list[Motion]:
        """The motions of several people, their windows in common batches.

        Args:
            sequences: one for each person, of any rate, with gaps.
            times: for each person the rising times [s] at which its motion is wanted; None: those of the sequence.
                Times outside what was seen get the nearest pose.

        Returns:
            Motions of the skeleton "anny" in the camera frame, one for each sequence; `observed` is False where the
            person was not seen. Without translations the torso's centre stays at the origin.

        Raises:
            InputError: a person of whom nothing was seen, or times that do not rise.
        """
        wanted = [s.times if times is None else np.asarray(times[i], np.float64) for i, s in enumerate(sequences)]
        for sequence in sequences:
            if not sequence.seen.any():
                raise InputError("there is no pose to refine: the person is not seen in any frame")
        tracks = [self._even(sequence) for sequence in sequences]
        measures = [fit_measures(sequence.joints3d) for sequence in sequences]
        plans = [window_starts(track.seen, self.window, self.stride) for track in tracks]
        who = np.repeat(np.arange(len(tracks)), [len(plan) for plan in plans])
        cut = [cut_window(tracks[i], start, self.window) for i, plan in enumerate(plans) for start in plan]
        said = self.run(cut, np.stack(measures)[who]) if cut else None
        out = []
        for i, (track, plan) in enumerate(zip(tracks, plans, strict=True)):
            assert said is not None
            own = np.flatnonzero(who == i)
            part = Windowed(said.rotations[own], said.centre[own], said.measures[own])
            out.append(self._motion(track, sequences[i], plan, part, wanted[i]))
        return out

    def _even(self, sequence: PoseSequence) -> PoseSequence:
        """A sequence at the network's rate, from the first to the last sighting; modes left out if they shall be."""
        seen = sequence.times[sequence.seen]
        track = resample(sequence, even_times(seen[0], seen[-1], self.rate), self.rate)
        return track if self.modes else track.without_modes()

    def run(self, windows: Sequence[PoseSequence], measures: Array) -> Windowed:
        """The network on windows of one length at its rate, of persons with the given measures (N, 9)."""
        rotations, centres, sizes = [], [], []
        for rows in np.array_split(np.arange(len(windows)), -(-len(windows) // _BATCH)):
            view = _view([windows[i] for i in rows], measures[rows])
            said = self.look(view)
            rotations.append(_turned_back(said.rotations, view.turn))
            centres.append(said.centre)
            sizes.append(said.measures)
        return Windowed(np.concatenate(rotations), np.concatenate(centres), np.concatenate(sizes))

    def look(self, view: MotionView) -> Windowed:
        """The network on a view of windows; rotations stay in the windows' axes."""
        n, w = view.present.shape
        nothing = np.zeros((n, 0, w), np.float32)
        said = self._said(_WHOLE, view, np.zeros((n, w, len(BODY13)), np.float32), nothing, nothing)
        return Windowed(np.moveaxis(said.rotations, (0, 1), (-2, -1)), said.centre, said.measures)

    def look_at(self, view: MotionView, there: Features, calm: Features, near: Features) -> Windowed:
        """The network on a view of windows, some frames of each settled, in the windows' axes: (N, F, ...) in place of
        (N, W, ...).

        Args:
            there: (N, W, 13), `poses.motion_view.counted`.
            calm, near: (N, F, W) the frames' weights, `sense.motion_settle.settle_weights`.
        """
        said = self._said(_SETTLED, view, there, calm, near)
        return Windowed(said.rotations, calm @ said.centre, said.measures)

    def _said(self, names: list[str], view: MotionView, *settling: Features) -> Windowed:
        most = np.array(self.settled.most, np.float32)
        inputs = view.inputs | dict(zip(SETTLE_INPUTS, (*settling, most), strict=True))
        places, sizes, rotations = self.session.run(names, inputs)
        centre = translations_of(places.astype(np.float64), view.reference)
        centre[~view.placed] = 0.0
        return Windowed(rotations.astype(np.float64), centre, sizes.astype(np.float64))

    def _motion(
        self, track: PoseSequence, sequence: PoseSequence, starts: NDArray[np.int64], said: Windowed, times: Array
    ) -> Motion:
        """Blend the windows of one person and carry them to the wanted times."""
        weight = blend_weights(len(track), starts, self.window, self.stride)
        rotations = nearest_rotation(blend(said.rotations, weight, starts, len(track)))
        centre = blend(said.centre, weight, starts, len(track))
        share = np.array([track.seen[max(s, 0) : s + self.window].sum() for s in starts], float)
        measures = (share[:, None] * said.measures).sum(0) / share.sum()
        known = np.flatnonzero(near_seen(track.seen, self.window // 2) & (weight.sum(0) > 0))
        if len(known) < len(track):  # what lies in the middle of long gaps shall not get into its neighbours
            rotations = rotations_at(rotations[known], track.times[known], track.times)
            centre = values_at(centre[known], track.times[known], track.times)
        rotations, centre = settle(rotations, centre, measures, track.joints3d, self.settled)
        world = rotations_at(rotations[known], track.times[known], times)
        place = values_at(centre[known], track.times[known], times)
        return as_motion(world, place, measures, times, _observed(sequence, times))


def cut_window(track: PoseSequence, start: int, length: int) -> PoseSequence:
    """Frames `start` to `start + length` of a track; those beyond its ends are missing."""
    inside = np.arange(max(start, 0), min(start + length, len(track)))
    step = 1.0 if len(track) < 2 else track.times[1] - track.times[0]
    out = PoseSequence.empty(track.times[0] + step * (start + np.arange(length)))
    for name in ("joints3d", "scores", "translation", "modes", "weights"):
        getattr(out, name)[inside - start] = getattr(track, name)[inside]
    return out


def _view(windows: Sequence[PoseSequence], measures: Array) -> MotionView:
    names = ("joints3d", "scores", "translation", "modes", "weights")
    joints, scores, translation, modes, weights = (np.stack([getattr(w, name) for w in windows]) for name in names)
    return motion_view(joints, scores, translation, modes, weights, measures)


def _turned_back(rotations: Array, turn: Array) -> Array:
    """Rotations (N, W, B, 3, 3) of windows that were turned by (N, 3, 3), in the camera's axes."""
    columns = np.moveaxis(rotations, 3, 1)  # one product for each window; one for each 3 x 3 matrix takes far longer
    flat = np.swapaxes(turn, 1, 2) @ columns.reshape(len(columns), 3, -1)
    return np.moveaxis(flat.reshape(columns.shape), 1, 3)


def all_starts(length: int, window: int, stride: int) -> NDArray[np.int64]:
    """First frames of all windows of a track of `length` frames; one if it is no longer than a window."""
    if length <= window:
        return np.zeros(1, np.int64)
    return np.append(np.arange(0, length - window, stride), length - window)


def window_starts(seen: NDArray[np.bool_], window: int, stride: int) -> NDArray[np.int64]:
    """First frames of the windows of a track, so that each frame has windows around it; a short track has one window
    that reaches beyond it. Windows in which nothing is seen are left out."""
    starts = all_starts(len(seen), window, stride)
    if len(seen) <= window:
        return starts
    counts = np.concatenate([[0], np.cumsum(seen)])
    return starts[counts[starts + window] > counts[starts]]


def blend_weights(length: int, starts: NDArray[np.int64], window: int, stride: int) -> Array:
    """(N, length) weight of each window for each frame: largest in the window's middle. With a stride of 1 only the
    middle frame of a window counts, except at the ends of the track."""
    at = np.arange(length)[None] - starts[:, None]
    inside = (at >= 0) & (at < window)
    off = np.abs(at - (window - 1) / 2)
    reach = max(stride, 0.51)
    weight = np.where(inside, np.maximum(1 - off / reach, 0.0), 0.0)
    bare = weight.sum(0) <= 0
    if bare.any():  # frames that no window has in its middle take the window whose middle is nearest
        nearest = np.where(inside, off, np.inf).argmin(0)
        weight[nearest[bare], np.flatnonzero(bare)] = inside[nearest[bare], np.flatnonzero(bare)]
    return weight


def blend(values: Array, weight: Array, starts: NDArray[np.int64], length: int) -> Array:
    """Mean (length, ...) of windows' values (N, W, ...) with weights (N, length)."""
    out = np.zeros((length, *values.shape[2:]))
    for k, start in enumerate(starts):
        begin, end = max(start, 0), min(start + values.shape[1], length)
        w = weight[k, begin:end]
        out[begin:end] += w.reshape(-1, *[1] * (values.ndim - 2)) * values[k, begin - start : end - start]
    total = np.maximum(weight.sum(0), 1e-9)
    return out / total.reshape(-1, *[1] * (values.ndim - 2))


def near_seen(seen: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """(T,) whether something is seen within `reach` frames."""
    hits = np.concatenate([[0], np.cumsum(seen)])
    index = np.arange(len(seen))
    near: NDArray[np.bool_] = hits[np.minimum(index + reach + 1, len(seen))] > hits[np.maximum(index - reach, 0)]
    return near


def _observed(sequence: PoseSequence, times: Array) -> NDArray[np.bool_]:
    """(S,) whether the person was seen at a time, within half the usual distance of two poses."""
    seen = sequence.times[sequence.seen]
    step = float(np.median(np.diff(sequence.times))) if len(sequence) > 1 else 1e-3
    after = np.clip(np.searchsorted(seen, times), 0, len(seen) - 1)
    gap = np.minimum(np.abs(seen[after] - times), np.abs(seen[np.maximum(after - 1, 0)] - times))
    observed: NDArray[np.bool_] = gap <= 0.5 * step
    return observed


def as_motion(world: Array, centre: Array, measures: Array, times: Array, observed: NDArray[np.bool_]) -> Motion:
    """A motion of "anny" from world rotations (T, 38, 3, 3) of BODY_BONES, the torso's centre (T, 3), measures (9,)."""
    return _motion(all_local(world), _roots(world, centre, measures), measures, times, observed)


def as_motions(world: Array, people: Sequence[tuple[Array, Array, Array, NDArray[np.bool_]]]) -> list[Motion]:
    """`as_motion` for several people: world rotations of all their moments, and for each person the rest of its
    arguments."""
    if len(people) == 1:
        return [as_motion(world, *people[0])]
    counts = [len(times) for _, _, times, _ in people]
    centre = np.concatenate([own for own, _, _, _ in people])
    measures = np.repeat([own for _, own, _, _ in people], counts, axis=0)
    ends = np.cumsum(counts)[:-1]
    local, roots = (np.split(a, ends) for a in (all_local(world), _roots(world, centre, measures)))
    return [
        _motion(turns, root, own, times, observed)
        for turns, root, (_, own, times, observed) in zip(local, roots, people, strict=True)
    ]


def _roots(world: Array, centre: Array, measures: Array) -> Array:
    """(T, 3) [m] where the root's joint lies."""
    return centre - torso_from_root(world, measures)


def _motion(local: Array, root: Array, measures: Array, times: Array, observed: NDArray[np.bool_]) -> Motion:
    return Motion(
        skeleton=ANNY.name, times=times, root=local[:, 0], rotations=local, translation=root,
        bone_lengths=bone_lengths(measures), frame="camera", observed=observed,
    )  # fmt: skip


def motion_joints(motion: Motion) -> Array:
    """BODY13 joints (T, 13, 3) [m] of a motion of "anny", in its own frame; `head` is the head's centre."""
    if motion.skeleton != ANNY.name:
        raise InputError(f"forward kinematics are known for {ANNY.name}, not for {motion.skeleton}")
    return canonical_body13(*canonical_joints(motion.rotations, motion.translation, motion.bone_lengths))


def refine(poses: Sequence[Pose | None], times: ArrayLike, *, refiner: Refiner | None = None) -> Motion:
    """The motion of one person from its poses over time.

    Args:
        poses: of any skeleton with twelve limb joints; None where the person was not seen.
        times: (T,) [s], rising, at any rate.

    Raises:
        InputError: nothing is seen, times do not rise, or a skeleton lacks joints.
    """
    return (refiner or Refiner()).refine(PoseSequence.from_poses(poses, times))
