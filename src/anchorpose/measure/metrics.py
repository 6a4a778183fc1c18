"""Metrics of 2D and 3D body pose, defined once (design: "Metrics, defined once"). Pure NumPy.

3D metrics take camera-oriented metres and give millimetres where the name says an error, shares where it says PCK.
Body metrics use the 12 joints of BODY13 without the head (`BODY12`), rooted at the middle of the hips.

Every pose-level function is batched: `pred` and `truth` are (..., J, D), `mask` is (..., J) and True where a joint is
labelled; the result is (...,). A truth of NaN counts as not labelled. A prediction of NaN is a joint that was not
found: errors leave it out (so read them beside a coverage), PCK counts it as wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import BODY13, COCO17, get_skeleton

BODY12: tuple[str, ...] = BODY13.names[:12]
R_HIP, L_HIP = BODY12.index("r_hip"), BODY12.index("l_hip")
R_SHOULDER, L_SHOULDER = BODY12.index("r_shoulder"), BODY12.index("l_shoulder")
BODY12_SIGMAS: np.ndarray = COCO17.sigmas[[COCO17.index(name) for name in BODY12]]

PCK3D_THRESHOLD = 0.15
# MPI-INF-3DHP (Mehta et al., 3DV 2017): the area under PCK3D from 0 to 150 mm is the mean over 31 thresholds.
AUC3D_THRESHOLDS: np.ndarray = np.linspace(0.0, PCK3D_THRESHOLD, 31)
PCK2D_ALPHA = 0.2
PCKH_ALPHA = 0.5
FOUND_OKS = 0.1

_EPS = 1e-12
_MM = 1000.0


@dataclass(frozen=True)
class Score:
    """A mean with what stands behind it: `coverage` is the share that was found, `count` how many there were."""

    value: float
    coverage: float
    count: int


def summarise(values: np.ndarray, missed: float | None = None) -> Score:
    """Mean of the finite `values`; NaN marks one that was not found.

    Args:
        values: (N,) one number per pose or person, NaN where there is none.
        missed: what one that was not found counts as (0 for PCK); None leaves it out of the mean.
    """
    values = np.asarray(values, float).ravel()
    found = np.isfinite(values)
    counted = values[found] if missed is None else np.where(found, values, missed)
    value = float(counted.mean()) if counted.size else float("nan")
    return Score(value, float(found.mean()) if found.size else float("nan"), int(values.size))


def body12(points: np.ndarray, skeleton: str) -> np.ndarray:
    """Pick the 12 body joints, (..., J, D) of any skeleton that names them -> (..., 12, D) in the order of `BODY12`."""
    names = get_skeleton(skeleton)
    points = np.asarray(points)
    if points.ndim < 2 or points.shape[-2] != len(names):
        raise InputError(f"{skeleton} has {len(names)} joints, but the points have the shape {points.shape}")
    return points[..., [names.index(name) for name in BODY12], :]


# ---- 3D -------------------------------------------------------------------------------------------------------------


def center_on_midhip(points: np.ndarray, hips: tuple[int, int] = (R_HIP, L_HIP)) -> np.ndarray:
    """`points` (..., J, D) relative to the middle of the two joints numbered `hips`."""
    points = np.asarray(points, float)
    return points - (points[..., hips[0], :] + points[..., hips[1], :])[..., None, :] / 2


def mpjpe(
    pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, hips: tuple[int, int] | None = (R_HIP, L_HIP)
) -> np.ndarray:
    """Mean per-joint position error after root centring, mm.

    Args:
        pred, truth: (..., J, 3) metres.
        mask: (..., J) True where labelled; all if None.
        hips: joints whose middle is the root; None takes the points as they are.

    Returns:
        (...,) mm; NaN where no joint counts.
    """
    pred, truth, mask = _prepare(pred, truth, mask, hips)
    return _mean_error(pred, truth, mask)


def n_mpjpe(
    pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, hips: tuple[int, int] | None = (R_HIP, L_HIP)
) -> np.ndarray:
    """MPJPE after root centring and the best scale (least squares; Rhodin et al., CVPR 2018), mm. Shapes as `mpjpe`."""
    pred, truth, mask = _prepare(pred, truth, mask, hips)
    return _mean_error(align_scale(pred, truth, mask), truth, mask)


def pa_mpjpe(pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """MPJPE after the best similarity (Procrustes: proper rotation, scale, shift), mm. Shapes as `mpjpe`.

    NaN where fewer than 3 joints count: any two points fit any two.
    """
    pred, truth, mask = _prepare(pred, truth, mask, None)
    error = _mean_error(align_similarity(pred, truth, mask), truth, mask)
    return np.where(mask.sum(-1) >= 3, error, np.nan)


def pck3d(
    pred: np.ndarray,
    truth: np.ndarray,
    mask: np.ndarray | None = None,
    threshold: float = PCK3D_THRESHOLD,
    hips: tuple[int, int] | None = (R_HIP, L_HIP),
) -> np.ndarray:
    """Share of the labelled joints within `threshold` metres after root centring. Shapes as `mpjpe`.

    A joint that was not found, and every joint of a pose whose hips were not found, is wrong.
    """
    return _share_within(pred, truth, mask, np.array([threshold]), hips)


def auc3d(
    pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None, hips: tuple[int, int] | None = (R_HIP, L_HIP)
) -> np.ndarray:
    """Mean of `pck3d` over the 31 thresholds 0, 5, ..., 150 mm. Shapes as `mpjpe`."""
    return _share_within(pred, truth, mask, AUC3D_THRESHOLDS, hips)


def best_of_modes(errors: np.ndarray, n: int) -> np.ndarray:
    """Least error among the first `n` modes.

    Args:
        errors: (..., M) the modes' errors, by falling weight, NaN where there are fewer than M.
    """
    if n < 1:
        raise InputError(f"best of {n} modes: at least 1 is needed")
    return _min_ignoring_nan(np.asarray(errors, float)[..., :n])


def align_scale(pred: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`pred` times the scale (never below 0) that is best for `truth` in least squares, over the joints in `mask`."""
    weights = mask[..., None]
    both = np.where(weights, pred * truth, 0.0).sum((-2, -1))
    own = np.where(weights, pred * pred, 0.0).sum((-2, -1))
    scale = np.where(own > _EPS, np.maximum(both, 0.0) / np.maximum(own, _EPS), 1.0)
    return pred * scale[..., None, None]


