"""Single frames of windows, settled by the network's file: as the plain sums say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anchorpose.learn.kinematics import components_first
from anchorpose.learn.nets.settle import Settle
from anchorpose.poses.body_bones import body_points
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.sixd import matrix_to_sixd, sixd_to_matrix
from anchorpose.poses.transforms import torso_centred
from anchorpose.sense.motion_settle import NOT_SETTLED, SettleSettings, aim_at, settle
from test_motion_settle import MEASURES, PLACE, bent, joints, off
from toy_motion import settle_at, settled, toy_world


def test_one_frame_of_a_window() -> None:
    """In the middle of a window about as the whole; straight ways stay straight at its end; nothing where nothing is
    wanted."""
    model = toy_world(40)
    seen = joints(bent(model, 0.15))
    whole, _ = settle(model, PLACE[:40], MEASURES, seen)
    one, _ = settle_at(model, PLACE[:40], MEASURES, seen, 20)
    apart = off(joints(one[None]), joints(whole[20][None]))
    assert apart < 0.3 * off(joints(one[None]), joints(model[20][None]))
    path = np.linspace(0, 2, 40)[:, None] * (1, 0, -1)
    for at in (0, 7, 39):
        np.testing.assert_allclose(settle_at(model, path, MEASURES, seen, at)[1], path[at], atol=1e-9)
    same, kept = settle_at(model, path, MEASURES, seen, 39, NOT_SETTLED)
    np.testing.assert_allclose(same, model[39], atol=1e-6)
    np.testing.assert_allclose(kept, path[39])


def test_frames_of_several_windows_at_once() -> None:
    """As each window alone, and as the plain sums say: weighted means of rotations, places and clipped offsets."""
    rng = np.random.default_rng(4)
    world = np.stack([toy_world(16, k) for k in range(3)])
    measures, place = rng.normal(0, 0.05, (3, 9)), rng.normal(0, 1, (3, 16, 3))
    seen = torso_centred(body_points(bent(world, 0.1), measures[:, None])[..., :13, :])
    seen[0, 3:6] = seen[1, 11, 0] = np.nan
    there = np.isfinite(seen).all(-1)
    at = [11, 15, 0]
    found, places = (part[:, 0] for part in settled(world, place, measures, seen, [[k] for k in at]))
    away = np.arange(16.0)
    for k in range(3):
        alone = settle_at(world[k], place[k], measures[k], seen[k], at[k])
        np.testing.assert_allclose(found[k], alone[0], atol=1e-9)
        np.testing.assert_allclose(places[k], alone[1], atol=1e-9)
        g = np.exp(-(((away - at[k]) / 2) ** 2) / 2)
        line = np.stack([np.ones(16), away - at[k]])  # a fit of a line by weighted squares, read at the frame
        weight = np.linalg.solve((line * g) @ line.T, line * g)[0]
        mean = sixd_to_matrix(matrix_to_sixd(np.tensordot(weight, world[k], 1)))
        near = np.exp(-(((away - at[k]) / 5) ** 2) / 2)[:, None, None] * there[k][..., None]
        off = np.nan_to_num(seen[k]) - joints(world[k], measures[k])
        off *= np.minimum(1, 0.25 / np.maximum(np.linalg.norm(off, axis=-1, keepdims=True), 1e-9))
        count = near.sum(0)
        push = (count / np.exp(-(((away - at[k]) / 5) ** 2) / 2).sum()) ** 2 * (near * off).sum(0) / count
        points = joints(mean[None], measures[k])[0]
        np.testing.assert_allclose(found[k], aim_at(mean, points, points + 0.5 * push), atol=1e-5)
        np.testing.assert_allclose(places[k], weight @ place[k], atol=1e-6)


def test_several_frames_of_a_window_and_none() -> None:
    """As one by one; an answer without frames where none is asked for."""
    world, seen = toy_world(16)[None], joints(toy_world(16, 1))[None]
    rest = (np.zeros((1, 16, 3)), MEASURES[None], seen)
    both, _ = settled(world, *rest, [[3, 9]])
    for k, at in enumerate((3, 9)):
        np.testing.assert_allclose(both[0, k], settled(world, *rest, [[at]])[0][0, 0], atol=1e-12)
    net, arrays = Settle(), (rest[1], np.zeros((1, 16, 39)), np.zeros((1, 16, 13)), *np.zeros((2, 1, 0, 16)))
    tensors = [torch.from_numpy(a).float() for a in (*arrays, np.array(0.25))]
    assert net(components_first(torch.from_numpy(world).float()), *tensors).shape == (1, 0, 38, 3, 3)


@pytest.mark.parametrize("degrees", [90.0, 170.0, 179.0, 180.0])
def test_rotations_whatever_was_seen(degrees: float) -> None:
    """Limbs that are seen to point the other way, and joints that lie on each other: what comes out are rotations."""
    world = toy_world(16)[None]
    turned = rotvec_to_matrix(np.radians([0.0, 0.0, degrees])) @ world
    everything = SettleSettings(share=1.0, most=10.0)
    for seen in (joints(turned[0])[None], np.zeros((1, 16, 13, 3))):
        found, _ = settled(world, np.zeros((1, 16, 3)), MEASURES[None], seen, [[8]], everything)
        np.testing.assert_allclose(found @ np.swapaxes(found, -1, -2), np.eye(3) + 0 * found, atol=1e-6)
        np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-6)
