"""3D poses over time from files, of our own or of other programs, as `PoseSequence`s: what `refine` takes.

| file | what |
|---|---|
| .jsonl, .json | our results; a track is an id |
| .json | MediaPipe's 33 world landmarks: a list of frames (or under "frames"), each with a time and its landmarks |
| .npz | `joints3d` (T, J, 3) or (T, P, J, 3) [m]; also `skeleton`, `times` or `fps`, `scores`, `up` ("-y" or "y") |
| AMASS's .npz, .bvh, .amc, .csv, .trc, .c3d, .glb | what `files.convert` reads, in a world with y up |

The first three are camera-oriented: y points down, unless an .npz says up = "y". What comes in a world with y up is
turned so; a world has no camera, so nothing is known of the places before one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.paths import input_file, read_text
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.skeletons import BODY13, SKELETONS, get_skeleton
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import People, Pose

Array = NDArray[np.float64]
Sequences = tuple[tuple[int | None, PoseSequence], ...]
"""Number of the person, None if there is only one, and its poses."""

_FLIP = np.array([1.0, -1.0, -1.0])
_LANDMARKS = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks", "landmarks")
_MILLISECONDS = ("timestamp_ms", "timestampMs", "time_ms")
DEFAULT_FPS = 30.0


def read_sequences(path: str | Path, *, skeleton: str | None = None, fps: float | None = None) -> Sequences:
    """Poses of each person in a file.

    Args:
        skeleton: of an .npz that does not say; None: told by the number of joints, if only one body has as many.
        fps: frames per second where the file has no times (None: 30).

    Raises:
        FileError, FormatError: the file is missing or broken. InputError: nobody is in it, or joints are lacking.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"frames per second are a number above 0, not {fps}")
    given = input_file(path, "3D poses over time")
    suffix = given.suffix.lower()
    if suffix == ".npz":
        found = _npz(given, skeleton, fps)
    elif suffix == ".json" and (frames := _mediapipe_frames(given)) is not None:
        found = ((None, _mediapipe(frames, given, fps)),)
    elif suffix in (".json", ".jsonl", ".partial"):
        from anchorpose.files.results import read_results

        found = people_sequences(read_results(given))
    else:
        found = _convertible(given)
    found = tuple((person, sequence) for person, sequence in found if sequence.seen.any())
    if not found:
        raise InputError(f"{given}: there is nobody in it in 3D")
    return found


def people_sequences(frames: Iterable[People]) -> Sequences:
    """Tracks of results by their ids; people without one are a track together if there is never more than one."""
    times: list[float] = []
    rows: dict[int | None, dict[int, Pose]] = {}
    for k, people in enumerate(frames):
        times.append(people.time)
        for person in people:
            if person.body is None or person.filled:  # what a motion has filled in nobody has seen
                continue
            track = rows.setdefault(person.id, {})
            if k in track:
                who = "without an id" if person.id is None else f"with the id {person.id}"
                raise InputError(f"frame {people.frame} has two people {who}: which poses belong together over time?")
            track[k] = person.body
    return tuple(
        (person, PoseSequence.from_poses([track.get(k) for k in range(min(track), max(track) + 1)],
                                         times[min(track) : max(track) + 1]))
        for person, track in rows.items()
    )  # fmt: skip


