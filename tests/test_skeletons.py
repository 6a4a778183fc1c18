"""Skeletons: records that fit together, and conversions that keep what they can and say what they cannot."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import (
    ANNY,
    BODY13,
    COCO17,
    FACE68,
    FACE84,
    H36M17,
    H36M17_LEGS_LEFT_FIRST,
    HAND21,
    LSP14,
    MEDIAPIPE33,
    MPI17,
    MPII16,
    OPENPOSE25,
    RULES,
    SKELETONS,
    SMPL24,
    WHOLEBODY133,
    Skeleton,
    conversion,
    convert,
    get_skeleton,
)

ALL = list(SKELETONS.values())
BODIES = [s for s in ALL if "l_hip" in s]
each = pytest.mark.parametrize("skeleton", ALL, ids=lambda s: s.name)
each_body = pytest.mark.parametrize("skeleton", BODIES, ids=lambda s: s.name)


def side(name: str) -> str:
    """l, r or nothing."""
    return name[0] if name.startswith(("l_", "r_")) else ""


@pytest.mark.parametrize(
    "skeleton,size",
    [
        (BODY13, 13), (COCO17, 17), (HAND21, 21), (FACE84, 84), (FACE68, 68), (WHOLEBODY133, 133), (H36M17, 17),
        (H36M17_LEGS_LEFT_FIRST, 17), (LSP14, 14), (MPII16, 16), (MPI17, 17), (OPENPOSE25, 25), (SMPL24, 24),
        (MEDIAPIPE33, 33), (ANNY, 104),
    ],
    ids=lambda v: getattr(v, "name", ""),
)  # fmt: skip
def test_sizes_are_what_the_names_say(skeleton: Skeleton, size: int) -> None:
    """Every skeleton has as many joints as it is named after, all with different names, and is listed by its name."""
    assert len(skeleton) == len(skeleton.names) == len(set(skeleton.names)) == size
    assert SKELETONS[skeleton.name] is skeleton and get_skeleton(skeleton.name) is skeleton


def test_the_list_is_complete() -> None:
    """The fifteen skeletons tested above are all there are."""
    assert len(SKELETONS) == 15


@each
def test_mirror_is_an_involution_that_swaps_sides(skeleton: Skeleton) -> None:
    """Mirroring twice changes nothing; a left joint becomes the right one of the same name and the other way round."""
    mirror = skeleton.mirror
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(skeleton)))
    for i, name in enumerate(skeleton.names):
        other = skeleton.names[mirror[i]]
        if side(name) and "brow" not in name and "eye" not in name:
            assert other == {"l": "r", "r": "l"}[side(name)] + name[1:]
        if side(name):
            assert side(other) == {"l": "r", "r": "l"}[side(name)]
    # Limbs are mirrored into limbs: where the tree is, the mirrored tree is.
    if skeleton not in (FACE84, FACE68, WHOLEBODY133):
        limbs = {frozenset(edge) for edge in skeleton.edges}
        assert {frozenset(int(mirror[i]) for i in edge) for edge in skeleton.edges} == limbs


def test_mirror_of_the_face_by_hand() -> None:
    """Pairs of 300W-68's numbering, one of each feature (1-based there, 0-based here)."""
    pairs = [(0, 16), (8, 8), (17, 26), (21, 22), (27, 27), (31, 35), (36, 45), (37, 44), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (50, 52), (51, 51), (55, 59), (60, 64), (61, 63), (65, 67), (66, 66)]
    for a, b in pairs:
        assert FACE68.mirror[a] == b and FACE68.mirror[b] == a


@each
def test_parents_are_trees(skeleton: Skeleton) -> None:
    """From every joint, parents lead to a root without a circle, and edges join existing joints."""
    for joint in range(len(skeleton)):
        steps, at = 0, joint
        while (at := int(skeleton.parents[at])) >= 0:
            steps += 1
            assert steps <= len(skeleton), f"{skeleton.names[joint]} is in a circle"
    assert all(0 <= a < len(skeleton) and 0 <= b < len(skeleton) and a != b for a, b in skeleton.edges)
    assert len({frozenset(edge) for edge in skeleton.edges}) == len(skeleton.edges)


@each_body
def test_bodies_are_drawn_in_one_piece(skeleton: Skeleton) -> None:
    """Following edges from a hip reaches every joint of the trunk and the limbs."""
    reached, front = {skeleton.index("l_hip")}, [skeleton.index("l_hip")]
    while front:
        at = front.pop()
        for edge in skeleton.edges:
            if at in edge:
                other = edge[0] + edge[1] - at
                if other not in reached:
                    reached.add(other)
                    front.append(other)
    assert {skeleton.index(n) for n in BODY13.names[:12]} <= reached


@each
def test_sigmas_and_colours(skeleton: Skeleton) -> None:
    """OKS constants are positive and equal on both sides; colours tell right from left."""
    assert skeleton.sigmas.shape == (len(skeleton),) and (skeleton.sigmas > 0).all()
    np.testing.assert_array_equal(skeleton.sigmas, skeleton.sigmas[skeleton.mirror])
    assert skeleton.colors.shape == (len(skeleton), 3) and skeleton.colors.dtype == np.uint8
    if skeleton in BODIES:
        assert (skeleton.colors[skeleton.index("l_hip")] != skeleton.colors[skeleton.index("r_hip")]).any()


