"""Transcribed tables of the papers, against the pages and against computed figures."""

import dataclasses
import importlib
import itertools
import re

import numpy as np
import pytest
from scipy.io import loadmat

from jiqa.databases import tid
from jiqa.results.published import Column, Query, Row, Table, each, measured
from jiqa.results.summary import AGGREGATES, CRITERIA
from jiqa.tfds_builders.csiq import csiq_dataset_builder as csiq
from jiqa.tfds_builders.live import live_dataset_builder as live
from jiqa.tfds_builders.live_md import live_md_dataset_builder as live_md

FILES = {
    "iqa_nrtl": "000",
    "convnext": "001",
    "ttl_iqa": "002",
    "survey": "003",
    "mt_irn": "004",
}
NUMBERS = {
    "iqa_nrtl": "1 2 3 4",
    "convnext": "1",
    "ttl_iqa": "III IV V VI VII VIII IX X XI XII XIII XIV XV",
    "survey": "I II",
    "mt_irn": "2 3 4 5 6 7 8",
}
TABLES = [(paper, number) for paper, numbers in NUMBERS.items() for number in numbers.split()]
DATABASES = {
    *("live", "live_md", "livec", "tid2008", "tid2013", "csiq", "kadid10k", "koniq10k"),
    *("biq2021", "agiqa1k", "waterloo_exploration"),
}
FACTS = ["references", "distorted", "types", "score", "range", "level_range", "level_count"]
STARTS = {
    "iqa_nrtl": "Table {} Comp",
    "convnext": "Table {}:",
    "ttl_iqa": "TABLE {}$",
    "survey": r"TABLE{}\.",
    "mt_irn": r"Table {}\.",
}
HEADINGS = ("III", "V", "XI", "XIII", "XV", "3", "4", "8")  # tables with two rows of headings


def of(paper):
    return importlib.import_module(f"jiqa.configs.tables.{paper}").PAPER


def lines_of(shared, paper):
    (file,) = (shared / "papers").glob(f"{FILES[paper]}_*.txt")
    text = re.sub(r"</?[bi]>|\*", "", file.read_text(encoding="utf-8"))
    text = re.sub(r"\[([\d.]+) ([\d.]+)\]", r"[\1,\2]", text)
    return re.sub(r"(?<!Algorithm) results(?=\t|\n)", "", text).splitlines()


def caption(lines, paper, number):
    """Position of a table's caption, not of a mention in the text."""
    start = re.compile(STARTS[paper].format(number))
    (found,) = [i for i, line in enumerate(lines) if start.match(line)]
    return found


def printed(lines, paper, number):
    """The first block of tabbed lines after the caption, as lists of fields."""
    rest = itertools.dropwhile(
        lambda line: "\t" not in line, lines[caption(lines, paper, number) :]
    )
    block = itertools.takewhile(lambda line: "\t" in line, rest)
    return [[field.strip() for field in line.split("\t")] for line in block]


def headings_of(rows, labels):
    """Headings of the columns, each after the heading that spans several columns."""
    rows = [row[labels:] for row in rows]
    for row in rows[:-1]:
        for i, field in enumerate(row):
            row[i] = field or row[i - 1]
    return [" ".join(filter(None, fields)) for fields in zip(*rows, strict=True)]


def cells_of(rows, labels):
    """Group ('' for none), label and figures of each row."""
    named = [([field for field in row[:labels] if field], row[labels:]) for row in rows]
    return [(", ".join(names[:-1]), names[-1], figures) for names, figures in named]


def survey(lines, number):
    """Table of the survey, whose pages have blanks for tabs and blank lines between rows."""
    start = caption(lines, "survey", number)
    stop = next(i for i in range(start + 1, len(lines)) if lines[i].startswith(("Note:", "Table")))
    pattern = re.compile(r"(.*?) ((?:(?:[\d.]+|-) ?)+)$")
    found = [line.strip() for line in lines[start + 1 : stop] if line.strip()]
    cells, group = [], ""
    for line in found[1:] if number == "I" else found:
        match = pattern.match(line)
        if match:
            cells.append((group, match[1], match[2].split()))
        else:
            group, *_ = line.split()
    return cells


