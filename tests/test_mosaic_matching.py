"""The search for the source of each joint, against the formula spelled out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.learn.synthesis.mosaic.matching import (
    CONNECTED,
    Matcher,
    Similarity,
    align,
    farthest_connected,
)
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13
from conftest import before_camera, tiny_poses

CAMERA = Camera.from_fov(256, 256, 45)
JOINTS = len(BODY13)


def poses(n: int, seed: int = 0, gaps: float = 0.0) -> np.ndarray:
    """(n, 13, 2) people in a picture of 256 px; a share `gaps` of the joints is missing."""
    rng = np.random.default_rng(seed)
    out = np.stack([CAMERA.project(before_camera(pose, elevation=rng.normal(5, 10))) for pose in tiny_poses(n, seed)])
    out = out * rng.uniform(0.5, 1.5, (n, 1, 1)) + rng.uniform(-20, 20, (n, 1, 2))
    out[rng.random(out.shape[:2]) < gaps] = np.nan
    return out.astype(np.float32).astype(float)


def literal_weights(pose: np.ndarray, j: int) -> dict[int, float]:
    known = [k for k in range(JOINTS) if np.isfinite(pose[k]).all()]
    size = max(np.ptp(pose[known, 0]), np.ptp(pose[known, 1]))
    inverse = {k: 1 / max(math.dist(pose[k], pose[j]), 0.02 * size) for k in known if k != j}
    total = sum(inverse.values())
    return {k: w / total for k, w in inverse.items()}


def literal_distance(p: np.ndarray, q: np.ndarray, j: int, missing: float) -> float:
    """D_j, joint by joint, the similarity as a rotation matrix, a scale and a shift."""
    i = max(CONNECTED[j], key=lambda k: math.dist(p[k], p[j]))
    if not np.isfinite(q[[i, j]]).all():
        return math.inf
    along_p, along_q = p[i] - p[j], q[i] - q[j]
    scale = np.linalg.norm(along_p) / np.linalg.norm(along_q)
    angle = math.atan2(along_p[1], along_p[0]) - math.atan2(along_q[1], along_q[0])
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    of_p, of_q = literal_weights(p, j), literal_weights(q, j)
    size = max(np.ptp(p[:, 0]), np.ptp(p[:, 1]))
    total = 0.0
    for k in range(JOINTS):
        if k == j:
            continue
        if k not in of_q:
            total += of_p[k] * missing * size
        else:
            carried = scale * rotation @ (q[k] - q[j]) + p[j]
            total += (of_p[k] + of_q[k]) * math.dist(p[k], carried)
    return total


@pytest.mark.parametrize("gaps", [0.0, 0.25])
def test_distances_are_the_formula(gaps: float) -> None:
    sources, queries = poses(30, 1, gaps), poses(3, 2)
    matcher = Matcher(sources, missing=0.1)
    for p in queries:
        partner = farthest_connected(p)
        for j in range(JOINTS):
            found, _ = matcher.distances(p, j, int(partner[j]))
            expected = [literal_distance(p, q, j, 0.1) for q in sources]
            np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-3)


def test_the_best_is_the_least_of_all() -> None:
    sources, p = poses(200, 3, 0.1), poses(1, 4)[0]
    matcher = Matcher(sources)
    for j in range(JOINTS):
        match = matcher.best(p, j)
        expected = [literal_distance(p, q, j, 0.1) for q in sources]
        assert match.source == int(np.argmin(expected))
        assert match.distance == pytest.approx(min(expected), rel=1e-3)


@given(st.integers(0, 40), st.integers(0, JOINTS - 1))
def test_similarities_map_their_joints_exactly(seed: int, j: int) -> None:
    p, q = poses(2, seed)
    i = int(farthest_connected(p)[j])
    carried = align(p, q, j, i).apply(q)
    np.testing.assert_allclose(carried[[j, i]], p[[j, i]], atol=1e-9)
    back = align(p, q, j, i).inverse().apply(p[[j, i]])
    np.testing.assert_allclose(back, q[[j, i]], atol=1e-9)


def test_similarities_keep_angles_and_handedness() -> None:
    p, q = poses(2, 8)
    similarity = align(p, q, 0, 2)
    corner = similarity.apply(np.array([[0.0, 0], [1, 0], [0, 1]]))
    x, y = corner[1] - corner[0], corner[2] - corner[0]
    assert x @ y == pytest.approx(0, abs=1e-9)
    assert x[0] * y[1] - x[1] * y[0] == pytest.approx(similarity.zoom**2)


def test_connections() -> None:
    """Along limbs, across shoulders and hips; the head to the shoulders."""
    index = BODY13.index
    assert CONNECTED[index("r_wrist")] == (index("r_elbow"),)
    assert set(CONNECTED[index("l_hip")]) == {index("l_knee"), index("l_shoulder"), index("r_hip")}
    assert set(CONNECTED[index("head")]) == {index("r_shoulder"), index("l_shoulder")}
    assert all(j in CONNECTED[i] for j in range(JOINTS) for i in CONNECTED[j])


def test_the_same_pose_elsewhere_costs_nothing() -> None:
    """Moved, turned and enlarged: the similarity undoes it."""
    p = poses(1, 5)[0]
    moved = Similarity(complex(0.8, 0.5), complex(30, -10)).apply(p)
    matcher = Matcher(np.stack([*poses(20, 6), moved]))
    for j in range(JOINTS):
        match = matcher.best(p, j)
        assert match.source == 20 and match.distance < 1e-2


def test_blurred_and_hidden_sources_come_last() -> None:
    p = poses(1, 5)[0]
    tiny, other = p * 0.2, poses(1, 9)[0]
    seen = np.ones((2, JOINTS), bool)
    assert Matcher(np.stack([tiny, other])).best(p, 6).source == 0
    assert Matcher(np.stack([tiny, other]), max_zoom=2).best(p, 6).source == 1
    assert Matcher(tiny[None], max_zoom=2).best(p, 6).source == 0, "nothing else is there"
    seen[0, 6] = False
    assert Matcher(np.stack([tiny, other]), seen).best(p, 6).source == 1
    assert Matcher(np.stack([tiny, other]), seen).best(p, 6, hidden=True).source == 0
    assert Matcher(np.stack([tiny, other])).best(p, 6, excluded=np.array([True, False])).source == 1


def test_a_source_is_taken_again_where_it_is_nearly_the_best() -> None:
    p = poses(1, 5)[0]
    rng = np.random.default_rng(0)
    near, nearly = p + rng.normal(0, 1.0, p.shape), p + rng.normal(0, 1.1, p.shape)
    sources = np.stack([near, nearly])
    for j in range(JOINTS):
        costs = [literal_distance(p, q, j, 0.1) for q in sources]
        best, other = np.argsort(costs)
        gain = costs[other] / costs[best] - 1
        assert Matcher(sources, agree=gain * 1.01).best(p, j, used={int(other)}).source == other
        assert Matcher(sources, agree=gain * 0.99).best(p, j, used={int(other)}).source == best
        assert Matcher(sources, agree=9).best(p, j).source == best


def test_joints_that_no_source_has() -> None:
    sources = poses(5, 1)
    sources[:, BODY13.index("l_ankle")] = np.nan
    with pytest.raises(InputError, match="l_ankle"):
        Matcher(sources).best(poses(1, 2)[0], BODY13.index("l_ankle"))
