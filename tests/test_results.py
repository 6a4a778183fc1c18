"""Results: exact round trips, the schema, and that no finished frame is ever lost."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anchorpose.files.results import (
    ResultsWriter,
    partial_name,
    people_schema,
    read_results,
    save,
    validate_line,
)
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.motion_block import MotionBlock
from anchorpose.poses.skeletons import BODY13, HAND21
from anchorpose.poses.values import ClassProbs, Mode, People, Person, Pose

VALIDATOR = jsonschema.Draft202012Validator(people_schema())
finite = st.floats(-1e6, 1e6, allow_nan=False)
coordinate = finite | st.just(math.nan)
share = st.floats(0, 1)


def points(joints: int, width: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(float, (joints, width), elements=coordinate)


@st.composite
def poses(draw: st.DrawFn, skeleton: str = "body13", joints: int = len(BODY13)) -> Pose:
    mode = st.builds(
        Mode,
        weight=share,
        joints3d=points(joints, 3),
        spread=arrays(float, joints, elements=share),
        joints2d=st.none() | points(joints, 2),
    )
    return Pose(
        skeleton=skeleton,
        score=draw(share),
        box=draw(arrays(float, 4, elements=finite)),
        joints2d=draw(st.none() | points(joints, 2)),
        scores=draw(arrays(float, joints, elements=share)),
        joints3d=draw(st.none() | points(joints, 3)),
        translation=draw(st.none() | arrays(float, 3, elements=finite)),
        modes=tuple(draw(st.lists(mode, max_size=1))),
        class_probs=draw(st.none() | st.just(ClassProbs("anchors", ((3, 0.5), (1, 0.25))))),
    )


def block(seed: int) -> MotionBlock:
    rng = np.random.default_rng(seed)
    turns = rng.normal(0, 1, (104, 3)).round(4) * (rng.random((104, 1)) < 0.4)
    return MotionBlock("anny", "world", turns[0], turns, rng.normal(0, 1, 3), rng.random(104).round(4))


persons = st.builds(
    Person,
    id=st.none() | st.integers(0, 1000),
    score=share,
    box=arrays(float, 4, elements=finite),
    body=st.none() | poses(),
    left_hand=st.none() | poses("hand21", len(HAND21)),
    labels=st.lists(st.tuples(st.just("action"), st.text(max_size=5), share), max_size=2).map(tuple),
    filled=st.booleans(),
    motion=st.none() | st.builds(block, st.integers(0, 100)),
)
cameras = st.builds(
    Camera.from_focal, st.integers(1, 5000), st.integers(1, 5000), st.floats(1, 1e5), st.sampled_from(["exif", "file"])
) | st.just(Camera(500.5, 501, 319.5, 239.5, 640, 480, (0.1, -0.2, 0.001, 0.0, 0.01), "file"))


@st.composite
def frames(draw: st.DrawFn) -> People:
    camera = draw(cameras)
    people = tuple(draw(st.lists(persons, max_size=1)))
    number, time = draw(st.integers(0, 10**9)), draw(st.floats(0, 1e6))
    return People(people, draw(st.text()), number, time, camera.width, camera.height, camera)


def body(value: float = 1.0) -> Pose:
    full = np.full((13, 3), value)
    mode = Mode(1.0, full, np.full(13, 0.1), full[:, :2])
    return Pose("body13", 0.5, np.arange(4.0), full[:, :2], np.ones(13), full, np.array([0, 0, 3.0]), (mode,))


def frame(number: int, source: str = "clip.mp4") -> People:
    camera = Camera.from_fov(640, 480)
    return People((Person.from_body(body(number), id=7),), source, number, number / 30, 640, 480, camera)


quickly = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@quickly
@given(people=st.lists(frames(), max_size=2))
def test_round_trip_is_exact_and_fits_the_schema(
    tmp_path_factory: pytest.TempPathFactory, people: list[People]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    with ResultsWriter(folder / "a.jsonl") as writer:
        for p in people:
            writer.write(p)
    assert list(read_results(folder / "a.jsonl")) == people
    for line in (folder / "a.jsonl").read_text("utf-8").split("\n")[:-1]:
        assert VALIDATOR.is_valid(json.loads(line))
    save(people, folder / "b.jsonl")
    assert (folder / "b.jsonl").read_bytes() == (folder / "a.jsonl").read_bytes()
    save(people, folder / "c.json")
    assert list(read_results(folder / "c.json")) == people


def test_the_schema_is_a_schema_and_knows_every_field() -> None:
    schema = people_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    person = replace(frame(0)[0], filled=True, motion=block(0))
    line = replace(frame(0), persons=(person,)).to_dict()
    part, defs = line["people"][0]["body"], schema["$defs"]
    assert set(line) == set(schema["properties"]) == set(schema["required"])
    assert set(line["camera"]) == set(schema["properties"]["camera"]["properties"])
    assert set(line["people"][0]) == set(defs["person"]["properties"])
    assert set(part) == set(defs["part"]["properties"]) == set(defs["part"]["required"])
    assert set(part["modes"][0]) == set(defs["mode"]["properties"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value in nested lists and objects."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for key, item in inside for p in places(item, (*path, key)))]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_the_checker_agrees_with_jsonschema(data: st.DataObject) -> None:
    """Change one thing anywhere in a line: both find it wrong, or neither."""
    probs = ClassProbs("anchors", ((3, 0.5),))
    person = replace(frame(0)[0], body=replace(body(), class_probs=probs), labels=(("action", "run", 0.5),))
    line = json.loads(json.dumps(replace(frame(0), persons=(person,)).to_dict()))
    *above, key = data.draw(st.sampled_from(places(line)[1:]))
    parent: Any = line
    for step in above:
        parent = parent[step]
    change = data.draw(st.sampled_from(["remove", -1, 0.5, None, "x", [], {}, True, [1, 2], "anchorpose/1"]))
    if change == "remove":
        del parent[key]
    else:
        parent[key] = change
    valid = VALIDATOR.is_valid(line)
    try:
        validate_line(line)
        assert valid
    except FormatError as error:
        # Lengths of lists of joints and names of skeletons are beyond the schema.
        assert not valid or "joints" in str(error) or "skeleton" in str(error)


def test_the_checker_names_the_place() -> None:
    def wrong(change: Any) -> str:
        line = json.loads(json.dumps(frame(0).to_dict()))
        change(line)
        with pytest.raises(FormatError) as caught:
            validate_line(line)
        return str(caught.value)

    def part(line: Any) -> Any:
        return line["people"][0]["body"]

    assert wrong(lambda d: d.pop("camera")) == "the line: camera missing"
    assert (
        wrong(lambda d: d.update(format="anchorpose/3"))
        == "format: expected 'anchorpose/1' or 'anchorpose/2', not 'anchorpose/3'"
    )
    assert wrong(lambda d: d.update(width=0)) == "width: expected at least 1, not 0"
    assert wrong(lambda d: part(d)["joints3d"].pop()) == "people[0].body.joints3d: body13 has 13 joints, here are 12"
    assert "people[0].body.joints2d[3]: expected at most 2 values" in wrong(lambda d: part(d)["joints2d"][3].append(0))
    assert "modes[0].weight: expected number, not 'x'" in wrong(lambda d: part(d)["modes"][0].update(weight="x"))
    assert "no skeleton 'body14'; there are body13" in wrong(lambda d: part(d).update(skeleton="body14"))
    assert "people[0].score: expected number, not inf" in wrong(lambda d: d["people"][0].update(score=math.inf))
    with pytest.raises(FormatError, match="the line: expected object, not"):
        validate_line([])


def test_missing_values_are_null(tmp_path: Path) -> None:
    pose = replace(body(), joints2d=np.full((13, 2), np.nan))
    people = replace(frame(0), persons=(Person.from_body(pose),), time=math.nan)
    save(people, tmp_path / "a.jsonl")
    line = json.loads((tmp_path / "a.jsonl").read_text())
    assert line["time"] is None and line["people"][0]["body"]["joints2d"][0] == [None, None]
    (read,) = read_results(tmp_path / "a.jsonl")
    assert math.isnan(read.time) and read.persons == people.persons


def test_lines_are_there_as_soon_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "clip.jsonl"
    with ResultsWriter(path) as writer:
        for i in range(3):
            writer.write(frame(i))
            assert not path.exists()
            assert [p.frame for p in read_results(partial_name(path))] == list(range(i + 1))
        assert writer.last_frame == 2 and writer.done == {("clip.mp4", i) for i in range(3)}
    assert [p.name for p in path.parent.iterdir()] == ["clip.jsonl"]
    with pytest.raises(InputError, match="is closed"):
        writer.write(frame(3))


@pytest.mark.parametrize("cut", [1, 10, 500])
def test_resume_drops_the_half_line_and_goes_on(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "clip.jsonl"
    with pytest.raises(KeyboardInterrupt), ResultsWriter(path) as writer:
        for i in range(4):
            writer.write(frame(i))
        raise KeyboardInterrupt
    partial = partial_name(path)
    partial.write_bytes(partial.read_bytes()[:-cut])
    assert [p.frame for p in read_results(partial)] == [0, 1, 2]
    with ResultsWriter(path, resume=True) as writer:
        assert writer.done == {("clip.mp4", i) for i in range(3)} and writer.last_frame == 2
        writer.write(frame(3))
        writer.write(frame(4))
    assert list(read_results(path)) == [frame(i) for i in range(5)]
    assert not partial.exists()


def test_resume_of_nothing_but_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "clip.jsonl"
    partial_name(path).write_text('{"format": "anchorpo' + "x" * 200_000)
    with ResultsWriter(path, resume=True) as writer:
        assert writer.done == set() and writer.last_frame is None
        writer.write(frame(0))
    assert list(read_results(path)) == [frame(0)]


def test_resume_finds_the_last_line_behind_long_ones(tmp_path: Path) -> None:
    path = tmp_path / "clip.jsonl"
    partial_name(path).write_text(json.dumps(frame(0).to_dict()) + "\n" + "y" * 200_000)
    with ResultsWriter(path, resume=True) as writer:
        assert writer.done == {("clip.mp4", 0)}


def test_resume_of_a_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.jsonl"
    save([frame(0), frame(1)], path)
    before = path.stat().st_mtime_ns, path.read_bytes()
    with ResultsWriter(path, resume=True) as writer:
        assert writer.last_frame == 1
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    with ResultsWriter(path, resume=True) as writer:
        writer.write(frame(2))
        assert len(list(read_results(path))) == 2  # in place until the end
    assert [p.frame for p in read_results(path)] == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["clip.jsonl"]


def test_a_new_run_keeps_the_old_results_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "clip.jsonl"
    save([frame(0)], path)
    with pytest.raises(RuntimeError), ResultsWriter(path) as writer:
        writer.write(frame(5))
        raise RuntimeError
    assert list(read_results(path)) == [frame(0)]
    with ResultsWriter(path) as writer:
        writer.write(frame(6))
    assert list(read_results(path)) == [frame(6)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_program_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "clip.jsonl"
    program = f"""
        import os, signal
        from anchorpose.files.results import ResultsWriter
        from anchorpose.poses.cameras import Camera
        from anchorpose.poses.values import People
        writer = ResultsWriter({str(path)!r})
        for i in range(5):
            writer.write(People((), "clip.mp4", i, 0.0, 64, 48, Camera.from_fov(64, 48)))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=environment)
    assert ended.returncode == -signal.SIGKILL
    with ResultsWriter(path, resume=True) as writer:
        assert writer.done == {("clip.mp4", i) for i in range(5)}


