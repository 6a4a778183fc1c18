"""Backgrounds: which photos of a folder, the part set aside, crops of the right shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.images import write_image
from anchorpose.learn.synthesis.backgrounds import crop_to, draw_background, read_backgrounds, split_of
from anchorpose.poses.errors import FileError, FormatError, InputError


def folder(path: Path, listed: bool = True) -> Path:
    rng = np.random.default_rng(0)
    images = []
    for k in range(6):
        write_image(path / f"{k}.png", rng.integers(0, 255, (40, 60, 3)).astype(np.uint8))
        images.append({"file_name": f"{k}.png", "license": 4 if k < 3 else None, "flickr_url": f"page {k}"})
    if listed:
        (path / "negatives.json").write_text(json.dumps({"images": images}))
    return path


def test_a_tenth_is_set_aside_for_ever() -> None:
    names = [f"inria/{k:05d}.jpg" for k in range(5000)]
    val = [split_of(n) for n in names].count("val")
    assert 400 < val < 600
    assert split_of("coco/000000000009.jpg") == "train" and split_of("inria/00008.jpg") == split_of("inria/00008.jpg")


def test_reads_the_list_by_split_and_licence(tmp_path: Path) -> None:
    photos = read_backgrounds(folder(tmp_path))
    assert [p.name for p in photos] == [f"{k}.png" for k in range(6)] and photos[1].url == "page 1"
    assert len(read_backgrounds(tmp_path, licenses=(4, 5))) == 3
    parts = [[p.name for p in read_backgrounds(tmp_path, s)] for s in ("train", "val") if any_of(tmp_path, s)]
    assert sorted(sum(parts, [])) == [p.name for p in photos]


def any_of(path: Path, split: str) -> bool:
    return any(split_of(f"{k}.png") == split for k in range(6))


def test_reads_a_plain_folder(tmp_path: Path) -> None:
    photos = read_backgrounds(folder(tmp_path, listed=False))
    assert len(photos) == 6 and photos[0].license is None


def test_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no folder"):
        read_backgrounds(tmp_path / "none")
    with pytest.raises(FileError, match="none of 6"):
        read_backgrounds(folder(tmp_path), licenses=(99,))
    with pytest.raises(InputError, match="train, val"):
        read_backgrounds(tmp_path, "test")
    (tmp_path / "negatives.json").write_text('{"images": [{}]}')
    with pytest.raises(FormatError, match="negatives.json"):
        read_backgrounds(tmp_path)


def test_crops_keep_shape_and_side() -> None:
    y, x = np.mgrid[:100, :200]
    photo = np.stack([x, x, y], -1).astype(np.uint8)
    out = crop_to(photo, 50, 50, 0.5, 0.0, 1.0)
    assert out.shape == (50, 50, 3)
    assert out[25, 0, 0] < 3 and abs(int(out[25, 49, 0]) - 49) < 3 and out[49, 0, 2] > 95
    mirrored = crop_to(photo, 50, 50, 0.5, 0.0, 1.0, mirrored=True)
    np.testing.assert_array_equal(mirrored, out[:, ::-1])


def test_draws_walls_and_photos(tmp_path: Path) -> None:
    photos = read_backgrounds(folder(tmp_path))
    wall, none = draw_background(photos, 70, 40, np.random.default_rng(0), plain_share=1.0)
    assert wall.shape == (40, 70, 3) and wall.dtype == np.uint8 and none is None
    image, photo = draw_background(photos, 70, 40, np.random.default_rng(0), plain_share=0.0)
    assert image.shape == (40, 70, 3) and photo in photos
    again, _ = draw_background(photos, 70, 40, np.random.default_rng(0), plain_share=0.0)
    np.testing.assert_array_equal(image, again)
