"""Runs an engine over a range of samples into shards; a run that was stopped goes on where it was.

Sample `i` is a function of (config, seed, i) alone, and shard `k` holds the samples from `k * per_shard` on. So it does
not matter how many processes or machines make the shards, or how often they were stopped: the bytes are the same.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from anchorpose.files.shards import Coding, ShardWriter, partial_shards, shard_keys
from anchorpose.learn.synthesis.manifest import Finished, Run, check_same, file_sha256, read_runs
from anchorpose.poses.errors import AnchorposeError, FileError, InputError, MissingExtra, ModelError
from anchorpose.poses.samples import Sample

PER_SHARD = 500


class Engine(Protocol):
    """What makes samples: `sample(index)` gives the same one every time."""

    def sample(self, index: int) -> Sample: ...

    def samples(self, indices: Iterable[int]) -> Iterator[Sample]: ...


Build = Callable[[Any, int], Engine]
"""Makes an engine from its config and the seed, in every process anew: a class or function at the top of a module."""


@dataclass(frozen=True)
class Task:
    """One shard: its file, and the samples from `first` to before `stop`."""

    path: Path
    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True)
class Made:
    """A shard that has just been finished."""

    task: Task
    about: Finished


Event = int | Made
"""What a backend reports: a number of samples that were done, or a finished shard."""

Backend = Callable[["Job", list[Task]], Iterator[Event]]


@dataclass(frozen=True)
class Job:
    """A run: which engine, how many samples, where to.

    Attributes:
        out: folder of the shards.
        build: makes the engine; engine: its name in the index.
        config: a frozen dataclass of plain values; seed: of the run.
        count: samples of the whole run, over all machines; per_shard: samples in a shard.
        shard, of: this machine makes every `of`-th shard, from the `shard`-th (counted from 1) on.
        described: the config as the index gives it, where that is not just its fields.
        inputs: sha256 by name of files in `out` that the config refers to.
    """

    out: Path
    build: Build
    engine: str
    config: Any
    seed: int
    count: int
    per_shard: int = PER_SHARD
    coding: Coding = field(default_factory=Coding)
    shard: int = 1
    of: int = 1
    described: Mapping[str, Any] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1 or self.per_shard < 1:
            raise InputError(f"a run has at least one sample, also in a shard, not {self.count} and {self.per_shard}")
        if not 1 <= self.shard <= self.of:
            raise InputError(f"--shard counts from 1 to --of, {self.of}; it cannot be {self.shard}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"a seed is a whole number from 0 to 2^63 - 1, not {self.seed}")

    def tasks(self) -> list[Task]:
        """The shards of this machine, finished or not."""
        every = -(-self.count // self.per_shard)
        starts = [k * self.per_shard for k in range(self.shard - 1, every, self.of)]
        return [self.task(start, min(start + self.per_shard, self.count)) for start in starts]

    def task(self, first: int, stop: int) -> Task:
        """The shard of these samples."""
        return Task(self.out / f"{first // self.per_shard:06d}.tar", first, stop)

    def run(self) -> Run:
        """What the index says of this job before anything is made."""
        from anchorpose import __version__

        config = asdict(self.config) if self.described is None else self.described
        return Run(
            self.engine, config, self.seed, self.count, self.per_shard, asdict(self.coding), self.inputs, __version__,
            self.shard, self.of,
        )  # fmt: skip


def sample_key(index: int) -> str:
    """The key of a sample in its shard: nine digits."""
    return f"{index:09d}"


def run_job(
    job: Job, backend: Backend, *, resume: bool = False, report: Callable[[Event], object] | None = None
) -> Run:
    """Make the shards that are not there yet.

    Args:
        backend: runs tasks in any order, in processes of this machine or on others.
        resume: go on with a run in the folder; what is finished stays.
        report: called with each event; first with the number of samples that earlier runs have finished.

    Returns:
        the index of this machine's part.

    Raises:
        InputError: the folder holds another run, or one and `resume` is False.
        FileError: a shard cannot be written (the disk is full); finished shards stay.
    """
    run, todo = open_run(job, resume)
    if report:
        report(sum(map(len, job.tasks())) - sum(map(len, todo)))
    try:
        for event in backend(job, todo):
            if isinstance(event, Made):
                run = replace(run, shards={**run.shards, event.task.path.name: event.about})
                run.save(job.out)
            if report:
                report(event)
    except FileError as error:
        kept = f"; {len(run.shards)} finished shards are kept, --resume goes on" if run.shards else ""
        raise FileError(f"{error}{kept}") from error
    return run


def open_run(job: Job, resume: bool) -> tuple[Run, list[Task]]:
    """The index of this job, with what is finished in its folder, and the tasks that remain."""
    run, there = job.run(), matching_runs(job)
    if not resume:
        check_free(job)
    known = {name: about for other in there for name, about in other.shards.items()}
    finished, todo = {}, []
    for task in job.tasks():
        for partial in partial_shards(task.path):
            partial.unlink(missing_ok=True)
        about = _finished(task, known.get(task.path.name))
        if about:
            finished[task.path.name] = about
        else:
            todo.append(task)
    run = replace(run, shards=finished)
    run.save(job.out)
    return run, todo


def matching_runs(job: Job) -> tuple[Run, ...]:
    """The indexes of shards that are in the job's folder; InputError where they are of another run."""
    # An index without any shard is what a run left behind that failed at once.
    there = read_runs(job.out) if any(job.out.glob("[0-9]*.tar")) else ()
    for other in there:
        check_same(job.run(), other, job.out)
    return there


