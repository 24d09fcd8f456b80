"""What a run says of itself: its figures as markdown and CSV, in all and for every distortion."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from jiqa.files import locked, write_text
from jiqa.results.predictions import Predictions, read_predictions
from jiqa.results.summary import (
    AGGREGATES,
    INTERVALS,
    MEASURES,
    Figure,
    Summary,
    by_run,
    markdown,
    plural,
    pool,
    show,
    summarise,
    to_csv,
)

ALIGNED = (
    "Trained on another database: predictions are on its scale, mapped to this one's by their "
    "nominal ranges. SROCC and KROCC need no scale; PLCC (rank) is taken after every prediction "
    "became the score of its rank, PLCC (logistic) and RMSE (logistic) after the five-parameter "
    "fit to the scores tested on."
)
# Without the images that have a twin in the training.
TWINLESS = ("srocc", "plcc", "krcc", "rmse")
# Of every type of distortion.
BY_TYPE = ("srocc", "plcc")


def report(workdir: str | os.PathLike, aggregate: str = "median") -> str:
    """Write results.csv and results.md of all predictions under `workdir`; returns the markdown."""
    runs = by_run(read_predictions(workdir))
    summaries = [summary for tables in runs for summary in summarise(tables, aggregate)]
    sections = [
        _markdown(summary) + _without_twins(tables) + _by_type(tables, aggregate)
        for summary, tables in zip(summaries, runs, strict=True)
    ]
    text = "\n".join(sections) + f"\n{INTERVALS}\n"
    if any(tables[0].trained_on for tables in runs):
        text += f"{ALIGNED}\n"
    with locked(Path(workdir) / ".results.lock"):  # runs of other splits write them as well
        write_text(Path(workdir) / "results.md", text)
        write_text(Path(workdir) / "results.csv", _csv(summaries))
    return text


def _rows(summary: Summary) -> list[tuple[str, str, dict[str, Figure]]]:
    rows = [(name, str(summary.images[name]), summary.splits[name]) for name in summary.splits]
    return rows if len(rows) == 1 else [*rows, (summary.aggregate, "", summary.total)]


def _markdown(summary: Summary) -> str:
    header = ["split", "images", *(MEASURES[name][0] for name in summary.total)]
    rows = [
        [split, images, *map(show, figures.values())] for split, images, figures in _rows(summary)
    ]
    return (
        f"{summary.run} on {summary.database} ({summary.score_name}), {summary.protocol}, "
        f"{plural(len(summary.splits), 'split')}, config {summary.config_hash}\n\n"
        + markdown(header, rows)
    )


def _without_twins(tables: list[Predictions]) -> str:
    """A line for every split with test images that have a twin in the training; else ''."""
    lines = []
    for table in tables:
        if table.twin is None:
            continue
        rest = table.take(~table.twin)
        figures = ", ".join(
            f"{MEASURES[name][0]} {MEASURES[name][1](rest.prediction, rest.score):.3f}"
            for name in TWINLESS
        )
        lines.append(
            f"Without the {table.twin.sum()} of {len(table)} test images of {table.split} that "
            f"have a twin in the training: {figures}.\n"
        )
    return "\n" + "".join(lines) if lines else ""


def _csv(summaries: Iterable[Summary]) -> str:
    labels = ("run", "config_hash", "database", "protocol", "score_name")
    columns = [(name, suffix) for name in MEASURES for suffix in ("", "_low", "_high")]
    return to_csv(
        [*labels, "split", "images", *(name + suffix for name, suffix in columns)],
        [
            [
                *(getattr(summary, label) for label in labels),
                split,
                images,
                *(
                    f"{number:.6g}"
                    for name in MEASURES
                    for number in figures.get(name, [np.nan] * 3)
                ),
            ]
            for summary in summaries
            for split, images, figures in _rows(summary)
        ],
    )


def _by_type(tables: list[Predictions], aggregate: str) -> str:
    """A line for every type of distortion, and what they are pooled to; '' where there is one."""
    types = sorted({str(kind) for table in tables for kind in table.distortion})
    if len(types) < 2:
        return ""
    images, figures = [], []
    for kind in types:
        parts = [table.take(table.distortion == kind) for table in tables]
        parts = [part for part in parts if len(part)]
        images.append(sum(map(len, parts)))
        figures.append(
            [
                AGGREGATES[aggregate](
                    [MEASURES[name][1](part.prediction, part.score) for part in parts]
                )
                for name in BY_TYPE
            ]
        )
    columns = np.transpose(figures)
    rows = [
        [kind, str(count), *(f"{value:.3f}" for value in values)]
        for kind, count, values in zip(types, images, figures, strict=True)
    ]
    rows += [
        [text, str(sum(images)), *(f"{pool(column, images, how):.3f}" for column in columns)]
        for how, text in {
            "mean": "mean",
            "weighted": "mean, weighted by images",
            "weighted_std": "deviation, weighted by images",
        }.items()
    ]
    header = ["distortion", "test images", *(MEASURES[name][0] for name in BY_TYPE)]
    return "\n" + markdown(header, rows)
