"""The index beside the shards of a run: what made them, and the checksum of each that is finished.

`index.json` belongs to a run on one machine; with `--shard 2 --of 3` it is `index-2-of-3.json`, so that machines that
share a folder, or whose folders are put together later, do not write over each other. `read_runs` reads them all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anchorpose.files.paths import read_text, replacing
from anchorpose.poses.errors import FileError, FormatError, InputError

FORMAT = "anchorpose-synthesis/1"
_SAME = ("engine", "config", "seed", "per_shard", "coding", "inputs")


@dataclass(frozen=True)
class Finished:
    """A shard that is in place: its samples, size, checksum, and what could not be made, by sample index."""

    first: int
    samples: int
    bytes: int
    sha256: str
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What made the shards of a folder.

    Attributes:
        engine, config, seed: `engine(config, seed)` makes each sample from its index alone.
        count: samples of the whole run, over all machines; per_shard: samples in a shard (fewer in the last).
        coding: how samples are stored. inputs: sha256 of the files that were made from the user's own.
        version: of the program. shard, of: which part of the run this index is about.
        shards: what is finished, by file name.
    """

    engine: str
    config: Mapping[str, Any]
    seed: int
    count: int
    per_shard: int
    coding: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    shard: int = 1
    of: int = 1
    shards: Mapping[str, Finished] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the index file."""
        return "index.json" if self.of == 1 else f"index-{self.shard}-of-{self.of}.json"

    def save(self, folder: Path) -> None:
        """Write the index all or nothing."""
        data = {"format": FORMAT, **asdict(self), "shards": {k: asdict(self.shards[k]) for k in sorted(self.shards)}}
        with replacing(folder / self.name) as temporary:
            temporary.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def read_run(path: Path) -> Run:
    """An index file; FormatError if it is none."""
    try:
        data = json.loads(read_text(path))
        if data.pop("format") != FORMAT:
            raise ValueError(f"expected the format {FORMAT!r}")
        return Run(**{**data, "shards": {name: Finished(**about) for name, about in data["shards"].items()}})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{path} is no index of synthetic shards: {error}") from error


def read_runs(folder: Path) -> tuple[Run, ...]:
    """Every index in a folder, one for each machine; none where nothing was made."""
    names = sorted(p.name for p in folder.glob("index*.json")) if folder.is_dir() else []
    return tuple(read_run(folder / n) for n in names if re.fullmatch(r"index(-\d+-of-\d+)?\.json", n))


def check_same(run: Run, there: Run, folder: Path) -> None:
    """InputError where a folder holds shards of another run; says what differs.

    Only the count may differ, and only grow.
    """
    for name in _SAME:
        new, old = (_as_json(getattr(r, name)) for r in (run, there))
        if new != old:
            raise InputError(
                f"{folder} holds another run: {_difference(name, old, new)}. Give the same options, or another folder"
            )
    if run.count < there.count:
        raise InputError(f"{folder} holds a run of {there.count} samples; --count can only grow, not to {run.count}")


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _difference(name: str, old: Any, new: Any) -> str:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return f"{name} is {old!r} there, {new!r} now"
    key = next(k for k in [*old, *new] if old.get(k) != new.get(k))
    return f"{name} has {key} = {_short(old.get(key))} there, {_short(new.get(key))} now"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def file_sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
