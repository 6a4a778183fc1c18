"""Moments of motions in results, and back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.result_motions import motions_of_people
from anchorpose.poses.cameras import Camera
from anchorpose.poses.clock import rising_times
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.moments import blocks_of, motion_of_blocks
from anchorpose.poses.motion_block import MotionBlock
from anchorpose.poses.values import Motion, People, Person
from moving_people import degrees_apart, moving


def blocks(motion: Motion) -> tuple[MotionBlock, ...]:
    return blocks_of(motion.skeleton, motion.frame, motion.rotations, motion.translation, motion.bone_lengths)


def frames_with(motion: Motion, id: int | None = 4, times: np.ndarray | None = None) -> list[People]:
    camera = Camera.from_fov(640, 480)
    out = []
    for t, block in enumerate(blocks(motion)):
        person = Person(id, 0.5, np.zeros(4), filled=not motion.observed[t], motion=block)
        time = motion.times[t] if times is None else times[t]
        out.append(People((person,), "clip.mp4", t, float(time), 640, 480, camera))
    return out


def test_a_motion_comes_back() -> None:
    """Through JSON, within 0.01 degrees and 0.1 mm; what was filled in is still told."""
    given = moving(20, frame="camera")
    lines = [People.from_dict(json.loads(json.dumps(p.to_dict()))) for p in frames_with(given)]
    assert lines == frames_with(given)
    ((id, motion),) = motions_of_people(lines)
    assert id == 4 and motion.frame == "camera" and degrees_apart(motion, given) < 0.01
    np.testing.assert_allclose(motion.translation, given.translation, atol=6e-5)
    np.testing.assert_allclose(motion.bone_lengths, given.bone_lengths, atol=6e-5)
    np.testing.assert_array_equal(motion.observed, given.observed)
    np.testing.assert_array_equal(motion.times, given.times)
    assert motions_of_people([]) == ()


def test_resting_joints_are_short() -> None:
    """A joint that does not turn takes few letters."""
    motion = moving(1)
    rotations = np.tile(np.eye(3), (1, 104, 1, 1))
    (rest,) = blocks_of("anny", "world", rotations, motion.translation, motion.bone_lengths)
    (turned,) = blocks(motion)
    short, long = (len(json.dumps(block.to_dict()["rotations"])) for block in (rest, turned))
    assert short < 0.5 * long
    assert MotionBlock.from_dict(json.loads(json.dumps(rest.to_dict()))) == rest


def test_times_that_do_not_rise() -> None:
    """Each later than the one before, the usual step on where it was not."""
    np.testing.assert_array_equal(rising_times([0, 0.1, 0.3]), [0, 0.1, 0.3])
    np.testing.assert_allclose(rising_times([0, 0.1, 0.05, np.nan, 0.6]), [0, 0.1, 0.2, 0.3, 0.6], atol=0.2)
    assert (np.diff(rising_times([5, 4, 3, np.nan])) > 0).all() and len(rising_times([])) == 0
    np.testing.assert_allclose(rising_times([np.nan, np.nan]), [0, 1 / 30])
    given = moving(4)
    ((_, motion),) = motions_of_people(frames_with(given, times=np.array([0, 0.1, 0.1, 0.2])))
    assert (np.diff(motion.times) > 0).all()


def test_what_does_not_belong_together() -> None:
    """Two motions of one person in a frame, two frames of reference, bones that change: each is told."""
    one, other = frames_with(moving(3)), frames_with(moving(3, frame="camera"))
    with pytest.raises(FormatError, match="frame 0: two motions of person 4"):
        motions_of_people([replace(one[0], persons=(one[0][0], one[0][0]))])
    with pytest.raises(FormatError, match="person 4: .* world frame, at one time .* camera frame"):
        motions_of_people([one[0], other[1]])
    with pytest.raises(FormatError, match="bone lengths of one person change"):
        motions_of_people([one[0], frames_with(moving(3, seed=1))[1]])
    with pytest.raises(InputError, match="at least one moment"):
        motion_of_blocks([], [], [])
    with pytest.raises(InputError, match="must be finite"):
        replace(blocks(moving(1))[0], root=np.full(3, np.nan))
