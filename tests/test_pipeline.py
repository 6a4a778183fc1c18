"""From a picture to people: optics, pictures of all kinds, videos, and what a detector is told."""

from __future__ import annotations

import json
from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest
from PIL import Image

import anchorpose
from anchorpose.files.images import write_image
from anchorpose.files.results import people_schema
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, InputError, ModelError
from anchorpose.poses.values import Frame, People
from anchorpose.sense.lift import Lifter
from anchorpose.sense.models import load_session
from anchorpose.sense.pipeline import Model, Optics, load, video
from conftest import FakeDetector, TinyLift

PICTURE = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)


@pytest.fixture
def model(tiny_lift: TinyLift) -> Model:
    return Model(FakeDetector(), Lifter(load_session(tiny_lift.onnx, 1)))


def clip(path: Path, frames: int = 6) -> Path:
    """A tiny video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            image = np.full((48, 64, 3), 20 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_people_keep_the_contract(model: Model) -> None:
    """What the pipeline gives, written as JSON, is what the schema says, with 3D and modes inside."""
    people = model(Frame(PICTURE, index=1, time=0.5, source="a.png"))
    line = json.loads(json.dumps(people.to_dict(), allow_nan=False))
    jsonschema.Draft202012Validator(people_schema()).validate(line)
    assert (line["source"], line["frame"], line["time"], line["width"], line["height"]) == ("a.png", 1, 0.5, 64, 48)
    assert len(line["people"]) == 2
    for person in line["people"]:
        assert person["id"] is None and len(person["body"]["joints3d"]) == 13 and person["body"]["modes"]
    assert People.from_dict(line) == people


def test_pictures_of_all_kinds(model: Model, tmp_path: Path) -> None:
    """An array, a PIL image, a path as text or Path, and a frame give the same people."""
    write_image(tmp_path / "a.png", PICTURE)
    expected = model(PICTURE)
    assert len(expected) == 1 and expected.source == "" and (expected.width, expected.height) == (64, 48)
    for picture in (Image.fromarray(PICTURE), Frame(PICTURE)):
        assert model(picture) == expected
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        people = model(path)
        assert people.source == "a.png" and people.persons == expected.persons


def test_grey_and_transparent_pictures(model: Model) -> None:
    """Grey ones are spread over the channels, an alpha channel is left out; other things are InputErrors."""
    grey = PICTURE[..., 0]
    np.testing.assert_array_equal(model.as_frame(grey).image, np.repeat(grey[..., None], 3, 2))
    with_alpha = np.concatenate([PICTURE, PICTURE[..., :1]], -1)
    np.testing.assert_array_equal(model.as_frame(with_alpha).image, PICTURE)
    np.testing.assert_array_equal(model.as_frame(Image.fromarray(grey)).image[..., 1], grey)
    for bad in (PICTURE / 255, PICTURE.astype(int), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 3, 3), np.uint8), 7):
        with pytest.raises(InputError):
            model(bad)
    with pytest.raises(FileError, match="none.jpg"):
        model("none.jpg")


def test_optics_take_the_best_that_is_known(tmp_path: Path) -> None:
    """A calibration, a focal length or a field of view beats EXIF, which beats the default of 60 degrees."""
    assert Optics().camera(640, 480) == Camera.from_fov(640, 480, 60, "default")
    assert Optics().camera(640, 480, 500.0) == Camera.from_focal(640, 480, 500, "exif")
    assert Optics(focal=700).camera(640, 480, 500.0) == Camera.from_focal(640, 480, 700, "focal")
    assert Optics(fov=90).camera(640, 480, 500.0) == Camera.from_fov(640, 480, 90, "fov")
    file = tmp_path / "camera.json"
    file.write_text(json.dumps({"fx": 600, "fy": 610, "cx": 320, "cy": 240, "width": 640, "height": 480}))
    camera = Optics(file=file).camera(640, 480, 500.0)
    assert (camera.fx, camera.fy, camera.origin) == (600, 610, "file")
    assert Optics(file=file).camera(320, 240).fx == 300


@pytest.mark.parametrize(
    "given,message",
    [
        ({"focal": 500, "fov": 60}, "one of.*'focal', 'fov'"), ({"fov": 0}, "between 0 and 180"),
        ({"fov": 180}, "between 0 and 180"), ({"fov": float("nan")}, "between 0 and 180"),
        ({"focal": 0}, "positive number"), ({"focal": float("inf")}, "positive number"),
    ],
)  # fmt: skip
def test_impossible_optics_are_input_errors(given: dict, message: str) -> None:
    """One thing only, and one that a lens can have."""
    with pytest.raises(InputError, match=message):
        Optics(**given)


def test_the_camera_of_the_frame_counts(tiny_lift: TinyLift) -> None:
    """A frame's own camera is kept; where it has none, the model's optics give one, and EXIF only for photos."""
    model = Model(FakeDetector(), Lifter(load_session(tiny_lift.onnx, 1)), Optics(fov=90))
    mine = Camera.from_focal(64, 48, 99)
    assert model(Frame(PICTURE, mine)).camera is mine
    assert model(PICTURE).camera == Camera.from_fov(64, 48, 90, "fov")


def test_exif_tells_the_focal_length(model: Model, tmp_path: Path) -> None:
    """A photo that says 36 mm (of 35 mm film) has a longer focal length than the default, and says where it is from."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50  # FocalLengthIn35mmFilm
    Image.fromarray(np.zeros((200, 300, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    camera = model(tmp_path / "a.jpg").camera
    assert camera.origin == "exif" and camera.fx == pytest.approx(50 / 36 * 300, rel=0.01)


def test_a_video_is_streamed(model: Model, tmp_path: Path) -> None:
    """One frame at a time, in order, with numbers and times; `every` leaves out; nothing is computed ahead."""
    path = clip(tmp_path / "clip.mp4")
    frames = video(path, model)
    first = next(frames)
    assert isinstance(model.detector, FakeDetector) and model.detector.calls == 1
    rest = list(frames)
    assert [p.frame for p in (first, *rest)] == list(range(6)) and {p.source for p in rest} == {"clip.mp4"}
    np.testing.assert_allclose([p.time for p in (first, *rest)], np.arange(6) / 30, atol=1e-6)
    assert [len(p) for p in (first, *rest)] == [1, 2, 1, 2, 1, 2]
    assert [p.frame for p in video(path, model, every=4)] == [0, 4]
    with pytest.raises(InputError, match="every=0"):
        list(video(path, model, every=0))


def test_a_video_may_be_left_early(model: Model, tmp_path: Path) -> None:
    """Stopping in the middle closes the file; the next video begins anew."""
    path = clip(tmp_path / "clip.mp4")
    for people in video(path, model):
        if people.frame == 2:
            break
    assert [p.frame for p in video(str(path), model)] == list(range(6))


def test_the_detector_is_told_of_the_frame_before(model: Model, tmp_path: Path) -> None:
    """Within one video, the people of the frame before go along as a hint; not across videos, nor between photos."""
    detector = model.detector
    assert isinstance(detector, FakeDetector)
    list(video(clip(tmp_path / "a.mp4", 3), model))
    list(video(clip(tmp_path / "b.mp4", 2), model))
    assert detector.hints == (None, 1, 2, None, 1)
    folder = tmp_path / "photos"
    for name in ("1.png", "2.png"):
        write_image(folder / name, PICTURE)
    detector.hints = ()
    list(video(folder, model))
    assert detector.hints == (None, None)
    detector.hints = ()
    model(PICTURE)
    model(PICTURE)
    assert detector.hints == (None, None)


def test_folders_are_videos_of_photos(model: Model, tmp_path: Path) -> None:
    """In natural order, each with its own name and size."""
    for name, height in (("img10.png", 20), ("img2.png", 30)):
        write_image(tmp_path / name, np.zeros((height, 40, 3), np.uint8))
    assert [(p.source, p.frame, p.height) for p in video(tmp_path, model)] == [
        ("img2.png", 0, 30),
        ("img10.png", 1, 20),
    ]


def test_load_gives_the_detector_and_the_lift(with_tiny_lift: TinyLift) -> None:
    """By name, with optics and quality; "best" lifts the mirror image too; also from the top of the package."""
    model = load(fov=70, quality="fast", threads=1)
    assert isinstance(model, Model) and model.optics == Optics(fov=70) and not model.lifter.flip
    assert model.lifter.anchors_name == "tiny6" and model.lifter.scale == 1
    assert anchorpose.load is load and anchorpose.video is video
    assert load(quality="best", height=1.87, threads=1).lifter.flip
    people = model(np.zeros((64, 96, 3), np.uint8))  # the real detector finds nobody in the dark
    assert len(people) == 0 and (people.width, people.height) == (96, 64)


def test_load_refuses_what_does_not_exist(with_tiny_lift: TinyLift) -> None:
    """Names of models and qualities that there are; heights in metres; optics that make sense."""
    with pytest.raises(ModelError, match="no model 'large'; there are: default"):
        load("large")
    with pytest.raises(InputError, match="no quality 'good'; there are: fast, balanced, best"):
        load(quality="good")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="metres"):
        load(height=170, threads=1)
    with pytest.raises(InputError, match="one of"):
        load(fov=60, focal=500, threads=1)


def test_an_old_frame_is_no_hint(model: Model) -> None:
    """People seen more than half a second ago may be anywhere."""
    detector = model.detector
    assert isinstance(detector, FakeDetector)
    for index, time in ((0, 0.0), (5, 0.4), (20, 1.6)):
        model(Frame(PICTURE, index=index, time=time, source="a.mp4"))
    assert detector.hints == (None, 1, None)
