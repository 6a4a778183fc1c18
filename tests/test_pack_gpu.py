"""runs/pack_gpu.sh: packs that fit, in any order, checked and installed without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
MIB = 1 << 20
NO_GIT = not (ROOT / ".git").exists() or shutil.which("git") is None or shutil.which("bash") is None


def tiny_wheel(folder: Path) -> None:
    """A package called anchorpose that has nothing but a version."""
    folder.mkdir(parents=True)
    info = "anchorpose-9.9.dist-info"
    with zipfile.ZipFile(folder / "anchorpose-9.9-py3-none-any.whl", "w") as wheel:
        wheel.writestr("anchorpose/__init__.py", '__version__ = "9.9"\n')
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: anchorpose\nVersion: 9.9\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def run(*command: object, check: bool = True, **environment: object) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHON": sys.executable, **{k: str(v) for k, v in environment.items()}}
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, env=variables, check=check)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs of 6 MiB of noise, of which each may have 4 beside the repository."""
    out = tmp_path_factory.mktemp("packs")
    tiny_wheel(out / "work" / "wheels")
    (out / "work" / "data").mkdir()
    (out / "work" / "loaders").mkdir()
    (out / "work" / "data" / "noise.bin").write_bytes(np.random.default_rng(0).bytes(6 * MIB))
    listed = run("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    size = sum((ROOT / name).stat().st_size for name in listed.split("\0") if name and (ROOT / name).is_file())
    repository = size // MIB + 1
    run("bash", ROOT / "runs" / "pack_gpu.sh", OUT=out, LIMIT=repository + 5)
    assert sum(p.stat().st_size for p in (out / "1").iterdir()) + size < (repository + 5) * MIB
    return out


@pytest.mark.slow
@pytest.mark.skipif(NO_GIT, reason="no git checkout, or no bash")
def test_packs_are_joined_where_they_go(packs: Path, tmp_path: Path) -> None:
    """In any order; the last one installs what is in them, and nothing else has to be fetched."""
    assert sorted(p.name for p in packs.iterdir()) == ["1", "2", "work"]
    said = run("bash", packs / "2" / "take.sh", DEST=tmp_path).stdout
    assert said == "taken; still missing: pack.tar.00\n" and not (tmp_path / "site").exists()
    said = run("bash", packs / "1" / "take.sh", DEST=tmp_path).stdout
    assert "anchorpose 9.9 with NumPy" in said and f"ready: bash {tmp_path}/go.sh" in said
    assert (tmp_path / "data" / "noise.bin").read_bytes() == (packs / "work" / "data" / "noise.bin").read_bytes()
    program = 'echo "$ANCHORPOSE_DATA"; "$PYTHON" -c "import anchorpose; print(anchorpose.__version__)"'
    said = run("bash", tmp_path / "go.sh", "bash", "-c", program, COUNT=0).stdout
    assert said.splitlines() == [f"{tmp_path}/data", "9.9"]


@pytest.mark.slow
@pytest.mark.skipif(NO_GIT, reason="no git checkout, or no bash")
def test_a_damaged_pack_is_not_installed(packs: Path, tmp_path: Path) -> None:
    run("bash", packs / "2" / "take.sh", DEST=tmp_path)
    with (tmp_path / "packs" / "pack.tar.01").open("r+b") as file:
        file.write(b"damaged")
    run("cp", "-r", packs / "1", tmp_path / "one")
    result = run("bash", tmp_path / "one" / "take.sh", DEST=tmp_path, check=False)
    assert result.returncode != 0 and "pack.tar.01: FAILED" in result.stdout + result.stderr
    assert not (tmp_path / "site").exists()
