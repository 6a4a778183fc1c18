"""Which joints and vertices of the body are the points of BODY13, COCO17, the feet, the hands and the face.

Vertex numbers are those of Anny's topology "anny", chosen on drawings of the mean body; the mesh is symmetric, so the
left side is listed and the right side is its mirror image. A point is written as vertices with their weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.body import BodyModel, PointSet, pose_body
from anchorpose.poses.skeletons import COCO17, FACE84, FINGERS, HAND21

Weights = dict[int, float]

# Limbs: the bone that begins there. The hips are drawn in: the rig's legs turn about points 22 cm apart in an adult,
# the centres of human hip joints lie about 18 cm apart.
_JOINTS: dict[str, dict[str, float]] = {
    "shoulder": {"upperarm01": 1.0},
    "elbow": {"lowerarm01": 1.0},
    "wrist": {"wrist": 1.0},
    "hip": {"upperleg01": 0.82, "root": 0.18},
    "ankle": {"foot": 1.0},
}
_HAND_JOINTS = {finger: f"finger{i + 1}" for i, finger in enumerate(FINGERS)}
_EAR = (12058, 12045)

# Left half of the face, and what lies on the middle line.
_MIDDLE: dict[str, Weights] = {
    "nose_bridge0": {132: 1}, "nose_bridge1": {131: 1}, "nose_bridge2": {164: 0.5, 201: 0.5},
    "nose_bridge3": {5038: 1}, "nostril2": {317: 1},
    "outer_lip3": {455: 1}, "outer_lip9": {492: 1}, "inner_lip2": {474: 1}, "inner_lip6": {493: 1},
}  # fmt: skip
_LEFT: dict[str, Weights] = {
    "l_brow0": {6968: 0.6, 6967: 0.4}, "l_brow1": {6940: 0.5, 6964: 0.5}, "l_brow2": {6936: 0.5, 6963: 0.5},
    "l_brow3": {6938: 0.5, 6965: 0.5}, "l_brow4": {6939: 0.5, 6966: 0.5},
    "nostril3": {7038: 1}, "nostril4": {7041: 1},
    "l_eye0": {6837: 1}, "l_eye1": {6822: 1}, "l_eye2": {6768: 1}, "l_eye3": {6789: 1}, "l_eye4": {6809: 1},
    "l_eye5": {6815: 0.5, 6818: 0.5},
    "outer_lip4": {7194: 1}, "outer_lip5": {11924: 1}, "outer_lip6": {7169: 1},
    "outer_lip7": {7219: 0.5, 7150: 0.5}, "outer_lip8": {7225: 1},
    "inner_lip3": {7211: 1}, "inner_lip4": {10370: 0.5, 10341: 0.5}, "inner_lip5": {7226: 0.5, 7220: 0.5},
}  # fmt: skip
# From the chin along the edge of the jaw to the front of the left ear at the height of the eyes.
_JAW = (5209, 11799, 11867, 7602, 7608, 7447, 10332, 7446, 7445, 7444, 7443, 7597, 7555, 11680, 12315, 12328, 12319,
        12334)  # fmt: skip


def landmark_points(body: BodyModel, regressors: dict[str, NDArray[np.float64]] | None = None) -> PointSet:
    """All points, named "part/joint" as in "body13/l_hip", "coco17/l_hip", "left_hand/thumb1", "face84/contour0".

    Args:
        regressors: (V,) weights over the vertices of the limbs of COCO17, by joint name (Anny's own); None: the joints
            of the rig take their place.
    """
    mirror = mirror_vertices(body)
    joints: dict[str, dict[str, float]] = {}
    vertices: dict[str, Weights] = {}
    for side, letter in (("l", "L"), ("r", "R")):
        flip = np.arange(len(mirror)) if side == "l" else mirror
        for name, parts in _JOINTS.items():
            joints[f"body13/{side}_{name}"] = {_bone(b, letter): w for b, w in parts.items()}
        joints[f"body13/{side}_knee"] = {f"lowerleg01.{letter}": 1.0}
        for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            joints[f"coco17/{side}_{name}"] = joints[f"body13/{side}_{name}"]
        hand = "left_hand" if side == "l" else "right_hand"
        joints[f"{hand}/wrist"] = {f"wrist.{letter}": 1.0}
        for finger, bone in _HAND_JOINTS.items():
            for k in (1, 2, 3):
                joints[f"{hand}/{finger}{k}"] = {f"{bone}-{k}.{letter}": 1.0}
            vertices[f"{hand}/{finger}4"] = _flipped(fingertip(body, f"{bone}-3.L"), flip)
        vertices |= {f"feet/{side}_{n}": _flipped(w, flip) for n, w in foot_points(body).items()}
        vertices[f"coco17/{side}_eye"] = _flipped(_pupil(body), flip)
        vertices[f"coco17/{side}_ear"] = _flipped({v: 1 / len(_EAR) for v in _EAR}, flip)
    vertices["coco17/nose"] = _MIDDLE["nose_bridge3"]
    ears = [vertices[f"coco17/{s}_ear"] for s in "lr"]
    vertices["body13/head"] = {v: w / 2 for ear in ears for v, w in ear.items()}
    vertices |= {f"face84/{name}": weights for name, weights in face_points(body, mirror).items()}
    if regressors:
        fitted = fit_regressors(body, regressors)
        for name, weights in fitted.items():
            joints.pop(f"coco17/{name}")
            vertices[f"coco17/{name}"] = weights
        for side in "lr":  # the rig bends the knee 2 cm above the joint's middle
            joints.pop(f"body13/{side}_knee")
            vertices[f"body13/{side}_knee"] = vertices[f"coco17/{side}_knee"]
    return _point_set(body, joints, vertices)


def _bone(name: str, letter: str) -> str:
    return name if name == "root" else f"{name}.{letter}"


def _flipped(weights: Weights, flip: NDArray[np.int64]) -> Weights:
    return {int(flip[v]): float(w) for v, w in weights.items()}


def mirror_vertices(body: BodyModel) -> NDArray[np.int64]:
    """(V,) the vertex at the mirror image of each."""
    from scipy.spatial import cKDTree

    image = body.vertices * np.array([-1, 1, 1], np.float32)
    distance, index = cKDTree(body.vertices).query(image)
    if distance.max() > 2e-3:
        raise ValueError(f"the mesh is not symmetric: {distance.max() * 1000:.1f} mm")
    return np.asarray(index, np.int64)


def fingertip(body: BodyModel, bone: str, count: int = 4) -> Weights:
    """The vertices of the last bone of a finger or toe that lie farthest along it."""
    j = body.bone(bone)
    along = body.joints[j] - body.joints[body.parents[j]]
    mine = np.flatnonzero(body.dense_weights[:, j] > 0.5)
    far = mine[np.argsort(-(body.vertices[mine] - body.joints[j]) @ along)[:count]]
    return {int(v): 1 / count for v in far}


def foot_points(body: BodyModel) -> dict[str, Weights]:
    """Tips of the big and the small toe, and the back of the heel, of the left foot."""
    foot = np.flatnonzero(body.dense_weights[:, body.bone("foot.L")] > 0.5)
    low = foot[body.vertices[foot, 1] < np.quantile(body.vertices[foot, 1], 0.6)]
    heel = low[np.argsort(body.vertices[low, 2])[:6]]
    return {
        "big_toe": fingertip(body, "toe1-2.L"),
        "small_toe": fingertip(body, "toe5-3.L"),
        "heel": {int(v): 1 / len(heel) for v in heel},
    }


def _pupil(body: BodyModel) -> Weights:
    """The front of the left eyeball."""
    eye = np.flatnonzero(body.vertex_regions == body.region("l_eye"))
    front = eye[np.argsort(-body.vertices[eye, 2])[:12]]
    return {int(v): 1 / len(front) for v in front}


def face_points(body: BodyModel, mirror: NDArray[np.int64]) -> dict[str, Weights]:
    """The 84 points of the face, in the order of FACE84."""
    points = dict(_MIDDLE) | dict(_LEFT) | contour_points(body)
    for name in FACE84.names:
        if name not in points:
            other = FACE84.joints[FACE84.index(name)].mirror
            points[name] = _flipped(points[other], mirror)
    return {name: points[name] for name in FACE84.names}


def lip_rim(body: BodyModel) -> list[Weights]:
    """The outer rim of the lips: the twelve points of FACE84, in their order."""
    points = face_points(body, mirror_vertices(body))
    return [points[f"outer_lip{i}"] for i in range(12)]


def contour_points(body: BodyModel) -> dict[str, Weights]:
    """contour16 (the chin) to contour32 (the left ear), evenly spaced along the jaw's edge of the mean body."""
    # Depth counts half, since the points are evenly spaced as seen, by annotators of photos.
    path = body.vertices[list(_JAW)] * np.array([1, 1, 0.5])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    points = {}
    for i, at in enumerate(np.linspace(0, length[-1], 17)):
        k = min(int(np.searchsorted(length, at, side="right")) - 1, len(path) - 2)
        share = (at - length[k]) / (length[k + 1] - length[k])
        points[f"contour{16 + i}"] = {_JAW[k]: 1 - share, _JAW[k + 1]: share}
    return points


def fit_regressors(
    body: BodyModel, regressors: dict[str, NDArray[np.float64]], count: int = 12, seed: int = 0
) -> dict[str, Weights]:
    """A dozen vertices in place of hundreds for each regressed joint, true over random shapes and poses.

    Non-negative least squares over a sample of the regressor's own vertices, then once more over the strongest.
    """
    from scipy.optimize import nnls

    from anchorpose.learn.check_body import random_poses

    rng = np.random.default_rng(seed)
    n = 40
    posed = pose_body(body, rng.normal(size=(n, 12)), random_poses(body, rng, n), np.zeros((n, 3)))
    fitted = {}
    for name, weights in regressors.items():
        target = np.einsum("v,nvd->nd", weights.astype(np.float32), posed.vertices).reshape(-1)
        support = np.flatnonzero(weights > 0)
        chosen = rng.choice(support, min(80, len(support)), replace=False)
        for _ in range(2):
            rows = posed.vertices[:, chosen].transpose(0, 2, 1).reshape(len(target), -1).astype(np.float64)
            total = 30.0 * np.ones((1, len(chosen)))
            solved, _ = nnls(np.concatenate([rows, total]), np.append(target, 30.0))
            chosen = chosen[np.argsort(-solved)[:count]]
            best = np.sort(solved)[::-1][: len(chosen)]
        fitted[name] = {int(v): float(w / best.sum()) for v, w in zip(chosen, best, strict=True) if w > 0}
    return fitted


def coco_regressors(anny: Any) -> dict[str, NDArray[np.float64]]:
    """Anny's regressors of the limbs of COCO17, by our joint names."""
    from anny import KeypointsRegressor

    regressor = KeypointsRegressor.coco(anny)
    rows = np.asarray(regressor.regression_weights, np.float64)
    named = {}
    for label, row in zip(regressor.labels, rows, strict=True):
        name = label.replace("left_", "l_").replace("right_", "r_")
        if name in COCO17 and not name.endswith(("nose", "eye", "ear")):
            named[name] = row / row.sum()
    return named


def _point_set(body: BodyModel, joints: dict[str, dict[str, float]], vertices: dict[str, Weights]) -> PointSet:
    names = _ordered([*joints, *vertices])
    wide = max(len(w) for w in joints.values())
    long = max(len(w) for w in vertices.values())
    out = PointSet(
        names,
        np.zeros((len(names), wide), np.int32),
        np.zeros((len(names), wide), np.float32),
        np.zeros((len(names), long), np.int32),
        np.zeros((len(names), long), np.float32),
    )
    for i, name in enumerate(names):
        for k, (bone, weight) in enumerate(joints.get(name, {}).items()):
            out.joints[i, k], out.joint_weights[i, k] = body.bone(bone), weight
        for k, (vertex, weight) in enumerate(vertices.get(name, {}).items()):
            out.vertices[i, k], out.weights[i, k] = vertex, weight
    return out


def _ordered(names: list[str]) -> tuple[str, ...]:
    """By part, then in the order of its skeleton."""
    orders = {"body13": (), "coco17": COCO17.names, "left_hand": HAND21.names, "right_hand": HAND21.names,
              "feet": (), "face84": FACE84.names}  # fmt: skip

    def key(name: str) -> tuple[int, int]:
        part, joint = name.split("/")
        order = orders[part]
        return list(orders).index(part), order.index(joint) if joint in order else 0

    return tuple(sorted(names, key=key))
