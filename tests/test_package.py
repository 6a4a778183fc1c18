"""The package as a whole: light to import, small modules, and no trace of the machine it was made on."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import anchorpose

SOURCE = Path(anchorpose.__file__).parent
ROOT = SOURCE.parent.parent
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = ("numpy", "scipy", "onnxruntime", "av", "torch", "PIL", "tyro", "tqdm", "matplotlib")


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)


def test_importing_costs_next_to_nothing() -> None:
    """`import anchorpose` loads none of the heavy packages, and takes well under a second."""
    code = "import time, sys; t = time.perf_counter(); import anchorpose; t = time.perf_counter() - t; " + (
        f"print(t, *(m for m in {HEAVY} if m in sys.modules))"
    )
    seconds, *loaded = fresh(code).stdout.split()
    assert loaded == []
    assert float(seconds) < 1


def test_the_command_line_loads_no_network_for_its_help() -> None:
    """`--help` needs neither NumPy nor ONNX Runtime, so that it answers at once."""
    heavy = ("onnxruntime", "av", "torch", "scipy", "numpy", "PIL")
    code = f"import sys; import anchorpose.cli; print(*(m for m in {heavy} if m in sys.modules))"
    assert fresh(code).stdout.split() == []


def test_pipelines_need_no_torch() -> None:
    """What runs for a user imports neither torch nor other packages of the training."""
    code = (
        "import sys, anchorpose, anchorpose.sense.pipeline, anchorpose.cli.run, anchorpose.files.video, "
        "anchorpose.share.figures, anchorpose.measure.metrics; "
        "print(*(m for m in ('torch', 'sklearn', 'onnx', 'safetensors', 'matplotlib', 'cv2') if m in sys.modules))"
    )
    assert fresh(code).stdout.split() == []


def test_version() -> None:
    """Three numbers, and those of the installed package."""
    from importlib.metadata import version

    assert re.fullmatch(r"\d+\.\d+\.\d+([abrc.]\w+)?", anchorpose.__version__)
    assert version("anchorpose") == anchorpose.__version__


def test_public_names_resolve() -> None:
    """Every lazily exported name is what its room has, is listed by dir(), and is known to type checkers."""
    for name, module in anchorpose._WHERE.items():
        assert getattr(anchorpose, name) is getattr(importlib.import_module(f"anchorpose.{module}"), name)
        assert name in dir(anchorpose)
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("anchorpose.")
        for alias in node.names
    }
    assert declared == set(anchorpose._WHERE)
    for name in ("load", "video", "save", "People", "Person", "Pose", "Camera", "AnchorposeError"):
        assert name in anchorpose._WHERE


def test_unknown_names_are_attribute_errors() -> None:
    """As Python has it, so that hasattr works."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        anchorpose.nothing  # noqa: B018
    assert not hasattr(anchorpose, "KeyPoints")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_modules_are_small_and_say_what_they_are(path: Path) -> None:
    """Less than 360 lines, functions of less than 70, a docstring at the top unless the file is empty."""
    text = path.read_text("utf-8")
    assert text.count("\n") < 360
    tree = ast.parse(text)
    assert not text.strip() or ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 70, f"{node.name} is too long"


def test_every_public_function_has_annotations() -> None:
    """Parameters and results, so that the package can call itself typed."""
    assert (SOURCE / "py.typed").exists()
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                every = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                bare = [a.arg for a in every if a.annotation is None and a.arg not in ("self", "cls")]
                if bare or node.returns is None:
                    wrong.append(f"{path.relative_to(SOURCE)}:{node.lineno} {node.name} {bare}")
    assert wrong == []


TRACES = re.compile(r"/root/|/home/\w|C:\\\\Users")


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "examples", "runs"])
def test_no_paths_of_one_machine(folder: str) -> None:
    """Nothing in the repository points into somebody's folders."""
    wrong = []
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in (".py", ".sh", ".md", ".json", ".toml", ".txt", ".csv") and path != Path(__file__):
            text = path.read_text("utf-8")
            wrong += [f"{path.relative_to(ROOT)}: {m[0]}" for m in TRACES.finditer(text)]
    assert wrong == []


def test_the_weights_that_ship_are_those_of_the_index() -> None:
    """Every file in the folder is listed, with its licence and origin, and is not larger than it should be."""
    folder = SOURCE / "weights"
    entries = json.loads((folder / "index.json").read_text())["models"]
    files = {p.name for p in folder.iterdir() if p.suffix in (".onnx", ".npz")}
    assert {e["file"] for e in entries} == files
    for entry in entries:
        size = (folder / entry["file"]).stat().st_size
        assert size == entry["bytes"] and size < 16_000_000
        assert entry["licence"] and entry["source"] and entry["command"]
    assert sum(e["bytes"] for e in entries) < 40_000_000


def test_the_schema_ships() -> None:
    """It is found as a resource of the package, not as a path beside the tests."""
    from importlib.resources import files

    assert files("anchorpose.files").joinpath("people.schema.json").is_file()
