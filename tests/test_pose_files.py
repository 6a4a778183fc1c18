"""Poses from elsewhere: files in, sequences and motions out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.keypoint_writer import write_openpose
from anchorpose.files.results import save
from anchorpose.files.sequences import people_sequences, read_sequences
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.skeletons import MEDIAPIPE33
from anchorpose.poses.transforms import torso_centred
from anchorpose.poses.values import Mode, People, Person, Pose
from moving_people import people_frames
from toy_motion import toy_refiner, toy_sequence, toy_truth
from user_files import walker_bvh

CAMERA = Camera.from_fov(640, 480)


def people(frames: int = 24) -> list[People]:
    """Two people, one of them away for some frames, in results."""
    tracks = [toy_sequence(frames, seed) for seed in range(2)]
    out = []
    for t in range(frames):
        persons = []
        for number, s in enumerate(tracks):
            if number == 1 and 8 <= t < 14:
                continue
            modes = tuple(Mode(float(w), s.modes[t, m], np.zeros(13)) for m, w in enumerate(s.weights[t]) if w > 0)
            body = Pose("body13", 0.9, np.zeros(4), None, s.scores[t], s.joints3d[t], s.translation[t], modes)
            persons.append(Person.from_body(body, id=number))
        out.append(People(tuple(persons), "clip.mp4", t, t / 30, 640, 480, CAMERA))
    return out


def landmarks(frames: int = 10) -> list[dict]:
    joints = torso_centred(toy_truth(frames))
    out = []
    for t in range(frames):
        points = [{"x": 0.0, "y": -0.7, "z": 0.0, "visibility": 0.9} for _ in MEDIAPIPE33.names]
        for i, name in enumerate(("r_ankle", "l_ankle", "r_knee", "l_knee", "r_hip", "l_hip", "r_wrist", "l_wrist",
                                  "r_elbow", "l_elbow", "r_shoulder", "l_shoulder")):  # fmt: skip
            x, y, z = joints[t, i].tolist()
            points[MEDIAPIPE33.index(name)] = {"x": x, "y": y, "z": z, "visibility": 0.8}
        out.append({"timestamp_ms": 40 * t, "pose_world_landmarks": [] if t == 3 else [points]})
    return out


def test_results_by_their_ids(tmp_path: Path) -> None:
    save(people(), tmp_path / "clip.jsonl")
    found = dict(read_sequences(tmp_path / "clip.jsonl"))
    assert sorted(found, key=str) == [0, 1]
    np.testing.assert_allclose(found[0].joints3d, toy_sequence(24, 0).joints3d, atol=1e-6)
    np.testing.assert_allclose(found[0].weights[:, :2], [[0.7, 0.3]] * 24)
    np.testing.assert_array_equal(np.flatnonzero(~found[1].seen), np.arange(8, 14))
    twice = [People((p[0], p[0]), p.source, p.frame, p.time, 640, 480, CAMERA) for p in people(2)]
    with pytest.raises(InputError, match="two people with the id 0"):
        people_sequences(twice)


def test_mediapipe(tmp_path: Path) -> None:
    """Times in thousandths of a second, an empty frame, visibility as the score."""
    for data in (landmarks(), {"frames": landmarks()}):
        (tmp_path / "a.json").write_text(json.dumps(data))
        ((person, found),) = read_sequences(tmp_path / "a.json")
        assert person is None and not found.seen[3] and found.seen.sum() == 9
        np.testing.assert_allclose(found.times, 0.04 * np.arange(10))
        np.testing.assert_allclose(found.joints3d[0, :12], torso_centred(toy_truth(10))[0, :12], atol=1e-9)
        np.testing.assert_allclose(found.scores[0, :12], 0.8)
        assert np.isnan(found.translation).all()
    (tmp_path / "a.json").write_text(json.dumps([{"landmarks": [{"x": 1}]}]))
    with pytest.raises(FormatError, match="frame 0: not 33 landmarks"):
        read_sequences(tmp_path / "a.json")


def test_arrays(tmp_path: Path) -> None:
    """One person or several, y down or up, times or a rate, a skeleton by name or by count; the rest are errors."""
    truth = toy_truth(6)
    path = tmp_path / "poses.npz"
    np.savez(path, joints3d=truth, fps=50.0)
    ((_, found),) = read_sequences(path)
    np.testing.assert_allclose(found.joints3d, truth)
    np.testing.assert_allclose(found.times, np.arange(6) / 50)
    np.savez(path, joints3d=truth * (1, -1, -1), up="y", skeleton="body13", times=np.arange(6) / 10)
    np.testing.assert_allclose(read_sequences(path)[0][1].joints3d, truth)
    np.savez(path, joints3d=np.stack([truth, truth + 0.1], 1), scores=np.full((6, 2, 13), 0.5))
    both = read_sequences(path, fps=25)
    assert [p for p, _ in both] == [0, 1] and both[1][1].scores.max() == 0.5
    np.savez(path, joints3d=np.zeros((6, 17, 3)))
    with pytest.raises(InputError, match="it could be coco17 or h36m17"):
        read_sequences(path)
    assert len(read_sequences(path, skeleton="coco17")[0][1]) == 6
    np.savez(path, joints3d=np.full((6, 13, 3), np.nan))
    with pytest.raises(InputError, match="nobody"):
        read_sequences(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(FormatError, match="no array joints3d; there are other"):
        read_sequences(path)
    path.write_bytes(b"no")
    with pytest.raises(FormatError, match="not an .npz"):
        read_sequences(path)
    with pytest.raises(InputError, match="above 0"):
        read_sequences(path, fps=0)


def test_a_motion_goes_in_again(tmp_path: Path) -> None:
    """Refined results written as BVH are read as poses of a world: joints about the torso stay, places are unknown."""
    from anchorpose.files.convert import Content, Options, write_content
    from anchorpose.poses.ground import to_world
    from anchorpose.sense.motion import motion_joints

    save(people(), tmp_path / "clip.jsonl")
    ((person, sequence), *_) = read_sequences(tmp_path / "clip.jsonl")
    motion = to_world(toy_refiner().refine(sequence), up=(0, -1, 0))
    content = Content(tmp_path / "clip.jsonl", "motions", motions=((person, motion),))
    (written,) = write_content(content, tmp_path / "clip.bvh", "bvh", Options())
    ((_, again),) = read_sequences(written)
    assert again.seen.all() and np.isnan(again.translation).all()
    np.testing.assert_allclose(again.joints3d, torso_centred(motion_joints(motion) * (1, -1, -1)), atol=2e-3)


def test_people_in_doubt(tmp_path: Path) -> None:
    """Two people without an id in a frame do not stop those who have one; where nobody has, they do."""
    frames = people()
    frames[3] = replace(frames[3], persons=tuple(replace(p, id=None) for p in frames[3]))
    save(frames, tmp_path / "clip.jsonl")
    told: list[str] = []
    found = dict(read_sequences(tmp_path / "clip.jsonl", warn=told.append))
    assert sorted(found) == [0, 1] and not any(s.seen[3] for s in found.values())
    assert len(told) == 1 and "clip.jsonl: 2 sightings of people in doubt" in told[0]
    save([replace(f, persons=tuple(replace(p, id=None) for p in f)) for f in frames], tmp_path / "clip.jsonl")
    with pytest.raises(InputError, match="frame 0 has two people without an id"):
        read_sequences(tmp_path / "clip.jsonl")


def test_units_and_axes_of_arrays(tmp_path: Path) -> None:
    """Millimetres are refused with the scale that fits; z up is turned, as world coordinates without places."""
    truth, path = toy_truth(6), tmp_path / "poses.npz"
    np.savez(path, joints3d=1000 * truth)
    with pytest.raises(
        InputError, match=r"poses\.npz: legs of .*is its unit 1 m\? With --scale 0\.001 they would have"
    ):
        read_sequences(path)
    np.testing.assert_allclose(read_sequences(path, scale=0.001)[0][1].joints3d, truth)
    told: list[str] = []
    read_sequences(path, scale=1.0, warn=told.append)
    assert len(told) == 1 and "With --scale 0.001" in told[0]
    world = np.stack([truth[..., 0], truth[..., 2], -truth[..., 1]], -1)
    for said, asked in (("y", "z"), ("z", None)):
        np.savez(path, joints3d=world, up=said)
        ((_, found),) = read_sequences(path, up=asked)
        np.testing.assert_allclose(found.joints3d, truth)
        assert np.isnan(found.translation).all()
    np.savez(path, joints3d=truth, up="x")
    with pytest.raises(FormatError, match="up, the axis that points up, is '-y' or 'y' or 'z', not 'x'"):
        read_sequences(path)


def test_units_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "walk.bvh").write_text(walker_bvh(4))
    with pytest.raises(InputError, match=r"walk\.bvh: .* With --scale 1 they would have 0\.83 m"):
        read_sequences(tmp_path / "walk.bvh")
    assert read_sequences(tmp_path / "walk.bvh", scale=1.0)[0][1].seen.all()
    save(people(), tmp_path / "clip.jsonl")
    with pytest.raises(InputError, match="--scale is for"):
        read_sequences(tmp_path / "clip.jsonl", scale=0.001)


def test_flat_people_are_lifted_first(tmp_path: Path) -> None:
    """2D goes nowhere here, and the message says where it goes."""
    flat = people_frames(space=False)
    save([replace(f, time=0.0) for f in flat], tmp_path / "flat.jsonl")
    with pytest.raises(InputError, match="nobody in it in 3D; of people in 2D `anchorpose lift` makes"):
        read_sequences(tmp_path / "flat.jsonl")
    write_openpose(flat, tmp_path / "openpose")
    for path in (tmp_path / "openpose", next((tmp_path / "openpose").iterdir())):
        with pytest.raises(InputError, match="`anchorpose lift`"):
            read_sequences(path)
