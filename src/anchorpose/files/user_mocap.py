"""A user's own motion capture: single files, folders of them, and folders with an index.

A file that was named itself has to be right; of those in a folder the ones that cannot be used are left out and
described, one line each, with the joints that they lack.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.mocap import INDEX, MocapRecord, read_index, read_record
from anchorpose.files.motions import MotionCorpus, read_motions
from anchorpose.files.rigs import body13, facing, in_rig
from anchorpose.files.segments import carry_over
from anchorpose.files.user_clips import KNOWN, Reading, Solve, read_user_clip
from anchorpose.files.user_data import Tick, similar_name
from anchorpose.poses.clips import Clip
from anchorpose.poses.errors import AnchorposeError, FileError, InputError
from anchorpose.poses.retarget import Carried

UsedT = TypeVar("UsedT")

_FPS = 30.0  # of a corpus; faster clips are thinned


@dataclass(frozen=True)
class Found:
    """A file of motion capture: where it is, its name for people, its line of an index, if it was named itself."""

    path: Path
    name: str
    record: MocapRecord | None = None
    root: Path = field(default_factory=Path)
    named: bool = False

    def read(self, how: Reading | None = None) -> Clip:
        """The clip; `how` is for files that are in no index."""
        if self.record is not None:
            return read_record(self.root, self.record)
        return read_user_clip(self.path, how or Reading())


def find_mocap(paths: Sequence[str | os.PathLike[str]]) -> tuple[Found, ...]:
    """The files that `paths` name: files themselves, and all that lie in folders, sorted by name.

    A folder with an index.csv gives what that lists, with its units, except the subjects that its split "val" holds
    out.

    Raises:
        FileError: a path is missing, or a folder holds no motion capture. InputError: an unknown format.
    """
    found: list[Found] = []
    for given in map(Path, paths):
        if given.is_file():
            if given.suffix.lower() not in KNOWN:
                raise InputError(f"{given}: unknown motion capture format; known are {', '.join(KNOWN)}")
            found.append(Found(given, given.name, named=True))
        elif (given / INDEX).is_file():
            records = [record for record in read_index(given) if record.split != "val"]
            found += [Found(given / record.path, record.path, record, given) for record in records]
        elif given.is_dir():
            inside = sorted(p for p in given.rglob("*") if p.suffix.lower() in KNOWN and p.is_file())
            if not inside:
                raise FileError(f"{given} holds no motion capture; known are {', '.join(KNOWN)}")
            found += [Found(path, path.relative_to(given).as_posix()) for path in inside]
        else:
            raise FileError(f"{given}: no such file or folder; expected motion capture{similar_name(given)}")
    return tuple(found)


def read_found(
    found: Sequence[Found],
    skipped: list[str],
    how: Reading,
    *,
    use: Callable[[Clip], UsedT],
    tick: Tick | None = None,
) -> Iterator[tuple[Found, Clip, UsedT]]:
    """Each file that can be used, with its clip and what `use` makes of it.

    Args:
        skipped: takes a line for each file of a folder that cannot.
        use: raises an AnchorposeError for a clip that is of no use.

    Raises:
        AnchorposeError: of a file that was named itself.
    """
    for one in found:
        try:
            clip = one.read(how)
            used = use(clip)
        except AnchorposeError as error:
            if one.named:
                raise InputError(_about(one, error)) from error
            skipped.append(_about(one, error))
        else:
            yield one, clip, used
        if tick:
            tick(1)


def _about(one: Found, error: AnchorposeError) -> str:
    """The error, with the file's name in front where it does not say it."""
    text = str(error)
    return text if str(one.path) in text else f"{one.path}: {text}"


