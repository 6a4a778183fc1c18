"""Identities over time, on walking people whose identity is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.measure.tracking import TrackScore, score_tracks
from anchorpose.poses.errors import InputError
from anchorpose.poses.values import People, Person, Pose
from anchorpose.sense.track import Tracker, TrackSettings, track
from walking import CAMERA, Filmed, Walker, as_person, film, frame_of

SECONDS = np.arange(120) / 30


def ids_of(people: People) -> list[int]:
    return [p.id or 0 for p in people]


def tracked(filmed: Filmed, settings: TrackSettings | None = None) -> tuple[TrackScore, list[list[int]]]:
    ids = [ids_of(p) for p in track(filmed.frames, settings)]
    return score_tracks(filmed.truth, [np.array(i, int) for i in ids]), ids


def no_switch(score: TrackScore, people: int, coverage: float = 0.9) -> None:
    """Everybody keeps one id, and there are no others."""
    assert (score.people, score.ids, score.switches, score.strays) == (people, people, 0, 0)
    assert score.coverage >= coverage and score.idf1 > 0.95


def test_people_who_walk_keep_their_ids() -> None:
    """Three in the first frame, ids from 1 by where they stand from left to right; nothing else of them changes."""
    filmed = film([Walker((1.0, 5)), Walker((-2.0, 4)), Walker((0.0, 6), (-0.8, 0.3))], SECONDS[:60])
    score, ids = tracked(filmed)
    no_switch(score, 3)
    assert ids[0] == [3, 1, 2]
    first = next(iter(track(filmed.frames)))
    assert [replace(p, id=None) for p in first] == list(filmed.frames[0])


@pytest.mark.parametrize("depths", [(4.0, 5.5), (5.0, 5.8), (3.0, 7.0)])
def test_crossings(depths: tuple[float, float]) -> None:
    """Two walk past each other; the one behind is not found for a while."""
    filmed = film([Walker((-2.4, depths[0])), Walker((2.4, depths[1]), (-1.2, 0), phase=1.0)], SECONDS)
    assert min(len(f) for f in filmed.frames) == 1
    no_switch(tracked(filmed)[0], 2)


def test_a_crowd_crosses() -> None:
    """Three one way, three the other way, at six distances."""
    walkers = [Walker((-2.6 + 0.3 * i, 4.0 + i), phase=float(i)) for i in range(3)]
    walkers += [Walker((2.6 - 0.2 * i, 4.5 + i), (-1.5, 0), phase=2.0 + i) for i in range(3)]
    score, _ = tracked(film(walkers, SECONDS))
    assert score.switches == 0 and score.ids == 6


@pytest.mark.parametrize("gap", [0.5, 1.0, 1.9])
@pytest.mark.parametrize("speed", [(1.2, 0.0), (0.0, 0.0), (-0.7, 0.7)])
def test_who_was_hidden_is_taken_up_again(gap: float, speed: tuple[float, float]) -> None:
    """Further on in his way, up to two seconds later."""
    walkers = [Walker((-1.5 if speed[0] > 0 else 1.0, 5), speed, hidden=((1.0, 1.0 + gap),)), Walker((0.0, 8), (0, 0))]
    no_switch(tracked(film(walkers, SECONDS))[0], 2)


def test_after_two_seconds_it_is_somebody_else() -> None:
    """A track that waited in vain is over, and its id is not given again."""
    filmed = film([Walker((0.0, 5), (0, 0), hidden=((1.0, 3.2),))], np.arange(150) / 30)
    assert {i for frame in tracked(filmed)[1] for i in frame if i} == {1, 2}
    patient = tracked(filmed, TrackSettings(wait=3.0))[1]
    assert {i for frame in patient for i in frame if i} == {1}


def test_the_order_of_the_detections_does_not_matter() -> None:
    """Shuffled in every frame: the same ids."""
    walkers = [Walker((-2.0 + 0.9 * i, 4.0 + 0.7 * (i % 3)), (0.5, 0.1 * i), phase=float(i)) for i in range(5)]
    no_switch(tracked(film(walkers, SECONDS, shuffle=True))[0], 5)


def test_missed_and_false_detections() -> None:
    """A fifth of the detections is missing, and in every tenth frame there is somebody who is not there."""
    walkers = [Walker((-2.0, 5.0)), Walker((1.0, 6.0), (-0.6, 0.0), phase=1.0), Walker((0.0, 4.0), (0.0, 0.4))]
    score, _ = tracked(film(walkers, SECONDS, seed=3, shuffle=True, missed=0.2, strays=0.1))
    assert score.switches == 0 and score.ids == 3 and score.strays <= 3 and score.coverage > 0.97


def test_twenty_people() -> None:
    """Each keeps his own id in the crowd."""
    walkers = [
        Walker((-4.5 + 0.6 * (i % 16), 6.0 + 1.3 * (i // 7)), (0.4 * (-1) ** i, 0.0), phase=0.7 * i) for i in range(20)
    ]
    filmed = film(walkers, SECONDS[:60], shuffle=True)
    assert max(len(f) for f in filmed.frames) >= 15
    score, _ = tracked(filmed)
    assert score.switches <= 1 and score.idf1 > 0.95


def test_entering_and_leaving() -> None:
    """One walks out, another comes in later at the same side: another id; the one who stays keeps his."""
    walkers = [
        Walker((2.0, 5.0), (1.2, 0.0), between=(-1, 2)),
        Walker((4.6, 5.0), (-1.2, 0.0), phase=2.0, between=(2, 9)),
        Walker((0.0, 7.0), (0.0, 0.0)),
    ]
    score, ids = tracked(film(walkers, SECONDS))
    no_switch(score, 3, coverage=0.97)
    assert ids[0] == [2, 1] and {i for f in ids for i in f} - {0} == {1, 2, 3}


def test_newcomers_are_in_doubt_until_seen_thrice() -> None:
    """id None for two frames, and with a delay the id is known in those frames too."""
    filmed = film([Walker((0.0, 5), (0, 0)), Walker((1.0, 5), (0, 0), between=(0.5, 9))], SECONDS[:30])
    ids = [ids_of(p) for p in track(filmed.frames)]
    assert ids[14] == [1] and ids[15:19] == [[1, 0], [1, 0], [1, 2], [1, 2]]
    late = [ids_of(p) for p in track(filmed.frames, delay=2)]
    assert late == [[1]] * 15 + [[1, 2]] * 15
    assert [p.frame for p in track(filmed.frames, delay=50)] == list(range(30))


def test_one_frame_is_enough_for_a_clear_person() -> None:
    """In the first frame of a source high scores have ids at once, weak ones not."""
    clear, weak = as_person(Walker((0.0, 5)).joints(0), 0.8), as_person(Walker((1.0, 5)).joints(0), 0.32)
    assert ids_of(Tracker().update(frame_of([weak, clear], 0, 0.0))) == [0, 1]


def test_a_cut_ends_all_tracks() -> None:
    """Seen by the people alone, where several are elsewhere at once; or by the picture."""
    before = film([Walker((-2.0, 5), (0.1, 0)), Walker((-0.5, 5), (0.1, 0))], SECONDS[:20]).frames
    after = film([Walker((1.6, 3), (0, 0)), Walker((2.6, 6), (0, 0)), Walker((0.6, 9), (0, 0))], SECONDS[:20]).frames
    after = [replace(p, frame=20 + i, time=(20 + i) / 30) for i, p in enumerate(after)]
    ids = [ids_of(p) for p in track([*before, *after])]
    assert ids[19] == [1, 2] and set(ids[20]) == {3, 4, 5} == set(ids[-1])

    rng = np.random.default_rng(0)
    one, two = (rng.integers(0, 255, (18, 32, 1), np.uint8).repeat(8, 0).repeat(8, 1).repeat(3, 2) for _ in range(2))
    tracker = Tracker()
    seen = [ids_of(tracker.update(p, one if p.frame < 10 else two)) for p in before]
    assert seen[9] == [1, 2] and seen[10] == [3, 4] == seen[-1]


def test_times_count_and_not_frame_numbers() -> None:
    """Frames at irregular times, of which many are dropped."""
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.choice([1 / 60, 1 / 30, 0.1, 0.25], 60))
    walkers = [Walker((-2.5, 5), (0.6, 0)), Walker((2.5, 6), (-0.6, 0), phase=1.0)]
    no_switch(tracked(film(walkers, times))[0], 2)


@pytest.mark.parametrize("fps", [5, 10, 60])
def test_frame_rates(fps: int) -> None:
    """The same scene at any rate."""
    walkers = [Walker((-2.4, 4.0)), Walker((2.4, 5.5), (-1.2, 0), phase=1.0)]
    no_switch(tracked(film(walkers, np.arange(4 * fps) / fps))[0], 2)


def test_time_that_stands_still_or_is_unknown() -> None:
    """Every time 0, every time NaN, one step back: each counts as one usual frame; a long way back is a new scene."""
    filmed = film([Walker((-2.0, 4.0)), Walker((2.4, 5.5), (-1.2, 0), phase=1.0)], SECONDS[:90])
    for time in (0.0, float("nan")):
        ids = {i for p in track([replace(f, time=time) for f in filmed.frames]) for i in ids_of(p) if i}
        assert ids == {1, 2}
    jump = list(filmed.frames)
    jump[50] = replace(jump[50], time=jump[48].time)
    assert {i for p in track(jump) for i in ids_of(p) if i} == {1, 2}
    again = [*filmed.frames, *(replace(f, frame=f.frame + 90) for f in filmed.frames)]
    ids = [ids_of(p) for p in track(again)]
    assert set(ids[89]) == {1, 2} and set(ids[90]) == {3, 4} == set(ids[-1])


def test_joints_without_a_place() -> None:
    """Joints that are NaN in some frames, all of them in others: the box and the rest still tell who it is."""
    filmed = film([Walker((-1.5, 5)), Walker((1.5, 6), (-0.8, 0))], SECONDS[:60])
    frames = []
    for frame in filmed.frames:
        persons = []
        for person in frame:
            joints, space = np.array(person.body.joints2d), np.array(person.body.joints3d)  # type: ignore[union-attr]
            rows = slice(None) if frame.frame % 7 == 0 else slice(frame.frame % 5, None, 3)
            joints[rows], space[rows] = np.nan, np.nan
            body = replace(person.body, joints2d=joints, joints3d=space, modes=())  # type: ignore[type-var]
            persons.append(replace(person, body=body))
        frames.append(replace(frame, persons=tuple(persons)))
    no_switch(tracked(Filmed(frames, filmed.truth))[0], 2)


def test_people_without_3d_or_without_a_body() -> None:
    """2D of COCO's skeleton is enough, and so is a box."""
    filmed = film([Walker((-1.5, 5)), Walker((1.5, 6), (-0.8, 0))], SECONDS[:60])
    flat = [replace(f, persons=tuple(_flat(p) for p in f)) for f in filmed.frames]
    no_switch(tracked(Filmed(flat, filmed.truth))[0], 2)
    boxes = [replace(f, persons=tuple(Person(None, p.score, p.box) for p in f)) for f in filmed.frames]
    no_switch(tracked(Filmed(boxes, filmed.truth))[0], 2)


