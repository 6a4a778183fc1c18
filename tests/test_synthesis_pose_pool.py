"""The pool of poses: draws are functions of the generator, headings free, all kinds of poses alike, jumps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.learn.synthesis.pose_pool import (
    PosePool,
    draw_pose,
    even_chances,
    make_pool,
    random_rotation,
    read_pool,
)
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import mirror_rotations
from made_motions import make_corpus


def test_draws_are_functions_of_the_generator() -> None:
    pool = make_pool(make_corpus())
    one, two = (draw_pose(pool, np.random.default_rng(5), 0.5, 0.2) for _ in range(2))
    np.testing.assert_array_equal(one.rotations, two.rotations)
    assert one.source == two.source
    drawn = [draw_pose(pool, np.random.default_rng(s)).source for s in range(80)]
    assert {s["clip"] for s in drawn} == {"clip0.bvh", "clip1.bvh"} and len({s["frame"] for s in drawn}) > 7


def test_heading_is_free_and_the_limbs_stay() -> None:
    corpus = make_corpus((1, 1)).subset([0])
    pool = make_pool(corpus)
    drawn = [draw_pose(pool, np.random.default_rng(s)).rotations for s in range(40)]
    known = corpus.rotations([0])[0]
    both = np.stack([known, mirror_rotations(known)])
    for rotations in drawn:
        assert np.abs(rotations[1:] - both[:, 1:]).max((1, 2, 3)).min() < 1e-6
        assert np.abs(rotations[0, 1, 1] - known[0, 1, 1]) < 1e-6  # the lean does not change
    assert len({round(float(r[0, 0, 0]), 3) for r in drawn}) > 30


def test_limbs_of_another_frame() -> None:
    corpus = make_corpus((1, 1))
    pool = PosePool(corpus, np.arange(2), np.zeros(2), np.full(2, 0.5))
    known = corpus.rotations()
    known = np.concatenate([known, mirror_rotations(known)])
    spine, elbow, knee = (ANNY.index(n) for n in ("spine03", "lowerarm01.L", "lowerleg01.L"))
    mixed = 0
    for seed in range(30):
        pose = draw_pose(pool, np.random.default_rng(seed), mixed=1.0)
        trunk, arm, leg = (np.abs(known[:, j] - pose.rotations[j]).max((1, 2)).argmin() for j in (spine, elbow, knee))
        assert ("arms" in pose.source) != ("legs" in pose.source)
        assert leg == trunk if "arms" in pose.source else arm == trunk
        mixed += trunk != arm or trunk != leg
    assert mixed > 5


def test_tumbled_people_are_any_way_up() -> None:
    pool = make_pool(make_corpus())
    ups = np.array([draw_pose(pool, np.random.default_rng(s), tumbled=1.0).rotations[0, 1, 1] for s in range(200)])
    assert ups.min() < -0.8 and ups.max() > 0.8 and abs(ups.mean()) < 0.15


def test_jumps_stay_off_the_ground() -> None:
    corpus = make_corpus((40,), deviation=0.02)
    pool = make_pool(corpus)
    np.testing.assert_allclose(pool.lift[pool.rows == 8], 0.5, atol=0.08)
    assert (pool.lift[pool.rows != 8] < 0.1).all()


def test_pools_come_from_files_by_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANCHORPOSE_CACHE", str(tmp_path / "cache"))
    make_corpus().save(tmp_path / "motions.npz")
    assert len(read_pool(tmp_path / "motions.npz").rows) == 20
    pool = read_pool(tmp_path / "motions.npz", "val")
    assert {draw_pose(pool, np.random.default_rng(s)).source["subject"] for s in range(20)} == {"s1"}
    (kept,) = (p for p in (tmp_path / "cache").iterdir() if "chances" in np.load(p) and len(np.load(p)["rows"]) == 10)
    again = read_pool(tmp_path / "motions.npz", "val")  # from what is kept
    np.testing.assert_array_equal(again.chances, pool.chances)
    kept.write_bytes(b"broken")
    np.testing.assert_array_equal(read_pool(tmp_path / "motions.npz", "val").lift, pool.lift)
    (tmp_path / "broken.npz").write_bytes(b"no")
    with pytest.raises(FormatError, match="broken"):
        read_pool(tmp_path / "broken.npz")


def test_rare_kinds_of_poses_are_drawn_more_often() -> None:
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(0, 0.05, (3000, 27)), rng.normal(2, 0.05, (100, 27))])
    chances = even_chances(features, kinds=2)
    assert chances.sum() == pytest.approx(1)
    assert 0.2 < chances[3000:].sum() < 0.35  # a 31st of the frames
    glitch = even_chances(np.concatenate([features, np.full((1, 27), 9.0)]), kinds=3)
    assert glitch[-1] < 0.02  # a single odd frame is no kind


def test_random_rotations_cover_the_sphere() -> None:
    rng = np.random.default_rng(0)
    ups = np.array([random_rotation(rng)[:, 1] for _ in range(2000)])
    np.testing.assert_allclose(ups.mean(0), 0, atol=0.06)
    np.testing.assert_allclose((ups**2).mean(0), 1 / 3, atol=0.03)


def test_shapes_are_checked() -> None:
    corpus = make_corpus()
    with pytest.raises(InputError, match="no pose"):
        PosePool(corpus, np.zeros(0, int), np.zeros(0), np.zeros(0))
    with pytest.raises(InputError, match="lift"):
        PosePool(corpus, np.arange(3), np.zeros(2), np.ones(3))
