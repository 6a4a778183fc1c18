"""Shards of labelled samples: plain tar files in the layout of WebDataset, read and written with the standard library.

Every sample is a few files in a row that share a key: `<key>.json` with the labels (`sample.schema.json` says what is
in it), `<key>.jpg` or `.png` with the image, and its maps `<key>.parts.png`, `<key>.instances.png` (8 bit) and
`<key>.depth.png` (16 bit, millimetres, 0 where there is none).

Joints are rounded to 0.0001 px and to a micrometre. The same samples make the same bytes: a shard holds no time, no
owner and no name of a machine.
"""

from __future__ import annotations

import io
import json
import os
import platform
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from anchorpose.files.paths import input_file, output_folder, reason
from anchorpose.files.png import encode_map
from anchorpose.poses.errors import AnchorposeError, FileError, FormatError, InputError
from anchorpose.poses.samples import MAPS, Sample

_SHARD = "a shard of samples (a tar file in the layout of WebDataset)"
_IMAGES = ("jpg", "png")
_DECIMALS = (4, 6)  # of pixels and of metres
_FARTHEST = np.float32(65.535)  # m, what 16 bits of millimetres hold


@dataclass(frozen=True)
class Coding:
    """How samples are stored.

    Attributes:
        image: "jpg" or "png".
        quality: of JPEG, 1 to 100.
        maps: which of the maps a shard holds.
    """

    image: str = "jpg"
    quality: int = 92
    maps: tuple[str, ...] = tuple(MAPS)

    def __post_init__(self) -> None:
        if self.image not in _IMAGES:
            raise InputError(f"images are stored as {' or '.join(_IMAGES)}, not {self.image!r}")
        if not 1 <= self.quality <= 100:
            raise InputError(f"the quality of JPEG is 1 to 100, not {self.quality}")
        unknown = [name for name in self.maps if name not in MAPS]
        if unknown:
            raise InputError(f"no map {unknown[0]!r}; there are {', '.join(MAPS)}")


@cache
def sample_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the labels of a sample."""
    return json.loads(files("anchorpose.files").joinpath("sample.schema.json").read_text("utf-8"))


def encode_sample(sample: Sample, coding: Coding = Coding()) -> dict[str, bytes]:
    """The files of a sample: the suffix after the key, without its dot, and the bytes of each."""
    labels = json.dumps(sample.to_dict(_DECIMALS), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    out = {"json": labels.encode("utf-8", "backslashreplace"), coding.image: _image_bytes(sample.image, coding)}
    for name in MAPS:
        if name in coding.maps and name in sample.maps:
            values = sample.maps[name]
            out[f"{name}.png"] = encode_map(_millimetres(values) if name == "depth" else values)
    return out


def decode_sample(parts: dict[str, bytes]) -> Sample:
    """`encode_sample` backwards; FormatError where files are missing or broken."""
    if "json" not in parts:
        raise FormatError(f"no labels (.json), only {', '.join(sorted(parts))}")
    suffix = next((s for s in _IMAGES if s in parts), None)
    if suffix is None:
        raise FormatError(f"no image ({' or '.join(f'.{s}' for s in _IMAGES)}), only {', '.join(sorted(parts))}")
    try:
        data = json.loads(parts["json"])
        size = (int(data["width"]), int(data["height"]))
        image = _pixels(parts[suffix], size, f".{suffix}", np.uint8, "RGB")
        maps = {}
        for name in MAPS:
            if f"{name}.png" in parts:
                kind = np.uint16 if name == "depth" else np.uint8
                values = _pixels(parts[f"{name}.png"], size, f".{name}.png", kind)
                maps[name] = values.astype(np.float32) / np.float32(1000) if name == "depth" else values
        return Sample.from_dict(data, image, maps)
    except FormatError:
        raise
    except KeyError as error:
        raise FormatError(f"the labels have no {error}") from error
    except (InputError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"the labels are wrong: {error}") from error


class ShardWriter:
    """Write a shard all or nothing.

    Samples go to a hidden temporary file beside `path`; leaving the `with` block moves it into place. If the block
    ends with an exception nothing is left behind; if the program is killed, the temporary file is, and never a half
    shard under the final name.

    Raises:
        FileError: the file cannot be written, for instance because the disk is full.
    """

    def __init__(self, path: str | os.PathLike[str], coding: Coding = Coding()) -> None:
        self.path, self.coding, self.count = Path(path), coding, 0
        output_folder(self.path)
        self._partial = self.path.with_name(f".{self.path.name}.{platform.node()}-{os.getpid()}.partial")
        try:
            self._file = open(self._partial, "wb")
        except OSError as error:
            raise self._failed(error) from error
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._partial, self.path)
        except OSError as error:
            self._discard()
            raise self._failed(error) from error

    def write(self, key: str, sample: Sample) -> None:
        """Add a sample; `key` is a file name without dots, different for each sample."""
        if not key or "." in key or "/" in key:
            raise InputError(f"the key of a sample is a file name without dots, not {key!r}")
        try:
            for suffix, data in encode_sample(sample, self.coding).items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size, info.mode = len(data), 0o644
                self._tar.addfile(info, io.BytesIO(data))
        except OSError as error:
            raise self._failed(error) from error
        self.count += 1

    def _discard(self) -> None:
        try:
            self._file.close()
        except OSError:  # what was buffered did not fit either
            pass
        self._partial.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> FileError:
        return FileError(f"{self.path} cannot be written: {reason(error)}")


def partial_shards(path: Path) -> list[Path]:
    """Temporary files that killed writers of this shard have left behind."""
    return sorted(path.parent.glob(f".{path.name}.*.partial")) if path.parent.is_dir() else []


def read_shard(path: str | os.PathLike[str]) -> Iterator[tuple[str, Sample]]:
    """The samples of a shard with their keys, in its order, one in memory at a time.

    Raises:
        FileError: missing. FormatError: no shard, cut off, or a broken sample; names the sample.
    """
    file = input_file(path, _SHARD)
    for key, parts in _groups(_members(file)):
        try:
            sample = decode_sample(parts)
        except AnchorposeError as error:
            raise FormatError(f"{file}: sample {key}: {error}") from error
        yield key, sample


def shard_keys(path: str | os.PathLike[str]) -> list[str]:
    """The keys of a shard's samples, in its order, without decoding them."""
    file = input_file(path, _SHARD)
    return [name.split(".", 1)[0] for name, _ in _members(file, contents=False) if name.endswith(".json")]


