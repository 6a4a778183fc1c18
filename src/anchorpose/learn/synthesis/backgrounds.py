"""Photos without people behind the rendered ones, and plain walls for a share.

A tenth of the photos, told by a hash of the file's name, is set aside for the fixed test set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from anchorpose.files.images import IMAGE_SUFFIXES, read_image
from anchorpose.files.paths import input_file
from anchorpose.learn.synthesis.loops import loops
from anchorpose.learn.synthesis.plain import resampled
from anchorpose.poses.errors import FileError, FormatError, InputError

SPLITS = ("train", "val")
_LIST = "negatives.json"
_DARK = 50.0


@dataclass(frozen=True)
class Background:
    """A photo that may stand behind people: its file, its name in the set, its licence (COCO's id, None unknown) and
    the page that it is from."""

    path: Path
    name: str
    license: int | None = None
    url: str | None = None


def split_of(name: str, tenths: int = 1) -> str:
    """ "val" for a tenth of all file names, "train" for the others, for ever the same."""
    return "val" if hashlib.sha256(name.encode()).digest()[0] * 10 // 256 < tenths else "train"


def read_backgrounds(
    root: str | Path, split: str | None = None, licenses: Collection[int] | None = None
) -> tuple[Background, ...]:
    """The photos of a folder: those that its `negatives.json` lists, or all pictures in it.

    Args:
        split: "train" or "val"; None for all.
        licenses: only photos with one of these licences.

    Raises:
        FileError: no such folder, or no photo is left. FormatError: the list is broken.
    """
    root = Path(root)
    if split is not None and split not in SPLITS:
        raise InputError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    if not root.is_dir():
        raise FileError(f"{root}: no folder with background photos")
    found = _listed(root) if (root / _LIST).is_file() else _gathered(root)
    kept = tuple(
        photo
        for photo in found
        if (split is None or split_of(photo.name) == split) and (licenses is None or photo.license in licenses)
    )
    if not kept:
        raise FileError(f"{root}: none of {len(found)} photos is left for split {split}, licences {licenses}")
    return kept


def _listed(root: Path) -> list[Background]:
    path = input_file(root / _LIST, "a list of photos")
    try:
        images: list[dict[str, Any]] = json.loads(path.read_text())["images"]
        return [
            Background(root / i["file_name"], i["file_name"], i.get("license"), i.get("flickr_url")) for i in images
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not a list of photos ({error})") from error


def _gathered(root: Path) -> list[Background]:
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    return [Background(p, p.relative_to(root).as_posix()) for p in files]


def draw_background(
    photos: tuple[Background, ...], width: int, height: int, rng: np.random.Generator, plain_share: float = 0.1
) -> tuple[np.ndarray, Background | None]:
    """A random part of a random photo, mirrored or not; or a wall (None) in a share of the draws.

    Returns:
        (height, width, 3) uint8 and the photo that it is from.
    """
    wall = rng.random() < plain_share or not photos
    number = int(rng.integers(max(1, len(photos))))
    zoom, u, v, mirrored = rng.uniform(0.45, 1.0), rng.random(), rng.random(), rng.random() < 0.5
    if wall:
        return _wall(width, height, rng), None
    photo = photos[number]
    image = crop_to(read_image(photo.path), width, height, zoom, u, v, mirrored)
    mean = float(image[::3, ::3].mean())
    if mean < _DARK:  # night: people there would be black as well
        image = np.minimum(image * (_DARK / max(mean, 12.0)), 255).astype(np.uint8)
    return image, photo


def crop_to(
    image: np.ndarray, width: int, height: int, zoom: float, u: float, v: float, mirrored: bool = False
) -> np.ndarray:
    """The part of a photo in the shape of the picture: `zoom` of the largest one, (u, v) from the upper left to the
    lower right, resampled to `width` x `height`."""
    rows, columns = image.shape[:2]
    scale = min(columns / width, rows / height) * zoom
    crop_w, crop_h = width * scale, height * scale
    x0, y0 = u * (columns - crop_w), v * (rows - crop_h)
    box = (x0, y0, x0 + crop_w, y0 + crop_h)
    stretch = resampled if crop_w > width or crop_h > height else loops().enlarged
    return stretch(image, box, width, height, mirrored)


def _wall(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Two colours that run into each other, with soft blotches."""
    colours = rng.uniform(20, 240, 3) + rng.normal(0, 25, (2, 3))
    angle, blotches = rng.uniform(0, 2 * np.pi), rng.normal(0, 1, (6, 6, 3)) * rng.uniform(0, 12)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    mix = np.clip(0.5 + 0.4 * (x * np.cos(angle) + y * np.sin(angle)), 0, 1)[..., None]
    base = colours[0] * (1 - mix) + colours[1] * mix
    clouds = np.clip(128 + blotches, 0, 255).astype(np.uint8)
    soft = np.asarray(Image.fromarray(clouds).resize((width, height), Image.Resampling.BICUBIC), np.float32) - 128
    return np.clip(base + soft, 0, 255).astype(np.uint8)
