#!/usr/bin/env bash
# Fit how MoveNet's errors go on over time, on videos without labels. Needs the demo clip (runs/get_demo_input.sh), the
# noise of single frames (runs/fit_noise.sh) and data/mocap. 3 minutes. VIDEOS="a.mp4 b.mp4" for others.
set -euo pipefail
cd "$(dirname "$0")/.."
python -m anchorpose.learn.fit_motion_noise ${VIDEOS:-demo/park.mp4} --limit 160 "$@"
