"""Text files of words and numbers, line by line, so that every error can name its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from anchorpose.files.paths import input_file, reason
from anchorpose.poses.errors import FileError, FormatError


@dataclass(frozen=True)
class Line:
    """A line that is not empty: its words and its number, from 1."""

    path: Path
    number: int
    words: list[str]

    def error(self, message: str) -> FormatError:
        """The error to raise for this line."""
        return FormatError(f"{self.path}, line {self.number}: {message}")

    def text(self) -> str:
        """The line as an error message quotes it."""
        text = " ".join(self.words)
        return repr(text if len(text) <= 60 else text[:57] + "...")

    def floats(self, words: Iterable[str]) -> list[float]:
        """Words of this line as finite numbers; FormatError names the first that is none."""
        words = list(words)
        try:
            values = list(map(float, words))
        except ValueError:
            values = [self._number(word) for word in words]
        if not all(map(isfinite, values)):
            wrong = next(word for word, value in zip(words, values, strict=True) if not isfinite(value))
            raise self.error(f"the value {wrong!r} is not a finite number")
        return values

    def numbers(self, count: int) -> list[float]:
        """The `count` numbers after the first word."""
        given = self.words[1 : count + 1]
        if len(given) < count:
            raise self.error(f"{self.words[0]!r} needs {count} numbers, got {len(given)}")
        return self.floats(given)

    def _number(self, word: str) -> float:
        try:
            return float(word)
        except ValueError:
            raise self.error(f"expected a number, got {word!r}") from None


def read_lines(path: str | Path, expected: str, comment: str | None = None) -> list[Line]:
    """The lines of a text file that hold something.

    Args:
        path: the file. Bytes that are no UTF-8 are replaced: names and comments come in any encoding.
        expected: in words, as in "a BVH file".
        comment: what starts a comment.

    Raises:
        FileError: there is no such file, it is empty or it cannot be read.
        FormatError: it holds nothing but white space.
    """
    file = input_file(path, expected)
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise FileError(f"{file} cannot be read: {reason(error)}; expected {expected}") from error
    lines = []
    for number, raw in enumerate(text.split("\n"), start=1):
        words = (raw.split(comment, 1)[0] if comment else raw).split()
        if words:
            lines.append(Line(file, number, words))
    if not lines:
        raise FormatError(f"{file}, line 1: nothing in it; expected {expected}")
    return lines
