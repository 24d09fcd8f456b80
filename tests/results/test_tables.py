"""Published tables with our figures, each under the right label."""

import csv
import dataclasses
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy import stats as scipy_stats

from jiqa.cli import main
from jiqa.errors import InputError
from jiqa.results import cells, tables
from jiqa.results.predictions import write_predictions
from jiqa.results.published import Column, Paper, Query, Row, Table


@pytest.fixture
def show(tmp_path):
    """Cells of a table shown from predictions on disk."""

    def lines(name, predictions):
        for i, table in enumerate(predictions):
            write_predictions(tmp_path / str(i) / "predictions.csv", [table])
        text = tables.show(name, tmp_path)
        return [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines()
            if line.startswith("|")
        ], text

    return lines


def srocc(*runs):
    return np.median([scipy_stats.spearmanr(t.prediction, t.score)[0] for t in runs])


@pytest.mark.parametrize("number", ["1", "2", "3", "4"])
def test_where_nothing_was_run_stands_a_dash(number):
    text = tables.show(f"iqa_nrtl/{number}")
    lines = [line.split("|") for line in text.splitlines() if "| ours" in line]
    assert len(lines) == (5 if number == "3" else 1)
    for line in lines:
        assert {cell.strip() for cell in line[3:-1]} == {"—"}
    assert "difference" not in text
    for note in tables.paper("iqa_nrtl").tables[number].notes:
        assert f"- {note}" in text


def test_ours_is_the_median_beside_the_published(predicted, show):
    runs = [predicted(split=f"split{i}", seed=i, noise=0.1 * (i + 1)) for i in range(3)]
    found, _ = show("iqa_nrtl/1", runs)
    columns = found[0]
    at = [line[0] for line in found].index("IQA-NRTL")
    published, ours, difference = found[at : at + 3]
    assert ours[1] == "ours, random-90-10-seed0, 3 splits"
    for criterion, function in (("PLCC", scipy_stats.pearsonr), ("SROCC", scipy_stats.spearmanr)):
        value = np.median([function(t.prediction, t.score)[0] for t in runs])
        column = columns.index(f"KonIQ-10K {criterion}")
        assert ours[column] == f"{value:.3f}"
        assert difference[column] == f"{value - float(published[column]):+.3f}"
    assert ours[-2:] == ["—", "—"]
    assert len(found) == 11


def test_a_part_of_a_database_has_a_line_of_its_own_and_no_difference(predicted, show):
    whole = predicted(database="biq2021", protocol="official", split="seed0")
    part = predicted(database="biq2021/sample", protocol="official", split="seed0", noise=0.5)
    found, text = show("iqa_nrtl/3", [whole, part])
    column = found[0].index("BIQ2021 SROCC")
    _, ours, difference, sample = found[-4:]
    assert ours[1] == "ours, official, 1 split"
    assert ours[column] == f"{srocc(whole):.3f}"
    assert difference[column] == f"{srocc(whole) - 0.891:+.3f}"
    assert sample[1] == "ours, official on biq2021/sample, 1 split"
    assert sample[column] == f"{srocc(part):.3f}"
    assert "- A part of a database, or another metric, is not what was published" in text


def test_each_protocol_has_its_own_line(predicted, show):
    runs = [
        predicted(database="biq2021", protocol="official", split="seed0"),
        predicted(database="biq2021", split="split0"),
        predicted(database="biq2021", split="split1"),
    ]
    found, _ = show("iqa_nrtl/1", runs)
    assert [line[1] for line in found[-5:]] == [
        "published",
        "ours, official, 1 split",
        "difference",
        "ours, random-90-10-seed0, 2 splits",
        "difference",
    ]


def test_runs_of_other_names_and_databases_fill_nothing(predicted, show):
    found, _ = show("iqa_nrtl/1", [predicted(run="ridge"), predicted(database="pocket")])
    assert found[-1][1:] == ["ours", "—", "—", "—", "—"]


def test_two_configs_for_one_cell_are_refused(predicted, show):
    with pytest.raises(InputError, match=r"full on koniq10k.* configs beef, c0de, expected one"):
        show("iqa_nrtl/1", [predicted(config_hash="beef"), predicted(config_hash="c0de")])


PAPER = Paper("citation", "protocol", "protocol=random,test=0.2,splits=2", "mean", {})


