"""The corpus: reading, keeping, splitting."""

import numpy as np
import pytest

from anchorpose.files.corpus import Corpus, read_corpus
from anchorpose.files.mocap_folder import cache_folder
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.skeletons import BODY13
from mocap_files import figure_bvh, write_folder


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "mocap")


def same(a, b):
    arrays = ("joints3d", "facing", "clip", "frame")
    return a.clips == b.clips and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays)


def test_every_frame_once(root):
    corpus = read_corpus(root, cache=False)
    assert len(corpus) == 7
    assert corpus.joints3d.shape == (7, 13, 3)
    assert corpus.joints3d.dtype == corpus.facing.dtype == np.float32
    assert corpus.clip.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert corpus.frame.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert [record.path for record in corpus.clips] == ["walk0.bvh", "walk1.bvh"]
    # The figure stands at 0.95 m and glides along x, which is where it faces; its left is at -z.
    ankle, hip = BODY13.index("l_ankle"), BODY13.index("l_hip")
    np.testing.assert_allclose(corpus.joints3d[2, hip], [0.08, 0.95, -0.09], atol=1e-6)
    np.testing.assert_allclose(corpus.joints3d[2, ankle], [0.08, 0.12, -0.09], atol=1e-6)
    np.testing.assert_allclose(corpus.facing, np.broadcast_to([1, 0, 0], (7, 3)), atol=1e-6)


def test_splits_and_subsets(root):
    corpus = read_corpus(root, cache=False)
    val = corpus.split("val")
    assert val.clip.tolist() == [1, 1, 1, 1]
    assert val.clips == corpus.clips
    assert same(read_corpus(root, "val", cache=False), val)
    assert corpus.subset(corpus.frame == 0).clip.tolist() == [0, 1]
    assert corpus.subset([6, 0]).frame.tolist() == [3, 0]
    with pytest.raises(InputError, match="no split 'test'; there are train, val"):
        corpus.split("test")
    with pytest.raises(InputError, match="no split 'test'"):
        read_corpus(root, "test", cache=False)
    with pytest.raises(InputError, match="mask of 7"):
        corpus.subset(np.ones(3, dtype=bool))


def test_save_and_load(root, tmp_path):
    corpus = read_corpus(root, cache=False)
    path = tmp_path / "new" / "corpus.npz"
    corpus.save(path)
    assert same(Corpus.load(path), corpus)
    assert [p.name for p in path.parent.iterdir()] == ["corpus.npz"]  # nothing temporary is left
    empty = corpus.subset(np.zeros(7, dtype=bool))
    empty.save(path)
    assert same(Corpus.load(path), empty)


def test_load_what_is_no_corpus(tmp_path):
    path = tmp_path / "corpus.npz"
    with pytest.raises(FileError, match="no such file"):
        Corpus.load(path)
    np.savez(path, joints3d=np.zeros(3))
    with pytest.raises(FormatError, match="not a saved corpus"):
        Corpus.load(path)
    content = path.read_bytes()
    for broken in (b"no zip", content[: len(content) // 2]):
        path.write_bytes(broken)
        with pytest.raises(FormatError, match="not a saved corpus"):
            Corpus.load(path)
    np.savez(path, meta=np.array([{"a": 1}], dtype=object))  # a pickle is not opened
    with pytest.raises(FormatError, match="not a saved corpus"):
        Corpus.load(path)


def test_cache(root, tmp_path):
    cache = tmp_path / "cache"
    corpus = read_corpus(root, cache=cache)
    (kept,) = cache.iterdir()
    for file in root.glob("*.bvh"):
        file.rename(file.with_suffix(".gone"))
    assert same(read_corpus(root, cache=cache), corpus)  # the files are not read again
    kept.write_bytes(b"broken")
    with pytest.raises(FileError, match="walk0.bvh"):
        read_corpus(root, cache=cache)
    for file in root.glob("*.gone"):
        file.rename(file.with_suffix(".bvh"))
    assert same(read_corpus(root, cache=cache), corpus)  # a broken cache is made again
    assert same(Corpus.load(kept), corpus)


def test_the_cache_follows_the_index(root, tmp_path):
    cache = tmp_path / "cache"
    assert len(read_corpus(root, cache=cache)) == 7
    index = root / "index.csv"
    index.write_text(index.read_text().replace(",25,3,", ",25,9,"))
    (root / "walk0.bvh").write_text(figure_bvh(9))
    assert len(read_corpus(root, cache=cache)) == 13


def test_where_the_cache_is(root, tmp_path, monkeypatch):
    monkeypatch.setenv("ANCHORPOSE_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    read_corpus(root)
    assert len(list((tmp_path / "here").iterdir())) == 1
    monkeypatch.delenv("ANCHORPOSE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "anchorpose"


def test_a_cache_that_cannot_be_written_is_only_a_warning(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="not kept for the next time"):
        assert len(read_corpus(root, cache=tmp_path / "file" / "cache")) == 7


def test_a_broken_file_is_named(root):
    text = (root / "walk1.bvh").read_text()
    (root / "walk1.bvh").write_text(text[:-10])
    with pytest.raises(FormatError, match=r"walk1.bvh, line \d+: "):
        read_corpus(root, cache=False)


def test_several_processes_read_the_same(root):
    assert same(read_corpus(root, cache=False, workers=2), read_corpus(root, cache=False))


def test_corpus_rejects_what_does_not_fit(root):
    corpus = read_corpus(root, cache=False)
    with pytest.raises(InputError, match="facing must be"):
        Corpus(corpus.joints3d, corpus.facing[:3], corpus.clip, corpus.frame, corpus.clips)
    with pytest.raises(InputError, match="outside the 1 clips"):
        Corpus(corpus.joints3d, corpus.facing, corpus.clip, corpus.frame, corpus.clips[:1])
