"""The 3D figure: what it shows of people, with and without their picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, SKELETONS
from anchorpose.poses.transforms import torso_centred
from anchorpose.poses.values import Mode, People, Person, Pose
from anchorpose.share.figures import figure3d, figure_frames, place_figures

SIZE = (480, 240)
CAMERA = Camera.from_fov(160, 120)
PHOTO = np.full((120, 160, 3), 90, np.uint8)
# Upright and facing the camera: the right side is on the picture's left.
UPRIGHT = torso_centred(np.array(
    [(-0.12, 0.9, 0), (0.12, 0.9, 0), (-0.11, 0.48, 0), (0.11, 0.48, 0), (-0.1, 0.05, 0), (0.1, 0.05, 0),
     (-0.5, -0.1, -0.2), (0.5, -0.1, 0.1), (-0.35, -0.3, 0), (0.35, -0.3, 0), (-0.18, -0.5, 0), (0.18, -0.5, 0),
     (0, -0.75, -0.05)], float,
))  # fmt: skip


def person(x: float = 0.0, z: float = 4.0, *, modes: int = 0, placed: bool = True, number: int = 1) -> Person:
    place = np.array([x, 0.0, z])
    joints2d = CAMERA.project(UPRIGHT + place)
    box = np.r_[joints2d.min(0), joints2d.max(0)]
    weights = 0.5 ** np.arange(1, modes + 1)
    turned = [UPRIGHT * (1, 1, -1) + (0, 0, 0.05 * k) for k in range(modes)]
    spread = np.full(13, 0.05)
    all_modes = tuple(Mode(w / weights.sum(), j, spread) for w, j in zip(weights, turned, strict=True))
    pose = Pose("body13", 0.8, box, joints2d, np.full(13, 0.9), UPRIGHT, place if placed else None, all_modes)
    return Person.from_body(pose, number)


def people(*persons: Person) -> People:
    return People(persons, "test", 0, 0.0, 160, 120, CAMERA)


def sides(figure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the picture is as orange as a right limb, and as blue as a left one (the legend's dots left out)."""
    red, blue = figure[..., 0].astype(int), figure[..., 2].astype(int)
    rows = np.arange(len(figure))[:, None] < 0.84 * len(figure)
    return (red - blue > 90) & rows, (blue - red > 90) & rows


def centre(mask: np.ndarray) -> float:
    return float(mask.nonzero()[1].mean())


@pytest.mark.parametrize("size", [(480, 240), (1280, 480), (160, 120)])
@pytest.mark.parametrize("image", [None, PHOTO])
def test_the_figure_has_the_size_asked_for_and_is_always_the_same(
    size: tuple[int, int], image: np.ndarray | None
) -> None:
    who = people(person(modes=3), person(1.0, 5.0))
    first, second = (figure3d(who, image, size=size) for _ in range(2))
    assert first.shape == (size[1], size[0], 3) and first.dtype == np.uint8 and np.array_equal(first, second)


def test_the_picture_is_shown_with_its_people_and_not_changed() -> None:
    before = PHOTO.copy()
    left = figure3d(people(person()), PHOTO, size=SIZE)[:, :200]
    assert (left == 90).all(-1).mean() > 0.3 and np.array_equal(PHOTO, before)


def test_from_the_front_right_is_where_the_camera_sees_it() -> None:
    orange, blue = sides(figure3d(people(person()), size=SIZE, views=("front",)))
    assert orange.sum() > 200 and blue.sum() > 200 and centre(orange) < centre(blue)


def test_from_the_side_what_is_farther_lies_to_the_right() -> None:
    near, far = (people(person(0, 4.0), person(0, z)) for z in (3.0, 6.0))
    spans = []
    for who in (near, far):
        orange, blue = sides(figure3d(who, size=SIZE, views=("side",)))
        spans.append(np.ptp((orange | blue).nonzero()[1]))
    assert spans[1] > spans[0]
    # The left wrist points away from the camera: blue reaches further right than orange.
    orange, blue = sides(figure3d(people(person()), size=SIZE, views=("side",)))
    assert blue.nonzero()[1].max() > orange.nonzero()[1].max()
    assert orange.nonzero()[1].min() < blue.nonzero()[1].min()


def test_modes_are_ghosts_by_weight() -> None:
    who = people(person(modes=3))
    assert (figure3d(who, size=SIZE) != figure3d(who, size=SIZE, modes=False)).sum() > 500
    figures = place_figures(who)
    ghosts = [f for f in figures if f.ghost]
    assert len(ghosts) == 3 and len(figures) == 4
    assert ghosts[0].opacity > ghosts[1].opacity > ghosts[2].opacity > 0
    assert all(f.ghost is False for f in place_figures(who, modes=False))


