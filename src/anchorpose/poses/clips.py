"""The motion capture clip: a tree of joints that moves.

Every motion capture reader returns a `Clip`, whatever the file format was. Its joints follow one rule:

    position[j] = position[parent] + rotation_world[parent] @ offset[j]
    rotation_world[j] = rotation_world[parent] @ rotation[j]

so a joint's own rotation moves its children, not itself. Lengths are metres, rotations act on column vectors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.poses.errors import InputError
from anchorpose.poses.transforms import rotation_x, rotation_y, rotation_z

_ROTATION = {"x": rotation_x, "y": rotation_y, "z": rotation_z}


def euler_to_matrix(axes: str, angles: ArrayLike) -> NDArray[np.float64]:
    """Product of axis rotations, written from left to right: ("zxy", (a, b, c)) is Rz(a) @ Rx(b) @ Ry(c).

    Args:
        axes: any number of the letters x, y, z; none gives the identity.
        angles: (..., len(axes)) radians.

    Returns:
        (..., 3, 3) matrices.
    """
    angles = np.asarray(angles, dtype=np.float64)
    if angles.ndim == 0 or angles.shape[-1] != len(axes):
        raise InputError(f"{len(axes)} angles expected for the axes {axes!r}, got an array of shape {angles.shape}")
    if set(axes) - set(_ROTATION):
        raise InputError(f"unknown rotation axes {axes!r}; expected letters of {', '.join(_ROTATION)}")
    if not axes:
        return np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3)).copy()
    matrix = _ROTATION[axes[0]](angles[..., 0])
    for k in range(1, len(axes)):
        matrix = matrix @ _ROTATION[axes[k]](angles[..., k])
    return matrix


def forward_kinematics(
    offsets: ArrayLike, parents: ArrayLike, rotations: ArrayLike, root_translation: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joint positions and world rotations of a tree of joints, for all frames at once.

    Args:
        offsets: (J, 3) metres, from the parent, in the parent's frame; or (T, J, 3) where they change over time.
        parents: (J,) index of the parent, -1 for a root; a parent comes before its children.
        rotations: (T, J, 3, 3) local rotations.
        root_translation: (T, 3) metres, added to the offset of each root.

    Returns:
        positions (T, J, 3) and world rotations (T, J, 3, 3).
    """
    rotations = np.asarray(rotations, dtype=np.float64)
    if rotations.ndim != 4 or rotations.shape[2:] != (3, 3):
        raise InputError(f"rotations must be (T, J, 3, 3), got {rotations.shape}")
    frames, joints = rotations.shape[:2]
    offsets = np.asarray(offsets, dtype=np.float64)
    if offsets.shape not in ((joints, 3), (frames, joints, 3)):
        raise InputError(f"offsets must be ({joints}, 3) or ({frames}, {joints}, 3), got {offsets.shape}")
    root_translation = np.asarray(root_translation, dtype=np.float64)
    if root_translation.shape != (frames, 3):
        raise InputError(f"root_translation must be ({frames}, 3), got {root_translation.shape}")
    parents = check_parents(parents, joints)
    positions = np.empty((frames, joints, 3))
    world = np.empty((frames, joints, 3, 3))
    for j, parent in enumerate(parents):
        offset = offsets[..., j, :]
        if parent < 0:
            positions[:, j] = root_translation + offset
            world[:, j] = rotations[:, j]
        else:
            positions[:, j] = positions[:, parent] + (world[:, parent] @ offset[..., None])[..., 0]
            world[:, j] = world[:, parent] @ rotations[:, j]
    return positions, world


