"""Rows of the motion tables: fillers, filters, a motion model live and afterwards; measures, tuning, verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.measure import motion_rows
from anchorpose.measure.motion_rows import (
    EURO,
    FILLED,
    GOLAY,
    MATCHED,
    TUNING_SUBJECTS,
    RefinerOptions,
    Row,
    TestTrack,
    as_poses,
    baselines,
    cost,
    filter_settings,
    measure,
    offline,
    online,
    placed,
    tune_refiner,
    verdict,
    where_seen,
)
from anchorpose.measure.smoothing import FilterSettings
from anchorpose.poses.sequences import PoseSequence
from anchorpose.sense.motion import motion_joints
from toy_motion import hide, toy_refiner, toy_sequence, toy_truth


def toy_track(frames: int = 40, noise: float = 0.03, gap: slice = slice(10, 16)) -> TestTrack:
    return TestTrack(hide(toy_sequence(frames, noise=noise), gap), toy_truth(frames))


def test_a_perfect_row_has_no_error() -> None:
    """Coverage counts frames with a pose; the place is in the camera frame."""
    track = toy_track(noise=0.0)
    row = measure(placed, [track])
    assert max(row.mpjpe, row.pa_mpjpe, row.acceleration, row.place) < 1e-6
    assert row.coverage == pytest.approx(34 / 40) and np.isnan(row.missing_mpjpe)
    whole = measure(lambda s: track.truth, [track])
    assert whole.coverage == 1 and whole.missing_mpjpe < 1e-6


def test_errors_by_hand() -> None:
    """One of 12 joints 120 mm off: 10 mm; 1.1 times as far away: a tenth."""
    track = toy_track(noise=0.0)
    off = track.truth.copy()
    off[:, 6, 0] += 0.12
    row = measure(lambda s: off, [track])
    assert row.mpjpe == pytest.approx(10) and row.acceleration < 1e-6 and row.pa_mpjpe > 1
    shaking = track.truth.copy()
    shaking[::2, 6, 0] += 0.12  # second differences of 240 mm, in one joint
    assert measure(lambda s: shaking, [track]).acceleration == pytest.approx(20)
    assert measure(lambda s: 1.1 * track.truth, [track]).place == pytest.approx(0.1)


def test_baselines_do_what_they_say() -> None:
    track = toy_track()
    rows = {name: measure(maker, [track]) for name, maker in baselines(FilterSettings(9, 2, 2.0, 1.0)).items()}
    assert list(rows) == [MATCHED, FILLED, GOLAY, EURO]
    assert rows[MATCHED].coverage < 1 and all(rows[name].coverage == 1 for name in (FILLED, GOLAY, EURO))
    assert rows[GOLAY].acceleration < 0.3 * rows[FILLED].acceleration
    assert rows[GOLAY].mpjpe < rows[FILLED].mpjpe
    assert filter_settings([track]).window >= 5


def test_live_and_afterwards() -> None:
    """Rows of a motion model have a pose in every frame, the live one from the first sighting on."""
    track, refiner = toy_track(gap=slice(0, 3)), toy_refiner()
    np.testing.assert_array_equal(offline(refiner)(track.sequence), motion_joints(refiner.refine(track.sequence)))
    live = online(refiner, 4, 16)(track.sequence)
    assert np.isnan(live[:3]).all() and np.isfinite(live[3:]).all()
    poses = as_poses(track.sequence)
    assert poses[0] is None and poses[5] is not None and len(poses[5].modes) == 2
    again = PoseSequence.from_poses(poses, track.sequence.times)
    np.testing.assert_array_equal(again.modes, track.sequence.modes)


def test_nobody_seen_stays_nobody() -> None:
    nobody = PoseSequence.empty(np.arange(9) / 30)
    assert np.isnan(where_seen(offline(toy_refiner()))(nobody)).all()


def test_options_that_are_tried() -> None:
    choices = RefinerOptions.choices(24)
    assert {c.window for c in choices} == {16, 24} and {c.modes for c in choices} == {True, False}
    assert all(1 <= c.stride <= c.window for c in choices) and len(choices) == len(set(choices))
    made = RefinerOptions(8, 2, False).maker(toy_refiner().session)
    assert made(toy_track().sequence).shape == (40, 13, 3)


def test_the_best_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the sum of three errors as shares of those without a filter."""
    plain = Row(10, 10, 10, 1, 10, 0)
    assert cost(Row(5, 10, 20, 1, 1, 1), plain) == pytest.approx(3.5)
    wanted = RefinerOptions(16, 2, False)
    rows = {c: Row(9, 9, 9, 1, 9, 0) for c in RefinerOptions.choices(16)} | {wanted: Row(9, 9, 2, 1, 9, 0)}
    monkeypatch.setattr(RefinerOptions, "maker", lambda options, session: options)
    monkeypatch.setattr(motion_rows, "measure", lambda maker, tracks: rows.get(maker, plain))
    assert tune_refiner(toy_refiner().session, []) == wanted


def test_verdict() -> None:
    """Beside the rows of full coverage without a motion model; against the best of them, error by error."""

    def row(*values: float) -> dict[str, float]:
        return dict(zip(("mpjpe", "pa_mpjpe", "acceleration"), values, strict=True))

    rows = {
        MATCHED: row(1, 1, 1), FILLED: row(100, 80, 30), GOLAY: row(90, 75, 12), EURO: row(95, 70, 14),
        "+ net": row(81, 77, 6), "+ net, online, delay 0": row(1, 1, 1),
    }  # fmt: skip
    said = verdict(rows, "+ net")
    assert "MPJPE best (-10.0 % to Savitzky-Golay)" in said and "PA-MPJPE not best (+10.0 % to One-Euro)" in said
    assert "acceleration best (-50.0 % to Savitzky-Golay)" in said and "0.20 of the detector's" in said


def test_nothing_is_tuned_on_whom_networks_know() -> None:
    from anchorpose.measure.calibration import CALIBRATION_SUBJECTS

    assert TUNING_SUBJECTS == CALIBRATION_SUBJECTS
