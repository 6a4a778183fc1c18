"""`anchorpose convert`: between all pairs where A holds what B needs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchorpose.cli import main
from anchorpose.files.convert import motions_of, points_of, write_content
from anchorpose.files.glb import write_motions_glb
from anchorpose.files.keypoints import read_keypoints
from anchorpose.files.mot import read_mot
from anchorpose.files.points import points_of_motion, points_of_people
from anchorpose.files.reading import Content, Options, kind_of, read_content
from anchorpose.files.results import read_results, save
from anchorpose.files.tables import write_csv
from anchorpose.poses.errors import InputError
from moving_people import degrees_apart, moving, people_frames
from user_files import walker_bvh

pytest.importorskip("ezc3d", reason="ezc3d is not installed")

MOTIONS = ("bvh", "npz", "glb")
POINTS = ("trc", "c3d", "csv")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.glb of one moving person, two.glb of two, results.jsonl of two."""
    folder = tmp_path_factory.mktemp("made")
    write_motions_glb([moving(4)], folder / "a.glb")
    write_motions_glb([moving(3), moving(4, seed=1)], folder / "two.glb", people=[3, 8])
    save(people_frames(), folder / "results.jsonl")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The same files, in a folder of the test's own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def convert(folder: Path, a: str, b: str, *more: str) -> int:
    return main(["convert", str(folder / a), str(folder / b), *more])


@pytest.mark.filterwarnings("ignore")
def test_all_pairs_of_motions_and_points(folder: Path) -> None:
    """Each kind is made from each that holds what it needs, and holds the same after any way."""
    motion = moving(4)
    points = points_of_motion(motion)
    for source in MOTIONS:
        assert convert(folder, "a.glb", f"b.{source}") == 0
        for target in (*MOTIONS, *POINTS):
            name = f"{source}_{target}.{target}"
            assert convert(folder, f"b.{source}", name, "--joints", "all") == 0
            content = read_content(folder / name)
            if target in MOTIONS:
                ((_, back),) = motions_of(content, "a test")
                assert degrees_apart(back, motion) < 0.01
                np.testing.assert_allclose(points_of_motion(back).positions, points.positions, atol=1e-3)
        assert convert(folder, f"b.{source}", "b.mot") == 0
        assert read_mot(folder / "b.mot")["knee_angle_l"].shape == (4,)
    write_csv([points], folder / "b.csv")
    for source in POINTS:
        assert convert(folder, "b.csv", f"c.{source}") == 0
        for target in (*POINTS, "html"):
            name = f"{source}_{target}.{target}"
            assert convert(folder, f"c.{source}", name) == 0
            if target != "html":
                (back,) = points_of(read_content(folder / name), "a test")
                assert back.names == points.names
                np.testing.assert_allclose(back.positions, points.positions, atol=1e-4)


def test_results_to_all_they_hold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = points_of_people(people_frames())
    for target in ("results.csv", "page.html", "again.json", "openpose", "coco.json", "p.trc", "p.c3d"):
        assert convert(folder, "results.jsonl", target, *(["--to", "coco"] if "coco" in target else [])) == 0
    assert [path.name for path in sorted(folder.glob("p_*"))] == ["p_1.c3d", "p_1.trc", "p_2.c3d", "p_2.trc"]
    assert str(folder / "p_2.c3d") in capsys.readouterr().out.splitlines()
    (back,) = points_of(read_content(folder / "p_2.trc"), "a test")
    np.testing.assert_allclose(back.positions, two.positions, atol=1e-6)
    assert list(read_results(folder / "again.json")) == people_frames()
    assert [f.index for f in read_keypoints(folder / "openpose")] == [0, 1, 2, 3]
    assert convert(folder, "openpose", "back.json", "--to", "coco") == 0
    assert convert(folder, "results.jsonl", "one.trc", "--person", "1") == 0
    (back,) = points_of(read_content(folder / "one.trc"), "a test")
    np.testing.assert_allclose(back.positions, one.positions, atol=1e-6)


def test_keypoints_to_results_need_a_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(folder, "results.jsonl", "openpose") == 0
    assert convert(folder, "openpose", "flat.jsonl") == 2
    assert "--size WIDTH HEIGHT" in capsys.readouterr().err
    assert not (folder / "flat.jsonl").exists()
    assert convert(folder, "openpose", "flat.jsonl", "--size", "640", "480") == 0
    frames = list(read_results(folder / "flat.jsonl"))
    assert [(p.width, p.height, len(p)) for p in frames] == [(640, 480, 2), (640, 480, 1), (640, 480, 2), (640, 480, 2)]


