"""Published tables, transcribed exactly, with ours beside them and nothing in disguise."""

import csv
import io
from itertools import chain

import numpy as np
import pytest
from scipy import stats as scipy_stats

from jiqa import cli, tables
from jiqa.configs.tables import iqa_nrtl
from jiqa.errors import InputError
from jiqa.predictions import write_predictions


@pytest.fixture
def show(tmp_path):
    """Writes predictions to disk and shows a table of them, as the lists of its cells."""

    def cells(name, predictions):
        for i, table in enumerate(predictions):
            write_predictions(tmp_path / str(i) / "predictions.csv", [table])
        text = tables.show(name, tmp_path)
        return [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines()
            if line.startswith("|")
        ], text

    return cells


@pytest.mark.parametrize("number", ["1", "2", "3", "4"])
def test_published_figures_are_those_of_the_page(shared, number):
    (paper,) = (shared / "papers").glob("000_*.txt")
    lines = paper.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"**Table {number}**"))
    printed = []
    for line in lines[start + 2 :]:
        if not line:
            break
        printed.append([field for field in line.split("\t") if field])
    table = iqa_nrtl.TABLES[number]
    headings, measures = printed[0][1:], printed[1]
    assert [measure for _, _, measure in table["columns"]] == measures
    columns = list(dict.fromkeys(heading for heading, _, _ in table["columns"]))
    assert columns == [heading.removesuffix(" results") for heading in headings] or number == "4"
    group = ""
    assert len(printed[2:]) == len(table["rows"])
    for fields, (own_group, method, _, figures) in zip(printed[2:], table["rows"], strict=True):
        if fields[0].startswith("Based on"):
            group, *fields = fields
        assert fields == [method, *figures]
        assert own_group == ("" if method == "IQA-NRTL" or number == "3" else group)


def test_published_figures_at_a_glance():
    rows = {row[1]: row[3] for row in iqa_nrtl.TABLES["3"]["rows"]}
    assert " ".join(rows["IQA-NRTL"]) == "0.887 0.859 0.928 0.891 0.949 0.955 0.912 0.928"
    runs = [row[2] for row in iqa_nrtl.TABLES["3"]["rows"]]
    variants = ("resnet50", "semantic", "vision", "adapt", "full")
    assert runs == [f"iqa_nrtl/{variant}" for variant in variants]
    assert len(list(chain(*(table["rows"] for table in iqa_nrtl.TABLES.values())))) == 26


@pytest.mark.parametrize("number", ["1", "2", "3", "4"])
def test_where_nothing_was_run_stands_a_dash(number):
    text = tables.show(f"iqa_nrtl/{number}")
    lines = [line.split("|") for line in text.splitlines() if "| ours" in line]
    assert len(lines) == (5 if number == "3" else 1)
    for line in lines:
        assert {cell.strip() for cell in line[3:-1]} == {"—"}
    assert "difference" not in text
    for note in iqa_nrtl.TABLES[number]["notes"]:
        assert f"- {note}" in text


def test_ours_is_the_median_beside_the_published(predicted, show):
    runs = [predicted(split=f"split{i}", seed=i, noise=0.1 * (i + 1)) for i in range(3)]
    cells, _ = show("iqa_nrtl/1", runs)
    columns = cells[0]
    at = [line[0] for line in cells].index("IQA-NRTL")
    published, ours, difference = cells[at : at + 3]
    assert ours[1] == "ours, random-90-10-seed0, 3 splits"
    for measure, function in (("PLCC", scipy_stats.pearsonr), ("SROCC", scipy_stats.spearmanr)):
        value = np.median([function(t.prediction, t.score)[0] for t in runs])
        column = columns.index(f"KonIQ-10K {measure}")
        assert ours[column] == f"{value:.3f}"
        assert difference[column] == f"{value - float(published[column]):+.3f}"
    assert ours[-2:] == ["—", "—"]
    assert len(cells) == 11


def test_a_part_of_a_database_is_a_column_of_its_own(predicted, show):
    whole = predicted(database="biq2021", protocol="official", split="seed0")
    part = predicted(database="biq2021/sample", protocol="official", split="seed0", noise=0.5)
    cells, text = show("iqa_nrtl/3", [whole, part])
    columns = cells[0]
    published, ours, difference = cells[-3:]
    sample = columns.index("biq2021/sample SROCC")
    assert (published[sample], difference[sample]) == ("—", "—")
    assert ours[sample] == f"{scipy_stats.spearmanr(part.prediction, part.score)[0]:.3f}"
    full = columns.index("BIQ2021 SROCC")
    assert ours[full] == f"{scipy_stats.spearmanr(whole.prediction, whole.score)[0]:.3f}"
    assert "- biq2021/sample is not biq2021 as published: no difference is taken." in text


