"""The benchmark: time of each stage, frames a second, memory, start-up and size, beside the peers in the same run.

    python -m anchorpose.measure.bench --out docs/bench.md

All contenders take turns, round after round, so that whatever else the machine does hits all alike; ratios are taken
within each round, and the median over the rounds counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anchorpose.measure.motion_speed import motion_record, motion_tables
from anchorpose.measure.report import number, provenance, provenance_line, run_command, table, write_report
from anchorpose.measure.turns import Call, ratio, take_turns
from anchorpose.poses.errors import AnchorposeError, InputError
from anchorpose.poses.values import Frame

if TYPE_CHECKING:
    from anchorpose.sense.pipeline import Model, Quality

SIZE = (640, 480)
GRID = (5, 4)
COUNTS = (1, 2, 5, 10, 20)
QUALITIES: tuple[Quality, ...] = ("fast", "balanced", "best")
REFERENCE = "MoveNet MultiPose 256"

Peer = Callable[[Frame, np.ndarray], Any]


def bench_photo(path: Path | None = None, box: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """The person that is tiled: the photo given, or the part of it in `box` (xyxy), else the astronaut of scikit-image
    (NASA, public domain), who is cut at the waist: fewer of small copies are found than of whole people."""
    if path is not None:
        from anchorpose.files.images import read_image

        image = read_image(path)
        x0, y0, x1, y1 = box or (0, 0, image.shape[1], image.shape[0])
        if not (0 <= x0 < x1 <= image.shape[1] and 0 <= y0 < y1 <= image.shape[0]):
            raise InputError(f"the box {box} does not lie in {path.name}, {image.shape[1]} x {image.shape[0]} px")
        return image[y0:y1, x0:x1]
    try:
        from skimage.data import astronaut
    except ImportError:
        raise InputError("give a photo of one person with --image, or install scikit-image for its astronaut") from None
    return np.asarray(astronaut()[:, 60:400])


def canvas(person: np.ndarray, count: int, size: tuple[int, int] = SIZE, grid: tuple[int, int] = GRID) -> np.ndarray:
    """`count` copies of a picture in the cells of a grid on grey: people of the same size, however many."""
    from PIL import Image

    if not 1 <= count <= grid[0] * grid[1]:
        raise InputError(f"{count} people: the grid of {grid[0]} x {grid[1]} holds 1 to {grid[0] * grid[1]}")
    cell = size[0] // grid[0], size[1] // grid[1]
    height, width = person.shape[:2]
    scale = min(cell[0] / width, cell[1] / height)
    new = max(1, int(width * scale)), max(1, int(height * scale))
    tile = np.asarray(Image.fromarray(person).resize(new, Image.Resampling.BOX))
    out = np.full((size[1], size[0], 3), 128, np.uint8)
    # From the middle outwards, so that few people are not all at the border.
    cells = sorted(np.ndindex(grid[1], grid[0]), key=lambda c: abs(c[0] - grid[1] / 2) + abs(c[1] - grid[0] / 2))
    for row, column in cells[:count]:
        x, y = column * cell[0] + (cell[0] - new[0]) // 2, row * cell[1] + (cell[1] - new[1]) // 2
        out[y : y + new[1], x : x + new[0]] = tile
    return out


def load_models(model: str, threads: int | None) -> dict[str, Model]:
    """The whole pipeline at each quality."""
    from anchorpose.sense.pipeline import load

    return {quality: load(model, quality=quality, threads=threads) for quality in QUALITIES}


def peer_calls(threads: int | None) -> tuple[dict[str, Peer], list[str]]:
    """Peers by name, called with a frame and the people's boxes; and why others are missing."""
    from anchorpose.measure.blazepose import BlazePose
    from anchorpose.measure.peers import MoveNetMultiPose

    def movenet(size: int) -> Peer:
        net = MoveNetMultiPose(size, threads)
        return lambda frame, boxes: net.detect(frame)

    def blazepose(variant: str) -> Peer:
        net = BlazePose(variant, threads, align=False)
        # Its own detector once, then the landmarks of each person.
        return lambda frame, boxes: (net.find(frame), net.on_boxes(frame, boxes))

    makers: dict[str, Callable[[], Peer]] = {
        REFERENCE: partial(movenet, 256),
        "MoveNet MultiPose 512": partial(movenet, 512),
        "BlazePose full": partial(blazepose, "full"),
        "BlazePose heavy": partial(blazepose, "heavy"),
    }
    there, missing = {}, []
    for name, make in makers.items():
        try:
            there[name] = make()
        except AnchorposeError as error:
            missing.append(f"{name}: {error}")
    return there, missing