def ours(predictions, **query):
    """Cell of a query."""
    table = Table(
        "", (Column("x", {"run": "m", "criterion": "srocc", **query}),), (Row("r", "0.5"),)
    )
    (((cell,),)) = cells.fill(PAPER, table, predictions)
    return cell


def types(table, *names):
    """Predictions with these types of distortion in turn."""
    kinds = np.array([names[i % len(names)] for i in range(len(table))])
    return dataclasses.replace(table, distortion=kinds, level=np.arange(len(table)) % 3)


def test_a_cell_of_some_types_levels_or_one_image(predicted):
    run = types(predicted("m", "live"), "jpeg", "wn", "blur")
    for query, rows in (
        ({"distortion": "jpeg"}, run.distortion == "jpeg"),
        ({"distortion": ("jpeg", "wn")}, np.isin(run.distortion, ["jpeg", "wn"])),
        ({"level": 2}, run.level == 2),
    ):
        expected = scipy_stats.spearmanr(run.prediction[rows], run.score[rows])[0]
        (found,) = ours([run], database="live", **query).ours
        assert found.value == pytest.approx(expected)
    one = ours([run], database="live", image=str(run.id[5]), criterion="mean")
    assert one.ours[0].value == run.prediction[5]


def test_another_metric_is_shown_without_a_difference(predicted):
    runs = [predicted("m", "live"), predicted("n", "live", seed=4)]
    cell = ours(runs, database="live", also="n")
    assert [o.value for o in cell.ours] == [pytest.approx(srocc(run)) for run in runs]
    assert cell.ours[1].under == "n, random-90-10-seed0"
    assert cell.difference(cell.ours[0]) == pytest.approx(srocc(runs[0]) - 0.5)
    assert cell.difference(cell.ours[1]) is None


def test_databases_are_pooled_by_their_images_and_only_when_all_are_there(predicted):
    live, csiq = predicted("m", "live", n=60), predicted("m", "csiq", n=20, seed=3)
    query = {"database": ("live", "csiq"), "pool": "weighted"}
    assert ours([live], **query).ours == ()
    (found,) = ours([live, csiq], **query).ours
    assert found.value == pytest.approx((60 * srocc(live) + 20 * srocc(csiq)) / 80)
    (plain,) = ours([live, csiq], **{**query, "pool": "mean"}).ours
    assert plain.value == pytest.approx((srocc(live) + srocc(csiq)) / 2)


def test_types_are_pooled_to_a_weighted_mean_and_deviation(predicted):
    runs = [types(predicted("m", "live", n=40), "jpeg", "jpeg", "wn")]
    values, weights = [], []
    for kind in ("jpeg", "wn"):
        rows = runs[0].distortion == kind
        weights.append(rows.sum())
        values.append(scipy_stats.spearmanr(runs[0].prediction[rows], runs[0].score[rows])[0])
    mean = np.dot(weights, values) / 40
    query = {"database": "live", "by_type": True}
    assert ours(runs, **query, pool="weighted").ours[0].value == pytest.approx(mean)
    deviation = np.sqrt(np.dot(weights, (np.array(values) - mean) ** 2) / 40)
    found = ours(runs, **query, pool="weighted_std").ours[0].value
    assert found == pytest.approx(deviation)


def test_a_test_on_another_database_fills_its_own_cell_only(predicted):
    within = predicted("m", "csiq", seed=1)
    across = predicted("m", "csiq", "cross-live", "seed0", seed=2)
    shared = predicted("m", "tid2013", "cross-live (shared photographs)", "seed0", seed=3)
    runs = [within, across, shared]
    assert [o.value for o in ours(runs, database="csiq").ours] == [pytest.approx(srocc(within))]
    (found,) = ours(runs, database="csiq", train="live").ours
    assert (found.value, found.under) == (pytest.approx(srocc(across)), "cross-database")
    assert not found.shared
    assert ours(runs, database="tid2013", train="live").ours[0].shared
    assert ours(runs, database="csiq", train="livec").ours == ()


