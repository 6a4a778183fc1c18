#!/usr/bin/env bash
# Fit the noise model to MoveNet's errors on hand-labelled training photos (lspet_train, coco_train). 3 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
python -m anchorpose.learn.fit_noise --limit 1500
