"""Tracks refined part by part from rows on disk: the motion is that of the whole track at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.poses.sequences import PoseSequence
from anchorpose.sense.motion_parts import RefinedTrack, refine_tracks
from anchorpose.sense.motion_settle import NOT_SETTLED, SETTLED, SettleSettings
from anchorpose.sense.track_rows import TrackRows
from test_motion import as_poses
from toy_motion import hide, toy_refiner, toy_sequence


def rows_of(sequence: PoseSequence, folder: Path, id: int = 1, first: int = 0) -> TrackRows:
    track = TrackRows.begin(id, first, folder)
    for t, pose in enumerate(as_poses(sequence)):
        if pose is not None:
            track.add(first + t, pose)
    return track


def refined(
    tracks: list[TrackRows], times: np.ndarray, seconds: float, settled: SettleSettings = SETTLED
) -> dict[int, RefinedTrack]:
    done: dict[int, int] = {}
    out = {}
    for one, frames in refine_tracks(toy_refiner(stride=3, settled=settled), tracks, times, seconds):
        out[one.track.id] = one
        done[one.track.id] = done.get(one.track.id, 0) + frames
    assert done == {track.id: len(track) for track in tracks}
    return out


@pytest.mark.parametrize("fps", [30.0, 12.0, 47.0])
@pytest.mark.parametrize("seconds", [0.6, 1.0, 30.0])
def test_parts_have_no_seams(tmp_path: Path, fps: float, seconds: float) -> None:
    """With gaps, one of them over the end of a part, at rates below and above the network's."""
    whole = hide(toy_sequence(120, noise=0.01, fps=fps), [*range(17, 25), *range(50, 95), 100])
    expected = toy_refiner(stride=3, settled=NOT_SETTLED).refine(whole)
    times = np.concatenate([[-0.2, -0.1], whole.times])
    (track,) = refined([rows_of(whole, tmp_path, first=2)], times, seconds, NOT_SETTLED).values()
    motion = track.motion()
    np.testing.assert_allclose(motion.rotations, expected.rotations, atol=2e-5)
    np.testing.assert_allclose(motion.translation, expected.translation, atol=2e-5)
    np.testing.assert_allclose(motion.bone_lengths, expected.bone_lengths, atol=2e-5)
    np.testing.assert_array_equal(motion.observed, whole.seen)
    part = track.motion(30, 40)
    np.testing.assert_allclose(part.translation, motion.translation[30:40])
    np.testing.assert_array_equal(part.times, whole.times[30:40])


def test_settled_parts(tmp_path: Path) -> None:
    """A track of one part is settled as `Refiner` does it; of several, all but for measures that are not known yet."""
    whole = hide(toy_sequence(120, noise=0.01), [*range(17, 25), *range(60, 75)])
    expected = toy_refiner(stride=3).refine(whole)
    for seconds, most in ((30.0, 2e-5), (1.0, 0.1)):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        (track,) = refined([rows_of(whole, folder)], whole.times, seconds).values()
        np.testing.assert_allclose(track.motion().rotations, expected.rotations, atol=most)
        np.testing.assert_allclose(track.motion().bone_lengths, expected.bone_lengths, atol=2e-5)


def test_many_people_of_any_length(tmp_path: Path) -> None:
    """Short tracks share a batch; one frame is enough."""
    lengths = [1, 2, 5, 16, 17, 40]
    tracks = [rows_of(toy_sequence(n, k), tmp_path, k + 1, first=k) for k, n in enumerate(lengths)]
    times = np.arange(60) / 30
    found = refined(tracks, times, 1.0)
    for k, n in enumerate(lengths):
        motion = found[k + 1].motion()
        expected = toy_refiner(stride=3).refine(toy_sequence(n, k))
        assert len(motion) == n
        np.testing.assert_allclose(motion.rotations, expected.rotations, atol=2e-5)
        np.testing.assert_allclose(motion.times, times[k : k + n])


def test_rows_come_back(tmp_path: Path) -> None:
    """What was added, gaps between, whatever part is read; a second pose in a frame is left out."""
    whole = hide(toy_sequence(700), slice(300, 310))
    track = rows_of(whole, tmp_path)
    track.add(699, as_poses(whole)[0])  # type: ignore[arg-type]
    assert len(track) == 700 and track.seen == 690
    part = track.sequence(295, 312, whole.times[295:312])
    np.testing.assert_array_equal(part.seen, whole.seen[295:312])
    np.testing.assert_allclose(part.joints3d, whole.joints3d[295:312], atol=1e-6)
    np.testing.assert_allclose(part.weights, whole.weights[295:312], atol=1e-6)
    few = track.joints(100)
    seen = whole.joints3d[whole.seen]
    np.testing.assert_allclose(few, seen[::6], atol=1e-6)
