"""Rendered clips: one person of the motion capture who moves before a camera that stands still, with the exact truth.

    python -m anchorpose.learn.synthesis.clips --motions CORPUS.npz --split val --count 24 --out FOLDER

Body, look, light, background and camera stay the same throughout a clip. In a third of the clips a thing or the border
of the picture hides a part for a while. Clip `i` is a function of (config, seed, i) alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anchorpose.learn.synthesis.clip_motion import Performance, perform
from anchorpose.learn.synthesis.clip_view import cut_view, hiding_things
from anchorpose.learn.synthesis.labels import Seen, body_scale, gather_points, person_box, visibility
from anchorpose.learn.synthesis.rendered import RenderConfig, RenderedEngine
from anchorpose.learn.synthesis.scenes import SceneRange, View, draw_view
from anchorpose.learn.synthesis.sensor import SensorRange, expose
from anchorpose.measure.clip_set import TRUTH, VIDEO, ClipTruth
from anchorpose.measure.sequence_views import sound_parts
from anchorpose.poses.body_points import body_points
from anchorpose.poses.errors import InputError

if TYPE_CHECKING:
    from anchorpose.files.motions import MotionCorpus
    from anchorpose.learn.synthesis.gl.scene import GLScene, Mesh

KINDS = ("free", "free", "thing", "free", "free", "edge")
"""What clips are of, in turn: a person in full view, behind a thing for a while, cut by the border for a while."""

_LOOKS, _SENSOR = 1, 2  # of the generators, as of the rendered engine
_STEP, _EVERY = 61, 6  # so many vertices and frames make the points that stand for a performance
_QUALITY = 18  # of the video


@dataclass(frozen=True)
class ClipConfig:
    """What to render.

    Attributes:
        motions: file of a motion corpus. split: "train" or "val", of motions, backgrounds and textures.
        subjects: only motions of these; None for all of the split.
        size: width, height [px]. fov: of the longer side [degrees].
        frames: shortest and longest clip; the corpus has 30 a second.
        backgrounds, textures, texture_licenses, hands: as of the rendered engine.
    """

    motions: str
    split: str = "val"
    subjects: tuple[str, ...] | None = None
    size: tuple[int, int] = (480, 360)
    fov: tuple[float, float] = (40.0, 70.0)
    frames: tuple[int, int] = (110, 180)
    backgrounds: str | None = None
    textures: str | None = None
    texture_licenses: tuple[int, ...] | None = None
    hands: str | None = None

    def __post_init__(self) -> None:
        if not 3 <= self.frames[0] <= self.frames[1]:
            raise InputError(f"frames are (fewest, most), 3 at least, not {self.frames}")

    @property
    def render(self) -> RenderConfig:
        """The same for the rendered engine."""
        return RenderConfig(
            size=self.size, motions=self.motions, split=self.split, backgrounds=self.backgrounds,
            textures=self.textures, texture_licenses=self.texture_licenses, hands=self.hands, fov=self.fov,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Stage:
    """What does not change in a clip: its view, and the scene without the person; and how the person is dressed."""

    view: View
    scene: GLScene
    look: Any


class ClipEngine:
    """Makes rendered clips.

    Args:
        config: what to render. seed: of the set.

    Raises:
        FileError, FormatError: something the config names is missing or broken. InputError: no motion is long enough.
    """

    def __init__(self, config: ClipConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self.engine = RenderedEngine(config.render, seed)
        self.corpus = _of_subjects(self.engine.pool.corpus, config.subjects)
        self.parts = _in_turn(self.corpus, sound_parts(self.corpus, config.frames[1], config.frames[0]), seed)
        if not self.parts:
            raise InputError(f"no motion of the split {config.split} has {config.frames[0]} sound frames in a row")

    def save(self, index: int, folder: Path) -> ClipTruth:
        """Render clip `index` into a folder; the truth is written last, so that a clip with it is finished."""
        from anchorpose.files.video import VideoWriter

        rng = np.random.default_rng([self.seed, index])
        frames = self.parts[index % len(self.parts)]
        kind = KINDS[index % len(KINDS)]
        cast = perform(self.engine.body, self.engine.hands, self.corpus, frames, rng)
        stage = self._stage(cast, kind, rng, np.random.default_rng([self.seed, index, _LOOKS]))
        sensor = np.random.default_rng([self.seed, index, _SENSOR])
        ranges = steady_sensor(sensor)
        fps = self.corpus.clips[self.corpus.clip[frames[0]]].fps
        rows = []
        folder.mkdir(parents=True, exist_ok=True)
        with VideoWriter(folder / VIDEO, fps, self.config.size, _QUALITY) as video:
            for image, row in self._frames(cast, stage):
                video.write(expose(image, sensor, ranges))
                rows.append(row)
        joints3d, joints2d, visible, boxes = (np.stack(column) for column in zip(*rows, strict=True))
        about = {**cast.about, "kind": kind, "seed": self.seed, "index": index, "split": self.config.split}
        truth = ClipTruth(
            np.arange(len(frames)) / fps, joints3d.astype(float), joints2d, visible, boxes, stage.view.camera, about
        )
        truth.save(folder / TRUTH)
        return truth

    def _stage(self, cast: Performance, kind: str, rng: np.random.Generator, looks: np.random.Generator) -> _Stage:
        from anchorpose.learn.synthesis.backgrounds import draw_background
        from anchorpose.learn.synthesis.gl.scene import GLScene, Ground
        from anchorpose.learn.synthesis.looks import random_lights, random_look

        cloud = cast.posed.vertices[::_EVERY, ::_STEP].reshape(-1, 3).astype(float)
        ranges = SceneRange(fov=self.config.fov, whole=(0.75, 0.98), truncated=0.0, tilted=0.0, roll=2.0)
        view, _ = draw_view([cloud], self.config.size, rng, ranges)
        joints = body_points(self.engine.body, cast.posed)["body13"].astype(float)
        if kind == "edge":
            view = cut_view(view, joints)
        things: tuple[Mesh, ...] = ()
        if kind == "thing":
            things = hiding_things(cloud, joints, view, rng, len(self.engine.bank.layers))
        background, _ = draw_background(self.engine.photos, *self.config.size, looks, 0.05)
        look = random_look(looks, self.engine.bank, female=cast.female)
        up = view.up
        at = (float(up[0]), float(up[1]), float(up[2]))
        foot = view.translation
        ground = Ground((float(foot[0]), float(foot[1]), float(foot[2])), at, float(looks.uniform(0.25, 0.7)))
        lights = random_lights(looks, up=at, background=background)
        return _Stage(view, GLScene(view.camera, things, lights, background, ground), look)

    def _frames(self, cast: Performance, stage: _Stage) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, ...]]]:
        """Pictures, and of each frame joints (13, 3), (13, 2), visibility (13,) and box (4,)."""
        from anchorpose.learn.synthesis.garments import dress

        body, view = self.engine.body, stage.view
        points = gather_points(body_points(body, cast.posed))
        for t, vertices in enumerate(cast.posed.vertices):
            here = view.from_world(vertices)
            person = dress(self.engine.wardrobe, stage.look, here, 1, camera=view.camera)
            rendered = self.engine.renderer.render(replace(stage.scene, meshes=stage.scene.meshes + tuple(person)))
            joints = view.from_world(points[t].astype(float))
            joints2d = view.camera.project(joints)
            seen = Seen(rendered.depth, rendered.parts, rendered.instances)
            visible = visibility(body, joints2d, joints, seen, 0, body_scale(joints[:13]))[:13]
            yield rendered.image, (joints[:13], joints2d[:13], visible, person_box(here, view.camera))


def _of_subjects(corpus: MotionCorpus, subjects: tuple[str, ...] | None) -> MotionCorpus:
    if subjects is None:
        return corpus
    wanted = np.array([clip.subject in subjects for clip in corpus.clips])[corpus.clip]
    if not wanted.any():
        raise InputError(f"no motion of the split is of {', '.join(subjects)}")
    return corpus.subset(wanted)


def _in_turn(corpus: MotionCorpus, parts: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Parts in random order, the subjects in turn, so that the first few show as many as there are."""
    shuffled = [parts[i] for i in np.random.default_rng(seed).permutation(len(parts))]
    turn: dict[str, int] = {}
    order = []
    for number, part in enumerate(shuffled):
        subject = corpus.clips[corpus.clip[part[0]]].subject
        turn[subject] = turn.get(subject, -1) + 1
        order.append((turn[subject], number))
    return [shuffled[number] for _, number in sorted(order)]


