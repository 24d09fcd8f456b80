"""Runs of metrics without training: scores, signs, references, refused databases."""

import dataclasses
from unittest import mock

import jax
import numpy as np
import pytest
import scipy.stats
import skimage.metrics
import tiny

from jiqa.configs import measure as config
from jiqa.configs import mt_irn
from jiqa.configs.runs import RUNS
from jiqa.data.pipeline import Streamed
from jiqa.data.sampling import View
from jiqa.databases.load import load_index, load_photographs
from jiqa.errors import InputError
from jiqa.experiment import run
from jiqa.experiment.config import parse
from jiqa.images import decode
from jiqa.metrics import metric as api
from jiqa.metrics import registry
from jiqa.results.predictions import read_predictions
from jiqa.tasks import metric as measure
from jiqa.tfds_builders.pocket import pocket_dataset_builder as pocket
from jiqa.train import mesh


def _run(workdir, text, database=None):
    """Runs a config on one device, on the database `tiny` or, with None, on a prepared one."""
    found = mock.patch.object(run, "load_index", return_value=database)
    with found if database else mock.patch.object(run, "say", print):
        return run.run(config.get_config(text), str(workdir), mesh=mesh.make(jax.devices()[:1]))


def _source(database):
    return Streamed(*database, View(None, 1, 1), "", 0)


def _pixels(database, row):
    return decode(database[1][row])


@pytest.mark.parametrize("higher_better", [True, False])
def test_a_run_has_the_measure_s_own_scores(tmp_path, higher_better):
    index, records = tiny.database()
    index = dataclasses.replace(
        index, higher_better=higher_better, score_range=(0.0, 70.0), score=index.score * 70
    )
    text = "metric=piqe,dataset=tiny,splits=2,test=0.25"
    folder = _run(tmp_path, text, (index, records))
    piqe = api.create_metric("piqe")
    for table in read_predictions(folder):
        rows = [int(name) for name in table.id]
        expected = [float(piqe(_pixels((index, records), row))) for row in rows]
        turned = np.multiply(expected, -1 if higher_better else 1)
        np.testing.assert_allclose(table.prediction, turned, rtol=1e-6)
        agreement = scipy.stats.spearmanr(table.prediction, table.score).statistic
        # piqe is lower and the score of `tiny` higher where there is less noise.
        assert (agreement > 0.5) == higher_better
        assert (agreement < -0.5) != higher_better


def test_an_image_is_scored_once_for_all_splits():
    source = _source(tiny.database(n=5))
    asked = []
    load = source.load
    source.load = lambda row: asked.append(row) or load(row)
    first = measure.scorer("piqe", source)(np.array([3, 1]))
    again = measure.scorer("piqe", source)(np.array([1, 4, 3]))
    assert sorted(asked) == [1, 3, 4]
    np.testing.assert_array_equal(again[[2, 0]], first)


def test_what_a_measure_gets_is_the_image_and_its_own_original(tmp_path, monkeypatch):
    monkeypatch.setenv("JIQA_DATA_DIR", str(tmp_path / "databases"))
    monkeypatch.setattr(pocket, "PHOTOGRAPHS", pocket.PHOTOGRAPHS[3:6])
    monkeypatch.setattr(pocket, "FAMILIES", {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}})
    folder = _run(tmp_path / "run", "metric=psnr,dataset=pocket,test=0.34")
    (table,) = read_predictions(folder)
    assert (table.run, table.protocol, len(table)) == ("psnr", "random-66-34-seed0", 45)
    index, records = load_index("pocket")
    ids, photographs = load_photographs("pocket")
    originals = {name: decode(photographs[i]) for i, name in enumerate(ids)}
    for name, found in zip(table.id[::11], table.prediction[::11], strict=True):
        image = decode(records[index.id.tolist().index(name)])
        expected = skimage.metrics.peak_signal_noise_ratio(originals[name[:-7]], image)
        assert found == pytest.approx(expected, rel=1e-5)


def test_no_originals_are_told_before_anything_is_computed(tmp_path):
    database = tiny.database()
    with (
        mock.patch.object(Streamed, "load", side_effect=AssertionError),
        pytest.raises(InputError, match=r"^psnr on tiny: found no references, expected one for"),
    ):
        _run(tmp_path, "metric=psnr,dataset=tiny", database)


