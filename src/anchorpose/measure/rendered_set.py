"""The fixed 3D test set: rendered people of held-out subjects, on which 2D and 3D of every contender are compared.

    python -m anchorpose.measure.rendered_set --folder FOLDER --out docs/rendered_set.md

FOLDER holds `single/` and `scenes/`, two runs of the rendered engine (`runs/rendered_set.sh` makes them). Truth is
exact; how far the pictures are from photos is said by the realism figure: PCK of MoveNet Thunder on given boxes here
over its PCK on coco_mini.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anchorpose.files.labels import LabelledImage, LabelledPerson
from anchorpose.files.shards import read_shard
from anchorpose.measure.metrics import body12, match_people, mpjpe, n_mpjpe, oks_matrix, pa_mpjpe, pck3d, summarise
from anchorpose.measure.protocols import Contender, PhotoSet, measure
from anchorpose.measure.report import number, provenance, provenance_line, run_command, table, write_report
from anchorpose.poses.errors import AnchorposeError, InputError
from anchorpose.poses.samples import Sample, SamplePerson
from anchorpose.poses.values import Frame, Pose

PARTS = ("single", "scenes")
LEAST_JOINTS = 6
"""A person counts if so many of its 12 joints lie in the picture."""

FOUND_OKS = 0.1
_THUNDER = "MoveNet Thunder on given boxes"
_REALISM = "coco_mini"


@dataclass(frozen=True, eq=False)
class SetImage:
    """One image of the set: its frame with its camera, its people as labels of photos, and their 3D (N, 12, 3) [m]."""

    frame: Frame
    labelled: LabelledImage
    joints3d: np.ndarray
    whole: np.ndarray


def read_set(folder: Path, part: str, limit: int | None = None) -> list[SetImage]:
    """The images of a part of the set.

    Raises:
        FileError: the folder or its shards are missing.
    """
    shards = sorted((folder / part).glob("*.tar"))
    if not shards:
        raise InputError(f"{folder / part} has no shards: runs/rendered_set.sh makes them")
    images: list[SetImage] = []
    for path in shards:
        for key, sample in read_shard(path):
            if limit is not None and len(images) >= limit:
                return images
            images.append(set_image(key, sample))
    return images


def set_image(key: str, sample: Sample) -> SetImage:
    """A sample as a labelled photo; people of whom fewer than `LEAST_JOINTS` lie in the picture are left out."""
    bodies = [(person, person.parts["body"]) for person in sample.people]
    kept = [(p, b) for p, b in bodies if (body12(b.visible[:, None], "body13") > 0).sum() >= LEAST_JOINTS]
    people = tuple(_labelled(person) for person, _ in kept)
    truth = np.stack([body12(b.joints3d, "body13") for _, b in kept]) if kept else np.zeros((0, 12, 3))
    whole = np.array([p.truncated == 0 and p.occluded < 0.2 for p, _ in kept], bool)
    labelled = LabelledImage(None, Path(key), sample.width, sample.height, people)
    return SetImage(Frame(sample.image, sample.camera, source=key), labelled, truth, whole)


def _labelled(person: SamplePerson) -> LabelledPerson:
    body = person.parts["body"]
    inside = body.visible > 0
    width, height = person.box[2:] - person.box[:2]
    joints = np.where(inside[:, None], body.joints2d, np.nan)
    return LabelledPerson(person.box, joints, body.visible.astype(int), float(0.53 * width * height))


@dataclass(frozen=True)
class Contender3D:
    """Gives 2D and 3D: `run(frame, boxes)`; with `boxed` one for each box, in order."""

    name: str
    run: Callable[[Frame, np.ndarray], list[Pose]]
    boxed: bool = False


def errors3d(images: Sequence[SetImage], contender: Contender3D, progress: bool = False) -> dict[str, np.ndarray]:
    """(people,) MPJPE, N-MPJPE, PA-MPJPE [mm] (NaN: not found), PCK3D (0: not found), and best of 3 modes."""
    rows: dict[str, list[np.ndarray]] = {k: [] for k in ("mpjpe", "n_mpjpe", "pa_mpjpe", "pck3d", "best3", "whole")}
    for image in _progress(images, contender.name, progress):
        truth = image.joints3d
        found, modes = _matched3d(image, contender)
        rows["mpjpe"].append(mpjpe(found, truth))
        rows["n_mpjpe"].append(n_mpjpe(found, truth))
        rows["pa_mpjpe"].append(pa_mpjpe(found, truth))
        rows["pck3d"].append(pck3d(found, truth))
        rows["best3"].append(_best_mode(modes, truth))
        rows["whole"].append(image.whole)
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def _matched3d(image: SetImage, contender: Contender3D) -> tuple[np.ndarray, list[np.ndarray | None]]:
    """For each labelled person 3D (12, 3) of the pose that fits it best in 2D (NaN: none), and its modes' 3D."""
    people = image.labelled.people
    out = np.full((len(people), 12, 3), np.nan)
    modes: list[np.ndarray | None] = [None] * len(people)
    boxes = np.array([p.box for p in people]).reshape(-1, 4)
    poses = contender.run(image.frame, boxes) if people or not contender.boxed else []
    if not poses or not people:
        return out, modes
    truth = np.stack([body12(p.joints2d, "body13") for p in people])
    labelled = np.isfinite(truth).all(-1)
    given = np.stack([_plane(pose) for pose in poses])
    oks = oks_matrix(given, np.nan_to_num(truth), labelled, np.array([p.area for p in people]))
    match = np.arange(len(people)) if contender.boxed else match_people(oks)
    for person, pose in enumerate(match):
        if pose < 0 or oks[person, pose] < FOUND_OKS or poses[pose].joints3d is None:
            continue
        best = poses[pose]
        out[person] = body12(np.asarray(best.joints3d), best.skeleton)
        if best.modes:
            modes[person] = np.stack([body12(m.joints3d, best.skeleton) for m in best.modes[:3]])
    return out, modes


