"""How well motion capture is carried over to the canonical skeleton: joint errors, and whether anything flips.

    python -m anchorpose.measure.transfer_report [FOLDER] [--out docs/transfer.md] [--limit N] [--workers N]

Errors are distances between the joints of the canonical skeleton and the source's BODY13 (`files.rigs`, with its
corrections) in the same frame, in the world: nothing is aligned. A flip is a turn of a bone from one frame to the next
by more than 30 degrees, and by half as much again as any turn of the same limb in the source, between two frames in
which the recording is not broken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.datasets import dataset_path
from anchorpose.files.mocap import MocapRecord, read_index, read_record
from anchorpose.files.paths import replacing
from anchorpose.files.segments import tracks
from anchorpose.poses.canonical import ANNY, TOES
from anchorpose.poses.errors import AnchorposeError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.retarget import Carried, retarget
from anchorpose.poses.rotations import rotation_angle
from anchorpose.poses.skeletons import BODY13
from anchorpose.poses.tracks import Tracks

Array = NDArray[np.float64]

JOINTS = ("ankle", "knee", "hip", "wrist", "elbow", "shoulder", "head", "toes")
_COLUMNS = {name: [j for j, n in enumerate(BODY13.names) if n.endswith(name)] for name in JOINTS[:-1]}
_FLIP_DEGREES, _FLIP_RATIO = 30.0, 1.5
# A limb: the bones it has, and the pairs of segments of the source whose turns against each other may explain theirs.
_LIMBS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "trunk": (("spine", "neck", "head"), (("first", "last"), ("first", "second"), ("last", "head"), ("last", "neck"))),
}
for _side in "RL":
    _LIMBS[f"leg.{_side}"] = (
        ("upperleg", "lowerleg", "foot", "toe"),
        (("first", "thigh"), ("thigh", "shin"), ("shin", "foot"), ("foot", "toes")),
    )
    _LIMBS[f"arm.{_side}"] = (
        ("clavicle", "shoulder", "upperarm", "lowerarm", "wrist"),
        (("last", "upper_arm"), ("upper_arm", "forearm"), ("forearm", "hand"), ("first", "last")),
    )


@dataclass(frozen=True, eq=False)
class ClipTransfer:
    """What became of one clip.

    Attributes:
        path, source: of the clip; frames: how many.
        errors: (T, 14) float32 cm: BODY13, then the larger of both toes' (NaN where the rig has none).
        step: degrees, the largest turn of a bone within a frame's time; step_bone: which; source_step: the largest of
            the source's segments.
        broken: number of frames in which the source itself is broken (`Carried.sound`).
        flips: number of flips; worst_flip: degrees, and bone and frame in words.
    """

    path: str
    source: str
    frames: int
    errors: NDArray[np.float32]
    step: float
    step_bone: str
    source_step: float
    broken: int
    flips: int
    worst_flip: str


def joint_errors(found: Tracks, carried: Carried) -> NDArray[np.float32]:
    """(T, 14) cm, see `ClipTransfer`."""
    joints, world = canonical_joints(carried.rotations, carried.translation, carried.bone_lengths)
    errors = np.linalg.norm(canonical_body13(joints, world) - found.body13, axis=-1)
    toes = np.full(len(joints), np.nan)
    if found.toes is not None:
        middle = [joints[:, [ANNY.index(f"{toe}.{side}") for toe in TOES]].mean(1) for side in "RL"]
        toes = np.linalg.norm(np.stack(middle, 1) - found.toes, axis=-1).max(1)
    return (100.0 * np.column_stack([errors, toes])).astype(np.float32)


def _turn_steps(a: Array, b: Array) -> Array:
    """(T - 1,) degrees per frame by which b (T, 3, 3) turns against a."""
    relative = np.swapaxes(a, -1, -2) @ b
    return np.degrees(rotation_angle(np.swapaxes(relative[:-1], -1, -2) @ relative[1:]))


def flips(found: Tracks, carried: Carried) -> tuple[NDArray[np.bool_], Array, Array]:
    """Which bones flip (T - 1, 104), all bones' steps and what the source explains of them, in degrees."""
    local = carried.rotations
    steps = np.degrees(rotation_angle(np.swapaxes(local[:-1], -1, -2) @ local[1:]))
    explained = np.full(steps.shape, np.inf)
    names = {"first": found.trunk[0][0], "second": found.trunk[len(found.trunk) > 1][0], "last": found.trunk[-1][0]}
    for limb, (bones, pairs) in _LIMBS.items():
        side = limb[-2:] if limb[-2] == "." else ""
        members = [j for j, n in enumerate(ANNY.names) if n.startswith(bones) and n.endswith(side)]
        limit = np.zeros(len(steps))
        for a, b in pairs:
            a, b = (names.get(n, n if n in found.turns else n + side) for n in (a, b))
            if a in found.turns and b in found.turns:
                limit = np.maximum(limit, _turn_steps(found.turns[a], found.turns[b]))
        explained[:, members] = limit[:, None]
    whole = carried.sound[:-1] & carried.sound[1:]
    return whole[:, None] & (steps > _FLIP_DEGREES) & (steps > _FLIP_RATIO * explained), steps, explained


