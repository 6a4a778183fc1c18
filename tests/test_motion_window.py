"""The window of live refining: as resampling everything anew, with each frame worked on no more than it must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorpose.measure.motion_rows import as_poses
from anchorpose.poses.errors import InputError
from anchorpose.poses.motion_view import JOINT_SCALE, counted, frame_rows, motion_view, view_of
from anchorpose.poses.resampling import resample
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.transforms import torso_centred
from anchorpose.poses.values import Pose
from anchorpose.sense.motion_window import LiveWindow, joints_of, sighting, window_rows
from toy_motion import hide, toy_sequence

NAMES = ("joints3d", "scores", "translation", "modes", "weights")
LENGTH = 12


def spoiled(seed: int, frames: int = 40) -> PoseSequence:
    """A track of any rate with uneven times, gaps, missing joints and places."""
    rng = np.random.default_rng(seed)
    fps = float(rng.choice([10.0, 25.0, 29.97, 30.0, 60.0]))
    track = toy_sequence(frames, seed % 50, fps=fps)
    track.joints3d[rng.random((frames, 13)) < rng.choice([0.0, 0.1])] = np.nan
    track.translation[rng.random(frames) < rng.choice([0.0, 0.3])] = np.nan
    track.scores[np.isnan(track.joints3d[..., 0])] = 0
    hidden = rng.random(frames) < rng.choice([0.0, 0.3])
    hidden[10 : 10 + int(rng.integers(0, 25))] |= rng.random() < 0.5
    hidden[0] = False
    track = hide(track, np.flatnonzero(hidden).tolist())
    times = track.times + rng.choice([0.0, 0.4]) * rng.uniform(-1, 1, frames) / fps
    return PoseSequence(times, *(getattr(track, name) for name in NAMES))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.booleans())
def test_the_window_is_that_of_all_sightings(seed: int, modes: bool) -> None:
    track = spoiled(seed)
    window = LiveWindow(LENGTH, 30.0, float(track.times[0]), modes=modes)
    for t, (pose, time) in enumerate(zip(as_poses(track), track.times.tolist(), strict=True)):
        window.add(sighting(pose, time), time)
        if seed % 3 == 0 and t % 3:
            continue  # not everybody asks after each moment
        grid = [window.grid(k) for k in range(window.newest - LENGTH + 1, window.newest + 1)]
        plain = resample(track.part(slice(0, t + 1)), grid)
        plain = plain if modes else plain.without_modes()
        rows = window_rows([window])[0]
        np.testing.assert_allclose(rows, frame_rows(*(getattr(plain, name) for name in NAMES)), atol=1e-9)


def test_a_frame_is_worked_on_once() -> None:
    """At the network's rate one frame is new each time, also while the person is away."""
    track = hide(toy_sequence(60), list(range(20, 50)))
    window, fresh = LiveWindow(LENGTH, 30.0, 0.0), []
    for pose, time in zip(as_poses(track), track.times.tolist(), strict=True):
        window.add(sighting(pose, time), time)
        fresh.append(len(window.fresh()))
        window_rows([window])
    assert fresh[0] == 1 and set(fresh[1:20]) == {1} and max(fresh) <= 4


def test_a_sighting_is_what_a_sequence_has() -> None:
    sequence = spoiled(5)
    for pose, time in zip(as_poses(sequence), sequence.times.tolist(), strict=True):
        row, one = sighting(pose, time), PoseSequence.from_poses([pose], [time])
        assert (row is not None) == one.seen[0]
        if row is not None:
            np.testing.assert_array_equal(row, np.concatenate([getattr(one, name).ravel() for name in NAMES]))
            np.testing.assert_array_equal(joints_of(row), one.joints3d[0])
    coco = Pose("coco17", 0.9, np.zeros(4), None, np.ones(17), np.random.default_rng(0).normal(size=(17, 3)))
    row = sighting(coco, 0.0)
    assert row is not None
    np.testing.assert_array_equal(joints_of(row), PoseSequence.from_poses([coco], [0.0]).joints3d[0])
    with pytest.raises(InputError, match="numbers of seconds"):
        sighting(None, float("nan"))


def test_what_was_seen_in_the_windows_axes() -> None:
    """Joints about the torso's centre; none where the torso is not whole; two windows as each alone."""
    tracks = [toy_sequence(LENGTH), hide(toy_sequence(LENGTH, 3), [4])]
    tracks[1].joints3d[2, 0] = tracks[1].joints3d[7, 5] = np.nan
    parts = [np.stack([getattr(track, name) for track in tracks]) for name in NAMES]
    rows = frame_rows(*parts)
    view = view_of(rows, np.zeros((2, 9)))
    joints, there = view.frames[..., :39].reshape(2, LENGTH, 13, 3) / JOINT_SCALE, counted(rows) > 0
    expected = torso_centred(parts[0]) @ np.swapaxes(view.turn, 1, 2)[:, None]
    np.testing.assert_array_equal(there, np.isfinite(expected).all(-1))
    np.testing.assert_allclose(joints[there], expected[there], atol=1e-6)
    for i in range(2):
        alone = motion_view(*(part[i : i + 1] for part in parts), np.zeros((1, 9)))
        for name, values in alone.inputs.items():
            np.testing.assert_allclose(view.inputs[name][i : i + 1], values, atol=1e-6)
