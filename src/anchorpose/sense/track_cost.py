"""How unlike a track and a person are: OKS of points, distance of distributions over 3D poses, depth, size, bones."""

from __future__ import annotations

import numpy as np

from anchorpose.sense.track_seen import SIGMAS, Seen
from anchorpose.sense.track_settings import SIZE, TrackSettings
from anchorpose.sense.track_state import Predicted, Tracks


def point_likeness(at: Predicted, trust: np.ndarray, seen: Seen, s: TrackSettings) -> np.ndarray:
    """OKS (T, N) of predicted with found points, where the tolerance grows with the time that a track was not seen.

    exp(-d^2 / (2 size^2 (k^2 + (drift gap)^2))) averaged over the points that both have, with k = 2 sigma as in COCO.
    """
    # Single precision: a thousandth of a pixel, and twice as fast.
    predicted, found = at.points.astype(np.float32), seen.points.astype(np.float32)
    across, down = (predicted[:, None, :, k] - found[None, :, :, k] for k in (0, 1))
    spread = (2 * s.tolerance * SIGMAS) ** 2 + (s.drift * at.gap[:, None]) ** 2  # (T, J)
    unit = (SIZE * at.size)[:, None] ** 2
    similar = np.exp((across * across + down * down) * (-0.5 / (spread * unit)).astype(np.float32)[:, None])
    weight = np.minimum(trust.astype(np.float32)[:, None], seen.trust.astype(np.float32)[None])
    ones = np.ones(weight.shape[-1], np.float32)  # a product with ones is faster than a sum over a short axis
    return (similar * weight) @ ones / np.maximum(weight @ ones, 1e-9)


def mode_likeness(tracks: Tracks, seen: Seen, spread: float, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How far two distributions over 3D poses overlap, 0..1, for pairs (P,) of a track and a person; NaN where either
    has no 3D.

    Each mode is a bump of width `spread` about its pose; what counts is the scalar product of the two sums of bumps,
    sum_ab w_a w_b exp(-d_ab^2 / (2 spread^2)), over the product of their norms (Cauchy-Schwarz). d is the root mean
    square distance of the joints. So a hypothesis that was the second best of one frame and is the best of the next is
    no surprise, where the distance of the two best poses alone would be.
    """
    t, n, m = len(tracks), len(seen), tracks.weights.shape[1]
    flat = [x.reshape(-1, x.shape[-1]) for x in (tracks.poses, tracks.known, seen.poses, seen.known)]
    squares = _squares(*flat).reshape(t, m, n, m)[rows, :, columns]
    cross = _product(squares, tracks.weights[rows], seen.weights[columns], spread)
    norms = [
        _product(_squares(x.poses, x.known, x.poses, x.known), x.weights, x.weights, spread) for x in (tracks, seen)
    ]
    norm = np.sqrt(norms[0][rows] * norms[1][columns])
    return np.where(norm > 0, np.minimum(cross / np.where(norm > 0, norm, 1.0), 1.0), np.nan)


def _squares(a: np.ndarray, a_known: np.ndarray, b: np.ndarray, b_known: np.ndarray) -> np.ndarray:
    """(..., A, B) mean squared joint distances of poses (..., A, 39) and (..., B, 39); infinite where none is known."""
    b_across = np.swapaxes(b, -1, -2)
    if a_known.all() and b_known.all():
        squares = (a * a).sum(-1)[..., None] + (b * b).sum(-1)[..., None, :] - 2 * (a @ b_across)
        return squares * (3 / a.shape[-1])
    known_across = np.swapaxes(b_known, -1, -2)
    squares = (a * a) @ known_across + a_known @ (b_across * b_across) - 2 * (a @ b_across)
    count = a_known @ known_across / 3
    return np.where(count > 0, squares / np.maximum(count, 1.0), np.inf)


def _product(squares: np.ndarray, a_weights: np.ndarray, b_weights: np.ndarray, spread: float) -> np.ndarray:
    """(P,) sums over the pairs of modes (P, M, M), by their weights (P, M)."""
    bumps = np.exp(squares * (-0.5 / spread**2))
    return np.einsum("pa,pab,pb->p", a_weights, bumps, b_weights)


def costs(tracks: Tracks, at: Predicted, seen: Seen, s: TrackSettings) -> np.ndarray:
    """(T, N) what it costs to take each person for each track: the sum of the weighted terms, of which one that cannot
    be told is taken to be like the mean of the others; infinite below the least OKS."""
    alike = point_likeness(at, tracks.trust, seen, s)
    out = np.full(alike.shape, np.inf)
    rows, columns = np.nonzero(alike >= s.least_oks)  # few of all pairs: the rest is not looked at
    gap = at.gap[rows]
    late = s.pose_late + (1 - s.pose_late) * 0.5 ** (gap / s.pose_memory)
    terms: list[tuple[np.ndarray | float, np.ndarray]] = [(s.oks, 1 - alike[rows, columns])]
    if s.pose:
        terms.append((s.pose * late, 1 - mode_likeness(tracks, seen, s.pose_spread, rows, columns)))
    if s.depth:
        off = tracks.depth[rows] - seen.depth[columns]
        terms.append((s.depth, _unlike(off, s.depth_spread + s.depth_drift * gap)))
    if s.size:
        off = np.log(at.size[rows] / seen.size[columns])
        terms.append((s.size, _unlike(off, s.size_spread + s.depth_drift * gap)))
    if s.bones:
        off = np.abs(tracks.bones[rows] - seen.bones[columns]).mean(-1)
        terms.append((s.bones, _unlike(off, s.bones_spread)))
    cost, told, total = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for weight, unlike in terms:
        known = np.isfinite(unlike)
        cost += np.where(known, weight * unlike, 0.0)
        told += known * weight
        total += weight
    out[rows, columns] = cost * (total / told) + s.waiting * gap
    return out


def _unlike(off: np.ndarray, spread: np.ndarray | float) -> np.ndarray:
    """A difference as 0 (none) to 1 (many spreads)."""
    return 1 - np.exp(-0.5 * (off / spread) ** 2)
