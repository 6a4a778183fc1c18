"""Peers: crops, decodings and errors that say what is missing. The networks themselves are not in the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.measure import blazepose as b
from anchorpose.measure import peers as p
from anchorpose.poses.errors import AnchorposeError, FileError, InputError, ModelError


def dot(width: int, height: int, x: int, y: int) -> np.ndarray:
    """A black picture with a white square of 5 px about (x, y)."""
    image = np.zeros((height, width, 3), np.uint8)
    image[y - 2 : y + 3, x - 2 : x + 3] = 255
    return image


def centre_of_light(crop: np.ndarray) -> np.ndarray:
    """Centre of mass between the crop's edges (x, y)."""
    light = crop[..., 0].astype(float)
    grid = np.arange(light.shape[0]) + 0.5
    return np.array([light.sum(0) @ grid, light.sum(1) @ grid]) / light.sum()


@given(st.integers(20, 60), st.integers(20, 40), st.floats(-3.1, 3.1), st.floats(90, 128))
def test_a_crop_knows_where_its_pixels_come_from(x: int, y: int, angle: float, side: float) -> None:
    crop, crop_to_image = p.square_crop(dot(80, 60, x, y), np.array([40.0, 30.0]), side, 128, angle)
    assert crop.shape == (128, 128, 3)
    np.testing.assert_allclose(p.apply_affine(crop_to_image, centre_of_light(crop)), [x, y], atol=0.2)


def test_the_angle_turns_that_direction_upwards() -> None:
    """A head to the right of the hips (angle +90 degrees) comes out above them."""
    centre, side, angle = b.roi_from_points(np.array([40.0, 30.0]), np.array([60.0, 30.0]))
    assert angle == pytest.approx(np.pi / 2) and side == pytest.approx(50)
    crop, _ = p.square_crop(dot(80, 60, 55, 30), centre, side, 100, angle)
    np.testing.assert_allclose(centre_of_light(crop), [50, 20], atol=0.1)


def test_world_landmarks_turn_back_with_the_picture() -> None:
    """What points up in the turned crop points to the right in the picture; depth stays."""
    np.testing.assert_allclose(b.turn_back(np.array([[0.0, -1.0, 0.5]]), np.pi / 2), [[1, 0, 0.5]], atol=1e-12)


def test_square_of_a_box() -> None:
    centre, side = p.square_of(np.array([10.0, 20.0, 30.0, 100.0]))
    assert tuple(centre) == (20, 60) and side == 100
    assert p.square_of(np.array([5.0, 5.0, 5.0, 5.0]))[1] == 1


def test_multipose_output_becomes_pixels_and_the_weak_go() -> None:
    out = np.zeros((6, 56), np.float32)
    out[0, :51] = np.tile([0.5, 0.25, 0.9], 17)  # y, x, score
    out[0, 51:] = [0.0, 0.125, 1.0, 0.5, 0.4]  # ymin, xmin, ymax, xmax, score
    out[2] = out[0]
    out[2, 55] = 0.8
    out[3, 55] = 0.1
    people = p.decode_multipose(out, (256, 192), np.array([0.5, 0.4]), min_score=0.15)
    assert [round(person.score, 3) for person in people] == [0.8, 0.4]
    assert people[0].joints2d is not None
    np.testing.assert_allclose(people[0].joints2d, np.tile([64 / 0.5 - 0.5, 96 / 0.4 - 0.5], (17, 1)))
    np.testing.assert_allclose(people[0].box, [32 / 0.5 - 0.5, -0.5, 128 / 0.5 - 0.5, 192 / 0.4 - 0.5])


def test_thunder_prefers_the_person_in_the_middle_and_reads_offsets() -> None:
    heads = {
        "center_0": np.full((1, 64, 64), -9.0),
        "kpt_regress_0": np.zeros((34, 64, 64)),
        "kpt_heatmap_0": np.full((17, 64, 64), -9.0),
        "kpt_offset_0": np.zeros((34, 64, 64)),
    }
    heads["center_0"][0, 30, 33] = 2.0
    heads["center_0"][0, 5, 5] = 3.0  # stronger, but far from the middle
    heads["kpt_regress_0"][0::2, 30, 33], heads["kpt_regress_0"][1::2, 30, 33] = 10.0, -20.0  # towards (40, 13)
    heads["kpt_heatmap_0"][:, 41, 12] = 1.0
    heads["kpt_heatmap_0"][:, 60, 60] = 1.5  # stronger, but far from where the person points
    heads["kpt_offset_0"][0::2, 41, 12], heads["kpt_offset_0"][1::2, 41, 12] = 0.25, 0.75
    points, scores = p.decode_thunder(heads)
    np.testing.assert_allclose(points, np.tile([12.75 / 64, 41.25 / 64], (17, 1)))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-1.0)))


def test_landmarks_move_to_the_centre_of_a_strong_heatmap_only() -> None:
    heat = np.full((64, 64, 2), -50.0)
    heat[20, 30, 0] = heat[20, 32, 0] = 4.0
    heat[20, 32, 1] = -1.0  # below a half
    points = b.refine_on_heatmaps(np.array([[124.0, 80.0], [124.0, 80.0]]), heat)
    np.testing.assert_allclose(points, [[31 * 4, 20 * 4], [124, 80]])
    outside = np.array([[-5.0, 3.0]])
    np.testing.assert_array_equal(b.refine_on_heatmaps(outside, heat[..., :1]), outside)


def test_detection_averages_what_overlaps_the_best() -> None:
    anchors = b.detection_anchors()
    assert anchors.shape == (2254, 2) and anchors.min() > 0 and anchors.max() < 1
    np.testing.assert_allclose(anchors[0], anchors[1])
    np.testing.assert_allclose(anchors[-1], 13 / 14)
    raw, logits = np.zeros((2254, 12), np.float32), np.full(2254, -9.0, np.float32)
    assert b.decode_detection(raw, logits, 0.5) is None
    for i, shift in ((0, 0.0), (1, 4.0), (2253, 0.0)):
        raw[i, 2:4] = 50
        raw[i, 4:6] = shift
        logits[i] = 1.0
    logits[0] = 1.0001
    points = b.decode_detection(raw, logits, 0.5)
    assert points is not None
    np.testing.assert_allclose(points[0], anchors[0] * 224 + 2.0, atol=1e-3)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANCHORPOSE_DATA", str(tmp_path))
    monkeypatch.setenv("ANCHORPOSE_PEERS", str(tmp_path))
    with pytest.raises(FileError, match="teachers"):
        p.MoveNetMultiPose(256)
    with pytest.raises(AnchorposeError, match="get_peers.sh|ai-edge-litert"):
        b.BlazePose("full")
    with pytest.raises(InputError, match="lite, full, heavy"):
        b.BlazePose("huge")
    with pytest.raises(InputError, match="at least 32"):
        p.MoveNetMultiPose(16)


def test_a_missing_network_says_which_command_fetches_it(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="runs the BlazePose networks")
    with pytest.raises(ModelError, match="get_peers.sh"):
        b.TFLite(tmp_path / "none.tflite")
