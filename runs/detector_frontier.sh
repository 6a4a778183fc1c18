#!/usr/bin/env bash
# The detector's accuracy against its time on training photos (docs/detector.md, docs/detector.csv), about 10 minutes.
# Needs coco_train, lspet and negatives of the data root (runs/get_data.sh); with teachers/ the uncut network is beside it.
# Arguments go to the program: runs/detector_frontier.sh --photos 100 --rounds 5 --out /tmp/detector.md
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m anchorpose.measure.detector_frontier "$@"
