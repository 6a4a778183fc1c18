"""Lift 2D keypoints that you have as arrays, from any detector: python examples/own_keypoints.py"""

import numpy as np

import anchorpose
from anchorpose.poses.values import Pose
from anchorpose.sense.lift import Lifter

# One standing person in a 640 x 480 picture, 17 joints in COCO's order, pixels.
KEYPOINTS = np.array(
    [[320, 92], [327, 86], [313, 86], [336, 90], [304, 90], [352, 138], [288, 138], [366, 192], [274, 192], [370, 244],
     [270, 244], [340, 246], [300, 246], [342, 324], [298, 324], [344, 398], [296, 398]], float
)  # fmt: skip


def main() -> None:
    camera = anchorpose.Camera.from_fov(640, 480, 60)
    low, high = KEYPOINTS.min(0), KEYPOINTS.max(0)
    pose = Pose("coco17", score=1.0, box=np.concatenate([low, high]), joints2d=KEYPOINTS, scores=np.ones(17))
    (body,) = Lifter()([pose], camera)
    assert body.joints3d is not None and body.translation is not None
    print(f"{body.translation[2]:.1f} m away; joints [m] about the torso centre:")
    for name, joint in zip(body.record.names, body.joints3d, strict=True):
        print(f"  {name:10s}", *(f"{value:+.2f}" for value in joint))


if __name__ == "__main__":
    main()
