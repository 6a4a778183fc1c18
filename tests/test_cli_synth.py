"""`anchorpose synth` as a user types it, on small photos and motion capture of his own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from anchorpose.cli import main
from anchorpose.files.body import read_body
from anchorpose.files.bvh import read_bvh
from anchorpose.files.c3d_writer import write_c3d
from anchorpose.files.corpus import Corpus
from anchorpose.files.images import read_image, write_image
from anchorpose.files.motion_clips import motion_of_clip
from anchorpose.files.motions import is_motion_corpus
from anchorpose.files.points import points_of_motion
from anchorpose.files.shards import read_shard, sample_schema
from anchorpose.poses.errors import AnchorposeError
from anchorpose.poses.samples import Sample
from made_motions import make_corpus
from mixamo_files import mixamo_bvh
from user_files import edit, walker_bvh, write_mocap, write_photos

VALIDATOR = Draft202012Validator(sample_schema())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photos/ with labels.json, of which one photo and one label are broken; mocap/ in metres; empty/ backgrounds."""
    folder = tmp_path_factory.mktemp("own")
    labels = write_photos(folder / "photos", 20)
    (folder / "photos" / "p03.png").write_bytes(b"broken")
    edit(labels, {("annotations", 20): {"bbox": [1]}})
    write_mocap(folder / "mocap")
    (folder / "mocap" / "other.bvh").write_text("no motion capture")
    for k in range(2):
        write_image(folder / "empty" / f"{k}.png", np.full((80, 90, 3), 200 + 20 * k, np.uint8))
    (folder / "empty" / "broken.jpg").write_bytes(b"no photo")
    return folder


def mosaic(own: Path, out: Path, *more: str) -> int:
    arguments = ["--labels", own / "photos" / "labels.json", "--mocap", own / "mocap", "--mocap-scale", "1"]
    run = ["--count", "5", "--per-shard", "3", "--size", "64", "64", "--processes", "1"]
    return main([str(a) for a in ["synth", "mosaic", *arguments, "-o", out, *run, *more]])


def shards(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("0*.tar"))}


