"""Shards: what is in them, that others can read them, and what happens to broken ones."""

from __future__ import annotations

import gc
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from anchorpose.files.schema import validate_line
from anchorpose.files.shards import (
    Coding,
    ShardWriter,
    encode_sample,
    partial_shards,
    read_shard,
    sample_schema,
    shard_keys,
)
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.samples import SAMPLE_PARTS, Part, Sample, SamplePerson
from anchorpose.poses.skeletons import SKELETONS
from toy_engine import toy_sample

VALIDATOR = Draft202012Validator(sample_schema())


def sample(seed: int = 0) -> Sample:
    return toy_sample((48, 40), np.random.default_rng(seed), {"index": seed})


def write(path: Path, count: int = 3, coding: Coding | None = None) -> Path:
    with ShardWriter(path, coding or Coding()) as writer:
        for i in range(count):
            writer.write(f"{i:04d}", sample(i))
    return path


def repacked(path: Path, change: dict[str, bytes | None]) -> Path:
    """The shard with some of its files replaced, or taken out (None)."""
    out = path.with_name("changed.tar")
    with tarfile.open(path) as old, tarfile.open(out, "w") as new:
        for info in old:
            data = change.get(info.name, old.extractfile(info).read())  # type: ignore[union-attr]
            if data is not None:
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return out


def test_png_shards_give_back_what_went_in(tmp_path: Path) -> None:
    """Pixels exactly, joints to a ten-thousandth of a pixel and a micrometre, depth to a millimetre."""
    there = list(read_shard(write(tmp_path / "a.tar", coding=Coding("png"))))
    assert [key for key, _ in there] == ["0000", "0001", "0002"]
    for i, (_, after) in enumerate(there):
        before = sample(i)
        assert np.array_equal(after.image, before.image) and after.camera == before.camera
        assert after.attributes == before.attributes
        old, new = before.people[0].parts["body"], after.people[0].parts["body"]
        assert np.array_equal(new.visible, old.visible)
        np.testing.assert_allclose(new.joints2d, old.joints2d, atol=5.1e-5)
        np.testing.assert_allclose(new.joints3d, old.joints3d, atol=5.1e-7)
        for name in ("parts", "instances"):
            assert np.array_equal(after.maps[name], before.maps[name])
        shown = before.maps["instances"] > 0
        np.testing.assert_allclose(after.maps["depth"][shown], before.maps["depth"][shown], atol=5e-4)
        assert not after.maps["depth"][~shown].any()


def test_jpeg_is_near(tmp_path: Path) -> None:
    """On an image that is smooth."""
    image = np.tile(np.linspace(0, 255, 48)[:, None].astype(np.uint8), (40, 1, 3))
    before = Sample(image, (), sample().camera)
    with ShardWriter(tmp_path / "a.tar", Coding(quality=95)) as writer:
        writer.write("x", before)
    ((_, after),) = read_shard(tmp_path / "a.tar")
    assert np.abs(after.image.astype(int) - image).max() < 8


def test_depth_that_16_bits_do_not_hold_is_none() -> None:
    depth = np.full((40, 48), 70, np.float32)
    depth[0, :4] = 65.535, -1, np.nan, 0.0004
    files = encode_sample(Sample(sample().image, (), sample().camera, {"depth": depth}))
    stored = np.array(Image.open(io.BytesIO(files["depth.png"])))
    assert stored.dtype == np.uint16 and stored[0, 0] == 65535 and not stored.ravel()[1:].any()


@pytest.mark.parametrize("name", SAMPLE_PARTS)
def test_labels_follow_the_schema(name: str) -> None:
    """Every part, people without any, images without people, joints that are not known."""
    skeleton = SAMPLE_PARTS[name]
    n = len(SKELETONS[skeleton])
    part = Part(skeleton, np.full((n, 2), np.nan), np.full((n, 3), np.nan), np.zeros(n))
    people = (SamplePerson([0, 0, 9, 9], {name: part}, 1, 0, {"rotations": np.eye(4)}), SamplePerson([0, 0, 9, 9], {}))
    for made in (
        sample(),
        Sample(sample().image, people, sample().camera),
        Sample(sample().image, (), sample().camera),
    ):
        VALIDATOR.validate(json.loads(encode_sample(made)["json"]))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "anchorpose/1"),
        (("width",), 0),
        (("camera", "fx"), 0),
        (("people", 0, "box"), [1, 2, 3]),
        (("people", 0, "occluded"), 1.5),
        (("people", 0, "parts", "tail"), {}),
        (("people", 0, "parts", "body", "visible", 3), 3),
        (("people", 0, "parts", "body", "joints2d"), [[1, 2]]),
        (("people", 0, "parts", "body", "skeleton"), "coco17"),
    ],
)
def test_the_schema_refuses(path: tuple[Any, ...], value: Any) -> None:
    data = json.loads(encode_sample(sample())["json"])
    assert VALIDATOR.is_valid(data)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(data)