def test_several_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(folder, "two.glb", "out.bvh") == 0
    assert sorted(path.name for path in folder.glob("out*")) == ["out_3.bvh", "out_8.bvh"]
    assert convert(folder, "two.glb", "eight.bvh", "--person", "8") == 0
    ((_, back),) = motions_of(read_content(folder / "eight.bvh"), "a test")
    assert degrees_apart(back, moving(4, seed=1)) < 0.01
    assert convert(folder, "two.glb", "nine.bvh", "--person", "9") == 2
    assert "has no person 9; there is 3, 8" in capsys.readouterr().err
    assert convert(folder, "two.glb", "both.html") == 0
    assert '"mesh":' not in (folder / "both.html").read_text()
    assert convert(folder, "two.glb", "both.html", "--bodies") == 0
    assert '"mesh":{' in (folder / "both.html").read_text()
    assert convert(folder, "results.jsonl", "x.html", "--bodies") == 2
    assert convert(folder, "two.glb", "both.csv") == 0
    assert len(points_of(read_content(folder / "both.csv"), "a test")) == 2


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("results.jsonl", "x.bvh", "no joint rotations, which BVH needs; `anchorpose refine` makes"),
        ("results.jsonl", "x.mot", "no joint rotations, which MOT needs"),
        ("a.glb", "x.jsonl", "holds motions; a results file needs people in pictures"),
        ("a.glb", "folder", "OpenPose needs people in pictures"),
        ("a.glb", "x.amc", "only read"),
        ("a.glb", "x.foo", "no format has the suffix '.foo'; known are .jsonl"),
        ("nothing.bvh", "x.glb", "no such file"),
        ("page.html", "x.glb", "only written, not read"),
    ],
)  # fmt: skip
def test_what_a_lacks(folder: Path, capsys: pytest.CaptureFixture[str], a: str, b: str, message: str) -> None:
    before = sorted(folder.iterdir())
    assert convert(folder, a, b) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error
    assert sorted(folder.iterdir()) == before


def test_nobody_one_frame_and_times_that_do_not_rise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(people_frames(3, 0), folder / "empty.jsonl")
    for target in ("e.html", "e.csv", "e", "e.json"):
        assert convert(folder, "empty.jsonl", target) == 0
    assert "nobody" in capsys.readouterr().err
    assert convert(folder, "empty.jsonl", "e.trc") == 2
    assert "there is nobody" in capsys.readouterr().err
    save(people_frames(1), folder / "photo.jsonl")
    for target in ("p.html", "p.csv", "p.trc", "p.c3d"):
        assert convert(folder, "photo.jsonl", target) == 0
    write_motions_glb([moving(1)], folder / "one.glb")
    for target in ("o.bvh", "o.npz", "o.mot", "o.trc", "o.html"):
        assert convert(folder, "one.glb", target) == 0
    save([replace(people, time=0.0) for people in people_frames()], folder / "still.jsonl")
    capsys.readouterr()
    assert convert(folder, "still.jsonl", "s.trc") == 2
    assert "must rise; that of frame 1 is 0 s" in capsys.readouterr().err
    assert convert(folder, "still.jsonl", "s.json", "--to", "coco") == 0  # which knows no times


