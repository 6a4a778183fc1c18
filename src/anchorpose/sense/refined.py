"""A refined motion as people of results: the pose that is reported, its pixels, and its `motion` block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.moments import blocks_of
from anchorpose.poses.skeletons import BODY13, convert
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import Mode, Motion, People, Person, Pose
from anchorpose.sense.motion import motion_joints

Array = NDArray[np.float64]

FILLED_SCORE = 0.25
"""Score of a person, and of its joints, in frames in which only its motion tells where it is."""

_METRES, _PIXELS = 4, 2  # decimals: 0.1 mm and 0.01 px


def refined_persons(
    motion: Motion,
    persons: Sequence[Person | None],
    cameras: Sequence[Camera],
    *,
    id: int | None = None,
    shown: Motion | None = None,
) -> list[Person]:
    """One person at T moments, refined.

    `body` becomes the motion's pose: joints about the torso's centre, its place, and the pixels where the camera sees
    them. Scores, box, modes, class probabilities, hands, face and labels stay the detector's. Where it saw nobody the
    person is `filled`.

    Args:
        motion: of "anny", in the camera frame.
        persons: what the detector and the lift saw at those moments, None where nobody.
        cameras: of those moments.
        id: of the track.
        shown: the same motion in the frame that the `motion` block shall be in; None: `motion`.

    Raises:
        InputError: numbers of moments differ, or the motion is not in the camera frame.
    """
    if not len(motion) == len(persons) == len(cameras):
        raise InputError(f"{len(motion)} moments need as many persons and cameras, not {len(persons)}, {len(cameras)}")
    if motion.frame != "camera":
        raise InputError("pixels are told by a motion in the camera frame")
    joints = motion_joints(motion)
    centre = torso_centre(joints)
    placed = (np.abs(centre) > 1e-6).any(1)
    pixels = _project(joints, cameras)
    local = np.round(joints - centre[:, None], _METRES)
    shown = shown or motion
    blocks = blocks_of(shown.skeleton, shown.frame, shown.rotations, shown.translation, shown.bone_lengths)
    out = []
    for t, person in enumerate(persons):
        place = np.round(centre[t], _METRES) if placed[t] else None
        points = np.round(pixels[t], _PIXELS) if np.isfinite(pixels[t]).any() else None
        if person is None or person.body is None:
            pose = _told(local[t], place, points)
            filled = Person(id, pose.score, pose.box, pose, filled=True, motion=blocks[t])
            out.append(filled if person is None else replace(person, id=id, body=pose, motion=blocks[t]))
            continue
        body = _refined(person.body, local[t], place, points)
        out.append(replace(person, id=id, body=body, motion=blocks[t], filled=False))
    return out


def _project(joints: Array, cameras: Sequence[Camera]) -> Array:
    """(T, 13, 2) [px]; all moments of one camera at once."""
    out = np.full((*joints.shape[:2], 2), np.nan)
    different: list[tuple[Camera, list[int]]] = []
    for t, camera in enumerate(cameras):
        rows = next((rows for known, rows in different if known is camera or known == camera), None)
        if rows is None:
            different.append((camera, [t]))
        else:
            rows.append(t)
    for camera, rows in different:
        out[rows] = camera.project(joints[rows])
    return out


def _told(local: Array, place: Array | None, points: Array | None) -> Pose:
    """A pose of which only the motion knows."""
    box = np.zeros(4) if points is None else np.concatenate([np.nanmin(points, 0), np.nanmax(points, 0)])
    scores = np.full(len(BODY13), FILLED_SCORE)
    return Pose(BODY13.name, FILLED_SCORE, np.round(box, _PIXELS), points, scores, local, place)


def _refined(body: Pose, local: Array, place: Array | None, points: Array | None) -> Pose:
    """The detector's pose with the motion's joints; joints it cannot place (behind the camera) stay where they were."""
    ours = body.skeleton == BODY13.name
    scores, seen = body.scores, body.joints2d
    if not ours:
        given = np.zeros((len(body.scores), 3)) if body.joints3d is None else body.joints3d
        scores = convert(given, body.skeleton, BODY13, body.scores)[1]
        seen = None if seen is None else convert(seen, body.skeleton, BODY13)[0]
    if points is None:
        points = seen
    elif seen is not None:
        points = np.where(np.isfinite(points), points, np.round(seen, _PIXELS))
    modes = tuple(_rounded(mode) for mode in body.modes) if ours else ()
    return Pose(
        BODY13.name, body.score, np.round(body.box, _PIXELS), points, np.round(scores, _METRES), local, place, modes,
        body.class_probs,
    )  # fmt: skip


def _rounded(mode: Mode) -> Mode:
    pixels = None if mode.joints2d is None else np.round(mode.joints2d, _PIXELS)
    return Mode(mode.weight, np.round(mode.joints3d, _METRES), np.round(mode.spread, _METRES), pixels)


def unrefined(people: People) -> People:
    """The people that were seen, without their motions: what is left of results to refine them anew. Bodies that were
    refined already stay so."""
    kept = tuple(person if person.motion is None else replace(person, motion=None) for person in people)
    return replace(people, persons=tuple(person for person in kept if not person.filled))
