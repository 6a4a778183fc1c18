"""The report on the transfer: what it measures, and that a flip is found."""

from dataclasses import replace

import numpy as np

from anchorpose.files.images import read_image
from anchorpose.files.mocap import read_index, read_record
from anchorpose.files.segments import tracks
from anchorpose.measure.transfer_report import flips, joint_errors, main, measure_clip
from anchorpose.poses.canonical import ANNY, PARENTS
from anchorpose.poses.kinematics import canonical_joints
from anchorpose.poses.retarget import retarget
from anchorpose.poses.transforms import rotation_y
from anchorpose.share.motion_sheet import MotionCompared, motion_sheet
from mocap_files import write_folder


def test_a_folder_is_reported(tmp_path, capsys) -> None:
    root = write_folder(tmp_path / "mocap")
    page = tmp_path / "page.md"
    assert main([str(root), "--out", str(page)]) == 0
    text = page.read_text()
    assert "| made | 2 | 7 |" in text and "No bone flips." in text
    assert "2 clips" in capsys.readouterr().out
    assert main([str(tmp_path / "nothing"), "--out", str(page)]) == 2
    assert "nothing" in capsys.readouterr().err


def test_errors_are_in_centimetres(tmp_path) -> None:
    root = write_folder(tmp_path / "mocap", (4,))
    found = tracks(read_record(root, read_index(root)[0]))
    carried = retarget(found)
    moved = replace(carried, translation=carried.translation + (0.02, 0, 0))
    np.testing.assert_allclose(joint_errors(found, moved)[:, 4:6], 2.0, atol=1e-3)
    clip = measure_clip(root, read_index(root)[0])
    assert clip.flips == 0 and clip.broken == 0 and clip.step < 1e-3 and clip.frames == 4


def test_a_flip_is_found(tmp_path) -> None:
    root = write_folder(tmp_path / "mocap", (4,))
    found = tracks(read_record(root, read_index(root)[0]))
    carried = retarget(found)
    rotations = carried.rotations.copy()
    rotations[2:, ANNY.index("upperarm01.L")] = rotation_y(2.0)
    wrong, steps, explained = flips(found, replace(carried, rotations=rotations))
    assert np.argwhere(wrong).tolist() == [[1, ANNY.index("upperarm01.L")]]
    assert steps[1, ANNY.index("upperarm01.L")] > 90 and explained[1, ANNY.index("upperarm01.L")] < 1e-3
    broken = replace(carried, rotations=rotations, sound=np.array([True, False, True, True]))
    assert not flips(found, broken)[0].any()


def test_a_sheet_is_drawn(tmp_path) -> None:
    """The source in grey, the canonical skeleton in the colours of its sides, the body in shades."""
    root = write_folder(tmp_path / "mocap", (4,))
    clip = read_record(root, read_index(root)[0])
    carried = retarget(tracks(clip))
    joints, _ = canonical_joints(carried.rotations, carried.translation, carried.bone_lengths)
    square = np.array([[-0.2, 0.0, 0], [0.2, 0.0, 0], [0.2, 1.6, 0], [-0.2, 1.6, 0]])
    body = np.broadcast_to(square, (2, 4, 3))
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    motion = MotionCompared("walk", clip.positions[:2], clip.parents, joints[:2], body, faces, np.pi / 2)
    sheet = motion_sheet([motion, replace(motion, azimuth=0.0)], tmp_path / "sheet.png")
    assert np.array_equal(read_image(tmp_path / "sheet.png"), sheet)
    colors = {tuple(c) for c in sheet.reshape(-1, 3)}
    assert {ANNY.joints[ANNY.index(f"foot.{side}")].color for side in "LR"} <= colors
    assert len(PARENTS) == joints.shape[1]
