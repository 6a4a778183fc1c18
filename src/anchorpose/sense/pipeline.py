"""Frame -> people. The stages stand behind small interfaces, so that each can be replaced by a better one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from anchorpose.files.images import read_photo
from anchorpose.files.sources import open_source
from anchorpose.poses.cameras import DEFAULT_FOV, Camera
from anchorpose.poses.errors import InputError, ModelError
from anchorpose.poses.values import Frame, People, Person, Pose
from anchorpose.sense.detector import Detector
from anchorpose.sense.lift import Lifter
from anchorpose.sense.track import Tracker

Quality = Literal["fast", "balanced", "best"]
PIPELINES = ("default",)
_HINT_SECONDS = 0.5


@dataclass(frozen=True)
class Optics:
    """What is known about the camera, best first: a calibration file, a focal length [px], a field of view [degrees]
    of the longer side. Where nothing is given the photo's EXIF counts, then the default of 60 degrees."""

    file: str | os.PathLike[str] | None = None
    focal: float | None = None
    fov: float | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("file", "focal", "fov") if getattr(self, n) is not None]
        if len(given) > 1:
            raise InputError(f"one of a camera file, a focal length and a field of view is enough, not {given}")
        if self.focal is not None and not (np.isfinite(self.focal) and self.focal > 0):
            raise InputError(f"a focal length is a positive number of pixels, not {self.focal}")
        if self.fov is not None and not 0 < self.fov < 180:
            raise InputError(f"a field of view lies between 0 and 180 degrees, not {self.fov}")

    def camera(self, width: int, height: int, exif_focal: float | None = None) -> Camera:
        """The camera of a picture of this size [px]."""
        if self.file is not None:
            from anchorpose.files.calibration import read_camera

            return replace(read_camera(self.file, width, height), origin="file")
        if self.focal is not None:
            return Camera.from_focal(width, height, self.focal, "focal")
        if self.fov is not None:
            return Camera.from_fov(width, height, self.fov, "fov")
        if exif_focal is not None:
            return Camera.from_focal(width, height, exif_focal, "exif")
        return Camera.from_fov(width, height, DEFAULT_FOV, "default")


class Model:
    """Detector and lift in a row. Call it with a picture, or give it to `video`."""

    def __init__(self, detector: Detector, lifter: Lifter, optics: Optics | None = None) -> None:
        self.detector, self.lifter, self.optics = detector, lifter, optics or Optics()
        self._previous: tuple[str, int, float, list[Pose]] | None = None

    def __call__(self, image: Frame | np.ndarray | str | os.PathLike[str] | Any) -> People:
        """The people of a frame, an (H, W, 3) uint8 RGB array, a PIL image or a photo's path."""
        return self.sense(self.as_frame(image))

    def as_frame(self, image: Any) -> Frame:
        """A frame with a camera from whatever holds a picture."""
        focal = None
        if isinstance(image, (str, os.PathLike)):
            name = Path(image).name
            pixels, focal = read_photo(image)
            frame = Frame(pixels, source=name)
        elif isinstance(image, Frame):
            frame = image
        else:
            frame = Frame(_pixels(image))
        if frame.camera is None:
            frame = replace(frame, camera=self.optics.camera(frame.width, frame.height, focal))
        return frame

    def sense(self, frame: Frame) -> People:
        """2D poses by the detector, 3D and modes by the lift."""
        camera = frame.camera or self.optics.camera(frame.width, frame.height)
        bodies = self.lifter(self.detect(frame), camera)
        persons = tuple(Person.from_body(body) for body in bodies)
        return People(persons, frame.source, frame.index, frame.time, frame.width, frame.height, camera)

    def detect(self, frame: Frame) -> list[Pose]:
        """2D poses; the poses of the frame before in the same video go along as a hint."""
        found = self.detector.detect(frame, self._just_seen(frame))
        self._previous = (frame.source, frame.index, frame.time, found)
        return found

    def _just_seen(self, frame: Frame) -> list[Pose] | None:
        """Poses of the frame before in the same video, unless so long ago that they say nothing of where people are."""
        if self._previous is None:
            return None
        source, index, time, found = self._previous
        follows = source == frame.source and frame.index > index and frame.time - time <= _HINT_SECONDS
        return found if follows else None


def _pixels(image: Any) -> np.ndarray:
    """RGB pixels of an array (grey and RGBA too) or of anything that gives one, as PIL images do."""
    if hasattr(image, "convert"):
        image = image.convert("RGB")
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise InputError(f"an image array is uint8, not {array.dtype}; scale it to 0..255 first")
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, 2)
    if array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    return array


def load(
    name: str = "default",
    *,
    quality: Quality = "balanced",
    fov: float | None = None,
    focal: float | None = None,
    camera: str | os.PathLike[str] | None = None,
    height: float | None = None,
    threads: int | None = None,
) -> Model:
    """Load a model: `people = anchorpose.load()(image)`.

    Args:
        name: "default" is MoveNet MultiPose and the lift by classification.
        quality: "fast", "balanced" or "best": time against accuracy.
        fov, focal, camera: field of view of the longer side [degrees], focal length [px] or calibration file.
        height: mean body height [m] of the people, if known; it scales 3D.
        threads: of the networks; None: as many as there are processors, four at most.

    Raises:
        InputError: no such model or quality. ModelError: weights missing or corrupt.
    """
    from anchorpose.sense.detector import QUALITIES
    from anchorpose.sense.models import load_session
    from anchorpose.sense.movenet import MODEL as DETECTOR
    from anchorpose.sense.movenet import MoveNetDetector

    if name not in PIPELINES:
        raise ModelError(f"no model {name!r}; there are: {', '.join(PIPELINES)}")
    if quality not in QUALITIES:
        raise InputError(f"no quality {quality!r}; there are: {', '.join(QUALITIES)}")
    detector = MoveNetDetector(quality=quality, session=load_session(DETECTOR, threads))
    lifter = Lifter(load_session("lift", threads), flip=quality == "best", height=height)
    return Model(detector, lifter, Optics(camera, focal, fov))


def video(
    source: str | os.PathLike[str] | int, model: Model | None = None, *, every: int = 1, track: bool = True
) -> Iterator[People]:
    """People of each frame of a video, a folder of photos, a photo or a camera, in constant memory.

    People of videos and cameras get ids, the same one for the same person over time (`sense/track.py`); with
    `track=False` their `id` stays None, as that of people in photos.
    """
    model = model or load()
    with open_source(source, model.optics.camera, every=every) as frames:
        tracker = Tracker() if track and frames.kind in ("video", "camera") else None
        for frame in frames:
            people = model.sense(frame)
            yield people if tracker is None else tracker.update(people, frame.image)
