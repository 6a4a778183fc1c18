"""How many random people have an arm in their own body, measured on their meshes, before and after `collisions`.

A vertex is inside a surface where the surface's winding number about it is over one half (Jacobson et al., SIGGRAPH
2013); the sum of solid angles also serves a surface with holes, such as a body without its arms.
"""

from __future__ import annotations

import argparse
from functools import lru_cache

import numpy as np

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.hands import read_hands
from anchorpose.learn.synthesis.people import PeopleRange, draw_character
from anchorpose.learn.synthesis.pose_pool import PosePool, draw_pose, read_pool
from anchorpose.poses.body import BodyModel, Shaped, pose_shaped

BAD = 0.05
"""Share of a forearm and its hand that lies inside the rest of the body, from which on a pose counts as wrong."""

FLESH = 0.01
"""What gives way [m]: nearer to the surface nothing counts as inside."""

_TRUNK = ("hips", "abdomen", "chest", "neck", "l_upper_leg", "r_upper_leg", "l_lower_leg", "r_lower_leg", "head")


def winding_numbers(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(P,) winding number of triangles (F, 3, 3) about points (P, 3) (van Oosterom and Strackee 1983)."""
    out = np.empty(len(points))
    for k, point in enumerate(points):
        a, b, c = np.moveaxis(triangles - point, 1, 0)
        la, lb, lc = (np.sqrt((v * v).sum(1)) for v in (a, b, c))
        volume = (a * np.cross(b, c)).sum(1)
        below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        out[k] = np.arctan2(volume, below).sum() / (2 * np.pi)
    return out


@lru_cache(maxsize=2)
def _sets(body: BodyModel) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Triangles of all but the arms; some vertices of each forearm with its hand."""
    trunk = np.isin(body.face_regions, [body.region(name) for name in _TRUNK])
    arms = []
    for side in "lr":
        rows = np.flatnonzero(np.isin(body.vertex_regions, [body.region(f"{side}_{n}") for n in ("lower_arm", "hand")]))
        arms.append(rows[:: max(1, len(rows) // 100)])
    return body.faces[trunk], (arms[0], arms[1])


def buried(body: BodyModel, shaped: Shaped, rotations: np.ndarray) -> float:
    """The larger share of the two forearms with their hands that lies inside trunk, head or legs,
    deeper than `FLESH`."""
    from scipy.spatial import cKDTree

    faces, arms = _sets(body)
    vertices = pose_shaped(body, shaped, rotations[None], np.zeros((1, 3))).vertices[0].astype(float)
    triangles = vertices[faces]
    middles = triangles.mean(1)
    tree = cKDTree(middles)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    worst = 0.0
    for rows in arms:
        points = vertices[rows]
        distance, nearest = tree.query(points)
        # The winding number is asked only where the nearest triangle leaves a doubt.
        behind = ((points - middles[nearest]) * normals[nearest]).sum(1) < 0
        doubt = points[behind & (distance > FLESH)]
        worst = max(worst, float((winding_numbers(doubt, triangles) > 0.5).sum()) / len(rows))
    return worst


def measure(body: BodyModel, pool: PosePool, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count,) buried shares of random people with the poses as recorded, and as `people` makes them."""
    hands, still = read_hands(None), PeopleRange(jitter=0.0, mixed=0.0, tumbled=0.0)
    before, after = np.empty(count), np.empty(count)
    for i in range(count):
        person = draw_character(body, pool, hands, np.random.default_rng([seed, i]))
        after[i] = buried(body, person.shaped, person.rotations)
        recorded = draw_pose(pool, np.random.default_rng([seed, i, 1]), still.mixed, still.tumbled)
        before[i] = buried(body, person.shaped, recorded.rotations)
    return before, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motions", help="file of a motion corpus")
    parser.add_argument("--split", default="train")
    parser.add_argument("--count", type=int, default=1000)
    args = parser.parse_args()
    before, after = measure(read_body(), read_pool(args.motions, args.split), args.count)
    for name, values in (("as recorded", before), ("as drawn", after)):
        print(f"{name}: {100 * (values > BAD).mean():.1f} % of {len(values)} poses with an arm in the body")


if __name__ == "__main__":
    main()
