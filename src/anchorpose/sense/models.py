"""What ships: the networks' files, each with licence, source and checksum, and how they are loaded.

`weights/index.json` in the package lists them. A directory named by the environment variable ANCHORPOSE_HOME is looked
at first: an `index.json` there adds models, or replaces those of the same name.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from anchorpose.poses.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime

HOME_VARIABLE = "ANCHORPOSE_HOME"
INDEX = "index.json"
PACKAGE_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
#: Above this many threads a batch of one gains nothing on the networks that ship.
MOST_THREADS = 4


@dataclass(frozen=True)
class ModelFile:
    """One file of weights: name in the index, file name, checksum, size, terms, origin and the command behind it."""

    name: str
    file: str
    sha256: str
    bytes: int
    licence: str
    source: str
    command: str


def weights_dir() -> Path:
    """The directory that ANCHORPOSE_HOME names, else the package's own."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) if home else PACKAGE_WEIGHTS


def read_index(directory: Path) -> dict[str, ModelFile]:
    """The models that `directory/index.json` lists; none where there is no such file.

    Raises:
        ModelError: the index is not readable or an entry lacks a field.
    """
    path = directory / INDEX
    if not path.is_file():
        return {}
    wanted = {field.name for field in fields(ModelFile)}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["models"]
        return {entry["name"]: ModelFile(**{name: entry[name] for name in wanted}) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is not a usable index of models ({type(error).__name__}: {error})") from None


#: What the package ships.
MODELS: dict[str, ModelFile] = read_index(PACKAGE_WEIGHTS)


def _find(name: str) -> tuple[Path, ModelFile]:
    """The directory and the entry of a model: the directory of ANCHORPOSE_HOME first, then the package."""
    known: set[str] = set()
    for directory in dict.fromkeys((weights_dir(), PACKAGE_WEIGHTS)):
        index = read_index(directory)
        if name in index:
            return directory, index[name]
        known.update(index)
    raise ModelError(f"there is no model called {name!r}; there are: {', '.join(sorted(known)) or 'none'}")


def model_path(name: str) -> Path:
    """Where the file of a model lies. ModelError if the model is unknown or its file is not there."""
    directory, entry = _find(name)
    path = directory / entry.file
    if not path.is_file():
        raise ModelError(f"the weights of {name!r} are missing: expected {path} ({entry.bytes} bytes; {entry.source})")
    return path


def model_bytes(name: str) -> bytes:
    """The content of a model's file, checked against the index (about 1 ms for each MB).

    Raises:
        ModelError: unknown model, missing file, or a size or SHA-256 other than the index says.
    """
    entry = _find(name)[1]
    path = model_path(name)
    content = path.read_bytes()
    if len(content) != entry.bytes:
        raise ModelError(f"{path} is damaged: it has {len(content)} bytes, the index says {entry.bytes}")
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise ModelError(f"{path} is damaged: its SHA-256 is {found}, the index says {entry.sha256}")
    return content


def default_threads() -> int:
    """As many threads as this process may use processors, four at most."""
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        available = os.cpu_count() or 1
    return max(1, min(MOST_THREADS, available))


def load_session(name_or_path: str | Path, threads: int | None = None) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU.

    Args:
        name_or_path: a model of the index (checked against its SHA-256), or the path of an .onnx file (taken as it is).
        threads: threads within an operator; None: `default_threads()`.

    Raises:
        ModelError: missing, damaged or not a network.
    """
    import onnxruntime

    path = Path(name_or_path)
    if path.suffix == ".onnx":
        if not path.is_file():
            raise ModelError(f"there is no file {path}")
        content = path.read_bytes()
    else:
        content = model_bytes(str(name_or_path))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads if threads is not None else default_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads of one network that go on waiting for work after its run take the processor from the network that follows.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions share no public base
        raise ModelError(f"{name_or_path} is not a network that ONNX Runtime can load: {error}") from None


def register_weight(
    path: str | Path, name: str, licence: str, source: str, command: str, directory: Path = PACKAGE_WEIGHTS
) -> ModelFile:
    """Add a file that lies in `directory` to its index, or update its entry. For those who make the weights.

    Raises:
        ModelError: the file is not there, or not in `directory`.
    """
    path = Path(path)
    if not path.is_file() or path.resolve().parent != directory.resolve():
        raise ModelError(f"expected a file in {directory}, not {path}")
    content = path.read_bytes()
    entry = ModelFile(name, path.name, hashlib.sha256(content).hexdigest(), len(content), licence, source, command)
    index = read_index(directory) | {name: entry}
    text = json.dumps({"models": [asdict(index[key]) for key in sorted(index)]}, indent=2)
    (directory / INDEX).write_text(text + "\n", encoding="utf-8")
    return entry
