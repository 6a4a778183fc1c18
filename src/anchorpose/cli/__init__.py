"""The command line: what it takes (`options`, `*_options`), and what each command does (`run`, `live`, `lift`,
`refine`, `convert`, `synth`).

Everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import tyro

from anchorpose.cli.convert_options import Convert
from anchorpose.cli.live_options import Live
from anchorpose.cli.options import Lift, Models, Run
from anchorpose.cli.refine_options import Refine
from anchorpose.cli.synth_options import Synth
from anchorpose.poses.errors import AnchorposeError

Command = Run | Live | Lift | Refine | Convert | Models | Synth
_KEPT: dict[type, str] = {Run: "frames", Synth: "shards"}


def main(args: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit status: 0, 2 for what a user can mend, 130 after Ctrl-C."""
    from anchorpose import __version__

    given = list(sys.argv[1:] if args is None else args)
    if given in (["--version"], ["-V"]):
        print(f"anchorpose {__version__}")
        return 0
    command: Command | None = None
    try:
        command = tyro.cli(
            Command,  # type: ignore[arg-type]
            args=given,
            prog="anchorpose",
            description="3D human sensing from one camera, by classification.",
        )
        status = _dispatch(command)
        sys.stdout.flush()
        return status
    except AnchorposeError as error:
        print(f"anchorpose: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = f"; finished {_KEPT[type(command)]} are kept, --resume goes on" if type(command) in _KEPT else ""
        print(f"anchorpose: stopped{kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `anchorpose models | head`: the rest goes nowhere, also what Python flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _dispatch(command: Command) -> int:
    if isinstance(command, Models):
        from anchorpose.sense.models import MODELS

        for model in MODELS.values():
            print(f"{model.name:20s} {model.bytes / 1e6:6.1f} MB  {model.licence}\n    {model.source}")
        return 0
    if isinstance(command, Lift):
        from anchorpose.cli.lift import lift_files

        return lift_files(command)
    if isinstance(command, Live):
        from anchorpose.cli.live import live

        return live(command)
    if isinstance(command, Refine):
        from anchorpose.cli.refine import refine_file

        return refine_file(command)
    if isinstance(command, Convert):
        from anchorpose.cli.convert import convert_file

        return convert_file(command)
    if isinstance(command, Synth):
        from anchorpose.cli.synth import synthesise

        return synthesise(command.what)
    from anchorpose.cli.run import run_sources

    return run_sources(command)
