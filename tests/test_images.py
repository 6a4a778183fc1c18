"""Photos: every kind of file ends up as upright uint8 RGB, and every broken one as a FileError that names it."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anchorpose.files.images import MAX_PIXELS, read_exif_focal, read_image, read_photo, write_image
from anchorpose.poses.errors import FileError, InputError

ORIENTATION, EXIF_IFD = 0x0112, 0x8769
FOCAL, FOCAL35, PLANE_X, PLANE_UNIT, EXIF_WIDTH, EXIF_HEIGHT = 0x920A, 0xA405, 0xA20E, 0xA210, 0xA002, 0xA003


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def quarters(height: int = 8, width: int = 12) -> np.ndarray:
    """Red, green / blue, white: every turn of it looks different."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[: height // 2, width // 2 :] = (0, 255, 0)
    image[height // 2 :, : width // 2] = (0, 0, 255)
    return image


def test_rgb_is_unchanged(tmp_path: Path) -> None:
    image = quarters()
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(image)))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, image)
    read[0, 0] = 1  # the caller owns it


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    rgba[0, 1] = (0, 0, 0, 128)
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(rgba)))
    np.testing.assert_array_equal(read[0, 0], (10, 20, 30))
    assert abs(int(read[0, 1, 0]) - 127) <= 1
    np.testing.assert_array_equal(read[1], 255)


def test_grey_with_alpha(tmp_path: Path) -> None:
    la = np.array([[[50, 255], [50, 0]]], np.uint8)
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(la)))
    np.testing.assert_array_equal(read[0], [[50] * 3, [255] * 3])


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_one_channel(tmp_path: Path, mode: str) -> None:
    read = read_image(saved(tmp_path / "a.png", Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode)))
    np.testing.assert_array_equal(read, [[[0] * 3, [255] * 3]])


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    read = read_image(saved(tmp_path / "a.png", image, transparency=1))
    np.testing.assert_array_equal(read, [[[200, 0, 0], [255, 255, 255]]])


def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path) -> None:
    values = np.array([[0, 257, 128 * 257, 65535]], np.uint16)
    for name in ("a.png", "a.tif"):
        read = read_image(saved(tmp_path / name, Image.fromarray(values)))
        np.testing.assert_array_equal(read[0, :, 0], [0, 1, 128, 255])
        assert read.shape == (1, 4, 3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[np.nan, -5.0, 1.0]], np.float32), [0, 0, 255]),
        (np.array([[0, 257, 65535]], np.int32), [0, 1, 255]),
        (np.array([[0, 600_000, 1_000_000]], np.int32), [0, 153, 255]),
    ],
)
def test_wide_tiff(tmp_path: Path, values: np.ndarray, expected: list[int]) -> None:
    read = read_image(saved(tmp_path / "a.tif", Image.fromarray(values)))
    np.testing.assert_array_equal(read[0, :, 0], expected)


def test_cmyk(tmp_path: Path) -> None:
    read = read_image(saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100))
    assert read[4, 4, 0] > 240 and read[4, 4, 1:].max() < 15  # no cyan: red


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path: Path, orientation: int) -> None:
    upright = quarters(16, 24)
    # EXIF: what is stored, if this orientation brings it upright.
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_array_equal(read_image(path), upright)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animation_gives_its_first_picture(tmp_path: Path, suffix: str) -> None:
    first, second = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path / f"a.{suffix}", first, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read_image(path), np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_tiny_and_long(tmp_path: Path) -> None:
    assert read_image(saved(tmp_path / "a.png", Image.new("RGB", (1, 1)))).shape == (1, 1, 3)
    assert read_image(saved(tmp_path / "b.png", Image.new("L", (10_000, 3)))).shape == (3, 10_000, 3)


def png_header(path: Path, width: int, height: int) -> Path:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")))
    return path


def test_too_large_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"30000 x 20000 = 600 megapixels; at most 400"):
        read_image(png_header(tmp_path / "a.png", 30_000, 20_000))


def test_large_is_allowed_and_pillows_own_limit_stays(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    path = png_header(tmp_path / "a.png", 15_000, 15_000)  # above Pillow's limit, below ours
    assert 15_000**2 < MAX_PIXELS
    with pytest.raises(FileError, match="truncated"):  # gets as far as the missing pixels
        read_image(path)
    assert read_exif_focal(path) is None
    assert Image.MAX_IMAGE_PIXELS == before


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
def test_truncated(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileError, match=f"a.{suffix}"):
        read_image(path)


def test_corrupt_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for suffix in ("jpg", "png", "gif", "webp", "tif", "bmp"):
        whole = saved(tmp_path / f"a.{suffix}", Image.fromarray(quarters(32, 32))).read_bytes()
        for _ in range(25):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), 6):
                data[at] = rng.integers(256)
            path = tmp_path / f"b.{suffix}"
            path.write_bytes(data)
            try:
                assert read_image(path).dtype == np.uint8
            except FileError as error:
                assert str(path) in str(error)
            except UserWarning:
                pass  # Pillow's remark about damaged metadata, an error only under this suite's settings


