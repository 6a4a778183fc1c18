"""A stand-in for the motion network that needs no torch: it says that everybody stands upright where they were seen."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np

from anchorpose.poses.body_bones import BODY_BONES, MEASURES
from anchorpose.poses.sequences import MODES
from anchorpose.sense.motion import Refiner

UPRIGHT = np.diag([1.0, -1.0, -1.0]).astype(np.float32)


class FakeMotionNet:
    """What `Refiner` needs of a session; `batches` notes how many people each run had."""

    def __init__(self, window: int = 16) -> None:
        self.window = window
        self.batches: list[int] = []

    def get_modelmeta(self) -> Any:
        about = {"bones": BODY_BONES, "measures": MEASURES, "modes": MODES, "settles": True}
        about |= {"window": self.window, "rate": 30.0}
        return SimpleNamespace(custom_metadata_map={"anchorpose": json.dumps(about)})

    def run(self, names: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        n, w = inputs["present"].shape
        self.batches.append(n)
        rotations = np.broadcast_to(UPRIGHT, (n, w, len(BODY_BONES), 3, 3)).copy()
        said = {
            "rotations": np.moveaxis(rotations, (-2, -1), (0, 1)), "refined": inputs["places"],
            "sizes": inputs["window"][:, : len(MEASURES)],
            "settled": rotations[:, :1].repeat(inputs["calm"].shape[1], 1),
        }  # fmt: skip
        return [said[name] for name in names or said]


def fake_refiner(window: int = 16) -> Refiner:
    """A refiner with that network."""
    return Refiner(FakeMotionNet(window))  # type: ignore[arg-type]
