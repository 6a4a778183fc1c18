"""Clips and forward kinematics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from anchorpose.poses.clips import Clip, check_parents, euler_to_matrix, forward_kinematics
from anchorpose.poses.errors import InputError

ANGLE = st.floats(-7.0, 7.0)


def make_clip(**changes):
    values = dict(
        name="made",
        names=("root", "tip"),
        parents=np.array([-1, 0]),
        offsets=np.array([[0.0, 0, 0], [0, 1, 0]]),
        rotations=np.broadcast_to(np.eye(3), (4, 2, 3, 3)),
        positions=np.zeros((4, 2, 3)),
        fps=20.0,
    )
    return Clip(**{**values, **changes})


@given(st.permutations("xyz"), st.tuples(ANGLE, ANGLE, ANGLE))
def test_euler_is_the_product_from_left_to_right(axes, angles):
    expected = Rotation.from_euler("".join(axes).upper(), angles).as_matrix()  # capitals: intrinsic
    np.testing.assert_allclose(euler_to_matrix("".join(axes), angles), expected, atol=1e-12)


def test_euler_by_hand():
    quarter = np.pi / 2
    np.testing.assert_allclose(euler_to_matrix("zx", [quarter, quarter]) @ [0, 1, 0], [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(euler_to_matrix("xz", [quarter, quarter]) @ [0, 1, 0], [-1, 0, 0], atol=1e-15)
    np.testing.assert_array_equal(euler_to_matrix("", np.zeros((5, 0))), np.broadcast_to(np.eye(3), (5, 3, 3)))


def test_euler_rejects_what_does_not_fit():
    with pytest.raises(InputError, match="3 angles"):
        euler_to_matrix("xyz", [0.1, 0.2])
    with pytest.raises(InputError, match="'xw'"):
        euler_to_matrix("xw", [0.1, 0.2])


def test_forward_kinematics_by_hand():
    # A root turned by 90 degrees about z takes an arm along x to y; the hand, turned once more, points back.
    turn = euler_to_matrix("z", [np.pi / 2])
    rotations = np.stack([turn, turn, np.eye(3)])[None]
    offsets = [[0, 0, 1], [2, 0, 0], [1, 0, 0]]
    positions, world = forward_kinematics(offsets, [-1, 0, 1], rotations, [[10, 0, 0]])
    np.testing.assert_allclose(positions[0], [[10, 0, 1], [10, 2, 1], [9, 2, 1]], atol=1e-12)
    np.testing.assert_allclose(world[0, 2], turn @ turn, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bone_lengths_do_not_change(seed):
    rng = np.random.default_rng(seed)
    joints = int(rng.integers(2, 8))
    parents = np.array([-1, *(rng.integers(0, j) for j in range(1, joints))])
    offsets = rng.normal(size=(joints, 3))
    rotations = euler_to_matrix("xzy", rng.uniform(-7, 7, (5, joints, 3)))
    positions, world = forward_kinematics(offsets, parents, rotations, rng.normal(size=(5, 3)))
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, parents[1:]], axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(np.linalg.norm(offsets[1:], axis=-1), lengths.shape), rtol=1e-9)
    np.testing.assert_allclose(world @ np.swapaxes(world, -1, -2), np.broadcast_to(np.eye(3), world.shape), atol=1e-12)


def test_offsets_that_move():
    offsets = np.zeros((2, 2, 3))
    offsets[:, 1, 0] = 1, 3
    rotations = np.broadcast_to(np.eye(3), (2, 2, 3, 3))
    positions, _ = forward_kinematics(offsets, [-1, 0], rotations, np.zeros((2, 3)))
    np.testing.assert_array_equal(positions[:, 1, 0], [1, 3])


@pytest.mark.parametrize(
    ("offsets", "parents", "rotations", "root", "message"),
    [
        (np.zeros((2, 3)), [-1, 0], np.zeros((4, 2, 3)), np.zeros((4, 3)), "rotations"),
        (np.zeros((3, 3)), [-1, 0], np.zeros((4, 2, 3, 3)), np.zeros((4, 3)), "offsets"),
        (np.zeros((2, 3)), [-1, 0], np.zeros((4, 2, 3, 3)), np.zeros((3, 3)), "root_translation"),
        (np.zeros((2, 3)), [-1, 1], np.zeros((4, 2, 3, 3)), np.zeros((4, 3)), "joint 1 has parent 1"),
        (np.zeros((2, 3)), [-1.0, 0.0], np.zeros((4, 2, 3, 3)), np.zeros((4, 3)), "integers"),
    ],
)
def test_forward_kinematics_rejects_what_does_not_fit(offsets, parents, rotations, root, message):
    with pytest.raises(InputError, match=message):
        forward_kinematics(offsets, parents, rotations, root)


def test_parents_come_first():
    assert check_parents([-1, 0, 0, 2], 4).tolist() == [-1, 0, 0, 2]
    with pytest.raises(InputError, match="joint 0 has parent 1"):
        check_parents([1, -1], 2)


def test_clip():
    clip = make_clip()
    assert (len(clip), clip.seconds, clip.up) == (4, 0.2, "y")
    assert clip.indices(["tip", "root"]).tolist() == [1, 0]
    assert not clip.ends.any()
    with pytest.raises(InputError, match="no joint 'nose'; it has root, tip"):
        clip.index("nose")


def test_clip_is_frozen_but_the_callers_arrays_are_not():
    positions = np.zeros((4, 2, 3))
    clip = make_clip(positions=positions)
    with pytest.raises(ValueError, match="read-only"):
        clip.positions[0] = 1
    positions[0] = 1


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ("root", "root")},
        {"positions": np.zeros((4, 3, 3))},
        {"offsets": np.zeros((3, 3))},
        {"rotations": np.zeros((3, 2, 3, 3))},
        {"fps": 0.0},
        {"fps": float("nan")},
        {"up": "x"},
        {"ends": np.zeros(3, dtype=bool)},
        {"parents": np.array([0, -1])},
    ],
)
def test_clip_rejects_what_does_not_fit(changes):
    with pytest.raises(InputError):
        make_clip(**changes)


def test_world_rotation_goes_up_the_chain():
    turns = np.stack([euler_to_matrix("x", [0.3]), euler_to_matrix("y", [0.4])])
    clip = make_clip(rotations=np.broadcast_to(turns, (4, 2, 3, 3)))
    np.testing.assert_allclose(clip.world_rotation("tip")[2], euler_to_matrix("xy", [0.3, 0.4]), atol=1e-12)
    with pytest.raises(InputError, match="positions only"):
        make_clip(rotations=None).world_rotation("tip")


def test_y_up_turns_and_does_not_mirror():
    axes = np.eye(3)
    np.testing.assert_array_equal(make_clip().y_up(axes), axes)
    turned = make_clip(up="z").y_up(axes)
    np.testing.assert_array_equal(turned[2], [0, 1, 0])  # what pointed up still does
    assert np.linalg.det(turned) == pytest.approx(1.0)
