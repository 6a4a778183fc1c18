"""What is shown of a live run: the newest people on their picture, and a few numbers, wherever they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import People, Person
from anchorpose.share.drawing import draw_people, limbs

LARGEST = 1280
"""Longer side [px] of the picture that is drawn; larger ones are made smaller first."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One moment of a live run.

    Attributes:
        number: counts the moments that are shown, from 1.
        image: (H, W, 3) uint8 RGB; people: in it.
        fps: frames that are sensed a second. delay: [s] for which poses are held back on purpose.
        latency: [s] from when the frame was there to when its people are known, the delay included.
        dropped: frames that were not looked at, so that the picture does not lag.
    """

    number: int
    image: np.ndarray
    people: People
    fps: float
    delay: float
    latency: float
    dropped: int


class LiveView(Protocol):
    """Somewhere to look."""

    @property
    def closed(self) -> bool:
        """Whether the user has closed it."""

    def show(self, shown: Shown) -> None:
        """Show a moment; what was shown before is over."""

    def end(self, reason: str) -> None:
        """Say that nothing more comes, and why."""

    def close(self) -> None:
        """Let go of it."""


def overlay(shown: Shown, largest: int = LARGEST) -> np.ndarray:
    """The picture with people drawn in, its longer side at most `largest` [px]."""
    height, width = shown.image.shape[:2]
    scale = min(1.0, largest / max(height, width))
    image = shown.image
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    return draw_people(image, shown.people, scale=scale)


def state(shown: Shown) -> dict[str, Any]:
    """The numbers of a moment and its people in 3D, as plain values for JSON.

    `joints` are BODY13 in the camera frame [m], three decimals, null where one is missing.
    """
    bodies = [_person(person) for person in shown.people]
    return {
        "number": shown.number, "time": round(shown.people.time, 3), "frame": shown.people.frame,
        "fps": round(shown.fps, 1), "delay": round(shown.delay, 3), "latency": round(shown.latency, 3),
        "dropped": shown.dropped, "count": len(shown.people), "people": [b for b in bodies if b is not None],
    }  # fmt: skip


def _person(person: Person) -> dict[str, Any] | None:
    body = person.body
    if body is None or body.skeleton != BODY13.name:
        return None
    joints = body.joints_camera
    if joints is None:
        return None
    known = np.isfinite(joints).all(1)
    places = [row if there else None for row, there in zip(np.round(joints, 3).tolist(), known, strict=True)]
    return {"id": person.id, "score": round(person.score, 2), "filled": person.filled, "joints": places}


def strokes() -> list[dict[str, Any]]:
    """How BODY13 is drawn: from the mean of some joints to a joint, and which side that is."""
    sides = {joint.color: joint.name[0] for joint in BODY13.joints if joint.name[1] == "_"}
    return [{"from": list(s.start), "to": s.end[0], "side": sides.get(s.color, "c")} for s in limbs(BODY13)]


def caption(shown: Shown) -> Sequence[str]:
    """The numbers of a moment in words."""
    people = len(shown.people)
    return (
        f"{shown.fps:.0f} frames/s",
        f"{people} {'person' if people == 1 else 'people'}",
        f"{1000 * shown.latency:.0f} ms behind ({1000 * shown.delay:.0f} ms of it by choice)",
        f"{shown.dropped} frames dropped",
    )
