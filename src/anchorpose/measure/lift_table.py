"""The lift's table: errors, best of modes and calibration on held-out MoCap subjects under virtual cameras.

python -m anchorpose.measure.lift_table --out docs/lift.md
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.datasets import dataset_path
from anchorpose.measure.calibration import Calibration, calibrate
from anchorpose.measure.metrics import auc3d, best_of_modes, mpjpe, n_mpjpe, pa_mpjpe, pck3d
from anchorpose.measure.mocap_views import ViewSet, aligned_poses, view_set
from anchorpose.measure.noise import DetectorNoise
from anchorpose.measure.virtual import TRAIN, sample_views
from anchorpose.poses.lifting import lift_view
from anchorpose.poses.transforms import torso_centred
from anchorpose.sense.lift import Lifter

VIEWS, SEED = 3000, 20
_NEIGHBOURS = 8


@dataclass(frozen=True)
class LiftResult:
    """Errors of one lift on one set: per view [mm] and shares, best of 1, 3, 5 modes [mm], calibration."""

    mpjpe: np.ndarray
    n_mpjpe: np.ndarray
    pa_mpjpe: np.ndarray
    pck3d: np.ndarray
    auc: np.ndarray
    best: tuple[float, float, float] | None = None
    calibration: Calibration | None = None

    def row(self) -> dict[str, float]:
        """The means, as the tables print them."""
        out = {n: float(np.mean(getattr(self, n))) for n in ("mpjpe", "n_mpjpe", "pa_mpjpe", "pck3d", "auc")}
        if self.best and self.calibration:
            out |= dict(zip(("best1", "best3", "best5"), self.best, strict=True))
            out |= {"ece": self.calibration.ece, "nll": self.calibration.nll}
        return out


def errors(found: np.ndarray, truth: np.ndarray) -> LiftResult:
    """Metrics of joints3d (N, 13, 3) against the truth; the head stays out, the middle of the hips is the root."""
    a, b = found[:, :12], truth[:, :12]
    return LiftResult(mpjpe(a, b), n_mpjpe(a, b), pa_mpjpe(a, b), pck3d(a, b), auc3d(a, b))


def evaluate(lifter: Lifter, views: ViewSet) -> LiftResult:
    """The lift's mean pose, its modes and their weights against the truth."""
    chunks = [lifter.lift(views.plane[i : i + 500], views.scores[i : i + 500]) for i in range(0, len(views.plane), 500)]
    mean = np.concatenate([c.joints3d for c in chunks])
    weights = np.concatenate([c.modes.weights for c in chunks])
    modes = np.concatenate([c.modes.joints3d for c in chunks])
    truth = views.truth
    plain = errors(mean, truth)
    there = weights > 0
    distance = np.where(there, np.linalg.norm(modes - truth[:, None], axis=-1).mean(-1), np.nan)
    flat = np.where(there, mpjpe(modes[..., :12, :], np.repeat(truth[:, None, :12], modes.shape[1], 1)), np.nan)
    best = [float(np.mean(best_of_modes(flat, n))) for n in (1, 3, 5)]
    return LiftResult(
        plain.mpjpe,
        plain.n_mpjpe,
        plain.pa_mpjpe,
        plain.pck3d,
        plain.auc,
        (best[0], best[1], best[2]),
        calibrate(weights, distance),
    )