def test_cross_database_figures_stand_in_one_line_and_shared_ones_are_marked(predicted, show):
    runs = [
        predicted("mt_irn", "csiq", "cross-live", "seed0", seed=1),
        predicted("mt_irn", "tid2013", "cross-live (shared photographs)", "seed0", seed=2),
        predicted("mt_irn", "livec", "cross-csiq", "seed0", seed=3),
    ]
    found, text = show("mt_irn/6", runs)
    line = next(cells for cells in found if cells[1] == "ours, cross-database, 1 split")
    assert [cell for cell in line[2:] if cell != "—"] == [
        f"{srocc(runs[0]):.3f}",
        f"{srocc(runs[1]):.3f} †",
        f"{srocc(runs[2]):.3f}",
    ]
    assert "- † The training database and the tested one have photographs in common." in text


def test_what_was_selected_on_the_test_images_is_marked():
    text = tables.show("mt_irn/3")
    chosen = [row for row in tables.paper("mt_irn").tables["3"].rows if row.selected_on_test]
    assert chosen
    for row in chosen:
        assert f"{row.label} ‡" in text
        assert f"- ‡ {row.label}: selected on the test images: {row.selected_on_test}." in text
    assert text.count("‡") == 2 * len(chosen)


def test_csv_has_one_line_for_a_cell(predicted, tmp_path):
    run = predicted(noise=0.1)
    write_predictions(tmp_path / "predictions.csv", [run])
    rows = list(csv.DictReader(io.StringIO(tables.show("iqa_nrtl/3", tmp_path, "csv"))))
    assert len(rows) == 40
    (row,) = (r for r in rows if r["ours"] and r["criterion"] == "srocc")
    assert float(row["ours"]) == pytest.approx(srocc(run))
    assert float(row["difference"]) == pytest.approx(srocc(run) - 0.859)
    assert (row["table"], row["database"], row["published"]) == ("iqa_nrtl/3", "koniq10k", "0.859")
    assert (row["under"], row["splits"]) == ("random-90-10-seed0", "1")
    assert [r["splits"] for r in rows if not r["ours"]] == [""] * 38


class _Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cells = []

    def handle_data(self, data):
        self.cells.append(data)


@pytest.mark.parametrize("name", tables.names())
def test_every_table_is_the_same_in_every_form(name):
    markdown = tables.show(name)
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    parser = _Cells()
    parser.feed(tables.show(name, form="html"))
    for line in lines[:1] + lines[2:]:
        for cell in filter(None, (part.strip() for part in line.strip("|").split("|"))):
            assert cell in parser.cells
    table = tables.paper(name.partition("/")[0]).tables[name.partition("/")[2]]
    rows = list(csv.DictReader(io.StringIO(tables.show(name, form="csv"))))
    assert len(rows) == len(table.rows) * len(table.columns)


def test_html_is_escaped():
    sheet = tables.Sheet("a < b", ["", "x & y"], [["<b>", "1"]], ["1 > 0"])
    text = tables._html(sheet)
    assert "<caption>a &lt; b</caption>" in text
    assert "<td>&lt;b&gt;</td>" in text
    assert "<li>1 &gt; 0</li>" in text


def test_all_tables_are_listed(capsys):
    assert len(tables.names()) == 27
    assert main.main(["tables"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == tables.names()
    text = tables.show("iqa_nrtl")
    assert [line for line in text.splitlines() if line.startswith("iqa_nrtl/")] == [
        tables.show(name).splitlines()[0] for name in tables.names()[:4]
    ]


@pytest.mark.parametrize("name", ["iqa_nrtl/5", "nothing", "nothing/1"])
def test_a_table_that_is_not_there(name):
    with pytest.raises(InputError, match=r"not there, expected one of iqa_nrtl/1, .*iqa_nrtl/4"):
        tables.show(name)


def test_a_workdir_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        tables.show("iqa_nrtl/1", tmp_path / "absent")


def test_the_command_prints_a_table(predicted, tmp_path, capsys):
    write_predictions(tmp_path / "predictions.csv", [predicted()])
    for form in tables.FORMS:
        arguments = ["tables", "iqa_nrtl/3", f"--workdir={tmp_path}", f"--format={form}"]
        assert main.main(arguments) == 0
        assert capsys.readouterr().out == tables.show("iqa_nrtl/3", tmp_path, form)


def test_the_command_says_an_error_in_one_line(capsys):
    assert main.main(["tables", "iqa_nrtl/9"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("jiqa: error: table 'iqa_nrtl/9': not there")
    assert error.count("\n") == 1


def test_a_query_reads_what_another_run_made():
    assert Query(run="psnr", made_by="mt_irn/multi").predictions == "mt_irn/multi-psnr"
