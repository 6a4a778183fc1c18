"""Refining tracks: shapes, gaps, rates, errors; live as offline."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from anchorpose.poses.body_bones import fit_measures
from anchorpose.poses.errors import InputError, ModelError
from anchorpose.poses.resampling import resample
from anchorpose.poses.sequences import PoseSequence
from anchorpose.poses.transforms import torso_centre
from anchorpose.poses.values import Mode, Motion, Pose
from anchorpose.sense.motion import (
    Refiner,
    as_motion,
    blend_weights,
    cut_window,
    motion_joints,
    refine,
    window_starts,
)
from anchorpose.sense.motion_online import OnlineRefiner, push_many
from conftest import TinyLift
from toy_motion import hide, settle_at, toy_posebert_folder, toy_refiner, toy_sequence


def as_poses(sequence: PoseSequence) -> list[Pose | None]:
    out: list[Pose | None] = []
    for t in range(len(sequence)):
        modes = tuple(
            Mode(float(w), j, np.zeros(13))
            for w, j in zip(sequence.weights[t], sequence.modes[t], strict=True)
            if w > 0
        )
        pose = Pose("body13", 0.9, np.zeros(4), None, sequence.scores[t], sequence.joints3d[t],
                    sequence.translation[t], modes)  # fmt: skip
        out.append(pose if sequence.seen[t] else None)
    return out


def same(a: Motion, b: Motion, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(a.times, b.times)
    np.testing.assert_allclose(a.rotations, b.rotations, atol=atol)
    np.testing.assert_allclose(a.translation, b.translation, atol=atol)
    np.testing.assert_array_equal(a.observed, b.observed)


def test_a_motion_is_whole() -> None:
    """Every frame has rotations, a place and joints; `observed` tells which were seen; bones keep their lengths."""
    sequence = hide(toy_sequence(50), slice(20, 31))
    motion = toy_refiner().refine(sequence)
    assert motion.skeleton == "anny" and motion.frame == "camera" and len(motion) == 50
    np.testing.assert_array_equal(motion.times, sequence.times)
    np.testing.assert_array_equal(motion.observed, sequence.seen)
    np.testing.assert_array_equal(motion.root, motion.rotations[:, 0])
    turned = motion.rotations @ motion.rotations.transpose(0, 1, 3, 2)
    np.testing.assert_allclose(turned, np.broadcast_to(np.eye(3), turned.shape), atol=1e-6)
    joints = motion_joints(motion)
    assert joints.shape == (50, 13, 3) and np.isfinite(joints).all()
    thigh = np.linalg.norm(joints[:, 2] - joints[:, 4], axis=-1)
    assert np.ptp(thigh) < 0.1  # two bones that may bend a little
    # Without training the place is that of the input, filled where nothing was seen.
    off = torso_centre(joints) - torso_centre(sequence.joints3d) - sequence.translation
    assert np.nanmax(np.abs(off[sequence.seen])) < 1.0


def test_one_frame_and_the_shortest() -> None:
    for frames in (1, 2, 3, 17):
        motion = toy_refiner().refine(toy_sequence(frames))
        assert len(motion) == frames and motion.observed.all() and np.isfinite(motion_joints(motion)).all()
    alone = hide(toy_sequence(40), [t for t in range(40) if t != 25])
    motion = toy_refiner().refine(alone)
    np.testing.assert_array_equal(np.flatnonzero(motion.observed), [25])
    assert np.isfinite(motion_joints(motion)).all()


def test_gaps_at_the_ends_and_long_ones() -> None:
    """Before the first and after the last sighting the pose stands still; over long gaps it goes from one to the
    other."""
    motion = toy_refiner().refine(hide(toy_sequence(120), [*range(5), *range(30, 100), *range(115, 120)]))
    joints = motion_joints(motion)
    assert np.isfinite(joints).all()
    np.testing.assert_allclose(joints[:5], np.repeat(joints[5:6], 5, 0), atol=1e-9)
    np.testing.assert_allclose(joints[115:], np.repeat(joints[114:115], 5, 0), atol=1e-9)
    step = np.linalg.norm(np.diff(joints[40:90], axis=0), axis=-1)
    assert step.max() < 0.3  # no jump where nothing is known


def test_joints_that_are_missing() -> None:
    sequence = toy_sequence(30)
    sequence.joints3d[5:20, 7] = np.nan
    sequence.joints3d[8, :12] = np.nan
    motion = toy_refiner().refine(sequence)
    assert motion.observed.all() and np.isfinite(motion_joints(motion)).all()


def test_irregular_times_and_other_moments() -> None:
    """Any times in; the motion is asked for at any times, and is the same at the same moments."""
    rng = np.random.default_rng(0)
    sequence = toy_sequence(60)
    times = sequence.times + rng.uniform(-0.01, 0.01, 60)
    shaken = PoseSequence(times, *(getattr(sequence, n) for n in list(PoseSequence.__dataclass_fields__)[1:]))
    motion = toy_refiner().refine(shaken)
    np.testing.assert_array_equal(motion.times, times)
    dense = toy_refiner().refine(shaken, np.union1d(times, np.linspace(0, 2.5, 77)))
    at = np.isin(dense.times, times)
    np.testing.assert_allclose(dense.rotations[at], motion.rotations, atol=1e-9)
    assert dense.observed[at].all() and not dense.observed[dense.times > 2.1].any()


def test_many_people_as_one_by_one() -> None:
    sequences = [toy_sequence(40), hide(toy_sequence(23, 1), [4, 5]), toy_sequence(16, 2)]
    together = toy_refiner().refine_many(sequences)
    for motion, sequence in zip(together, sequences, strict=True):
        same(motion, toy_refiner().refine(sequence))
    assert toy_refiner().refine_many([]) == []


def test_without_places_and_without_modes() -> None:
    """Unknown places leave the torso at the origin; without modes, the modes say nothing."""
    sequence = toy_sequence(20)
    nowhere = PoseSequence(sequence.times, sequence.joints3d, sequence.scores, np.full((20, 3), np.nan),
                           sequence.modes, sequence.weights)  # fmt: skip
    motion = toy_refiner().refine(nowhere)
    np.testing.assert_allclose(torso_centre(motion_joints(motion)), 0, atol=1e-9)
    other = PoseSequence(*(getattr(sequence, n).copy() for n in PoseSequence.__dataclass_fields__))
    other.modes[:, 1] += 0.3
    plain = toy_refiner(modes=False)
    same(plain.refine(other), plain.refine(sequence))
    assert np.abs(toy_refiner().refine(other).rotations - toy_refiner().refine(sequence).rotations).max() > 1e-3


def test_poses_in_motion_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`refine` takes poses, and the model of the index if no refiner is given."""
    monkeypatch.setenv("ANCHORPOSE_HOME", str(toy_posebert_folder()))
    sequence = hide(toy_sequence(20), [9])
    same(refine(as_poses(sequence), sequence.times), toy_refiner().refine(sequence))


