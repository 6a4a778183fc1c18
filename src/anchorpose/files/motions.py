"""The corpus of motions: every frame of motion capture as rotations of one skeleton, the canonical one.

It drives a body (`poses.body.pose_body`), teaches motion models and moves robots:

    corpus = read_motions(data_root() / "mocap", "train")
    frames = rng.choice(len(corpus), 8)
    pose_body(body, shape, corpus.rotations(frames), corpus.translation[frames])
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.files.mocap import MocapRecord, read_index, read_record
from anchorpose.files.mocap_folder import check_split, kept_file, kept_or_made, map_records
from anchorpose.files.paths import input_file, replacing
from anchorpose.files.segments import carry_over
from anchorpose.poses.canonical import ANNY
from anchorpose.poses.errors import FormatError, InputError
from anchorpose.poses.kinematics import canonical_body13, canonical_joints
from anchorpose.poses.retarget import Carried
from anchorpose.poses.rotations import matrix_to_quat_xyzw, quat_xyzw_to_matrix
from anchorpose.poses.values import Motion

# Part of the cache's key: raise it when the rotations that come out change.
VERSION = 3
_FORMAT = "anchorpose-motions/1"
_UNIT = 32767.0
_ARRAYS = ("quats", "column", "translation", "lengths", "clip", "frame", "sound")


@dataclass(frozen=True, eq=False)
class MotionCorpus:
    """N frames of K clips on the canonical skeleton (`poses.canonical`), world with y up, metres.

    Rotations are stored as unit quaternions x y z w in 1/32767, good to 0.004 degrees; a joint that never moves takes
    no room, and joints that move alike (the toes) share it.

    Attributes:
        quats: (N, C, 4) int16.
        column: (104,) the column of each joint, -1 for one that stays at rest.
        translation: (N, 3) float32 [m], where the root's joint lies; the floor is near y = 0.
        lengths: (K, 104) float32 [m], bone lengths of each clip's person.
        clip: (N,) index into `clips`.
        frame: (N,) index of the frame within its clip, from 0; rising within a clip.
        sound: (N,) bool, False where the recording is broken: joints that jump, bend backwards or are turned round.
        clips: what is known about each clip. A subset keeps them all, so indices stay valid.
    """

    quats: NDArray[np.int16]
    column: NDArray[np.int16]
    translation: NDArray[np.float32]
    lengths: NDArray[np.float32]
    clip: NDArray[np.int32]
    frame: NDArray[np.int32]
    sound: NDArray[np.bool_]
    clips: tuple[MocapRecord, ...]

    def __post_init__(self) -> None:
        count, joints = len(self.quats), len(ANNY)
        expected = {
            "quats": (count, *self.quats.shape[1:2], 4), "column": (joints,), "translation": (count, 3),
            "lengths": (len(self.clips), joints), "clip": (count,), "frame": (count,), "sound": (count,),
        }  # fmt: skip
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{name} must be {shape}, got {getattr(self, name).shape}")
        if count and not (0 <= self.clip.min() and self.clip.max() < len(self.clips)):
            raise InputError(f"clip holds an index outside the {len(self.clips)} clips")
        if self.column.max(initial=-1) >= self.quats.shape[1] or self.column.min(initial=0) < -1:
            raise InputError(f"column holds an index outside the {self.quats.shape[1]} columns")
        for name in _ARRAYS:
            getattr(self, name).setflags(write=False)

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.quats)

    def rotations(self, frames: ArrayLike | slice = slice(None)) -> NDArray[np.float64]:
        """Local rotations (n, 104, 3, 3) of some frames (numbers, a mask or a slice); the first is the root's."""
        stored = quat_xyzw_to_matrix(self.quats[_index(frames)])
        out = np.broadcast_to(np.eye(3), (len(stored), len(ANNY), 3, 3)).copy()
        moving = np.flatnonzero(self.column >= 0)
        out[:, moving] = stored[:, self.column[moving]]
        return out

    def bone_lengths(self, frames: ArrayLike | slice = slice(None)) -> NDArray[np.float32]:
        """(n, 104) [m], of the person of each frame."""
        lengths: NDArray[np.float32] = self.lengths[self.clip[_index(frames)]]
        return lengths

    def joints(self, frames: ArrayLike | slice = slice(None)) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Joints (n, 104, 3) [m] and world rotations (n, 104, 3, 3) of the persons themselves."""
        index = _index(frames)
        return canonical_joints(self.rotations(index), self.translation[index], self.bone_lengths(index))

    def body13(self, frames: ArrayLike | slice = slice(None)) -> NDArray[np.float64]:
        """BODY13 joints (n, 13, 3) [m] in the world."""
        return canonical_body13(*self.joints(frames))

    def clip_frames(self, clip: int) -> NDArray[np.int64]:
        """The numbers of the frames of one clip, in time."""
        if not 0 <= clip < len(self.clips):
            raise InputError(f"there is no clip {clip}; the corpus has {len(self.clips)}")
        return np.flatnonzero(self.clip == clip)

    def motion(self, clip: int) -> Motion:
        """One clip as a `Motion`; what is not sound counts as not observed."""
        frames = self.clip_frames(clip)
        rotations = self.rotations(frames)
        return Motion(
            skeleton=ANNY.name,
            times=self.frame[frames] / self.clips[clip].fps,
            root=rotations[:, 0],
            rotations=rotations,
            translation=self.translation[frames],
            bone_lengths=self.lengths[clip],
            frame="world",
            observed=self.sound[frames],
        )

    def subset(self, mask: ArrayLike) -> MotionCorpus:
        """The frames selected by a boolean mask (N,) or an array of indices."""
        keep = np.asarray(mask)
        if keep.dtype == bool and keep.shape != (len(self),):
            raise InputError(f"a mask of {len(self)} frames is expected, got shape {keep.shape}")
        arrays = {name: getattr(self, name)[keep] for name in ("quats", "translation", "clip", "frame", "sound")}
        return MotionCorpus(**arrays, column=self.column, lengths=self.lengths, clips=self.clips)

    def split(self, name: str) -> MotionCorpus:
        """The frames of one split, such as "train" or "val"."""
        check_split(name, self.clips)
        return self.subset(np.array([record.split == name for record in self.clips])[self.clip])

    @classmethod
    def build(cls, parts: Iterable[tuple[MocapRecord, Carried]]) -> MotionCorpus:
        """A corpus of clips that were carried over, see `files.segments.carry_over`."""
        return _join((record, _pack(carried)) for record, carried in parts)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a compressed npz file (no pickles inside) under a temporary name and moves it into place."""
        text = json.dumps({"format": _FORMAT, "clips": [asdict(record) for record in self.clips]})
        meta = np.frombuffer(text.encode(), dtype=np.uint8)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, meta=meta, **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> MotionCorpus:
        """Reads what `save` wrote; `FileError` or `FormatError` if there is nothing like it."""
        path = input_file(path, "a saved corpus of motions")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                meta = json.loads(data["meta"].tobytes())
                if meta["format"] != _FORMAT:
                    raise FormatError(f"{path}: format {meta['format']!r}, expected {_FORMAT!r}")
                arrays = {name: data[name] for name in _ARRAYS}
            return cls(**arrays, clips=tuple(MocapRecord(**record) for record in meta["clips"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, InputError) as error:
            raise FormatError(f"{path}: not a saved corpus of motions ({error})") from error


def is_motion_corpus(path: str | PathLike[str]) -> bool:
    """Whether a file is an npz that holds the arrays of a corpus of motions; other npz files may hold one motion."""
    if Path(path).suffix.lower() != ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as file:
            return {f"{name}.npy" for name in ("meta", *_ARRAYS)} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _index(frames: ArrayLike | slice) -> NDArray[np.int64] | NDArray[np.bool_] | slice:
    if isinstance(frames, slice):
        return frames
    index = np.atleast_1d(np.asarray(frames))
    return index if index.dtype == bool else index.astype(np.int64)


_Packed = tuple[NDArray[np.int16], NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]


def _pack(carried: Carried) -> _Packed:
    """Quaternions (T, 104, 4), translation (T, 3), bone lengths (104,), sound (T,), as they are stored."""
    quats = np.rint(_UNIT * matrix_to_quat_xyzw(carried.rotations)).astype(np.int16)
    return quats, carried.translation.astype(np.float32), carried.bone_lengths.astype(np.float32), carried.sound


def _join(parts: Iterable[tuple[MocapRecord, _Packed]]) -> MotionCorpus:
    records, quats, translation, lengths, sound = [], [], [], [], []
    for record, (q, t, b, s) in parts:
        records.append(record)
        quats.append(q)
        translation.append(t)
        lengths.append(b)
        sound.append(s)
    if not records:
        raise InputError("a corpus of motions needs at least one clip")
    column, chosen = _columns(quats)
    counts = [len(q) for q in quats]
    return MotionCorpus(
        quats=np.concatenate([q[:, chosen] for q in quats]),
        column=column,
        translation=np.concatenate(translation),
        lengths=np.stack(lengths),
        clip=np.repeat(np.arange(len(records), dtype=np.int32), counts),
        frame=np.concatenate([np.arange(n, dtype=np.int32) for n in counts]),
        sound=np.concatenate(sound),
        clips=tuple(records),
    )


def _columns(quats: Sequence[NDArray[np.int16]]) -> tuple[NDArray[np.int16], list[int]]:
    """The column of each joint, -1 where it never moves, and the joints that have a column of their own."""
    rest = np.array([0, 0, 0, _UNIT], np.int16)
    column = np.full(len(ANNY), -1, np.int16)
    chosen: list[int] = []
    seen: dict[bytes, int] = {}
    for j in range(len(ANNY)):
        if all((q[:, j] == rest).all() for q in quats):
            continue
        digest = hashlib.sha256()
        for q in quats:
            digest.update(np.ascontiguousarray(q[:, j]).tobytes())
        if digest.digest() not in seen:
            seen[digest.digest()] = len(chosen)
            chosen.append(j)
        column[j] = seen[digest.digest()]
    return column, chosen


def read_motions(
    root: str | PathLike[str],
    split: str | None = None,
    *,
    cache: str | PathLike[str] | bool | None = None,
    workers: int = 1,
    progress: bool = True,
) -> MotionCorpus:
    """Carries every clip that `root`/index.csv lists over to the canonical skeleton.

    Args:
        root: the folder of the motion capture.
        split: only the frames of this split, "train" or "val".
        cache: folder for the result, so that the next call takes no time. None: `cache_folder()`; False: no cache.
        workers: processes that read.
        progress: show a progress bar where the terminal is one.

    Raises:
        FileError, FormatError: a file is missing or broken; the message names it, and the line or frame.
        InputError: there is no such split, or a clip has joints missing (they are named).
    """
    path = None if cache is False else motions_file(root, None if cache is True else cache)
    folder = Path(root)
    corpus = kept_or_made(path, MotionCorpus.load, lambda: _read_all(folder, read_index(folder), workers, progress))
    return corpus if split is None else corpus.split(split)


def motions_file(root: str | PathLike[str], cache: str | PathLike[str] | None = None) -> Path:
    """Where `read_motions` keeps what it made of a folder; changes with its index and with this program."""
    return kept_file(root, "motions", f"motions|{VERSION}", cache)


def _read_all(root: Path, records: tuple[MocapRecord, ...], workers: int, progress: bool) -> MotionCorpus:
    return _join(zip(records, map_records(_read_one, root, records, workers, "motions", progress), strict=True))


def _read_one(root: Path, record: MocapRecord) -> _Packed:
    return _pack(carry_over(read_record(root, record)))
