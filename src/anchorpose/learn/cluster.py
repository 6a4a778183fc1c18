"""Anchor poses by k-means on motion capture seen by virtual cameras (LCR-Net, section 3.2; K = 5000: NIPS 2016)."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from anchorpose.files.anchors import write_anchors
from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.datasets import dataset_path
from anchorpose.measure.virtual import (
    TRAIN,
    Viewed,
    ViewRange,
    mix_limbs,
    sample_views,
    torso_axes,
    without_body_variation,
)
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.errors import InputError
from anchorpose.poses.lifting import lift_view
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import mirror_joints, torso_centred

_BELOW = [BODY13.index(f"{s}_{p}") for s in "rl" for p in ("ankle", "knee")]


def balanced_weights(corpus: Corpus, clusters: int = 400, share: float = 0.5, seed: int = 0) -> np.ndarray:
    """(N,) chances of drawing each frame: half of the draws uniform, half even over pose clusters, so that the long
    hours of standing and walking do not drown the rest. Mirror images and headings count as one."""
    axes = torso_axes(corpus.joints3d.astype(float))
    local = torso_centred(corpus.joints3d.astype(float)) @ axes
    label = MiniBatchKMeans(clusters, random_state=seed, batch_size=4096, n_init=1, max_iter=30).fit_predict(
        local.reshape(len(local), -1).astype(np.float32)
    )
    count = np.bincount(label, minlength=clusters)
    even = 1 / count[label] / (count > 0).sum()
    return (1 - share) / len(local) + share * even


def draw(
    corpus: Corpus, n: int, rng: np.random.Generator, ranges: ViewRange = TRAIN, chances: np.ndarray | None = None,
    mixed: float = 0.0,
) -> Viewed:  # fmt: skip
    """n frames, mirrored at random, limbs mixed in a share of them, each before a camera of its own."""
    if chances is None:
        rows = rng.integers(len(corpus), size=n)
    else:  # `chances` are cumulative
        rows = np.searchsorted(chances, rng.random(n) * chances[-1])
    joints, facing = corpus.joints3d[rows].astype(float), corpus.facing[rows].astype(float)
    flipped = rng.random(n) < 0.5
    joints[flipped] = mirror_joints(joints[flipped], BODY13.mirror)
    facing[flipped, 0] *= -1
    if mixed:
        joints = mix_limbs(joints, joints[rng.permutation(n)], mixed, rng)
    return sample_views(joints, facing, rng, ranges)


def virtual_targets(viewed: Viewed) -> np.ndarray:
    """(N, 13, 3) torso-centred truth in the frame whose optical axis goes through the torso."""
    view = lift_view(viewed.plane, np.ones(viewed.plane.shape[:2]))
    return torso_centred(viewed.joints_camera) @ view.virtual_from_camera.transpose(0, 2, 1)


def make_anchors(
    corpus: Corpus, k: int, name: str, seed: int = 0, samples: int = 300_000, ranges: ViewRange = TRAIN,
    upper: bool = False, chances: np.ndarray | None = None,
) -> AnchorPoses:  # fmt: skip
    """K camera-oriented, torso-centred exemplars; half are clustered, the other half are their mirror images.

    With `upper` there are K more classes of people cut below the hips: the same 3D, the box around the upper body, so
    that the 2D of the legs extends below it (LCR-Net, "upper-body classes").

    Attributes of the classes: share (of the samples), mirror (number of the mirror image's class), upper, azimuth.

    Raises:
        InputError: K is neither 1 nor even, so that a class would be left without its mirror image.
    """
    if k < 1 or (k > 1 and k % 2):
        raise InputError(f"classes come in mirrored pairs: K is 1 or even, not {k}")
    rng = np.random.default_rng(seed)
    viewed = draw(corpus, samples, rng, without_body_variation(ranges), chances)
    poses = virtual_targets(viewed).astype(np.float32)
    half = -(-k // 2)
    kmeans = MiniBatchKMeans(half, random_state=seed, batch_size=max(4096, 4 * half), n_init=1, max_iter=60)
    kmeans.fit(_canonical_side(poses).reshape(samples, -1))
    centres = kmeans.cluster_centers_.reshape(half, 13, 3)
    joints3d = np.concatenate([centres, mirror_joints(centres, BODY13.mirror)])[:k]
    mirror = np.r_[half : 2 * half, :half][:k] % k
    label, _ = AnchorPoses(name, "body13", np.zeros((k, 13, 2)), joints3d).nearest(poses)
    view = lift_view(viewed.plane, np.ones(viewed.plane.shape[:2]))
    plane2d = view.features[:, :26].reshape(-1, 13, 2)
    attributes = {
        "share": np.bincount(label, minlength=k) / samples,
        "mirror": mirror,
        "upper": np.zeros(k, bool),
        "azimuth": _circular_means(viewed.azimuth, label, k),
    }
    full = _mean_in_box(plane2d, np.zeros(0, int), label, k)
    if not upper:
        return AnchorPoses(name, "body13", full, joints3d, attributes)
    cut = _mean_in_box(plane2d, np.array(_BELOW), label, k)
    attributes = {key: np.concatenate([v, v]) for key, v in attributes.items()}
    attributes["upper"] = np.arange(2 * k) >= k
    attributes["mirror"] = np.concatenate([mirror, mirror + k])
    return AnchorPoses(name, "body13", np.concatenate([full, cut]), np.concatenate([joints3d] * 2), attributes)


def _canonical_side(poses: np.ndarray) -> np.ndarray:
    """Mirror poses so that the right shoulder is never left of the left one by more than the left of the right:
    each pose or its mirror image, so that half of the classes and their mirror images cover all."""
    r, left = BODY13.index("r_shoulder"), BODY13.index("l_shoulder")
    turned = poses[:, left, 2] < poses[:, r, 2]
    return np.where(turned[:, None, None], mirror_joints(poses, BODY13.mirror), poses)


def _mean_in_box(plane: np.ndarray, outside: np.ndarray, label: np.ndarray, k: int) -> np.ndarray:
    """(K, 13, 2) mean 2D of each class, normalised to the box of the joints not in `outside`, grown by a tenth."""
    boxed = np.delete(plane, outside, axis=1) if len(outside) else plane
    low, high = boxed.min(1), boxed.max(1)
    margin = 0.1 * (high - low).max(-1, keepdims=True)
    low, high = low - margin, high + margin
    inside = (plane - low[:, None]) / (high - low)[:, None]
    sums = np.zeros((k, *inside.shape[1:]))
    np.add.at(sums, label, inside)
    return sums / np.maximum(np.bincount(label, minlength=k), 1)[:, None, None]


def _circular_means(angle: np.ndarray, label: np.ndarray, k: int) -> np.ndarray:
    s, c = (np.bincount(label, weights=f(angle), minlength=k) for f in (np.sin, np.cos))
    return np.arctan2(s, c)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--upper", action="store_true", help="as many upper-body classes besides")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    corpus = read_corpus(dataset_path("mocap"), "train")
    chances = np.cumsum(balanced_weights(corpus))
    name = f"body{args.k}" + ("+upper" if args.upper else "")
    samples = max(300_000, 100 * args.k)
    # A handful of classes has none to spare for people upside down: their mean would be nobody's pose.
    ranges = TRAIN if args.k >= 50 else replace(TRAIN, tumble_share=0.0)
    anchors = make_anchors(corpus, args.k, name, args.seed, samples, ranges, args.upper, chances)
    write_anchors(anchors, args.out)
    print(f"{args.out}: {len(anchors)} classes, largest share {anchors.attributes['share'].max():.3f}")


if __name__ == "__main__":
    main()
