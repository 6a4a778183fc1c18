"""How a person looks, drawn at random: skin, hair, face, clothes; and the light of a scene. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anchorpose.learn.synthesis.gl.materials import linear
from anchorpose.learn.synthesis.gl.scene import (
    RGB,
    Cuts,
    FaceLook,
    Lamp,
    Lights,
    Material,
    Sun,
    Surface,
    TextureBank,
    Vector,
)
from anchorpose.learn.synthesis.outfits import Loose, Outfit, jittered, random_cloth, rgb


@dataclass(frozen=True)
class HairLook:
    """Hair `thickness` [m] off the scalp (0: shaved), falling `fall` [m] below the ears; a hat if it has a material."""

    material: Material
    thickness: float = 0.012
    fall: float = 0.0
    knot: str = "none"
    hat_material: Material | None = None
    hat_height: float = 0.01
    brim: float = 0.0
    brim_round: bool = False


@dataclass(frozen=True)
class Look:
    """All that `garments.dress` needs to know of a person."""

    body: Material
    loose: tuple[Loose, ...]
    hair: HairLook


# Skin from light to dark, sRGB, after the Monk scale (Google, 2022) without its two palest, which glow in renders.
_SKINS: tuple[RGB, ...] = (
    (0.93, 0.80, 0.71), (0.90, 0.75, 0.64), (0.86, 0.69, 0.56), (0.80, 0.62, 0.48),
    (0.71, 0.52, 0.38), (0.60, 0.42, 0.29), (0.47, 0.32, 0.22), (0.34, 0.23, 0.17), (0.26, 0.18, 0.14),
)  # fmt: skip
_HAIRS: tuple[RGB, ...] = (
    (0.06, 0.05, 0.05), (0.12, 0.09, 0.07), (0.20, 0.13, 0.09), (0.30, 0.20, 0.13), (0.42, 0.29, 0.18),
    (0.62, 0.47, 0.29), (0.76, 0.62, 0.42), (0.48, 0.22, 0.12), (0.55, 0.54, 0.53), (0.82, 0.81, 0.80),
)  # fmt: skip
_HAIR_ODDS = np.array([5, 5, 4, 3, 2.5, 1.5, 1, 0.7, 1.5, 1.0])
_REFLECTANCE = 0.22
"""Of people in their clothes, in linear light, on average."""
_IRISES: tuple[RGB, ...] = ((0.2, 0.12, 0.07), (0.28, 0.18, 0.1), (0.35, 0.4, 0.3), (0.35, 0.45, 0.55))


def random_look(
    rng: np.random.Generator, bank: TextureBank | None, *, female: float = 0.5, child: bool = False
) -> Look:
    """A person's look.

    Args:
        bank: textures that cloth may show; None for procedural cloth only.
        female: 0 to 1, sets the odds of long hair, skirts, beards.
        child: no beard, no grey hair.
    """
    textures = 0 if bank is None else len(bank.layers)
    dark = rng.random() ** 1.5
    skin = _skin(rng, dark)
    hair_color = _hair_color(rng, dark, child)
    hair = _hair(rng, hair_color, female, textures)
    surfaces: list[Surface] = [skin, hair.material.surfaces[0]]
    outfit = Outfit(rng, textures, surfaces, Cuts(cap=1, hairline=float(rng.uniform(-0.004, 0.006))))
    if rng.random() < 0.04 and not child:
        outfit.cuts = replace(outfit.cuts, cap=0)
        hair = replace(hair, thickness=0.0, fall=0.0, knot="none")
    outfit.choose(female)
    seed = float(rng.random())
    face = _face(rng, skin.color, hair_color, dark, female, child)
    height = float(rng.uniform(0.2, 0.32))
    body = Material(tuple(outfit.surfaces), outfit.cuts, face, seed, height)
    return Look(body, tuple(outfit.loose), hair)


def _skin(rng: np.random.Generator, dark: float) -> Surface:
    at = dark * (len(_SKINS) - 1)
    k = min(int(at), len(_SKINS) - 2)
    mixed = np.asarray(_SKINS[k]) * (k + 1 - at) + np.asarray(_SKINS[k + 1]) * (at - k)
    color = jittered(rng, (mixed[0], mixed[1], mixed[2]), 0.04)
    return Surface(color, shine=float(rng.uniform(0.05, 0.22)), folds=0.04)


def _hair_color(rng: np.random.Generator, dark: float, child: bool) -> RGB:
    odds = _HAIR_ODDS.copy()
    odds[4:8] *= max(0.02, 1 - 2 * dark)
    if child:
        odds[8:] = 0
    color = np.asarray(_HAIRS[int(rng.choice(len(_HAIRS), p=odds / odds.sum()))])
    return rgb(np.clip(color * rng.uniform(0.8, 1.2) * (1 + 0.04 * rng.standard_normal(3)), 0, 1))


def _hair(rng: np.random.Generator, color: RGB, female: float, textures: int) -> HairLook:
    light = tuple(min(1.0, 1.5 * c + 0.06) for c in color)
    surface = Surface(color, (light[0], light[1], light[2]), "hair", 0.05, shine=0.2, folds=0.12)
    edge = float(rng.uniform(-0.006, 0.004))
    material = Material((surface,), trim=(edge, 9.0, -9.0), seed=float(rng.random()))
    look = HairLook(material, thickness=float(rng.uniform(0.004, 0.018)))
    if rng.random() < 0.08 + 0.6 * female:
        fall = float(rng.uniform(0.04, 0.32)) if rng.random() < 0.65 else 0.0
        look = replace(look, fall=fall, thickness=float(rng.uniform(0.008, 0.02)))
        if fall == 0.0:
            look = replace(look, knot="bun" if rng.random() < 0.5 else "tail")
    elif rng.random() < 0.07:
        look = replace(look, thickness=float(rng.uniform(0.03, 0.06)))  # afro
    if rng.random() < 0.16:
        look = _hat(rng, look, textures)
    return look


def _hat(rng: np.random.Generator, look: HairLook, textures: int) -> HairLook:
    material = Material((random_cloth(rng, textures, folds=0.3),), trim=(0.0, 9.0, -9.0), seed=float(rng.random()))
    look = replace(look, thickness=min(look.thickness, 0.008), hat_material=material)
    kind = rng.choice(4, p=[0.45, 0.25, 0.15, 0.15])
    if kind == 0:
        return replace(look, hat_height=0.014, brim=float(rng.uniform(0.055, 0.075)))
    if kind == 1:
        return replace(look, hat_height=float(rng.uniform(0.006, 0.02)))
    if kind == 2:
        return replace(look, hat_height=0.035)
    return replace(look, hat_height=0.02, brim=float(rng.uniform(0.05, 0.10)), brim_round=True)


def _face(rng: np.random.Generator, skin: RGB, hair: RGB, dark: float, female: float, child: bool) -> FaceLook:
    s = np.asarray(skin)
    lips = s * np.array([0.93, 0.74, 0.73]) * rng.uniform(0.88, 1.02)
    if rng.random() < 0.3 * female and not child:
        lips = 0.4 * s + 0.6 * np.array([rng.uniform(0.5, 0.75), 0.15, rng.uniform(0.15, 0.25)])
    beard = 0.0
    if not child and rng.random() < 0.5 * (1 - female) ** 2:
        beard = float(rng.uniform(0.2, 1.0))
    iris = _IRISES[0] if dark > 0.5 else _IRISES[int(rng.integers(len(_IRISES)))]
    brow = tuple(float(c) for c in 0.8 * np.asarray(hair) + 0.05 * s)
    return FaceLook((float(lips[0]), float(lips[1]), float(lips[2])), (brow[0], brow[1], brow[2]), iris, hair, beard)


def random_lights(
    rng: np.random.Generator, up: Vector = (0.0, -1.0, 0.0), background: np.ndarray | None = None
) -> Lights:
    """The light of a scene whose vertical is `up` in the camera frame; tinted and as bright as the background photo."""
    height = rng.uniform(0.35, 1.3)
    turn = rng.uniform(0, 2 * np.pi)
    u = np.asarray(up, float) / np.linalg.norm(up)
    a = np.cross(u, (0.0, 0.0, 1.0) if abs(u[2]) < 0.9 else (1.0, 0.0, 0.0))
    a /= np.linalg.norm(a)
    b = np.cross(u, a)
    way = np.cos(height) * (np.cos(turn) * a + np.sin(turn) * b) + np.sin(height) * u
    # From behind the person less often: photographers avoid it.
    if way[2] > 0.3 and rng.random() < 0.6:
        way = way - 2 * np.array([0, 0, way[2]])
    mean = np.full(3, 115.0) if background is None else background[::4, ::4].reshape(-1, 3).astype(float).mean(0)
    bright = float(mean.mean()) / 255
    tint = mean / max(float(mean.mean()), 1.0)
    tint = 0.6 + 0.4 * np.clip(tint, 0.6, 1.5)
    sunny = rng.random() < 0.5
    strength = float(rng.uniform(0.7, 1.5) if sunny else rng.uniform(0.1, 0.5))
    warm = np.array([1.0, rng.uniform(0.88, 1.0), rng.uniform(0.7, 1.0)])
    sky = np.clip(rng.uniform(0.62, 0.9) * tint * np.array([0.95, 1.0, 1.06]), 0, 1)
    floor = np.clip(rng.uniform(0.25, 0.6) * tint, 0, 1)
    lamps = tuple(_lamp(rng) for _ in range(int(rng.choice(3, p=[0.65, 0.25, 0.1]))))
    softness = float(rng.uniform(0.01, 0.04) if sunny else rng.uniform(0.05, 0.15))
    sun = Sun((float(way[0]), float(way[1]), float(way[2])), rgb(warm), strength, softness)
    # As a photographer would: something of a person's usual reflectance, towards the camera, comes out as bright as the
    # photo, more or less.
    light = strength * (0.25 + 0.6 * max(0.0, -way[2])) + 0.5 * (linear(rgb(sky)) + linear(rgb(floor))).mean()
    wanted = float(np.clip(bright, 0.25, 0.75) * rng.uniform(0.75, 1.15))
    exposure = float(np.clip(linear((wanted,) * 3)[0] / (_REFLECTANCE * light), 0.5, 4.0))
    return Lights(sun, rgb(sky), rgb(floor), (float(u[0]), float(u[1]), float(u[2])), lamps, exposure)


def _lamp(rng: np.random.Generator) -> Lamp:
    position = (float(rng.uniform(-4, 4)), float(rng.uniform(-3, 1)), float(rng.uniform(-1, 6)))
    color = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 1.0)])
    return Lamp(position, rgb(color), float(rng.uniform(0.5, 3.0)))