def stacked(rows):
    """MT-IRN's table 6: two blocks, one below the other, of the same methods."""
    upper, lower = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    headings = [
        f"{training} → {testing}"
        for training_row, testing_row, *_ in (upper, lower)
        for training, testing in zip(
            np.repeat(list(filter(None, training_row[1:])), 3), testing_row[1:], strict=True
        )
    ]
    cells = []
    for above, below in zip(upper[2:], lower[2:], strict=True):
        assert above[0] == below[0]
        cells.append(("", above[0], above[1:] + below[1:]))
    return headings, cells


def ticked(rows):
    """MT-IRN's table 7, whose columns are named by rows of ticks."""
    parts = [row for row in rows if set(row[1:]) <= {"✓", ""}]
    headings = [" + ".join(name for name, *ticks in parts if ticks[column]) for column in range(5)]
    return headings, cells_of([row for row in rows if row not in parts], 1)


def read(shared, paper, number):
    """Headings of a page's table, and (group, label, figures) of every row."""
    lines = lines_of(shared, paper)
    columns = len(of(paper).tables[number].columns)
    if paper == "mt_irn" and number in ("6", "7"):
        return (stacked if number == "6" else ticked)(printed(lines, paper, number))
    if paper == "survey":
        heads = lines[caption(lines, paper, number) + 2].split()
        if number == "I":
            databases = ("LIVE", "LIVE", "TID2008", "TID2008")  # as the text says
            heads = ["", *(" ".join(pair) for pair in zip(databases, heads, strict=True))]
        return heads[1:], survey(lines, number)
    rows = printed(lines, paper, number)
    labels = len(rows[0]) - columns
    heads = 2 if paper == "iqa_nrtl" or number in HEADINGS else 1
    return headings_of(rows[:heads], labels), cells_of(rows[heads:], labels)


@pytest.mark.parametrize(("paper", "number"), TABLES)
def test_every_figure_is_that_of_the_page(shared, paper, number):
    table = of(paper).tables[number]
    headings, cells = read(shared, paper, number)
    assert [column.heading for column in table.columns] == headings
    assert [(row.label, row.figures.split()) for row in table.rows] == [
        (label, figures) for _, label, figures in cells
    ]
    for row, (group, _, _) in zip(table.rows, cells, strict=True):
        # The file has two of the labels on the left of table VI rows too high; its note says so.
        assert group in ("", row.group) or (number, group) in (("VI", "CSIQ"), ("VI", "LIVEMD"))
    assert [name for name, _ in itertools.groupby(row.group for row in table.rows) if name] == [
        name for name, _ in itertools.groupby(group for group, _, _ in cells if group)
    ]


@pytest.mark.parametrize(("paper", "number"), TABLES)
def test_title_is_that_of_the_page(shared, paper, number):
    def plain(text):
        return re.sub(r"[\W_]", "", text).casefold()

    lines = lines_of(shared, paper)
    start = caption(lines, paper, number)
    assert plain(of(paper).tables[number].title) in plain(" ".join(lines[start : start + 3]))


@pytest.mark.parametrize(("paper", "number"), TABLES)
def test_every_cell_asks_what_can_be_answered(paper, number):
    table = of(paper).tables[number]
    for row, column in itertools.product(table.rows, table.columns):
        assert not set(row.query) & set(column.query)
        assert not set(table.query) & {*row.query, *column.query}
        query = table.asks(row, column)
        assert query.criterion in ("", "mean", *CRITERIA)
        assert query.fact in ("", *FACTS)
        assert query.pool in ("", "mean", "weighted", "weighted_std")
        assert not (query.fact and query.run)
        names = (query.database,) if isinstance(query.database, str) else query.database
        assert {*names, query.train} - {""} <= DATABASES
        assert len(names) == 1 or query.pool


