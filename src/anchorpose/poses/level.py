"""Takes out how a trunk leans in its rig when its person stands upright.

The frames that motion capture programs give to pelvis and spine differ by program and by performer, by 40 degrees in
one set. What a person does upright is known better: then pelvis, spine and chest are in the line from the hips to the
shoulders, as in the canonical reference pose. So each segment's median pitch against that line, over the upright frames
of a clip, is taken out of all its frames. A clip without a second of such frames is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anchorpose.poses.canonical import ANNY, REST
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.transforms import rotation_x

Array = NDArray[np.float64]

_HIPS, _SHOULDERS, _KNEES = ([BODY13.index(f"{side}_{part}") for side in "rl"] for part in ("hip", "shoulder", "knee"))
_TRUNK_LEAN, _THIGH_LEAN = np.cos(np.radians(25.0)), np.cos(np.radians(35.0))
_MOST = np.radians(45.0)


def _rest_lean() -> float:
    """How far the line from the hips to the shoulders leans forward in the reference pose [rad]."""
    line = REST[ANNY.index("upperarm01.L")] - REST[ANNY.index("upperleg01.L")]
    return float(np.arctan2(line[2], line[1]))


def upright(body13: Array) -> NDArray[np.bool_]:
    """(T,) whether the back of BODY13 joints (T, 13, 3) is within 25 degrees of the vertical, the thighs within 35."""
    back = body13[:, _SHOULDERS].mean(1) - body13[:, _HIPS].mean(1)
    thighs = body13[:, _HIPS] - body13[:, _KNEES]
    straight = (thighs[..., 1] > _THIGH_LEAN * np.linalg.norm(thighs, axis=-1)).all(1)
    result: NDArray[np.bool_] = straight & (back[:, 1] > _TRUNK_LEAN * np.linalg.norm(back, axis=-1))
    return result


def level_turns(turns: Mapping[str, Array], names: tuple[str, ...], body13: Array, fps: float) -> dict[str, Array]:
    """The turns (T, 3, 3) by segment, those of `names` levelled.

    Args:
        turns: world rotations away from the canonical reference pose.
        names: segments of the trunk and the neck.
        body13: (T, 13, 3) [m], world with y up.
        fps: frames per second.
    """
    levelled = dict(turns)
    frames = upright(body13)
    if frames.sum() < fps:
        return levelled
    back = (body13[:, _SHOULDERS].mean(1) - body13[:, _HIPS].mean(1))[frames]
    for name in names:
        turn = turns[name][frames]
        forward = np.cross(turn[:, :, 0], (0.0, 1.0, 0.0))
        forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1e-9)
        lean = np.arctan2((back * forward).sum(1), back[:, 1]) - _rest_lean()
        pitch = np.arctan2((turn[:, :, 1] * forward).sum(1), turn[:, 1, 1])
        angle = np.clip(np.median((pitch - lean + np.pi) % (2 * np.pi) - np.pi), -_MOST, _MOST)
        levelled[name] = turns[name] @ rotation_x(-angle)
    return levelled
