"""What the commands of the command line do, for those that take more than a few lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from anchorpose.files.results import ResultsWriter, partial_name, read_results
from anchorpose.poses.errors import AnchorposeError, InputError
from anchorpose.poses.values import Frame, People, Person, Pose

if TYPE_CHECKING:
    from anchorpose.cli.options import Lift, Run
    from anchorpose.files.keypoints import KeypointFrame
    from anchorpose.files.sources import Source
    from anchorpose.files.video_writer import VideoWriter
    from anchorpose.sense.lift import Lifter
    from anchorpose.sense.pipeline import Model, Optics

_FIGURE_SIZE = (1440, 540)


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def run_sources(run: Run) -> int:
    """`anchorpose run`: every source, one after the other; a broken one is reported and the others go on."""
    from anchorpose.sense.pipeline import load

    if not run.sources:
        raise InputError("run needs a source: a photo, a folder, a video or the number of a camera")
    model = load(
        run.model, quality=run.quality, fov=run.fov, focal=run.focal, camera=run.camera, height=run.height,
        threads=run.threads,
    )  # fmt: skip
    failed = 0
    names: set[str] = set()
    for source in run.sources:
        try:
            _run_source(source, model, run, names)
        except AnchorposeError as error:
            if len(run.sources) == 1:
                raise
            _say(f"anchorpose: {error}")
            failed += 1
    return 2 if failed else 0


def result_name(source: Source, taken: set[str]) -> str:
    """Results are named after the source: without its suffix, unless another source of this run has that name."""
    plain = source.name if source.kind in ("folder", "camera") else Path(source.name).stem
    return _free_name(plain, source.name, taken)


def _free_name(plain: str, full: str, taken: set[str]) -> str:
    """`plain`, else `full`, else `full` with a number; it is taken from then on."""
    name, count = (plain if plain not in taken else full), 2
    while name in taken:
        name, count = f"{full}-{count}", count + 1
    taken.add(name)
    return name


def _run_source(given: str, model: Model, run: Run, names: set[str]) -> None:
    from anchorpose.files.sources import open_source

    with ExitStack() as stack:
        source = stack.enter_context(
            open_source(given, model.optics.camera, every=run.every, warn=lambda line: _say(f"anchorpose: {line}"))
        )
        name = result_name(source, names)
        stored = _Stored(run.out / f"{name}.jsonl", run.resume)
        writer = stack.enter_context(ResultsWriter(stored.path, run.resume)) if "json" in run.save else None
        stack.callback(stored.close)  # before the writer moves the file that is read
        pictures = [stack.enter_context(p) for p in _picture_writers(run, source, name)]
        track = run.track and source.kind in ("video", "camera")
        identities = _Identities(stored.last_id) if track else None
        people_seen = frames = 0
        bar = stack.enter_context(_progress(source, name))
        for frame in source:
            people = stored.find(frame)
            if people is None:
                people = model.sense(frame)
                people = identities.give(people, frame) if identities else people
                if writer:
                    writer.write(people)
            elif identities:
                identities.take(people, frame)
            for picture in pictures:
                picture.add(frame, people)
            frames += 1
            people_seen += len(people)
            bar.set_postfix(people=len(people), refresh=False)
            bar.update()
        errors = len(source.errors)
    written = [str(stored.path)] if writer else []
    written += [line for picture in pictures for line in picture.written]
    if source.kind == "photo" and errors and not frames:
        raise InputError(source.errors[0])
    trouble = f", {errors} could not be read" if errors else ""
    _say(f"{given}: {frames} frames, {people_seen / max(frames, 1):.1f} people a frame{trouble}")
    for line in written:
        print(line)


def _progress(source: Source, name: str) -> tqdm:
    quiet = source.kind == "photo"
    return tqdm(total=source.total, unit="frame", desc=name, disable=quiet, file=sys.stderr)


class _Stored:
    """Frames that an earlier run has finished, found again as the source is read again."""

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        partial = partial_name(path)
        self._where = partial if partial.exists() else path
        self._lines: Iterator[People] = iter(())
        there = resume and self._where.exists()
        self._done: set[tuple[str, int]] = set()
        self.last_id = 0
        for people in read_results(self._where) if there else ():
            self._done.add((people.source, people.frame))
            self.last_id = max(self.last_id, *(person.id or 0 for person in people), 0)

    def find(self, frame: Frame) -> People | None:
        """The finished frame, if there is one.

        Lines are in the order of the source, unless runs took different frames of it: then they are read again from
        the start.
        """
        wanted = (frame.source, frame.index)
        if wanted not in self._done:
            return None
        for _ in range(2):
            for people in self._lines:
                if (people.source, people.frame) == wanted:
                    return people
            self._lines = read_results(self._where)
        return None

    def close(self) -> None:
        """Let go of the file."""
        self._lines = iter(())


class _Identities:
    """Ids of the people of one source that go on with those that an earlier run has written.

    The tracker sees all frames, the finished ones too; what it calls the people there is what they are called already.
    """

    def __init__(self, last_id: int) -> None:
        from anchorpose.sense.track import Tracker

        self._tracker = Tracker()
        self._written: dict[int, int] = {}
        self._last_id = last_id

    def give(self, people: People, frame: Frame) -> People:
        """People of a new frame with ids."""
        tracked = self._tracker.update(people, frame.image)
        return replace(tracked, persons=tuple(replace(p, id=self._name(p.id)) for p in tracked))

    def take(self, people: People, frame: Frame) -> None:
        """Learn from a finished frame."""
        for new, old in zip(self._tracker.update(people, frame.image), people, strict=True):
            if new.id is not None and old.id is not None:
                self._written.setdefault(new.id, old.id)

    def _name(self, id: int | None) -> int | None:
        if id is None:
            return None
        if id not in self._written:
            self._last_id = self._written[id] = self._last_id + 1
        return self._written[id]


class _Pictures:
    """Pictures of one source: image files for photos, a video for videos and cameras."""

    def __init__(self, folder: Path, name: str, source: Source, kind: str) -> None:
        self.folder, self.name, self.source, self.kind = folder, name, source, kind
        self.written: list[str] = []
        self._video: ExitStack | None = None
        self._writer: VideoWriter | None = None
        self._pair: tuple[np.ndarray, People] | None = None
        self._figures: Iterator[np.ndarray] | None = None
        self._start: float | None = None

    def __enter__(self) -> _Pictures:
        return self

    def __exit__(self, *what: object) -> None:
        if self._video:
            self._video.__exit__(*what)  # type: ignore[arg-type]

    def add(self, frame: Frame, people: People) -> None:
        """Draw and write one frame."""
        picture = self._draw(frame, people)
        if self.source.kind in ("photo", "folder"):
            from anchorpose.files.images import write_image

            stem = self.name if self.source.kind == "photo" else Path(frame.source).name
            base = self.folder if self.source.kind == "photo" else self.folder / self.name
            path = base / f"{stem}.{'overlay.jpg' if self.kind == 'video' else 'figure.png'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture)
            if len(self.written) < 5:
                self.written.append(str(path))
            return
        self._to_video(picture, frame.time)

    def _draw(self, frame: Frame, people: People) -> np.ndarray:
        if self.kind == "video":
            from anchorpose.share.drawing import draw_people

            return draw_people(frame.image, people)
        if self.source.kind in ("photo", "folder"):
            from anchorpose.share.figures import figure3d

            return figure3d(people, frame.image, size=_FIGURE_SIZE)
        return self._steady(frame, people)

    def _steady(self, frame: Frame, people: People) -> np.ndarray:
        """The next picture of a video whose views do not jump."""
        from anchorpose.share.figures import figure_frames

        self._pair = (frame.image, people)
        if self._figures is None:
            self._figures = figure_frames(self._feed())
        return next(self._figures)

    def _feed(self) -> Iterator[tuple[np.ndarray, People]]:
        while self._pair is not None:
            yield self._pair

    def _to_video(self, picture: np.ndarray, time: float) -> None:
        from anchorpose.files.video_writer import VideoWriter

        if self._writer is None:
            self._video = ExitStack()
            path = self.folder / f"{self.name}.{'overlay' if self.kind == 'video' else 'figure'}.mp4"
            size = (picture.shape[1], picture.shape[0])
            self._writer = self._video.enter_context(VideoWriter(path, self.source.fps or Fraction(25), size))
            self.written.append(str(path))
            self._start = time
        self._writer.write(picture, time - (self._start or 0.0))


def _picture_writers(run: Run, source: Source, name: str) -> list[_Pictures]:
    return [_Pictures(run.out, name, source, kind) for kind in ("video", "figure") if kind in run.save]


def lift_files(lift: Lift) -> int:
    """`anchorpose lift`: 2D keypoints of other programs to the output contract, one file each."""
    from anchorpose.files.keypoints import read_keypoints
    from anchorpose.sense.lift import Lifter
    from anchorpose.sense.pipeline import Optics

    if not lift.files:
        raise InputError("lift needs a file of 2D keypoints")
    optics = Optics(lift.camera, lift.focal, lift.fov)
    lifter = Lifter(flip=True, height=lift.height)
    names: set[str] = set()
    for path in lift.files:
        target = lift.out / f"{_free_name(path.name if path.is_dir() else path.stem, path.name, names)}.jsonl"
        if target.resolve() == path.resolve():
            target = lift.out / f"{path.stem}.lifted.jsonl"
        count = people_count = 0
        figure: Path | None = None
        frames = read_keypoints(path, lift.skeleton)
        with ResultsWriter(target) as writer:
            for frame in tqdm(frames, desc=path.name, unit="frame", file=sys.stderr):
                people = _lift_frame(frame, lifter, optics, lift.size)
                writer.write(people)
                count, people_count = count + 1, people_count + len(people)
                if lift.figure and figure is None and len(people):
                    figure = _write_figure(people, target.with_suffix(".figure.png"))
        _say(f"{path}: {count} frames, {people_count} people")
        print(target)
        if figure:
            print(figure)
    return 0


def _lift_frame(frame: KeypointFrame, lifter: Lifter, optics: Optics, size: tuple[int, int] | None) -> People:
    chosen = frame.size or size
    if chosen is None:
        raise InputError(
            f"{frame.source}: the file does not tell how large its pictures are, and 3D needs it: --size WIDTH HEIGHT"
        )
    width, height = chosen
    given = optics.file or optics.focal or optics.fov
    camera = frame.camera if frame.camera is not None and not given else optics.camera(width, height)
    poses = [
        Pose(frame.skeleton.name, s, b, j, c)
        for j, c, b, s in zip(frame.joints2d, frame.scores, frame.boxes, frame.person_scores, strict=True)
    ]
    bodies = lifter(poses, camera)
    persons = tuple(Person.from_body(body, id) for body, id in zip(bodies, frame.ids, strict=True))
    return People(persons, frame.source, frame.index, frame.time or 0.0, width, height, camera)


def _write_figure(people: People, path: Path) -> Path:
    from anchorpose.files.images import write_image
    from anchorpose.share.figures import figure3d

    write_image(path, figure3d(people, size=(1000, 540)))
    return path