def test_bars_are_as_long_as_the_weights() -> None:
    one = people(person(modes=2))  # 2/3 and 1/3
    strip = figure3d(one, size=(900, 300))[250:].astype(int)
    violet = (strip[..., 2] - strip[..., 1] > 60) & (strip[..., 0] < 110)
    violet_light = (strip[..., 2] - strip[..., 1] > 40) & (strip[..., 0] >= 110) & (strip[..., 0] < 180)
    lengths = [(m.sum(0) > 4).sum() for m in (violet, violet_light)]
    assert lengths[0] / lengths[1] == pytest.approx(2.0, rel=0.25)


def test_people_stand_where_they_are() -> None:
    placed = place_figures(people(person(-1, 4), person(1.5, 6)))
    assert np.allclose(placed[0].joints, UPRIGHT + (-1, 0, 4)) and np.allclose(placed[1].joints, UPRIGHT + (1.5, 0, 6))


def test_people_without_a_place_stand_side_by_side_on_one_floor() -> None:
    right, left = person(1, placed=False), person(-1, placed=False)
    first, second = place_figures([right, left])
    assert first.joints[:, 0].mean() - second.joints[:, 0].mean() == pytest.approx(1.1)
    assert first.joints[:, 1].max() == pytest.approx(second.joints[:, 1].max())


def test_people_far_beyond_the_largest_are_counted_and_not_shown() -> None:
    near = people(person(0, 3))
    both = people(person(0, 3), person(0, 40))
    a, b = (figure3d(p, size=SIZE, views=("front",)) for p in (near, both))
    assert np.array_equal(a[:190], b[:190]) and not np.array_equal(a[200:], b[200:])


def test_hands_hang_on_the_wrists() -> None:
    rng = np.random.default_rng(0)
    hand = Pose("hand21", 0.8, np.zeros(4), None, np.ones(21), rng.normal(0, 0.04, (21, 3)))
    figures = place_figures([replace(person(), right_hand=hand)])
    assert np.allclose(figures[1].joints[0], figures[0].joints[BODY13.index("r_wrist")])


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_any_skeleton_can_be_shown(name: str) -> None:
    n = len(SKELETONS[name])
    joints = np.random.default_rng(1).normal(0, 0.4, (n, 3))
    pose = Pose(name, 0.8, np.array([10, 10, 50, 90.0]), None, np.ones(n), joints, np.array([0, 0, 3.0]))
    figure = figure3d(people(Person.from_body(pose)), size=SIZE)
    assert (figure != figure3d(people(), size=SIZE)).any(-1).mean() > 0.02


def test_missing_values_do_no_harm() -> None:
    joints = UPRIGHT.copy()
    joints[[0, 7]] = np.nan
    one = person(modes=2)
    assert one.body is not None
    cases = (
        replace(one, body=replace(one.body, joints3d=joints)),
        replace(one, body=replace(one.body, joints3d=np.full((13, 3), np.nan), modes=())),
        replace(one, body=replace(one.body, translation=np.full(3, np.nan))),
        replace(one, body=replace(one.body, joints3d=None)),
        replace(one, body=None),
        replace(one, box=np.full(4, np.nan)),
    )
    for case in cases:
        assert figure3d(people(case, person(1)), PHOTO, size=SIZE).shape == (240, 480, 3)
    assert figure3d(people(), PHOTO, size=SIZE).shape == (240, 480, 3)


def test_bad_arguments_are_told() -> None:
    with pytest.raises(InputError, match="below.*front, side, above"):
        figure3d(people(), views=("below",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="pink.*light, dark"):
        figure3d(people(), theme="pink")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="40 x 30"):
        figure3d(people(), size=(40, 30))


def test_the_views_of_a_video_do_not_jump() -> None:
    """Somebody who stands still stays where he is in the picture while another walks off."""
    steps = [(PHOTO, people(person(-0.5), person(0.5 + 0.02 * i))) for i in range(6)]
    frames = list(figure_frames(steps, size=SIZE))
    assert all(f.shape == (240, 480, 3) for f in frames)
    positions = []
    for frame in frames:
        orange, _ = sides(frame[:, 240:])
        positions.append(orange.nonzero()[1].min())
    assert np.abs(np.diff(positions)).max() <= 2


def test_a_video_may_begin_and_end_with_nobody() -> None:
    steps = [(PHOTO, people()), (PHOTO, people(person())), (PHOTO, people())]
    assert len(list(figure_frames(steps, size=SIZE))) == 3


def test_limbs_that_were_not_seen_are_pale() -> None:
    one = person()
    assert one.body is not None
    scores = one.body.scores.copy()
    scores[[BODY13.index(n) for n in ("r_knee", "r_ankle", "r_wrist", "r_elbow")]] = 0.05
    partly = replace(one, body=replace(one.body, scores=scores))
    vivid = [
        sides(figure3d(people(p), size=SIZE, views=("front",)))[0].sum() for p in (one, partly)
    ]  # orange pixels: the right arm and leg fade, the side of the trunk stays
    assert 0 < vivid[1] < 0.5 * vivid[0]
    (figure,) = place_figures([partly])
    assert figure.seen is not None and list(np.flatnonzero(~figure.seen)) == sorted(
        BODY13.index(n) for n in ("r_knee", "r_ankle", "r_wrist", "r_elbow")
    )
