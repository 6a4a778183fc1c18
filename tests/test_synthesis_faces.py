"""Faces: sparse, within 0..1, and what an expression's name promises."""

from __future__ import annotations

import numpy as np

from anchorpose.files.body import read_body
from anchorpose.learn.synthesis.faces import EXPRESSIONS, draw_face


def test_expressions_are_sparse_and_bounded() -> None:
    body, rng = read_body(), np.random.default_rng(0)
    drawn = [draw_face(body, rng) for _ in range(400)]
    strengths = np.stack([s for s, _ in drawn])
    assert strengths.shape == (400, len(body.actions)) and strengths.min() >= 0 and strengths.max() <= 1
    assert {name for _, name in drawn} == set(EXPRESSIONS)
    assert (strengths > 0).sum(1).mean() < 8
    smile, jaw = body.action("mouthSmileLeft"), body.action("jawOpen")
    named = {name: np.stack([s for s, n in drawn if n == name]) for name in ("smile", "laugh", "neutral")}
    assert named["smile"][:, smile].min() > 0.2 and named["laugh"][:, jaw].min() > 0.1
    assert np.median(named["neutral"].sum(1)) == 0
    blinks = strengths[:, body.action("eyeBlinkLeft")] > 0.5
    assert 0.02 < blinks.mean() < 0.2


def test_actions_of_expressions_exist() -> None:
    body = read_body()
    for _, actions in EXPRESSIONS.values():
        for action in actions:
            assert {action, f"{action}Left"} & set(body.actions), action