def test_types_of_distortion_are_those_of_the_builders():
    types = {
        "live": live.TYPES,
        "csiq": [name for name, _ in csiq.TYPES.values()],
        "tid2008": tid.TYPES[:17],
        "tid2013": tid.TYPES,
        "live_md": live_md.PARTS.values(),
    }
    asked = {}
    for paper, number in TABLES:
        table = of(paper).tables[number]
        for query in itertools.starmap(table.asks, itertools.product(table.rows, table.columns)):
            names = query.distortion if isinstance(query.distortion, tuple) else [query.distortion]
            asked.setdefault(query.database, set()).update(filter(None, names))
    found = {database: names for database, names in asked.items() if names}
    assert found.keys() == types.keys()
    for database, names in found.items():
        assert names <= set(types[database])
    for database in ("live", "csiq", "tid2013", "live_md"):  # MT-IRN and TTL-IQA have all of them
        assert found[database] == set(types[database])


def test_cells_that_nothing_of_ours_answers():
    counts = {}
    for paper, number in TABLES:
        table = of(paper).tables[number]
        cells = itertools.product(table.rows, table.columns)
        counts[f"{paper}/{number}"] = sum(table.asks(*cell).published_only for cell in cells)
    assert {name: count for name, count in counts.items() if count} == {
        "iqa_nrtl/1": 24,  # the six methods
        "iqa_nrtl/2": 24,
        "iqa_nrtl/4": 26,  # and IQA-NRTL on the database without a name
        "convnext/1": 2,  # BIQA
        "survey/I": 8,  # DVRM-S, ALE-F
        "survey/II": 20,  # DVRM-S, DVRM-A
        "ttl_iqa/IX": 8,  # ticks
        "ttl_iqa/XIV": 3,  # numbers of images
        "mt_irn/5": 7,  # Count
    }


@pytest.mark.parametrize("paper", FILES)
def test_every_row_has_a_figure_for_every_column(paper):
    for table in of(paper).tables.values():
        for row in table.rows:
            assert len(row.figures.split()) == len(table.columns)
        headings = [column.heading for column in table.columns]
        assert len(set(headings)) == len(headings)
        assert len({(row.group, row.label) for row in table.rows}) == len(table.rows)


@pytest.mark.parametrize("paper", FILES)
def test_no_table_is_left_out(paper):
    assert list(of(paper).tables) == NUMBERS[paper].split()
    assert len(TABLES) == 27
    assert of(paper).aggregate in AGGREGATES


def test_a_cell_asks_what_its_table_row_and_column_say_together():
    table = Table("", (), (), {"criterion": "srocc", "train": "live"})
    query = table.asks(Row("", "", {"run": "a"}), Column("", {"database": "csiq"}))
    assert query == Query(run="a", criterion="srocc", database="csiq", train="live")
    with pytest.raises(TypeError, match="data_base"):
        table.asks(Row("", "", {"data_base": "csiq"}), Column(""))


def test_predictions_of_a_metric_on_images_that_another_run_made():
    query = Query(run="psnr", made_by="mt_irn/single")
    assert query.predictions == "mt_irn/single-psnr"
    assert dataclasses.replace(query, made_by="").predictions == "psnr"


def test_columns_in_the_order_of_the_page():
    assert each("run", {"RANK": "rankiqa"}) == (Column("RANK", {"run": "rankiqa"}),)
    assert [(c.heading, c.query) for c in measured({"LIVE": "live", "MD": "live_md"}, "SRCC")] == [
        ("LIVE SRCC", {"database": "live", "criterion": "srocc"}),
        ("MD SRCC", {"database": "live_md", "criterion": "srocc"}),
    ]


def figures(paper, number):
    """Figures of a table: float64 [rows, columns], NaN where no figure is printed."""
    numeric = re.compile(r"-?[\d.]+$")
    return np.array(
        [
            [float(figure) if numeric.match(figure) else np.nan for figure in row.figures.split()]
            for row in of(paper).tables[number].rows
        ]
    )


def row_of(paper, number, label):
    labels = [row.label for row in of(paper).tables[number].rows]
    return figures(paper, number)[labels.index(label)]


