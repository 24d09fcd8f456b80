"""Facts of prepared databases that papers' tables state, such as the number of images."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jiqa.data.index import REFERENCE, Index
from jiqa.data.levels import quality_levels
from jiqa.databases import prepare
from jiqa.databases.builder import AUTHENTIC
from jiqa.databases.load import load_index
from jiqa.results.published import Query


@dataclasses.dataclass(frozen=True)
class _Known:
    info: Any
    index: Index
    query: Query

    def level(self) -> Index:
        """Images of the query's level and, where the query names one, of its distortion."""
        rows = quality_levels(self.index) == self.query.level
        if self.query.distortion:
            rows &= self.index.distortion == self.query.distortion
        return self.index.take(rows)


def _references(known: _Known) -> int | None:
    splits = known.info.splits
    return splits[REFERENCE].num_examples if REFERENCE in splits else None


def _types(known: _Known) -> int | None:
    types = set(known.index.distortion.tolist())
    return len(types) if types != {AUTHENTIC} else None


def _range(low: float, high: float) -> str:
    return f"[{low:g},{high:g}]"


# Name of a fact -> its value; None where the database has no such fact.
FACTS: dict[str, Callable[[_Known], int | str | None]] = {
    "references": _references,
    "distorted": lambda known: len(known.index),
    "types": _types,
    "score": lambda known: known.index.score_name.upper(),
    "range": lambda known: _range(*known.index.score_range),
    "level_range": lambda known: _range(known.level().score.min(), known.level().score.max()),
    "level_count": lambda known: len(known.level()),
}


def fact(query: Query, data_dir: str | Path | None = None) -> int | str | None:
    """Value of `query.fact`; None where the database has no such fact or is not prepared."""
    (database,) = query.databases
    if not prepare.is_prepared(database, data_dir=data_dir):
        return None
    info, index = _opened(database, data_dir)
    return FACTS[query.fact](_Known(info, index, query))


@functools.cache
def _opened(database: str, data_dir: str | Path | None) -> tuple[Any, Index]:
    info = prepare.open_builder(database, data_dir=data_dir).info
    return info, load_index(database, data_dir=data_dir)[0]
