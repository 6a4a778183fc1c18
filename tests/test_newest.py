"""The newest frame: whoever is slow misses frames and never lags."""

from __future__ import annotations

import time

import pytest

from anchorpose.files import newest
from anchorpose.files.newest import NewestFrames
from anchorpose.poses.errors import FileError
from live_sources import ScriptedSource


def wait_for_reads(frames: NewestFrames, count: int) -> None:
    deadline = time.monotonic() + 30
    while frames.read < count:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def taken(frames: NewestFrames) -> int:
    got = frames.take(30)
    assert got is not None
    return got.frame.index


def test_only_the_newest_is_kept() -> None:
    """However many came while nobody looked, the next is the last of them: latency cannot grow."""
    source = ScriptedSource()
    with NewestFrames(source) as frames:
        at = -1
        for burst in (1, 10, 5, 1, 30):
            source.allow(burst)
            at += burst
            wait_for_reads(frames, at + 1)
            assert taken(frames) == at
        assert frames.dropped == at + 1 - 5 and frames.read == at + 1
        assert frames.take(0.01) is None and not frames.ended
        source.allow()
    assert source.closed.wait(30)


def test_the_end() -> None:
    """The last frame still comes, then there is none."""
    source = ScriptedSource(3)
    source.allow(3)
    with NewestFrames(source) as frames:
        wait_for_reads(frames, 3)
        assert taken(frames) == 2
        assert frames.take(30) is None and frames.ended and source.closed.wait(30)


def test_errors_come_where_frames_are_taken() -> None:
    source = ScriptedSource(1)
    source.error = FileError("the cable is out")
    source.allow()
    with NewestFrames(source) as frames:
        wait_for_reads(frames, 1)
        assert taken(frames) == 0
        with pytest.raises(FileError, match="cable"):
            frames.take(30)


def test_a_camera_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not wait for a driver that does not answer, and does not close what is in use."""
    monkeypatch.setattr(newest, "_JOIN", 0.05)
    source = ScriptedSource()
    frames = NewestFrames(source).start()
    frames.close()
    assert not source.closed.is_set()
    source.allow()
    assert source.closed.wait(30)


def test_never_started() -> None:
    source = ScriptedSource()
    NewestFrames(source).close()
    assert source.closed.is_set()


def test_a_video_plays_at_its_own_speed() -> None:
    """No frame is there before its time; all of it takes as long as it should."""
    source = ScriptedSource(4, kind="video", fps=25.0)
    seen = []
    with NewestFrames(source) as frames:
        while not frames.ended:
            got = frames.take(30)
            if got is not None:
                seen.append((got.frame.time, got.at))
    begin = seen[0][1] - seen[0][0]
    assert seen[-1][0] == pytest.approx(3 / 25)
    assert all(at - begin >= moment - 0.02 for moment, at in seen)
    assert seen[-1][1] - seen[0][1] >= seen[-1][0] - seen[0][0] - 0.02


def test_streams_without_times_get_the_clock() -> None:
    source = ScriptedSource(2, fps=1000.0)
    source.timed = False
    ticks = iter([5.0, 5.25, 5.25, 6.5, 6.5, 7.0])
    source.allow()
    with NewestFrames(source, clock=lambda: next(ticks)) as frames:
        first = frames.take(30)
        source.allow()
        second = frames.take(30)
        assert first is not None and second is not None
        assert (first.frame.time, second.frame.time, second.at) == (0.25, 1.5, 6.5)
