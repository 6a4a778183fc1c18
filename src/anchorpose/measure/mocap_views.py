"""The MoCap-projected set of the card: held-out subjects under virtual cameras, with true 2D and with fitted noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.files.corpus import Corpus
from anchorpose.measure.noise import NOISE_MEASURE, DetectorNoise, add_noise, true_scores
from anchorpose.measure.virtual import MEASURE, sample_views, torso_axes
from anchorpose.poses.transforms import torso_centred


@dataclass(frozen=True)
class ViewSet:
    """N views.

    Attributes:
        plane: (N, 14, 2) LIFT_JOINTS in the plane z = 1; scores: (N, 14), 0 = missing.
        joints_camera: (N, 13, 3) [m] the truth in the camera frame.
        azimuth, elevation: (N,) [rad]; cut: (N,) bool, by the border; upright: (N, 13, 3) torso-aligned pose [m].
    """

    plane: np.ndarray
    scores: np.ndarray
    joints_camera: np.ndarray
    azimuth: np.ndarray
    elevation: np.ndarray
    cut: np.ndarray
    aligned: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """(N, 13, 3) [m], camera-oriented, torso-centred."""
        return torso_centred(self.joints_camera)


def aligned_poses(joints: np.ndarray) -> np.ndarray:
    """Poses (N, 13, 3) about the torso centre in the torso's own axes: the pose without its heading."""
    joints = np.asarray(joints, float)
    return torso_centred(joints) @ torso_axes(joints)


def view_set(corpus: Corpus, n: int, seed: int, noise: DetectorNoise | None) -> ViewSet:
    """n frames of `corpus`, drawn evenly over its clips, each under a camera of its own; `noise` None: true 2D."""
    rng = np.random.default_rng(seed)
    clips = np.unique(corpus.clip)
    starts = np.searchsorted(corpus.clip, clips)
    ends = np.append(starts[1:], len(corpus))
    pick = rng.integers(len(clips), size=n)
    rows = starts[pick] + (rng.random(n) * (ends - starts)[pick]).astype(int)
    viewed = sample_views(corpus.joints3d[rows], corpus.facing[rows], rng, MEASURE)
    if noise is None:
        plane, scores, cut = viewed.plane, true_scores(n, viewed.nose_hidden), np.zeros(n, bool)
    else:
        plane, scores, cut = add_noise(viewed.plane, viewed.nose_hidden, noise, rng, NOISE_MEASURE)
    return ViewSet(
        plane, scores, viewed.joints_camera, viewed.azimuth, viewed.elevation, cut, aligned_poses(viewed.joints_camera)
    )
