"""Contact sheets of anchors and photos, and what the demo runs on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.images import read_image
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.values import People, Person, Pose
from anchorpose.share import sheets
from anchorpose.share.sheets import anchor_sheet, attribution, photo_sheet

WIDTH, HEIGHT = sheets._CELL[0] + sheets._GAP, sheets._CELL[1] + sheets._GAP


def anchors(k: int, *, upper: bool = False, share: np.ndarray | None = None) -> AnchorPoses:
    rng = np.random.default_rng(0)
    joints3d = rng.normal(0, 0.3, (k, 13, 3))
    joints2d = rng.uniform(0.1, 0.9, (k, 13, 2))
    attributes: dict[str, np.ndarray] = {} if share is None else {"share": share}
    if upper:
        joints2d[:, :4, 1] += 1.0
        attributes["upper"] = np.ones(k, bool)
    return AnchorPoses("test", "body13", joints2d, joints3d, attributes)


@pytest.mark.parametrize("k, columns, rows", [(1, 1, 1), (5, 4, 2), (8, 4, 2), (9, 4, 3)])
def test_a_sheet_has_a_cell_for_each_class(tmp_path: Path, k: int, columns: int, rows: int) -> None:
    path = tmp_path / "new" / "sheet.png"
    sheet = anchor_sheet(anchors(k), path, columns=4)
    assert sheet.shape == (sheets._TITLE + rows * HEIGHT + sheets._GAP, columns * WIDTH + sheets._GAP, 3)
    assert np.array_equal(read_image(path), sheet)
    last = sheet[-HEIGHT:, -WIDTH:]
    assert (k % columns == 0) == (last.std(axis=(0, 1)).max() > 20)  # drawn only where there is a class


def test_of_many_classes_the_most_frequent_are_shown(tmp_path: Path) -> None:
    share = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    assert list(sheets._choose(anchors(5, share=share), 3)) == [1, 3, 4]
    assert list(sheets._choose(anchors(5), 3)) == [0, 2, 4]
    assert list(sheets._choose(anchors(2), 3)) == [0, 1]
    assert anchor_sheet(anchors(30), tmp_path / "a.png", max_count=4).shape[0] < 2 * HEIGHT + sheets._TITLE


def test_legs_of_upper_body_classes_hang_below_their_box() -> None:
    for upper in (False, True):
        panel = np.full((150, 100, 3), 255, np.uint8)
        sheets._draw_unit_box(panel, anchors(1, upper=upper), 0)
        grey = (np.ptp(panel.astype(int), axis=-1) < 12) & (panel[..., 0] > 140) & (panel[..., 0] < 235)
        box_bottom = np.flatnonzero(grey.sum(1) > 25).max()  # the rim's lowest row
        colored = (np.ptp(panel.astype(int), axis=-1) > 60).any(1).nonzero()[0].max()
        assert (colored > box_bottom + 5) == upper


def test_share_and_sides_are_on_the_sheet(tmp_path: Path) -> None:
    without = anchor_sheet(anchors(2), tmp_path / "a.png")
    with_share = anchor_sheet(anchors(2, share=np.array([0.25, 0.75])), tmp_path / "b.png")
    changed = (without != with_share).any(-1)
    assert changed.any() and not changed[sheets._TITLE + sheets._HEADER :].any()
    red, blue = with_share[..., 0].astype(int), with_share[..., 2].astype(int)
    assert (red - blue > 90).sum() > 300 and (blue - red > 90).sum() > 300


def photo(width: int, height: int) -> tuple[np.ndarray, People]:
    joints = np.random.default_rng(2).uniform(0.2, 0.8, (13, 2)) * (width, height)
    pose = Pose("body13", 0.9, np.array([0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height]), joints, np.ones(13))
    who = People((Person.from_body(pose),), "photo", 0, 0.0, width, height, Camera.from_fov(width, height))
    return np.full((height, width, 3), 80, np.uint8), who


def test_photos_of_any_shape_are_laid_out(tmp_path: Path) -> None:
    photos = [photo(300, 200), photo(90, 300), photo(30, 20), photo(2000, 100), photo(400, 400)]
    path = tmp_path / "photos.jpg"
    sheet = photo_sheet(photos, [f"photo {i}" for i in range(5)], path, columns=3, cell=(200, 150))
    assert sheet.shape[1] == 3 * (200 + sheets._GAP) + sheets._GAP and sheet.shape[0] < 2 * (150 + 60)
    assert read_image(path).shape == sheet.shape
    people_drawn = (sheet[..., 2].astype(int) - sheet[..., 0] > 90).sum()
    assert people_drawn > 200


def test_captions_are_shortened_to_their_photo() -> None:
    words = sheets._shorten("a very long caption " * 9, 13, 120)
    assert words.endswith("...") and sheets.raster.text_size(words, 13)[0] <= 120
    assert sheets._shorten("short", 13, 120) == "short"


def test_every_photo_needs_its_caption(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 photos.*not 2"):
        photo_sheet([photo(30, 20)], ["a", "b"], tmp_path / "a.png")
    with pytest.raises(InputError):
        photo_sheet([], [], tmp_path / "a.png")
    with pytest.raises(InputError, match="column"):
        anchor_sheet(anchors(2), tmp_path / "a.png", columns=0)
    assert not list(tmp_path.iterdir())


def test_photos_are_credited() -> None:
    table = attribution([{"id": 257, "license": 5, "flickr_url": "http://example.org/a.jpg"}])
    assert "CC BY-SA 2.0" in table and "http://example.org/a.jpg" in table and "| 1 | 257 |" in table


@pytest.mark.parametrize("licence", [None, 1, 2, 3, 6])
def test_photos_that_may_not_be_shown_again_are_refused(licence: int | None) -> None:
    with pytest.raises(InputError, match="photo 9 .*4, 5, 7, 8"):
        attribution([{"id": 9, "license": licence, "flickr_url": ""}])