@pytest.fixture(scope="module")
def made(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "mosaics"
    assert mosaic(own, out) == 0
    return out


def samples(folder: Path) -> list[tuple[str, Sample]]:
    return [item for path in sorted(folder.glob("0*.tar")) for item in read_shard(path)]


def test_mosaics_of_own_photos(own: Path, made: Path) -> None:
    """Shards, their index, the material as it was used, and what could not be used, one line each."""
    assert sorted(p.name for p in made.iterdir()) == [
        "000000.tar", "000001.tar", "index.json", "poses.npz", "skipped.txt", "sources.json",
    ]  # fmt: skip
    there = samples(made)
    assert [key for key, _ in there] == [f"{i:09d}" for i in range(5)]
    for _, sample in there:
        assert sample.image.shape == (64, 64, 3) and len(sample.people) == 1
        VALIDATOR.validate(sample.to_dict())
        assert np.isfinite(sample.people[0].parts["body"].joints3d).all()
    skipped = (made / "skipped.txt").read_text().splitlines()
    assert len(skipped) == 3
    assert "other.bvh" in skipped[0] and "p03.png" in skipped[1] and "annotation 21" in skipped[2]
    index = json.loads((made / "index.json").read_text())
    assert index["engine"] == "mosaic" and index["count"] == 5 and index["config"]["labels"] == "OUT/sources.json"
    assert {name: about["sha256"] for name, about in index["shards"].items()} == shards(made)


def test_one_image_again(own: Path, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Made alone, in another folder, it is the same."""
    out = made.parent / "again"
    assert mosaic(own, out, "--only", "4") == 0
    assert capsys.readouterr().out.strip() == str(out / "only-000000004.tar")
    ((key, sample),) = read_shard(out / "only-000000004.tar")
    old_key, old = samples(made)[4]
    assert key == old_key and np.array_equal(sample.image, old.image) and sample.people == old.people


def test_going_on(own: Path, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused without --resume; with it nothing that is finished is made again; other options are refused."""
    before, stamp = shards(made), (made / "000001.tar").stat().st_mtime_ns
    assert mosaic(own, made) == 2
    assert "--resume goes on" in capsys.readouterr().err
    (made / "000000.tar").unlink()
    assert mosaic(own, made, "--resume") == 0
    assert shards(made) == before and (made / "000001.tar").stat().st_mtime_ns == stamp
    assert mosaic(own, made, "--resume", "--seed", "7") == 2
    assert "holds another run: seed is 0 there, 7 now" in capsys.readouterr().err
    poses = (made / "poses.npz").read_bytes()
    for more in (["--resume"], ["--only", "1"]):
        assert mosaic(own, made, "--mocap", str(own / "mocap" / "slow.bvh"), *more) == 2
        assert "inputs has poses.npz = " in capsys.readouterr().err
    assert (made / "poses.npz").read_bytes() == poses and not list(made.glob(".*"))


def test_parts_of_two_machines(own: Path, made: Path) -> None:
    out = made.parent / "parts"
    assert mosaic(own, out, "--shard", "1", "--of", "2") == 0
    assert list(shards(out)) == ["000000.tar"]
    assert mosaic(own, out, "--shard", "2", "--of", "2") == 0
    assert shards(out).keys() == shards(made).keys()
    assert [s.people for _, s in samples(out)] == [s.people for _, s in samples(made)]


def test_scenes_over_backgrounds(own: Path, made: Path) -> None:
    """Several people, PNG, without maps."""
    out = made.parent / "scenes"
    more = ["--people", "2", "3", "--backgrounds", str(own / "empty"), "--format", "png", "--no-maps", "--count", "2"]
    assert mosaic(own, out, *more) == 0
    for _, sample in samples(out):
        assert 2 <= len(sample.people) <= 3 and not sample.maps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--people", "0", "2"], "--people takes the fewest and the most, from 1 on, not 0 2"),
        (["--size", "8", "8"], "--size takes width and height from 32 to 4096 px"),
        (["--only", "5"], "--only takes the number of one of the 5 images, 0 to 4"),
        (["--shard", "3", "--of", "2"], "--shard counts from 1 to --of, 2; it cannot be 3"),
        (["--processes", "0"], "at least one process"),
        (["--mocap-scale", "0.01"], "with --mocap-scale 1 they would"),
        (["--backgrounds", "nowhere"], "nowhere: no such folder; expected a folder of photos"),
        (["--quality", "0"], "the quality of JPEG is 1 to 100"),
        (["--truncated", "2"], "a share of the people, 0 to 1"),
        (["--per-shard", "0"], "at least one sample"),
    ],
)
def test_what_makes_no_sense(
    own: Path, tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, no traceback, exit status 2."""
    assert mosaic(own, tmp_path / "out", *options) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_paths_that_are_not_there(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what there is of a similar name."""
    for option, wrong, message in (
        (
            "--labels",
            own / "photos" / "lables.json",
            f"no such file; expected a label file. Did you mean {own / 'photos' / 'labels.json'}?",
        ),
        ("--images", own / "photo", f"Did you mean {own / 'photos'}?"),
        ("--mocap", own / "mocpa", f"Did you mean {own / 'mocap'}?"),
    ):
        assert mosaic(own, tmp_path / "out", option, str(wrong)) == 2
        assert message in capsys.readouterr().err


def test_motion_capture_with_missing_joints(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused with the names."""
    (tmp_path / "own.bvh").write_text(walker_bvh(3, missing="left_knee"))
    assert mosaic(own, tmp_path / "out", "--mocap", str(tmp_path / "own.bvh")) == 2
    assert "own.bvh: no known rig" in (error := capsys.readouterr().err) and "misses left_knee" in error


def test_motion_capture_of_our_own_and_of_mixamo(own: Path, tmp_path: Path) -> None:
    """What `run --save` and `convert` write, and Mixamo's figures; C3D by the fit that `refine` makes."""
    pytest.importorskip("ezc3d")
    (tmp_path / "walk.bvh").write_text(mixamo_bvh(30))
    for name in ("own.bvh", "own.npz", "names.c3d"):
        assert main(["convert", str(tmp_path / "walk.bvh"), str(tmp_path / f"walk_{name}")]) == 0
    motion = motion_of_clip(read_bvh(tmp_path / "walk.bvh"))
    write_c3d(points_of_motion(motion), tmp_path / "walk_own.c3d")
    photos = own / "photos" / "labels.json"
    options = ["--count", "2", "--size", "64", "64", "--processes", "1", "-o", str(tmp_path / "out")]
    assert main(["synth", "mosaic", "--labels", str(photos), "--mocap", str(tmp_path), *options]) == 0
    corpus = Corpus.load(tmp_path / "out" / "poses.npz")
    assert [c.path for c in corpus.clips] == [
        "walk.bvh", "walk_names.c3d", "walk_own.bvh", "walk_own.c3d", "walk_own.npz",
    ]  # fmt: skip
    expected = points_of_motion(motion).positions[:, :13]
    off = [np.linalg.norm(corpus.joints3d[corpus.clip == k] - expected, axis=-1) for k in range(5)]
    assert max(off[k].max() for k in (0, 2, 4)) < 0.01
    assert max(np.median(off[k]) for k in (1, 3)) < 0.05
    assert not is_motion_corpus(tmp_path / "walk_own.npz") and not is_motion_corpus(tmp_path / "walk.bvh")
    make_corpus((4,)).save(tmp_path / "motions.npz")
    assert is_motion_corpus(tmp_path / "motions.npz")


def has_gl() -> bool:
    """Whether pictures can be rendered here."""
    try:
        from anchorpose.learn.synthesis.gl.context import create_context

        create_context().release()
        return True
    except AnchorposeError:
        return False


needs_gl = pytest.mark.skipif("not has_gl()", reason="no OpenGL without a window (EGL) here, or no moderngl")


def render(own: Path, out: Path, *more: str) -> int:
    arguments = ["--mocap", own / "mocap", "--mocap-scale", "1", "--backgrounds", own / "empty", "--count", "3"]
    run = ["--per-shard", "2", "--size", "64", "48", "--processes", "1"]
    return main([str(a) for a in ["synth", "render", *arguments, "-o", out, *run, *more]])


@needs_gl
def test_rendered_people(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On own motion capture before own photos: every label follows the schema, one image alone is the same."""
    monkeypatch.setenv("ANCHORPOSE_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "rendered"
    assert render(own, out) == 0
    skipped = (out / "skipped.txt").read_text().splitlines()
    assert "other.bvh" in skipped[0] and "broken.jpg" in skipped[1] and len(skipped) == 2
    there = samples(out)
    assert len(there) == 3
    for _, sample in there:
        assert sample.image.shape == (48, 64, 3) and sample.maps.keys() == {"parts", "instances", "depth"}
        VALIDATOR.validate(sample.to_dict())
        for person in sample.people:
            assert {"body", "coco", "face", "left_hand", "right_hand", "wholebody"} <= person.parts.keys()
    assert render(own, out, "--only", "2") == 0
    ((key, alone),) = read_shard(out / "only-000000002.tar")
    assert (key, alone) == there[2]
    assert render(own, out, "--resume", "--fov", "30", "40") == 2
    assert "config has fov = [25.0, 110.0] there, [30.0, 40.0] now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--people", "1", "9"], "1 to 8, not (1, 9)"),
        (["--fov", "90", "20"], "a field of view is"),
        (["--occluded", "3"], "occluded is a share, 0 to 1"),
        (["--textures", "nowhere"], "nowhere: no such folder"),
        (["--mocap", "nowhere.bvh"], "nowhere.bvh: no such file or folder; expected motion capture"),
    ],
)
def test_what_cannot_be_rendered(
    own: Path, tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render(own, tmp_path / "out", *options) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_render_needs_motion_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data set, where there is one, stands in for it."""
    monkeypatch.delenv("ANCHORPOSE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["synth", "render", "--count", "2"]) == 2
    assert "render needs motion capture: --mocap with files or folders" in capsys.readouterr().err


def test_show(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sheet of shards and folders of them, with a map or without."""
    sheet = tmp_path / "sheet.png"
    assert main(["synth", "show", str(made), "-n", "4", "-o", str(sheet), "--columns", "2", "--cell", "64"]) == 0
    assert capsys.readouterr().out.strip() == str(sheet)
    plain = read_image(sheet)
    assert plain.shape == (2 * (64 + 22 + 6) + 6, 2 * 70 + 6, 3)
    arguments = ["-n", "4", "-o", str(sheet), "--columns", "2", "--cell", "64", "--map", "instances"]
    assert main(["synth", "show", str(made / "000000.tar"), *arguments]) == 0
    assert (read_image(sheet) != plain).any()


def test_show_what_cannot_be_shown(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tar").write_text("x" * 2000)
    for arguments, message in (
        ([str(tmp_path / "empty")], "holds no shard (.tar)"),
        ([str(tmp_path / "none.tar")], "no such file; expected a shard"),
        ([str(tmp_path / "text.tar")], "no tar file"),
        ([str(made), "-n", "0"], "-n takes the number of images, not 0"),
        ([str(made), "--map", "depth"], "has no map 'depth'; it has instances"),
        ([], "show needs a shard"),
    ):
        assert main(["synth", "show", *arguments, "-o", str(tmp_path / "sheet.png")]) == 2
        assert message in capsys.readouterr().err


def test_the_guide_numbers_the_parts_as_the_maps_do() -> None:
    guide = " ".join((Path(__file__).parent.parent / "docs" / "synthesis.md").read_text().split())
    parts = [f"{number} {name}" for number, name in enumerate(read_body().regions, 1)]
    assert ", ".join(parts) in guide


@pytest.mark.parametrize("command", ["mosaic", "render", "show"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["synth", command, "--help"])
    assert ended.value.code == 0
    assert f"anchorpose synth {command} " in capsys.readouterr().out.split("For example:")[1]