def test_a_part_alone_leaves_the_whole_a_dash(predicted, show):
    cells, _ = show("iqa_nrtl/1", [predicted(database="biq2021/sample")])
    ours = cells[-2]
    assert ours[2:6] == ["—"] * 4
    assert "—" not in ours[6:]
    assert len(ours) == 8


def test_each_protocol_has_its_own_line(predicted, show):
    runs = [
        predicted(database="biq2021", protocol="official", split="seed0"),
        predicted(database="biq2021", split="split0"),
        predicted(database="biq2021", split="split1"),
    ]
    cells, _ = show("iqa_nrtl/1", runs)
    assert [line[1] for line in cells[-5:]] == [
        "published",
        "ours, official, 1 split",
        "difference",
        "ours, random-90-10-seed0, 2 splits",
        "difference",
    ]


def test_runs_of_other_names_and_databases_fill_nothing(predicted, show):
    cells, _ = show("iqa_nrtl/1", [predicted(run="ridge"), predicted(database="pocket")])
    assert cells[-1][1:] == ["ours", "—", "—", "—", "—"]


def test_two_configs_for_one_cell_are_refused(predicted, show):
    with pytest.raises(InputError, match=r"full on koniq10k.* configs beef, c0de, expected one"):
        show("iqa_nrtl/1", [predicted(config_hash="beef"), predicted(config_hash="c0de")])


def test_csv_has_one_line_for_a_cell(predicted, tmp_path):
    run = predicted(noise=0.1)
    write_predictions(tmp_path / "predictions.csv", [run])
    rows = list(csv.DictReader(io.StringIO(tables.show("iqa_nrtl/3", tmp_path, "csv"))))
    assert len(rows) == 40
    (row,) = (r for r in rows if r["ours"] and r["measure"] == "SROCC")
    value = scipy_stats.spearmanr(run.prediction, run.score)[0]
    assert float(row["ours"]) == pytest.approx(value)
    assert float(row["difference"]) == pytest.approx(value - 0.859)
    assert (row["table"], row["database"], row["published"]) == ("iqa_nrtl/3", "koniq10k", "0.859")
    assert (row["protocol"], row["splits"]) == ("random-90-10-seed0", "1")
    assert [r["splits"] for r in rows if not r["ours"]] == [""] * 38


def test_all_tables_of_a_paper():
    assert tables.names() == [f"iqa_nrtl/{number}" for number in "1234"]
    text = tables.show("iqa_nrtl")
    assert [line for line in text.splitlines() if line.startswith("iqa_nrtl/")] == [
        tables.show(name).splitlines()[0] for name in tables.names()
    ]
    rows = list(csv.DictReader(io.StringIO(tables.show("iqa_nrtl", form="csv"))))
    assert len(rows) == 7 * 4 * 3 + 5 * 8


@pytest.mark.parametrize("name", ["iqa_nrtl/5", "nothing", "", "nothing/1"])
def test_a_table_that_is_not_there(name):
    with pytest.raises(InputError, match=r"not there, expected one of iqa_nrtl/1, .*iqa_nrtl/4"):
        tables.show(name)


def test_a_workdir_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        tables.show("iqa_nrtl/1", tmp_path / "absent")


def test_the_command_prints_a_table(predicted, tmp_path, capsys):
    write_predictions(tmp_path / "predictions.csv", [predicted()])
    for form in ("markdown", "csv"):
        arguments = ["tables", "iqa_nrtl/3", f"--workdir={tmp_path}", f"--format={form}"]
        assert cli.main(arguments) == 0
        assert capsys.readouterr().out == tables.show("iqa_nrtl/3", tmp_path, form)
    assert cli.main(["tables", "iqa_nrtl"]) == 0
    assert capsys.readouterr().out == tables.show("iqa_nrtl")


def test_the_command_says_an_error_in_one_line(capsys):
    assert cli.main(["tables", "iqa_nrtl/9"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("jiqa: error: table 'iqa_nrtl/9': not there")
    assert error.count("\n") == 1