def _flat(person: Person) -> Person:
    from anchorpose.poses.skeletons import convert

    joints, scores = convert(person.body.joints2d, "body13", "coco17", person.body.scores)  # type: ignore
    return replace(person, body=Pose("coco17", person.score, person.box, joints, scores))


def test_a_person_that_is_nowhere_is_kept_without_id() -> None:
    """Neither box nor joints: nothing is lost, nothing is guessed."""
    nowhere = Person(None, 0.9, np.full(4, np.nan))
    tracker = Tracker()
    for number in range(5):
        people = tracker.update(frame_of([nowhere, as_person(Walker((0.0, 5)).joints(0))], number, number / 30))
        assert ids_of(people) == [0, 1]


def test_a_person_found_twice_is_one() -> None:
    """The weaker of two detections of the same person gets no id, however long it lasts."""
    for number, tracker in ((n, t) for t in [Tracker()] for n in range(12)):
        one = as_person(Walker((0.0, 5)).joints(0))
        shift = np.array([6.0, 4.0])
        body = replace(one.body, joints2d=one.body.joints2d + shift, score=0.5)  # type: ignore
        two = replace(one, body=body, box=one.box + [6, 4, 6, 4], score=0.5)
        people = tracker.update(frame_of([one, two] if number > 2 else [one], number, number / 30))
        assert ids_of(people)[0] == 1 and ids_of(people)[1:] in ([], [0])


