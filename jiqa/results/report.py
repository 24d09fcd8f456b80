"""Figures of runs as markdown and CSV, over all images and by type of distortion."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from jiqa.files import locked, write_text
from jiqa.results.predictions import Predictions, read_predictions
from jiqa.results.summary import (
    AGGREGATES,
    CRITERIA,
    INTERVALS,
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
    "Trained on another database: predictions are mapped from the scale of that database to the "
    "scale of the tested one by their nominal ranges. SROCC and KROCC do not depend on the scale. "
    "PLCC (rank) replaces every prediction by the test score of the same rank. PLCC (logistic) and "
    "RMSE (logistic) follow the five-parameter fit to the test scores."
)
# Criteria over the images without a twin in the training.
TWINLESS = ("srocc", "plcc", "krcc", "rmse")
# Criteria for each type of distortion.
BY_TYPE = ("srocc", "plcc")


def report(workdir: str | os.PathLike, aggregate: str = "median") -> str:
    """Writes results.csv and results.md of all predictions in `workdir`; returns the markdown."""
    runs = by_run(read_predictions(workdir))
    summaries = [summary for tables in runs for summary in summarise(tables, aggregate)]
    sections = [
        _markdown(summary) + _without_twins(tables) + _by_type(tables, aggregate)
        for summary, tables in zip(summaries, runs, strict=True)
    ]
    text = "\n".join(sections) + f"\n{INTERVALS}\n"
    if any(tables[0].trained_on for tables in runs):
        text += f"{ALIGNED}\n"
    with locked(Path(workdir) / ".results.lock"):  # runs of other splits write the same files
        write_text(Path(workdir) / "results.md", text)
        write_text(Path(workdir) / "results.csv", _csv(summaries))
    return text


def _rows(summary: Summary) -> list[tuple[str, str, dict[str, Figure]]]:
    rows = [(name, str(summary.images[name]), summary.splits[name]) for name in summary.splits]
    return rows if len(rows) == 1 else [*rows, (summary.aggregate, "", summary.total)]


def _markdown(summary: Summary) -> str:
    header = ["split", "images", *(CRITERIA[name][0] for name in summary.total)]
    rows = [
        [split, images, *map(show, figures.values())] for split, images, figures in _rows(summary)
    ]
    return (
        f"{summary.run} on {summary.database} ({summary.score_name}), {summary.protocol}, "
        f"{plural(len(summary.splits), 'split')}, config {summary.config_hash}\n\n"
        + markdown(header, rows)
    )


def _without_twins(tables: list[Predictions]) -> str:
    """Figures without twins, one line for every split that has any; '' for no twins."""
    lines = []
    for table in tables:
        if table.twin is None:
            continue
        rest = table.take(~table.twin)
        figures = ", ".join(
            f"{CRITERIA[name][0]} {CRITERIA[name][1](rest.prediction, rest.score):.3f}"
            for name in TWINLESS
        )
        lines.append(
            f"Without the {table.twin.sum()} of {len(table)} test images of {table.split} that "
            f"have a twin in the training: {figures}.\n"
        )
    return "\n" + "".join(lines) if lines else ""


def _csv(summaries: Iterable[Summary]) -> str:
    labels = ("run", "config_hash", "database", "protocol", "score_name")
    columns = [(name, suffix) for name in CRITERIA for suffix in ("", "_low", "_high")]
    return to_csv(
        [*labels, "split", "images", *(name + suffix for name, suffix in columns)],
        [
            [
                *(getattr(summary, label) for label in labels),
                split,
                images,
                *(
                    f"{number:.6g}"
                    for name in CRITERIA
                    for number in figures.get(name, [np.nan] * 3)
                ),
            ]
            for summary in summaries
            for split, images, figures in _rows(summary)
        ],
    )


def _by_type(tables: list[Predictions], aggregate: str) -> str:
    """Table with a line for every type of distortion, and their means; '' for a single type."""
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
                    [CRITERIA[name][1](part.prediction, part.score) for part in parts]
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
    header = ["distortion", "test images", *(CRITERIA[name][0] for name in BY_TYPE)]
    return "\n" + markdown(header, rows)
