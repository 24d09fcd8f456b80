"""Fills the cells of a published table from predictions and from prepared databases."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jiqa.data.protocols import SHARED
from jiqa.errors import InputError
from jiqa.results import summary
from jiqa.results.predictions import Predictions
from jiqa.results.published import Column, Paper, Query, Row, Table

# Label of figures that need no run.
PREPARED = "prepared database"
# Label of figures tested on another database than the run was trained on.
ACROSS = "cross-database"

CRITERIA: dict[str, Callable[[Any, Any], Any]] = {
    **{name: criterion for name, (_, criterion) in summary.CRITERIA.items()},
    "mean": lambda prediction, _: np.mean(prediction, axis=-1),
}


class Ours(NamedTuple):
    """A figure of our runs.

    Attributes:
        value: the figure.
        under: label of its protocol, such as `random-90-10-seed0` or `official on biq2021/sample`.
        splits: number of splits that the figure is aggregated over.
        comparable: False where the figure is of a part of the published database, or of another
            metric than the published one.
        shared: whether test images show photographs of the training images, otherwise distorted.
    """

    value: float | int | str
    under: str
    splits: int = 0
    comparable: bool = True
    shared: bool = False


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table: the published figure, and our figures, one for each protocol."""

    row: Row
    column: Column
    query: Query
    published: str
    ours: tuple[Ours, ...]

    def difference(self, ours: Ours) -> float | None:
        """Our figure minus the published one; None where the two cannot be compared."""
        try:
            return float(ours.value) - float(self.published) if ours.comparable else None
        except ValueError:
            return None


def fill(
    paper: Paper,
    table: Table,
    predictions: Iterable[Predictions],
    data_dir: str | Path | None = None,
) -> list[list[Cell]]:
    """The cells of a table, row by row.

    Raises:
        InputError: two configs have results for one cell.
    """
    runs = summary.by_run(predictions)
    rows = []
    for row in table.rows:
        cells = zip(table.columns, row.figures.split(), strict=True)
        rows.append([])
        for column, published in cells:
            query = table.asks(row, column)
            ours = _ours(query, runs, paper.aggregate, data_dir)
            if query.also:
                second = dataclasses.replace(query, run=query.also)
                ours += [
                    other._replace(under=f"{query.also}, {other.under}", comparable=False)
                    for other in _ours(second, runs, paper.aggregate, data_dir)
                ]
            rows[-1].append(Cell(row, column, query, published, tuple(ours)))
    return rows


def _ours(
    query: Query, runs: list[list[Predictions]], aggregate: str, data_dir: str | Path | None
) -> list[Ours]:
    if query.fact:
        from jiqa.results.database_facts import (
            fact,  # imported here: figures from predictions need no database
        )

        value = fact(query, data_dir)
        return [] if value is None else [Ours(value, PREPARED)]
    if query.published_only:
        return []
    found = [
        tables
        for tables in runs
        if tables[0].run == query.predictions
        and tables[0].trained_on == query.train
        and tables[0].database.partition("/")[0] in query.databases
    ]
    ours = []
    for under, group in itertools.groupby(sorted(found, key=_under), _under):
        by_database = _one_each(list(group))
        if {name.partition("/")[0] for name in by_database} != set(query.databases):
            continue
        parts = [part for tables in by_database.values() for part in _parts(tables, query)]
        criterion = CRITERIA[query.criterion]
        values = [_over_splits(part, criterion, aggregate) for part in parts]
        weights = [sum(map(len, part)) for part in parts]
        label, splits = under
        ours.append(
            Ours(
                summary.pool(values, weights, query.pool) if query.pool else values[0],
                label,
                splits,
                comparable=not any("/" in name for name in by_database),
                shared=any(t[0].protocol.endswith(SHARED) for t in by_database.values()),
            )
        )
    return ours


def _under(tables: Sequence[Predictions]) -> tuple[str, int]:
    """(label of a run's figure, number of splits)."""
    first = tables[0]
    label = ACROSS if first.trained_on else first.protocol
    part = f" on {first.database}" if "/" in first.database else ""
    return label + part, len(tables)


def _one_each(group: list[list[Predictions]]) -> dict[str, list[Predictions]]:
    """Database -> predictions of the only run on the database."""
    found: dict[str, list[Predictions]] = {}
    for tables in group:
        first = tables[0]
        if first.database in found:
            other = found[first.database][0]
            raise InputError(
                f"{first.run} on {first.database}, {first.protocol}: results of the configs "
                f"{other.config_hash}, {first.config_hash}, expected one; point --workdir at it"
            )
        found[first.database] = tables
    return found


def _parts(tables: list[Predictions], query: Query) -> list[list[Predictions]]:
    """Predictions of the images that a query asks for, by split, once for every pooled part."""
    kinds = (query.distortion,) if isinstance(query.distortion, str) else query.distortion

    def cut(table: Predictions, *kinds: str) -> Predictions:
        rows = np.ones(len(table), bool)
        if any(kinds):
            rows &= np.isin(table.distortion, kinds)
        if query.image:
            rows &= table.content_id == query.image
        if query.level is not None:
            rows &= table.level == query.level
        return table.take(rows)

    if not query.by_type:
        return [[cut(table, *kinds) for table in tables]]
    types = sorted({str(kind) for table in tables for kind in table.distortion})
    return [[cut(table, kind) for table in tables] for kind in types]


def _over_splits(
    tables: list[Predictions], criterion: Callable[[Any, Any], Any], aggregate: str
) -> float:
    values = [criterion(table.prediction, table.score) for table in tables if len(table)]
    return float(summary.AGGREGATES[aggregate](values)) if values else np.nan
