"""Images a second of `anchorpose synth`, as a user runs it: in processes of its own, with shards written to disk."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from anchorpose.poses.errors import AnchorposeError, FileError

KINDS = {"rendered people": (480, 24), "mosaics": (48, 3)}
"""Images that are made of each kind by each process, and images of a shard."""


def synth_commands() -> dict[str, list[str]]:
    """The arguments of `anchorpose synth` by the kind of image, of what the data sets that are here allow."""
    from anchorpose.files.datasets import dataset_path

    def render() -> list[str]:
        photos = str(dataset_path("negatives"))
        hands = str(dataset_path("hands", "ycb_grasps.npz"))
        return ["render", "--mocap", str(dataset_path("mocap")), "--backgrounds", photos, "--textures", photos,
                "--texture-licenses", "4", "5", "--hands", hands, "--split", "train"]  # fmt: skip

    def mosaic() -> list[str]:
        labels = str(dataset_path("lspet", "lspet_train.json"))
        return ["mosaic", "--labels", labels, "--mocap", str(dataset_path("mocap"))]

    there = {}
    for name, make in zip(KINDS, (render, mosaic), strict=True):
        try:
            there[name] = make()
        except AnchorposeError:
            continue  # without the data there is no such row
    return there


def shard_speed(finished: Sequence[float], processes: int, per_shard: int) -> float:
    """Images a second from the times [s] at which shards were finished, without the start of the processes.

    Counted from when the last of the processes has finished its first shard.
    """
    times = sorted(finished)
    if len(times) <= processes:
        raise FileError(f"{len(times)} shards tell no speed of {processes} processes")
    return (len(times) - processes) * per_shard / max(times[-1] - times[processes - 1], 1e-9)


def synth_speed(arguments: Sequence[str], processes: int, count: int, per_shard: int) -> float:
    """Images a second of 256 x 256 with so many processes, each with one thread for arithmetic.

    Raises:
        FileError: the command failed; its last words.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "anchorpose", "synth", *arguments, "--count", str(count * processes),
                   "--per-shard", str(per_shard), "--processes", str(processes), "--out", str(out)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if done.returncode:
            raise FileError(f"anchorpose synth {arguments[0]} failed: {done.stderr.strip()[-400:]}")
        return shard_speed([path.stat().st_mtime for path in out.glob("[0-9]*.tar")], processes, per_shard)


def synth_record(processes: Sequence[int] = (1, 2)) -> dict[str, dict[str, float]]:
    """Images a second by kind and number of processes; a kind whose data are missing is left out."""
    return {
        name: {str(count): synth_speed(arguments, count, *KINDS[name]) for count in processes}
        for name, arguments in synth_commands().items()
    }
