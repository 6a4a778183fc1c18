"""Where live runs are looked at: the page, its pictures and numbers, and the window."""

from __future__ import annotations

import io
import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anchorpose.files.sources import open_live
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.values import Person
from anchorpose.share import live_page
from anchorpose.share.live_page import LivePage
from anchorpose.share.live_view import Shown, caption, overlay, state, strokes
from anchorpose.share.live_window import LiveWindow, open_window
from walking import CAMERA, Walker, as_person, frame_of

PICTURE = np.full((CAMERA.height, CAMERA.width, 3), 120, np.uint8)


def shown(number: int = 1, people: int = 2, image: np.ndarray = PICTURE) -> Shown:
    persons = [as_person(Walker((-1.0 + 2 * i, 5.0)).joints(0)) for i in range(people)]
    named = [replace(person, id=i + 1) for i, person in enumerate(persons)]
    return Shown(number, image, frame_of(named, 7, 0.25), 12.34, 4 / 30, 0.21, 5)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePage]:
    monkeypatch.setattr(live_page, "_WAIT", 0.2)
    served = LivePage("park </script>.mp4")
    yield served
    served.close()


def get(address: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read()


def numbers(page: LivePage, after: int = 0) -> dict[str, Any]:
    kind, content = get(f"{page.address}state.json?after={after}")
    assert kind == "application/json"
    return json.loads(content)


def test_the_page(page: LivePage) -> None:
    """Whole in one file, at an address of this computer with a secret in it."""
    kind, content = get(page.address)
    text = content.decode()
    assert kind == "text/html; charset=utf-8" and page.address.startswith("http://127.0.0.1:")
    assert "{{" not in text and text.count("</script>") == 2 and "park \\u003c/script>.mp4" in text
    assert "http://" not in text and "https://" not in text and "//cdn" not in text
    data = json.loads(text.split('type="application/json">')[1].split("</script>")[0])
    assert data["title"] == "park </script>.mp4" and len(data["strokes"]) == len(strokes())
    with urllib.request.urlopen(page.address, timeout=30) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_only_who_knows_the_secret(page: LivePage) -> None:
    root = page.address.rsplit("/", 2)[0]
    other = LivePage("other")
    other.close()
    assert other.address.rsplit("/", 2)[1] != page.address.rsplit("/", 2)[1]
    for address in (
        f"{root}/",
        f"{root}/picture.jpg",
        f"{root}/guess/picture.jpg",
        f"{page.address}../x",
        f"{page.address}x",
    ):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(address)


def test_numbers_and_people(page: LivePage) -> None:
    """Asked for later moments than one has, the answer comes with the next."""
    assert numbers(page) == {"number": 0, "ended": None}
    page.show(shown(3))
    said = numbers(page)
    assert (said["number"], said["count"], said["fps"], said["delay"], said["latency"]) == (3, 2, 12.3, 0.133, 0.21)
    assert (said["dropped"], said["frame"], said["time"], said["ended"]) == (5, 7, 0.25, None)
    first, second = said["people"]
    assert (first["id"], second["id"], first["filled"], first["score"]) == (1, 2, False, 0.8)
    assert np.array(first["joints"]).shape == (13, 3) and 4 < first["joints"][0][2] < 6
    threading.Timer(0.05, page.show, (shown(4),)).start()
    assert numbers(page, 3)["number"] in (3, 4)  # 3 if this machine was asleep for a while
    page.end("the end of park.mp4")
    assert numbers(page, 4)["ended"] == "the end of park.mp4" and numbers(page, 99)["number"] == 4
    assert numbers(page, 0)["people"][0]["id"] == 1


def test_the_newest_picture_is_drawn_once(page: LivePage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn when somebody asks, at most 1280 pixels long."""
    drawn: list[int] = []

    def noted(one: Shown) -> np.ndarray:
        drawn.append(one.number)
        return overlay(one)

    monkeypatch.setattr(live_page, "overlay", noted)
    assert get(f"{page.address}picture.jpg") == ("image/jpeg", b"")
    page.show(shown(1))
    page.show(shown(2))
    assert not drawn
    pictures = [get(f"{page.address}picture.jpg?n=2")[1] for _ in range(3)]
    assert drawn == [2] and len(set(pictures)) == 1
    with Image.open(io.BytesIO(pictures[0])) as picture:
        assert picture.format == "JPEG" and picture.size == (1280, 720)


def test_a_large_picture_is_made_smaller() -> None:
    """With people where they were; a small one stays as it is."""
    large = overlay(shown(image=np.zeros((1440, 2560, 3), np.uint8)), 640)
    assert large.shape == (360, 640, 3) and large.any()
    small = np.zeros((100, 140, 3), np.uint8)
    assert overlay(shown(image=small)).shape == small.shape and not small.any()


def test_the_stream_is_one_that_live_reads(page: LivePage) -> None:
    """Pictures one after the other, as network cameras send them; they have no times of their own."""
    stop = threading.Event()

    def feed() -> None:
        number = 0
        while not stop.wait(0.01):
            number += 1
            page.show(shown(number, 1, np.full((48, 64, 3), 200, np.uint8)))
        page.end("enough")

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        with open_live(f"{page.address}stream.mjpg") as source:
            assert source.kind == "camera" and not source.timed and source.name.startswith("127.0.0.1/")
            frames = iter(source)
            got = [next(frames) for _ in range(3)]
            stop.set()
            assert [f.index for f in got] == [0, 1, 2] and got[0].image.shape == (48, 64, 3)
            assert len(list(frames)) < 1000  # it ends when the page does
    finally:
        stop.set()
        feeder.join()


def test_addresses() -> None:
    with pytest.raises(InputError, match="file:// is not a stream; expected rtsp"):
        open_live("file:///etc/passwd")
    with pytest.raises(FileError, match="the stream 127.0.0.1/x cannot be opened") as failed:
        open_live("http://user:secret@127.0.0.1:1/x?key=secret")
    assert "secret" not in str(failed.value)


def test_ports(page: LivePage) -> None:
    port = int(page.address.split(":")[2].split("/")[0])
    with pytest.raises(InputError, match=f"cannot be served at 127.0.0.1:{port}"):
        LivePage("second", port=port)
    with pytest.raises(InputError, match="cannot be served"):
        LivePage("second", port=70000)


def test_people_of_whom_little_is_known() -> None:
    """Missing joints are null; who has no 3D is counted, not drawn in space."""
    whole = as_person(Walker((0.0, 5.0)).joints(0))
    assert whole.body is not None and whole.body.joints3d is not None
    joints = whole.body.joints3d.copy()
    joints[3] = np.nan
    part = Person.from_body(replace(whole.body, joints3d=joints))
    flat = Person.from_body(replace(whole.body, joints3d=None, translation=None, modes=()))
    said = state(replace(shown(), people=frame_of([part, flat, Person(None, 0.5, np.zeros(4))], 0, 0.0)))
    assert said["count"] == 3 and len(said["people"]) == 1
    assert said["people"][0]["joints"][3] is None and said["people"][0]["joints"][2] is not None
    json.dumps(said, allow_nan=False)


def test_sides_of_strokes() -> None:
    sides = [s["side"] for s in strokes()]
    assert sides.count("l") == sides.count("r") >= 4 and {"l", "r", "c"} == set(sides)


class FakeCv2(SimpleNamespace):
    """What the window needs of OpenCV, noting what it was told."""

    class error(Exception):
        pass

    def __init__(self, windows: bool = True) -> None:
        super().__init__(WINDOW_NORMAL=0, WINDOW_KEEPRATIO=0, WND_PROP_VISIBLE=4, windows=windows)
        self.key, self.visible, self.told, self.closed = -1, 1.0, [], False

    def namedWindow(self, *_: object) -> None:
        if not self.windows:
            raise FakeCv2.error("the function is not implemented")

    def imshow(self, _: str, picture: np.ndarray) -> None:
        self.told.append(picture)

    def waitKey(self, _: int) -> int:
        return self.key

    def getWindowProperty(self, *_: object) -> float:
        return self.visible

    def destroyAllWindows(self) -> None:
        self.closed = True


def test_a_window_needs_a_screen_and_an_opencv_with_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", FakeCv2())  # type: ignore[arg-type]
    assert open_window("x") is None
    monkeypatch.setenv("DISPLAY", ":0")
    assert isinstance(open_window("x"), LiveWindow)
    monkeypatch.setitem(sys.modules, "cv2", FakeCv2(windows=False))  # type: ignore[arg-type]
    assert open_window("x") is None
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert open_window("x") is None


def test_the_window() -> None:
    """The picture, blue first, with its numbers below; q, Escape or its button closes it."""
    for key, visible, closed in ((-1, 1.0, False), (ord("q"), 1.0, True), (27, 1.0, True), (-1, 0.0, True)):
        cv2 = FakeCv2()
        cv2.key, cv2.visible = key, visible
        window = LiveWindow(cv2, "x")
        image = PICTURE.copy()
        image[..., 0] = 0
        window.show(shown(people=0, image=image))
        assert window.closed is closed
        picture = cv2.told[0]
        assert picture.shape == PICTURE.shape and picture[0, 0].tolist() == [120, 120, 0]
        assert (picture[-20:] != picture[0, 0]).any()
        window.end("over")
        window.close()
        assert cv2.closed
    assert caption(shown())[1] == "2 people" and caption(shown(people=1))[1] == "1 person"
