"""The regression against scikit-learn, its choice by hand, and a whole run."""

import math
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
import scipy.stats
import tiny
import tiny_run
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVR

from jiqa.configs import handcrafted as config
from jiqa.configs.runs import RUNS
from jiqa.data.pipeline import Streamed
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.experiment.config import parse
from jiqa.experiment.trained_metric import TrainedMetric
from jiqa.images import decode
from jiqa.metrics.nr import brisque
from jiqa.metrics.nr import svr as face
from jiqa.metrics.nr.features import METHODS, Features
from jiqa.results.predictions import read_predictions
from jiqa.tasks import features as extraction
from jiqa.tasks import svr
from jiqa.train import mesh


def _data(n=60, d=4):
    rng = np.random.default_rng(0)
    features = rng.normal(5, 3, (n, d)).astype(np.float32)
    return features, np.sin(features[:, 0]) + 0.1 * features[:, 1] + 7, np.arange(n) // 4


def test_it_predicts_what_scikit_learn_does(tmp_path):
    features, quality, content = _data()
    fitted, chosen = svr.regress(features, quality, content, (8.0,), (4.0,))
    assert chosen == {"penalty": 8.0, "gamma": 1.0}
    low, high = features.min(0), features.max(0)
    scaled = (features - low) / (high - low) * 2 - 1
    model = SVR(C=8.0, gamma=1.0, epsilon=0.1).fit(scaled, scipy.stats.zscore(quality))
    expected = model.predict(scaled) * quality.std() + quality.mean()
    np.testing.assert_allclose(fitted.evaluate(features), expected, atol=1e-4)
    fitted.save(tmp_path / "svr.npz")
    again = face.load(tmp_path / "svr.npz", 4).predict(jnp.asarray(features))
    np.testing.assert_allclose(again, expected, atol=1e-4)
    with pytest.raises(InputError, match=r"svr\.npz: low: found \[4\], expected \[36\]"):
        face.load(tmp_path / "svr.npz", 36)


def test_many_large_weights_lose_no_digits():
    rng = np.random.default_rng(1)
    features = rng.normal(5, 3, (1000, 36)).astype(np.float32)
    quality = features[:, 0] / 30 + rng.normal(size=1000)
    fitted, _ = svr.regress(features, quality, np.arange(1000), (64.0,), (0.125,))
    low, high = (edge(features.astype(np.float64), axis=0) for edge in (np.min, np.max))
    scaled = (features - low) / (high - low) * 2 - 1
    target = (quality - quality.mean()) / quality.std()
    model = SVR(C=64.0, gamma=0.125 / 36, epsilon=0.1).fit(scaled, target)
    assert np.abs(model.dual_coef_).sum() > 10_000
    expected = model.predict(scaled) * quality.std() + quality.mean()
    np.testing.assert_allclose(fitted.evaluate(features), expected, atol=1e-6)


def test_the_choice_ranks_best_on_contents_left_out():
    features, quality, content = _data()
    low, high = features.min(0), features.max(0)
    scaled = (features - low) / (high - low) * 2 - 1
    target = scipy.stats.zscore(quality)

    def left_out(penalty, gamma):
        found = []
        for a, b in GroupKFold(5).split(scaled, target, content):
            model = SVR(C=penalty, gamma=gamma, epsilon=0.1).fit(scaled[a], target[a])
            found.append(scipy.stats.spearmanr(model.predict(scaled[b]), target[b]).statistic)
        return np.mean(found)

    pairs = [(penalty, gamma) for penalty in (0.01, 10.0) for gamma in (0.01, 1.0)]
    _, chosen = svr.regress(features, quality, content, (0.01, 10.0), (0.04, 4.0))
    assert tuple(chosen.values()) == max(pairs, key=lambda pair: left_out(*pair))