def check_free(job: Job) -> None:
    """InputError where a shard of the job is there already."""
    if any(task.path.exists() for task in job.tasks()):
        raise InputError(f"{job.out} holds shards already; --resume goes on with them, or give another folder")


def _finished(task: Task, about: Finished | None) -> Finished | None:
    """What is known of a shard that is in place and complete; None if it has to be made."""
    if not task.path.is_file():
        return None
    size = task.path.stat().st_size
    if about:
        complete = about.samples + len(about.failed) == len(task) and about.bytes == size
        return about if complete else None
    # Moved into place just before the program was killed.
    try:
        keys = shard_keys(task.path)
    except FileError:
        return None
    if keys != [sample_key(i) for i in range(task.first, task.stop)]:
        return None
    return Finished(task.first, len(task), size, file_sha256(task.path))


def make_shard(task: Task, engine: Engine, coding: Coding, tick: Callable[[int], object] | None = None) -> Made:
    """Make one shard.

    A sample that cannot be made is left out and noted, so that one bad sample in a million does not end a run.

    Raises:
        InputError: more than half of the samples cannot be made. FileError: the shard cannot be written.
        MissingExtra, ModelError: the engine cannot work here.
    """
    failed: dict[str, str] = {}
    with ShardWriter(task.path, coding) as writer:
        for index, sample in _samples(engine, task):
            if isinstance(sample, Sample):
                writer.write(sample_key(index), sample)
            else:
                failed[str(index)] = sample
            if tick:
                tick(1)
        if len(failed) > len(task) // 2:
            first = next(iter(failed.items()))
            raise InputError(f"{len(failed)} of {len(task)} images could not be made; image {first[0]}: {first[1]}")
    return Made(task, Finished(task.first, writer.count, task.path.stat().st_size, file_sha256(task.path), failed))


def _samples(engine: Engine, task: Task) -> Iterator[tuple[int, Sample | str]]:
    """Each index with its sample, or with the reason why there is none."""
    index = task.first
    while index < task.stop:
        made = engine.samples(range(index, task.stop))
        while index < task.stop:
            try:
                sample = next(made)
            except StopIteration:
                raise RuntimeError(f"{type(engine).__name__}.samples ended at {index}, before {task.stop}") from None
            except (MissingExtra, ModelError):
                raise
            except Exception:
                break
            yield index, sample
            index += 1
        else:
            return
        yield index, _alone(engine, index)
        index += 1


def _alone(engine: Engine, index: int) -> Sample | str:
    """Engines may work ahead: was it this sample that failed? Then why."""
    try:
        return engine.sample(index)
    except (MissingExtra, ModelError):
        raise
    except AnchorposeError as error:
        return str(error)
    except Exception as error:  # a bug, which `--only` shows again
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
