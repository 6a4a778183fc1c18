"""Runs: the same bytes whatever happens, nothing half-written, nothing lost."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anchorpose.files.shards import Coding, partial_shards, read_shard, shard_keys
from anchorpose.learn.synthesis.job import Event, Job, Made, Task, make_shard, open_run, run_job
from anchorpose.learn.synthesis.manifest import Run, file_sha256, read_run, read_runs
from anchorpose.learn.synthesis.processes import local
from anchorpose.poses.errors import FileError, FormatError, InputError, MissingExtra
from anchorpose.poses.samples import Sample
from toy_engine import ToyConfig, ToyEngine

HERE = Path(__file__).parent


def job(out: Path, count: int = 20, **fields: Any) -> Job:
    config = fields.pop("config", ToyConfig())
    return Job(
        out, ToyEngine, "toy", config, fields.pop("seed", 3), count, per_shard=fields.pop("per_shard", 6), **fields
    )


def here(job: Job, tasks: list[Task]) -> Iterator[Event]:
    """A backend in this process, for what is not about processes."""
    engine = job.build(job.config, job.seed)
    for task in tasks:
        ticks: list[int] = []
        made = make_shard(task, engine, job.coding, ticks.append)
        yield sum(ticks)
        yield made


def shards(folder: Path) -> dict[str, str]:
    """Checksum of every shard by name."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.tar"))}


def indices(folder: Path) -> list[int]:
    return [int(key) for path in sorted(folder.glob("*.tar")) for key in shard_keys(path)]


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if "partial" in p.name)


