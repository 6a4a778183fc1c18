"""What the renderer draws: a scene of plain values, in the camera frame (x right, y down, z forward, metres).

Colours are sRGB in 0..1. A `Topology` is everything of a mesh that never changes; make it once and share it between
scenes: the renderer uploads it once and knows it again by identity. Textures live in one bank given to the renderer;
surfaces name them by layer number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError

RGB = tuple[float, float, float]
Vector = tuple[float, float, float]

PATTERNS = ("plain", "stripes", "checks", "dots", "noise", "gradient", "photo", "logo", "hair")
"""`Surface.pattern`: how `color` and `color2` (and the texture, for photo and logo) mix over the surface."""

MAX_SURFACES = 8
MAX_LAMPS = 2
NO_FIELD = -9.0
"""A garment coordinate far from every cut."""


@dataclass(frozen=True, eq=False)
class Topology:
    """The part of a mesh that never changes.

    Attributes:
        faces: (F, 3) int32 triangles, counter-clockwise seen from outside.
        parts: (V,) uint8 label of the part segmentation (0: none); a triangle takes that of its last vertex.
        rest: (V, 3) float32 object coordinates [m] that textures and folds are laid over (y up, front +z).
        fields: (V, 4) float32 garment coordinates that `Cuts` refers to (arm, leg, torso, scalp; see `Cuts`).
        uv: (V, 2) float32 texture coordinates of photo surfaces without cuts (v = 0 at the texture's top row).
        paint: (V, 4) uint8 strength of what `FaceLook` paints: lips, brows, beard; 4th: 0 skin, else an eye
            (1 at the rim of the eyeball's back to 255 at the pupil).
    """

    faces: np.ndarray
    parts: np.ndarray
    rest: np.ndarray
    fields: np.ndarray
    uv: np.ndarray
    paint: np.ndarray

    def __post_init__(self) -> None:
        faces, count = self.faces, len(self.rest)
        shapes = (self.parts.shape, self.rest.shape, self.fields.shape, self.uv.shape, self.paint.shape)
        if shapes != ((count,), (count, 3), (count, 4), (count, 2), (count, 4)):
            raise InputError(f"parts, rest, fields, uv, paint are V, Vx3, Vx4, Vx2, Vx4 of one mesh, not {shapes}")
        if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces) or faces.min() < 0 or faces.max() >= count:
            raise InputError(f"a topology's faces are (F, 3) indices of its {count} vertices, not {faces.shape}")

    @classmethod
    def of(
        cls,
        faces: np.ndarray,
        rest: np.ndarray,
        parts: np.ndarray | int = 0,
        fields: np.ndarray | None = None,
        uv: np.ndarray | None = None,
        paint: np.ndarray | None = None,
    ) -> Topology:
        """A topology with defaults filled in and types converted."""
        rest = np.ascontiguousarray(rest, np.float32)
        count = len(rest)
        return cls(
            np.ascontiguousarray(faces, np.int32),
            np.ascontiguousarray(np.broadcast_to(np.asarray(parts, np.uint8), count)),
            rest,
            np.full((count, 4), NO_FIELD, np.float32) if fields is None else np.ascontiguousarray(fields, np.float32),
            np.zeros((count, 2), np.float32) if uv is None else np.ascontiguousarray(uv, np.float32),
            np.zeros((count, 4), np.uint8) if paint is None else np.ascontiguousarray(paint, np.uint8),
        )


@dataclass(frozen=True)
class Surface:
    """One kind of stuff: skin, a cloth, hair, wood.

    Attributes:
        color, color2: main and second colour; a photo is multiplied by `color`.
        pattern: one of `PATTERNS`.
        scale: period of the pattern, or side of the photo, in metres (a mesh without cuts shows a photo by its uv).
        angle: rotation of the pattern [rad].
        texture: layer of the texture bank, for "photo" and "logo".
        shine: strength of the highlight, 0 matt to 1 wet.
        folds: depth of the creases of cloth, 0 none to 1 strong.
        thickness: how far it stands off the body [m]; `garments.dress` moves the vertices so.
    """

    color: RGB
    color2: RGB = (1.0, 1.0, 1.0)
    pattern: str = "plain"
    scale: float = 0.05
    angle: float = 0.0
    texture: int = 0
    shine: float = 0.05
    folds: float = 0.0
    thickness: float = 0.0

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise InputError(f"there is no pattern {self.pattern!r}; there are {', '.join(PATTERNS)}")


@dataclass(frozen=True)
class Cuts:
    """Where the garments painted on a body begin and end, in its garment coordinates.

    arm: 0 shoulder, 1 elbow, 2 wrist, 3 finger tips; leg: 0 hip, 1 knee, 2 ankle, 3 toes;
    torso: 0 crotch, 1 base of the neck, 2 top of the head; scalp: positive where hair grows, in metres from its edge.
    Each garment is a number of the material's surfaces; 0 is skin, so 0 also means "not worn". The top reaches from
    the waist, or `top_start` where that is higher, to the neckline.
    """

    top: int = 0
    bottom: int = 0
    gloves: int = 0
    socks: int = 0
    shoes: int = 0
    cap: int = 0
    sleeve: float = 0.5
    leg_end: float = 1.9
    glove_start: float = 1.9
    sock_start: float = 1.8
    shoe_start: float = 2.0
    waist: float = 0.35
    neckline: float = 0.97
    v_neck: float = 0.0
    hairline: float = 0.0
    open_front: float = 0.0
    top_start: float = -9.0


@dataclass(frozen=True)
class FaceLook:
    """Painted on a head with `Cuts`: lips, brows, eyes, beard; sRGB colours."""

    lips: RGB = (0.62, 0.33, 0.3)
    brows: RGB = (0.2, 0.14, 0.1)
    iris: RGB = (0.25, 0.17, 0.1)
    beard: RGB = (0.2, 0.14, 0.1)
    beard_strength: float = 0.0
    blush: float = 0.3


@dataclass(frozen=True)
class Material:
    """What a mesh is made of: up to `MAX_SURFACES` surfaces; `cuts` distributes them, without it surface 0 is all.

    `face` says that surface 0 is skin, with a painted face. `seed` (0..1) shifts the noise, `logo_height` is the rest
    height of a logo's middle [m]. `trim` (a, b, c) cuts away where the 4th field is below a or above b, or the 1st
    below c.
    """

    surfaces: tuple[Surface, ...]
    cuts: Cuts | None = None
    face: FaceLook | None = None
    seed: float = 0.0
    logo_height: float = 1.25
    trim: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.surfaces) <= MAX_SURFACES:
            raise InputError(f"a material has 1 to {MAX_SURFACES} surfaces, not {len(self.surfaces)}")

    @property
    def holes(self) -> str:
        """How its triangles may be cut away: "solid" (not at all), "trimmed" or "pierced" (by a photo's alpha)."""
        if self.trim is not None:
            return "trimmed"
        return "pierced" if self.cuts is None and self.surfaces[0].pattern == "photo" else "solid"


@dataclass(frozen=True, eq=False)
class Mesh:
    """A thing in the scene.

    Attributes:
        topology: its unchanging part.
        vertices: (V, 3) positions in the camera frame [m].
        material: what it is made of.
        instance: 0 for things, i + 1 for person i (also for all that the person wears).
        shadow: whether it casts one.
        two_sided: open meshes (skirts, quads): drawn from both sides.
        normals: (V, 3) at the vertices, outward, of length 1; None: made from the triangles.
    """

    topology: Topology
    vertices: np.ndarray
    material: Material
    instance: int = 0
    shadow: bool = True
    two_sided: bool = False
    normals: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.vertices.shape != self.topology.rest.shape:
            raise InputError(f"vertices are {self.topology.rest.shape}, as the topology, not {self.vertices.shape}")


@dataclass(frozen=True)
class Sun:
    """The main light, directional, the one that casts shadows. `direction`: from the scene towards the light."""

    direction: Vector = (-0.4, -0.8, -0.45)
    color: RGB = (1.0, 0.96, 0.9)
    strength: float = 0.8
    softness: float = 0.03
    """Half-width of the penumbra [m]."""


@dataclass(frozen=True)
class Lamp:
    """A point light without shadow: `strength` at one metre, falling with the squared distance."""

    position: Vector
    color: RGB = (1.0, 0.9, 0.75)
    strength: float = 1.0


@dataclass(frozen=True)
class Lights:
    """All lights. `sky` and `floor` light from above and below (hemisphere), `up` says where above is."""

    sun: Sun = field(default_factory=Sun)
    sky: RGB = (0.45, 0.47, 0.5)
    floor: RGB = (0.25, 0.23, 0.2)
    up: Vector = (0.0, -1.0, 0.0)
    lamps: tuple[Lamp, ...] = ()
    exposure: float = 1.0

    def __post_init__(self) -> None:
        if len(self.lamps) > MAX_LAMPS:
            raise InputError(f"a scene has at most {MAX_LAMPS} lamps, not {len(self.lamps)}")


@dataclass(frozen=True)
class Ground:
    """A plane that catches shadows only: it darkens the background photo."""

    point: Vector
    normal: Vector = (0.0, -1.0, 0.0)
    strength: float = 0.5


@dataclass(frozen=True, eq=False)
class GLScene:
    """One image to draw.

    Attributes:
        camera: pinhole without distortion; its width and height are the renderer's.
        meshes: people, clothes, occluders; depth decides who is in front.
        lights: the light.
        background: (h, w, 3) uint8 photo, stretched over the image (crop it before to keep its shape).
        ground: where shadows fall; None for none.
    """

    camera: Camera
    meshes: tuple[Mesh, ...]
    lights: Lights
    background: np.ndarray
    ground: Ground | None = None


@dataclass(frozen=True, eq=False)
class Rendered:
    """What comes out, all (H, W).

    Attributes:
        image: (H, W, 3) uint8 sRGB.
        depth: float32 camera z [m] of the nearest surface at the pixel's centre; inf where nothing is.
        parts: uint8 `Topology.parts` of it; 0 for things and where nothing is.
        instances: uint8 `Mesh.instance` of it.
    """

    image: np.ndarray
    depth: np.ndarray
    parts: np.ndarray
    instances: np.ndarray


@dataclass(frozen=True, eq=False)
class TextureBank:
    """Textures, uploaded once: (L, S, S, 4) uint8 RGBA, S a power of two; alpha below one half is cut out."""

    layers: np.ndarray

    def __post_init__(self) -> None:
        shape = self.layers.shape
        if self.layers.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 4 or not shape[0]:
            raise InputError(f"a texture bank is uint8 (L, S, S, 4), not {self.layers.dtype} {shape}")


FACE_BITS = 15
"""A triangle's number within its mesh has so many bits."""

_MAX_FACES = 1 << FACE_BITS
_MAX_MESHES = (1 << 24 - FACE_BITS) - 1


SHADOW_BIAS = 0.02
"""[m] against a surface shadowing itself."""


def check_renderer(width: int, height: int, oversampling: int) -> None:
    """That there are renderers with these settings; InputError if not."""
    if width < 1 or height < 1:
        raise InputError(f"an image has at least one pixel, not {width}x{height}")
    if oversampling not in (1, 2, 3, 4):
        raise InputError(f"oversampling is 1 to 4, not {oversampling}")


def plain_bank() -> TextureBank:
    """One white layer."""
    return TextureBank(np.full((1, 4, 4, 4), 255, np.uint8))


def check_scene(scene: GLScene, size: tuple[int, int]) -> None:
    """That a renderer of this size can draw the scene; InputError if not."""
    camera = scene.camera
    if (camera.width, camera.height) != size:
        raise InputError(f"this renderer draws {size}, not {camera.width}x{camera.height}")
    if any(camera.dist):
        raise InputError("the renderer draws pinhole cameras without lens distortion")
    if len(scene.meshes) > _MAX_MESHES or any(len(m.topology.faces) > _MAX_FACES for m in scene.meshes):
        raise InputError(f"a scene has at most {_MAX_MESHES} meshes of {_MAX_FACES} triangles")
    photo = scene.background
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
        raise InputError(f"a background is uint8 (h, w, 3), not {photo.dtype} {photo.shape}")