def _best_mode(modes: list[np.ndarray | None], truth: np.ndarray) -> np.ndarray:
    """(N,) least MPJPE [mm] among the first three modes; NaN where there are none."""
    return np.array(
        [np.nan if m is None else float(mpjpe(m, np.repeat(t[None], len(m), 0)).min())
         for m, t in zip(modes, truth, strict=True)]
    )  # fmt: skip


def _plane(pose: Pose) -> np.ndarray:
    return np.full((12, 2), np.nan) if pose.joints2d is None else body12(pose.joints2d, pose.skeleton)


def _progress(images: Sequence[SetImage], name: str, show: bool) -> Iterator[SetImage]:
    if not show:
        return iter(images)
    from tqdm import tqdm

    return iter(tqdm(images, desc=name, unit="image"))


def contenders3d(model: str, threads: int | None) -> tuple[list[Contender3D], list[str]]:
    """Ours at each quality and BlazePose on given boxes; and why others are missing."""
    from anchorpose.measure.blazepose import BlazePose
    from anchorpose.measure.card import QUALITIES
    from anchorpose.sense.pipeline import Model, load

    def ours(pipeline: Model) -> Callable[[Frame, np.ndarray], list[Pose]]:
        return lambda frame, _: [p.body for p in pipeline.sense(frame) if p.body is not None]

    there = [Contender3D(f"anchorpose {q}", ours(load(model, quality=q, threads=threads))) for q in QUALITIES]
    missing = []
    for variant in ("full", "heavy"):
        try:
            there.append(
                Contender3D(f"BlazePose {variant} on given boxes", BlazePose(variant, threads).on_boxes, boxed=True)
            )
        except AnchorposeError as error:
            missing.append(str(error))
    return there, list(dict.fromkeys(missing))


def contenders2d(model: str, threads: int | None) -> tuple[list[Contender], list[str]]:
    """Those of the validation card."""
    from anchorpose.measure.card import our_contenders, peer_contenders

    peers, missing = peer_contenders(threads, single_person=False)
    return [*peers, *our_contenders(model, threads)], missing


