"""Paths: checks before reading, temporary names while writing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anchorpose.poses.errors import FileError


def input_file(path: str | os.PathLike[str], expected: str) -> Path:
    """The path of an existing file that is not empty; else FileError says what was expected there.

    Args:
        expected: in words, as in "expected a photo".
    """
    file = Path(path)
    try:
        if not file.exists():
            raise FileError(f"{file}: no such file; expected {expected}")
        if file.is_dir():
            raise FileError(f"{file} is a folder; expected {expected}")
        if file.is_file() and file.stat().st_size == 0:
            raise FileError(f"{file} is empty (0 bytes); expected {expected}")
    except (OSError, ValueError) as error:  # no permission on a folder above; a NUL byte or too long a name
        raise FileError(f"{str(file)!r} cannot be looked at ({error}); expected {expected}") from error
    return file


def reason(error: Exception) -> str:
    """What an error of the system or of FFmpeg says, without its number and its file name."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def read_text(path: Path) -> str:
    """A whole file as UTF-8 text (a byte-order mark is dropped); FileError if it cannot be had."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not a text file ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {reason(error)}") from error


def temporary_name(path: Path) -> Path:
    """Where a file is written until it is complete: beside it, `.partial` before the suffix, which stays."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def output_folder(path: Path) -> None:
    """Make the folder that `path` will lie in; FileError if that cannot be done."""
    if path.is_dir():
        raise FileError(f"{path} is a folder; expected the name of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{path.parent} cannot be made: {reason(error)}") from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file all or nothing: yields a temporary name, moved to `path` if the block succeeds, else removed."""
    target = Path(path)
    output_folder(target)
    temporary = temporary_name(target)
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise FileError(f"{target} cannot be written: {reason(error)}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