def test_broken_files(tmp_path: Path) -> None:
    good = json.dumps(frame(0).to_dict())
    path = tmp_path / "a.jsonl"

    def problem(text: str | bytes) -> str:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(FormatError) as caught:
            list(read_results(path))
        return str(caught.value)

    assert f"{path}, line 2: not JSON" in problem(good + "\n{broken\n")
    assert f"{path}, line 2: not JSON" in problem(good + "\n" + good[:100])  # not a partial file: no excuse
    assert "line 1: not JSON: NaN is not JSON" in problem(good.replace("0.5", "NaN"))
    assert "line 1: format: expected 'anchorpose/1'" in problem(good.replace("anchorpose/2", "anchorpose/9"))
    assert "line 1: the line: expected object" in problem("[1]\n")
    assert "line 1: not JSON" in problem("[" * 100_000)
    assert "is not UTF-8 text" in problem(b"\xff\xfe\x00")
    assert "fx: expected more than 0" in problem(good.replace('"fx": ', '"fx": -'))
    path.write_text(good + "\n\n" + good)  # a blank line, and no newline at the end: fine
    assert len(list(read_results(path))) == 2
    path.write_text("")
    assert list(read_results(path)) == []
    with pytest.raises(FileError, match="no such file; expected results"):
        list(read_results(tmp_path / "none.jsonl"))
    with pytest.raises(FileError, match="is a folder"):
        list(read_results(tmp_path))
    for text in ('{"a": 1}\n', "[]\n", "nothing\n"):
        partial_name(path).write_text(text)
        with pytest.raises(FormatError, match="line 1"):
            ResultsWriter(path, resume=True)
        assert partial_name(path).read_text() == text  # left as it was


