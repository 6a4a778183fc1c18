"""The benchmark: fair turns, people of one size, and what stands in its tables."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.images import write_image
from anchorpose.measure import bench, footprint, motion_speed
from anchorpose.measure.turns import ratio, take_turns
from anchorpose.poses.errors import FileError, InputError
from fake_motion_net import fake_refiner


def test_people_on_the_canvas_have_one_size_however_many() -> None:
    person = np.full((100, 60, 3), 250, np.uint8)
    areas = [int((bench.canvas(person, count) == 250).all(-1).sum()) for count in (1, 2, 5, 20)]
    assert np.array_equal(areas, areas[0] * np.array([1, 2, 5, 20]))
    image = bench.canvas(person, 1)
    assert image.shape == (480, 640, 3) and image.dtype == np.uint8
    # A single one stands near the middle.
    rows, columns = np.nonzero((image == 250).all(-1))
    assert abs(rows.mean() - 240) < 130 and abs(columns.mean() - 320) < 130
    with pytest.raises(InputError, match="1 to 20"):
        bench.canvas(person, 21)


def test_all_take_turns_in_an_order_that_turns() -> None:
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    times = take_turns(calls, rounds=3, warm_up=1)
    assert [len(values) for values in times.values()] == [3, 3, 3]
    rounds = ["".join(order[i : i + 3]) for i in range(0, 12, 3)]
    assert sorted(rounds[1:]) == ["abc", "bca", "cab"] and len(set(rounds[1:])) == 3


def test_times_are_milliseconds_and_ratios_are_taken_within_rounds() -> None:
    times = take_turns({"sleep": lambda: time.sleep(0.02)}, rounds=2, warm_up=0)
    assert (times["sleep"] >= 20).all() and (times["sleep"] < 2000).all()
    # The machine was three times slower in the second round: no matter.
    assert ratio(np.array([2.0, 6.0, 2.0]), np.array([1.0, 3.0, 1.0])) == 2
    assert ratio(np.array([1.0]), None) is None


def test_the_photo_comes_from_a_file_or_a_package(tmp_path: Path) -> None:
    image = np.full((8, 6, 3), 200, np.uint8)
    write_image(tmp_path / "a.png", image)
    np.testing.assert_array_equal(bench.bench_photo(tmp_path / "a.png"), image)
    with pytest.raises(FileError):
        bench.bench_photo(tmp_path / "none.png")
    part = bench.bench_photo(tmp_path / "a.png", (1, 0, 3, 2))
    np.testing.assert_array_equal(part, image[0:2, 1:3])
    for box in ((0, 0, 10_000, 2), (2, 0, 2, 2), (-1, 0, 2, 2)):
        with pytest.raises(InputError, match="does not lie in a.png"):
            bench.bench_photo(tmp_path / "a.png", box)


def test_missing_peers_are_named_not_fatal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANCHORPOSE_DATA", str(tmp_path))
    monkeypatch.setenv("ANCHORPOSE_PEERS", str(tmp_path))
    there, missing = bench.peer_calls(threads=1)
    assert there == {} and [m.split(":")[0] for m in missing] == [
        "MoveNet MultiPose 256", "MoveNet MultiPose 512", "BlazePose full", "BlazePose heavy"
    ]  # fmt: skip


def test_the_tables() -> None:
    people = {
        bench.REFERENCE: {
            "ms": {"1": 20.0, "10": 21.0}, "times_reference": {"1": 1.0, "10": 1.0}, "ten_over_one": 1.05,
        },
        "anchorpose fast": {
            "ms": {"1": 25.0, "10": 30.0}, "times_reference": {"1": 1.25, "10": None}, "ten_over_one": 1.2,
            "found": {"1": 1, "10": 9},
        },
    }  # fmt: skip
    stages = {"fast": dict.fromkeys(("read", "detect", "lift", "place", "pipeline", "from file"), 2.0) | {"fps": 40.4}}
    costs = {
        "seconds": {"python": 0.02}, "memory_mb": {"fast": (100, 110, 110)}, "frames": [20, 200],
        "weights_mb": {"a.onnx": 9.5, "b.onnx": 3.0}, "package_mb": 0.4, "download_mb": {"numpy": 16.0, "scipy": 35.0},
    }  # fmt: skip
    made = {
        key: "x"
        for key in ("command", "date", "cpu", "cores", "threads", "python", "anchorpose", "numpy", "onnxruntime")
    }
    text = bench.bench_markdown(
        {
            "made": made,
            "missing": ["B: none"],
            "person": "walker.jpg",
            "rounds": 3,
            "people": people,
            "stages": stages,
            "footprint": costs,
        }
    )
    assert "| anchorpose fast | 25.0 (1.25) | 30.0 (–) | 1.20 |" in text
    assert "Found of 1, 10 people: anchorpose fast 1, 9." in text
    assert "| fast | 2.0 | 2.0 | 2.0 | 2.0 | 2.0 | 2.0 | 40 |" in text
    assert "| all weights | 12.5 |" in text and "| core download (numpy 16.0, scipy 35.0) | 51.0 |" in text
    assert "| fast | 100 | 110 | 110 |" in text and "Not here: B: none" in text


def test_probes_are_processes_of_their_own() -> None:
    assert footprint.run_python("-c", "print(6 * 7)") == "42\n"
    with pytest.raises(InputError, match="status 3.*oh dear"):
        footprint.run_python("-c", "import sys; print('oh dear', file=sys.stderr); sys.exit(3)")
    assert 0 < footprint.seconds_to_run("-c", "pass", times=1) < 30


def test_sizes_on_disk() -> None:
    weights = footprint.weights_mb()
    assert (
        all(name.endswith((".onnx", ".json", ".npz")) or name.startswith("NOTICE") for name in weights)
        and sum(weights.values()) < 40
    )
    assert 0.1 < footprint.package_mb() < 10


def test_memory_of_a_model() -> None:
    loaded, early, late = footprint.memory(np.full((96, 128, 3), 90, np.uint8), "default", "fast", 1, few=1, many=2)
    assert 20 < loaded <= early <= late < 2000


def test_stages_of_a_real_photo() -> None:
    pytest.importorskip("skimage", reason="carries the photo")
    models = {"fast": bench.load_models("default", 1)["fast"]}
    record = bench.stage_record(models, bench.bench_photo(), rounds=2)["fast"]
    assert set(record) == {"read", "detect", "lift", "place", "pipeline", "from file", "fps"}
    assert min(record.values()) > 0 and record["fps"] == pytest.approx(1000 / record["from file"])


def test_the_speed_of_live_motion() -> None:
    """Times of all there is, in a table; the network is a part of the whole."""
    record = motion_speed.motion_record(fake_refiner().session, 1, windows=(6, 8), counts=(1, 2))
    assert list(record) == ["6", "8"] and list(record["6"]) == ["1", "2"]
    for cell in (cell for row in record.values() for cell in row.values()):
        assert 0 < cell["least"] <= cell["median"] and 0 < cell["network_least"] <= cell["network"]
        assert cell["network"] < cell["median"] and cell["network_least"] < cell["least"]
    text = "\n".join(motion_speed.motion_tables({"16": {"1": {"median": 2.5, "least": 2.25, "network": 1.5,
                                                              "network_least": 1.25}}}))  # fmt: skip
    assert "| window | 1 person |" in text and "| 16 | 2.50 (1.50) 2.25 (1.25) |" in text
    assert motion_speed.motion_tables({}) == []
