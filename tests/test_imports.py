"""The house: which room may use which, and what may be imported where."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import anchorpose

SOURCE = Path(anchorpose.__file__).parent
ROOMS = {  # a room may use itself and what stands here
    "poses": set(),
    "files": {"poses"},
    "sense": {"files", "poses"},
    "measure": {"sense", "files", "poses"},
    "learn": {"measure", "sense", "files", "poses"},
    "classic": {"measure", "sense", "files", "poses"},
    "share": {"measure", "sense", "files", "poses"},
    "cli": {"learn", "classic", "share", "measure", "sense", "files", "poses"},
}
DOORS = {"__main__"}  # modules at the top that belong to the room "cli"
# Also the stdlib counts, where it opens files that run code.
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@dataclass(frozen=True)
class Import:
    """`target` is imported at `file`:`line`."""

    file: Path
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(SOURCE)}:{self.line} imports {self.target}"


@cache
def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


@cache
def imports(file: Path) -> list[Import]:
    return list(_imports(file))


def _imports(file: Path) -> Iterator[Import]:
    """Every import statement of a file, wherever it stands; `from a import b` as a.b where b is a module."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, name.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
            yield Import(file, node.lineno, str(node.module))
            for name in node.names:
                if (SOURCE.parent / f"{node.module}/{name.name}".replace(".", "/")).with_suffix(".py").exists():
                    yield Import(file, node.lineno, f"{node.module}.{name.name}")


def room(file: Path) -> str | None:
    """The room of a file; None for the package's own __init__."""
    first = file.relative_to(SOURCE).parts[0]
    if first == "__init__.py":
        return None
    return "cli" if Path(first).stem in DOORS else first


def room_of(target: str) -> str | None:
    """The room of an imported module; None if it is not ours, "" for the package itself."""
    parts = target.split(".")
    if parts[0] != "anchorpose":
        return None
    if len(parts) == 1:
        return ""
    return "cli" if parts[1] in DOORS else parts[1]


def test_every_module_is_in_a_room() -> None:
    """At the top there is only the package's __init__ and the command line."""
    for file in modules():
        assert room(file) in (None, *ROOMS), file
    assert {"poses", "files", "sense", "measure", "learn", "share", "cli"} <= {room(f) for f in modules()}


def test_arrows_run_one_way() -> None:
    """No module imports from a room to its left, not even inside a function or for types alone. The package's own
    __init__ names what is public, and is the only exception."""
    wrong = []
    for file in modules():
        here = room(file)
        if here is None:
            continue
        for found in imports(file):
            there = room_of(found.target)
            # `from anchorpose import __version__` is a fact, not a room.
            if there not in (None, "", here) and there not in ROOMS[here]:
                wrong.append(str(found))
    assert wrong == []


def test_the_package_imports_its_rooms_lazily() -> None:
    """At the top of __init__ there are only the stdlib and, for type checkers, what is public."""
    tree = parsed(SOURCE / "__init__.py")
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert (getattr(node, "module", None) or node.names[0].name) in ("__future__", "typing")


def test_only_learn_imports_torch() -> None:
    """Nor what stands on it or makes networks only."""
    heavy = {"torch", "torchvision", "safetensors", "sklearn", "roma", "webdataset", "onnxscript"}
    wrong = [str(i) for f in modules() for i in imports(f) if i.target.split(".")[0] in heavy and room(f) != "learn"]
    wrong = [w for w in wrong if not (w.startswith("classic") and "sklearn" in w)]  # only its training needs it
    assert wrong == []


def test_poses_import_numpy_and_the_standard_library_only() -> None:
    """The vocabulary needs nothing else; supervision, for those who have it, where people are handed to it."""
    allowed = {"numpy", "anchorpose", *sys.stdlib_module_names}
    wrong = [
        str(i) for f in modules() if room(f) == "poses" for i in imports(f) if i.target.split(".")[0] not in allowed
    ]
    assert [w for w in wrong if not w.endswith("imports supervision")] == []
    assert len(wrong) <= 1


@pytest.mark.parametrize("name", ["random", "time", "datetime", "secrets"])
def test_poses_know_no_clock_and_no_chance(name: str) -> None:
    """Nothing random without a generator that is given, and no time of day."""
    assert [str(i) for f in modules() if room(f) == "poses" for i in imports(f) if i.target == name] == []


def calls(file: Path) -> Iterator[tuple[int, str, ast.Call]]:
    """Line, dotted name and node of every call."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func), node


def test_nothing_is_unpickled() -> None:
    """No pickle and its kin, no torch.load; every np.load says allow_pickle=False; no eval, no exec."""
    wrong = []
    for file in modules():
        wrong += [str(i) for i in imports(file) if i.target.split(".")[0] in UNSAFE]
        for line, name, call in calls(file):
            keywords = {k.arg: k.value for k in call.keywords}
            where = f"{file.relative_to(SOURCE)}:{line} {name}"
            if name in ("torch.load", "eval", "exec", "torch.hub.load", "torch.jit.load"):
                wrong.append(where)
            value = keywords.get("allow_pickle")
            if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
                wrong.append(where)
            if name in ("np.load", "numpy.load") and value is None:
                wrong.append(f"{where} without allow_pickle=False")
    assert wrong == []


def test_no_addresses_are_opened() -> None:
    """The program fetches nothing: no module for it is imported outside of what gets demonstration input. Taking an
    address apart opens nothing, and the live page only answers."""
    net = {"urllib", "http", "socket", "requests", "httpx", "aiohttp", "ftplib"}
    wrong = [i for f in modules() for i in imports(f) if i.target.split(".")[0] in net]
    serving = {("live_page.py", "http"), ("live_page.py", "http.server")}
    wrong = [i for i in wrong if i.target != "urllib.parse" and (i.file.name, i.target) not in serving]
    assert [str(i) for i in wrong if i.file.name != "demo_input.py"] == []


def test_library_code_does_not_print() -> None:
    """Only command lines do: the program's own, and a module's main() where something is made or measured."""
    wrong = []
    for file in modules():
        if room(file) in ("cli", "learn", "measure"):
            continue
        tree = parsed(file)
        inside = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef) and function.name == "main"
            for node in ast.walk(function)
        }
        wrong += [
            f"{file.relative_to(SOURCE)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and id(node) not in inside
        ]
    assert wrong == []
