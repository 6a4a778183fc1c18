"""Follow the right wrist of everybody in a video, as CSV: python examples/video_table.py clip.mp4"""

import sys

import anchorpose
from anchorpose.poses.skeletons import BODY13

WRIST = BODY13.index("r_wrist")


def main(clip: str) -> None:
    model = anchorpose.load(quality="fast")
    print("time,person,metres_above_torso_centre")
    for people in anchorpose.video(clip, model):
        for number, person in enumerate(people):
            if person.body is not None and person.body.joints3d is not None:
                print(f"{people.time:.3f},{number},{-person.body.joints3d[WRIST, 1]:.3f}")  # y points down


if __name__ == "__main__":
    main(*sys.argv[1:])
