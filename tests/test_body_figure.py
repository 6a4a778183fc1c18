"""The figure of the body: it shows the mesh, and the points where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anchorpose.files.body import read_body
from anchorpose.share.body_figure import draw_mesh, save_body_figure


def test_the_mesh_is_drawn_where_it_is() -> None:
    body = read_body()
    picture = draw_mesh(body, body.vertices + [0.5, 0, 0], np.eye(3), (-1.0, 1.0, -1.0, 1.0), 100)
    assert picture.shape == (100, 100, 3)
    ink = (picture < 250).any(-1)
    columns = np.flatnonzero(ink.any(0))
    assert 48 <= columns.min() <= 54 and columns.max() >= 96  # 1 m wide about x = 0.5
    assert not ink[:, :40].any() and ink[45, 75]


def test_the_figure_is_written(tmp_path: Path) -> None:
    figure = save_body_figure(read_body(), tmp_path / "body.png", height=160)
    assert (tmp_path / "body.png").stat().st_size > 1000
    assert figure.shape[0] > 300 and figure.shape[1] > 300
