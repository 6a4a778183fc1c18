"""The figure of a mosaic's stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.images import read_image
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import InputError
from anchorpose.share.mosaics import JOINT_COLORS, Stages, stages_figure
from conftest import before_camera, standing


def test_stages(tmp_path: Path) -> None:
    pose = Camera.from_fov(64, 64, 40).project(before_camera(standing()))
    grey = np.full((64, 64, 3), 128, np.uint8)
    gaps = pose.copy()
    gaps[3] = np.nan
    photos = [(grey, gaps)] * 12 + [None]
    row = Stages(pose, photos, np.full((64, 64), 7, np.uint8), grey, grey)
    figure = stages_figure([row, row], tmp_path / "stages.png", height=128)
    np.testing.assert_array_equal(read_image(tmp_path / "stages.png"), figure)
    assert figure.shape[0] > 2 * 128
    flat = figure.reshape(-1, 3)
    assert ((flat == JOINT_COLORS[7]).all(1)).sum() > 2 * 8000, "the map of winners in its joint's colour"
    assert len(set(JOINT_COLORS)) == 13


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one row"):
        stages_figure([], tmp_path / "stages.png")
