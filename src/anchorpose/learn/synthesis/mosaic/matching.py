"""For each joint of a query, the source whose pose is most like it around that joint (NIPS 2016, section 3).

    D_j(p, q) = sum_k (w_k^j(p) + w_k^j(q)) * || p_k - q'_k ||,    q' = T q

T is the similarity that sends q_j to p_j and q_i to p_i, with i the farthest joint of p that is directly connected to
j. The weights w_k^j fall with the inverse distance of k to j and sum to 1. Points are complex numbers here: with
T(z) = p_j + (p_i - p_j) (z - q_j) / (q_i - q_j) a distance is |p_i - p_j| * |v_k - u_k|, where u and v are the poses
in the frame that has j at 0 and i at 1. So one search is a few passes over arrays, exact over all sources.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13

# Who hangs on whom. BODY13's head hangs on nothing there; here it does on both shoulders.
CONNECTED: tuple[tuple[int, ...], ...] = tuple(
    tuple(sorted({b for a, b in pairs if a == j} | {a for a, b in pairs if b == j}))
    for pairs in [
        [*BODY13.edges, *((BODY13.index("head"), BODY13.index(f"{s}_shoulder")) for s in "rl")],
    ]
    for j in range(len(BODY13))
)
_FLOOR = 0.02  # of a pose's extent: nearer joints weigh no more than that


@dataclass(frozen=True)
class Similarity:
    """x + iy -> a (x + iy) + b, from a source's pixels to the query's."""

    a: complex
    b: complex

    @property
    def zoom(self) -> float:
        """How much it enlarges."""
        return abs(self.a)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) carried over."""
        return as_points(self.a * as_complex(points) + self.b)

    def inverse(self) -> Similarity:
        return Similarity(1 / self.a, -self.b / self.a)


@dataclass(frozen=True)
class Match:
    """The source chosen for a joint, how to align it, and its distance D_j [px]."""

    source: int
    similarity: Similarity
    distance: float


def as_complex(points: np.ndarray) -> np.ndarray:
    """(..., 2) points as complex numbers."""
    points = np.asarray(points, float)
    return points[..., 0] + 1j * points[..., 1]


def as_points(numbers: np.ndarray) -> np.ndarray:
    """Complex numbers as (..., 2) points."""
    return np.stack([np.real(numbers), np.imag(numbers)], -1)


def align(p: np.ndarray, q: np.ndarray, j: int, i: int) -> Similarity:
    """T: the similarity that sends q_j to p_j and q_i to p_i. Poses are (13, 2)."""
    zp, zq = as_complex(p), as_complex(q)
    a = (zp[i] - zp[j]) / (zq[i] - zq[j])
    return Similarity(complex(a), complex(zp[j] - a * zq[j]))


def farthest_connected(p: np.ndarray) -> np.ndarray:
    """(13,) for each joint of the pose (13, 2) the farthest of those directly connected to it."""
    z = as_complex(p)
    return np.array([max(CONNECTED[j], key=lambda i: abs(z[i] - z[j])) for j in range(len(z))])


def extent(z: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(...) longer side of the box of the known ones of points z (13, ...)."""
    sides = []
    for part in (z.real, z.imag):
        high = np.where(known, part, -np.inf).max(0)
        low = np.where(known, part, np.inf).min(0)
        sides.append(high - low)
    return np.maximum(np.maximum(*sides), 1e-6)


def joint_weights(z: np.ndarray, known: np.ndarray, j: int) -> np.ndarray:
    """w_k^j: (13, ...) inverse distances of points z (13, ...) to joint j, of the known ones, normalised to sum 1."""
    weights = 1 / np.maximum(np.abs(z - z[j]), _FLOOR * extent(z, known))
    weights = np.where(known, weights, 0)
    weights[j] = 0
    total: np.ndarray = weights.sum(0)
    return weights / np.maximum(total, 1e-12)


class Matcher:
    """All sources' poses, laid out for the search.

    Args:
        joints2d: (N, 13, 2) [px], NaN where not labelled.
        visible: (N, 13) bool, joints that are not hidden; None: all that are labelled.
        missing: what a joint that a source does not have costs, as a share of the query's extent: it counts with its
            weight w_k^j(p) as one that is off by so much. 0 leaves it out of the sum.
        max_zoom: sources that would be enlarged more are not taken, as long as there are others.
        agree: see `best`.
    """

    def __init__(
        self,
        joints2d: np.ndarray,
        visible: np.ndarray | None = None,
        missing: float = 0.1,
        max_zoom: float = np.inf,
        agree: float = 0.0,
    ) -> None:
        self._known = np.ascontiguousarray(np.isfinite(joints2d).all(-1).T)
        z = as_complex(np.nan_to_num(joints2d)).T
        self._z = np.ascontiguousarray(z.astype(np.complex64))
        self._weights = np.stack([joint_weights(z, self._known, j) for j in range(len(z))]).astype(np.float32)
        self._extent = extent(z, self._known)
        self._visible = self._known if visible is None else np.ascontiguousarray(visible.T)
        self.missing, self.max_zoom, self.agree = missing, max_zoom, agree

    def distances(self, p: np.ndarray, j: int, i: int) -> tuple[np.ndarray, np.ndarray]:
        """D_j [px] of a query (13, 2) to each source, infinite where it lacks j or i, and the zoom of T; both (N,)."""
        z = as_complex(p)
        every = np.ones(len(z), bool)
        base = self._z[i] - self._z[j]
        length = np.abs(base)
        usable = self._known[i] & self._known[j] & (length > 1e-4 * self._extent)
        reach = abs(z[i] - z[j])
        turn = np.where(usable, (z[i] - z[j]) / np.where(usable, base, 1), 0).astype(np.complex64)
        error = np.abs((self._z - self._z[j]) * turn - (z - z[j])[:, None].astype(np.complex64))
        weights = joint_weights(z, every, j).astype(np.float32)
        error[~self._known] = np.float32(self.missing * extent(z, every))
        both = self._weights[j] + weights[:, None]
        total = np.einsum("kn,kn->n", both, error)
        return np.where(usable, total, np.inf), np.where(usable, reach / np.where(usable, length, 1), np.inf)

    def best(
        self,
        p: np.ndarray,
        j: int,
        *,
        hidden: bool = False,
        excluded: np.ndarray | None = None,
        used: Collection[int] = (),
    ) -> Match:
        """The source nearest to the query around joint j.

        Args:
            hidden: joint j of the query is hidden; if not, sources whose joint is hidden come after all others.
            excluded: (N,) bool, sources that are not to be taken.
            used: sources that serve other joints of the query: they are taken again where their distance is at most
                `agree` (a share) above the least.

        Raises:
            InputError: no source can be aligned, as none has the joints it takes.
        """
        i = int(farthest_connected(p)[j])
        distance, zoom = self.distances(p, j, i)
        if excluded is not None:
            distance[excluded] = np.inf
        for preferred in (zoom <= self.max_zoom, None if hidden else self._visible[j]):
            if preferred is not None and np.isfinite(distance[preferred]).any():
                distance = np.where(preferred, distance, np.inf)
        if not np.isfinite(distance).any():
            names = BODY13.names[j], BODY13.names[i]
            raise InputError(f"none of the photos' people has both {names[0]} and {names[1]} labelled")
        chosen = int(np.argmin(distance))
        again = min(used, key=lambda s: (distance[s], s), default=chosen)
        if distance[again] <= (1 + self.agree) * distance[chosen]:
            chosen = int(again)
        q = as_points(self._z[:, chosen].astype(complex))
        return Match(chosen, align(p, q, j, i), float(distance[chosen]))
