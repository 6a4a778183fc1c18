"""What makes the body that ships, as far as it can be tested without Anny."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from anchorpose.files.body import read_body
from anchorpose.learn.body_landmarks import contour_points, fit_regressors, landmark_points, mirror_vertices
from anchorpose.learn.body_regions import REGIONS, bone_region
from anchorpose.learn.export_anny import reduce_shapes, uniform_phenotypes
from anchorpose.poses.body import BodyModel
from anchorpose.poses.phenotypes import phenotype_shapes


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return read_body()


def test_a_reduced_basis_gives_the_shapes_back(body: BodyModel) -> None:
    """All components: exactly; few: with less error than the spread."""
    fall = (1 / (1 + np.arange(len(body.shape_basis)))).astype(np.float32)  # as the lengths of real components do
    model = replace(body.phenotypes, projection=body.phenotypes.projection * fall, offset=body.phenotypes.offset * fall)
    rows = uniform_phenotypes(model, np.random.default_rng(0), 50)
    full = phenotype_shapes(model, rows).astype(float)
    for components, most in ((len(body.shape_basis), 1e-3), (40, 0.15)):
        reduced, mean, directions = reduce_shapes(model, components, seed=1, people=200)
        coefficients = phenotype_shapes(reduced, rows)
        back = mean + coefficients @ directions
        assert np.sqrt(((back - full) ** 2).mean()) < most * np.sqrt(((full - full.mean(0)) ** 2).mean())
        assert 0.05 < np.sqrt((coefficients[:, :10] ** 2).mean()) < 3


def test_the_points_that_ship_are_those_of_the_lists(body: BodyModel) -> None:
    again = landmark_points(body)
    assert sorted(again.names) == sorted(body.points.names)

    def vertices(points: object, name: str) -> dict[int, float]:
        i = points.names.index(name)  # type: ignore[attr-defined]
        pairs = zip(points.vertices[i], points.weights[i], strict=True)  # type: ignore[attr-defined]
        return {int(v): round(float(w), 3) for v, w in pairs if w > 0}

    for name in (
        "face84/l_eye0",
        "face84/r_brow2",
        "face84/contour3",
        "left_hand/index4",
        "feet/r_heel",
        "coco17/l_ear",
    ):
        assert vertices(again, name) == vertices(body.points, name), name


def test_contour_points_are_evenly_spaced(body: BodyModel) -> None:
    """From the chin to the ear on the left; depth counts half."""
    places = [body.vertices[list(w)].T @ list(w.values()) for w in contour_points(body).values()]
    gaps = np.linalg.norm(np.diff(np.array(places) * [1, 1, 0.5], axis=0), axis=1)
    assert len(places) == 17 and gaps.min() > 0.75 * gaps.max()


def test_mirrored_twice_is_where_one_was(body: BodyModel) -> None:
    mirror = mirror_vertices(body)
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))


def test_a_dozen_vertices_do_for_a_regressor(body: BodyModel) -> None:
    """The middle of the left knee from a ring of hundreds: within a few millimetres in shapes and poses it was not
    fitted to."""
    knee = body.joints[body.bone("lowerleg01.L")]
    ring = np.linalg.norm(body.vertices - knee, axis=1) < 0.09
    some = body.subset(ring)
    weights = np.full(len(some.vertices), 1 / len(some.vertices))
    fitted = fit_regressors(some, {"knee": weights})["knee"]
    assert 3 <= len(fitted) <= 12 and abs(sum(fitted.values()) - 1) < 1e-9
    coefficients = np.random.default_rng(1).normal(size=10)
    moved = some.vertices + np.tensordot(coefficients, some.shape_basis[:10], axes=1)
    here = moved[list(fitted)].T @ list(fitted.values())
    assert np.linalg.norm(here - weights @ moved) < 5e-3


def test_every_bone_has_a_region(body: BodyModel) -> None:
    assert {bone_region(name) for name in body.bones} <= set(REGIONS)
    assert bone_region("finger2-1.R") == "r_hand" and bone_region("toe1-1.L") == "l_foot"
    with pytest.raises(ValueError, match="tail"):
        bone_region("tail")
    present = {body.regions[i] for i in np.unique(body.face_regions)}
    assert present == set(REGIONS)
