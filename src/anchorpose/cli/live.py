"""What `anchorpose live` does: camera, tracks, motions, and somewhere to look."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anchorpose.cli.live_options import Live
from anchorpose.poses.errors import AnchorposeError, FileError, InputError

if TYPE_CHECKING:
    from anchorpose.files.newest import Grabbed, NewestFrames
    from anchorpose.files.results import ResultsWriter
    from anchorpose.sense.online import Moment, Online
    from anchorpose.share.live_view import LiveView

WINDOW = 16
"""Frames that the motion network looks at."""

_SILENCE = 10.0  # [s] without a picture after which a camera counts as gone
_PAUSE = 0.2  # [s] at most between two looks at whether to stop
_RECENT = 2.0  # [s] that the rate is taken over
_TOLD = 5  # faults of the source that are told


def _say(line: str) -> None:
    print(f"anchorpose: {line}", file=sys.stderr, flush=True)


def live(given: Live) -> int:
    """`anchorpose live`: runs until the source ends, the window is closed, or Ctrl-C."""
    from anchorpose.files.newest import NewestFrames
    from anchorpose.files.results import ResultsWriter
    from anchorpose.files.sources import open_live
    from anchorpose.sense.pipeline import Optics

    if given.save is not None and given.save.suffix.lower() != ".jsonl":
        raise InputError(f"--save {given.save}: live results are JSON lines; expected a name that ends in .jsonl")
    optics = Optics(given.camera, given.focal, given.fov)
    with ExitStack() as stack:
        stop = stack.enter_context(_asked_to_stop())
        source = open_live(given.source, optics.camera, size=given.size, warn=None)
        frames = NewestFrames(source)
        stack.callback(frames.close)
        online = _online(given)
        writer = stack.enter_context(ResultsWriter(given.save)) if given.save is not None else None
        view = _view(given, source.name)
        if view is not None:
            stack.callback(view.close)
        frames.start()
        run = _Run(frames, online, writer, view)
        run.until(stop)
        for line in source.errors[:_TOLD]:
            _say(line)
    if given.save is not None:
        print(given.save)
    if run.lost:
        raise FileError(run.summary())
    _say(run.summary())
    return 0


def _online(given: Live) -> Online:
    from anchorpose.sense.models import load_session
    from anchorpose.sense.motion import LIVE_MODEL, Refiner
    from anchorpose.sense.online import Online
    from anchorpose.sense.pipeline import load

    model = load(
        quality=given.quality, fov=given.fov, focal=given.focal, camera=given.camera, height=given.height,
        threads=given.threads,
    )  # fmt: skip
    if not given.refine:
        return Online(model)
    return Online(model, Refiner(load_session(LIVE_MODEL, given.threads), window=WINDOW), delay=given.delay)


def _view(given: Live, name: str) -> LiveView | None:
    """The window or the page; its address is printed."""
    from anchorpose.share.live_page import LivePage
    from anchorpose.share.live_window import open_window

    if given.view == "none":
        return None
    window = open_window(f"anchorpose: {name}") if given.view in ("auto", "window") else None
    if window is not None:
        return window
    if given.view == "window":
        raise InputError("there is no OpenCV that can open windows here; --view page shows the same in the browser")
    page = LivePage(name, host=given.host, port=given.port)
    print(page.address, flush=True)
    if given.browser and _has_screen():
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(page.address,), daemon=True).start()
    return page


def _has_screen() -> bool:
    """Without one, a browser in the terminal might open."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that no frame is cut in two; a second Ctrl-C ends at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def asked(number: int, _: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(eq=False)
class _Run:
    """The loop, and what it has seen. `reason`: why it ended, in words; `lost`: the camera is gone."""

    frames: NewestFrames
    online: Online
    writer: ResultsWriter | None
    view: LiveView | None
    shown: int = 0
    sensed: int = 0
    arrived: dict[int, float] = field(default_factory=dict)
    recent: deque[float] = field(default_factory=deque)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    spent: float = 0.0
    reason: str = "stopped"
    lost: bool = False

    def until(self, stop: threading.Event) -> None:
        """Run; what is still held back then comes out too."""
        begin = last = time.monotonic()
        while not stop.is_set():
            if self.view is not None and self.view.closed:
                self.reason = "the window was closed"
                break
            try:
                grabbed = self.frames.take(_PAUSE)
            except AnchorposeError as error:
                self.reason, self.lost = str(error), True
                break
            if grabbed is not None:
                self._sense(grabbed)
                last = time.monotonic()
            elif self.frames.ended or time.monotonic() - last > _SILENCE:
                self.reason, self.lost = self._why_no_more(time.monotonic() - last)
                break
        for moment in self.online.flush():
            self._show(moment)
        self.spent = time.monotonic() - begin
        if self.view is not None:
            self.view.end(self.reason)

    def _why_no_more(self, silence: float) -> tuple[str, bool]:
        """In words, and whether that is a fault."""
        source = self.frames.source
        if not self.frames.ended:
            return f"{source.name} has given no picture for {silence:.0f} s; is it still there?", True
        if source.kind != "camera":
            return f"the end of {source.name}", False
        why = source.errors[-1] if source.errors else "it was switched off or unplugged"
        return f"{source.name} gives no more pictures ({why})", True

    def _sense(self, grabbed: Grabbed) -> None:
        self.arrived[grabbed.frame.index] = grabbed.at
        self.sensed += 1
        for moment in self.online.push(grabbed.frame):
            self._show(moment)
        now = time.monotonic()
        self.recent.append(now)
        while now - self.recent[0] > _RECENT:
            self.recent.popleft()

    def _show(self, moment: Moment) -> None:
        from anchorpose.share.live_view import Shown

        if self.writer is not None:
            self.writer.write(moment.people)
        latency = time.monotonic() - self.arrived.pop(moment.frame.index)
        self.latencies.append(latency)
        self.shown += 1
        if self.view is not None:
            span = self.recent[-1] - self.recent[0] if len(self.recent) > 1 else 0.0
            fps = (len(self.recent) - 1) / span if span > 0 else 0.0
            delay, dropped = self.online.seconds, self.frames.dropped
            self.view.show(Shown(self.shown, moment.frame.image, moment.people, fps, delay, latency, dropped))

    def summary(self) -> str:
        """One line about the whole run."""
        ordered = sorted(self.latencies)
        middle = f"{1000 * ordered[len(ordered) // 2]:.0f} ms behind" if ordered else "nothing seen"
        rate = self.shown / self.spent if self.spent > 0 else 0.0
        return f"{self.reason}; {self.shown} frames, {rate:.1f} a second, {middle}, {self.frames.dropped} dropped"
