"""The second pass of `anchorpose run` over a video: motions refined, then results, pictures and files written."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from anchorpose.cli.names import say
from anchorpose.cli.pictures import Pictures, picture_writers
from anchorpose.cli.products import write_motions
from anchorpose.files.paths import replacing
from anchorpose.files.result_motions import motions_of_people
from anchorpose.files.results import read_results, save
from anchorpose.files.results_index import IndexedResults
from anchorpose.poses.values import Frame, People

if TYPE_CHECKING:
    from anchorpose.cli.first_pass import FirstPass
    from anchorpose.cli.options import Run
    from anchorpose.sense.clip import RefinedClip
    from anchorpose.sense.motion import Refiner
    from anchorpose.sense.pipeline import Model


def second_pass(
    given: str, name: str, kinds: Sequence[str], run: Run, model: Model, refiner: Refiner, first: FirstPass
) -> list[str]:
    """Refine what the first pass has seen, and write what was asked for; returns the names of the files.

    The lines of the first pass stay until all is written, so that `--resume` can go on from them.
    """
    from anchorpose.files.sources import open_source

    lines = first.lines or first.path
    with ExitStack() as stack:
        pictures: list[Pictures] = []
        frames: Iterable[Frame] = ()
        if "video" in kinds or "figure" in kinds:
            source = stack.enter_context(open_source(given, model.optics.camera, every=run.every))
            pictures = [stack.enter_context(p) for p in picture_writers(run.out, name, source, kinds)]
            frames = source
        if first.refined:
            written = _from_results(name, kinds, run, lines, frames, pictures)
        else:
            written = _refine(name, kinds, run, refiner, first, lines, frames, pictures)
    written[1:1] = [line for picture in pictures for line in picture.written]
    if lines != first.path:
        lines.unlink(missing_ok=True)
    return written


def _refine(
    name: str,
    kinds: Sequence[str],
    run: Run,
    refiner: Refiner,
    first: FirstPass,
    lines: Path,
    frames: Iterable[Frame],
    pictures: Sequence[Pictures],
) -> list[str]:
    from anchorpose.sense.clip import refine_clip

    written: list[str] = []
    folder = tempfile.TemporaryDirectory(prefix=f".{name}.", suffix=".partial", dir=run.out)
    with IndexedResults(lines) as results, folder as working, _bars(name, len(results)) as (read, refined, total):
        clip = refine_clip(
            results, refiner, Path(working), frame=run.frame, late=first.late, read=read, refined=refined, total=total
        )
        people = _drawn(_closing(clip, results, name), frames, pictures)
        if "json" in kinds:
            save(people, first.path)
            written.append(str(first.path))
        else:
            for _ in people:
                pass
        files, fits = write_motions(kinds, run.out, name, first.path, clip.motions)
        report = clip.report
        for line in report.lines():
            say(f"{name}: {line}")
        for fit in fits:
            far = f"{fit['mean_cm']:.1f} cm from the motion's on average, {fit['worst_cm']:.1f} cm at most"
            say(f"{name}: joints of mesh {fit['id']} are {far}")
        path = run.out / f"{name}.report.json"
        with replacing(path) as temporary:
            about = {"source": name, **report.to_dict()} | ({"meshes": fits} if fits else {})
            temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return [*written, *files, str(path)]


def _from_results(
    name: str, kinds: Sequence[str], run: Run, lines: Path, frames: Iterable[Frame], pictures: Sequence[Pictures]
) -> list[str]:
    """Pictures and files of results that an earlier run has refined and finished."""
    if pictures:
        for _ in _drawn(read_results(lines), frames, pictures):
            pass
    motions = [(id or 0, motion) for id, motion in motions_of_people(read_results(lines))]
    files, _ = write_motions(kinds, run.out, name, lines, lambda: motions)
    return [*([str(lines)] if "json" in kinds else []), *files]


def _closing(clip: RefinedClip, results: IndexedResults, name: str) -> Iterator[People]:
    """The refined frames, with progress; the file they come from is closed before it may be replaced."""
    with tqdm(total=len(results), unit="frame", desc=f"{name}, writing", file=sys.stderr) as bar:
        for people in clip.people():
            yield people
            bar.update()
    results.close()


def _drawn(people: Iterable[People], frames: Iterable[Frame], pictures: Sequence[Pictures]) -> Iterator[People]:
    """The same people; those in frames that are there are drawn on the way."""
    there = iter(frames)
    frame = next(there, None) if pictures else None
    for one in people:
        while frame is not None and frame.index < one.frame:
            frame = next(there, None)
        if frame is not None and frame.index == one.frame:
            for picture in pictures:
                picture.add(frame, one)
        yield one


Tick = Callable[[int], object]


@contextmanager
def _bars(name: str, frames: int) -> Iterator[tuple[Tick, Tick, Tick]]:
    """Progress of reading tracks, of refining them, and how the second learns its length."""
    with (
        tqdm(total=frames, unit="frame", desc=f"{name}, tracks", file=sys.stderr, leave=False) as read,
        tqdm(total=0, unit="pose", desc=f"{name}, motion", file=sys.stderr) as refined,
    ):
        yield read.update, refined.update, refined.reset
