#!/usr/bin/env bash
# The fixed 3D test set (400 images of one person, 200 scenes of 2 to 6) and everybody's numbers on it:
# docs/rendered_set.md, docs/rendered_set.json. Made with one seed of held-out subjects, backgrounds and textures.
# Needs mocap/, negatives/ and hands/ of the data root, for peers teachers/ and runs/get_peers.sh; the realism figure
# takes coco_mini's row from docs/card.json. 5 minutes on 2 cores. Arguments go to the measuring: --limit 20
set -euo pipefail
cd "$(dirname "$0")/.."
data=${ANCHORPOSE_DATA:-data} out=${OUT_DIR:-checkpoints/rendered_set} python=${PYTHON:-python}
for part in single scenes; do
  if [ "$part" = single ]; then options="--count 400 --people 1 1 --size 320 320"; else options="--count 200 --people 2 6 --size 640 480"; fi
  # shellcheck disable=SC2086
  "$python" -m anchorpose synth render $options --split val --seed 2022 --truncated 0.25 --occluded 0.25 --fov 30 90 \
    --backgrounds "$data/negatives" --textures "$data/negatives" --texture-licenses 4 5 \
    --hands "$data/hands/ycb_grasps.npz" --no-maps -o "$out/$part" --resume
done
"$python" -m anchorpose.measure.rendered_set --folder "$out" --out docs/rendered_set.md "$@"
