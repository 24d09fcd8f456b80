"""Records of runs and of their differences."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from jiqa.errors import InputError
from jiqa.results.predictions import SCORE_NAMES, Predictions
from jiqa.results.summary import AGGREGATES, CRITERIA, Figure

# Criteria that every run has.
REQUIRED = ("srocc", "plcc", "plcc_logistic", "krcc", "rmse")


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value and its 95% bootstrap interval; null where unknown or not finite."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def figure(self) -> Figure:
        """The same with nan for null."""
        return Figure(*(np.nan if x is None else x for x in dataclasses.astuple(self)))


@dataclasses.dataclass(frozen=True)
class Span:
    """Lowest and highest value over the splits."""

    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Predicted:
    """Test images of a split by id, their scores and predictions, to 6 significant digits."""

    id: tuple[str, ...]
    score: tuple[float, ...]
    prediction: tuple[float, ...]

    def __post_init__(self) -> None:
        counts = [len(self.id), len(self.score), len(self.prediction)]
        if len(set(counts)) > 1:
            raise InputError(f"score: found {counts} ids, scores, predictions, expected as many")


@dataclasses.dataclass(frozen=True)
class SplitRecord:
    """One split of a run.

    Attributes:
        name: of the split.
        seed: of its training.
        test_images: how many.
        figures: criterion (a key of CRITERIA) -> figure.
        steps: updates of all stages; null where nothing was trained by gradient, or unknown.
        selected_step: of the last stage.
        seconds: of the training.
        images_seen: updates times images a batch, of all stages.
        twins: test images with a near twin in the training part; null where not counted.
        without_twins: criterion -> value without these images.
        predictions: null where only the figures are known.
    """

    name: str
    seed: int
    test_images: int
    figures: dict[str, Interval] = dataclasses.field(default_factory=dict)
    steps: int | None = None
    selected_step: int | None = None
    seconds: float | None = None
    images_seen: int | None = None
    twins: int | None = None
    without_twins: dict[str, float] = dataclasses.field(default_factory=dict)
    predictions: Predicted | None = None

    def __post_init__(self) -> None:
        _known("figures", self.figures, CRITERIA)
        _known("without_twins", self.without_twins, CRITERIA)
        if self.predictions and len(self.predictions.id) != self.test_images:
            found = len(self.predictions.id)
            raise InputError(f"predictions: found {found}, expected {self.test_images}")


@dataclasses.dataclass(frozen=True)
class RunKey:
    """Names one run and its test among all."""

    run: str
    database: str
    score_name: str
    protocol: str
    command: str
    machine: str


@dataclasses.dataclass(frozen=True)
class RunRecord(RunKey):
    """A finished run on one database under one protocol.

    Attributes:
        aggregate: of the splits, a key of AGGREGATES.
        splits: at least one.
        total: criterion -> figure aggregated over the splits.
        seconds: of the training of one split.
        epochs: over the scored images; null where unknown or counted in updates.
        config_hash: of the config.
        version: of jiqa that trained it.
        date: of the latest predictions, YYYY-MM-DD.
        source: 'run' with predictions; else where the figures were taken from.
    """

    kind: ClassVar[str] = "run"

    aggregate: str
    splits: tuple[SplitRecord, ...]
    total: dict[str, Interval]
    seconds: Span
    epochs: float | None = None
    config_hash: str | None = None
    version: str | None = None
    date: str | None = None
    source: str = "run"

    def __post_init__(self) -> None:
        _known("score_name", [self.score_name], SCORE_NAMES)
        _known("aggregate", [self.aggregate], AGGREGATES)
        _known("total", self.total, CRITERIA)
        if not self.splits:
            raise InputError("splits: found none, expected at least one")
        for name in REQUIRED:
            if name not in self.total:
                raise InputError(f"total: found no {name}, expected {', '.join(REQUIRED)}")

    @property
    def names(self) -> RunKey:
        """The part that names the run and its test."""
        return RunKey(**{f.name: getattr(self, f.name) for f in dataclasses.fields(RunKey)})

    @property
    def key(self) -> tuple[object, ...]:
        """The key stays the same when a run is repeated."""
        return self.kind, self.names

    def tables(self) -> list[Predictions]:
        """Predictions of every split; empty where they are not recorded.

        The record has ids alone: contents are the ids, types of distortion '', levels 0.
        """
        found = [(split, split.predictions) for split in self.splits if split.predictions]
        if len(found) < len(self.splits):
            return []
        return [
            Predictions(
                run=self.run,
                config_hash=self.config_hash or "",
                database=self.database,
                protocol=self.protocol,
                split=split.name,
                score_name=self.score_name,
                id=np.array(kept.id),
                content_id=np.array(kept.id),
                distortion=np.full(len(kept.id), ""),
                level=np.zeros(len(kept.id), int),
                score=np.array(kept.score),
                prediction=np.array(kept.prediction),
            )
            for split, kept in found
        ]


@dataclasses.dataclass(frozen=True)
class DifferenceRecord:
    """How far the first of two runs is above the second; of runs without recorded predictions."""

    kind: ClassVar[str] = "difference"

    first: RunKey
    second: RunKey
    value: float
    low: float
    high: float
    criterion: str = "srocc"
    source: str = "run"

    def __post_init__(self) -> None:
        _known("criterion", [self.criterion], CRITERIA)

    @property
    def key(self) -> tuple[object, ...]:
        """The key stays the same when a comparison is repeated."""
        return self.kind, self.first, self.second, self.criterion


def _known(field: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise InputError(f"{field}: found {name!r}, expected one of {', '.join(known)}")
