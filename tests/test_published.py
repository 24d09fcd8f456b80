"""The papers' tables as transcribed, against the pages and against what can be calculated."""

import dataclasses
import importlib
import itertools
import re

import pytest

from jiqa.published import Column, Query, Row, Table, each, measured
from jiqa.results import AGGREGATES, MEASURES

FILES = {"convnext": "001", "survey": "003"}
NUMBERS = {"convnext": "1", "survey": "I II"}
TABLES = [(paper, number) for paper, numbers in NUMBERS.items() for number in numbers.split()]
DATABASES = {
    *("live", "live_md", "livec", "tid2008", "tid2013", "csiq", "kadid10k", "koniq10k"),
    *("biq2021", "agiqa1k", "waterloo_exploration"),
}
FACTS = ["references", "distorted", "types", "score", "range", "level_range", "level_count"]
HEADINGS = {"III": 2, "V": 2, "XI": 2, "XIII": 2, "XV": 2, "3": 2, "4": 2, "8": 2}


def of(paper):
    return importlib.import_module(f"jiqa.configs.tables.{paper}").PAPER


def lines_of(shared, paper):
    (file,) = (shared / "papers").glob(f"{FILES[paper]}_*.txt")
    text = re.sub(r"</?[bi]>|\*", "", file.read_text(encoding="utf-8"))
    text = re.sub(r"\[([\d.]+) ([\d.]+)\]", r"[\1,\2]", text)
    return text.replace(" results\t", "\t").splitlines()


def caption(lines, paper, number):
    """Where the table's own caption stands, and not a mention of it."""
    starts = {"ttl_iqa": f"TABLE {number}$", "survey": f"TABLE{number}\\."}
    start = re.compile(starts.get(paper, f"Table {number}\\W"))
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
    """One heading a column: that above it, spanning several, before its own."""
    rows = [row[labels:] for row in rows]
    for row in rows[:-1]:
        for i, field in enumerate(row):
            row[i] = field or row[i - 1]
    return [" ".join(filter(None, fields)) for fields in zip(*rows, strict=True)]


def cells_of(rows, labels):
    """Groups as printed beside or above each row ('' where none is), labels and figures."""
    named = [([field for field in row[:labels] if field], row[labels:]) for row in rows]
    return [(", ".join(names[:-1]), names[-1], figures) for names, figures in named]


def survey(lines, number):
    """The survey's pages have blanks for tabs, and blank lines between the rows."""
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


def read(shared, paper, number):
    """Headings, and (group, label, figures) of every row, of the page."""
    lines = lines_of(shared, paper)
    columns = len(of(paper).tables[number].columns)
    if paper == "survey":
        heads = lines[caption(lines, paper, number) + 2].split()
        if number == "I":
            databases = ("LIVE", "LIVE", "TID2008", "TID2008")  # as the text says
            heads = ["", *(" ".join(pair) for pair in zip(databases, heads, strict=True))]
        return heads[1:], survey(lines, number)
    rows = printed(lines, paper, number)
    labels = len(rows[0]) - columns
    heads = HEADINGS.get(number, 1)
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
        assert group in ("", row.group)
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
        assert query.measure in ("", "mean", *MEASURES)
        assert query.fact in ("", *FACTS)
        assert query.pool in ("", "mean", "weighted", "weighted_std")
        assert not (query.fact and query.run)
        names = (query.database,) if isinstance(query.database, str) else query.database
        assert {*names, query.train} - {""} <= DATABASES
        assert len(names) == 1 or query.pool
        if query.run and query.database:
            assert query.measure


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
    assert of(paper).aggregate in AGGREGATES


def test_a_cell_asks_what_its_table_row_and_column_say_together():
    table = Table("", (), (), {"measure": "srocc", "train": "live"})
    query = table.asks(Row("", "", {"run": "a"}), Column("", {"database": "csiq"}))
    assert query == Query(run="a", measure="srocc", database="csiq", train="live")
    with pytest.raises(TypeError, match="data_base"):
        table.asks(Row("", "", {"data_base": "csiq"}), Column(""))


def test_predictions_of_a_measure_on_images_that_another_run_made():
    query = Query(run="psnr", made_by="mt_irn/single")
    assert query.predictions == "mt_irn/single-psnr"
    assert dataclasses.replace(query, made_by="").predictions == "psnr"


def test_columns_in_the_order_of_the_page():
    assert each("run", {"RANK": "rankiqa"}) == (Column("RANK", {"run": "rankiqa"}),)
    assert [(c.heading, c.query) for c in measured({"LIVE": "live", "MD": "live_md"}, "SRCC")] == [
        ("LIVE SRCC", {"database": "live", "measure": "srocc"}),
        ("MD SRCC", {"database": "live_md", "measure": "srocc"}),
    ]
