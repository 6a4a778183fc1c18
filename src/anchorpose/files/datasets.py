"""Where the data sets lie that train and measure; none of them travels with the package."""

from __future__ import annotations

import os
from pathlib import Path

from anchorpose.poses.errors import FileError

VARIABLE = "ANCHORPOSE_DATA"
# From the folder a command is run in (the repository's root, for those under runs/).
_USUAL = (Path("data"), Path("..") / "shared" / "data")
_HELP = f"`bash runs/get_data.sh --list` tells where the sets come from; {VARIABLE} says where they lie"


def data_root() -> Path:
    """The folder of the data sets: the environment variable ANCHORPOSE_DATA, else ./data, else ../shared/data.

    Raises:
        FileError: the variable names no folder, or there is none at the usual places.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_dir():
            raise FileError(f"{VARIABLE} is {named!r}, which is no folder; {_HELP}")
        return Path(named)
    for folder in _USUAL:
        if folder.is_dir():
            return folder
    raise FileError(f"no data sets here (looked for {' and '.join(map(str, _USUAL))}); {_HELP}")


def dataset_path(name: str, *parts: str) -> Path:
    """A folder of `data_root`, such as "lspet", or a file in it: `dataset_path("lspet", "lspet_val.json")`.

    Raises:
        FileError: the set or the file is not there; lists the sets or the files that are.
    """
    root = data_root()
    folder = root / name
    if not folder.is_dir():
        there = ", ".join(sorted(p.name for p in root.iterdir() if p.is_dir())) or "nothing"
        raise FileError(f"no data set {name!r} in {root}; there is {there}; {_HELP}")
    path = folder.joinpath(*parts)
    if not path.exists():
        there = ", ".join(sorted(p.name for p in folder.iterdir())) or "nothing"
        raise FileError(f"no {'/'.join(parts)!r} in {folder}; there is {there}; {_HELP}")
    return path
