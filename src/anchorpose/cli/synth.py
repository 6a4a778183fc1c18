"""What `anchorpose synth` does: checks the user's material, runs the job with a progress bar, says what came out."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from anchorpose.cli.names import say, warn
from anchorpose.cli.synth_options import Making, SynthMosaic, SynthRender, SynthShow
from anchorpose.poses.errors import FileError, InputError

if TYPE_CHECKING:
    from anchorpose.learn.synthesis.job import Build, Event, Job
    from anchorpose.learn.synthesis.manifest import Run
    from anchorpose.poses.samples import Sample
    from anchorpose.poses.sequences import PoseSequence
    from anchorpose.poses.values import Motion

SOURCES, POSES, MOTIONS, SKIPPED = "sources.json", "poses.npz", "motions.npz", "skipped.txt"
"""Files beside the shards: the labels and the motion capture as they were used, and what could not be."""


def synthesise(what: SynthMosaic | SynthRender | SynthShow) -> int:
    """`anchorpose synth`."""
    if isinstance(what, SynthShow):
        return _show(what)
    return _mosaic(what) if isinstance(what, SynthMosaic) else _render(what)


def _mosaic(given: SynthMosaic) -> int:
    from anchorpose.learn.synthesis.mosaic.engine import MosaicConfig, MosaicEngine

    _check(given)
    images = given.images or given.labels.parent
    config = _config(
        MosaicConfig, given, labels=str(given.out / SOURCES), images=str(images), corpus=str(given.out / POSES),
        max_zoom=given.max_zoom, agree=given.agree, max_mismatch=given.max_mismatch,
    )  # fmt: skip
    with _own_files(given, (SOURCES, POSES)) as files:
        skipped = _prepare_mosaic(given, images) + _check_photos("backgrounds", given.backgrounds)
        return _make(given, "mosaic", MosaicEngine, config, skipped, files)


def _prepare_mosaic(given: SynthMosaic, images: Path) -> tuple[str, ...]:
    """Check labelled photos and motion capture, and write what can be used of them for the run."""
    from anchorpose.files.user_data import read_sources, write_labels
    from anchorpose.files.user_mocap import body_corpus

    if not given.mocap:
        raise InputError("--mocap needs a file or a folder of motion capture (.bvh, .amc, .npz, .c3d)")
    with _bar("clip", "motion capture") as bar:
        corpus, skipped = body_corpus(
            given.mocap, scale=given.mocap_scale, up=given.mocap_up, solve=_solve, tick=bar.update, total=bar.reset
        )
    with _bar("photo", "photos") as bar:
        sources = read_sources(given.labels, given.images, tick=bar.update, total=bar.reset)
    write_labels(sources.labels, _new(given, SOURCES), images)
    corpus.save(_new(given, POSES))
    people = sum(len(image.people) for image in sources.labels)
    say(f"{people} people on {len(sources.labels)} photos, {len(corpus)} poses")
    return skipped + sources.skipped


def _solve(sequence: PoseSequence) -> Motion:
    """Joint rotations for points, as `anchorpose refine` makes them."""
    from anchorpose.sense.motion import Refiner

    return Refiner().refine(sequence)


def _render(given: SynthRender) -> int:
    from anchorpose.learn.synthesis.rendered import RenderConfig, RenderedEngine

    _check(given)
    config = _config(
        RenderConfig, given, motions=str(given.out / MOTIONS), split=given.split,
        textures=given.textures and str(given.textures), hands=given.hands and str(given.hands),
        licenses=given.licenses, texture_licenses=given.texture_licenses, occluded=given.occluded,
        sensor=given.sensor, maps=given.maps,
    )  # fmt: skip
    with _own_files(given, (MOTIONS,)) as files:
        skipped = _prepare_motions(given) + _check_photos("backgrounds", given.backgrounds)
        if given.textures != given.backgrounds:
            skipped += _check_photos("textures", given.textures)
        return _make(given, "render", RenderedEngine, config, skipped, files)


def _prepare_motions(given: SynthRender) -> tuple[str, ...]:
    """Write the motion capture, carried over to the body's skeleton, into the folder of the run."""
    from anchorpose.files.datasets import dataset_path
    from anchorpose.files.motions import MotionCorpus, is_motion_corpus, read_motions
    from anchorpose.files.user_mocap import indexed_folder, motion_corpus

    paths: tuple[Path, ...] = given.mocap
    if not paths:
        try:
            paths = (dataset_path("mocap"),)
        except FileError as error:
            raise InputError(
                f"render needs motion capture: --mocap with files or folders (.bvh, .amc, .npz, .c3d); {error}"
            ) from None
    skipped: tuple[str, ...] = ()
    if given.split == "val" and indexed_folder(paths):
        corpus = read_motions(paths[0], "val")
    elif len(paths) == 1 and is_motion_corpus(paths[0]):
        corpus = MotionCorpus.load(paths[0])
    else:
        with _bar("clip", "motion capture") as bar:
            corpus, skipped = motion_corpus(
                paths, scale=given.mocap_scale, up=given.mocap_up, solve=_solve, tick=bar.update, total=bar.reset
            )
    corpus.save(_new(given, MOTIONS))
    say(f"{len(corpus)} poses of {len(set(corpus.clip.tolist()))} clips")
    return skipped


