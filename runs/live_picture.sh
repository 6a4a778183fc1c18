#!/usr/bin/env bash
# docs/live.jpg: the page of `anchorpose live` as Chromium shows it while the demo clip (runs/get_demo_input.sh) plays back
# and forth. Needs chromium (CHROMIUM=... for another name of it) and a quiet machine; half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${BIN:-.venv/bin} work=$(mktemp -d)
trap 'kill "${live:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
bash runs/get_demo_input.sh demo
"$bin/python" - demo/park.mp4 "$work/park.mp4" <<'PY'
import sys

from anchorpose.files.sources import open_source
from anchorpose.files.video_writer import VideoWriter

with open_source(sys.argv[1]) as frames:
    images = [frame.image for frame in frames][40:190]
with VideoWriter(sys.argv[2], 30, images[0].shape[1::-1]) as writer:
    for _ in range(4):
        for image in images + images[::-1]:
            writer.write(image)
PY
"$bin/anchorpose" live "$work/park.mp4" --quality balanced --view page --no-browser >"$work/said.txt" 2>&1 &
live=$!
until address=$(grep -o 'http://[^ ]*' "$work/said.txt"); do
  kill -0 "$live" 2>/dev/null || { cat "$work/said.txt" >&2; exit 1; }
  sleep 0.2
done
sleep "${1:-3}"
"${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1180,520 \
  --virtual-time-budget=2500 --screenshot="$work/page.png" "$address" >/dev/null 2>&1
"$bin/python" - "$work/page.png" docs/live.jpg <<'PY'
import sys

from PIL import Image

Image.open(sys.argv[1]).convert("RGB").crop((0, 40, 1180, 516)).save(sys.argv[2], quality=88)
print(f"{sys.argv[2]} written")
PY