def test_coco_sigmas_by_hand() -> None:
    """COCO17 has the constants of COCO's evaluation, in COCO's order."""
    coco = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]
    np.testing.assert_allclose(COCO17.sigmas, np.array(coco) / 1000)


def test_orders_by_hand() -> None:
    """A few joints of each order, against the definitions of the data sets and programs."""
    expected = {
        "body13": {0: "r_ankle", 1: "l_ankle", 7: "l_wrist", 12: "head"},
        "coco17": {0: "nose", 5: "l_shoulder", 6: "r_shoulder", 16: "r_ankle"},
        "lsp14": {0: "r_ankle", 5: "l_ankle", 12: "neck", 13: "head_top"},
        "mpii16": {6: "pelvis", 7: "thorax", 8: "upper_neck", 9: "head_top", 10: "r_wrist", 15: "l_wrist"},
        "mpi17": {0: "head_top", 1: "neck", 2: "r_shoulder", 14: "pelvis", 15: "spine", 16: "head"},
        "h36m17": {0: "pelvis", 1: "r_hip", 4: "l_hip", 8: "neck", 10: "head_top", 11: "l_shoulder", 14: "r_shoulder"},
        "h36m17_legs_left_first": {1: "l_hip", 4: "r_hip", 11: "l_shoulder"},
        "openpose25": {0: "nose", 1: "neck", 2: "r_shoulder", 8: "pelvis", 9: "r_hip", 17: "r_ear", 19: "l_big_toe"},
        "smpl24": {0: "pelvis", 1: "l_hip", 15: "smpl_head", 16: "l_shoulder", 21: "r_wrist"},
        "mediapipe33": {0: "nose", 7: "l_ear", 11: "l_shoulder", 15: "l_wrist", 23: "l_hip", 28: "r_ankle"},
        "hand21": {0: "wrist", 1: "thumb1", 4: "thumb4", 5: "index1", 20: "little4"},
        "wholebody133": {
            17: "l_big_toe",
            20: "r_big_toe",
            23: "face_contour0",
            91: "l_hand_wrist",
            112: "r_hand_wrist",
        },
    }
    for name, joints in expected.items():
        assert {i: SKELETONS[name].names[i] for i in joints} == joints


def test_unknown_names_list_what_exists() -> None:
    """A wrong skeleton or joint raises InputError, and the message lists all choices."""
    with pytest.raises(InputError) as error:
        get_skeleton("coco18")
    assert all(name in str(error.value) for name in ("coco18", *SKELETONS))
    with pytest.raises(InputError) as error:
        BODY13.index("nose")
    assert all(name in str(error.value) for name in ("nose", *BODY13.names))
    assert "nose" not in BODY13 and "head" in BODY13
    assert get_skeleton(BODY13) is BODY13


@given(arrays(float, (2, 17, 3), elements=st.floats(-1e6, 1e6)))
def test_orders_of_h36m_are_permutations_of_each_other(points: np.ndarray) -> None:
    """Between the two orders of the same joints, conversion is a bijection: nothing changes but the order."""
    there, scores = convert(points, H36M17, H36M17_LEGS_LEFT_FIRST)
    back, _ = convert(there, H36M17_LEGS_LEFT_FIRST, H36M17)
    np.testing.assert_array_equal(back, points)
    assert (scores == 1).all()
    np.testing.assert_array_equal(there[:, H36M17_LEGS_LEFT_FIRST.index("l_knee")], points[:, H36M17.index("l_knee")])
    np.testing.assert_array_equal(np.sort(there, axis=1), np.sort(points, axis=1))
    assert conversion(H36M17, H36M17_LEGS_LEFT_FIRST)[1] == ()


@pytest.mark.parametrize("source", ALL, ids=lambda s: s.name)
def test_conversions_by_name(source: Skeleton) -> None:
    """Joints that both skeletons name are copied exactly, whatever the two skeletons are, and carry no note."""
    points = np.random.default_rng(0).normal(size=(len(source), 2))
    for target in ALL:
        out, scores = convert(points, source, target)
        notes = conversion(source, target)[1]
        for name in set(source.names) & set(target.names):
            np.testing.assert_array_equal(out[target.index(name)], points[source.index(name)])
            assert scores[target.index(name)] == 1
            assert not any(note.startswith(f"{name}:") for note in notes)


def test_left_stays_left() -> None:
    """Between all bodies, every joint with a side is derived from joints of that side only."""
    for source, target in product(BODIES, BODIES):
        matrix, _ = conversion(source, target)
        for row, name in zip(matrix, target.names, strict=True):
            if side(name) and np.isfinite(row).all():
                assert {side(source.names[i]) for i in np.flatnonzero(row)} == {side(name)}, (source, target, name)