def test_nobody() -> None:
    """Frames without people, at the start, in the middle, only."""
    empty = [frame_of([], i, i / 30) for i in range(5)]
    assert [len(p) for p in track(empty)] == [0] * 5
    filmed = film([Walker((0.0, 5), (0, 0))], SECONDS[5:20])
    ids = [ids_of(p) for p in track([*empty, *(replace(f, frame=f.frame + 5) for f in filmed.frames)])]
    assert ids[5:9] == [[0], [0], [1], [1]]  # the source has begun before: in doubt at first


def test_sources_and_reset() -> None:
    """Ids begin at 1 in each source, and after a reset."""
    filmed = film([Walker((0.0, 5), (0, 0))], SECONDS[:5])
    other = [replace(f, source="other.mp4") for f in filmed.frames]
    assert [ids_of(p) for p in track([*filmed.frames, *other], delay=2)] == [[1]] * 10
    tracker = Tracker()
    elsewhere = film([Walker((1.0, 4), (0, 0))], SECONDS[:1]).frames[0]
    assert ids_of(tracker.update(filmed.frames[0])) == [1]
    tracker.reset()
    assert ids_of(tracker.update(elsewhere)) == [1]


def test_tracks_are_deterministic() -> None:
    """The same stream, the same ids."""
    walkers = [Walker((-2.0 + 0.5 * i, 4.0 + 0.6 * (i % 4)), (0.5 * (-1) ** i, 0.0), phase=float(i)) for i in range(8)]
    filmed = film(walkers, SECONDS[:60], shuffle=True, missed=0.1, strays=0.1)
    assert tracked(filmed)[1] == tracked(filmed)[1]


