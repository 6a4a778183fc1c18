#!/usr/bin/env bash
# Draws the points of the skeletons on the body that ships: docs/body_points.jpg. Usage: runs/body_points.sh [OUT.jpg]
set -euo pipefail
cd "$(dirname "$0")/.."
"${PYTHON:-.venv/bin/python}" - "${1:-docs/body_points.jpg}" <<'PY'
import sys

from anchorpose.files.body import read_body
from anchorpose.share.body_figure import save_body_figure

figure = save_body_figure(read_body(), sys.argv[1])
print(f"{sys.argv[1]}: {figure.shape[1]} x {figure.shape[0]}")
PY
