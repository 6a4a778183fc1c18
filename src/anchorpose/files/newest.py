"""The newest frame of a source that does not wait: a thread reads, whoever is slower misses frames but never lags."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from anchorpose.files.sources import Source
from anchorpose.poses.values import Frame

_JOIN = 2.0  # [s] that closing waits for the thread; a camera that hangs is left alone, as it may not be closed then


@dataclass(frozen=True, eq=False)
class Grabbed:
    """A frame and the moment [s] of the clock at which it was there."""

    frame: Frame
    at: float


class NewestFrames:
    """Reads a source in a thread of its own and keeps its newest frame only.

    A video file plays at its own speed, as a camera would. The thread opens nothing, but it closes the source.

    Args:
        source: read from when `start` is called (or `with` is entered).
        clock: seconds that only run forwards.

    Attributes:
        read, dropped: frames so far, and those of them that nobody took.
    """

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.source, self.clock = source, clock
        self.read = self.dropped = 0
        self._newest: Grabbed | None = None
        self._error: Exception | None = None
        self._ended = self._stop = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._grab, name=f"frames of {source.name}", daemon=True)

    def start(self) -> NewestFrames:
        """Begin to read."""
        self._thread.start()
        return self

    def take(self, timeout: float) -> Grabbed | None:
        """The newest frame that was not taken yet, waited for up to `timeout` [s]; None where there is none.

        Raises:
            AnchorposeError: what the source raised, once its last frame is taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended, timeout)
            newest, self._newest = self._newest, None
            if newest is None and self._error is not None:
                raise self._error
            return newest

    @property
    def ended(self) -> bool:
        """Whether the source has ended and its last frame was taken."""
        with self._changed:
            return self._ended and self._newest is None

    def close(self) -> None:
        """Stop reading. The thread closes the source; one that hangs in a driver is not waited for."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        if self._thread.ident is None:
            self.source.close()
        else:
            self._thread.join(_JOIN)

    def __enter__(self) -> NewestFrames:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _grab(self) -> None:
        try:
            with self.source:
                begin: float | None = None
                for frame in self.source:
                    begin = self.clock() if begin is None else begin
                    if self.source.kind != "camera" and not self._sleep_until(begin + frame.time):
                        return
                    if not self._put(Grabbed(self._stamped(frame, begin), self.clock())):
                        return
        except Exception as error:  # it is raised where the frames are taken
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _stamped(self, frame: Frame, begin: float) -> Frame:
        """Streams without times of their own get the times at which frames arrive."""
        return frame if self.source.timed else replace(frame, time=self.clock() - begin)

    def _sleep_until(self, moment: float) -> bool:
        """Returns False if the reading shall stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stop, max(moment - self.clock(), 0.0))
            return not self._stop

    def _put(self, grabbed: Grabbed) -> bool:
        with self._changed:
            self.read += 1
            self.dropped += self._newest is not None
            self._newest = grabbed
            self._changed.notify_all()
            return not self._stop