def test_motions_are_checked(tmp_path: Path) -> None:
    """A block's lists are as long as its skeleton, its numbers finite; a place that is wrong is named."""

    def wrong(**change: Any) -> str:
        person = replace(frame(0)[0], motion=block(0)).to_dict()
        person["motion"] |= change
        with pytest.raises(FormatError) as caught:
            validate_line({**frame(0).to_dict(), "people": [person]})
        return str(caught.value)

    assert wrong(rotations=[[0, 0, 0]]) == "people[0].motion.rotations: anny has 104 joints, here are 1"
    assert wrong(bone_lengths=[]) == "people[0].motion.bone_lengths: anny has 104 joints, here are 0"
    assert "people[0].motion.frame: expected 'camera' or 'world'" in wrong(frame="moon")
    assert "people[0].motion.root[0]: expected number" in wrong(root=[None, 0, 0])
    assert "no skeleton 'nobody'" in wrong(skeleton="nobody")


def test_version_1_is_still_read() -> None:
    """A file as it was written before there were motions."""
    first, second = read_results(Path(__file__).parent / "fixtures" / "results_v1.jsonl")
    assert [p.id for p in first] == [3, None] and [p.filled for p in second] == [True]
    assert first[0].motion is None and first[0].body is not None and first[0].body.joints3d is not None
    assert (first.source, first.frame, second.time) == ("clip.mp4", 0, pytest.approx(1 / 30))
    assert first.to_dict()["format"] == "anchorpose/2"  # as it would be written now


