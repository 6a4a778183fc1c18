"""Sources: whatever is named comes out as frames with the right names, numbers, times and cameras."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anchorpose.files.sources import natural_key, open_source
from anchorpose.files.video import VideoWriter
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, InputError


def photo(path: Path, level: int = 0, size: tuple[int, int] = (6, 4), **options: object) -> Path:
    Image.new("RGB", size, (level, level, level)).save(path, **options)
    return path


def video(path: Path, count: int = 6) -> Path:
    with VideoWriter(path, 25, (64, 48)) as writer:
        for i in range(count):
            writer.write(np.full((48, 64, 3), 10 * i, np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "album"
    place.mkdir()
    for i in (1, 2, 10, 11):
        photo(place / f"img{i}.png", i)
    (place / "img3.jpg").write_text("broken")
    (place / "notes.txt").write_text("not a photo")
    (place / ".hidden.png").write_text("not seen")
    (place / "sub.png").mkdir()
    return place


def test_photo(tmp_path: Path) -> None:
    with open_source(str(photo(tmp_path / "a.png", 7))) as source:
        assert (source.kind, source.name, source.total, source.fps) == ("photo", "a.png", 1, None)
        (frame,) = source
    assert (frame.source, frame.index, frame.time, frame.camera) == ("a.png", 0, 0.0, None)
    assert (frame.image == 7).all() and (frame.width, frame.height) == (6, 4)


def test_folder_in_natural_order_without_the_broken_ones(folder: Path) -> None:
    heard: list[str] = []
    source = open_source(folder, warn=heard.append)
    assert (source.kind, source.name, source.total) == ("folder", "album", 5)
    frames = list(source)
    assert [(f.index, f.source, int(f.image[0, 0, 0])) for f in frames] == [
        (0, "img1.png", 1), (1, "img2.png", 2), (3, "img10.png", 10), (4, "img11.png", 11),
    ]  # fmt: skip
    assert source.errors == heard and len(heard) == 1 and "img3.jpg" in heard[0]


def test_folder_every_and_skip(folder: Path) -> None:
    source = open_source(folder, every=2)
    assert source.total == 3
    assert [f.index for f in source] == [0, 4]  # 2 is the broken one
    source = open_source(folder, skip={("img1.png", 0), ("img2.png", 99)})
    assert source.total == 4
    assert [f.source for f in source] == ["img2.png", "img10.png", "img11.png"]


def test_natural_order() -> None:
    names = ["b1", "a10", "a2", "A1", "a", "10", "9", "a2b10", "a2b9", ""]
    ordered = sorted(names, key=natural_key)
    assert ordered == ["", "9", "10", "a", "A1", "a2", "a2b9", "a2b10", "a10", "b1"]


def test_video_frames(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4")
    with open_source(path) as source:
        assert (source.kind, source.name, source.total, source.fps) == ("video", "clip.mp4", 6, Fraction(25))
        frames = list(source)
    assert [(f.source, f.index) for f in frames] == [("clip.mp4", i) for i in range(6)]
    np.testing.assert_allclose([f.time for f in frames], np.arange(6) / 25, atol=1e-4)
    assert frames[3].camera is None and abs(frames[3].image.mean() - 30) < 4


def test_video_every_and_skip(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", 10)
    done = {("clip.mp4", i) for i in range(5)} | {("other.mp4", 6)}
    with open_source(path, every=2, skip=done) as source:
        assert source.total == 2
        assert [f.index for f in source] == [6, 8]


def test_broken_video_is_reported(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 25, (64, 48)) as writer:
        for _ in range(30):
            writer.write(rng.integers(0, 255, (48, 64, 3), np.uint8))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = rng.bytes(2000)
    path.write_bytes(data)
    with open_source(path) as source:
        assert len(list(source)) > 20
        assert source.errors


def test_cameras_are_asked_for_by_size_and_exif(tmp_path: Path) -> None:
    asked = []

    def camera_for(width: int, height: int, focal: float | None) -> Camera:
        asked.append((width, height, focal))
        return Camera.from_focal(width, height, focal or 1000)

    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50  # 35 mm equivalent
    (frame,) = open_source(photo(tmp_path / "a.jpg", size=(36, 24), exif=exif), camera_for)
    assert asked == [(36, 24, pytest.approx(50))]
    assert frame.camera is not None and frame.camera.fx == pytest.approx(50)
    asked.clear()
    with open_source(video(tmp_path / "clip.mp4"), camera_for) as source:
        assert {f.camera for f in source} == {Camera.from_focal(64, 48, 1000)}
    assert asked == [(64, 48, None)]  # once for the whole video


def test_content_decides_where_the_suffix_does_not(tmp_path: Path) -> None:
    photo(tmp_path / "a.png").rename(tmp_path / "photo")
    video(tmp_path / "a.mp4").rename(tmp_path / "clip.download")
    assert open_source(tmp_path / "photo").kind == "photo"
    with open_source(tmp_path / "clip.download") as source:
        assert source.kind == "video"
    photo(tmp_path / "UPPER.PNG", format="png")
    assert open_source(tmp_path / "UPPER.PNG").kind == "photo"


def test_animated_gif_is_a_video_and_a_still_one_a_photo(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (16, 16), (60 * i, 0, 0)) for i in range(3)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=100)
    pictures[0].save(tmp_path / "b.gif")
    with open_source(tmp_path / "a.gif") as source:
        assert source.kind == "video"
        assert [round(f.time, 3) for f in source] == [0.0, 0.1, 0.2]
    assert open_source(tmp_path / "b.gif").kind == "photo"


def test_bad_sources(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("x")
    (tmp_path / "a.txt").write_text("some words\n" * 100)
    (tmp_path / "a.xyz").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "nothing").touch()
    expected = "expected a photo, a folder of photos, a video, or the number of a camera"
    for name, words in {
        "none.jpg": f"no such file or folder; {expected}",
        "empty": "no photos in it, but no files",
        "texts": r"no photos in it, but 1 other files \(.txt\); photos end in .*.jpg",
        "a.txt": f"neither a photo nor a video that can be read; {expected}",
        "a.xyz": "neither a photo nor a video",
        "nothing": "neither a photo nor a video",
    }.items():
        with pytest.raises(FileError, match=words):
            open_source(tmp_path / name)
    for text, words in {
        "https://example.org/a.mp4": "is an address; .*download it",
        "rtsp://camera/1": "is an address",
        "": "is not a source",
        "-": "is not a source",
    }.items():
        with pytest.raises(InputError, match=words):
            open_source(text)
    with pytest.raises(FileError, match="no such file|cannot be looked at"):
        open_source("a" * 5000)
    with pytest.raises(InputError, match="every=0"):
        open_source(photo(tmp_path / "a.png"), every=0)


def test_a_broken_photo_on_its_own_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("broken")
    with pytest.raises(FileError, match="a.jpg is not a picture"):
        list(open_source(tmp_path / "a.jpg"))


@pytest.mark.parametrize("source", [97, "97"])
def test_no_such_camera(source: int | str) -> None:
    with pytest.raises(FileError, match="camera"):
        open_source(source)
