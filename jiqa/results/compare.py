"""Compares runs that were tested on the same images, with intervals and significance tests."""

import dataclasses
import itertools
import os
import re
from collections.abc import Sequence

import numpy as np

from jiqa.errors import InputError
from jiqa.results import significance
from jiqa.results.predictions import Predictions, read_predictions
from jiqa.results.summary import (
    AGGREGATES,
    CRITERIA,
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
    """Comparison of two runs.

    Attributes:
        first, second: names of the runs.
        difference: figure of the first run minus that of the second, with the paired bootstrap
            interval over the images.
        p: of the corrected paired t test over the splits, adjusted for all pairs; NaN for a single
            split and for splits that are not random.
    """

    first: str
    second: str
    difference: Figure
    p: float


def report(workdir: str | os.PathLike, criterion: str = "srocc", aggregate: str = "median") -> str:
    """Markdown tables of runs and of pairs of runs, for every database and protocol.

    Args:
        workdir: folder of runs, at any depth.
        criterion: a key of `CRITERIA`.
        aggregate: a key of `AGGREGATES`, over the splits.

    Raises:
        InputError: the criterion or aggregate is unknown, or no two runs have the same test images.
    """
    for name, value, known in (
        ("criterion", criterion, CRITERIA),
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
    return "\n".join(_section(group, criterion, aggregate) for group in groups)


def pairs(runs: Sequence[list[Predictions]], criterion: str, aggregate: str) -> list[Pair]:
    """Comparisons of all pairs of runs on the same splits; `criterion` is a key of `CRITERIA`."""
    values = [_values(tables, criterion) for tables in runs]
    couples = list(itertools.combinations(range(len(runs)), 2))
    ratio = _ratio(runs[0][0].protocol)
    p = [significance.corrected_t(values[i] - values[j], ratio)[1] for i, j in couples]
    known = np.isfinite(p)
    adjusted = np.full(len(p), np.nan)
    adjusted[known] = significance.holm(np.asarray(p)[known])
    return [
        Pair(
            _name(runs[i], runs),
            _name(runs[j], runs),
            compare(runs[i], runs[j], criterion=criterion, aggregate=aggregate),
            float(chance),
        )
        for (i, j), chance in zip(couples, adjusted, strict=True)
    ]


def _section(runs: list[list[Predictions]], criterion: str, aggregate: str) -> str:
    over_splits, heading = AGGREGATES[aggregate], CRITERIA[criterion][0]
    runs = sorted(runs, key=lambda tables: -over_splits(_values(tables, criterion)))
    first = runs[0][0]
    splits = plural(len(runs[0]), "split")
    lines = [
        [_name(tables, runs), f"{over_splits(_values(tables, criterion)):.3f}"] for tables in runs
    ]
    couples = [
        [pair.first, pair.second, show(pair.difference), _chance(pair.p)]
        for pair in pairs(runs, criterion, aggregate)
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


def _values(tables: Sequence[Predictions], criterion: str) -> np.ndarray:
    return np.array([CRITERIA[criterion][1](t.prediction, t.score) for t in tables])


def _ratio(protocol: str) -> float:
    """Ratio of test to training images, from the label of a random protocol; else NaN."""
    shares = re.match(r"random-([\d.]+)-([\d.]+)-", protocol)
    return float(shares[2]) / float(shares[1]) if shares else np.nan


def _name(tables: list[Predictions], runs: Sequence[list[Predictions]]) -> str:
    """Name of the run, with the hash of its config where another run has the same name."""
    first = tables[0]
    alone = sum(other[0].run == first.run for other in runs) == 1
    return first.run if alone else f"{first.run} ({first.config_hash})"


def _chance(p: float) -> str:
    return "—" if np.isnan(p) else f"{p:.3f}"
