#!/usr/bin/env bash
# Where the time of a rendered image goes: processor time of one core, of single-person images of 256x256; the table in
# docs/rendered.md. Needs mocap/, negatives/ and hands/ of the data root. Half a minute on a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
"${PYTHON:-.venv/bin/python}" - "${1:-100}" <<'PY'
import sys
import time
from types import SimpleNamespace

from anchorpose.files.datasets import dataset_path
from anchorpose.files.motions import motions_file, read_motions
from anchorpose.files.shards import encode_sample
from anchorpose.learn.synthesis import garments, looks, people, rendered
from anchorpose.learn.synthesis.loops import loops

STEPS = (
    (people, "push_apart", "arms out of the body"), (people, "shape_body", "shape"), (rendered, "draw_character", "person"),
    (rendered, "draw_view", "camera"), (rendered, "draw_background", "background"),
    (looks, "random_look", "look"), (looks, "random_lights", "lights"), (garments, "dress", "clothes and hair"),
    (rendered, "body_points", "joints"), (rendered, "label_person", "labels"), (rendered, "expose", "sensor"),
)  # fmt: skip
spent = dict.fromkeys([name for *_, name in STEPS] + ["drawing", "skinning", "storing"], 0.0)


def timed(owner, attribute, name):
    inner = getattr(owner, attribute)

    def run(*args, **named):
        start = time.thread_time()
        out = inner(*args, **named)
        spent[name] += time.thread_time() - start
        return out

    setattr(owner, attribute, run)


count = int(sys.argv[1])
read_motions(dataset_path("mocap"))
config = rendered.RenderConfig(
    motions=str(motions_file(dataset_path("mocap"))), split="train", backgrounds=str(dataset_path("negatives")),
    textures=str(dataset_path("negatives")), texture_licenses=(4, 5), hands=str(dataset_path("hands", "ycb_grasps.npz")),
)  # fmt: skip
engine = rendered.RenderedEngine(config, 0)
for i in range(5):
    engine.sample(i)
for step in STEPS:
    timed(*step)
chosen = SimpleNamespace(pose=loops().pose)
timed(chosen, "pose", "skinning")
rendered.loops = lambda: chosen  # what keeps arms out of the body poses a few points by functions of its own
timed(engine.renderer, "render", "drawing")
coder = SimpleNamespace(encode=encode_sample)
timed(coder, "encode", "storing")
start, wall = time.thread_time(), time.perf_counter()
for i in range(5, 5 + count):
    coder.encode(engine.sample(i))
total, wall = time.thread_time() - start, time.perf_counter() - wall
spent["person"] -= spent["shape"] + spent["arms out of the body"]
spent["the rest"] = total - sum(spent.values())
print("| step | ms |\n| --- | --: |")
for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
    print(f"| {name} | {1000 * seconds / count:.1f} |")
print(f"| **all** | **{1000 * total / count:.1f}** |\n\n{count / wall:.0f} images a second with one process")
PY
