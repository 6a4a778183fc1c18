"""3D poses over time from files, of our own or of other programs, as `PoseSequence`s: what `refine` takes.

| file | what |
|---|---|
| .jsonl, .json | our results; a track is an id |
| .json | MediaPipe's 33 world landmarks: a list of frames (or under "frames"), each with a time and its landmarks |
| .npz | `joints3d` (T, J, 3) or (T, P, J, 3) [m]; also `skeleton`, `times` or `fps`, `scores`, `up` ("-y", "y", "z") |
| AMASS's .npz, .bvh, .amc, .csv, .trc, .c3d, .glb | what `files.convert` reads, in a world with y up |

The first three are camera-oriented: x right, y down, z forward. An .npz may say otherwise by `up`, the axis that
points up: "-y" is that; "y" has x right and z backward, as cameras of OpenGL do; "z" is a world with x right and y
forward. What comes in a world is turned so; a world has no camera, so nothing is known of the places before one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.human_size import check_size
from anchorpose.files.paths import input_file, read_text
from anchorpose.files.points import Points
from anchorpose.files.reading import Options, check_scale, check_units, is_ours, read_content
from anchorpose.files.rig_names import some_names
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.numbering import Followed
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.skeletons import BODY13, SKELETONS, get_skeleton
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import People, Pose

Array = NDArray[np.float64]
Sequences = tuple[tuple[int | None, PoseSequence], ...]
"""Number of the person, None if there is only one, and its poses."""
Warn = Callable[[str], object]

_FLIP = np.array([1.0, -1.0, -1.0])
_TO_CAMERA = {"-y": np.eye(3), "y": np.diag(_FLIP), "z": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])}
"""By the axis that points up: (3, 3) that turns columns into x right, y down, z forward."""
_LANDMARKS = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks", "landmarks")
_MILLISECONDS = ("timestamp_ms", "timestampMs", "time_ms")
DEFAULT_FPS = 30.0


def read_sequences(
    path: str | Path,
    *,
    skeleton: str | None = None,
    fps: float | None = None,
    scale: float | None = None,
    up: str | None = None,
    warn: Warn | None = None,
) -> Sequences:
    """Poses of each person in a file.

    Args:
        skeleton: of an .npz that does not say; None: told by the number of joints, if only one body has as many.
        fps: frames per second where the file has no times (None: 30).
        scale: metres per unit, of .npz with `joints3d` and of formats in `files.reading.SCALED`; None: what the file
            says or is usual.
        up: the axis that points up, of .npz with `joints3d` ("-y", "y" or "z") and of formats in `files.reading.TURNED`
            ("y" or "z"); None: what the file says or is usual.
        warn: told, in a line, of people who are left out or of a doubtful size.

    Raises:
        FileError, FormatError: the file is missing or broken. InputError: nobody is in it, joints are lacking, people
        are of nobody's size in the unit of the file, or options make no sense.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"frames per second are a number above 0, not {fps}")
    given = input_file(path, "3D poses over time (of 2D ones `anchorpose lift` makes them)")
    suffix = given.suffix.lower()
    if suffix == ".npz":
        found = _npz(given, skeleton, fps, scale, up, warn)
    elif suffix not in (".json", ".jsonl", ".partial"):
        found = _convertible(given, scale, up, warn)
    else:
        check_units(given, scale, up)
        frames = _mediapipe_frames(given) if suffix == ".json" else None
        found = _results(given, warn) if frames is None else ((None, _mediapipe(frames, given, fps)),)
    found = tuple((person, sequence) for person, sequence in found if sequence.seen.any())
    if not found:
        raise InputError(f"{given}: there is nobody in it in 3D; of people in 2D `anchorpose lift` makes 3D ones")
    return found


def _results(path: Path, warn: Warn | None) -> Sequences:
    from anchorpose.files.results import read_results

    people = Followed(lambda: read_results(path))
    try:
        found = people_sequences(people)
    except FormatError as error:
        if is_ours(path):
            raise
        raise FormatError(f"{error}; 2D keypoints of other programs go through `anchorpose lift` first") from error
    if warn and (line := people.warning()):
        warn(f"{path}: {line}")
    return found


