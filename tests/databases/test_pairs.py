"""Pairs: what is beside what, cut alike, made once."""

import shutil
import zlib

import numpy as np
import pytest
import skimage.data
import tiny
from PIL import Image

from jiqa.data.distort import distort
from jiqa.data.sampling import View
from jiqa.databases import pairs
from jiqa.databases.load import load_index
from jiqa.databases.pairs import VARIANTS, distorted, paired
from jiqa.databases.photographs import load
from jiqa.errors import InputError
from jiqa.images import decode

VIEW = View(None, 24, 2)


@pytest.fixture
def folder(tmp_path):
    """Two small photographs of different sizes."""
    (tmp_path / "photographs").mkdir()
    for name, size in (("chelsea", (40, 48)), ("coffee", (36, 32))):
        pixels = getattr(skimage.data, name)()[: size[0], : size[1]]
        Image.fromarray(pixels).save(tmp_path / "photographs" / f"{name}.png")
    return tmp_path


def make(folder, view=VIEW):
    source = distorted(load(str(folder / "photographs")), view, folder / "databases")
    source.make()
    return source


def test_a_row_is_a_photograph_and_its_variant(folder):
    source = make(folder)
    index = source.index
    assert len(index) == 2 * len(VARIANTS) == 40
    assert set(zip(index.distortion.tolist(), index.level.tolist(), strict=True)) == set(VARIANTS)
    for row in (0, 7, 13, 39):
        name, kind, level = index.content_id[row], index.distortion[row], index.level[row]
        pristine = decode((folder / "photographs" / f"{name}.png").read_bytes())
        pair = source.load(row)
        np.testing.assert_array_equal(pair[:, :, 0], pristine)
        # Level by level, as a batch of five has each by its own key.
        five = np.repeat(pristine[None], 5, axis=0)
        expected = distort(five, f"waterloo/{kind}", np.arange(1, 6), zlib.crc32(name.encode()))
        np.testing.assert_array_equal(pair[:, :, 1], np.rint(255 * np.asarray(expected[level - 1])))
        assert np.any(pair[:, :, 1] != pristine)


def test_both_are_cut_and_flipped_alike(folder):
    source = make(folder)
    for path in source.folder.glob("*.npy"):  # every variant is the photograph itself
        stack = np.load(path)
        np.save(path, np.repeat(stack[:1], len(stack), axis=0))
    batches = list(source.train_batches(np.arange(40), 8, 0, 0, 3))
    for batch in batches:
        assert batch["image"].shape == (8, 2, 24, 24, 2, 3)
        np.testing.assert_array_equal(batch["image"][..., 0, :], batch["image"][..., 1, :])
    assert not np.array_equal(batches[0]["image"], batches[1]["image"])


def test_what_is_made_is_not_made_again(folder, monkeypatch):
    source = make(folder)
    whole = {path: path.read_bytes() for path in source.folder.iterdir()}
    (source.folder / "coffee.npy").unlink()
    (source.folder / "coffee.npy.part").write_bytes(b"half")
    asked = []
    monkeypatch.setattr(
        pairs, "distort", lambda image, *rest: asked.append(image.shape) or distort(image, *rest)
    )
    make(folder)
    assert set(asked) == {(5, 36, 32, 3)}
    assert {path: path.read_bytes() for path in source.folder.iterdir()} == whole


def test_a_full_disk_and_a_small_photograph_are_refused_before_anything_is_made(
    folder, monkeypatch
):
    with pytest.raises(InputError, match=r"coffee: 36x32 pixels .* at least 40x40"):
        make(folder, View(None, 40, 1))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1000))
    with pytest.raises(InputError, match=r"found 0.0 GiB free, expected .* for 2 photographs"):
        make(folder)
    assert not list((folder / "databases").rglob("*.npy"))


def test_a_database_s_images_with_their_references():
    index, records = load_index("pocket")
    source = paired(index, records, View(None, 64, 1))
    assert len(source.index) == 1800
    references = load("pocket")
    for row in (0, 777, 1799):
        pair = source.load(row)
        np.testing.assert_array_equal(pair[:, :, 1], decode(records[index.record[row]]))
        name = index.id[row].removesuffix(f"_{index.distortion[row]}_{index.level[row]}")
        (number,) = np.flatnonzero(references.ids == name)
        np.testing.assert_array_equal(pair[:, :, 0], references.load(number))


def test_a_larger_view_of_what_is_made_already_is_checked_too(folder):
    make(folder)
    larger = distorted(load(str(folder / "photographs")), View(None, 40, 1), folder / "databases")
    with pytest.raises(InputError, match=r"coffee: 36x32 pixels .* at least 40x40"):
        larger.load(39)
    with pytest.raises(InputError, match=r"pairs\.view: found a resize"):
        distorted(load(str(folder / "photographs")), View((64, 64), 40, 1))


def test_a_database_without_references_is_refused():
    with pytest.raises(InputError, match="tiny: found no references"):
        paired(*tiny.database(), VIEW)
