"""When and where the detector looks closer."""

import numpy as np

from anchorpose.poses.values import Pose
from anchorpose.sense.integrate import BEST_SIZE
from anchorpose.sense.zoom import (
    FAR_SIDE,
    IDEAL,
    TOO_LARGE,
    Look,
    ZoomSettings,
    from_afar,
    inside,
    moved,
    plan,
)


def person(x0: float, y0: float, height: float, score: float = 0.8) -> Pose:
    box = np.array([x0, y0, x0 + height / 3, y0 + height])
    return Pose("coco17", score, box, np.tile(box[:2], (17, 1)), np.ones(17))


def test_small_people_are_enlarged_to_what_the_network_likes() -> None:
    """A person of 45 network pixels in a large picture is shown at the ideal size, whole, with a margin."""
    look = plan([person(800, 400, 180)], 1920, 1080, pixel=4)
    assert look is not None
    x0, y0, x1, y1 = look.part
    assert x0 < 800 and y0 < 400 and x1 > 860 and y1 > 580
    shown = 180 * look.longest / max(x1 - x0, y1 - y0)
    assert abs(shown - IDEAL) < 3


def test_nothing_is_enlarged_beyond_the_source() -> None:
    """A picture that the network sees pixel by pixel has nothing more to show."""
    assert plan([person(100, 50, 40)], 256, 192, pixel=1.0) is None
    look = plan([person(100, 50, 60)], 512, 384, pixel=1.5)
    assert look is not None and look.longest <= max(look.part[2] - look.part[0], look.part[3] - look.part[1])


def test_large_people_and_doubtful_ones_are_no_reason() -> None:
    """People near the ideal size, or hardly there, do not ask for a closer look."""
    assert plan([person(500, 100, 600)], 1920, 1080, pixel=4) is None
    assert plan([person(800, 400, 180, score=0.05)], 1920, 1080, pixel=4) is None
    assert plan([], 1920, 1080, pixel=4) is None


def test_the_budget_bounds_the_second_input() -> None:
    """People all over the picture cannot be enlarged within the budget; in a row they are, as far as it goes."""
    corners = [person(x, y, 120) for x in (50, 1800) for y in (50, 900)]
    assert plan(corners, 1920, 1080, pixel=6) is None
    row = [person(x, 500, 120) for x in (50, 900, 1800)]
    for people, pixel, budget in ((row, 6, 0.8), ([person(800, 400, 180)], 4, 0.2)):
        look = plan(people, 1920, 1080, pixel, ZoomSettings(budget=budget))
        assert look is not None
        x0, y0, x1, y1 = look.part
        factor = look.longest / max(x1 - x0, y1 - y0)
        assert 1.25 / pixel < factor <= 1 and (x1 - x0) * (y1 - y0) * factor**2 <= 1.02 * budget * 256 * 256


def test_a_person_cut_by_the_part_is_not_inside() -> None:
    """Cut by the part's border: left out; cut by the picture's own border: kept."""
    look = Look((100, 0, 300, 200), 200)
    assert inside(person(150, 50, 90), look, 1000, 200, 4)
    assert not inside(person(98, 50, 90), look, 1000, 200, 4)
    assert inside(person(150, 0, 199), look, 1000, 200, 4)


def test_a_person_who_fills_the_picture_is_looked_at_from_afar() -> None:
    """The largest decides: shown at the size that the network likes."""
    small, large = person(10, 10, 100), person(0, 0, 630)
    assert from_afar([small, person(0, 0, 2 * TOO_LARGE - 1)], 320, 0.5) is None
    side = from_afar([small, large], 320, 0.5)
    assert side is not None and abs(630 / 640 * side - BEST_SIZE) < 2


def test_where_nobody_is_found_somebody_may_fill_the_picture() -> None:
    assert from_afar([], 256, 0.2) == FAR_SIDE
    assert from_afar([], FAR_SIDE, 1.0) is None


def test_moved_shifts_box_and_joints() -> None:
    """Poses of a part come back in pixels of the whole."""
    pose = moved(person(10, 20, 30), 100, 200)
    assert np.allclose(pose.box, [110, 220, 120, 250]) and np.allclose(pose.joints2d, [110, 220])
