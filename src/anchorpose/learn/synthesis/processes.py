"""Runs tasks in processes of this machine, the default backend.

Each process builds its own engine and gets one shard after the other. Its arithmetic has one thread, however many
processes there are, so that sums do not depend on them. When the program goes away, killed or not, the pipe to it
breaks, and the processes end.
"""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from anchorpose.files.shards import Coding
from anchorpose.learn.synthesis.job import Backend, Build, Event, Job, Made, Task, make_shard
from anchorpose.poses.errors import AnchorposeError, FileError, InputError

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_RASTER_THREADS = "LP_NUM_THREADS"  # of llvmpipe, which draws where there is no GPU
_PATIENCE = 5.0  # s that a process gets to put its things away


@dataclass(frozen=True)
class Failure:
    """Why a task failed, in a form that travels between processes."""

    message: str
    kind: str  # "file", "input" or "bug"

    @classmethod
    def of(cls, error: Exception) -> Failure:
        if isinstance(error, AnchorposeError):
            return cls(str(error), "file" if isinstance(error, FileError) else "input")
        return cls(traceback.format_exc(), "bug")

    def throw(self) -> None:
        """The error it was made of, as far as users are concerned."""
        if self.kind == "bug":
            raise RuntimeError(f"in a process that makes samples:\n{self.message}")
        raise (FileError if self.kind == "file" else InputError)(self.message)


def local(processes: int | None = None) -> Backend:
    """A backend with this many processes; by default as many as there are processors."""
    if processes is not None and processes < 1:
        raise InputError(f"samples are made by at least one process, not {processes}")

    def run(job: Job, tasks: list[Task]) -> Iterator[Event]:
        count = min(processes or available(), len(tasks))
        if not count:
            return
        with _workers(job, count) as pipes:
            yield from _hand_out(tasks, pipes)

    return run


def available() -> int:
    """Processors that this program may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def _hand_out(tasks: list[Task], pipes: dict[Connection, Any]) -> Iterator[Event]:
    """Give every process a task, and the next one when it is done."""
    waiting = list(reversed(tasks))
    busy: dict[Connection, Task] = {}
    for pipe in pipes:
        busy[pipe] = waiting.pop()
        pipe.send(busy[pipe])
    while busy:
        for pipe in cast(list[Connection], wait(list(busy))):
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                process = pipes[pipe]
                process.join(_PATIENCE)
                raise FileError(
                    f"the process that made {busy[pipe].path.name} has died (exit code {process.exitcode}); "
                    "is there enough memory for so many --processes?"
                ) from None
            if isinstance(message, Failure):
                message.throw()
            yield message
            if isinstance(message, Made):
                del busy[pipe]
                if waiting:
                    busy[pipe] = waiting.pop()
                    pipe.send(busy[pipe])


@contextmanager
def _workers(job: Job, count: int) -> Iterator[dict[Connection, Any]]:
    """Processes that make shards, by the pipe to each; at the end they are told to stop."""
    context = multiprocessing.get_context("spawn")  # a fork would share the parent's threads and GL state
    pipes: dict[Connection, Any] = {}
    try:
        with _environment(count):
            for _ in range(count):
                ours, theirs = context.Pipe()
                arguments = (theirs, job.build, job.config, job.seed, job.coding)
                process = context.Process(target=_work, args=arguments, daemon=True)
                process.start()
                theirs.close()
                pipes[ours] = process
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in pipes.values():
            process.join(_PATIENCE)
            if process.is_alive():
                process.terminate()


@contextmanager
def _environment(count: int) -> Iterator[None]:
    """What the processes inherit: one thread for arithmetic, and a fair share of threads for drawing."""
    wanted = dict.fromkeys(_ONE_THREAD, "1")
    if count > 1 and _RASTER_THREADS not in os.environ:
        wanted[_RASTER_THREADS] = str(available() // count if available() > count else 0)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(pipe: Connection, build: Build, config: Any, seed: int, coding: Coding) -> None:
    """A process: builds the engine, makes one shard after the other, and ends when the pipe is closed."""
    try:
        try:
            engine = build(config, seed)
            while True:
                pipe.send(make_shard(pipe.recv(), engine, coding, pipe.send))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:
            pipe.send(Failure.of(error))
    except (KeyboardInterrupt, OSError):  # Ctrl-C goes to all processes; the parent says so
        return
