"""Summaries and comparisons of runs, against the definition of every figure."""

import dataclasses

import numpy as np
import pytest
from scipy import stats as scipy_stats

from jiqa.errors import InputError
from jiqa.results import stats
from jiqa.results import summary as results
from jiqa.results.summary import Figure


@pytest.fixture
def three(predicted):
    """One run on three splits."""
    return [predicted(split=f"split{i}", seed=i, noise=0.1 * (i + 1)) for i in range(3)]


def test_figures_of_every_split_and_their_median(three):
    (summary,) = results.summarise(reversed(three))
    values = [scipy_stats.spearmanr(t.prediction, t.score).statistic for t in three]
    assert list(summary.splits) == ["split0", "split1", "split2"]
    assert [split["srocc"].value for split in summary.splits.values()] == pytest.approx(values)
    assert summary.total["srocc"].value == pytest.approx(sorted(values)[1])
    assert summary.images == {"split0": 40, "split1": 40, "split2": 40}
    first = three[0]
    for name, figure in summary.splits["split0"].items():
        _, criterion = results.CRITERIA[name]
        interval = stats.bootstrap(criterion, first.prediction, first.score)
        assert figure == Figure(criterion(first.prediction, first.score), *interval)
    assert set(results.CRITERIA) - {"plcc_rank"} == set(summary.splits["split0"])


def test_only_another_database_needs_an_alignment_by_rank(predicted):
    (summary,) = results.summarise([predicted(protocol="cross-live", split="seed0")])
    assert set(results.CRITERIA) == set(summary.total)


def test_pools():
    values, weights = [0.9, 0.5], [30, 10]
    assert results.pool(values, weights, "mean") == pytest.approx(0.7)
    assert results.pool(values, weights, "weighted") == pytest.approx(0.8)
    # Squares 0.01 and 0.09 about 0.8, three to one.
    assert results.pool(values, weights, "weighted_std") == pytest.approx(np.sqrt(0.03))
    with pytest.raises(InputError, match="found 'median', expected one of mean"):
        results.pool(values, weights, "median")


def test_the_mean_is_another_aggregate(three):
    (summary,) = results.summarise(three, "mean")
    values = [stats.plcc(t.prediction, t.score) for t in three]
    assert summary.total["plcc"].value == pytest.approx(np.mean(values))
    assert summary.aggregate == "mean"


def test_the_interval_of_the_median_is_of_resampled_medians(three):
    (summary,) = results.summarise(three)
    drawn = [stats.resample(stats.srocc, t.prediction, t.score) for t in three]
    low, high = np.quantile(np.median(drawn, axis=0), [0.025, 0.975])
    assert summary.total["srocc"][1:] == pytest.approx((low, high))


def test_runs_databases_protocols_and_configs_are_kept_apart(predicted):
    tables = [
        predicted(),
        predicted(run="iqa_nrtl/adapt"),
        predicted(database="live"),
        predicted(protocol="official"),
        predicted(config_hash="beef"),
    ]
    assert len(results.summarise(tables)) == 5


def test_markdown_lines_up():
    table = results.markdown(["a", "bbb"], [["cccc", "d"], ["e", "f"]])
    assert table == "| a    | bbb |\n| ---- | --- |\n| cccc | d   |\n| e    | f   |\n"


def test_a_comparison_is_paired_by_image_and_split(predicted):
    a = [predicted("a", split=f"split{i}", seed=i, noise=0.1) for i in range(3)]
    b = [
        dataclasses.replace(t, run="b", prediction=t.prediction + np.sin(np.arange(40) * 7) / 5)
        for t in a
    ]
    found = results.compare(a, b)
    medians = [np.median([stats.srocc(t.prediction, t.score) for t in run]) for run in (a, b)]
    drawn = [
        np.median([stats.resample(stats.srocc, t.prediction, t.score) for t in run], axis=0)
        for run in (a, b)
    ]
    assert found.value == pytest.approx(medians[0] - medians[1])
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    assert found[1:] == pytest.approx((low, high))
    assert results.compare(b, a).value == -found.value
    one = stats.paired_bootstrap(stats.plcc, a[0].prediction, b[0].prediction, a[0].score)
    assert results.compare(a[:1], b[:1], criterion="plcc") == pytest.approx(one)


@pytest.mark.parametrize(
    "other",
    [
        {"split": "split1"},
        {"n": 39},
        {"database": "live"},
        {"protocol": "official"},
        {"seed": 1},
    ],
)
def test_other_images_or_scores_cannot_be_compared(predicted, other):
    a, b = [predicted("a")], [predicted("b", **other)]
    with pytest.raises(InputError, match=r"compare a .*split0: 40 images.* with b .*different"):
        results.compare(a, b)
