"""The mosaic engine: samples by number, each a function of the configuration, the seed and its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import numpy as np
from PIL import Image

from anchorpose.files.labels import read_labels
from anchorpose.learn.synthesis.backgrounds import SPLITS, draw_background, read_backgrounds
from anchorpose.learn.synthesis.mosaic.config import MosaicConfig as MosaicConfig
from anchorpose.learn.synthesis.mosaic.cutout import refined_mask
from anchorpose.learn.synthesis.mosaic.mosaic import Mosaic, Workshop
from anchorpose.learn.synthesis.mosaic.queries import Query, balanced_chances, body_box, draw_query, load_corpus
from anchorpose.learn.synthesis.mosaic.scenes import Layer, compose, cut_out, draw_place, draw_stage, make_layer
from anchorpose.learn.synthesis.mosaic.sources import collect_sources
from anchorpose.learn.synthesis.mosaic.visibility import joint_visibility
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.samples import HIDDEN, UNLABELLED, Part, Sample, SamplePerson
from anchorpose.poses.skeletons import BODY13, COCO17, convert
from anchorpose.poses.transforms import torso_centre

_TRIES = 20
_DRAWS = 4  # queries for one portrait
_WALLS = 0.05  # share of plain walls among backgrounds


class MosaicEngine:
    """Makes labelled images of people from photos with 2D poses and motion capture.

    Args:
        config: what from and how. seed: of all draws.

    Raises:
        InputError: too few usable people in the labels, motion capture without frames or with joints missing.
        FileError, FormatError: a file of labels or the motion capture cannot be read.
    """

    def __init__(self, config: MosaicConfig, seed: int = 0) -> None:
        self.config, self.seed = config, seed
        sets = [read_labels(f, d) for f, d in zip(config.label_files, config.image_folders, strict=True)]
        sources = collect_sources(sets, least_joints=config.least_joints, least_size=config.least_size)
        self.workshop = Workshop(sources, config)
        self.corpus = load_corpus(config.corpus, config.split)
        self.chances = balanced_chances(self.corpus)
        split = config.split if config.split in SPLITS else None
        self.backgrounds = read_backgrounds(config.backgrounds, split, config.licenses) if config.backgrounds else ()
        self.found: dict[str, None] = {}  # backgrounds that could not be read

    @property
    def problems(self) -> tuple[str, ...]:
        """Photos that are missing, or that could not be read so far; they are skipped."""
        return (*self.workshop.sources.problems, *self.workshop.problems.values(), *self.found)

    def samples(self, indices: Iterable[int]) -> Iterator[Sample]:
        """The samples of these numbers, one after the other."""
        for index in indices:
            yield self.sample(index)

    def sample(self, index: int) -> Sample:
        """Sample number `index`."""
        rng = self._rng(index)
        background = None
        if self.config.people == (1, 1) and not self.backgrounds:
            mosaic = self._portrait(rng)
            people = [mosaic.query]
            image, used = mosaic.image, [self.workshop.describe(mosaic)]
            instances = _instance(mosaic)
        else:
            people, layers = self._layers(rng)
            behind, background = self._background(rng, people)
            image, instances = compose(behind, layers)
            used = [layer.used for layer in layers]
        labelled = label_people(people, instances, used)
        attributes = {
            "engine": "mosaic", "index": index, "seed": self.seed, "background": background,
            "config": asdict(self.config),
        }  # fmt: skip
        return Sample(image, labelled, people[0].camera, {"instances": instances}, attributes)

    def stages(self, index: int) -> Mosaic:
        """The mosaic of a sample with one person on its own surroundings, with the stages it went through.

        Raises:
            InputError: samples of this engine are scenes.
        """
        if self.config.people != (1, 1):
            raise InputError(f"stages are kept of one person; samples have {self.config.people} people")
        return self._portrait(self._rng(index))

    def _rng(self, index: int) -> np.random.Generator:
        if index < 0:
            raise InputError(f"samples are numbered from 0, not {index}")
        return np.random.default_rng([self.seed, index])

    def _portrait(self, rng: np.random.Generator) -> Mosaic:
        """A single person who fills the picture: the first whose sources are like it, else the best of a few."""
        config = self.config
        made = []
        for _ in range(_DRAWS):
            query = draw_query(self.corpus, self.chances, rng, config.shape, config.truncated)
            made.append(self.workshop.make(query))
            if made[-1].mismatch <= config.max_mismatch:
                return made[-1]
        return min(made, key=lambda mosaic: mosaic.mismatch)

    def _layers(self, rng: np.random.Generator) -> tuple[list[Query], list[Layer]]:
        """The people of a scene and their cut-out mosaics, the farthest first."""
        config = self.config
        if config.people == (1, 1):
            mosaic = self._portrait(rng)
            return [mosaic.query], [cut_out(self.workshop, mosaic)]
        for _ in range(_TRIES):
            count = int(rng.integers(config.people[0], config.people[1] + 1))
            cast = self._cast(rng, count)
            if len(cast) >= config.people[0]:
                cast.sort(key=lambda pair: -float(torso_centre(pair[0].joints3d)[2]))
                return [person for person, _ in cast], [layer for _, layer in cast]
        raise InputError(f"no place for {count} people in a picture of {config.shape[0]}x{config.shape[1]}")

    def _cast(self, rng: np.random.Generator, count: int) -> list[tuple[Query, Layer]]:
        """People of a scene, at most `count`, each the first whose sources are like it, else the best of a few."""
        stage = draw_stage(rng, self.config.shape, self.config.fov)
        cast: list[tuple[Query, Layer]] = []
        for _ in range(count):
            found: list[tuple[Query, Layer]] = []
            while len(found) < _DRAWS and not (found and found[-1][1].mismatch <= self.config.max_mismatch):
                person = draw_place(stage, self.corpus, self.chances, rng, [other for other, _ in cast])
                if person is None:
                    break
                found.append((person, make_layer(self.workshop, person)))
            if found:
                cast.append(min(found, key=lambda pair: pair[1].mismatch))
        return cast

    def _background(self, rng: np.random.Generator, people: Sequence[Query]) -> tuple[np.ndarray, str | None]:
        """What stands behind the people, and the name of the photo it is from."""
        if not self.backgrounds:
            return self._surroundings(people[-1]), None
        for _ in range(_TRIES):
            try:
                image, photo = draw_background(self.backgrounds, *self.config.shape, rng, _WALLS)
            except FileError as error:
                problem = str(error)
                self.found[problem] = None
            else:
                return image, photo.name if photo else None
        raise FileError(f"{_TRIES} backgrounds in turn cannot be read; the last: {problem}")

    def _surroundings(self, person: Query) -> np.ndarray:
        """The whole picture's mosaic for one person, at most 256 px large when it is made."""
        camera = person.camera
        scale = min(1.0, 256 / max(camera.width, camera.height))
        small = (round(camera.width * scale), round(camera.height * scale))
        image = self.workshop.make(person.cropped(camera.resized(*small))).image
        return np.asarray(Image.fromarray(image).resize((camera.width, camera.height), Image.Resampling.BICUBIC))


