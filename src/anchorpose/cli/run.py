"""What `anchorpose run` does: people in each frame of a source, and for videos a second pass over their motion."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tqdm import tqdm

from anchorpose.cli.first_pass import FirstPass
from anchorpose.cli.names import result_name, say, warn
from anchorpose.cli.pictures import picture_writers
from anchorpose.cli.products import LINES, MOTIONS, ONLY_MOTIONS, write_from_lines
from anchorpose.cli.resume import Identities, Stored
from anchorpose.files.results import ResultsWriter
from anchorpose.poses.errors import AnchorposeError, InputError

if TYPE_CHECKING:
    from anchorpose.cli.options import Run
    from anchorpose.files.sources import Source
    from anchorpose.sense.motion import Refiner
    from anchorpose.sense.pipeline import Model


def run_sources(run: Run) -> int:
    """`anchorpose run`: every source, one after the other; a broken one is reported and the others go on."""
    from anchorpose.sense.pipeline import load

    if not run.sources:
        raise InputError("run needs a source: a photo, a folder, a video or the number of a camera")
    if not (run.refine and run.track) and (asked := [kind for kind in run.save if kind in ONLY_MOTIONS]):
        raise InputError(f"--save {' '.join(asked)} is made of refined motions; leave out --no-refine and --no-track")
    model = load(
        run.model, quality=run.quality, fov=run.fov, focal=run.focal, camera=run.camera, height=run.height,
        threads=run.threads,
    )  # fmt: skip
    refining = _Refining(run)
    failed = 0
    names: set[str] = set()
    for source in run.sources:
        try:
            _run_source(source, model, run, names, refining)
        except AnchorposeError as error:
            if len(run.sources) == 1:
                raise
            warn(str(error))
            failed += 1
    return 2 if failed else 0


class _Refining:
    """The motion model, loaded for the first video; None without one, said once."""

    def __init__(self, run: Run) -> None:
        self._run, self._asked = run, False
        self._refiner: Refiner | None = None

    def refiner(self, source: Source) -> Refiner | None:
        if not (self._run.refine and self._run.track and source.kind == "video"):
            return None
        if not self._asked:
            self._asked = True
            self._refiner = self._load()
        return self._refiner

    def _load(self) -> Refiner | None:
        from anchorpose.poses.errors import ModelError
        from anchorpose.sense.models import load_session, model_path
        from anchorpose.sense.motion import MODEL, Refiner

        try:
            model_path(MODEL)
        except ModelError as error:
            warn(f"poses stay those of single frames, as with --no-refine: {error}")
            return None
        return Refiner(load_session(MODEL, self._run.threads))


def _run_source(given: str, model: Model, run: Run, names: set[str], refining: _Refining) -> None:
    from anchorpose.files.sources import open_source

    with open_source(given, model.optics.camera, every=run.every, warn=warn) as source:
        name = result_name(source, names)
        refiner = refining.refiner(source)
        save = _possible(run.save, source, refiner)
        first = _first_pass(source, model, run, name, save, refiner)
        problem = source.errors[0] if source.errors else ""
    if source.kind == "photo" and first.errors and not first.frames:
        raise InputError(problem)
    trouble = f", {first.errors} could not be read" if first.errors else ""
    say(f"{given}: {first.frames} frames, {first.people / max(first.frames, 1):.1f} people a frame{trouble}")
    written = list(first.written)
    if refiner and first.lines:
        from anchorpose.cli.clip import second_pass

        written += second_pass(given, name, save, run, model, refiner, first)
    elif first.lines:
        written += write_from_lines(save, run.out, name, first.lines)
        if "json" not in save and first.lines != first.path:
            first.lines.unlink(missing_ok=True)
    for line in written:
        print(line)


def _possible(save: Sequence[str], source: Source, refiner: Refiner | None) -> list[str]:
    """What of `save` can be made of a source; what cannot is said, and is an error if nothing else was asked for."""
    cannot: list[str] = []
    if source.kind in ("photo", "folder"):
        cannot = [kind for kind in save if kind in MOTIONS]
        why = f"made of people who move, and {source.name} is no video"
    elif refiner is None:
        cannot = [kind for kind in save if kind in ONLY_MOTIONS]
        why = "made of refined motions" + (", for a live camera by `anchorpose live`" * (source.kind == "camera"))
    possible = [kind for kind in save if kind not in cannot]
    if cannot and not possible:
        raise InputError(f"--save {' '.join(cannot)} is {why}")
    if cannot:
        warn(f"{source.name}: {' '.join(cannot)} left out: it is {why}")
    return possible


def _first_pass(
    source: Source, model: Model, run: Run, name: str, save: Sequence[str], refiner: Refiner | None
) -> FirstPass:
    """People in each frame, as they are seen in it, with the ids of their tracks."""
    path = run.out / f"{name}.jsonl"
    kept = "json" in save or refiner is not None or any(kind in LINES for kind in save)
    with ExitStack() as stack:
        stored = Stored(path, run.resume)
        writer = stack.enter_context(ResultsWriter(path, run.resume)) if kept else None
        stack.callback(stored.close)  # before the writer moves the file that is read
        pictures = [] if refiner else [stack.enter_context(p) for p in picture_writers(run.out, name, source, save)]
        track = run.track and source.kind in ("video", "camera")
        identities = Identities(stored.last_id) if track else None
        people_seen = frames = 0
        bar = stack.enter_context(
            tqdm(total=source.total, unit="frame", desc=name, disable=source.kind == "photo", file=sys.stderr)
        )
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
        leaves = refiner is not None or "json" not in save
        lines = writer.leave() if writer and leaves else path if writer else None
    written = [str(path)] if writer and not leaves else []
    written += [line for picture in pictures for line in picture.written]
    late = identities.late if identities else {}
    refined = stored.refined and lines == path
    return FirstPass(path, lines, late, refined, frames, people_seen, len(source.errors), written)
