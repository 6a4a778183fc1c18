#!/usr/bin/env bash
# docs/photos.jpg and docs/photos.md: the default model on twenty photos of coco_mini, only such as anyone may show
# again (COCO licence ids 4, 5, 7, 8). Needs the data sets (runs/get_data.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
"${PYTHON:-.venv/bin/python}" - "${1:-docs}" <<'PY'
import json
import sys
from pathlib import Path

import anchorpose
from anchorpose.files.datasets import dataset_path
from anchorpose.files.images import read_image
from anchorpose.share.sheets import OPEN_LICENSES, attribution, photo_sheet

out, data = Path(sys.argv[1]), dataset_path("coco_mini")
labels = json.loads((data / "coco_mini.json").read_text())
labelled = {}
for person in labels["annotations"]:
    labelled[person["image_id"]] = labelled.get(person["image_id"], 0) + person["num_keypoints"]
photos = [photo for photo in labels["images"] if photo["license"] in OPEN_LICENSES]
photos = sorted(photos, key=lambda photo: (-labelled.get(photo["id"], 0), photo["id"]))[:20]

model = anchorpose.load("default")
pairs = []
for photo in photos:
    image = read_image(data / "images" / f"{photo['id']:012d}.jpg")
    pairs.append((image, model(image)))
captions = [f"{n}.  COCO {photo['id']}, {OPEN_LICENSES[photo['license']][0]}" for n, photo in enumerate(photos, 1)]
photo_sheet(pairs, captions, out / "photos.jpg", cell=(360, 300))
(out / "photos.md").write_text(
    "# Photos in photos.jpg\n\n"
    "The default model on twenty photos of COCO (small development set), those whose licence lets them be shown again;"
    " made by `runs/photo_sheet.sh`. The photos were shrunk and the people drawn on them. As some are CC BY-SA, the"
    " sheet as a whole is under [CC BY-SA 2.0](https://creativecommons.org/licenses/by-sa/2.0/).\n"
    "Right limbs are orange, left limbs blue; the number is the person's score.\n\n" + attribution(photos)
)
print(f"{out / 'photos.jpg'}, {out / 'photos.md'}: {sum(len(people) for _, people in pairs)} people")
PY