def test_claims_of_iqa_nrtl():
    hand, deep, ours = (figures("iqa_nrtl", "1")[rows] for rows in (slice(3), slice(3, 6), 6))
    gains = [100 * (ours / theirs.max(axis=0) - 1) for theirs in (hand, deep)]
    claimed = np.array([[15.64, 27.76] * 2, [12.68, 5.65] * 2])
    assert (abs(gains - claimed) > 0.05).all()
    assert (row_of("iqa_nrtl", "1", "IQA-NRTL") != row_of("iqa_nrtl", "3", "IQA-NRTL")[:4]).all()
    assert (row_of("iqa_nrtl", "2", "IQA-NRTL") != row_of("iqa_nrtl", "3", "IQA-NRTL")[4:]).all()
    live = figures("iqa_nrtl", "2")[:, :2]
    assert (live.max(axis=0) - live[-1]).round(3).tolist() == [0.006, 0.001]


def test_weighted_averages_of_ttl_iqa_follow_from_the_row_but_for_five():
    table, printed = of("ttl_iqa").tables["V"], figures("ttl_iqa", "V")
    weights = figures("ttl_iqa", "IV")[:, 1]
    assert weights.tolist() == [779, 3000, 866, 450, 1162]
    off = {}
    for row, values in zip(table.rows, printed, strict=True):
        means = [np.average(values[i:10:2], weights=weights).round(3) for i in (0, 1)]
        off |= {
            (row.label, column): mean
            for column, mean, published in zip(("SROCC", "PLCC"), means, values[10:], strict=True)
            if np.isfinite(published) and abs(mean - published) > 1e-9
        }
    assert off == {
        ("DIQaM [19]", "SROCC"): 0.818,
        ("DIQaM [19]", "PLCC"): 0.833,
        ("DIQA [30]", "SROCC"): 0.838,
        ("DB-CNN [32]", "SROCC"): 0.867,
        ("TTL-IQA", "SROCC"): 0.883,
    }


def test_counts_of_the_best_of_ttl_iqa_are_those_of_the_text():
    printed = figures("ttl_iqa", "VI")[:, 3:]  # without the full-reference measures
    best = printed == printed.max(axis=1, keepdims=True)
    assert best.sum(axis=0).tolist() == [1, 0, 3, 5, 2, 1, 26]
    labels = [(row.group, row.label) for row in of("ttl_iqa").tables["VI"].rows]
    assert [labels[i] for i in np.flatnonzero(best.sum(axis=1) > 1)] == [("LIVE", "JPEG")]
    common = ("GB", "WN", "JPEG", "JP2K", "FF")
    assert [labels[i] for i in np.flatnonzero(~best[:, -1]) if labels[i][1] in common] == [
        ("LIVE", "WN"),
        ("LIVE", "GB"),
        ("CSIQ", "JPEG"),
    ]


def test_weighted_figures_of_ttl_iqa_do_not_follow_from_the_types():
    parts = figures("ttl_iqa", "VI")[:, 3:]
    weights = np.repeat([169, 175, 145, 125, 150, 116, 225], [1, 1, 3, 24, 5, 1, 2])
    mean = np.average(parts, axis=0, weights=weights)
    deviation = np.sqrt(np.average((parts - mean) ** 2, axis=0, weights=weights))
    ours = np.stack([mean, deviation], axis=1)
    assert (abs(ours - figures("ttl_iqa", "VII")) > 0.0005).all()
    (note,) = of("ttl_iqa").tables["VII"].notes
    assert re.findall(r"0\.\d+", note) == [f"{value:.3f}" for value in ours.T.ravel()]


def test_levels_of_ttl_iqa_add_up_and_cut_the_true_scores(shared):
    counts = figures("ttl_iqa", "III")[:, 1::2]
    assert counts.sum(axis=1).tolist() == [1162, 225, 225, 175, 169, 145, 145, 145]
    file = shared / "data/labels/livec/Data/AllMOS_release.mat"
    scores = loadmat(file)["AllMOS_release"].ravel()[7:]
    cut = [(scores >= 67.6).sum(), ((scores >= 49.4) & (scores < 67.6)).sum()]
    assert counts[0].tolist() == [*cut, (scores < 49.4).sum()]