def _check(given: Making) -> None:
    """What can be said before anything is read."""
    from anchorpose.learn.synthesis.job import check_free

    low, high = given.people
    if not 1 <= low <= high:
        raise InputError(f"--people takes the fewest and the most, from 1 on, not {low} {high}")
    if min(given.size) < 32 or max(given.size) > 4096:
        raise InputError(f"--size takes width and height from 32 to 4096 px, not {given.size[0]} {given.size[1]}")
    if given.only is not None and not 0 <= given.only < given.count:
        raise InputError(f"--only takes the number of one of the {given.count} images, 0 to {given.count - 1}")
    job = _job(given, "", None)
    _backend(given)
    if given.only is None and not given.resume:
        check_free(job)


def _check_photos(name: str, folder: Path | None) -> tuple[str, ...]:
    """A line for each photo of a folder that cannot be read; an error where none can."""
    from anchorpose.files.user_data import list_photos, readable_photos

    if folder is None:
        return ()
    photos = list_photos(folder)
    with _bar("photo", name) as bar:
        bar.reset(len(photos))
        good, skipped = readable_photos(photos, bar.update)
    if not good:
        raise FileError(f"--{name}: none of the {len(photos)} photos in {folder} can be read: {skipped[0]}")
    return skipped


def _config(kind: Callable[..., Any], given: Making, **own: Any) -> Any:
    """The engine's config from the options; what is None is left to the engine."""
    common = {
        "size": given.size, "people": given.people, "backgrounds": given.backgrounds and str(given.backgrounds),
        "fov": given.fov, "truncated": given.truncated,
    }  # fmt: skip
    return kind(**{name: value for name, value in (common | own).items() if value is not None})


@contextmanager
def _bar(unit: str, what: str) -> Iterator[tqdm]:
    bar = tqdm(total=0, unit=unit, desc=what, file=sys.stderr, leave=False)
    with bar:
        yield bar


def _job(
    given: Making, engine: str, build: Any, config: Any = None, described: Any = None, inputs: Sequence[str] = ()
) -> Job:
    """The job that the options ask for; without a config to check the options alone."""
    from anchorpose.files.shards import Coding
    from anchorpose.learn.synthesis.job import Job
    from anchorpose.learn.synthesis.manifest import file_sha256

    coding = Coding(given.format, given.quality, Coding().maps if given.maps else ())
    sums = {name: file_sha256(_new(given, name)) for name in inputs}
    return Job(
        given.out, build, engine, config, given.seed, given.count, given.per_shard, coding, given.shard, given.of,
        described, sums,
    )  # fmt: skip


def _make(given: Making, engine: str, build: Build, config: Any, skipped: Sequence[str], inputs: Sequence[str]) -> int:
    from anchorpose.files.user_data import write_skipped
    from anchorpose.learn.synthesis.job import matching_runs

    # The same settings describe a run whatever its folder is called.
    own = {str(given.out / name): f"OUT/{name}" for name in inputs}
    described = {
        name: own.get(value, value) if isinstance(value, str) else value for name, value in asdict(config).items()
    }
    job = _job(given, engine, build, config, described, inputs)
    matching_runs(job)
    for name in inputs:
        os.replace(_new(given, name), given.out / name)
    write_skipped(given.out / SKIPPED, skipped)
    if skipped:
        say(f"{_not_used(skipped)}, the first: {skipped[0]}")
    if given.only is not None:
        return _make_one(given, job)
    _sum_up(given, _run(given, job), skipped)
    return 0


