"""From the joints of a rig to BODY13, the direction of the face and the hands."""

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.rigs import RIGS, body13, detect_rig, facing, get_rig, hands
from anchorpose.poses.clips import Clip, euler_to_matrix, forward_kinematics
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, HAND21

# Left ankle, knee, hip, wrist, elbow, shoulder; left and right; the head's joint and where its offset starts.
NAMES = {
    "asf": ("lfoot ltibia lfemur lhand lradius lhumerus", ("l", "r"), "head", "head_end"),
    "cmu_walk": ("LeftAnkle LeftKnee LeftHip LeftWrist LeftElbow LeftShoulder", ("Left", "Right"), "Head", "Head_end"),
    "cmu_expmap": ("LeftFoot LeftLeg LeftUpLeg LeftHand LeftForeArm LeftArm", ("Left", "Right"), "Head", "Head_end"),
    "cmu_auto": ("lFoot lShin lThigh lHand lForeArm lShldr", ("l", "r"), "head", "head"),
    "cmu_iclone": (
        "CC_Base_L_Foot CC_Base_L_Calf CC_Base_L_Thigh CC_Base_L_Hand CC_Base_L_Forearm CC_Base_L_Upperarm",
        ("CC_Base_L", "CC_Base_R"),
        "CC_Base_Head",
        "CC_Base_Head",
    ),
    "deepmimic": (
        "left_ankle left_knee left_hip left_wrist left_elbow left_shoulder",
        ("left", "right"),
        "neck",
        "neck_end",
    ),
    "mixamo": ("LeftFoot LeftLeg LeftUpLeg LeftHand LeftForeArm LeftArm", ("Left", "Right"), "Head", "Head"),
}
PLACES = {"ankle": 0.1, "knee": 0.5, "hip": 0.9, "wrist": 0.8, "elbow": 1.1, "shoulder": 1.4}
HEAD_END = np.array([0.0, 0.1, 0.0])


def make_clip(rig, turn_head=None, turn_collars=None, up="y", more=()):
    """All joints hang on a root at 0: left ones at x = 0.2, right ones at x = -0.2, the head's joint at 1.6 m."""
    text, (left, right), head, origin = NAMES[rig]
    joints = {}
    for name, height in zip(text.split(), PLACES.values(), strict=True):
        joints[name] = (0.2, height, 0.0)
        joints[right + name.removeprefix(left)] = (-0.2, height, 0.0)
    joints[head] = (0.0, 1.6, 0.0)
    for name in ("lCollar", "rCollar") if rig == "cmu_auto" else ():
        joints[name] = (0.0, 1.4, 0.0)
    for name, offset in more:
        joints[name] = offset
    for name in ("Hips", "Spine", "Spine2") if rig == "mixamo" else ():
        joints[name] = (0.0, 1.0, 0.0)
    names = ["root", *joints, *([origin] if origin != head else [])]
    offsets = np.array([(0, 0, 0), *joints.values(), *([HEAD_END] if origin != head else [])], dtype=float)
    parents = np.zeros(len(names), dtype=int)
    parents[0] = -1
    if origin != head:
        parents[-1] = names.index(head)
    rotations = np.broadcast_to(np.eye(3), (2, len(names), 3, 3)).copy()
    if turn_head is not None:
        rotations[:, names.index(head)] = turn_head
    for name, turn in (turn_collars or {}).items():
        rotations[:, names.index(name)] = turn
    positions, _ = forward_kinematics(offsets, parents, rotations, np.array([[0, 0, 0], [0, 0, 1.0]]))
    return Clip("made", tuple(names), parents, offsets, rotations, positions, 30.0, up)


def head_centre(rig, turn=None):
    """From the root, as the table in the module says."""
    turn = np.eye(3) if turn is None else turn
    down = {"asf": 0.025, "cmu_walk": 0.025, "cmu_expmap": 0.025, "deepmimic": 0.065}
    along = 0.1 - down[rig] if rig in down else 0.055
    return np.array([0, 1.6, 0]) + turn @ [0, along, 0]


