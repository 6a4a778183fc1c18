#!/usr/bin/env bash
# The picture of the README: one frame of the demo clip (runs/get_demo_input.sh), people and their 3D.
set -euo pipefail
cd "$(dirname "$0")/.."
"${PYTHON:-.venv/bin/python}" - "${1:-105}" <<'PY'
import sys
import anchorpose
from anchorpose.files.images import write_image
from anchorpose.files.sources import open_source
from anchorpose.share.figures import figure3d

model = anchorpose.load(quality="best")
with open_source("demo/park.mp4", model.optics.camera) as frames:
    for frame in frames:
        if frame.index >= int(sys.argv[1]) - 3:  # a few frames ahead, for the closer look
            people = model.sense(frame)
        if frame.index == int(sys.argv[1]):
            break
write_image("docs/example.jpg", figure3d(people, frame.image, size=(1440, 520)))
PY
