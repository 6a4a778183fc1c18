#!/usr/bin/env bash
# `make demo`: the main job on real input. Gets a photo and a clip (public domain, CC0, BSD-3) out of Python packages and
# finds the people in them. Usage: runs/demo.sh BIN
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}
PYTHON="$bin/python" bash runs/get_demo_input.sh demo
"$bin/anchorpose" run demo/astronaut.png demo/cameraman.png --quality best --save json video figure --out demo/out
"$bin/anchorpose" run demo/park.mp4 --save json video figure --out demo/out
echo
echo "Look at:"
for file in demo/out/*.overlay.* demo/out/*.figure.* ; do echo "  $file"; done
echo "and at the numbers behind them, one line a frame:"
for file in demo/out/*.jsonl; do echo "  $file"; done
