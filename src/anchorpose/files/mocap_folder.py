"""What is made of a whole folder of motion capture: clip by clip, in several processes, and kept for the next time."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Protocol, TypeVar

from anchorpose.files.mocap import INDEX, MocapRecord
from anchorpose.files.paths import input_file
from anchorpose.poses.errors import FileError, FormatError, InputError

Made = TypeVar("Made")


class Kept(Protocol):
    """What can be written to a file."""

    def save(self, path: str | Path) -> None: ...


KeptT = TypeVar("KeptT", bound=Kept)


def cache_folder() -> Path:
    """Where what can be made again is kept: the environment variable ANCHORPOSE_CACHE, or ~/.cache/anchorpose."""
    return Path(os.environ.get("ANCHORPOSE_CACHE") or Path.home() / ".cache" / "anchorpose")


def kept_file(root: str | PathLike[str], kind: str, version: str, cache: str | PathLike[str] | None = None) -> Path:
    """Where a `kind` of thing made of the folder `root` is kept; changes with the folder's index and with `version`."""
    index = input_file(Path(root) / INDEX, "the index of a folder of motion capture")
    key = hashlib.sha256(index.read_bytes() + f"|{version}".encode()).hexdigest()[:16]
    return (cache_folder() if cache is None else Path(cache)) / f"{kind}-{key}.npz"


def kept_or_made(path: Path | None, load: Callable[[Path], KeptT], make: Callable[[], KeptT]) -> KeptT:
    """What lies at `path`; made, and kept there, if there is nothing or it is broken. None: made, not kept.

    Warns if it cannot be kept.
    """
    if path is not None and path.is_file():
        try:
            return load(path)
        except FormatError:
            pass  # broken: made again
    made = make()
    if path is not None:
        try:
            made.save(path)
        except FileError as error:
            warnings.warn(f"{path.name} is not kept for the next time: {error}", stacklevel=3)
    return made


def map_records(
    read: Callable[[Path, MocapRecord], Made], root: Path, records: tuple[MocapRecord, ...], workers: int,
    name: str, progress: bool,
) -> Iterator[Made]:  # fmt: skip
    """`read(root, record)` of each record in order, by `workers` processes, with a progress bar called `name`."""
    from tqdm import tqdm

    results = _mapped(read, root, records, workers)
    yield from tqdm(results, total=len(records), unit="clip", desc=name, disable=None if progress else True)


def _mapped(
    read: Callable[[Path, MocapRecord], Made], root: Path, records: tuple[MocapRecord, ...], workers: int
) -> Iterator[Made]:
    if workers <= 1:
        for record in records:
            yield read(root, record)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(read, [root] * len(records), records, chunksize=4)


def check_split(name: str, records: tuple[MocapRecord, ...]) -> None:
    """InputError if no record is of the split."""
    splits = sorted({record.split for record in records})
    if name not in splits:
        raise InputError(f"no split {name!r}; there are {', '.join(splits)}")
