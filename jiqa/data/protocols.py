"""Protocols: deterministic, content-disjoint splits of an index of images."""

import dataclasses
import hashlib
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from jiqa.data.contents import twins
from jiqa.errors import InputError

if TYPE_CHECKING:
    from jiqa.data.index import Index

# Prefix of a protocol's label for training on another database, followed by its name.
CROSS = "cross-"
# Suffix of the label where both databases were made from the same photographs.
SHARED = " (shared photographs)"


@dataclasses.dataclass(frozen=True)
class Split:
    """Rows of an Index for training, validation and the final test: int64[...], by id.

    `seed` is the training seed of this split. `hash` is the SHA-256 of the ids of the three parts
    and is kept with every result: equal hashes mean equal parts, on any machine. `seen` holds
    the `content_hash` of every image read by training and validation, for `refuse_leak`. `twins`
    are the rows of an official test part whose pixels or looks occur in the other parts under
    other names; they stay in the test, as in the papers.
    """

    name: str
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    seed: int
    hash: str
    seen: frozenset[str]
    twins: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))


def refuse_leak(seen: frozenset[str], index: "Index", trained: "Index | None" = None) -> None:
    """Refuses a test on contents that training has seen.

    Args:
        seen: `content_hash` of every image that training read.
        index: images to test on.
        trained: another database that training reads; its images are compared with those of
            `index` by pixels and looks, whatever their names.

    Raises:
        InputError: a content of `index` is in `seen`, or in `trained`.
    """
    leaked = np.isin(index.content_hash, sorted(seen))
    if leaked.any():
        contents = np.unique(index.content_id[leaked])
        raise InputError(
            f"{index.database}: content {str(contents[0])!r} was trained on and is to be tested on "
            f"({len(contents)} such), expected none"
        )
    known, tested = (each.shown if each else None for each in (trained, index))
    if trained and known and tested and (pairs := twins(known, tested)):
        first, second, kind, _ = pairs[0]
        exactly = ", pixel for pixel" if kind == "pixels" else ""
        raise InputError(
            f"{index.database}: {tested.id[second]}, to be tested on, looks like {known.id[first]} "
            f"of {trained.database}, to be trained on{exactly} ({len(pairs)} such), expected none"
        )


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How to divide a database, how often, and how to aggregate the figures of the splits.

    kind: 'random' draws `n` splits. 'official' uses the release's own test part `n` times, each
        time with another training seed, and another validation part if the release has none.
        'lodo' leaves one distortion type out: it draws `n` random splits and makes one of each
        for every type, which is tested alone and never trained on. 'cross' trains `n` times on
        the whole database, for tests on others.
    test: share of the contents in a random split's test part, in (0, 1).
    val: share of the *training part's* contents kept for validation, in [0, 1).
    aggregate: 'median' or 'mean' over the splits.
    shared: with 'cross', also allow tests on databases made from the training photographs, as in
        the papers with LIVE and TID2013; the label then says so.

    Raises InputError for a value out of range.
    """

    kind: str = "random"
    n: int = 1
    test: float = 0.1
    val: float = 0.1
    seed: int = 0
    aggregate: str = "median"
    shared: bool = False

    def __post_init__(self) -> None:
        for field, allowed in (
            ("kind", ("random", "official", "lodo", "cross")),
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

    def label(self, database: str) -> str:
        """'official', 'random-90-10-seed0', or, for the training `database`, 'cross-live'."""
        if self.kind == "official":
            return "official"
        if self.kind == "cross":
            return CROSS + database
        return f"{self.kind}-{100 - 100 * self.test:g}-{100 * self.test:g}-seed{self.seed}"

    def label_of_test(self, index: "Index", tested: "Index") -> str:
        """Label of a test on `tested`, of a model trained on `index`, another database.

        Raises InputError if both were made from the same photographs and `shared` is False.
        """
        if tested.family != index.family:
            return self.label(index.database)
        if not self.shared:
            raise InputError(
                f"protocol cross: {tested.database} and {index.database} were made from the same "
                f"photographs ({index.family}), expected others; shared=True tests all the same"
            )
        return self.label(index.database) + SHARED

    def splits(self, index: "Index") -> list[Split]:
        """The `n` splits of `index`; split i does not depend on `n`.

        Contents are sorted, then shuffled by a NumPy generator, so that the order of rows, the
        machine and PYTHONHASHSEED do not matter.

        Raises InputError for too few contents or distortion types, a missing official split, or
        official parts that share a content.
        """
        splits = [self._split(index, i) for i in range(self.n)]
        if self.kind == "lodo":
            types = np.unique(index.distortion)
            if len(types) < 2:
                raise InputError(
                    f"protocol lodo on {index.database}: found one type of distortion, expected "
                    "several to leave one out"
                )
            return [_left_out(index, split, str(kind)) for split in splits for kind in types]
        return splits

    def _split(self, index: "Index", i: int) -> Split:
        name, seed = f"seed{self.seed + i}", self.seed + i
        val = test = index.content_id[:0]
        if self.kind == "official":
            train, val = _official(index)
            train = np.random.default_rng(seed).permutation(train)
        elif self.kind == "cross":
            train = np.random.default_rng(seed).permutation(np.unique(index.content_id))
        else:
            rng = np.random.default_rng([self.seed, i])
            name, train = f"split{i}", rng.permutation(np.unique(index.content_id))
            test, train = self._cut(index, train, self.test, "test")
        if not val.size:
            val, train = self._cut(index, train, self.val, "validation")
        if self.kind == "official":
            return _by_parts(index, name, seed, train, val)
        return by_contents(index, name, seed, (train, val, test))

    def _cut(
        self, index: "Index", contents: np.ndarray, share: float, part: str
    ) -> tuple[np.ndarray, np.ndarray]:
        count = max(math.floor(share * len(contents) + 0.5), 1) if share else 0
        if count >= len(contents):
            raise InputError(
                f"protocol {self.kind} on {index.database}: {part} takes {count} of "
                f"{len(contents)} contents, expected some to be left for training"
            )
        return contents[:count], contents[count:]


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def by_contents(
    index: "Index", name: str, seed: int, parts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Split:
    """The split whose training, validation and test parts are the rows of these contents."""
    order = np.argsort(index.id)
    return _named(
        index, name, seed, [order[np.isin(index.content_id[order], part)] for part in parts]
    )


def _named(index: "Index", name: str, seed: int, parts: list[np.ndarray]) -> Split:
    digest = hashlib.sha256()
    for rows in parts:
        digest.update("\0".join(index.id[rows]).encode() + b"\n")
    train, val, test = parts
    seen = frozenset(index.content_hash[np.concatenate([train, val])].tolist())
    return Split(name, train, val, test, seed, digest.hexdigest(), seen)


def _left_out(index: "Index", split: Split, kind: str) -> Split:
    """The split with the type `kind` in the test part only, and no other type there."""
    of_kind = index.distortion == kind
    train, val = (rows[~of_kind[rows]] for rows in (split.train, split.val))
    test = split.test[of_kind[split.test]]
    for part, rows in {"training": train, "test": test}.items():
        if not rows.size:
            raise InputError(
                f"protocol lodo on {index.database}: no {part} images of {split.name} with "
                f"{kind} left out, expected some"
            )
    return _named(index, f"{split.name}-{kind}", split.seed, [train, val, test])


def _official(index: "Index") -> tuple[np.ndarray, np.ndarray]:
    """Contents of the official training part and of the official validation part, maybe empty."""
    names = np.unique(index.official).tolist()
    if names not in (["test", "train"], ["test", "train", "validation"]):
        raise InputError(
            f"protocol official on {index.database}: its official parts are "
            f"{names if any(names) else 'none'}, expected train and test"
        )
    named = {part: np.unique(index.names[index.official == part]) for part in names}
    for first, second in itertools.combinations(names, 2):
        shared = np.intersect1d(named[first], named[second])
        if shared.size:
            raise InputError(
                f"protocol official on {index.database}: content {str(shared[0])!r} is in "
                f"{second} and {first} alike ({shared.size} such), expected none"
            )
    train, val = (
        np.unique(index.content_id[index.official == part]) for part in ("train", "validation")
    )
    return train, val


def _by_parts(index: "Index", name: str, seed: int, train: np.ndarray, val: np.ndarray) -> Split:
    """The split with the official test part, and these contents for training and validation."""
    order = np.argsort(index.id)
    official, content = index.official[order], index.content_id[order]
    validation = "validation" if "validation" in official else "train"
    parts = [
        order[(official == "train") & np.isin(content, train)],
        order[(official == validation) & np.isin(content, val)],
        order[official == "test"],
    ]
    split = _named(index, name, seed, parts)
    twin = np.isin(index.content_id[split.test], np.concatenate([train, val]))
    return dataclasses.replace(split, twins=split.test[twin])
