"""Live: everybody comes out once, a stated delay later, refined; people come and go."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.poses.errors import InputError
from anchorpose.poses.values import People
from anchorpose.sense.online import Moment, Online
from anchorpose.sense.track_seen import Rows, Seen, see
from fake_motion_net import FakeMotionNet, fake_refiner
from live_sources import ScriptedModel, frame_at
from walking import Filmed, Walker, film

SECONDS = np.arange(60) / 30


def online_for(filmed: Filmed, delay: int | None = 4) -> tuple[Online, FakeMotionNet]:
    refiner = fake_refiner()
    model = ScriptedModel(filmed.frames)
    online = Online(model, None if delay is None else refiner, delay=delay or 0)  # type: ignore[arg-type]
    return online, refiner.session  # type: ignore[return-value]


def play(online: Online, times: np.ndarray) -> list[list[Moment]]:
    """What comes out at each frame, and at last what was held back."""
    out = [online.push(frame_at(i, float(t))) for i, t in enumerate(times)]
    return [*out, online.flush()]


def numbers(moments: list[Moment]) -> list[int]:
    return [m.people.frame for m in moments]


def ids(people: People) -> list[int | None]:
    return [p.id for p in people]


@pytest.mark.parametrize("delay", [0, 4, 8])
def test_the_delay_is_what_is_said(delay: int) -> None:
    """At 30 frames a second frame t comes out with frame t + delay, refined; the rest at the end."""
    filmed = film([Walker((-2.0, 5.0), (0.3, 0.0)), Walker((1.5, 6.0), (-0.3, 0.0))], SECONDS)
    online, _ = online_for(filmed, delay)
    assert online.seconds == pytest.approx(delay / 30)
    out = play(online, SECONDS)
    assert [numbers(o) for o in out[:-1]] == [[t - delay] if t >= delay else [] for t in range(60)]
    assert numbers(out[-1]) == list(range(60 - delay, 60))
    for moment in (m for o in out for m in o):
        assert sorted(moment.motions) == [1, 2] and sorted(ids(moment.people)) == [1, 2]
        for person in moment.people:
            assert person.motion is not None and not person.filled and person.body is not None
            seen = next(p for p in filmed.frames[moment.people.frame] if (p.box == person.box).all())
            assert seen.body is not None and seen.body.translation is not None
            assert np.abs(person.body.translation - seen.body.translation).max() < 0.5
        assert moment.frame.index == moment.people.frame


def test_without_a_refiner_at_once() -> None:
    filmed = film([Walker((-2.0, 5.0))], SECONDS[:5])
    online, _ = online_for(filmed, None)
    out = play(online, SECONDS[:5])
    assert [numbers(o) for o in out] == [[0], [1], [2], [3], [4], []] and online.seconds == 0
    assert all(m.people[0].id == 1 and m.people[0].motion is None and not m.motions for o in out for m in o)


def test_people_come_and_go() -> None:
    """A refiner for each track: from when it has an id, with the frames before it, until it is over."""
    times = np.arange(120) / 30
    filmed = film([Walker((-2.0, 5.0), (0.2, 0.0)), Walker((1.0, 6.0), (0.1, 0.0), between=(0.5, 1.0))], times)
    online, _ = online_for(filmed, 8)
    out, living = [], []
    for i, t in enumerate(times):
        out += online.push(frame_at(i, float(t)))
        living.append(online.refined)
    out += online.flush()
    assert numbers(out) == list(range(120)) and not online.refined
    assert living[10] == {1} and living[25] == {1, 2} and living[-1] == {1}
    gone = next(i for i in range(40, 120) if 2 not in living[i])
    assert 2.0 <= times[gone] - 1.0 <= 2.2  # tracks wait for two seconds
    # Its first frame has the id that it only got later, and is refined; half a second after its last it is not shown.
    with_id = [m.people.frame for m in out if 2 in ids(m.people)]
    assert with_id[0] == 15 and with_id == list(range(15, with_id[-1] + 1)) and 44 <= with_id[-1] <= 46
    filled = [m.people.frame for m in out for p in m.people if p.filled]
    assert filled == list(range(31, with_id[-1] + 1))
    assert all(p.motion is not None for m in out for p in m.people if p.id == 2)


def test_short_gaps_are_filled() -> None:
    filmed = film([Walker((-1.0, 5.0), (0.5, 0.0), hidden=((0.95, 1.25),))], SECONDS)
    online, _ = online_for(filmed)
    out = [m for o in play(online, SECONDS) for m in o]
    assert [ids(m.people) for m in out] == [[1]] * 60
    assert [m.people.frame for m in out if m.people[0].filled] == list(range(29, 38))


def test_who_walks_out_of_the_picture_is_not_shown_beyond_it() -> None:
    filmed = film([Walker((1.8, 4.0), (2.5, 0.0)), Walker((-1.0, 5.0), (0.0, 0.1))], SECONDS)
    online, _ = online_for(filmed)
    for moment in (m for o in play(online, SECONDS) for m in o):
        for person in moment.people:
            assert person.body is not None and person.body.joints2d is not None
            if person.filled:
                assert 0 <= person.body.joints2d[:, 0].mean() < moment.people.width


def test_one_run_of_the_network_for_all() -> None:
    """However many people, and however slow the camera: one run a frame, with a window for each person."""
    walkers = [Walker((-2.0 + i, 5.0 + i), (0.1, 0.0)) for i in range(4)]
    for rate in (30, 8):
        times = np.arange(20) / rate
        online, net = online_for(film(walkers, times), 4)
        play(online, times)
        assert set(net.batches[:-4]) == {4} and len(net.batches) <= 20 + 4  # at the end each is flushed alone


@pytest.mark.parametrize("rate", [8.0, 15.0, 24.0, 59.0])
def test_dropped_frames_and_other_rates(rate: float) -> None:
    """Frames at uneven times all come out, in order, no later than the delay, a frame of the network and one of the
    camera's."""
    rng = np.random.default_rng(0)
    times = np.arange(50) / rate + rng.uniform(0, 0.3 / rate, 50)
    filmed = film([Walker((-2.0, 5.0), (0.3, 0.0)), Walker((1.0, 6.0), (-0.2, 0.0))], times)
    online, _ = online_for(filmed, 4)
    out = play(online, times)
    assert numbers([m for o in out for m in o]) == list(range(50))
    for i, moments in enumerate(out[:-1]):
        waiting = [t for t in range(i + 1) if t > max(numbers([m for o in out[: i + 1] for m in o]), default=-1)]
        if waiting:
            assert times[i] - times[waiting[0]] <= 4 / 30 + 1 / 30 + 1e-6
        assert all(m.motions for m in moments)


