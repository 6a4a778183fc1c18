"""What every published table says of itself: the command, the date, the machine; and tables in Markdown."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from anchorpose.poses.content import to_json
from anchorpose.poses.errors import AnchorposeError


def provenance(module: str, threads: int) -> dict[str, Any]:
    """Command, date, processor, cores, threads and versions behind a result."""
    import numpy
    import onnxruntime

    import anchorpose

    return {
        "command": _without_root(shlex.join(["python", "-m", module, *sys.argv[1:]])),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "anchorpose": anchorpose.__version__,
        "numpy": numpy.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _without_root(command: str) -> str:
    """A command as it reads on any machine: the data root by the name of its variable."""
    from anchorpose.files.datasets import VARIABLE

    root = os.environ.get(VARIABLE)
    return command.replace(root.rstrip("/"), f"${VARIABLE}") if root else command


def provenance_line(made: dict[str, Any]) -> str:
    """One paragraph of Markdown from `provenance`."""
    return (
        f"Made by `{made['command']}` on {made['date']}: {made['cpu']}, {made['cores']} cores, "
        f"{made['threads']} threads; anchorpose {made['anchorpose']}, Python {made['python']}, "
        f"NumPy {made['numpy']}, ONNX Runtime {made['onnxruntime']}."
    )


def write_report(out: Path, text: str, record: dict[str, Any]) -> None:
    """Write a page of Markdown, and its numbers beside it as JSON; print the page."""
    from anchorpose.files.paths import replacing

    numbers = json.dumps(to_json_dict(record), indent=1, ensure_ascii=False) + "\n"
    for path, content in ((out, text), (out.with_suffix(".json"), numbers)):
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    print(text)


def to_json_dict(value: Any) -> Any:
    """`to_json` through dictionaries."""
    if isinstance(value, dict):
        return {key: to_json_dict(each) for key, each in value.items()}
    return to_json(value)


def run_command(main: Callable[..., None]) -> None:
    """Run a command from its typed arguments; what the user can cause ends with a message and status 2."""
    import tyro

    try:
        tyro.cli(main)
    except AnchorposeError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:  # not on every system
        pass
    return platform.processor() or platform.machine() or "unknown processor"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, numbers to the right."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "|".join(["---"] + ["--:"] * (len(headers) - 1)) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def words(values: dict[str, Any]) -> str:
    """Settings for a sentence: "window 9, order 2"."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash where there is none, and no 0 before the point of a share."""
    if value is None or value != value:
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if digits == 3 and abs(value) < 1 else text