def test_clear_errors(tiny_lift: TinyLift) -> None:
    poses = as_poses(toy_sequence(3))
    with pytest.raises(InputError, match="must rise"):
        refine(poses, [0, 1, 1], refiner=toy_refiner())
    with pytest.raises(InputError, match="not seen in any frame"):
        refine([None, None], [0, 1], refiner=toy_refiner())
    with pytest.raises(InputError, match="windows of 2 to 16 frames, not 17"):
        toy_refiner(window=17)
    with pytest.raises(InputError, match="a stride of 1 to 16"):
        toy_refiner(stride=17)
    with pytest.raises(ModelError, match="PoseBERT"):
        Refiner(onnxruntime.InferenceSession(str(tiny_lift.onnx)))
    session = toy_refiner().session
    about = json.loads(session.get_modelmeta().custom_metadata_map["anchorpose"])
    for change, words in (({"settles": None}, "earlier version"), ({"modes": 7}, "other bones, measures or modes")):
        meta = SimpleNamespace(custom_metadata_map={"anchorpose": json.dumps(about | change)})
        with pytest.raises(ModelError, match=words):
            Refiner(SimpleNamespace(get_modelmeta=lambda meta=meta: meta))  # type: ignore[arg-type]
    motion = toy_refiner().refine(toy_sequence(3))
    smpl = Motion("smpl24", motion.times, motion.root, motion.rotations[:, :24], motion.translation, np.ones(24),
                  "camera", motion.observed)  # fmt: skip
    with pytest.raises(InputError, match="known for anny, not for smpl24"):
        motion_joints(smpl)


