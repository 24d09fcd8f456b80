"""CORNIA and HOSA: patches, codebook, encoding, pooling against NumPy; regression; runs."""

import dataclasses
import io

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
import scipy.stats
import tiny
import tiny_run
from metrics.nr import naive
from PIL import Image
from scipy import ndimage
from sklearn.cluster import KMeans
from sklearn.svm import SVR

from jiqa.configs import handcrafted as config
from jiqa.data.pipeline import Streamed
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.metrics.nr import cornia, hosa, patches
from jiqa.metrics.nr.features import Features
from jiqa.results.predictions import read_predictions
from jiqa.tasks import svr
from jiqa.tasks.features import Images

SMALL = {"words": 10, "patches": 300, "images": 10}


def _image():
    return photos.recipe("coffee/jpeg")[0][:60, :70]


def _batch():
    return jnp.asarray(_image()[None], jnp.float32) / 255


def _normalised(rows, columns):
    grey, out = naive.grey(_image()), []
    for top, left in zip(rows, columns, strict=True):
        x = grey[top : top + 7, left : left + 7].ravel()
        out.append((x - x.mean()) / np.sqrt(x.var(ddof=1) + 10))
    return np.array(out, np.float32)


def _whitened(local, codebook):
    return ((local - codebook["centre"]) @ codebook["whiten"]).astype(np.float64)


def test_corners_are_random_or_on_a_grid():
    rows, columns = patches.random((60, 70), 500)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 500
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 53, 0, 63)
    assert len(patches.random((60, 70), 10_000)[0]) == 54 * 64
    rows, columns = patches.grid((384, 512), 10_000)
    assert len(rows) == len(range(0, 378, 4)) * len(range(0, 506, 4))
    assert (rows.max(), columns.max()) == (376, 504)


@pytest.mark.parametrize(("method", "corners"), [(cornia, patches.random), (hosa, patches.grid)])
def test_patches_are_normalised(method, corners):
    expected = _normalised(*corners((60, 70), 100))
    got = jax.jit(method.local, static_argnums=1)(_batch(), 100)[0]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_whitening_leaves_no_correlation():
    local = _normalised(*patches.grid((60, 70), 10_000))
    white = patches.whitened(jnp.asarray(local)[None], patches.whitening(local))[0]
    white = np.asarray(white)
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-4)
    values, vectors = np.linalg.eigh(np.cov(local.T))
    expected = vectors @ np.diag(values / (values + 0.1)) @ vectors.T
    np.testing.assert_allclose(np.cov(white.T), expected, atol=1e-3)


def test_clusters_are_nearly_those_of_k_means_and_always_the_same():
    local = _normalised(*patches.grid((60, 70), 10_000))
    centres, nearest = patches.clusters(local, 8, 5)
    distance = ((local[:, None] - centres) ** 2).sum(-1)
    np.testing.assert_array_equal(nearest, distance.argmin(1))
    assert distance.min(1).sum() < 1.1 * KMeans(8, n_init=1, random_state=1).fit(local).inertia_
    np.testing.assert_array_equal(patches.clusters(local, 8, 5)[0], centres)
    with pytest.raises(InputError, match=r"^features\.words: found 8, expected at most 7 words"):
        patches.clusters(local[:7], 8, 5)


def test_cornia_keeps_the_greatest_product_of_either_sign():
    local = _normalised(*patches.random((60, 70), 950))
    codebook = cornia.learn(local, 20)
    np.testing.assert_allclose(np.linalg.norm(codebook["words"], axis=1), 1, rtol=1e-5)
    products = _whitened(local, codebook) @ codebook["words"].T
    expected = np.concatenate([np.maximum(products, 0).max(0), np.maximum(-products, 0).max(0)])
    got = jax.jit(cornia.features, static_argnums=2)(_batch(), codebook, 950)[0]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def _hosa(x, codebook):
    distance = ((x[:, None] - codebook["words"]) ** 2).sum(-1)
    near = np.argsort(distance, 1)[:, :5]
    weights = np.zeros_like(distance)
    for i, places in enumerate(near):
        kernel = np.exp(-0.05 * distance[i, places])
        weights[i, places] = kernel / kernel.sum()
    parts = [np.zeros((len(codebook["words"]), 49)) for _ in range(3)]
    for k, word in enumerate(codebook["words"]):
        if not weights[:, k].any():
            continue
        w = weights[:, k] / weights[:, k].sum()
        m = w @ x
        parts[0][k] = m - word
        if np.count_nonzero(w) > 1:
            variance = w @ (x - m) ** 2
            third = w @ (x - m) ** 3
            parts[1][k] = variance - codebook["variance"][k]
            parts[2][k] = third / (variance**1.5 + 1e-4) - codebook["skewness"][k]
    out = np.concatenate([part.ravel() for part in parts])
    return np.sign(out) * np.abs(out) ** 0.2 / np.linalg.norm(np.abs(out) ** 0.2)


@pytest.mark.parametrize("count", [10_000, 4])
def test_hosa_differences_of_three_moments(count):
    codebook = hosa.learn(_normalised(*patches.grid((60, 70), 10_000)), 8)
    white = _whitened(_normalised(*patches.grid((60, 70), count)), codebook)
    expected = _hosa(white, codebook)
    assert (expected == 0).any() == (count == 4)
    got = np.asarray(jax.jit(hosa.features, static_argnums=2)(_batch(), codebook, count)[0])
    # The fifth root enlarges what is left of differences near 0.
    np.testing.assert_allclose(got**5, expected**5, atol=1e-7)
    large = np.abs(expected) > 0.02
    assert large.mean() > 0.6
    np.testing.assert_allclose(got[large], expected[large], rtol=5e-3)


