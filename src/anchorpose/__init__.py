"""anchorpose: 3D human sensing from one camera, by classification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from anchorpose.files.results import save as save
    from anchorpose.poses.anchors import AnchorPoses as AnchorPoses
    from anchorpose.poses.cameras import Camera as Camera
    from anchorpose.poses.errors import AnchorposeError as AnchorposeError
    from anchorpose.poses.values import Frame as Frame
    from anchorpose.poses.values import Mode as Mode
    from anchorpose.poses.values import Motion as Motion
    from anchorpose.poses.values import People as People
    from anchorpose.poses.values import Person as Person
    from anchorpose.poses.values import Pose as Pose
    from anchorpose.sense.pipeline import load as load
    from anchorpose.sense.pipeline import video as video

# Names are imported when first used, so that `import anchorpose` costs next to nothing.
_WHERE = {
    "load": "sense.pipeline",
    "video": "sense.pipeline",
    "save": "files.results",
    "AnchorPoses": "poses.anchors",
    "AnchorposeError": "poses.errors",
    "Camera": "poses.cameras",
    **{name: "poses.values" for name in ("Frame", "Mode", "Motion", "People", "Person", "Pose")},
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'anchorpose' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"anchorpose.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
