"""The overlay: ink where the limbs are, colours by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, COCO17, SKELETONS
from anchorpose.poses.values import People, Person, Pose
from anchorpose.share import drawing
from anchorpose.share.drawing import draw_people, limbs

GREY = np.full((240, 200, 3), 110, np.uint8)
# A person seen from the front, arms and legs apart; the right side is on the picture's left.
STANDING = np.array(
    [(70, 220), (130, 220), (75, 175), (125, 175), (82, 130), (118, 130), (40, 130), (160, 130), (50, 100), (150, 100),
     (75, 70), (125, 70), (100, 35)], float,
)  # fmt: skip


def person(
    joints2d: np.ndarray = STANDING, *, score: float = 0.9, skeleton: str = "body13", **fields: object
) -> Person:
    scores = np.full(len(joints2d), 0.9)
    low, high = np.nanmin(joints2d, axis=0) - 8, np.nanmax(joints2d, axis=0) + 8
    pose = Pose(skeleton, score, np.r_[low, high], joints2d, scores)
    return replace(Person.from_body(pose), **fields)  # type: ignore[arg-type]


def people(*persons: Person, size: tuple[int, int] = (200, 240)) -> People:
    return People(persons, "test", 0, 0.0, *size, Camera.from_fov(*size))


def plain(image: np.ndarray, who: People, **options: object) -> np.ndarray:
    return draw_people(image, who, boxes=False, scores=False, **options)  # type: ignore[arg-type]


def distance_to_limbs(shape: tuple[int, ...], joints2d: np.ndarray) -> np.ndarray:
    """(H, W) distance [px] of each pixel to the nearest limb, by brute force."""
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    pixels = np.stack([xs, ys], -1).astype(float)
    best = np.full(shape[:2], np.inf)
    for limb in limbs(BODY13):
        a, b = joints2d[list(limb.start)].mean(0), joints2d[list(limb.end)].mean(0)
        t = np.clip((pixels - a) @ (b - a) / max((b - a) @ (b - a), 1e-9), 0, 1)
        best = np.minimum(best, np.linalg.norm(pixels - (a + t[..., None] * (b - a)), axis=-1))
    return best


def test_ink_is_near_the_limbs_and_nowhere_else() -> None:
    changed = (plain(GREY, people(person())) != GREY).any(-1)
    distance = distance_to_limbs(GREY.shape, STANDING)
    assert changed[distance < 1].all()
    assert not changed[distance > 6].any()


@pytest.mark.parametrize("a, b", [("ankle", "knee"), ("knee", "hip"), ("wrist", "elbow"), ("elbow", "shoulder")])
def test_right_is_orange_and_left_is_blue(a: str, b: str) -> None:
    drawn = plain(GREY, people(person()))
    for side, color in (("r", drawing.RIGHT), ("l", drawing.LEFT)):
        x, y = (STANDING[BODY13.index(f"{side}_{a}")] + STANDING[BODY13.index(f"{side}_{b}")]) / 2
        assert np.abs(drawn[round(y), round(x)].astype(int) - color).max() < 25


def test_what_joins_both_sides_is_neutral() -> None:
    drawn = plain(GREY, people(person()))
    x, y = 100, 70  # between the shoulders
    assert np.ptp(drawn[y, x].astype(int)) < 20 and drawn[y, x].min() > 150


def test_the_mirror_image_has_the_colours_swapped() -> None:
    width = GREY.shape[1]
    mirrored = STANDING[BODY13.mirror].copy()
    mirrored[:, 0] = width - 1 - mirrored[:, 0]
    original, back = plain(GREY, people(person())), plain(GREY, people(person(mirrored)))[:, ::-1]
    # Mirrored joints with mirrored names give the mirrored picture, sides and all ...
    orange, blue = ((original.astype(int)[..., 0] - original[..., 2]) * s > 60 for s in (1, -1))
    mirrored_orange, mirrored_blue = ((back.astype(int)[..., 0] - back[..., 2]) * s > 60 for s in (1, -1))
    assert orange.sum() > 300 and (orange == mirrored_blue).mean() > 0.999 and (blue == mirrored_orange).mean() > 0.999


def test_nobody_gives_an_unchanged_copy() -> None:
    drawn = draw_people(GREY, people())
    assert np.array_equal(drawn, GREY) and drawn is not GREY
    drawn[:] = 0
    assert (GREY == 110).all()


def test_the_picture_given_is_not_changed() -> None:
    before = GREY.copy()
    draw_people(GREY, people(person(id=4)))
    assert np.array_equal(GREY, before)


def test_missing_joints_are_skipped_with_their_limbs() -> None:
    joints = STANDING.copy()
    joints[BODY13.index("l_elbow")] = np.nan
    drawn = plain(GREY, people(person(joints)))
    left_arm = np.s_[95:135, 140:170]
    assert (drawn[left_arm][:25] == 110).all()  # no upper arm, no forearm; the wrist's dot is lower
    assert (drawn != plain(GREY, people(person()))).any()


def test_joints_of_low_score_are_left_out() -> None:
    one = person()
    assert one.body is not None
    scores = one.body.scores.copy()
    scores[[BODY13.index(n) for n in ("r_ankle", "l_ankle")]] = 0.02
    weak = replace(one, body=replace(one.body, scores=scores))
    assert (plain(GREY, people(weak))[200:] == 110).all()
    assert (plain(GREY, people(weak), min_joint_score=0.0)[200:] != 110).any()


def test_a_faint_joint_is_fainter() -> None:
    strong, weak = person(), person()
    assert weak.body is not None
    weak = replace(weak, body=replace(weak.body, scores=np.full(13, 0.2)))
    change = [np.abs(plain(GREY, people(p)).astype(int) - 110).sum() for p in (strong, weak)]
    assert 0 < change[1] < 0.8 * change[0]


def test_people_below_the_score_are_left_out() -> None:
    assert np.array_equal(draw_people(GREY, people(person(score=0.2)), min_score=0.3), GREY)


def test_boxes_and_tags_can_be_left_out() -> None:
    who = people(person(id=2, labels=(("action", "waving", 0.8),)))
    only_limbs, boxes = plain(GREY, who), draw_people(GREY, who, scores=False)
    x0, y0, x1, y1 = (round(v) for v in who[0].box)
    assert (only_limbs[y0, x0 + 20 : x1 - 20] == 110).all() and (boxes[y0, x0 + 20 : x1 - 20] != 110).any(-1).all()
    assert (draw_people(GREY, who) != boxes).sum() > 300
    assert drawing.person_tag(who[0]) == "#2  0.90  waving"


def test_a_box_at_the_border_is_closed() -> None:
    one = replace(person(), box=np.array([-30.0, -30, 260, 300]))
    drawn = draw_people(GREY, people(one), scores=False)
    assert (drawn[120, 0] != 110).any() and (drawn[120, -1] != 110).any() and (drawn[-1, 100] != 110).any()


def test_only_the_parts_asked_for_are_drawn() -> None:
    hand = Pose("hand21", 0.8, np.array([150, 120, 180, 160.0]), np.full((21, 2), (165.0, 150.0)), np.full(21, 0.9))
    both = replace(person(), left_hand=hand)
    assert (plain(GREY, people(both), parts=("body",)) == plain(GREY, people(person()))).all()
    drawn = plain(GREY, people(both), parts=("left_hand",))
    assert (drawn[150, 165] != 110).any() and (drawn[:100] == 110).all()
    with pytest.raises(InputError, match="foot.*left_hand"):
        draw_people(GREY, people(both), parts=("foot",))


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_skeleton_is_drawn(name: str) -> None:
    rng = np.random.default_rng(3)
    joints = rng.uniform(30, 170, (len(SKELETONS[name]), 2))
    drawn = draw_people(GREY, people(person(joints, skeleton=name)))
    assert all((drawn[round(y), round(x)] != 110).any() for x, y in joints)


def test_the_neck_goes_from_between_the_shoulders_to_the_head() -> None:
    for skeleton, head in ((BODY13, "head"), (COCO17, "nose")):
        neck = limbs(skeleton)[-1]
        assert {skeleton.names[i] for i in neck.start} == {"l_shoulder", "r_shoulder"}
        assert skeleton.names[neck.end[0]] == head
    assert all(len(limb.start) == 1 for limb in limbs(SKELETONS["h36m17"]))  # it has a neck of its own


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (240, 200), (240, 200, 1), (240, 200, 4)])
def test_any_picture_will_do(shape: tuple[int, ...]) -> None:
    drawn = draw_people(np.zeros(shape, np.uint8), people(person(id=1)))
    assert drawn.shape == (*shape[:2], 3) and drawn.dtype == np.uint8


def test_wild_values_do_no_harm() -> None:
    wild = STANDING.copy()
    wild[0], wild[1] = (1e9, -1e9), (np.nan, np.inf)
    lost = np.full((13, 2), np.nan)
    nowhere = Pose("body13", 0.5, np.full(4, np.nan), lost, np.zeros(13))
    who = people(replace(person(wild), box=np.array([0, 0, 1e9, 1e9])), Person.from_body(nowhere),
                 Person(None, 0.4, np.array([50.0, 50, 20, 20])))  # fmt: skip
    assert draw_people(GREY, who).shape == GREY.shape


def test_a_resized_picture_is_drawn_at_its_scale() -> None:
    double = np.repeat(np.repeat(GREY, 2, axis=0), 2, axis=1)
    drawn = plain(double, people(person()), scale=2.0)
    knee, ankle = (STANDING[BODY13.index(f"r_{n}")] * 2 + 0.5 for n in ("knee", "ankle"))
    x, y = (knee + ankle) / 2
    assert np.abs(drawn[round(y), round(x)].astype(int) - drawing.RIGHT).max() < 25
    inked = [(plain(i, people(person()), scale=s) != 110).any(-1).mean() for i, s in ((GREY, 1.0), (double, 2.0))]
    assert inked[1] == pytest.approx(inked[0], rel=0.12)  # strokes grow with the picture


def test_pixel_centres_are_kept_when_resizing() -> None:
    """The centre of a pixel, a whole number, becomes the centre of the block of pixels that it turns into."""
    for scale in (1, 4):
        image = np.full((240 * scale, 200 * scale, 3), 110, np.uint8)
        ink = (plain(image, people(person()), scale=scale) != 110).any(-1)
        assert ink.nonzero()[1].mean() == pytest.approx((100 + 0.5) * scale - 0.5, abs=0.6)  # the person is symmetric


def test_strokes_grow_with_the_person() -> None:
    big = np.full((480, 400, 3), 110, np.uint8)
    share = [(plain(i, people(person(j))) != 110).any(-1).sum() for i, j in ((GREY, STANDING), (big, 2 * STANDING))]
    assert 3.0 < share[1] / share[0] < 4.5