def test_a_cut_ends_all_tracks() -> None:
    """The same people in another scene are others; what the old ones still owed comes out."""
    filmed = film([Walker((-1.0, 5.0), (0.1, 0.0))], SECONDS)
    online, _ = online_for(filmed)
    rng = np.random.default_rng(0)
    scenes = [rng.integers(0, 255, (6, 8, 3), np.uint8).repeat(12, 0).repeat(16, 1) for _ in range(2)]
    out = [m for i, t in enumerate(SECONDS) for m in online.push(frame_at(i, float(t), scenes[i >= 30]))]
    out += online.flush()
    assert numbers(out) == list(range(60))
    assert [ids(m.people) for m in out] == [[1]] * 30 + [[2]] * 30
    assert all(m.people[0].motion is not None for m in out)


def test_times_that_do_not_rise_and_nobody() -> None:
    """Cameras that stamp two frames alike lose nothing; empty frames wait as others do: pictures do not jump."""
    times = np.zeros(20)
    online, _ = online_for(film([Walker((-1.0, 5.0))], times))
    assert numbers([m for o in play(online, times) for m in o]) == list(range(20))
    empty, _ = online_for(film([], SECONDS))
    assert [numbers(o) for o in play(empty, SECONDS)[:6]] == [[], [], [], [], [0], [1]]


def test_a_delay_that_does_not_fit() -> None:
    filmed = film([], SECONDS[:1])
    with pytest.raises(InputError, match="delay is 0 to 15"):
        online_for(filmed, 16)
    with pytest.raises(InputError, match="0 frames or more"):
        Online(ScriptedModel(filmed.frames), delay=-1)  # type: ignore[arg-type]


def test_rows() -> None:
    """People and tracks are taken by their numbers in the same way; all of them, in order, are themselves."""
    seen = see(film([Walker((-2.0, 5.0)), Walker((1.0, 6.0))], SECONDS[:1]).frames[0].persons, 2)
    assert isinstance(seen, Rows) and seen.take(np.array([0, 1])) is seen
    turned = seen.take(np.array([1, 0]))
    assert isinstance(turned, Seen)
    np.testing.assert_array_equal(turned.points, seen.points[::-1])
    assert len(seen.take(np.zeros(0, int))) == 0
