"""What a mosaic engine is made from: plain values, so that any process can build its own."""

from __future__ import annotations

from dataclasses import dataclass

from anchorpose.poses.errors import InputError


@dataclass(frozen=True)
class MosaicConfig:
    """Plain values; lists are taken for tuples, so that it comes back from JSON as it was.

    Attributes:
        labels: file or files with people's 2D joints (COCO person_keypoints).
        corpus: motion capture: a file of `Corpus.save`, or a folder with an index.csv.
        images: the folder, or one for each file of labels, that photos' names are relative to; None: the labels' own.
        split: "train" or "val" of the motion capture, and of the backgrounds; None: all of them.
        size: width and height of the images [px], or one number for both.
        people: fewest and most people of an image. With (1, 1) one fills the picture.
        backgrounds: folder of photos without people. With one, people are cut out and laid over these; without, a
            single person keeps the surroundings of its mosaic, and people of scenes are laid over those of the nearest.
        licenses: use only backgrounds with one of these licence ids of the folder's list; None for all.
        truncated: share of single people who are cut by the border.
        fov: lowest and highest field of view of scenes [degrees].
        least_joints: a source has at least so many of BODY13's joints, and both hips and shoulders,
        least_size: and spans at least so many pixels.
        max_zoom: sources are enlarged at most so much, as long as any is left.
        missing: what a joint that a source lacks costs in D_j, as a share of the query's extent.
        agree: a source that serves another joint already is taken again where its D_j is at most this share above the
            least. 0: as published, each joint has its own best source.
        max_mismatch: queries that no sources are like enough (mean D_j over the query's extent) are drawn again, a few
            times; then the best of them is taken.
        softness: of the probability maps, as a share of the picture's side; front: weight of lying in front in them.
        square: half side of the blending squares on the pose, how much it grows with each pixel from the pose, and the
            most it may be, [px] in a picture of 256 px.
        cache_mb: bytes of photos that are kept in memory, in MiB.
    """

    labels: str | tuple[str, ...]
    corpus: str
    images: str | tuple[str, ...] | None = None
    split: str | None = None
    size: int | tuple[int, int] = 256
    people: tuple[int, int] = (1, 1)
    backgrounds: str | None = None
    licenses: tuple[int, ...] | None = None
    truncated: float = 0.15
    fov: tuple[float, float] = (30.0, 75.0)
    least_joints: int = 9
    least_size: float = 48.0
    max_zoom: float = 2.5
    missing: float = 0.2
    agree: float = 0.0
    max_mismatch: float = 0.2
    softness: float = 0.04
    front: float = 1.0
    square: tuple[float, float, float] = (2.0, 0.5, 40.0)
    cache_mb: float = 96.0

    def __post_init__(self) -> None:
        for name in ("labels", "images", "size", "people", "fov", "square", "licenses"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        if min(self.shape) < 32:
            raise InputError(f"images have at least 32 pixels a side, not {self.shape[0]}x{self.shape[1]}")
        low, high = self.people
        if not 1 <= low <= high <= 50:
            raise InputError(f"people are the fewest and the most of an image, 1 to 50, not {low} and {high}")
        if not 5 <= self.fov[0] <= self.fov[1] <= 120:
            raise InputError(f"fov is the lowest and the highest field of view in degrees, 5 to 120, not {self.fov}")
        if not 0 <= self.truncated <= 1:
            raise InputError(f"truncated is a share of the people, 0 to 1, not {self.truncated}")
        if min(self.max_zoom, self.softness, self.cache_mb, self.max_mismatch) <= 0:
            raise InputError("max_zoom, softness, cache_mb and max_mismatch are above 0")
        folders, files = self.images, self.label_files
        if isinstance(folders, tuple) and len(folders) != len(files):
            raise InputError(f"{len(files)} files of labels need as many folders of images, not {len(folders)}")

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height [px]."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    @property
    def label_files(self) -> tuple[str, ...]:
        return (self.labels,) if isinstance(self.labels, str) else self.labels

    @property
    def image_folders(self) -> tuple[str | None, ...]:
        """The folder of each of `label_files`."""
        if isinstance(self.images, tuple):
            return self.images
        return (self.images,) * len(self.label_files)
