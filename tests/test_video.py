"""Videos: orientation, time stamps, damage, constant memory, and what is written can be read by others."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from anchorpose.files.streams import open_camera
from anchorpose.files.video import VideoReader, VideoWriter, matrix_to_upright, turn_upright
from anchorpose.poses.errors import FileError, InputError


def quarters(height: int = 48, width: int = 64) -> np.ndarray:
    image = np.full((height, width, 3), 255, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    return image


def encode(
    path: Path,
    images: list[np.ndarray],
    *,
    codec: str = "libx264",
    pts: list[int] | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """A video made by PyAV alone, at 30 frames a second unless `pts` (in milliseconds) says otherwise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(*rotation)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = i if pts is None else pts[i]
            if pts is not None:
                frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def noise(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(count)]


def numbered(count: int) -> list[np.ndarray]:
    """Frame i is grey of brightness 4 i."""
    return [np.full((48, 64, 3), 4 * i, np.uint8) for i in range(count)]


def test_frames_come_in_order_with_their_times(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", numbered(50))
    with VideoReader(path) as reader:
        assert (reader.fps, reader.frames, reader.size) == (30, 50, (64, 48))
        frames = list(reader)
        assert reader.errors == []
    assert [f.index for f in frames] == list(range(50))
    np.testing.assert_allclose([f.time for f in frames], np.arange(50) / 30, atol=1e-6)
    for frame in frames:
        assert frame.image.dtype == np.uint8 and frame.image.shape == (48, 64, 3)
        assert abs(frame.image.mean() - 4 * frame.index) < 4


@pytest.mark.parametrize("start,every,skip", [(0, 3, ()), (7, 1, ()), (7, 4, ()), (0, 1, range(0, 20)), (30, 1, ())])
def test_start_every_skip_keep_the_numbers(tmp_path: Path, start: int, every: int, skip: range) -> None:
    path = encode(tmp_path / "a.mp4", numbered(25))
    with VideoReader(path, start=start, every=every, skip=skip) as reader:
        frames = list(reader)
    assert [f.index for f in frames] == [i for i in range(start, 25) if i % every == 0 and i not in skip]
    for frame in frames:
        assert frame.time == pytest.approx(frame.index / 30, abs=1e-6)
        assert abs(frame.image.mean() - 4 * frame.index) < 4


def test_a_reader_is_gone_through_once(tmp_path: Path) -> None:
    with VideoReader(encode(tmp_path / "a.mp4", numbered(3))) as reader:
        list(reader)
        with pytest.raises(InputError, match="open it again"):
            next(iter(reader))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "rotation", [(0, False, False), (90, False, False), (180, False, False), (-90, False, False), (0, True, False),
                 (0, False, True), (90, True, False)]
)  # fmt: skip
def test_display_matrix(tmp_path: Path, suffix: str, rotation: tuple[float, bool, bool]) -> None:
    degrees, hflip, vflip = rotation
    path = encode(tmp_path / f"a.{suffix}", [quarters()] * 2, rotation=rotation, options={"crf": "1"})
    expected = np.rot90(quarters(), degrees // 90)  # counter-clockwise, as FFmpeg counts
    expected = expected[:, ::-1] if hflip else expected  # after the turn
    expected = expected[::-1] if vflip else expected
    with VideoReader(path) as reader:
        assert reader.size == (expected.shape[1], expected.shape[0])
        read = next(iter(reader)).image
    assert read.shape == expected.shape
    assert np.abs(read.astype(int) - expected).mean() < 6  # a wrong turn gives 85 and more


def test_matrix_to_upright_is_the_matrix() -> None:
    """On every symmetry of the square, the turn moves pixels exactly where the matrix says."""
    image = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    rows, columns = np.mgrid[:2, :3]
    for flip_x, flip_y in np.ndindex(2, 2):
        sx, sy = 1 - 2 * flip_x, 1 - 2 * flip_y
        for a, b, c, d in ((sx, 0, 0, sy), (0, sy, sx, 0)):
            x, y = a * columns + c * rows, b * columns + d * rows
            x, y = x - x.min(), y - y.min()
            expected = np.empty((y.max() + 1, x.max() + 1, 3), int)
            expected[y, x] = image
            np.testing.assert_array_equal(turn_upright(image, matrix_to_upright(a, b, c, d)), expected)
    # A few degrees off (some phones): the nearest quarter turn.
    assert matrix_to_upright(0.1, -0.99, 0.99, 0.1) == matrix_to_upright(0, -1, 1, 0)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [quarters()] * 2, aspect=Fraction(4, 3))
    with VideoReader(path) as reader:
        assert reader.size == (85, 48)
        assert next(iter(reader)).image.shape == (48, 85, 3)