def people_record(
    models: dict[str, Model], threads: int | None, person: np.ndarray, counts: Sequence[int], rounds: int
) -> tuple[dict[str, Any], list[str]]:
    """Milliseconds of ours and the peers against the number of people, and how many of them we find."""
    peers, missing = peer_calls(threads)
    frames = {count: Frame(canvas(person, count)) for count in counts}
    calls: dict[str, Call] = {}
    for count, frame in frames.items():
        boxes = np.tile([0.0, 0.0, SIZE[0] / GRID[0], SIZE[1] / GRID[1]], (count, 1))
        for name, peer in peers.items():
            calls[f"{name}|{count}"] = partial(peer, frame, boxes)
        for name, model in models.items():
            calls[f"anchorpose {name}|{count}"] = partial(model, frame)
    times = take_turns(calls, rounds, progress="people")
    record: dict[str, Any] = {}
    for name in [*peers, *(f"anchorpose {q}" for q in models)]:
        own = {count: times[f"{name}|{count}"] for count in counts}
        record[name] = {
            "ms": {str(count): float(np.median(values)) for count, values in own.items()},
            "times_reference": {str(c): ratio(v, times.get(f"{REFERENCE}|{c}")) for c, v in own.items()},
            "ten_over_one": ratio(own[10], own[1]) if {1, 10} <= set(counts) else None,
        }
    for name, model in models.items():
        record[f"anchorpose {name}"]["found"] = {str(count): len(model(frame)) for count, frame in frames.items()}
    return record, missing


def stage_record(models: dict[str, Model], person: np.ndarray, rounds: int) -> dict[str, Any]:
    """Milliseconds of each stage for one 640 x 480 JPEG with one person, at each quality."""
    from anchorpose.files.images import read_image, write_image
    from anchorpose.sense.place import place

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        write_image(path, canvas(person, 1, grid=(1, 1)))
        image = read_image(path)
        calls: dict[str, Call] = {"read": partial(read_image, path)}
        for name, model in models.items():
            frame = model.as_frame(image)
            camera = frame.camera or model.optics.camera(frame.width, frame.height)
            found, bodies = model.detector.detect(frame), model(frame)
            poses = [p.body for p in bodies if p.body is not None and p.body.joints3d is not None]
            if not poses:
                raise InputError(f"nobody is found in the photo at quality {name}: give another one with --image")
            joints3d = np.stack([np.asarray(p.joints3d) for p in poses])
            plane = camera.rays(np.stack([np.asarray(p.joints2d) for p in poses]))[..., :2]
            scores = np.stack([p.scores for p in poses])
            calls |= {
                f"{name}|detect": partial(model.detector.detect, frame),
                f"{name}|lift": partial(model.lifter, found, camera),
                f"{name}|place": partial(place, joints3d, plane, scores),
                f"{name}|pipeline": partial(model, frame),
                f"{name}|from file": partial(model, path),
            }
        times = take_turns(calls, rounds, progress="stages")
    medians = {name: float(np.median(values)) for name, values in times.items()}
    stages = ("detect", "lift", "place", "pipeline", "from file")
    return {
        name: {"read": medians["read"], **{s: medians[f"{name}|{s}"] for s in stages}}
        | {"fps": 1000 / medians[f"{name}|from file"]}
        for name in models
    }


def footprint_record(
    model: str, person: np.ndarray, threads: int | None, download: bool, few: int, many: int
) -> dict[str, Any]:
    """Start-up, memory and sizes."""
    from anchorpose.files.images import write_image
    from anchorpose.measure import footprint

    image = canvas(person, 2)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        write_image(photo, image)
        record: dict[str, Any] = {"seconds": footprint.start_up(photo)}
    record["memory_mb"] = {q: footprint.memory(image, model, q, threads, few, many) for q in QUALITIES}
    record |= {"frames": [few, many], "weights_mb": footprint.weights_mb(), "package_mb": footprint.package_mb()}
    record["download_mb"] = footprint.download_mb(footprint.core_requirements()) if download else None
    return record


def bench_markdown(bench: dict[str, Any]) -> str:
    """All tables."""
    parts = ["# Benchmark", provenance_line(bench["made"])]
    parts += [f"Not here: {reason}" for reason in bench["missing"]]
    parts.append(
        f"{bench['rounds']} rounds in which all take turns; medians. Each ratio is taken within a round. Frames are "
        f"640 x 480, the person: {bench['person']}. "
        "MoveNet MultiPose gets the frame at 256 x 192 (at 512: 512 x 384), as its makers do it, and stops "
        "at six people; the reference is its whole call, picture to poses. BlazePose runs its detector once, then the "
        "landmarks of each person on a given box."
    )
    parts += [*_people(bench["people"]), *_stages(bench["stages"]), *motion_tables(bench.get("motion") or {})]
    parts += synth_tables(bench.get("synth") or {})
    return "\n\n".join([*parts, *_footprint(bench)]) + "\n"


