"""A live run in a window of OpenCV, for those who have one that can open windows. It is no dependency."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from anchorpose.share import raster
from anchorpose.share.live_view import Shown, caption, overlay
from anchorpose.share.raster import INK, WHITE

_ESCAPE = 27


class LiveWindow:
    """A window with the picture; `q`, Escape or its own button closes it."""

    def __init__(self, cv2: Any, title: str) -> None:
        self._cv2, self._title, self._closed = cv2, title, False

    @property
    def closed(self) -> bool:
        """Whether the user has closed the window."""
        return self._closed

    def show(self, shown: Shown) -> None:
        """Draw a moment and look for keys."""
        picture = with_caption(overlay(shown), shown)
        self._cv2.imshow(self._title, np.ascontiguousarray(picture[..., ::-1]))
        pressed = self._cv2.waitKey(1) & 0xFF
        visible = self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE)
        self._closed = pressed in (_ESCAPE, ord("q")) or visible < 1

    def end(self, reason: str) -> None:
        """A window closes when the run ends; the reason is told on the command line."""

    def close(self) -> None:
        """Close the window."""
        self._cv2.destroyAllWindows()


def open_window(title: str) -> LiveWindow | None:
    """A window, or None where there is no OpenCV, one without windows (the headless builds), or no screen."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    try:
        import cv2
    except ImportError:
        return None
    try:
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except (cv2.error, AttributeError):
        return None
    return LiveWindow(cv2, title)


def with_caption(picture: np.ndarray, shown: Shown) -> np.ndarray:
    """A drawn picture with the numbers of its moment in the lower left corner."""
    out = raster.as_rgb(picture)
    height, width = out.shape[:2]
    size = int(np.clip(0.022 * np.sqrt(height * width), 10, 28))
    words = "   ".join(caption(shown))
    text_width, text_height = raster.text_size(words, size)
    pad = 0.5 * size
    top = height - text_height - 2 * pad
    raster.box(out, np.array([0, top, text_width + 2 * pad, height]), INK, alpha=0.6)
    raster.text(out, (pad, (top + height) / 2), words, size, WHITE, anchor="lm")
    return out
