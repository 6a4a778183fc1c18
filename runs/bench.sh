#!/usr/bin/env bash
# The benchmark (docs/bench.md, docs/bench.json): time, memory, start-up and size beside the peers, about 4 minutes.
# Peers need teachers/ of the data root (runs/get_data.sh) and runs/get_peers.sh; without them they are left out.
# Arguments go to the program: runs/bench.sh --rounds 5 --out /tmp/bench.md; --download weighs the dependencies' wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m anchorpose.measure.bench "$@"
