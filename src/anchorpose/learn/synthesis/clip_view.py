"""What hides a part of a person for a while in a clip: the border of the picture, or a thing in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anchorpose.learn.synthesis.scenes import View
from anchorpose.poses.transforms import rotation_x, rotation_y

if TYPE_CHECKING:
    from anchorpose.learn.synthesis.gl.scene import Mesh

CUT = 0.15
"""Share of the joints of all frames that the border cuts, about."""

_MOST_CUT = 0.8  # of one frame

HIDDEN = (0.06, 0.4)
"""Least and most share of the joints of all frames that things hide."""

_TRIES = 40


def cut_view(view: View, joints: np.ndarray) -> View:
    """The camera turned to a side, until the border cuts a share `CUT` of the joints (T, 13, 3) of the world: to that
    side at which it is most for a while only, without losing the person."""
    best, change = view, -np.inf
    for turn in (rotation_x, rotation_y):
        for sign in (-1, 1):
            for degrees in range(1, 60):
                by = turn(np.radians(sign * degrees))
                turned = View(view.camera, by @ view.rotation, by @ view.translation)
                outside = 1 - _inside(turned, joints)
                if outside.mean() >= CUT:
                    break
            varies = float(outside.mean(1).std() - 10 * max(outside.mean(1).max() - _MOST_CUT, 0))
            if outside.mean() < 2 * CUT and varies > change:
                best, change = turned, varies
    return best


def _inside(view: View, joints: np.ndarray) -> np.ndarray:
    """(T, 13) 1 for joints in the picture, else 0."""
    pixels = view.camera.project(view.from_world(joints))
    size = (view.camera.width, view.camera.height)
    return np.asarray(((pixels > -0.5) & (pixels < np.array(size) - 0.5)).all(-1), float)


def hiding_things(
    cloud: np.ndarray, joints: np.ndarray, view: View, rng: np.random.Generator, layers: int
) -> tuple[Mesh, ...]:
    """A thing between the camera and the way of a person that hides a share of about `HIDDEN`; () if none was found.

    Args:
        cloud: (K, 3) points of the person at all times in the world, which the thing does not touch.
        joints: (T, 13, 3) in the world. layers: of the texture bank.
    """
    from anchorpose.learn.synthesis.occluders import draw_occluders

    here = view.from_world(joints).reshape(-1, 3)
    pixels = view.camera.project(here)
    for _ in range(_TRIES):
        things = draw_occluders([cloud], view, rng, layers, most=1)
        if not things:
            continue
        hidden = np.zeros(len(here), bool)
        for thing in things:
            hidden |= _behind(here, pixels, thing, view)
        if HIDDEN[0] <= hidden.mean() <= HIDDEN[1] and hidden.reshape(len(joints), -1).mean(1).max() > 0.15:
            return things
    return ()


def _behind(points: np.ndarray, pixels: np.ndarray, thing: Mesh, view: View) -> np.ndarray:
    """(N,) whether points of the camera frame lie behind a convex thing."""
    from scipy.spatial import ConvexHull

    corners = thing.vertices.astype(float)
    if corners[:, 2].min() < 0.1:
        return np.zeros(len(points), bool)
    hull = ConvexHull(view.camera.project(corners)).equations
    within = (np.nan_to_num(pixels, nan=1e6) @ hull[:, :2].T + hull[:, 2] < 0).all(1)
    return np.asarray(within & (points[:, 2] > corners[:, 2].min()))
