"""Runs summed up and compared, against the definition of every figure."""

import csv
import dataclasses

import numpy as np
import pytest
from scipy import stats as scipy_stats

from jiqa import results, stats
from jiqa.errors import InputError
from jiqa.predictions import write_predictions
from jiqa.results import Figure


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
        _, measure = results.MEASURES[name]
        interval = stats.bootstrap(measure, first.prediction, first.score)
        assert figure == Figure(measure(first.prediction, first.score), *interval)
    assert set(results.MEASURES) == set(summary.splits["split0"])


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


def test_the_report_is_written_as_markdown_and_csv(tmp_path, three):
    write_predictions(tmp_path / "x" / "predictions.csv", three)
    text = results.report(tmp_path)
    (summary,) = results.summarise(three)
    assert text == (tmp_path / "results.md").read_text()
    assert text.startswith("iqa_nrtl/full on koniq10k (mos), random-90-10-seed0, 3 splits")
    median = next(line for line in text.splitlines() if line.startswith("| median"))
    assert f"| {summary.total['srocc'].value:.3f} [" in median
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["split"] for row in rows] == ["split0", "split1", "split2", "median"]
    assert float(rows[3]["krcc_low"]) == pytest.approx(summary.total["krcc"].low, rel=1e-5)
    assert rows[0]["images"] == "40"


def test_one_split_needs_no_median(tmp_path, predicted):
    write_predictions(tmp_path / "predictions.csv", [predicted()])
    assert "median" not in results.report(tmp_path)
    assert "1 split," in results.report(tmp_path)


def test_a_pseudo_score_is_named_in_every_rendering(tmp_path, predicted):
    write_predictions(tmp_path / "predictions.csv", [predicted(score_name="pseudo_mos")])
    assert "(pseudo_mos)" in results.report(tmp_path)
    assert ",pseudo_mos," in (tmp_path / "results.csv").read_text()


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
    assert results.compare(a[:1], b[:1], measure="plcc") == pytest.approx(one)


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
