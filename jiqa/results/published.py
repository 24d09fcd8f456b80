"""Classes of transcribed tables: rows and columns as printed, and a query for each cell."""

import dataclasses
from collections.abc import Mapping
from typing import Any

# Criterion in the headings of papers -> key of `jiqa.results.summary.CRITERIA`.
CRITERIA = {"SROCC": "srocc", "SRCC": "srocc", "PLCC": "plcc"}


@dataclasses.dataclass(frozen=True)
class Query:
    """Query of a cell: the predictions or fact that its figure is computed from.

    The row and the column of the cell decide some fields each.

    Attributes:
        run: name of the run, such as `iqa_nrtl/full`; '' where the paper does not identify the
            method.
        criterion: a key of `jiqa.results.summary.CRITERIA`, or `mean`: mean of the predictions.
        database: to test on; several databases are pooled.
        train: database of the training, in a cross-database test; else ''.
        distortion: select images of this type or of these types.
        level: select images of this level of quality, 0 is the best of three; with `fact`, the
            level that the fact describes; None: no level.
        image: select images made of the photograph with this `content_id`.
        made_by: run that generated the test images from those of `database`; '': the test images
            are the database's own.
        also: second run to show, tested on the same images by another metric than the published
            one, without a difference; '': none.
        pool: method to pool several databases or types of distortion: `mean`, `weighted` or
            `weighted_std`, weighted by numbers of images; '': nothing is pooled.
        by_type: pool over the types of distortion of the databases.
        fact: of the database, without a run: a key of `database_facts.FACTS`.
    """

    run: str = ""
    criterion: str = ""
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
        """Whether our results cannot fill the cell: no method, criterion or database is named."""
        return not (self.database and (self.fact or (self.run and self.criterion)))

    @property
    def databases(self) -> tuple[str, ...]:
        """Databases to test on; more than one are pooled."""
        return (self.database,) if isinstance(self.database, str) else self.database

    @property
    def predictions(self) -> str:
        """Name of the run whose predictions are read, such as `psnr` or `mt_irn/single-psnr`."""
        return f"{self.made_by}-{self.run}" if self.made_by else self.run


@dataclasses.dataclass(frozen=True)
class Column:
    """A column: the printed heading, and the fields of `Query` that the column decides."""

    heading: str
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        label: as printed.
        figures: as printed, one for each column, separated by blanks, with `N/A`, `-` and the like.
        query: fields of `Query` that the row decides.
        group: heading above the row, or cell spanning several rows.
        selected_on_test: evidence that the published figure was selected on the test images; ''
            for no evidence.
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
        query: fields of `Query` that all cells share.
        notes: remarks for readers, such as inconsistencies of the page.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def asks(self, row: Row, column: Column) -> Query:
        """Query of the cell in `row` and `column`."""
        return Query(**{**self.query, **row.query, **column.query})


@dataclasses.dataclass(frozen=True)
class Paper:
    """A paper's tables.

    Attributes:
        citation: authors, title, place, year.
        protocol: protocol of the published figures, in one line.
        arguments: the protocol as arguments of our configs: `protocol=random,test=0.1,splits=50`.
        aggregate: a key of `jiqa.results.summary.AGGREGATES`, over the splits.
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
    """Rows of a group with a common `query`; a line is (label, value of `field`, figures)."""
    return tuple(
        Row(label, figures, {**query, field: value}, group) for label, value, figures in lines
    )


def each(field: str, values: Mapping[str, Any]) -> tuple[Column, ...]:
    """Columns by heading, each with its value of `field` in the query."""
    return tuple(Column(heading, {field: value}) for heading, value in values.items())


def measured(databases: Mapping[str, str], *headings: str) -> tuple[Column, ...]:
    """Columns `LIVE SROCC`, `LIVE PLCC`, ...: each database with each criterion."""
    return tuple(
        Column(f"{name} {heading}", {"database": database, "criterion": CRITERIA[heading]})
        for name, database in databases.items()
        for heading in headings
    )