def body_corpus(
    paths: Sequence[str | os.PathLike[str]],
    *,
    scale: float | None = None,
    up: str | None = None,
    solve: Solve | None = None,
    tick: Tick | None = None,
    total: Tick | None = None,
) -> tuple[Corpus, tuple[str, ...]]:
    """Every frame of motion capture as BODY13 joints, at most 30 a second, and a line for each file left out.

    A folder with an index that is given alone is read as `read_corpus` does, which keeps the result for the next time.

    Raises:
        AnchorposeError: a file that was named itself cannot be used, or none of a folder can.
    """
    joints, front, frame, records = [], [], [], []
    skipped: list[str] = []
    root = indexed_folder(paths)
    if root:
        whole = read_corpus(root)
        return whole.subset(_open(whole.clips)[whole.clip]), ()
    how = Reading(scale, up, solve)
    for record, rows, (points, ahead) in _clips(paths, skipped, how, tick, total, _points_and_facing):
        points, ahead = points[rows], ahead[rows]
        known = np.isfinite(points).all((1, 2))
        joints.append(points[known].astype(np.float32))
        front.append(ahead[known].astype(np.float32))
        frame.append(np.arange(len(rows), dtype=np.int32)[known])
        records.append(record)
    clip_of = np.repeat(np.arange(len(records), dtype=np.int32), [len(f) for f in frame])
    corpus = Corpus(np.concatenate(joints), np.concatenate(front), clip_of, np.concatenate(frame), tuple(records))
    return corpus, tuple(skipped)


def _points_and_facing(clip: Clip) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joints, NaN in frames in which nobody was seen, and the direction of the face."""
    clip, rig = in_rig(clip)
    joints = body13(clip, rig)
    if clip.observed is not None:
        joints[~clip.observed] = np.nan
    return joints, facing(clip, rig)


def motion_corpus(
    paths: Sequence[str | os.PathLike[str]],
    *,
    scale: float | None = None,
    up: str | None = None,
    solve: Solve | None = None,
    tick: Tick | None = None,
    total: Tick | None = None,
) -> tuple[MotionCorpus, tuple[str, ...]]:
    """Motion capture carried over to the canonical skeleton, at most 30 frames a second, and what was left out.

    A folder with an index that is given alone is read as `read_motions` does, which keeps the result for the next time.

    Raises:
        AnchorposeError: a file that was named itself cannot be used, or none of a folder can.
    """
    parts = []
    skipped: list[str] = []
    root = indexed_folder(paths)
    if root:
        corpus = read_motions(root)
        return corpus.subset(_open(corpus.clips)[corpus.clip]), ()
    for record, rows, whole in _clips(paths, skipped, Reading(scale, up, solve), tick, total, carry_over):
        carried = Carried(whole.rotations[rows], whole.translation[rows], whole.bone_lengths, whole.sound[rows])
        parts.append((record, carried))
    return MotionCorpus.build(parts), tuple(skipped)


def indexed_folder(paths: Sequence[str | os.PathLike[str]]) -> Path | None:
    """The one folder with an index.csv that is given, and nothing else."""
    return Path(paths[0]) if len(paths) == 1 and (Path(paths[0]) / INDEX).is_file() else None


def _open(records: Sequence[MocapRecord]) -> NDArray[np.bool_]:
    """(K,) which clips are not held out."""
    return np.array([record.split != "val" for record in records])


def _clips(
    paths: Sequence[str | os.PathLike[str]],
    skipped: list[str],
    how: Reading,
    tick: Tick | None,
    total: Tick | None,
    use: Callable[[Clip], UsedT],
) -> Iterator[tuple[MocapRecord, NDArray[np.int64], UsedT]]:
    """What is known of each clip, the frames to take of it, and what `use` makes of it; FileError at the end if there
    was none."""
    found = find_mocap(paths)
    if total:
        total(len(found))
    empty = True
    for one, clip, used in read_found(found, skipped, how, use=use, tick=tick):
        step = max(1, round(clip.fps / _FPS))
        rows = np.arange(0, len(clip), step)
        empty = empty and not len(rows)
        yield one.record or _record(one, clip, step, len(rows)), rows, used
    if empty:
        reason = f", for instance: {skipped[0]}" if skipped else ""
        raise FileError(f"none of {len(found)} files of motion capture can be used{reason}")


def _record(one: Found, clip: Clip, step: int, frames: int) -> MocapRecord:
    """What an index would say of a file that is in none, of which every `step`-th frame is taken."""
    kind = one.path.suffix.lower().lstrip(".")
    subject, fps = Path(one.name).parent.name or clip.name, clip.fps / step
    return MocapRecord(
        one.name, "user", subject, clip.name, "", fps, frames, frames / fps, kind, 1.0, clip.up, "", "train"
    )
