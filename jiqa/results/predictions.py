"""The predictions table: one CSV row per image, the only source of all results.

Columns: run, config_hash, database, protocol, split, id, content_id, distortion, level, the score
under its own name (mos, dmos or pseudo_mos), prediction. Score and prediction have the database's
own scale and direction. A twin is a training image with the same pixels or looks as a test image;
where an official split has twins, a last column, twin, is 1 for their test images.
"""

import csv
import dataclasses
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from jiqa.data.protocols import CROSS, SHARED
from jiqa.errors import InputError
from jiqa.files import write_csv

if TYPE_CHECKING:
    from jiqa.data.index import Index

FILE_NAME, TWIN = "predictions.csv", "twin"
SCORE_NAMES = ("mos", "dmos", "pseudo_mos")
LABELS = ("run", "config_hash", "database", "protocol", "split")
IMAGE = ("id", "content_id", "distortion", "level")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Predictions of one run for the test images of one split, sorted by id.

    `id`, `content_id` and `distortion` are str[n], `level` int64[n], `score` and `prediction`
    float64[n]. `twin` is bool[n], True for images with a twin among the training images; None where
    no image has a twin.
    """

    run: str
    config_hash: str
    database: str
    protocol: str
    split: str
    score_name: str
    id: np.ndarray
    content_id: np.ndarray
    distortion: np.ndarray
    level: np.ndarray
    score: np.ndarray
    prediction: np.ndarray
    twin: np.ndarray | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """(run, config_hash, database, protocol, split)."""
        return tuple(getattr(self, name) for name in LABELS)

    @property
    def trained_on(self) -> str:
        """Database of the training in a cross-database test; else ''."""
        if not self.protocol.startswith(CROSS):
            return ""
        return self.protocol.removeprefix(CROSS).removesuffix(SHARED)

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: np.ndarray) -> Self:
        """Predictions of some rows: bool[n], or int[m], whose order is kept."""
        columns = (*IMAGE, "score", "prediction", *([] if self.twin is None else [TWIN]))
        return dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in columns})

    @classmethod
    def from_index(
        cls,
        index: "Index",
        prediction: np.ndarray,
        *,
        run: str,
        config_hash: str,
        protocol: str,
        split: str,
        twin: np.ndarray | None = None,
    ) -> Self:
        """Table of predictions float[n], in the score's own scale, for the n rows of `index`.

        `twin`, bool[n], marks rows with a twin among the training images.

        Raises:
            InputError: a prediction is not finite, or the lengths differ.
        """
        prediction = np.asarray(prediction, np.float64)
        if prediction.shape != (len(index),):
            raise InputError(
                f"predictions of {run} on {index.database}: shape {prediction.shape}, "
                f"expected ({len(index)},)"
            )
        bad = np.flatnonzero(~np.isfinite(prediction))
        if bad.size:
            raise InputError(
                f"predictions of {run} on {index.database}: {prediction[bad[0]]} for image "
                f"{str(index.id[bad[0]])!r}, expected a finite number"
            )
        order = np.argsort(index.id)
        return cls(
            run=run,
            config_hash=config_hash,
            database=index.database,
            protocol=protocol,
            split=split,
            score_name=index.score_name,
            id=index.id[order],
            content_id=index.content_id[order],
            distortion=index.distortion[order],
            level=index.level[order],
            score=np.asarray(index.score, np.float64)[order],
            prediction=prediction[order],
            twin=twin[order] if twin is not None and twin.any() else None,
        )


def write_predictions(path: str | os.PathLike, tables: Sequence[Predictions]) -> None:
    """Writes one CSV file atomically; all `tables` have the same score name."""
    (score_name,) = {table.score_name for table in tables}
    twins = any(table.twin is not None for table in tables)
    header = [*LABELS, *IMAGE, score_name, "prediction", *([TWIN] if twins else [])]
    write_csv(path, [header, *(row for table in tables for row in _rows(table, twins))])


def _rows(table: Predictions, twins: bool) -> Iterator[list[object]]:
    """Lines of a table; `twins`: whether the table has the column `twin`."""
    twin = np.zeros(len(table), bool) if table.twin is None else table.twin
    images = (getattr(table, name) for name in IMAGE)
    for *image, score, prediction, last in zip(
        *images, table.score, table.prediction, twin, strict=True
    ):
        # Nine significant digits restore a float32 exactly.
        numbers = [f"{score:.9g}", f"{prediction:.9g}"]
        yield [*table.labels, *image, *numbers, *([int(last)] if twins else [])]


def read_predictions(workdir: str | os.PathLike) -> list[Predictions]:
    """All predictions in files named predictions.csv in `workdir`, at any depth.

    Returns:
        One table for each run and split, sorted by labels.

    Raises:
        InputError: `workdir` does not exist, a file is malformed, or two files hold the same split
            of the same run.
    """
    workdir = Path(workdir)
    if not workdir.is_dir():
        raise InputError(f"workdir {workdir}: no such folder")
    found: dict[tuple[str, ...], tuple[Path, Predictions]] = {}
    for path in sorted(workdir.rglob(FILE_NAME)):
        for table in _read(path):
            if table.labels in found:
                raise InputError(
                    f"{path}: split {table.split!r} of run {table.run!r} on {table.database} is "
                    f"in {found[table.labels][0]} already, expected it once"
                )
            found[table.labels] = path, table
    return [found[labels][1] for labels in sorted(found)]


def _read(path: Path) -> Iterable[Predictions]:
    with path.open(newline="", encoding="utf-8") as file:
        try:
            lines = list(csv.reader(file, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from None
    header = lines[0] if lines else []
    known = [[*LABELS, *IMAGE, name, "prediction"] for name in SCORE_NAMES]
    twins = header[-1:] == [TWIN]
    if header[: len(known[0])] not in known or header[len(known[0]) :] not in ([], [TWIN]):
        raise InputError(
            f"{path}: header {','.join(header)!r}, expected {','.join(known[0])!r} "
            "(or dmos or pseudo_mos)"
        )
    splits: dict[tuple[str, ...], dict[str, tuple]] = {}
    for number, line in enumerate(lines[1:], start=2):
        row = _row(line, header, f"{path}, row {number}")
        images = splits.setdefault(row[:5], {})
        if row[5] in images:
            raise InputError(f"{path}, row {number}: image {row[5]!r} is there twice")
        images[row[5]] = row[5:]
    for labels, images in splits.items():
        ids, content, distortion, level, score, prediction, twin = zip(
            *(images[key] for key in sorted(images)), strict=True
        )
        yield Predictions(
            *labels,
            score_name=header[9],
            id=np.array(ids),
            content_id=np.array(content),
            distortion=np.array(distortion),
            level=np.array(level),
            score=np.array(score),
            prediction=np.array(prediction),
            twin=np.array(twin, bool) if twins and any(twin) else None,
        )


def _row(line: list[str], header: list[str], where: str) -> tuple:
    if len(line) != len(header):
        raise InputError(f"{where}: {len(line)} fields, expected {len(header)}")
    for name, text in zip(header[:6], line, strict=False):
        if not text:
            raise InputError(f"{where}: {name} is empty")
    return (
        *line[:8],
        _number(int, line[8], f"{where}: level"),
        _number(float, line[9], f"{where}: {header[9]}"),
        _number(float, line[10], f"{where}: prediction"),
        _number(int, line[11], f"{where}: {TWIN}") if len(line) > 11 else 0,
    )


def _number(kind: type, text: str, where: str) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where} is {text!r}, expected a{'n integer' if kind is int else ' finite number'}"
        )
    return value
