"""A headless OpenGL context: EGL with a GPU where there is one, else Mesa's llvmpipe on the CPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from anchorpose.poses.errors import MissingExtra, ModelError

_NEEDED = 330


def create_context(threads: int | None = None) -> Any:
    """A new moderngl context without a window.

    Args:
        threads: how many threads Mesa's software renderer starts besides the caller; None: its own choice. It counts
            only for the first context of a process.

    Raises:
        MissingExtra: moderngl is not installed.
        ModelError: neither a GPU nor Mesa's software renderer answers.
    """
    try:
        import moderngl
    except ImportError:
        raise MissingExtra("moderngl", "synth") from None
    if threads is not None:
        os.environ["LP_NUM_THREADS"] = str(threads)
    problems = []
    settings: tuple[dict[str, Any], ...] = ({"backend": "egl"}, {})
    for choice in settings:
        try:
            return moderngl.create_context(require=_NEEDED, standalone=True, **choice)
        except Exception as error:  # glcontext raises no better one
            problems.append(str(error))
    raise ModelError(
        f"no OpenGL {_NEEDED / 100:.1f} without a window ({'; '.join(problems)}): "
        "install a GPU driver with EGL, or Mesa (Debian, Ubuntu: apt-get install libegl1 libgl1-mesa-dri)"
    )


def may_have_gpu() -> bool:
    """Whether this machine might have a GPU: on Linux a look at its device files, which costs nothing."""
    found = ("dri/renderD*", "nvidia[0-9]*", "dxg")
    return not sys.platform.startswith("linux") or any(any(Path("/dev").glob(name)) for name in found)


def on_gpu(context: Any) -> bool:
    """Whether a context draws on a GPU, and not in software (Mesa's llvmpipe and softpipe)."""
    return not any(name in str(context.info["GL_RENDERER"]).lower() for name in ("llvmpipe", "softpipe", "swrast"))
