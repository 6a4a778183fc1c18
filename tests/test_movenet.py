"""The decoder on maps with known people, and the network that ships on drawn ones."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import COCO17
from anchorpose.poses.values import Frame, Pose
from anchorpose.sense.detector import Resized, resize
from anchorpose.sense.models import load_session
from anchorpose.sense.movenet import (
    BIAS,
    CELL,
    DEFAULT,
    MODEL,
    Decoding,
    MoveNetDetector,
    contested,
    decode,
    find_traces,
)

seeds = st.integers(0, 2**31)

# A standing person in units of its height, about its middle: x, y of the 17 joints of COCO.
STANDING = np.array([
    [0, -0.42], [0.02, -0.44], [-0.02, -0.44], [0.04, -0.43], [-0.04, -0.43], [0.11, -0.32], [-0.11, -0.32],
    [0.15, -0.16], [-0.15, -0.16], [0.17, 0], [-0.17, 0], [0.07, 0], [-0.07, 0], [0.08, 0.23], [-0.08, 0.23],
    [0.09, 0.46], [-0.09, 0.46],
])  # fmt: skip


def empty_maps(rows: int, columns: int) -> dict[str, np.ndarray]:
    channels = {"center": 1, "heatmap": 17, "regress": 34, "offset": 34, "box_size": 2, "box_offset": 2}
    return {name: np.zeros((n, rows, columns), np.float32) for name, n in channels.items()}


def draw(maps: dict[str, np.ndarray], joints: np.ndarray, center: float = 0.8, heat: float = 0.9) -> None:
    """Put a person with `joints` (17, 2) in cells into the maps, as the network is taught to."""
    sigma = 0.7
    rows, columns = maps["center"].shape[1:]
    middle = joints.mean(0)
    x, y = np.rint(middle).astype(int)
    grid_y, grid_x = np.mgrid[:rows, :columns]
    maps["center"][0] = np.maximum(maps["center"][0], center * np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / 2))
    maps["regress"][1::2, y, x] = joints[:, 0] - x
    maps["regress"][::2, y, x] = joints[:, 1] - y
    low, high = joints.min(0) - 1, joints.max(0) + 1
    maps["box_size"][:, y, x] = (high - low)[::-1]
    maps["box_offset"][:, y, x] = ((high + low) / 2 - (x, y))[::-1]
    for j, (jx, jy) in enumerate(joints):
        cx, cy = np.rint([jx, jy]).astype(int)
        if 0 <= cx < columns and 0 <= cy < rows:
            blob = heat * np.exp(-((grid_x - cx) ** 2 + (grid_y - cy) ** 2) / (2 * sigma**2))
            maps["heatmap"][j] = np.maximum(maps["heatmap"][j], blob)
            maps["offset"][2 * j, cy, cx], maps["offset"][2 * j + 1, cy, cx] = jy - cy, jx - cx


def finished(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With the heat maps' local maxima, as the network puts them out."""
    heat = maps["heatmap"]
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)))
    largest = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).max((-1, -2))
    return maps | {"peaks": np.where(heat >= largest, heat, 0)}


