"""Measures the mosaic engine: its speed, and how real its images look to a detector (docs/mosaic.md)."""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from anchorpose.files.datasets import dataset_path
from anchorpose.files.images import read_image
from anchorpose.files.labels import read_labels
from anchorpose.learn.synthesis.mosaic.engine import MosaicConfig, MosaicEngine
from anchorpose.measure.metrics import body12, pck2d
from anchorpose.measure.peers import MoveNetThunder
from anchorpose.poses.cameras import Camera
from anchorpose.poses.values import Frame


def photos() -> MosaicConfig:
    """Mosaics from the 8,000 photos of lspet_train and the 3,354 of people."""
    labels = str(dataset_path("lspet", "lspet_train.json")), str(dataset_path("people", "people.json"))
    return MosaicConfig(labels=labels, corpus=str(dataset_path("mocap")), split="train")


VARIANTS: tuple[dict[str, Any], ...] = (
    {}, {"agree": 0.2}, {"front": 0.0}, {"missing": 0.0}, {"max_mismatch": 9.0},
)  # fmt: skip


def speed(count: int) -> tuple[float, float, float]:
    """Seconds to make the engine, mosaics a second, and mosaics a second of processor time (on a busy machine)."""
    start = time.perf_counter()
    engine = MosaicEngine(photos(), 0)
    engine.sample(10**6)  # the first one reads what the others find in memory
    ready, used = time.perf_counter(), time.process_time()
    for _ in engine.samples(range(count)):
        pass
    return ready - start, count / (time.perf_counter() - ready), count / (time.process_time() - used)


def _pck(net: MoveNetThunder, image: np.ndarray, box: np.ndarray, truth: np.ndarray, shown: np.ndarray) -> float:
    frame = Frame(image, Camera.from_fov(image.shape[1], image.shape[0]), 0, 0.0, "")
    found = net.on_boxes(frame, box[None])[0].joints2d
    return 0.0 if found is None else float(pck2d(body12(found, "coco17"), truth, shown))


def of_mosaics(net: MoveNetThunder, config: MosaicConfig, count: int) -> float:
    """Mean PCK on the visible joints of mosaics."""
    scores = []
    for sample in MosaicEngine(config, 1).samples(range(count)):
        person = sample.people[0]
        body = person.parts["body"]
        shown = body12(body.visible[:, None], "body13")[:, 0] == 2
        scores.append(_pck(net, sample.image, person.box, body12(body.joints2d, "body13"), shown))
    return float(np.nanmean(scores))


def of_photos(net: MoveNetThunder, path: str, count: int) -> float:
    """Mean PCK on the people of a label file who have at least 9 visible joints."""
    labels, rng = read_labels(path), np.random.default_rng(1)
    scores: list[float] = []
    for number in rng.permutation(len(labels)):
        image = labels[int(number)]
        people = [p for p in image.people if not p.attributes.get("lr_suspect") and (p.visible == 2).sum() >= 9]
        if people and len(scores) < count:
            truth = body12(people[0].joints2d, labels.skeleton.name)
            shown = body12((people[0].visible == 2)[:, None], labels.skeleton.name)[:, 0]
            scores.append(_pck(net, read_image(image.path), people[0].box, np.nan_to_num(truth), shown))
    return float(np.nanmean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="images of each kind")
    parser.add_argument("--speed-only", action="store_true")
    args = parser.parse_args()
    made, alone, processor = speed(40)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"engine made in {made:.1f} s, {memory:.0f} MB")
    print(f"one process: {alone:.1f} mosaics a second, {processor:.1f} a second of processor time", flush=True)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        both = np.sum(list(pool.map(speed, (60, 60))), axis=0)
    print(f"two processes: {both[1]:.1f} mosaics a second, {both[2]:.1f} a second of their processor time", flush=True)
    if args.speed_only:
        return
    net = MoveNetThunder(threads=1)
    config = replace(photos(), truncated=0.0)
    print(f"PCK of MoveNet Thunder on given boxes, {args.count} each:")
    print(f"photos of lspet_train: {of_photos(net, config.label_files[0], args.count):.3f}", flush=True)
    for change in VARIANTS:
        print(
            f"mosaics, {change or 'defaults'}: {of_mosaics(net, replace(config, **change), args.count):.3f}", flush=True
        )


if __name__ == "__main__":
    main()