def test_bad_paths(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    for name, words in {
        "none.jpg": "no such file; expected a photo",
        "": "is a folder",
        "empty.jpg": "empty",
        "text.jpg": "not a picture",
        "phone.heic": "export it as JPEG",
    }.items():
        with pytest.raises(FileError, match=words):
            read_image(tmp_path / name)
    for name in ("a\0b.jpg", "a" * 5000 + ".jpg"):
        with pytest.raises(FileError, match="no such file|cannot be looked at"):
            read_image(name)


def with_exif(path: Path, size: tuple[int, int], **tags: float) -> Path:
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD).update({globals()[name]: value for name, value in tags.items()})
    return saved(path, Image.new("RGB", size), exif=exif)


def test_focal_from_35mm_equivalent(tmp_path: Path) -> None:
    # 3:2, as film: 36 mm span the longer side.
    path = with_exif(tmp_path / "a.jpg", (360, 240), FOCAL35=50)
    assert read_exif_focal(path) == pytest.approx(500)
    # 4:3: diagonals are compared. 26 mm on 400 x 300.
    path = with_exif(tmp_path / "b.jpg", (400, 300), FOCAL35=26, FOCAL=4.2, PLANE_X=9999.0)
    assert read_exif_focal(path) == pytest.approx(26 / math.hypot(36, 24) * 500)
    image, focal = read_photo(path)
    assert image.shape == (300, 400, 3) and focal == read_exif_focal(path)


@pytest.mark.parametrize(("unit", "per_unit"), [(2, 254.0), (3, 100.0), (4, 10.0)])
def test_focal_from_the_sensor(tmp_path: Path, unit: int, per_unit: float) -> None:
    # 10 pixels per mm and a 30 mm lens: 300 px; the picture was halved since.
    path = with_exif(
        tmp_path / "a.jpg", (200, 150), FOCAL=30.0, PLANE_X=per_unit, PLANE_UNIT=unit, EXIF_WIDTH=400, EXIF_HEIGHT=300
    )
    assert read_exif_focal(path) == pytest.approx(150, rel=1e-3)


def test_no_focal(tmp_path: Path) -> None:
    assert read_exif_focal(saved(tmp_path / "a.png", Image.new("RGB", (4, 4)))) is None
    assert read_exif_focal(with_exif(tmp_path / "b.jpg", (40, 30), FOCAL=4.2)) is None
    assert read_exif_focal(with_exif(tmp_path / "c.jpg", (40, 30), FOCAL35=0)) is None
    assert read_exif_focal(with_exif(tmp_path / "d.jpg", (40, 30), FOCAL35=65535)) is None
    cropped = with_exif(tmp_path / "e.jpg", (300, 300), FOCAL35=26, EXIF_WIDTH=400, EXIF_HEIGHT=300)
    assert read_exif_focal(cropped) is None
    turned = with_exif(tmp_path / "f.jpg", (300, 400), FOCAL35=26, EXIF_WIDTH=400, EXIF_HEIGHT=300)
    assert read_exif_focal(turned) == pytest.approx(26 / math.hypot(36, 24) * 500)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp"])
def test_write_and_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"a.{suffix}"
    write_image(path, quarters(), quality=100)
    if suffix != "webp":
        np.testing.assert_array_equal(read_image(path), quarters())
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_write_rgba_as_jpeg(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", np.zeros((8, 8, 4), np.uint8))
    assert read_image(tmp_path / "a.jpg").min() > 250


def test_write_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    good = quarters()
    for name, array, words in [
        ("a.png", good.astype(float), "uint8"),
        ("a.png", good[..., :2], "uint8"),
        ("a.png", good[:0], "empty"),
        ("a.doc", good, "no picture format"),
        ("a", good, "no picture format"),
    ]:
        with pytest.raises(InputError, match=words):
            write_image(tmp_path / name, array)
    (tmp_path / "file").touch()
    with pytest.raises(FileError):
        write_image(tmp_path / "file" / "a.png", good)
    with pytest.raises(FileError, match="is a folder"):
        write_image(_folder(tmp_path / "d.png"), good)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.png", "file"]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_failed_write_keeps_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, quarters())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(FileError, match="No space left"):
        write_image(path, np.zeros((4, 4, 3), np.uint8))
    np.testing.assert_array_equal(read_image(path), quarters())
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
