"""Where the data sets are looked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from anchorpose.files import data_root, dataset_path
from anchorpose.poses.errors import FileError

SCRIPT = Path(__file__).parent.parent / "runs" / "get_data.sh"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ANCHORPOSE_DATA", raising=False)
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_order_of_places(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match=r"no data sets here .*get_data.sh --list.*ANCHORPOSE_DATA"):
        data_root()
    (here.parent / "shared" / "data").mkdir(parents=True)
    assert data_root().resolve() == here.parent / "shared" / "data"
    (here / "data").mkdir()
    assert data_root().resolve() == here / "data"
    (here / "mine").mkdir()
    monkeypatch.setenv("ANCHORPOSE_DATA", str(here / "mine"))
    assert data_root() == here / "mine"
    monkeypatch.setenv("ANCHORPOSE_DATA", str(here / "nowhere"))
    with pytest.raises(FileError, match="nowhere', which is no folder"):
        data_root()


def test_sets_and_files(here: Path) -> None:
    (here / "data" / "lspet").mkdir(parents=True)
    (here / "data" / "lspet" / "lspet_val.json").touch()
    assert dataset_path("lspet") == Path("data/lspet")
    assert dataset_path("lspet", "lspet_val.json").is_file()
    with pytest.raises(FileError, match="no data set 'parse' in data; there is lspet; .*get_data.sh"):
        dataset_path("parse")
    with pytest.raises(FileError, match="no 'images' in data.lspet; there is lspet_val.json"):
        dataset_path("lspet", "images")


def test_the_script_lists_every_set_and_refuses_unknown_ones() -> None:
    listed = subprocess.run(["bash", str(SCRIPT), "--list"], capture_output=True, text=True, check=True).stdout
    for name in (
        "coco_mini coco_train faces hands jhmdb lspet mocap msr_action3d negatives parse penn_action people teachers"
    ).split():
        assert f"\n{name} " in listed
    refused = subprocess.run(["bash", str(SCRIPT), "nonsense"], capture_output=True, text=True)
    assert refused.returncode == 2 and "nonsense" in refused.stderr
