"""Tables of papers, with our figures next to the published ones."""

import html
import importlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from jiqa.errors import InputError
from jiqa.results.cells import PREPARED, Cell, Ours, fill
from jiqa.results.predictions import read_predictions
from jiqa.results.published import Paper, Table
from jiqa.results.summary import markdown, plural, to_csv

PAPERS = {
    name: f"jiqa.configs.tables.{name}"
    for name in ("iqa_nrtl", "convnext", "ttl_iqa", "survey", "mt_irn")
}
FORMS = ("markdown", "csv", "html")
DASH = "—"
SELECTED, SHARED = "‡", "†"


class Sheet(NamedTuple):
    """A table as text: title, headings of the columns, lines of cells, notes."""

    title: str
    header: list[str]
    lines: list[list[str]]
    notes: list[str]


def names() -> list[str]:
    """Names of all tables, such as `iqa_nrtl/3`."""
    return [f"{name}/{number}" for name in PAPERS for number in paper(name).tables]


def paper(name: str) -> Paper:
    """Tables of a paper.

    Raises:
        InputError: the paper is unknown.
    """
    if name not in PAPERS:
        raise InputError(f"paper {name!r}: not there, expected one of {', '.join(PAPERS)}")
    return importlib.import_module(PAPERS[name]).PAPER


def select(name: str) -> tuple[Paper, dict[str, Table]]:
    """Paper and tables of a name: `iqa_nrtl/3` selects one table, `iqa_nrtl` all, by number.

    Raises:
        InputError: the paper or table is unknown.
    """
    first, _, number = name.partition("/")
    if first not in PAPERS or number not in ("", *paper(first).tables):
        raise InputError(f"table {name!r}: not there, expected one of {', '.join(names())}")
    tables = paper(first).tables
    return paper(first), {number: tables[number]} if number else dict(tables)


def overview() -> str:
    """Names and printed titles of all tables, one line each."""
    return "".join(
        f"{f'{name}/{number}':14} {table.title}\n"
        for name in PAPERS
        for number, table in paper(name).tables.items()
    )


def show(
    name: str,
    workdir: str | os.PathLike | None = None,
    form: str = "markdown",
    data_dir: str | Path | None = None,
) -> str:
    """Text of the table `iqa_nrtl/3`, or of all of `iqa_nrtl`, with the results in `workdir`.

    Args:
        name: of a table or a paper.
        workdir: folder of runs, at any depth; None: our figures are dashes.
        form: one of `FORMS`.
        data_dir: folder of databases, for tables of database facts.

    Raises:
        InputError: the table is unknown, or two configs have results for one cell.
    """
    source, tables = select(name)
    predictions = read_predictions(workdir) if workdir is not None else []
    first = name.partition("/")[0]
    filled = {
        f"{first}/{number}": (table, fill(source, table, predictions, data_dir))
        for number, table in tables.items()
    }
    if form == "csv":
        return _csv(filled)
    sheets = [_sheet(title, source, table, cells) for title, (table, cells) in filled.items()]
    return "\n".join(map(_html if form == "html" else _markdown, sheets))


def _sheet(name: str, source: Paper, table: Table, cells: list[list[Cell]]) -> Sheet:
    header = ["", "figures", *(column.heading for column in table.columns)]
    lines = []
    for row in cells:
        first = row[0].row
        label = f"{first.group}: {first.label}" if first.group else first.label
        label += f" {SELECTED}" if first.selected_on_test else ""
        lines.append([label, "published", *(cell.published for cell in row)])
        unders = sorted({(ours.under, ours.splits) for cell in row for ours in cell.ours})
        for under, splits in unders:
            found = [_under(cell, under, splits) for cell in row]
            lines.append(["", _says(under, splits), *map(_value, found)])
            differences = [_difference(cell, ours) for cell, ours in zip(row, found, strict=True)]
            if set(differences) != {DASH}:
                lines.append(["", "difference", *differences])
        if not unders and not all(cell.query.published_only for cell in row):
            lines.append(["", "ours", *(DASH for _ in row)])
    notes = [f"Published: {source.protocol}. Ours: {source.aggregate} over the splits."]
    notes += [
        f"{SELECTED} {row.label}: selected on the test images: {row.selected_on_test}."
        for row in table.rows
        if row.selected_on_test
    ]
    every = [ours for row in cells for cell in row for ours in cell.ours]
    if any(ours.shared for ours in every):
        notes.append(
            f"{SHARED} The training database and the tested one have photographs in common."
        )
    if not all(ours.comparable for ours in every):
        notes.append(
            "A part of a database, or another metric, is not what was published: no difference is "
            "taken."
        )
    return Sheet(
        f"{name}: {table.title} ({source.citation})", header, lines, [*notes, *table.notes]
    )


def _under(cell: Cell, under: str, splits: int) -> Ours | None:
    return next((o for o in cell.ours if (o.under, o.splits) == (under, splits)), None)


def _says(under: str, splits: int) -> str:
    return f"ours, {under}" if under == PREPARED else f"ours, {under}, {plural(splits, 'split')}"


def _value(ours: Ours | None) -> str:
    if ours is None:
        return DASH
    value = f"{ours.value:.3f}" if isinstance(ours.value, float) else str(ours.value)
    return f"{value} {SHARED}" if ours.shared else value


def _difference(cell: Cell, ours: Ours | None) -> str:
    difference = cell.difference(ours) if ours else None
    if ours is None or difference is None:
        return DASH
    return f"{difference:+.0f}" if isinstance(ours.value, int) else f"{difference:+.3f}"


def _markdown(sheet: Sheet) -> str:
    table = markdown(sheet.header, sheet.lines)
    return "\n".join([sheet.title, "", table, *(f"- {note}" for note in sheet.notes), ""])


def _html(sheet: Sheet) -> str:
    def line(tag: str, cells: Iterable[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "\n".join(
        [
            "<table>",
            f"<caption>{html.escape(sheet.title)}</caption>",
            f"<thead>{line('th', sheet.header)}</thead>",
            "<tbody>",
            *(line("td", cells) for cells in sheet.lines),
            "</tbody>",
            "</table>",
            "<ul>",
            *(f"<li>{html.escape(note)}</li>" for note in sheet.notes),
            "</ul>",
            "",
        ]
    )


def _csv(filled: dict[str, tuple[Table, list[list[Cell]]]]) -> str:
    header = ["table", "group", "row", "column", "run", "criterion", "database", "train"]
    header += ["published", "selected_on_test", "ours", "under", "splits", "difference"]
    lines = []
    for name, (_, rows) in filled.items():
        for cell in (cell for row in rows for cell in row):
            query = cell.query
            tested = "+".join(query.databases)
            about = [name, cell.row.group, cell.row.label, cell.column.heading]
            about += [query.predictions, query.criterion or query.fact, tested, query.train]
            about += [cell.published, cell.row.selected_on_test]
            for ours in cell.ours or (None,):
                figures = [ours.value, ours.under, ours.splits] if ours else [""] * 3
                difference = cell.difference(ours) if ours else None
                lines.append([*about, *figures, "" if difference is None else difference])
    return to_csv(header, lines)
