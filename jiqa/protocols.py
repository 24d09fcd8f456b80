"""Protocols: an index of images becomes deterministic, content-disjoint splits."""

import dataclasses
import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from jiqa.errors import InputError

if TYPE_CHECKING:
    from jiqa.data.index import Index


@dataclasses.dataclass(frozen=True)
class Split:
    """Rows of an Index for training, model selection and the final test: int64[...], by id.

    `seed` is the one to train this split with. `hash` is the sha256 of the ids of the three
    parts and goes with every result: equal hashes mean equal parts, on any machine.
    """

    name: str
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    seed: int
    hash: str


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a database is divided, how often, and how the splits' figures become one.

    kind: 'random' draws `n` splits; 'official' takes the release's own test part `n` times, each
        time with another validation part and training seed.
    test: share of the contents in a random split's test part, in (0, 1).
    val: share of the *training part's* contents kept for model selection, in [0, 1).
    group_by: 'content_id' keeps all versions of a photograph on one side; 'id' does not, and the
        label says so.
    aggregate: 'median' or 'mean' over the splits.

    Raises InputError for a value out of range.
    """

    kind: str = "random"
    n: int = 1
    test: float = 0.1
    val: float = 0.1
    seed: int = 0
    group_by: str = "content_id"
    aggregate: str = "median"

    def __post_init__(self) -> None:
        for field, allowed in (
            ("kind", ("random", "official")),
            ("group_by", ("content_id", "id")),
            ("aggregate", ("median", "mean")),
        ):
            if getattr(self, field) not in allowed:
                raise InputError(
                    f"protocol {field}: {getattr(self, field)!r}, expected {' or '.join(allowed)}"
                )
        for field, expected, good in (
            ("n", "a whole number of 1 or more", _whole(self.n) and self.n >= 1),
            ("seed", "a whole number of 0 or more", _whole(self.seed) and self.seed >= 0),
            ("test", "a share above 0 and below 1", 0 < self.test < 1),
            ("val", "a share from 0 to below 1", 0 <= self.val < 1),
        ):
            if not good:
                raise InputError(f"protocol {field}: {getattr(self, field)}, expected {expected}")

    @property
    def label(self) -> str:
        """'official', or for example 'random-90-10-seed0'."""
        if self.kind == "official":
            return "official"
        label = f"random-{100 - 100 * self.test:g}-{100 * self.test:g}-seed{self.seed}"
        return label if self.group_by == "content_id" else f"{label}-by-{self.group_by}"

    def splits(self, index: "Index") -> list[Split]:
        """The `n` splits of `index`; split i does not depend on `n`.

        Contents are sorted and shuffled by a NumPy generator, so that the order of rows, the
        machine and PYTHONHASHSEED play no part.

        Raises InputError where there are too few contents, there is no official split, or the
        official parts share a content.
        """
        return [self._split(index, i) for i in range(self.n)]

    def _split(self, index: "Index", i: int) -> Split:
        group = getattr(index, self.group_by)
        if self.kind == "official":
            train, test = _official(index, group)
            rng = np.random.default_rng(self.seed + i)
            name, contents = f"seed{self.seed + i}", rng.permutation(train)
        else:
            rng = np.random.default_rng([self.seed, i])
            name, contents = f"split{i}", rng.permutation(np.unique(group))
            test, contents = self._cut(index, contents, self.test, "test")
        val, train = self._cut(index, contents, self.val, "validation")
        order = np.argsort(index.id)
        parts = [order[np.isin(group[order], part)] for part in (train, val, test)]
        digest = hashlib.sha256()
        for rows in parts:
            digest.update("\0".join(index.id[rows]).encode() + b"\n")
        return Split(name, *parts, seed=self.seed + i, hash=digest.hexdigest())

    def _cut(
        self, index: "Index", contents: np.ndarray, share: float, part: str
    ) -> tuple[np.ndarray, np.ndarray]:
        count = max(math.floor(share * len(contents) + 0.5), 1) if share else 0
        if count >= len(contents):
            raise InputError(
                f"protocol {self.label} on {index.database}: {part} takes {count} of "
                f"{len(contents)} contents, expected some to be left for training"
            )
        return contents[:count], contents[count:]


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _official(index: "Index", group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    names = np.unique(index.official).tolist()
    if names != ["test", "train"]:
        raise InputError(
            f"protocol official on {index.database}: its official parts are "
            f"{names if any(names) else 'none'}, expected train and test"
        )
    train, test = (np.unique(group[index.official == part]) for part in ("train", "test"))
    shared = np.intersect1d(train, test)
    if shared.size:
        raise InputError(
            f"protocol official on {index.database}: content {str(shared[0])!r} is in train and "
            f"test alike ({shared.size} such), expected none"
        )
    return train, test