def steady_sensor(rng: np.random.Generator) -> SensorRange:
    """A camera's settings for a whole clip: grain changes from frame to frame, all else stays."""
    wide = SensorRange()

    def fixed(pair: tuple[float, float]) -> tuple[float, float]:
        value = float(rng.uniform(*pair))
        return value, value

    gamma, gain, saturation = fixed(wide.gamma), fixed(wide.gain), fixed(wide.saturation)
    noise, shrink, defocus = fixed((0.5, 4.0)), fixed((0.6, 0.95)), fixed(wide.defocus)
    soft, defocused = rng.random(2)
    return replace(
        wide, gamma=gamma, gain=gain, saturation=saturation, noise=noise, shrink=shrink, defocus=defocus, balance=0.0,
        soft_share=float(soft < wide.soft_share), defocus_share=float(defocused < wide.defocus_share),
        motion_share=0.0, jpeg_share=0.0, grey_share=0.0,
    )  # fmt: skip


def make_clips(config: ClipConfig, seed: int, count: int, out: Path) -> Iterator[Path]:
    """Clips 0 to `count` in folders of `out`; those that are finished are left as they are. Gives their folders.

    Raises:
        InputError: `out` holds clips of another config or seed.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({"seed": seed, "config": _described(config)}, indent=1) + "\n"
    note = out / "clips.json"
    if note.is_file() and note.read_text() != wanted:
        raise InputError(f"{note} tells of another config or seed; give another folder")
    note.write_text(wanted)
    engine: ClipEngine | None = None
    for index in range(count):
        folder = out / f"clip_{index:03d}"
        if not (folder / TRUTH).is_file():
            engine = engine or ClipEngine(config, seed)
            engine.save(index, folder)
        yield folder


def _described(config: ClipConfig) -> dict[str, Any]:
    """The config with the content of the motions in place of the name of their file, and no folders."""
    values = asdict(config)
    values["motions"] = hashlib.sha256(Path(config.motions).read_bytes()).hexdigest()[:16]
    for name in ("backgrounds", "textures", "hands"):
        values[name] = None if values[name] is None else Path(values[name]).name
    return values


def main(
    out: Path,
    motions: Path | None = None,
    split: str = "val",
    subjects: tuple[str, ...] | None = None,
    count: int = 24,
    seed: int = 0,
    size: tuple[int, int] = (480, 360),
    backgrounds: Path | None = None,
    textures: Path | None = None,
    texture_licenses: tuple[int, ...] | None = None,
    hands: Path | None = None,
) -> None:
    """Render clips.

    Args:
        out: folder for the clips; what is finished in it stays.
        motions: file of a motion corpus; by default that of mocap/ of the data root.
        split: of motions, backgrounds and textures: train or val.
        subjects: only motions of these subjects.
        count: clips. seed: of the set. size: width and height [px].
        backgrounds, textures: folders of photos; none for plain walls and patterns.
        texture_licenses: use only textures with one of these licence ids of the folder's list.
        hands: file of recorded hand poses.
    """
    from tqdm import tqdm

    from anchorpose.files.datasets import dataset_path
    from anchorpose.files.motions import motions_file, read_motions

    if motions is None:
        root = dataset_path("mocap")
        read_motions(root)  # makes the file if there is none
        motions = motions_file(root)
    given = {"backgrounds": backgrounds, "textures": textures, "hands": hands}
    config = ClipConfig(
        str(motions), split, subjects, size, texture_licenses=texture_licenses,
        **{name: None if path is None else str(path) for name, path in given.items()},  # type: ignore[arg-type]
    )  # fmt: skip
    for _ in tqdm(make_clips(config, seed, count, out), total=count, unit="clip"):
        pass


if __name__ == "__main__":
    from anchorpose.measure.report import run_command

    run_command(main)
