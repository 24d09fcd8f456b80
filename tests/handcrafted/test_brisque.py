"""The measure as it is shipped: its regression, the authors' in its place, how ours is fitted."""

import dataclasses
import io

import numpy as np
import photos
import pytest
import tiny
from handcrafted import naive
from PIL import Image
from scipy import ndimage
from scipy.spatial import distance

import jiqa
from jiqa.data import index as indices
from jiqa.errors import InputError
from jiqa.handcrafted import fit
from jiqa.handcrafted.svr import Svr

PHOTOS = ("astronaut", "chelsea", "coffee")


def _jpeg(image, quality):
    stored = io.BytesIO()
    Image.fromarray(image).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored))


def _blur(image, sigma):
    return ndimage.gaussian_filter(image, (sigma, sigma, 0))


@pytest.mark.parametrize("name", PHOTOS)
def test_the_more_distorted_the_worse(name):
    photo = photos.photo(name)
    jpegs = [_jpeg(photo, quality) for quality in (80, 50, 30, 20)]
    blurred = [photo, *(_blur(photo, sigma) for sigma in (0.5, 1, 3))]
    scores = jiqa.create_metric("brisque")(np.stack([*jpegs, *blurred]))
    assert np.all(np.diff(scores.reshape(2, 4)) > 0), scores


def test_the_authors_files_give_the_authors_scores(shared):
    folder = shared / "weights/params"
    rows = (folder / "brisque_svm.txt").read_text().split("SV\n")[1].splitlines()
    table = [[cell.rpartition(":")[2] for cell in row.split()] for row in rows]
    table = np.array(table, np.float64)
    low, high = np.loadtxt(folder / "brisque_range.csv", delimiter=",", skiprows=1)[:, 1:].T
    images = np.stack([photos.recipe(f"{name}/jpeg")[0] for name in PHOTOS])
    features = np.stack([naive.brisque_features(image) for image in images])
    square = distance.cdist(2 * (features - low) / (high - low) - 1, table[:, 1:], "sqeuclidean")
    expected = np.exp(-0.05 * square) @ table[:, 0] + 155.845
    metric = jiqa.create_metric("brisque", params=folder / "brisque_svm.txt")
    np.testing.assert_allclose(metric(images), expected, atol=0.02)
    with pytest.raises(InputError, match=r"none\.txt: no such file, expected a regression"):
        jiqa.create_metric("brisque", params=folder / "none.txt")


class _Watched:
    """Records that remember what was read of them."""

    def __init__(self, records):
        self.records, self.read = records, set()

    def __getitem__(self, row):
        self.read.add(int(row))
        return self.records[row]


def test_our_fit_reads_no_test_image(monkeypatch, tmp_path):
    index, records = tiny.database()
    test = np.arange(len(index)) % 12 < 3
    index = dataclasses.replace(index, official=np.where(test, "test", "train"))
    watched = _Watched(records)
    monkeypatch.setattr(indices, "load_index", lambda *_, **__: (index, watched))
    assert fit.main(["brisque", "tiny", "--out", str(tmp_path / "brisque.npz")]) == 0
    assert watched.read == set(np.flatnonzero(~test).tolist())
    stored = np.load(tmp_path / "brisque.npz")
    assert {stored[name].dtype for name in Svr._fields} == {np.dtype(np.float32)}
