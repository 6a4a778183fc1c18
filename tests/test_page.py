"""The page of moving skeletons: what is in it, and that a browser draws it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.files.body_fit import shape_of_lengths
from anchorpose.files.points import Points, points_of_motion, points_of_people
from anchorpose.poses.body import pose_body
from anchorpose.poses.errors import InputError
from anchorpose.poses.joints import LEFT_COLOR, RIGHT_COLOR
from anchorpose.poses.rotations import quat_xyzw_to_matrix
from anchorpose.share.page import write_page
from moving_people import moving, people_frames


def content(path: Path) -> dict:
    text = path.read_text()
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.S)[1])


def test_what_is_in_it(tmp_path: Path) -> None:
    """Positions to a millimetre, missing ones marked, sides and lines by joint, nothing from outside."""
    people = [*points_of_people(people_frames()), points_of_motion(moving(), 5)]
    write_page(people, tmp_path / "a.html", title="a <b> & </script>")
    text = (tmp_path / "a.html").read_text()
    assert "</script>&" not in text and "<title>a &lt;b&gt; &amp; &lt;/script&gt;</title>" in text
    assert not re.search(r"(src|href)\s*=|https?://|import\s*\(|fetch\(", text)
    data = content(tmp_path / "a.html")
    assert [p["name"] for p in data["people"]] == ["1", "2", "5"]
    for given, found in zip(people, data["people"], strict=True):
        stored = np.frombuffer(base64.b64decode(found["positions"]), "<i2").reshape(given.positions.shape)
        missing = (stored == -32768).all(-1)
        np.testing.assert_array_equal(missing, np.isnan(given.positions).any(-1))
        places = stored * data["step"] + data["middle"]
        np.testing.assert_allclose(places[~missing], given.positions[~missing], atol=0.00051)
        assert found["edges"] == [list(edge) for edge in given.edges]
        assert len(found["sides"]) == found["joints"] == len(given.names)
    names = people[0].names
    assert {names[k][0] for k, side in enumerate(data["people"][0]["sides"]) if side == "l"} == {"l"}
    assert data["people"][0]["head"] == [names.index(n) for n in ("head", "l_shoulder", "r_shoulder")]
    assert data["people"][2]["head"] == []  # a neck leads to it


@pytest.mark.parametrize(
    ("names", "sides"),
    [
        (("l_knee", "r_knee", "head", "pelvis"), "lrcc"),
        (("upperleg01.L", "toe1-1.R", "root", "head"), "lrcc"),
        (("LeftUpLeg", "RightArm", "Spine", "Neck"), "lrcc"),
        (("CC_Base_L_Thigh", "CC_Base_R_Hand", "CC_Base_Hip", "CC_Base_Head"), "lrcc"),
        (("lShin", "rForeArm", "hip", "rolling"), "lrcc"),
        (("left_ankle", "right_ankle", "lower", "relbow_mid"), "lrcc"),
    ],
)
def test_sides_by_name(tmp_path: Path, names: tuple[str, ...], sides: str) -> None:
    write_page([Points(None, names, [0], np.zeros((1, 4, 3)))], tmp_path / "a.html")
    assert content(tmp_path / "a.html")["people"][0]["sides"] == sides


def test_far_apart_and_nobody(tmp_path: Path) -> None:
    positions = np.array([[[0.0, 0, 0], [200.0, 1, 0]]])
    write_page([Points(1, ("a", "b"), [0], positions)], tmp_path / "a.html")
    data = content(tmp_path / "a.html")
    stored = np.frombuffer(base64.b64decode(data["people"][0]["positions"]), "<i2").reshape(1, 2, 3)
    np.testing.assert_allclose(stored * data["step"] + data["middle"], positions, atol=0.002)
    write_page([], tmp_path / "b.html")
    assert content(tmp_path / "b.html")["people"] == []
    write_page([Points(1, ("a",), [0], np.full((1, 1, 3), np.nan))], tmp_path / "c.html")
    assert content(tmp_path / "c.html")["floor"] == 0


def test_bodies(tmp_path: Path) -> None:
    """What the page skins with is our own body, to some millimetres: its vertices with the four heaviest bones."""
    motions = [moving(3, swing=0.2), moving(2, seed=1, frame="camera")]
    people = [points_of_motion(motion, k) for k, motion in enumerate(motions)]
    write_page(people, tmp_path / "a.html", bodies=motions)
    mesh = content(tmp_path / "a.html")["mesh"]

    def array(text: str, kind: str, width: int) -> np.ndarray:
        return np.frombuffer(base64.b64decode(text), kind).reshape(-1, width)

    body, figure, frame = read_body(), mesh["people"][0], 2
    np.testing.assert_array_equal(array(mesh["faces"], "<u2", 3), body.faces)
    local = quat_xyzw_to_matrix(array(figure["quats"], "<i2", 4).reshape(3, 104, 4)[frame])
    world, places = [], []
    for j, parent in enumerate(mesh["parents"]):
        world.append(local[j] if parent < 0 else world[parent] @ local[j])
        step = world[parent] @ figure["offsets"][j] + places[parent] if parent >= 0 else figure["places"][frame]
        places.append(np.array(step))
    skin = np.stack(world) @ quat_xyzw_to_matrix(figure["bind"])
    moved = np.stack(places) - (skin @ np.array(figure["joints"])[..., None])[..., 0]
    weights = array(mesh["weights"], "u1", 4) / array(mesh["weights"], "u1", 4).sum(1, keepdims=True)
    bones, vertices = array(mesh["bones"], "u1", 4), array(figure["vertices"], "<i2", 3) * mesh["step"]
    each = (skin[bones] @ vertices[:, None, :, None])[..., 0] + moved[bones]
    shape = shape_of_lengths(body, motions[0].bone_lengths)
    expected = pose_body(body, shape, motions[0].rotations[[frame]], motions[0].translation[[frame]]).vertices[0]
    off = np.linalg.norm((weights[..., None] * each).sum(1) - expected, axis=1)
    assert np.median(off) < 1e-3 and np.mean(off < 2e-3) > 0.9 and off.max() < 0.03
    with pytest.raises(InputError, match="frame by frame"):
        write_page(people[:1], tmp_path / "b.html", bodies=motions)
    write_page([], tmp_path / "c.html", bodies=[])
    assert content(tmp_path / "c.html")["mesh"] is None


def test_a_browser_draws_it(tmp_path: Path) -> None:
    """Opened from disk, left and right are there in their colours."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no browser (chromium) is installed")
    from PIL import Image

    write_page([points_of_motion(moving(4, swing=0.1), 5)], tmp_path / "a.html")
    picture = tmp_path / "a.png"
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--window-size=500,400", f"--screenshot={picture}", f"file://{tmp_path / 'a.html'}#t=0.1&yaw=0"],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    pixels = np.asarray(Image.open(picture).convert("RGB"))[:330].astype(int)
    for color in (LEFT_COLOR, RIGHT_COLOR):
        assert (np.abs(pixels - color).max(-1) < 8).sum() > 200
