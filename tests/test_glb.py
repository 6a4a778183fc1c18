"""GLB: valid, opened by other programs, and skinned by glTF's rules as our own body is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from anchorpose.files.body import read_body
from anchorpose.files.body_fit import shape_of_lengths
from anchorpose.files.glb import read_motions_glb, write_motions_glb
from anchorpose.files.gltf import accessor_rows, read_glb
from anchorpose.poses.body import pose_body, shape_body
from anchorpose.poses.canonical import REST_LENGTHS
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import canonical_joints
from anchorpose.poses.rotations import quat_xyzw_to_matrix
from moving_people import degrees_apart, moving

_VALIDATE = """
const { validateBytes } = require('gltf-validator');
validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])), {maxIssues: 20})
  .then(report => console.log(JSON.stringify(report)));
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, the second seen by a camera and shown with all the body's weights."""
    folder = tmp_path_factory.mktemp("glb")
    write_motions_glb([moving(5), moving(1, frame="camera", seed=1)], folder / "a.glb", people=[4, 9])
    write_motions_glb([moving(3, swing=0.3)], folder / "all.glb", influences=12)
    return folder


def skinned(path: Path, frame: int) -> np.ndarray:
    """Vertices (V, 3) of the first person at one of its frames, by the rules of glTF 2.0 (3.7.3.3, "skins")."""
    content, data = read_glb(path)
    nodes = content["nodes"]
    local = {}
    for k, node in enumerate(nodes):
        local[k] = [np.array(node.get("translation", [0, 0, 0])), np.array(node.get("rotation", [0, 0, 0, 1]))]
    animation = content["animations"][0]
    for channel in animation["channels"]:
        rows = accessor_rows(content, data, animation["samplers"][channel["sampler"]]["output"])
        local[channel["target"]["node"]][channel["target"]["path"] == "rotation"] = rows[frame].astype(float)
    parents = {child: k for k, node in enumerate(nodes) for child in node.get("children", ())}

    def world(k: int) -> np.ndarray:
        matrix = np.eye(4)
        matrix[:3, 3], matrix[:3, :3] = local[k][0], quat_xyzw_to_matrix(local[k][1])
        return world(parents[k]) @ matrix if k in parents else matrix

    skin = content["skins"][0]
    bind = accessor_rows(content, data, skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
    matrices = np.stack([world(k) @ b for k, b in zip(skin["joints"], bind, strict=True)])
    attributes = content["meshes"][0]["primitives"][0]["attributes"]
    points = accessor_rows(content, data, attributes["POSITION"]).astype(float)
    blended = np.zeros((len(points), 4, 4))
    for k in range(3):
        if f"JOINTS_{k}" in attributes:
            bones, weights = (accessor_rows(content, data, attributes[f"{n}_{k}"]) for n in ("JOINTS", "WEIGHTS"))
            for column in range(4):
                blended += weights[:, column, None, None] * matrices[bones[:, column]]
    return (blended[:, :3, :3] @ points[..., None])[..., 0] + blended[:, :3, 3]


def test_skinning_is_that_of_the_body(made: Path) -> None:
    """With all weights within 0.1 mm; with the four heaviest, within a millimetre for nine of ten vertices."""
    body = read_body()
    for name, frames, swing in (("all.glb", 3, 0.3), ("a.glb", 5, 0.5)):
        motion = moving(frames, swing=swing)
        shape = shape_of_lengths(body, motion.bone_lengths)
        frame = frames - 1
        expected = pose_body(body, shape, motion.rotations[[frame]], motion.translation[[frame]]).vertices[0]
        off = np.linalg.norm(skinned(made / name, frame) - expected, axis=1)
        if name == "all.glb":
            assert off.max() < 1e-4
        else:
            assert np.median(off) < 1e-4 and np.mean(off < 1e-3) > 0.9 and off.max() < 0.05


def test_it_comes_back(made: Path) -> None:
    (first, one), (second, two) = read_motions_glb(made / "a.glb")
    assert (first, second) == (4, 9)
    given = moving(5)
    assert degrees_apart(one, given) < 1e-3
    np.testing.assert_allclose(one.translation, given.translation, atol=1e-6)
    np.testing.assert_allclose(one.times, given.times, atol=1e-6)
    np.testing.assert_allclose(one.bone_lengths, given.bone_lengths)
    np.testing.assert_array_equal(one.observed, given.observed)
    seen = moving(1, frame="camera", seed=1)
    assert (two.frame, len(two)) == ("world", 1)
    np.testing.assert_allclose(two.root[0], np.diag([1.0, -1, -1]) @ seen.root[0], atol=1e-6)


def test_quaternions_take_the_short_way(made: Path) -> None:
    content, data = read_glb(made / "a.glb")
    for channel in content["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            sampler = content["animations"][0]["samplers"][channel["sampler"]]
            rows = accessor_rows(content, data, sampler["output"])
            assert ((rows[1:] * rows[:-1]).sum(1) > 0).all()


@pytest.mark.slow
def test_the_validator_has_nothing_to_say(made: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    modules = Path(sys.prefix) / "npm" / "node_modules"
    if not (modules / "gltf-validator").is_dir():
        pytest.skip("gltf-validator is not installed (make slow installs it)")
    for name in ("a.glb", "all.glb"):
        done = subprocess.run(
            [node, "-e", _VALIDATE, str(made / name)], env={"NODE_PATH": str(modules)}, capture_output=True, text=True,
            check=True, timeout=120,
        )  # fmt: skip
        report = json.loads(done.stdout)
        assert report["issues"]["numErrors"] == 0, report["issues"]["messages"]
        assert report["issues"]["numWarnings"] == 0, report["issues"]["messages"]
        assert report["info"]["animationCount"] == report["info"]["drawCallCount"] > 0


def test_pygltflib_opens_it(made: Path) -> None:
    pygltflib = pytest.importorskip("pygltflib", reason="pygltflib is not installed")
    other = pygltflib.GLTF2().load(str(made / "a.glb"))
    assert [skin.name for skin in other.skins] == ["person_4", "person_9"]
    assert len(other.skins[0].joints) == 104
    assert [animation.name for animation in other.animations] == ["person_4", "person_9"]
    assert other.nodes[other.skins[0].joints[0]].name == "root"


def test_trimesh_opens_it(made: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    scene = trimesh.load(made / "a.glb")
    body = read_body()
    shape = shape_of_lengths(body, moving(5).bone_lengths)
    shaped = shape_body(body, shape)
    mesh = next(iter(scene.geometry.values()))
    assert mesh.faces.shape == body.faces.shape
    np.testing.assert_allclose(mesh.bounds, [shaped.vertices[0].min(0), shaped.vertices[0].max(0)], atol=1e-5)


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_a_body_of_given_bones(scale: float) -> None:
    """Joints of the fitted body lie within a centimetre or so of the motion's."""
    body, motion = read_body(), moving(4)
    lengths = scale * REST_LENGTHS
    shape = shape_of_lengths(body, lengths)
    assert np.abs(shape).max() < 3
    joints = canonical_joints(motion.rotations, motion.translation, lengths)[0]
    posed = pose_body(body, shape, motion.rotations, motion.translation).joints
    assert np.linalg.norm(posed - joints, axis=-1).mean() < 0.01
    with pytest.raises(InputError, match="104 finite bone lengths"):
        shape_of_lengths(body, lengths[:5])


def test_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    with pytest.raises(InputError, match="at least one motion"):
        write_motions_glb([], path)
    with pytest.raises(InputError, match="4, 8 or 12"):
        write_motions_glb([moving(1)], path, influences=5)
    path.write_bytes(b"no GLB at all, but long enough")
    with pytest.raises(FormatError, match="not a GLB"):
        read_motions_glb(path)
    write_motions_glb([moving(1)], path)
    raw = path.read_bytes()
    path.write_bytes(raw[:5000])
    with pytest.raises(FormatError, match="ends too early"):
        read_motions_glb(path)
    path.write_bytes(raw.replace(b'"anchorpose":{', b'"anotherpose":{'))
    with pytest.raises(FormatError):
        read_motions_glb(path)
