#!/usr/bin/env bash
# The lift that ships: 97 minutes on one busy core of an Intel Xeon with AMX (bfloat16), seed 0. MINUTES=5 for a try.
# Needs data/mocap (runs/get_data.sh) and src/anchorpose/measure/noise_movenet.json (runs/fit_noise.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/lift}
python -m anchorpose.learn.train_lift --out "$out" --k 200 --minutes "${MINUTES:-97}" --threads "${THREADS:-1}" --seed 0 "$@"
python -m anchorpose.learn.export_lift "$out" --command "runs/train_lift.sh"
python -m anchorpose.measure.lift_table --out docs/lift.md
