"""A paper's tables, with our results beside the published figures."""

import importlib
import os
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import NamedTuple

from jiqa.errors import InputError
from jiqa.predictions import Predictions, read_predictions
from jiqa.results import AGGREGATES, MEASURES, by_run, markdown, plural, to_csv

PAPERS = {"iqa_nrtl": "jiqa.configs.tables.iqa_nrtl"}
DASH = "—"


class Cell(NamedTuple):
    """One method on one database by one measure; `protocol` and `splits` are of our figure.

    A part or another version of a database, `biq2021/sample`, is a cell of its own without a
    published figure. `published` is None where there is none, `ours` where nothing was run.
    """

    method: str
    run: str | None
    heading: str
    database: str | None
    measure: str
    published: str | None
    ours: float | None = None
    protocol: str = ""
    splits: int | None = None

    @property
    def column(self) -> str:
        """The heading of its column."""
        return f"{self.heading} {self.measure}"

    @property
    def difference(self) -> float | None:
        """Ours less the published figure."""
        if self.ours is None or self.published is None:
            return None
        return self.ours - float(self.published)


def names() -> list[str]:
    """All tables, as `iqa_nrtl/3`."""
    return [f"{paper}/{number}" for paper in PAPERS for number in _paper(paper).TABLES]


def show(name: str, workdir: str | os.PathLike | None = None, form: str = "markdown") -> str:
    """The table `iqa_nrtl/3`, or all of `iqa_nrtl`, with the results found under `workdir`.

    `form` is 'markdown' or 'csv'. Raises InputError for a table that is not there, and where a
    cell has two results to choose from.
    """
    paper, _, number = name.partition("/")
    if paper not in PAPERS or number not in ("", *_paper(paper).TABLES):
        raise InputError(f"table {name!r}: not there, expected one of {', '.join(names())}")
    predictions = read_predictions(workdir) if workdir is not None else []
    numbers = [number] if number else list(_paper(paper).TABLES)
    cells = {number: fill(paper, number, predictions) for number in numbers}
    if form == "csv":
        return _csv(paper, cells)
    return "\n".join(_markdown(paper, number, cells[number]) for number in numbers)


def fill(paper: str, number: str, predictions: Iterable[Predictions]) -> list[Cell]:
    """The cells of a table, row by row; one for each protocol that a cell was run under."""
    module, found = _paper(paper), by_run(predictions)
    table = module.TABLES[number]
    cells = []
    for _, method, run, figures in table["rows"]:
        ours = [tables for tables in found if tables[0].run == run]
        for (heading, database, measure), published in zip(table["columns"], figures, strict=True):
            cell = Cell(method, run, heading, database, measure, published)
            cells += _filled(cell, ours, module) or [cell]
            used = {tables[0].database for tables in ours}
            for part in sorted(name for name in used if name.startswith(f"{database}/")):
                cells += _filled(Cell(method, run, part, part, measure, None), ours, module)
    return cells


def _filled(cell: Cell, ours: list[list[Predictions]], paper: ModuleType) -> list[Cell]:
    measure = MEASURES[paper.MEASURES[cell.measure]][1]
    found = [tables for tables in ours if tables[0].database == cell.database]
    filled = []
    for tables in found:
        protocol = tables[0].protocol
        hashes = [other[0].config_hash for other in found if other[0].protocol == protocol]
        if len(hashes) > 1:
            raise InputError(
                f"{cell.run} on {cell.database}, {protocol}: results of the configs "
                f"{', '.join(hashes)}, expected one; point --workdir at it"
            )
        values = [measure(table.prediction, table.score) for table in tables]
        value = float(AGGREGATES[paper.AGGREGATE](values))
        filled.append(cell._replace(ours=value, protocol=protocol, splits=len(tables)))
    return filled


def _markdown(paper: str, number: str, cells: list[Cell]) -> str:
    module = _paper(paper)
    table = module.TABLES[number]
    published = [f"{heading} {measure}" for heading, _, measure in table["columns"]]
    columns = list(dict.fromkeys([*published, *(cell.column for cell in cells)]))
    rows = []
    for group, method, run, _ in table["rows"]:
        own = [cell for cell in cells if cell.method == method]
        label = f"{group}: {method}" if group else method
        rows.append([label, "published", *_line(columns, own, lambda c: c.published or DASH)])
        for protocol, splits in sorted({(c.protocol, c.splits) for c in own if c.splits}):
            line = [c for c in own if (c.protocol, c.splits) == (protocol, splits)]
            ours = _line(columns, line, lambda c: f"{c.ours:.3f}")
            apart = _line(columns, line, lambda c: _signed(c.difference))
            rows.append(["", f"ours, {protocol}, {plural(splits, 'split')}", *ours])
            rows.append(["", "difference", *apart])
        if run and rows[-1][1] == "published":
            rows.append(["", "ours", *(DASH for _ in columns)])
    notes = [f"Published: {module.PROTOCOL}. Ours: {module.AGGREGATE} over the splits."]
    notes += [
        f"{part} is not {part.partition('/')[0]} as published: no difference is taken."
        for part in sorted({c.database for c in cells if c.database and "/" in c.database})
    ]
    return "\n".join(
        [
            f"{paper}/{number}: {table['title']} ({module.PAPER})",
            "",
            markdown(["method", "figures", *columns], rows),
            *(f"- {note}" for note in [*notes, *table["notes"]]),
            "",
        ]
    )


def _line(columns: list[str], cells: list[Cell], text: Callable[[Cell], str]) -> list[str]:
    texts = {cell.column: text(cell) for cell in cells}
    return [texts.get(column, DASH) for column in columns]


def _signed(difference: float | None) -> str:
    return DASH if difference is None else f"{difference:+.3f}"


def _csv(paper: str, cells: dict[str, list[Cell]]) -> str:
    return to_csv(
        ["table", *Cell._fields, "difference"],
        [
            [f"{paper}/{number}", *("" if x is None else x for x in (*cell, cell.difference))]
            for number, table in cells.items()
            for cell in table
        ],
    )


def _paper(paper: str) -> ModuleType:
    return importlib.import_module(PAPERS[paper])
