"""Cloth and outfits, drawn at random: colours and patterns, what is worn together, where it ends, what hangs loose."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np

from anchorpose.learn.synthesis.gl.scene import RGB, Cuts, Material, Surface

_SHOES: tuple[RGB, ...] = (
    (0.06, 0.06, 0.06), (0.2, 0.13, 0.09), (0.4, 0.28, 0.18), (0.85, 0.85, 0.85), (0.35, 0.36, 0.38),
)  # fmt: skip
_SOCKS: tuple[RGB, ...] = ((0.9, 0.9, 0.9), (0.08, 0.08, 0.09), (0.45, 0.45, 0.47))
_DENIM: tuple[RGB, ...] = ((0.2, 0.26, 0.38), (0.12, 0.15, 0.24), (0.35, 0.45, 0.6), (0.1, 0.1, 0.12))


@dataclass(frozen=True)
class Loose:
    """A loose piece of clothing on one of the wardrobe's shells ("robe", "legs", "sleeves").

    It stands `base` [m] off the body at `start` and widens by `flare` [m] per unit of `down` below `widens`.
    """

    shell: str
    material: Material
    base: float = 0.01
    flare: float = 0.02
    start: float = 0.0
    widens: float = 1.0

    def offsets(self, down: np.ndarray) -> np.ndarray:
        """(N,) outward offsets [m] of vertices at `down`."""
        rise = np.clip((down - self.start) / 0.3, 0.25, 1)
        return self.base * rise + self.flare * np.maximum(down - self.widens, 0)


def jittered(rng: np.random.Generator, color: RGB, amount: float) -> RGB:
    """A colour near this one: brighter or darker by about `amount`, and a little off in hue."""
    c = np.clip(np.asarray(color) * (1 + amount * rng.standard_normal()) + 0.4 * amount * rng.standard_normal(3), 0, 1)
    return (float(c[0]), float(c[1]), float(c[2]))


def rgb(values: np.ndarray) -> RGB:
    """Three numbers as plain floats."""
    return (float(values[0]), float(values[1]), float(values[2]))


def cloth_color(rng: np.random.Generator) -> RGB:
    """A colour as clothes have it: much black, white, grey and navy, some muted, some vivid."""
    kind = rng.random()
    if kind < 0.35:
        v = float(rng.choice([0.05, 0.12, 0.3, 0.55, 0.85, 0.93]))
        return jittered(rng, (v, v, v), 0.03)
    hue = float(rng.random())
    if kind < 0.5:
        return jittered(rng, (0.08, 0.11, 0.22), 0.1)
    saturation = float(rng.uniform(0.15, 0.5) if kind < 0.78 else rng.uniform(0.55, 0.95))
    return colorsys.hsv_to_rgb(hue, saturation, float(rng.uniform(0.3, 0.95)))


def random_cloth(rng: np.random.Generator, textures: int, *, folds: float | None = None, plain: float = 0.5) -> Surface:
    """A cloth: plain with the odds given, else patterned or photographed."""
    color, color2 = cloth_color(rng), cloth_color(rng)
    depth = float(rng.uniform(0.4, 1.0)) if folds is None else folds
    shine = float(rng.uniform(0.0, 0.12)) if rng.random() < 0.85 else 0.4
    surface = Surface(color, color2, shine=shine, folds=depth, thickness=float(rng.uniform(0.003, 0.01)))
    angle = float(rng.choice([0.0, 0.0, np.pi / 2, rng.uniform(0, np.pi)]))
    if rng.random() < plain:
        return surface
    kinds = ["stripes", "checks", "dots", "noise", "gradient", "logo", "photo"]
    odds = np.array([0.2, 0.15, 0.08, 0.12, 0.05, 0.15, 0.25])
    if not textures:
        odds[5:] = 0
    kind = str(rng.choice(kinds, p=odds / odds.sum()))
    scale = {
        "stripes": rng.uniform(0.015, 0.12), "checks": rng.uniform(0.02, 0.12), "dots": rng.uniform(0.02, 0.07),
        "noise": rng.uniform(0.05, 0.3), "gradient": rng.uniform(0.3, 0.8), "logo": rng.uniform(0.12, 0.3),
        "photo": rng.uniform(0.15, 0.7),
    }[kind]  # fmt: skip
    if kind == "photo":
        color = (1.0, 1.0, 1.0) if rng.random() < 0.6 else color
    texture = int(rng.integers(textures)) if textures else 0
    return replace(surface, color=color, pattern=kind, scale=float(scale), angle=angle, texture=texture)


def _one_of(rng: np.random.Generator, ranges: tuple[tuple[float, float, float], ...]) -> float:
    """A number from one of several ranges (odds, low, high)."""
    odds = np.array([r[0] for r in ranges])
    _, low, high = ranges[int(rng.choice(len(ranges), p=odds / odds.sum()))]
    return float(rng.uniform(low, high))


class Outfit:
    """Clothes while they are chosen: surfaces, where they end, and what hangs loose."""

    def __init__(self, rng: np.random.Generator, textures: int, surfaces: list[Surface], cuts: Cuts) -> None:
        self.rng, self.textures = rng, textures
        self.surfaces, self.cuts = surfaces, cuts
        self.loose: list[Loose] = []

    def choose(self, female: float) -> None:
        rng = self.rng
        kind = rng.random()
        if kind < 0.04:
            self._swimwear(female)
        elif kind < 0.04 + 0.16 * female:
            self._dress()
        else:
            self._top()
            if rng.random() < 0.25 * female:
                self._skirt()
            else:
                self._trousers()
        if kind >= 0.04:
            self._shoes()
            if rng.random() < 0.16:
                self._coat()
            if rng.random() < 0.04:
                self._set(gloves=self._add(random_cloth(rng, 0, folds=0.2, plain=0.9)))
                self._set(glove_start=float(rng.uniform(1.75, 2.0)))

    def _add(self, surface: Surface) -> int:
        self.surfaces.append(surface)
        return len(self.surfaces) - 1

    def _set(self, **changes: float) -> None:
        self.cuts = replace(self.cuts, **changes)  # type: ignore[arg-type]

    def _material(self, surface: Surface, low: float, high: float, opened: float = -9.0) -> Material:
        return Material(
            (replace(surface, thickness=0.0),), trim=(low, high, opened), seed=float(self.rng.random()),
            logo_height=0.25,
        )  # fmt: skip

    def _top(self) -> None:
        rng = self.rng
        cloth = random_cloth(rng, self.textures)
        if rng.random() < 0.2:
            cloth = replace(cloth, thickness=float(rng.uniform(0.012, 0.02)))
        sleeve = _one_of(rng, ((0.12, 0.0, 0.15), (0.43, 0.45, 0.95), (0.1, 1.0, 1.7), (0.35, 1.9, 2.06)))
        neck = float(rng.uniform(0.93, 1.0)) if rng.random() < 0.8 else float(rng.uniform(1.02, 1.12))
        self._set(
            top=self._add(cloth), sleeve=sleeve, neckline=neck, waist=float(rng.uniform(0.12, 0.4)),
            v_neck=float(rng.uniform(0.05, 0.25)) if rng.random() < 0.3 else 0.0,
        )  # fmt: skip
        if rng.random() < 0.35:
            hem = float(rng.uniform(1.3, 2.2))
            base = float(rng.uniform(0.01, 0.03))
            flare = float(rng.uniform(0.0, 0.03))
            self.loose.append(Loose("robe", self._material(cloth, 0.0, hem), base, flare))
        if sleeve > 0.5 and rng.random() < 0.3:
            wide = Loose(
                "sleeves", self._material(cloth, 0.0, sleeve), 0.012, float(rng.uniform(0.005, 0.03)), 0.3, 0.3
            )
            self.loose.append(wide)

    def _trousers(self) -> None:
        rng = self.rng
        if rng.random() < 0.45:
            denim = jittered(rng, _DENIM[int(rng.integers(len(_DENIM)))], 0.08)
            cloth = Surface(denim, shine=0.02, folds=0.9, thickness=float(rng.uniform(0.004, 0.01)))
        else:
            cloth = random_cloth(rng, self.textures, plain=0.8)
        end = _one_of(rng, ((0.25, 0.3, 0.95), (0.08, 1.1, 1.7), (0.67, 1.85, 2.1)))
        self._set(bottom=self._add(cloth), leg_end=end)
        if rng.random() < 0.45:
            base, flare = float(rng.uniform(0.008, 0.02)), float(rng.uniform(0.0, 0.03))
            self.loose.append(Loose("legs", self._material(cloth, 0.0, end), base, flare, 0.3, 0.4))

    def _skirt(self) -> None:
        rng = self.rng
        cloth = random_cloth(rng, self.textures)
        end = _one_of(rng, ((0.65, 2.4, 3.0), (0.35, 3.0, 3.9)))
        # Under the skirt the body wears the same cloth, so that a leg that comes through is not seen.
        self._set(bottom=self._add(replace(cloth, thickness=0.001)), leg_end=max(end - 2.12, 0.25))
        start = float(rng.uniform(1.0, 1.35))
        flare = float(rng.uniform(0.0, 0.09))
        self.loose.append(Loose("robe", self._material(cloth, start, end), 0.008, flare, start, 1.3))

    def _dress(self) -> None:
        rng = self.rng
        self._top()
        self.loose = [item for item in self.loose if item.shell == "sleeves"]
        cloth = self.surfaces[self.cuts.top]
        end = float(rng.uniform(2.4, 3.9))
        self._set(bottom=self.cuts.top, leg_end=max(end - 2.12, 0.25))
        flare = float(rng.uniform(0.0, 0.08))
        self.loose.append(Loose("robe", self._material(cloth, 1.0, end), 0.008, flare, 1.0, 1.2))

    def _coat(self) -> None:
        rng = self.rng
        cloth = random_cloth(rng, self.textures, plain=0.8)
        self.loose = [item for item in self.loose if item.shell == "legs" or item.flare > 0.05]
        opened = float(rng.uniform(0.05, 0.2)) if rng.random() < 0.5 else -9.0
        coat = replace(cloth, thickness=0.02)
        end = float(rng.uniform(1.7, 3.2))
        self._set(top=self._add(coat), sleeve=float(rng.uniform(1.85, 2.05)), neckline=float(rng.uniform(0.97, 1.1)))
        self.loose.append(Loose("robe", self._material(cloth, 0.1, end, opened), 0.03, float(rng.uniform(0.01, 0.05))))
        self.loose.append(Loose("sleeves", self._material(cloth, 0.0, 1.95), 0.022, 0.008, 0.0, 0.3))

    def _swimwear(self, female: float) -> None:
        rng = self.rng
        cloth = self._add(replace(random_cloth(rng, self.textures, folds=0.2), thickness=0.002))
        if rng.random() < female:
            self._set(top=cloth, sleeve=-0.12, neckline=0.8, waist=0.3, bottom=cloth, leg_end=0.1)
        else:
            self._set(bottom=cloth, leg_end=float(rng.uniform(0.2, 0.8)), waist=0.3)

    def _shoes(self) -> None:
        rng = self.rng
        kind = rng.random()
        if kind < 0.06:
            return
        color = cloth_color(rng) if rng.random() < 0.25 else jittered(rng, _SHOES[int(rng.integers(len(_SHOES)))], 0.1)
        shoe = Surface(color, cloth_color(rng), shine=0.25, folds=0.15)
        start = _one_of(rng, ((0.72, 2.0, 2.15), (0.2, 1.75, 1.95), (0.08, 1.2, 1.6)))
        # Under the shell that hides the toes, the foot and what is above it are painted.
        self._set(shoes=self._add(replace(shoe, thickness=0.003)), shoe_start=start)
        self.loose.append(Loose("shoes", self._material(shoe, -9.0, 9.0), 0.012, 0.0, -1.0))
        if rng.random() < 0.5:
            color = cloth_color(rng) if rng.random() < 0.3 else _SOCKS[int(rng.integers(len(_SOCKS)))]
            sock = Surface(color, shine=0.0, folds=0.3, thickness=0.003)
            self._set(socks=self._add(sock), sock_start=float(rng.uniform(1.5, 1.95)))
