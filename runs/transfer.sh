#!/usr/bin/env bash
# Carries all motion capture over to the canonical skeleton and measures it: docs/transfer.md, docs/transfer.png.
# Needs the data set "mocap" (runs/get_data.sh); 2 minutes. Arguments go to the program: runs/transfer.sh --limit 50
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
"$python" -m anchorpose.measure.transfer_report "$@"
"$python" - <<'PY'
import numpy as np

from anchorpose.files.body import read_body
from anchorpose.files.datasets import dataset_path
from anchorpose.files.mocap import read_index, read_record
from anchorpose.files.segments import tracks
from anchorpose.poses.body import pose_body
from anchorpose.poses.kinematics import canonical_joints
from anchorpose.poses.retarget import retarget
from anchorpose.share.motion_sheet import MotionCompared, motion_sheet

CLIPS = {  # path: the azimuth it is seen from, against the front of the person at the first moment
    "cmu_asfamc/02/02_05.amc": 40, "cmu_asfamc/01/01_03_p2": 60, "cmu_auto/indian/94_04_p1.bvh": 30,
    "cmu_auto/salsa/60_02": 40, "cmu_expmap/train_directing_traffic_1": 50, "cmu_iclone/05_02.bvh": 60,
    "cmu_walk/10_04.bvh": 70, "deepmimic/humanoid3d_cartwheel.bvh": 30, "hdm05/train/throwBasketball": 40, "hdm05/train/lieDownFloor": 60,
}
root, body, shown = dataset_path("mocap"), read_body(), []
records = read_index(root)
for start, azimuth in CLIPS.items():
    record = next((r for r in records if r.path.startswith(start)), None)
    if record is None:
        continue
    clip = read_record(root, record)
    carried = retarget(tracks(clip))
    frames = np.array([0.2, 0.5, 0.8]) * (len(clip) - 1)
    frames = frames.astype(int)
    joints, world = canonical_joints(carried.rotations, carried.translation, carried.bone_lengths)
    front = world[frames[0], 0, :, 2]
    posed = pose_body(body, np.zeros((1, 1)), carried.rotations[frames], carried.translation[frames])
    shown.append(MotionCompared(
        f"{record.path}: {record.action}"[:90], clip.y_up(clip.positions[frames]), clip.parents, joints[frames],
        posed.vertices, body.faces, float(np.arctan2(front[0], front[2]) + np.radians(azimuth)),
    ))
sheet = motion_sheet(shown, "docs/transfer.png")
print(f"docs/transfer.png: {len(shown)} clips, {sheet.shape[1]} x {sheet.shape[0]}")
PY
