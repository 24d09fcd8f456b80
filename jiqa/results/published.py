"""How a paper's table is written down: rows and columns as printed, and what each cell means."""

import dataclasses
from collections.abc import Mapping
from typing import Any

# Measure as papers head their columns -> key of `jiqa.results.summary.MEASURES`.
MEASURES = {"SROCC": "srocc", "SRCC": "srocc", "PLCC": "plcc"}


@dataclasses.dataclass(frozen=True)
class Query:
    """What a cell asks of our own results; a row and a column say half of it each.

    Attributes:
        run: name of the run, `iqa_nrtl/full`; '' where the method is not identified by the paper.
        measure: a key of `jiqa.results.summary.MEASURES`, or `mean`: of the predictions themselves.
        database: that it was tested on; several where the cell pools them.
        train: the database that it was trained on, where that is another one.
        distortion: only images of this type, or of these.
        level: only images of this level of quality, or what `fact` is about: 0 is the best of
            three; None where there are no levels.
        image: only the images made of this photograph, by its `content_id`.
        made_by: the run that made the images out of those of `database`, which are then what the
            run of the figure was shown; '' where they are the database's own.
        also: a run whose figure stands beside that of `run`, of another kind than the published
            one, so without a difference; made on the same images.
        pool: how several databases, or the types of distortion, become one figure: `mean`,
            `weighted` or `weighted_std`, the weights being the numbers of images; '' where there
            is nothing to pool.
        by_type: the pool is over the types of distortion of the databases.
        fact: of the database itself, without a run: a key of `database_facts.FACTS`.
    """

    run: str = ""
    measure: str = ""
    database: str | tuple[str, ...] = ""
    train: str = ""
    distortion: str | tuple[str, ...] = ""
    level: int | None = None
    image: str = ""
    made_by: str = ""
    also: str = ""
    pool: str = ""
    by_type: bool = False
    fact: str = ""

    @property
    def published_only(self) -> bool:
        """Nothing of ours answers it: no method, measure or database is named."""
        return not (self.database and (self.fact or (self.run and self.measure)))

    @property
    def databases(self) -> tuple[str, ...]:
        """Those whose figures are pooled; one, or none, where there is nothing to pool."""
        return (self.database,) if isinstance(self.database, str) else self.database

    @property
    def predictions(self) -> str:
        """Name of the run whose predictions to read: `psnr`, `mt_irn/single-psnr`."""
        return f"{self.made_by}-{self.run}" if self.made_by else self.run


@dataclasses.dataclass(frozen=True)
class Column:
    """A column: its heading as printed, and the fields of `Query` that it decides."""

    heading: str
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        label: as printed.
        figures: as printed, one for each column, separated by blanks; `N/A`, `-` and the like
            stand as the page has them.
        query: the fields of `Query` that the row decides.
        group: heading above the row, or cell spanning several rows.
        selected_on_test: why the figure is known to have been selected on the test images; ''
            where nothing is known.
    """

    label: str
    figures: str
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    group: str = ""
    selected_on_test: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a paper, transcribed exactly.

    Attributes:
        title: as printed.
        columns: from left to right.
        rows: from top to bottom.
        query: the fields of `Query` that all cells share.
        notes: what a reader has to know, the page's own inconsistencies among it.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def asks(self, row: Row, column: Column) -> Query:
        """What the cell in `row` and `column` asks of our results."""
        return Query(**{**self.query, **row.query, **column.query})


@dataclasses.dataclass(frozen=True)
class Paper:
    """A paper's tables.

    Attributes:
        citation: authors, title, place, year.
        protocol: how the paper's figures were made, in a line.
        arguments: the same as arguments of our configs: `protocol=random,test=0.1,splits=50`.
        aggregate: a key of `jiqa.results.summary.AGGREGATES`: of the splits.
        tables: number as printed -> table.
    """

    citation: str
    protocol: str
    arguments: str
    aggregate: str
    tables: Mapping[str, Table]


def rows(
    group: str, query: Mapping[str, Any], field: str, *lines: tuple[str, Any, str]
) -> tuple[Row, ...]:
    """Rows of a group, which share `query`: (label, what `field` of the query is, figures)."""
    return tuple(
        Row(label, figures, {**query, field: value}, group) for label, value, figures in lines
    )


def each(field: str, values: Mapping[str, Any]) -> tuple[Column, ...]:
    """A column for every heading, which decides `field` of the query."""
    return tuple(Column(heading, {field: value}) for heading, value in values.items())


def measured(databases: Mapping[str, str], *headings: str) -> tuple[Column, ...]:
    """Columns `LIVE SROCC`, `LIVE PLCC`, ... of every heading of a database and of a measure."""
    return tuple(
        Column(f"{name} {heading}", {"database": database, "measure": MEASURES[heading]})
        for name, database in databases.items()
        for heading in headings
    )