def test_variable_rate(tmp_path: Path) -> None:
    pts = [0, 33, 66, 500, 533, 1200, 1210, 5000]
    path = encode(tmp_path / "a.mkv", numbered(8), pts=pts)
    with VideoReader(path) as reader:
        np.testing.assert_allclose([f.time for f in reader], np.array(pts) / 1000, atol=1e-3)


def test_time_starts_at_the_first_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.ts", numbered(5), pts=[10_000 + 40 * i for i in range(5)])
    with VideoReader(path) as reader:
        np.testing.assert_allclose([f.time for f in reader], 0.04 * np.arange(5), atol=1e-3)


def test_times_rise_even_without_time_stamps(tmp_path: Path) -> None:
    """A raw stream has none: the rate stands in."""
    path = encode(tmp_path / "a.h264", numbered(6))
    with VideoReader(path) as reader:
        times = [f.time for f in reader]
    assert len(times) == 6 and times[0] == 0
    assert (np.diff(times) > 0).all()


def broken(path: Path, start: float, length: float, seed: int = 0) -> Path:
    """Overwrite a stretch (fractions of the file) with noise."""
    data = bytearray(path.read_bytes())
    at, count = int(start * len(data)), int(length * len(data))
    data[at : at + count] = np.random.default_rng(seed).bytes(count)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("avi", "mpeg4")])
def test_damage_in_the_middle_is_reported_and_the_rest_goes_on(tmp_path: Path, suffix: str, codec: str) -> None:
    path = broken(encode(tmp_path / f"a.{suffix}", noise(60), codec=codec, options={"g": "10"}), 0.5, 0.06)
    heard: list[str] = []
    with VideoReader(path, warn=heard.append) as reader:
        frames = list(reader)
    assert 45 <= len(frames) <= 60
    assert frames[-1].time > 1.7  # the end is there; AVI has no time stamps, so lost frames shorten it
    assert [f.index for f in frames] == list(range(len(frames)))
    assert reader.errors and reader.errors == heard
    assert all(str(path) in line for line in heard)


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libx264"), ("avi", "mpeg4")])
def test_a_video_that_was_cut_off_says_so(tmp_path: Path, suffix: str, codec: str) -> None:
    path = encode(tmp_path / f"a.{suffix}", noise(60), codec=codec, options={"g": "10"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.5)])
    with VideoReader(path) as reader:
        frames = list(reader)
    assert 20 <= len(frames) <= 40
    assert any("breaks off" in line or "missing" in line for line in reader.errors)


def test_noise_in_a_file_never_escapes_as_another_error(tmp_path: Path) -> None:
    for seed in range(12):
        path = encode(tmp_path / "a.mp4", noise(8), options={"g": "4"})
        broken(path, 0.08 * seed, 0.05, seed)
        try:
            with VideoReader(path) as reader:
                for frame in reader:
                    assert frame.image.dtype == np.uint8
        except FileError as error:
            assert str(path) in str(error)


def test_bad_files(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for name, words in {
        "none.mp4": "no such file; expected a video",
        "empty.mp4": "empty",
        "text.mp4": "cannot be opened as a video",
        "sound.mp4": "no video in it, only audio",
        "": "is a folder",
    }.items():
        with pytest.raises(FileError, match=words):
            VideoReader(tmp_path / name)
    good = encode(tmp_path / "a.mp4", numbered(2))
    for arguments in ({"every": 0}, {"start": -1}):
        with pytest.raises(InputError, match="expected every >= 1 and start >= 0"):
            VideoReader(good, **arguments)


def test_a_name_with_a_colon_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "concat:a.mp4"
    with VideoWriter(path, 30, (64, 48)) as writer:
        writer.write(quarters())
    with VideoReader(path) as reader:
        assert len(list(reader)) == 1


def test_memory_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 30, (320, 240)) as writer:
        for _ in range(120):
            writer.write(np.zeros((240, 320, 3), np.uint8))
    tracemalloc.start()
    with VideoReader(path) as reader:
        count = sum(1 for _ in reader)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 120
    assert peak < 8 * 320 * 240 * 3


