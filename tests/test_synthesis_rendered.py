"""The rendered engine as a whole: same bytes for the same seed, labels that agree with the maps, bad configs."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.files.images import write_image
from anchorpose.learn.synthesis.rendered import RenderConfig, RenderedEngine
from anchorpose.poses.body import pose_body
from anchorpose.poses.body_points import body_points
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.rotations import quat_xyzw_to_matrix
from anchorpose.poses.samples import VISIBLE, Sample
from made_motions import has_gl, make_corpus

needs_gl = pytest.mark.skipif(not has_gl(), reason="no OpenGL without a window (EGL) here, or no moderngl")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANCHORPOSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RenderConfig:
    folder = tmp_path_factory.mktemp("rendered")
    make_corpus((30, 10), deviation=0.2).save(folder / "motions.npz")
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for k in range(3):
        write_image(folder / "photos" / f"{k}.png", rng.integers(0, 255, (60, 90, 3)).astype(np.uint8))
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    return RenderConfig(
        size=(96, 80), motions=str(folder / "motions.npz"), backgrounds=str(folder / "photos"), occluded=0.0,
        truncated=0.0, tumbled=0.0, sensor=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def engine(config: RenderConfig) -> RenderedEngine:
    return RenderedEngine(config, 0)


def another(engine: RenderedEngine, config: RenderConfig, seed: int = 0) -> RenderedEngine:
    """An engine that shares with `engine` what takes long to make and does not depend on its configuration."""
    out = RenderedEngine(config, seed)
    out.__dict__["wardrobe"] = engine.wardrobe
    return out


def same(one: Sample, two: Sample) -> bool:
    return bool((one.image == two.image).all()) and one.to_dict() == two.to_dict()


@needs_gl
def test_same_seed_same_bytes(engine: RenderedEngine, config: RenderConfig) -> None:
    """Also in another engine, in another order, alone or among others."""
    full = replace(config, sensor=True, occluded=1.0, people=(1, 3))
    first = list(another(engine, full, 3).samples([4, 5, 6]))
    again = RenderedEngine(full, 3)
    assert same(again.sample(6), first[2]) and same(again.sample(4), first[0])
    again.seed = 4
    assert not (again.sample(4).image == first[0].image).all()


@needs_gl
def test_labels_agree_with_the_picture(engine: RenderedEngine) -> None:
    for index in range(6):
        sample = engine.sample(index)
        (person,) = sample.people
        mask = sample.maps["instances"] == 1
        y, x = np.nonzero(mask)
        assert mask.sum() > 60
        assert (np.isfinite(sample.maps["depth"]) == mask).all() and (sample.maps["parts"][~mask] == 0).all()
        # Hair and clothes stand off the body a little.
        np.testing.assert_allclose(
            person.box, (x.min(), y.min(), x.max(), y.max()), atol=0.14 * max(np.ptp(x), np.ptp(y))
        )
        body = person.parts["body"]
        np.testing.assert_allclose(sample.camera.project(body.joints3d), body.joints2d, atol=0.02)
        for joint in np.flatnonzero(body.visible == VISIBLE)[:12]:
            u, v = np.rint(body.joints2d[joint]).astype(int)
            near = sample.maps["depth"][max(v - 2, 0) : v + 3, max(u - 2, 0) : u + 3]
            assert np.abs(near[np.isfinite(near)] - body.joints3d[joint, 2]).min() < 0.25
        assert (body.visible == VISIBLE).mean() > 0.4


@needs_gl
def test_attributes_pose_the_body_again(engine: RenderedEngine) -> None:
    sample = engine.sample(12)
    about = sample.people[0].attributes
    body = read_body()
    posed = pose_body(
        body, [about["shape"]], quat_xyzw_to_matrix(about["rotations_quat_xyzw"])[None], [about["root_world"]],
        [about["actions"]],
    )  # fmt: skip
    rotation, translation = sample.attributes["camera_from_world"], sample.attributes["camera_translation"]
    joints = body_points(body, posed)["body13"][0] @ np.array(rotation).T + translation
    np.testing.assert_allclose(joints, sample.people[0].parts["body"].joints3d, atol=2e-3)
    assert posed.vertices[0, :, 1].min() > -0.01  # on the ground


@needs_gl
def test_several_people_and_things(engine: RenderedEngine, config: RenderConfig) -> None:
    crowd = another(engine, replace(config, people=(3, 3), occluded=1.0))
    samples = [crowd.sample(i) for i in range(4)]
    assert max(len(s.people) for s in samples) == 3
    for sample in samples:
        there = set(np.unique(sample.maps["instances"])) - {0}
        assert there <= set(range(1, len(sample.people) + 1))
    things = [(np.isfinite(s.maps["depth"]) & (s.maps["instances"] == 0)).sum() for s in samples]
    assert max(things) > 50


@needs_gl
def test_without_photos_and_maps(engine: RenderedEngine, config: RenderConfig) -> None:
    sample = another(engine, replace(config, backgrounds=None, maps=False, size=64)).sample(0)
    assert sample.image.shape == (64, 64, 3) and not sample.maps and sample.attributes["background"] is None


def test_configs_travel_as_json(config: RenderConfig) -> None:
    data = asdict(config)
    assert RenderConfig(**{k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"people": (0, 2)}, "1 to 8"), ({"people": (3, 2)}, "fewest"), ({"people": (1, 9)}, "1 to 8"),
        ({"fov": (1, 60)}, "between 5 and 150"), ({"size": 16}, "32"), ({"truncated": 1.5}, "truncated is a share"),
        ({"split": "test"}, "train, val"),
    ],
)  # fmt: skip
def test_bad_configs_are_refused(config: RenderConfig, changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(config, **changes)  # type: ignore[arg-type]


def test_what_is_missing_is_named(config: RenderConfig, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="none.npz"):
        RenderedEngine(replace(config, motions=str(tmp_path / "none.npz")), 0).sample(0)
    with pytest.raises(InputError, match="motions"):
        RenderedEngine(replace(config, motions=None), 0).sample(0)
