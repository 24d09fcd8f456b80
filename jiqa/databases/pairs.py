"""Pairs of a pristine photograph and its distorted image, for training a restorer.

A row is a pair, uint8 [h, w, 2, 3]: the reference, then the distorted image. Windows, flips and
batches work as in every other source, so that both images are cropped alike.
"""

import dataclasses
import hashlib
import shutil
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from jiqa import images
from jiqa.data import transforms
from jiqa.data.distort import FAMILIES, distort
from jiqa.data.index import Index, Records
from jiqa.data.pipeline import Streamed
from jiqa.data.sampling import View
from jiqa.databases import prepare
from jiqa.databases.load import open_references
from jiqa.databases.photographs import Photographs
from jiqa.errors import InputError
from jiqa.files import locked, writing

# Distortions of Waterloo Exploration, for training MT-IRN and TTL-IQA.
FAMILY = "waterloo"
LEVELS = np.arange(1, 6)
# Serialises header parsing: NumPy has Python parse a file's header, and CPython 3.11's parser
# sometimes fails in several threads at once.
_PARSING = threading.Lock()
VARIANTS = [(name, level) for name in FAMILIES[FAMILY] for level in LEVELS.tolist()]


@dataclasses.dataclass(eq=False)
class Paired(Streamed):
    """Source of a database's scored images, each with its reference; created by `paired`."""

    references: Any = None
    place: dict[str, int] = dataclasses.field(default_factory=dict)

    def make(self) -> None:
        """Does nothing, since a database already has its pairs."""

    def load(self, row: int) -> np.ndarray:
        """The pair of a row, uint8 [h, w, 2, 3].

        Raises:
            InputError: a broken image, or a pair of different sizes.
        """
        image, reference = super().load(row), self.reference(row)
        if self.view.resize:
            reference = transforms.resize(reference, self.view.resize)
        if image.shape != reference.shape:
            (h, w, _), (height, width, _) = image.shape, reference.shape
            name = f"{self.index.database} {self.index.id[row]}"
            expected = f"{height}x{width} as its reference"
            raise InputError(f"{name}: found {h}x{w} pixels, expected {expected}")
        return np.stack([reference, image], axis=2)

    def reference(self, row: int) -> np.ndarray:
        """The whole reference of a row: uint8 [h, w, 3].

        Raises:
            InputError: a reference that is missing or broken.
        """
        id = self.records.row(self.index.record[row])["reference"].decode()
        name = f"{self.index.database} {self.index.id[row]}"
        if id not in self.place:
            raise InputError(f"{name}: found no reference {id!r}")
        return images.decode(self.references[self.place[id]], f"reference of {name}")


def paired(index: Index, records: Records, view: View) -> Paired:
    """Pairs of a database, in the order of the index.

    Raises:
        InputError: a database without references.
    """
    ids, references = open_references(index.database, records)
    place = {id: i for i, id in enumerate(ids.tolist())}
    reason = "each image with its reference"
    return Paired(index, records, view, reason, 0, references=references, place=place)


@dataclasses.dataclass(eq=False)
class Distorted(Streamed):
    """Source of photographs distorted whole, by each of `VARIANTS`; created by `distorted`.

    Decoded photographs lie in `folder`, uint8 [1 + variants, h, w, 3] each, so that no update has
    to wait for a codec.
    """

    folder: Path = Path()

    def load(self, row: int) -> np.ndarray:
        """The pair of a row, uint8 [h, w, 2, 3], a view of the photograph's file."""
        number = 1 + row % len(VARIANTS)
        with _PARSING:
            stack = np.load(self._file(row // len(VARIANTS)), mmap_mode="r")
        self.view.check(f"{self.index.database} {self.index.content_id[row]}", stack.shape[1:3])
        return np.moveaxis(stack[: number + 1 : number], 0, 2)

    def make(self) -> None:
        """Distorts the photographs that are still missing, and continues after a kill.

        Another process that needs the same photographs waits.

        Raises:
            InputError: a photograph that is broken or too small, or a full disk.
        """
        with locked(self.folder.with_suffix(".lock")):
            self._make()

    def _make(self) -> None:
        missing = [i for i in range(len(self.records)) if not self._file(i).exists()]
        names = {i: f"{self.index.database} {self._name(i)}" for i in missing}
        sizes = [images.size(self.records[i], names[i]) for i in missing]
        for i, size in zip(missing, sizes, strict=True):
            self.view.check(names[i], size)
        self.folder.mkdir(parents=True, exist_ok=True)
        need = 3 * (1 + len(VARIANTS)) * sum(height * width for height, width in sizes)
        free = shutil.disk_usage(self.folder).free
        if need > free:
            raise InputError(
                f"{self.folder}: found {free / 2**30:.1f} GiB free, expected {need / 2**30:.1f} "
                f"for {len(missing)} photographs with {len(VARIANTS)} distorted pictures each"
            )
        for i in tqdm(missing, f"distort {self.index.database}", disable=None):
            image = images.decode(self.records[i], names[i])
            variants = _variants(image, zlib.crc32(self._name(i).encode()))
            with writing(self._file(i)) as part, part.open("wb") as file:
                np.save(file, variants)

    def _name(self, photograph: int) -> str:
        return str(self.index.content_id[photograph * len(VARIANTS)])

    def _file(self, photograph: int) -> Path:
        return self.folder / f"{self._name(photograph)}.npy"


def _variants(image: np.ndarray, seed: int) -> np.ndarray:
    """An image uint8 [h, w, 3] with all its variants, uint8 [1 + variants, h, w, 3]."""
    five = np.repeat(image[None], len(LEVELS), axis=0)
    variants = [distort(five, f"{FAMILY}/{name}", LEVELS, seed) for name in FAMILIES[FAMILY]]
    stack = np.rint(255 * np.concatenate([np.asarray(each) for each in variants])).astype(np.uint8)
    return np.concatenate([image[None], stack])


def distorted(
    photographs: Photographs, view: View, data_dir: str | Path | None = None
) -> Distorted:
    """Pairs of photographs, created by `Distorted.make` below the folder of databases.

    The index has one row for every variant of a photograph; `content_id` is the photograph's id,
    and there are no scores.

    Raises:
        InputError: a view that resizes.
    """
    if view.resize or view.crop_scale:
        raise InputError("pairs.view: found a resize, expected crops of whole photographs")
    kinds, levels = zip(*VARIANTS, strict=True)
    count, each = len(photographs), len(VARIANTS)
    repeated = photographs.index.take(np.repeat(np.arange(count), each))
    index = dataclasses.replace(
        repeated,
        id=np.array([f"{id}_{i % each:02}" for i, id in enumerate(repeated.id)]),
        distortion=np.tile(kinds, count),
        level=np.tile(np.array(levels, np.int32), count),
    )
    strengths = {name: kind.levels for name, kind in FAMILIES[FAMILY].items()}
    digest = hashlib.sha256(f"{strengths} {photographs.digest}".encode()).hexdigest()[:12]
    folder = prepare.data_root(data_dir) / "pairs" / digest
    return Distorted(index, photographs.files, view, f"decoded in {folder}", 0, folder=folder)
