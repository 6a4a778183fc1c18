#!/usr/bin/env bash
# The benchmark of the tracks (docs/tracks.md, docs/tracks.json): motion capture in virtual scenes with the fitted noise,
# ours beside a tracker of overlapping boxes, and time. Needs the motion capture (runs/get_data.sh); about 6 minutes.
# Arguments go to the program: runs/tracks.sh --scenes 4 --rates 30 --out /tmp/tracks.md
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m anchorpose.measure.tracking_report "$@"
