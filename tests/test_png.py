"""Maps as PNG files, read again by Pillow."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from anchorpose.files.png import encode_map
from anchorpose.poses.errors import InputError


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (37, 53)])
def test_pillow_reads_the_same_values(kind: type, shape: tuple[int, int]) -> None:
    """Also of noise and of parts of larger arrays."""
    rng = np.random.default_rng(1)
    noise = rng.integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    flat = np.full(shape, np.iinfo(kind).max, kind)
    part = rng.integers(0, 3, (2 * shape[0], 2 * shape[1])).astype(kind)[::2, ::2]
    for values in (noise, flat, part):
        with Image.open(io.BytesIO(encode_map(values))) as image:
            assert image.format == "PNG" and image.mode == ("L" if kind is np.uint8 else "I;16")
            read = np.array(image)
        assert read.dtype == kind
        np.testing.assert_array_equal(read, values)


def test_chunks_carry_their_checksums() -> None:
    """As strict readers ask for them."""
    data = encode_map(np.arange(300, dtype=np.uint16).reshape(12, 25))
    at, kinds = 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kinds.append(data[at + 4 : at + 8])
        body = data[at + 4 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_labels_and_depth_of_a_body_are_small() -> None:
    """A few per cent of their bytes for labels, a fifth for depth."""
    y, x = np.mgrid[-1:1:200j, -1:1:240j]
    inside = x * x + 2 * y * y < 0.7
    labels = np.where(inside, 1 + (y > 0), 0).astype(np.uint8)
    depth = np.where(inside, 3000 - 400 * np.sqrt(np.maximum(0.7 - x * x - 2 * y * y, 0)), 0).astype(np.uint16)
    assert len(encode_map(labels)) < labels.nbytes / 25
    assert len(encode_map(depth)) < depth.nbytes / 5


@pytest.mark.parametrize(
    "values", [np.zeros((3, 3, 3), np.uint8), np.zeros((3, 3)), np.zeros((0, 3), np.uint8), np.zeros((2, 2), np.int16)]
)
def test_other_arrays_are_refused(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="a map is"):
        encode_map(values)