def test_the_names_cover_all_rigs():
    assert set(NAMES) == set(RIGS) - {"canonical"}  # which has a test of its own


@pytest.mark.parametrize("rig", NAMES)
def test_body13(rig):
    clip = make_clip(rig)
    assert detect_rig(clip.names).name == rig
    body = body13(clip)
    assert body.shape == (2, 13, 3)
    shift = 0.065 if rig == "cmu_auto" else 0.0
    for j, name in enumerate(BODY13.names[:12]):
        side, part = name.split("_")
        x = 0.2 + (shift if part in ("wrist", "elbow", "shoulder") else 0.0)
        np.testing.assert_allclose(body[0, j], [x if side == "l" else -x, PLACES[part], 0], atol=1e-12, err_msg=name)
    np.testing.assert_allclose(body[0, 12], head_centre(rig), atol=1e-12)
    np.testing.assert_allclose(body[1] - body[0], np.broadcast_to([0, 0, 1.0], (13, 3)), atol=1e-12)


@pytest.mark.parametrize("rig", NAMES)
def test_head_and_face_turn_with_the_head(rig):
    turn = euler_to_matrix("yx", [0.7, 0.4])
    straight = facing(make_clip(rig))
    np.testing.assert_allclose(np.linalg.norm(straight, axis=-1), 1.0)
    forward = [1, 0, 0] if rig == "deepmimic" else [0, 0, 1]
    assert straight[0] @ forward > np.cos(np.radians(13))
    assert straight[0, 1] >= 0
    clip = make_clip(rig, turn_head=turn)
    np.testing.assert_allclose(facing(clip), straight @ turn.T, atol=1e-12)
    np.testing.assert_allclose(body13(clip)[0, 12], head_centre(rig, turn), atol=1e-12)


def test_arms_move_along_the_collars():
    """A collar turned by 90 degrees about z has its x axis along y: the arm moves up, or down on the right."""
    turn = euler_to_matrix("z", [np.pi / 2])
    body = body13(make_clip("cmu_auto", turn_collars={"lCollar": turn, "rCollar": turn}))
    np.testing.assert_allclose(body[0, BODY13.index("l_wrist")], [0.2, 0.8 + 0.065, 0], atol=1e-12)
    np.testing.assert_allclose(body[0, BODY13.index("r_wrist")], [-0.2, 0.8 - 0.065, 0], atol=1e-12)
    np.testing.assert_allclose(body[0, BODY13.index("l_hip")], [0.2, 0.9, 0], atol=1e-12)


def test_z_up_becomes_y_up():
    clip = make_clip("asf", up="z")
    body = body13(clip)
    np.testing.assert_allclose(body[..., 1], body13(make_clip("asf"))[..., 2])
    np.testing.assert_allclose(facing(clip)[0], [0, 0.9781, -0.2079], atol=1e-4)


def test_unknown_rigs():
    clip = make_clip("cmu_walk")
    with pytest.raises(InputError, match="unknown rig 'biped'; known are asf, "):
        body13(clip, "biped")
    with pytest.raises(InputError, match="not of rig asf: it has no rfoot, lfoot"):
        body13(clip, "asf")
    names = [name for name in clip.names if name not in ("LeftKnee", "Head_end")]
    with pytest.raises(InputError, match="no known rig fits: the nearest, cmu_walk, misses LeftKnee, Head_end. There"):
        detect_rig(names)
    assert get_rig(clip, RIGS["cmu_walk"]) is RIGS["cmu_walk"]


def test_a_message_lists_a_dozen_joints() -> None:
    """What is missing comes first; of what is there, of hundreds, so much that one can see what it is."""
    names = [f"joint{k}" for k in range(141)] + [n for n in make_clip("cmu_walk").names if n != "LeftKnee"]
    with pytest.raises(InputError) as caught:
        detect_rig(names)
    text = str(caught.value)
    assert text.index("misses LeftKnee") < text.index("joint0")
    assert f"joint11 and {len(names) - 12} more" in text and "joint12" not in text and len(text) < 400


