"""Recognition of a prepared database's images: computed once, and kept in its folder."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jiqa.data import looks
from jiqa.data.contents import Contents, recognise, twins
from jiqa.errors import InputError
from jiqa.files import write_csv, write_npz
from jiqa.images import decode

# Files in the folder of a prepared database: the hashes, and the pairs of images of one content.
FILE, DUPLICATES = "contents.npz", "duplicates.csv"
# Images that wait to be hashed while others are decoded.
_WAITING = 8


class Recogniser:
    """Hashes images while others are decoded: `add` images, then read `hashes`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._found: dict[str, Future] = {}
        self._waiting: collections.deque[Future] = collections.deque()

    def add(self, id: str, image: np.ndarray) -> None:
        """Queues an image, uint8 [h, w, 3], for hashing."""
        self._found[id] = self._pool.submit(_hashes, image)
        self._waiting.append(self._found[id])
        if len(self._waiting) > _WAITING:
            self._waiting.popleft().result()

    def hashes(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """(pixels, looks) hashes of every image, by id."""
        return {id: future.result() for id, future in self._found.items()}


def _hashes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return looks.hash_pixels(image), looks.hash_looks(image)


def write(folder: Path, images: Mapping[str, Any]) -> str:
    """Writes `FILE` and `DUPLICATES` of the prepared database in a folder.

    Args:
        folder: folder of the database.
        images: `Recogniser.hashes` of its images, as far as known; others are decoded.

    Returns:
        A line with the number of pairs of images of one content under different names; '' for none.
    """
    rows = list(_rows(folder, images))
    ids, splits, named = (np.array([row[k] for row in rows], np.str_) for k in range(3))
    found = recognise(ids, splits, named, [row[3] for row in rows])
    pairs = twins(found)
    header = ("id", "split", "twin", "twin_split", "kind", "distance")
    lines = [(ids[i], splits[i], ids[j], splits[j], *rest) for i, j, *rest in pairs]
    write_csv(folder / DUPLICATES, [header, *lines])
    write_npz(folder / FILE, dataclasses.asdict(found))
    if not pairs:
        return ""
    counts = collections.Counter(pair.kind for pair in pairs)
    return f"{counts['pixels']} pairs of the same pixels and {counts['looks']} of the same looks"


def _rows(folder: Path, images: Mapping[str, Any]) -> Iterator[tuple]:
    """(id, split, content in lower case, hashes) of every image; decodes images without hashes."""
    builder: Any = tfds.builder_from_directory(folder)
    for split in sorted(builder.info.splits):
        source = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
        for row in source:
            id = row["id"].decode()
            hashes = images.get(id)
            if hashes is None:
                hashes = _hashes(decode(row["image"], f"{folder} {id}"))
            yield id, split, row["content_id"].decode().lower(), hashes


def read(folder: Path, name: str, command: str) -> Contents:
    """The contents of a prepared database.

    Args:
        folder: folder of the database.
        name: name of the database.
        command: command that prepares the database.

    Raises:
        InputError: the database was prepared by a version that did not compare images.
    """
    path = folder / FILE
    if not path.exists():
        raise InputError(
            f"{name}: found no {FILE} in {folder}, as older versions prepared it, expected "
            f"`{command}` again, which adds it"
        )
    with np.load(path) as stored:
        return Contents(**stored)
