"""Faces: sparse mixtures of facial actions that look like expressions, speech and blinks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anchorpose.poses.body import BodyModel

# Strengths of actions; a name without a side stands for both. Ranges are (low, high).
_Range = Mapping[str, tuple[float, float]]
EXPRESSIONS: Mapping[str, tuple[float, _Range]] = {
    "neutral": (4.0, {}),
    "smile": (3.0, {"mouthSmile": (0.3, 0.9), "cheekSquint": (0.1, 0.6), "eyeSquint": (0.0, 0.4)}),
    "laugh": (2.0, {"mouthSmile": (0.5, 1.0), "jawOpen": (0.15, 0.6), "mouthUpperUp": (0.2, 0.6),
                    "cheekSquint": (0.3, 0.8), "eyeSquint": (0.1, 0.6)}),
    "talk": (3.0, {"jawOpen": (0.05, 0.4), "mouthFunnel": (0.0, 0.5), "mouthStretch": (0.0, 0.4),
                   "mouthLowerDown": (0.0, 0.4)}),
    "shout": (1.0, {"jawOpen": (0.5, 1.0), "mouthLowerDown": (0.1, 0.5), "browDown": (0.0, 0.6)}),
    "surprise": (1.0, {"browInnerUp": (0.4, 1.0), "browOuterUp": (0.4, 1.0), "eyeWide": (0.3, 1.0),
                       "jawOpen": (0.1, 0.5)}),
    "frown": (1.0, {"mouthFrown": (0.3, 0.9), "browDown": (0.2, 0.8)}),
    "pucker": (0.7, {"mouthPucker": (0.4, 1.0)}),
    "press": (0.7, {"mouthPress": (0.3, 0.9), "mouthRollLower": (0.0, 0.4)}),
    "disgust": (0.5, {"noseSneer": (0.3, 0.9), "mouthUpperUp": (0.1, 0.5), "browDown": (0.2, 0.6)}),
    "cheeks": (0.2, {"cheekPuff": (0.4, 1.0)}),
}  # fmt: skip


# Not by themselves: the tongue, lids that follow a gaze, and a corrective of the open jaw.
_UNUSUAL = ("tongueOut", "eyeLook", "mouthClose")


def draw_face(body: BodyModel, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Strengths (A,) of the facial actions and the name of the expression.

    An expression of `EXPRESSIONS`, the two sides a little apart; a blink in a tenth; a few actions at random in a
    third. Actions that a body has not are left out.
    """
    names = tuple(EXPRESSIONS)
    weights = np.cumsum([EXPRESSIONS[n][0] for n in names])
    name = names[min(int(np.searchsorted(weights, rng.random() * weights[-1])), len(names) - 1)]
    out = np.zeros(len(body.actions), np.float32)
    for action, (low, high) in EXPRESSIONS[name][1].items():
        strength, tilt = rng.uniform(low, high), rng.normal(0, 0.08, 2)
        for number, shift in zip(_both(body, action), tilt, strict=False):
            out[number] = strength * (1 + shift)
    blink, closed, extra = rng.random(3)
    if blink < 0.1:
        out[_both(body, "eyeBlink")] = 1.0 if closed < 0.6 else closed
    count = int(rng.integers(1, 4))
    chosen, amounts = rng.integers(max(1, len(out)), size=count), rng.uniform(0.1, 0.6, count)
    if extra < 0.33 and len(out):
        usual = [i for i in chosen if not body.actions[i].startswith(_UNUSUAL)]
        out[usual] += amounts[: len(usual)].astype(np.float32)
    return np.clip(out, 0, 1), name


def _both(body: BodyModel, action: str) -> list[int]:
    """Numbers of an action, or of its left and right halves; none if the body has neither."""
    return [i for n in (action, f"{action}Left", f"{action}Right") for i, m in enumerate(body.actions) if m == n]
