"""What commands share: names of results, and lines for whoever watches."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from anchorpose.files.sources import Source


def say(line: str) -> None:
    """A line on standard error, above the progress bars."""
    tqdm.write(line, file=sys.stderr)


def warn(line: str) -> None:
    """A line that says who warns."""
    say(f"anchorpose: {line}")


def result_name(source: Source, taken: set[str]) -> str:
    """Results are named after the source: without its suffix, unless another source of this run has that name."""
    plain = source.name if source.kind in ("folder", "camera") else Path(source.name).stem
    return free_name(plain, source.name, taken)


def free_name(plain: str, full: str, taken: set[str]) -> str:
    """`plain`, else `full`, else `full` with a number; it is taken from then on."""
    name, count = (plain if plain not in taken else full), 2
    while name in taken:
        name, count = f"{full}-{count}", count + 1
    taken.add(name)
    return name