def measure_clip(root: Path, record: MocapRecord) -> ClipTransfer:
    """Carries one clip over and measures it."""
    found = tracks(read_record(root, record))
    carried = retarget(found)
    wrong, steps, explained = flips(found, carried)
    worst = ""
    if wrong.any():
        frame, bone = divmod(int(np.where(wrong, steps, 0).argmax()), steps.shape[1])
        worst = f"{ANNY.names[bone]} {steps[frame, bone]:.0f} degrees after frame {frame}"
    fastest = int(steps.argmax()) % steps.shape[1] if steps.size else 0
    return ClipTransfer(
        path=record.path,
        source=record.source,
        frames=len(carried.rotations),
        errors=joint_errors(found, carried),
        step=float(steps.max(initial=0)),
        step_bone=ANNY.names[fastest],
        source_step=float(np.where(np.isfinite(explained), explained, 0).max(initial=0)),
        broken=int((~carried.sound).sum()),
        flips=int(wrong.sum()),
        worst_flip=worst,
    )


def measure_all(root: Path, records: Sequence[MocapRecord], workers: int = 1) -> Iterator[ClipTransfer]:
    """Every clip, in order."""
    if workers <= 1:
        yield from (measure_clip(root, record) for record in records)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(measure_clip, [root] * len(records), records, chunksize=4)


def _cell(values: NDArray[np.float32]) -> str:
    values = values[np.isfinite(values)]
    if not values.size:
        return "-"
    return f"{np.median(values):.2f} / {np.percentile(values, 99):.2f} / {values.max():.2f}"


def report(clips: Sequence[ClipTransfer]) -> str:
    """The page docs/transfer.md."""
    sources = sorted({clip.source for clip in clips})
    groups: list[tuple[str, list[ClipTransfer]]] = [(s, [c for c in clips if c.source == s]) for s in sources]
    groups.append(("all", list(clips)))
    lines = [*_HEAD.splitlines(), ""]
    lines += _table(
        ["source", "clips", "frames", "BODY13: median / 99 % / worst [cm]", "toes [cm]"],
        groups,
        lambda group: [
            str(len(group)),
            str(sum(c.frames for c in group)),
            _cell(np.concatenate([c.errors[:, :13].ravel() for c in group])),
            _cell(np.concatenate([c.errors[:, 13] for c in group])),
        ],
    )
    lines += ["", "By joint, left and right together: median / 99 % / worst [cm].", ""]
    lines += _table(
        ["source", *JOINTS[:-1]],
        groups,
        lambda group: [_cell(np.concatenate([c.errors[:, _COLUMNS[n]].ravel() for c in group])) for n in JOINTS[:-1]],
    )
    lines += ["", *_MOTION.splitlines(), ""]
    lines += _table(
        ["source", "largest turn of a bone", "of a segment of the source", "flips", "in clips", "broken frames"],
        groups,
        _steps,
    )
    flipped = [f"* {c.path}: {c.flips}, the largest {c.worst_flip}" for c in clips if c.flips]
    broken = [f"{c.path} ({100 * c.broken / c.frames:.0f} %)" for c in clips if c.broken > 0.2 * c.frames]
    lines += ["", *(flipped or ["No bone flips."]), ""]
    lines += [f"Broken for more than a fifth: {', '.join(broken)}.", ""] if broken else []
    return "\n".join([*lines, *_TAIL.splitlines()]) + "\n"


