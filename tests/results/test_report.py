"""Report of a run, as markdown and CSV."""

import csv
import dataclasses

import numpy as np
import pytest
from scipy import stats as scipy_stats

from jiqa.results import summary as results
from jiqa.results.predictions import read_predictions, write_predictions
from jiqa.results.report import report


@pytest.fixture
def three(predicted):
    """One run on three splits."""
    return [predicted(split=f"split{i}", seed=i, noise=0.1 * (i + 1)) for i in range(3)]


def test_the_report_is_written_as_markdown_and_csv(tmp_path, three):
    write_predictions(tmp_path / "x" / "predictions.csv", three)
    text = report(tmp_path)
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
    assert "median" not in report(tmp_path)
    assert "1 split," in report(tmp_path)


def test_a_pseudo_score_is_named_in_every_rendering(tmp_path, predicted):
    write_predictions(tmp_path / "predictions.csv", [predicted(score_name="pseudo_mos")])
    assert "(pseudo_mos)" in report(tmp_path)
    assert ",pseudo_mos," in (tmp_path / "results.csv").read_text()


def test_every_distortion_has_a_line_and_they_are_pooled(tmp_path, three):
    kinds = np.array(["jpeg"] * 30 + ["wn"] * 10)
    runs = [dataclasses.replace(table, distortion=kinds) for table in three]
    write_predictions(tmp_path / "predictions.csv", runs)
    lines = report(tmp_path).splitlines()
    cells = {line.split("|")[1].strip(): line.split("|")[2:4] for line in lines if "|" in line}
    figures = {}
    for kind in ("jpeg", "wn"):
        rows = kinds == kind
        values = [scipy_stats.spearmanr(t.prediction[rows], t.score[rows])[0] for t in runs]
        figures[kind] = np.median(values)
        assert [cell.strip() for cell in cells[kind]] == [
            str(3 * rows.sum()),
            f"{figures[kind]:.3f}",
        ]
    weighted = 0.75 * figures["jpeg"] + 0.25 * figures["wn"]
    assert cells["mean, weighted by images"][1].strip() == f"{weighted:.3f}"


def test_one_distortion_needs_no_line(tmp_path, predicted):
    write_predictions(tmp_path / "predictions.csv", [predicted()])
    assert "distortion" not in report(tmp_path)


def test_a_test_on_another_database_says_how_scales_are_aligned(tmp_path, predicted):
    write_predictions(tmp_path / "predictions.csv", [predicted(protocol="cross-live")])
    text = report(tmp_path)
    assert "PLCC (rank)" in text
    assert "Trained on another database: predictions are mapped from the scale" in text


def test_figures_without_twins_stand_below_the_table(tmp_path, predicted):
    twin = np.arange(40) % 4 == 0
    table = dataclasses.replace(predicted(), twin=twin)
    write_predictions(tmp_path / "predictions.csv", [table])
    (found,) = read_predictions(tmp_path)
    np.testing.assert_array_equal(found.twin, twin)
    score, prediction = table.score[~twin], table.prediction[~twin]
    spearman, kendall = (
        f"{of(prediction, score).statistic:.3f}"
        for of in (scipy_stats.spearmanr, scipy_stats.kendalltau)
    )
    pearson = f"{np.corrcoef(prediction, score)[0, 1]:.3f}"
    error = f"{np.sqrt(np.mean((prediction - score) ** 2)):.3f}"
    assert (
        "Without the 10 of 40 test images of split0 that have a twin in the training: "
        f"SROCC {spearman}, PLCC {pearson}, KROCC {kendall}, RMSE {error}.\n"
    ) in report(tmp_path)


def test_without_twins_nothing_is_said_of_them(tmp_path, predicted):
    write_predictions(tmp_path / "predictions.csv", [predicted()])
    assert "twin" not in report(tmp_path)
    assert "twin" not in (tmp_path / "predictions.csv").read_text()
