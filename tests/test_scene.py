"""The metric stage: views, and what they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorpose.poses.skeletons import BODY13
from anchorpose.share.scene import LIGHT, Bounds, Figure, backdrop, draw_figures, figure_bounds, fit_view, follow
from anchorpose.share.scene import view_rotation as rotation

ANGLE = st.floats(-3.0, 3.0)


@given(ANGLE, ANGLE)
def test_a_view_is_a_rotation(azimuth: float, elevation: float) -> None:
    r = rotation(azimuth, elevation)
    assert np.allclose(r @ r.T, np.eye(3)) and np.linalg.det(r) == pytest.approx(1.0)


def test_views_look_where_they_say() -> None:
    assert np.allclose(rotation(0, 0), np.eye(3))  # as the camera
    right, down, forward = rotation(np.pi / 2, 0)  # from the camera's right
    assert np.allclose(right, (0, 0, 1)) and np.allclose(down, (0, 1, 0)) and np.allclose(forward, (-1, 0, 0))
    assert np.allclose(rotation(0, np.pi / 2)[2], (0, 1, 0))  # from above, down


@settings(deadline=None)
@given(ANGLE, st.floats(-0.5, 1.5), st.floats(0.2, 9), st.floats(0.2, 9), st.floats(1.2, 4))
def test_everything_within_the_bounds_is_in_the_picture(a: float, e: float, w: float, d: float, h: float) -> None:
    bounds = Bounds((-w, w / 2), (3, 3 + d), 1 - h, 1.0)
    pixels, depth = fit_view(bounds, rotation(a, e), (10, 20, 310, 220))(bounds.corners())
    low, high = pixels.min(0), pixels.max(0)
    assert (low >= (9.9, 19.9)).all() and (high <= (310.1, 220.1)).all() and (depth > 0).all()
    assert np.isclose(high - low, (300, 200), rtol=1e-3).any()  # as large as fits


def test_the_ground_lies_under_the_lowest_foot() -> None:
    joints = np.zeros((13, 3)) + (0, 0, 4)
    joints[BODY13.index("l_ankle"), 1] = 0.9
    bounds = figure_bounds([Figure(BODY13, joints)])
    assert 0.9 < bounds.ground < 1.0 and bounds.top < 0 and bounds.z[0] < 4 < bounds.z[1]


def test_nobody_still_has_bounds() -> None:
    empty = figure_bounds([Figure(BODY13, np.full((13, 3), np.nan))])
    assert empty == figure_bounds([]) and empty.ground > empty.top


def test_followed_bounds_grow_at_once_and_shrink_slowly() -> None:
    small, large = Bounds((-1, 1), (3, 4), -1, 1), Bounds((-3, 2), (2, 6), -2, 1.5)
    assert follow(None, small) == small
    assert follow(small, large) == large
    after = follow(large, small)
    assert large.x[0] < after.x[0] < -2.5 and 5.5 < after.z[1] < 6 and 1.4 < after.ground < 1.5


def test_a_nearer_limb_hides_a_farther_one() -> None:
    joints = np.full((13, 3), np.nan)
    r, left = [BODY13.index(n) for n in ("r_wrist", "r_elbow")], [BODY13.index(n) for n in ("l_wrist", "l_elbow")]
    joints[r] = (-0.3, 0, 3), (0.3, 0, 3)
    joints[left] = (0, -0.3, 3.5), (0, 0.3, 3.5)
    view = fit_view(Bounds((-0.5, 0.5), (2.5, 4), -0.5, 0.5), rotation(0, 0), (0, 0, 200, 200))
    (crossing,), _ = view(np.array([(0.0, 0, 3)]))
    for order in (1, -1):  # the right forearm is in front, then behind
        scene = joints.copy()
        scene[..., 2] = 3.25 + order * (scene[..., 2] - 3.25)
        canvas = backdrop(200, 200, LIGHT)
        draw_figures(canvas, view, [Figure(BODY13, scene)], None, LIGHT)
        x, y = crossing.round().astype(int)
        red, _, blue = canvas[y, x].astype(int)
        assert (red > blue) == (order == 1)


def test_a_ghost_is_fainter_than_a_body_and_evenly_so() -> None:
    joints = np.full((13, 3), np.nan)
    chain = [BODY13.index(n) for n in ("r_shoulder", "r_elbow", "r_wrist")]
    joints[chain] = (-0.4, 0, 3), (0, 0, 3), (0.4, 0, 3)
    view = fit_view(Bounds((-0.5, 0.5), (2.5, 3.5), -0.5, 0.5), rotation(0, 0), (0, 0, 200, 200))
    canvas = np.full((200, 200, 3), 255, np.uint8)
    draw_figures(canvas, view, [Figure(BODY13, joints, opacity=0.3, ghost=True)], None, LIGHT)
    spots, _ = view(np.array([(-0.2, 0, 3), (0, 0, 3), (0.2, 0, 3)]))
    colors = np.array([canvas[round(y), round(x)] for x, y in spots]).astype(int)
    assert (colors == colors[0]).all()  # two limbs meet in the middle without adding up
    assert 150 < colors[0, 2] < 240 < colors[0, 0]
