"""Points over time, from motions, clips and results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.motion_clips import clip_of_motion
from anchorpose.files.points import Points, even_points, points_of_clip, points_of_motion, points_of_people
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.skeletons import BODY13
from moving_people import moving, people_frames


def test_points_of_a_motion() -> None:
    motion = moving()
    joints, world = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
    points = points_of_motion(motion, 3)
    assert (points.person, points.names[:13]) == (3, BODY13.names)
    np.testing.assert_allclose(points.positions[:, :13], canonical_body13(joints, world))
    np.testing.assert_allclose(points.positions[:, points.names.index("r_big_toe")], joints[:, ANNY.index("toe1-1.R")])
    whole = points_of_motion(motion, joints="all")
    np.testing.assert_allclose(whole.positions, joints)
    with pytest.raises(InputError, match="main"):
        points_of_motion(motion, joints="some")


def test_lines_between_points() -> None:
    """All main points hang together, by a trunk of their own; those of other programs by their parents."""
    points = points_of_motion(moving(2))
    joined = {points.names[k] for edge in points.edges for k in edge}
    assert joined == set(points.names)
    named = {(points.names[a], points.names[b]) for a, b in points.edges}
    assert ("r_shoulder", "r_hip") not in named
    assert ("pelvis", "spine") in named
    clip = clip_of_motion(moving(2))
    assert set(points_of_clip(clip).edges) == {(p, j) for j, p in enumerate(clip.parents.tolist()) if p >= 0}


def test_points_of_results() -> None:
    """Persons by number, y up, missing frames and joints as NaN."""
    frames = people_frames()
    one, two = points_of_people(frames)
    assert (one.person, two.person) == (1, 2)
    np.testing.assert_allclose(one.times, [0, 0.04, 0.08, 0.12])
    assert np.isnan(two.positions[1]).all()
    assert np.isnan(one.positions[2, 6]).all()
    body = frames[3].persons[0].body
    assert body is not None
    np.testing.assert_allclose(one.positions[3], body.joints_camera * (1, -1, -1))
    np.testing.assert_array_equal(one.scores[3], body.scores)


def test_results_without_3d_or_people_or_order() -> None:
    assert points_of_people(people_frames(people=0)) == ()
    assert points_of_people([]) == ()
    with pytest.raises(InputError, match="anchorpose lift"):
        points_of_people(people_frames(space=False))
    with pytest.raises(InputError, match="must rise; that of frame 1 is 0 s"):
        points_of_people([replace(people, time=0.0) for people in people_frames()])


def test_uneven_points() -> None:
    positions = np.arange(5.0)[:, None, None] * np.ones((1, 2, 3))
    positions[1, 1] = np.nan
    points = Points(None, ("a", "b"), [0, 0.1, 0.2, 0.3, 0.5], positions)
    even, fps = even_points(points)
    assert fps == pytest.approx(10)
    np.testing.assert_allclose(even.positions[:, 0, 0], [0, 1, 2, 3, 3.5, 4])
    assert np.flatnonzero(np.isnan(even.positions[:, 1, 0])).tolist() == [1]
    with pytest.raises(InputError, match="no frames"):
        even_points(Points(None, ("a",), [], np.zeros((0, 1, 3))))


def test_wrong_points() -> None:
    with pytest.raises(InputError, match="differ"):
        Points(None, ("a", "a"), [0], np.zeros((1, 2, 3)))
    with pytest.raises(InputError, match="frame 2 is 1 s"):
        Points(None, ("a",), [0, 1, 1], np.zeros((3, 1, 3)))
