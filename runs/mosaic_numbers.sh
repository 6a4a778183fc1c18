#!/usr/bin/env bash
# The numbers of docs/mosaic.md: runs/mosaic_numbers.sh [--count N] [--speed-only]
# Mosaics of 256 x 256 a second by one and by two processes, from the photos of lspet_train and people, and memory;
# then how real they look to a detector: the PCK of MoveNet Thunder, given the box, on N (default 200) mosaics, and on as
# many photos of lspet_train. Needs the data sets and the teachers (runs/get_data.sh), and the extra "train"; minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
OMP_NUM_THREADS=1 "${PYTHON:-.venv/bin/python}" -m anchorpose.learn.synthesis.mosaic.numbers "$@"
