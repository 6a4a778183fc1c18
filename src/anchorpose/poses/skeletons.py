"""Skeletons: one record per joint, and conversions between them derived from the names.

Orders follow the data sets and programs they are named after. "Left" and "right" are the person's own.
A joint that a target skeleton has and a source has not is derived where a sensible rule exists (`RULES`);
rules that only approximate it carry a note with the offset to expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from anchorpose.poses.canonical import ANNY as ANNY
from anchorpose.poses.errors import InputError
from anchorpose.poses.joints import CENTRE_COLOR as CENTRE_COLOR
from anchorpose.poses.joints import LEFT_COLOR as LEFT_COLOR
from anchorpose.poses.joints import RIGHT_COLOR as RIGHT_COLOR
from anchorpose.poses.joints import Joint, Skeleton, both_sides, make_skeleton, mirror_name, side_color

_LIMBS = both_sides({"knee": "hip", "ankle": "knee", "elbow": "shoulder", "wrist": "elbow"})
_TORSO = (("l_shoulder", "r_shoulder"), ("l_hip", "r_hip"))

BODY13 = make_skeleton(
    "body13",
    "r_ankle l_ankle r_knee l_knee r_hip l_hip r_wrist l_wrist r_elbow l_elbow r_shoulder l_shoulder head",
    {**_LIMBS, **both_sides({"hip": "shoulder"})},
    _TORSO,
)
COCO17 = make_skeleton(
    "coco17",
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hip r_hip l_knee r_knee"
    " l_ankle r_ankle",
    {**_LIMBS, **both_sides({"hip": "shoulder", "eye": "=nose", "ear": "eye"})},
    _TORSO,
)
_COMMON14 = {**_LIMBS, **both_sides({"shoulder": "=neck", "hip": "=neck"}), "head_top": "neck"}
LSP14 = make_skeleton(
    "lsp14",
    "r_ankle r_knee r_hip l_hip l_knee l_ankle r_wrist r_elbow r_shoulder l_shoulder l_elbow l_wrist neck head_top",
    _COMMON14,
    (("l_hip", "r_hip"),),
)
MPII16 = make_skeleton(
    "mpii16",
    "r_ankle r_knee r_hip l_hip l_knee l_ankle pelvis thorax upper_neck head_top r_wrist r_elbow r_shoulder l_shoulder"
    " l_elbow l_wrist",
    {**_LIMBS, **both_sides({"hip": "=pelvis", "shoulder": "=thorax"}), "thorax": "pelvis", "upper_neck": "thorax",
     "head_top": "upper_neck"},
)  # fmt: skip
_SPINE17 = {
    **_LIMBS,
    **both_sides({"hip": "=pelvis", "shoulder": "=neck"}),
    "spine": "pelvis",
    "neck": "spine",
    "head": "neck",
    "head_top": "head",
}
H36M17 = make_skeleton(
    "h36m17",
    "pelvis r_hip r_knee r_ankle l_hip l_knee l_ankle spine neck h36m_nose head_top l_shoulder l_elbow l_wrist"
    " r_shoulder r_elbow r_wrist",
    {**_SPINE17, "h36m_nose": "neck", "head_top": "h36m_nose"},
)
# The other order in use for the same 17 joints: same size, legs swapped, a silent trap.
H36M17_LEGS_LEFT_FIRST = make_skeleton(
    "h36m17_legs_left_first",
    "pelvis l_hip l_knee l_ankle r_hip r_knee r_ankle spine neck h36m_nose head_top l_shoulder l_elbow l_wrist"
    " r_shoulder r_elbow r_wrist",
    {**_SPINE17, "h36m_nose": "neck", "head_top": "h36m_nose"},
)
MPI17 = make_skeleton(
    "mpi17",
    "head_top neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle l_hip l_knee l_ankle"
    " pelvis spine head",
    _SPINE17,
)
_FEET = both_sides({"heel": "ankle", "big_toe": "ankle", "small_toe": "big_toe"})
OPENPOSE25 = make_skeleton(
    "openpose25",
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist pelvis r_hip r_knee r_ankle l_hip l_knee l_ankle"
    " r_eye l_eye r_ear l_ear l_big_toe l_small_toe l_heel r_big_toe r_small_toe r_heel",
    {**_LIMBS, **_FEET, **both_sides({"shoulder": "=neck", "hip": "=pelvis", "eye": "=nose", "ear": "eye"}),
     "nose": "neck", "pelvis": "neck"},
)  # fmt: skip
_SMPL_PARENTS = {
    **_LIMBS,
    **both_sides({"hip": "=pelvis", "foot": "ankle", "collar": "=spine3", "shoulder": "collar", "hand": "wrist"}),
    "spine1": "pelvis", "spine2": "spine1", "spine3": "spine2", "neck": "spine3", "smpl_head": "neck",
}  # fmt: skip
SMPL24 = make_skeleton(
    "smpl24",
    "pelvis l_hip r_hip spine1 l_knee r_knee spine2 l_ankle r_ankle spine3 l_foot r_foot neck l_collar r_collar"
    " smpl_head l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_hand r_hand",
    _SMPL_PARENTS,
)
MEDIAPIPE33 = make_skeleton(
    "mediapipe33",
    "nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear l_mouth r_mouth l_shoulder r_shoulder"
    " l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index r_index l_thumb r_thumb l_hip r_hip l_knee r_knee"
    " l_ankle r_ankle l_heel r_heel l_foot_index r_foot_index",
    {**_LIMBS,
     **both_sides({"hip": "shoulder", "eye_inner": "=nose", "eye": "eye_inner", "eye_outer": "eye", "ear": "eye_outer",
              "mouth": "=nose", "pinky": "wrist", "index": "wrist", "thumb": "wrist", "heel": "ankle",
              "foot_index": "ankle"})},
    _TORSO,
)  # fmt: skip

FINGERS = ("thumb", "index", "middle", "ring", "little")


def _hand(prefix: str) -> tuple[list[str], dict[str, str]]:
    """21 names in the OpenPose order, wrist first, each finger from the palm (1) to the tip (4)."""
    names, parents = [f"{prefix}wrist"], {}
    for finger in FINGERS:
        for k in range(1, 5):
            names.append(f"{prefix}{finger}{k}")
            parents[names[-1]] = f"{prefix}{finger}{k - 1}" if k > 1 else f"{prefix}wrist"
    return names, parents


def _make_hand21() -> Skeleton:
    names, parents = _hand("")
    return make_skeleton("hand21", " ".join(names), parents, sigmas={n: 0.035 for n in names})


HAND21 = _make_hand21()


def _inner_face() -> tuple[list[str], dict[str, str], dict[str, str]]:
    """The 51 inner points of 300W-68: names, parents along each curve, mirror images."""
    mirrors: dict[str, str] = {}
    names = [f"r_brow{i}" for i in range(5)] + [f"l_brow{i}" for i in range(5)]
    mirrors |= {f"{a}_brow{i}": f"{b}_brow{4 - i}" for a, b in ("lr", "rl") for i in range(5)}
    names += [f"nose_bridge{i}" for i in range(4)] + [f"nostril{i}" for i in range(5)]
    mirrors |= {f"nostril{i}": f"nostril{4 - i}" for i in range(5)}
    names += [f"r_eye{i}" for i in range(6)] + [f"l_eye{i}" for i in range(6)]
    # Each eye runs clockwise as seen; 0 is the picture's left corner, so corners swap when mirrored.
    for i, j in enumerate((3, 2, 1, 0, 5, 4)):
        mirrors[f"r_eye{i}"], mirrors[f"l_eye{i}"] = f"l_eye{j}", f"r_eye{j}"
    names += [f"outer_lip{i}" for i in range(12)] + [f"inner_lip{i}" for i in range(8)]
    mirrors |= {f"outer_lip{i}": f"outer_lip{(6 - i) % 12}" for i in range(12)}
    mirrors |= {f"inner_lip{i}": f"inner_lip{(4 - i) % 8}" for i in range(8)}
    parents = {}
    for previous, name in zip(names, names[1:], strict=False):
        if previous.rstrip("0123456789") == name.rstrip("0123456789"):
            parents[name] = previous
    return names, parents, mirrors


def _make_face(contour: int) -> Skeleton:
    inner, parents, mirrors = _inner_face()
    step = 32 // (contour - 1)  # contour points are numbered 0..32 in both, so that conversion goes by name
    jaw = [f"contour{i * step}" for i in range(contour)]
    parents |= dict(zip(jaw[1:], jaw, strict=False))
    mirrors |= {f"contour{i * step}": f"contour{32 - i * step}" for i in range(contour)}
    closing = [(f"{s}_eye5", f"{s}_eye0") for s in "rl"] + [("outer_lip11", "outer_lip0"), ("inner_lip7", "inner_lip0")]
    names = jaw + inner
    total = len(names)
    return make_skeleton(f"face{total}", " ".join(names), parents, tuple(closing), mirrors, {n: 0.02 for n in names})


FACE84, FACE68 = _make_face(33), _make_face(17)


def _make_wholebody() -> Skeleton:
    feet = "l_big_toe l_small_toe l_heel r_big_toe r_small_toe r_heel".split()
    joints = list(COCO17.joints)
    joints += [Joint(n, _FEET[n], mirror_name(n), 0.07, side_color(n)) for n in feet]
    joints += [
        Joint(f"face_{j.name}", j.parent and f"face_{j.parent}", f"face_{j.mirror}", j.sigma, CENTRE_COLOR)
        for j in FACE68.joints
    ]
    for side, other in (("l_hand_", "r_hand_"), ("r_hand_", "l_hand_")):
        joints += [
            Joint(side + j.name, (side + j.parent) if j.parent else side[0] + "_wrist", other + j.name, j.sigma,
                  side_color(side))
            for j in HAND21.joints
        ]  # fmt: skip
    extra = _TORSO + tuple((f"face_{FACE68.names[a]}", f"face_{FACE68.names[b]}") for a, b in FACE68.edges[-4:])
    return Skeleton("wholebody133", tuple(joints), extra)


WHOLEBODY133 = _make_wholebody()

SKELETONS: dict[str, Skeleton] = {
    s.name: s
    for s in (
        BODY13, HAND21, FACE84, FACE68, COCO17, WHOLEBODY133, H36M17, H36M17_LEGS_LEFT_FIRST, LSP14, MPII16, MPI17,
        OPENPOSE25, SMPL24, MEDIAPIPE33, ANNY,
    )
}  # fmt: skip


def get_skeleton(skeleton: str | Skeleton) -> Skeleton:
    """The skeleton of that name (or the one given); InputError lists those that exist."""
    if isinstance(skeleton, Skeleton):
        return skeleton
    try:
        return SKELETONS[skeleton]
    except KeyError:
        raise InputError(f"no skeleton {skeleton!r}; there are {', '.join(SKELETONS)}") from None


@dataclass(frozen=True)
class Rule:
    """How to derive a joint that a source lacks: a weighted sum of others, exact by definition or approximate."""

    weights: dict[str, float]
    note: str = ""  # empty: exact by the target's own definition

    @property
    def approximate(self) -> bool:
        return bool(self.note)


# Tried in this order for each target joint that the source does not name.
RULES: dict[str, tuple[Rule, ...]] = {
    "head": (
        Rule({"l_ear": 0.5, "r_ear": 0.5}),
        Rule({"smpl_head": 1.0}, "SMPL's head joint is the skull base, about 7 cm below and 3 cm behind the ears"),
        Rule({"head_top": 0.5, "upper_neck": 0.5}, "middle of upper neck and crown, about 2 cm above the ears"),
        Rule({"h36m_nose": 0.5, "head_top": 0.5}, "middle of the nose-level joint and the crown, within about 4 cm"),
        Rule({"head_top": 0.55, "neck": 0.45}, "just above half way from the neck to the crown, within about 4 cm"),
        Rule({"nose": 1.0}, "the nose lies about 10 cm in front of the centre of the head"),
    ),
    "head_top": (
        Rule({"head": 1.95, "l_shoulder": -0.475, "r_shoulder": -0.475}, "extended from the shoulders, within 6 cm"),
    ),
    "neck": (
        Rule({"upper_neck": 0.5, "thorax": 0.5}, "between MPII's upper neck and thorax"),
        Rule({"l_shoulder": 0.5, "r_shoulder": 0.5}, "middle of the shoulders, about 4 cm below the neck's base"),
    ),
    "thorax": (
        Rule({"l_shoulder": 0.5, "r_shoulder": 0.5}, "middle of the shoulders"),
        Rule({"neck": 1.0}, "the neck's base, about 4 cm above the middle of the shoulders"),
    ),
    "upper_neck": (
        Rule({"neck": 0.65, "head_top": 0.35}, "a third of the way from neck to crown"),
        Rule({"head": 0.6, "l_shoulder": 0.2, "r_shoulder": 0.2}, "between shoulders and centre of the head"),
    ),
    "pelvis": (Rule({"l_hip": 0.5, "r_hip": 0.5}, "middle of the hips; surface points lie about 3 cm off the joint"),),
    "spine": (
        Rule({"spine2": 1.0}, "SMPL's second spine joint"),
        Rule(
            {"l_hip": 0.25, "r_hip": 0.25, "l_shoulder": 0.25, "r_shoulder": 0.25}, "middle of the torso, within 5 cm"
        ),
    ),
    "h36m_nose": (
        Rule({"head": 0.8, "l_shoulder": 0.1, "r_shoulder": 0.1}, "below the centre of the head, within about 5 cm"),
    ),
    "smpl_head": (
        Rule({"head": 0.7, "l_shoulder": 0.15, "r_shoulder": 0.15}, "below the centre of the head, within about 5 cm"),
    ),
    **{
        f"{s}_{target}": (Rule({f"{s}_{source}": 1.0}, f"{source.replace('_', ' ')} in place of {target}"),)
        for s in "lr"
        for target, source in (("big_toe", "foot_index"), ("foot_index", "big_toe"), ("foot", "big_toe"))
    },
}


def conversion(src: str | Skeleton, dst: str | Skeleton) -> tuple[np.ndarray, tuple[str, ...]]:
    """The linear map between two skeletons.

    Returns:
        matrix (J', J): rows of joints that cannot be derived are NaN.
        notes: one line for each approximate joint, "name: what it is and how far off".
    """
    return _conversion(get_skeleton(src), get_skeleton(dst))


@lru_cache(maxsize=64)
def _conversion(source: Skeleton, target: Skeleton) -> tuple[np.ndarray, tuple[str, ...]]:
    matrix = np.full((len(target), len(source)), np.nan)
    notes = []
    for row, name in enumerate(target.names):
        rules = (Rule({name: 1.0}), *RULES.get(name, ()))
        rule = next((r for r in rules if all(n in source for n in r.weights)), None)
        if rule is None:
            continue
        matrix[row] = 0
        for n, weight in rule.weights.items():
            matrix[row, source.index(n)] = weight
        if rule.approximate:
            notes.append(f"{name}: {rule.note}")
    matrix.setflags(write=False)
    return matrix, tuple(notes)


def convert(
    points: np.ndarray, src: str | Skeleton, dst: str | Skeleton, scores: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Carry points from one skeleton to another, by joint names.

    Args:
        points: (..., J, D), NaN where a joint is missing.
        scores: (..., J) or None for 1 where the point is finite.

    Returns:
        points (..., J', D), NaN where a joint cannot be derived, and scores (..., J'), 0 there;
        a derived joint takes the lowest score of the joints it is made of.
    """
    source = get_skeleton(src)
    points = np.asarray(points, float)
    if points.ndim < 2 or points.shape[-2] != len(source):
        raise InputError(f"{source.name} has {len(source)} joints, but the points have shape {points.shape}")
    matrix, _ = conversion(src, dst)
    present = np.isfinite(points).all(-1)
    scores = np.ones(present.shape) if scores is None else np.asarray(scores, float)
    if scores.shape != present.shape:
        raise InputError(f"scores of {points.shape} points have the shape {present.shape}, not {scores.shape}")
    scores = np.where(present, scores, 0.0)
    used = np.nan_to_num(matrix) != 0
    derivable = ~np.isnan(matrix).any(1)
    out = np.einsum("ij,...jd->...id", np.nan_to_num(matrix), np.nan_to_num(points))
    out_scores = np.where(used, scores[..., None, :], np.inf).min(-1)
    ok = derivable & (used <= present[..., None, :]).all(-1)
    return np.where(ok[..., None], out, np.nan), np.where(ok, out_scores, 0.0)
