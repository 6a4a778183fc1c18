"""The BVH reader."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from anchorpose.files.bvh import read_bvh
from anchorpose.poses.errors import FileError, FormatError, InputError
from mocap_files import CHAIN


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "made.bvh"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


def test_two_bones_by_hand(write):
    clip = read_bvh(write(CHAIN))
    assert clip.names == ("hips", "knee", "knee_end")
    assert clip.parents.tolist() == [-1, 0, 1]
    assert clip.ends.tolist() == [False, False, True]
    assert (clip.name, clip.fps, clip.up, len(clip)) == ("made", pytest.approx(20.0), "y", 2)
    np.testing.assert_allclose(clip.offsets, [[0, 0, 0], [0, 0.1, 0], [0, 0.05, 0]])
    np.testing.assert_allclose(clip.positions[0], [[0.01, 0.02, 0.03], [0.01, 0.12, 0.03], [0.01, 0.17, 0.03]])
    # Hips Rz(90) Rx(90): y -> z, x -> y, z -> x. Knee Rx(90) Rz(90): y -> -x, which the hips turn to -y.
    np.testing.assert_allclose(clip.positions[1], [[0, 0, 0], [0, 0, 0.1], [0, -0.05, 0.1]], atol=1e-12)


def test_scale_and_up(write):
    clip = read_bvh(write(CHAIN), scale=1.0, up="z")
    np.testing.assert_allclose(clip.positions[0, 0], [1, 2, 3])
    assert clip.up == "z"
    with pytest.raises(InputError, match="scale"):
        read_bvh(write(CHAIN), scale=0.0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations("XYZ"), st.permutations("XYZ"), st.lists(st.floats(-400, 400), min_size=6, max_size=6))
def test_any_euler_order(write, first, second, angles):
    orders = [" ".join(f"{axis}rotation" for axis in order) for order in (first, second)]
    text = CHAIN.replace("3 Xrotation Zrotation Yrotation", f"3 {orders[1]}")
    text = text.replace("Zposition Zrotation Xrotation Yrotation", f"Zposition {orders[0]}")
    text = text.replace("0 0 0 90 90 0 90 90 0", " ".join(map(repr, [0, 0, 0, *angles])))
    clip = read_bvh(write(text), scale=1.0)
    hips = Rotation.from_euler("".join(first), angles[:3], degrees=True)
    knee = hips * Rotation.from_euler("".join(second), angles[3:], degrees=True)
    np.testing.assert_allclose(clip.positions[1, 1], hips.apply([0, 10, 0]), atol=1e-9)
    np.testing.assert_allclose(clip.positions[1, 2], hips.apply([0, 10, 0]) + knee.apply([0, 5, 0]), atol=1e-9)
    np.testing.assert_allclose(clip.world_rotation("knee")[1], knee.as_matrix(), atol=1e-9)


def test_positions_replace_the_offset_of_a_joint(write):
    text = CHAIN.replace(
        "CHANNELS 3 Xrotation Zrotation Yrotation",
        "CHANNELS 6 Xposition Yposition Zposition Xrotation Zrotation Yrotation",
    )
    text = text.replace("1 2 3 0 0 0 0 0 0", "1 2 3 0 0 0 7 8 9 0 0 0").replace(
        "90 90 0 90 90 0", "90 90 0 1 0 0 90 90 0"
    )
    clip = read_bvh(write(text), scale=1.0, add_root_offset=True)  # which is about the root alone
    np.testing.assert_allclose(clip.positions[0, 1], [8, 10, 12])
    np.testing.assert_allclose(clip.positions[1, 1], [0, 1, 0], atol=1e-12)  # (1, 0, 0) turned by the hips
    np.testing.assert_allclose(clip.offsets[1], [0, 10, 0])


def test_root_offset_is_replaced_or_added(write):
    text = CHAIN.replace("OFFSET 0 0 0", "OFFSET 0 100 0", 1)
    assert read_bvh(write(text), scale=1.0).positions[0, 0, 1] == 2
    assert read_bvh(write(text), scale=1.0, add_root_offset=True).positions[0, 0, 1] == 102
    named = text.replace("ROOT hips", "ROOT CC_Base_Hip")
    assert read_bvh(write(named), scale=1.0).positions[0, 0, 1] == 102
    assert read_bvh(write(named), scale=1.0, add_root_offset=False).positions[0, 0, 1] == 2


def test_a_root_without_positions_stays_at_its_offset(write):
    text = CHAIN.replace("OFFSET 0 0 0", "OFFSET 0 100 0", 1).replace("6 Xposition Yposition Zposition", "3")
    text = text.replace("1 2 3 0 0 0 0 0 0", "0 0 0 0 0 0").replace("0 0 0 90 90 0 90", "90 90 0 90")
    np.testing.assert_allclose(read_bvh(write(text), scale=1.0).positions[:, 0], [[0, 100, 0], [0, 100, 0]])


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\t", "    "),
        lambda t: "\ufeff" + t,
        lambda t: t.replace("\n{", " {"),
        lambda t: t.replace("1 2 3 0 0 0 0 0 0", "1 2 3 0\n0 0 0 0 0\n"),  # wrapped
        lambda t: t.replace("MOTION", "motion").replace("Frame Time", "Frame time").replace("Frames: 2", "Frames:\t2"),
        lambda t: t + "\n  \n\n",
    ],
)
def test_the_same_file_as_others_write_it(write, change):
    expected = read_bvh(write(CHAIN)).positions
    text = change(CHAIN)
    assert text != CHAIN
    np.testing.assert_array_equal(read_bvh(write(text)).positions, expected)


def test_end_sites_may_be_missing_or_many(write):
    end = CHAIN[CHAIN.index("\t\tEnd Site") : CHAIN.index("\t}\n}\nMOTION")]
    assert read_bvh(write(CHAIN.replace(end, ""))).names == ("hips", "knee")
    assert read_bvh(write(CHAIN.replace(end, end + end))).names == ("hips", "knee", "knee_end", "knee_end2")


def test_names_in_other_encodings(write):
    clip = read_bvh(write(CHAIN.replace("knee", "kn\u00e9\u00e9 links"), encoding="latin-1"))
    assert clip.names[1].endswith("links")


BROKEN = {
    "cut inside a frame": (lambda t: t.replace(" 90 90 0 90 90 0\n", " 90 90"), 20, "5 values .* 9 channels"),
    "cut between frames": (lambda t: t[: t.index("0 0 0 90")], 19, "9 values, 1 frames .* 2 frames are announced"),
    "cut before the frames": (lambda t: t[: t.index("1 2 3")], 18, "before the first frame"),
    "cut in the hierarchy": (lambda t: t[: t.index("\t\tEnd")], 9, "ends before MOTION"),
    "too many values": (lambda t: t.replace("1 2 3 0", "1 2 3 0 0"), 19, "10 values .* 9 channels"),
    "one too many and one too few": (
        lambda t: t.replace("1 2 3 0", "1 2 3 0 0").replace("90 90 0\n", "90 90\n"),
        19,
        "10 values",
    ),
    "too many frames": (lambda t: t + "0 0 0 0 0 0 0 0 0\n", 21, "27 values, 3 frames .* 2 frames"),
    "NaN": (lambda t: t.replace("1 2 3", "1 nan 3"), 19, "'nan' is not a finite"),
    "infinity": (lambda t: t.replace("0 0 0 90", "0 0 -inf 90"), 20, "'-inf' is not a finite"),
    "a word": (lambda t: t.replace("1 2 3", "1 zwei 3"), 19, "expected a number, got 'zwei'"),
    "no frames": (lambda t: t.replace("Frames: 2", "Frames: 0"), 17, 'expected "Frames: N"'),
    "negative frames": (lambda t: t.replace("Frames: 2", "Frames: -2"), 17, 'expected "Frames: N"'),
    "no frame count": (lambda t: t.replace("Frames: 2\n", ""), 17, 'expected "Frames: N"'),
    "no time": (lambda t: t.replace("Frame Time: 0.05", "Frame Time: 0"), 18, "must be above 0"),
    "time is no number": (lambda t: t.replace("0.05", "fast"), 18, "expected a number, got 'fast'"),
    "no time line": (lambda t: t.replace("Frame Time: 0.05\n", ""), 18, 'expected "Frame Time'),
    "offset too short": (lambda t: t.replace("OFFSET 0 10 0", "OFFSET 0 10"), 8, "needs 3 numbers, got 2"),
    "offset is NaN": (lambda t: t.replace("OFFSET 0 10 0", "OFFSET 0 nan 0"), 8, "'nan'"),
    "no offset": (lambda t: t.replace("\t\tOFFSET 0 10 0\n", ""), 6, "'knee' has no OFFSET"),
    "channel count": (lambda t: t.replace("CHANNELS 3", "CHANNELS 4"), 9, "CHANNELS 4 is followed by 3"),
    "channel name": (lambda t: t.replace("3 Xrotation", "3 Wrotation"), 9, "'wrotation'"),
    "channel twice": (lambda t: t.replace("3 Xrotation", "3 Zrotation"), 9, "repeated channel 'zrotation'"),
    "no channels": (lambda t: t.replace("CHANNELS", "OFFSET 0 0 0\n#CHANNELS"), 6, "did not expect '#CHANNELS'"),
    "channels of an end site": (lambda t: t.replace("OFFSET 0 5 0", "CHANNELS 1 Xrotation"), 12, "no CHANNELS"),
    "name twice": (lambda t: t.replace("JOINT knee", "JOINT hips"), 6, "'hips' is given twice"),
    "no name": (lambda t: t.replace("JOINT knee", "JOINT"), 6, "without a name"),
    "two roots": (lambda t: t.replace("JOINT knee", "ROOT knee"), 6, "second root"),
    "a joint outside": (lambda t: t.replace("ROOT hips", "JOINT hips"), 2, "outside any joint"),
    "a joint in an end site": (lambda t: t.replace("OFFSET 0 5 0", "JOINT toe"), 12, "in an end site"),
    "brace missing": (lambda t: t.replace("\t{\n", "", 1), 7, "expected { after joint 'knee'"),
    "brace too many": (lambda t: t.replace("\t{\n", "\t{\n{\n", 1), 8, "{ without a joint"),
    "not closed": (lambda t: t.replace("}\nMOTION", "MOTION"), 15, "MOTION before joint 'hips' is closed"),
    "closed too often": (lambda t: t.replace("}\nMOTION", "}\n}\nMOTION"), 16, "} without {"),
    "no joint": (lambda t: "HIERARCHY\n" + t[t.index("MOTION") :], 2, "MOTION before there is a joint"),
    "something else": (lambda t: "\x89PNG\n" + t, 1, "did not expect"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_names_the_line(write, name):
    change, line, message = BROKEN[name]
    text = change(CHAIN)
    assert text != CHAIN
    with pytest.raises(FormatError, match=message) as caught:
        read_bvh(write(text))
    assert f"made.bvh, line {line}:" in str(caught.value)


def test_a_file_cut_anywhere_is_an_error(write):
    for end in range(1, len(CHAIN.rstrip())):
        with pytest.raises(FormatError, match=r"line \d+: "):
            read_bvh(write(CHAIN[:end]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(CHAIN) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_file_is_read_or_a_known_error(write, at, damage):
    path = write(CHAIN)
    content = path.read_bytes()
    path.write_bytes(content[:at] + damage + content[at + len(damage) :])
    try:
        read_bvh(path)
    except FormatError as error:
        assert "line" in str(error)


def test_no_channels_at_all(write):
    text = "\n".join(line for line in CHAIN.split("\n") if "CHANNELS" not in line)
    with pytest.raises(FormatError, match=f"line {line_of(text, 'MOTION')}: .*no channels"):
        read_bvh(write(text))


def test_no_file(tmp_path, write):
    with pytest.raises(FileError, match="no such file"):
        read_bvh(tmp_path / "none.bvh")
    with pytest.raises(FileError, match="empty"):
        read_bvh(write(""))
    with pytest.raises(FormatError, match="line 1"):
        read_bvh(write(" \n\n"))
