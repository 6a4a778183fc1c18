"""The corpus of motions: building, keeping, reading frames, splitting."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from anchorpose.files.mocap import read_index, read_record
from anchorpose.files.motions import MotionCorpus, motions_file, read_motions
from anchorpose.files.rigs import body13
from anchorpose.files.segments import carry_over
from anchorpose.poses.canonical import ANNY, REST_LENGTHS
from anchorpose.poses.errors import FileError, FormatError, InputError
from anchorpose.poses.retarget import Carried
from anchorpose.poses.rotations import rotation_angle, rotvec_to_matrix
from mocap_files import write_folder


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "mocap")


def random_motion(seed: int, frames: int = 6) -> Carried:
    """Root, knees and toes move, all else is at rest."""
    rng = np.random.default_rng(seed)
    rotations = np.broadcast_to(np.eye(3), (frames, len(ANNY), 3, 3)).copy()
    for name in ("root", "lowerleg01.L", "lowerleg01.R"):
        rotations[:, ANNY.index(name)] = rotvec_to_matrix(rng.normal(size=(frames, 3)))
    toes = [j for j, name in enumerate(ANNY.names) if name.startswith("toe") and name.endswith("1.L")]
    rotations[:, toes] = rotvec_to_matrix(rng.normal(size=(frames, 3)))[:, None]
    return Carried(rotations, rng.normal(size=(frames, 3)), REST_LENGTHS * (1 + 0.1 * seed), np.arange(frames) != 2)


def built(root) -> tuple[MotionCorpus, list[Carried]]:
    records = read_index(root)
    motions = [random_motion(1), random_motion(2, 4)]
    return MotionCorpus.build(zip(records, motions, strict=True)), motions


def same(a: MotionCorpus, b: MotionCorpus) -> bool:
    arrays = ("quats", "column", "translation", "lengths", "clip", "frame", "sound")
    return a.clips == b.clips and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays)


def test_rotations_come_back(root) -> None:
    """Within 0.01 degrees; what never moves takes no room and what moves alike shares it."""
    corpus, motions = built(root)
    assert len(corpus) == 10 and corpus.quats.shape == (10, 4, 4)
    truth = np.concatenate([m.rotations for m in motions])
    back = corpus.rotations()
    assert np.degrees(rotation_angle(np.swapaxes(back, -1, -2) @ truth)).max() < 0.01
    picked = corpus.rotations([9, 0, 3])
    np.testing.assert_array_equal(picked, back[[9, 0, 3]])
    np.testing.assert_array_equal(corpus.rotations(corpus.clip == 1), back[6:])
    np.testing.assert_array_equal(corpus.rotations(3), back[3:4])
    np.testing.assert_allclose(corpus.bone_lengths([0, 9])[:, 5], REST_LENGTHS[5] * np.array([1.1, 1.2]), rtol=1e-6)
    assert corpus.sound.tolist() == [True, True, False, True, True, True, True, True, False, True]


def test_joints_and_motion(root) -> None:
    corpus, motions = built(root)
    joints, world = corpus.joints([7])
    np.testing.assert_allclose(joints[0, 0], motions[1].translation[1], atol=1e-6)
    np.testing.assert_allclose(world[0, 0], motions[1].rotations[1, 0], atol=2e-4)
    assert corpus.body13(slice(0, 3)).shape == (3, 13, 3)
    motion = corpus.motion(1)
    assert motion.skeleton == "anny" and len(motion) == 4
    np.testing.assert_allclose(motion.times, np.arange(4) / 25)
    np.testing.assert_array_equal(motion.root, motion.rotations[:, 0])
    assert motion.observed.tolist() == [True, True, False, True]
    with pytest.raises(InputError, match="no clip 2; the corpus has 2"):
        corpus.motion(2)


def test_splits_and_subsets(root) -> None:
    corpus, _ = built(root)
    val = corpus.split("val")
    assert val.clip.tolist() == [1] * 4 and val.clips == corpus.clips
    assert corpus.subset([9, 0]).frame.tolist() == [3, 0]
    assert len(corpus.subset(corpus.sound)) == 8
    with pytest.raises(InputError, match="no split 'test'; there are train, val"):
        corpus.split("test")
    with pytest.raises(InputError, match="mask of 10"):
        corpus.subset(np.ones(3, bool))


def test_save_and_load(root, tmp_path) -> None:
    corpus, _ = built(root)
    path = tmp_path / "new" / "motions.npz"
    corpus.save(path)
    assert same(MotionCorpus.load(path), corpus)
    assert [p.name for p in path.parent.iterdir()] == ["motions.npz"]
    with np.load(path, allow_pickle=False) as data:
        arrays = dict(data)
    meta = json.loads(arrays["meta"].tobytes())
    arrays["meta"] = np.frombuffer(json.dumps(meta | {"format": "other/1"}).encode(), np.uint8)
    np.savez(tmp_path / "other.npz", **arrays)
    for name, content in (("cut.npz", path.read_bytes()[:900]), ("text.npz", b"no zip"), ("other.npz", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=name):
            MotionCorpus.load(tmp_path / name)
    with pytest.raises(FileError, match="no such file"):
        MotionCorpus.load(tmp_path / "nothing.npz")


def test_what_does_not_fit_is_refused(root) -> None:
    corpus, _ = built(root)
    with pytest.raises(InputError, match=r"translation must be \(10, 3\)"):
        replace(corpus, translation=corpus.translation[:3])
    with pytest.raises(InputError, match="clip holds an index"):
        replace(corpus, clip=corpus.clip + 1)
    with pytest.raises(InputError, match="column holds an index"):
        replace(corpus, column=corpus.column + 1)
    with pytest.raises(InputError, match="at least one clip"):
        MotionCorpus.build([])
    with pytest.raises(ValueError, match="read-only"):
        corpus.translation[0] = 1


def test_a_folder_is_carried_over(root, tmp_path) -> None:
    """Every frame once, where the source's joints are; the second time from the cache."""
    corpus = read_motions(root, cache=tmp_path / "cache", progress=False)
    assert corpus.clip.tolist() == [0] * 3 + [1] * 4 and corpus.sound.all()
    truth = np.concatenate([body13(read_record(root, record)) for record in read_index(root)])
    np.testing.assert_allclose(corpus.body13()[:, :6], truth[:, :6], atol=2e-3)
    np.testing.assert_allclose(corpus.body13(), truth, atol=0.03)
    path = motions_file(root, tmp_path / "cache")
    assert path.is_file()
    stamp = path.stat().st_mtime_ns
    assert same(read_motions(root, cache=tmp_path / "cache", progress=False), corpus)
    assert path.stat().st_mtime_ns == stamp
    path.write_bytes(b"broken")
    assert same(read_motions(root, "train", cache=tmp_path / "cache", progress=False), corpus.split("train"))
    assert same(read_motions(root, cache=False, workers=2, progress=False), corpus)


def test_a_cache_that_cannot_be_kept_is_told(root, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(UserWarning, match="not kept for the next time"):
        read_motions(root, cache=tmp_path / "file", progress=False)


def test_a_clip_with_missing_joints_is_refused_by_their_names(root) -> None:
    text = (root / "walk0.bvh").read_text().replace("left_elbow", "elbow_on_the_left")
    (root / "walk0.bvh").write_text(text)
    with warnings.catch_warnings(), pytest.raises(InputError, match="misses left_elbow"):
        warnings.simplefilter("error")
        read_motions(root, cache=False, progress=False)
    assert len(carry_over(read_record(root, read_index(root)[1])).rotations) == 4