def test_no_camera_is_a_clear_error() -> None:
    with pytest.raises(FileError, match=r"camera 97 cannot be opened by v4l2: .*there is (no )?/dev/video"):
        open_camera(97, platform="linux")
    with pytest.raises(InputError, match="numbered from 0"):
        open_camera(-1)
    with pytest.raises(FileError, match="not supported on plan9; only on linux, darwin, win32"):
        open_camera(0, platform="plan9")
    with pytest.raises(FileError, match="camera 0 cannot be opened by avfoundation"):
        open_camera(0, platform="darwin")  # here PyAV has no such input; on a Mac without a camera neither


@pytest.mark.parametrize("size", [(64, 48), (65, 47), (1, 1), (3, 200)])
def test_written_video_is_readable_everywhere(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "new" / "a.mp4"
    image = np.empty((size[1], size[0], 3), np.uint8)
    image[:] = (200, 30, 60)
    with VideoWriter(path, 25, size) as writer:
        for _ in range(5):
            writer.write(image)
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.width % 2 == 0 and stream.height % 2 == 0
    with VideoReader(path) as reader:
        assert reader.fps == 25
        frames = list(reader)
    assert len(frames) == 5
    read = frames[2].image
    assert read.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(read.astype(int) - (200, 30, 60)).max() < 8  # the padding repeats the border: no black line


def test_written_times_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.5, 0.51, 2.0]
    with VideoWriter(tmp_path / "a.mp4", Fraction(30000, 1001), (64, 48)) as writer:
        for time in times:
            writer.write(quarters(), time)
        with pytest.raises(InputError, match="does not come after"):
            writer.write(quarters(), 2.0)
        writer.write(quarters())  # without a time: one frame later
    with VideoReader(tmp_path / "a.mp4") as reader:
        np.testing.assert_allclose([f.time for f in reader], [*times, 2.0 + 1001 / 30000], atol=1e-4)


def test_odd_ones_among_the_frames(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 30, (64, 48)) as writer:
        writer.write(quarters(100, 30))
        for bad in (quarters().astype(float), quarters()[..., :2], quarters()[0]):
            with pytest.raises(InputError, match="uint8"):
                writer.write(bad)
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert next(iter(reader)).image.shape == (48, 64, 3)
    with pytest.raises(InputError, match="is closed"):
        writer.write(quarters())


def test_a_stopped_video_plays_but_is_not_in_place(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 30, (64, 48)) as writer:
        for _ in range(10):
            writer.write(quarters())
        raise KeyboardInterrupt
    assert not path.exists()
    with VideoReader(tmp_path / "a.partial.mp4") as reader:
        assert len(list(reader)) == 10


def test_an_empty_video_is_not_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 30, (64, 48)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_bad_writers(tmp_path: Path) -> None:
    for fps in (0, -1, float("nan"), 1e9):
        with pytest.raises(InputError, match="frames per second"):
            VideoWriter(tmp_path / "a.mp4", fps, (64, 48))
    with pytest.raises(InputError, match="at least one pixel"):
        VideoWriter(tmp_path / "a.mp4", 30, (0, 48))
    with pytest.raises(FileError, match="cannot be written as a video"):
        VideoWriter(tmp_path / "a.unknown", 30, (64, 48))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["mux", "close", "end"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Whichever write fails, it is a FileError, the first one, and no file that cannot be played stays."""

    class Full:
        """A container on a disk that has no room left, from the first frame on or for the end of the file."""

        def __init__(self, container: av.container.OutputContainer) -> None:
            self.container = container

        def mux(self, packets: list[av.Packet]) -> None:
            if place == "mux":
                raise av.error.OSError(28, "No space left on device")
            self.container.mux(packets)

        def close(self) -> None:
            self.container.close()
            raise av.error.OSError(28, "No space left on device")

    def fill(writer: VideoWriter) -> None:
        monkeypatch.setattr(writer, "_container", Full(writer._container))
        for _ in range(60 if place == "mux" else 2):
            writer.write(quarters())

    path = tmp_path / "a.mp4"
    if place == "close":  # what ended the block is told, not that the file could not be finished either
        with pytest.raises(KeyboardInterrupt), VideoWriter(path, 30, (64, 48)) as writer:
            fill(writer)
            raise KeyboardInterrupt
    else:
        with pytest.raises(FileError, match=r"a\.mp4 cannot be written: No space left"):
            with VideoWriter(path, 30, (64, 48)) as writer:
                fill(writer)
    assert list(tmp_path.iterdir()) == []
    with VideoWriter(path, 30, (64, 48)) as writer:
        writer.write(quarters())
    assert path.exists()