def crowd(seed: int, count: int, columns: int = 96, rows: int = 64) -> np.ndarray:
    """(count, 17, 2) people on a grid, 10 to 14 cells tall, every joint moved a little."""
    rng = np.random.default_rng(seed)
    across = int(np.ceil(np.sqrt(count * 2)))
    k = np.arange(count)
    spots = np.stack([k % across + 0.5, 2 * (k // across) + 1.0], -1) / across * (columns, rows)
    sizes = rng.uniform(10, 14, (count, 1, 1))
    return STANDING * sizes + spots[:, None] + rng.normal(0, 0.3, (count, 17, 2))


def by_place(joints: np.ndarray) -> np.ndarray:
    middle = joints.mean(1)
    return joints[np.lexsort((middle[:, 0].round(), (middle[:, 1] / 8).round()))]


@given(seeds, st.sampled_from([1, 2, 7, 20]))
def test_drawn_people_are_recovered_exactly(seed: int, count: int) -> None:
    """All of them, more than six too, each joint at its place within the cell."""
    truth = crowd(seed, count)
    maps = empty_maps(64, 96)
    for joints in truth:
        draw(maps, joints)
    found = decode(finished(maps))
    assert len(found) == count
    np.testing.assert_allclose(by_place((found.joints - BIAS) / CELL), by_place(truth), atol=1e-4)
    np.testing.assert_allclose(found.joint_scores, 0.9, rtol=1e-6)
    np.testing.assert_allclose(found.scores, 0.8**0.25 * 0.9, rtol=1e-5)
    low, high = by_place(truth).min(1) - 1, by_place(truth).max(1) + 1
    boxes = found.boxes[np.lexsort((found.joints.mean(1)[:, 0].round(), (found.joints.mean(1)[:, 1] / 32).round()))]
    assert np.abs(np.sort((boxes - BIAS) / CELL, 0) - np.sort(np.concatenate([low, high], 1), 0)).max() < 1e-3


def test_nothing_is_found_in_empty_maps() -> None:
    found = decode(finished(empty_maps(8, 8)))
    assert len(found) == 0
    assert found.joints.shape == (0, 17, 2) and found.boxes.shape == (0, 4) and found.joint_scores.shape == (0, 17)


def test_start_points_that_are_off_snap_to_the_heat() -> None:
    truth = crowd(0, 1)[0]
    maps = empty_maps(64, 96)
    draw(maps, truth)
    rng = np.random.default_rng(0)
    maps["regress"] += rng.normal(0, 0.8, maps["regress"].shape).astype(np.float32)
    found = decode(finished(maps))
    np.testing.assert_allclose((found.joints[0] - BIAS) / CELL, truth, atol=1e-4)


def test_a_joint_without_heat_stays_at_its_start_point_with_a_low_score() -> None:
    truth = crowd(0, 1)[0]
    maps = empty_maps(64, 96)
    draw(maps, truth)
    wrist = COCO17.index("l_wrist")
    maps["heatmap"][wrist] = 0.001
    maps["offset"][2 * wrist : 2 * wrist + 2] = 0
    found = decode(finished(maps))
    assert found.joint_scores[0, wrist] == pytest.approx(0.001)
    assert np.abs((found.joints[0, wrist] - BIAS) / CELL - truth[wrist]).max() <= 0.5


def test_start_points_far_outside_do_no_harm() -> None:
    maps = empty_maps(16, 16)
    draw(maps, STANDING * 40 + 8)
    found = decode(finished(maps), replace(DEFAULT, score=0.0))
    assert len(found) == 1 and np.isfinite(found.joints).all()


def test_two_centres_of_one_person_become_one_person() -> None:
    truth = crowd(3, 1)[0]
    maps = empty_maps(64, 96)
    draw(maps, truth)
    y, x = np.unravel_index(maps["center"][0].argmax(), (64, 96))
    for name in ("regress", "box_size", "box_offset"):
        maps[name][:, y + 3, x] = maps[name][:, y, x]
    maps["regress"][::2, y + 3, x] -= 3
    maps["box_offset"][0, y + 3, x] -= 3
    maps["center"][0, y + 3, x] = 0.5
    assert len(decode(finished(maps))) == 1
    assert len(decode(finished(maps), replace(DEFAULT, nms=1.1))) == 2


def test_a_trace_goes_to_the_nearer_person_only() -> None:
    """A hidden wrist does not take the wrist of the person beside."""
    pair = np.stack([STANDING * 30 + (30, 32), STANDING * 30 + (42, 32)])
    left, right = COCO17.index("l_wrist"), COCO17.index("r_wrist")
    maps = empty_maps(64, 96)
    for joints in pair:
        draw(maps, joints)
    hidden = pair[0, left].round().astype(int)
    maps["heatmap"][left, :, hidden[0] - 2 : hidden[0] + 3] = 0
    found = decode(finished(maps))
    assert len(found) == 2
    first = found.joints[found.joints.mean(1)[:, 0].argmin()]
    second = found.joints[found.joints.mean(1)[:, 0].argmax()]
    np.testing.assert_allclose((second[left] - BIAS) / CELL, pair[1, left], atol=1e-4)
    assert np.abs((first[left] - BIAS) / CELL - pair[0, left]).max() < 2
    np.testing.assert_allclose((first[right] - BIAS) / CELL, pair[0, right], atol=1e-4)


def test_contested_traces_are_those_of_the_weaker_pull() -> None:
    trace = np.array([[3, 1, -1], [3, 2, -1], [3, 1, -1]])
    pull = np.array([[0.9, 0.2, 0.1], [0.5, 0.9, 0.9], [0.7, 0.4, 0.5]])
    np.testing.assert_array_equal(contested(trace, pull), [[0, 1, 0], [1, 0, 0], [1, 0, 0]])


def test_traces_are_the_local_maxima_joint_by_joint() -> None:
    peaks = np.zeros((17, 6, 8), np.float32)
    peaks[0, 1, 2], peaks[0, 5, 7], peaks[16, 0, 0], peaks[4, 3, 3] = 0.5, 0.3, 0.8, 0.01
    traces = find_traces(peaks, 0.02)
    assert traces.value.shape == (17, 2)
    assert (traces.value > 0).sum() == 3
    assert (traces.column[0, 1], traces.row[0, 1], traces.value[0, 1]) == (7, 5, np.float32(0.3))
    assert (traces.column[16, 0], traces.row[16, 0]) == (0, 0)


def test_twenty_people_take_little_longer_than_one() -> None:
    """On a free processor 20 people take 1.2 ms; here 15, for busy ones."""
    times = {}
    for count in (1, 20):
        maps = empty_maps(72, 96)
        for joints in crowd(0, count, rows=72):
            draw(maps, joints)
        ready = finished(maps)
        runs = []
        for _ in range(15):
            start = time.thread_time()
            assert len(decode(ready)) == count
            runs.append(time.thread_time() - start)
        times[count] = min(runs)
    assert times[20] < 0.015
    assert times[20] < 12 * times[1]


# ---- with the network ------------------------------------------------------------------------------------------------


def picture(people: list[tuple[float, float, float]], width: int = 320, height: int = 256) -> np.ndarray:
    """Drawn people: (x, y of the neck, height in pixels)."""
    factor = 4
    image = Image.new("RGB", (width * factor, height * factor), (170, 190, 200))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, int(height * 0.8) * factor, width * factor, height * factor), fill=(120, 130, 100))
    for x, y, tall in people:
        _figure(pen, np.array([x, y]) * factor, tall / 197 * factor)
    return np.asarray(image.reduce(factor))


def _figure(pen: ImageDraw.ImageDraw, at: np.ndarray, scale: float) -> None:
    def place(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(float(at[0] + x * scale), float(at[1] + y * scale)) for x, y in points]

    def limb(width: float, colour: tuple[int, int, int], *points: tuple[float, float]) -> None:
        for x, y in place(*points):
            r = width * scale / 2
            pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        pen.line(place(*points), fill=colour, width=round(width * scale))

    skin, shirt, trousers, dark = (225, 180, 150), (180, 40, 40), (40, 50, 90), (30, 30, 30)
    for side in (-1, 1):
        limb(15, trousers, (12 * side, 68), (15 * side, 113), (16 * side, 158))
        limb(9, dark, (16 * side, 161), (20 * side, 163))
    pen.polygon(place((-24, 5), (24, 5), (18, 71), (-18, 71)), fill=shirt)
    for side in (-1, 1):
        limb(10, shirt, (24 * side, 11), (32 * side, 41), (34 * side, 71))
        limb(9, skin, (33 * side, 58), (34 * side, 73))
    limb(10, skin, (0, -2), (0, 3))
    (left, top), (right, bottom) = place((-12, -31), (12, -1))
    pen.ellipse((left, top, right, bottom), fill=skin)
    (left, top), (right, bottom) = place((-13, -34), (13, -7))
    pen.pieslice((left, top, right, bottom), 180, 360, fill=(60, 40, 20))
    for side in (-1, 1):
        (left, top), (right, bottom) = place((4.5 * side - 1.5, -19), (4.5 * side + 1.5, -16))
        pen.ellipse((left, top, right, bottom), fill=dark)
    pen.line(place((-4, -8), (4, -8)), fill=(150, 60, 60), width=max(1, round(2 * scale)))


@pytest.fixture(scope="module")
def fast() -> MoveNetDetector:
    return MoveNetDetector("fast", threads=1)


@pytest.fixture(scope="module")
def best(fast: MoveNetDetector) -> MoveNetDetector:
    return MoveNetDetector("best", session=fast.session)


BODY = [COCO17.index(f"{side}_{part}") for side in "lr" for part in ("shoulder", "elbow", "hip", "knee", "ankle")]


def one(poses: list[Pose]) -> np.ndarray:
    assert len(poses) == 1
    assert poses[0].joints2d is not None
    return poses[0].joints2d


def test_a_drawn_person_is_found_with_its_joints(fast: MoveNetDetector) -> None:
    image = picture([(160, 50, 180)], 320, 256)
    (found,) = fast.detect(Frame(image))
    assert found.skeleton == fast.skeleton == "coco17" and found.joints3d is None
    assert found.score > 0.6
    scale = 180 / 197
    for name, x, y in (("shoulder", 24, 11), ("hip", 12, 68), ("knee", 15, 113), ("ankle", 16, 158)):
        for side, sign in (("l", 1), ("r", -1)):  # it looks at us
            at = found.joints2d[COCO17.index(f"{side}_{name}")]
            np.testing.assert_allclose(at, (160 + sign * x * scale, 50 + y * scale), atol=9)
    x0, y0, x1, y1 = found.box
    assert 110 < x0 < 150 and 170 < x1 < 210 and 5 < y0 < 35 and 185 < y1 < 215


def test_a_mirrored_picture_gives_the_mirrored_pose(fast: MoveNetDetector) -> None:
    """Without a shift: pixel (0, 0) is the centre of the top-left pixel on both sides."""
    shifts = []
    for x in (100, 117, 131, 146, 160):
        image = picture([(x, 40, 170)], 256, 256)
        there = one(fast.detect(Frame(image)))
        back = one(fast.detect(Frame(np.ascontiguousarray(image[:, ::-1]))))[COCO17.mirror] * [-1, 1] + [255, 0]
        shifts.append((there - back)[BODY])
    assert np.abs(np.mean(shifts, (0, 1))).max() < 0.4
    assert np.abs(shifts).mean() < 1.5


def test_a_picture_of_more_pixels_gives_the_same_pose_in_its_pixels(fast: MoveNetDetector) -> None:
    image = picture([(128, 40, 170)], 256, 256)
    small = one(fast.detect(Frame(image)))
    for factor in (2, 3):
        large = one(fast.detect(Frame(image.repeat(factor, 0).repeat(factor, 1))))
        np.testing.assert_allclose((large + 0.5) / factor - 0.5, small, atol=1e-6)
    smooth = np.asarray(Image.fromarray(image).resize((435, 435), Image.Resampling.BICUBIC))
    difference = (one(fast.detect(Frame(smooth))) + 0.5) / (435 / 256) - 0.5 - small
    assert np.abs(difference[BODY].mean(0)).max() < 0.5
    assert np.abs(difference[BODY]).mean() < 1.0


def test_padding_does_not_move_people(fast: MoveNetDetector) -> None:
    image = picture([(100, 40, 160)], 256, 224)
    whole, cut = one(fast.detect(Frame(image))), one(fast.detect(Frame(image[:215, :241])))
    assert np.abs(whole - cut)[BODY].mean() < 1.5


def test_two_passes_give_each_person_once(best: MoveNetDetector) -> None:
    """The small people as the large pass saw them."""
    image = picture([(140, 110, 350), (400, 200, 100), (460, 200, 100)], 512, 512)
    passes = [best.detect_in(resize(image, side)) for side in (512, 256)]
    assert [len(found) for found in passes] == [3, 3]
    merged = best.detect(Frame(image))
    assert len(merged) == 3
    assert [p.score for p in merged] == sorted((p.score for p in merged), reverse=True)
    for joints in (p.joints2d for p in merged if p.box[0] > 300):
        assert any(np.array_equal(joints, other.joints2d) for other in passes[0])


def test_who_fills_the_picture_is_seen_from_afar_too(fast: MoveNetDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second, smaller pass there and in an empty picture; none for people of a usual size."""
    sides: list[int] = []
    inner = fast.detect_in

    def watched(resized: Resized) -> list[Pose]:
        sides.append(max(resized.size))
        return inner(resized)

    monkeypatch.setattr(fast, "detect_in", watched)
    (whole,) = fast.detect(Frame(picture([(128, 4, 250)], 256, 256)))
    first, second = sides
    assert first == 256 and 100 < second < 154 and whole.score > 0.4
    sides.clear()
    fast.detect(Frame(picture([(128, 60, 140)], 256, 256)))
    assert sides == [256]
    sides.clear()
    assert fast.detect(Frame(np.full((256, 256, 3), 90, np.uint8))) == [] and sides == [256, 128]


def test_a_crowd_is_not_cut_at_six(fast: MoveNetDetector) -> None:
    image = picture([(30 + 46 * (k % 5), 22 + 84 * (k // 5), 70) for k in range(15)], 256, 256)
    assert len(fast.detect(Frame(image))) >= 12


def test_a_hint_from_the_frame_before_changes_little(fast: MoveNetDetector) -> None:
    usual = MoveNetDetector("balanced", session=fast.session)
    image = picture([(192, 60, 220)], 384, 288)
    first = usual.detect(Frame(image))
    hinted = usual.detect(Frame(image, index=1), previous=first)
    assert not np.array_equal(one(hinted), one(first)), "a smaller pass is enough"
    assert np.abs(one(hinted) - one(first))[BODY].mean() < 3
    full = usual.detect(Frame(image, index=10), previous=first)
    np.testing.assert_array_equal(one(full), one(first))


@pytest.mark.parametrize("shape", [(1, 1), (1, 10_000), (10_000, 1), (3, 5), (31, 33), (32, 32), (3000, 40)])
def test_any_shape_is_taken(best: MoveNetDetector, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for image in (np.zeros((*shape, 3), np.uint8), rng.integers(0, 256, (*shape, 3), dtype=np.uint8)):
        for found in best.detect(Frame(image)):
            assert np.isfinite(found.joints2d).all() and np.isfinite(found.box).all()


def test_an_unknown_quality_is_an_error(fast: MoveNetDetector) -> None:
    with pytest.raises(InputError, match="no quality 'great'"):
        MoveNetDetector("great", session=fast.session)


def test_the_threshold_can_be_set(fast: MoveNetDetector) -> None:
    frame = Frame(picture([(160, 50, 180)]))
    strict = MoveNetDetector("fast", session=fast.session, decoding=Decoding(score=0.99))
    assert fast.detect(frame) and not strict.detect(frame)


def test_the_network_takes_batches_and_gives_what_its_names_say() -> None:
    session = load_session(MODEL, threads=1)
    images = np.stack([picture([(60, 20, 90)], 128, 128), picture([(80, 25, 85)], 128, 128)])
    names = [output.name for output in session.get_outputs()]
    both = dict(zip(names, session.run(None, {"image": images}), strict=True))
    assert {name: value.shape[1] for name, value in both.items()} == {
        "center": 1, "heatmap": 17, "peaks": 17, "regress": 34, "offset": 34, "box_size": 2, "box_offset": 2
    }  # fmt: skip
    assert all(value.shape[0] == 2 and value.shape[2:] == (32, 32) for value in both.values())
    alone = dict(zip(names, session.run(None, {"image": images[1:]}), strict=True))
    np.testing.assert_allclose(both["heatmap"][1], alone["heatmap"][0], atol=1e-4)
    expected = finished({"heatmap": both["heatmap"][0]})["peaks"]
    np.testing.assert_array_equal(both["peaks"][0], expected)
    assert 0 <= both["center"].min() and both["center"].max() <= 1
