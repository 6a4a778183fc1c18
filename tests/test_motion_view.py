"""What the motion model sees of a window."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.poses.motion_view import (
    DIRECTIONS,
    FRAME_WIDTH,
    JOINT_SCALE,
    MODE_WIDTH,
    WINDOW_WIDTH,
    MotionView,
    directions_of,
    fill,
    motion_view,
    places_of,
    translations_of,
)
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import rotation_y
from toy_motion import hide, toy_sequence

seeds = st.integers(0, 2**31)


def view_of(*sequences: PoseSequence) -> MotionView:
    names = ("joints3d", "scores", "translation", "modes", "weights")
    return motion_view(*(np.stack([getattr(s, n) for s in sequences]) for n in names), np.zeros((len(sequences), 9)))


def test_shapes_and_ranges() -> None:
    view = view_of(hide(toy_sequence(12), [3, 4]), toy_sequence(12, 1))
    assert view.frames.shape == (2, 12, FRAME_WIDTH) and view.modes.shape == (2, 12, 3, MODE_WIDTH)
    assert view.window.shape == (2, WINDOW_WIDTH) and view.places.shape == (2, 12, 3)
    np.testing.assert_array_equal(np.flatnonzero(view.present[0] == 0), [3, 4])
    for array in view.inputs.values():
        assert array.dtype == np.float32 and np.isfinite(array).all() and np.abs(array).max() < 10
    np.testing.assert_array_equal(view.frames[0, 3], 0)
    np.testing.assert_array_equal(view.modes[0, 3], 0)


@given(seeds)
def test_a_heading_says_nothing(seed: int) -> None:
    """A person without a place, turned about the camera's vertical, gives the same input; the turn tells the rest."""
    rng = np.random.default_rng(seed)
    sequence = toy_sequence(10, seed % 20)
    turn = rotation_y(rng.uniform(-np.pi, np.pi))
    nowhere = np.full((10, 3), np.nan)
    a = PoseSequence(sequence.times, sequence.joints3d, sequence.scores, nowhere, sequence.modes, sequence.weights)
    b = PoseSequence(sequence.times, a.joints3d @ turn.T, a.scores, nowhere, a.modes @ turn.T, a.weights)
    first, second = view_of(a), view_of(b)
    for name in first.inputs:
        np.testing.assert_allclose(second.inputs[name], first.inputs[name], atol=1e-5, err_msg=name)
    np.testing.assert_allclose(second.turn[0] @ turn, first.turn[0], atol=1e-9)


def test_the_person_faces_the_camera_with_its_left_at_plus_x() -> None:
    view = view_of(toy_sequence(10, 3))
    joints = view.frames[0, :, :39].reshape(-1, 13, 3) / JOINT_SCALE
    left = (joints[:, BODY13.index("l_hip")] - joints[:, BODY13.index("r_hip")]).mean(0)
    assert left[0] > 0.1 and abs(left[2]) < 0.3 * left[0]
    np.testing.assert_allclose(np.linalg.det(view.turn), 1)


@given(seeds)
def test_places_there_and_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    translation = rng.uniform((-3, -2, 1), (3, 2, 12), (2, 7, 3))
    reference = np.array([[0.1, -0.2, 4.0], [0.0, 0.3, 2.0]])
    places = places_of(translation, reference)
    np.testing.assert_allclose(translations_of(places, reference), translation, rtol=1e-9)
    same = reference * [1, 1, 0] + [0, 0, 1]
    np.testing.assert_allclose(places_of((same * reference[:, 2:])[:, None], reference), 0, atol=1e-9)


def test_gaps_are_filled_from_both_sides() -> None:
    values = np.arange(6.0)[None, :, None] ** 2
    known = np.array([[False, True, False, False, True, False]])
    np.testing.assert_allclose(fill(values, known)[0, :, 0], [1, 1, 6, 11, 16, 16])
    np.testing.assert_array_equal(fill(values, np.zeros((1, 6), bool)), 0)


def test_directions_are_filled_over_time() -> None:
    """A shin that is not seen for some frames points between where it did before and after; one never seen, nowhere."""
    joints = np.zeros((1, 40, 13, 3))
    names = {name: i for i, name in enumerate(BODY13.names)}
    joints[0, :20, names["r_ankle"]], joints[0, 20:, names["r_ankle"]] = (0, 1, 0), (0.6, 0.8, 0)
    there = np.ones((1, 40, 13), bool)
    there[0, 10:30, names["r_ankle"]] = False
    there[0, :, names["l_ankle"]] = False
    shins = directions_of(joints, there)[0, :, [DIRECTIONS.index("r_shin"), DIRECTIONS.index("l_shin")]]
    np.testing.assert_allclose(shins[0, [0, 39]], [[0, 1, 0], [0.6, 0.8, 0]], atol=1e-4)
    np.testing.assert_allclose(shins[0, 19:21].mean(0), [0.3, 0.9, 0], atol=0.02)
    assert (np.diff(shins[0, :, 0]) > -1e-9).all() and np.abs(np.diff(shins[0, :, 0])).max() < 0.05
    np.testing.assert_array_equal(shins[1], 0)


def test_missing_joints_and_nothing_at_all() -> None:
    """A missing joint is 0 with a score of 0, an empty window is finite, a place behind the camera is none."""
    sequence = toy_sequence(6)
    sequence.joints3d[:, 12] = np.nan
    sequence.translation[2] = 0, 0, -1
    view = view_of(sequence, hide(toy_sequence(6), slice(None)))
    np.testing.assert_array_equal(view.frames[0, :, 36:39], 0)
    np.testing.assert_array_equal(view.frames[0, :, 39 + 12], 0)
    assert view.frames[0, 2, -1] == 0 and view.frames[0, 1, -1] == 1
    assert view.placed.tolist() == [True, False] and not view.present[1].any()
    assert all(np.isfinite(a).all() for a in view.inputs.values())
