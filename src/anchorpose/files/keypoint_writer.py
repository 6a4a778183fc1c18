"""Writes 2D keypoints as other programs read them: OpenPose's folder of a file a frame, and COCO results.

Pixels: (0, 0) is the centre of the top-left pixel, as in OpenPose; COCO's labels are whole numbers in the same sense.
A joint that is missing, or that the target has and the source has not, is 0, 0, 0.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.paths import reason, replacing, temporary_name
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.skeletons import COCO17, FACE68, HAND21, OPENPOSE25, Skeleton, convert
from anchorpose.poses.values import People, Person, Pose

_VERSION = 1.3
_EYES = 2  # OpenPose's faces have 68 points and the pupils
_WHOLEBODY = {"keypoints": (0, 17), "foot_kpts": (17, 23), "face_kpts": (23, 91), "lefthand_kpts": (91, 112),
              "righthand_kpts": (112, 133)}  # fmt: skip


def write_openpose(frames: Sequence[People], folder: str | os.PathLike[str]) -> None:
    """Writes a folder with OpenPose's JSON, one file for each frame, bodies as BODY_25; it appears whole or not at all.

    Frames of a video are `<video>_000000000012_keypoints.json`, photos `<photo>_keypoints.json`. Bodies that are placed
    in 3D have `pose_keypoints_3d` [m] in the frame of the camera.

    Raises:
        InputError: people without 2D, or two frames of one name. FileError: the folder is there and not empty, or
            cannot be written.
    """
    target = Path(folder)
    _check_2d(frames)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileError(f"{target} is there already; expected a new or an empty folder for OpenPose's files")
    names = [_openpose_name(people, len({p.source for p in frames}) > 1) for people in frames]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"{len(twice)} frames would have the name of another, such as {twice[0]}")
    partial = temporary_name(target)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, people in zip(names, frames, strict=True):
            (partial / name).write_text(json.dumps(_openpose(people), separators=(",", ":")), encoding="utf-8")
        if target.is_dir():
            target.rmdir()
        os.replace(partial, target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise FileError(f"{target} cannot be written: {reason(error)}") from error


def _check_2d(frames: Iterable[People]) -> None:
    for people in frames:
        for person in people:
            if person.body is not None and person.body.joints2d is None:
                raise InputError(f"frame {people.frame} has a person without 2D joints; keypoints are 2D")


def _openpose_name(people: People, photos: bool) -> str:
    stem = Path(people.source).stem or "frame"
    return f"{stem}_keypoints.json" if photos else f"{stem}_{people.frame:012d}_keypoints.json"


def _openpose(people: People) -> dict[str, Any]:
    return {"version": _VERSION, "people": [_openpose_person(person) for person in people]}


def _openpose_person(person: Person) -> dict[str, Any]:
    face = _flat(person.face, FACE68)
    return {
        "person_id": [-1 if person.id is None else person.id],
        "pose_keypoints_2d": _flat(person.body, OPENPOSE25),
        "face_keypoints_2d": [*face, *[0.0] * 3 * _EYES] if face else [],
        "hand_left_keypoints_2d": _flat(person.left_hand, HAND21),
        "hand_right_keypoints_2d": _flat(person.right_hand, HAND21),
        "pose_keypoints_3d": _flat(person.body, OPENPOSE25, space=True),
        "face_keypoints_3d": [], "hand_left_keypoints_3d": [], "hand_right_keypoints_3d": [],
    }  # fmt: skip


def _flat(pose: Pose | None, skeleton: Skeleton, space: bool = False) -> list[float]:
    """x, y, score, x, y, score, ... of a pose in the order of a skeleton (x, y, z, score in space); [] without it."""
    if pose is None:
        return []
    points = pose.joints_camera if space else pose.joints2d
    if points is None:
        return []
    joints, scores = convert(points, pose.skeleton, skeleton, pose.scores)
    known = np.isfinite(joints).all(-1)[:, None]
    rows = np.where(known, np.concatenate([np.nan_to_num(joints), scores[:, None]], 1), 0.0)
    return [round(v, 5) for v in rows.reshape(-1).tolist()]


def write_coco_results(frames: Sequence[People], path: str | os.PathLike[str]) -> None:
    """Writes COCO results: a list with an entry for each person, the bodies as COCO's 17 joints.

    `image_id` is the number in the photo's name (000000000139.jpg is 139), else its name; of a video the frame number.
    Bodies of 133 joints have `foot_kpts`, `face_kpts`, `lefthand_kpts` and `righthand_kpts` too, as COCO-WholeBody.
    Frames without people leave no trace: the format has no place for them.

    Raises:
        InputError: people without 2D.
    """
    _check_2d(frames)
    photos = len({p.source for p in frames}) > 1 or (len(frames) == 1 and frames[0].frame == 0)
    entries = [
        _coco(person, person.body, _image_id(people, photos))
        for people in frames
        for person in people
        if person.body is not None
    ]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(entries, separators=(",", ":")), encoding="utf-8")


def _image_id(people: People, photos: bool) -> int | str:
    if not photos:
        return people.frame
    source = Path(people.source)
    return int(source.stem) if source.stem.isdecimal() else source.name


def _coco(person: Person, body: Pose, image: int | str) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(float(v), 3) for v in np.nan_to_num(person.box))
    whole = len(body.record) == 133
    flat = np.array(_flat(body, body.record if whole else COCO17)).reshape(-1, 3)
    parts = _WHOLEBODY if whole else {"keypoints": (0, len(COCO17))}
    entry: dict[str, Any] = {"image_id": image, "category_id": 1}
    entry |= {name: flat[a:b].reshape(-1).tolist() for name, (a, b) in parts.items()}
    entry |= {"score": float(person.score), "bbox": [x0, y0, round(x1 - x0, 3), round(y1 - y0, 3)]}
    return entry if person.id is None else entry | {"track_id": person.id}