def test_json_files(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    save(frame(3), path)
    assert json.loads(path.read_text())["frame"] == 3
    assert list(read_results(path)) == [frame(3)]
    path.write_text(json.dumps([frame(1).to_dict(), {"format": "anchorpose/1"}], indent=1))
    with pytest.raises(FormatError, match="frame 1: the line: source"):
        list(read_results(path))
    save([frame(0), frame(1)], tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").rename(path)  # lines under the other suffix
    assert len(list(read_results(path))) == 2


def test_csv(tmp_path: Path) -> None:
    hand = Pose("hand21", 0.5, np.zeros(4), None, np.full(21, 0.25), np.full((21, 3), 2.0))
    pose = replace(body(), joints2d=np.full((13, 2), np.nan))
    people = replace(frame(4), persons=(Person(None, 1.0, np.zeros(4), pose, right_hand=hand), frame(9)[0]))
    save(people, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 + 21 + 13
    assert list(rows[0])[:8] == ["frame", "time", "person", "joint", "x", "y", "z", "score"]
    first, of_hand, last = rows[0], rows[13], rows[-1]
    assert (first["frame"], first["person"], first["joint"], first["part"]) == ("4", "0", "r_ankle", "body")
    assert (float(first["x"]), float(first["tz"]), first["px"], first["source"]) == (1.0, 3.0, "", "clip.mp4")
    assert (of_hand["part"], of_hand["joint"], of_hand["tx"], of_hand["score"]) == ("right_hand", "wrist", "", "0.25")
    assert (last["person"], last["joint"], float(last["py"])) == ("7", "head", 9.0)
    assert float(first["time"]) == 4 / 30


def test_save_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    save(frame(0), path)

    def failing() -> Any:
        yield frame(1)
        raise RuntimeError

    for suffix in ("jsonl", "json", "csv"):
        with pytest.raises(RuntimeError):
            save(failing(), tmp_path / f"a.{suffix}")
    assert list(read_results(path)) == [frame(0)]
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]
    with pytest.raises(InputError, match=r"saved as .jsonl, .json or .csv, not .xlsx"):
        save(frame(0), tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="without a suffix"):
        save(frame(0), tmp_path / "a")
    with pytest.raises(FileError):
        save(frame(0), path / "below.jsonl")


def test_odd_names_and_computed_numbers(tmp_path: Path) -> None:
    """A file name that is not valid UTF-8, and NumPy integers where Python's are usual."""
    people = replace(frame(0), source="caf\udce9 \u2028 \n.mp4", frame=np.int64(3))
    with ResultsWriter(tmp_path / "a.jsonl") as writer:
        writer.write(people)
    (read,) = read_results(tmp_path / "a.jsonl")
    assert (read.source, read.frame) == (people.source, 3)
    save(people, tmp_path / "a.csv")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that did not fit fail once more as the file is closed; one FileError says so, and --resume goes on."""
    path = tmp_path / "a.jsonl"
    frame = People((), "clip.mp4", 0, 0.0, 64, 48, Camera.from_fov(64, 48))

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, text: str) -> None:
            self.file.write(text[:9])

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            self.file.close()
            self.flush()

    with pytest.raises(FileError, match=r"a\.jsonl\.partial cannot be written: No space left"):
        with ResultsWriter(path) as writer:
            writer.write(frame)
            monkeypatch.setattr(writer, "_file", Full(writer._file))
            writer.write(replace(frame, frame=1))
    with pytest.raises(FileError, match="No space left"), ResultsWriter(tmp_path / "b.jsonl") as writer:
        monkeypatch.setattr(writer, "_file", Full(writer._file))
        writer.leave()
    with ResultsWriter(path, resume=True) as writer:
        assert writer.done == {("clip.mp4", 0)}
        writer.write(replace(frame, frame=1))
    assert [people.frame for people in read_results(path)] == [0, 1]
