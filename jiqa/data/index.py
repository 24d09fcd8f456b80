"""The rows of a database, and random access to its stored images."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from jiqa.data.contents import REFERENCE as REFERENCE
from jiqa.data.contents import Contents

# The one split of a database that has no official ones.
DISTORTED = "distorted"


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
    """One row an image, sorted by id; every column is a NumPy array of length n.

    Attributes:
        database: name, with the config where that is a part of it: `biq2021/sample`.
        family: of photographs: databases of one family were made from the same ones.
        score_name: `mos`, `dmos` or `pseudo_mos`: what the score is.
        score_range: its nominal (lowest, highest).
        higher_better: its direction.
        id: str [n], unique.
        content_id: str [n], the photograph it was made from (own id where there is none); where
            several have the same pixels or look the same, the first of their names.
        distortion: str [n], `authentic` where the distortion is the camera's own.
        level: int32 [n], 0 where there are no levels.
        score: float32 [n], as the database gives it.
        score_std: float32 [n], its deviation over the observers; nan where unknown.
        official: str [n], the database's own split, '' where it has none.
        record: int64 [n], position in `Records`; the row number of the full index.
        named: str [n], the content as the release names it, in lower case; None: as `content_id`.
        contents: of all images of the database; None where they were never compared.
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
        """The index of these rows alone, in this order."""
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in dataclasses.fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return dataclasses.replace(self, **columns)

    @property
    def content_hash(self) -> np.ndarray:
        """str [n], 16 hex digits of the family and of `names`: the same in every release."""
        names, rows = np.unique(self.names, return_inverse=True)
        digests = (hashlib.sha256(f"{self.family}/{name}".encode()) for name in names)
        return np.array([digest.hexdigest()[:16] for digest in digests])[rows]

    @property
    def shown(self) -> Contents | None:
        """What the images of these rows are recognised by: their references, or they themselves."""
        if self.contents is None:
            return None
        return self.contents.take(np.isin(self.contents.named, np.unique(self.names)))

    @property
    def names(self) -> np.ndarray:
        """str [n], the contents as the release names them."""
        return self.content_id if self.named is None else self.named

    @property
    def quality(self) -> np.ndarray:
        """float32 [n], higher is better: the nominal range of the score mapped to [0, 1].

        A score outside the nominal range is not clipped.
        """
        return self.to_quality(self.score).astype(np.float32)

    def to_quality(self, score: np.ndarray) -> np.ndarray:
        """Scores in the database's own scale and direction as `quality`; any shape."""
        worst, best = self._worst_best
        return (score - worst) / (best - worst)

    def to_score(self, quality: np.ndarray) -> np.ndarray:
        """`quality` back in the database's own scale and direction; float32, any shape."""
        worst, best = self._worst_best
        return (worst + np.asarray(quality) * (best - worst)).astype(np.float32)

    @property
    def _worst_best(self) -> tuple[float, float]:
        low, high = self.score_range
        return (low, high) if self.higher_better else (high, low)


@dataclasses.dataclass(frozen=True, eq=False)
class Records:
    """Stored image bytes by row of the full index: `records[row] -> bytes`.

    Files are opened when first read, in whichever process reads, so it can be pickled.
    """

    source: Any
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, row: int) -> bytes:
        return self.row(row)["image"]

    def row(self, row: int) -> dict[str, Any]:
        """All columns of a row, text as bytes."""
        return self.source[self.position[row]]


class Several:
    """Rows of several `Records` as one source: for each, one of `files` and its row there."""

    def __init__(self, files: Sequence[Records], rows: np.ndarray):
        self._files, self._rows = files, rows

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self._files[number].row(self._rows[number])


def unscored(database: str, ids: np.ndarray, family: str = "") -> Index:
    """The index of pictures without scores, whose `content_id` is their id.

    Args:
        database: their name.
        ids: str [n], unique.
        family: of photographs; '' is the name.
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
    """The rows of one index after those of another; what else there is to say is the first's."""
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(Index)
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    return dataclasses.replace(parts[0], **columns)