def align_similarity(pred: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`pred` turned, scaled and shifted onto `truth`, least squares over `mask` (Umeyama, PAMI 1991), no reflection.

    Args:
        pred, truth: (..., J, D). Joints outside `mask` (..., J) may be NaN; they are moved along.
    """
    weights = mask[..., None]
    count = np.maximum(weights.sum(-2, keepdims=True), 1)
    mean_pred = np.where(weights, pred, 0.0).sum(-2, keepdims=True) / count
    mean_truth = np.where(weights, truth, 0.0).sum(-2, keepdims=True) / count
    a = np.where(weights, pred - mean_pred, 0.0)
    b = np.where(weights, truth - mean_truth, 0.0)
    u, singular, vt = np.linalg.svd(np.swapaxes(a, -1, -2) @ b)
    signs = np.ones_like(singular)
    signs[..., -1] = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1.0, 1.0)
    own = (a * a).sum((-2, -1))
    scale = np.where(own > _EPS, (singular * signs).sum(-1) / np.maximum(own, _EPS), 1.0)
    rotation = (u * signs[..., None, :]) @ vt  # row vectors: b ~ scale * a @ rotation
    return scale[..., None, None] * (pred - mean_pred) @ rotation + mean_truth


def _prepare(
    pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None, hips: tuple[int, int] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Broadcast and root both; the mask that comes out holds the joints that are labelled and were found."""
    pred, truth, labelled = _broadcast(pred, truth, mask)
    if hips is not None:
        pred, truth = center_on_midhip(pred, hips), center_on_midhip(truth, hips)
    return pred, truth, labelled & np.isfinite(pred).all(-1) & np.isfinite(truth).all(-1)


def _broadcast(
    pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pred, truth = np.asarray(pred, float), np.asarray(truth, float)
    if pred.ndim < 2 or truth.ndim < 2 or pred.shape[-2:] != truth.shape[-2:]:
        raise InputError(f"prediction {pred.shape} and truth {truth.shape} should both be (..., J, D)")
    pred, truth = np.broadcast_arrays(pred, truth)
    labelled = np.isfinite(truth).all(-1)
    if mask is not None:
        labelled = labelled & np.broadcast_to(np.asarray(mask, bool), labelled.shape)
    return pred, truth, labelled


def _mean_error(pred: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    distances = np.linalg.norm(pred - truth, axis=-1)
    total = np.where(mask, distances, 0.0).sum(-1)
    count = mask.sum(-1)
    return np.where(count > 0, _MM * total / np.maximum(count, 1), np.nan)


def _share_within(
    pred: np.ndarray,
    truth: np.ndarray,
    mask: np.ndarray | None,
    thresholds: np.ndarray,
    hips: tuple[int, int] | None,
) -> np.ndarray:
    pred, truth, labelled = _broadcast(pred, truth, mask)
    if hips is not None:
        pred, truth = center_on_midhip(pred, hips), center_on_midhip(truth, hips)
        labelled = labelled & np.isfinite(truth).all(-1)
    distances = np.linalg.norm(pred - truth, axis=-1)
    within = (distances[..., None] <= thresholds).mean(-1)  # a distance of NaN is within none
    return _share(within, labelled)


def _share(right: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    count = labelled.sum(-1)
    return np.where(count > 0, np.where(labelled, right, 0.0).sum(-1) / np.maximum(count, 1), np.nan)


def _min_ignoring_nan(values: np.ndarray) -> np.ndarray:
    least = np.where(np.isnan(values), np.inf, values).min(-1)
    return np.where(np.isinf(least), np.nan, least)


# ---- 2D -------------------------------------------------------------------------------------------------------------


def torso_diagonal(truth: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """The longer shoulder-to-opposite-hip distance, px; the one that is labelled if only one is, NaN if neither is.

    Args:
        truth: (..., 12, 2) in the order of `BODY12`.
        labelled: (..., 12) bool.
    """
    truth, labelled = np.asarray(truth, float), np.asarray(labelled, bool)
    lengths = []
    for shoulder, hip in ((R_SHOULDER, L_HIP), (L_SHOULDER, R_HIP)):
        length = np.linalg.norm(truth[..., shoulder, :] - truth[..., hip, :], axis=-1)
        lengths.append(np.where(labelled[..., shoulder] & labelled[..., hip], length, -1.0))
    longer = np.maximum(*lengths)
    return np.where(longer > 0, longer, np.nan)


def pck2d(pred: np.ndarray, truth: np.ndarray, labelled: np.ndarray, alpha: float = PCK2D_ALPHA) -> np.ndarray:
    """Share of the labelled joints within `alpha` of the torso diagonal.

    Args:
        pred, truth: (..., 12, 2) px in the order of `BODY12`.
        labelled: (..., 12) bool.

    Returns:
        (...,) share; NaN where neither diagonal is labelled (such a person is left out).
    """
    return _pck(pred, truth, labelled, alpha * torso_diagonal(truth, labelled))


def pckh(
    pred: np.ndarray,
    truth: np.ndarray,
    labelled: np.ndarray,
    neck: np.ndarray,
    head_top: np.ndarray,
    alpha: float = PCKH_ALPHA,
) -> np.ndarray:
    """Share of the labelled joints within `alpha` of the distance from neck to head top (Andriluka et al., CVPR 2014).

    Args:
        pred, truth: (..., 12, 2) px, labelled: (..., 12) bool.
        neck, head_top: (..., 2) px, NaN where not labelled.

    Returns:
        (...,) share; NaN where the head is not labelled.
    """
    head = np.linalg.norm(np.asarray(head_top, float) - np.asarray(neck, float), axis=-1)
    return _pck(pred, truth, labelled, alpha * np.where(head > 0, head, np.nan))


def _pck(pred: np.ndarray, truth: np.ndarray, labelled: np.ndarray, reach: np.ndarray) -> np.ndarray:
    pred, truth, labelled = _broadcast(pred, truth, labelled)
    right = np.linalg.norm(pred - truth, axis=-1) <= reach[..., None]
    return np.where(np.isfinite(reach), _share(right, labelled), np.nan)


def oks_matrix(
    pred: np.ndarray,
    truth: np.ndarray,
    labelled: np.ndarray,
    areas: np.ndarray,
    sigmas: np.ndarray = BODY12_SIGMAS,
) -> np.ndarray:
    """Object keypoint similarity (COCO) of every labelled person with every predicted one.

    Args:
        pred: (P, J, 2) px; truth: (T, J, 2) px; labelled: (T, J) bool; areas: (T,) px^2; sigmas: (J,).

    Returns:
        (T, P) in 0..1; joints that were not found count as 0, a person without labelled joints has 0 with all.
    """
    pred, truth = np.asarray(pred, float), np.asarray(truth, float)
    labelled, areas = np.asarray(labelled, bool), np.asarray(areas, float)
    squares = ((truth[:, None] - pred[None]) ** 2).sum(-1)
    variances = 2 * np.maximum(areas, 1.0)[:, None, None] * (2 * sigmas) ** 2
    similar = np.where(np.isfinite(squares), np.exp(-np.nan_to_num(squares) / variances), 0.0)
    count = labelled.sum(-1)[:, None]
    return np.where(labelled[:, None], similar, 0.0).sum(-1) / np.maximum(count, 1)


def match_people(oks: np.ndarray) -> np.ndarray:
    """One-to-one assignment with the greatest sum of OKS.

    Args:
        oks: (T, P), rows the labelled people, columns the predicted ones.

    Returns:
        (T,) int: the column for each row, -1 where none is left or the OKS is 0.
    """
    from scipy.optimize import linear_sum_assignment

    oks = np.asarray(oks, float)
    matched = np.full(oks.shape[0], -1)
    rows, columns = linear_sum_assignment(oks, maximize=True)
    keep = oks[rows, columns] > 0
    matched[rows[keep]] = columns[keep]
    return matched
