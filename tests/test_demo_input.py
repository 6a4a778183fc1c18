"""Getting the demo's files out of packages, without a network."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from anchorpose.poses.errors import FileError
from anchorpose.share import demo_input
from anchorpose.share.demo_input import DemoFile, get_demo_files

CONTENT = b"a picture"
FILE = DemoFile(
    "a.png", "demo-package", "demo-package==1.0", "demo_package_for_test", "demo_package_for_test/data/a.png",
    hashlib.sha256(CONTENT).hexdigest(), "By nobody, CC0.",
)  # fmt: skip


def wheel(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "demo_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(FILE.member, content)
    return path


def test_a_file_is_taken_from_the_wheel_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(requirement: str, folder: Path) -> Path:
        asked.append(requirement)
        return wheel(folder)

    monkeypatch.setattr(demo_input, "_download", download)
    both = [FILE, replace(FILE, name="b.png")]
    lines: list[str] = []
    for _ in range(2):
        paths = get_demo_files(tmp_path / "demo", both, lines.append)
    assert [p.read_bytes() for p in paths] == [CONTENT, CONTENT]
    assert asked == ["demo-package==1.0"]  # one wheel for two files, and none the second time
    assert sum("already here" in line for line in lines) == 2
    assert "By nobody, CC0." in (tmp_path / "demo" / "NOTICE").read_text()


def test_an_installed_package_is_used_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "site" / FILE.member
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    (tmp_path / "site" / FILE.module / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(demo_input, "_download", lambda *a: pytest.fail("downloaded"))
    (path,) = get_demo_files(tmp_path / "demo", [FILE])
    assert path.read_bytes() == CONTENT and FILE.module not in sys.modules


def test_a_broken_copy_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_input, "_download", lambda _, folder: wheel(folder))
    (tmp_path / FILE.name).write_bytes(CONTENT[:3])
    (path,) = get_demo_files(tmp_path, [FILE])
    assert path.read_bytes() == CONTENT


def test_another_file_than_expected_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_input, "_download", lambda _, folder: wheel(folder, b"something else"))
    with pytest.raises(FileError, match="expected sha256"):
        get_demo_files(tmp_path, [FILE])
    assert not (tmp_path / FILE.name).exists()
    with pytest.raises(FileError, match="no/such.png"):
        get_demo_files(tmp_path, [replace(FILE, member="no/such.png")])


def test_without_a_network_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(FileError, match="demo-package==1.0.*anchorpose run"):
        get_demo_files(tmp_path, [FILE])
