"""A camera and a model for tests of live runs: both say what they are told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from anchorpose.files.sources import Kind, Source
from anchorpose.poses.values import Frame, People

PICTURE = np.full((72, 128, 3), 90, np.uint8)


def frame_at(index: int, time: float, image: np.ndarray = PICTURE, source: str = "walk.mp4") -> Frame:
    return Frame(image, None, index, time, source)


class ScriptedModel:
    """Finds in frame i the people of `frames[i]`, whatever it shows; of its last frame, in frames beyond it."""

    def __init__(self, frames: Sequence[People]) -> None:
        self.frames = frames
        self.calls = 0

    def sense(self, frame: Frame) -> People:
        self.calls += 1
        people = self.frames[min(frame.index, len(self.frames) - 1)]
        return replace(people, frame=frame.index, time=frame.time, source=frame.source)


class ScriptedSource(Source):
    """Gives a frame when `allow` lets it, up to `count`; then it ends, raises `error`, or hangs until `allow` again."""

    def __init__(self, count: int = 10**6, *, kind: Kind = "camera", fps: float = 30.0) -> None:
        self.kind, self.name, self.errors = kind, "camera7", []
        self.count, self.rate = count, fps
        self.error: Exception | None = None
        self.closed = threading.Event()
        self._allowed = threading.Semaphore(0)

    def allow(self, frames: int = 1) -> None:
        self._allowed.release(frames)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.count):
            if self.kind == "camera":
                self._allowed.acquire()
            yield frame_at(index, index / self.rate, source=self.name)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed.set()
