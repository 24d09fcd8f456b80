"""Comparison of runs, against SciPy and the definitions."""

import dataclasses

import numpy as np
import pytest
from scipy import stats as scipy_stats

from jiqa.cli import main
from jiqa.errors import InputError
from jiqa.results import compare, summary
from jiqa.results.predictions import write_predictions


@pytest.fixture
def runs(predicted):
    """Three runs on the same four splits, `a` the best."""
    first = [predicted("a", split=f"split{i}", seed=i, noise=0.05) for i in range(4)]
    rng = np.random.default_rng(1)

    def worse(run, noise):
        return [
            dataclasses.replace(
                t, run=run, prediction=t.prediction + noise * rng.normal(size=len(t))
            )
            for t in first
        ]

    return [first, worse("b", 0.1), worse("c", 0.4)]


def spearman(tables):
    return np.array([scipy_stats.spearmanr(t.prediction, t.score)[0] for t in tables])


def test_a_pair_has_the_corrected_t_test_and_the_bootstrap(runs):
    found = compare.pairs(runs, "srocc", "median")
    assert [(pair.first, pair.second) for pair in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = []
    for pair, (i, j) in zip(found, [(0, 1), (0, 2), (1, 2)], strict=True):
        assert pair.difference == summary.compare(runs[i], runs[j])
        apart = spearman(runs[i]) - spearman(runs[j])
        plain = scipy_stats.ttest_rel(spearman(runs[i]), spearman(runs[j])).statistic
        t = plain * np.sqrt(0.25 / (0.25 + 1 / 9))
        assert t == pytest.approx(
            apart.mean() / np.sqrt((0.25 + 1 / 9) * apart.var(ddof=1)), rel=1e-9
        )
        raw.append(2 * scipy_stats.t.sf(abs(t), 3))
    order = np.argsort(raw)
    expected = np.maximum.accumulate([raw[k] * (3 - n) for n, k in enumerate(order)])
    np.testing.assert_allclose([found[k].p for k in order], np.minimum(expected, 1), rtol=1e-9)


def test_without_random_splits_there_is_no_p(predicted):
    runs = [
        [predicted(name, protocol="official", split="seed0", noise=noise)]
        for name, noise in (("a", 0.1), ("b", 0.3))
    ]
    (pair,) = compare.pairs(runs, "plcc", "median")
    assert np.isnan(pair.p)
    assert pair.difference == summary.compare(*runs, criterion="plcc")


def test_the_report_puts_the_best_first_and_other_tests_apart(runs, predicted, tmp_path, capsys):
    for i, tables in enumerate(
        [*reversed(runs), [predicted("d", "live")], [predicted("a", "live")]]
    ):
        write_predictions(tmp_path / str(i) / "predictions.csv", tables)
    assert main.main(["compare", f"--workdir={tmp_path}"]) == 0
    text = capsys.readouterr().out
    koniq, live = (
        text.index("koniq10k (mos), random-90-10-seed0, 4 splits"),
        text.index("live (mos)"),
    )
    first = text[koniq:live] if koniq < live else text[koniq:]
    assert [line.split("|")[1].strip() for line in first.splitlines()[4:7]] == ["a", "b", "c"]
    assert f"{np.median(spearman(runs[0])):.3f}" in first
    assert "—" in (text[live:] if koniq < live else text[live:koniq])


def test_configs_of_one_name_are_told_apart(predicted, tmp_path):
    for name, noise in (("beef", 0.1), ("c0de", 0.2)):
        table = predicted(config_hash=name, noise=noise)
        write_predictions(tmp_path / name / "predictions.csv", [table])
    assert "iqa_nrtl/full (beef)" in compare.report(tmp_path)


def test_what_cannot_be_compared_is_said(predicted, tmp_path):
    write_predictions(tmp_path / "predictions.csv", [predicted()])
    with pytest.raises(InputError, match="no two runs tested on the same images"):
        compare.report(tmp_path)
    with pytest.raises(InputError, match="criterion: found 'auc', expected one of srocc"):
        compare.report(tmp_path, "auc")
    with pytest.raises(InputError, match="aggregate: found 'max', expected one of median"):
        compare.report(tmp_path, aggregate="max")


@pytest.mark.parametrize("flag", ["--criterion", "--measure"])
def test_the_command_takes_a_criterion_under_both_names(runs, tmp_path, capsys, flag):
    for tables in runs[:2]:
        write_predictions(tmp_path / tables[0].run / "predictions.csv", tables)
    assert main.main(["compare", f"--workdir={tmp_path}", flag, "krcc"]) == 0
    values = [
        [scipy_stats.kendalltau(t.prediction, t.score)[0] for t in tables] for tables in runs[:2]
    ]
    told = capsys.readouterr().out
    assert "| run | median KROCC |" in told
    assert all(f"{np.median(each):.3f}" in told for each in values)