def test_the_schema_is_valid_and_not_that_of_results() -> None:
    Draft202012Validator.check_schema(sample_schema())
    with pytest.raises(FormatError):
        validate_line(json.loads(encode_sample(sample())["json"]))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_them(tmp_path: Path) -> None:
    """The package that the layout is named after, decoding included."""
    webdataset = pytest.importorskip("webdataset", reason="the package webdataset is not installed")
    path = write(tmp_path / "000000.tar")
    records = list(webdataset.WebDataset(str(path), shardshuffle=False).decode("rgb8"))
    assert [r["__key__"] for r in records] == ["0000", "0001", "0002"]
    for i, record in enumerate(records):
        assert record["jpg"].shape == (40, 48, 3) and record["json"]["attributes"]["index"] == i
        assert {"parts.png", "instances.png", "depth.png"} <= set(record)
    gc.collect()  # the package leaves the file open; its warning belongs here


def test_the_same_samples_make_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.tar").read_bytes() == write(tmp_path / "sub" / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert {(i.mtime, i.uid, i.gid, i.uname) for i in tar} == {(0, 0, 0, "")}


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither a shard nor its temporary file; what was there before stays."""
    path = write(tmp_path / "a.tar")
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="in between"), ShardWriter(path) as writer:
        writer.write("0", sample())
        assert len(partial_shards(path)) == 1
        raise RuntimeError("in between")
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_maps_can_be_left_out(tmp_path: Path) -> None:
    ((_, after),) = read_shard(write(tmp_path / "a.tar", 1, Coding(maps=("parts",))))
    assert list(after.maps) == ["parts"]


@pytest.mark.parametrize(
    ("arguments", "message"), [(("gif",), "jpg or png"), (("jpg", 0), "1 to 100"), (("jpg", 9, ("x",)), "no map 'x'")]
)
def test_codings_that_do_not_exist(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Coding(*arguments)


@pytest.mark.parametrize("key", ["", "a.b", "a/b"])
def test_keys_are_plain_names(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match="without dots"), ShardWriter(tmp_path / "a.tar") as writer:
        writer.write(key, sample())


def test_broken_samples_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar")
    small = io.BytesIO()
    Image.new("RGB", (4, 4)).save(small, "PNG")
    labels = encode_sample(sample(1))["json"]
    wrong = {
        r"no image \(\.jpg or \.png\), only depth\.png": {"0001.jpg": None},
        "no labels": {"0001.json": None},
        r"\.jpg cannot be decoded": {"0001.jpg": b"nothing"},
        r"\.jpg is 4x4, the labels say 48x40": {"0001.jpg": small.getvalue()},
        "the labels are wrong": {"0001.json": b"{"},
        "the labels have no 'people'": {"0001.json": labels.replace(b'"people"', b'"folk"')},
        "reads the format": {"0001.json": labels.replace(b"sample/1", b"sample/2")},
        r"\.depth\.png holds uint8": {"0001.depth.png": encode_sample(sample())["parts.png"]},
    }
    for message, change in wrong.items():
        read = read_shard(repacked(path, change))
        assert next(read)[0] == "0000"
        with pytest.raises(FormatError, match=f"sample 0001: .*{message}"):
            next(read)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.9, 0.985])
def test_shards_that_are_cut_off(tmp_path: Path, share: float) -> None:
    """As a copy that was interrupted leaves them: never taken for a smaller shard."""
    data = write(tmp_path / "a.tar").read_bytes()
    end = data.rstrip(b"\0")
    (tmp_path / "b.tar").write_bytes(data[: int(share * len(end)) // 512 * 512 or 512])
    with pytest.raises(FormatError, match=r"b\.tar"):
        list(read_shard(tmp_path / "b.tar"))
    with pytest.raises(FormatError, match=r"b\.tar"):
        shard_keys(tmp_path / "b.tar")


def test_what_is_no_shard(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("no tar at all " * 100)
    with pytest.raises(FormatError, match="no tar file"):
        list(read_shard(tmp_path / "text.tar"))
    with pytest.raises(FileError, match="no such file; expected a shard"):
        list(read_shard(tmp_path / "none.tar"))


def test_keys_without_decoding(tmp_path: Path) -> None:
    assert shard_keys(write(tmp_path / "a.tar")) == ["0000", "0001", "0002"]


def test_it_ships() -> None:
    """The schema is found as a resource of the package."""
    from importlib.resources import files

    assert files("anchorpose.files").joinpath("sample.schema.json").is_file()
