#!/usr/bin/env bash
# The sets of anchor poses: K = 10 + 10 and 100 + 100 (full and upper-body classes) for detectors, 5000 for the holistic
# network, by k-means on the training clips seen by virtual cameras; and sheets to look at.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT_DIR:-checkpoints/anchors}
mkdir -p "$out"
python -m anchorpose.learn.cluster --k 10 --upper --out "$out/body10+upper.npz"
python -m anchorpose.learn.cluster --k 100 --upper --out "$out/body100+upper.npz"
python -m anchorpose.learn.cluster --k 5000 --out "$out/body5000.npz"
bash runs/anchor_sheet.sh "$out/body10+upper.npz" "$out/body100+upper.npz"
