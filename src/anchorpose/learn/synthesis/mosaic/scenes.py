"""Several people before one camera on one floor, and their mosaics laid over a background, the farthest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from anchorpose.files.corpus import Corpus
from anchorpose.learn.synthesis.mosaic.cutout import refined_mask
from anchorpose.learn.synthesis.mosaic.mosaic import Mosaic, Workshop
from anchorpose.learn.synthesis.mosaic.queries import Query, body_box, draw_world_pose
from anchorpose.poses.cameras import Camera
from anchorpose.poses.transforms import rotation_x, rotation_z, torso_centre

_PATCH = (96, 256)  # px: shortest and longest side that a person's mosaic is made at
_APART = 0.55  # m between people
_TRIES = 12
_LEAST = 28.0  # px: lower people are not placed


@dataclass(frozen=True, eq=False)
class Layer:
    """A person's mosaic in a scene: colours (h, w, 3) uint8, opacity (h, w) in 0..1, and its top left pixel."""

    image: np.ndarray
    opacity: np.ndarray
    x: int
    y: int
    used: dict[str, Any]

    @property
    def mismatch(self) -> float:
        """See `Mosaic.mismatch`."""
        return float(self.used["mismatch"])


@dataclass(frozen=True, eq=False)
class Stage:
    """A camera over a floor: it stands at (0, height, 0) [m] of a world with y up and looks along -z, turned by
    `rotation` (3, 3), camera from world."""

    camera: Camera
    rotation: np.ndarray
    height: float


def draw_stage(rng: np.random.Generator, size: tuple[int, int], fov: tuple[float, float]) -> Stage:
    """A camera for pictures of `size` (width, height), held mostly level, so that the horizon is in or near them."""
    camera = Camera.from_fov(*size, float(rng.uniform(*fov)))
    height = float(np.clip(rng.normal(1.5, 0.35), 0.5, 2.8))
    pitch = float(np.clip(rng.normal(0.1, 0.07) + 0.12 * (height - 1.5), -0.2, 0.6))
    rotation = rotation_z(float(rng.normal(0, 0.04))) @ rotation_x(pitch) @ np.diag([1.0, -1.0, -1.0])
    return Stage(camera, rotation, height)


def draw_place(
    stage: Stage, corpus: Corpus, chances: np.ndarray, rng: np.random.Generator, others: Sequence[Query]
) -> Query | None:
    """A person on the floor, in the picture and clear of the `others`; None if no place was found."""
    camera = stage.camera
    for _ in range(_TRIES):
        joints, attributes = draw_world_pose(corpus, chances, rng)
        distance = float(np.exp(rng.uniform(np.log(2.2), np.log(9.0))))
        aside = float(rng.uniform(-1.05, 1.05)) * camera.width / 2 / camera.fx * distance
        world = joints + (aside, -stage.height, -distance)
        person = Query(world @ stage.rotation.T, camera, attributes)
        if _fits(person, others):
            return person
    return None


def _fits(person: Query, others: Sequence[Query]) -> bool:
    """Whether a person is in the picture, large enough, before the camera, and not inside of another."""
    camera = person.camera
    if person.joints3d[:, 2].min() < 0.7:
        return False
    box = body_box(person.joints3d, camera)
    shown = np.minimum(box[2:], (camera.width, camera.height)) - np.maximum(box[:2], 0)
    if (shown <= 0).any() or np.prod(shown) < 0.35 * np.prod(box[2:] - box[:2]) or shown.max() < _LEAST:
        return False
    centre = torso_centre(person.joints3d)
    return all(np.linalg.norm(centre - torso_centre(other.joints3d)) > _APART for other in others)


def make_layer(workshop: Workshop, person: Query) -> Layer:
    """The person's mosaic, made at a size that suits it, cut out."""
    camera = person.camera
    box = body_box(person.joints3d, camera)
    margin = 0.12 * (box[2:] - box[:2]).max()
    x0, y0 = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    x1 = min(int(np.ceil(box[2] + margin)), camera.width)
    y1 = min(int(np.ceil(box[3] + margin)), camera.height)
    width, height = max(x1 - x0, 8), max(y1 - y0, 8)
    longer = max(width, height)
    scale = float(np.clip(longer, *_PATCH)) / longer
    small = (max(round(width * scale), 8), max(round(height * scale), 8))
    mosaic = workshop.make(person.cropped(camera.cropped(int(x0), int(y0), width, height).resized(*small)))
    opacity = refined_mask(mosaic.image, mosaic.chart, mosaic.winners)
    return Layer(
        np.asarray(Image.fromarray(mosaic.image).resize((width, height), Image.Resampling.BICUBIC)),
        np.asarray(Image.fromarray(opacity).resize((width, height), Image.Resampling.BILINEAR)),
        int(x0),
        int(y0),
        workshop.describe(mosaic),
    )


def cut_out(workshop: Workshop, mosaic: Mosaic) -> Layer:
    """The person of a mosaic, in the whole of its picture."""
    opacity = refined_mask(mosaic.image, mosaic.chart, mosaic.winners)
    return Layer(mosaic.image, opacity, 0, 0, workshop.describe(mosaic))


def compose(background: np.ndarray, layers: Sequence[Layer]) -> tuple[np.ndarray, np.ndarray]:
    """Lay layers over a background, the first lowest.

    Returns:
        (H, W, 3) uint8, and (H, W) uint8: 0 background, i + 1 layer i.
    """
    canvas = background.astype(np.float32)
    instances = np.zeros(background.shape[:2], np.uint8)
    for number, layer in enumerate(layers, 1):
        height = min(layer.image.shape[0], canvas.shape[0] - layer.y)
        width = min(layer.image.shape[1], canvas.shape[1] - layer.x)
        rows, columns = slice(layer.y, layer.y + height), slice(layer.x, layer.x + width)
        opacity = layer.opacity[:height, :width]
        canvas[rows, columns] += opacity[..., None] * (layer.image[:height, :width] - canvas[rows, columns])
        instances[rows, columns][opacity > 0.5] = number
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8), instances
