"""The mosaic engine on stick figures: labels, mirror images, one perfect source, determinism, broken input."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anchorpose.files.corpus import Corpus
from anchorpose.files.images import write_image
from anchorpose.files.labels import read_labels
from anchorpose.learn.synthesis.mosaic.config import MosaicConfig
from anchorpose.learn.synthesis.mosaic.engine import MosaicEngine, coco_part
from anchorpose.learn.synthesis.mosaic.mosaic import Workshop
from anchorpose.learn.synthesis.mosaic.probability import neighbourhood
from anchorpose.learn.synthesis.mosaic.queries import Query, body_box, frame_person, load_corpus
from anchorpose.learn.synthesis.mosaic.sources import PhotoReader, Sources, collect_sources
from anchorpose.learn.synthesis.mosaic.visibility import joint_visibility
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.samples import Part, Sample
from anchorpose.poses.skeletons import BODY13, COCO17
from anchorpose.share import raster
from conftest import before_camera, tiny_corpus, tiny_poses

PHOTOS = 45
SIDE = 128


def stick_figure(pose: np.ndarray, seed: int) -> np.ndarray:
    """A person of BODY13's colours before a coloured pattern."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.repeat(rng.integers(60, 200, (8, 8, 3)), SIDE // 8, 0), SIDE // 8, 1).astype(np.uint8)
    for a, b in BODY13.edges:
        raster.capsule(image, pose[a], pose[b], (3, 3), tuple(BODY13.colors[b]))
    raster.disc(image, pose[BODY13.index("head")], 7, (230, 200, 170))
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of stick figures with COCO labels, a corpus, and two backgrounds."""
    root = tmp_path_factory.mktemp("photos")
    camera = Camera.from_fov(SIDE, SIDE, 40)
    images, annotations = [], []
    for n, world in enumerate(tiny_poses(PHOTOS, 7)):
        pose = camera.project(before_camera(world, at=(0, 0, 3.2)))
        write_image(root / f"{n:03d}.png", stick_figure(pose, n))
        joints = np.zeros((17, 3))
        for i, name in enumerate(BODY13.names[:12]):
            joints[COCO17.index(name)] = *pose[i], 2
        for name, side in (("l_ear", 3), ("r_ear", -3)):
            joints[COCO17.index(name)] = pose[12, 0] + side, pose[12, 1], 2
        images.append({"id": n, "file_name": f"{n:03d}.png", "width": SIDE, "height": SIDE})
        annotations.append({
            "id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, SIDE, SIDE], "iscrowd": 0,
            "keypoints": joints.ravel().round(3).tolist(),
        })  # fmt: skip
    text = json.dumps({"images": images, "annotations": annotations, "categories": []})
    (root / "labels.json").write_text(text)
    tiny_corpus(60).save(root / "corpus.npz")
    (root / "places").mkdir()
    for n in range(2):
        write_image(root / "places" / f"{n}.png", np.full((50, 70, 3), 40 + 90 * n, np.uint8))
    return root


def config_of(folder: Path, **changes: object) -> MosaicConfig:
    base = MosaicConfig(labels=str(folder / "labels.json"), corpus=str(folder / "corpus.npz"), split="train", size=96)
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def engine(folder: Path) -> MosaicEngine:
    return MosaicEngine(config_of(folder), 3)


def test_labels_project_back(engine: MosaicEngine) -> None:
    for sample in engine.samples(range(4)):
        (person,) = sample.people
        body, coco = person.parts["body"], person.parts["coco"]
        np.testing.assert_allclose(sample.camera.project(body.joints3d), body.joints2d, atol=1e-9)
        assert (sample.image.shape, sample.camera.width, sample.camera.height) == ((96, 96, 3), 96, 96)
        inside = ((body.joints2d >= -0.5) & (body.joints2d <= 95.5)).all(1)
        np.testing.assert_array_equal(inside, body.visible > 0)
        assert person.truncated == pytest.approx(1 - inside.mean())
        assert person.attributes["subject"] in ("anybody", "cmu_006"), "no pose of another split"
        wrist = COCO17.index("l_wrist")
        np.testing.assert_array_equal(coco.joints2d[wrist], body.joints2d[BODY13.index("l_wrist")])
        assert np.isnan(coco.joints2d[COCO17.index("nose")]).all() and coco.visible[COCO17.index("nose")] == 0
        low, high = body.joints2d[inside].min(0), body.joints2d[inside].max(0)
        assert (person.box[:2] <= low).all() and (person.box[2:] >= high).all()
        assert sample.maps["instances"].max() == 1


def test_samples_hang_on_seed_and_number_alone(folder: Path, engine: MosaicEngine) -> None:
    again = MosaicEngine(config_of(folder), 3)
    later = [again.sample(i) for i in (2, 0)]
    assert later[1] == engine.sample(0) and later[0] == engine.sample(2)
    assert engine.sample(0) != engine.sample(1)
    other = MosaicEngine(config_of(folder), 4).sample(0)
    assert not np.array_equal(other.image, engine.sample(0).image)
    with pytest.raises(InputError, match="from 0"):
        engine.sample(-1)


def test_one_perfect_source_gives_its_photo_back(folder: Path) -> None:
    pose3d = before_camera(tiny_poses(1, 11)[0], at=(0.1, 0, 3.4))
    camera = Camera.from_fov(SIDE, SIDE, 40)
    query = Query(pose3d, camera)
    photo = stick_figure(query.joints2d, 5)
    write_image(folder / "perfect.png", photo)
    sources = Sources(
        query.joints2d[None].astype(np.float32), np.ones((1, 13), bool), np.zeros(1, np.int32), np.zeros(1, bool),
        (folder / "perfect.png",), np.array([[SIDE, SIDE]]),
    )  # fmt: skip
    workshop = Workshop(sources, config_of(folder))
    mosaic = workshop.make(query)
    assert all(match is not None and match.distance < 1e-3 for match in mosaic.matches)
    assert np.abs(mosaic.image.astype(int)[2:-2, 2:-2] - photo[2:-2, 2:-2]).max() <= 1
    np.testing.assert_allclose(mosaic.weights.sum(0), 1, atol=1e-5)
    for j in (0, 6, 12):
        warped, aligned = workshop.warped(mosaic, j)
        assert np.abs(warped.astype(int)[2:-2, 2:-2] - photo[2:-2, 2:-2]).max() <= 1
        np.testing.assert_allclose(aligned, query.joints2d, atol=1e-2)
    assert np.abs(workshop.argmax(mosaic).astype(int)[2:-2, 2:-2] - photo[2:-2, 2:-2]).max() <= 1


def test_mirror_images_swap_sides(folder: Path) -> None:
    """A query that is the mirror image of a source is served by the source's mirror image, pixel for pixel."""
    sources = collect_sources([read_labels(folder / "labels.json")])
    assert len(sources) == 2 * PHOTOS and sources.mirrored.sum() == PHOTOS
    original, flipped = sources.joints2d[4], sources.joints2d[PHOTOS + 4]
    left, right = BODY13.index("l_wrist"), BODY13.index("r_wrist")
    np.testing.assert_allclose(flipped[left], (SIDE - 1 - original[right][0], original[right][1]), atol=1e-3)
    reader = PhotoReader(sources.paths, sources.sizes)
    plain, _ = reader.read(4)
    mirrored, _ = reader.read(4, mirrored=True)
    np.testing.assert_array_equal(np.asarray(mirrored), np.asarray(plain)[:, ::-1])
    # What was a right arm is a left one now: there lies its colour.
    for joint, was in ((left, right), (right, left)):
        x, y = flipped[joint].round().astype(int)
        np.testing.assert_array_equal(
            np.asarray(mirrored)[y, x], np.asarray(plain)[y, int(round(float(original[was][0])))]
        )


