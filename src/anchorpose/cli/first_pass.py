"""What the first pass of `anchorpose run` hands to the second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FirstPass:
    """What the first pass over a source leaves behind.

    Attributes:
        path: the name of the results; lines: where they are, None if they are not kept.
        late: ids that were given after a frame was written, see `Identities`.
        refined: these are the finished results of an earlier run, with motions.
        frames, people, errors: counts, the last of what could not be read.
        written: files that are finished.
    """

    path: Path
    lines: Path | None
    late: dict[tuple[str, int], dict[int, int]]
    refined: bool
    frames: int
    people: int
    errors: int
    written: Sequence[str]