def test_the_distribution_keeps_what_a_single_guess_would_drop() -> None:
    """Two stand close together, and the likeliest mode of each flips from frame to frame: the modes still tell them
    apart, where the reported poses fit the wrong one as well."""
    from anchorpose.sense.track_cost import mode_likeness
    from anchorpose.sense.track_seen import see
    from anchorpose.sense.track_state import begin

    one, two = (as_person(Walker((0.0, 5), phase=p, speed=v).joints(0.0)) for p, v in ((1.5, (1, 0)), (0.0, (0, 1))))
    flipped = replace(one, body=_swap_modes(one.body))  # type: ignore[arg-type]
    likeness = {}
    for modes in (5, 0):
        tracks = begin(see([one], modes), np.array([1]), 0.0)
        likeness[modes] = mode_likeness(tracks, see([flipped, two], modes), 0.15, np.array([0, 0]), np.array([0, 1]))
    assert likeness[5][0] > 0.7 > likeness[5][1] + 0.2
    assert likeness[0][0] < 0.5 < likeness[5][0]


def _swap_modes(body: Pose) -> Pose:
    first, second = body.modes
    modes = (replace(second, weight=first.weight), replace(first, weight=second.weight))
    return replace(body, modes=modes, joints3d=second.joints3d)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"wait": -1}, {"hits": 0}, {"drift": float("nan")}])
def test_impossible_settings(wrong: dict[str, float]) -> None:
    """Are told by name."""
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrackSettings(**wrong)  # type: ignore[arg-type]


def test_the_camera_of_the_film_is_upright() -> None:
    """Heads above feet, inside the picture: the films are what they should be."""
    pixels = CAMERA.project(Walker((0.0, 5)).joints(0))
    assert pixels[12, 1] < pixels[0, 1] and (pixels > 0).all() and (pixels < (1280, 720)).all()