def test_hosa_statistics_of_the_clusters():
    local = _normalised(*patches.grid((60, 70), 10_000))
    codebook = hosa.learn(local, 8)
    white = _whitened(local, codebook)
    nearest = patches.clusters(white.astype(np.float32), 8, 5)[1]
    for k in range(8):
        part = white[nearest == k]
        np.testing.assert_allclose(codebook["words"][k], part.mean(0), atol=1e-5)
        np.testing.assert_allclose(codebook["variance"][k], part.var(0), rtol=1e-4)
        spread = part.var(0) ** 1.5
        skewness = scipy.stats.skew(part, 0) * spread / (spread + 1e-4)
        np.testing.assert_allclose(codebook["skewness"][k], skewness, atol=1e-3)


def test_the_linear_regression_is_scikit_learns():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 12)).astype(np.float32)
    features[:, 0] = 3
    quality = features @ rng.normal(size=12) + rng.normal(size=80)
    fitted, chosen = svr.regress(features, quality, np.arange(80), (4.0,), ())
    assert chosen == {"penalty": 4.0}
    low, high = (edge(features.astype(np.float64), axis=0) for edge in (np.min, np.max))
    scaled = (features - low) / np.where(high > low, high - low, 1) * 2 - 1
    model = SVR(kernel="linear", C=4.0, epsilon=0.1)
    expected = model.fit(scaled / np.sqrt(12), scipy.stats.zscore(quality))
    expected = expected.predict(scaled / np.sqrt(12)) * quality.std() + quality.mean()
    assert np.ptp(expected) > 3
    np.testing.assert_allclose(fitted.evaluate(features), expected, atol=1e-6)


def test_a_codebook_is_of_the_images_given_alone(monkeypatch):
    index, records = tiny.database(n=12)
    source = Streamed(index, records, View(None, 32, 1), "", 0)
    model = Features("hosa", **{**SMALL, "images": 3})
    read, load = [], source.load
    monkeypatch.setattr(source, "load", lambda row: read.append(row) or load(row))
    rows = np.array([2, 3, 5, 7, 11])
    codebook = Images(model, source, 2, rows).learn()
    assert len(set(read)) == 3
    assert set(read) < set(rows.tolist())
    other, records = tiny.database(n=4, size=32, name="other")
    shown = Streamed(other, records, View(None, 32, 1), "", 0)
    images = Images(model, shown, 3, np.arange(4))
    weights = np.random.default_rng(0).normal(size=images.features(codebook).shape[1])
    fitted = svr.Regression(svr.Linear(weights, np.array(7.0)), codebook)
    pixels = np.stack([images.source.load(row) for row in (3, 1)])
    encode = jax.jit(hosa.features, static_argnums=2)
    features = encode(pixels / np.float32(255), codebook, 300)
    got = fitted.regression.evaluate(images[np.array([3, 1])].features(fitted.codebook))
    np.testing.assert_allclose(got, features @ weights + 7, rtol=1e-3)


def _blurred():
    """The tiny database with blurs in place of noise, whose strength a normalised patch lacks."""
    index, records = tiny.database()
    rng, files = np.random.default_rng(1), []
    for score in index.score:
        grey = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 3 * (1 - score))
        pixels = np.repeat(128 + 30 * grey[..., None] / grey.std(), 3, -1)
        stored = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stored, "PNG")
        files.append({"image": stored.getvalue()})
    return index, dataclasses.replace(records, source=files)


def test_cornia_ranks_blurs_that_it_has_not_seen():
    index, records = _blurred()
    source = Streamed(index, records, View(None, 32, 1), "", 0)
    images = Images(Features("cornia", **SMALL), source, 12, np.arange(len(source.index)))
    train, test = np.arange(36), np.arange(36, 48)
    quality, content = index.quality[train], index.content_id[train]
    codebook = images[train].learn()
    features = images.features(codebook)
    fitted, _ = svr.regress(features[train], quality, content, (4.0, 16.0), ())
    predicted = fitted.evaluate(features[test])
    assert scipy.stats.spearmanr(predicted, index.quality[test]).statistic > 0.8


def test_a_whole_run_learns_a_codebook_for_each_split(tmp_path, monkeypatch):
    database = _blurred()
    monkeypatch.setattr(tiny, "database", lambda: database)
    fields = tiny_run.config()
    fit = config.get_config("method=hosa").fit.fit.to_dict()
    del fields.model
    fields.update(
        {
            "run": "hosa",
            "model": {},
            "stages": ("fit",),
            "fit": {"task": "svr", "fit": {**fit, "features": {**SMALL, "method": "hosa"}}},
        }
    )
    monkeypatch.setattr(tiny_run, "config", lambda **_: fields)
    folder = tiny_run.run(tmp_path)
    tables = list(read_predictions(folder))
    assert len(tables) == 2
    for table in tables:
        assert scipy.stats.spearmanr(table.prediction, table.score).statistic > 0.8
    stored = [dict(np.load(folder / f"split{i}/fit/svr.npz")) for i in range(2)]
    assert {"weights", "bias", "centre", "whiten", "words"} <= stored[0].keys()
    assert not np.array_equal(stored[0]["centre"], stored[1]["centre"])
    (folder / "split1/predictions.csv").rename(tmp_path / "first.csv")
    tiny_run.run(tmp_path)
    again = (folder / "split1/predictions.csv").read_text()
    assert again == (tmp_path / "first.csv").read_text()


def test_the_config_asks_for_the_papers_sizes():
    for method, words in (("cornia", 10_000), ("hosa", 100)):
        fields = config.get_config(f"method={method}")
        features = fields.fit.fit.features
        assert (features.words, features.patches) == (words, 10_000)
        assert fields.fit.fit.widths == ()
    assert "words" not in config.get_config("method=brisque").fit.fit.features
