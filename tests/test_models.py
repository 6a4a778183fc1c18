"""What ships: the index, the checks of a file before it is used, and the errors where something is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from anchorpose.poses.errors import ModelError
from anchorpose.sense import models
from anchorpose.sense.models import (
    HOME_VARIABLE,
    MODELS,
    PACKAGE_WEIGHTS,
    load_session,
    model_bytes,
    model_path,
    read_index,
    register_weight,
)

MEGABYTE = 2**20


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of weights of the test's own, with one registered file."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    (tmp_path / "tiny.bin").write_bytes(bytes(range(256)))
    register_weight(tmp_path / "tiny.bin", "tiny", "CC0", "a test", "pytest", directory=tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted(MODELS))
def test_what_ships_is_what_the_index_says(name: str) -> None:
    entry = MODELS[name]
    content = model_bytes(name)
    assert len(content) == entry.bytes <= 16 * MEGABYTE
    assert model_path(name) == PACKAGE_WEIGHTS / entry.file
    assert all((entry.licence, entry.source, entry.command))


def test_the_weights_that_ship_fit_the_budget() -> None:
    assert "movenet_multipose" in MODELS
    assert sum(entry.bytes for entry in MODELS.values()) <= 40 * MEGABYTE
    assert "MIT License" in (PACKAGE_WEIGHTS / "NOTICE-movenet").read_text()


def test_registering_writes_an_entry_and_updates_it(home: Path) -> None:
    assert model_bytes("tiny") == bytes(range(256))
    (home / "tiny.bin").write_bytes(b"new")
    entry = register_weight(home / "tiny.bin", "tiny", "CC0", "a test", "pytest", directory=home)
    assert entry.bytes == 3
    assert entry.sha256 == hashlib.sha256(b"new").hexdigest()
    assert read_index(home) == {"tiny": entry}
    assert model_bytes("tiny") == b"new"


def test_a_file_elsewhere_is_not_registered(home: Path) -> None:
    with pytest.raises(ModelError, match="expected a file in"):
        register_weight(home / "tiny.bin", "tiny", "CC0", "a test", "pytest")
    with pytest.raises(ModelError, match="expected a file in"):
        register_weight(home / "nothing.bin", "tiny", "CC0", "a test", "pytest", directory=home)


def test_a_home_adds_to_the_package_and_goes_first(home: Path) -> None:
    assert model_path("tiny") == home / "tiny.bin"
    assert model_path("movenet_multipose").parent == PACKAGE_WEIGHTS
    (home / "own.onnx").write_bytes(b"mine")
    register_weight(home / "own.onnx", "movenet_multipose", "CC0", "a test", "pytest", directory=home)
    assert model_path("movenet_multipose") == home / "own.onnx"


def test_an_unknown_model_is_named_with_those_that_exist(home: Path) -> None:
    with pytest.raises(ModelError, match=r"'tina'.*movenet_multipose.*tiny"):
        model_path("tina")


def test_a_missing_file_says_what_was_expected(home: Path) -> None:
    (home / "tiny.bin").unlink()
    with pytest.raises(ModelError, match=r"'tiny' are missing: expected .*tiny\.bin \(256 bytes; a test\)"):
        load_session("tiny")


@pytest.mark.parametrize("damage", [b"", bytes(255), bytes(257)])
def test_a_file_of_another_length_is_damaged(home: Path, damage: bytes) -> None:
    (home / "tiny.bin").write_bytes(damage)
    with pytest.raises(ModelError, match=f"damaged: it has {len(damage)} bytes, the index says 256"):
        load_session("tiny")


def test_one_changed_bit_is_noticed(home: Path) -> None:
    content = bytearray(range(256))
    content[100] ^= 1
    (home / "tiny.bin").write_bytes(content)
    with pytest.raises(ModelError, match="damaged: its SHA-256"):
        load_session("tiny")


@pytest.mark.parametrize("text", ["", "[]", '{"models": [{"name": "tiny"}]}', '{"models": 3}', "\x00"])
def test_a_broken_index_is_an_error(home: Path, text: str) -> None:
    (home / "index.json").write_text(text)
    with pytest.raises(ModelError, match="not a usable index"):
        model_path("tiny")


def test_fields_that_a_later_index_may_have_do_no_harm(home: Path) -> None:
    index = json.loads((home / "index.json").read_text())
    index["models"][0]["colour"] = "blue"
    (home / "index.json").write_text(json.dumps(index))
    assert model_bytes("tiny") == bytes(range(256))


def test_what_is_not_a_network_is_an_error(home: Path) -> None:
    with pytest.raises(ModelError, match="not a network"):
        load_session("tiny")
    (home / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(ModelError, match="not a network"):
        load_session(home / "noise.onnx")
    with pytest.raises(ModelError, match="no file"):
        load_session(home / "nothing.onnx")


def test_a_path_loads_without_an_index() -> None:
    session = load_session(model_path("movenet_multipose"), threads=1)
    heads = session.run(["center"], {"image": np.zeros((2, 32, 64, 3), np.uint8)})
    assert heads[0].shape == (2, 1, 8, 16)


def test_threads_are_few_and_at_least_one() -> None:
    assert 1 <= models.default_threads() <= models.MOST_THREADS
