"""The ASF and AMC readers."""

import numpy as np
import pytest

from anchorpose.files.asfamc import find_asf, read_amc, read_asf
from anchorpose.poses.errors import FileError, FormatError

# Units of half an inch. Bone "one" has a turned frame, "two" follows it, "three" has two angles and a frame.
ASF = """# a skeleton
:version 1.10
:name made
:units
  mass 1.0
  length 2.0
  angle deg
:documentation
   begin of a text that is not read
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name one
     direction 1 0 0
     length 2
     axis 0 0 90 XYZ
     dof rx
     limits (-160.0 20.0)
  end
  begin
     id 2
     name two
     direction 0 0 1
     length 4
     axis 0 0 0 XYZ
  end
  begin
     id 3
     name three
     direction 0 1 0
     length 6
     axis 90 0 90 XYZ
     dof rx rz
  end
:hierarchy
  begin
    root one three
    one two
  end
"""
AMC = """#!OML:ASF made.asf
:FULLY-SPECIFIED
:DEGREES
1
root 10 20 30 0 0 0
one 0
three 0 0
2
root 0 0 0 0 0 0
one 90
three 0 90
3
root 0 0 0 90 90 0
one 0
three 90 90
"""
UNIT = 0.0254 / 2


@pytest.fixture
def write(tmp_path):
    def write(asf=ASF, amc=AMC):
        (tmp_path / "made.asf").write_text(asf)
        path = tmp_path / "made_01.amc"
        path.write_text(amc)
        return path

    return write


def ends(clip, frame):
    """Ends of the bones one, two, three in units of the file."""
    return clip.positions[frame, clip.indices(["two", "two_end", "three_end"])] / UNIT


