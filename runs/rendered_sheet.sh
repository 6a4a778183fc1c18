#!/usr/bin/env bash
# docs/rendered.jpg and docs/rendered_credits.md: 24 samples of the rendered engine with their labels drawn, before photos
# that anyone may show again (COCO licence ids 4, 5, 7, 8). Needs mocap/, negatives/ and hands/ of the data root
# (runs/get_data.sh) and the extras "train" and "synth". A minute, the first time a few more for the motion capture.
set -euo pipefail
cd "$(dirname "$0")/.."
"${PYTHON:-.venv/bin/python}" - "${1:-docs}" <<'PY'
import json
import sys
from dataclasses import replace
from pathlib import Path

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import motions_file, read_motions
from anchorpose.learn.synthesis.backgrounds import read_backgrounds
from anchorpose.learn.synthesis.rendered import RenderConfig, RenderedEngine
from anchorpose.share.samples import sample_sheet
from anchorpose.share.sheets import OPEN_LICENSES, attribution

out, photos = Path(sys.argv[1]), dataset_path("negatives")
read_motions(dataset_path("mocap"))  # made once, then kept
single = RenderConfig(
    size=384, motions=str(motions_file(dataset_path("mocap"))), split="train", backgrounds=str(photos),
    textures=str(photos), licenses=tuple(OPEN_LICENSES), texture_licenses=(4, 5),
    hands=str(dataset_path("hands", "ycb_grasps.npz")), plain=0.0,
)  # fmt: skip
engines = [(RenderedEngine(single, 24), range(14)), (RenderedEngine(replace(single, people=(2, 6)), 25), range(10))]
samples = [(f"{n}", engine.sample(i)) for engine, numbers in engines for n, i in enumerate(numbers)]
samples = [(f"{n}", sample) for n, (_, sample) in enumerate(samples, 1)]
sample_sheet(samples, out / "rendered.jpg", columns=6, cell=336)
listed = {i["file_name"]: i for i in json.loads((photos / "negatives.json").read_text())["images"]}
used = {sample.attributes["background"] for _, sample in samples}
used |= {photo.name for photo in read_backgrounds(photos, "train", (4, 5))}
(out / "rendered_credits.md").write_text(
    "# Photos in rendered.jpg\n\n"
    "The people in `rendered.jpg` are rendered (`runs/rendered_sheet.sh`). Parts of these photos of COCO stand behind them"
    " or are the pattern of clothes and things; they were cropped, resized, mirrored, recoloured and compressed. As some"
    " are CC BY-SA, the sheet as a whole is under [CC BY-SA 2.0](https://creativecommons.org/licenses/by-sa/2.0/).\n\n"
    + attribution([listed[name] for name in sorted(n for n in used if n)])
)
print(f"{out / 'rendered.jpg'}: {sum(len(s.people) for _, s in samples)} people")
PY
