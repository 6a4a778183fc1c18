"""A local page that shows a live run: the picture with people, and people in 3D. Nothing of it leaves this computer.

The page asks for the newest moment and for its picture when it is done with the one before, so that a slow browser
misses moments but does not lag. A picture is drawn when somebody asks for it. The address has a secret in it: other
pages that a browser has open, and other users of the computer, cannot guess it.
"""

from __future__ import annotations

import io
import json
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from anchorpose.poses.errors import InputError
from anchorpose.poses.joints import CENTRE_COLOR, LEFT_COLOR, RIGHT_COLOR
from anchorpose.share.drawing import ID_COLORS
from anchorpose.share.live_view import Shown, overlay, state, strokes

_WAIT = 2.0  # [s] that a question for the next moment stays open
_LAST_WORD = 0.2  # [s] in which pages that are open hear why nothing more comes
_QUALITY = 82
_BOUNDARY = "frame"
_STREAM_TYPE = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"


class LivePage:
    """Serves a page until `close`.

    Args:
        title: heading of the page.
        host: address to listen at; anything but this computer's own shows the camera to the network.
        port: 0: one that is free.

    Attributes:
        address: of the page.

    Raises:
        InputError: the address or the port cannot be had.
    """

    def __init__(self, title: str, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._room = f"/{secrets.token_urlsafe(9)}/"
        self._page = _page(title).encode()
        self._newest: Shown | None = None
        self._drawn: tuple[int, bytes] = (0, b"")
        self._ended: str | None = None
        self._changed, self._drawing = threading.Condition(), threading.Lock()
        try:
            self._server = _Server((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InputError(f"a page cannot be served at {host}:{port}: {error}") from error
        self._server.page = self
        name = f"[{host}]" if ":" in host else "localhost" if host in ("", "0.0.0.0") else host
        self.address = f"http://{name}:{self._server.server_address[1]}{self._room}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="live page", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """A page cannot be closed from the browser."""
        return False

    def show(self, shown: Shown) -> None:
        """The newest moment; whoever looks gets it."""
        with self._changed:
            self._newest = shown
            self._changed.notify_all()

    def end(self, reason: str) -> None:
        """Pages that are open show the last moment and the reason."""
        with self._changed:
            self._ended = reason
            self._changed.notify_all()

    def close(self) -> None:
        """Serve no more."""
        if self._ended is None:
            self.end("anchorpose has stopped")
        if self._newest is not None:
            time.sleep(_LAST_WORD)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Type and content of what lies at a path (with its query); None: nothing does."""
        parts = urlsplit(path)
        if not parts.path.startswith(self._room):
            return None
        what = parts.path[len(self._room) :]
        if what == "":
            return "text/html; charset=utf-8", self._page
        if what == "state.json":
            return "application/json", json.dumps(self._state(_number(parts.query)), allow_nan=False).encode()
        if what == "picture.jpg":
            return "image/jpeg", self.picture()
        return (_STREAM_TYPE, b"") if what == "stream.mjpg" else None

    def wait(self, after: int, timeout: float = _WAIT) -> Shown | None:
        """A moment later than number `after`, waited for; None where none came or comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended is not None or self._later(after), timeout)
            return self._newest if self._later(after) else None

    def picture(self) -> bytes:
        """The newest moment's picture, a JPEG; drawn once, whoever asks."""
        with self._drawing:
            shown = self._newest
            if shown is None:
                return b""
            if self._drawn[0] != shown.number:
                buffer = io.BytesIO()
                Image.fromarray(overlay(shown)).save(buffer, "JPEG", quality=_QUALITY)
                self._drawn = shown.number, buffer.getvalue()
            return self._drawn[1]

    @property
    def ended(self) -> str | None:
        """Why nothing more comes; None as long as something does."""
        return self._ended

    def _later(self, after: int) -> bool:
        return self._newest is not None and self._newest.number > after

    def _state(self, after: int) -> dict[str, Any]:
        self.wait(after)
        with self._changed:
            return {**(state(self._newest) if self._newest else {"number": 0}), "ended": self._ended}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    page: LivePage


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def do_GET(self) -> None:
        try:
            found = self.server.page.answer(self.path)
            if found is None:
                self.send_error(HTTPStatus.NOT_FOUND)
            elif found[0] == _STREAM_TYPE:
                self._stream()
            else:
                self._send(*found)
        except (BrokenPipeError, ConnectionError, TimeoutError):
            self.close_connection = True  # whoever looked has gone

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self._headers(kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")

    def _stream(self) -> None:
        """Pictures one after the other, for programs that take such streams; no longer than there are any."""
        page, number = self.server.page, 0
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self._headers(_STREAM_TYPE)
        self.end_headers()
        while page.ended is None:
            shown = page.wait(number)
            if shown is None:
                continue
            number, picture = shown.number, page.picture()
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Requests are nobody's business."""


def _number(query: str) -> int:
    given = parse_qs(query).get("after", ["0"])[0]
    return int(given) if given.isascii() and given.isdigit() else 0


def _page(title: str) -> str:
    data = {
        "title": title, "strokes": strokes(), "tints": [_css(color) for color in ID_COLORS],
        "sides": {"l": _css(LEFT_COLOR), "r": _css(RIGHT_COLOR), "c": _css(CENTRE_COLOR)},
    }  # fmt: skip
    text = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    return files("anchorpose.share").joinpath("live_page.html").read_text("utf-8").replace("{{DATA}}", text)


def _css(color: tuple[int, int, int]) -> str:
    return f"rgb({color[0]},{color[1]},{color[2]})"
