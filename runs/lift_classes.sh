#!/usr/bin/env bash
# K against error and milliseconds: the same small network, seed and number of steps for each K, and plain regression of
# the same size (K = 1). Some 3 minutes each on one core, K = 1000 ten times that.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/classes}
for k in ${CLASSES:-1 20 50 100 200 500 1000}; do
  python -m anchorpose.learn.train_lift --out "$out/k$k" --k "$k" --width 384 --blocks 2 --steps "${STEPS:-1500}" \
    --minutes 60 --threads "${THREADS:-1}" "$@"
done
python -m anchorpose.learn.compare_classes "$out" --out docs/lift_classes.md