def script(folder: Path, out: Path, *, pause: float = 0.0, before: str = "") -> list[str]:
    """A program that makes 24 samples in 6 shards with 2 processes, resuming."""
    code = folder / "run.py"
    code.write_text(f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from pathlib import Path
from toy_engine import ToyConfig, ToyEngine
from anchorpose.learn.synthesis.job import Job, run_job
from anchorpose.learn.synthesis.processes import local
from anchorpose.poses.errors import AnchorposeError
if __name__ == "__main__":
    import os
    os.environ["TOY_PAUSE"] = "{pause}"
    {before}
    job = Job(Path({str(out)!r}), ToyEngine, "toy", ToyConfig(), 3, 24, per_shard=4)
    try:
        run_job(job, local(2), resume=True)
    except AnchorposeError as error:
        sys.exit(str(error))
""")
    return [sys.executable, str(code)]


# The same bytes ----------------------------------------------------------------------------------------------------


def test_one_process_or_two_make_the_same_bytes(tmp_path: Path) -> None:
    """And so does the engine called by hand; the index has the checksums."""
    run = run_job(job(tmp_path / "one"), local(1))
    run_job(job(tmp_path / "two"), local(2))
    run_job(job(tmp_path / "hand"), here)
    there = shards(tmp_path / "one")
    assert list(there) == ["000000.tar", "000001.tar", "000002.tar", "000003.tar"]
    assert there == shards(tmp_path / "two") == shards(tmp_path / "hand")
    assert {name: about.sha256 for name, about in run.shards.items()} == there
    assert indices(tmp_path / "one") == list(range(20)) and leftovers(tmp_path / "two") == []


def test_a_sample_alone_is_that_of_its_shard(tmp_path: Path) -> None:
    run_job(job(tmp_path), here)
    for event in local(1)(job(tmp_path), [Task(tmp_path / "only.tar", 13, 14)]):
        assert isinstance(event, (int, Made))
    ((key, alone),) = read_shard(tmp_path / "only.tar")
    assert (key, alone) == [pair for pair in read_shard(tmp_path / "000002.tar") if pair[0] == key][0]


@pytest.mark.parametrize(("count", "per_shard", "of"), [(20, 6, 2), (20, 6, 3), (5, 1, 4), (7, 10, 2), (100, 7, 8)])
def test_parts_of_machines_are_a_partition(tmp_path: Path, count: int, per_shard: int, of: int) -> None:
    """Every shard is made by exactly one machine, and no two differ by more than one shard."""
    jobs = [job(tmp_path, count, per_shard=per_shard, shard=i + 1, of=of) for i in range(of)]
    parts = [[(t.path.name, t.first, t.stop) for t in j.tasks()] for j in jobs]
    whole = [(t.path.name, t.first, t.stop) for t in job(tmp_path, count, per_shard=per_shard).tasks()]
    assert sorted(t for part in parts for t in part) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [i for _, a, b in whole for i in range(a, b)] == list(range(count))


def test_machines_share_a_folder(tmp_path: Path) -> None:
    """Two parts made one after the other are the whole; each has an index of its own."""
    run_job(job(tmp_path / "whole"), here)
    for part in (2, 1):
        run_job(job(tmp_path / "parts", shard=part, of=2), here)
    assert shards(tmp_path / "parts") == shards(tmp_path / "whole")
    assert [run.name for run in read_runs(tmp_path / "parts")] == ["index-1-of-2.json", "index-2-of-2.json"]
    every = {name for run in read_runs(tmp_path / "parts") for name in run.shards}
    assert every == set(shards(tmp_path / "whole"))


# Going on ----------------------------------------------------------------------------------------------------------


def test_killed_half_way_and_resumed(tmp_path: Path) -> None:
    """SIGKILL in the middle: no shard is half-written, finished ones are not touched, the rest is as if undisturbed."""
    run_job(job(tmp_path / "calm", 24, per_shard=4), here)
    out = tmp_path / "killed"
    program = subprocess.Popen(script(tmp_path, out, pause=0.12))
    deadline = time.monotonic() + 60
    while len(shards(out) if out.is_dir() else ()) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    there = shards(out)
    assert 2 <= len(there) < 6
    assert there.items() <= shards(tmp_path / "calm").items()
    stamps = {name: (out / name).stat().st_mtime_ns for name in there}
    subprocess.run(script(tmp_path, out), check=True)
    assert shards(out) == shards(tmp_path / "calm")
    assert {name: (out / name).stat().st_mtime_ns for name in there} == stamps
    assert leftovers(out) == []
    assert read_run(out / "index.json").shards == read_run(tmp_path / "calm" / "index.json").shards


def test_processes_end_with_the_program(tmp_path: Path) -> None:
    """They notice that nobody listens, also when the program was killed, and put their temporary files away."""
    out = tmp_path / "out"
    program = subprocess.Popen(script(tmp_path, out, pause=0.05))
    deadline = time.monotonic() + 60
    while not (out.is_dir() and leftovers(out)) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    while leftovers(out) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leftovers(out) == []


def test_a_full_disk_keeps_what_is_finished(tmp_path: Path) -> None:
    """Files may grow to a limit that the fourth sample passes: a clear error, no half shard, and resuming goes on."""
    run_job(job(tmp_path / "calm", 24, per_shard=4), here)
    out = tmp_path / "full"
    sizes = [p.stat().st_size for p in sorted((tmp_path / "calm").glob("*.tar"))]
    run_job(job(out, 8, per_shard=4), here)
    assert len(shards(out)) == 2
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({min(sizes) // 2}, resource.RLIM_INFINITY))"
    failed = subprocess.run(script(tmp_path, out, before=limit), capture_output=True, text=True)
    assert failed.returncode == 1
    assert "cannot be written: File too large; 2 finished shards are kept, --resume goes on" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(shards(out)) == 2 and leftovers(out) == []
    subprocess.run(script(tmp_path, out), check=True)
    assert shards(out) == shards(tmp_path / "calm")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    run_job(job(tmp_path), here)
    with pytest.raises(InputError, match="holds shards already; --resume goes on"):
        run_job(job(tmp_path), here)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, "seed is 3 there, 4 now"),
        ({"config": ToyConfig(size=(64, 64))}, r"config has size = \[48, 40\] there, \[64, 64\] now"),
        ({"per_shard": 7}, "per_shard is 6 there, 7 now"),
        ({"coding": Coding("png")}, "coding has image = 'jpg' there, 'png' now"),
        ({"inputs": {"poses.npz": "ff"}}, "inputs has poses.npz = None there, 'ff' now"),
        ({"count": 12}, "a run of 20 samples; --count can only grow, not to 12"),
    ],
)
def test_another_run_is_not_gone_on_with(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    run_job(job(tmp_path), here)
    with pytest.raises(InputError, match=message):
        run_job(job(tmp_path, **{"count": 20, **change}), here, resume=True)


def test_a_run_can_grow(tmp_path: Path) -> None:
    """The last shard, which was not full, is made again; full ones are not."""
    run_job(job(tmp_path / "a", 20), here)
    _, todo = open_run(job(tmp_path / "a", 26), True)
    assert [(t.first, t.stop) for t in todo] == [(18, 24), (24, 26)]
    run_job(job(tmp_path / "a", 26), here, resume=True)
    run_job(job(tmp_path / "b", 26), here)
    assert shards(tmp_path / "a") == shards(tmp_path / "b")


def test_finished_shards_that_the_index_does_not_know(tmp_path: Path) -> None:
    """Moved into place, and then killed: a complete one is kept, one with missing samples or cut off is made again."""
    run = run_job(job(tmp_path), here)
    before = shards(tmp_path)
    replace(run, shards={}).save(tmp_path)
    assert open_run(job(tmp_path), True)[1] == [] and read_run(tmp_path / "index.json").shards == run.shards
    replace(run, shards={}).save(tmp_path)
    (tmp_path / "000000.tar").write_bytes((tmp_path / "000003.tar").read_bytes())
    (tmp_path / "000001.tar").write_bytes((tmp_path / "000001.tar").read_bytes()[:5000])
    assert [t.first for t in open_run(job(tmp_path), True)[1]] == [0, 6]
    run_job(job(tmp_path), here, resume=True)
    assert shards(tmp_path) == before


def test_shards_that_changed_are_made_again(tmp_path: Path) -> None:
    run_job(job(tmp_path), here)
    before = shards(tmp_path)
    (tmp_path / "000001.tar").write_bytes(b"")
    (tmp_path / "000002.tar").unlink()
    run_job(job(tmp_path), here, resume=True)
    assert shards(tmp_path) == before


def test_left_over_files_are_put_away(tmp_path: Path) -> None:
    """Those of this run's shards, when it goes on; of other machines' shards never."""
    for number in (0, 1):
        (tmp_path / f".00000{number}.tar.machine-12.partial").write_bytes(b"half")
    open_run(job(tmp_path, shard=2, of=2), True)
    assert leftovers(tmp_path) == [".000000.tar.machine-12.partial"]
    assert partial_shards(tmp_path / "000001.tar") == []


# What fails ---------------------------------------------------------------------------------------------------------


def test_samples_that_cannot_be_made_are_noted(tmp_path: Path) -> None:
    """And the others are made, the same ones with any number of processes; resuming does not try again."""
    broken = ToyConfig(broken=(2, 3, 17))
    run = run_job(job(tmp_path / "a", config=broken), local(2))
    failed = {k: v for about in run.shards.values() for k, v in about.failed.items()}
    assert failed == {str(i): f"the toy is broken at {i}" for i in broken.broken}
    assert indices(tmp_path / "a") == [i for i in range(20) if i not in broken.broken]
    assert open_run(job(tmp_path / "a", config=broken), True)[1] == []
    run_job(job(tmp_path / "b", config=broken), here)
    assert shards(tmp_path / "a") == shards(tmp_path / "b")


def test_bugs_are_noted_too(tmp_path: Path) -> None:
    """With the place, and a run does not end for one image in a million."""
    run = run_job(job(tmp_path, config=ToyConfig(bugs=(7,))), local(1))
    assert re.fullmatch(r"ZeroDivisionError: a bug in the toy \(toy_engine\.py, line \d+\)",
                        run.shards["000001.tar"].failed["7"])  # fmt: skip
    assert indices(tmp_path) == [i for i in range(20) if i != 7]


def test_a_shard_that_mostly_fails_is_an_error(tmp_path: Path) -> None:
    """It would never be made again, and what is wrong may go away: a disk that was not there."""
    with pytest.raises(InputError, match="4 of 6 images could not be made; image 8: the toy is broken at 8"):
        run_job(job(tmp_path, config=ToyConfig(broken=tuple(range(8, 12)))), local(1))
    assert "000001.tar" not in shards(tmp_path) and leftovers(tmp_path) == []


class Hasty(ToyEngine):
    """Works four samples ahead."""

    def samples(self, indices: Iterable[int]) -> Iterator[Sample]:
        numbers = list(indices)
        for start in range(0, len(numbers), 4):
            yield from [self.sample(i) for i in numbers[start : start + 4]]


class Lame(ToyEngine):
    """Cannot work at all."""

    def sample(self, index: int) -> Sample:
        raise MissingExtra("moderngl", "synth")


def test_engines_that_work_ahead(tmp_path: Path) -> None:
    """Only the sample that fails is left out, not those that were made with it."""
    broken = ToyConfig(broken=(3, 9))
    run_job(replace(job(tmp_path / "a", config=broken), build=Hasty), here)
    run_job(job(tmp_path / "b", config=broken), here)
    assert shards(tmp_path / "a") == shards(tmp_path / "b")


def test_engines_that_cannot_work(tmp_path: Path) -> None:
    """End at once, whatever is missing here is not the samples' fault."""
    with pytest.raises(MissingExtra, match="moderngl"):
        run_job(replace(job(tmp_path), build=Lame), here)
    with pytest.raises(InputError, match=r'pip install "anchorpose\[synth\]"'):
        run_job(replace(job(tmp_path), build=Lame), local(1))
    assert shards(tmp_path) == {}


def broken_build(config: ToyConfig, seed: int) -> ToyEngine:
    raise {"input": InputError("no sources"), "bug": ZeroDivisionError("a bug")}[config.note]


@pytest.mark.parametrize(
    ("kind", "error", "text"), [("input", InputError, "^no sources$"), ("bug", RuntimeError, "a bug")]
)
def test_engines_that_cannot_be_built(tmp_path: Path, kind: str, error: type[Exception], text: str) -> None:
    """What users can mend is said in a line; a bug comes with its traceback."""
    with pytest.raises(error, match=text):
        run_job(replace(job(tmp_path, config=ToyConfig(note=kind)), build=broken_build), local(1))


def test_a_process_that_dies(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"made 000001.tar has died \(exit code 7\).*; 1 finished shards are kept"):
        run_job(job(tmp_path, config=ToyConfig(die_at=8)), local(1))
    assert list(shards(tmp_path)) == ["000000.tar"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"count": 0}, "at least one sample"),
        ({"shard": 0}, "--shard counts from 1 to --of, 1; it cannot be 0"),
        ({"shard": 4, "of": 3}, "it cannot be 4"),
        ({"seed": -1}, "a seed is a whole number"),
    ],
)
def test_jobs_that_make_no_sense(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        job(tmp_path, **fields)
    with pytest.raises(InputError, match="at least one process, not 0"):
        local(0)


# The index -----------------------------------------------------------------------------------------------------------


def test_progress_and_index(tmp_path: Path) -> None:
    """Ticks add up to the samples; the index is written with every shard and reads back."""
    run_job(job(tmp_path, 6), here)
    events: list[Event] = []
    run = run_job(job(tmp_path), here, resume=True, report=events.append)
    assert events[0] == 6 and sum(e for e in events if isinstance(e, int)) == 20
    assert sum(isinstance(e, Made) for e in events) == 3
    data = json.loads((tmp_path / "index.json").read_text())
    assert data["format"] == "anchorpose-synthesis/1" and data["config"]["size"] == [48, 40] and data["seed"] == 3
    again = read_run(tmp_path / "index.json")
    assert isinstance(again, Run) and again.shards == run.shards
    for name, about in again.shards.items():
        assert file_sha256(tmp_path / name) == about.sha256 and (tmp_path / name).stat().st_size == about.bytes


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "x"}', '{"format": "anchorpose-synthesis/1", "shards": {}}'])
def test_what_is_no_index(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(FormatError, match=r"index\.json is no index of synthetic shards"):
        read_runs(tmp_path)
