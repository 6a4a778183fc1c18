"""The validation card: one command that measures a model on every validation set, beside the peers, in one run.

    python -m anchorpose.measure.card --model default --out docs/card.md

writes the tables as Markdown and, beside them, the numbers as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from anchorpose.measure.protocols import (
    PHOTO_SETS,
    Contender,
    PhotoResult,
    PhotoSet,
    measure,
    paired_difference,
    photo_set,
)
from anchorpose.measure.report import (
    number,
    provenance,
    provenance_line,
    run_command,
    table,
    to_json_dict,
    write_report,
)
from anchorpose.poses.errors import AnchorposeError
from anchorpose.poses.values import Frame, Pose

QUALITIES: tuple[Literal["fast", "balanced", "best"], ...] = ("fast", "balanced", "best")
REFERENCE = "MoveNet MultiPose 256"
# Sets with one labelled person a photo, on which BlazePose's own detector of one person is fair.
SINGLE_PERSON = ("lspet_val", "parse")
_DETECTS = Callable[[Frame], list[Pose]]

INTRODUCTION = """\
One run, all contenders on each photo in turn. These sets only measure: nothing is trained, fitted or chosen on them.

- PCK: share of the labelled joints (12 joints, no head) within .2 of the longer shoulder-to-opposite-hip diagonal, mean
  over people; people are matched by best OKS, who is missed counts 0, who has neither diagonal labelled is left out.
  "joints" pools the same counts over joints. PCKh: within .5 of the distance from neck to head top.
- AP: OKS average precision over the same 12 joints with COCO's sigmas; only on photos with complete lists of people.
- found: share of people with a pose of OKS .1 or more. given: people returned for a photo; PCK does not punish people
  who are not there, AP does.
- difference: in PCK to MoveNet MultiPose at 256, paired by person, with its 95 % interval.
- ms: median of one photo with all its people, decoded picture to poses; times: over MoveNet MultiPose 256 in this run.
- "on given boxes": told where each labelled person is, which the others have to find out; no AP for them.
- MoveNet MultiPose keeps people of score .15 or more unless "all six" is said. It scales each picture to its size,
  small ones up. BlazePose on given boxes: the surer of its pose in the upright square and of its pose in the square
  that its own detector finds there. BlazePose alone takes one person a photo.
