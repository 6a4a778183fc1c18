#!/usr/bin/env bash
# Read every motion capture file, count failures, and compare with the values in checks.csv.
# Usage: runs/read_mocap.sh [FOLDER], default the data set "mocap".
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m anchorpose.measure.mocap_report "$@"
