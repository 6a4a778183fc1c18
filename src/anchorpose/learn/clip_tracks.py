"""Our front end on rendered clips, frame by frame beside the exact truth: what its noise over time is fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from anchorpose.files.paths import replacing
from anchorpose.measure.clip_set import TRUTH, ClipTruth, clip_folders, clip_frames
from anchorpose.measure.noise import person_size
from anchorpose.poses.errors import InputError
from anchorpose.poses.lifting import LIFT_JOINTS, to_lift_joints
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centre
from anchorpose.sense.lift import MIN_SCORE

if TYPE_CHECKING:
    from anchorpose.sense.pipeline import Model

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PARTS = {
    "legs": [BODY13.index(f"{s}_{p}") for s in "rl" for p in ("ankle", "knee", "hip")],
    "arms": [BODY13.index(f"{s}_{p}") for s in "rl" for p in ("wrist", "elbow", "shoulder")],
}
SWAP_GAIN = 0.04
"""A part is told to be swapped, or not, where one assignment fits better by this share of the size: as for photos."""

OTHER = 0.2
"""A pose that is farther off on average (share of the size) is of the person, but another pose."""

_NEAR, _FAR = 0.35, 0.5  # shares of the size: a pose is of the person; what one joint counts at most
_FILE = "front_ours_2d.npz"
_ARRAYS = ("joints", "scores", "joints3d", "translation")


@dataclass(frozen=True, eq=False)
class ClipTrack:
    """What is found of the person of a clip of T frames, and what is true.

    Attributes:
        joints: (T, 14, 2) [px] LIFT_JOINTS, NaN where the person or the joint was not found; scores: (T, 14).
        joints3d: (T, 13, 3) [m] BODY13 about the torso, translation: (T, 3) [m], NaN where there is none.
        truth: (T, 13, 2) [px], NaN outside the picture. truth3d: (T, 13, 3) [m] in the camera frame.
        shown: (T,) four joints or more of the body are in the picture.
        fps: frames a second.
    """

    joints: Array
    scores: Array
    joints3d: Array
    translation: Array
    truth: Array
    truth3d: Array
    shown: Mask
    fps: float

    @property
    def found(self) -> Mask:
        """(T,) a pose of the person was found."""
        return np.asarray(np.isfinite(self.joints).all(-1).any(-1))

    @property
    def replaced(self) -> Mask:
        """(T,) what was found is another pose: of the thing before the person, of half of the body, upside down."""
        return self.found & (mean_distance(self.joints[:, :13], self.truth) > OTHER * self.size)

    @property
    def size(self) -> Array:
        """(T,) [px] the unit of errors."""
        return person_size(self.truth, np.asarray(np.isfinite(self.truth).all(-1)))

    @property
    def sure(self) -> Array:
        """(T, 13, 2) joints that score well enough to be used, NaN where they do not and in replaced poses."""
        used = (self.scores[:, :13] >= MIN_SCORE) & ~self.replaced[:, None]
        return np.where(used[..., None], self.joints[:, :13], np.nan)

    def swapped(self, part: str) -> Mask:
        """(T,) left and right of a part are exchanged: what is found lies nearer to the truth of the other side.

        Where a frame does not tell (the two sides cover each other) it is taken as swapped between two that are.
        """
        own, found = PARTS[part], self.sure
        straight = np.linalg.norm(found[:, own] - self.truth[:, own], axis=-1)
        crossed = np.linalg.norm(found[:, own] - self.truth[:, BODY13.mirror[own]], axis=-1)
        known = np.isfinite(straight) & np.isfinite(crossed)
        count = np.maximum(known.sum(-1), 1)
        gain = (np.where(known, straight, 0).sum(-1) - np.where(known, crossed, 0).sum(-1)) / count / self.size
        told = (known.sum(-1) >= 4) & (np.abs(gain) > SWAP_GAIN)
        at = np.flatnonzero(told)
        if not at.size:
            return np.zeros(len(gain), bool)
        frames = np.arange(len(gain))
        before = at[np.clip(np.searchsorted(at, frames, "right") - 1, 0, None)]
        after = at[np.clip(np.searchsorted(at, frames), None, len(at) - 1)]
        between = (before <= frames) & (frames <= after)
        return np.asarray(between & (gain[before] > 0) & (gain[after] > 0))

    def errors(self) -> Array:
        """(T, 13, 2) what is found less what is true, over the size, swapped parts put right; NaN where unknown."""
        found = self.sure
        for part, own in PARTS.items():
            rows = np.flatnonzero(self.swapped(part))[:, None]
            found[rows, own] = found[rows, BODY13.mirror[own]]
        return np.asarray((found - self.truth) / self.size[:, None, None])


def clip_track(found: dict[str, Array], truth: ClipTruth) -> ClipTrack:
    """What was found of the person of a clip beside its truth."""
    inside = truth.visible > 0
    seen = np.where(inside[..., None], truth.joints2d, np.nan)
    fps = (len(truth) - 1) / float(truth.times[-1] - truth.times[0])
    return ClipTrack(**found, truth=seen, truth3d=truth.joints3d, shown=inside[:, :12].sum(1) >= 4, fps=fps)


def mean_distance(points: Array, truth: Array) -> Array:
    """(N,) of poses (N, 13, 2) to the true joints in the picture, where a lost joint counts half of the size; infinite
    where there is nothing to compare."""
    whole = np.broadcast_to(truth, points.shape)
    size = person_size(whole, np.asarray(np.isfinite(whole).all(-1)))
    away = np.minimum(np.linalg.norm(points - truth, axis=-1), _FAR * size[:, None])
    known = np.isfinite(away)
    return np.where(known.any(1), np.where(known, away, 0).sum(1) / np.maximum(known.sum(1), 1), np.inf)


def nearest(points: Array, truth: Array) -> int | None:
    """Which of poses (N, 13, 2) is of the person whose joints are (13, 2), NaN outside the picture."""
    distance = mean_distance(points, truth)
    best = int(np.argmin(distance))
    size = float(person_size(truth[None], np.asarray(np.isfinite(truth).all(-1))[None])[0])
    return best if distance[best] <= _NEAR * size else None


def detect(folder: Path, model: Model) -> dict[str, Array]:
    """What our front end says of the person of a clip, frame by frame, without tracks."""
    truth = ClipTruth.load(folder / TRUTH)
    t = len(truth)
    out = {
        "joints": np.full((t, len(LIFT_JOINTS), 2), np.nan), "scores": np.zeros((t, len(LIFT_JOINTS))),
        "joints3d": np.full((t, 13, 3), np.nan), "translation": np.full((t, 3), np.nan),
    }  # fmt: skip
    seen = np.where(truth.visible[..., None] > 0, truth.joints2d, np.nan)
    for k, frame in enumerate(clip_frames(folder, truth.camera)):
        poses = model.detect(frame)
        if not poses or not np.isfinite(seen[k]).any():
            continue
        points = np.stack([np.asarray(p.joints2d) for p in poses])
        joints, scores = to_lift_joints(points, np.stack([p.scores for p in poses]), poses[0].skeleton)
        best = nearest(joints[:, :13], seen[k])
        if best is None:
            continue
        out["joints"][k], out["scores"][k] = joints[best], scores[best]
        (body,) = model.lifter([poses[best]], truth.camera)
        if body.joints3d is not None and body.translation is not None:
            out["joints3d"][k], out["translation"][k] = body.joints3d, body.translation
    return out


def read_tracks(roots: Sequence[Path], make: Callable[[], Model], sensed_by: str) -> list[ClipTrack]:
    """Tracks of all clips of some sets, from the clips' folders or, if they are not there, by a front end.

    Args:
        make: opens the front end. sensed_by: which one it is; what another one has found is not taken.

    Raises:
        FileError: a set has no clips. InputError: a clip is not of training subjects.
    """
    model: Model | None = None
    out = []
    for folder in tqdm([f for root in roots for f in clip_folders(root)], desc="clips", disable=None):
        truth = ClipTruth.load(folder / TRUTH)
        if truth.about.get("split") != "train":
            raise InputError(f"{folder} is of the split {truth.about.get('split')}: noise is fitted on train alone")
        found = _load(folder / _FILE, sensed_by, len(truth))
        if found is None:
            model = model or make()
            found = detect(folder, model)
            with replacing(folder / _FILE) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, sensed_by=sensed_by, **found)  # type: ignore[arg-type]
        out.append(clip_track(found, truth))
    return out


def _load(path: Path, sensed_by: str, frames: int) -> dict[str, Array] | None:
    """What is kept, if it is of this front end and of as many frames."""
    try:
        with np.load(path, allow_pickle=False) as data:
            if str(data["sensed_by"]) != sensed_by or len(data["joints"]) != frames:
                return None
            return {name: data[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def without_definitions(tracks: Sequence[ClipTrack]) -> list[Array]:
    """Errors of all tracks, less what is common to all of them: where a joint lies is a matter of definition, and
    virtual people vary in that by themselves."""
    errors = [track.errors() for track in tracks]
    common = np.nanmean(np.concatenate(errors), 0)
    return [e - common for e in errors]


def depth_and_size(track: ClipTrack) -> tuple[Array, Array]:
    """(T,) logarithms of the found over the true depth, and size in 3D; NaN where there is no pose."""
    centre = torso_centre(track.truth3d)
    spread = np.linalg.norm(track.truth3d - centre[:, None], axis=-1)[:, :12].mean(-1)
    own = np.linalg.norm(track.joints3d, axis=-1)[:, :12].mean(-1)
    return np.log(track.translation[:, 2] / centre[:, 2]), np.log(own / spread)