def test_conversion_of_a_mirrored_body_is_the_mirrored_conversion() -> None:
    """No rule prefers a side: mirroring before or after converting is the same."""
    for source, target in product(BODIES, BODIES):
        matrix, _ = conversion(source, target)
        message = f"{source.name} to {target.name}"
        np.testing.assert_allclose(matrix[target.mirror][:, source.mirror], matrix, err_msg=message)


def test_derived_joints_move_with_the_body() -> None:
    """Weights of each rule sum to 1, so that a shift of the body shifts derived joints by as much."""
    for source, target in product(BODIES, ALL):
        matrix, _ = conversion(source, target)
        known = np.isfinite(matrix).all(1)
        np.testing.assert_allclose(matrix[known].sum(1), 1, err_msg=f"{source.name} to {target.name}")


def test_every_rule_but_the_ears_is_noted_as_approximate() -> None:
    """The middle of the ears is BODY13's head by definition; all else that is derived says how far off it is."""
    exact = [(name, rule.weights) for name, rules in RULES.items() for rule in rules if not rule.approximate]
    assert exact == [("head", {"l_ear": 0.5, "r_ear": 0.5})]
    assert conversion(COCO17, BODY13)[1] == ()
    (note,) = conversion(LSP14, BODY13)[1]
    assert note.startswith("head: ") and "cm" in note


def test_head_is_the_middle_of_the_ears() -> None:
    """COCO17 to BODY13: the head is the mean of the ears and takes the lower of their scores."""
    points = np.random.default_rng(1).normal(size=(3, 17, 2))
    scores = np.random.default_rng(2).uniform(0.1, 1, (3, 17))
    out, out_scores = convert(points, "coco17", "body13", scores)
    ears = [COCO17.index("l_ear"), COCO17.index("r_ear")]
    np.testing.assert_allclose(out[:, 12], points[:, ears].mean(1))
    np.testing.assert_array_equal(out_scores[:, 12], scores[:, ears].min(1))
    np.testing.assert_array_equal(out_scores[:, :12], scores[:, [COCO17.index(n) for n in BODY13.names[:12]]])


def test_missing_joints_are_nan_and_score_nothing() -> None:
    """What cannot be derived, or is made of a missing point, is NaN with score 0; the rest is untouched."""
    points = np.random.default_rng(3).normal(size=(17, 2))
    points[COCO17.index("l_ear")] = np.nan
    points[COCO17.index("r_knee"), 1] = np.nan
    out, scores = convert(points, "coco17", "body13")
    gone = np.isin(BODY13.names, ("head", "r_knee"))
    assert np.isnan(out[gone]).all() and (scores[gone] == 0).all()
    assert np.isfinite(out[~gone]).all() and (scores[~gone] == 1).all()
    out, scores = convert(points, "coco17", "hand21")
    assert np.isnan(out).all() and (scores == 0).all() and out.shape == (21, 2)
    nose = convert(np.zeros((13, 3)), "body13", "coco17")
    assert np.isnan(nose[0][0]).all() and nose[1][0] == 0  # a head does not say where the nose is


def test_infinite_points_are_missing_too() -> None:
    """An infinite coordinate does not leak into other joints."""
    points = np.zeros((17, 2))
    points[COCO17.index("nose")] = np.inf
    out, scores = convert(points, "coco17", "lsp14")
    made = np.array([n != "head_top" for n in LSP14.names])  # no rule makes the crown from ears
    assert (scores[made] == 1).all() and (out[made] == 0).all() and np.isnan(out[~made]).all()


def test_face84_gives_face68_every_second_contour_point() -> None:
    """The 51 inner points are the same; of the 33 contour points the even ones stay, in order."""
    points = np.random.default_rng(4).normal(size=(84, 2))
    out, scores = convert(points, FACE84, FACE68)
    np.testing.assert_array_equal(out[:17], points[:33:2])
    np.testing.assert_array_equal(out[17:], points[33:])
    assert (scores == 1).all()
    back, there = convert(out, FACE68, FACE84)
    assert np.isnan(back[1:33:2]).all() and (there[1:33:2] == 0).all()
    np.testing.assert_array_equal(back[:33:2], points[:33:2])


def test_batches_and_wrong_shapes() -> None:
    """Any leading dimensions pass through; a wrong number of joints, or scores of another shape, is an InputError."""
    points = np.random.default_rng(5).normal(size=(2, 0, 17, 3))
    assert convert(points, "coco17", "body13")[0].shape == (2, 0, 13, 3)
    one = np.random.default_rng(5).normal(size=(4, 5, 17, 3))
    np.testing.assert_array_equal(convert(one, "coco17", "body13")[0][2, 3], convert(one[2, 3], "coco17", "body13")[0])
    with pytest.raises(InputError, match=r"coco17 has 17 joints.*\(13, 2\)"):
        convert(np.zeros((13, 2)), "coco17", "body13")
    with pytest.raises(InputError, match="coco17"):
        convert(np.zeros(17), "coco17", "body13")
    with pytest.raises(InputError, match="scores"):
        convert(np.zeros((17, 2)), "coco17", "body13", np.ones(16))
