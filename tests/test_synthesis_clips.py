"""Rendered clips: one body that moves, a camera that stands still, the truth of it, going on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.clip_motion import perform
from anchorpose.learn.synthesis.clip_view import CUT, cut_view, hiding_things
from anchorpose.learn.synthesis.clips import ClipConfig, ClipEngine, _in_turn, make_clips, steady_sensor
from anchorpose.learn.synthesis.hands import ruled_hands
from anchorpose.learn.synthesis.scenes import View
from anchorpose.measure.clip_set import TRUTH, ClipTruth, clip_frames
from anchorpose.poses.body_points import body_points
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from conftest import standing
from made_motions import has_gl, make_corpus

needs_gl = pytest.mark.skipif(not has_gl(), reason="no OpenGL without a window (EGL) here, or no moderngl")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANCHORPOSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ClipConfig:
    folder = tmp_path_factory.mktemp("clips")
    make_corpus((6, 8), deviation=0.1).save(folder / "motions.npz")
    return ClipConfig(str(folder / "motions.npz"), size=(96, 80), frames=(3, 4))


@needs_gl
def test_a_clip_and_its_truth(config: ClipConfig, tmp_path: Path) -> None:
    """Pictures of the person where the truth says; finished clips are left alone, another seed needs another folder."""
    (folder,) = make_clips(config, 1, 1, tmp_path / "set")
    truth = ClipTruth.load(folder / TRUTH)
    frames = list(clip_frames(folder, truth.camera))
    assert len(frames) == len(truth) == 4 and frames[0].image.shape == (80, 96, 3)
    np.testing.assert_allclose(truth.camera.project(truth.joints3d), truth.joints2d, atol=1e-3)
    assert 40 <= 2 * np.degrees(np.arctan(48 / truth.camera.fx)) <= 70
    assert (truth.visible == 2).mean() > 0.4 and truth.about["subject"] == "s1"
    middle = truth.joints2d.mean(1)
    assert ((middle > truth.boxes[:, :2]) & (middle < truth.boxes[:, 2:])).all()
    # One body: limbs keep their lengths.
    thigh = np.linalg.norm(truth.joints3d[:, 2] - truth.joints3d[:, 4], axis=-1)
    assert np.ptp(thigh) < 0.02 and 0.3 < thigh.mean() < 0.55
    # The background stands still, the person does not.
    change = np.abs(np.diff(np.stack([f.image for f in frames]).astype(float), axis=0)).mean((0, 3))
    x0, y0, x1, y1 = truth.boxes[0].astype(int)
    assert change[y0:y1, x0:x1].mean() > 3 * np.median(change)
    written = (folder / TRUTH).stat().st_mtime_ns
    assert list(make_clips(config, 1, 1, tmp_path / "set")) == [folder]
    assert (folder / TRUTH).stat().st_mtime_ns == written
    with pytest.raises(InputError, match="another config or seed"):
        list(make_clips(config, 2, 1, tmp_path / "set"))


def test_no_motion_is_long_enough(config: ClipConfig) -> None:
    with pytest.raises(InputError, match="has 60 sound frames"):
        ClipEngine(replace(config, frames=(60, 90)), 0)
    with pytest.raises(InputError, match="of nobody"):
        ClipEngine(replace(config, subjects=("nobody",)), 0)
    with pytest.raises(InputError, match="3 at least"):
        replace(config, frames=(2, 9))


def test_a_performance_stands_on_the_floor() -> None:
    """Feet near the floor, the way as long as the legs make it, limbs moved out of the body smoothly."""
    body, corpus = read_body(), make_corpus((6,), deviation=0.1)
    cast = perform(body, ruled_hands(), corpus, np.arange(6), np.random.default_rng(0))
    low = cast.posed.vertices[..., 1].min(1)
    assert cast.posed.vertices.shape[0] == 6 and np.abs(low).max() < 0.4 and 0 <= cast.female <= 1
    assert cast.about["subject"] == "s0" and cast.about["frames"] == [0, 5]
    joints = body_points(body, cast.posed)["body13"]
    assert np.abs(joints.mean((0, 1))[[0, 2]]).max() < 0.3


def test_subjects_take_turns() -> None:
    corpus = make_corpus((40, 10, 10))
    parts = [*np.array_split(np.arange(40), 4), np.arange(40, 50), np.arange(50, 60)]
    subjects = [corpus.clips[corpus.clip[p[0]]].subject for p in _in_turn(corpus, parts, 3)]
    assert set(subjects[:3]) == {"s0", "s1", "s2"} and subjects[3:] == ["s0"] * 3


def walker() -> tuple[View, np.ndarray]:
    """A camera at breast height, and joints (30, 13, 3) of one who stands on the left, 5 m away, then walks by."""
    turn = np.diag([1.0, -1, -1])
    view = View(Camera.from_fov(120, 90, 60), turn, -turn @ np.array([0, 1.2, 5]))
    figure = standing() - (0, standing()[:, 1].min(), 0)
    way = np.append(np.full(12, -1.0), np.linspace(-0.9, 1, 18))
    return view, figure + np.stack([way, np.zeros(30), np.zeros(30)], 1)[:, None]


def test_the_border_cuts_for_a_while() -> None:
    view, joints = walker()
    cut = cut_view(view, joints)
    pixels = cut.camera.project(cut.from_world(joints))
    out = ~((pixels > -0.5) & (pixels < (119.5, 89.5))).all(-1)
    assert CUT <= out.mean() < 2 * CUT and out.mean(1).min() == 0 and out.mean(1).max() < 1
    np.testing.assert_allclose(cut.rotation.T @ cut.translation, view.rotation.T @ view.translation, atol=1e-9)


def test_a_thing_hides_for_a_while() -> None:
    view, joints = walker()
    things = hiding_things(joints.reshape(-1, 3), joints, view, np.random.default_rng(1), 1)
    assert len(things) == 1
    depth = view.from_world(joints)[..., 2]
    assert 0.1 < things[0].vertices[:, 2].min() < depth.max()
    assert hiding_things(joints.reshape(-1, 3), joints + (0, 90, 0), view, np.random.default_rng(1), 1) == ()


def test_a_camera_keeps_its_settings() -> None:
    ranges = steady_sensor(np.random.default_rng(3))
    for pair in (ranges.gamma, ranges.gain, ranges.saturation, ranges.noise, ranges.shrink, ranges.defocus):
        assert pair[0] == pair[1]
    assert ranges.soft_share in (0, 1) and ranges.motion_share == ranges.jpeg_share == ranges.grey_share == 0
