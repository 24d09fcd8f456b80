"""Contents of a database: which images show the same photograph, whatever their names."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from jiqa.data import looks

# Split of the pristine photographs, which have no score.
REFERENCE = "reference"


class Twin(NamedTuple):
    """Two images of one content: numbers, evidence (`pixels` or `looks`), distance."""

    first: int
    second: int
    kind: str
    distance: int


@dataclasses.dataclass(frozen=True, eq=False)
class Contents:
    """Columns of all images of a database, one row per image, references included.

    Attributes:
        id: str [n].
        split: str [n].
        named: str [n], content by the release's names, in lower case.
        merged: str [n], content after merging contents with the same pixels or looks: the first of
            their names.
        shown: bool [n], whether the image represents its content in comparisons by looks: a
            reference, or any image of a database without references.
        pixels: uint8 [n, 32], see `looks.hash_pixels`.
        looks: uint8 [n, 32], see `looks.hash_looks`.
    """

    id: np.ndarray
    split: np.ndarray
    named: np.ndarray
    merged: np.ndarray
    shown: np.ndarray
    pixels: np.ndarray
    looks: np.ndarray

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: np.ndarray) -> "Contents":
        """The contents of these rows: bool [n], or int [m], in this order."""
        columns = dataclasses.asdict(self)
        return Contents(**{name: column[rows] for name, column in columns.items()})


def recognise(
    ids: np.ndarray,
    splits: np.ndarray,
    named: np.ndarray,
    hashes: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Contents:
    """Contents of a database's images, one row per image; `hashes`: see `Recogniser.hashes`."""
    pristine = splits == REFERENCE
    found = Contents(
        id=ids,
        split=splits,
        named=named,
        merged=named,
        shown=pristine if pristine.any() else ~pristine,
        pixels=np.array([each[0] for each in hashes], np.uint8).reshape(-1, looks.BYTES),
        looks=np.array([each[1] for each in hashes], np.uint8).reshape(-1, looks.BYTES),
    )
    return dataclasses.replace(found, merged=_merged(named, twins(found)))


def twins(contents: Contents, others: Contents | None = None) -> list[Twin]:
    """Pairs of images with the same pixels or looks, though their contents have different names.

    Of several images with the same pixels, each is paired with the first only.

    Args:
        contents: images for the first place of a pair.
        others: images for the second place, of another database, whose names are not compared
            [the same database].
    """
    pairs = _by_pixels(contents, others) + _by_looks(contents, others)
    if others is None:
        pairs = [pair for pair in pairs if len(set(contents.named[list(pair[:2])])) > 1]
    kept: dict[tuple[int, int], Twin] = {}
    for pair in pairs:
        kept.setdefault(pair[:2], pair)
    return sorted(kept.values())


def _by_pixels(contents: Contents, others: Contents | None) -> list[Twin]:
    first: dict[bytes, int] = {}
    for i, pixels in enumerate(contents.pixels):
        first.setdefault(pixels.tobytes(), i)
    second = contents if others is None else others
    pairs = [(first.get(pixels.tobytes()), j) for j, pixels in enumerate(second.pixels)]
    within = others is None
    return [Twin(i, j, "pixels", 0) for i, j in pairs if i is not None and not (within and i == j)]


def _by_looks(contents: Contents, others: Contents | None) -> list[Twin]:
    rows = np.flatnonzero(contents.shown)
    columns = rows if others is None else np.flatnonzero(others.shown)
    found = looks.alike(contents.looks[rows], None if others is None else others.looks[columns])
    return [Twin(int(rows[i]), int(columns[j]), "looks", d) for i, j, d in found.tolist()]


def _merged(named: np.ndarray, pairs: list[Twin]) -> np.ndarray:
    names, number = np.unique(named, return_inverse=True)
    ends = np.array([pair[:2] for pair in pairs], np.int64).reshape(-1, 2)
    links = coo_array((np.ones(len(ends)), tuple(number[ends].T)), (len(names),) * 2)
    group = connected_components(links, directed=False)[1]
    first = np.unique(group, return_index=True)[1]  # names are sorted: first name of a group
    return names[first[group]][number]
