#!/usr/bin/env bash
# The benchmark (docs/bench.md, docs/bench.json): time, memory, start-up and size beside the peers, and images a second of
# `anchorpose synth` where mocap/, negatives/, hands/ and lspet/ of the data root are; about 6 minutes.
# The person who is tiled is a whole walking one, of coco_train, where the data are (runs/get_data.sh).
# Peers need teachers/ of the data root and runs/get_peers.sh; without them they are left out.
# Arguments go to the program: runs/bench.sh --rounds 5 --out /tmp/bench.md; --download weighs the dependencies' wheels.
set -euo pipefail
cd "$(dirname "$0")/.."
photo=${ANCHORPOSE_DATA:-data}/coco_train/images/000000457745.jpg
if [ -e "$photo" ]; then set -- --image "$photo" --box 66 243 149 384 "$@"; fi
exec "${PYTHON:-python}" -m anchorpose.measure.bench "$@"