def test_scenes(folder: Path) -> None:
    config = config_of(folder, people=(2, 4), size=(160, 120), backgrounds=str(folder / "places"), split=None)
    sample = MosaicEngine(config, 1).sample(0)
    assert sample.image.shape == (120, 160, 3) and 2 <= len(sample.people) <= 4
    depth = [person.parts["body"].joints3d[:, 2].mean() for person in sample.people]
    assert depth == sorted(depth, reverse=True), "the farthest first, as in the instance map"
    ids = set(np.unique(sample.maps["instances"]).tolist())
    assert ids <= set(range(len(sample.people) + 1)) and {0, len(sample.people)} <= ids
    for person in sample.people:
        body = person.parts["body"]
        np.testing.assert_allclose(sample.camera.project(body.joints3d), body.joints2d, atol=1e-6)
        assert person.occluded == pytest.approx((body.visible == 1).mean())
    far = sample.maps["instances"] == 0
    assert sample.attributes["background"] in ("0.png", "1.png")
    assert {40, 130} & set(np.unique(sample.image[far]).tolist()), "the background shows"


def test_one_person_cut_out(folder: Path) -> None:
    config = config_of(folder, backgrounds=str(folder / "places"), split=None)
    sample, plain = MosaicEngine(config, 3).sample(1), MosaicEngine(config_of(folder, split=None), 3).sample(1)
    body = plain.people[0].parts["body"]
    np.testing.assert_array_equal(sample.people[0].parts["body"].joints2d, body.joints2d)
    on = sample.maps["instances"] > 0
    np.testing.assert_array_equal(on, plain.maps["instances"] > 0)
    assert (sample.image[on] == plain.image[on]).mean() > 0.5 and (sample.image[~on] == plain.image[~on]).mean() < 0.2
    seen = body.joints2d[body.visible > 0].round().astype(int)
    assert on[np.clip(seen[:, 1], 0, 95), np.clip(seen[:, 0], 0, 95)].mean() > 0.8, "joints lie on the person"


