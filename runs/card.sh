#!/usr/bin/env bash
# The validation card (docs/card.md, docs/card.json): our detector and the peers on lspet_val, coco_mini and parse.
# Needs the data sets (runs/get_data.sh) and, for the BlazePose rows, runs/get_peers.sh. About 10 minutes on 2 cores.
# Arguments go to the program: runs/card.sh --limit 20 --out /tmp/card.md
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m anchorpose.measure.card "$@"
