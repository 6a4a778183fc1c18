#!/usr/bin/env bash
# Fit how our detector's errors go on over time: src/anchorpose/measure/noise_over_time.json. On videos without labels,
# and on rendered clips of training subjects with the exact truth: the 8 of the calibration subjects that
# runs/clip_table.sh makes, too, and 24 of all of the split train; what is there of them is used again. Needs the demo
# clip (runs/get_demo_input.sh), the noise of single frames (runs/fit_noise.sh), and mocap/, negatives/ and hands/ of the
# data root. Rendering takes 6 minutes on 2 cores, the front end 5, the fit 3.
#   VIDEOS="a.mp4 b.mp4" for other videos; arguments go to the fit: --out FILE
set -euo pipefail
cd "$(dirname "$0")/.."
data=${ANCHORPOSE_DATA:-data} out=${OUT_DIR:-checkpoints/clips} python=${PYTHON:-python}
for set in train fit; do
  if [ "$set" = train ]; then options="--count 8 --seed 2021 --subjects cmu_006 cmu_013 cmu_049 cmu_094 hdm_bk"
  else options="--count 24 --seed 2023"; fi
  # shellcheck disable=SC2086
  "$python" -m anchorpose.learn.synthesis.clips --split train $options \
    --backgrounds "$data/negatives" --textures "$data/negatives" --texture-licenses 4 5 \
    --hands "$data/hands/ycb_grasps.npz" --out "$out/$set"
done
# shellcheck disable=SC2086
"$python" -m anchorpose.learn.fit_motion_noise ${VIDEOS:-demo/park.mp4} --clips "$out/train" "$out/fit" "$@"
