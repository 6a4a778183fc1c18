"""Anchor poses as files: npz without pickles."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.errors import FileError, FormatError, InputError

_FORMAT = "anchorposes/1"


def write_anchors(anchors: AnchorPoses, path: str | Path) -> None:
    """Write an npz without pickles."""
    meta = json.dumps({"format": _FORMAT, "name": anchors.name, "skeleton": anchors.skeleton})
    arrays = {f"attribute_{key}": value for key, value in anchors.attributes.items()}
    with open(path, "wb") as file:
        np.savez_compressed(file, meta=meta, joints2d=anchors.joints2d, joints3d=anchors.joints3d, **arrays)  # type: ignore[arg-type]


def read_anchors(path: str | Path) -> AnchorPoses:
    """Read what `write_anchors` wrote; FileError or FormatError tell what is wrong with another file."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
        meta = json.loads(str(arrays.pop("meta")))
        if meta["format"] != _FORMAT:
            raise FormatError(f"{path}: anchors in the format {meta['format']!r}; this reads {_FORMAT!r}")
        attributes = {k.removeprefix("attribute_"): v for k, v in arrays.items() if k.startswith("attribute_")}
        return AnchorPoses(meta["name"], meta["skeleton"], arrays["joints2d"], arrays["joints3d"], attributes)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error})") from error
    except FormatError:
        raise
    except (InputError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: not a file of anchor poses ({error})") from error