class NearestNeighbour:
    """The look-up that any lift has to beat: the mean of the nearest views of the training corpus, by their 2D.

    Missing joints are filled with the class-free mean of the corpus, so that one tree serves all.
    """

    def __init__(self, corpus: Corpus, views: int = 100_000, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        rows = rng.integers(len(corpus), size=views)
        viewed = sample_views(corpus.joints3d[rows], corpus.facing[rows], rng, TRAIN)
        view = lift_view(viewed.plane, np.ones(viewed.plane.shape[:2]))
        self.features = view.features[:, :26]
        self.mean = self.features.mean(0)
        self.targets = torso_centred(viewed.joints_camera) @ view.virtual_from_camera.transpose(0, 2, 1)
        self.tree = cKDTree(self.features)

    def lift(self, plane: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(N, 13, 3) camera-oriented."""
        view = lift_view(plane, scores)
        missing = np.repeat(scores[:, :13] <= 0, 2, 1)
        distance, index = self.tree.query(np.where(missing, self.mean, view.features[:, :26]), _NEIGHBOURS)
        weight = 1 / (distance + 1e-3)
        weight /= weight.sum(1, keepdims=True)
        found = np.einsum("nk,nkjd->njd", weight, self.targets[index])
        return found @ view.virtual_from_camera


def breakdown(result: LiftResult, views: ViewSet, training: Corpus) -> list[tuple[str, str, int, float, float]]:
    """(what, range, views, MPJPE, PA-MPJPE): by azimuth, elevation, truncation and distance to the training poses."""
    tree = cKDTree(aligned_poses(training.joints3d[::2]).reshape(-1, 39))
    nearest = tree.query(views.aligned.reshape(-1, 39))[0] / np.sqrt(13)
    azimuth = np.degrees(np.abs(views.azimuth))
    splits = (
        ("azimuth", azimuth, (0, 45, 90, 135, 180), "{:.0f} to {:.0f} degrees from the front"),
        ("elevation", np.degrees(views.elevation), (-20, 0, 15, 30, 46), "{:.0f} to {:.0f} degrees"),
        ("cut by the border", views.cut.astype(float), (0, 0.5, 1.5), None),
        ("nearest training pose", 1000 * nearest, (0, 30, 50, 80, 1000), "{:.0f} to {:.0f} mm away (RMS)"),
    )
    rows = []
    for name, values, edges, label in splits:
        for low, high in zip(edges, edges[1:], strict=False):
            chosen = (values >= low) & (values < high)
            if chosen.sum() < 20:
                continue
            text = label.format(low, high) if label else ("yes" if low else "no")
            rows.append((name, text, int(chosen.sum()), float(result.mpjpe[chosen].mean()),
                         float(result.pa_mpjpe[chosen].mean())))  # fmt: skip
    return rows


def compute(corpus: Corpus, lifter: Lifter, views: int = VIEWS) -> dict:
    """All numbers of the table as plain values."""
    val, training = corpus.split("val"), corpus.split("train")
    noise = DetectorNoise.load()
    sets = {"true 2D": view_set(val, views, SEED, None), "fitted noise": view_set(val, views, SEED, noise)}
    lookup = NearestNeighbour(training)
    flipping = Lifter(lifter.session, flip=True)
    out: dict = {"views": views, "rows": {}}
    for name, views_of in sets.items():
        result = evaluate(lifter, views_of)
        out["rows"][name] = {
            "lift": result.row(),
            "lift, mirror image averaged": evaluate(flipping, views_of).row(),
            "nearest neighbour": errors(lookup.lift(views_of.plane, views_of.scores), views_of.truth).row(),
        }
        curve = result.calibration.every if result.calibration else None
        if curve is not None:
            out.setdefault("reliability", {})[name] = [
                [float(w), float(t), int(c)]
                for w, t, c in zip(curve.weight, curve.came_true, curve.count, strict=True)
                if c
            ]
        out.setdefault("breakdown", {})[name] = breakdown(result, views_of, training)
    return out


def markdown(data: dict) -> str:
    """The numbers as tables."""
    lines = [
        f"Held-out MoCap subjects (split `val`), {data['views']} views, virtual cameras all round, drawn evenly over",
        "the clips. mm, 12 joints about the middle of the hips; best of n: the nearest of the n heaviest modes.", "",
        "| 2D | lift | MPJPE | N-MPJPE | PA-MPJPE | PCK3D | AUC | best of 1 | of 3 | of 5 | ECE | NLL |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]  # fmt: skip
    for name, rows in data["rows"].items():
        for lift, r in rows.items():
            modes = " | ".join(
                f"{r[k]:.{d}f}" if k in r else "" for k, d in
                (("best1", 1), ("best3", 1), ("best5", 1), ("ece", 3), ("nll", 2))
            )  # fmt: skip
            lines.append(
                f"| {name} | {lift} | {r['mpjpe']:.1f} | {r['n_mpjpe']:.1f} | {r['pa_mpjpe']:.1f} | {r['pck3d']:.3f} |"
                f" {r['auc']:.3f} | {modes} |"
            )
    for name, rows in data["breakdown"].items():
        lines += ["", f"Where the errors are ({name}):", "", "| by | range | views | MPJPE | PA-MPJPE |",
                  "| --- | --- | --: | --: | --: |"]  # fmt: skip
        lines += [f"| {a} | {b} | {n} | {m:.1f} | {p:.1f} |" for a, b, n, m, p in rows]
    lines += ["", "Reliability (all modes): weight said, share that came true, modes."]
    for name, curve in data["reliability"].items():
        points = "; ".join(f"{w:.2f} → {t:.2f} ({c})" for w, t, c in curve)
        lines += ["", f"{name}: {points}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/lift_table.md"))
    parser.add_argument("--model", help="an .onnx of a lift in place of the one that ships")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--views", type=int, default=VIEWS)
    args = parser.parse_args()
    from anchorpose.sense.models import load_session

    corpus = Corpus.load(args.corpus) if args.corpus else read_corpus(dataset_path("mocap"))
    lifter = Lifter(load_session(args.model or "lift"))
    data = compute(corpus, lifter, args.views)
    args.out.write_text("# The lift, measured\n\n`python -m anchorpose.measure.lift_table`\n\n" + markdown(data))
    args.out.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
    print(markdown(data))


if __name__ == "__main__":
    main()
