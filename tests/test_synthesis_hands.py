"""Fingers on the body: they bend towards the palm, both hands alike, within the limits of the joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.hands import (
    LIMITS,
    draw_hand,
    finger_rotations,
    hand_pose,
    read_hands,
    ruled_hands,
)
from anchorpose.poses.body import pose_body
from anchorpose.poses.body_points import body_points
from anchorpose.poses.errors import FileError, FormatError
from anchorpose.poses.skeletons import HAND21


def hand_points(pose: np.ndarray, side: str) -> np.ndarray:
    """(21, 3) of the mean body's hand in that pose."""
    body = read_body()
    rotations = np.tile(np.eye(3), (1, len(body.bones), 1, 1))
    bones, turns = finger_rotations(body, side, pose)
    rotations[0, bones] = turns
    posed = pose_body(body, np.zeros((1, 1)), rotations, np.zeros((1, 3)))
    return body_points(body, posed)["left_hand" if side == "l" else "right_hand"][0].astype(float)


def at(points: np.ndarray, name: str) -> np.ndarray:
    return points[HAND21.index(name)]


@pytest.mark.parametrize("side", ["l", "r"])
def test_flat_and_fist(side: str) -> None:
    flat, fist = hand_points(hand_pose((0, 0, 0, 0)), side), hand_points(hand_pose((1, 1, 1, 1)), side)
    for finger in ("index", "middle", "ring", "little"):
        way = [at(flat, f"{finger}{k + 1}") - at(flat, f"{finger}{k}") for k in (1, 2)]
        cos = way[0] @ way[1] / np.linalg.norm(way[0]) / np.linalg.norm(way[1])
        assert cos > 0.97, finger  # stretched
        reach = [np.linalg.norm(at(p, f"{finger}4") - at(p, "wrist")) for p in (flat, fist)]
        assert reach[1] < 0.72 * reach[0], finger


@pytest.mark.parametrize("side", ["l", "r"])
def test_fingers_bend_towards_the_palm(side: str) -> None:
    """The palm is where the thumb goes when it is opposed, and where the arms hang at the thighs: inside."""
    flat, bent = hand_points(hand_pose((0, 0, 0, 0)), side), hand_points(hand_pose((0.4, 0.4, 0.4, 0.4)), side)
    ahead, thumb = at(flat, "middle1") - at(flat, "wrist"), at(flat, "index1") - at(flat, "little1")
    palm = -np.cross(ahead, thumb) * (1 if side == "r" else -1)
    palm /= np.linalg.norm(palm)
    for finger in ("index", "middle", "ring", "little"):
        assert (at(bent, f"{finger}4") - at(flat, f"{finger}4")) @ palm > 0.02
    assert palm[0] * (1 if side == "l" else -1) < -0.3  # towards the middle of the body


def test_left_is_the_mirror_image() -> None:
    pose = draw_hand(ruled_hands(), np.random.default_rng(3))[0]
    np.testing.assert_allclose(hand_points(pose, "l") * (-1, 1, 1), hand_points(pose, "r"), atol=4e-3)


def test_pointing_and_victory() -> None:
    library = ruled_hands()
    point = hand_points(library.poses[library.names.index("point")], "r")
    reach = {f: np.linalg.norm(at(point, f"{f}4") - at(point, "wrist")) for f in ("index", "middle", "ring", "little")}
    assert reach["index"] > 1.3 * max(reach["middle"], reach["ring"], reach["little"])
    victory = hand_points(library.poses[library.names.index("victory")], "r")
    apart = np.linalg.norm(at(victory, "index4") - at(victory, "middle4"))
    assert apart > 1.8 * np.linalg.norm(at(victory, "index1") - at(victory, "middle1"))


def test_drawn_hands_stay_within_the_limits() -> None:
    library = ruled_hands()
    rng = np.random.default_rng(0)
    drawn = [draw_hand(library, rng) for _ in range(200)]
    poses = np.stack([pose for pose, _ in drawn])
    assert (poses >= LIMITS[0]).all() and (poses <= LIMITS[1]).all()
    assert len({name for _, name in drawn}) > 50
    one, two = (draw_hand(library, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])


def test_reads_recorded_grasps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(0, 0.3, (3, 45)).astype(np.float32)
    means[1] = np.nan
    np.savez(
        tmp_path / "grasps.npz", hand_pose=rng.normal(0, 0.3, (7, 45)).astype(np.float32), mean_pose=means,
        grasp_type=np.array([1, 1, 1, 1, 1, 3, 3], np.int16), type_names=np.array(["wrap", "none", "pinch"]),
    )  # fmt: skip
    library = read_hands(tmp_path / "grasps.npz")
    grasps = np.array([name.startswith("grasp") for name in library.names])
    assert grasps.sum() == 9 and len(library.names) == len(library.poses) == len(library.weights)
    assert library.weights[grasps].sum() == pytest.approx(0.5) and np.isfinite(library.poses).all()
    wraps = np.array([name == "grasp: wrap" for name in library.names])
    assert library.weights[wraps].sum() == pytest.approx(0.25)  # every type alike
    assert len(read_hands(None).names) == len(ruled_hands().names)


def test_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nothing.npz"):
        read_hands(tmp_path / "nothing.npz")
    (tmp_path / "broken.npz").write_bytes(b"no")
    with pytest.raises(FormatError, match="broken.npz"):
        read_hands(tmp_path / "broken.npz")
