#!/usr/bin/env bash
# The smaller PoseBERT for use while it happens, as runs/train_posebert.sh trains the other one: each layer refines the
# first guess, 16 cameras a clip (8 minutes by two processes, kept), twice the masking, STEPS (8000, 45 minutes on one core
# without bfloat16). DEVICE=cuda where there is one. Arguments go to the training.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/posebert_live}
python -m anchorpose.learn.train_posebert --out "$out" --cache "${CACHE_DIR:-checkpoints/posebert}" --live --width 128 \
  --heads 4 --views 16 --masking 2 --steps "${STEPS:-8000}" --device "${DEVICE:-cpu}" --threads "${THREADS:-0}" \
  --workers "${WORKERS:-1}" --seed 0 "$@"
python -m anchorpose.learn.export_posebert "$out" --name posebert_live --command "runs/train_posebert_live.sh"