def _people(record: dict[str, Any]) -> list[str]:
    counts = list(next(iter(record.values()))["ms"])
    rows, found = [], []
    for name, row in record.items():
        cells = [f"{row['ms'][c]:.1f} ({number(row['times_reference'][c], 2)})" for c in counts]
        rows.append([name, *cells, number(row["ten_over_one"], 2)])
        if "found" in row:
            found.append(f"{name} {', '.join(str(row['found'][c]) for c in counts)}")
    return [
        "## Whole pipeline against the number of people",
        f"Milliseconds a frame, and in brackets times {REFERENCE}.",
        table(["people", *counts, "10 over 1"], rows),
        f"Found of {', '.join(counts)} people: {'; '.join(found)}.",
    ]


def _stages(record: dict[str, Any]) -> list[str]:
    keys = ("read", "detect", "lift", "place", "pipeline", "from file")
    rows = [[name, *(f"{row[k]:.1f}" for k in keys), f"{row['fps']:.0f}"] for name, row in record.items()]
    return [
        "## Stages",
        "Milliseconds for a JPEG of one person. `lift` is the network, the modes and the placing (`place` within it), "
        "`pipeline` takes pixels, `from file` reads them first; frames a second are of the latter.",
        table(["quality", *keys, "frames/s"], rows),
    ]


def synth_tables(record: dict[str, dict[str, float]]) -> list[str]:
    """Images a second of `anchorpose synth`, see `synth_speed.synth_record`."""
    if not record:
        return []
    processes = list(next(iter(record.values())))
    rows = [[name, *(f"{speeds[count]:.1f}" for count in processes)] for name, speeds in record.items()]
    return [
        "## Synthesis",
        "Images of 256 x 256 with one person a second, by `anchorpose synth` with so many processes, shards written.",
        table(["processes", *processes], rows),
    ]


def _footprint(bench: dict[str, Any]) -> list[str]:
    record = bench.get("footprint")
    if not record:
        return []
    few, many = record["frames"]
    seconds = [[name, f"{value:.2f}"] for name, value in record["seconds"].items()]
    memory = [[q, *(f"{mb:.0f}" for mb in values)] for q, values in record["memory_mb"].items()]
    sizes = [[name, f"{mb:.1f}"] for name, mb in record["weights_mb"].items()]
    sizes += [["all weights", f"{sum(record['weights_mb'].values()):.1f}"]]
    sizes += [["package without weights", f"{record['package_mb']:.1f}"]]
    if record["download_mb"]:
        wheels = ", ".join(f"{name} {mb:.1f}" for name, mb in record["download_mb"].items())
        sizes += [[f"core download ({wheels})", f"{sum(record['download_mb'].values()):.1f}"]]
    return [
        "## Start-up",
        "Seconds, fresh processes; `import anchorpose` without the interpreter's own start.",
        table(["", "s"], seconds),
        "## Memory",
        "Peak resident memory of a process, MB.",
        table(["quality", "loaded", f"{few} frames", f"{many} frames"], memory),
        "## Size",
        table(["", "MB"], sizes),
    ]


def main(
    model: str = "default",
    out: Path = Path("docs/bench.md"),
    image: Path | None = None,
    box: tuple[int, int, int, int] | None = None,
    counts: tuple[int, ...] = COUNTS,
    rounds: int = 15,
    threads: int | None = None,
    footprint: bool = True,
    download: bool = False,
    synth: bool = True,
) -> None:
    """Measure time, memory and size, beside the peers.

    Args:
        model: the model to measure.
        out: the Markdown file to write; the numbers go beside it as .json.
        image: a photo of one person; by default scikit-image's astronaut.
        box: the part of `image` that holds the person, x0 y0 x1 y1.
        counts: numbers of people.
        rounds: how often each contender runs.
        threads: threads of each network.
        footprint: measure start-up, memory and size too.
        download: download the core dependencies to weigh them (about 110 MB).
        synth: measure `anchorpose synth` too, where its data sets are.
    """
    from anchorpose.measure.synth_speed import synth_record
    from anchorpose.sense.models import default_threads, load_session
    from anchorpose.sense.motion import LIVE_MODEL

    person = bench_photo(image, box)
    models = load_models(model, threads)
    bench: dict[str, Any] = {"made": provenance("anchorpose.measure.bench", threads or default_threads())}
    bench |= {"model": model, "rounds": rounds, "person": image.name if image else "astronaut of scikit-image"}
    bench["people"], bench["missing"] = people_record(models, threads, person, counts, rounds)
    bench["stages"] = stage_record(models, person, rounds)
    bench["motion"] = motion_record(load_session(LIVE_MODEL, threads), rounds)
    if footprint:
        bench["footprint"] = footprint_record(model, person, threads, download, 20, 200)
    if synth:
        bench["synth"] = synth_record()
    write_report(out, bench_markdown(bench), bench)


if __name__ == "__main__":
    run_command(main)
