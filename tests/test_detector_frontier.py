"""The detector's table: sets made of photos, and how they are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.measure import detector_frontier as frontier
from anchorpose.measure.detector_frontier import (
    Row,
    Scene,
    as_csv,
    as_markdown,
    enlarged,
    mosaics,
    portrait,
    replaced,
    score,
)
from anchorpose.measure.metrics import BODY12
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Frame, Pose


def scene(seed: int, width: int = 200, height: int = 150) -> Scene:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    joints = rng.uniform(20, 140, (1, 12, 2))
    return Scene(image, joints, np.ones((1, 12), bool), np.array([5000.0]))


def found(joints: np.ndarray) -> Pose:
    points = np.concatenate([joints, joints[:1]])
    return Pose(BODY13.name, 0.9, np.array([0, 0, 200, 200]), points, np.ones(13))


def test_people_are_scored_found_or_missed() -> None:
    scenes = [scene(0), scene(1)]
    answers = {scenes[0].image.tobytes(): [found(scenes[0].joints[0])], scenes[1].image.tobytes(): []}
    assert score(scenes, lambda frame: answers[frame.image.tobytes()]) == (0.5, 0.5, 0.5)
    far = [found(scenes[0].joints[0] + 1000)]
    assert score(scenes[:1], lambda _: far)[:2] == (0, 0)


def test_a_mosaic_moves_people_with_their_photos() -> None:
    parts = [scene(k) for k in range(7)]
    made = mosaics(parts, 3, 2)
    assert len(made) == 1 and made[0].image.shape == (512, 768, 3)
    assert made[0].joints.shape == (6, 12, 2) and made[0].areas.shape == (6,)
    for k, part in enumerate(parts[:6]):
        x, y = 256 * (k % 3), 256 * (k // 3)
        np.testing.assert_array_equal(made[0].image[y : y + 150, x : x + 200], part.image)
        np.testing.assert_allclose(made[0].joints[k], part.joints[0] + (x, y))


def test_a_close_up_has_its_people_where_they_were() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[20, 30] = 255
    large = enlarged(Scene(image, np.array([[[30.0, 20.0]] * 12]), np.ones((1, 12), bool), np.ones(1)))
    weight = large.image[..., 0].astype(float)
    rows, columns = np.indices(weight.shape)
    centre = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    np.testing.assert_allclose(large.joints[0, 0], centre, atol=0.05)
    assert large.areas[0] == 4


def test_a_portrait_is_the_upper_body_large() -> None:
    """A white dot on the right shoulder is still there; knees and ankles are outside; no portrait without hips."""
    joints = np.zeros((1, 12, 2))
    for side, x in (("r", 90.0), ("l", 110.0)):
        for name, y in (("shoulder", 100.0), ("elbow", 120.0), ("wrist", 130.0), ("hip", 150.0), ("knee", 200.0),
                        ("ankle", 250.0)):  # fmt: skip
            joints[0, BODY12.index(f"{side}_{name}")] = x, y
    image = np.zeros((300, 200, 3), np.uint8)
    image[99:102, 89:92] = 255
    made = portrait(Scene(image, joints, np.ones((1, 12), bool), np.ones(1)))
    assert made is not None and max(made.image.shape[:2]) == 400
    x, y = made.joints[0, BODY12.index("r_shoulder")].round().astype(int)
    assert made.image[y, x].min() > 200 and made.image[y, x + 60].max() < 50
    known = {BODY12[j] for j in np.flatnonzero(made.labelled[0])}
    assert known == {f"{s}_{n}" for s in "rl" for n in ("shoulder", "elbow", "wrist", "hip")}
    hidden = np.ones((1, 12), bool)
    hidden[0, BODY12.index("l_hip")] = False
    assert portrait(Scene(image, joints, hidden, np.ones(1))) is None


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = "before\n<!-- frontier -->\nold\n<!-- /frontier -->\nafter\n"
    once = replaced(text, "new")
    assert once == "before\n<!-- frontier -->\nnew\n<!-- /frontier -->\nafter\n"
    assert replaced(once, "new") == once
    assert "new" in replaced("no marks", "new") and "no marks" in replaced("no marks", "new")


def test_tables_have_a_row_for_each_way() -> None:
    names = ["scenes (2 photos, 3 people)", "close-ups (1 photos, 1 people)"]
    rows = [Row("`fast`", (0.5, 0.25), (1, 1), (2, 2), 0.1, (10, 6), (0.7, None))]
    lines = as_csv(rows, names).splitlines()
    assert lines[0].startswith("name,pck_scenes,pck_close_ups,found_scenes") and len(lines) == 2
    assert lines[1] == "fast,0.5,0.25,1,1,2,2,0.1,10,6,0.7,"
    text = as_markdown(rows, names, [(1, 1, 0.5)])
    assert "| `fast` | .500 | .250 |" in text and "3 people" in text and "| 1 | 1 | 0.50 |" in text


def test_ways_are_there_without_the_uncut_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANCHORPOSE_DATA", str(tmp_path))
    monkeypatch.setattr(frontier, "SIZES", (64,))
    ways = dict(frontier.contenders(1))
    assert list(ways) == ["one pass, 64", "`fast`", "`balanced`", "`best`"]
    assert all(find(Frame(np.zeros((48, 64, 3), np.uint8))) == [] for find in ways.values())