PREFIXES = ("mixamorig:", "mixamorig_", "mixamorig1:", "mixamorig", "Armature|mixamorig:", "MIXAMORIG:", "")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_names_of_mixamo(prefix: str) -> None:
    """With any prefix, in any case, with separators; a name that could be two joints is not guessed."""
    clip = make_clip("mixamo")
    for respell in (str, str.lower, str.upper, lambda n: "_".join(n)):
        names = tuple(prefix + respell(n) for n in clip.names)
        other = replace(clip, names=names)
        assert detect_rig(names).name == "mixamo"
        np.testing.assert_array_equal(body13(other), body13(clip))
        np.testing.assert_array_equal(facing(other), facing(clip))
        np.testing.assert_array_equal(hands(other)["left"], hands(clip)["left"])
    twice = tuple("left_foot" if n == "root" else n.lower() for n in clip.names)
    with pytest.raises(InputError, match="mixamo, misses LeftFoot"):
        detect_rig(twice)


def test_mixamo_and_cmu_have_the_same_limbs() -> None:
    """CMU's figures, which have no Spine2, are not taken for Mixamo's; names of theirs are not guessed."""
    names = make_clip("cmu_expmap").names
    assert detect_rig(names).name == "cmu_expmap" and detect_rig((*names, "Hips", "Spine")).name == "cmu_expmap"
    assert detect_rig((*names, "Hips", "Spine", "Spine2")).name == "mixamo"
    with pytest.raises(InputError, match="no known rig fits"):
        detect_rig([n.lower() for n in names])


def test_nobody_stands_in_the_rest_pose() -> None:
    """Figures whose legs and trunk point the same way at rest cannot be read by their directions."""
    clip = make_clip("mixamo")
    folded = np.array(clip.offsets)
    folded[clip.index("Head")] *= -1
    with pytest.raises(InputError, match="nobody stands in its rest pose"):
        body13(replace(clip, offsets=folded))


def fingers(pattern, joints, end):
    """Finger k (1 thumb to 5 little), joint n at (k, n, 0) on the left and (-k, n, 0) on the right."""
    made = []
    for sign, side in ((1, pattern[0]), (-1, pattern[1])):
        for k, finger in enumerate(("Thumb", "Index", "Mid", "Ring", "Pinky"), start=1):
            made += [(f"{side}{finger}{n}", (sign * k, n, 0)) for n in range(1, joints + 1)]
            made += [(f"{side}{finger}{joints}_end", (sign * k, joints + 1, 0))] if end else []
    return made


@pytest.mark.parametrize(
    ("rig", "more", "shift"),
    [
        ("cmu_auto", fingers(("l", "r"), 2, True), 0.065),
        ("cmu_iclone", fingers(("CC_Base_L_", "CC_Base_R_"), 3, False), 0.0),
    ],
)
def test_hands(rig, more, shift):
    found = hands(make_clip(rig, more=more))
    assert set(found) == {"right", "left"}
    for which, sign in (("left", 1), ("right", -1)):
        points = found[which][0]
        assert points.shape == (len(HAND21), 3)
        np.testing.assert_allclose(points[0], [sign * (0.2 + shift), 0.8, 0])
        for k in range(5):
            expected = [[sign * (k + 1 + shift), n, 0] for n in (1, 2, 3)]
            np.testing.assert_allclose(points[1 + 4 * k : 4 + 4 * k], expected, atol=1e-12)
            assert np.isnan(points[4 + 4 * k]).all()  # no rig has finger tips


def test_hands_without_fingers():
    found = hands(make_clip("asf"))["right"]
    np.testing.assert_allclose(found[0, 0], [-0.2, 0.8, 0])
    assert np.isnan(found[:, 1:]).all()
