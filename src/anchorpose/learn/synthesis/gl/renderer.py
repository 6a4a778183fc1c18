"""The renderer: shadow map, visibility pass at twice the size, one shading pass over the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorpose.learn.synthesis.gl import shaders, shading
from anchorpose.learn.synthesis.gl.arena import Arena, Placed
from anchorpose.learn.synthesis.gl.context import create_context
from anchorpose.learn.synthesis.gl.geometry import (
    FAR,
    NEAR,
    clip_from_camera,
    image_box,
    light_from_camera,
)
from anchorpose.learn.synthesis.gl.ground import darkened, sized
from anchorpose.learn.synthesis.gl.materials import linear
from anchorpose.learn.synthesis.gl.noise import noise_texture
from anchorpose.learn.synthesis.gl.scene import (
    SHADOW_BIAS,
    GLScene,
    Lights,
    Rendered,
    TextureBank,
    check_renderer,
    check_scene,
    plain_bank,
)
from anchorpose.poses.cameras import Camera

_SAMPLERS = (
    "placed", "fixed_data", "faces", "stuff_data", "bank", "noise", "shadow_map", "seen",
    "seen_depth",
)  # fmt: skip
_UNITS = {name: unit for unit, name in enumerate(_SAMPLERS)}


@dataclass(frozen=True)
class _Sunlight:
    """The sun's matrix; softness and bias as shares of the map's width and depth."""

    matrix: np.ndarray
    softness: float
    bias: float


class Renderer:
    """Draws scenes of one size. One context and its buffers live as long as the object; not for several threads.

    Args:
        width, height: of the image [px].
        bank: textures that surfaces name by layer; None for one white layer.
        oversampling: edges are smoothed over so many by so many points of a pixel.
        shadow_size: side of the shadow map [px].
        threads: of Mesa's software renderer besides this one; see `create_context`.
        context: to draw in, then the renderer's own; None: a new one.
    """

    def __init__(
        self,
        width: int,
        height: int,
        bank: TextureBank | None = None,
        *,
        oversampling: int = 2,
        shadow_size: int = 256,
        threads: int | None = None,
        context: Any = None,
    ) -> None:
        check_renderer(width, height, oversampling)
        self.size = (width, height)
        self.context = ctx = create_context(threads) if context is None else context
        self.bank = bank or plain_bank()
        self._oversampling = oversampling
        self._programs()
        self._targets(shadow_size)
        self._textures()
        self._arena = Arena(ctx)

    def close(self) -> None:
        """Give the context and all its memory back."""
        self.context.__enter__()
        self.context.release()

    def render(self, scene: GLScene) -> Rendered:
        """Draw one scene.

        Raises:
            InputError: the camera is of another size or has lens distortion, the background is no RGB image, or there
                are too many meshes.
        """
        check_scene(scene, self.size)
        with self.context:  # several renderers may take turns
            return self._render(scene)

    def _render(self, scene: GLScene) -> Rendered:
        placed = self._arena.upload(scene.meshes)
        self._bind(self._arena.textures | {"bank": self._bank})
        sunlight = self._shadow_pass(placed, scene.lights)
        self._visibility_pass(placed, scene.camera)
        self._start_image(self._grounded(scene, placed, sunlight))
        self._shade_pass(scene, placed, sunlight)
        return self._read()

    # -- set-up

    def _programs(self) -> None:
        make = self.context.program
        self._geometry = {}
        for holes in shaders.HOLES:
            for shadow in (False, True):
                vertex, fragment = shaders.geometry_program(holes, shadow)
                self._geometry[holes, shadow] = make(vertex_shader=vertex, fragment_shader=fragment)
        for program in self._geometry.values():
            self._name_units(program)
        # By number of lamps, each made when it is first needed.
        self._shade: dict[int, tuple[Any, Any]] = {}

    def _name_units(self, program: Any) -> None:
        for name, unit in _UNITS.items():
            _set(program, name, unit)

    def _shading(self, lamps: int) -> tuple[Any, Any]:
        """The shading program for so many lamps, and its vertex array."""
        if lamps not in self._shade:
            source = shading.shade_fragment(self._oversampling, lamps)
            program = self.context.program(vertex_shader=shaders.SCREEN_VERTEX, fragment_shader=source)
            self._name_units(program)
            self._shade[lamps] = program, self.context.vertex_array(program, [])
        return self._shade[lamps]

    def _targets(self, shadow_size: int) -> None:
        ctx, size = self.context, self.size
        large = (size[0] * self._oversampling, size[1] * self._oversampling)
        self._seen = ctx.texture(large, 1, dtype="f4")
        self._seen.filter = (ctx.NEAREST, ctx.NEAREST)
        self._seen_depth = ctx.depth_texture(large)
        self._seen_depth.compare_func = ""
        self._seen_depth.filter = (ctx.NEAREST, ctx.NEAREST)
        self._visibility = ctx.framebuffer([self._seen], self._seen_depth)
        self._color = ctx.texture(size, 4)
        self._rgba = np.full((size[1], size[0], 4), 255, np.uint8)
        self._shaded = ctx.framebuffer([self._color, ctx.renderbuffer(size, 1, dtype="f4"), ctx.renderbuffer(size, 2)])
        self._shadow_map = ctx.depth_texture((shadow_size, shadow_size))
        self._shadow_map.compare_func = "<="
        self._shadow_mask = ctx.texture((shadow_size, shadow_size), 1)
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_target = ctx.framebuffer([self._shadow_mask], self._shadow_map)

    def _textures(self) -> None:
        ctx = self.context
        noise = noise_texture()
        self._noise = ctx.texture((noise.shape[1], noise.shape[0]), 4, noise.tobytes())
        layers = self.bank.layers
        self._bank = ctx.texture_array(
            (layers.shape[2], layers.shape[1], layers.shape[0]), 4, np.ascontiguousarray(layers).tobytes()
        )
        for texture in (self._noise, self._bank):
            texture.build_mipmaps()
            texture.filter = (ctx.LINEAR_MIPMAP_NEAREST, ctx.LINEAR)

    # -- uniforms

    def _start_image(self, photo: np.ndarray) -> None:
        """The image begins as the photo; no depth, no labels."""
        self._rgba[..., :3] = photo
        self._shaded.clear()
        self._color.write(self._rgba)

    def _bind(self, textures: Mapping[str, Any]) -> None:
        for name, texture in textures.items():
            texture.use(_UNITS[name])

    def _set_lights(self, program: Any, lights: Lights, sunlight: _Sunlight) -> None:
        direction = np.asarray(lights.sun.direction, float)
        _set(program, "sun", (*(direction / np.linalg.norm(direction)), sunlight.softness))
        _set(program, "bias", sunlight.bias)
        _write(program, "light_from_camera", _bytes(sunlight.matrix))
        _set(program, "sun_color", tuple(linear(lights.sun.color) * lights.sun.strength))
        _set(program, "sky", tuple(linear(lights.sky)))
        _set(program, "floor_color", tuple(linear(lights.floor)))
        _set(program, "up", (*(np.asarray(lights.up) / np.linalg.norm(lights.up)), lights.exposure))
        for name, values in (
            ("lamp_position", [lamp.position for lamp in lights.lamps]),
            ("lamp_color", [linear(lamp.color) * lamp.strength for lamp in lights.lamps]),
        ):
            # Of exactly as many as the program uses.
            _write(program, name, np.asarray(values, np.float32).tobytes())

    # -- passes

    def _draw(self, placed: Sequence[Placed], matrix: bytes, shadow: bool) -> None:
        ctx = self.context
        ctx.enable_only(ctx.DEPTH_TEST)
        ctx.front_face = "cw"
        for (_, kind), program in self._geometry.items():
            if kind == shadow:
                _write(program, "clip_from_camera", matrix)
        for one in placed:
            mesh = one.mesh
            if shadow and not mesh.shadow:
                continue
            if mesh.two_sided or shadow:
                ctx.disable(ctx.CULL_FACE)
            else:
                ctx.enable(ctx.CULL_FACE)
            program = self._geometry[mesh.material.holes, shadow]
            _set(program, "mesh", one.record)
            _set(program, "trim", mesh.material.trim)
            self._arena.array(one, program, shadow).render()

    def _shadow_pass(self, placed: Sequence[Placed], lights: Lights) -> _Sunlight:
        boxes = [p.box for p in placed if p.mesh.shadow]
        points = np.concatenate(boxes) if boxes else np.zeros((1, 3))
        matrix, width = light_from_camera(lights.sun.direction, points)
        depth = 2 / float(np.linalg.norm(matrix[2, :3]))
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self._draw(placed, _bytes(matrix), shadow=True)
        return _Sunlight(matrix, lights.sun.softness / width, SHADOW_BIAS / depth)

    def _visibility_pass(self, placed: Sequence[Placed], camera: Camera) -> None:
        self._visibility.use()
        self._visibility.clear(depth=1.0)
        self._draw(placed, _bytes(clip_from_camera(camera)), shadow=False)

    def _grounded(self, scene: GLScene, placed: Sequence[Placed], sunlight: _Sunlight) -> np.ndarray:
        """The photo in the size of the image, darkened where the ground lies in shadow."""
        photo = sized(scene.background, self.size)
        if scene.ground is None or not any(p.mesh.shadow for p in placed):
            return photo
        side = self._shadow_map.width
        mask = np.frombuffer(self._shadow_target.read(components=1, alignment=1), np.uint8).reshape(side, side)
        return darkened(photo, mask, scene.camera, scene.ground, sunlight.matrix, sunlight.softness)

    def _shade_pass(self, scene: GLScene, placed: Sequence[Placed], sunlight: _Sunlight) -> None:
        ctx, camera = self.context, scene.camera
        if not placed:
            return
        self._bind(
            {"noise": self._noise, "shadow_map": self._shadow_map, "seen": self._seen, "seen_depth": self._seen_depth}
        )
        program, array = self._shading(len(scene.lights.lamps))
        self._set_lights(program, scene.lights, sunlight)
        _set(program, "lens", (1 / camera.fx, 1 / camera.fy, camera.cx, camera.cy))
        # Inverse of the clip matrix: z = 2 F N / (F + N - (F - N) (2 depth - 1)).
        scale = FAR - NEAR
        _set(program, "range", (FAR * NEAR / scale, FAR / scale, float(self._shadow_map.width)))
        ctx.enable_only(ctx.BLEND)
        ctx.blend_func = ctx.ONE, ctx.ONE_MINUS_SRC_ALPHA
        points = np.concatenate([p.box for p in placed])
        self._screen(array, image_box(camera, points, 0.0))

    def _screen(self, array: Any, box: tuple[int, int, int, int] | None) -> None:
        """Run a pass over a box (x, y, width, height) of the image."""
        if box is not None:
            self._shaded.use()
            self._shaded.scissor = box
            array.render(self.context.TRIANGLES, vertices=3)
            self._shaded.scissor = None

    def _read(self) -> Rendered:
        w, h = self.size
        color = np.frombuffer(self._shaded.read(components=4, alignment=1), np.uint8).reshape(h, w, 4)
        depth = np.frombuffer(self._shaded.read(components=1, attachment=1, dtype="f4"), np.float32).reshape(h, w)
        labels = np.frombuffer(self._shaded.read(components=2, attachment=2, alignment=1), np.uint8).reshape(h, w, 2)
        return Rendered(
            np.ascontiguousarray(color[..., :3]),
            np.where(depth > 0, depth, np.float32(np.inf)),
            np.ascontiguousarray(labels[..., 0]),
            np.ascontiguousarray(labels[..., 1]),
        )


def _bytes(matrix: np.ndarray) -> bytes:
    """Column-major float32, as GLSL wants it."""
    return np.ascontiguousarray(matrix.T, np.float32).tobytes()


def _set(program: Any, name: str, value: Any) -> None:
    """Set a uniform, unless the compiler found it unused."""
    if name in program:
        program[name].value = value


def _write(program: Any, name: str, data: bytes) -> None:
    if name in program:
        program[name].write(data)
