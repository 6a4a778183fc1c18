"""The rendered engine: random people in random scenes, drawn, with exact labels.

Sample `i` of a run is a function of (config, seed, i) alone: three generators, of its content, its looks and its
sensor, so that poses and cameras do not change with what people wear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from anchorpose.learn.synthesis.backgrounds import SPLITS, Background, draw_background, read_backgrounds
from anchorpose.learn.synthesis.hands import HandPoses, read_hands
from anchorpose.learn.synthesis.labels import Seen, gather_points, label_person
from anchorpose.learn.synthesis.loops import loops
from anchorpose.learn.synthesis.occluders import draw_occluders
from anchorpose.learn.synthesis.people import Character, PeopleRange, draw_character
from anchorpose.learn.synthesis.pose_pool import PosePool, read_pool
from anchorpose.learn.synthesis.scenes import SceneRange, View, draw_view, place_people
from anchorpose.learn.synthesis.sensor import SensorRange, expose
from anchorpose.poses.body import BodyModel, Posed
from anchorpose.poses.body_points import body_points
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.rotations import matrix_to_quat_xyzw
from anchorpose.poses.samples import Sample, SamplePerson

if TYPE_CHECKING:
    from anchorpose.learn.synthesis.garments import Wardrobe
    from anchorpose.learn.synthesis.gl.scene import Mesh, Rendered, TextureBank
    from anchorpose.learn.synthesis.renderers import SceneRenderer

MAX_PEOPLE = 8
_LOOKS, _SENSOR = 1, 2  # of the generators; the content has the plain one
# Ends of the names of the body's regions, in the order of `scenes.ZONES`; all others are of the head.
_ZONE_REGIONS = (("head",), ("chest", "upper_arm"), ("hips", "abdomen"), ("upper_leg",), ("lower_leg", "foot"),
                 ("lower_arm", "hand"))  # fmt: skip
_STEP = 61  # every so many vertices make the cloud of points that stands for a person


@dataclass(frozen=True)
class RenderConfig:
    """What to render; plain values, so that any process can make the same engine.

    Attributes:
        size: of the images [px], one number or width, height.
        people: fewest and most people of a scene, 1 to 8.
        motions: file of a motion corpus on the canonical skeleton.
        split: "train" or "val" of motions, backgrounds and textures; None for all there are.
        backgrounds: folder of photos without people; None for plain walls.
        textures: folder of photos for cloth and things; None for procedural patterns alone.
        licenses, texture_licenses: use only photos with one of these licence ids of the folder's list; None for all.
        hands: file of recorded hand poses (`ycb_grasps.npz`); None for those made by rule.
        fov: field of view of the longer side [degrees].
        truncated: share of scenes in which the border cuts people; occluded: share with things in front.
        plain: share of plain walls instead of photos.
        mixed, tumbled: shares of people with the limbs of two poses, and turned any way up.
        maps: keep the maps of parts, instances and depth.
        sensor: whether pictures get blur, noise, JPEG and the like.
    """

    size: int | tuple[int, int] = 256
    people: tuple[int, int] = (1, 1)
    motions: str | None = None
    split: str | None = None
    backgrounds: str | None = None
    textures: str | None = None
    licenses: tuple[int, ...] | None = None
    texture_licenses: tuple[int, ...] | None = None
    hands: str | None = None
    fov: tuple[float, float] = (25.0, 110.0)
    truncated: float = 0.35
    occluded: float = 0.3
    plain: float = 0.08
    mixed: float = 0.2
    tumbled: float = 0.05
    maps: bool = True
    sensor: bool = True

    def __post_init__(self) -> None:
        for name in ("size", "people", "licenses", "texture_licenses", "fov"):
            if isinstance(getattr(self, name), list):  # as it comes from JSON
                object.__setattr__(self, name, tuple(getattr(self, name)))
        low, high = self.people
        if not 1 <= low <= high <= MAX_PEOPLE:
            raise InputError(f"people are (fewest, most), 1 to {MAX_PEOPLE}, not {self.people}")
        if not 5 <= self.fov[0] <= self.fov[1] <= 150:
            raise InputError(f"a field of view is (narrowest, widest) between 5 and 150 degrees, not {self.fov}")
        if min(self.shape) < 32:
            raise InputError(f"images have at least 32 pixels a side, not {self.size}")
        for name in ("truncated", "occluded", "plain", "mixed", "tumbled"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is a share, 0 to 1, not {getattr(self, name)}")
        if self.split is not None and self.split not in SPLITS:
            raise InputError(f"split is one of {', '.join(SPLITS)} or None, not {self.split!r}")

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height [px]."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size


@dataclass(frozen=True, eq=False)
class _Cast:
    """The people of a scene: characters, posed bodies, each about its own root, where in the world that is (N, 3), and
    points of the world that stand for each."""

    characters: tuple[Character, ...]
    posed: tuple[Posed, ...]
    places: np.ndarray
    clouds: list[np.ndarray]


class RenderedEngine:
    """Makes rendered samples; one renderer, opened with the first one.

    Args:
        config: what to render. seed: of the run.

    Raises:
        FileError, FormatError: something the config names is missing or broken.
    """

    def __init__(self, config: RenderConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self._scenes = SceneRange(fov=config.fov, truncated=config.truncated)
        self._people = PeopleRange(mixed=config.mixed, tumbled=config.tumbled)

    def sample(self, index: int) -> Sample:
        """Sample `index` of the run."""
        rng, looks = np.random.default_rng([self.seed, index]), np.random.default_rng([self.seed, index, _LOOKS])
        cast = self._cast(rng)
        view, cut = draw_view(cast.clouds, self.config.shape, rng, self._scenes, self._zones)
        rendered, vertices, background = self._render(cast, view, rng, looks)
        people = self._labels(cast, view, vertices, rendered)
        image = rendered.image
        if self.config.sensor:
            image = expose(image, np.random.default_rng([self.seed, index, _SENSOR]), SensorRange())
        about = {
            "engine": "rendered", "index": index, "seed": self.seed, "split": self.config.split, "cut": cut,
            "background": None if background is None else background.name,
            "camera_from_world": view.rotation.round(6), "camera_translation": view.translation.round(5),
        }  # fmt: skip
        return _sample(image, people, view, rendered, about, self.config.maps)

    def samples(self, indices: Iterable[int]) -> Iterator[Sample]:
        """Several samples, in order."""
        for index in indices:
            yield self.sample(index)

    # -- what is read once

    @cached_property
    def body(self) -> BodyModel:
        from anchorpose.files.body import read_body

        return read_body()

    @cached_property
    def pool(self) -> PosePool:
        if self.config.motions is None:
            raise InputError("a rendered scene needs motions: the file of a motion corpus")
        return read_pool(self.config.motions, self.config.split)

    @cached_property
    def hands(self) -> HandPoses:
        return read_hands(self.config.hands)

    @cached_property
    def photos(self) -> tuple[Background, ...]:
        config = self.config
        return () if config.backgrounds is None else read_backgrounds(config.backgrounds, config.split, config.licenses)

    @cached_property
    def bank(self) -> TextureBank:
        from anchorpose.learn.synthesis.textures import read_bank

        config = self.config
        photos: tuple[Background, ...] = ()
        if config.textures is not None:
            photos = read_backgrounds(config.textures, config.split, config.texture_licenses)
        return read_bank([photo.path for photo in photos], self.seed)

    @cached_property
    def wardrobe(self) -> Wardrobe:
        from anchorpose.learn.synthesis.garments import make_wardrobe

        return make_wardrobe(self.body)

    @cached_property
    def _zones(self) -> np.ndarray:
        """Zones of the points that stand for a person."""
        zones = np.zeros(len(self.body.regions), np.int64)
        for number, names in enumerate(_ZONE_REGIONS):
            zones[[k for k, name in enumerate(self.body.regions) if name.endswith(names)]] = number
        return zones[self.body.vertex_regions[::_STEP]]

    @cached_property
    def renderer(self) -> SceneRenderer:
        from anchorpose.learn.synthesis.renderers import open_renderer

        return open_renderer(*self.config.shape, self.bank)

    # -- the steps of a sample

    def _cast(self, rng: np.random.Generator) -> _Cast:
        count = int(rng.integers(self.config.people[0], self.config.people[1] + 1))
        characters = tuple(draw_character(self.body, self.pool, self.hands, rng, self._people) for _ in range(count))
        posed = tuple(loops().pose(self.body, c.shaped, c.rotations[None], np.zeros((1, 3))) for c in characters)
        grounded = np.array(
            [[0, c.lift - p.vertices[0, :, 1].min(), 0] for p, c in zip(posed, characters, strict=True)]
        )
        clouds = [p.vertices[0, ::_STEP] + place for p, place in zip(posed, grounded, strict=True)]
        places = place_people(clouds, rng, self._scenes)
        clouds = [cloud + place for cloud, place in zip(clouds, places, strict=True)]
        return _Cast(characters, posed, grounded + places, clouds)

    def _render(
        self, cast: _Cast, view: View, rng: np.random.Generator, looks: np.random.Generator
    ) -> tuple[Rendered, list[np.ndarray], Background | None]:
        from anchorpose.learn.synthesis.garments import dress
        from anchorpose.learn.synthesis.gl.scene import GLScene, Ground
        from anchorpose.learn.synthesis.looks import random_lights, random_look

        vertices = [view.at(p).from_world(b.vertices[0]) for b, p in zip(cast.posed, cast.places, strict=True)]
        hidden = rng.random() < self.config.occluded
        meshes: list[Mesh] = []
        if hidden:
            meshes += draw_occluders(cast.clouds, view, rng, len(self.bank.layers))
        background, photo = self._background(looks)
        for number, (character, points) in enumerate(zip(cast.characters, vertices, strict=True)):
            look = random_look(looks, self.bank, child=character.years < 13, female=character.female)
            meshes += dress(self.wardrobe, look, points, number + 1, camera=view.camera)
        up = _vector(view.up)
        lights = random_lights(looks, up=up, background=background)
        ground = Ground(_vector(view.translation), up, float(looks.uniform(0.25, 0.7)))
        scene = GLScene(view.camera, tuple(meshes), lights, background, ground)
        return self.renderer.render(scene), vertices, photo

    def _background(self, rng: np.random.Generator) -> tuple[np.ndarray, Background | None]:
        """A photo or a wall; photos that cannot be read are passed over."""
        for _ in range(20):
            try:
                return draw_background(self.photos, *self.config.shape, rng, self.config.plain)
            except FileError:
                continue
        return draw_background((), *self.config.shape, rng)

    def _labels(
        self, cast: _Cast, view: View, vertices: list[np.ndarray], rendered: Rendered
    ) -> list[SamplePerson | None]:
        seen = Seen(rendered.depth, rendered.parts, rendered.instances)
        out = []
        for number, (character, posed, place) in enumerate(zip(cast.characters, cast.posed, cast.places, strict=True)):
            joints = gather_points(body_points(self.body, posed))[0].astype(float)
            joints = view.at(place).from_world(joints)
            about = _about(character, place, view)
            out.append(label_person(self.body, joints, vertices[number], view.camera, seen, number, about))
        return out


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _about(character: Character, root: np.ndarray, view: View) -> dict[str, Any]:
    """The attributes of a person with its root at a place: with them and the camera the body can be posed again."""
    return {
        **character.about,
        "shape": character.shape.astype(float).round(5),
        "actions": character.actions.astype(float).round(4),
        "rotations_quat_xyzw": matrix_to_quat_xyzw(character.rotations).round(6),
        "root_world": root.round(5),
        "root_camera": view.from_world(root).round(5),
    }


def _sample(
    image: np.ndarray,
    people: list[SamplePerson | None],
    view: View,
    rendered: Rendered,
    about: dict[str, Any],
    maps: bool,
) -> Sample:
    """The sample of those people who are in the picture, numbered anew."""
    shown = [i for i, person in enumerate(people) if person is not None]
    numbers = np.zeros(256, np.uint8)
    numbers[[i + 1 for i in shown]] = np.arange(1, len(shown) + 1)
    kept = {}
    if maps:
        kept = {"parts": rendered.parts, "instances": numbers[rendered.instances], "depth": rendered.depth}
    return Sample(image, tuple(p for p in people if p is not None), view.camera, kept, about)
