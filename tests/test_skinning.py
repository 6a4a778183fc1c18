"""The body in torch against the body in NumPy, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from anchorpose.files.body import read_body  # noqa: E402
from anchorpose.learn.check_body import random_faces, random_poses  # noqa: E402
from anchorpose.learn.skinning import SkinnedBody, nearest_rotation  # noqa: E402
from anchorpose.poses.body import BodyModel, pose_body  # noqa: E402
from anchorpose.poses.body import nearest_rotation as nearest_rotation_numpy  # noqa: E402
from anchorpose.poses.body_points import all_points  # noqa: E402
from anchorpose.poses.errors import InputError  # noqa: E402


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body()


def test_torch_is_numpy(body: BodyModel) -> None:
    rng = np.random.default_rng(0)
    shape, root = rng.normal(size=(3, 40)), rng.normal(size=(3, 3))
    rotations, actions = random_poses(body, rng, 3), random_faces(body, rng, 3)
    expected = pose_body(body, shape, rotations, root, actions)
    skinned = SkinnedBody(body, components=40)
    got = skinned(*(torch.tensor(a, dtype=torch.float32) for a in (shape, rotations, root, actions)))
    np.testing.assert_allclose(got.vertices, expected.vertices, atol=1e-5)
    np.testing.assert_allclose(got.joints, expected.joints, atol=1e-5)
    np.testing.assert_allclose(got.rotations, expected.rotations, atol=1e-5)
    np.testing.assert_allclose(got.points, all_points(body, expected), atol=1e-5)


def test_gradients_are_the_differences_of_values(body: BodyModel) -> None:
    """With respect to shape, face, place and a rotation's angle, on a few vertices in double precision."""
    some = np.flatnonzero(body.vertex_regions == body.region("lips"))[::20]
    skinned = SkinnedBody(body.subset(some)).double()
    eye = torch.eye(3, dtype=torch.float64).expand(1, len(body.bones), 3, 3)
    elbow = torch.nn.functional.one_hot(torch.tensor(body.bone("neck02")), len(body.bones)).double()

    def vertices(shape: torch.Tensor, root: torch.Tensor, faces: torch.Tensor, bend: torch.Tensor) -> torch.Tensor:
        generator = torch.tensor([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=torch.float64)
        turned = torch.matrix_exp(bend * generator)
        rotations = eye + elbow[None, :, None, None] * (turned - eye)
        return skinned(shape, rotations, root, faces).vertices

    inputs = [
        torch.full((1, 3), 0.3),
        torch.zeros(1, 3),
        torch.full((1, len(body.actions)), 0.2),
        torch.tensor([[0.4]]),
    ]
    inputs = [x.double().requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(vertices, inputs, eps=1e-5, atol=1e-6, fast_mode=True)


def test_nearest_rotation_is_that_of_numpy() -> None:
    matrices = torch.tensor(np.random.default_rng(1).normal(size=(20, 3, 3)) + 2 * np.eye(3), requires_grad=True)
    np.testing.assert_allclose(
        nearest_rotation(matrices).detach(), nearest_rotation_numpy(matrices.detach().numpy()), atol=1e-12
    )
    assert torch.autograd.gradcheck(nearest_rotation, (matrices,), fast_mode=True)


def test_one_shape_serves_many_poses(body: BodyModel) -> None:
    skinned = SkinnedBody(body.subset(np.arange(20)), components=5)
    rotations = torch.eye(3).expand(4, len(body.bones), 3, 3)
    posed = skinned(torch.zeros(1, 5), rotations, torch.arange(12.0).reshape(4, 3))
    assert posed.vertices.shape == (4, 20, 3) and posed.points is None
    torch.testing.assert_close(posed.vertices[3] - posed.vertices[0], torch.full((20, 3), 9.0), atol=1e-5, rtol=0)


def test_wrong_arguments_are_named(body: BodyModel) -> None:
    skinned = SkinnedBody(body.subset(np.arange(5)), components=5)
    with pytest.raises(InputError, match="rotations must be"):
        skinned(torch.zeros(1, 5), torch.eye(3)[None], torch.zeros(1, 3))
    with pytest.raises(InputError, match="shape must be"):
        skinned(torch.zeros(1, 6), torch.eye(3).expand(1, len(body.bones), 3, 3), torch.zeros(1, 3))
