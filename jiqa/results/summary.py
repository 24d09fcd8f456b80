"""Figures of predictions by split with intervals, comparisons of runs, and text tables."""

import csv
import dataclasses
import io
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jiqa.errors import InputError
from jiqa.results import stats
from jiqa.results.predictions import Predictions

CRITERIA: dict[str, tuple[str, stats.Criterion]] = {
    "srocc": ("SROCC", stats.srocc),
    "plcc": ("PLCC", stats.plcc),
    "plcc_rank": ("PLCC (rank)", stats.plcc_rank),
    "plcc_logistic": ("PLCC (logistic)", stats.plcc_logistic),
    "krcc": ("KROCC", stats.krcc),
    "rmse": ("RMSE", stats.rmse),
    "rmse_logistic": ("RMSE (logistic)", stats.rmse_logistic),
}
# Criteria for cross-database tests alone, where predictions have another database's scale.
ACROSS = ("plcc_rank",)
AGGREGATES = {"median": np.median, "mean": np.mean}
POOLS = ("mean", "weighted", "weighted_std")
INTERVALS = "Brackets: 95% intervals, percentile bootstrap over the test images."


class Figure(NamedTuple):
    """Value of a criterion with its 95% bootstrap interval over the test images."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """Figures of one run on one database under one protocol.

    `images` maps a split to its number of test images; `splits` maps a split and a key of CRITERIA
    to the figure; `total` maps a key of CRITERIA to the figure aggregated over the splits. Figures
    of ACROSS exist for cross-database tests alone.
    """

    run: str
    config_hash: str
    database: str
    protocol: str
    score_name: str
    aggregate: str
    images: dict[str, int]
    splits: dict[str, dict[str, Figure]]
    total: dict[str, Figure]


def by_run(predictions: Iterable[Predictions]) -> list[list[Predictions]]:
    """Groups predictions: one list for each run, config, database and protocol."""
    ordered = sorted(predictions, key=lambda table: table.labels)
    return [list(group) for _, group in itertools.groupby(ordered, lambda t: t.labels[:4])]


def summarise(predictions: Iterable[Predictions], aggregate: str = "median") -> list[Summary]:
    """Summaries, one for each run, config, database and protocol.

    `aggregate` is a key of AGGREGATES. The interval of the aggregate is the percentile interval of
    the median (or mean) over the splits' resampled figures.
    """
    return [_summary(tables, aggregate) for tables in by_run(predictions)]


def _summary(tables: list[Predictions], aggregate: str) -> Summary:
    over_splits = AGGREGATES[aggregate]
    splits: dict[str, dict[str, Figure]] = {table.split: {} for table in tables}
    total = {}
    for name, (_, criterion) in CRITERIA.items():
        if name in ACROSS and not tables[0].trained_on:
            continue
        values, samples = _sampled(tables, criterion)
        for table, value, drawn in zip(tables, values, samples, strict=True):
            splits[table.split][name] = Figure(value, *stats.interval(drawn))
        low_high = stats.interval(over_splits(samples, axis=0))
        total[name] = Figure(float(over_splits(values)), *low_high)
    run, config_hash, database, protocol, _ = tables[0].labels
    return Summary(
        run,
        config_hash,
        database,
        protocol,
        tables[0].score_name,
        aggregate,
        {table.split: len(table) for table in tables},
        splits,
        total,
    )


def pool(values: Sequence[float], weights: Sequence[float], method: str) -> float:
    """Pools figures of several databases or types of distortion into one.

    Args:
        values: the figures.
        weights: weights of the figures, usually numbers of images.
        method: `mean`, without weights; `weighted`, the weighted mean; or `weighted_std`, the
            weighted standard deviation.

    Raises:
        InputError: the method is unknown.
    """
    if method not in POOLS:
        raise InputError(f"pool: found {method!r}, expected one of {', '.join(POOLS)}")
    mean = np.average(values, weights=None if method == "mean" else weights)
    if method != "weighted_std":
        return float(mean)
    return float(np.sqrt(np.average((np.asarray(values) - mean) ** 2, weights=weights)))


def compare(
    a: Sequence[Predictions],
    b: Sequence[Predictions],
    *,
    criterion: str = "srocc",
    aggregate: str = "median",
) -> Figure:
    """Aggregated figure of run `a` minus that of run `b`, with a paired bootstrap interval.

    `a` and `b` are the splits of one run each.

    Raises:
        InputError: the splits, images or scores of the two runs differ.
    """
    if not same_test(a, b):
        raise InputError(
            f"compare {_says(a)} with {_says(b)}: tested on different images, expected the same"
        )
    over_splits = AGGREGATES[aggregate]
    (values_a, samples_a), (values_b, samples_b) = (
        _sampled(tables, CRITERIA[criterion][1]) for tables in (a, b)
    )
    samples = over_splits(samples_a, axis=0) - over_splits(samples_b, axis=0)
    return Figure(float(over_splits(values_a) - over_splits(values_b)), *stats.interval(samples))


def _sampled(
    tables: Sequence[Predictions], criterion: stats.Criterion
) -> tuple[list[float], list[np.ndarray]]:
    """Values of a criterion on every split, and on the bootstrap resamples of every split."""
    pairs = [(table.prediction, table.score) for table in tables]
    return [float(criterion(*pair)) for pair in pairs], [
        stats.resample(criterion, *pair) for pair in pairs
    ]


def same_test(a: Sequence[Predictions], b: Sequence[Predictions]) -> bool:
    """Whether two runs were tested on the same splits, images and scores."""
    first, second = (
        sorted(
            (t.database, t.protocol, t.score_name, t.split, t.id.tolist(), t.score.tolist())
            for t in tables
        )
        for tables in (a, b)
    )
    return first == second


def _says(tables: Sequence[Predictions]) -> str:
    splits = ", ".join(f"{table.split}: {len(table)} images" for table in tables)
    return f"{tables[0].run} ({tables[0].database}, {tables[0].protocol}, {splits})"


def show(figure: Figure) -> str:
    """Figure as text, `0.812 [0.780, 0.840]`."""
    return "{:.3f} [{:.3f}, {:.3f}]".format(*figure)


def plural(count: int, noun: str) -> str:
    """`1 split`, `3 splits`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table with columns aligned as plain text."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "".join("| " + " | ".join(map(str.ljust, line, widths)) + " |\n" for line in lines)


def to_csv(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Text of a CSV file."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()
