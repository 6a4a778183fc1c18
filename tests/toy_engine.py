"""A tiny engine, at the top of a module of its own so that other processes can import it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.samples import Part, Sample, SamplePerson
from anchorpose.poses.skeletons import BODY13


@dataclass(frozen=True)
class ToyConfig:
    """`broken`, `bugs`: indices of samples that fail; `die_at`: index at which the process dies;
    `note`: a file that has to be there."""

    size: tuple[int, int] = (48, 40)
    broken: tuple[int, ...] = ()
    bugs: tuple[int, ...] = ()
    die_at: int = -1
    note: str = ""


class ToyEngine:
    """Noise with a random stick figure on it; TOY_PAUSE in the environment: seconds that each takes."""

    def __init__(self, config: ToyConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        if config.note and Path(config.note).read_text() != "a note":
            raise InputError("another note")

    def sample(self, index: int) -> Sample:
        if index in self.config.broken:
            raise InputError(f"the toy is broken at {index}")
        if index in self.config.bugs:
            raise ZeroDivisionError("a bug in the toy")
        if index == self.config.die_at:
            os._exit(7)
        time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
        return toy_sample(self.config.size, np.random.default_rng([self.seed, index]), {"index": index})

    def samples(self, indices: Iterable[int]) -> Iterator[Sample]:
        for index in indices:
            yield self.sample(index)


def toy_sample(size: tuple[int, int], rng: np.random.Generator, attributes: dict) -> Sample:
    """A person with a body, of which some joints are hidden and one is outside."""
    width, height = size
    camera = Camera.from_fov(width, height)
    joints3d = rng.uniform(-0.5, 0.5, (13, 3)) + (0, 0, 3)
    joints2d = camera.project(joints3d)
    visible = rng.integers(1, 3, 13)
    outside = BODY13.index("l_ankle")
    joints2d[outside], visible[outside] = (-20, 5), 0
    joints3d[BODY13.index("head")] = np.nan
    box = np.clip([*joints2d.min(0), *joints2d.max(0)], 0, [width - 1, height - 1, width - 1, height - 1])
    person = SamplePerson(box, {"body": Part("body13", joints2d, joints3d, visible)}, 1 / 13, 0.5, {"clip": "toy"})
    image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    instances = np.zeros((height, width), np.uint8)
    instances[5:9, 4:8] = 1
    depth = np.where(instances, np.float32(2.5), np.float32(np.inf)).astype(np.float32)
    maps = {"parts": instances * 3, "instances": instances, "depth": depth}
    return Sample(image, (person,), camera, maps, {"engine": "toy", **attributes})