@pytest.fixture
def small_pocket(tmp_path, monkeypatch):
    """The pocket database of three photographs and one type of distortion, with references."""
    monkeypatch.setenv("JIQA_DATA_DIR", str(tmp_path / "databases"))
    monkeypatch.setattr(pocket, "PHOTOGRAPHS", pocket.PHOTOGRAPHS[3:6])
    monkeypatch.setattr(pocket, "FAMILIES", {"pocket": {"jpeg": pocket.FAMILIES["pocket"]["jpeg"]}})
    load = {"tiny": lambda *_, **__: tiny.database()}
    monkeypatch.setattr(
        run, "load_index", lambda name, **at: load.get(name, load_index)(name, **at)
    )


def test_only_what_is_tested_on_needs_originals(tmp_path, small_pocket):
    folder = _run(tmp_path / "run", "metric=psnr,dataset=tiny,cross=pocket")
    (table,) = read_predictions(folder)
    assert (table.database, table.protocol, len(table)) == ("pocket", "cross-tiny", 135)
    with (
        mock.patch.object(Streamed, "load", side_effect=AssertionError),
        pytest.raises(InputError, match=r"^psnr on tiny: found no references, expected one for"),
    ):
        _run(tmp_path / "other", "metric=psnr,dataset=pocket,cross=tiny")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset=tiny", r"^psnr on tiny: found no references, expected one for each image$"),
        ("dataset=pocket,cross=tiny", r"^psnr on tiny: found no references"),
        ("dataset=pocket", r"^waterloo_exploration: not prepared"),
        ("dataset=nosuch", r"^database: found 'nosuch', expected one of"),
        ("dataset=pocket,cross=nosuch", r"^database: found 'nosuch', expected one of"),
    ],
)
def test_databases_are_looked_at_before_a_restorer_s_photographs(
    tmp_path, small_pocket, text, message
):
    fields = mt_irn.get_config(f"{text.replace('pocket', 'live')},variant=multi,metric=psnr")
    for each in (fields.data, *(test.data for test in fields.tests.values())):
        each.database = each.database.replace("live", "pocket")
    with pytest.raises(InputError, match=message):
        run.run(fields, str(tmp_path / "run"), root=str(tmp_path))
    assert not (tmp_path / "run").exists()


def test_an_image_that_is_too_small_is_named():
    source = _source(tiny.database(n=2))
    with pytest.raises(InputError, match=r"^niqe of tiny 001: .*40x40.* expected"):
        measure.scorer("niqe", source)(np.array([1]))


def test_images_that_a_measure_was_fitted_to_are_refused():
    index, records = tiny.database(n=4, size=64)
    index = dataclasses.replace(
        index, family="biq2021", official=np.array(["train", "test", "test", "train"])
    )
    scorer = measure.scorer("brisque", _source((index, records)))
    assert np.isfinite(measure.quality(scorer, index, np.array([1, 2]))).all()
    with pytest.raises(InputError, match=r"^brisque on tiny: found images .* it was fitted to"):
        measure.quality(scorer, index, np.array([1, 3]))
    elsewhere = dataclasses.replace(index, family="tiny")
    assert np.isfinite(measure.quality(scorer, elsewhere, np.array([0, 3]))).all()


def test_every_measure_has_a_run():
    for metric in registry.METRICS:
        file, _, text = RUNS[config.run(metric)].partition(":")
        assert file == "configs/measure.py"
        fields = config.get_config(text).to_dict()
        assert fields["run"] == config.run(metric)
        assert parse(fields).stages[0].fit.metric == metric


def test_a_measure_that_can_be_fitted_is_the_standard_one(monkeypatch):
    monkeypatch.setitem(registry.METRICS, "brisque", registry.METRICS["niqe"])
    assert config.run("brisque") == "brisque/standard"
    assert RUNS["brisque"].startswith("configs/handcrafted.py")


def test_an_unknown_measure_is_refused():
    with pytest.raises(InputError, match="metric: found 'nothing', expected one of"):
        config.get_config("metric=nothing")


def test_tests_on_other_databases_read_theirs():
    fields = config.get_config("metric=niqe,dataset=live,cross=csiq+livec,shared=True")
    assert [test["data"]["database"] for test in fields.tests.values()] == ["csiq", "livec"]
    assert fields.protocol.kind == "cross"