def test_windows_cover_a_track() -> None:
    """Every frame has weight; windows that see nothing are left out; a stride of 1 takes the
    middle (of an even window: the two middle frames)."""
    for length in (5, 16, 17, 40, 41):
        seen = np.ones(length, bool)
        starts = window_starts(seen, 16, 4)
        assert (blend_weights(length, starts, 16, 4).sum(0) > 0).all()
        assert starts[0] == 0 and starts[-1] == max(0, length - 16)
    seen = np.zeros(100, bool)
    seen[:10] = seen[90:] = True
    starts = window_starts(seen, 16, 4)
    assert not ((starts >= 10) & (starts + 16 <= 90)).any()
    weight = blend_weights(40, window_starts(np.ones(40, bool), 16, 1), 16, 1)
    np.testing.assert_array_equal((weight > 0).sum(0), np.r_[np.ones(8), 2 * np.ones(24), np.ones(8)])


@pytest.mark.parametrize("delay", [0, 4, 8])
def test_live_is_offline_on_what_is_known(delay: int) -> None:
    """With a delay d, frame t is what the network says of the window that ends at frame t + d, with the bone lengths
    of what was seen by then; nothing later goes in."""
    sequence, refiner = hide(toy_sequence(40, 2), [11, 12, 13, 14]), toy_refiner()
    person, window = OnlineRefiner(refiner, delay=delay), 16
    poses, got, sizes = as_poses(sequence), [], None
    for t in range(len(sequence)):
        motion = person.push(poses[t], float(sequence.times[t]))
        if t < delay:
            assert motion is None
            continue
        assert motion is not None and len(motion) == 1
        got.append(motion)
        known = sequence.part(slice(0, t + 1))
        grid = sequence.times[0] + np.arange(t - window + 1, t + 1) / 30
        cut = resample(known, grid)
        # The lengths are fitted anew at each of the first sightings, then at every 15th.
        sighted = np.flatnonzero(known.seen)
        count = len(sighted) if len(sighted) <= 15 else 15 * (len(sighted) // 15)
        said = refiner.run([cut], fit_measures(known.joints3d[sighted[:count]])[None])
        world, place = settle_at(said.rotations[0], said.centre[0], said.measures[0], cut.joints3d, window - 1 - delay)
        sizes = said.measures[0] if sizes is None else sizes + 0.1 * (said.measures[0] - sizes)
        expected = as_motion(world[None], place[None], sizes, motion.times, motion.observed)
        np.testing.assert_allclose(motion.rotations, expected.rotations, atol=1e-4)
        np.testing.assert_allclose(motion.translation, expected.translation, atol=1e-4)
        np.testing.assert_allclose(motion.bone_lengths, expected.bone_lengths, atol=1e-5)
        assert motion.times[0] == sequence.times[t - delay]
    rest = person.flush()
    times = np.concatenate([m.times for m in got] + ([rest.times] if rest else []))
    np.testing.assert_array_equal(times, sequence.times)
    observed = np.concatenate([m.observed for m in got] + ([rest.observed] if rest else []))
    np.testing.assert_array_equal(observed, sequence.seen)


def test_people_with_more_and_fewer_frames_due() -> None:
    """Of whom two moments come at once beside whom one comes: each as alone."""
    refiner, sequences = toy_refiner(), [toy_sequence(30, seed) for seed in (0, 1)]
    poses = [as_poses(sequence) for sequence in sequences]
    together = [OnlineRefiner(refiner, delay=4) for _ in sequences]
    alone = [OnlineRefiner(refiner, delay=4) for _ in sequences]
    for t, time in enumerate(sequences[0].times.tolist()):
        if t % 2 == 0:
            for person in (together[0], alone[0]):
                person.add(poses[0][t], time)
        if t % 2:
            both = push_many(together, [poses[0][t], poses[1][t]], time)
        else:
            both = [None, together[1].push(poses[1][t], time)]
        single = [alone[0].push(poses[0][t], time) if t % 2 else None, alone[1].push(poses[1][t], time)]
        for a, b in zip(both, single, strict=True):
            assert (a is None) == (b is None)
            if a is not None and b is not None:
                np.testing.assert_allclose(a.times, b.times)
                np.testing.assert_allclose(a.rotations, b.rotations, atol=1e-5)
                np.testing.assert_allclose(a.translation, b.translation, atol=1e-5)
        if t > 6 and t % 2:
            assert [len(motion) for motion in both if motion is not None] == [2, 1]


@pytest.mark.parametrize("fps", [10.0, 25.0, 60.0])
def test_live_at_any_rate(fps: float) -> None:
    """Every moment comes out once, in order, no earlier than its delay and not much later."""
    sequence = toy_sequence(30, fps=fps)
    person, out = OnlineRefiner(toy_refiner(), delay=4), []
    for pose, time in zip(as_poses(sequence), sequence.times, strict=True):
        motion = person.push(pose, float(time))
        if motion is not None:
            out.append(motion)
            assert motion.times[-1] <= time - 4 / 30 + 2e-3
    rest = person.flush()
    assert rest is not None
    np.testing.assert_array_equal(np.concatenate([m.times for m in (*out, rest)]), sequence.times)
    assert person.flush() is None and person.push(None, 99.0) is None


def test_live_people_come_and_go() -> None:
    """Nothing before the first sighting; a pose that stands still while the person is away; again after that."""
    person = OnlineRefiner(toy_refiner(), delay=0)
    poses = as_poses(toy_sequence(60))
    order: list[Pose | None] = [None] * 3 + poses[:10] + [None] * 30 + poses[40:50]
    motions = [person.push(pose, t / 30) for t, pose in enumerate(order)]
    assert motions[:3] == [None] * 3 and all(m is not None for m in motions[3:])
    still = [motion_joints(m)[0] for m in motions[35:43] if m is not None]
    np.testing.assert_allclose(still, np.repeat(still[:1], len(still), 0), atol=1e-9)
    assert motions[-1] is not None and motions[-1].observed.all()
    with pytest.raises(InputError, match="must rise"):
        person.push(None, 0.0)
    with pytest.raises(InputError, match="delay is 0 to 15"):
        OnlineRefiner(toy_refiner(), delay=16)


def test_live_people_together_as_alone() -> None:
    refiner = toy_refiner()
    sequences = [toy_sequence(20), hide(toy_sequence(20, 1), [0, 1, 9])]
    group, alone = ([OnlineRefiner(refiner, delay=2) for _ in sequences] for _ in range(2))
    for t in range(20):
        poses = [as_poses(s)[t] for s in sequences]
        together = push_many(group, poses, t / 30)
        for a, person, pose in zip(together, alone, poses, strict=True):
            b = person.push(pose, t / 30)
            assert (a is None) == (b is None)
            if a is not None and b is not None:
                same(a, b)


def test_cut_window() -> None:
    """Frames beyond the track are missing, times go on evenly."""
    sequence = toy_sequence(10)
    cut = cut_window(sequence, -3, 16)
    np.testing.assert_array_equal(np.flatnonzero(cut.seen), np.arange(3, 13))
    np.testing.assert_allclose(np.diff(cut.times), 1 / 30)
    np.testing.assert_array_equal(cut.joints3d[3:13], sequence.joints3d)
