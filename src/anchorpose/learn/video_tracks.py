"""Our detector on videos without labels: tracks of people, with the gaps in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from anchorpose.files.sources import open_source
from anchorpose.learn.fit_clip_noise import Bursts, count_bursts
from anchorpose.measure.noise import person_size
from anchorpose.poses.lifting import to_lift_joints
from anchorpose.sense.movenet import MoveNetDetector

Array = NDArray[np.float64]
Track = tuple[Array, Array]
"""Joints (T, 14, 2), NaN where a frame has none, and scores (T, 14)."""

_SHORTEST, _WAIT = 30, 60  # frames: of a track that counts; over which a track of a video waits for a person
_NEAR = 0.1, 0.3  # shares of the size by which a person moves from frame to frame, and over a gap


def video_tracks(path: Path, quality: str, limit: int) -> list[Track]:
    """2D of everybody in a video, linked by the nearest pose, over gaps of up to two seconds (NaN); tracks of which
    less than a second was found are left out."""
    detector = MoveNetDetector(quality=quality)
    found = []
    with open_source(path) as source:
        for frame in tqdm(islice(source, limit), desc=path.name, disable=None):
            poses = detector.detect(frame)
            points = np.zeros((0, 14, 2)), np.zeros((0, 14))
            if poses:
                joints2d = np.stack([np.asarray(p.joints2d) for p in poses])
                points = to_lift_joints(joints2d, np.stack([p.scores for p in poses]), poses[0].skeleton)
            found.append(list(zip(*points, strict=True)))
    return link(found)


def link(found: Sequence[Sequence[tuple[Array, Array]]]) -> list[Track]:
    """Tracks of poses (joints (14, 2), scores (14,)) that were found in each frame."""
    open_tracks: list[dict[int, tuple[Array, Array]]] = []
    closed: list[dict[int, tuple[Array, Array]]] = []
    for number, poses in enumerate(found):
        free = set(range(len(poses)))
        for track in sorted(open_tracks, key=max, reverse=True):  # who was seen last chooses first
            last, gap = track[max(track)][0], number - max(track) - 1
            size = person_size(last[None], np.asarray(np.isfinite(last).all(-1))[None])[0]
            near = {i: float(np.nanmedian(np.linalg.norm(poses[i][0] - last, axis=-1))) / size for i in free}
            best = min(near, key=lambda i: near[i]) if near else None
            if best is not None and near[best] < _NEAR[gap > 0]:
                free.discard(best)
                track[number] = poses[best]
            elif gap >= _WAIT:
                open_tracks = [other for other in open_tracks if other is not track]
                closed.append(track)
        open_tracks += [{number: poses[i]} for i in free]
    out = []
    for track in (t for t in closed + open_tracks if len(t) >= _SHORTEST):
        first, frames = min(track), max(track) - min(track) + 1
        joints, scores = np.full((frames, 14, 2), np.nan), np.zeros((frames, 14))
        for number, (points, own) in track.items():
            joints[number - first], scores[number - first] = points, own
        out.append((joints, scores))
    return out


def pieces(tracks: Sequence[Track]) -> list[Track]:
    """Runs of a second or more without gaps."""
    out = []
    for joints, scores in tracks:
        rows = np.flatnonzero(np.isfinite(joints).all(-1).any(-1))
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
            if len(run) >= _SHORTEST:
                out.append((joints[run], scores[run]))
    return out


def video_gaps(video: Sequence[Track]) -> Bursts:
    """Runs without a pose within tracks."""
    return count_bursts([np.asarray(~np.isfinite(joints).all(-1).any(-1)) for joints, _ in video])
