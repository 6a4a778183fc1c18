"""What a skeleton is: one record per joint, and what follows from the records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anchorpose.poses.errors import InputError

RIGHT_COLOR, LEFT_COLOR, CENTRE_COLOR = (232, 119, 34), (0, 133, 202), (120, 120, 120)

# COCO's per-joint OKS constants (sigma; the OKS formula uses k = 2 sigma).
_SIGMA = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
    "head": 0.040,
    "head_top": 0.060,
    "neck": 0.079,
    "thorax": 0.079,
    "pelvis": 0.107,
}
_DEFAULT_SIGMA = 0.079


@dataclass(frozen=True)
class Joint:
    """One joint: its name, the joint it hangs on, its mirror image, its OKS sigma and its colour."""

    name: str
    parent: str | None
    mirror: str
    sigma: float
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of joints. `edges`, `mirror`, ... are derived from the records, never stored beside them."""

    name: str
    joints: tuple[Joint, ...]
    extra_edges: tuple[tuple[str, str], ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)  # conversions are cached by skeleton; hashing every joint takes longer than converting

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(joint.name for joint in self.joints)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Number of the joint called `name`; InputError if there is none."""
        try:
            return self._index[name]
        except KeyError:
            raise InputError(f"{self.name} has no joint {name!r}; it has {', '.join(self.names)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._index

    @cached_property
    def parents(self) -> np.ndarray:
        """(J,) int, number of each joint's parent, -1 for a root."""
        return np.array([self._index[j.parent] if j.parent else -1 for j in self.joints])

    @cached_property
    def mirror(self) -> np.ndarray:
        """(J,) int, number of each joint's mirror image: `points[..., mirror, :]` swaps left and right."""
        return np.array([self._index[j.mirror] for j in self.joints])

    @cached_property
    def sigmas(self) -> np.ndarray:
        """(J,) float, OKS sigmas."""
        return np.array([j.sigma for j in self.joints])

    @cached_property
    def colors(self) -> np.ndarray:
        """(J, 3) uint8."""
        return np.array([j.color for j in self.joints], np.uint8)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Limbs to draw, as pairs of joint numbers (parent, child)."""
        tree = [(self._index[j.parent], i) for i, j in enumerate(self.joints) if j.parent]
        return tuple(tree + [(self._index[a], self._index[b]) for a, b in self.extra_edges])


_PREFIXES = (("left_", "right_"), ("right_", "left_"), ("l_", "r_"), ("r_", "l_"))


def mirror_name(name: str) -> str:
    """The name of the other side's joint; the same where there are no sides."""
    for prefix, other in _PREFIXES:
        if name.startswith(prefix):
            return other + name[len(prefix) :]
    return name


def side_color(name: str) -> tuple[int, int, int]:
    """Right, left or centre."""
    if name.startswith(("r_", "right_")):
        return RIGHT_COLOR
    return LEFT_COLOR if name.startswith(("l_", "left_")) else CENTRE_COLOR


def _sigma(name: str) -> float:
    base = name.split("_", 1)[1] if name.startswith(("l_", "r_")) else name
    return _SIGMA.get(base, _DEFAULT_SIGMA)


def make_skeleton(
    name: str,
    order: str,
    parents: dict[str, str],
    extra: tuple[tuple[str, str], ...] = (),
    mirrors: dict[str, str] | None = None,
    sigmas: dict[str, float] | None = None,
) -> Skeleton:
    """A skeleton from its joints' names, in order; mirrors and sigmas that do not follow from the names are given."""
    names = order.split()
    mirrors, sigmas = mirrors or {}, sigmas or {}
    joints = tuple(
        Joint(n, parents.get(n), mirrors.get(n, mirror_name(n)), sigmas.get(n, _sigma(n)), side_color(n)) for n in names
    )
    return Skeleton(name, joints, extra)


def both_sides(pairs: dict[str, str]) -> dict[str, str]:
    """Spell out 'x' as l_x and r_x; a parent without a side stands after '='."""
    out = {}
    for child, parent in pairs.items():
        for side in "lr":
            out[f"{side}_{child}"] = parent[1:] if parent.startswith("=") else f"{side}_{parent}"
    return out