@contextmanager
def _own_files(given: Making, names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Files that are made for a run: what is not taken in the end is removed."""
    try:
        yield names
    finally:
        for name in names:
            _new(given, name).unlink(missing_ok=True)


def _new(given: Making, name: str) -> Path:
    """Where a file of the run is until it is clear that the folder does not hold another run."""
    return given.out / f".new-{os.getpid()}-{name}"


def _not_used(skipped: Sequence[str]) -> str:
    return f"{len(skipped)} thing{'s' * (len(skipped) > 1)} could not be used"


def _backend(given: Making) -> Any:
    if given.cluster is not None:
        from anchorpose.learn.synthesis.on_ray import on_ray

        return on_ray(given.cluster, given.processes)
    from anchorpose.learn.synthesis.processes import local

    return local(given.processes)


def _run(given: Making, job: Job) -> Run:
    from anchorpose.learn.synthesis.job import run_job

    total = sum(map(len, job.tasks()))
    with tqdm(total=total, unit="image", desc=job.engine, file=sys.stderr, smoothing=0.1) as bar:
        return run_job(job, _backend(given), resume=given.resume, report=_Report(bar, job))


class _Report:
    """Moves the bar; the first event is what earlier runs have made, which is no measure of speed."""

    def __init__(self, bar: tqdm, job: Job) -> None:
        self._bar, self._job, self._started, self._warned = bar, job, False, False

    def __call__(self, event: Event) -> None:
        if not isinstance(event, int):
            self._check_disk(event.about.bytes / max(event.about.samples, 1))
        elif self._started:
            self._bar.update(event)
        else:
            self._started = True
            self._bar.initial = event
            self._bar.reset(self._bar.total)
            self._bar.n = event
            self._bar.refresh()

    def _check_disk(self, each: float) -> None:
        left, free = (self._bar.total - self._bar.n) * each, shutil.disk_usage(self._job.out).free
        if left > free and not self._warned:
            self._warned = True
            needed = f"about {left / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in {self._job.out}"
            warn(f"what remains needs {needed}")


def _make_one(given: Making, job: Job) -> int:
    from anchorpose.learn.synthesis.job import Made, Task

    index = int(given.only or 0)
    path = given.out / f"only-{index:09d}.tar"
    for event in _backend(given)(job, [Task(path, index, index + 1)]):
        if isinstance(event, Made):
            print(path)
    return 0


def _sum_up(given: Making, run: Run, skipped: Sequence[str]) -> None:
    """What there is now, on standard output the folder alone."""
    samples = sum(shard.samples for shard in run.shards.values())
    size = sum(shard.bytes for shard in run.shards.values()) / 1e6
    failed = {index: reason for shard in run.shards.values() for index, reason in shard.failed.items()}
    say(f"{samples} images in {len(run.shards)} shards, {size:.1f} MB")
    if failed:
        index, reason = next(iter(failed.items()))
        say(f"{len(failed)} images could not be made; image {index}: {reason} (all are in {given.out / run.name})")
    if skipped:
        say(f"{_not_used(skipped)}; the list is in {given.out / SKIPPED}")
    print(given.out)


def _show(given: SynthShow) -> int:
    from anchorpose.share.samples import sample_sheet

    if not given.shards:
        raise InputError("show needs a shard (.tar) or a folder of them")
    if given.number < 1:
        raise InputError(f"-n takes the number of images, not {given.number}")
    samples = [(_caption(key, sample), sample) for key, sample in _first(given.shards, given.number)]
    sample_sheet(samples, given.out, columns=given.columns, cell=given.cell, map=given.map)
    say(f"{len(samples)} images")
    print(given.out)
    return 0


def _caption(key: str, sample: Sample) -> str:
    count = len(sample.people)
    return f"{key.lstrip('0') or '0'}: {count} {'person' if count == 1 else 'people'}, {sample.width}x{sample.height}"


def _first(paths: Sequence[Path], number: int) -> Iterator[tuple[str, Sample]]:
    from anchorpose.files.shards import read_shard

    for path in paths:
        inside = sorted(path.glob("[!.]*.tar")) if path.is_dir() else [path]
        if not inside:
            raise FileError(f"{path} holds no shard (.tar)")
        for shard in inside:
            for item in read_shard(shard):
                yield item
                number -= 1
                if not number:
                    return
