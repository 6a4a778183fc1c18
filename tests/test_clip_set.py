"""Clips on disk, and what front ends say of them: matching, boxes in gaps, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.video import VideoWriter
from anchorpose.measure.clip_fronts import (
    FRONTS,
    Peer,
    carried_boxes,
    matched,
    on_box,
    read_fronts,
    save_sequence,
)
from anchorpose.measure.clip_set import TRUTH, VIDEO, ClipTruth, clip_folders, clip_frames
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.values import Frame, Pose
from toy_motion import toy_sequence, toy_truth

CAMERA = Camera.from_fov(64, 48, 60)


def toy_clip(frames: int = 12, seed: int = 0) -> ClipTruth:
    joints3d = toy_truth(frames, seed)
    joints2d = CAMERA.project(joints3d)
    boxes = np.concatenate([joints2d.min(1), joints2d.max(1)], -1)
    visible = np.full((frames, 13), 2, np.uint8)
    return ClipTruth(np.arange(frames) / 30, joints3d, joints2d, visible, boxes, CAMERA, {"kind": "free"})


def pose_at(truth: ClipTruth, t: int, shift: float = 0.0, score: float = 0.9) -> Pose:
    """What sees the person of a frame, `shift` px to the right."""
    points = truth.joints2d[t] + (shift, 0)
    return Pose("body13", score, truth.boxes[t], points, np.ones(13), truth.joints3d[t])


def test_truth_goes_round(tmp_path: Path) -> None:
    truth = toy_clip()
    truth.save(tmp_path / TRUTH)
    again = ClipTruth.load(tmp_path / TRUTH)
    for name in ("times", "joints3d", "joints2d", "visible", "boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(truth, name))
    assert again.camera == truth.camera and again.about == {"kind": "free"} and len(again) == 12
    (tmp_path / TRUTH).write_bytes(b"no archive")
    with pytest.raises(FormatError, match="rendered clip"):
        ClipTruth.load(tmp_path / TRUTH)
    with pytest.raises(InputError, match="joints2d"):
        ClipTruth(truth.times, truth.joints3d, truth.joints3d, truth.visible, truth.boxes, CAMERA, {})


def test_folders_and_frames(tmp_path: Path) -> None:
    """Only finished clips count; frames come with the camera of the clip."""
    with pytest.raises(FileError, match="clip_table"):
        clip_folders(tmp_path)
    folder = tmp_path / "clip_000"
    folder.mkdir()
    (tmp_path / "clip_001").mkdir()
    toy_clip(3).save(folder / TRUTH)
    with VideoWriter(folder / VIDEO, 30, (64, 48)) as video:
        for level in (50, 100, 150):
            video.write(np.full((48, 64, 3), level, np.uint8))
    assert clip_folders(tmp_path) == [folder]
    frames = list(clip_frames(folder, CAMERA))
    assert [f.index for f in frames] == [0, 1, 2] and frames[0].camera == CAMERA
    np.testing.assert_allclose([f.time for f in frames], np.arange(3) / 30, atol=1e-3)
    np.testing.assert_allclose([f.image.mean() for f in frames], [50, 100, 150], atol=4)


def test_the_pose_that_fits_is_taken() -> None:
    truth = toy_clip()
    near, far = pose_at(truth, 4, 0.3), pose_at(truth, 4, 40.0)
    assert matched([far, near], truth, 4) is near
    assert matched([far], truth, 4) is None and matched([], truth, 4) is None
    flat = Pose("body13", 0.9, truth.boxes[4], truth.joints2d[4], np.ones(13))
    assert matched([flat], truth, 4) is None  # no 3D
    truth.visible[4] = 0
    assert matched([near], truth, 4) is None  # nobody is in the picture


def test_a_peer_on_a_box() -> None:
    truth, frame = toy_clip(), Frame(np.zeros((48, 64, 3), np.uint8), CAMERA)
    peer = Peer("peer", lambda _, boxes: [pose_at(truth, 2, score=0.6) for _ in boxes], 0.5)
    assert on_box(peer, frame, truth.boxes[2], truth, 2) is not None
    assert on_box(Peer("peer", peer.run, 0.7), frame, truth.boxes[2], truth, 2) is None
    assert on_box(peer, frame, np.full(4, np.nan), truth, 2) is None


def test_boxes_are_carried_over_gaps() -> None:
    """In between over gaps of up to two seconds, held at the ends for so long, and nothing beyond."""
    truth = toy_clip(10)
    times = np.array([0, 1, 2, 3, 4, 5, 8, 9, 11, 12], float)
    poses: list[Pose | None] = [None] * 10
    for t, x in ((2, 10.0), (4, 20.0), (7, 30.0)):
        poses[t] = Pose("body13", 0.9, np.array([x, 0, x + 5, 9]), None, np.ones(13), truth.joints3d[t])
    boxes = carried_boxes(poses, times)
    np.testing.assert_allclose(boxes[:, 0], [10, 10, 10, 15, 20, np.nan, np.nan, 30, 30, np.nan])
    np.testing.assert_allclose(boxes[3], [15, 0, 20, 9])
    assert np.isnan(carried_boxes([None, None], np.array([0.0, 1]))).all()


def test_fronts_are_kept(tmp_path: Path) -> None:
    """Run once for a clip; again if a file is broken."""
    runs = []

    def make():  # type: ignore[no-untyped-def]
        runs.append(1)
        return lambda folder: {name: toy_sequence(9, k) for k, name in enumerate(FRONTS)}

    first = read_fronts(tmp_path, make)
    again = read_fronts(tmp_path, make)
    assert len(runs) == 1 and tuple(again) == FRONTS
    for name in FRONTS:
        for field in PoseSequence.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(first[name], field), getattr(again[name], field))
    next(tmp_path.glob("*.npz")).write_bytes(b"")
    read_fronts(tmp_path, make)
    assert len(runs) == 2
    save_sequence(PoseSequence.empty(np.arange(3.0)), tmp_path / "nobody.npz")