def _members(file: Path, contents: bool = True) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of a tar, in order."""
    try:
        with tarfile.open(file, "r:") as tar:
            for info in tar:
                if info.isfile():
                    source = tar.extractfile(info) if contents else None
                    data = source.read() if source else b""
                    if contents and len(data) < info.size:
                        raise FormatError(f"{file} is cut off within {info.name}")
                    yield info.name, data
            if file.stat().st_size <= tar.offset:  # a complete tar ends with blocks of zeros
                raise FormatError(f"{file} is cut off: its end is missing")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise FormatError(f"{file} is broken or no tar file ({error}); expected {_SHARD}") from error
    except OSError as error:
        raise FileError(f"{file} cannot be read: {reason(error)}") from error


def _groups(members: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Files in a row that share what stands before the first dot of their name, as WebDataset reads them."""
    current: str | None = None
    parts: dict[str, bytes] = {}
    for name, data in members:
        folder, _, base = name.rpartition("/")
        stem, _, suffix = base.partition(".")
        key = f"{folder}/{stem}" if folder else stem
        if key != current:
            if current is not None:
                yield current, parts
            current, parts = key, {}
        parts[suffix.lower()] = data
    if current is not None:
        yield current, parts


def _image_bytes(image: np.ndarray, coding: Coding) -> bytes:
    out = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(image))
    if coding.image == "png":
        picture.save(out, "PNG", compress_level=2)
    else:
        picture.save(out, "JPEG", quality=coding.quality)
    return out.getvalue()


def _millimetres(depth: np.ndarray) -> np.ndarray:
    known = (depth > 0) & (depth <= _FARTHEST)  # neither holds for NaN
    return np.asarray(np.rint(np.where(known, depth, np.float32(0)) * np.float32(1000)).astype(np.uint16))


def _pixels(
    data: bytes, size: tuple[int, int], name: str, kind: type[np.generic], mode: str | None = None
) -> np.ndarray:
    """The pixels of a stored picture, once its size is the one that the labels give."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.size != size:
                raise FormatError(f"{name} is {image.size[0]}x{image.size[1]}, the labels say {size[0]}x{size[1]}")
            values = np.array(image.convert(mode) if mode else image)
    except FormatError:
        raise
    except Exception as error:  # Pillow's decoders raise a dozen kinds
        raise FormatError(f"{name} cannot be decoded: {error}") from error
    if values.dtype != kind:
        raise FormatError(f"{name} holds {values.dtype}, expected {np.dtype(kind)}")
    return values
