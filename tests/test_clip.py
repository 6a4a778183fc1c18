"""The second pass: results of single frames in, refined tracks out; what has changed is told; memory stays flat."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anchorpose.files.result_motions import motions_of_people
from anchorpose.files.results import save
from anchorpose.files.results_index import IndexedResults
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import torso_centred
from anchorpose.poses.values import People
from anchorpose.sense.clip import RefinedClip, refine_clip
from anchorpose.sense.clip_report import swapped_sides
from anchorpose.sense.motion import motion_joints
from anchorpose.sense.refined import FILLED_SCORE, refined_persons, unrefined
from test_pose_files import CAMERA, people
from toy_motion import toy_refiner, toy_sequence, toy_truth

ClipOf = Callable[..., RefinedClip]


@pytest.fixture
def clip_of(tmp_path: Path) -> Iterator[ClipOf]:
    """Frames as results on disk, refined."""
    refiner = toy_refiner()
    with ExitStack() as stack:

        def make(frames: Iterable[People], **options: Any) -> RefinedClip:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            save(frames, folder / "seen.jsonl")
            results = stack.enter_context(IndexedResults(folder / "seen.jsonl"))
            return refine_clip(results, refiner, folder, **options)

        yield make


def named(count: int = 24) -> list[People]:
    """`people` with the ids 1 and 2; the second is away in frames 8 to 13."""
    return [replace(p, persons=tuple(replace(q, id=(q.id or 0) + 1) for q in p)) for p in people(count)]


def test_every_frame_of_a_track(clip_of: ClipOf) -> None:
    """Refined where it was seen, filled in where not, with a motion whose joints the body has."""
    ticks: list[int] = []
    clip = clip_of(named(), read=ticks.append, total=ticks.append, refined=ticks.append)
    out = list(clip.people())
    assert [sorted(p.id or 0 for p in frame) for frame in out] == [[1, 2]] * 24
    assert [k for k, frame in enumerate(out) if any(p.filled for p in frame)] == list(range(8, 14))
    assert ticks[:24] == [1] * 24 and ticks[24] == 48 == sum(ticks[25:])
    motions = dict(clip.motions())
    assert {id: m.frame for id, m in motions.items()} == {1: "camera", 2: "camera"}
    for k, frame in enumerate(out):
        for person in frame:
            body = person.body
            assert body is not None and body.joints_camera is not None and body.joints2d is not None
            np.testing.assert_allclose(body.joints_camera, motion_joints(motions[person.id or 0])[k], atol=2e-4)
            np.testing.assert_allclose(body.joints2d, CAMERA.project(body.joints_camera), atol=0.5)
            np.testing.assert_allclose(torso_centred(body.joints3d), body.joints3d, atol=1e-4)
            if person.filled:
                assert person.score == FILLED_SCORE and not body.modes
            else:
                assert len(body.modes) == 2 and body.score == 0.9
    again = dict(motions_of_people(out))
    for id, motion in motions.items():
        np.testing.assert_allclose(motion_joints(again[id]), motion_joints(motion), atol=1e-3)
        np.testing.assert_array_equal(again[id].observed, motion.observed)


def test_refining_twice(clip_of: ClipOf) -> None:
    """Refined results go in again: who was filled in is left out first."""
    first = list(clip_of(named()).people())
    assert [len(unrefined(frame)) for frame in first] == [len(frame) for frame in named()]
    again = list(clip_of(first).people())
    assert [[p.filled for p in frame] for frame in again] == [[p.filled for p in frame] for frame in first]


def test_the_report(clip_of: ClipOf) -> None:
    """Counts over the tracks, and jitter before and after over the same frames."""
    report = clip_of(named()).report
    assert (report.frames, report.people, report.seen, report.total) == (24, 2, 42, 48)
    assert report.coverage == (42 / 48, 1.0)
    told = report.to_dict()
    assert told["filled"] == 6 and told["coverage"] == {"before": 0.875, "after": 1.0} and len(told["tracks"]) == 2
    truth = torso_centred(toy_truth(24)) * 1000
    expected = np.median(np.linalg.norm(truth[2:] - 2 * truth[1:-1] + truth[:-2], axis=-1))
    assert told["tracks"][0]["jitter_mm_per_frame2"][0] == pytest.approx(expected, rel=0.02)
    assert any("coverage 87.5 % -> 100.0 %" in line for line in report.lines())


def test_swapped_sides() -> None:
    """Legs of frame 2 and arms of frame 3 exchanged; a pose that is merely off is no swap."""
    truth = toy_truth(6)
    seen = truth + 0.02 * np.random.default_rng(0).normal(size=truth.shape)
    for frame, names in ((2, ("knee", "ankle")), (3, ("elbow", "wrist"))):
        for name in names:
            right, left = BODY13.index(f"r_{name}"), BODY13.index(f"l_{name}")
            seen[frame, [right, left]] = seen[frame, [left, right]]
    seen[4, BODY13.index("l_wrist")] += 0.5
    seen[5] = np.nan
    found = swapped_sides(seen, truth)
    assert np.argwhere(found).tolist() == [[2, 0], [3, 1]]


def test_in_the_world(clip_of: ClipOf) -> None:
    """The motion's block is in the world, ankles near the ground; the body stays in the camera's frame."""
    clip = clip_of(named(), frame="world")
    camera = [clip.tracks[id].motion() for id in (1, 2)]
    for (_, motion), own in zip(clip.motions(), camera, strict=True):
        assert motion.frame == "world"
        joints, seen = motion_joints(motion), motion_joints(own)
        np.testing.assert_allclose(np.linalg.norm(joints[:, 0] - joints[:, 12], axis=-1),
                                   np.linalg.norm(seen[:, 0] - seen[:, 12], axis=-1), atol=1e-5)  # fmt: skip
        assert -0.3 < joints[..., 1].min() < 0.3
    person = next(iter(clip.people()))[0]
    assert person.motion is not None and person.motion.frame == "world"
    assert person.body is not None and person.body.translation is not None and person.body.translation[2] > 1
    with pytest.raises(InputError, match="camera or world"):
        clip_of(named(), frame="moon")


def test_ids_that_came_late(clip_of: ClipOf) -> None:
    """Who was in doubt in the first frames has the id there too."""
    frames = named()
    for k in range(2):
        frames[k] = replace(frames[k], persons=tuple(replace(p, id=None) for p in frames[k]))
    late = {("clip.mp4", 0): {0: 1}, ("clip.mp4", 1): {0: 1, 1: 2}}
    out = list(clip_of(frames, late=late).people())
    assert [[p.id for p in frame] for frame in out[:3]] == [[1, None], [1, 2], [1, 2]]
    assert out[0][1].motion is None and out[0][1] == frames[0][1]


@pytest.mark.parametrize("what", ["nobody", "one frame", "no ids", "times", "nan", "no 3D"])
def test_odd_clips(clip_of: ClipOf, what: str) -> None:
    """Clear results, and no frame is lost."""
    frames = named(8)
    if what == "nobody":
        frames = [replace(f, persons=()) for f in frames]
    elif what == "one frame":
        frames = frames[:1]
    elif what == "no ids":
        frames = [replace(f, persons=tuple(replace(p, id=None) for p in f)) for f in frames]
    elif what == "times":
        frames = [replace(f, time=t) for f, t in zip(frames, (0, 0.1, 0.1, 0.05, np.nan, 0.3, 0.2, 0.5), strict=True)]
    else:
        person = frames[3][0]
        assert person.body is not None and person.body.joints3d is not None
        gone = np.where(np.arange(13)[:, None] % 2 == 0, np.nan, person.body.joints3d) if what == "nan" else None
        frames[3] = replace(frames[3], persons=(replace(person, body=replace(person.body, joints3d=gone)),))
    clip = clip_of(frames)
    out = list(clip.people())
    assert [f.frame for f in out] == [f.frame for f in frames]
    refined = what not in ("nobody", "no ids")
    assert bool(clip.tracks) == refined and (clip.report.people > 0) == refined and clip.report.lines()
    if not refined:
        assert out == frames
    for frame in out:
        for person in frame:
            if refined:
                assert person.motion is not None and person.body is not None
                assert np.isfinite(np.asarray(person.body.joints3d)).all()


def test_numbers_must_fit() -> None:
    motion = toy_refiner().refine(toy_sequence(3))
    with pytest.raises(InputError, match="3 moments need as many"):
        refined_persons(motion, [None], [CAMERA])
    with pytest.raises(InputError, match="camera frame"):
        refined_persons(replace(motion, frame="world"), [None] * 3, [CAMERA] * 3)


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Three times the frames take the same memory, but for some bytes for each frame."""

    status, clear = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not clear.exists():
        pytest.skip("peaks of memory are told by Linux")

    def peak(frames: int) -> float:
        """Megabytes."""
        folder = tmp_path / str(frames)
        folder.mkdir()
        once = named(50)
        save((replace(once[k % 50], frame=k, time=k / 30) for k in range(frames)), folder / "seen.jsonl")
        clear.write_text("5")
        with IndexedResults(folder / "seen.jsonl") as results:
            clip = refine_clip(results, toy_refiner(), folder)
            for _ in clip.people():
                pass
            assert clip.report.total == 2 * frames
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024

    short, long = peak(800), peak(2400)
    assert long < short + 40, (short, long)
