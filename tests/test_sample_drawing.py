"""Samples drawn: what the labels say, where they say it, in the colours of the sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.samples import Part, Sample, SamplePerson
from anchorpose.poses.skeletons import BODY13, HAND21
from anchorpose.share.drawing import LEFT, RIGHT
from anchorpose.share.samples import draw_sample, sample_sheet
from toy_engine import toy_sample

GREY = 128


def one(visible: dict[str, int], at: dict[str, tuple[float, float]] | None = None) -> Sample:
    """A person on grey, 100 x 100, with the given joints labelled; others are unknown."""
    places = {"r_wrist": (20.0, 50.0), "l_wrist": (80.0, 50.0), "r_elbow": (20.0, 20.0), "l_elbow": (80.0, 20.0)}
    points, flags = np.full((13, 2), np.nan), np.zeros(13)
    for name, flag in visible.items():
        points[BODY13.index(name)] = (at or places)[name]
        flags[BODY13.index(name)] = flag
    person = SamplePerson([5, 5, 95, 95], {"body": Part("body13", points, np.full((13, 3), np.nan), flags)})
    return Sample(np.full((100, 100, 3), GREY, np.uint8), (person,), Camera.from_fov(100, 100))


def nearest(color: np.ndarray) -> str:
    choices = {"right": RIGHT, "left": LEFT, "background": (GREY,) * 3, "white": (255,) * 3, "dark": (18, 20, 24)}
    return min(choices, key=lambda name: float(np.abs(color.astype(float) - choices[name]).sum()))


def test_sides_have_their_colours() -> None:
    """Limbs of the person's own right are orange, of the left blue."""
    image = draw_sample(one({"r_wrist": 2, "r_elbow": 2, "l_wrist": 2, "l_elbow": 2}), boxes=False)
    assert nearest(image[35, 20]) == "right" and nearest(image[35, 80]) == "left"
    assert nearest(image[35, 50]) == "background"


def test_hidden_joints_are_hollow() -> None:
    """A ring with the image in it, where a visible one is full."""
    size = 600
    hidden, full = (draw_sample(one({"r_wrist": flag}), size, boxes=False) for flag in (1, 2))
    y, x = int(50.5 * 6), int(20.5 * 6)
    assert nearest(hidden[y, x]) == "background" and nearest(full[y, x]) != "background"
    ring = np.array([nearest(c) for c in hidden[y, x - 20 : x]])
    assert "right" in ring