def _instance(mosaic: Mosaic) -> np.ndarray:
    return (refined_mask(mosaic.image, mosaic.chart, mosaic.winners) > 0.5).astype(np.uint8)


def label_people(
    people: Sequence[Query], instances: np.ndarray, used: Sequence[dict[str, object]]
) -> tuple[SamplePerson, ...]:
    """Labels of people, the farthest first, as the instance map shows them.

    A joint is hidden behind a limb by the capsules around the bones, and behind another person also by the map.
    """
    camera = people[0].camera
    visibility = joint_visibility([person.joints3d for person in people], camera)
    out = []
    for number, (person, visible, photos) in enumerate(zip(people, visibility, used, strict=True), 1):
        pixels = person.joints2d
        inside = visible != UNLABELLED
        column, row = np.clip(np.round(np.nan_to_num(pixels)).astype(int), 0, (camera.width - 1, camera.height - 1)).T
        behind = inside & (instances[row, column] > number)
        visible = np.where(behind, HIDDEN, visible).astype(np.uint8)
        box = np.clip(body_box(person.joints3d, camera), 0, np.tile((camera.width - 1, camera.height - 1), 2))
        body = Part("body13", pixels, person.joints3d, visible)
        out.append(SamplePerson(
            box, {"body": body, "coco": coco_part(body)}, float(1 - inside.mean()),
            float((visible == HIDDEN).mean()), {**person.attributes, **photos},
        ))  # fmt: skip
    return tuple(out)


def coco_part(body: Part) -> Part:
    """COCO's joints, as far as BODY13 has them: nothing is known of eyes, ears and nose in a mosaic."""
    joints2d, visible = convert(body.joints2d, BODY13, COCO17, body.visible)
    joints3d, _ = convert(body.joints3d, BODY13, COCO17)
    return Part("coco17", joints2d, joints3d, visible)