def check_parents(parents: ArrayLike, joints: int) -> NDArray[np.int64]:
    """Parents as (J,) integers, after a check that every parent comes before its children."""
    array = np.asarray(parents)
    if array.shape != (joints,) or not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"parents must be {joints} integers, got shape {array.shape} of {array.dtype}")
    late = np.flatnonzero((array >= np.arange(joints)) | (array < -1))
    if late.size:
        raise InputError(f"joint {late[0]} has parent {array[late[0]]}; a parent must come before its children")
    return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Clip:
    """One person's recorded motion.

    Attributes:
        name: where it came from, usually the file's stem.
        names: J joint (or marker) names, all different.
        parents: (J,) index of the parent, -1 for a root; markers are all roots.
        offsets: (J, 3) metres, from the parent, in the parent's frame; the rest value where it changes over time.
        rotations: (T, J, 3, 3) local rotations, None where the source has only positions (C3D).
        positions: (T, J, 3) metres, world. NaN where a marker was not seen.
        fps: frames per second.
        up: the world axis that points up, "y" or "z".
        ends: (J,) True for the end of a bone that is no joint of its own (a BVH end site).
        observed: (T,) False where nobody was seen and the pose was filled in; None: seen throughout.
    """

    name: str
    names: tuple[str, ...]
    parents: NDArray[np.int64]
    offsets: NDArray[np.float64]
    rotations: NDArray[np.float64] | None
    positions: NDArray[np.float64]
    fps: float
    up: str = "y"
    ends: NDArray[np.bool_] | None = None
    observed: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        joints = len(self.names)
        if len(set(self.names)) != joints:
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise InputError(f"clip {self.name!r}: joint names must differ; given twice: {', '.join(twice)}")
        if self.positions.ndim != 3 or self.positions.shape[1:] != (joints, 3):
            raise InputError(f"clip {self.name!r}: positions must be (T, {joints}, 3), got {self.positions.shape}")
        if self.offsets.shape != (joints, 3):
            raise InputError(f"clip {self.name!r}: offsets must be ({joints}, 3), got {self.offsets.shape}")
        if self.rotations is not None and self.rotations.shape != (len(self.positions), joints, 3, 3):
            expected = (len(self.positions), joints, 3, 3)
            raise InputError(f"clip {self.name!r}: rotations must be {expected}, got {self.rotations.shape}")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"clip {self.name!r}: fps must be above 0, got {self.fps}")
        if self.up not in ("y", "z"):
            raise InputError(f'clip {self.name!r}: up must be "y" or "z", got {self.up!r}')
        if self.observed is not None and self.observed.shape != (len(self.positions),):
            raise InputError(
                f"clip {self.name!r}: observed must be ({len(self.positions)},), got {self.observed.shape}"
            )
        self._set_parents_and_ends(joints)
        for name in ("parents", "offsets", "rotations", "positions", "ends", "observed"):
            array = getattr(self, name)
            if array is not None:  # a view, so that the caller may go on writing to his own
                array = array.view()
                array.setflags(write=False)
                object.__setattr__(self, name, array)

    def _set_parents_and_ends(self, joints: int) -> None:
        object.__setattr__(self, "parents", check_parents(self.parents, joints))
        ends = np.zeros(joints, dtype=bool) if self.ends is None else np.asarray(self.ends, dtype=bool)
        if ends.shape != (joints,):
            raise InputError(f"clip {self.name!r}: ends must be ({joints},), got {ends.shape}")
        object.__setattr__(self, "ends", ends)

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.positions)

    @property
    def seconds(self) -> float:
        """Duration in seconds: frames / fps."""
        return len(self) / self.fps

    def index(self, name: str) -> int:
        """Index of a joint by name; `InputError` lists what exists."""
        if name not in self.names:
            raise InputError(f"clip {self.name!r} has no joint {name!r}; it has {', '.join(self.names)}")
        return self.names.index(name)

    def indices(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Indices of several joints."""
        return np.array([self.index(name) for name in names], dtype=np.int64)

    def world_rotation(self, name: str) -> NDArray[np.float64]:
        """World rotation (T, 3, 3) of one joint; `InputError` for a clip without rotations."""
        if self.rotations is None:
            raise InputError(f"clip {self.name!r} has positions only, no rotations")
        joint = self.index(name)
        matrix = self.rotations[:, joint]
        while (joint := int(self.parents[joint])) >= 0:
            matrix = self.rotations[:, joint] @ matrix
        return matrix

    def y_up(self, vectors: ArrayLike) -> NDArray[np.float64]:
        """World vectors or points (..., 3) of this clip, in a right-handed world whose y axis points up."""
        vectors = np.asarray(vectors, dtype=np.float64)
        if self.up == "y":
            return vectors
        return np.stack((vectors[..., 0], vectors[..., 2], -vectors[..., 1]), axis=-1)