def test_a_scene_without_backgrounds_keeps_surroundings(folder: Path) -> None:
    sample = MosaicEngine(config_of(folder, people=(1, 2), size=96), 1).sample(3)
    assert isinstance(sample, Sample) and sample.image.std() > 10


def test_people_behind_others_are_hidden() -> None:
    camera = Camera.from_fov(200, 200, 60)
    behind = before_camera(tiny_poses(1)[0], at=(0, 0, 6.0))
    front = before_camera(tiny_poses(1)[0], at=(0, 0, 3.0))
    far, near = joint_visibility([behind, front], camera)
    alone = joint_visibility([behind], camera)[0]
    assert (far == 1).sum() > (alone == 1).sum() and (near == joint_visibility([front], camera)[0]).all()


def test_own_limbs_hide_joints() -> None:
    from conftest import standing

    camera = Camera.from_fov(200, 200, 60)
    pose = standing()
    wrist, elbow = BODY13.index("r_wrist"), BODY13.index("r_elbow")
    pose[wrist], pose[elbow] = (0.0, 1.15, -0.25), (-0.25, 1.2, -0.12)
    from_front = joint_visibility([before_camera(pose)], camera)[0]
    from_behind = joint_visibility([before_camera(pose, azimuth=180)], camera)[0]
    assert (from_front[wrist], from_behind[wrist]) == (1, 2)


def test_framing_keeps_the_pose_and_fills_the_picture() -> None:
    pose = before_camera(tiny_poses(1)[0], at=(0.4, -0.2, 3.5))
    turned, camera = frame_person(pose, (200, 120), 0.8, (0.2, 0.9))
    np.testing.assert_allclose(
        np.linalg.norm(turned[:, None] - turned, axis=-1), np.linalg.norm(pose[:, None] - pose, axis=-1), atol=1e-9
    )
    box = body_box(turned, camera)
    assert (box[2:] - box[:2] <= (200, 120)).all() and max((box[2:] - box[:2]) / (200, 120)) > 0.7
    assert box[0] > -6 and box[3] < 126 and camera.fx == camera.fy


def test_probability_maps_are_those_of_the_nearest_limbs() -> None:
    from anchorpose.learn.synthesis.mosaic.limbs import chart

    query = Query(before_camera(tiny_poses(1)[0], at=(0, 0, 3.2)), Camera.from_fov(64, 64, 40))
    maps = neighbourhood(chart(query), 64, 64, step=1)
    probabilities = maps.probabilities()
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
    flat = neighbourhood(chart(query), 64, 64, front=0.0, step=1)
    np.testing.assert_array_equal(flat.winners(), flat.distances.argmin(0))
    valid = np.ones((13, 64, 64), bool)
    valid[flat.winners()[10, 10]] = False
    assert flat.winners(valid)[10, 10] != flat.winners()[10, 10]


def test_broken_photos_are_skipped_and_listed(folder: Path, tmp_path: Path) -> None:
    labels = json.loads((folder / "labels.json").read_text())
    for image in labels["images"]:
        data = (folder / image["file_name"]).read_bytes()
        if image["id"] == 0:
            continue  # missing
        (tmp_path / image["file_name"]).write_bytes(b"no picture" if image["id"] % 3 == 1 else data)
    labels["images"][2]["width"] = 2 * SIDE  # of another size than its labels
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    config = config_of(tmp_path, corpus=str(folder / "corpus.npz"), size=64)
    engine = MosaicEngine(config, 0)
    assert any("000.png" in problem and "no such file" in problem for problem in engine.problems)
    first = engine.sample(0)
    samples = [engine.sample(i) for i in range(3)]
    assert samples[0] == first, "what was found broken since does not change a sample"
    assert any("broken or truncated" in problem for problem in engine.problems)
    with pytest.raises(FileError, match="its labels are for 256x128"):
        engine.workshop.reader.read(sorted(p.name for p in engine.workshop.sources.paths).index("002.png"))