def realism(set2d: dict[str, Any], card: Path) -> dict[str, float] | None:
    """PCK of MoveNet Thunder on given boxes here (single people), on coco_mini (from the card), and their ratio."""
    try:
        photos = json.loads(card.read_text())["sets"][_REALISM]["rows"][_THUNDER]["pck"]["value"]
        here = set2d["single"]["rows"][_THUNDER]["pck"]["value"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {"rendered": here, "photos": photos, "ratio": here / photos}


def compute(
    folder: Path, model: str, threads: int | None, limit: int | None = None, progress: bool = False,
    card: Path = Path("docs/card.json"),
) -> dict[str, Any]:  # fmt: skip
    """All numbers as plain JSON values."""
    from anchorpose.measure.card import set_record
    from anchorpose.sense.models import default_threads

    flat, missing2d = contenders2d(model, threads)
    solid, missing3d = contenders3d(model, threads)
    out: dict[str, Any] = {"made": provenance("anchorpose.measure.rendered_set", threads or default_threads())}
    out |= {"missing": list(dict.fromkeys([*missing2d, *missing3d])), "limit": limit, "2d": {}, "3d": {}}
    for part in PARTS:
        images = read_set(folder, part, limit)
        frames = {image.labelled.path: image.frame for image in images}
        labelled = tuple(image.labelled for image in images)
        photos = PhotoSet(part, "body13", labelled, (False,) * len(images))
        results = measure(photos, flat, progress, lambda image, frames=frames: frames[image.path])  # type: ignore[misc]
        out["2d"][part] = set_record(photos, results)
        out["3d"][part] = {c.name: _summary(errors3d(images, c, progress)) for c in solid}
    out["realism"] = realism(out["2d"], card)
    return out


def _summary(values: dict[str, np.ndarray]) -> dict[str, Any]:
    """Means over all people, over those found, and over whole and cut or covered ones apart."""
    whole = values["whole"].astype(bool)
    row: dict[str, Any] = {"people": len(whole), "found": summarise(values["mpjpe"]).coverage}
    for name in ("mpjpe", "n_mpjpe", "pa_mpjpe", "best3"):
        mean = summarise(values[name]).value
        row[name] = mean if np.isfinite(mean) else None
    row["pck3d"] = summarise(values["pck3d"], missed=0.0).value
    for name, chosen in (("whole", whole), ("cut_or_covered", ~whole)):
        row[name] = {
            "people": int(chosen.sum()), "mpjpe": summarise(values["mpjpe"][chosen]).value,
            "pck3d": summarise(values["pck3d"][chosen], missed=0.0).value,
        }  # fmt: skip
    return row


def markdown(data: dict[str, Any]) -> str:
    """All tables."""
    from anchorpose.measure.card import set_markdown

    parts = ["# The fixed 3D test set", provenance_line(data["made"])]
    if data["limit"] is not None:
        parts.append(f"**A quick look at {data['limit']} images of each part, not the set itself.**")
    parts += [f"Not here: {reason}" for reason in data["missing"]]
    parts.append(
        "Rendered people (`runs/rendered_set.sh`): held-out subjects, backgrounds and textures that training does not "
        f"see. A person counts if {LEAST_JOINTS} of its 12 joints lie in the picture; ours are given the camera's "
        "field of view. Rendered pictures are easier or harder than photos in ways of their own: compare contenders, "
        "and read the realism figure first. *Whole* people lie in the picture with less than a fifth of their joints "
        "hidden, be it by their own body; *cut or covered* are all others."
    )
    if data.get("realism"):
        r = data["realism"]
        parts.append(
            f"**Realism**: MoveNet Thunder on given boxes has PCK {r['rendered']:.3f} on the single people here and "
            f"{r['photos']:.3f} on {_REALISM}: {100 * r['ratio']:.0f} % (aim: 90 %)."
        )
    for part in PARTS:
        parts.append(f"## 3D: {part}")
        parts.append(_table3d(data["3d"][part]))
        parts.append(set_markdown(f"2D: {part}", data["2d"][part]))
    return "\n\n".join(parts) + "\n"


def _table3d(rows: dict[str, Any]) -> str:
    headers = ["", "MPJPE", "N-MPJPE", "PA-MPJPE", "best of 3", "PCK3D, all", "found", "whole: MPJPE, PCK3D",
               "cut or covered: MPJPE, PCK3D"]  # fmt: skip
    lines = []
    for name, row in rows.items():
        cells = [name, *(number(row[k], 1) for k in ("mpjpe", "n_mpjpe", "pa_mpjpe", "best3"))]
        cells += [number(row["pck3d"]), number(row["found"])]
        for part in ("whole", "cut_or_covered"):
            cells.append(f"{number(row[part]['mpjpe'], 1)}, {number(row[part]['pck3d'])} ({row[part]['people']})")
        lines.append(cells)
    return table(headers, lines)


def main(
    folder: Path,
    out: Path = Path("docs/rendered_set.md"),
    model: str = "default",
    limit: int | None = None,
    threads: int | None = None,
    card: Path = Path("docs/card.json"),
) -> None:
    """Measure a model and the peers on the fixed 3D test set.

    Args:
        folder: with `single/` and `scenes/`, made by runs/rendered_set.sh.
        out: the Markdown file to write; the numbers go beside it as .json.
        model: the model to measure.
        limit: only so many images of each part.
        threads: threads of each network.
        card: the validation card, for the realism figure.
    """
    data = compute(folder, model, threads, limit, progress=True, card=card)
    write_report(out, markdown(data), data)


if __name__ == "__main__":
    run_command(main)
