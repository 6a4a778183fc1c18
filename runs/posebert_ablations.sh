#!/usr/bin/env bash
# PoseBERT with other windows, masking, noise, without modes, without windows made from the truth: one short run each on
# the same tracks, one table. STEPS each (500, 2 to 3 minutes on one core without bfloat16). Needs the tracks of
# runs/train_posebert.sh, or makes them. TRACKS of the table: 60.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/posebert_ablations}
cache=${CACHE_DIR:-checkpoints/posebert}
models=()
train() {
  local name=$1
  shift
  python -m anchorpose.learn.train_posebert --out "$out/$name" --cache "$cache" --steps "${STEPS:-500}" \
    --device "${DEVICE:-cpu}" --threads "${THREADS:-0}" --seed 0 "$@"
  python -m anchorpose.learn.export_posebert "$out/$name" --weights "$out" --name "$name" --no-index
  models+=(--model "$name=$out/$name.onnx")
}
train default
train window16 --window 16
train window128 --window 128 --batch 8
train no-masking --masking 0
train more-masking --masking 2
train no-noise --noise 0
train more-noise --noise 2
train no-modes --no-modes
train no-truth --truth 0
python -m anchorpose.measure.motion_table --out docs/motion_ablations.md --tracks "${TRACKS:-60}" --delays --modes-off \
  "${models[@]}"