"""


def our_contenders(model: str, threads: int | None) -> list[Contender]:
    """The detector of a model at each quality."""
    from anchorpose.sense.movenet import MoveNetDetector

    if model == "default":  # the detector alone, without the lift
        return [_many(f"anchorpose {q}", MoveNetDetector(quality=q, threads=threads).detect) for q in QUALITIES]
    from anchorpose.sense.pipeline import load

    return [_many(f"{model} {q}", load(model, quality=q, threads=threads).detector.detect) for q in QUALITIES]


def peer_contenders(threads: int | None, single_person: bool) -> tuple[list[Contender], list[str]]:
    """The peers that are installed, and why others are not there."""
    from anchorpose.measure.blazepose import BlazePose
    from anchorpose.measure.peers import MoveNetMultiPose, MoveNetThunder

    def blazepose(variant: str) -> list[Contender]:
        net = BlazePose(variant, threads)
        boxed = Contender(f"BlazePose {variant} on given boxes", net.on_boxes, boxed=True)
        return [boxed, *([_many(f"BlazePose {variant}", net.detect)] if single_person else [])]

    makers: list[Callable[[], list[Contender]]] = [
        lambda: [_many(REFERENCE, MoveNetMultiPose(256, threads).detect)],
        lambda: [_many(f"{REFERENCE}, all six", MoveNetMultiPose(256, threads, min_score=0.0).detect)],
        lambda: [_many("MoveNet MultiPose 512", MoveNetMultiPose(512, threads).detect)],
        lambda: [Contender("MoveNet Thunder on given boxes", MoveNetThunder(threads).on_boxes, boxed=True)],
        lambda: blazepose("full"),
        lambda: blazepose("heavy"),
    ]
    there: list[Contender] = []
    missing: list[str] = []
    for make in makers:
        try:
            there += make()
        except AnchorposeError as error:
            missing.append(str(error))
    return there, list(dict.fromkeys(missing))


def _many(name: str, detect: _DETECTS) -> Contender:
    return Contender(name, lambda frame, _: detect(frame))


def set_record(photos: PhotoSet, results: dict[str, PhotoResult]) -> dict[str, Any]:
    """The numbers of one set as plain JSON values."""
    reference = results.get(REFERENCE)
    rows = {}
    for name, result in results.items():
        row = {key: value for key, value in asdict(result).items() if key != "per_person"}
        if reference is not None:
            mean, half = paired_difference(result.per_person, reference.per_person)
            row |= {"difference": mean, "difference_half_width": half}
            row["times_reference"] = result.milliseconds / reference.milliseconds
        rows[name] = row
    plain: dict[str, Any] = to_json_dict(rows)
    return {
        "photos": len(photos.images),
        "photos_for_ap": sum(photos.complete),
        "people": next(iter(results.values())).pck.count if results else 0,
        "left_out": photos.left_out,
        "rows": plain,
    }


def set_markdown(name: str, record: dict[str, Any]) -> str:
    """The table of one set."""
    left_out = ", ".join(f"{count} {reason}" for reason, count in record["left_out"].items())
    lines = [f"## {name}", ""]
    lines.append(
        f"{record['photos']} photos, {record['people']} people with a labelled diagonal"
        + (f"; AP on {record['photos_for_ap']} photos" if record["photos_for_ap"] else "")
        + (f"; left out: {left_out}" if left_out else "")
        + "."
    )
    with_head = any(row["pckh"] for row in record["rows"].values())
    with_ap = bool(record["photos_for_ap"])
    headers = ["", "PCK", "difference", "joints"] + ["PCKh"] * with_head + ["AP", "AP50"] * with_ap
    headers += ["found", "given", "ms", "times"]
    rows = [_row(contender, row, with_head, with_ap) for contender, row in record["rows"].items()]
    return "\n".join([*lines, "", table(headers, rows)])


def _row(name: str, row: dict[str, Any], with_head: bool, with_ap: bool) -> list[str]:
    difference = "–"
    if row.get("difference") is not None and name != REFERENCE:
        difference = f"{100 * row['difference']:+.1f} ± {100 * (row['difference_half_width'] or 0):.1f}"
    cells = [name, number(row["pck"]["value"]), difference, number(row["pck_joints"])]
    if with_head:
        cells.append(number(row["pckh"]["value"] if row["pckh"] else None))
    if with_ap:
        cells += [number(row["ap"][key] if row["ap"] else None) for key in ("ap", "ap50")]
    cells += [number(row["pck"]["coverage"]), number(row["given"], 1), number(row["milliseconds"], 0)]
    return [*cells, number(row.get("times_reference"), 2)]


def make_card(
    model: str = "default",
    sets: Sequence[str] = PHOTO_SETS,
    limit: int | None = None,
    threads: int | None = None,
    peers: bool = True,
    lift: bool = True,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure; all numbers as plain JSON values."""
    from anchorpose.sense.models import default_threads

    card: dict[str, Any] = {"made": provenance("anchorpose.measure.card", threads or default_threads())}
    card |= {"model": model, "limit": limit, "missing": [], "sets": {}, "lift": None}
    ours = our_contenders(model, threads)
    for name in sets:
        others, missing = peer_contenders(threads, name in SINGLE_PERSON) if peers else ([], [])
        card["missing"] = missing
        photos = photo_set(name, limit)
        card["sets"][name] = set_record(photos, measure(photos, [*others, *ours], progress))
    if lift:
        card["lift"], missing = lift_record(limit, threads)
        card["missing"] = list(dict.fromkeys([*card["missing"], *missing]))
    return card


def lift_record(limit: int | None, threads: int | None) -> tuple[dict[str, Any] | None, list[str]]:
    """The lift's own table on held-out motion capture, or why there is none."""
    from anchorpose.files import dataset_path
    from anchorpose.files.corpus import read_corpus
    from anchorpose.measure import lift_table
    from anchorpose.sense.lift import Lifter
    from anchorpose.sense.models import load_session

    try:
        lifter = Lifter(load_session("lift", threads))
        corpus = read_corpus(dataset_path("mocap"))
    except AnchorposeError as error:
        return None, [str(error)]
    return lift_table.compute(corpus, lifter, lift_table.VIEWS if limit is None else 20 * limit), []


def card_markdown(card: dict[str, Any]) -> str:
    """The whole card."""
    parts = ["# Validation card", provenance_line(card["made"])]
    if card["limit"] is not None:
        parts.append(f"**A quick look at {card['limit']} photos of each set, not the card itself.**")
    parts += [f"Not here: {reason}" for reason in card["missing"]]
    parts.append(INTRODUCTION.rstrip())
    parts += [set_markdown(name, record) for name, record in card["sets"].items()]
    if card.get("lift"):
        from anchorpose.measure import lift_table

        parts += ["## 3D: motion capture under virtual cameras", lift_table.markdown(card["lift"]).rstrip()]
    return "\n\n".join(parts) + "\n"


def main(
    model: str = "default",
    out: Path = Path("docs/card.md"),
    sets: tuple[str, ...] = PHOTO_SETS,
    limit: int | None = None,
    threads: int | None = None,
    peers: bool = True,
    lift: bool = True,
) -> None:
    """Measure a model on the validation sets, beside the peers.

    Args:
        model: the model whose detector is measured.
        out: the Markdown file to write; the numbers go beside it as .json.
        sets: which sets.
        limit: only so many photos of each set, for a quick look.
        threads: threads of each network.
        peers: measure the peers too.
        lift: measure the lift too, on held-out motion capture under virtual cameras.
    """
    card = make_card(model, sets, limit, threads, peers, lift, progress=True)
    write_report(out, card_markdown(card), card)


if __name__ == "__main__":
    run_command(main)
