"""Anchor poses: nearest classes, exact files, and files that are not what they say."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorpose.files.anchors import read_anchors, write_anchors
from anchorpose.poses.anchors import AnchorPoses
from anchorpose.poses.errors import FileError, FormatError, InputError


def anchors(k: int = 7, seed: int = 0) -> AnchorPoses:
    rng = np.random.default_rng(seed)
    attributes = {"share": rng.random(k), "upper": np.arange(k) % 2 == 1, "mirror": np.arange(k)[::-1]}
    return AnchorPoses("mine", "body13", rng.random((k, 13, 2)), rng.normal(size=(k, 13, 3)), attributes)


@given(st.integers(0, 2**31), st.integers(1, 40))
def test_nearest_is_what_trying_all_finds(seed: int, k: int) -> None:
    """The class with the least Euclidean distance over all joints; the distance told is the mean over joints."""
    rng = np.random.default_rng(seed)
    classes = anchors(k, seed)
    poses = rng.normal(size=(3, 4, 13, 3))
    index, distance = classes.nearest(poses)
    assert index.shape == distance.shape == (3, 4)
    off = classes.joints3d - poses[:, :, None]
    np.testing.assert_array_equal(index, (off**2).sum((-1, -2)).argmin(-1))
    expected = np.take_along_axis(np.linalg.norm(off, axis=-1).mean(-1), index[..., None], -1)[..., 0]
    np.testing.assert_allclose(distance, expected, rtol=1e-5, atol=1e-6)


def test_each_anchor_is_nearest_to_itself() -> None:
    """At distance 0; more poses than fit one block; none at all; a single one without a batch."""
    classes = anchors(50)
    index, distance = classes.nearest(np.tile(classes.joints3d, (200, 1, 1)))
    np.testing.assert_array_equal(index, np.tile(np.arange(50), 200))
    assert (distance == 0).all()
    assert classes.nearest(np.zeros((0, 13, 3)))[0].shape == (0,)
    assert classes.nearest(classes.joints3d[3])[0] == 3
    with pytest.raises(InputError, match="13"):
        classes.nearest(np.zeros((2, 17, 3)))


def test_files_keep_everything(tmp_path: Path) -> None:
    """Saving and loading gives back every array with its type, the name and the skeleton."""
    one = anchors()
    write_anchors(one, tmp_path / "a.npz")
    two = read_anchors(tmp_path / "a.npz")
    assert (two.name, two.skeleton, len(two), two.record.name) == ("mine", "body13", 7, "body13")
    np.testing.assert_array_equal(two.joints2d, one.joints2d)
    np.testing.assert_array_equal(two.joints3d, one.joints3d)
    assert set(two.attributes) == {"share", "upper", "mirror"}
    for key, value in one.attributes.items():
        np.testing.assert_array_equal(two.attributes[key], value)
        assert two.attributes[key].dtype == value.dtype
    np.testing.assert_array_equal(two.upper, np.arange(7) % 2 == 1)
    assert not AnchorPoses("plain", "body13", one.joints2d, one.joints3d).upper.any()


def test_the_suffix_is_the_callers(tmp_path: Path) -> None:
    """The file has exactly the name that was given."""
    write_anchors(anchors(), tmp_path / "classes")
    assert [p.name for p in tmp_path.iterdir()] == ["classes"]
    assert len(read_anchors(tmp_path / "classes")) == 7


def test_arrays_are_read_only_copies() -> None:
    """Nothing can be changed after the fact."""
    mine = np.zeros((2, 13, 3))
    classes = AnchorPoses("a", "body13", np.zeros((2, 13, 2)), mine, {"share": np.ones(2)})
    mine[:] = 1
    assert (classes.joints3d == 0).all()
    for array in (classes.joints2d, classes.joints3d, classes.attributes["share"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_wrong_shapes_are_input_errors() -> None:
    """Too few joints, unequal numbers of classes, no class at all, an attribute of another length."""
    two, three = np.zeros((2, 13, 2)), np.zeros((2, 13, 3))
    for bad2, bad3 in ((two[:, :12], three), (two[:1], three), (two, three[..., :2]), (two[:0], three[:0])):
        with pytest.raises(InputError, match="Kx13x2 and Kx13x3"):
            AnchorPoses("a", "body13", bad2, bad3)
    with pytest.raises(InputError, match="'share'.*2 classes"):
        AnchorPoses("a", "body13", two, three, {"share": np.ones(3)})
    with pytest.raises(InputError, match="no skeleton 'body12'"):
        AnchorPoses("a", "body12", two, three)


def _whole(path: Path) -> bytes:
    write_anchors(anchors(), path)
    return path.read_bytes()


def _damaged(path: Path) -> None:
    content = bytearray(_whole(path))
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    path.write_bytes(content)


def _with_meta(path: Path, **meta: str) -> None:
    text = json.dumps({"format": "anchorposes/1", "name": "a", "skeleton": "body13", **meta})
    np.savez(path.open("wb"), meta=text, joints2d=np.zeros((2, 13, 2)), joints3d=np.zeros((2, 13, 3)))


def _wrong_shape(path: Path) -> None:
    text = json.dumps({"format": "anchorposes/1", "name": "a", "skeleton": "body13"})
    np.savez(path.open("wb"), meta=text, joints2d=np.zeros((2, 12, 2)), joints3d=np.zeros((2, 12, 3)))


def _single_array(path: Path) -> None:
    np.save(path.open("wb"), np.zeros(3))


BROKEN = {
    "empty": lambda p: p.write_bytes(b""),
    "text": lambda p: p.write_text("hello"),
    "cut": lambda p: p.write_bytes(_whole(p)[:300]),
    "damaged": _damaged,
    "one array": _single_array,
    "no arrays": lambda p: np.savez(p.open("wb"), meta="{}"),
    "other npz": lambda p: np.savez(p.open("wb"), a=np.zeros(3)),
    "list": lambda p: np.savez(p.open("wb"), meta="[]"),
    "other format": lambda p: _with_meta(p, format="anchorposes/2"),
    "other skeleton": lambda p: _with_meta(p, skeleton="body12"),
    "wrong shape": _wrong_shape,
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_broken_files_are_format_errors(tmp_path: Path, kind: str) -> None:
    """Whatever is in a file that should hold anchors, the error is a FormatError that names the file."""
    path = tmp_path / "bad.npz"
    BROKEN[kind](path)  # type: ignore[no-untyped-call]
    with pytest.raises(FormatError, match="bad.npz"):
        read_anchors(path)


def test_a_missing_file_is_a_file_error(tmp_path: Path) -> None:
    """So is a folder; the message names it."""
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(FileError, match=path.name):
            read_anchors(path)


class _Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_pickle_is_opened(tmp_path: Path) -> None:
    """Neither a pickle nor an npz with an array of objects runs anything."""
    trap = tmp_path / "trap"
    (tmp_path / "a.npz").write_bytes(pickle.dumps(_Bomb(trap)))
    np.savez((tmp_path / "b.npz").open("wb"), meta=np.array([_Bomb(trap)], dtype=object))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(FormatError, match=name):
            read_anchors(tmp_path / name)
    assert not trap.exists()
    pickle.loads((tmp_path / "a.npz").read_bytes())  # the trap works
    assert trap.exists()
