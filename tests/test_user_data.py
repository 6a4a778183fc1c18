"""A user's own photos: what is broken is listed and left out, never fatal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anchorpose.files.images import write_image
from anchorpose.files.labels import read_labels
from anchorpose.files.user_data import (
    existing_folder,
    list_photos,
    read_sources,
    readable_photos,
    write_labels,
    write_skipped,
)
from anchorpose.poses.errors import FileError, FormatError
from user_files import SIZE, edit, write_photos


def test_good_sources_are_kept_whole(tmp_path: Path) -> None:
    ticks: list[int] = []
    totals: list[int] = []
    sources = read_sources(write_photos(tmp_path, 4), None, ticks.append, totals.append)
    assert len(sources.labels) == 4 and sources.skipped == () and sum(ticks) == 4 and totals == [4]
    assert all(len(image.people) == 2 for image in sources.labels)


BROKEN_PHOTOS: dict[str, bytes | None] = {
    "no such file": None,
    "empty": b"",
    "broken or truncated": b"\x89PNG\r\n\x1a\n" + b"x" * 50,
}


@pytest.mark.parametrize("reason", BROKEN_PHOTOS)
def test_broken_photos_are_left_out(tmp_path: Path, reason: str) -> None:
    labels = write_photos(tmp_path, 4)
    data = BROKEN_PHOTOS[reason]
    (tmp_path / "p01.png").unlink()
    if data is not None:
        (tmp_path / "p01.png").write_bytes(data)
    sources = read_sources(labels)
    assert [image.path.name for image in sources.labels] == ["p00.png", "p02.png", "p03.png"]
    (line,) = sources.skipped
    assert "p01.png" in line and "\n" not in line


BROKEN_LABELS: list[tuple[str, int, dict[str, Any], str, int]] = [
    ("images", 1, {"width": "wide"}, "image 1", 6),
    ("images", 1, {"file_name": None}, "image 1", 6),
    ("images", 1, {"id": [1]}, "neither a number nor a name", 6),
    ("images", 1, {"id": 2}, "with the same one", 6),
    ("images", 1, {"width": 32}, "p01.png is 96x120, its labels are for 32x120", 6),
    ("images", 1, {"width": float("inf")}, "image 1", 6),
    ("annotations", 2, {"keypoints": [1, 2, 3]}, "annotation 3: expected 51 numbers", 7),
    ("annotations", 2, {"keypoints": ["x"] * 51}, "annotation 3", 7),
    ("annotations", 2, {"keypoints": [float("nan")] * 51}, "annotation 3: expected finite numbers", 7),
    ("annotations", 2, {"keypoints": [5, 5, 9] * 17}, "annotation 3: expected finite", 7),
    ("annotations", 2, {"bbox": [1, 2]}, "annotation 3", 7),
    ("annotations", 2, {"keypoints": 5}, "annotation 3", 7),
    ("annotations", 2, {"bbox": None}, "annotation 3", 7),
    ("annotations", 2, {"image_id": 77}, "images that are not listed: 77", 7),
    ("annotations", 2, {"image_id": [1]}, "annotation 3", 7),
]


@pytest.mark.parametrize(("kind", "number", "fields", "text", "left"), BROKEN_LABELS)
def test_broken_labels_are_left_out(
    tmp_path: Path, kind: str, number: int, fields: dict[str, Any], text: str, left: int
) -> None:
    """One line says what and where; all other people of the file are used."""
    labels = edit(write_photos(tmp_path, 4), {(kind, number): fields})
    sources = read_sources(labels)
    assert any(text in line for line in sources.skipped), sources.skipped
    assert sum(len(image.people) for image in sources.labels) == left
    with pytest.raises(FormatError) if "96x120" not in text else pytest.raises(AssertionError):
        read_labels(labels)
        raise AssertionError("its size is no matter of the label file")


@pytest.mark.parametrize("kind", ["images", "annotations"])
@pytest.mark.parametrize("record", [5, None, "x", [1], {}, {"id": 3}, {"bbox": {}, "image_id": {}, "file_name": []}])
def test_reasons_are_plain_words(tmp_path: Path, kind: str, record: object) -> None:
    """Whatever stands in the lists: where it is, what was expected and what there is, in the words of the file."""
    path = write_photos(tmp_path, 4)
    data = json.loads(path.read_text())
    data[kind].insert(2, record)
    path.write_text(json.dumps(data))
    sources = read_sources(path)
    assert sources.skipped and all(str(path) in line for line in sources.skipped)
    text = " ".join(sources.skipped)
    for word in ("object has no", "not subscriptable", "unhashable", "NoneType", "argument", "__", "['"):
        assert word not in text
    assert "number 3: " in text or f"{kind[:-1]} 3: " in text


@pytest.mark.parametrize("name", ["../../../etc/passwd", "a/../../x.png", "/etc/passwd", ".."])
def test_names_that_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Are not looked up: listed, and all others are used."""
    write_image(tmp_path / "x.png", np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    labels = edit(write_photos(tmp_path / "in", 3), {("images", 1): {"file_name": name}})
    sources = read_sources(labels)
    assert [image.path.name for image in sources.labels] == ["p00.png", "p02.png"]
    assert any(f'file_name "{name}" leads out of the folder of the photos' in line for line in sources.skipped)
    inside = edit(write_photos(tmp_path / "in", 3), {("images", 1): {"file_name": "b/../p01.png"}})
    assert len(read_sources(inside).labels) == 3


def test_crowds_and_empty_photos_go_silently(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, 3)
    edit(labels, {("annotations", 0): {"iscrowd": 1}, ("annotations", 2): {"keypoints": [0] * 51},
                  ("annotations", 3): {"keypoints": [0] * 51}})  # fmt: skip
    sources = read_sources(labels)
    assert [len(image.people) for image in sources.labels] == [1, 2] and sources.skipped == ()


def test_nothing_remains(tmp_path: Path) -> None:
    labels = write_photos(tmp_path / "a", 2)
    (tmp_path / "b").mkdir()
    with pytest.raises(
        FileError, match=r"none of its 2 images can be used with the photos in .*b, for instance: .*p00"
    ):
        read_sources(labels, tmp_path / "b")
    with pytest.raises(FileError, match="Did you mean .*b"):
        read_sources(labels, tmp_path / "bb")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(FormatError, match="not JSON"):
        read_sources(tmp_path / "x.json")


def test_photos_are_also_found_without_the_folders_of_their_names(tmp_path: Path) -> None:
    """Label files often name "val2017/000.jpg" where the photos lie in the folder that is given."""
    labels = edit(write_photos(tmp_path, 2), {("images", 0): {"file_name": "val2017/p00.png"}})
    assert [image.path.name for image in read_sources(labels).labels] == ["p00.png", "p01.png"]


def test_labels_can_be_written_again(tmp_path: Path) -> None:
    """What is read back is what was written, with the names of joints and all other fields."""
    labels = edit(write_photos(tmp_path / "in", 3), {("images", 0): {"license": 4}, ("annotations", 1): {"note": "x"}})
    before = read_sources(labels).labels
    write_labels(before, tmp_path / "out" / "clean.json", tmp_path / "in")
    after = read_labels(tmp_path / "out" / "clean.json", tmp_path / "in")
    assert after.skeleton is before.skeleton
    assert [(i.id, i.path, i.width, i.attributes) for i in after] == [
        (i.id, i.path, i.width, i.attributes) for i in before
    ]
    for old, new in zip((p for i in before for p in i.people), (p for i in after for p in i.people), strict=True):
        assert np.array_equal(old.joints2d, new.joints2d, equal_nan=True) and np.array_equal(old.visible, new.visible)
        np.testing.assert_allclose(new.box, old.box)
        assert new.attributes == old.attributes
    assert json.loads((tmp_path / "out" / "clean.json").read_text())["categories"][0]["keypoints"][1] == "left_eye"


def test_photos_of_a_folder(tmp_path: Path) -> None:
    """Sorted, in folders too, without hidden ones and other files; broken ones are described."""
    for name in ("b.png", "sub/a.jpg", ".hidden.png"):
        write_image(tmp_path / name, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "c.jpg").write_text("no photo")
    photos = list_photos(tmp_path)
    assert [p.relative_to(tmp_path).as_posix() for p in photos] == ["b.png", "c.jpg", "sub/a.jpg"]
    good, skipped = readable_photos(photos)
    assert [p.name for p in good] == ["b.png", "a.jpg"] and len(skipped) == 1 and "c.jpg" in skipped[0]
    (tmp_path / "none").mkdir()
    with pytest.raises(FileError, match="holds no photo; known are"):
        list_photos(tmp_path / "none")
    with pytest.raises(FileError, match="is a file; expected a folder of photos"):
        list_photos(tmp_path / "b.png")


def test_did_you_mean(tmp_path: Path) -> None:
    (tmp_path / "backgrounds").mkdir()
    with pytest.raises(FileError, match="no such folder; expected photos. Did you mean .*backgrounds"):
        existing_folder(tmp_path / "backgruonds", "photos")


def test_the_list_of_what_was_skipped(tmp_path: Path) -> None:
    """One line each; an old list goes when nothing is."""
    write_skipped(tmp_path / "skipped.txt", ["a", "b\nc"])
    assert (tmp_path / "skipped.txt").read_text() == "a\nb c\n"
    write_skipped(tmp_path / "skipped.txt", [])
    assert not (tmp_path / "skipped.txt").exists()
