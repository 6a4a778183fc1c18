"""Between a `Motion` of ours and the clips of other programs.

Files for animators and biomechanists have y upwards, one rate, and no word for a pose that is not there. So a motion in
the frame of a camera is turned over (x right, y up, the camera looks along -z), uneven time stamps are put on an even
grid, and a motion with gaps is refused.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.segments import carry_over
from anchorpose.poses.canonical import ANNY, PARENTS
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import InputError
from anchorpose.poses.kinematics import canonical_joints, canonical_offsets
from anchorpose.poses.resampling import RATE, rotations_at, values_at
from anchorpose.poses.values import Motion

Array = NDArray[np.float64]

CAMERA_TO_Y_UP = np.diag([1.0, -1.0, -1.0])
"""From the camera frame (y down, z forward) to a world with y up and the camera at its origin; its own inverse."""

_EVEN = 0.02  # of a step: time stamps that are off by less count as even


def checked_motion(motion: Motion, what: str) -> Motion:
    """The motion, its rotations beginning with the root's; InputError if `what` cannot hold it.

    Raises:
        InputError: not the canonical skeleton, no frames, or values that are missing; it names the first such frame.
    """
    if motion.skeleton != ANNY.name:
        raise InputError(f"{what} is written from motions of the skeleton {ANNY.name!r}, not {motion.skeleton!r}")
    if not len(motion):
        raise InputError(f"{what} needs at least one frame; this motion has none")
    rotations = np.array(motion.rotations)
    rotations[:, 0] = motion.root
    flat = np.concatenate([rotations.reshape(len(motion), -1), motion.translation, motion.times[:, None]], 1)
    broken = np.flatnonzero(~np.isfinite(flat).all(1))
    if broken.size:
        raise InputError(
            f"{what} cannot hold a pose that is missing: frame {broken[0]} has values that are not finite,"
            f" as {broken.size} of {len(motion)} frames have"
        )
    if not np.isfinite(motion.bone_lengths).all():
        bone = ANNY.names[int(np.flatnonzero(~np.isfinite(motion.bone_lengths))[0])]
        raise InputError(f"{what} needs the length of every bone; that of {bone} is not finite")
    return replace(motion, rotations=rotations)


def y_up_motion(motion: Motion) -> Motion:
    """The motion in a world with y up; one in a camera's frame has the camera at the origin, looking along -z."""
    if motion.frame == "world":
        return motion
    rotations = np.array(motion.rotations)
    rotations[:, 0] = CAMERA_TO_Y_UP @ motion.root
    return replace(
        motion, root=rotations[:, 0], rotations=rotations, translation=motion.translation @ CAMERA_TO_Y_UP,
        frame="world",
    )  # fmt: skip


def frame_rate(times: Array) -> float:
    """Frames per second of rising time stamps, by their median step; 30 where there is one frame only."""
    if len(times) < 2:
        return RATE
    step = float(np.median(np.diff(times)))
    mean = float(times[-1] - times[0]) / (len(times) - 1)
    return 1.0 / (mean if abs(mean - step) < _EVEN * step else step)


def even_times(times: Array) -> tuple[Array, float]:
    """Time stamps one step apart over the same span, and their rate; the given ones where they are even already."""
    fps = frame_rate(times)
    grid = times[0] + np.arange(len(times)) / fps
    if np.abs(grid - times).max() <= _EVEN / fps:
        return times, fps
    return times[0] + np.arange(int(np.rint((times[-1] - times[0]) * fps)) + 1) / fps, fps


def even_motion(motion: Motion) -> tuple[Motion, float]:
    """The motion at one rate, and that rate: as it is where its times are even, else interpolated at even ones."""
    times, fps = even_times(motion.times)
    if times is motion.times:
        return motion, fps
    rotations = rotations_at(motion.rotations, motion.times, times)
    after = np.clip(np.searchsorted(motion.times, times), 1, len(motion) - 1)
    nearest = after - (times - motion.times[after - 1] < motion.times[after] - times)
    near = np.abs(times - motion.times[nearest]) < 0.51 / fps
    resampled = replace(
        motion, times=times, root=rotations[:, 0], rotations=rotations,
        translation=values_at(motion.translation, motion.times, times), observed=motion.observed[nearest] & near,
    )  # fmt: skip
    return resampled, fps


def prepared(motion: Motion, what: str) -> tuple[Motion, float]:
    """What a file with y up and one rate holds of a motion, and the rate; see `checked_motion` for the errors."""
    return even_motion(y_up_motion(checked_motion(motion, what)))


def clip_of_motion(motion: Motion, name: str = "motion") -> Clip:
    """The motion as a clip of the canonical skeleton, y up."""
    motion, fps = prepared(motion, "a clip")
    positions, _ = canonical_joints(motion.rotations, motion.translation, motion.bone_lengths)
    offsets = canonical_offsets(motion.bone_lengths)
    rotations, observed = np.array(motion.rotations), np.array(motion.observed)
    return Clip(name, ANNY.names, PARENTS, offsets, rotations, positions, fps, observed=observed)


def motion_of_clip(clip: Clip) -> Motion:
    """A clip as a motion of the canonical skeleton, in the world, its times from 0.

    A clip of that skeleton (a BVH file that was written here) is taken as it is; any other known rig is carried over.

    Raises:
        InputError: the clip has positions only, or its rig is not known.
    """
    if clip.rotations is None:
        raise InputError(
            f"{clip.name!r} holds points without rotations; a motion needs them, and `anchorpose refine` makes them"
        )
    return carry_over(clip).motion(clip.fps)
