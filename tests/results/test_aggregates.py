"""Aggregation over splits by the requested mean or median, in every table."""

import csv
import dataclasses
import json
from unittest import mock

import jax
import numpy as np
import pytest
import tiny
from scipy import stats as scipy_stats

from jiqa.cli import main
from jiqa.configs import measure
from jiqa.experiment import run as experiment
from jiqa.results import collect, compare, pages, stats, tables
from jiqa.results import summary as results
from jiqa.results.predictions import read_predictions, write_predictions
from jiqa.results.report import report
from jiqa.train import mesh

PARTS = ("results", "differences")
OVER = {"median": lambda values: sorted(values)[1], "mean": lambda values: sum(values) / 3}


@pytest.fixture
def runs(predicted):
    """Two runs on three splits: `steady` has the higher mean, `split` the higher median."""
    splits = [predicted("steady", split=f"split{i}", seed=i, noise=0) for i in range(3)]
    rng = np.random.default_rng(1)

    def made(run, noises):
        return [
            dataclasses.replace(
                table, run=run, prediction=table.score + noise * rng.normal(size=len(table))
            )
            for table, noise in zip(splits, noises, strict=True)
        ]

    return [made("steady", (0.2, 0.2, 0.2)), made("split", (0.05, 0.05, 5.0))]


def sroccs(run):
    return [scipy_stats.spearmanr(table.prediction, table.score)[0] for table in run]


def cells(text, start):
    line = next(line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_two_runs_change_places(runs):
    medians, means = ([over(sroccs(run)) for run in runs] for over in OVER.values())
    assert medians[0] < medians[1] - 0.05
    assert means[0] > means[1] + 0.05


@pytest.mark.parametrize("aggregate", OVER)
def test_a_summary_and_its_interval(runs, aggregate):
    (summary,) = results.summarise(runs[1], aggregate)
    assert summary.total["srocc"].value == pytest.approx(OVER[aggregate](sroccs(runs[1])))
    drawn = [stats.resample(stats.srocc, t.prediction, t.score) for t in runs[1]]
    each = [OVER[aggregate](values) for values in np.transpose(drawn).tolist()]
    assert summary.total["srocc"][1:] == pytest.approx(tuple(np.quantile(each, [0.025, 0.975])))


@pytest.mark.parametrize("aggregate", OVER)
def test_a_difference_and_its_interval(runs, aggregate):
    found = results.compare(*runs, aggregate=aggregate)
    first, second = (OVER[aggregate](sroccs(run)) for run in runs)
    assert found.value == pytest.approx(first - second)
    drawn = [
        [
            OVER[aggregate](values)
            for values in np.transpose(
                [stats.resample(stats.srocc, t.prediction, t.score) for t in run]
            ).tolist()
        ]
        for run in runs
    ]
    expected = np.quantile(np.subtract(drawn[0], drawn[1]), [0.025, 0.975])
    assert found[1:] == pytest.approx(tuple(expected))


def test_the_median_is_the_default(runs):
    assert results.summarise(runs[1]) == results.summarise(runs[1], "median")
    assert results.compare(*runs) == results.compare(*runs, aggregate="median")


@pytest.mark.parametrize("aggregate", [None, *OVER])
def test_the_report_of_a_run(runs, aggregate, tmp_path):
    kinds = np.array(["jpeg", "wn"] * 20)
    run = [dataclasses.replace(table, distortion=kinds) for table in runs[1]]
    write_predictions(tmp_path / "predictions.csv", run)
    text = report(tmp_path, aggregate) if aggregate else report(tmp_path)
    aggregate = aggregate or "median"
    expected = OVER[aggregate](sroccs(run))
    assert cells(text, f"| {aggregate} ")[2].startswith(f"{expected:.3f} [")
    for kind in ("jpeg", "wn"):
        each = sroccs([table.take(table.distortion == kind) for table in run])
        assert cells(text, f"| {kind} ")[2] == f"{OVER[aggregate](each):.3f}"
    with (tmp_path / "results.csv").open() as file:
        (row,) = (row for row in csv.DictReader(file) if row["split"] == aggregate)
    assert float(row["srocc"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("aggregate", [None, *OVER])
def test_runs_side_by_side(runs, aggregate, tmp_path, capsys):
    write_predictions(tmp_path / "predictions.csv", [table for run in runs for table in run])
    asked = [f"--aggregate={aggregate}"] if aggregate else []
    assert main.main(["compare", f"--workdir={tmp_path}", *asked]) == 0
    text = capsys.readouterr().out
    aggregate = aggregate or "median"
    assert f"{aggregate} SROCC" in text
    found = {run[0].run: OVER[aggregate](sroccs(run)) for run in runs}
    best, other = sorted(found, key=lambda name: -found[name])
    lines = [line for line in text.splitlines() if line.startswith(f"| {best} ")]
    assert cells(lines[0], "|")[1] == f"{found[best]:.3f}"
    assert cells(lines[1], "|")[1] == other
    assert cells(lines[1], "|")[2].startswith(f"{found[best] - found[other]:.3f} [")
    assert text.index(f"| {best} ") < text.index(f"| {other} ")
    if aggregate == "median":
        assert compare.report(tmp_path) == text


@pytest.mark.parametrize("aggregate", OVER)
def test_the_readmes_results(runs, aggregate, tmp_path):
    for run in runs:
        folder = tmp_path / run[0].run
        for table in run:
            write_predictions(folder / table.split / "predictions.csv", [table])
            (folder / table.split / "split.json").write_text('{"seed": 0, "seconds": 1}')
        facts = {"command": run[0].run, "config": {"protocol": {"aggregate": aggregate}}}
        (folder / "run.json").write_text(json.dumps({**facts, "machine": "cpu"}))
    page = tmp_path / "README.md"
    marks = [f"<!-- {part}:{end} -->\n" for part in PARTS for end in ("begin", "end")]
    page.write_text("\n".join(marks))
    pages.publish(collect.runs(tmp_path), tmp_path / "runs.jsonl", page)
    text = page.read_text()
    split, steady = (OVER[aggregate](sroccs(run)) for run in reversed(runs))
    row = dict(zip(cells(text, "| no."), cells(text, "| 1 "), strict=True))
    assert (row["run"], row["splits"]) == ("split", f"{aggregate} of 3")
    assert row["SROCC"].startswith(f"{split:.3f} [")
    assert cells(text, "| 2 steady |")[1].startswith(f"{steady - split:.3f} [")


@pytest.mark.parametrize("aggregate", [None, *OVER])
def test_a_run_says_what_its_protocol_asks_for(aggregate, tmp_path):
    config = measure.get_config("metric=piqe,dataset=tiny,splits=3,test=0.25")
    if aggregate:
        config.protocol.aggregate = aggregate
    with mock.patch.object(experiment, "load_index", return_value=tiny.database()):
        folder = experiment.run(config, str(tmp_path), mesh=mesh.make(jax.devices()[:1]))
    aggregate = aggregate or "median"
    expected = OVER[aggregate](sroccs(read_predictions(folder)))
    text = (folder / "results.md").read_text()
    assert cells(text, f"| {aggregate} ")[2].startswith(f"{expected:.3f} [")


@pytest.mark.parametrize("paper", tables.PAPERS)
def test_a_table_names_its_aggregate(paper):
    first = next(iter(tables.paper(paper).tables))
    expected = {"convnext": "mean", "ttl_iqa": "mean"}.get(paper, "median")
    assert f"Ours: {expected} over the splits." in tables.show(f"{paper}/{first}")
