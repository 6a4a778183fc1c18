"""Chooses what draws: OpenGL on a GPU, else compiled functions on processors, else OpenGL in software."""

from __future__ import annotations

from typing import Protocol

from anchorpose.learn.synthesis.gl.scene import GLScene, Rendered, TextureBank
from anchorpose.poses.errors import MissingExtra, ModelError


class SceneRenderer(Protocol):
    """Draws scenes of one size."""

    def render(self, scene: GLScene) -> Rendered:
        """Draw one scene."""

    def close(self) -> None:
        """Give back what it holds."""


def open_renderer(width: int, height: int, bank: TextureBank | None = None) -> SceneRenderer:
    """The fastest renderer there is here; without a GPU it uses one thread, as several processes use the cores better.

    Raises:
        MissingExtra, ModelError: there is none.
    """
    from anchorpose.learn.synthesis.gl.context import create_context, may_have_gpu, on_gpu
    from anchorpose.learn.synthesis.gl.renderer import Renderer
    from anchorpose.learn.synthesis.soft.compiled import can_compile

    context, soft = None, can_compile()
    if may_have_gpu() or not soft:
        try:
            context = create_context(threads=0)
        except (MissingExtra, ModelError):
            if not soft:
                raise
    if context is not None and soft and not on_gpu(context):
        context.release()
        context = None
    if context is not None:
        return Renderer(width, height, bank, context=context)
    from anchorpose.learn.synthesis.soft.renderer import SoftRenderer

    return SoftRenderer(width, height, bank)
