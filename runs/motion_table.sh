#!/usr/bin/env bash
# The table of docs/motion.md: gaps filled and jitter taken away, on held-out MoCap subjects, with and without PoseBERT.
set -euo pipefail
cd "$(dirname "$0")/.."
"${PYTHON:-python}" -m anchorpose.measure.motion_table --out docs/motion.md --windows 16 32 64 --modes-off --perfect "$@"