def test_cross_database_figures_of_ttl_iqa_are_not_all_the_best():
    table, printed = of("ttl_iqa").tables["VIII"], figures("ttl_iqa", "VIII")
    beaten = [
        (row.group, row.label, table.columns[int(np.nanargmax(values))].heading)
        for row, values in zip(table.rows, printed, strict=True)
        if np.nanargmax(values) != len(values) - 1
    ]
    assert beaten == [
        ("LIVE", "CSIQ", "RANK"),
        ("CSIQ", "LIVE", "BRISQUE"),
        ("CSIQ", "LIVE MD", "RANK"),
    ]


def test_figures_that_ttl_iqa_prints_twice():
    five = row_of("ttl_iqa", "V", "TTL-IQA")
    assert row_of("ttl_iqa", "XV", "TTL-IQA").tolist() == [*five[:2], *five[6:10]]
    biecon = row_of("ttl_iqa", "V", "BIECON [58]")
    assert row_of("ttl_iqa", "XV", "BIECON").tolist() == [*biecon[:2], *biecon[6:10]]
    base = row_of("ttl_iqa", "IX", "1")[2:].tolist()
    assert base == row_of("ttl_iqa", "X", "No-level").tolist()
    assert base == row_of("ttl_iqa", "V", "VGG-16 [59]")[[0, 4, 8, 6]].tolist()
    again = row_of("ttl_iqa", "XIII", "DT-GAN")
    assert (again[[2, 3, 6, 7, 0, 1]] == five[[0, 1, 6, 7, 8, 9]]).all()
    assert (again[[8, 9, 4, 5]] != five[2:6]).all()


def test_numbers_of_hallucinated_images_are_whole_photographs():
    numbers = [row.figures.split()[0] for row in of("ttl_iqa").tables["XIV"].rows]
    original, *more = (int(number.removesuffix("(original)")) for number in numbers)
    assert original == 3 * 4744
    assert [number - original for number in more] == [3 * 1500, 3 * 5000]


def test_figures_that_the_survey_prints_twice():
    one, two = figures("survey", "I"), figures("survey", "II")
    assert one[2, 2] == two[3, 4] == 0.923
    assert one[5, 2:].tolist() == [two[4, 4], two[8, 4]] == [0.877, 0.894]


def test_counts_of_the_best_two_of_mt_irn():
    *parts, count = figures("mt_irn", "5")
    seconds = np.sort(parts, axis=1)[:, -2:-1]
    assert (parts >= seconds).sum(axis=0).tolist() == [3, 4, 16, 1, 8, 18, 21]
    assert count.tolist() == [2, 3, 17, 1, 8, 18, 22]
    labels = [(row.group, row.label) for row in of("mt_irn").tables["5"].rows]
    behind = np.max(parts, axis=1) - np.array(parts)[:, -1]
    assert behind[labels.index(("LIVE", "GB"))] > 0 < behind[labels.index(("CSIQ", "GB"))]
    assert round(behind[labels.index(("CSIQ", "WN"))], 3) == 0.008


def test_claims_of_mt_irn_across_databases():
    printed = figures("mt_irn", "6")
    above = (printed > printed[-1]).sum(axis=0)
    headings = np.array([column.heading for column in of("mt_irn").tables["6"].columns])
    assert headings[above > 1].tolist() == ["LIVEC → CSIQ"]
    assert headings[(above > 0) & np.char.endswith(headings, "TID2013")].tolist() == [
        "LIVEC → TID2013"
    ]


def test_gains_of_mt_irn():
    ours, theirs = row_of("mt_irn", "4", "MT-IRN")[0], row_of("mt_irn", "4", "RAN4IQA [16]")[0]
    assert round(100 * (ours / theirs - 1), 1) == 47.6
    assert np.diff(figures("mt_irn", "7")).round(3).tolist() == [
        [0.008, 0.003, 0.004, 0.004],
        [0.013, 0.007, 0.006, 0.008],
        [0.013, 0.009, 0.005, 0.005],
    ]
    above = (figures("mt_irn", "3") > row_of("mt_irn", "3", "MT-IRN")).sum(axis=0)
    assert above.tolist() == [2, 5, 2, 2, 1, 1, 0, 0]
