"""The detector on training photos: accuracy against time, for single passes of several sizes and for each quality.

This is what its sizes and thresholds were chosen by. Nothing here looks at the photo sets that measure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anchorpose.files.datasets import dataset_path
from anchorpose.files.images import read_image
from anchorpose.files.labels import LabelledImage, read_labels
from anchorpose.files.paths import replacing
from anchorpose.measure.metrics import BODY12, FOUND_OKS, body12, match_people, oks_matrix, pck2d
from anchorpose.measure.peers import MoveNetMultiPose
from anchorpose.measure.protocols import select
from anchorpose.measure.report import number, provenance, provenance_line, run_command, table
from anchorpose.measure.turns import ratio, take_turns
from anchorpose.poses.errors import AnchorposeError
from anchorpose.poses.values import Frame, Pose
from anchorpose.sense.detector import QUALITIES, resize
from anchorpose.sense.movenet import MoveNetDetector, decode

if TYPE_CHECKING:
    import onnxruntime

SIZES = (192, 256, 320, 352, 384, 448, 512)
CELL = 256
#: A person whose trunk is shorter [px] is too coarse to fill a picture.
PORTRAIT_TRUNK = 25.0
REFERENCE = "MoveNet MultiPose, uncut, 256"
Find = Callable[[Frame], list[Pose]]


@dataclass(frozen=True)
class Scene:
    """A photo and its labelled people: joints (P, 12, 2) px in the order of BODY12, labelled (P, 12), areas (P,)."""

    image: np.ndarray
    joints: np.ndarray
    labelled: np.ndarray
    areas: np.ndarray


@dataclass(frozen=True)
class Row:
    """One way to detect: PCK, share found and people a photo on each set; false people a photo without people; time."""

    name: str
    pck: tuple[float, ...]
    found: tuple[float, ...]
    given: tuple[float, ...]
    false: float
    milliseconds: tuple[float, ...]
    ratios: tuple[float | None, ...]


def photo_scenes(name: str, file: str, limit: int | None = None, least_side: int = 0) -> list[Scene]:
    """Hand-labelled training photos, evenly spread; without people whose sides are in doubt."""
    labels = read_labels(dataset_path(name, file))
    images = [image for image in select(labels.images)[0] if max(image.width, image.height) >= least_side]
    if limit is not None and limit < len(images):
        images = [images[i] for i in np.linspace(0, len(images) - 1, limit).round().astype(int)]
    return [_scene(image, labels.skeleton.name) for image in images]


def _scene(image: LabelledImage, skeleton: str) -> Scene:
    people = [person for person in image.people if np.isfinite(body12(person.joints2d, skeleton)).any()]
    joints = np.stack([body12(person.joints2d, skeleton) for person in people])
    areas = np.array([person.area for person in people])
    return Scene(read_image(image.path), np.nan_to_num(joints), np.isfinite(joints).all(-1), areas)


def mosaics(scenes: Sequence[Scene], columns: int, rows: int) -> list[Scene]:
    """Photos side by side: people as small as they are in a photo of a scene, with all their pixels."""
    count = columns * rows
    made = []
    for first in range(0, len(scenes) - count + 1, count):
        image = np.full((rows * CELL, columns * CELL, 3), 127, np.uint8)
        joints = []
        for k, scene in enumerate(scenes[first : first + count]):
            x, y = k % columns * CELL, k // columns * CELL
            part = scene.image[:CELL, :CELL]
            image[y : y + part.shape[0], x : x + part.shape[1]] = part
            joints.append(scene.joints + [x, y])
        group = scenes[first : first + count]
        labelled, areas = (np.concatenate([getattr(s, name) for s in group]) for name in ("labelled", "areas"))
        made.append(Scene(image, np.concatenate(joints), labelled, areas))
    return made


def enlarged(scene: Scene, factor: int = 2) -> Scene:
    """The same photo with more pixels, as close-ups have."""
    from PIL import Image

    height, width = scene.image.shape[:2]
    image = Image.fromarray(scene.image).resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    return Scene(np.asarray(image), (scene.joints + 0.5) * factor - 0.5, scene.labelled, scene.areas * factor**2)


def portrait(scene: Scene, side: int = 400) -> Scene | None:
    """The first person from the hips up, filling a picture of `side` px, as in a portrait or a video call.

    None if its shoulders or hips are not labelled, or too few pixels are left.
    """
    from PIL import Image

    joints, labelled = scene.joints[0], scene.labelled[0]
    shoulders, hips = ([BODY12.index(f"{s}_{name}") for s in "rl"] for name in ("shoulder", "hip"))
    up = joints[shoulders].mean(0) - joints[hips].mean(0)
    trunk = float(np.linalg.norm(up))
    if not labelled[[*shoulders, *hips]].all() or trunk < PORTRAIT_TRUNK:
        return None
    centre = joints[hips].mean(0) + 0.85 * up  # as much room above the shoulders as a head takes
    height, width = scene.image.shape[:2]
    low = np.maximum(np.rint(centre - 0.95 * trunk), 0).astype(int)
    high = np.minimum(np.rint(centre + 0.95 * trunk), (width, height)).astype(int)
    if (high - low < trunk).any():
        return None
    part = Image.fromarray(scene.image[low[1] : high[1], low[0] : high[0]])
    factor = side / max(part.size)
    image = np.asarray(part.resize((round(part.width * factor), round(part.height * factor)), Image.Resampling.BICUBIC))
    moved = (scene.joints[:1] - low + 0.5) * factor - 0.5
    inside = (moved >= 0).all(-1) & (moved < image.shape[1::-1]).all(-1)
    return Scene(image, moved, scene.labelled[:1] & inside, scene.areas[:1] * factor**2)


def training_sets(photos: int) -> dict[str, list[Scene]]:
    """The sets: scenes, single athletes, small people, close-ups, portraits."""
    large = photo_scenes("lspet", "lspet_train.json", photos, least_side=200)
    return {
        "scenes": photo_scenes("coco_train", "coco_train.json"),
        "sports": photo_scenes("lspet", "lspet_train.json", photos),
        "small people": mosaics(large[: photos // 2], 2, 2) + mosaics(large[photos // 2 :], 3, 2),
        "close-ups": [enlarged(scene) for scene in large[::2]],
        "portraits": [made for scene in large if (made := portrait(scene)) is not None],
    }


def negatives(limit: int) -> list[np.ndarray]:
    """Photos without people, evenly spread."""
    labels = read_labels(dataset_path("negatives", "negatives.json"))
    chosen = np.linspace(0, len(labels) - 1, limit).round().astype(int)
    return [read_image(labels[int(i)].path) for i in chosen]


def score(scenes: Sequence[Scene], find: Find) -> tuple[float, float, float]:
    """PCK at .2 of the torso (people who are missed count as 0), share of people found, people given a photo."""
    shares, oks, given = [], [], []
    for scene in scenes:
        poses = find(Frame(scene.image))
        given.append(len(poses))
        joints = np.stack([_joints(pose) for pose in poses]) if poses else np.zeros((0, 12, 2))
        similar = oks_matrix(joints, scene.joints, scene.labelled, scene.areas)
        match = match_people(similar)
        best = np.array([similar[i, k] if k >= 0 else 0.0 for i, k in enumerate(match)])
        nowhere = np.full((len(match), 12, 2), np.nan)
        chosen = np.where((match >= 0)[:, None, None], joints[match], nowhere) if poses else nowhere
        shares.append(pck2d(chosen, scene.joints, scene.labelled))
        oks.append(best)
    every = np.concatenate(shares)
    counted = np.isfinite(every)
    found = np.concatenate(oks)[counted] >= FOUND_OKS
    return float(every[counted].mean()), float(found.mean()), float(np.mean(given))


def _joints(pose: Pose) -> np.ndarray:
    joints = pose.joints2d
    return body12(joints if joints is not None else np.full((len(pose.scores), 2), np.nan), pose.skeleton)


def contenders(threads: int) -> Iterator[tuple[str, Find]]:
    """The published network in its own decoding (where its file is there), single passes, and the qualities."""
    for size in (256, 512):
        try:
            yield f"MoveNet MultiPose, uncut, {size}", MoveNetMultiPose(size, threads).detect
        except AnchorposeError:
            pass
    fast = MoveNetDetector("fast", threads=threads)
    for size in SIZES:
        yield f"one pass, {size}", _one_pass(fast, size)
    for quality in QUALITIES:
        yield f"`{quality}`", _quality(quality, fast.session)


def _one_pass(detector: MoveNetDetector, size: int) -> Find:
    return lambda frame: detector.detect_in(resize(frame.image, size))


def _quality(quality: str, session: onnxruntime.InferenceSession) -> Find:
    detector = MoveNetDetector(quality, session=session)
    return lambda frame: detector.detect(frame)


def time_picture(sets: dict[str, list[Scene]]) -> np.ndarray:
    """(480, 640, 3): four athletes, for timing."""
    image = np.full((480, 640, 3), 127, np.uint8)
    for k, scene in enumerate(sets["sports"][:4]):
        x, y = k % 2 * 320, k // 2 * 240
        part = scene.image[:240, :320]
        image[y : y + part.shape[0], x : x + part.shape[1]] = part
    return image


def times(frame: Frame, threads: int, rounds: int) -> tuple[dict[str, float], dict[str, float | None]]:
    """Milliseconds of each contender on one picture, and its ratio to the uncut network at 256, all taking turns."""
    calls: dict[str, Callable[[], object]] = {name: partial(find, frame) for name, find in contenders(threads)}
    taken = take_turns(calls, rounds, progress=f"{threads} threads")
    reference = taken.get(REFERENCE)
    return (
        {name: float(np.median(values)) for name, values in taken.items()},
        {name: ratio(values, reference) for name, values in taken.items()},
    )


def people_times(counts: Sequence[int], rounds: int) -> list[tuple[int, int, float]]:
    """Asked for, found, and milliseconds of decoding (least of the rounds), for a person repeated in one picture."""
    scene = photo_scenes("lspet", "lspet_train.json", 40, least_side=200)[7]
    detector = MoveNetDetector("fast", threads=1)
    person = resize(scene.image, 96).image
    made = []
    for count in counts:
        image = np.zeros((4 * person.shape[0], 6 * person.shape[1], 3), np.uint8)
        for k in range(count):
            y, x = (k // 6) * person.shape[0], (k % 6) * person.shape[1]
            image[y : y + person.shape[0], x : x + person.shape[1]] = person
        maps = detector.maps(image)
        found = len(decode(maps))
        taken = take_turns({"decode": partial(decode, maps)}, rounds)
        made.append((count, found, float(taken["decode"].min())))
    return made


def frontier(photos: int, rounds: int, without: int) -> tuple[list[Row], list[str], list[tuple[int, int, float]]]:
    """All rows, the names of the sets with their sizes, and the cost of people."""
    from tqdm import tqdm

    sets, empty = training_sets(photos), negatives(without)
    frame = Frame(time_picture(sets))
    clocks = [times(frame, threads, rounds) for threads in (1, 2)]
    rows = []
    for name, find in tqdm(list(contenders(2)), unit="way"):
        scores = [score(scenes, find) for scenes in sets.values()]
        pck, found, given = zip(*scores, strict=True)
        false = float(np.mean([len(find(Frame(image))) for image in empty]))
        ms, against = ([clock[part][name] for clock in clocks] for part in (0, 1))
        rows.append(Row(name, pck, found, given, false, tuple(ms), tuple(against)))  # type: ignore[arg-type]
    counted = [int(sum(np.isfinite(pck2d(s.joints, s.joints, s.labelled)).sum() for s in v)) for v in sets.values()]
    heads = [f"{key} ({len(v)} photos, {n} people)" for (key, v), n in zip(sets.items(), counted, strict=True)]
    return rows, heads, people_times((1, 2, 5, 10, 20), max(rounds, 30))


def as_csv(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The same numbers for programs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = [name.split(" (")[0].replace(" ", "_").replace("-", "_") for name in names]
    head = [f"{what}_{key}" for what in ("pck", "found", "given") for key in keys]
    writer.writerow(["name", *head, "false", "ms_1", "ms_2", "ratio_1", "ratio_2"])
    for row in rows:
        values = [*row.pck, *row.found, *row.given, row.false, *row.milliseconds, *row.ratios]
        writer.writerow([row.name.replace("`", ""), *("" if v is None else f"{v:.4g}" for v in values)])
    return out.getvalue()


def as_markdown(rows: Sequence[Row], names: Sequence[str], people: Sequence[tuple[int, int, float]]) -> str:
    """The table between the marks of docs/detector.md."""
    short = [name.split(" (")[0] for name in names]
    head = [
        "",
        *(f"PCK {s}" for s in short),
        *(f"found {s}" for s in short),
        "false",
        "ms, 1 thread",
        "2",
        "ratio 1",
        "2",
    ]
    body = []
    for row in rows:
        measured = [number(v) for v in (*row.pck, *row.found)]
        clock = [number(v, 0) for v in row.milliseconds] + [number(v, 2) for v in row.ratios]
        body.append([row.name, *measured, number(row.false, 2), *clock])
    cost = table(["people in the picture", "found", "ms"], [[str(n), str(f), number(t, 2)] for n, f, t in people])
    line = provenance_line(provenance("anchorpose.measure.detector_frontier", 2))
    return "\n\n".join([line, "Sets: " + "; ".join(names) + ".", table(head, body), "Decoding alone:", cost])


def replaced(text: str, made: str) -> str:
    """`text` with what stands between the two marks replaced."""
    start, end = "<!-- frontier -->", "<!-- /frontier -->"
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{made}\n{end}{rest.partition(end)[2]}"


def main(out: Path = Path("docs/detector.md"), photos: int = 400, rounds: int = 15, without: int = 200) -> None:
    """Measure the detector on training photos.

    Args:
        out: the Markdown file whose table is replaced; the numbers go beside it as .csv.
        photos: how many sports photos.
        rounds: how often each contender is timed.
        without: how many photos without people.
    """
    rows, names, people = frontier(photos, rounds, without)
    made = as_markdown(rows, names, people)
    text = out.read_text(encoding="utf-8") if out.exists() else "# The detector\n"
    for path, content in ((out, replaced(text, made)), (out.with_suffix(".csv"), as_csv(rows, names))):
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    print(made)


if __name__ == "__main__":
    run_command(main)
