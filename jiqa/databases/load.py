"""Prepared databases: their index, records and pristine photographs."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jiqa.data.index import DISTORTED, REFERENCE, Index, Records
from jiqa.databases import prepare
from jiqa.errors import InputError


def load_index(
    database: str, *, config: str = "", data_dir: str | Path | None = None
) -> tuple[Index, Records]:
    """Index and records of a prepared database, all official splits together, without references.

    Raises:
        InputError: an unknown database, one not prepared, or prepared by a version that did not
            compare images; no scored images, or two with one id.
    """
    # Any, because TFDS's decorators hide the signatures of its methods.
    builder: Any = prepare.open_builder(database, config=config, data_dir=data_dir)
    splits = sorted(set(builder.info.splits) - {REFERENCE})
    if not splits:
        raise InputError(f"{database}: only pristine photographs found, expected scored images")
    source = builder.as_data_source(
        "+".join(splits), decoders={"image": tfds.decode.SkipDecoding()}
    )
    rows = [{**row, "image": None} for row in source]
    official = np.repeat(
        ["" if split == DISTORTED else split for split in splits],
        [builder.info.splits[split].num_examples for split in splits],
    )
    position = np.array(sorted(range(len(rows)), key=lambda i: rows[i]["id"]))
    rows = [rows[i] for i in position]
    facts = builder.info.metadata
    score = facts["score"]
    known = prepare.contents_of(builder, database, config, data_dir)
    merged = dict(zip(known.named.tolist(), known.merged.tolist(), strict=True))
    named = np.char.lower(_text(rows, "content_id"))
    index = Index(
        database=f"{database}/{config}" if facts["sample"] else database,
        family=facts.get("family") or database,
        score_name=score,
        score_range=(float(facts["score_range"][0]), float(facts["score_range"][1])),
        higher_better=facts["higher_better"],
        id=_text(rows, "id"),
        content_id=np.array([merged[name] for name in named.tolist()]),
        distortion=_text(rows, "distortion"),
        level=np.array([row["level"] for row in rows], np.int32),
        score=np.array([row[score] for row in rows], np.float32),
        score_std=np.array([row[f"{score}_std"] for row in rows], np.float32),
        official=official[position],
        record=np.arange(len(rows)),
        named=named,
        contents=known,
    )
    repeated = index.id[1:][index.id[1:] == index.id[:-1]]
    if repeated.size:
        raise InputError(f"{database}: id {repeated[0]} occurs twice, expected unique ids")
    return index, Records(source, position)


def load_photographs(
    database: str, *, config: str = "", data_dir: str | Path | None = None
) -> tuple[np.ndarray, Records]:
    """Ids, str [n] sorted, and records of the pristine photographs of a prepared database.

    Raises:
        InputError: an unknown database, one not prepared, or one without pristine photographs.
    """
    builder: Any = prepare.open_builder(database, config=config, data_dir=data_dir)
    if REFERENCE not in builder.info.splits:
        found = ", ".join(sorted(builder.info.splits))
        raise InputError(f"{database}: found the splits {found}, expected pristine photographs")
    return _references(builder)


def open_references(database: str, records: Records) -> tuple[np.ndarray, Records]:
    """As `load_photographs`, for the database of `records`.

    Raises:
        InputError: a database without references.
    """
    if "reference" not in records.source[0]:
        raise InputError(f"{database}: found no references, expected one for each image")
    return _references(tfds.builder_from_directory(records.source.dataset_info.data_dir))


def _references(builder: Any) -> tuple[np.ndarray, Records]:
    source = builder.as_data_source(REFERENCE, decoders={"image": tfds.decode.SkipDecoding()})
    ids = np.array([row["id"].decode() for row in source])
    position = np.argsort(ids)
    return ids[position], Records(source, position)


def _text(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name].decode() for row in rows])
