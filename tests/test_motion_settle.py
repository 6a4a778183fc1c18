"""The last touch on a refined motion: towards what was seen, calm, bones as long as before."""

from __future__ import annotations

import numpy as np
import pytest

from anchorpose.measure.metrics import mpjpe
from anchorpose.measure.smoothing import acceleration_error
from anchorpose.poses.body_bones import BODY_BONES, body_points
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.transforms import hip_centred, torso_centred
from anchorpose.sense.motion_settle import SettleSettings, aim_at, settle
from toy_motion import toy_world

MEASURES = np.random.default_rng(0).normal(0, 0.05, 9)
PLACE = np.zeros((60, 3))


def joints(world: np.ndarray, measures: np.ndarray = MEASURES) -> np.ndarray:
    return torso_centred(body_points(world, measures)[:, :13])


def off(found: np.ndarray, truth: np.ndarray) -> float:
    return float(mpjpe(found[:, :12], truth[:, :12]).mean())


def bent(world: np.ndarray, size: float, seed: int = 1) -> np.ndarray:
    """Every bone turned by an error of its own that stays."""
    return rotvec_to_matrix(np.random.default_rng(seed).normal(0, size, (len(BODY_BONES), 3))) @ world


def test_limbs_point_where_they_are_wanted() -> None:
    """Aimed at another pose of the same person the joints come out there; lengths stay; the rotations are rotations."""
    start, goal = toy_world(20), bent(toy_world(20), 0.3)
    for name in ("spine05", "spine04", "spine03", "spine02", "spine01", "clavicle.L", "clavicle.R", "shoulder01.L",
                 "shoulder01.R", "pelvis.L", "pelvis.R", "root"):  # fmt: skip
        goal[:, BODY_BONES.index(name)] = start[:, BODY_BONES.index(name)]  # the trunk is turned as one
    aimed = aim_at(start, joints(start), joints(goal))
    points, wanted = body_points(aimed, MEASURES), body_points(goal, MEASURES)
    ends = [(4, 2), (2, 0), (5, 3), (3, 1), (10, 8), (8, 6), (11, 9), (9, 7)]
    for a, b in ends:
        now, then = points[:, b] - points[:, a], wanted[:, b] - wanted[:, a]
        now, then = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (now, then))
        np.testing.assert_allclose(now, then, atol=1e-6)
    np.testing.assert_allclose(aimed @ np.swapaxes(aimed, -1, -2), np.broadcast_to(np.eye(3), aimed.shape), atol=1e-9)
    np.testing.assert_allclose(aim_at(start, joints(start), joints(start)), start, atol=1e-6)


def test_a_turned_trunk_is_turned_back() -> None:
    start = toy_world(5)
    turned = rotvec_to_matrix(np.array([0.1, 0.4, -0.2])) @ start
    np.testing.assert_allclose(aim_at(turned, joints(turned), joints(start)), start, atol=1e-6)


def test_between_two_errors_lies_better() -> None:
    """The model is off by one steady error, the detections by another and by noise: between them is nearer to the truth
    than either."""
    truth = toy_world(60)
    model, seen = bent(truth, 0.12, 1), joints(bent(truth, 0.12, 2))
    seen = seen + np.random.default_rng(3).normal(0, 0.03, seen.shape)
    world, _ = settle(model, PLACE, MEASURES, seen, SettleSettings(0.5, 4.0, 0.25, 0.0))
    before, after = off(joints(model), joints(truth)), off(joints(world), joints(truth))
    assert after < 0.96 * before and after < off(seen, joints(truth))


def test_calm() -> None:
    """Jitter goes, the motion stays; the place too."""
    truth = toy_world(60)
    rng = np.random.default_rng(4)
    shaking = rotvec_to_matrix(rng.normal(0, 0.02, (60, len(BODY_BONES), 3))) @ truth
    path = np.linspace(0, 1, 60)[:, None] * (1, 0, 0)
    still = np.full((60, 13, 3), np.nan)
    world, place = settle(shaking, path + rng.normal(0, 0.01, (60, 3)), MEASURES, still)
    bend = [acceleration_error(hip_centred(joints(w)), hip_centred(joints(truth))).mean() for w in (shaking, world)]
    assert bend[1] < 0.35 * bend[0]
    assert off(joints(world), joints(truth)) < off(joints(shaking), joints(truth))
    assert np.abs(place - path).mean() < 0.005
    same, kept = settle(shaking, path, MEASURES, still, SettleSettings(0.0, 3.0, 0.25, 0.0))
    np.testing.assert_array_equal(same, shaking)
    np.testing.assert_array_equal(kept, path)


def test_what_was_not_seen_stays_with_the_model() -> None:
    """Missing frames and joints pull at nothing; single detections little; outliers no more than the longest offset."""
    model = toy_world(60)
    seen = joints(bent(model, 0.2))
    seen[:40] = np.nan
    plain = SettleSettings(0.5, 3.0, 0.25, 0.0)
    world, _ = settle(model, PLACE, MEASURES, seen, plain)
    np.testing.assert_allclose(world[:25], model[:25], atol=1e-4)
    assert np.abs(world[50] - model[50]).max() > 0.02
    wild = joints(model)
    wild[30, 6] += (5.0, 0, 0)  # a wrist
    moved = joints(settle(model, PLACE, MEASURES, wild, plain)[0]) - joints(model)
    assert 0 < np.abs(moved).max() < 0.03
    lost = joints(bent(model, 0.2))
    lost[:, 0] = np.nan  # an ankle: the shin turns with the thigh, no more
    assert np.isfinite(settle(model, PLACE, MEASURES, lost, plain)[0]).all()


@pytest.mark.parametrize("windows", [1, 3])
def test_windows_as_one_by_one(windows: int) -> None:
    worlds = np.stack([toy_world(16, k) for k in range(windows)])
    seen = np.stack([joints(bent(w, 0.1)) for w in worlds])
    places = np.random.default_rng(0).normal(size=(windows, 16, 3))
    measures = np.random.default_rng(1).normal(0, 0.05, (windows, 9))
    together = settle(worlds, places, measures, seen)
    for k in range(windows):
        alone = settle(worlds[k], places[k], measures[k], seen[k])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[k], b, atol=1e-9)
