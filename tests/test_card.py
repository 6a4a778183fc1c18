"""The card: from a data root with five photos to Markdown and JSON; the peers that are missing are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anchorpose.measure import card, report
from anchorpose.measure.metrics import Score
from anchorpose.measure.protocols import PhotoResult, PhotoSet
from test_protocols import write_parse


def result(value: float, milliseconds: float, people: int = 4) -> PhotoResult:
    return PhotoResult(
        Score(value, 0.9, people), None, None, milliseconds, 1.5, value, np.linspace(value - 0.1, value + 0.1, people)
    )


def test_the_card_measures_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_parse(tmp_path / "data", count=3)
    monkeypatch.setenv("ANCHORPOSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ANCHORPOSE_PEERS", str(tmp_path))
    out = tmp_path / "card.md"
    card.main(out=out, sets=("parse",), threads=1, lift=False)
    text, data = out.read_text(), json.loads(out.with_suffix(".json").read_text())
    assert "## parse" in text and "1 unsure sides" in text and "Not here: " in text
    assert capsys.readouterr().out == text + "\n"
    rows = data["sets"]["parse"]["rows"]
    assert set(rows) == {"anchorpose fast", "anchorpose balanced", "anchorpose best"}
    assert rows["anchorpose fast"]["pck"] == {"value": 0.0, "coverage": 0.0, "count": 2}  # black photos
    assert data["made"]["threads"] == 1 and data["made"]["cpu"] and data["missing"]


def test_rows_say_the_difference_and_the_time_beside_the_reference() -> None:
    photos = PhotoSet("own", "lsp14", (), ())
    record = card.set_record(photos, {card.REFERENCE: result(0.5, 20.0), "anchorpose fast": result(0.55, 26.0)})
    ours = record["rows"]["anchorpose fast"]
    assert ours["difference"] == pytest.approx(0.05) and ours["times_reference"] == pytest.approx(1.3)
    json.dumps(record, allow_nan=False)
    lines = card.set_markdown("own", record).splitlines()
    assert lines[-1] == "| anchorpose fast | .550 | +5.0 ± 0.0 | .550 | .900 | 1.5 | 26 | 1.30 |"
    assert lines[-2].startswith(f"| {card.REFERENCE} | .500 | – |")


def test_numbers_and_tables() -> None:
    assert report.number(0.1234) == ".123" and report.number(-0.5) == "-.500" and report.number(1.0) == "1.000"
    assert report.number(float("nan")) == "–" and report.number(None) == "–"
    assert report.number(12.345, 1) == "12.3"
    assert report.table(["", "a"], [["x", "1"]]) == "|  | a |\n|---|--:|\n| x | 1 |"
    assert report.cpu_model()


def test_a_wrong_argument_ends_with_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["card", "--sets", "nothing", "--out", str(tmp_path / "card.md"), "--no-peers"])
    with pytest.raises(SystemExit, match="2"):
        report.run_command(card.main)
    assert "no photo set 'nothing'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
