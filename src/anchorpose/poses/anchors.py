"""Anchor poses: the K exemplars that the classes stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from anchorpose.poses.errors import InputError
from anchorpose.poses.skeletons import Skeleton, get_skeleton


@dataclass(frozen=True, eq=False)
class AnchorPoses:
    """K exemplar poses (LCR-Net, Rogez et al. 2017, section 3.2).

    Attributes:
        name: of the set.
        skeleton: name of the skeleton.
        joints2d: (K, J, 2), normalised to the class's box: 0..1 inside; an upper-body class has legs below, y > 1.
        joints3d: (K, J, 3) [m], camera-oriented, torso-centred.
        attributes: further arrays with one entry a class, for instance "upper" (bool), "share", "azimuth".
    """

    name: str
    skeleton: str
    joints2d: np.ndarray
    joints3d: np.ndarray
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        j2, j3 = np.array(self.joints2d, np.float32), np.array(self.joints3d, np.float32)
        k, n = len(j3), len(get_skeleton(self.skeleton))
        if j3.shape != (k, n, 3) or j2.shape != (k, n, 2) or k < 1:
            raise InputError(f"anchors of {self.skeleton} are Kx{n}x2 and Kx{n}x3, not {j2.shape} and {j3.shape}")
        attributes = {key: np.array(value) for key, value in self.attributes.items()}
        for key, value in attributes.items():
            if value.shape[:1] != (k,):
                raise InputError(f"attribute {key!r} has {value.shape[:1]} entries for {k} classes")
        for array in (j2, j3, *attributes.values()):
            array.setflags(write=False)
        fields = {"joints2d": j2, "joints3d": j3, "attributes": attributes}
        for name, content in fields.items():
            object.__setattr__(self, name, content)

    def __len__(self) -> int:
        return len(self.joints3d)

    @property
    def record(self) -> Skeleton:
        """The skeleton itself."""
        return get_skeleton(self.skeleton)

    @property
    def upper(self) -> np.ndarray:
        """(K,) bool: classes of people cut below the torso."""
        return self.attributes.get("upper", np.zeros(len(self), bool)).astype(bool)

    def nearest(self, joints3d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest class of torso-centred poses (..., J, 3): numbers (...) and mean joint distances (...) [m].

        Nearness is Euclidean over all joints, as in the k-means that made the classes; the distance returned is the
        mean over joints, the unit in which errors are told.
        """
        poses = np.asarray(joints3d, np.float32)
        if poses.shape[-2:] != self.joints3d.shape[1:]:
            raise InputError(f"poses of {self.skeleton} are (..., {len(self.record)}, 3), not {poses.shape}")
        flat = poses.reshape(-1, poses.shape[-2] * 3)
        centres = self.joints3d.reshape(len(self), -1)
        index = np.empty(len(flat), int)
        for start in range(0, len(flat), 8192):  # blocks bound the (N, K) matrix
            block = flat[start : start + 8192]
            index[start : start + 8192] = ((centres**2).sum(1) - 2 * block @ centres.T).argmin(1)
        distance = np.linalg.norm(self.joints3d[index] - poses.reshape(-1, *poses.shape[-2:]), axis=-1).mean(-1)
        return index.reshape(poses.shape[:-2]), distance.reshape(poses.shape[:-2])
