#!/usr/bin/env bash
# Motion on rendered clips of held-out subjects, three front ends, with and without PoseBERT: docs/clips.md, docs/clips.json.
# 18 clips of 3 to 6 s, and 8 of training subjects that filters and options are tuned on. Needs mocap/, negatives/,
# hands/ and teachers/ of the data root, runs/get_peers.sh and the model posebert. Rendering takes 10 minutes on 2 cores,
# the front ends 30; both are kept and go on where they stopped. Arguments go to the table: --model early=FILE.onnx
set -euo pipefail
cd "$(dirname "$0")/.."
data=${ANCHORPOSE_DATA:-data} out=${OUT_DIR:-checkpoints/clips} python=${PYTHON:-python}
for split in val train; do
  # What is tuned is tuned on training subjects on whom no network is trained.
  if [ "$split" = val ]; then options="--count 18 --seed 2022"
  else options="--count 8 --seed 2021 --subjects cmu_006 cmu_013 cmu_049 cmu_094 hdm_bk"; fi
  # shellcheck disable=SC2086
  "$python" -m anchorpose.learn.synthesis.clips --split "$split" $options \
    --backgrounds "$data/negatives" --textures "$data/negatives" --texture-licenses 4 5 \
    --hands "$data/hands/ycb_grasps.npz" --out "$out/$split"
done
"$python" -m anchorpose.measure.clip_table --folder "$out" --out docs/clips.md "$@"
