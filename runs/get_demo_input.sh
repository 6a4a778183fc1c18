#!/usr/bin/env bash
# Get what `make demo` runs on: two photos of scikit-image (public domain, CC0) and the demo clip of Sports2D (BSD-3),
# out of their wheels, into demo/ (or the folder given). Nothing is fetched twice. Needs pip and, once, a network.
set -euo pipefail
cd "$(dirname "$0")/.."
"${PYTHON:-.venv/bin/python}" -m anchorpose.share.demo_input "${1:-demo}"
