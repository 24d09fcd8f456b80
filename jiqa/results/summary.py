"""From predictions to results: every split's figures with intervals, and runs compared."""

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

MEASURES: dict[str, tuple[str, stats.Measure]] = {
    "srocc": ("SROCC", stats.srocc),
    "plcc": ("PLCC", stats.plcc),
    "plcc_rank": ("PLCC (rank)", stats.plcc_rank),
    "plcc_logistic": ("PLCC (logistic)", stats.plcc_logistic),
    "krcc": ("KROCC", stats.krcc),
    "rmse": ("RMSE", stats.rmse),
    "rmse_logistic": ("RMSE (logistic)", stats.rmse_logistic),
}
# Measures that only make sense where the predictions are on another database's scale.
ACROSS = ("plcc_rank",)
AGGREGATES = {"median": np.median, "mean": np.mean}
POOLS = ("mean", "weighted", "weighted_std")
INTERVALS = "Brackets: 95% intervals, percentile bootstrap over the test images."


class Figure(NamedTuple):
    """A measure's value and its 95% bootstrap interval over the test images."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """The figures of one run on one database under one protocol.

    `images` maps a split to its number of test images, `splits` a split and a key of MEASURES to
    the figure, and `total` a key of MEASURES to the figure aggregated over the splits. Only tests
    on another database have the figures of ACROSS.
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
    """The predictions grouped: one list for a run, config, database and protocol."""
    ordered = sorted(predictions, key=lambda table: table.labels)
    return [list(group) for _, group in itertools.groupby(ordered, lambda t: t.labels[:4])]


def summarise(predictions: Iterable[Predictions], aggregate: str = "median") -> list[Summary]:
    """One Summary for every run, config, database and protocol; `aggregate` is a key of AGGREGATES.

    The interval of the aggregate is that of the median (or mean) of the splits' resampled figures.
    """
    return [_summary(tables, aggregate) for tables in by_run(predictions)]


def _summary(tables: list[Predictions], aggregate: str) -> Summary:
    over_splits = AGGREGATES[aggregate]
    splits: dict[str, dict[str, Figure]] = {table.split: {} for table in tables}
    total = {}
    for name, (_, measure) in MEASURES.items():
        if name in ACROSS and not tables[0].trained_on:
            continue
        values, samples = _measured(tables, measure)
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


def pool(values: Sequence[float], weights: Sequence[float], how: str) -> float:
    """One figure from those of several databases or types of distortion.

    `how`: 'mean' is plain; 'weighted' weights by `weights`, as a rule the numbers of images;
    'weighted_std' is the deviation about that, the square root of the weighted mean square.
    Raises InputError for another `how`.
    """
    if how not in POOLS:
        raise InputError(f"pool: found {how!r}, expected one of {', '.join(POOLS)}")
    mean = np.average(values, weights=None if how == "mean" else weights)
    if how != "weighted_std":
        return float(mean)
    return float(np.sqrt(np.average((np.asarray(values) - mean) ** 2, weights=weights)))


def compare(
    a: Sequence[Predictions],
    b: Sequence[Predictions],
    *,
    measure: str = "srocc",
    aggregate: str = "median",
) -> Figure:
    """How far run `a` is above run `b`, by a paired bootstrap on the same splits and images.

    `a` and `b` are the splits of one run each; the value is the difference of the two aggregates.
    Raises InputError where the splits, images or scores of the two differ.
    """
    if not same_test(a, b):
        raise InputError(
            f"compare {_says(a)} with {_says(b)}: tested on different images, expected the same"
        )
    over_splits = AGGREGATES[aggregate]
    (values_a, samples_a), (values_b, samples_b) = (
        _measured(tables, MEASURES[measure][1]) for tables in (a, b)
    )
    samples = over_splits(samples_a, axis=0) - over_splits(samples_b, axis=0)
    return Figure(float(over_splits(values_a) - over_splits(values_b)), *stats.interval(samples))


def _measured(
    tables: Sequence[Predictions], measure: stats.Measure
) -> tuple[list[float], list[np.ndarray]]:
    """A measure on every split, and on the bootstrap resamples of every split."""
    pairs = [(table.prediction, table.score) for table in tables]
    return [float(measure(*pair)) for pair in pairs], [
        stats.resample(measure, *pair) for pair in pairs
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
    """A figure as text, `0.812 [0.780, 0.840]`."""
    return "{:.3f} [{:.3f}, {:.3f}]".format(*figure)


def plural(count: int, noun: str) -> str:
    """`1 split`, `3 splits`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table whose columns line up as plain text too."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "".join("| " + " | ".join(map(str.ljust, line, widths)) + " |\n" for line in lines)


def to_csv(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file's text."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return file.getvalue()