def _npz(path: Path, skeleton: str | None, fps: float | None) -> Sequences:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays: dict[str, np.ndarray] = {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise FormatError(f"{path}: not an .npz of arrays ({error})") from error
    if "joints3d" not in arrays:
        if "poses" in arrays or "root_orient" in arrays:
            return _convertible(path)
        raise FormatError(f"{path}: no array joints3d; there are {', '.join(sorted(arrays)) or 'none'}")
    joints = np.asarray(arrays["joints3d"], np.float64)
    if joints.ndim not in (3, 4) or joints.shape[-1] != 3:
        raise FormatError(f"{path}: joints3d must be (T, J, 3) or (T, P, J, 3), got {joints.shape}")
    name = skeleton or (str(arrays["skeleton"]) if "skeleton" in arrays else _by_count(joints.shape[-2], path))
    up = str(arrays.get("up", "-y"))
    if up not in ("y", "-y"):
        raise FormatError(f'{path}: up must be "y" or "-y", got {up!r}')
    if up == "y":
        joints = joints * _FLIP
    rate = fps or float(arrays.get("fps", DEFAULT_FPS))
    times = np.asarray(arrays["times"], np.float64) if "times" in arrays else np.arange(len(joints)) / rate
    scores = arrays.get("scores")
    if joints.ndim == 3:
        return ((None, PoseSequence.from_joints(joints, times, skeleton=name, scores=scores)),)
    return tuple(
        (p, PoseSequence.from_joints(joints[:, p], times, skeleton=name,
                                     scores=None if scores is None else scores[:, p]))
        for p in range(joints.shape[1])
    )  # fmt: skip


def _by_count(count: int, path: Path) -> str:
    bodies = [s.name for s in SKELETONS.values() if len(s) == count and "l_knee" in s]
    if len(bodies) == 1:
        return bodies[0]
    several = f"it could be {' or '.join(bodies)}" if bodies else f"there are {', '.join(SKELETONS)}"
    raise InputError(f"{path}: which skeleton has these {count} joints? It is to be said; {several}")


def _mediapipe_frames(path: Path) -> list[Any] | None:
    """The frames of a JSON file with MediaPipe's landmarks, None if it is something else."""
    text = read_text(path)
    if not any(f'"{name}"' in text for name in _LANDMARKS):
        return None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise FormatError(f"{path}: no JSON ({error})") from error
    frames = data.get("frames") if isinstance(data, Mapping) else data
    return frames if isinstance(frames, list) else None


def _mediapipe(frames: list[Any], path: Path, fps: float | None) -> PoseSequence:
    """MediaPipe's world landmarks are in metres about the hips, x right, y down, z away from the camera."""
    count = len(get_skeleton("mediapipe33"))
    joints, scores = np.full((len(frames), count, 3), np.nan), np.zeros((len(frames), count))
    times = np.arange(len(frames)) / (fps or DEFAULT_FPS)
    for t, frame in enumerate(frames):
        try:
            found = next((frame[name] for name in _LANDMARKS if frame.get(name)), None)
            if found and not isinstance(found[0], Mapping):  # a list of people: the first
                found = found[0]
            if found:
                joints[t] = [[p["x"], p["y"], p["z"]] for p in found]
                scores[t] = [p.get("visibility", 1.0) for p in found]
            seconds = frame.get("time", frame.get("timestamp"))
            thousandths = next((frame[name] for name in _MILLISECONDS if name in frame), None)
            if seconds is not None:
                times[t] = float(seconds)
            elif thousandths is not None:
                times[t] = float(thousandths) / 1000
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}, frame {t}: not {count} landmarks with x, y, z ({error})") from error
    return PoseSequence.from_joints(joints, times, skeleton="mediapipe33", scores=scores)


def _convertible(path: Path) -> Sequences:
    """Whatever `files.convert` reads: motions and points of people in a world with y up."""
    from anchorpose.files.convert import points_of, read_content
    from anchorpose.files.motion_clips import motion_of_clip
    from anchorpose.files.rigs import body13

    content = read_content(path)
    if content.clip is not None and content.clip.rotations is not None:
        clip = content.clip
        times = np.arange(len(clip)) / clip.fps
        if set(ANNY.names) <= set(clip.names):  # what we wrote ourselves
            motion = motion_of_clip(clip)
            joints = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
            return ((None, _from_world(canonical_body13(*joints), times, None)),)
        return ((None, _from_world(body13(clip), times, None)),)
    out = []
    for points in points_of(content, "a motion"):
        lacking = [n for n in BODY13.names[:12] if n not in points.names]
        if lacking:
            raise InputError(f"{path}: a person cannot be followed over time without {', '.join(lacking)}")
        body = np.full((len(points), len(BODY13), 3), np.nan)
        known = [(i, points.names.index(n)) for i, n in enumerate(BODY13.names) if n in points.names]
        for i, k in known:
            body[:, i] = points.positions[:, k]
        out.append((points.person, _from_world(body, points.times, points.scores, [k for _, k in known])))
    return tuple(out)


def _from_world(joints: Array, times: Array, scores: Array | None, columns: list[int] | None = None) -> PoseSequence:
    """Joints of a world with y up as if a level camera stood before them; no places."""
    turned = joints * _FLIP
    centre = torso_centre(turned)
    turned = turned - np.where(np.isfinite(centre), centre, 0.0)[:, None]
    body_scores = None
    if scores is not None and columns is not None:
        body_scores = np.ones(turned.shape[:2])
        body_scores[:, : len(columns)] = scores[:, columns]
    nowhere = np.full((len(turned), 3), np.nan)
    return PoseSequence.from_joints(turned, times, scores=body_scores, translation=nowhere)
