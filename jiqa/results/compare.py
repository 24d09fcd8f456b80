"""Runs that were tested on the same images, beside each other, and how sure the order is."""

import dataclasses
import itertools
import os
import re
from collections.abc import Sequence

import numpy as np

from jiqa.errors import InputError
from jiqa.results import stats
from jiqa.results.predictions import Predictions, read_predictions
from jiqa.results.summary import (
    AGGREGATES,
    MEASURES,
    Figure,
    by_run,
    compare,
    markdown,
    plural,
    same_test,
    show,
)


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two runs: how far the first is above the second, and the probability of that by chance.

    `difference` carries the paired bootstrap interval over the images; `p` is of the corrected t
    test over the splits, adjusted for all pairs, nan where there is one split or no random ones.
    """

    first: str
    second: str
    difference: Figure
    p: float


def report(workdir: str | os.PathLike, measure: str = "srocc", aggregate: str = "median") -> str:
    """Markdown: for every database and protocol with several runs, the runs and all pairs of them.

    Raises InputError for an unknown measure or aggregate, and where nothing can be compared.
    """
    for name, value, known in (
        ("measure", measure, MEASURES),
        ("aggregate", aggregate, AGGREGATES),
    ):
        if value not in known:
            raise InputError(f"{name}: found {value!r}, expected one of {', '.join(known)}")
    groups: list[list[list[Predictions]]] = []
    for tables in by_run(read_predictions(workdir)):
        group = next((g for g in groups if same_test(g[0], tables)), None)
        if group is None:
            groups.append([tables])
        else:
            group.append(tables)
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        raise InputError(f"workdir {workdir}: no two runs tested on the same images")
    return "\n".join(_section(group, measure, aggregate) for group in groups)


def pairs(runs: Sequence[list[Predictions]], measure: str, aggregate: str) -> list[Pair]:
    """All pairs of runs that were tested on the same splits, by a key of MEASURES."""
    values = [_values(tables, measure) for tables in runs]
    couples = list(itertools.combinations(range(len(runs)), 2))
    ratio = _ratio(runs[0][0].protocol)
    p = [stats.corrected_t(values[i] - values[j], ratio)[1] for i, j in couples]
    known = np.isfinite(p)
    adjusted = np.full(len(p), np.nan)
    adjusted[known] = stats.holm(np.asarray(p)[known])
    return [
        Pair(
            _name(runs[i], runs),
            _name(runs[j], runs),
            compare(runs[i], runs[j], measure=measure, aggregate=aggregate),
            float(chance),
        )
        for (i, j), chance in zip(couples, adjusted, strict=True)
    ]


def _section(runs: list[list[Predictions]], measure: str, aggregate: str) -> str:
    over_splits, heading = AGGREGATES[aggregate], MEASURES[measure][0]
    runs = sorted(runs, key=lambda tables: -over_splits(_values(tables, measure)))
    first = runs[0][0]
    splits = plural(len(runs[0]), "split")
    lines = [
        [_name(tables, runs), f"{over_splits(_values(tables, measure)):.3f}"] for tables in runs
    ]
    couples = [
        [pair.first, pair.second, show(pair.difference), _chance(pair.p)]
        for pair in pairs(runs, measure, aggregate)
    ]
    return "\n".join(
        [
            f"{first.database} ({first.score_name}), {first.protocol}, {splits}",
            "",
            markdown(["run", f"{aggregate} {heading}"], lines),
            markdown(["run", "less", f"difference in {heading}", "p"], couples),
            "Brackets: 95% paired bootstrap over the test images. p: paired t test over random "
            "splits, corrected for their overlap (Nadeau and Bengio 2003), adjusted for all pairs "
            "(Holm).",
            "",
        ]
    )


def _values(tables: Sequence[Predictions], measure: str) -> np.ndarray:
    return np.array([MEASURES[measure][1](t.prediction, t.score) for t in tables])


def _ratio(protocol: str) -> float:
    """Test images over training images, from the label of a random protocol; else nan."""
    shares = re.match(r"random-([\d.]+)-([\d.]+)-", protocol)
    return float(shares[2]) / float(shares[1]) if shares else np.nan


def _name(tables: list[Predictions], runs: Sequence[list[Predictions]]) -> str:
    """The run, with its config's hash where others have the same name."""
    first = tables[0]
    alone = sum(other[0].run == first.run for other in runs) == 1
    return first.run if alone else f"{first.run} ({first.config_hash})"


def _chance(p: float) -> str:
    return "—" if np.isnan(p) else f"{p:.3f}"
