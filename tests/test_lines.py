"""Lines that know their number."""

import pytest

from anchorpose.files.lines import Line, read_lines
from anchorpose.poses.errors import FormatError


def test_lines_without_comments_and_blanks(tmp_path):
    path = tmp_path / "made.txt"
    path.write_bytes(b"\xef\xbb\xbf# all of it\r\n\r\none 1.5 # half\r\n\xff two\r\n")
    lines = read_lines(path, "a test", comment="#")
    assert [(line.number, line.words) for line in lines] == [(3, ["one", "1.5"]), (4, ["\ufffd", "two"])]
    assert lines[0].numbers(1) == [1.5]
    path.write_text("# nothing\n")
    with pytest.raises(FormatError, match="line 1: nothing in it; expected a test"):
        read_lines(path, "a test", comment="#")


def test_numbers(tmp_path):
    line = Line(tmp_path, 7, ["pos", "1", "-2e-3", "3"])
    assert line.numbers(3) == [1.0, -0.002, 3.0]
    with pytest.raises(FormatError, match="line 7: 'pos' needs 4 numbers, got 3"):
        line.numbers(4)
    for word in ("nan", "1e999"):
        with pytest.raises(FormatError, match=f"line 7: the value '{word}' is not"):
            line.floats(["1", word])
    with pytest.raises(FormatError, match="line 7: expected a number, got '1,5'"):
        line.floats(["1", "1,5"])


def test_a_long_line_is_cut_in_a_message(tmp_path):
    assert Line(tmp_path, 1, ["a", "b"]).text() == "'a b'"
    assert len(Line(tmp_path, 1, ["abc"] * 50).text()) < 70
