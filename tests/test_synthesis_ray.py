"""The Ray backend on a cluster of two nodes that the test starts; in a process of its own, for Ray's many warnings."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from anchorpose import __version__
from anchorpose.files.shards import Coding
from anchorpose.learn.synthesis.job import Job, Task, run_job
from anchorpose.learn.synthesis.manifest import read_run
from anchorpose.learn.synthesis.on_ray import _Maker, _Order, _Parcel, _sources, on_ray
from anchorpose.learn.synthesis.processes import Failure, local
from anchorpose.poses.errors import InputError, MissingExtra
from toy_engine import ToyConfig, ToyEngine

HERE = Path(__file__).parent
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the package ray is not installed")

PROGRAM = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
os.environ["PYTHONPATH"] = {here!r}  # the nodes inherit it
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
from ray.cluster_utils import Cluster
from toy_engine import ToyConfig, ToyEngine
from anchorpose.learn.synthesis.job import Job, Made, run_job
from anchorpose.learn.synthesis.on_ray import on_ray
from anchorpose.poses.errors import FileError, InputError

small = dict(num_cpus=1, object_store_memory=80_000_000, include_dashboard=False)
cluster = Cluster(initialize_head=True, head_node_args=small)
cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
cluster.wait_for_nodes()
out = Path({out!r})
events = []
os.chdir(out)
Path("toy").mkdir()
Path("toy/note.txt").write_text("a note")
config = ToyConfig(broken=(3,), note="toy/note.txt")
job = Job(Path("toy"), ToyEngine, "toy", config, 3, 20, per_shard=4, inputs={{"note.txt": "sum"}})
try:
    run_job(job, on_ray(cluster.address), report=events.append)
    print("events", sum(e for e in events if isinstance(e, int)), sum(isinstance(e, Made) for e in events))
    print("nodes", len([n for n in cluster.list_all_nodes()]))
    Path("toy/000002.tar").unlink()
    run_job(job, on_ray(cluster.address), resume=True)
    try:
        bad = Job(out / "bad", ToyEngine, "toy", ToyConfig(broken=tuple(range(4))), 3, 4)
        run_job(bad, on_ray(cluster.address))
    except InputError as error:
        print("error", error)
    try:
        dying = Job(out / "dying", ToyEngine, "toy", ToyConfig(die_at=2), 3, 4)
        run_job(dying, on_ray(cluster.address))
    except FileError as error:
        print("died", error)
finally:
    cluster.shutdown()
"""


def shards(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.tar"))}


@needs_ray
@pytest.mark.slow
def test_two_nodes_make_the_same_bytes(tmp_path: Path) -> None:
    """As local processes do; what fails is said in a line, and a node that dies does not hang the run."""
    program = PROGRAM.format(here=str(HERE), out=str(tmp_path))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    said = dict(line.split(" ", 1) for line in run.stdout.splitlines() if " " in line)
    assert said["events"] == "20 5" and said["nodes"] == "2"
    assert "4 of 4 images could not be made; image 0: the toy is broken at 0" in said["error"]
    assert said["died"].startswith("000000.tar could not be made on the cluster")
    job = Job(tmp_path / "local", ToyEngine, "toy", ToyConfig(broken=(3,)), 3, 20, per_shard=4)
    assert run_job(job, local(1)).shards == read_run(tmp_path / "toy" / "index.json").shards
    assert shards(tmp_path / "toy") == shards(tmp_path / "local")
    assert [p.name for p in tmp_path.rglob("*partial*")] == []


def test_files_travel_with_an_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has not the folder of the run gets what was made for it; what is there is not touched."""
    monkeypatch.chdir(tmp_path)
    config = ToyConfig(note="toy/note.txt")
    files = {"toy/note.txt": b"a note"}
    order = _Order(ToyEngine, config, 3, Coding(), str(tmp_path / "node"), files, __version__, _sources())
    parcel = _Maker(order).make(Task(Path("000000.tar"), 0, 2))
    assert isinstance(parcel, _Parcel) and len(parcel.data) == parcel.made.about.bytes
    (tmp_path / "node" / "toy" / "note.txt").write_text("changed")
    assert _Maker(order).make(Task(Path("000000.tar"), 0, 2)) == Failure("another note", "input")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (("0.0.1", "x"), f"has anchorpose {__version__}, and the machine that runs the command 0.0.1; images would"),
        ((), f"has anchorpose {__version__}, and the machine that runs the command an older version; images would"),
        ((__version__, "x"), f"has other sources of anchorpose {__version__} than the machine that runs the command;"),
    ],
)
def test_nodes_with_another_program(tmp_path: Path, program: tuple[str, ...], message: str) -> None:
    """Refuse the order, in a line that names the node and both versions; nothing is made."""
    order = _Order(ToyEngine, ToyConfig(), 3, Coding(), str(tmp_path / "node"), {}, *program)
    failure = _Maker(order).make(Task(Path("000000.tar"), 0, 2))
    assert isinstance(failure, Failure) and not (tmp_path / "node").exists()
    with pytest.raises(InputError, match=f"the node .* {re.escape(message)}"):
        failure.throw()


def test_the_digest_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Follows the modules and the data, not line ends or what Python leaves beside them."""
    digests = []
    for text, data in ((b"x = 1\n", b"1"), (b"x = 1\r\n", b"1"), (b"x = 2\n", b"1"), (b"x = 1\n", b"12")):
        (tmp_path / "__init__.py").write_bytes(text)
        (tmp_path / "body.npz").write_bytes(data)
        (tmp_path / f"{len(digests)}.pyc").write_bytes(b"x")
        monkeypatch.setattr("anchorpose.__file__", str(tmp_path / "__init__.py"))
        digests.append(_sources.__wrapped__())
    assert digests[0] == digests[1] and len(set(digests)) == 3


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to get it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"pip install \"anchorpose\[cluster\]\""):
        on_ray()


@needs_ray
def test_processes_are_counted_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", object())
    with pytest.raises(InputError, match="at least one process, not 0"):
        on_ray("auto", 0)
