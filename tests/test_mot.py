"""MOT: OpenSim's coordinates, by hand for single joints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.mot import Coordinates, coordinates_of_motion, read_mot, write_mot
from anchorpose.poses.canonical import ANNY, REST_AXES, REST_LENGTHS
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z
from anchorpose.poses.values import Motion
from moving_people import moving


def posed(**turns: np.ndarray) -> Coordinates:
    """Coordinates of the reference pose with some bones turned (`__` stands for the dot)."""
    rotations = np.broadcast_to(np.eye(3), (1, len(ANNY), 3, 3)).copy()
    for name, turn in turns.items():
        rotations[0, ANNY.index(name.replace("__", "."))] = turn
    motion = Motion("anny", [0.0], rotations[:, 0], rotations, [[0.1, 0.9, 0.3]], REST_LENGTHS, "world", [True])
    return coordinates_of_motion(motion)


REST = posed()


def change(name: str, **turns: np.ndarray) -> float:
    return float(posed(**turns)[name][0] - REST[name][0])


def test_the_reference_pose() -> None:
    """Legs nearly straight, arms 42 degrees away from the body, elbows bent by 42; left as right."""
    assert REST["knee_angle_r"][0] == pytest.approx(8.6, abs=0.5)
    assert REST["arm_add_l"][0] == pytest.approx(-42, abs=1)
    assert REST["elbow_flex_r"][0] == pytest.approx(42, abs=1)
    assert abs(REST["lumbar_extension"][0]) < 1e-9
    for name in REST.names:
        if name.endswith("_r"):
            assert REST[name][0] == pytest.approx(REST[name[:-1] + "l"][0], abs=1e-6), name
    np.testing.assert_allclose([REST[f"pelvis_t{a}"][0] for a in "xyz"], [0.3, 0.9, -0.1], atol=1e-12)


@pytest.mark.parametrize("side", ["r", "l"])
def test_signs_of_the_legs(side: str) -> None:
    bone = {
        "hip": f"upperleg01__{side.upper()}",
        "knee": f"lowerleg01__{side.upper()}",
        "foot": f"foot__{side.upper()}",
    }
    out = 1 if side == "l" else -1  # the left is at +x
    assert change(f"hip_flexion_{side}", **{bone["hip"]: rotation_x(-0.5)}) == pytest.approx(28.6, abs=1)
    assert change(f"knee_angle_{side}", **{bone["knee"]: rotation_x(0.5)}) == pytest.approx(28.6, abs=1)
    assert change(f"ankle_angle_{side}", **{bone["foot"]: rotation_x(-0.3)}) == pytest.approx(17.2, abs=1)
    assert change(f"hip_adduction_{side}", **{bone["hip"]: rotation_z(out * 0.3)}) == pytest.approx(-17.2, abs=1)
    # Toes to the inside is positive.
    assert change(f"hip_rotation_{side}", **{bone["hip"]: rotation_y(-out * 0.3)}) == pytest.approx(17.2, abs=1.5)


@pytest.mark.parametrize("side", ["r", "l"])
def test_signs_of_the_arms(side: str) -> None:
    out = 1 if side == "l" else -1
    arm = f"upperarm01__{side.upper()}"
    assert change(f"arm_add_{side}", **{arm: rotation_z(out * 0.3)}) == pytest.approx(-17.2, abs=1)
    hanging = rotation_z(-out * np.radians(42))
    raised = posed(**{arm: rotation_x(-0.6) @ hanging})[f"arm_flex_{side}"][0]
    assert raised - posed(**{arm: hanging})[f"arm_flex_{side}"][0] == pytest.approx(34.4, abs=2)
    forearm = f"lowerarm01__{side.upper()}"
    bend = rotvec_to_matrix(0.4 * REST_AXES[ANNY.index(forearm.replace("__", "."))][:, 0])
    assert change(f"elbow_flex_{side}", **{forearm: bend}) == pytest.approx(22.9, abs=1)


def test_signs_of_the_trunk() -> None:
    """Leaning forward is a negative tilt and a negative extension; a turn to the left is positive."""
    assert change("pelvis_tilt", root=rotation_x(0.2)) == pytest.approx(-11.5, abs=0.1)
    assert change("pelvis_rotation", root=rotation_y(0.2)) == pytest.approx(11.5, abs=0.1)
    assert change("lumbar_extension", spine01=rotation_x(0.2)) == pytest.approx(-11.5, abs=0.1)
    # Leaning to the right, about the forward axis, is positive.
    assert change("lumbar_bending", spine01=rotation_z(0.2)) == pytest.approx(11.5, abs=0.1)


def test_it_comes_back(tmp_path: Path) -> None:
    coordinates = coordinates_of_motion(moving(20))
    write_mot(coordinates, tmp_path / "a.mot")
    back = read_mot(tmp_path / "a.mot")
    assert back.names == coordinates.names
    np.testing.assert_allclose(back.values, coordinates.values, atol=1e-6)
    text = (tmp_path / "a.mot").read_text().splitlines()
    assert text[:6] == ["a", "version=1", "nRows=20", f"nColumns={1 + len(back.names)}", "inDegrees=yes", "endheader"]
    assert text[6].split("\t")[:2] == ["time", "pelvis_tilt"]
    assert np.abs(np.diff(coordinates["pelvis_rotation"])).max() < 60


def test_another_program_reads_it(tmp_path: Path) -> None:
    """As a table: numpy skips the header and finds the columns."""
    coordinates = coordinates_of_motion(moving(5))
    write_mot(coordinates, tmp_path / "a.mot")
    table = np.genfromtxt(tmp_path / "a.mot", skip_header=6, names=True, delimiter="\t")
    assert table.dtype.names == ("time", *coordinates.names)
    np.testing.assert_allclose(table["knee_angle_r"], coordinates["knee_angle_r"], atol=1e-6)


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "a.mot"
    write_mot(coordinates_of_motion(moving(2)), path)
    text = path.read_text()
    for old, new, message in (
        ("endheader", "header", "no endheader"), ("inDegrees=yes", "inDegrees=no", "radians"),
        ("time\t", "t\t", "first column"), ("0.000000\t", "x\t", "line 8"),
    ):  # fmt: skip
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(FormatError, match=message):
            read_mot(path)
    with pytest.raises(InputError, match="no coordinate"):
        REST["nose"]
