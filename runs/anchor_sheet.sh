#!/usr/bin/env bash
# Sheets of anchor poses as stick figures in 3D and 2D: runs/anchor_sheet.sh [FILE.npz ...]
# Each FILE of anchors gives docs/anchors_<name>.jpg. Without files: K-means on the training motion capture, 10 full-body
# and 10 upper-body classes as in LCR-Net's smallest set, seed 0. Needs the data sets (runs/get_data.sh) and the extra
# "train"; a few minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-.venv/bin/python}"
if [ $# -eq 0 ]; then
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    "$python" -m anchorpose.learn.cluster --k 10 --upper --seed 0 --out "$work/anchors.npz"
    set -- "$work/anchors.npz"
fi
"$python" - "$@" <<'PY'
import sys
from pathlib import Path

from anchorpose.files.anchors import read_anchors
from anchorpose.share.sheets import anchor_sheet

for path in sys.argv[1:]:
    anchors = read_anchors(path)
    name = anchors.name.replace("+", "_")
    out = Path("docs") / f"anchors_{name}.jpg"
    sheet = anchor_sheet(anchors, out, columns=5 if len(anchors) <= 20 else 8)
    print(f"{out}: {len(anchors)} classes, {sheet.shape[1]} x {sheet.shape[0]}")
PY