def test_kinds_and_options(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [kind_of(name) for name in ("a.JSONL", "b.bvh", "c", folder)] == ["results", "bvh", "openpose", "openpose"]
    assert convert(folder, "a.glb", "a.bvh", "--to", "coco") == 2
    assert "tells by its suffix" in capsys.readouterr().err
    assert convert(folder, "a.glb", "a.bvh", "--order", "xyz") == 0
    assert "Xrotation Yrotation Zrotation" in (folder / "a.bvh").read_text()
    with pytest.raises(InputError, match="no person"):
        points_of(read_content(folder / "a.bvh"), "a test", Options(person=5))


def doubtful(folder: Path) -> None:
    """doubt.jsonl of two people with ids; the place of each in a frame is one at which the other's id would be."""
    frames = people_frames(6, missing=False)
    persons = [(replace(one, id=None), two) if k < 2 else (one, two) for k, (one, two) in enumerate(frames)]
    persons[5] = tuple(replace(person, id=None) for person in persons[5])
    save([replace(f, persons=p) for f, p in zip(frames, persons, strict=True)], folder / "doubt.jsonl")


def test_people_in_doubt_overwrite_nobody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where others have ids, those without are left out of what follows people over time, and this is said."""
    doubtful(folder)
    for target in ("d.trc", "d.c3d", "d.csv", "d.html"):
        assert convert(folder, "doubt.jsonl", target) == 0
        out, err = capsys.readouterr()
        assert len(out.split()) == len(set(out.split())) == (2 if target in ("d.trc", "d.c3d") else 1)
        assert "doubt.jsonl: 4 sightings of people in doubt, without an id, left out" in err
    assert [len(points_of(read_content(folder / f"d_{k}.trc"), "a test")[0]) for k in (1, 2)] == [3, 5]
    assert [p.person for p in points_of(read_content(folder / "d.csv"), "a test")] == [2, 1]
    assert convert(folder, "doubt.jsonl", "again.jsonl") == 0  # frame by frame everybody stays
    assert [len(people) for people in read_results(folder / "again.jsonl")] == [2] * 6
    assert capsys.readouterr().err == ""


def test_two_people_of_one_number(folder: Path) -> None:
    """A file is never written over by another person's; those without a number get one that is free."""
    content = Content(folder / "x.glb", "motions", motions=((2, moving(3)), (None, moving(3)), (1, moving(3))))
    assert [p.name for p in write_content(content, folder / "n.bvh", "bvh")] == ["n_2.bvh", "n_3.bvh", "n_1.bvh"]
    twice = Content(folder / "x.glb", "motions", motions=((2, moving(3)), (2, moving(3))))
    with pytest.raises(InputError, match=r"x\.glb: the number of a person is given twice: 2; .*t\.bvh, would be"):
        write_content(twice, folder / "t.bvh", "bvh")
    assert not list(folder.glob("t*.bvh"))


def test_units_of_length(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A figure of no people's size is refused with the scale that fits; with it, it has its size."""
    (folder / "walk.bvh").write_text(walker_bvh(4))  # metres, where BVH has centimetres
    for target in ("w.trc", "w.glb"):
        assert convert(folder, "walk.bvh", target) == 2
        assert "is its unit 0.01 m? With --scale 1 they would have 0.83 m" in capsys.readouterr().err
    assert convert(folder, "walk.bvh", "w.trc", "--scale", "1") == 0
    (folder / "odd.trc").write_text((folder / "w.trc").read_text().replace("\tm\t", "\tfoot\t", 1))
    assert convert(folder, "odd.trc", "x.trc") == 2
    assert "Units is 'foot'; known are m, cm, mm, dm, in; others need a scale" in capsys.readouterr().err
    assert convert(folder, "odd.trc", "x.trc", "--scale", "1") == 0
    points = points_of_motion(moving(4))
    write_csv([replace(points, positions=1000 * points.positions)], folder / "mm.csv")
    assert convert(folder, "mm.csv", "mm_.trc") == 2
    assert "With --scale 0.001 they would have" in capsys.readouterr().err
    assert convert(folder, "mm.csv", "mm_.trc", "--scale", "0.001") == 0
    (back,) = points_of(read_content(folder / "mm_.trc"), "a test")
    np.testing.assert_allclose(back.positions, points.positions, atol=1e-5)
    assert capsys.readouterr().err == ""
    assert convert(folder, "mm.csv", "giant.trc", "--scale", "0.01") == 0  # the user's own word, but it is said
    assert "is its unit 0.01 m? With --scale 0.001" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("a", "more", "message"),
    [
        ("results.jsonl", ["--scale", "2"], "--scale is for .bvh, .amc, .c3d, .trc, .csv"),
        ("a.glb", ["--up", "z"], "--up is for .bvh, .c3d"),
        ("walk.bvh", ["--scale", "-1"], "--scale is a number of metres above 0, not -1.0"),
    ],
)  # fmt: skip
def test_units_where_they_make_no_sense(
    folder: Path, capsys: pytest.CaptureFixture[str], a: str, more: list[str], message: str
) -> None:
    (folder / "walk.bvh").write_text(walker_bvh(4))
    assert convert(folder, a, "x.trc", *more) == 2
    assert message in capsys.readouterr().err and not (folder / "x.trc").exists()


def test_flat_people_are_lifted_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(folder, "results.jsonl", "openpose") == 0
    assert convert(folder, "openpose", "x.bvh") == 2
    assert "`anchorpose lift` makes 3D joints of 2D ones, of which then `anchorpose refine`" in capsys.readouterr().err