def people_sequences(frames: Iterable[People]) -> Sequences:
    """Tracks of results by their ids; people without one are a track together if there is never more than one.

    Where some have ids and others are in doubt, see `poses.numbering.Followed`.
    """
    times: list[float] = []
    rows: dict[int | None, dict[int, Pose]] = {}
    for k, people in enumerate(frames):
        times.append(people.time)
        for person in people:
            if person.body is None or person.body.joints3d is None or person.filled:  # filled in: nobody has seen it
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


def _npz(
    path: Path, skeleton: str | None, fps: float | None, scale: float | None, up: str | None, warn: Warn | None
) -> Sequences:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays: dict[str, np.ndarray] = {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise FormatError(f"{path}: not an .npz of arrays ({error})") from error
    if "joints3d" not in arrays:
        if "poses" in arrays or "root_orient" in arrays:
            return _convertible(path, scale, up, warn)
        raise FormatError(f"{path}: no array joints3d; there are {', '.join(sorted(arrays)) or 'none'}")
    joints = np.asarray(arrays["joints3d"], np.float64)
    if joints.ndim not in (3, 4) or joints.shape[-1] != 3:
        raise FormatError(f"{path}: joints3d must be (T, J, 3) or (T, P, J, 3), got {joints.shape}")
    name = skeleton or (str(arrays["skeleton"]) if "skeleton" in arrays else _by_count(joints.shape[-2], path))
    up = up or str(arrays.get("up", "-y"))
    several = _turned(joints[:, None] if joints.ndim == 3 else joints, name, path, scale, up, warn)
    nowhere = np.full((len(joints), 3), np.nan) if up == "z" else None  # a world, without a camera
    rate = fps or float(arrays.get("fps", DEFAULT_FPS))
    times = np.asarray(arrays["times"], np.float64) if "times" in arrays else np.arange(len(joints)) / rate
    scores = arrays.get("scores")
    if joints.ndim == 3:
        scores = None if scores is None else scores[:, None]
    return tuple(
        (None if joints.ndim == 3 else p,
         PoseSequence.from_joints(several[:, p], times, skeleton=name, translation=nowhere,
                                  scores=None if scores is None else scores[:, p]))
        for p in range(several.shape[1])
    )  # fmt: skip


def _turned(joints: Array, skeleton: str, path: Path, scale: float | None, up: str, warn: Warn | None) -> Array:
    """Joints (T, P, J, 3) of arrays in metres, x right, y down, z forward; InputError if nobody is so large."""
    if up not in _TO_CAMERA:
        raise FormatError(f"{path}: up, the axis that points up, is {' or '.join(map(repr, _TO_CAMERA))}, not {up!r}")
    check_scale(scale)
    names = get_skeleton(skeleton).names
    if joints.shape[2] == len(names):  # else `PoseSequence` says what is wrong

        def people(metres: float) -> list[tuple[tuple[str, ...], Array]]:
            return [(names, metres * joints[:, p]) for p in range(joints.shape[1])]

        check_size(path, people(scale or 1.0), scale, lambda: people(1.0), warn)
    return (scale or 1.0) * joints @ _TO_CAMERA[up].T


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


def _convertible(path: Path, scale: float | None, up: str | None, warn: Warn | None) -> Sequences:
    """Whatever `files.convert` reads: motions and points of people in a world with y up."""
    from anchorpose.files.convert import points_of
    from anchorpose.files.rigs import body13

    content = read_content(path, Options(scale=scale, up=up, warn=warn))
    if content.clip is not None and content.clip.rotations is not None:
        clip = content.clip
        times = np.arange(len(clip)) / clip.fps
        return ((None, _from_world(body13(clip), times, None)),)
    found = points_of(content, "a motion")
    return tuple((points.person, sequence_of_points(points, path)) for points in found)


def sequence_of_points(points: Points, path: Path) -> PoseSequence:
    """Points with BODY13's names, read from `path`, as poses before a level camera, about the torso; no places.

    Raises:
        InputError: one of the twelve joints of the limbs is not among them.
    """
    lacking = [n for n in BODY13.names[:12] if n not in points.names]
    if lacking:
        raise InputError(
            f"{path}: a person cannot be followed over time without {some_names(lacking)}; "
            f"there are {some_names(points.names)}"
        )
    body = np.full((len(points), len(BODY13), 3), np.nan)
    known = [(i, points.names.index(n)) for i, n in enumerate(BODY13.names) if n in points.names]
    for i, k in known:
        body[:, i] = points.positions[:, k]
    return _from_world(body, points.times, points.scores, [k for _, k in known])


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
