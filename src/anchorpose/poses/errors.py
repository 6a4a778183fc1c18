"""Errors that a user can cause, one small hierarchy.

Each message says what was given, what was expected and what exists.
"""

from __future__ import annotations


class AnchorposeError(Exception):
    """Base of every error that anchorpose raises on purpose."""


class InputError(AnchorposeError):
    """A value or an argument is not what was expected."""


class FileError(InputError):
    """A file is missing, unreadable or broken."""


class FormatError(FileError):
    """A file's content is not in its format; the message names the line or the frame."""


class ModelError(AnchorposeError):
    """A model's weights are missing, corrupt or do not fit the program."""


class MissingExtra(AnchorposeError):
    """An optional package is not installed; the message says how to get it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f'this needs the package {package}: pip install "anchorpose[{extra}]"')
