"""The photos that mosaics are made of: their people's 2D poses as arrays, their pixels read when needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from anchorpose.files.labels import LabelledPerson, LabelSet
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.skeletons import BODY13, convert

LEAST_SOURCES = 30
"""With fewer people no query finds anything like it."""

_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)  # of EXIF
_NEEDED = [BODY13.index(f"{s}_{p}") for s in "rl" for p in ("hip", "shoulder")]


@dataclass(frozen=True, eq=False)
class Sources:
    """N people of photos, then their N mirror images.

    Attributes:
        joints2d: (2N, 13, 2) float32 BODY13 [px], NaN where not labelled. In a mirror image sides are swapped by name
            and x is counted in the flipped photo.
        visible: (2N, 13) bool, labelled and not hidden.
        photo: (2N,) int32, index into `paths` and `sizes`.
        mirrored: (2N,) bool.
        paths: of the photos. sizes: (P, 2) width and height [px].
        problems: one line for each photo or person that was left out because something is wrong with it.
    """

    joints2d: np.ndarray
    visible: np.ndarray
    photo: np.ndarray
    mirrored: np.ndarray
    paths: tuple[Path, ...]
    sizes: np.ndarray
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of sources, mirror images counted."""
        return len(self.joints2d)


def collect_sources(sets: Iterable[LabelSet], *, least_joints: int = 9, least_size: float = 48.0) -> Sources:
    """The usable people of label sets.

    Left out are crowds, people whose left and right are in doubt (`lr_suspect`), those with fewer than `least_joints`
    joints or without both hips and shoulders, and those whose joints span less than `least_size` [px].

    Raises:
        InputError: fewer than `LEAST_SOURCES` people remain.
    """
    joints: list[np.ndarray] = []
    visible: list[np.ndarray] = []
    photo: list[int] = []
    paths: list[Path] = []
    sizes: list[tuple[int, int]] = []
    problems: list[str] = []
    seen = 0
    for labels in sets:
        people = [person for image in labels for person in image.people]
        poses, shown, good = _usable(people, labels.skeleton.name, least_joints, least_size)
        first = 0
        for image in labels:
            rows = first + np.flatnonzero(good[first : first + len(image.people)])
            first += len(image.people)
            problem = _photo_problem(image.path, image.width, image.height) if len(rows) else None
            if problem is not None:
                problems.append(f"{image.path}: {problem}")
            elif len(rows):
                joints.append(poses[rows])
                visible.append(shown[rows])
                photo += [len(paths)] * len(rows)
                paths.append(image.path)
                sizes.append((image.width, image.height))
        seen += len(people)
    if len(photo) < LEAST_SOURCES:
        raise InputError(
            f"mosaics need at least {LEAST_SOURCES} people with both hips, both shoulders and {least_joints} of 13"
            f" joints labelled who are {least_size:g} px large or more; of {seen} people in the label files"
            f" {len(photo)} are such" + (f"; {len(problems)} photos are not there: {problems[0]}" if problems else "")
        )
    return _with_mirror_images(
        np.concatenate(joints), np.concatenate(visible), np.array(photo), paths, np.array(sizes), problems
    )


def _usable(
    people: list[LabelledPerson], skeleton: str, least_joints: int, least_size: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """BODY13 (N, 13, 2), what is visible of it (N, 13) bool, and who is a good source (N,) bool."""
    if not people:
        return np.zeros((0, 13, 2)), np.zeros((0, 13), bool), np.zeros(0, bool)
    labelled, visible = np.stack([p.joints2d for p in people]), np.stack([p.visible for p in people])
    poses, lowest = convert(labelled, skeleton, "body13", visible)
    known = np.isfinite(poses).all(-1)
    high = np.where(known[..., None], poses, -np.inf).max(1)
    low = np.where(known[..., None], poses, np.inf).min(1)
    good = (known.sum(1) >= least_joints) & known[:, _NEEDED].all(1)
    good &= np.subtract(high, low, where=np.isfinite(high), out=np.zeros_like(high)).max(1) >= least_size
    good &= ~np.array([p.iscrowd or bool(p.attributes.get("lr_suspect")) for p in people])
    return poses, lowest == 2, good


def _photo_problem(path: Path, width: int, height: int) -> str | None:
    if width < 2 or height < 2:
        return f"a photo of {width}x{height} pixels"
    try:
        return None if path.is_file() else "no such file"
    except (OSError, ValueError) as error:
        return str(error)


def _with_mirror_images(
    joints: np.ndarray,
    visible: np.ndarray,
    photo: np.ndarray,
    paths: list[Path],
    sizes: np.ndarray,
    problems: list[str],
) -> Sources:
    flipped = joints[:, BODY13.mirror].copy()
    flipped[..., 0] = sizes[photo, :1] - 1 - flipped[..., 0]
    return Sources(
        joints2d=np.concatenate([joints, flipped]).astype(np.float32),
        visible=np.concatenate([visible, visible[:, BODY13.mirror]]),
        photo=np.concatenate([photo, photo]).astype(np.int32),
        mirrored=np.arange(2 * len(joints)) >= len(joints),
        paths=tuple(paths),
        sizes=sizes,
        problems=tuple(problems),
    )


class PhotoReader:
    """Reads photos by number; keeps the files' bytes of the last ones, at most `megabytes` of them."""

    def __init__(self, paths: tuple[Path, ...], sizes: np.ndarray, megabytes: float = 96.0) -> None:
        self._paths, self._sizes = paths, sizes
        self._limit = int(megabytes * 2**20)
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._held

    def read(self, number: int, zoom: float = 1.0, mirrored: bool = False) -> tuple[Image.Image, float]:
        """The photo, flipped if `mirrored`, and how many of its own pixels go to one of those returned.

        Args:
            zoom: how much it is going to be enlarged; a photo that will be shrunk is decoded at a smaller size.

        Raises:
            FileError: it cannot be read, or is not of the size that its labels are for.
        """
        path, (width, height) = self._paths[number], self._sizes[number]
        step = 1
        while step < 8 and zoom * step * 2 <= 1.0:
            step *= 2
        try:
            with Image.open(BytesIO(self._bytes(number))) as opened:
                size = opened.size[::-1] if opened.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE else opened.size
                if size == (width, height) and step > 1:
                    opened.draft("RGB", (opened.width // step, opened.height // step))
                image = ImageOps.exif_transpose(opened).convert("RGB")
        except FileError:
            raise
        except Exception as error:  # decoders meet broken files with anything from SyntaxError to struct.error
            raise FileError(f"{path}: broken or truncated picture: {error or type(error).__name__}") from error
        if size != (width, height):
            raise FileError(f"{path}: is {size[0]}x{size[1]}, its labels are for {width}x{height}")
        if mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        factor = round(width / image.width)  # of a JPEG that was decoded small: 1, 2, 4 or 8
        if step > factor:
            image, factor = image.reduce(step // factor), step
        return image, float(factor)

    def _bytes(self, number: int) -> bytes:
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
        try:
            data = self._paths[number].read_bytes()
        except OSError as error:
            raise FileError(f"{self._paths[number]} cannot be read: {error.strerror or error}") from error
        with self._lock:
            if len(data) <= self._limit and number not in self._kept:
                self._kept[number] = data
                self._held += len(data)
                while self._held > self._limit:
                    self._held -= len(self._kept.popitem(last=False)[1])
        return data
