#!/usr/bin/env bash
# Figures of the mosaic engine: runs/mosaic_figures.sh [FOLDER] [SOURCES]
# FOLDER (default docs) gets mosaic_stages.jpg, mosaic_sheet.jpg, mosaic_scenes.jpg and mosaic_credits.md. So that they
# may be shown by anyone, the mosaics are made of SOURCES (default 1500) rendered people before photos whose licence
# allows it. With LABELS=a.json:b.json they are made of your photos instead. Needs the data sets (runs/get_data.sh) and
# the extras "train" and "synth"; a quarter of an hour, most of it for the motion capture and the sources.
set -euo pipefail
cd "$(dirname "$0")/.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"${PYTHON:-.venv/bin/python}" - "${1:-docs}" "${2:-1500}" "$work" <<'PY'
import json
import os
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from anchorpose.files.datasets import dataset_path
from anchorpose.files.images import write_image
from anchorpose.learn.synthesis.backgrounds import read_backgrounds
from anchorpose.learn.synthesis.mosaic.engine import MosaicConfig, MosaicEngine
from anchorpose.share.mosaics import Stages, stages_figure
from anchorpose.share.samples import sample_sheet
from anchorpose.share.sheets import attribution

OPEN = (4, 5)  # COCO's ids of CC BY and CC BY-SA
out, count, work = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
photos = dataset_path("negatives")


def render_sources() -> Path:
    """People before photos, one a picture, as files with COCO labels."""
    from anchorpose.files.motions import read_motions
    from anchorpose.learn.synthesis.rendered import RenderConfig, RenderedEngine

    read_motions(dataset_path("mocap"), "train").save(work / "motions.npz")
    config = RenderConfig(
        motions=str(work / "motions.npz"), split="train", backgrounds=str(photos), textures=str(photos), licenses=OPEN,
        texture_licenses=OPEN, fov=(25.0, 60.0), truncated=0.1, occluded=0.0, plain=0.0, sensor=False,
    )  # fmt: skip
    images, annotations = [], []
    engine = RenderedEngine(config, 0)
    for n in tqdm(range(count), desc="sources", disable=None):
        sample = engine.sample(n)
        write_image(work / f"{n:05d}.jpg", sample.image)
        images.append({"id": n, "file_name": f"{n:05d}.jpg", "width": sample.width, "height": sample.height})
        for person in sample.people:
            coco = person.parts["coco"]
            seen = np.where(coco.visible[:, None] > 0, coco.joints2d, 0)
            x0, y0, x1, y1 = person.box.tolist()
            annotations.append({
                "id": len(annotations), "image_id": n, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0],
                "iscrowd": 0, "keypoints": np.column_stack([seen, coco.visible]).ravel().round(2).tolist(),
            })
    (work / "labels.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    return work / "labels.json"


def stages(engine: MosaicEngine, index: int) -> Stages:
    mosaic, shop = engine.stages(index), engine.workshop
    found = [None if match is None else shop.warped(mosaic, j) for j, match in enumerate(mosaic.matches)]
    return Stages(mosaic.query.joints2d, found, mosaic.winners, shop.argmax(mosaic), mosaic.image)


rendered = "LABELS" not in os.environ
labels = (str(render_sources()),) if rendered else tuple(os.environ["LABELS"].split(":"))
base = {"labels": labels, "corpus": str(dataset_path("mocap")), "split": "train"}
out.mkdir(parents=True, exist_ok=True)
whole = MosaicEngine(MosaicConfig(**base, truncated=0.0), 31)
stages_figure([stages(whole, i) for i in range(4)], out / "mosaic_stages.jpg")
single = MosaicEngine(MosaicConfig(**base), 21)
samples = [single.sample(i) for i in range(24)]
sample_sheet([(f"{i}", s) for i, s in enumerate(samples)], out / "mosaic_sheet.jpg", columns=6)
licenses = OPEN if rendered else None
scene = MosaicConfig(**base, people=(2, 6), size=(320, 320), backgrounds=str(photos), licenses=licenses)
engine = MosaicEngine(scene, 2)
scenes = [engine.sample(i) for i in range(12)]
sample_sheet([(f"{i}", s) for i, s in enumerate(scenes)], out / "mosaic_scenes.jpg", columns=4, cell=360)
if rendered:
    listed = {i["file_name"]: i for i in json.loads((photos / "negatives.json").read_text())["images"]}
    used = [listed[photo.name] for photo in read_backgrounds(photos, "train", OPEN)]
    (out / "mosaic_credits.md").write_text(
        "# Photos in mosaic_stages.jpg, mosaic_sheet.jpg and mosaic_scenes.jpg\n\n"
        "The people in the figures are patched together from pictures of rendered people, made by"
        " `runs/mosaic_figures.sh`. Parts of these photos of COCO lie behind the people and on their clothes; they were"
        " cropped, resized, mirrored and blended. As some are CC BY-SA, the figures are under"
        " [CC BY-SA 2.0](https://creativecommons.org/licenses/by-sa/2.0/).\n\n" + attribution(used)
    )
print(f"{out}: mosaics of {len(single.workshop.sources)} sources, mirror images counted")
PY
