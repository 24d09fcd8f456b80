"""Records of the finished runs and restorers in a folder."""

import csv
import datetime
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jiqa.errors import InputError
from jiqa.files import read_json
from jiqa.results import record
from jiqa.results.predictions import FILE_NAME, Predictions, read_predictions
from jiqa.results.summary import CRITERIA, Figure, Summary, by_run, summarise

RESTORED, STAGE = "restored.csv", "stage.json"
# Columns of `restored.csv` that a record has the means of.
COLUMNS = ("psnr", "restored_psnr", "ssim", "restored_ssim", "map_correlation")


def runs(workdir: str | os.PathLike) -> list[record.RunRecord]:
    """Runs under `workdir`: folders with a run.json and, for every split, a folder of its name.

    Raises:
        InputError: there is no run, or a file is missing or malformed.
    """
    found = []
    for path in sorted(Path(workdir).rglob("run.json")):
        run = read_json(path, "command", "config", "machine")
        groups = by_run(read_predictions(path.parent))
        if not groups:
            raise InputError(f"{path.parent}: no predictions.csv, expected a finished run")
        found += [_run(path.parent, run, tables) for tables in groups]
    if not found:
        raise InputError(f"workdir {workdir}: no run.json in it, expected the folders of runs")
    return found


def _run(folder: Path, run: dict[str, Any], tables: list[Predictions]) -> record.RunRecord:
    """The record of one test of a run: its splits on one database."""
    config = run["config"]
    (summary,) = summarise(tables, config.get("protocol", {}).get("aggregate", "median"))
    facts = [read_json(folder / table.split / "split.json", "seed", "seconds") for table in tables]
    seconds = [each["seconds"] for each in facts]
    latest = max(path.stat().st_mtime for path in folder.rglob(FILE_NAME))
    return record.RunRecord(
        run=summary.run,
        database=summary.database,
        score_name=summary.score_name,
        protocol=summary.protocol,
        command=run["command"],
        machine=run["machine"],
        aggregate=summary.aggregate,
        splits=tuple(
            _split(table, summary, each, config) for table, each in zip(tables, facts, strict=True)
        ),
        total=_intervals(summary.total),
        seconds=record.Span(min(seconds), max(seconds)),
        epochs=_epochs(config, facts[0]),
        config_hash=summary.config_hash,
        version=run.get("jiqa"),
        date=datetime.datetime.fromtimestamp(latest, datetime.UTC).date().isoformat(),
    )


def _split(
    table: Predictions, summary: Summary, facts: dict[str, Any], config: dict[str, Any]
) -> record.SplitRecord:
    stages = _stages(config, facts)
    seen = [_images_seen(config, name, each) for name, each in stages.items() if "steps" in each]
    last = list(stages.values())[-1] if stages else facts
    twin = table.twin
    without = {} if twin is None else _values(table.take(~twin), summary.total)
    return record.SplitRecord(
        name=table.split,
        seed=facts["seed"],
        test_images=len(table),
        figures=_intervals(summary.splits[table.split]),
        steps=facts.get("steps"),
        selected_step=last.get("selected_step"),
        seconds=facts["seconds"],
        images_seen=None if None in seen or not seen else sum(filter(None, seen)),
        twins=facts.get("twins"),
        without_twins=without,
        predictions=record.Predicted(
            id=tuple(map(str, table.id)),
            score=tuple(float(f"{x:.6g}") for x in table.score),
            prediction=tuple(float(f"{x:.6g}") for x in table.prediction),
        ),
    )


def _intervals(figures: Mapping[str, Figure]) -> dict[str, record.Interval]:
    return {name: record.Interval(*map(_finite, figure)) for name, figure in figures.items()}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _values(table: Predictions, criteria: Mapping[str, Any]) -> dict[str, float]:
    values = {name: CRITERIA[name][1](table.prediction, table.score) for name in criteria}
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}


def _stages(config: dict[str, Any], facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Facts of each stage by its name; a single stage's stand in the split's own."""
    names = config.get("stages", ())
    return facts.get("stages") or ({names[0]: facts} if len(names) == 1 else {})


def _images_seen(config: dict[str, Any], name: str, facts: dict[str, Any]) -> int | None:
    """Images that the updates of a stage read; None where its batch is not in the config."""
    batch = config.get(name, {}).get("fit", {}).get("batch_size")
    return batch and batch * facts["steps"]


def _epochs(config: dict[str, Any], facts: dict[str, Any]) -> float | None:
    """Passes over the training images by the stages that learn their scores, to 0.1."""
    seen = [
        _images_seen(config, name, each)
        for name, each in _stages(config, facts).items()
        if config.get(name, {}).get("task") == "scores"
        and not config[name].get("database")
        and "steps" in each
    ]
    if not seen or None in seen or not facts.get("train"):
        return None
    return round(sum(filter(None, seen)) / facts["train"], 1)


def restorers(workdir: str | os.PathLike) -> list[record.RestorerRecord]:
    """Restorers under `workdir`, each with its means over the pairs of every distortion.

    Raises:
        InputError: a file of a stage is missing or malformed.
    """
    # Of two trainings of one stage by one command the later one replaces the other.
    found = sorted(Path(workdir).rglob(RESTORED), key=lambda path: path.stat().st_mtime)
    return [_restorer(path) for path in found]


def _restorer(path: Path) -> record.RestorerRecord:
    facts = read_json(path.with_name(STAGE), "command", "model", "steps", "fit")
    rows = _rows(path)
    # A stage that leaves the map out of its loss has a stale one.
    columns = COLUMNS if facts["fit"].get("ssim_weight", 0.0) > 0 else COLUMNS[:-1]
    names = dict.fromkeys(row["distortion"] for row in rows)
    kinds = {name: [row for row in rows if row["distortion"] == name] for name in names}
    kinds["all"] = rows
    folder = path.parent
    kept = folder.parent.name == "stages"
    return record.RestorerRecord(
        command=facts["command"],
        stage=folder.name.rpartition("-")[0] if kept else f"{folder.parent.name}/{folder.name}",
        multitask=facts["model"].get("multitask", True),
        updates=facts["steps"],
        rows=tuple(
            record.RestoredRow(name, len(each), **{c: _mean(each, c) for c in columns})
            for name, each in kinds.items()
        ),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows or {"distortion", *COLUMNS} - rows[0].keys():
        raise InputError(f"{path}: expected rows with distortion, {', '.join(COLUMNS)}")
    return rows


def _mean(rows: Sequence[dict[str, str]], column: str) -> float | None:
    """Mean over the rows that have the figure; None where none has."""
    values = [float(row[column]) for row in rows if row[column]]
    return _finite(float(np.mean(values))) if values else None
