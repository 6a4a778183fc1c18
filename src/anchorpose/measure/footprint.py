"""What the program costs around its work: start-up, memory, size on disk. Each probe is a process of its own."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from anchorpose.poses.errors import InputError

# Peak memory after the model has loaded, after `few` frames and after `many`: the last two differ if memory leaks.
# Linux hands the peak of getrusage down from the parent; VmHWM is the process's own.
_MEMORY = """
import json, resource, sys
import numpy as np
import anchorpose

def peak():
    try:
        line = next(row for row in open("/proc/self/status") if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6

model = anchorpose.load({model!r}, quality={quality!r}, threads={threads!r})
image = np.load(sys.argv[1])
out = [peak()]
for count in ({few}, {many} - {few}):
    for _ in range(count):
        model(image)
    out.append(peak())
print(json.dumps(out))
"""


def run_python(*arguments: str) -> str:
    """Standard output of a fresh interpreter; InputError shows its last line of error if it fails."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"`python {' '.join(arguments)[:60]}` ended with status {done.returncode}: {last}")
    return done.stdout


def seconds_to_run(*arguments: str, times: int = 5) -> float:
    """Median wall-clock time of a fresh interpreter; the first run, which fills the disk cache, does not count."""
    seconds = []
    for _ in range(times + 1):
        start = time.perf_counter()
        run_python(*arguments)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[1:]))


def start_up(photo: Path, times: int = 5) -> dict[str, float]:
    """Seconds of a bare interpreter, of the import alone (with the interpreter taken off), help and a first result."""
    bare = seconds_to_run("-c", "pass", times=times)
    with tempfile.TemporaryDirectory() as folder:
        result = ("-m", "anchorpose", "run", str(photo), "-o", folder, "--save", "json")
        return {
            "python": bare,
            "import anchorpose": seconds_to_run("-c", "import anchorpose", times=times) - bare,
            "anchorpose --help": seconds_to_run("-m", "anchorpose", "--help", times=times),
            "anchorpose run photo": seconds_to_run(*result, times=times),
        }


def memory(
    image: np.ndarray, model: str, quality: str, threads: int | None, few: int = 20, many: int = 200
) -> tuple[float, float, float]:
    """Peak resident memory of a process, MB: after loading, after `few` frames, after `many`."""
    code = _MEMORY.format(model=model, quality=quality, threads=threads, few=few, many=many)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.npy"
        np.save(path, image)
        loaded, early, late = json.loads(run_python("-c", code, str(path)))
    return loaded, early, late


def weights_mb() -> dict[str, float]:
    """Size of each file of weights that ships, MB."""
    from anchorpose.sense.models import PACKAGE_WEIGHTS

    return {path.name: path.stat().st_size / 1e6 for path in sorted(PACKAGE_WEIGHTS.iterdir()) if path.is_file()}


def package_mb() -> float:
    """Size of the package without its weights, MB."""
    import anchorpose

    root = Path(anchorpose.__file__).parent
    files = [p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts and "weights" not in p.parts]
    return sum(path.stat().st_size for path in files) / 1e6


def core_requirements(package: str = "anchorpose") -> list[str]:
    """What the package needs without extras, as installed here: "numpy==2.4.6", ..."""
    names = []
    for requirement in importlib.metadata.requires(package) or []:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name and "extra ==" not in requirement:
            names.append(f"{name[0]}=={importlib.metadata.version(name[0])}")
    return names


def download_mb(requirements: list[str]) -> dict[str, float]:
    """Size of the wheels that pip downloads for `requirements` with all they need, MB. Needs the network."""
    with tempfile.TemporaryDirectory() as folder:
        run_python("-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", folder, *requirements)
        return {path.name.split("-")[0]: path.stat().st_size / 1e6 for path in sorted(Path(folder).iterdir())}
