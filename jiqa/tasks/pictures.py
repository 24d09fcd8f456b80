"""Makes pictures of pristine photographs, and the database `auxiliary` of all pictures."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from PIL import Image
from tqdm import tqdm

from jiqa.data.index import Index
from jiqa.data.pipeline import Resident, Streamed
from jiqa.databases import prepare
from jiqa.errors import InputError
from jiqa.files import write_csv, writing
from jiqa.metrics import metric
from jiqa.tasks.task import Fitted, TaskContext, no_quality
from jiqa.tfds_builders.auxiliary.auxiliary_dataset_builder import (
    COLUMNS,
    IMAGES,
    PHOTOGRAPHS,
    TABLE,
)

# Folders in the stage's folder: source files of the database, and the prepared database.
PICTURES, DATABASES = "pictures", "databases"

Source = Streamed | Resident


@dataclasses.dataclass(frozen=True)
class Maker:
    """Generator or synthetic distortion that makes one picture of each photograph.

    Attributes:
        name: of the folder of pictures.
        distortion: type of distortion of the pictures.
        level: of quality, 0 is the best.
        make: (photograph uint8 [h, w, 3], its id) -> picture uint8 [h, w, 3].
        step: number of training updates; 0 for a synthetic distortion.
        hash: hexadecimal hash of the parameters; '' for a synthetic distortion.
    """

    name: str
    distortion: str
    level: int
    make: Callable[[np.ndarray, str], np.ndarray]
    step: int = 0
    hash: str = ""


def make_database(
    context: TaskContext[Any], makers: Sequence[Maker], side: int, label: str
) -> Fitted:
    """Makes pictures, table and database where they are missing; returns the stage's result."""
    source, folder = context.dataset.source.pristine, context.folder
    index = source.index
    began, pictures, databases = time.perf_counter(), folder / PICTURES, folder / DATABASES
    if jax.process_index() == 0 and not prepare.is_prepared("auxiliary", data_dir=databases):
        count = _draw(source, makers, side, pictures)
        _write_table(index, makers, _scores(index, makers, label, pictures), pictures)
        prepare.prepare("auxiliary", manual_dir=pictures, data_dir=databases)
    else:
        count = 0
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("pictures")  # other processes wait for the database
    seconds = time.perf_counter() - began
    facts = {
        "images": len(index) * len(makers),
        "images_per_s": round(count / seconds, 2),
        "seconds": round(seconds),
        "database": str(databases),
    }
    return Fitted(no_quality, {}, facts)


def _draw(source: Source, makers: Sequence[Maker], side: int, folder: Path) -> int:
    """Writes the missing pictures and returns their number."""
    count = 0
    for row, id in enumerate(tqdm(source.index.id.tolist(), "pictures", disable=None)):
        reference = folder / PHOTOGRAPHS / f"{_file_name(id)}.png"
        files = [(maker, folder / IMAGES / _picture(maker, id)) for maker in makers]
        missing = [(maker, path) for maker, path in files if not path.exists()]
        if not missing and reference.exists():
            continue
        photograph = _middle(source.load(row), side, f"{source.index.database} {id}")
        _save(photograph, reference)
        for maker, path in missing:
            _save(maker.make(photograph, id), path)
        count += len(missing)
    return count


def to_uint8(image: jax.Array) -> np.ndarray:
    """Image float [h, w, 3] in [0, 1] as uint8."""
    return np.rint(255 * np.asarray(image)).astype(np.uint8)


def _middle(image: np.ndarray, side: int, name: str) -> np.ndarray:
    """The central square of `side` pixels, or the whole image where `side` is 0."""
    if not side:
        return image
    height, width = image.shape[:2]
    if min(height, width) < side:
        raise InputError(f"{name}: found {height}x{width} pixels, expected {side} or more a side")
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _scores(index: Index, makers: Sequence[Maker], label: str, folder: Path) -> list[list[float]]:
    """Labels in [0, 1] in the place of human scores, by photograph and maker."""
    worst = max(maker.level for maker in makers)
    levels = [1 - maker.level / max(1, worst) for maker in makers]
    if label == "level":
        return [levels] * len(index)
    compare, found = metric.create_metric(label), []
    for id in tqdm(index.id.tolist(), label, disable=None):
        ref = str(folder / PHOTOGRAPHS / f"{_file_name(id)}.png")
        images = [str(folder / IMAGES / _picture(maker, id)) for maker in makers]
        scores = np.atleast_1d(compare(images, [ref] * len(images)))
        found.append(np.clip(scores, 0, 1).tolist())
    return found


def _write_table(
    index: Index, makers: Sequence[Maker], scores: Sequence[Sequence[float]], folder: Path
) -> None:
    rows = [COLUMNS]
    for number, id in enumerate(index.id.tolist()):
        for maker, score in zip(makers, scores[number], strict=True):
            about = [_picture(maker, id), f"{id} {maker.name}", index.content_id[number]]
            level = [maker.distortion, maker.level, f"{score:.6g}", _file_name(id)]
            rows.append([*about, *level, maker.name, maker.step, maker.hash])
    write_csv(folder / TABLE, rows)


def _picture(maker: Maker, id: str) -> str:
    return f"{maker.name}/{_file_name(id)}.png"


def _file_name(id: str) -> str:
    return id.replace("/", "_")


def _save(image: np.ndarray, path: Path) -> None:
    """Writes a PNG file atomically."""
    with writing(path) as part:
        Image.fromarray(image).save(part, "PNG", compress_level=1)
