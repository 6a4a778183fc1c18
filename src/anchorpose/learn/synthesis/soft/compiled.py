"""Functions on arrays that are compiled when they are first called, and kept on disk for the next time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from anchorpose.files.mocap_folder import cache_folder

f32: Any = np.float32
"""For numbers in compiled functions: a plain one is of double precision, and makes that of all that it meets."""
i32: Any = np.int32

F = TypeVar("F", bound=Callable[..., Any])
_FLAGS = {"contract", "arcp", "afn", "nsz", "reassoc"}  # all but those that deny infinity and NaN


def can_compile() -> bool:
    """Whether the compiler is installed."""
    return find_spec("numba") is not None


@cache
def _folder() -> str:
    """Where the machine code is kept: one folder for each state of the sources here, as the compiler looks only at
    the file of a function, not at those of the functions it calls."""
    sources = [source.read_bytes() for source in sorted(Path(__file__).parent.glob("*.py"))]
    digest = hashlib.sha256(b"".join(source for source in sources if b"@compiled" in source)).hexdigest()[:16]
    beside = Path(__file__).parent / "__pycache__"
    return str((beside if os.access(beside.parent, os.W_OK) else cache_folder()) / f"compiled-{digest}")


def compiled(function: F) -> F:
    """The function, compiled to machine code."""
    import numba

    settings: Any = numba.config
    before = settings.CACHE_DIR
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": _FLAGS}
    settings.CACHE_DIR = _folder()
    try:
        made = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that can be written: compiled anew by every process
        made = numba.njit(**options)(function)
    finally:
        settings.CACHE_DIR = before
    return cast(F, made)
