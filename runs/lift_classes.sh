#!/usr/bin/env bash
# K against error and milliseconds: the same network and budget for each K, and a plain regression (K = 1).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/classes}
for k in 1 20 50 100 200 500 1000; do
  python -m anchorpose.learn.train_lift --out "$out/k$k" --k "$k" --minutes "${MINUTES:-3}" --threads "${THREADS:-1}"
done
python -m anchorpose.learn.compare_classes "$out" --out docs/lift_classes.md
