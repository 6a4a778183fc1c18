"""The corpus: every frame of a folder of motion capture as BODY13 joints, ready to be clustered and drawn from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anchorpose.files.mocap import MocapRecord, read_index, read_record
from anchorpose.files.mocap_folder import check_split, kept_file, kept_or_made, map_records
from anchorpose.files.paths import input_file, replacing
from anchorpose.files.rigs import body13, facing, get_rig
from anchorpose.poses.errors import FormatError, InputError

# Part of the cache's key: raise it when the joints that come out change.
_VERSION = 1
_FORMAT = "anchorpose-corpus/1"


@dataclass(frozen=True, eq=False)
class Corpus:
    """N frames of motion capture.

    Attributes:
        joints3d: (N, 13, 3) float32, BODY13 in metres, world with y up; the floor is near y = 0.
        facing: (N, 3) float32, unit vectors from the centre of the head towards the nose.
        clip: (N,) index into `clips`.
        frame: (N,) index of the frame within its clip, from 0.
        clips: what is known about each clip. A subset keeps them all, so indices stay valid.
    """

    joints3d: NDArray[np.float32]
    facing: NDArray[np.float32]
    clip: NDArray[np.int32]
    frame: NDArray[np.int32]
    clips: tuple[MocapRecord, ...]

    def __post_init__(self) -> None:
        count = len(self.joints3d)
        expected = {"joints3d": (count, 13, 3), "facing": (count, 3), "clip": (count,), "frame": (count,)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{name} must be {shape}, got {getattr(self, name).shape}")
        if count and not (0 <= self.clip.min() and self.clip.max() < len(self.clips)):
            raise InputError(f"clip holds an index outside the {len(self.clips)} clips")

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.joints3d)

    def subset(self, mask: ArrayLike) -> Corpus:
        """The frames selected by a boolean mask (N,) or an array of indices."""
        mask = np.asarray(mask)
        if mask.dtype == bool and mask.shape != (len(self),):
            raise InputError(f"a mask of {len(self)} frames is expected, got shape {mask.shape}")
        return Corpus(self.joints3d[mask], self.facing[mask], self.clip[mask], self.frame[mask], self.clips)

    def split(self, name: str) -> Corpus:
        """The frames of one split, such as "train" or "val"."""
        check_split(name, self.clips)
        return self.subset(np.array([record.split == name for record in self.clips])[self.clip])

    def save(self, path: str | Path) -> None:
        """Writes an npz file (no pickles inside) under a temporary name and moves it into place."""
        text = json.dumps({"format": _FORMAT, "clips": [asdict(record) for record in self.clips]})
        meta = np.frombuffer(text.encode(), dtype=np.uint8)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, joints3d=self.joints3d, facing=self.facing, clip=self.clip, frame=self.frame, meta=meta)

    @classmethod
    def load(cls, path: str | Path) -> Corpus:
        """Reads what `save` wrote; `FileError` or `FormatError` if there is nothing like it."""
        path = input_file(path, "a saved corpus")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                meta = json.loads(data["meta"].tobytes())
                arrays = {name: data[name] for name in ("joints3d", "facing", "clip", "frame")}
            if meta["format"] != _FORMAT:
                raise FormatError(f"{path}: format {meta['format']!r}, expected {_FORMAT!r}")
            return cls(**arrays, clips=tuple(MocapRecord(**record) for record in meta["clips"]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise FormatError(f"{path}: not a saved corpus ({error})") from error


def read_corpus(
    root: str | Path,
    split: str | None = None,
    *,
    cache: str | Path | bool | None = None,
    workers: int = 1,
    progress: bool = True,
) -> Corpus:
    """Reads every clip that `root`/index.csv lists.

    Args:
        root: the folder of the motion capture.
        split: only the frames of this split, "train" or "val".
        cache: folder for the result, so that the next call takes no time. None: `cache_folder()`; False: no cache.
        workers: processes that read.
        progress: show a progress bar where the terminal is one.

    Raises:
        FileError, FormatError: a file is missing or broken; the message names it, and the line or frame.
        InputError: there is no such split.
    """
    root = Path(root)
    records = read_index(root)
    if split is not None:
        check_split(split, records)
    path = None if cache is False else kept_file(root, "corpus", str(_VERSION), None if cache is True else cache)
    corpus = kept_or_made(path, Corpus.load, lambda: _read_all(root, records, workers, progress))
    return corpus if split is None else corpus.split(split)


def _read_all(root: Path, records: tuple[MocapRecord, ...], workers: int, progress: bool) -> Corpus:
    read = list(map_records(_read_one, root, records, workers, "motion capture", progress))
    lengths = [len(joints) for joints, _ in read]
    return Corpus(
        joints3d=np.concatenate([joints for joints, _ in read]),
        facing=np.concatenate([front for _, front in read]),
        clip=np.repeat(np.arange(len(records), dtype=np.int32), lengths),
        frame=np.concatenate([np.arange(n, dtype=np.int32) for n in lengths]),
        clips=records,
    )


def _read_one(root: Path, record: MocapRecord) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    clip = read_record(root, record)
    rig = get_rig(clip)
    return body13(clip, rig).astype(np.float32), facing(clip, rig).astype(np.float32)