def test_skeleton(write):
    skeleton = read_asf(write().with_name("made.asf"))
    assert [bone.name for bone in skeleton.bones] == ["root", "one", "three", "two"]
    assert [bone.parent for bone in skeleton.bones] == [None, "root", "root", "one"]
    assert skeleton.metres == pytest.approx(UNIT)
    np.testing.assert_allclose(skeleton.bones[3].vector, [0, 0, 4 * UNIT])
    # "90 0 90 XYZ" is Rz(90) Rx(90): x -> y, y -> z, z -> x.
    np.testing.assert_allclose(skeleton.bones[2].frame, [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-12)


def test_motion_by_hand(write):
    clip = read_amc(write(), fps=30)
    assert clip.names == ("root", "one", "three", "two", "three_end", "two_end")
    assert clip.ends.tolist() == [False] * 4 + [True] * 2
    assert (clip.fps, clip.up, len(clip)) == (30, "y", 3)
    np.testing.assert_allclose(clip.positions[0, 0] / UNIT, [10, 20, 30])
    np.testing.assert_allclose(ends(clip, 0), [[12, 20, 30], [12, 20, 34], [10, 26, 30]])
    # one: about C x = y by 90, so x -> -z, and its child with it: z -> x. three: about C z = x by 90, so y -> z.
    np.testing.assert_allclose(ends(clip, 1), [[0, 0, -2], [4, 0, -2], [0, 0, 6]], atol=1e-12)
    # root: Ry(90) Rx(90) takes x -> -z, y -> x, z -> -y. three: M = Rz Rx, C M C^-1 = Rx(90) Ry(90), so y -> z.
    np.testing.assert_allclose(ends(clip, 2), [[0, 0, -2], [0, -4, -2], [0, -6, 0]], atol=1e-12)


def test_order_of_two_angles(write):
    """Listed first applies first: rx 90, rz 90 about C = 1 takes y -> z -> z, and x -> x -> y."""
    asf = ASF.replace("axis 90 0 90 XYZ", "axis 0 0 0 XYZ").replace("direction 0 1 0", "direction 1 0 0")
    clip = read_amc(write(asf, AMC.replace("three 0 90", "three 90 90")))
    np.testing.assert_allclose(ends(clip, 1)[2], [0, 6, 0], atol=1e-12)
    clip = read_amc(
        write(
            asf.replace("direction 1 0 0\n     length 6", "direction 0 1 0\n     length 6"),
            AMC.replace("three 0 90", "three 90 90"),
        )
    )
    np.testing.assert_allclose(ends(clip, 1)[2], [0, 0, 6], atol=1e-12)


def test_root_frame_and_position(write):
    asf = ASF.replace("position 0 0 0", "position 1 2 3").replace("orientation 0 0 0", "orientation 0 0 90")
    clip = read_amc(write(asf))
    np.testing.assert_allclose(clip.positions[1, 0] / UNIT, [1, 2, 3])
    # Ry(90) Rx(90) takes x -> -z, y -> x, z -> -y; between Rz(90) and Rz(-90): x -> -y, y -> -z, z -> x.
    np.testing.assert_allclose(clip.world_rotation("root")[2], [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], atol=1e-12)


def test_radians_and_scale(write):
    degrees = read_amc(write()).positions
    amc = AMC.replace(":DEGREES", ":RADIANS").replace("90", repr(np.pi / 2))
    np.testing.assert_allclose(read_amc(write(amc=amc)).positions, degrees, atol=1e-12)
    asf = ASF.replace("angle deg", "angle rad").replace("90", repr(np.pi / 2))
    np.testing.assert_allclose(read_amc(write(asf, amc)).positions, degrees, atol=1e-12)
    np.testing.assert_allclose(read_amc(write(), scale=1.0).positions * UNIT, degrees, atol=1e-12)


def test_bone_lengths_do_not_change(write):
    rng = np.random.default_rng(1)
    frames = "".join(
        f"{t}\nroot {' '.join(map(str, rng.uniform(-300, 300, 6)))}\none {rng.uniform(-300, 300)}\nthree 10 {t}\n"
        for t in range(1, 20)
    )
    clip = read_amc(write(amc=f":DEGREES\n{frames}"))
    bones = clip.positions[:, 1:] - clip.positions[:, clip.parents[1:]]
    lengths = np.broadcast_to(np.array([0, 0, 2, 6, 4]) * UNIT, (19, 5))
    np.testing.assert_allclose(np.linalg.norm(bones, axis=-1), lengths, atol=1e-12)


def test_the_skeleton_is_found(tmp_path):
    folder = tmp_path / "top" / "walks"
    folder.mkdir(parents=True)
    amc = folder / "anna_walk.amc"
    amc.write_text(AMC)
    with pytest.raises(FileError, match="there is none"):
        read_amc(amc)
    for name in ("anna.asf", "an.asf", "bert.ASF"):
        (tmp_path / "top" / name).write_text(ASF)
    assert find_asf(amc).name == "anna.asf"
    (folder / "only.asf").write_text(ASF)
    assert find_asf(amc).name == "only.asf"
    (folder / "other.asf").write_text(ASF)
    assert find_asf(amc).name == "anna.asf"
    with pytest.raises(FileError, match="several, .*only.asf, other.asf, an.asf, anna.asf, bert.ASF"):
        find_asf(folder / "carl.amc")
    assert len(read_amc(amc, tmp_path / "top" / "bert.ASF")) == 3
    assert len(read_amc(amc, read_asf(tmp_path / "top" / "bert.ASF"))) == 3


BROKEN_ASF = {
    "cut in the bones": (lambda t: t[: t.index("  begin\n     id 3")], 31, "ends before its :hierarchy"),
    "unit": (lambda t: t.replace("length 2.0", "length 0"), 6, "unit of length must be above 0"),
    "angle": (lambda t: t.replace("angle deg", "angle grad"), 7, "deg or rad, got 'grad'"),
    "root order": (lambda t: t.replace("order TX", "order TW"), 11, "'tw'"),
    "root axis": (lambda t: t.replace("axis XYZ", "axis XYY", 1), 12, "'XYY'"),
    "direction": (lambda t: t.replace("direction 1 0 0", "direction 1 0"), 19, "needs 3 numbers, got 2"),
    "NaN": (lambda t: t.replace("direction 1 0 0", "direction 1 nan 0"), 19, "'nan'"),
    "bone length": (lambda t: t.replace("length 2\n", "length two\n"), 20, "expected a number, got 'two'"),
    "bone axis": (lambda t: t.replace("0 0 90 XYZ", "0 0 90 XYW"), 21, "'XYW'"),
    "dof": (lambda t: t.replace("dof rx\n", "dof rx l\n"), 22, "degree of freedom 'l'"),
    "name twice": (lambda t: t.replace("name two", "name one"), 31, "given twice: 'one'"),
    "no name": (lambda t: t.replace("     name one\n", ""), 23, "missing or given twice: ''"),
    "no end": (lambda t: t.replace("  end\n", "", 1), 24, "begin inside another bone"),
    "last bone without end": (lambda t: t.replace("  end\n:hier", ":hier"), 39, "'three' has no end"),
    "outside": (lambda t: t.replace(":bonedata\n  begin\n", ":bonedata\n"), 16, "'id' outside begin and end"),
    "unknown bone": (
        lambda t: t.replace("one two", "one four"),
        43,
        "unknown bone 'four'; bonedata has one, two, three",
    ),
    "two parents": (lambda t: t.replace("one two", "one three"), 43, "'three' has two parents"),
    "no parent": (lambda t: t.replace("one two", "two one"), 43, "'two' has children before"),
    "not in the tree": (lambda t: t.replace("    one two\n", ""), 43, "not in :hierarchy: two"),
    "no section": (lambda t: t.replace(":version 1.10", "version 1.10"), 2, "expected a section"),
}


@pytest.mark.parametrize("name", BROKEN_ASF)
def test_an_asf_error_names_the_line(write, name):
    change, line, message = BROKEN_ASF[name]
    text = change(ASF)
    assert text != ASF
    with pytest.raises(FormatError, match=message) as caught:
        read_amc(write(asf=text))
    assert f"made.asf, line {line}:" in str(caught.value)


BROKEN_AMC = {
    "cut in a frame": (lambda t: t[: t.index("three 90")], 14, "frame 3 ends without three"),
    "cut in a line": (lambda t: t.replace("three 90 90\n", "three 90"), 15, "1 values for 'three', which has 2"),
    "a bone left out": (lambda t: t.replace("one 90\n", ""), 11, "frame 2 ends without one"),
    "too many values": (lambda t: t.replace("one 90", "one 90 1"), 10, "2 values for 'one', which has 1"),
    "NaN": (lambda t: t.replace("one 90", "one nan"), 10, "'nan' is not a finite"),
    "a word": (lambda t: t.replace("one 90", "one ninety"), 10, "expected a number, got 'ninety'"),
    "unknown bone": (lambda t: t.replace("one 90", "four 90"), 10, "the skeleton made has no bone 'four'"),
    "bone twice": (lambda t: t.replace("one 90", "one 90\none 90"), 11, "'one' twice in frame 2"),
    "still bone": (lambda t: t.replace("one 90", "one 90\ntwo 90"), 11, "1 values for 'two', which has 0"),
    "frames out of order": (lambda t: t.replace("\n3\n", "\n2\n"), 12, "frame 2 after frame 2"),
    "no frame number": (lambda t: t.replace("\n1\n", "\n"), 4, "expected the number of the first frame"),
    "no frames": (lambda t: t[: t.index("1\n")], 3, "no frames"),
}


@pytest.mark.parametrize("name", BROKEN_AMC)
def test_an_amc_error_names_the_line(write, name):
    change, line, message = BROKEN_AMC[name]
    text = change(AMC)
    assert text != AMC
    with pytest.raises(FormatError, match=message) as caught:
        read_amc(write(amc=text))
    assert f"made_01.amc, line {line}:" in str(caught.value)


@pytest.mark.parametrize("which", ["asf", "amc"])
def test_a_file_cut_anywhere_is_read_or_a_known_error(write, which):
    text = ASF if which == "asf" else AMC
    read = 0
    for end in range(0, len(text), 2):
        path = write(**{which: text[:end]})
        try:
            read += len(read_amc(path)) > 0
        except FileError as error:
            assert end == 0 or "line" in str(error)
    assert read < len(text) / 8  # only cuts between frames, inside a last number and in the tail go unseen


def test_no_file(tmp_path):
    with pytest.raises(FileError, match="no such file; expected an AMC"):
        read_amc(tmp_path / "none.amc")
    with pytest.raises(FileError, match="no such file; expected an ASF"):
        read_asf(tmp_path / "none.asf")
