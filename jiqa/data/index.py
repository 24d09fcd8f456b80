"""Rows of a database, with random access to its stored images."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from jiqa.data.contents import REFERENCE as REFERENCE
from jiqa.data.contents import Contents

# The only split of a database without official splits.
DISTORTED = "distorted"


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
    """Columns of a database, one row per image, sorted by id; each a NumPy array of length n.

    Attributes:
        database: name, with the config if that is part of the name: `biq2021/sample`.
        family: name shared by databases made from the same photographs.
        score_name: `mos`, `dmos` or `pseudo_mos`.
        score_range: nominal (lowest, highest) score.
        higher_better: whether a higher score means higher quality.
        id: str [n], unique.
        content_id: str [n], photograph that the image was made from (the image's own id without
            one); contents with the same pixels or looks have the first of their names.
        distortion: str [n], `authentic` for the camera's own distortions.
        level: int32 [n], 0 without levels.
        score: float32 [n], in the database's own scale and direction.
        score_std: float32 [n], standard deviation over the observers; nan where unknown.
        official: str [n], the database's official split, '' without one.
        record: int64 [n], position in `Records`: the row number of the full index.
        named: str [n], content by the release's names, in lower case; None: as `content_id`.
        contents: contents of all images of the database; None if they were never compared.
    """

    database: str
    family: str
    score_name: str
    score_range: tuple[float, float]
    higher_better: bool
    id: np.ndarray
    content_id: np.ndarray
    distortion: np.ndarray
    level: np.ndarray
    score: np.ndarray
    score_std: np.ndarray
    official: np.ndarray
    record: np.ndarray
    named: np.ndarray | None = None
    contents: Contents | None = None

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: Sequence[int] | np.ndarray) -> "Index":
        """The index of these rows, in this order."""
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in dataclasses.fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return dataclasses.replace(self, **columns)

    @property
    def content_hash(self) -> np.ndarray:
        """str [n], 16 hex digits of the family and of `names`: the same for every release."""
        names, rows = np.unique(self.names, return_inverse=True)
        digests = (hashlib.sha256(f"{self.family}/{name}".encode()) for name in names)
        return np.array([digest.hexdigest()[:16] for digest in digests])[rows]

    @property
    def shown(self) -> Contents | None:
        """Images that represent the contents of these rows: their references, or the rows."""
        if self.contents is None:
            return None
        return self.contents.take(np.isin(self.contents.named, np.unique(self.names)))

    @property
    def names(self) -> np.ndarray:
        """str [n], contents by the release's names."""
        return self.content_id if self.named is None else self.named

    @property
    def quality(self) -> np.ndarray:
        """float32 [n], higher is better: the score with its nominal range mapped to [0, 1].

        Scores outside the nominal range are not clipped.
        """
        return self.to_quality(self.score).astype(np.float32)

    def to_quality(self, score: np.ndarray) -> np.ndarray:
        """Quality of scores in the database's own scale and direction; any shape."""
        worst, best = self._worst_best
        return (score - worst) / (best - worst)

    def to_score(self, quality: np.ndarray) -> np.ndarray:
        """Scores in the database's own scale and direction, of qualities; float32, any shape."""
        worst, best = self._worst_best
        return (worst + np.asarray(quality) * (best - worst)).astype(np.float32)

    @property
    def _worst_best(self) -> tuple[float, float]:
        low, high = self.score_range
        return (low, high) if self.higher_better else (high, low)


@dataclasses.dataclass(frozen=True, eq=False)
class Records:
    """Stored image bytes by row of the full index: `records[row] -> bytes`.

    Files are opened at the first read, in the reading process, so the object can be pickled.
    """

    source: Any
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, row: int) -> bytes:
        return self.row(row)["image"]

    def row(self, row: int) -> dict[str, Any]:
        """All columns of a row, with text as bytes."""
        return self.source[self.position[row]]


class Several:
    """Rows of several `Records` as one source: row i is `rows[i]` of `files[i]`."""

    def __init__(self, files: Sequence[Records], rows: np.ndarray):
        self._files, self._rows = files, rows

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self._files[number].row(self._rows[number])


def unscored(database: str, ids: np.ndarray, family: str = "") -> Index:
    """Index of pictures without scores, whose `content_id` is their id.

    Args:
        database: name of the source of the pictures.
        ids: str [n], unique.
        family: family of the photographs ['' for `database`].
    """
    n = len(ids)
    return Index(
        database=database,
        family=family or database,
        score_name="none",
        score_range=(0.0, 1.0),
        higher_better=True,
        id=ids,
        content_id=ids,
        distortion=np.full(n, "pristine"),
        level=np.zeros(n, np.int32),
        score=np.full(n, np.nan, np.float32),
        score_std=np.full(n, np.nan, np.float32),
        official=np.full(n, ""),
        record=np.arange(n),
    )


def concatenated(parts: Sequence[Index]) -> Index:
    """Rows of all indices, one after the other; the other fields are those of the first index."""
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(Index)
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    return dataclasses.replace(parts[0], **columns)