def test_too_few_sources(folder: Path, tmp_path: Path) -> None:
    labels = json.loads((folder / "labels.json").read_text())
    labels["annotations"] = labels["annotations"][:20]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    with pytest.raises(InputError, match="at least 30 people .* of 20 people"):
        MosaicEngine(config_of(folder, labels=str(tmp_path / "labels.json"), images=str(folder)))


def test_doubtful_people_are_no_sources(folder: Path, tmp_path: Path) -> None:
    labels = json.loads((folder / "labels.json").read_text())
    changes: list[dict[str, object]] = [{"lr_suspect": ["legs"]}, {"iscrowd": 1}, {"keypoints": [0] * 51}]
    for annotation, change in zip(labels["annotations"], changes, strict=False):
        annotation.update(change)
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    assert len(collect_sources([read_labels(tmp_path / "labels.json", folder)])) == 2 * (PHOTOS - 3)


def test_poses_with_joints_missing_are_refused_by_name(tmp_path: Path) -> None:
    corpus = tiny_corpus(9)
    joints = corpus.joints3d.copy()
    joints[2, BODY13.index("l_wrist")] = np.nan
    Corpus(joints, corpus.facing, corpus.clip, corpus.frame, corpus.clips).save(tmp_path / "gaps.npz")
    with pytest.raises(InputError, match="1 of 9 frames have no l_wrist"):
        load_corpus(tmp_path / "gaps.npz")


def test_configurations() -> None:
    config = MosaicConfig(("a.json", "b.json"), "corpus", ("x", "y"), size=(320, 240))
    assert MosaicConfig(**json.loads(json.dumps(asdict(config)))) == config
    assert (config.shape, config.image_folders) == ((320, 240), ("x", "y"))
    for change, words in (
        ({"people": (0, 1)}, "people"), ({"size": 8}, "32 pixels"), ({"fov": (50, 40)}, "fov"),
        ({"max_mismatch": 0.0}, "above 0"),
        ({"images": ("x",)}, "as many folders"), ({"truncated": 2}, "truncated"), ({"cache_mb": 0}, "above 0"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            replace(config, **change)  # type: ignore[arg-type]


def test_memory_is_bounded(folder: Path) -> None:
    sources = collect_sources([read_labels(folder / "labels.json")])
    size = max(path.stat().st_size for path in sources.paths)
    reader = PhotoReader(sources.paths, sources.sizes, 3 * size / 2**20)
    for number in range(len(sources.paths)):
        reader.read(number)
        assert reader.held <= 3 * size


def test_shrunk_photos_are_decoded_small_and_lie_where_they_lay(folder: Path, tmp_path: Path) -> None:
    gradient = np.repeat(np.linspace(0, 255, 512)[None, :, None], 256, 0).repeat(3, 2).astype(np.uint8)
    for suffix in ("png", "jpg"):
        write_image(tmp_path / f"big.{suffix}", gradient, quality=95)
        reader = PhotoReader((tmp_path / f"big.{suffix}",), np.array([[512, 256]]))
        image, factor = reader.read(0, zoom=0.2)
        assert factor == 4 and image.size == (128, 64)
        # The middle of pixel 10 stands for pixels 40 to 43.
        assert abs(float(np.asarray(image)[30, 10, 0]) - 41.5 * 255 / 511) < 2


def test_photos_on_their_side_are_turned_upright(tmp_path: Path) -> None:
    """Labels are for the upright photo, whose size is that of the file with its sides swapped."""
    upright = np.zeros((300, 200, 3), np.uint8)
    upright[:100] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(np.rot90(upright)).save(tmp_path / "side.jpg", exif=exif, quality=95)
    reader = PhotoReader((tmp_path / "side.jpg",), np.array([[200, 300]]))
    for zoom, size in ((1.0, (200, 300)), (0.25, (50, 75))):
        image, factor = reader.read(0, zoom)
        assert (image.size, factor) == (size, 200 / size[0])
        assert np.asarray(image)[size[1] // 6].mean() > 200 > 50 > np.asarray(image)[size[1] // 2].mean()
    with pytest.raises(FileError, match="is 200x300, its labels are for 300x200"):
        PhotoReader((tmp_path / "side.jpg",), np.array([[300, 200]])).read(0)


def test_coco_part_takes_what_the_body_has() -> None:
    body = Part("body13", np.full((13, 2), 5.0), np.ones((13, 3)), np.full(13, 2))
    coco = coco_part(body)
    assert (coco.visible[COCO17.index("nose") : COCO17.index("r_ear") + 1] == 0).all()
    assert (coco.visible[COCO17.index("l_shoulder") :] == 2).all()