def test_features_keep_their_rows_whatever_the_batch():
    index, records = tiny.database(n=5)
    source = Streamed(index, records, View(None, 32, 1), "", 0)
    extractor = Features("gm_log")
    found = extraction.Images(extractor, source, 2, np.arange(5)).features({})
    images = np.stack([source.load(row) for row in range(5)])
    expected = jax.jit(extractor)(images / np.float32(255), {})
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_whole_run_ranks_the_noise(tmp_path):
    changes = {
        "run": "gm_log",
        "model": {},
        "stages": ("fit",),
        "fit": {
            "task": "svr",
            "fit": {
                "features": {"method": "gm_log"},
                "batch_size": 8,
                "penalties": (16.0,),
                "widths": (1.0,),
            },
        },
    }
    fields = tiny_run.config()
    del fields.model
    fields.update(changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_run, "config", lambda **_: fields)
        folder = tiny_run.run(tmp_path)
    tables = list(read_predictions(folder))
    assert len(tables) == 2
    for table in tables:
        assert scipy.stats.spearmanr(table.prediction, table.score).statistic > 0.5
    _, records = tiny.database()
    for table, split in zip(tables, ("split0", "split1"), strict=True):
        metric = TrainedMetric(folder / split)
        found = dict(metric.each([decode(records[int(id)]) for id in table.id]))
        np.testing.assert_allclose([found[i] for i in range(len(table))], table.prediction, 1e-5)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"weights": 1, "words": 2}, "svr.npz: found weights, words, expected bias too"),
        ({"vectors": 1}, "svr.npz: found vectors, expected bias, gamma, high, low, weights too"),
    ],
)
def test_a_file_of_another_kind_is_no_regression(tmp_path, arrays, said):
    np.savez(tmp_path / "svr.npz", **arrays)
    with pytest.raises(InputError, match=said):
        svr.Regression.load(tmp_path / "svr.npz")


def test_what_is_fitted_is_read_again_with_its_codebook(tmp_path):
    rng = np.random.default_rng(0)
    book = {"words": rng.normal(size=(4, 3)).astype(np.float32)}
    fields = [rng.normal(size=n) for n in (3, 3, (5, 3), 5, (), ())]
    for regression in (face.Svr(*fields), face.Linear(fields[0], fields[-1])):
        svr.Regression(regression, book).save(tmp_path / svr.FILE)
        again = svr.Regression.load(tmp_path / svr.FILE)
        assert type(again.regression) is type(regression)
        for a, b in zip(regression, again.regression, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(again.codebook["words"], book["words"])


def test_sizes_of_a_bucket_share_what_is_compiled():
    extractor = Features("brisque")
    images = [photos.photo("coffee")[:h, :w] for h, w in ((70, 90), (64, 127), (100, 64))]
    source = mock.Mock(load=images.__getitem__, index=mock.Mock(database="photos"))
    compiled = extraction._compiled(extractor, mesh.alone())
    compiled.clear_cache()  # of other tests
    found = extraction.Images(extractor, source, 2, np.arange(3)).features({})
    assert compiled._cache_size() == 1
    alone = jax.jit(brisque.features)(images[0][None] / np.float32(255))
    np.testing.assert_allclose(found[:1], alone, rtol=1e-3, atol=1e-4)


def test_every_method_has_a_run():
    for method in METHODS:
        file, _, text = RUNS[method].partition(":")
        assert file == "configs/handcrafted.py"
        fields = config.get_config(text)
        assert fields.run == method
        assert parse(fields.to_dict()).stages[0].fit.features.method == method


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match=r"features\.method: found 'psnr', expected one of"):
        Features("psnr")


def test_large_weights_cost_no_precision():
    rng = np.random.default_rng(0)
    terms = rng.choice([-1024.0, 1024.0], (4, 1698)) * rng.uniform(0.9, 1, (4, 1698))
    terms = terms.astype(np.float32)
    exact = [math.fsum(map(float, row)) for row in terms]
    np.testing.assert_allclose(face._sum(jnp.asarray(terms)), exact, rtol=2e-7)
