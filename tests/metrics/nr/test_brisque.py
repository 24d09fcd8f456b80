"""The measure as it is shipped: its regression, the authors' in its place, how ours is fitted."""

import dataclasses
import io
import shutil

import numpy as np
import photos
import pytest
import scipy.io
import tiny
from metrics.nr import naive
from PIL import Image
from scipy import ndimage
from scipy.spatial import distance

import jiqa
from jiqa.cli.main import main
from jiqa.errors import InputError
from jiqa.metrics.nr.svr import Svr
from jiqa.tasks import parameters

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
    metric = jiqa.create_metric(
        "brisque", params=[folder / "brisque_svm.txt", folder / "brisque_range.csv"]
    )
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
    monkeypatch.setattr(parameters, "load_index", lambda *_, **__: (index, watched))
    assert main(["fit", "brisque", "tiny", "--out", str(tmp_path / "brisque.npz")]) == 0
    assert watched.read == set(np.flatnonzero(~test).tolist())
    stored = np.load(tmp_path / "brisque.npz")
    assert {stored[name].dtype for name in Svr._fields} == {np.dtype(np.float32)}


def _by_hand(model, ranges):
    """Scores of the photographs' features by a sum over libsvm's text, in float64."""
    head, body = model.read_text().split("SV\n")
    fields = dict(line.split(" ", 1) for line in head.splitlines())
    weights, vectors = [], np.zeros((len(body.splitlines()), 36))
    for vector, row in zip(vectors, body.splitlines(), strict=True):
        weight, *cells = row.split()
        weights.append(float(weight))
        for number, value in (cell.split(":") for cell in cells):  # those that are 0 are left out
            vector[int(number) - 1] = float(value)
    low, high = np.loadtxt(ranges, skiprows=2)[:, 1:].T
    features = np.stack([naive.brisque_features(x) for x in _jpegs()])
    square = distance.cdist(2 * (features - low) / (high - low) - 1, vectors, "sqeuclidean")
    return np.exp(-float(fields["gamma"]) * square) @ weights - float(fields["rho"])


def _jpegs():
    return np.stack([photos.recipe(f"{name}/jpeg")[0] for name in PHOTOS])


def test_a_pair_of_files_is_taken_together_wherever_they_lie(shared, tmp_path):
    folder = shared / "weights/params"
    authors = (folder / "brisque/allmodel", folder / "brisque/allrange")
    moved = (tmp_path / "a.model", tmp_path / "b.ranges")
    for source, target in zip(authors, moved, strict=True):
        shutil.copy(source, target)
    shutil.copy(folder / "brisque_range.csv", tmp_path)
    expected = _by_hand(*authors)
    for given in (authors[0], list(moved), ",".join(map(str, moved))):
        metric = jiqa.create_metric("brisque", params=given)
        np.testing.assert_allclose(metric(_jpegs()), expected, atol=0.02)
    for alone in (moved[0], [moved[0]], str(moved[0])):
        with pytest.raises(
            InputError, match=r"a\.model: found no ranges, expected both files, MOD"
        ):
            jiqa.create_metric("brisque", params=alone)


def test_a_published_model_is_not_scored_with_the_other_ranges(shared, tmp_path):
    folder = shared / "weights/params"
    shutil.copy(folder / "brisque/allmodel", tmp_path)
    shutil.copy(folder / "brisque_range.csv", tmp_path)
    with pytest.raises(InputError, match=r"allmodel: found no ranges, expected allrange beside it"):
        jiqa.create_metric("brisque", params=tmp_path / "allmodel")
    shutil.copy(folder / "brisque/allrange", tmp_path)
    metric = jiqa.create_metric("brisque", params=tmp_path / "allmodel")
    expected = _by_hand(folder / "brisque/allmodel", folder / "brisque/allrange")
    np.testing.assert_allclose(metric(_jpegs()), expected, atol=0.02)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x\n-1 1\n1 0 1\n3 0 1\n", "features out of order"),
        ("x\n-1 1\n1 1 0\n", "min above max"),
        ("feature,min,max\n0,a,1\n", "expected rows of feature, min, max"),
        ("", "expected rows of feature, min, max"),
        ("x\n-1 1\n1 0 1\n", r"low: found \[1\], expected \[36\]"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_broken_ranges_are_one_line(shared, tmp_path, text, said):
    (tmp_path / "ranges").write_text(text)
    pair = [shared / "weights/params/brisque/allmodel", tmp_path / "ranges"]
    with pytest.raises(InputError, match=said) as caught:
        jiqa.create_metric("brisque", params=pair)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="expected a file, or up to 2"):
        jiqa.create_metric("brisque", params=[*pair, pair[0]])


def test_niqe_by_the_authors_model_is_that_of_float64(shared):
    path = shared / "weights/params/niqe/modelparameters.mat"
    stored = scipy.io.loadmat(path)
    mean, covariance = stored["mu_prisparam"].ravel(), stored["cov_prisparam"]
    expected = [naive.niqe(image, mean, covariance) for image in _jpegs()]
    got = jiqa.create_metric("niqe", params=path)(_jpegs())
    np.testing.assert_allclose(got, expected, rtol=5e-3)
