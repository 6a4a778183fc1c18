"""How identities are counted, the baseline, and the virtual scenes they are counted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.measure.iou_tracker import IouSettings, box_iou, iou_track
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.tracking import TrackScore, score_tracks, total
from anchorpose.measure.tracking_motion import find_loop, prolong, resample
from anchorpose.measure.tracking_occlusion import people_hide, pillar_hides
from anchorpose.measure.tracking_report import compare, crowd_times, markdown, our_ids, unavoidable
from anchorpose.measure.tracking_scenes import SceneRange, make_scene
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from anchorpose.sense.track import TrackSettings
from conftest import TinyLift, tiny_corpus
from walking import Walker, film, stride


def frames(*rows: tuple[int, ...]) -> list[np.ndarray]:
    return [np.array(row, int) for row in rows]


def test_perfect_tracks() -> None:
    """Whatever the numbers are."""
    truth = frames((0, 1), (1, 0), (0,))
    score = score_tracks(truth, frames((7, 3), (3, 7), (7,)))
    assert score == TrackScore(people=2, found=5, named=5, strays=0, ids=2, switches=0, fragments=0, right=5)
    assert score.idf1 == 1 == score.coverage


def test_a_switch_by_hand() -> None:
    """Two people change ids in the third of four frames: two switches, half of the sights right."""
    score = score_tracks(frames((0, 1), (0, 1), (0, 1), (0, 1)), frames((1, 2), (1, 2), (2, 1), (2, 1)))
    assert (score.switches, score.right, score.idf1) == (2, 4, 0.5)


def test_fragments_strays_and_doubt_by_hand() -> None:
    """Person 0 has no id at first and again in the fourth frame; a false detection has one in the last."""
    score = score_tracks(frames((0,), (0,), (0,), (0,), (0, -1)), frames((0,), (1,), (1,), (0,), (1, 2)))
    assert (score.switches, score.fragments, score.strays, score.named, score.found) == (0, 1, 1, 3, 5)
    assert score.idf1 == pytest.approx(2 * 3 / (5 + 3 + 1)) and score.coverage == 0.6
    # Coming back under another id after not being found at all is a switch, and no fragment.
    score = score_tracks(frames((0,), (), (0,)), frames((1,), (), (2,)))
    assert (score.switches, score.fragments, score.found) == (1, 0, 2)


def test_scores_add_up() -> None:
    """And nothing at all is nothing."""
    one = score_tracks(frames((0,)), frames((1,)))
    assert total([one, one]) == TrackScore(2, 2, 2, 0, 2, 0, 0, 2)
    assert np.isnan(score_tracks([], []).idf1) and np.isnan(total([]).coverage)
    with pytest.raises(InputError, match="frame by frame"):
        score_tracks(frames((0, 1)), frames((1,)))


def test_overlapping_boxes() -> None:
    """The measure by hand; the baseline keeps people apart who walk apart, and loses who was hidden."""
    a = np.array([[0.0, 0, 2, 2]])
    b = np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]])
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 0]])
    filmed = film([Walker((-1.5, 4)), Walker((1.5, 6), (0.3, 0))], np.arange(40) / 30)
    score = score_tracks(filmed.truth, iou_track(filmed.frames))
    assert (score.switches, score.ids) == (0, 2)
    hidden = film([Walker((-1.5, 4), hidden=((0.4, 1.4),))], np.arange(60) / 30)
    assert score_tracks(hidden.truth, iou_track(hidden.frames, IouSettings(wait=0.2))).switches == 1


def test_motions_are_prolonged() -> None:
    """A walk goes on walking, without a jump; what does not loop goes to and fro."""
    time = np.arange(60) / 30
    walk = np.stack([stride(5.0 * t) + (0, 0, 1.2 * t) for t in time])
    facing = np.tile([0.0, 0, 1], (60, 1))
    loop = find_loop(walk)
    assert loop is not None and (loop[1] - loop[0]) / 30 == pytest.approx(2 * np.pi / 5, abs=0.05)
    long, front = prolong(walk, facing, 200)
    assert long.shape == (200, 13, 3) and front.shape == (200, 3)
    assert np.linalg.norm(np.diff(long, axis=0), axis=-1).max() < 0.15
    assert long[-1, 12, 2] == pytest.approx(1.2 * 199 / 30, rel=0.1)
    once = np.stack([stride(0.8 * t) for t in time])
    assert find_loop(once[:20]) is None
    there, _ = prolong(once[:20], facing[:20], 50)
    np.testing.assert_allclose(there[38], once[0])
    np.testing.assert_allclose(resample(np.array([0.0, 1, 2]), 2.0, np.array([0.25, 0.5, 9.0])), [0.5, 1, 2])


def test_who_stands_in_front_hides() -> None:
    """Somebody right behind another is hidden, somebody beside is not, and nobody hides himself; a pillar hides what is
    behind it."""
    camera = Camera.from_fov(1280, 720)
    people = [Walker((0.0, 3), (0, 1)), Walker((0.0, 5), (0, 1)), Walker((1.5, 5), (0, 1))]
    points = np.stack([np.concatenate([w.joints(0.0), w.joints(0.0)[-1:]])[None] for w in people])
    hidden = people_hide(points, camera.project(points), camera)[:, 0]
    assert hidden[0].mean() == 0 and hidden[1].mean() > 0.6 and hidden[2].mean() == 0
    pillar = pillar_hides(points, camera.project(points), camera.cx, 200.0, 4.0)[:, 0]
    assert pillar.all(1).tolist() == [False, True, False]


@pytest.fixture(scope="module")
def scene(tiny_lift: TinyLift):
    corpus, lifter = tiny_corpus(), Lifter(load_session(tiny_lift.onnx, 1))
    return lambda seed, fps=10.0: make_scene(
        corpus, seed, DetectorNoise.load(), lifter, SceneRange(fps=fps, seconds=3.0, people=(3, 5), strays=2.0)
    )


def test_scenes_are_functions_of_their_number(scene) -> None:
    """The same people for the same number; boxes and joints go together; true people and false ones."""
    one, again, other = scene(1), scene(1), scene(2)
    assert all(a == b for a, b in zip(one.frames, again.frames, strict=True))
    assert any(a != b for a, b in zip(one.frames, other.frames, strict=True))
    assert len(one.frames) == 30 and [p.time for p in one.frames[:3]] == pytest.approx([0, 0.1, 0.2])
    both = [*one.frames, *other.frames]
    assert sum(len(p) for p in both) > 60
    assert all(len(t) == len(p) for t, p in zip(one.truth, one.frames, strict=True))
    assert all(t.max(initial=0) < 5 and len(set(t[t >= 0])) == (t >= 0).sum() for t in one.truth)
    for person in (p for people in both for p in people):
        assert person.id is None and person.body is not None and 0.3 <= person.score < 1
        assert person.body.joints3d is not None and person.body.modes


def test_the_report(scene) -> None:
    """Rows for ours, what is left out of it, and the baseline; times; a page."""
    scenes = [scene(3), scene(4)]
    rows = compare(scenes)
    assert rows[0].name == "anchorpose" and len({row.name for row in rows}) == len(rows) >= 5
    ids = our_ids(scenes[0].frames, TrackSettings())
    assert [len(i) for i in ids] == [len(p) for p in scenes[0].frames]
    assert unavoidable(scenes, 0.0) > 0 == unavoidable(scenes, 9.0)
    few = min(len(a) + len(b) for a, b in zip(*(s.frames for s in scenes), strict=True))
    times = crowd_times(scenes, max(few, 1), 1)
    assert len(times) and (times > 0).all()
    from anchorpose.measure.report import provenance

    told = {"scenes": 2, "seconds": 3.0, "gaps": 1, "unavoidable": 0}
    told["rows"] = {row.name: replace(row.score).__dict__ for row in rows}  # type: ignore[assignment]
    result = {
        "made": provenance("x", 1), "people": (3, 5), "error_scale": 0.6, "tables": {"val": {"10.0": told}},
        "time": {"people": 20, "frames": 9, "rounds": 1, "median": 1.0, "most": 2.0},
    }  # fmt: skip
    page = markdown(result)
    assert "| anchorpose |" in page and "Held-out subjects, 10 frames" in page and "median 1.00 ms" in page
