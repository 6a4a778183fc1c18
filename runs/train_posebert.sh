#!/usr/bin/env bash
# PoseBERT: motion capture before virtual cameras, detected with the fitted noise over time, lifted, kept (once), then
# trained on. MINUTES=5 for a try; DEVICE=cuda where there is one. Needs data/mocap (runs/get_data.sh), the lift,
# src/anchorpose/measure/noise_movenet.json (runs/fit_noise.sh) and noise_over_time.json (runs/fit_motion_noise.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/posebert}
python -m anchorpose.learn.train_posebert --out "$out" --minutes "${MINUTES:-32}" --device "${DEVICE:-cpu}" \
  --threads "${THREADS:-0}" --workers "${WORKERS:-1}" --seed 0 "$@"
python -m anchorpose.learn.export_posebert "$out" --command "runs/train_posebert.sh"