def with_part(name: str, skeleton: str, visible: np.ndarray) -> Sample:
    """A person on grey with one part, its joints 8 px apart in rows of 12."""
    k = np.arange(len(visible))
    points = np.stack([6.0 + 8 * (k % 12), 10.0 + 8 * (k // 12)], 1)
    part = Part(skeleton, points, np.full((len(visible), 3), np.nan), visible)
    person = SamplePerson([0, 0, 99, 99], {name: part})
    return Sample(np.full((100, 100, 3), GREY, np.uint8), (person,), Camera.from_fov(100, 100))


@pytest.mark.parametrize(("name", "skeleton"), [("face", "face84"), ("left_hand", "hand21")])
@pytest.mark.parametrize("size", [100, 300, 600])
def test_small_hidden_joints_are_faint(name: str, skeleton: str, size: int) -> None:
    """At every size hidden points of a face or a hand are much weaker than visible ones, and a face has no white."""
    count = {"face84": 84, "hand21": 21}[skeleton]
    seen, hidden = (
        draw_sample(with_part(name, skeleton, np.full(count, flag)), size, boxes=False).astype(int) - GREY
        for flag in (2, 1)
    )
    assert np.abs(hidden).sum() < 0.35 * np.abs(seen).sum()
    assert np.abs(hidden).sum() > 0 or name == "face"
    if name == "face":
        assert hidden.max() < 30 and seen.max() > 100


def test_a_face_from_behind_is_not_drawn_as_a_face() -> None:
    """Six visible points are six white dots."""
    flags = np.ones(84)
    flags[[0, 20, 40, 60, 70, 80]] = 2
    image = draw_sample(with_part("face", "face84", flags), 600, boxes=False)
    white = (image > 240).all(-1)
    points = np.stack([6.0 + 8 * (np.arange(84) % 12), 10.0 + 8 * (np.arange(84) // 12)], 1)
    lit = [bool(white[int(6 * (y + 0.5)), int(6 * (x + 0.5))]) for x, y in points]
    assert np.flatnonzero(lit).tolist() == [0, 20, 40, 60, 70, 80]


def test_what_is_not_labelled_is_not_drawn() -> None:
    assert (draw_sample(one({}), boxes=False) == GREY).all()
    outside = one({"r_wrist": 0, "r_elbow": 0})
    assert (draw_sample(outside, boxes=False) == GREY).all()


def test_limbs_go_to_joints_outside() -> None:
    """Up to the border, thin, if one end is inside."""
    sample = one({"r_elbow": 2, "r_wrist": 0}, {"r_elbow": (20, 20), "r_wrist": (20, 300)})
    image = draw_sample(sample, boxes=False)
    assert nearest(image[95, 20]) == "right" and nearest(image[95, 26]) == "background"


def test_hands_take_their_side() -> None:
    points = np.tile([[30.0, 30.0]], (21, 1)) + np.arange(21)[:, None] * [2.0, 1.0]
    hand = Part("hand21", points, np.full((21, 3), np.nan), np.full(21, 2))
    image = np.full((100, 100, 3), GREY, np.uint8)
    for name, color in (("left_hand", "left"), ("right_hand", "right")):
        person = SamplePerson([0, 0, 99, 99], {name: hand})
        drawn = draw_sample(Sample(image, (person,), Camera.from_fov(100, 100)), 400, boxes=False)
        seen = {nearest(c) for c in drawn[(drawn != GREY).any(-1)]}
        assert color in seen and {"left": "right", "right": "left"}[color] not in seen
    assert len(HAND21) == 21


def test_the_image_is_not_changed_and_boxes_are_drawn() -> None:
    sample = one({"r_wrist": 2})
    image = draw_sample(sample)
    assert (sample.image == GREY).all()
    assert nearest(image[5, 50]) == "white" and nearest(image[50, 95]) == "white"


@pytest.mark.parametrize("name", ["parts", "instances", "depth"])
def test_maps_over_the_image(name: str) -> None:
    """Where they show something there is colour, elsewhere the image in grey."""
    sample = toy_sample((48, 40), np.random.default_rng(0), {})
    drawn = draw_sample(Sample(sample.image, (), sample.camera, {name: sample.maps[name]}) if name != "instances"
                        else sample, map=name, boxes=False)  # fmt: skip
    inside = drawn[5:9, 4:8].astype(int)
    assert np.ptp(inside, axis=-1).mean() > 20
    grey = drawn[30:, :3].astype(int)
    assert np.ptp(grey, axis=-1).max() == 0


def test_maps_that_are_not_there() -> None:
    with pytest.raises(InputError, match="no map 'height'; there are parts, instances, depth"):
        draw_sample(one({}), map="height")
    with pytest.raises(InputError, match="the sample has no map 'depth'; it has none"):
        draw_sample(one({}), map="depth")


def test_sheets(tmp_path: Path) -> None:
    """As wide as asked for, as high as needed; none for nothing."""
    toys = [(str(i), toy_sample((48, 40), np.random.default_rng(i), {})) for i in range(5)]
    sheet = sample_sheet(toys, tmp_path / "sheet.png", columns=3, cell=64)
    assert sheet.shape == (2 * (53 + 22 + 6) + 6, 3 * 70 + 6, 3) and (tmp_path / "sheet.png").is_file()
    assert sample_sheet(toys[:1], tmp_path / "one.png", columns=3, cell=64).shape[1] == 76
    with pytest.raises(InputError, match="a sheet needs samples"):
        sample_sheet([], tmp_path / "none.png")
