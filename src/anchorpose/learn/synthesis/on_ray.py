"""Runs tasks on a Ray cluster (`pip install "anchorpose[cluster]"`), behind the same command as local processes.

Every processor of the cluster, or as many as asked for, builds an engine and makes shards; the bytes travel to the
machine that runs the command, and only that writes. So the nodes need no common folder for the results, and what was
made for the run there (`Job.inputs`) travels with it. Photos have to lie at the same place on each node, and the nodes
need the same anchorpose, since another one makes other images: a node that has not says so and the run ends. A shard
whose node is lost is made again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import anchorpose
from anchorpose.files.paths import reason, replacing
from anchorpose.files.shards import Coding
from anchorpose.learn.synthesis.job import Backend, Build, Engine, Event, Job, Made, Task, make_shard
from anchorpose.learn.synthesis.processes import Failure
from anchorpose.poses.errors import FileError, InputError, MissingExtra

_OURS = (".py", ".npz", ".onnx")  # suffixes of what decides how images come out
_RESTARTS = 3  # times that a lost process is started anew, and its task given to it again


@cache
def _sources() -> str:
    """A digest of this program: the text of its modules, and the size of the other files that come with it."""
    root = Path(anchorpose.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.suffix in _OURS):
        text = path.suffix == ".py"
        held = path.read_bytes().replace(b"\r\n", b"\n") if text else str(path.stat().st_size).encode()
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + held + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class _Parcel:
    """A finished shard on its way."""

    made: Made
    data: bytes


@dataclass(frozen=True)
class _Order:
    """What a node needs for an engine: how to build it, the folder that paths are relative to, files by path, and the
    version and the sources of the program that it has to be."""

    build: Build
    config: Any
    seed: int
    coding: Coding
    folder: str
    files: dict[str, bytes]
    version: str = ""
    sources: str = ""

    def check_program(self) -> None:
        """InputError where this node has another anchorpose than the machine that the order is from."""
        version, there = anchorpose.__version__, self.version or "an older version"
        if version != self.version:
            what = f"anchorpose {version}, and the machine that runs the command {there}"
        elif _sources() != self.sources:
            what = f"other sources of anchorpose {version} than the machine that runs the command"
        else:
            return
        raise InputError(
            f"the node {platform.node()} has {what}; images would not be the same: install the same on all nodes"
        )

    def unpack(self) -> Engine:
        """Put the files where the config looks for them, unless they are there, and build the engine."""
        self.check_program()
        os.makedirs(self.folder, exist_ok=True)
        os.chdir(self.folder)
        for name, data in self.files.items():
            path = Path(name)
            if not path.exists():
                with replacing(path) as temporary:
                    temporary.write_bytes(data)
        return self.build(self.config, self.seed)


class _Maker:
    """What runs on a node: an engine, built with the first shard."""

    def __init__(self, order: _Order) -> None:
        self._order = order
        self._engine: Engine | None = None

    def make(self, task: Task) -> _Parcel | Failure:
        try:
            if self._engine is None:
                self._engine = self._order.unpack()
            with tempfile.TemporaryDirectory(prefix="anchorpose-") as folder:
                here = replace(task, path=Path(folder) / task.path.name)
                made = make_shard(here, self._engine, self._order.coding)
                return _Parcel(Made(task, made.about), here.path.read_bytes())
        except Exception as error:
            return Failure.of(error)


def on_ray(address: str = "auto", processes: int | None = None) -> Backend:
    """A backend on a cluster.

    Args:
        address: of the cluster's head, as Ray takes it: "auto" for the one that this machine belongs to,
            "HOST:PORT", or "local" for one of this machine alone.
        processes: at most; by default as many as the cluster has processors.

    Raises:
        MissingExtra: Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", "cluster") from None
    if processes is not None and processes < 1:
        raise InputError(f"samples are made by at least one process, not {processes}")

    def run(job: Job, tasks: list[Task]) -> Iterator[Event]:
        if not tasks:
            return
        _connect(ray, address)
        try:
            there = int(ray.cluster_resources().get("CPU", 1))
            count = min(processes or there, there, len(tasks))
            yield from _hand_out(ray, job, tasks, count)
        finally:
            ray.shutdown()

    return run


def _connect(ray: Any, address: str) -> None:
    # Ray announces here a coming change of how it treats GPUs, which do not matter to it now.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError, RuntimeError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"no Ray cluster at {address!r}: {line}") from error


def _hand_out(ray: Any, job: Job, tasks: list[Task], count: int) -> Iterator[Event]:
    """Give every maker a task, and the next one when it is done."""
    maker = ray.remote(num_cpus=1, max_restarts=_RESTARTS, max_task_retries=_RESTARTS)(_Maker)
    waiting = list(reversed(tasks))
    files = {str(job.out / name): (job.out / name).read_bytes() for name in job.inputs}
    program = anchorpose.__version__, _sources()
    order = ray.put(_Order(job.build, job.config, job.seed, job.coding, os.getcwd(), files, *program))
    # Where a shard is written is the business of this machine; the nodes get its name alone.
    busy = {}
    for _ in range(count):
        actor = maker.remote(order)
        task = waiting.pop()
        busy[actor.make.remote(_named(task))] = (actor, task)
    while busy:
        (ready, *_), _ = ray.wait(list(busy), num_returns=1)
        actor, task = busy.pop(ready)
        try:
            parcel = ray.get(ready)
        except ray.exceptions.RayError as error:
            line = str(error).strip().splitlines()[0]
            raise FileError(f"{task.path.name} could not be made on the cluster: {line}") from error
        if isinstance(parcel, Failure):
            parcel.throw()
        yield len(task)
        yield _store(task, parcel)
        if waiting:
            task = waiting.pop()
            busy[actor.make.remote(_named(task))] = (actor, task)


def _named(task: Task) -> Task:
    return replace(task, path=Path(task.path.name))


def _store(task: Task, parcel: _Parcel) -> Made:
    """Write what came all or nothing."""
    partial = task.path.with_name(f".{task.path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(parcel.data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, task.path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FileError(f"{task.path} cannot be written: {reason(error)}") from error
    return Made(task, parcel.made.about)
