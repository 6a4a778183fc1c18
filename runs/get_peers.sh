#!/usr/bin/env bash
# Fetch the BlazePose networks (Apache-2.0) that the card and the benchmark compare with.
# Source: npm package @mediapipe/pose 0.5.1675469404. Needs npm; writes 37 MB to ~/.cache/anchorpose/peers.
set -euo pipefail
target="${ANCHORPOSE_PEERS:-$HOME/.cache/anchorpose/peers}"
package=@mediapipe/pose@0.5.1675469404
sums="$(mktemp)"
trap 'rm -rf "$sums" "${work:-}"' EXIT
cat >"$sums" <<'SUMS'
a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85  pose_detection.tflite
e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f  pose_landmark_full.tflite
59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe  pose_landmark_heavy.tflite
f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61  pose_landmark_lite.tflite
SUMS
mkdir -p "$target"
if (cd "$target" && sha256sum --check --quiet "$sums") >/dev/null 2>&1; then
    echo "BlazePose is already in $target"
    exit 0
fi
work="$(mktemp -d)"
(cd "$work" && npm pack --silent "$package" >/dev/null && tar xzf ./*.tgz)
cp "$work"/package/pose_landmark_{lite,full,heavy}.tflite "$target"
# The detector travels as the one file of the "packed assets".
cp "$work/package/pose_solution_packed_assets.data" "$target/pose_detection.tflite"
chmod 644 "$target"/*.tflite
(cd "$target" && sha256sum --check --quiet "$sums")
echo "BlazePose is in $target"