def _steps(group: list[ClipTransfer]) -> list[str]:
    worst = max(group, key=lambda c: c.step)
    return [
        f"{worst.step:.0f} ({worst.step_bone}, {Path(worst.path).stem})",
        f"{max(c.source_step for c in group):.0f}",
        str(sum(c.flips for c in group)),
        str(sum(c.flips > 0 for c in group)),
        f"{100 * sum(c.broken for c in group) / sum(c.frames for c in group):.1f} %",
    ]


def _table(
    header: list[str], groups: list[tuple[str, list[ClipTransfer]]], row: Callable[[list[ClipTransfer]], list[str]]
) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return lines + ["| " + " | ".join([name, *row(group)]) + " |" for name, group in groups]


_HEAD = """# Motion capture on one skeleton

Every clip of the motion capture pack is carried over to the 104 bones of the Anny body (`poses.canonical`: names, rest
positions, rest axes). How it is done is told in `poses/retarget.py`, what each rig's rest pose is in
`files/segments.py`; the result is a `MotionCorpus` (`files/motions.py`). This page is made by `runs/transfer.sh`.

![Ten clips at three moments](transfer.png)

Each triple: the source's own joints, the canonical skeleton with the person's bone lengths, and the average body of
Anny driven by the same rotations; one view for all three.

## Joints

Distance from the source's joint to the canonical skeleton's in the same frame, nothing aligned. Bone lengths are
constant over a clip and follow from the source. Hips, knees, ankles, elbows and wrists are met by construction;
shoulders and head by least squares on spine, clavicles and neck."""

_MOTION = """## Motion

Degrees from one frame to the next, 30 frames a second, of each bone against its parent. A flip is a turn by more than
30 degrees, and by half as much again as any turn of the same limb in the source, outside of broken frames. Broken are
those in which the recording itself is: hands, feet or heads turned round further than joints go (then they are folded
back), limbs that spin by more than 80 degrees in a frame, knees or elbows bent backwards. `MotionCorpus.sound` is
False there."""

_TAIL = """## What the transfer does not keep

* Heads: recorded necks begin lower and are longer than the body's. Where one is bent far, the head lies 2 to 6 cm off;
  to meet it, the neck would have to buckle. Its orientation is the source's.
* Toes: feet are laid flat where the source's are (a level foot stays level), so the toes' joint lies off by as much as
  the source's ankle sits higher or lower above it: most in hdm05, whose feet are steep. The worst are broken feet.
* Fingers: no source has any worth the name (CMU has one curl per hand, constant in most clips; Daz and Character
  Creator repeat a constant), so they stay half curled as in the reference pose. Hands do turn, where the source has it
  (not in deepmimic); the twist of a forearm by more than 100 degrees, as in a tenth of hdm05, is folded back.
* Trunks are levelled by each clip's own upright frames (`poses/level.py`); what a rig shows upright is taken for the
  person's upright.
* Shoulders do not rise with the arms in CMU's and Daz's recordings (their clavicles never move), so neither do ours.
* cmu_auto/salsa/60_06 has its head upside down throughout, turned about the nose; its frames count as not sound."""


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measures the transfer of motion capture to the canonical skeleton.")
    parser.add_argument("folder", nargs="?", type=Path, help="motion capture with an index.csv (default: the data set)")
    parser.add_argument("--out", type=Path, default=Path("docs/transfer.md"))
    parser.add_argument("--limit", type=int, default=0, help="only every n-th clip, so that as many are left")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        root = options.folder or dataset_path("mocap")
        records = read_index(root)
        if options.limit:
            records = records[:: max(1, len(records) // options.limit)]
        from tqdm import tqdm

        clips = list(tqdm(measure_all(root, records, options.workers), total=len(records), unit="clip", disable=None))
        with replacing(options.out) as temporary:
            temporary.write_text(report(clips), encoding="utf-8")
    except AnchorposeError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.out}: {len(clips)} clips")
    return 0


if __name__ == "__main__":
    sys.exit(main())
