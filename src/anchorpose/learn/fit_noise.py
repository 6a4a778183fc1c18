"""Fit the noise model to a detector's errors on hand-labelled training photos.

Used: `lspet_train` (sports, crowd-sourced labels) and `coco_train` (everyday scenes, careful labels), each with half of
the weight. Label errors of LSPET stay in the fit, so it overstates small errors rather than understating them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from anchorpose.files.datasets import dataset_path
from anchorpose.files.images import read_image
from anchorpose.files.labels import LabelSet, read_labels
from anchorpose.measure.noise import KIND_OF_JOINT, KINDS, NOISE_FILE, QUANTILES, DetectorNoise, person_size
from anchorpose.poses.lifting import LIFT_JOINTS, to_lift_joints
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.values import Frame
from anchorpose.sense.detector import Detector
from anchorpose.sense.movenet import MoveNetDetector

_LEGS = [LIFT_JOINTS.index(f"{s}_{p}") for s in "rl" for p in ("ankle", "knee", "hip")]
_ARMS = [LIFT_JOINTS.index(f"{s}_{p}") for s in "rl" for p in ("wrist", "elbow", "shoulder")]
_MIRROR = np.append(BODY13.mirror, len(BODY13))
_SWAP_GAIN = 0.04  # a part counts as swapped if the other assignment fits better by this share of the size
_SCORE_EDGES = np.array([0.2, 0.35, 0.5, 0.65])


@dataclass(frozen=True)
class Errors:
    """Matched people: errors (N, 14, 2) over their size, NaN where unlabelled; scores (N, 14); swaps; weights."""

    errors: np.ndarray
    scores: np.ndarray
    swapped_legs: np.ndarray
    swapped_arms: np.ndarray
    weight: np.ndarray


def _unswapped(found: np.ndarray, truth: np.ndarray, size: float, part: list[int]) -> bool:
    """Whether the mirrored assignment of a part's joints fits the labels clearly better."""
    straight = np.linalg.norm(found[part] - truth[part], axis=-1)
    crossed = np.linalg.norm(found[_MIRROR[part]] - truth[part], axis=-1)
    if np.isfinite(straight).sum() < 4:
        return False
    return bool(np.nanmean(straight) - np.nanmean(crossed) > _SWAP_GAIN * size)


def collect(labels: LabelSet, detector: Detector, limit: int, rng: np.random.Generator) -> list[tuple]:
    """(errors, scores, legs swapped, arms swapped) of each labelled person that was found."""
    images = [im for im in labels.images if im.people]
    order = rng.permutation(len(images))[:limit]
    rows = []
    for image in tqdm([images[i] for i in order], desc=f"detect {labels.skeleton.name}", unit="photo"):
        found = detector.detect(Frame(read_image(image.path)))
        if not found:
            continue
        points, scores = to_lift_joints(
            np.stack([np.asarray(p.joints2d) for p in found]), np.stack([p.scores for p in found]), found[0].skeleton
        )
        for person in image.people:
            suspect = person.attributes.get("lr_suspect") or image.attributes.get("lr_suspect")
            visible = np.asarray(person.visible, float)
            if suspect or (visible > 0).sum() < 6:
                continue
            truth, _ = to_lift_joints(
                np.where(visible[:, None] > 0, person.joints2d, np.nan)[None], visible[None], labels.skeleton
            )
            if labels.skeleton.name == "lsp14":
                truth[:, 12] = np.nan  # the head is only derived there
            rows += _match(points, scores, truth[0])
    return rows


def _match(points: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> list[tuple]:
    """The found person nearest to a labelled one, if it is near enough to be the same."""
    size = float(person_size(truth[None], np.isfinite(truth).all(-1)[None])[0])
    distance = np.nanmean(np.minimum(np.linalg.norm(points - truth, axis=-1), 0.5 * size), axis=1)
    best = int(np.nanargmin(distance))
    if distance[best] > 0.2 * size:
        return []
    found = points[best].copy()
    legs, arms = (_unswapped(found, truth, size, part) for part in (_LEGS, _ARMS))
    for part, swapped in ((_LEGS, legs), (_ARMS, arms)):
        if swapped:
            found[part] = points[best][_MIRROR[part]]
    return [((found - truth) / size, scores[best], legs, arms)]


def _weighted_quantiles(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    return np.interp(QUANTILES, (cumulative - weights[order] / 2) / cumulative[-1], values[order])


def fit(data: Errors, source: str) -> DetectorNoise:
    """Fit the quantile tables, the Gaussian of the score logits and the swap rates."""
    logits = np.log(np.clip(data.scores, 0.02, 0.98) / (1 - np.clip(data.scores, 0.02, 0.98)))
    weight = data.weight / data.weight.sum()
    mean = weight @ logits
    cov = (logits - mean).T @ ((logits - mean) * weight[:, None]) + 1e-4 * np.eye(len(LIFT_JOINTS))
    tables = np.zeros((len(KINDS), len(_SCORE_EDGES) + 1, len(QUANTILES)))
    magnitude = np.linalg.norm(data.errors, axis=-1)
    bins = np.searchsorted(_SCORE_EDGES, data.scores)
    for kind in range(len(KINDS)):
        of_kind = np.broadcast_to(KIND_OF_JOINT == kind, magnitude.shape) & np.isfinite(magnitude)
        for b in range(len(_SCORE_EDGES) + 1):
            near = of_kind & (np.abs(bins - b) <= 0)
            if near.sum() < 60:  # borrow from the neighbouring score bins
                near = of_kind & (np.abs(bins - b) <= 1)
            if near.sum() < 30:
                near = of_kind
            who = np.broadcast_to(data.weight[:, None], magnitude.shape)
            tables[kind, b] = np.minimum(_weighted_quantiles(magnitude[near], who[near]), 0.6)
    both = data.swapped_legs & data.swapped_arms
    rates = {
        "both": float(weight @ both),
        "legs": float(weight @ (data.swapped_legs & ~both)),
        "arms": float(weight @ (data.swapped_arms & ~both)),
    }
    return DetectorNoise(mean, cov, _SCORE_EDGES, tables, rates, source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=NOISE_FILE)
    parser.add_argument("--limit", type=int, default=2500, help="photos of lspet_train")
    parser.add_argument("--quality", default="balanced")
    args = parser.parse_args()
    detector, rng = MoveNetDetector(quality=args.quality), np.random.default_rng(0)
    sets = []
    for name, file, limit in (("lspet", "lspet_train.json", args.limit), ("coco_train", "coco_train.json", 1000)):
        folder = dataset_path(name)
        sets.append(collect(read_labels(folder / file), detector, limit, rng))
    rows = [row for rows in sets for row in rows]
    weight = np.concatenate([np.full(len(rows), 0.5 / len(rows)) for rows in sets])
    errors, scores, legs, arms = (np.array(column) for column in zip(*rows, strict=True))
    source = f"MoveNet MultiPose ({args.quality}) on {len(sets[0])} people of lspet_train, {len(sets[1])} of coco_train"
    noise = fit(Errors(errors, scores, legs, arms, weight), source)
    noise.save(args.out)
    print(source)
    print("swaps", noise.swap_rates, "median error by kind and score bin, % of size")
    for kind, table in zip(KINDS, noise.errors, strict=True):
        print(f"  {kind:9s}", *(f"{100 * row[5]:5.1f} ({100 * row[8]:5.1f})" for row in table))


if __name__ == "__main__":
    main()
